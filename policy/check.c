/* SPDX-License-Identifier: Apache-2.0 */
/* The `tests:` of policy files. */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "policy/decide.h"
#include "policy/question.h"
#include "policy/source_files.h"
#include "policy/subject.h"

/* One run over all tests. */
struct sp_check {
	struct sp_policy_source *source;
	struct sp_diags *diags;
	const struct sp_policy_image *image;
	int64_t now;
	void (*cb)(const struct sp_policy_test_result *r, void *ctx);
	void *ctx;
	size_t passed, failed;
};

/* { groups: [eng], email: a@x } as the JSON of an identity. NULL if it is not that, or out of memory. */
static json_t *
sp_check_identity(struct sp_check *k, const struct sp_yaml_node *who)
{
	json_t *o = json_object(), *list;

	if (o == NULL || (who != NULL && sp_yaml_need(who, SP_YAML_MAPPING, k->diags) != 0))
		goto fail;
	for (size_t i = 0; i < sp_yaml_count(who); i++) {
		const struct sp_yaml_node *v = sp_yaml_item(who, i);

		list = json_array();
		if (sp_yaml_text(v) != NULL)
			(void)json_array_append_new(list, json_string(sp_yaml_text(v)));
		for (size_t j = 0; sp_yaml_type(v) == SP_YAML_SEQUENCE && j < sp_yaml_count(v); j++) {
			const char *text = sp_yaml_text(sp_yaml_item(v, j));

			if (text != NULL)
				(void)json_array_append_new(list, json_string(text));
		}
		if (json_object_set_new(o, sp_yaml_key(who, i), list) != 0)
			goto fail;
	}
	return o;
fail:
	json_decref(o);
	return NULL;
}

static int
sp_check_subject(struct sp_check *k, const struct sp_yaml_node *who, struct sp_policy_subject **ret)
{
	json_t *o = sp_check_identity(k, who);
	char *text;
	int r;

	if (o == NULL)
		return SP_ERR_FORMAT;
	text = json_dumps(o, JSON_COMPACT);
	json_decref(o);
	if (text == NULL)
		return SP_ERR_NOMEM;
	r = sp_policy_subject_new(text, strlen(text), ret);
	free(text);
	return r;
}

static void
sp_check_report(struct sp_check *k, const struct sp_yaml_node *n, const char *expected, const struct sp_decision *d)
{
	struct sp_policy_test_result r = {.file = sp_yaml_file(n), .line = sp_yaml_line(n), .expected = expected};
	const char *run = sp_yaml_get(n, "run") == NULL ? NULL : sp_yaml_text(sp_yaml_get(n, "run"));
	const struct sp_yaml_node *rule = sp_yaml_get(n, "rule");

	r.run = run == NULL ? "" : run;
	r.on = sp_yaml_text(sp_yaml_get(n, "on"));
	r.got = sp_policy_effect_str(d->effect);
	r.rule = d->rule == NULL ? "" : sp_policy_rule_name(d->rule);
	r.message = d->message;
	r.has_passed = strcmp(r.got, expected) == 0;
	if (rule != NULL && (sp_yaml_text(rule) == NULL || strcmp(sp_yaml_text(rule), r.rule) != 0))
		r.has_passed = false;
	if (r.has_passed) {
		k->passed++;
	} else {
		k->failed++;
		sp_yaml_error(n, k->diags, NULL, "the test expects %s and gets %s%s%s: %.200s", expected, r.got,
		    r.rule[0] != 0 ? " by rule " : "", r.rule, r.run);
	}
	if (k->cb != NULL)
		k->cb(&r, k->ctx);
}

/* `file`, `path` and `to` of a test. */
static int
sp_check_file(struct sp_check *k, const struct sp_yaml_node *n, struct sp_question *asked, struct sp_decide_request *q)
{
	const struct sp_yaml_node *file = sp_yaml_get(n, "file"), *path = sp_yaml_get(n, "path"), *to = sp_yaml_get(n, "to");
	const char *words[SP_FILE_WORDS + 1];
	size_t w;

	for (unsigned i = 0; i <= SP_FILE_WORDS; i++)
		words[i] = sp_file_word_str(i);
	if (file == NULL || path == NULL || sp_yaml_text(path) == NULL || (to != NULL && sp_yaml_text(to) == NULL)) {
		sp_yaml_error(n, k->diags, "file: read, path: /etc/motd", "file and path (and to) go together");
		return SP_ERR_FORMAT;
	}
	if (sp_yaml_enum(file, words, k->diags, &w) != 0)
		return SP_ERR_FORMAT;
	return sp_question_set_file(asked, words[w], sp_yaml_text(path), to == NULL ? NULL : sp_yaml_text(to), q);
}

static int
sp_check_network(struct sp_check *k, const struct sp_yaml_node *n, bool is_more, struct sp_question *asked,
    struct sp_decide_request *q)
{
	if (is_more || sp_yaml_text(n) == NULL || sp_question_set_network(asked, sp_yaml_text(n), q) != 0) {
		sp_yaml_error(n, k->diags, "network: \"tcp 10.1.2.3 443\"",
		    is_more ? "a test asks one of run, interactive, network and file" : "expected one address and port");
		return SP_ERR_FORMAT;
	}
	return 0;
}

