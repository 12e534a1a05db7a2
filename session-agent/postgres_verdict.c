/* SPDX-License-Identifier: Apache-2.0 */
#include "session-agent/postgres_verdict.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "session-agent/postgres_catalog.h"
#include "session-agent/postgres_conn.h"
#include "session-agent/postgres_proxy.h"

#define SQL_NAME_MAX 60 /* NAMEDATALEN less its NUL and a character cut off */

/* Built-in functions that carry a value out of a statement by another way than its rows. */
static const char *const sinks[] = {"set_config", "pg_notify", "setval", "lo_from_bytea", "lo_put", "lowrite", "lo_import",
    "lo_export", "pg_logical_emit_message", "pg_advisory_lock", "pg_try_advisory_lock", "pg_advisory_xact_lock",
    "pg_try_advisory_xact_lock", "pg_advisory_lock_shared", "pg_try_advisory_lock_shared", "dblink", "dblink_exec",
    "pg_create_restore_point", "pg_replication_origin_create", "pg_create_logical_replication_slot"};

/* Built-in functions that show what others ran, or statistics of columns. */
static const char *const tellers[] = {"pg_stat_get_activity", "pg_stat_get_backend_activity", "pg_mcv_list_items"};

void
sp_postgres_masks_unref(struct sp_postgres_masks *m)
{
	size_t i;

	if (m == NULL || --m->refs != 0)
		return;
	sp_mask_set_free(m->set);
	for (i = 0; i < m->n_patterns; i++) {
		free(m->patterns[i].schema);
		free(m->patterns[i].table);
		free(m->patterns[i].column);
	}
	free(m->patterns);
	sp_postgres_catalog_unref(m->catalog);
	free(m);
}

/* '*' any run, '?' one character; letters match in either case, so that quoting a name differently hides nothing. */
static bool
glob(const char *p, const char *s)
{
	const char *star = NULL, *back = NULL;

	while (*s != '\0') {
		if (*p == '*') {
			star = p++;
			back = s;
		} else if (*p == '?' || tolower((uint8_t)*p) == tolower((uint8_t)*s)) {
			p++;
			s++;
		} else if (star != NULL) {
			p = star + 1;
			s = ++back;
		} else
			return false;
	}
	while (*p == '*')
		p++;
	return *p == '\0';
}

bool
sp_postgres_masks_column(const struct sp_postgres_masks *m, const char *schema, const char *table, const char *column,
    enum sp_mask_transform *ret_t)
{
	bool found = false;
	size_t i;

	for (i = 0; i < m->n_patterns; i++) {
		const struct sp_postgres_pattern *p = &m->patterns[i];

		if (!glob(p->column, column) || (p->table != NULL && !glob(p->table, table)) ||
		    (p->schema != NULL && !glob(p->schema, schema)))
			continue;
		if (!found || p->transform > *ret_t)
			*ret_t = p->transform;
		found = true;
	}
	return found;
}

static enum sp_mask_transform
transform_of(enum sp_policy_transform t)
{
	switch (t) {
	case SP_POLICY_MASK_PARTIAL:
		return SP_MASK_PARTIAL;
	case SP_POLICY_MASK_HASH:
		return SP_MASK_HASH;
	case SP_POLICY_MASK_NULL:
		return SP_MASK_NULL;
	case SP_POLICY_MASK_REDACT:
		break;
	}
	return SP_MASK_REDACT;
}

static int
pattern_add(struct sp_postgres_masks *m, const char *text, enum sp_mask_transform t)
{
	struct sp_postgres_pattern *p;
	const char *last = strrchr(text, '.'), *first = strchr(text, '.');

	if (m->n_patterns == SP_POSTGRES_PATTERNS_MAX)
		return SP_ERR_LIMIT;
	p = realloc(m->patterns, (m->n_patterns + 1) * sizeof(*p));
	if (p == NULL)
		return SP_ERR_NOMEM;
	m->patterns = p;
	p = &m->patterns[m->n_patterns++];
	memset(p, 0, sizeof(*p));
	p->transform = t;
	if (last == NULL)
		p->column = strdup(text);
	else {
		p->column = strdup(last + 1);
		if (first == last)
			p->table = strndup(text, (size_t)(last - text));
		else {
			p->schema = strndup(text, (size_t)(first - text));
			p->table = strndup(first + 1, (size_t)(last - first - 1));
		}
	}
	return p->column == NULL || (last != NULL && p->table == NULL) ? SP_ERR_NOMEM : 0;
}

