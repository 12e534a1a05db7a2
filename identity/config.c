/* SPDX-License-Identifier: Apache-2.0 */
#include "identity/config.h"

#include <errno.h>
#include <fcntl.h>
#include <libfyaml.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/buf.h"
#include "lib/text.h"

#define SP_CONFIG_NUMBER 12 /* digits */

struct sp_config {
	const char *name;
	struct sp_reason *why;
	struct sp_issuer **issuers;
	size_t count;
};

/* A key of a mapping and what reads its value. */
struct sp_config_key {
	const char *name;
	int (*read)(struct sp_config *c, struct fy_node *value, struct sp_issuer *is);
};

/* The node's first scalar, which has a place in the file. */
static struct fy_token *
sp_config_token(struct fy_node *node)
{
	void *iter = NULL;

	while (node != NULL && !fy_node_is_scalar(node)) {
		if (fy_node_is_mapping(node)) {
			struct fy_node_pair *pair = fy_node_mapping_iterate(node, &iter);

			node = pair == NULL ? NULL : fy_node_pair_key(pair);
		} else {
			node = fy_node_sequence_iterate(node, &iter);
		}
		iter = NULL;
	}
	return node == NULL ? NULL : fy_node_get_scalar_token(node);
}

static int
sp_config_bad(struct sp_config *c, struct fy_node *node, int err, const char *what)
{
	struct fy_token *t = sp_config_token(node);
	const struct fy_mark *m = t == NULL ? NULL : fy_token_start_mark(t);

	return sp_reason_set(
	    c->why, err, "%s:%d:%d: %s", c->name, m == NULL ? 1 : m->line + 1, m == NULL ? 1 : m->column + 1, what);
}

/* Edits between a and b, strings of at most 31 bytes. */
static unsigned
sp_config_distance(const char *a, const char *b)
{
	unsigned row[32], n = (unsigned)strlen(b);

	for (unsigned j = 0; j <= n; j++)
		row[j] = j;
	for (unsigned i = 1; a[i - 1] != '\0'; i++) {
		unsigned diagonal = row[0];

		row[0] = i;
		for (unsigned j = 1; j <= n; j++) {
			unsigned best = diagonal + (a[i - 1] != b[j - 1]);

			diagonal = row[j];
			if (row[j] + 1 < best)
				best = row[j] + 1;
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			row[j] = best;
		}
	}
	return row[n];
}

static int
sp_config_unknown(struct sp_config *c, struct fy_node *node, const char *key, const struct sp_config_key *keys)
{
	const char *near = NULL;
	unsigned best = 4;
	char text[160];

	for (const struct sp_config_key *k = keys; k->name != NULL; k++) {
		unsigned d = strlen(key) < 32 ? sp_config_distance(key, k->name) : best;

		if (d < best) {
			best = d;
			near = k->name;
		}
	}
	if (near != NULL)
		snprintf(text, sizeof(text), "unknown key \"%.40s\": did you mean \"%s\"?", key, near);
	else
		snprintf(text, sizeof(text), "unknown key \"%.40s\"", key);
	return sp_config_bad(c, node, SP_ERR_INVALID, text);
}

/* A plain or quoted scalar without control characters, copied. */
static int
sp_config_string(struct sp_config *c, struct fy_node *node, char **ret_s)
{
	const char *s;
	size_t n;

	if (!fy_node_is_scalar(node) || fy_node_is_alias(node))
		return sp_config_bad(c, node, SP_ERR_INVALID, "a text is wanted here");
	s = fy_node_get_scalar(node, &n);
	if (s == NULL || n == 0)
		return sp_config_bad(c, node, SP_ERR_INVALID, "empty value");
	if (n > SP_CONFIG_STRING || !sp_text_is_plain(s, n))
		return sp_config_bad(c, node, SP_ERR_INVALID, "value too long or with control characters");
	*ret_s = strndup(s, n);
	return *ret_s == NULL ? SP_ERR_NOMEM : 0;
}

