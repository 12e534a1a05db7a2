/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sallyport.yaml(5) but for its `issuers`, which identity reads: the settings of control, the recorder and sallyportd.
 * Read as strictly as policy: unknown and repeated keys and wrong types are errors with file, line and column.
 */
#ifndef SALLYPORT_POLICY_SETTINGS_H
#define SALLYPORT_POLICY_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/err.h"

#define SP_SETTINGS_PATH 1024 /* bytes of a path, with the NUL */
#define SP_SETTINGS_WHY 512   /* bytes enough for any reason */
#define SP_SETTINGS_NAME 32   /* bytes of the name of a store or sink, with the NUL */
#define SP_SETTINGS_SINKS 8   /* sinks named */

struct sp_diags;
struct sp_yaml_node;

/* What a section does not say is as it was before reading. */
struct sp_settings {
	/* recorder */
	bool has_audit;		/* the kernel's audit system must take what is said to it */
	uint64_t reserve;	/* bytes kept free on the disk */
	uint32_t checkpoint;	/* seconds between two signed checkpoints of the host chain */
	char sinks[SP_SETTINGS_SINKS][SP_SETTINGS_NAME]; /* besides the kernel's audit system; the first empty one ends them */
	const char *const *known_sinks; /* NULL-ended, set by the reader that has the table; NULL: any name will do */
	/* control */
	char policy_dir[SP_SETTINGS_PATH];
	char database[SP_SETTINGS_PATH]; /* a path, or one after the name of a store and a colon */
	const char *const *known_stores; /* as known_sinks */
	/* sessions */
	uint32_t sessions_max;	/* at a time, of everybody */
	uint32_t per_person;	/* at a time */
	uint32_t starts;	/* of one login within starts_within seconds */
	uint32_t starts_within;
};

/*
 * The mapping at the top of the file (NULL: no file). Every key there is checked, and the values of all
 * sections but issuers. FORMAT: diags say why.
 */
int sp_settings_read(const struct sp_yaml_node *root, struct sp_diags *diags, struct sp_settings *s) SP_MUST_CHECK;
/*
 * The same from n bytes of text; name stands for the file. why (cap bytes) is the first error as "file:line:column:
 * text". FORMAT, LIMIT, NOMEM.
 */
int sp_settings_parse(const char *name, const char *text, size_t n, char *why, size_t cap,
    struct sp_settings *s) SP_MUST_CHECK;

#endif