static int
rule_add(struct sp_postgres_masks *m, const struct sp_policy_mask *rule)
{
	enum sp_mask_transform t = transform_of(rule->transform);
	size_t i;
	int r;

	for (i = 0; i < rule->ncolumns; i++)
		if ((r = pattern_add(m, rule->columns[i], t)) != 0)
			return r;
	for (i = 0; i < rule->ndetectors; i++)
		if ((r = sp_mask_set_add(m->set, rule->detectors[i], t)) != 0)
			return r;
	for (i = 0; i < rule->nregexes; i++)
		if ((r = sp_mask_set_add_regex(m->set, rule->regexes[i].name, rule->regexes[i].value, t, NULL, 0)) != 0)
			return r;
	return 0;
}

static int
masks_new(struct sp_postgres_proxy *px, const struct sp_policy_mask *const *rules, size_t n,
    struct sp_postgres_masks **ret_m)
{
	struct sp_postgres_masks *m = calloc(1, sizeof(*m));
	size_t i;
	int r;

	if (m == NULL)
		return SP_ERR_NOMEM;
	m->refs = 1;
	m->generation = px->generation;
	m->n_rules = n;
	memcpy(m->rules, rules, n * sizeof(rules[0]));
	if ((r = sp_mask_set_new(&m->set)) != 0)
		goto fail;
	for (i = 0; i < n; i++)
		if ((r = rule_add(m, rules[i])) != 0)
			goto fail;
	if ((r = sp_mask_set_key(m->set, px->mask_key, sizeof(px->mask_key))) != 0 || (r = sp_mask_set_seal(m->set)) != 0)
		goto fail;
	m->has_detectors = !sp_mask_set_is_empty(m->set);
	*ret_m = m;
	return 0;
fail:
	sp_postgres_masks_unref(m);
	return r;
}

/* The object for these rules, made now or before; a new reference. NULL with 0 when nothing is to be masked. */
static int
masks_get(struct sp_postgres_proxy *px, const struct sp_policy_mask *const *rules, size_t n,
    struct sp_postgres_masks **ret_m)
{
	struct sp_postgres_masks *m;
	unsigned i, slot = 0;
	int r;

	*ret_m = NULL;
	if (n == 0)
		return 0;
	for (i = 0; i < SP_POSTGRES_MASKS_MAX; i++) {
		m = px->masks[i];
		if (m == NULL)
			slot = i;
		else if (m->generation == px->generation && m->n_rules == n &&
		    memcmp(m->rules, rules, n * sizeof(rules[0])) == 0) {
			m->refs++;
			*ret_m = m;
			return 0;
		}
	}
	if ((r = masks_new(px, rules, n, &m)) != 0)
		return r;
	sp_postgres_masks_unref(px->masks[slot]);
	px->masks[slot] = m;
	m->refs++;
	*ret_m = m;
	return 0;
}

int
sp_postgres_scope_masks(struct sp_postgres_proxy *px, struct sp_postgres_masks **ret_m)
{
	const struct sp_decide_scope *scope = sp_postgres_proxy_scope(px);
	const struct sp_policy_mask *rules[SP_DECIDE_MASKS_MAX];
	size_t n;

	if (scope == NULL)
		return SP_ERR_UNAVAILABLE;
	n = sp_decide_scope_masks(scope, rules, SP_DECIDE_MASKS_MAX);
	return n > SP_DECIDE_MASKS_MAX ? SP_ERR_LIMIT : masks_get(px, rules, n, ret_m);
}

/* --- what a statement reads ------------------------------------------------------------------------ */

static bool
is_among(const char *name, const char *const *list, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (strcmp(name, list[i]) == 0)
			return true;
	return false;
}

static bool
is_sink(const struct sp_sql_action *a)
{
	return is_among(a->name, sinks, sizeof(sinks) / sizeof(sinks[0]));
}