/* Reads a mapping by a table of keys: unknown ones are refused, each is read at most once. */
static int
sp_config_mapping(struct sp_config *c, struct fy_node *node, const struct sp_config_key *keys, struct sp_issuer *is)
{
	struct fy_node_pair *pair;
	unsigned seen = 0;
	void *iter = NULL;

	if (node == NULL || !fy_node_is_mapping(node))
		return sp_config_bad(c, node, SP_ERR_INVALID, "a mapping (key: value) is wanted here");
	while ((pair = fy_node_mapping_iterate(node, &iter)) != NULL) {
		struct fy_node *kn = fy_node_pair_key(pair);
		const struct sp_config_key *k = keys;
		char *key = NULL;
		int r =
		    kn == NULL ? sp_config_bad(c, node, SP_ERR_INVALID, "empty key") : sp_config_string(c, kn, &key);

		if (r != 0)
			return r;
		while (k->name != NULL && strcmp(k->name, key) != 0)
			k++;
		if (k->name == NULL)
			r = sp_config_unknown(c, kn, key, keys);
		else if ((seen & 1u << (k - keys)) != 0)
			r = sp_config_bad(c, kn, SP_ERR_INVALID, "the same key twice");
		else if (fy_node_pair_value(pair) == NULL)
			r = sp_config_bad(c, kn, SP_ERR_INVALID, "a key without a value");
		else if (k->read != NULL)
			r = k->read(c, fy_node_pair_value(pair), is);
		free(key);
		if (r != 0)
			return r;
		seen |= 1u << (k - keys);
	}
	return 0;
}

/* Seconds as a number, or with s, m, h or d after it. */
static int
sp_config_duration(struct sp_config *c, struct fy_node *node, int64_t max, int64_t *ret_s)
{
	int64_t v = 0, unit = 1;
	char *s = NULL;
	size_t i = 0;
	int r = sp_config_string(c, node, &s);

	if (r != 0)
		return r;
	for (; i < SP_CONFIG_NUMBER && s[i] >= '0' && s[i] <= '9'; i++)
		v = v * 10 + (s[i] - '0');
	if (s[i] != '\0' && s[i + 1] == '\0')
		unit = s[i] == 's' ? 1 : s[i] == 'm' ? 60 : s[i] == 'h' ? 3600 : s[i] == 'd' ? 86400 : 0;
	else if (s[i] != '\0')
		unit = 0;
	free(s);
	if (i == 0 || unit == 0 || v > max / unit)
		return sp_config_bad(
		    c, node, SP_ERR_INVALID, "a duration like 60, 5m or 24h is wanted, within its maximum");
	*ret_s = v * unit;
	return 0;
}

static int
sp_config_issuer_url(struct sp_config *c, struct fy_node *node, struct sp_issuer *is)
{
	int r = sp_config_string(c, node, &is->issuer);

	if (r != 0)
		return r;
	if (strncmp(is->issuer, "https://", 8) != 0 || is->issuer[8] == '\0' || strpbrk(is->issuer, "?# @") != NULL)
		return sp_config_bad(c, node, SP_ERR_INVALID, "an issuer is an https:// URL without query or fragment");
	return 0;
}

static int
sp_config_client_id(struct sp_config *c, struct fy_node *node, struct sp_issuer *is)
{
	return sp_config_string(c, node, &is->client_id);
}

static int
sp_config_audiences(struct sp_config *c, struct fy_node *node, struct sp_issuer *is)
{
	struct fy_node *item;
	void *iter = NULL;

	if (!fy_node_is_sequence(node))
		return sp_config_bad(c, node, SP_ERR_INVALID, "a list is wanted here");
	while ((item = fy_node_sequence_iterate(node, &iter)) != NULL) {
		int r;

		if (is->trusted_count == SP_ISSUER_AUDIENCES)
			return sp_config_bad(c, item, SP_ERR_LIMIT, "too many trusted audiences");
		r = sp_config_string(c, item, &is->trusted_audiences[is->trusted_count]);
		if (r != 0)
			return r;
		is->trusted_count++;
	}
	return 0;
}

