/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/yaml.h"

#include <inttypes.h>
#include <libfyaml.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/text.h"

#define SP_YAML_MESSAGE_MAX 400

struct sp_yaml_node {
	enum sp_yaml_type type;
	bool is_plain; /* scalar without quotes */
	unsigned int line, column;
	const struct sp_yaml *doc;
	char *text;
	size_t n, cap;
	struct sp_yaml_node **keys; /* mapping */
	struct sp_yaml_node **items;
};

struct sp_yaml {
	char *name;
	struct sp_yaml_node *root;
	size_t nnodes;
};

/* One document being read. */
struct sp_yaml_reader {
	struct sp_yaml *doc;
	struct fy_parser *fyp;
	struct sp_diags *diags;
	unsigned int depth;
};

static void
sp_yaml_node_free(struct sp_yaml_node *n)
{
	if (n == NULL)
		return;
	for (size_t i = 0; i < n->n; i++) {
		if (n->keys != NULL)
			sp_yaml_node_free(n->keys[i]);
		sp_yaml_node_free(n->items[i]);
	}
	free(n->keys);
	free(n->items);
	free(n->text);
	free(n);
}

void
sp_yaml_free(struct sp_yaml *y)
{
	if (y == NULL)
		return;
	sp_yaml_node_free(y->root);
	free(y->name);
	free(y);
}

static int
sp_yaml_refuse(struct sp_yaml_reader *r, const struct fy_mark *at, const char *suggestion, const char *message)
{
	sp_diags_add(r->diags, r->doc->name, at == NULL ? 0 : (unsigned int)at->line + 1,
	    at == NULL ? 0 : (unsigned int)at->column + 1, suggestion, "%s", message);
	return SP_ERR_FORMAT;
}

/* What libfyaml found wrong. */
static void
sp_yaml_syntax(struct sp_yaml_reader *r, struct fy_diag *diag)
{
	size_t before = sp_diags_count(r->diags);
	struct fy_diag_error *e;
	void *iter = NULL;

	while (diag != NULL && (e = fy_diag_errors_iterate(diag, &iter)) != NULL)
		sp_diags_add(r->diags, r->doc->name, e->line < 0 ? 1 : (unsigned int)e->line + 0u,
		    e->column < 0 ? 1 : (unsigned int)e->column + 0u, NULL, "%s", e->msg == NULL ? "not YAML" : e->msg);
	if (sp_diags_count(r->diags) == before)
		sp_diags_add(r->diags, r->doc->name, 1, 1, NULL, "not YAML");
}

static int
sp_yaml_push(struct sp_yaml_node *n, struct sp_yaml_node *key, struct sp_yaml_node *item)
{
	if (n->n == n->cap) {
		size_t cap = n->cap == 0 ? 4 : n->cap * 2;
		struct sp_yaml_node **p = reallocarray(n->items, cap, sizeof(*p));

		if (p == NULL)
			return SP_ERR_NOMEM;
		n->items = p;
		if (n->type == SP_YAML_MAPPING) {
			p = reallocarray(n->keys, cap, sizeof(*p));
			if (p == NULL)
				return SP_ERR_NOMEM;
			n->keys = p;
		}
		n->cap = cap;
	}
	if (n->keys != NULL)
		n->keys[n->n] = key;
	n->items[n->n++] = item;
	return 0;
}

static int sp_yaml_read(struct sp_yaml_reader *r, struct fy_event *ev, struct sp_yaml_node **ret_node);