/* Whether the text calls functions whose bodies we can't see. */
static bool
calls_unknown(const struct sp_sql_stmt *st)
{
	size_t i;

	if (st->verb == SP_SQL_DO || st->verb == SP_SQL_CALL)
		return true;
	for (i = 0; i < st->nactions; i++)
		if (st->actions[i].object == SP_SQL_OBJECT_FUNCTION &&
		    (st->actions[i].need != SP_SQL_NEED_NONE || is_among(st->actions[i].name, tellers, sizeof(tellers) / sizeof(tellers[0]))))
			return true;
	return false;
}

static bool
stmt_reads_masked(const struct sp_postgres_masks *m, const struct sp_sql_stmt *st)
{
	size_t i;

	for (i = 0; i < st->nrelations; i++)
		if (sp_postgres_catalog_is_tainted(m->catalog, st->relations[i].schema, st->relations[i].name))
			return true;
	for (i = 0; i < st->nactions; i++)
		if (st->actions[i].object == SP_SQL_OBJECT_FUNCTION &&
		    sp_postgres_catalog_is_function(m->catalog, st->actions[i].name))
			return true;
	for (i = 0; i < st->ncolumns; i++)
		if (sp_postgres_catalog_is_function(m->catalog, st->columns[i]))
			return true;
	for (i = 0; i < st->noperators; i++)
		if (sp_postgres_catalog_is_function(m->catalog, st->operators[i]))
			return true;
	return calls_unknown(st);
}

/* Whether a column rule could mean one of these columns, in whatever table. */
static bool
names_masked(const struct sp_postgres_masks *m, const char *const *names, size_t n)
{
	size_t i, k;

	for (i = 0; i < n; i++) {
		if (strcmp(names[i], "*") == 0)
			return true;
		for (k = 0; k < m->n_patterns; k++)
			if (glob(m->patterns[k].column, names[i]))
				return true;
	}
	return false;
}

/* What the actions of a statement do with values. */
struct flow {
	bool reads;   /* from what has masked columns */
	bool whole;   /* and all that is read there counts as masked */
	bool keeps;   /* rows as they are, in a table or view */
	bool changes; /* columns of rows that are there */
};

static void
flow_find(const struct sp_postgres_masks *m, const struct sp_sql_stmt *st, struct flow *f)
{
	size_t i;

	for (i = 0; i < st->nactions; i++) {
		const struct sp_sql_action *a = &st->actions[i];

		f->keeps |= a->verb == SP_SQL_INSERT || a->verb == SP_SQL_CREATE || a->verb == SP_SQL_MERGE || a->verb == SP_SQL_REFRESH;
		f->changes |= a->verb == SP_SQL_UPDATE || a->verb == SP_SQL_MERGE || a->verb == SP_SQL_ALTER;
		/* The target of an INSERT is an action of its own verb; what it reads is a SELECT. */
		if (a->verb != SP_SQL_SELECT || a->object != SP_SQL_OBJECT_RELATION || a->is_own ||
		    !sp_postgres_catalog_is_tainted(m->catalog, a->schema, a->name))
			continue;
		f->reads = true;
		f->whole |= sp_postgres_catalog_is_whole(m->catalog, a->schema, a->name);
	}
}

/* Where masking the rows would not be enough: the reason, or NULL. runs: by name it runs what reads masked columns. */
static const char *
stmt_escapes(const struct sp_postgres_masks *m, const struct sp_sql_stmt *st, bool runs)
{
	struct flow f = {.reads = runs, .whole = runs};
	size_t i;

	if (st->copy == SP_SQL_COPY_OUT)
		return "COPY is refused here: what it reads has masked columns, or may have; use SELECT";
	for (i = 0; i < st->nactions; i++)
		if (st->actions[i].object == SP_SQL_OBJECT_FUNCTION && is_sink(&st->actions[i]))
			return "this function could carry masked values out of the statement";
	flow_find(m, st, &f);
	if (f.reads && f.keeps)
		return "this would copy rows with masked columns to where they are not masked";
	if (f.changes && (names_masked(m, st->sources, st->nsources) ||
	    (f.reads && (f.whole || names_masked(m, st->columns, st->ncolumns)))))
		return "this would copy values of masked columns to where they are not masked";
	return NULL;
}

