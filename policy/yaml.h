/* SPDX-License-Identifier: Apache-2.0 */
/*
 * YAML with positions and strict readers, for every file people write: unknown
 * keys, duplicate keys and wrong types become diagnostics with file, line and
 * column. One document a file; no aliases, no anchors, no tags, no merge keys.
 *
 *	struct sp_yaml_node *root, *n;
 *	sp_yaml_parse("sallyport.yaml", text, len, diags, &doc);
 *	root = sp_yaml_root(doc);
 *	sp_yaml_check_keys(root, (const char *const[]){"version", "issuers", NULL}, diags);
 *	n = sp_yaml_get(root, "version");
 *	sp_yaml_int(n, 1, 1, diags, &version);
 */
#ifndef SALLYPORT_POLICY_YAML_H
#define SALLYPORT_POLICY_YAML_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/err.h"
#include "policy/diag.h"
#include "policy/limits.h"

struct sp_yaml;
struct sp_yaml_node;

enum sp_yaml_type {
	SP_YAML_SCALAR = 1,
	SP_YAML_SEQUENCE,
	SP_YAML_MAPPING,
	SP_YAML_NULL /* nothing written, or ~ or null unquoted */
};

/* FORMAT: diags say why. LIMIT (also a diagnostic), NOMEM. An empty document is a NULL node. name is copied. */
int sp_yaml_parse(const char *name, const char *text, size_t len, struct sp_diags *diags,
    struct sp_yaml **ret_yaml) SP_MUST_CHECK;
void sp_yaml_free(struct sp_yaml *y);
const struct sp_yaml_node *sp_yaml_root(const struct sp_yaml *y);

enum sp_yaml_type sp_yaml_type(const struct sp_yaml_node *n);
const char *sp_yaml_file(const struct sp_yaml_node *n);
unsigned int sp_yaml_line(const struct sp_yaml_node *n);
unsigned int sp_yaml_column(const struct sp_yaml_node *n);
/* Adds a diagnostic at the node. */
void sp_yaml_error(const struct sp_yaml_node *n, struct sp_diags *diags, const char *suggestion, const char *fmt,
    ...) SP_PRINTF(4, 5);

/* Items of a sequence, or pairs of a mapping; 0 for others (and for NULL). */
size_t sp_yaml_count(const struct sp_yaml_node *n);
const struct sp_yaml_node *sp_yaml_item(const struct sp_yaml_node *n, size_t i); /* a sequence's item or a pair's value */
const char *sp_yaml_key(const struct sp_yaml_node *n, size_t i);		   /* a pair's key */
const struct sp_yaml_node *sp_yaml_key_node(const struct sp_yaml_node *n, size_t i);
/* The value of a key; NULL if n is NULL, not a mapping, or has no such key. */
const struct sp_yaml_node *sp_yaml_get(const struct sp_yaml_node *n, const char *key);
/* The text of a scalar, NULL for others. */
const char *sp_yaml_text(const struct sp_yaml_node *n);

/* Each returns 0, or FORMAT after adding a diagnostic. n must not be NULL. */
int sp_yaml_need(const struct sp_yaml_node *n, enum sp_yaml_type type, struct sp_diags *diags) SP_MUST_CHECK;
/* A mapping with no other keys than these (NULL-ended); suggests the nearest one. */
int sp_yaml_check_keys(const struct sp_yaml_node *n, const char *const *keys, struct sp_diags *diags) SP_MUST_CHECK;
/* A scalar of 1 to max bytes; *ret_s is valid as long as the document. */
int sp_yaml_string(const struct sp_yaml_node *n, size_t max, struct sp_diags *diags, const char **ret_s) SP_MUST_CHECK;
/* A plain (unquoted) decimal integer within bounds. */
int sp_yaml_int(const struct sp_yaml_node *n, int64_t min, int64_t max, struct sp_diags *diags,
    int64_t *ret_v) SP_MUST_CHECK;
/* Plain true or false (nothing else: yes, on and 1 are errors). */
int sp_yaml_bool(const struct sp_yaml_node *n, struct sp_diags *diags, bool *ret_v) SP_MUST_CHECK;
/* A whole number with a unit: 30s, 15m, 12h, 7d; in seconds, within bounds. */
int sp_yaml_duration(const struct sp_yaml_node *n, uint32_t min, uint32_t max, struct sp_diags *diags,
    uint32_t *ret_seconds) SP_MUST_CHECK;
/* One of words (NULL-ended): *ret_i is its index. Suggests the nearest one. */
int sp_yaml_enum(const struct sp_yaml_node *n, const char *const *words, struct sp_diags *diags,
    size_t *ret_i) SP_MUST_CHECK;

#endif
