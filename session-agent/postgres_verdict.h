/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Policy's answer for a PostgreSQL message, with what the answers to it must
 * hide. A mask object is built once per list of matching mask rules of one
 * policy, and with column rules knows where the masked columns are
 * (postgres_catalog.h).
 */
#ifndef SALLYPORT_SESSION_AGENT_POSTGRES_VERDICT_H
#define SALLYPORT_SESSION_AGENT_POSTGRES_VERDICT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/err.h"
#include "mask/mask.h"
#include "policy/decide.h"
#include "policy/sql.h"
#include "session-agent/postgres_names.h"

struct sp_postgres_catalog;
struct sp_postgres_conn;
struct sp_postgres_proxy;

#define SP_POSTGRES_BEHIND_MAX 32 /* texts behind the names of prepared statements and cursors in one message */
#define SP_POSTGRES_PATTERNS_MAX 1024 /* column patterns of one mask object */

/* One column pattern: up to three globs, "" for a part that is not given. */
struct sp_postgres_pattern {
	char *schema, *table, *column; /* schema and table may be NULL: any */
	enum sp_mask_transform transform;
};

struct sp_postgres_masks {
	unsigned refs;
	uint64_t generation; /* of the proxy's policy scope it was made under */
	size_t n_rules;
	const struct sp_policy_mask *rules[SP_DECIDE_MASKS_MAX]; /* the key; compared, never read later */
	struct sp_mask_set *set;
	bool has_detectors;
	size_t n_patterns;
	struct sp_postgres_pattern *patterns;
	struct sp_postgres_catalog *catalog; /* NULL until loaded; then the newest load */
};
void sp_postgres_masks_unref(struct sp_postgres_masks *m); /* NULL is fine */
/* Whether column rules name this column, and the strictest transform that does. */
bool sp_postgres_masks_column(const struct sp_postgres_masks *m, const char *schema, const char *table,
    const char *column, enum sp_mask_transform *ret_t);

struct sp_postgres_verdict {
	unsigned n;
	struct sp_sql *sql[SP_POSTGRES_CANDIDATES_MAX]; /* references, of each text */
	unsigned n_behind;
	struct sp_postgres_text *behind[SP_POSTGRES_BEHIND_MAX]; /* references: what EXECUTE and FETCH in them run */
	struct sp_decision decision;			/* the strictest */
	struct sp_postgres_masks *masks;		/* a reference; NULL: none */
	bool is_matched;	/* a rule with a mask matched; false: masks only names columns of other rules */
	bool is_tainted;	/* reads what has masked columns, or may; only known with needs_catalog false */
	bool is_altered;	/* the catalogs may not say what tables and views are to this statement */
	bool needs_catalog;	/* column rules apply and nobody has looked yet where the columns are */
	const char *why_refused; /* static text; set where masking makes a statement impossible */
};

/*
 * Decides on what texts (what one message may stand for) do. Whatever goes wrong is a deny in the verdict.
 * sp_postgres_verdict_clear() must follow.
 */
void sp_postgres_judge(struct sp_postgres_conn *c, struct sp_postgres_text *const *texts, unsigned n,
    struct sp_postgres_verdict *ret_v);
/*
 * A new reference to the masks of every rule that can concern this person here, NULL with 0 for none: for errors,
 * notices and notifications that belong to no statement's rows. UNAVAILABLE without a policy, NOMEM, LIMIT.
 */
int sp_postgres_scope_masks(struct sp_postgres_proxy *px, struct sp_postgres_masks **ret_m) SP_MUST_CHECK;
/* Whether a statement may give a name that is there to another table or view, or tables to others' rows. */
bool sp_postgres_alters(const struct sp_sql_stmt *st);
void sp_postgres_verdict_clear(struct sp_postgres_verdict *v);

#endif