/* A prepared statement is only run through EXECUTE when one text alone can be behind its name. */
static struct sp_postgres_text *
prepared_text(struct sp_postgres_conn *c, const char *name)
{
	struct sp_postgres_name *n = sp_postgres_names_find(c->statements, name);

	return n == NULL || n->n != 1 || n->c[0]->n_texts != 1 ? NULL : n->c[0]->texts[0];
}

/*
 * The i-th DECLARE that may be behind a cursor's name. The server keeps cursors and the portals of Bind under the
 * same names: where a portal has, or may have, that name, nothing is known of the cursor.
 */
static struct sp_postgres_text *
cursor_text(struct sp_postgres_conn *c, const char *name, size_t i)
{
	struct sp_postgres_names *sets[] = {c->cursors, c->holds};
	struct sp_postgres_name *n;
	size_t k;

	if (sp_postgres_names_find(c->portals, name) != NULL)
		return NULL;
	for (k = 0; k < sizeof(sets) / sizeof(sets[0]); k++) {
		if ((n = sp_postgres_names_find(sets[k], name)) == NULL)
			continue;
		if (n->n == SP_POSTGRES_CANDIDATES_MAX) /* there may have been more */
			return NULL;
		if (i < n->n)
			return n->c[i]->texts[0];
		i -= n->n;
	}
	return NULL;
}

struct lookup {
	struct sp_postgres_conn *c;
	struct sp_postgres_verdict *v;
	bool is_over; /* more was behind names than fits */
	unsigned n;
	struct sp_sql *held[SP_POSTGRES_BEHIND_MAX];
};

static const struct sp_sql *
on_lookup(void *ctx, enum sp_decide_lookup what, const char *name, size_t i)
{
	struct lookup *l = ctx;
	struct sp_postgres_text *t;

	if (what == SP_DECIDE_CURSOR)
		t = cursor_text(l->c, name, i);
	else
		t = i == 0 ? prepared_text(l->c, name) : NULL;
	if (t == NULL)
		return NULL;
	if (l->n == sizeof(l->held) / sizeof(l->held[0]) ||
	    sp_sqlcache_get(l->c->px->cache, t->sql, t->len, &l->held[l->n]) != 0) {
		l->is_over = true;
		return NULL;
	}
	l->v->behind[l->v->n_behind++] = sp_postgres_text_ref(t);
	return l->held[l->n++];
}

/* What comes of the message through the names it runs; every candidate counts. */
struct seen {
	bool is_tainted;
	const char *escapes;
};

static void
text_look(struct sp_postgres_conn *c, const struct sp_postgres_masks *m, const struct sp_postgres_text *t, struct seen *ret)
{
	struct sp_sql *sql;
	size_t i;

	if (sp_sqlcache_get(c->px->cache, t->sql, t->len, &sql) != 0) {
		ret->is_tainted = true;
		return;
	}
	for (i = 0; i < sp_sql_count(sql); i++) {
		const struct sp_sql_stmt *st = sp_sql_at(sql, i);

		if (!stmt_reads_masked(m, st) && st->verb != SP_SQL_EXECUTE)
			continue;
		ret->is_tainted = true;
		if (ret->escapes == NULL)
			ret->escapes = stmt_escapes(m, st, false);
	}
	sp_sql_unref(sql);
}

static void
name_look(struct sp_postgres_conn *c, const struct sp_postgres_masks *m, const struct sp_postgres_name *n, struct seen *ret)
{
	unsigned i, j;

	ret->is_tainted |= n->n == SP_POSTGRES_CANDIDATES_MAX;
	for (i = 0; i < n->n; i++)
		for (j = 0; j < n->c[i]->n_texts; j++)
			text_look(c, m, n->c[i]->texts[j], ret);
}

static void
names_look(struct sp_postgres_conn *c, const struct sp_postgres_masks *m, const struct sp_sql_stmt *st, struct seen *ret)
{
	struct sp_postgres_name *n[3] = {NULL, NULL, NULL};
	unsigned i;

	if (st->prepared[0] != '\0' && st->verb != SP_SQL_PREPARE && st->verb != SP_SQL_DEALLOCATE) {
		n[0] = sp_postgres_names_find(c->statements, st->prepared);
		ret->is_tainted |= n[0] == NULL;
	}
	if (st->cursor[0] != '\0' && st->has_rows && !st->is_definition) {
		n[1] = sp_postgres_names_find(c->cursors, st->cursor);
		n[2] = sp_postgres_names_find(c->holds, st->cursor);
		ret->is_tainted |= n[1] == NULL && n[2] == NULL;
	}
	for (i = 0; i < sizeof(n) / sizeof(n[0]); i++)
		if (n[i] != NULL)
			name_look(c, m, n[i], ret);
}