static int
sp_yaml_scalar(struct sp_yaml_reader *r, struct fy_event *ev, const struct fy_mark *at, struct sp_yaml_node *n)
{
	struct fy_token *t = ev->scalar.value;
	size_t len = 0;
	const char *text = t == NULL ? NULL : fy_token_get_text(t, &len);

	n->type = SP_YAML_SCALAR;
	n->is_plain = t == NULL || fy_token_scalar_style(t) == FYSS_PLAIN;
	/* libfyaml's mark is behind the opening quote. */
	if (t != NULL && n->column > 1 &&
	    (fy_token_scalar_style(t) == FYSS_SINGLE_QUOTED || fy_token_scalar_style(t) == FYSS_DOUBLE_QUOTED))
		n->column--;
	if (text == NULL || len == 0) {
		text = "";
		len = 0;
	}
	if (n->is_plain && (len == 0 || (len == 1 && text[0] == '~') || (len == 4 && memcmp(text, "null", 4) == 0)))
		n->type = SP_YAML_NULL;
	if (len > 0 && memchr(text, 0, len) != NULL)
		return sp_yaml_refuse(r, at, NULL, "a NUL character");
	n->text = malloc(len + 1);
	if (n->text == NULL)
		return SP_ERR_NOMEM;
	memcpy(n->text, text, len);
	n->text[len] = 0;
	return 0;
}

static int
sp_yaml_add_pair(struct sp_yaml_reader *r, struct sp_yaml_node *n, struct sp_yaml_node *key, struct fy_event *ev)
{
	struct sp_yaml_node *item = NULL;
	int err;

	if (n->type == SP_YAML_MAPPING) {
		if (key->type != SP_YAML_SCALAR) {
			sp_yaml_error(key, r->diags, NULL, "a key must be plain text");
			return SP_ERR_FORMAT;
		}
		for (size_t i = 0; i < n->n; i++) {
			if (strcmp(n->keys[i]->text, key->text) != 0)
				continue;
			sp_yaml_error(key, r->diags, NULL, "the key \"%s\" is given twice (first in line %u)", key->text,
			    n->keys[i]->line);
			return SP_ERR_FORMAT;
		}
	}
	err = sp_yaml_read(r, ev, &item);
	if (err == 0)
		err = sp_yaml_push(n, key, item);
	if (err != 0)
		sp_yaml_node_free(item);
	return err;
}

static int
sp_yaml_collection(struct sp_yaml_reader *r, struct sp_yaml_node *n)
{
	bool is_mapping = n->type == SP_YAML_MAPPING;
	int err = 0;

	if (++r->depth > SP_POLICY_DEPTH_MAX) {
		sp_yaml_error(n, r->diags, NULL, "nested too deeply");
		return SP_ERR_LIMIT;
	}
	while (err == 0) {
		struct fy_event *ev = fy_parser_parse(r->fyp);
		struct sp_yaml_node *key = NULL;
		bool is_end;

		if (ev == NULL)
			return SP_ERR_FORMAT;
		is_end = ev->type == (is_mapping ? FYET_MAPPING_END : FYET_SEQUENCE_END);
		if (!is_end && is_mapping) {
			err = sp_yaml_read(r, ev, &key);
			fy_parser_event_free(r->fyp, ev);
			ev = err == 0 ? fy_parser_parse(r->fyp) : NULL;
			if (err == 0 && ev == NULL)
				err = SP_ERR_FORMAT;
		}
		if (!is_end && err == 0)
			err = sp_yaml_add_pair(r, n, key, ev);
		if (err != 0)
			sp_yaml_node_free(key);
		if (ev != NULL)
			fy_parser_event_free(r->fyp, ev);
		if (is_end)
			break;
	}
	r->depth--;
	return err;
}

