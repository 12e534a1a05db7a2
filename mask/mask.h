/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Finding and masking sensitive values in the answers of targets. Pure: bytes
 * in, bytes out. man/sallyport-mask.5 says what each detector matches.
 *
 * A set is built once per list of matching rules (new, add..., seal) and used
 * for many values; it holds the scratch memory of a scan, so a set belongs to
 * one thread. Building it without regexes costs a few microseconds and some
 * kilobytes; with regexes, milliseconds: keep it while the policy version and
 * the list of rules are the same.
 *
 * How a row proxy uses it (the fast way):
 *	collect the DataRow messages of up to SP_MASK_BATCH_MAX bytes as they are;
 *	for each text cell that detection applies to, note {offset, length} in
 *	an array, in rising order; leave out SQL NULLs, columns under a column
 *	rule and cells whose binary format is not their text (text, varchar,
 *	json and xml have the same bytes in both formats; jsonb has one version
 *	byte first: start the cell behind it);
 *	call sp_mask_cells() once: usually no changes come back and the whole
 *	batch is passed on untouched; otherwise copy up to each changed cell,
 *	write its new length and bytes, and adjust that row's message length.
 * A cell in a binary format of a number, date or array cannot be scanned: ask
 * the server for text format, or apply sp_mask_column() to be safe.
 */
#ifndef SALLYPORT_MASK_MASK_H
#define SALLYPORT_MASK_MASK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/buf.h"
#include "lib/err.h"

struct sp_mask_set;
struct sp_mask_stream;

#define SP_MASK_REGEXES_MAX 32	 /* custom regexes in a set */
#define SP_MASK_PATTERN_MAX 1024 /* bytes of one custom pattern */
#define SP_MASK_NAME_MAX 32	 /* bytes of a custom regex's name: [a-z][a-z0-9_]* */
#define SP_MASK_KEY_MIN 16	 /* bytes of the hash key */
#define SP_MASK_KEY_MAX 64
#define SP_MASK_VALUE_MAX ((size_t)1 << 30)   /* bytes of one value (PostgreSQL's own limit of a field) */
#define SP_MASK_BATCH_MAX ((size_t)1 << 20)   /* bytes of one buffer given to sp_mask_cells() */
#define SP_MASK_BLOCK_MAX ((size_t)64 * 1024) /* longest private-key block; also the most a stream holds back */
#define SP_MASK_KINDS_MAX 64		      /* kinds a set can count: built-in detectors, then regexes */

/* Rising strictness. Where rules differ on the same bytes the stricter one is used. */
enum sp_mask_transform {
	SP_MASK_PARTIAL =
	    1,		/* keeps a part that helps a person: last digits, mail domain, network; nothing of a secret */
	SP_MASK_HASH,	/* [kind:16 hex]: keyed HMAC-SHA-256, truncated; equal values stay equal under one key */
	SP_MASK_REDACT, /* [masked:kind] */
	SP_MASK_NULL	/* the whole value becomes NULL */
};

enum sp_mask_outcome {
	SP_MASK_SAME = 0, /* nothing found: use the input; nothing was put */
	SP_MASK_CHANGED,  /* the replacement was put */
	SP_MASK_NULLED	  /* the value must become NULL; nothing was put */
};

/* What a column holds, for sp_mask_column(). */
enum sp_mask_type {
	SP_MASK_TYPE_TEXT,  /* text, varchar, bpchar, name, xml, citext, enums excluded */
	SP_MASK_TYPE_BYTES, /* bytea in its text form (\x...) */
	SP_MASK_TYPE_JSON,  /* json, jsonb in text form */
	SP_MASK_TYPE_UUID,  /* uuid in text form */
	SP_MASK_TYPE_OTHER  /* numbers, dates, booleans, arrays, enums, ranges, any binary format: only NULL is safe */
};

/* How many values of each kind were masked; index = kind, name by sp_mask_kind_name(). Zero it first. */
struct sp_mask_counts {
	uint64_t n[SP_MASK_KINDS_MAX];
};

/* --- names, for the policy compiler -------------------------------------------------------------- */
/* "partial", "hash", "redact", "null". NOT_FOUND. */
int sp_mask_transform_parse(const char *name, enum sp_mask_transform *ret_t) SP_MUST_CHECK;
/* The i-th detector or group name ("secret"), NULL past the last: for messages and checks. */
const char *sp_mask_detector_name(size_t i);
bool sp_mask_is_detector(const char *name);
/*
 * Whether a custom regex (PCRE2 syntax, UTF-8) would be accepted. FORMAT, LIMIT or INVALID (matches the
 * empty string) with one line in why, which may be NULL.
 */
int sp_mask_regex_check(const char *pattern, char *why, size_t why_size) SP_MUST_CHECK;

/* --- building ------------------------------------------------------------------------------------ */
int sp_mask_set_new(struct sp_mask_set **ret_set) SP_MUST_CHECK; /* NOMEM */
void sp_mask_set_free(struct sp_mask_set *set);			 /* NULL is fine; wipes */
/* Adds a detector or group. Added twice, the stricter transform stays. NOT_FOUND; INVALID after seal. */
int sp_mask_set_add(struct sp_mask_set *set, const char *detector, enum sp_mask_transform t) SP_MUST_CHECK;
/* Adds a custom regex. Same name and pattern twice: as above; same name, other pattern: EXISTS. FORMAT, LIMIT, NOMEM.
 */
int sp_mask_set_add_regex(struct sp_mask_set *set, const char *name, const char *pattern, enum sp_mask_transform t,
    char *why, size_t why_size) SP_MUST_CHECK;