static int
sp_config_algorithms(struct sp_config *c, struct fy_node *node, struct sp_issuer *is)
{
	struct fy_node *item;
	void *iter = NULL;

	if (!fy_node_is_sequence(node))
		return sp_config_bad(c, node, SP_ERR_INVALID, "a list of algorithms is wanted here");
	is->algorithms = 0;
	while ((item = fy_node_sequence_iterate(node, &iter)) != NULL) {
		enum sp_jwa alg;
		char *s = NULL;
		int r = sp_config_string(c, item, &s);

		if (r != 0)
			return r;
		r = sp_jwa_by_name(s, &alg);
		free(s);
		if (r != 0)
			return sp_config_bad(
			    c, item, SP_ERR_INVALID, "an algorithm is RS256, PS256, ES256, ES384, ES512 or EdDSA");
		is->algorithms |= 1u << alg;
	}
	if (is->algorithms == 0)
		return sp_config_bad(c, node, SP_ERR_INVALID, "at least one algorithm is wanted");
	return 0;
}

static int
sp_config_expiry(struct sp_config *c, struct fy_node *node, struct sp_issuer *is)
{
	char *s = NULL;
	int r = sp_config_string(c, node, &s);

	if (r != 0)
		return r;
	r = sp_issuer_expiry_by_name(s, &is->expiry);
	free(s);
	if (r != 0)
		return sp_config_bad(c, node, r, "expiry is oidc, oidc-refreshed, 12h, 24h, 48h or 1week");
	return 0;
}

static int
sp_config_user_claim(struct sp_config *c, struct fy_node *node, struct sp_issuer *is)
{
	return sp_config_string(c, node, &is->user_claim);
}

static int
sp_config_user_domain(struct sp_config *c, struct fy_node *node, struct sp_issuer *is)
{
	return sp_config_string(c, node, &is->user_domain);
}

static int
sp_config_user(struct sp_config *c, struct fy_node *node, struct sp_issuer *is)
{
	static const struct sp_config_key keys[] = {
	    {"claim", sp_config_user_claim},
	    {"domain", sp_config_user_domain},
	    {NULL, NULL},
	};
	int r = sp_config_mapping(c, node, keys, is);

	if (r != 0)
		return r;
	if (is->user_claim == NULL)
		return sp_config_bad(c, node, SP_ERR_INVALID, "user needs a claim");
	if ((strcmp(is->user_claim, "email") == 0) != (is->user_domain != NULL))
		return sp_config_bad(
		    c, node, SP_ERR_INVALID, "claim: email needs a domain, and no other claim has one");
	return 0;
}

static int
sp_config_groups_claim(struct sp_config *c, struct fy_node *node, struct sp_issuer *is)
{
	return sp_config_string(c, node, &is->groups_claim);
}

static int
sp_config_ca(struct sp_config *c, struct fy_node *node, struct sp_issuer *is)
{
	int r = sp_config_string(c, node, &is->ca);

	if (r == 0 && is->ca[0] != '/')
		r = sp_config_bad(c, node, SP_ERR_INVALID, "ca is an absolute path");
	return r;
}

static int
sp_config_max_age(struct sp_config *c, struct fy_node *node, struct sp_issuer *is)
{
	return sp_config_duration(c, node, 366 * 86400, &is->max_age);
}

static int
sp_config_skew(struct sp_config *c, struct fy_node *node, struct sp_issuer *is)
{
	return sp_config_duration(c, node, SP_ISSUER_SKEW_MAX, &is->skew);
}

static int
sp_config_stale(struct sp_config *c, struct fy_node *node, struct sp_issuer *is)
{
	return sp_config_duration(c, node, SP_ISSUER_STALE_MAX, &is->stale);
}