static int
sp_yaml_read(struct sp_yaml_reader *r, struct fy_event *ev, struct sp_yaml_node **ret_node)
{
	const struct fy_mark *at = fy_event_start_mark(ev);
	struct sp_yaml_node *n;
	int err;

	if (ev->type == FYET_ALIAS)
		return sp_yaml_refuse(r, at, "write it out", "aliases are not allowed");
	if (fy_event_get_anchor_token(ev) != NULL)
		return sp_yaml_refuse(r, at, NULL, "anchors are not allowed");
	if (fy_event_get_tag_token(ev) != NULL)
		return sp_yaml_refuse(r, at, NULL, "tags are not allowed");
	if (++r->doc->nnodes > SP_POLICY_NODES_MAX) {
		(void)sp_yaml_refuse(r, at, NULL, "too much in one file");
		return SP_ERR_LIMIT;
	}
	n = calloc(1, sizeof(*n));
	if (n == NULL)
		return SP_ERR_NOMEM;
	n->doc = r->doc;
	n->line = at == NULL ? 1 : (unsigned int)at->line + 1;
	n->column = at == NULL ? 1 : (unsigned int)at->column + 1;
	switch (ev->type) {
	case FYET_SCALAR:
		err = sp_yaml_scalar(r, ev, at, n);
		break;
	case FYET_SEQUENCE_START:
	case FYET_MAPPING_START:
		n->type = ev->type == FYET_MAPPING_START ? SP_YAML_MAPPING : SP_YAML_SEQUENCE;
		err = sp_yaml_collection(r, n);
		break;
	default:
		err = sp_yaml_refuse(r, at, NULL, "not expected here");
		break;
	}
	if (err == 0)
		*ret_node = n;
	else
		sp_yaml_node_free(n);
	return err;
}

static int
sp_yaml_document(struct sp_yaml_reader *r)
{
	struct fy_event *ev;
	unsigned int documents = 0;
	int err = 0;

	while (err == 0 && (ev = fy_parser_parse(r->fyp)) != NULL) {
		switch (ev->type) {
		case FYET_STREAM_START:
		case FYET_STREAM_END:
		case FYET_DOCUMENT_END:
			break;
		case FYET_DOCUMENT_START:
			if (documents++ > 0)
				err = sp_yaml_refuse(r, fy_event_start_mark(ev), "use a file for each",
				    "a second document");
			break;
		default:
			err = sp_yaml_read(r, ev, &r->doc->root);
			break;
		}
		fy_parser_event_free(r->fyp, ev);
	}
	return err;
}

static int
sp_yaml_run(struct sp_yaml_reader *r, const char *text, size_t len)
{
	struct fy_diag_cfg dcfg;
	struct fy_parse_cfg cfg = {.search_path = "", .flags = FYPCF_QUIET | FYPCF_DEFAULT_VERSION_1_2};
	struct fy_diag *diag;
	size_t before = sp_diags_count(r->diags);
	int err = SP_ERR_NOMEM;

	fy_diag_cfg_default(&dcfg);
	dcfg.fp = NULL;
	dcfg.level = FYET_ERROR;
	diag = fy_diag_create(&dcfg);
	if (diag == NULL)
		return err;
	fy_diag_set_collect_errors(diag, true);
	cfg.diag = diag;
	r->fyp = fy_parser_create(&cfg);
	if (r->fyp != NULL && fy_parser_set_string(r->fyp, text, len) == 0) {
		err = sp_yaml_document(r);
		if (err == 0 && fy_parser_get_stream_error(r->fyp))
			err = SP_ERR_FORMAT;
		if (err == SP_ERR_FORMAT && sp_diags_count(r->diags) == before)
			sp_yaml_syntax(r, diag);
	}
	if (r->fyp != NULL)
		fy_parser_destroy(r->fyp);
	fy_diag_destroy(diag);
	return err;
}