/* Key of the hash transform, copied. LIMIT if not SP_MASK_KEY_MIN..MAX bytes. */
int sp_mask_set_key(struct sp_mask_set *set, const void *key, size_t n) SP_MUST_CHECK;
/* Makes the set ready. INVALID if something hashes and there is no key; NOMEM, FORMAT, CRYPTO. */
int sp_mask_set_seal(struct sp_mask_set *set) SP_MUST_CHECK;
bool sp_mask_set_is_empty(const struct sp_mask_set *set); /* no detector, no regex: scans are SAME */
/* Name of a kind of this set, NULL if there is none. */
const char *sp_mask_kind_name(const struct sp_mask_set *set, size_t kind);
bool sp_mask_counts_any(const struct sp_mask_counts *c); /* whether any is not 0 */
/* Puts {"email":3,"us_ssn":1} (only what is not 0). Errors as sp_buf_put(). */
int sp_mask_counts_json(const struct sp_mask_set *set, const struct sp_mask_counts *c, struct sp_buf *out);

/* --- one value ----------------------------------------------------------------------------------- */
/*
 * Scans a whole value (its start and end count as word boundaries). may_null: what the null transform
 * finds makes the whole value NULLED; otherwise the whole value becomes "[masked:kind]". counts may be
 * NULL. Errors (LIMIT, NOMEM, CRYPTO, errors of out): show nothing of the value.
 */
int sp_mask_scan(struct sp_mask_set *set, const void *p, size_t n, bool may_null, struct sp_buf *out,
    struct sp_mask_counts *counts, enum sp_mask_outcome *ret_outcome) SP_MUST_CHECK;

/* --- many cells in one pass ---------------------------------------------------------------------- */
struct sp_mask_cell {
	uint32_t off, len; /* bytes of the buffer */
};
struct sp_mask_change {
	uint32_t cell;	 /* index into the cells */
	bool is_null;	 /* NULLED: off and len are 0 */
	size_t off, len; /* of the replacement, counted from the end that out had at the call */
};
/*
 * Scans cells in one pass over buf. Cells rise, do not overlap, and at least one byte that is no ASCII
 * letter, digit, '/' or '+' lies between two of them (a DataRow's length field starts with 0: fine).
 * Bytes outside cells are never matched. *ret_changes (in cell order, owned by the set) is valid until
 * its next call. INVALID if the cells break these rules; else as sp_mask_scan().
 */
int sp_mask_cells(struct sp_mask_set *set, const void *buf, size_t n, const struct sp_mask_cell *cells, size_t ncells,
    bool may_null, struct sp_buf *out, struct sp_mask_counts *counts, const struct sp_mask_change **ret_changes,
    size_t *ret_nchanges) SP_MUST_CHECK;

/* --- a whole column ------------------------------------------------------------------------------ */
/*
 * Masks a value whatever it holds (column rules), so that it stays valid text of its type:
 *	TEXT   partial: mail address keeps its domain, otherwise the last 4 of at least 8 characters;
 *	       hash: [masked:16 hex]; redact: [masked]; null: NULLED
 *	BYTES  partial, redact: \x (empty); hash: \x and 16 hex digits; null: NULLED
 *	JSON   as redact or hash of TEXT, as a JSON string; null: NULLED (not JSON's null)
 *	UUID   partial, redact: the nil UUID; hash: a version 8 UUID; null: NULLED
 *	OTHER  always NULLED
 * Never SAME. The set gives the key; INVALID for hash without one. Errors as sp_mask_scan().
 */
int sp_mask_column(struct sp_mask_set *set, enum sp_mask_transform t, enum sp_mask_type type, const void *p, size_t n,
    struct sp_buf *out, enum sp_mask_outcome *ret_outcome) SP_MUST_CHECK;

/* --- streams: COPY data, notices in pieces, terminal output --------------------------------------- */
/*
 * The concatenated output of feeds and finish is the same however the input is cut, and the same as
 * sp_mask_scan() of the whole with may_null false, except that the null transform acts as redact. What is
 * put ends at a UTF-8 character's end when the input is UTF-8. Bytes that could still become part of a
 * match are held back: usually less than a field, at most a private-key block (SP_MASK_BLOCK_MAX and 1 KiB); a
 * custom regex whose match is still undecided then has all of it redacted.
 */
int sp_mask_stream_new(struct sp_mask_set *set, struct sp_mask_stream **ret_st) SP_MUST_CHECK; /* the set outlives it */
void sp_mask_stream_free(struct sp_mask_stream *st); /* NULL is fine; wipes what is held */
/* Takes all of p. After an error the stream refuses everything. */
int sp_mask_stream_feed(struct sp_mask_stream *st, const void *p, size_t n, struct sp_buf *out,
    struct sp_mask_counts *counts) SP_MUST_CHECK;
/*
 * Puts what is held, masked as if the text ended here, because somebody waits for it. If what comes later makes it the
 * beginning of a match, the rest of that match is redacted.
 */
int sp_mask_stream_flush(struct sp_mask_stream *st, struct sp_buf *out, struct sp_mask_counts *counts) SP_MUST_CHECK;
/* The text ends here: puts what was held; the stream can be used for a new text. */
int sp_mask_stream_finish(struct sp_mask_stream *st, struct sp_buf *out, struct sp_mask_counts *counts) SP_MUST_CHECK;
size_t sp_mask_stream_held(const struct sp_mask_stream *st); /* bytes */

#endif
