/* SPDX-License-Identifier: Apache-2.0 */
/* The language and its diagnostics, images cut and flipped, people, decisions in context, the statement cache. */
#include "tests/unit/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "policy/decide.h"
#include "policy/source.h"
#include "policy/sql.h"
#include "policy/sqlcache.h"
#include "policy/subject.h"

static const char base[] = "version: 1\n"
			   "groups:\n"
			   "  eng: { claim: groups, has: eng }\n"
			   "  dba: { any: [ { claim: groups, has: dba }, { claim: email, is: root@example.com } ] }\n"
			   "connections:\n"
			   "  orders:\n"
			   "    kind: postgres\n"
			   "    address: \"[::1]:5433\"\n"
			   "    login: { user: app, password: { file: /x } }\n"
			   "    labels: { env: prod }\n"
			   "    durability: disk\n"
			   "    idle: 30m\n"
			   "    forward: true\n"
			   "rules:\n"
			   "  - name: read\n"
			   "    who: [eng]\n"
			   "    do: { sql: [select] }\n"
			   "    effect: allow\n"
			   "    mask: { columns: [a.b], detect: [email], regex: { n_1: \"a+\" }, with: hash }\n";

static struct sp_buf *
compile(const char *text, struct sp_policy_source **ret_source)
{
	struct sp_policy_source *s = sp_policy_source_new();
	struct sp_buf *b = sp_buf_new(0);

	if (sp_policy_source_add(s, "p.yaml", text, strlen(text)) != 0 || sp_policy_source_compile(s, 7, b) != 0) {
		sp_buf_free(b);
		b = NULL;
	}
	if (ret_source != NULL)
		*ret_source = s;
	else
		sp_policy_source_free(s);
	return b;
}

/* Decides text for a person with these claims under base plus rules. */
static struct sp_decision
decide(const char *rules, const char *identity, const char *text, int64_t time, const char *from)
{
	char all[16384];
	struct sp_buf *b;
	struct sp_policy_image *im;
	struct sp_policy_subject *who;
	struct sp_decide_scope *scope;
	struct sp_decide_request q = {.time = time, .from = from};
	struct sp_sql *sql = NULL;
	struct sp_decision d;

	(void)snprintf(all, sizeof(all), "%s%s", base, rules);
	b = compile(all, NULL);
	assert_non_null(b);
	assert_int_equal(sp_policy_image_open(sp_buf_data(b), sp_buf_len(b), &im), 0);
	assert_int_equal(sp_policy_subject_new(identity, strlen(identity), &who), 0);
	assert_int_equal(sp_decide_scope_new(im, who, sp_policy_image_find(im, "orders"), &scope), 0);
	if (text != NULL)
		assert_int_equal(sp_sql_parse(text, strlen(text), &sql), 0);
	q.sql = sql;
	sp_decide(scope, &q, &d);
	d.rule = NULL; /* the image goes */
	d.approve = NULL;
	sp_sql_unref(sql);
	sp_decide_scope_free(scope);
	sp_policy_subject_free(who);
	sp_policy_image_free(im);
	sp_buf_free(b);
	return d;
}

#define ENG "{\"user\":\"alice\",\"groups\":[\"eng\"]}"