/* Whether tables and views may by now be others than the catalogs say to those outside of a transaction. */
static bool
is_altering(struct sp_postgres_proxy *px, const struct sp_postgres_verdict *v)
{
	unsigned i;
	size_t k;

	if (px->n_altering != 0)
		return true;
	for (i = 0; i < v->n; i++)
		for (k = 0; sp_sql_count(v->sql[i]) > 1 && k < sp_sql_count(v->sql[i]); k++)
			if (sp_postgres_alters(sp_sql_at(v->sql[i], k)))
				return true;
	return false;
}

bool
sp_postgres_alters(const struct sp_sql_stmt *st)
{
	size_t i;

	for (i = 0; i < st->nactions; i++)
		if (st->actions[i].verb == SP_SQL_ALTER)
			return true;
	return st->verb == SP_SQL_DO || st->verb == SP_SQL_CALL;
}

static void
taint(struct sp_postgres_conn *c, struct sp_postgres_verdict *v, const struct sp_sql *sql)
{
	size_t i;

	for (i = 0; i < sp_sql_count(sql); i++) {
		const struct sp_sql_stmt *st = sp_sql_at(sql, i);
		bool t = v->is_altered || stmt_reads_masked(v->masks, st);
		struct seen s = {false, NULL};

		names_look(c, v->masks, st, &s);
		t |= s.is_tainted;
		if (v->why_refused == NULL)
			v->why_refused = s.escapes;
		if (t && v->why_refused == NULL)
			v->why_refused = stmt_escapes(v->masks, st, s.is_tainted);
		v->is_tainted |= t;
	}
}

/* COPY data that the detectors can't read as it is sent. */
static const char *
copy_refusal(const struct sp_sql *sql)
{
	size_t i;

	for (i = 0; i < sp_sql_count(sql); i++) {
		const struct sp_sql_stmt *st = sp_sql_at(sql, i);

		if (st->copy == SP_SQL_COPY_OUT && st->is_copy_binary)
			return "COPY in binary format is refused where values are masked; use the text format";
		if (st->copy == SP_SQL_COPY_OUT && st->is_copy_odd)
			return "COPY with these delimiters, quotes or encoding is refused where values are masked; use the usual ones";
	}
	return NULL;
}

static void
deny(struct sp_postgres_verdict *v, const char *why)
{
	memset(&v->decision, 0, sizeof(v->decision));
	v->decision.effect = SP_POLICY_DENY;
	v->decision.is_refusal = true;
	v->decision.label = SP_POLICY_PROVEN;
	snprintf(v->decision.message, sizeof(v->decision.message), "%s", why);
}

struct mask_rules {
	size_t n;
	const struct sp_policy_mask *at[SP_DECIDE_MASKS_MAX];
};

/* Adds the masks of one decision to those of the others; too many is a refusal. */
static bool
masks_join(struct mask_rules *rules, const struct sp_decision *d)
{
	size_t i, k;

	for (i = 0; i < d->nmasks; i++) {
		for (k = 0; k < rules->n && rules->at[k] != d->masks[i]; k++)
			;
		if (k < rules->n)
			continue;
		if (rules->n == SP_DECIDE_MASKS_MAX)
			return false;
		rules->at[rules->n++] = d->masks[i];
	}
	return true;
}

/* The server cuts names at 63 bytes, and at whole characters: a longer one could be another's. */
static bool
has_long_name(const struct sp_sql *sql)
{
	size_t i;

	for (i = 0; i < sp_sql_count(sql); i++)
		if (strlen(sp_sql_at(sql, i)->prepared) >= SQL_NAME_MAX || strlen(sp_sql_at(sql, i)->cursor) >= SQL_NAME_MAX)
			return true;
	return false;
}