static const struct sp_config_key sp_config_issuer_keys[] = {
    {"issuer", sp_config_issuer_url},
    {"client_id", sp_config_client_id},
    {"trusted_audiences", sp_config_audiences},
    {"algorithms", sp_config_algorithms},
    {"expiry", sp_config_expiry},
    {"user", sp_config_user},
    {"groups_claim", sp_config_groups_claim},
    {"ca", sp_config_ca},
    {"max_age", sp_config_max_age},
    {"skew", sp_config_skew},
    {"stale", sp_config_stale},
    {NULL, NULL},
};

static int
sp_config_issuer(struct sp_config *c, struct fy_node *node)
{
	struct sp_issuer *is;
	int r;

	if (c->count == SP_ISSUER_MAX)
		return sp_config_bad(c, node, SP_ERR_LIMIT, "too many issuers");
	is = sp_issuer_new();
	if (is == NULL)
		return SP_ERR_NOMEM;
	c->issuers[c->count++] = is;
	r = sp_config_mapping(c, node, sp_config_issuer_keys, is);
	if (r != 0)
		return r;
	if (is->issuer == NULL || is->client_id == NULL || is->user_claim == NULL)
		return sp_config_bad(c, node, SP_ERR_INVALID, "an issuer needs the keys issuer, client_id and user");
	for (size_t i = 0; i + 1 < c->count; i++) {
		if (strcmp(c->issuers[i]->issuer, is->issuer) == 0)
			return sp_config_bad(c, node, SP_ERR_INVALID, "the same issuer twice");
	}
	if (is->groups_claim == NULL)
		is->groups_claim = strdup("groups");
	return is->groups_claim == NULL ? SP_ERR_NOMEM : 0;
}

static int
sp_config_issuers(struct sp_config *c, struct fy_node *node, struct sp_issuer *unused)
{
	struct fy_node *item;
	void *iter = NULL;
	int r = 0;

	(void)unused;
	if (!fy_node_is_sequence(node))
		return sp_config_bad(c, node, SP_ERR_INVALID, "a list of issuers is wanted here");
	while (r == 0 && (item = fy_node_sequence_iterate(node, &iter)) != NULL)
		r = sp_config_issuer(c, item);
	return r;
}

static int
sp_config_version(struct sp_config *c, struct fy_node *node, struct sp_issuer *unused)
{
	char *s = NULL;
	int r = sp_config_string(c, node, &s);

	(void)unused;
	if (r == 0 && strcmp(s, "1") != 0)
		r = sp_config_bad(c, node, SP_ERR_INVALID, "version is 1");
	free(s);
	return r;
}

/* Sections of the other daemons are theirs to read. */
static const struct sp_config_key sp_config_top[] = {
    {"version", sp_config_version},
    {"issuers", sp_config_issuers},
    {"store", NULL},
    {"control", NULL},
    {"recorder", NULL},
    {"sessions", NULL},
    {"web", NULL},
    {"notifications", NULL},
    {NULL, NULL},
};

/* What libfyaml found wrong, as one line. */
static int
sp_config_syntax(struct sp_config *c, struct fy_diag *diag)
{
	struct fy_diag_error *e;
	void *iter = NULL;

	e = fy_diag_errors_iterate(diag, &iter);
	if (e == NULL)
		return sp_reason_set(c->why, SP_ERR_FORMAT, "%s: not a YAML document", c->name);
	return sp_reason_set(c->why, SP_ERR_FORMAT, "%s:%d:%d: %s", c->name, e->line, e->column, e->msg);
}

int
sp_config_parse(const char *name, const char *text, size_t n, struct sp_reason *why,
    struct sp_issuer *ret_issuers[SP_ISSUER_MAX], size_t *ret_count)
{
	struct sp_config c = {name, why, ret_issuers, 0};
	struct fy_diag_cfg dcfg;
	struct fy_parse_cfg cfg = {.flags = FYPCF_QUIET};
	struct fy_diag *diag;
	struct fy_document *doc = NULL;
	struct fy_node *root;
	int r = SP_ERR_NOMEM;