static void
test_image(void **state)
{
	struct sp_buf *b = compile(base, NULL);
	struct sp_policy_image *im;
	const struct sp_policy_connection *c;
	const struct sp_policy_mask *m;
	size_t n;
	uint8_t *copy;

	(void)state;
	assert_non_null(b);
	n = sp_buf_len(b);
	assert_int_equal(sp_policy_image_open(sp_buf_data(b), n, &im), 0);
	assert_int_equal(sp_policy_image_version(im), 7);
	c = sp_policy_image_find(im, "orders");
	assert_non_null(c);
	assert_string_equal(c->host, "::1");
	assert_int_equal(c->port, 5433);
	assert_int_equal(c->tls, SP_POLICY_TLS_VERIFY_FULL);
	assert_int_equal(c->durability, SP_POLICY_DURABILITY_DISK);
	assert_true(c->is_forwarded);
	assert_int_equal(c->idle_seconds, 1800);
	assert_string_equal(c->tools[0], "psql");
	assert_int_equal(c->secret, SP_POLICY_SECRET_FILE);
	m = sp_policy_rule_mask(sp_policy_image_rule(im, "read"));
	assert_string_equal(m->columns[0], "a.b");
	assert_string_equal(m->regexes[0].value, "a+");
	assert_int_equal(m->transform, SP_POLICY_MASK_HASH);
	assert_null(sp_policy_image_rule(im, "reed"));
	sp_policy_image_free(im);

	for (size_t i = 0; i < n; i++) {
		copy = malloc(i == 0 ? 1 : i); /* of its own, so that a sanitizer sees a read past the end */
		memcpy(copy, sp_buf_data(b), i);
		assert_int_not_equal(sp_policy_image_open(copy, i, &im), 0);
		free(copy);
	}
	copy = malloc(n + 1);
	memcpy(copy, sp_buf_data(b), n);
	copy[n] = 0;
	assert_int_not_equal(sp_policy_image_open(copy, n + 1, &im), 0);
	for (size_t bit = 0; bit < n * 8; bit++) {
		copy[bit / 8] ^= (uint8_t)(1 << bit % 8);
		if (sp_policy_image_open(copy, n, &im) == 0) {
			for (size_t i = 0; i < sp_policy_image_rules(im); i++)
				assert_true(strlen(sp_policy_rule_name(sp_policy_image_rule_at(im, i))) > 0);
			sp_policy_image_free(im);
		}
		copy[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	free(copy);
	sp_buf_free(b);
}

#define PASSWORD "version: 1\nconnections: { c: { kind: postgres, address: \"a:1\", login: { user: u, password: "
#define END " } } }\n"

static void
test_diagnostics(void **state)
{
	static const struct {
		const char *text;
		unsigned int line, column;
		const char *message, *suggestion;
	} bad[] = {
	    {"version: 1\nrulez: []\n", 2, 1, "rulez", "rules"},
	    {"version: 2\n", 1, 10, "1", ""},
	    {"rules: []\n", 1, 1, "version", "version: 1"},
	    {"version: 1\nversion: 1\n", 2, 1, "twice", ""},
	    {"version: 1\ngroups:\n  a: { claim: g, has: x }\n  a: { claim: g, has: y }\n", 4, 3, "twice", ""},
	    {"version: 1\ngroups: [a]\n", 2, 9, "mapping", ""},
	    {"version: 1\ngroups: { a: { claim: g, haz: x } }\n", 2, 26, "haz", "has"},
	    {"version: 1\ngroups: { a: b }\n", 2, 14, "claim", ""},
	    {"version: 1\nrules: [ { name: r, effect: alow } ]\n", 2, 29, "alow", "allow"},
	    {"version: 1\nrules: [ { name: r } ]\n", 2, 10, "effect", ""},
	    {"version: 1\nrules: [ { name: r, effect: deny, who: [engg] } ]\n", 2, 41, "engg", ""},
	    {"version: 1\nrules: [ { name: r, effect: deny, on: nowhere } ]\n", 2, 39, "nowhere", ""},
	    {"version: 1\nrules: [ { name: r, effect: deny, do: { sql: [selct] } } ]\n", 2, 47, "selct", "select"},
	    {"version: 1\nrules: [ { name: r, effect: approve } ]\n", 2, 10, "approve", ""},
	    {"version: 1\nrules: [ { name: r, effect: allow, approve: { by: [] } } ]\n", 2, 45, "approve", ""},
	    {"version: 1\nrules: [ { name: r, effect: allow, mask: { regex: { x: \"(\" } } } ]\n", 2, 56, "pattern", ""},
	    {"version: 1\nrules: [ { name: r, effect: allow, mask: { detect: [emial] } } ]\n", 2, 53, "emial", "email"},
	    {"version: 1\nrules: [ { name: r, effect: allow, scan: { detect: [email] } } ]\n", 2, 42, "read or write", ""},
	    {"version: 1\nrules: [ { name: r, effect: allow, do: { file: [read] }, scan: { detect: [emial] } } ]\n", 2, 75, "emial",
		"email"},
	    {"version: 1\nrules: [ { name: r, effect: allow, do: { file: [read] }, scan: { found: record } } ]\n", 2, 64,
		"detect or regex", ""},
	    {"version: 1\nrules: [ { name: r, effect: deny, from: [10.0.0.0/33] } ]\n", 2, 42, "network", ""},
	    {"version: 1\nrules: [ { name: r, effect: deny, when: { hours: \"9-5\" } } ]\n", 2, 50, "hours", ""},
	    {"version: 1\nrules: [ { name: r, effect: deny, when: { timezone: Europe/Atlantis } } ]\n", 2, 53, "zone", "Europe/Berlin"},
	    {"version: 1\nrules: [ { name: r, effect: deny, when: { timezone: ../../../etc/passwd } } ]\n", 2, 53, "zone", ""},
	    {"version: 1\nrules: [ { name: r, effect: deny, do: { tables: [x] } } ]\n", 2, 49, "sql", ""},
	    {"version: 1\nrules: [ { name: r, effect: deny, do: { file: [raed] } } ]\n", 2, 48, "raed", "read"},
	    {"version: 1\nrules: [ { name: r, effect: deny, do: { file: [] } } ]\n", 2, 47, "one word", ""},
	    {"version: 1\nrules: [ { name: r, effect: deny, do: { path: [/x] } } ]\n", 2, 47, "file", "file"},
	    {"version: 1\nrules: [ { name: r, effect: deny, do: { file: [read], path: [x/y] } } ]\n", 2, 62, "begins with /", "/srv"},
	    {"version: 1\nrules: [ { name: r, effect: deny, do: { file: [read], path: [/x/../y] } } ]\n", 2, 62, "..", ""},
	    {"version: 1\nrules: [ { name: r, effect: allow, session: { idle: soon } } ]\n", 2, 53, "", ""},
	    {"version: 1\nrules: [ { name: r, effect: allow, session: { max: 31d } } ]\n", 2, 52, "", ""},
	    {"version: 1\nrules: [ { name: r, effect: allow, session: { idel: 5m } } ]\n", 2, 47, "idel", "idle"},
	    {"version: 1\nrules: [ { name: r, effect: deny, session: { idle: 5m } } ]\n", 2, 44, "lets nobody in", ""},
	    {"version: 1\nconnections: { c: { kind: postgres } }\n", 2, 19, "address", ""},
	    {"version: 1\nconnections: { c: { kind: postgre, address: \"a:1\" } }\n", 2, 27, "postgre", "postgres"},
	    {"version: 1\nconnections: { c: { kind: postgres, address: \"a\" } }\n", 2, 46, "address", ""},
	    {"version: 1\nconnections: { c: { kind: postgres, address: \"a:1\", tls: { mode: disable } } }\n", 2, 66, "TLS", ""},
	    {"version: 1\nconnections: { c: { kind: postgres, address: \"a:1\", login: { user: u, password: pw } } }\n", 2,
		81, "password", "file"},
	    {"version: 1\nconnections: { Big: { kind: postgres, address: \"a:1\", forward: true } }\n", 2, 0, "forwarded", "a-z"},
	    {"version: 1\nconnections: { c: { kind: postgres, address: \"a:1\", forward: on call } }\n", 2, 0, "true or false", ""},
	    {"version: 1\nconnections: { c: { kind: mysql, address: \"a:1\", forward: true } }\n", 2, 0, "forward", ""},
	    {PASSWORD "{ exec: [] }" END, 2, 89, "1 to 1024 items", ""},
	    {PASSWORD "{ exec: [get, x] }" END, 2, 89, "absolute path", ""},
	    {PASSWORD "{ exec: [\"\"] }" END, 2, 90, "1 to 4096 bytes", ""},
	    {PASSWORD "{ exec: [/get, \"a\\nb\"] }" END, 2, 89, "control", ""},
	    {PASSWORD "{ exec: { a: b } }" END, 2, 89, "", ""},
	    {PASSWORD "{ exec: [/get, [a]] }" END, 2, 0, "", ""},
	    {PASSWORD "{ exec: [/get, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32] }" END, 2, 89, "at most 32 words", ""},
	    {PASSWORD "{ file: /a, exec: [/b] }" END, 2, 81, "expected one of", ""},
	    {PASSWORD "{ exce: [/b] }" END, 2, 83, "exce", ""},
	    {"version: 1\na: &x 1\n", 2, 0, "anchor", ""},
	    {"version: 1\nrules: [\n", 0, 0, "", ""},
	    {"version: 1\n---\nversion: 1\n", 2, 1, "second", ""},
	    {"version: \"1\"\n", 1, 10, "whole number", ""},
	};
	unsigned int wrong = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct sp_policy_source *s;
		struct sp_buf *b = compile(bad[i].text, &s);
		const struct sp_diag *g;

		assert_null(b);
		assert_true(sp_diags_kept(sp_policy_source_diags(s)) > 0);
		g = sp_diags_at(sp_policy_source_diags(s), 0);
		if ((bad[i].line != 0 && g->line != bad[i].line) || (bad[i].column != 0 && g->column != bad[i].column) ||
		    strstr(g->message, bad[i].message) == NULL || strstr(g->suggestion, bad[i].suggestion) == NULL) {
			fprintf(stderr, "%s: got %u:%u %s (%s)", bad[i].text, g->line, g->column, g->message, g->suggestion);
			wrong++;
		}
		sp_policy_source_free(s);
	}
	assert_int_equal(wrong, 0);
}

static void
test_subject(void **state)
{
	static const char *const bad[] = {"", "[]", "{", "{\"a\":1,\"a\":2}", "{\"claims\":[]}", "{\"user\":\"a\\u0000b\"}"};
	static const char good[] = "{\"user\":\"alice\",\"groups\":[\"a\",\"b\"],\"n\":7,\"t\":true,"
				   "\"claims\":{\"user\":\"mallory\",\"x\":\"y\",\"groups\":[\"dba\"]}}";
	struct sp_policy_subject *s;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_not_equal(sp_policy_subject_new(bad[i], strlen(bad[i]), &s), 0);
	assert_int_equal(sp_policy_subject_new(good, strlen(good), &s), 0);
	assert_string_equal(sp_policy_subject_user(s), "alice");
	assert_true(sp_policy_subject_has(s, "groups", "b"));
	assert_false(sp_policy_subject_has(s, "groups", "dba")); /* the top level hides the claim of that name */
	assert_false(sp_policy_subject_is(s, "groups", "a"));
	assert_true(sp_policy_subject_is(s, "x", "y"));
	assert_true(sp_policy_subject_is(s, "n", "7"));
	assert_true(sp_policy_subject_is(s, "t", "true"));
	assert_false(sp_policy_subject_has(s, "user", "mallory"));
	sp_policy_subject_free(s);
}

static void
test_context(void **state)
{
	/* 2001-09-09 01:46:40 UTC was a Sunday. */
	const int64_t t = 1000000000;
	static const char hours[] = "  - { name: h, effect: deny, when: { days: [sun], hours: \"01:00-02:00\" } }\n";
	static const char night[] = "  - { name: h, effect: deny, when: { hours: \"22:00-02:00\" } }\n";
	static const char zone[] = "  - { name: h, effect: deny, when: { hours: \"03:00-04:00\", timezone: \"+02:00\" } }\n";
	static const char west[] = "  - { name: h, effect: deny, when: { days: [sat], timezone: \"-02:00\" } }\n";
	static const char summer[] = "  - { name: h, effect: deny, when: { hours: \"09:00-10:00\", timezone: Europe/Berlin } }\n";
	static const char gap[] = "  - { name: h, effect: deny, when: { hours: \"02:00-03:00\", timezone: Europe/Berlin } }\n";
	static const char from[] = "  - { name: h, effect: deny, from: [192.0.2.0/25, \"2001:db8::/33\"] }\n";
	static const char only[] = "  - { name: i, effect: allow, do: { sql: [show] }, from: [192.0.2.0/24] }\n";

	(void)state;
	assert_int_equal(decide(hours, ENG, "select 1", t, NULL).effect, SP_POLICY_DENY);
	assert_int_equal(decide(hours, ENG, "select 1", t + 3600, NULL).effect, SP_POLICY_ALLOW);
	assert_int_equal(decide(hours, ENG, "select 1", t + 86400, NULL).effect, SP_POLICY_ALLOW);
	assert_int_equal(decide(night, ENG, "select 1", t, NULL).effect, SP_POLICY_DENY);
	assert_int_equal(decide(night, ENG, "select 1", t + 7200, NULL).effect, SP_POLICY_ALLOW);
	assert_int_equal(decide(zone, ENG, "select 1", t, NULL).effect, SP_POLICY_DENY);
	assert_int_equal(decide(zone, ENG, "select 1", t + 7200, NULL).effect, SP_POLICY_ALLOW);
	assert_int_equal(decide(west, ENG, "select 1", t, NULL).effect, SP_POLICY_DENY);
	assert_int_equal(decide(west, ENG, "select 1", t + 86400, NULL).effect, SP_POLICY_ALLOW);
	if (access("/usr/share/zoneinfo/Europe/Berlin", R_OK) == 0) {
		/* 07:30 UTC is 09:30 in July and 08:30 in January; in between there is a night without 02:30. */
		assert_int_equal(decide(summer, ENG, "select 1", 1782891000, NULL).effect, SP_POLICY_DENY);
		assert_int_equal(decide(summer, ENG, "select 1", 1768462200, NULL).effect, SP_POLICY_ALLOW);
		assert_int_equal(decide(summer, ENG, "select 1", 1768465800, NULL).effect, SP_POLICY_DENY);
		assert_int_equal(decide(gap, ENG, "select 1", 1774745940, NULL).effect, SP_POLICY_ALLOW);
		assert_int_equal(decide(gap, ENG, "select 1", 1774746060, NULL).effect, SP_POLICY_ALLOW);
	}
	assert_int_equal(decide(from, ENG, "select 1", t, "192.0.2.127").effect, SP_POLICY_DENY);
	assert_int_equal(decide(from, ENG, "select 1", t, "192.0.2.128").effect, SP_POLICY_ALLOW);
	assert_int_equal(decide(from, ENG, "select 1", t, "::ffff:192.0.2.1").effect, SP_POLICY_DENY);
	assert_int_equal(decide(from, ENG, "select 1", t, "2001:db8::1").effect, SP_POLICY_DENY);
	assert_int_equal(decide(from, ENG, "select 1", t, "2001:db8:8000::1").effect, SP_POLICY_ALLOW);
	assert_int_equal(decide(from, ENG, "select 1", t, NULL).effect, SP_POLICY_DENY); /* not known: denies match */
	assert_int_equal(decide(from, ENG, "select 1", t, "nonsense").effect, SP_POLICY_DENY);
	assert_int_equal(decide(only, ENG, "show x", t, "192.0.2.1").effect, SP_POLICY_ALLOW);
	assert_int_equal(decide(only, ENG, "show x", t, NULL).effect, SP_POLICY_DENY);
}

static void
test_people(void **state)
{
	static const char not[] = "  - { name: n, who: [ eng, { not: { claim: acr, is: mfa } } ], effect: deny }\n";
	static const char settings[] = "  - { name: s, do: { sql: [set], settings: [search_path] }, effect: allow }\n";
	static const char functions[] = "  - { name: f, do: { functions: [app.purge, pg_read_file] }, effect: allow }\n";
	static const char words[] = "  - { name: w, do: { sql: [ddl, do] }, effect: allow }\n";
	static const char any[] = "  - { name: a, do: { sql: [set], settings: ['*'] }, effect: allow }\n";
	static const char named[] = "  - { name: a, do: { sql: [set], settings: [client_encoding] }, effect: allow }\n";
	/* what a CI system says of a run: on the top level, or within claims */
	static const char ci[] = "  - { name: c, who: [ { all: [ { claim: repository_id, is: \"42\" }, { claim: ref, like: \"refs/heads/release-*\" } ] } ], "
				 "do: { sql: [show] }, effect: allow }\n";
	struct sp_decision d;

	(void)state;
	assert_int_equal(decide(ci, "{\"claims\":{\"repository_id\":\"42\",\"ref\":\"refs/heads/release-1\"}}", "show x", 0, NULL).effect, SP_POLICY_ALLOW);
	assert_int_equal(decide(ci, "{\"claims\":{\"repository_id\":42,\"ref\":\"refs/heads/release-\"}}", "show x", 0, NULL).effect, SP_POLICY_ALLOW);
	assert_int_equal(decide(ci, "{\"claims\":{\"repository_id\":\"43\",\"ref\":\"refs/heads/release-1\"}}", "show x", 0, NULL).effect, SP_POLICY_DENY);
	assert_int_equal(decide(ci, "{\"claims\":{\"repository_id\":\"42\",\"ref\":\"refs/heads/release-1/x\"}}", "show x", 0, NULL).effect, SP_POLICY_DENY);
	assert_int_equal(decide(ci, "{\"claims\":{\"repository_id\":\"42\",\"ref\":\"refs/heads/main\"}}", "show x", 0, NULL).effect, SP_POLICY_DENY);
	assert_int_equal(decide(ci, "{\"claims\":{\"repository_id\":\"42\",\"ref\":[\"refs/heads/main\",\"refs/heads/release-1\"]}}", "show x", 0, NULL).effect, SP_POLICY_DENY);
	assert_int_equal(decide(ci, "{\"claims\":{\"repository_id\":\"42\"}}", "show x", 0, NULL).effect, SP_POLICY_DENY);
	assert_int_equal(decide("", "{\"groups\":[\"x\"]}", "select 1", 0, NULL).effect, SP_POLICY_DENY);
	assert_int_equal(decide("", "{}", NULL, 0, NULL).effect, SP_POLICY_DENY);
	assert_int_equal(decide("", ENG, NULL, 0, NULL).effect, SP_POLICY_ALLOW);
	d = decide("", ENG, "select 1", 0, NULL);
	assert_int_equal(d.effect, SP_POLICY_ALLOW);
	assert_int_equal(d.nmasks, 1);
	assert_int_equal(d.policy_version, 7);
	assert_int_equal(decide(not, ENG, "select 1", 0, NULL).effect, SP_POLICY_DENY);
	assert_int_equal(decide(not, "{\"groups\":[\"eng\"],\"acr\":\"mfa\"}", "select 1", 0, NULL).effect, SP_POLICY_ALLOW);
	assert_int_equal(decide(settings, ENG, "set search_path = x", 0, NULL).effect, SP_POLICY_ALLOW);
	assert_int_equal(decide(settings, ENG, "set role x", 0, NULL).effect, SP_POLICY_DENY);
	assert_int_equal(decide(settings, ENG, "set standard_conforming_strings = off", 0, NULL).effect, SP_POLICY_DENY);
	assert_int_equal(decide(functions, ENG, "select app.purge()", 0, NULL).effect, SP_POLICY_ALLOW);
	assert_int_equal(decide(functions, ENG, "select purge()", 0, NULL).effect, SP_POLICY_DENY);
	assert_int_equal(decide(functions, ENG, "select pg_read_file('x')", 0, NULL).effect, SP_POLICY_ALLOW);
	assert_int_equal(decide(functions, ENG, "select pg_ls_dir('x')", 0, NULL).effect, SP_POLICY_DENY);
	assert_int_equal(decide(words, ENG, "do 'x'", 0, NULL).effect, SP_POLICY_ALLOW);
	assert_int_equal(decide(words, ENG, "drop table t", 0, NULL).effect, SP_POLICY_ALLOW);
	assert_int_equal(decide(words, ENG, "alter table t add column a int", 0, NULL).effect, SP_POLICY_ALLOW);
	/* A node type of no allow-list, inside a statement that is allowed. */
	assert_int_equal(decide(words, ENG, "alter table t replica identity full", 0, NULL).effect, SP_POLICY_DENY);
	assert_int_equal(decide(any, ENG, "set work_mem = '1MB'", 0, NULL).effect, SP_POLICY_ALLOW);
	assert_int_equal(decide(any, ENG, "set role x", 0, NULL).effect, SP_POLICY_DENY);
	assert_int_equal(decide(any, ENG, "set standard_conforming_strings = on", 0, NULL).effect, SP_POLICY_ALLOW);
	assert_int_equal(decide(any, ENG, "set standard_conforming_strings = off", 0, NULL).effect, SP_POLICY_DENY);
	assert_int_equal(decide(named, ENG, "set client_encoding = sjis", 0, NULL).effect, SP_POLICY_DENY);
	assert_int_equal(decide(named, ENG, "set client_encoding = utf8", 0, NULL).effect, SP_POLICY_ALLOW);
	assert_int_equal(decide(words, ENG, "create role r", 0, NULL).effect, SP_POLICY_DENY);
	assert_int_equal(decide(words, ENG, "create extension x", 0, NULL).effect, SP_POLICY_DENY);
	assert_int_equal(decide("  - { name: k, do: { connect: true }, effect: deny }\n", ENG, NULL, 0, NULL).effect,
	    SP_POLICY_DENY);
}

/* A column that one rule masks stays masked in what another lets through; what else its mask does does not go along. */
static void
test_marks(void **state)
{
	static const char ins[] = "  - { name: w, who: [eng], do: { sql: [insert] }, effect: allow }\n";
	static const char two[] = "  - { name: w, do: { sql: [insert] }, effect: allow, mask: { columns: [c], detect: [iban] } }\n";
	static const char off[] = "  - { name: o, on: { labels: { env: test } }, effect: allow, mask: { columns: [x] } }\n"
				  "  - { name: w, do: { sql: [insert] }, effect: allow }\n";
	static const char late[] = "  - { name: w, do: { sql: [insert] }, effect: allow }\n"
				   "  - { name: n, effect: allow, do: { sql: [show] }, mask: { columns: [x] },"
				   " when: { hours: \"22:00-23:00\" } }\n";
	static const char from[] = "  - { name: w, do: { sql: [insert] }, effect: allow }\n"
				   "  - { name: n, effect: allow, do: { sql: [show] }, mask: { columns: [x] }, from: [10.0.0.0/8] }\n";
	static const char text[] = "insert into t values (1)";
	struct sp_decision d = decide(ins, ENG, text, 0, NULL);

	(void)state;
	assert_int_equal(d.effect, SP_POLICY_ALLOW);
	assert_int_equal(d.nmatched, 0);
	assert_int_equal(d.nmasks, 1);
	d = decide("", ENG, "select 1", 0, NULL); /* its own mask, once */
	assert_int_equal(d.nmatched, 1);
	assert_int_equal(d.nmasks, 1);
	d = decide(two, ENG, text, 0, NULL);
	assert_int_equal(d.nmatched, 1);
	assert_int_equal(d.nmasks, 2);
	d = decide("  - { name: w, effect: allow }\n", "{\"groups\":[\"x\"]}", text, 0, NULL); /* who: not theirs */
	assert_int_equal(d.nmasks, 0);
	assert_int_equal(decide(off, ENG, text, 0, NULL).nmasks, 1); /* on: only base's */
	assert_int_equal(decide(late, ENG, text, 0, NULL).nmasks, 1);
	assert_int_equal(decide(late, ENG, text, 22 * 3600, NULL).nmasks, 2);
	assert_int_equal(decide(from, ENG, text, 0, "192.0.2.1").nmasks, 1);
	assert_int_equal(decide(from, ENG, text, 0, "10.0.2.1").nmasks, 2);
	assert_int_equal(decide(from, ENG, text, 0, NULL).nmasks, 2); /* not known: it holds */
	assert_int_equal(decide("", ENG, "drop table t", 0, NULL).nmasks, 0);
}

static void
test_outputs(void **state)
{
	struct sp_sql *sql;
	const struct sp_sql_stmt *s;
	const char *text = "select email, c.ssn as x, *, c.*, 1, 'a', count(*), lower(email), c, email::text, (c).name "
			   "from customers c";
	static const enum sp_sql_output_kind kinds[] = {SP_SQL_OUTPUT_COLUMN, SP_SQL_OUTPUT_COLUMN, SP_SQL_OUTPUT_STAR,
	    SP_SQL_OUTPUT_STAR, SP_SQL_OUTPUT_CONST, SP_SQL_OUTPUT_CONST, SP_SQL_OUTPUT_COUNT, SP_SQL_OUTPUT_EXPR,
	    SP_SQL_OUTPUT_EXPR, SP_SQL_OUTPUT_EXPR, SP_SQL_OUTPUT_EXPR};

	(void)state;
	assert_int_equal(sp_sql_parse(text, strlen(text), &sql), 0);
	s = sp_sql_at(sql, 0);
	assert_int_equal(s->noutputs, sizeof(kinds) / sizeof(kinds[0]));
	for (size_t i = 0; i < s->noutputs; i++)
		assert_int_equal(s->outputs[i].kind, kinds[i]);
	assert_string_equal(s->outputs[1].qualifier, "c");
	assert_string_equal(s->outputs[1].label, "x");
	assert_string_equal(s->relations[0].name, "customers");
	assert_true(s->has_rows);
	sp_sql_unref(sql);
}

/* Everything a decision can see of a statement, as text. */
static void
describe(const char *text, char *out, size_t size)
{
	struct sp_sql *sql;
	size_t n = 0;

	out[0] = 0;
	assert_int_equal(sp_sql_parse(text, strlen(text), &sql), 0);
	for (size_t i = 0; i < sp_sql_count(sql); i++) {
		const struct sp_sql_stmt *s = sp_sql_at(sql, i);

		n += (size_t)snprintf(out + n, size - n, "%d%d%d[%s][%s]", s->verb, s->has_rows, s->copy, s->prepared, s->cursor);
		for (size_t j = 0; j < s->nactions; j++)
			n += (size_t)snprintf(out + n, size - n, "(%llx %d %s.%s)", (unsigned long long)s->actions[j].words,
			    s->actions[j].need, s->actions[j].schema, s->actions[j].name);
		for (size_t j = 0; j < s->noutputs; j++)
			n += (size_t)snprintf(out + n, size - n, "<%d %s>", s->outputs[j].kind, s->outputs[j].column);
		for (size_t j = 0; j < s->ncolumns; j++)
			n += (size_t)snprintf(out + n, size - n, "{%s}", s->columns[j]);
		assert_true(n < size);
	}
	sp_sql_unref(sql);
}

static void
test_cache_keys(void **state)
{
	/* Pairs that must never share a key: what differs is no integer literal, or stands where text is quoted. */
	static const char *const apart[][2] = {{"select 'a1'", "select 'a2'"}, {"select t1.a from t1", "select t2.a from t2"},
	    {"delete from t1 where a=1", "delete from t2 where a=1"}, {"select 1 as c1", "select 1 as c2"},
	    {"select $1", "select $2"}, {"select \"1\"", "select \"2\""}, {"select 1 -- 2\n", "select 1 -- 3\n"},
	    {"select 1 /* 2 */", "select 1 /* 3 */"}, {"execute p1", "execute p2"}, {"fetch c1", "fetch c2"},
	    {"select 1e5", "select 1e6"}, {"select 0x10", "select 0x11"}, {"select 1_0", "select 1_1"},
	    {"select x1()", "select x2()"}, {"set a1 = 1", "set a2 = 1"}, {"select 1", "select 1 "},
	    {"select 1", "select 11111111111"}, {"select E'\\1'", "select E'\\2'"}, {"select 1a", "select 2a"},
	    {"select \xc3\xa9" "1", "select \xc3\xa9" "2"}, {"select `1", "select `2"}, {"select 1", "SELECT 1"}};
	/* Pairs that share a key: their facts must be the same. */
	static const char *const alike[][2] = {{"select 1", "select 2"}, {"select a from t where id = 1", "select a from t where id = 22"},
	    {"delete from t where id = 1", "delete from t where id = 99"}, {"delete from t where 1 = 1", "delete from t where 1 = 2"},
	    {"update t set a = 0 where 0 = 1", "update t set a = 1 where 1 = 1"}, {"delete from t where id+1 = id+1", "delete from t where id+1 = id+2"},
	    {"explain (analyze 0) delete from t", "explain (analyze 1) delete from t"},
	    {"select 1.5 from t limit 10", "select 2.25 from t limit 0"}, {"set standard_conforming_strings = 0", "set standard_conforming_strings = 1"},
	    {"insert into t values (1, 2)", "insert into t values (3, 4)"}, {"select a from t order by 1", "select a from t order by 2"},
	    {"fetch 1 from c", "fetch 2 from c"}, {"select 1 where 1 between 0 and 1", "select 1 where 1 between 5 and 1"}};
	char a[256], b[256], fa[4096], fb[4096];

	(void)state;
	for (size_t i = 0; i < sizeof(apart) / sizeof(apart[0]); i++) {
		size_t na = sp_sqlcache_key(apart[i][0], strlen(apart[i][0]), a), nb = sp_sqlcache_key(apart[i][1], strlen(apart[i][1]), b);

		if (na == nb && memcmp(a, b, na) == 0)
			fail_msg("one key: %s | %s", apart[i][0], apart[i][1]);
	}
	for (size_t i = 0; i < sizeof(alike) / sizeof(alike[0]); i++) {
		size_t na = sp_sqlcache_key(alike[i][0], strlen(alike[i][0]), a), nb = sp_sqlcache_key(alike[i][1], strlen(alike[i][1]), b);

		assert_int_equal(na, nb);
		assert_memory_equal(a, b, na);
		describe(alike[i][0], fa, sizeof(fa));
		describe(alike[i][1], fb, sizeof(fb));
		assert_string_equal(fa, fb);
	}
}

static void
test_cache(void **state)
{
	struct sp_sqlcache *c = sp_sqlcache_new(8, 0);
	uint64_t hits, misses;
	struct sp_sql *sql, *held;
	char text[64];

	(void)state;
	assert_int_equal(sp_sqlcache_get(c, "select 1", 8, &held), 0);
	for (int i = 0; i < 100; i++) {
		(void)snprintf(text, sizeof(text), "select %d", i);
		assert_int_equal(sp_sqlcache_get(c, text, strlen(text), &sql), 0);
		assert_ptr_equal(sql, held);
		sp_sql_unref(sql);
	}
	for (int i = 0; i < 100; i++) {
		(void)snprintf(text, sizeof(text), "select a%d", i);
		assert_int_equal(sp_sqlcache_get(c, text, strlen(text), &sql), 0);
		sp_sql_unref(sql);
	}
	sp_sqlcache_stats(c, &hits, &misses);
	assert_int_equal(hits, 100);
	assert_int_equal(misses, 101);
	sp_sqlcache_free(c);
	assert_int_equal(sp_sql_count(held), 1); /* outlives the cache */
	sp_sql_unref(held);
}

/* Each statement cut at every byte: nothing is read past the end, and what is left never gains an action unseen. */
static void
test_cut(void **state)
{
	static const char text[] = "with d as (delete from only a.t x where x.id = $1 and U&\"b\" <> E'\\'' returning *) "
				   "select (c).f, array[1,2][1], case when a then b end from d /* x */ join u on true -- y\n;";
	(void)state;
	for (size_t n = 0; n < sizeof(text); n++) {
		char *copy = malloc(n == 0 ? 1 : n);
		struct sp_sql *sql;

		memcpy(copy, text, n);
		assert_int_equal(sp_sql_parse(copy, n, &sql), 0);
		sp_sql_unref(sql);
		free(copy);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_image), cmocka_unit_test(test_diagnostics),
	    cmocka_unit_test(test_subject), cmocka_unit_test(test_context), cmocka_unit_test(test_people),
	    cmocka_unit_test(test_marks), cmocka_unit_test(test_outputs), cmocka_unit_test(test_cache_keys), cmocka_unit_test(test_cache),
	    cmocka_unit_test(test_cut)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