int
sp_yaml_parse(const char *name, const char *text, size_t len, struct sp_diags *diags, struct sp_yaml **ret_yaml)
{
	struct sp_yaml_reader r = {.diags = diags};
	struct sp_yaml *doc = calloc(1, sizeof(*doc));
	int err = 0;

	if (doc == NULL)
		return SP_ERR_NOMEM;
	r.doc = doc;
	doc->name = strdup(name);
	if (doc->name == NULL)
		err = SP_ERR_NOMEM;
	else if (len > SP_POLICY_FILE_MAX)
		err = sp_yaml_refuse(&r, NULL, NULL, "longer than 1 MiB");
	else if (!sp_text_is_utf8(text, len) || (len > 0 && memchr(text, 0, len) != NULL))
		err = sp_yaml_refuse(&r, NULL, NULL, "not valid UTF-8 text");
	if (err == 0 && len > 0)
		err = sp_yaml_run(&r, text, len);
	if (err == 0 && doc->root == NULL) {
		doc->root = calloc(1, sizeof(*doc->root));
		if (doc->root == NULL)
			err = SP_ERR_NOMEM;
		else
			*doc->root = (struct sp_yaml_node){.type = SP_YAML_NULL, .line = 1, .column = 1, .doc = doc};
	}
	if (err == 0)
		*ret_yaml = doc;
	else
		sp_yaml_free(doc);
	return err;
}

const struct sp_yaml_node *
sp_yaml_root(const struct sp_yaml *y)
{
	return y->root;
}

enum sp_yaml_type
sp_yaml_type(const struct sp_yaml_node *n)
{
	return n->type;
}

const char *
sp_yaml_file(const struct sp_yaml_node *n)
{
	return n->doc->name;
}

unsigned int
sp_yaml_line(const struct sp_yaml_node *n)
{
	return n->line;
}

unsigned int
sp_yaml_column(const struct sp_yaml_node *n)
{
	return n->column;
}

void
sp_yaml_error(const struct sp_yaml_node *n, struct sp_diags *diags, const char *suggestion, const char *fmt, ...)
{
	char text[SP_YAML_MESSAGE_MAX];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	sp_diags_add(diags, n->doc->name, n->line, n->column, suggestion, "%s", text);
}

size_t
sp_yaml_count(const struct sp_yaml_node *n)
{
	return n == NULL ? 0 : n->n;
}

const struct sp_yaml_node *
sp_yaml_item(const struct sp_yaml_node *n, size_t i)
{
	return n->items[i];
}

const char *
sp_yaml_key(const struct sp_yaml_node *n, size_t i)
{
	return n->keys[i]->text;
}

const struct sp_yaml_node *
sp_yaml_key_node(const struct sp_yaml_node *n, size_t i)
{
	return n->keys[i];
}

const struct sp_yaml_node *
sp_yaml_get(const struct sp_yaml_node *n, const char *key)
{
	for (size_t i = 0; n != NULL && n->type == SP_YAML_MAPPING && i < n->n; i++)
		if (strcmp(n->keys[i]->text, key) == 0)
			return n->items[i];
	return NULL;
}

const char *
sp_yaml_text(const struct sp_yaml_node *n)
{
	return n->type == SP_YAML_SCALAR ? n->text : NULL;
}

int
sp_yaml_need(const struct sp_yaml_node *n, enum sp_yaml_type type, struct sp_diags *diags)
{
	static const char *const names[] = {"", "text", "a list", "a mapping", "nothing"};

	if (n->type == type)
		return 0;
	sp_yaml_error(n, diags, NULL, "expected %s, found %s", names[type], names[n->type]);
	return SP_ERR_FORMAT;
}

int
sp_yaml_check_keys(const struct sp_yaml_node *n, const char *const *keys, struct sp_diags *diags)
{
	int r = sp_yaml_need(n, SP_YAML_MAPPING, diags);
	char hint[96];

	for (size_t i = 0; i < (r == 0 || n->type == SP_YAML_MAPPING ? n->n : 0); i++) {
		const char *key = n->keys[i]->text, *near;
		size_t k = 0;

		while (keys[k] != NULL && strcmp(keys[k], key) != 0)
			k++;
		if (keys[k] != NULL)
			continue;
		near = sp_diag_nearest(key, keys);
		if (near != NULL)
			(void)snprintf(hint, sizeof(hint), "did you mean \"%s\"?", near);
		sp_yaml_error(n->keys[i], diags, near == NULL ? NULL : hint, "unknown key \"%s\"", key);
		r = SP_ERR_FORMAT;
	}
	return r;
}