/* Decides on one text. NULL, or why nothing can be decided. */
static const char *
text_judge(struct lookup *l, const struct sp_decide_scope *scope, const struct sp_postgres_text *t,
    struct mask_rules *rules, struct sp_decision *ret_d)
{
	struct sp_postgres_verdict *v = l->v;
	struct sp_decide_request rq = {.time = (int64_t)time(NULL), .lookup = on_lookup, .lookup_ctx = l,
	    .from = sp_session_from(l->c->px->session)};

	if (sp_sqlcache_get(l->c->px->cache, t->sql, t->len, &v->sql[v->n]) != 0)
		return "out of memory";
	rq.sql = v->sql[v->n++];
	sp_decide(scope, &rq, ret_d);
	v->is_matched |= ret_d->nmatched != 0;
	if (l->is_over)
		return "more prepared statements or cursors take part than can be judged at once";
	if (has_long_name(rq.sql))
		return "the name of a prepared statement or cursor has at most 59 bytes here";
	return masks_join(rules, ret_d) ? NULL : "too many mask rules apply";
}

/* The same for the second text and those after it, of what one name may stand for: the strictest decision stays. */
static const char *
text_judge_more(struct lookup *l, const struct sp_decide_scope *scope, const struct sp_postgres_text *t,
    struct mask_rules *rules)
{
	struct sp_decision d;
	const char *why = text_judge(l, scope, t, rules, &d);

	if (why == NULL && d.effect < l->v->decision.effect)
		l->v->decision = d;
	return why;
}

/* The strictest decision into the verdict, which the first text's is made in. */
static void
texts_judge(struct lookup *l, const struct sp_decide_scope *scope, struct sp_postgres_text *const *texts, unsigned n,
    struct mask_rules *rules)
{
	struct sp_postgres_verdict *v = l->v;
	const char *why = n == 0 ? "nothing is known of what this runs" : NULL;
	unsigned i;

	for (i = 0; i < n && why == NULL && (i == 0 || v->decision.effect != SP_POLICY_DENY); i++)
		why = i == 0 ? text_judge(l, scope, texts[i], rules, &v->decision) : text_judge_more(l, scope, texts[i], rules);
	if (why != NULL)
		deny(v, why);
	while (l->n != 0)
		sp_sql_unref(l->held[--l->n]);
}

void
sp_postgres_judge(struct sp_postgres_conn *c, struct sp_postgres_text *const *texts, unsigned n,
    struct sp_postgres_verdict *ret_v)
{
	struct sp_postgres_verdict *v = ret_v;
	const struct sp_decide_scope *scope = sp_postgres_proxy_scope(c->px);
	struct mask_rules rules;
	struct lookup l = {.c = c, .v = ret_v};
	unsigned i;

	memset(v, 0, offsetof(struct sp_postgres_verdict, decision)); /* n and n_behind among it */
	v->decision.effect = SP_POLICY_DENY;
	v->masks = NULL;
	v->is_matched = v->is_tainted = v->is_altered = v->needs_catalog = false;
	v->why_refused = NULL;
	if (scope == NULL) {
		deny(v, "no policy is in force for this connection");
		return;
	}
	rules.n = 0;
	texts_judge(&l, scope, texts, n, &rules);
	if (masks_get(c->px, rules.at, rules.n, &v->masks) != 0) {
		deny(v, "the mask rules can't be applied");
		return;
	}
	for (i = 0; v->masks != NULL && v->masks->has_detectors && i < v->n && v->why_refused == NULL; i++)
		v->why_refused = copy_refusal(v->sql[i]);
	if (v->masks == NULL || v->masks->n_patterns == 0)
		return;
	v->needs_catalog = !sp_postgres_catalog_is_fresh(v->masks->catalog);
	v->is_altered = is_altering(c->px, v);
	for (i = 0; !v->needs_catalog && i < v->n; i++)
		taint(c, v, v->sql[i]);
}

void
sp_postgres_verdict_clear(struct sp_postgres_verdict *v)
{
	unsigned i;

	for (i = 0; i < v->n; i++)
		sp_sql_unref(v->sql[i]);
	for (i = 0; i < v->n_behind; i++)
		sp_postgres_text_unref(v->behind[i]);
	v->n = v->n_behind = 0;
	sp_postgres_masks_unref(v->masks);
	v->masks = NULL;
}