/* What the test asks, from `run`, `interactive`, `network` and `file`. */
static int
sp_check_question(struct sp_check *k, const struct sp_yaml_node *n, const struct sp_policy_connection *c,
    struct sp_question *asked, struct sp_decide_request *q)
{
	const struct sp_yaml_node *run = sp_yaml_get(n, "run"), *interactive = sp_yaml_get(n, "interactive"),
				  *network = sp_yaml_get(n, "network");
	int r = 0;

	if (sp_yaml_get(n, "file") != NULL || sp_yaml_get(n, "path") != NULL || sp_yaml_get(n, "to") != NULL) {
		if (run == NULL && interactive == NULL && network == NULL)
			return sp_check_file(k, n, asked, q);
		sp_yaml_error(n, k->diags, NULL, "a test asks one of run, interactive, network and file");
		return SP_ERR_FORMAT;
	}
	if (network != NULL)
		return sp_check_network(k, network, run != NULL || interactive != NULL, asked, q);
	if (interactive != NULL)
		r = sp_yaml_bool(interactive, k->diags, &q->is_terminal);
	if (r != 0 || run == NULL)
		return r;
	if (sp_yaml_text(run) == NULL)
		return sp_yaml_need(run, SP_YAML_SCALAR, k->diags);
	r = sp_question_set(asked, c, sp_yaml_text(run), false, q);
	if (r == SP_ERR_INVALID) {
		sp_yaml_error(run, k->diags, NULL, "on a connection of kind %s a test runs one plain command",
		    sp_policy_kind_str(c->kind));
		r = SP_ERR_FORMAT;
	}
	return r;
}

static int
sp_check_decide(struct sp_check *k, const struct sp_yaml_node *n, const struct sp_policy_subject *subject,
    const struct sp_policy_connection *c, struct sp_decision *d)
{
	const struct sp_yaml_node *from = sp_yaml_get(n, "from"), *at = sp_yaml_get(n, "time");
	struct sp_decide_request q = {.time = k->now, .from = from == NULL ? NULL : sp_yaml_text(from)};
	struct sp_decide_scope *scope = NULL;
	struct sp_question asked = {0};
	int r = 0;

	if (at != NULL)
		r = sp_yaml_int(at, 0, INT64_MAX / 1000, k->diags, &q.time);
	if (r == 0)
		r = sp_check_question(k, n, c, &asked, &q);
	if (r == 0)
		r = sp_decide_scope_new(k->image, subject, c, &scope);
	if (r == 0)
		sp_decide(scope, &q, d);
	sp_decide_scope_free(scope);
	sp_question_clear(&asked);
	return r;
}

static int
sp_check_one(struct sp_check *k, const struct sp_yaml_node *n)
{
	static const char *const keys[] = {"who", "on", "run", "expect", "rule", "from", "time", "interactive", "file",
	    "path", "to", "network", NULL};
	static const char *const effects[] = {"deny", "approve", "allow", NULL};
	const struct sp_yaml_node *on = sp_yaml_get(n, "on"), *expect = sp_yaml_get(n, "expect");
	const struct sp_policy_connection *c;
	struct sp_policy_subject *subject = NULL;
	struct sp_decision d;
	size_t effect;
	int r = sp_yaml_check_keys(n, keys, k->diags);

	if (r != 0)
		return r;
	if (on == NULL || sp_yaml_text(on) == NULL || expect == NULL) {
		sp_yaml_error(n, k->diags, NULL, "a test needs on and expect");
		return SP_ERR_FORMAT;
	}
	r = sp_yaml_enum(expect, effects, k->diags, &effect);
	if (r != 0)
		return r;
	c = sp_policy_image_find(k->image, sp_yaml_text(on));
	if (c == NULL) {
		sp_yaml_error(on, k->diags, NULL, "there is no connection \"%s\"", sp_yaml_text(on));
		return SP_ERR_FORMAT;
	}
	r = sp_check_subject(k, sp_yaml_get(n, "who"), &subject);
	if (r == 0)
		r = sp_check_decide(k, n, subject, c, &d);
	if (r == 0)
		sp_check_report(k, n, effects[effect], &d);
	sp_policy_subject_free(subject);
	return r;
}

int
sp_policy_source_test(struct sp_policy_source *s, const void *image, size_t len, int64_t now,
    void (*cb)(const struct sp_policy_test_result *r, void *ctx), void *ctx, size_t *ret_passed, size_t *ret_failed)
{
	struct sp_check k = {.source = s, .diags = sp_policy_source_own_diags(s), .now = now, .cb = cb, .ctx = ctx};
	struct sp_policy_image *opened;
	size_t total = 0;
	int r = sp_policy_image_open(image, len, &opened), one;

	if (r != 0)
		return r;
	k.image = opened;
	for (size_t f = 0; f < sp_policy_source_files(s); f++) {
		const struct sp_yaml_node *tests = sp_yaml_get(sp_policy_source_root(s, f), "tests");

		if (tests != NULL && sp_yaml_type(tests) != SP_YAML_NULL &&
		    sp_yaml_need(tests, SP_YAML_SEQUENCE, k.diags) != 0)
			r = SP_ERR_FORMAT;
		for (size_t i = 0; r != SP_ERR_NOMEM && i < sp_yaml_count(tests); i++) {
			one = ++total > SP_POLICY_TESTS_MAX ? SP_ERR_LIMIT : sp_check_one(&k, sp_yaml_item(tests, i));
			if (one != 0)
				r = one;
		}
	}
	sp_policy_image_free(opened);
	if (r == 0) {
		*ret_passed = k.passed;
		*ret_failed = k.failed;
	}
	return r;
}