int
sp_yaml_string(const struct sp_yaml_node *n, size_t max, struct sp_diags *diags, const char **ret_s)
{
	int r = sp_yaml_need(n, SP_YAML_SCALAR, diags);

	if (r != 0)
		return r;
	if (n->text[0] == 0 || strlen(n->text) > max) {
		sp_yaml_error(n, diags, NULL, "expected 1 to %zu bytes of text", max);
		return SP_ERR_FORMAT;
	}
	*ret_s = n->text;
	return 0;
}

int
sp_yaml_int(const struct sp_yaml_node *n, int64_t min, int64_t max, struct sp_diags *diags, int64_t *ret_v)
{
	int r = sp_yaml_need(n, SP_YAML_SCALAR, diags);
	const char *p = n->text;
	bool is_negative;
	int64_t v = 0;

	if (r != 0)
		return r;
	is_negative = *p == '-';
	p += is_negative;
	for (; *p >= '0' && *p <= '9' && v < INT64_MAX / 100; p++)
		v = v * 10 + (*p - '0');
	if (*p != 0 || p == n->text + is_negative || !n->is_plain || (is_negative ? -v : v) < min ||
	    (is_negative ? -v : v) > max) {
		sp_yaml_error(n, diags, NULL, "expected a whole number from %" PRId64 " to %" PRId64, min, max);
		return SP_ERR_FORMAT;
	}
	*ret_v = is_negative ? -v : v;
	return 0;
}

int
sp_yaml_bool(const struct sp_yaml_node *n, struct sp_diags *diags, bool *ret_v)
{
	int r = sp_yaml_need(n, SP_YAML_SCALAR, diags);

	if (r != 0)
		return r;
	if (!n->is_plain || (strcmp(n->text, "true") != 0 && strcmp(n->text, "false") != 0)) {
		sp_yaml_error(n, diags, NULL, "expected true or false");
		return SP_ERR_FORMAT;
	}
	*ret_v = n->text[0] == 't';
	return 0;
}

int
sp_yaml_duration(const struct sp_yaml_node *n, uint32_t min, uint32_t max, struct sp_diags *diags,
    uint32_t *ret_seconds)
{
	static const struct {
		char unit;
		uint32_t seconds;
	} units[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}};
	int r = sp_yaml_need(n, SP_YAML_SCALAR, diags);
	const char *p = n->text;
	uint64_t v = 0;

	if (r != 0)
		return r;
	for (; *p >= '0' && *p <= '9' && v <= UINT32_MAX; p++)
		v = v * 10 + (uint64_t)(*p - '0');
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]) && p != n->text && *p != 0 && p[1] == 0; i++) {
		if (*p != units[i].unit || v * units[i].seconds < min || v * units[i].seconds > max)
			continue;
		*ret_seconds = (uint32_t)(v * units[i].seconds);
		return 0;
	}
	sp_yaml_error(n, diags, "such as 30s, 15m, 12h or 7d", "expected a duration from %" PRIu32 " to %" PRIu32 " seconds",
	    min, max);
	return SP_ERR_FORMAT;
}

int
sp_yaml_enum(const struct sp_yaml_node *n, const char *const *words, struct sp_diags *diags, size_t *ret_i)
{
	int r = sp_yaml_need(n, SP_YAML_SCALAR, diags);
	const char *near;
	char hint[96];

	if (r != 0)
		return r;
	for (size_t i = 0; words[i] != NULL; i++) {
		if (strcmp(words[i], n->text) != 0)
			continue;
		*ret_i = i;
		return 0;
	}
	near = sp_diag_nearest(n->text, words);
	(void)snprintf(hint, sizeof(hint), "did you mean \"%s\"?", near == NULL ? words[0] : near);
	sp_yaml_error(n, diags, near == NULL ? NULL : hint, "\"%s\" is not one of the words known here", n->text);
	return SP_ERR_FORMAT;
}
