/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A policy in memory: what the compiler builds from YAML, image_write.c turns
 * into bytes, and image.c builds again from bytes. Used only within policy/.
 */
#ifndef SALLYPORT_POLICY_MODEL_H
#define SALLYPORT_POLICY_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/buf.h"
#include "policy/image.h"
#include "policy/zone.h"

#define SP_MODEL_FORMAT 11
#define SP_MODEL_MAGIC "SPPOLICY"
#define SP_MODEL_HEADER 24 /* bytes: magic, format, version, length */

enum sp_model_test {
	SP_MODEL_EVERYONE = 1,
	SP_MODEL_GROUP, /* value: its name */
	SP_MODEL_HAS,	/* claim, value */
	SP_MODEL_IS,	/* claim, value */
	SP_MODEL_LIKE,	/* claim, pattern */
	SP_MODEL_ANY,
	SP_MODEL_ALL,
	SP_MODEL_NOT	/* one child */
};
struct sp_model_predicate {
	enum sp_model_test test;
	const char *claim;
	const char *value;
	size_t n;
	struct sp_model_predicate *children;
};
struct sp_model_group {
	const char *name;
	struct sp_model_predicate who;
};
struct sp_model_network {
	uint8_t is_v6;
	uint8_t prefix; /* bits */
	uint8_t address[16];
};
struct sp_model_strings {
	size_t n;
	const char **s;
};

#define SP_MODEL_DO_ANY 1u     /* no `do`: everything */
#define SP_MODEL_DO_CONNECT 2u /* reaching the connection at all */
#define SP_MODEL_DO_UNRESOLVED 4u /* command lines that cannot be resolved */
#define SP_MODEL_DO_INTERACTIVE 8u /* an interactive shell */
#define SP_MODEL_DO_MAX (SP_MODEL_DO_ANY | SP_MODEL_DO_CONNECT | SP_MODEL_DO_UNRESOLVED | SP_MODEL_DO_INTERACTIVE)

struct sp_policy_rule {
	const char *name;
	enum sp_policy_effect effect;
	const char *message;
	struct sp_model_predicate who;
	struct sp_model_strings on;	/* names of connections; none and no labels: all */
	size_t non_labels;
	struct sp_policy_pair *on_labels; /* all must hold */
	uint32_t does;			/* SP_MODEL_DO_* */
	uint64_t words;			/* SP_SQL_BIT of each word of `sql` */
	struct sp_model_strings tables, functions, settings, commands;
	struct sp_model_strings argv, reads, writes, as, in;
	uint32_t files;		/* SP_FILE_BIT of each word of `file` */
	struct sp_model_strings paths;
	struct sp_model_strings secrets;
	struct sp_model_strings networks; /* policy/network.h */
	struct sp_policy_terms terms;
	struct sp_model_strings record_reads, record_writes; /* policy/recordfile.h */
	uint8_t has_when;
	uint8_t days;		/* bit 0 is Monday */
	uint16_t begins, ends;	/* minutes of the day; begins > ends: over midnight; equal: all day */
	int16_t offset;		/* minutes east of UTC, where there are no changes */
	size_t nchanges;
	struct sp_zone_change *changes; /* of that offset, in order */
	size_t nfrom;
	struct sp_model_network *from;
	uint8_t has_approve, has_mask, has_scan;
	struct sp_policy_approve approve;
	struct sp_policy_mask mask;
	struct sp_policy_scan scan;
};

/* Memory of a model: freed as a whole. */
struct sp_model_block;
struct sp_policy_image {
	struct sp_model_block *blocks;
	uint64_t version;
	size_t ngroups, nconnections, nrules;
	struct sp_model_group *groups;
	struct sp_policy_connection *connections;
	struct sp_policy_rule *rules;
};

/* Zeroed memory for n items of size bytes that lives as long as the model. NULL if out of memory. n 0 is fine. */
void *sp_model_alloc(struct sp_policy_image *m, size_t n, size_t size) SP_MUST_CHECK;
char *sp_model_string(struct sp_policy_image *m, const char *s) SP_MUST_CHECK;
void sp_model_clear(struct sp_policy_image *m);

/* Appends the image of m to out. LIMIT, NOMEM. */
int sp_model_write(const struct sp_policy_image *m, struct sp_buf *out) SP_MUST_CHECK;
bool sp_model_matches(const struct sp_policy_image *m, const struct sp_model_predicate *p,
    const struct sp_policy_subject *s);

/* Glob: * is any run of characters, ? any one; everything else is itself. */
bool sp_model_glob(const char *pattern, const char *s);

#endif