	fy_diag_cfg_default(&dcfg);
	dcfg.fp = NULL;
	diag = fy_diag_create(&dcfg);
	if (diag == NULL)
		return r;
	fy_diag_set_collect_errors(diag, true);
	cfg.diag = diag;
	doc = fy_document_build_from_string(&cfg, text, n);
	root = doc == NULL ? NULL : fy_document_root(doc);
	if (root == NULL) {
		r = sp_config_syntax(&c, diag);
		goto out;
	}
	r = sp_config_mapping(&c, root, sp_config_top, NULL);
	if (r == 0)
		*ret_count = c.count;
out:
	for (size_t i = 0; r != 0 && i < c.count; i++)
		sp_issuer_free(c.issuers[i]);
	fy_document_destroy(doc);
	fy_diag_destroy(diag);
	return r;
}

static int
sp_config_read(int fd, const char *path, struct sp_reason *why, struct sp_buf *b)
{
	struct stat st;
	uint8_t *p;
	ssize_t n;

	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
		return sp_reason_set(why, SP_ERR_SYSTEM, "%s: not a regular file", path);
	if ((st.st_uid != 0 && st.st_uid != geteuid()) || (st.st_mode & (S_IWGRP | S_IWOTH)) != 0)
		return sp_reason_set(
		    why, SP_ERR_DENIED, "%s: must belong to root and be writable by nobody else", path);
	for (;;) {
		int r = sp_buf_reserve(b, 4096, &p);

		if (r != 0)
			return sp_reason_set(why, r, "%s: longer than %zu bytes", path, SP_CONFIG_BYTES);
		n = read(fd, p, 4096);
		if (n < 0)
			return sp_reason_set(why, SP_ERR_SYSTEM, "%s: %s", path, strerror(errno));
		r = sp_buf_unput(b, 4096 - (size_t)n);
		if (r != 0 || n == 0)
			return r;
	}
}

/* The whole of a file as a new NUL-terminated string. */
static int
sp_config_slurp(const char *path, struct sp_reason *why, char **ret_text)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY), r;
	struct sp_buf *b;

	if (fd < 0)
		return sp_reason_set(why, SP_ERR_SYSTEM, "%s: %s", path, strerror(errno));
	b = sp_buf_new(SP_CONFIG_BYTES + 4096);
	r = b == NULL ? SP_ERR_NOMEM : sp_config_read(fd, path, why, b);
	if (r == 0) {
		*ret_text = strndup((const char *)sp_buf_data(b), sp_buf_len(b));
		if (*ret_text == NULL)
			r = SP_ERR_NOMEM;
		else if (strlen(*ret_text) != sp_buf_len(b))
			r = sp_reason_set(why, SP_ERR_FORMAT, "%s: holds a NUL", path);
	}
	sp_buf_free(b);
	(void)close(fd);
	return r;
}

int
sp_config_load(const char *path, struct sp_reason *why, struct sp_issuer *ret_issuers[SP_ISSUER_MAX], size_t *ret_count)
{
	char *text = NULL;
	size_t count = 0;
	int r = sp_config_slurp(path, why, &text);

	if (r == 0)
		r = sp_config_parse(path, text, strlen(text), why, ret_issuers, &count);
	for (size_t i = 0; r == 0 && i < count; i++) {
		if (ret_issuers[i]->ca != NULL)
			r = sp_config_slurp(ret_issuers[i]->ca, why, &ret_issuers[i]->ca_pem);
	}
	free(text);
	if (r == 0) {
		*ret_count = count;
		return 0;
	}
	for (size_t i = 0; i < count; i++)
		sp_issuer_free(ret_issuers[i]);
	return r;
}
