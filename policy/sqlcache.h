/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Parsed statements by their text, bounded, least recently used out first.
 *
 * The key is the exact text, except that a run of 1 to 9 decimal digits becomes
 * one digit when the text contains none of ' " $ \ ` and no comment opener
 * (-- or slash-star), is all ASCII, and the run touches no letter, underscore
 * or other digit. Such a text has no quoting of any kind, so each such run is
 * exactly an integer literal or part of a decimal one; two texts with one key
 * differ only in the values of numbers, on which facts never depend
 * (policy/sql.h). A hit compares the whole key, never only its hash.
 */
#ifndef SALLYPORT_POLICY_SQLCACHE_H
#define SALLYPORT_POLICY_SQLCACHE_H

#include <stddef.h>
#include <stdint.h>

#include "lib/err.h"

struct sp_sql;
struct sp_sqlcache;

#define SP_SQLCACHE_ENTRIES 512		    /* default maximum of statements kept */
#define SP_SQLCACHE_BYTES (2 * 1024 * 1024) /* default maximum of their memory */
#define SP_SQLCACHE_TEXT_MAX 16384	    /* longer texts are parsed each time and not kept */

/* entries and bytes: 0 for the defaults. NULL if out of memory. */
struct sp_sqlcache *sp_sqlcache_new(size_t entries, size_t bytes) SP_MUST_CHECK;
void sp_sqlcache_free(struct sp_sqlcache *c);
/* The facts of text, parsed now or before; the caller owns the reference (sp_sql_unref). NOMEM. */
int sp_sqlcache_get(struct sp_sqlcache *c, const char *text, size_t len, struct sp_sql **ret_sql) SP_MUST_CHECK;
/* Answers from the cache, and parses, so far. */
void sp_sqlcache_stats(const struct sp_sqlcache *c, uint64_t *ret_hits, uint64_t *ret_misses);
/* Writes the key of text to out, which has room for len bytes; returns its length. For tests. */
size_t sp_sqlcache_key(const char *text, size_t len, char *out);

#endif
