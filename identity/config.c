/* SPDX-License-Identifier: Apache-2.0 */
#include "identity/config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "identity/gq.h"
#include "lib/text.h"
#include "policy/diag.h"
#include "policy/settings.h"
#include "policy/yaml.h"
#include "runtime/conffile.h"

#define SP_CONFIG_DIAGS 8 /* diagnostics kept; the first is told */

/* A copy of a scalar. */
static int
sp_config_text(const struct sp_yaml_node *n, struct sp_diags *d, char **ret_s)
{
	const char *s;
	int r = sp_yaml_string(n, SP_CONFIG_STRING, d, &s);

	if (r != 0)
		return r;
	if (!sp_text_is_plain(s, strlen(s))) {
		sp_yaml_error(n, d, NULL, "control characters are not taken");
		return SP_ERR_FORMAT;
	}
	*ret_s = strdup(s);
	return *ret_s == NULL ? SP_ERR_NOMEM : 0;
}

static int
sp_config_bad(const struct sp_yaml_node *n, struct sp_diags *d, const char *what)
{
	sp_yaml_error(n, d, NULL, "%s", what);
	return SP_ERR_FORMAT;
}

/* A key that may be absent: reads nothing then. */
static int
sp_config_optional(const struct sp_yaml_node *n, const char *key, struct sp_diags *d, char **ret_s)
{
	const struct sp_yaml_node *v = sp_yaml_get(n, key);

	return v == NULL ? 0 : sp_config_text(v, d, ret_s);
}

static int
sp_config_seconds(const struct sp_yaml_node *n, const char *key, uint32_t max, struct sp_diags *d, int64_t *ret_s)
{
	const struct sp_yaml_node *v = sp_yaml_get(n, key);
	uint32_t seconds;
	int r = v == NULL ? 0 : sp_yaml_duration(v, 0, max, d, &seconds);

	if (v != NULL && r == 0)
		*ret_s = seconds;
	return r;
}

static int
sp_config_audiences(const struct sp_yaml_node *list, struct sp_diags *d, struct sp_issuer *is)
{
	int r = list == NULL ? 0 : sp_yaml_need(list, SP_YAML_SEQUENCE, d);

	for (size_t i = 0; list != NULL && r == 0 && i < sp_yaml_count(list); i++) {
		if (is->trusted_count == SP_ISSUER_AUDIENCES)
			return sp_config_bad(list, d, "too many trusted audiences");
		r = sp_config_text(sp_yaml_item(list, i), d, &is->trusted_audiences[is->trusted_count]);
		if (r == 0)
			is->trusted_count++;
	}
	return r;
}

static int
sp_config_algorithms(const struct sp_yaml_node *list, struct sp_diags *d, struct sp_issuer *is)
{
	const char *names[SP_JWA_COUNT + 2] = {NULL};
	int r;

	if (list == NULL)
		return 0;
	r = sp_yaml_need(list, SP_YAML_SEQUENCE, d);
	if (r != 0)
		return r;
	for (int i = 0; i < SP_JWA_COUNT; i++)
		names[i] = sp_jwa_name((enum sp_jwa)i);
	names[SP_JWA_COUNT] = SP_GQ_NAME;
	if (is->commitment == SP_ISSUER_AUD || is->commitment == SP_ISSUER_GQ_BOUND)
		return sp_config_bad(list, d, "with this commitment there is one algorithm, " SP_GQ_NAME ": leave this out");
	is->algorithms = 0;
	for (size_t i = 0; i < sp_yaml_count(list); i++) {
		size_t alg;

		r = sp_yaml_enum(sp_yaml_item(list, i), names, d, &alg);
		if (r != 0)
			return r;
		if (alg == SP_JWA_COUNT)
			is->takes_gq = true;
		else
			is->algorithms |= 1u << alg;
	}
	return is->algorithms != 0 || is->takes_gq ? 0 : sp_config_bad(list, d, "at least one algorithm is needed");
}

static int
sp_config_expiry(const struct sp_yaml_node *n, struct sp_diags *d, struct sp_issuer *is)
{
	static const char *const words[] = {
	    "oidc", "oidc-refreshed", "oidc_refreshed", "12h", "24h", "48h", "1week", NULL};
	size_t i;
	int r = n == NULL ? 0 : sp_yaml_enum(n, words, d, &i);

	return n == NULL || r != 0 ? r : sp_issuer_expiry_by_name(words[i], &is->expiry);
}

static int
sp_config_commitment(const struct sp_yaml_node *n, struct sp_diags *d, struct sp_issuer *is)
{
	static const char *const words[] = {"nonce", "aud", "gq-bound", "key-bound", NULL};
	size_t i = 0;
	int r = n == NULL ? 0 : sp_yaml_enum(n, words, d, &i);

	is->commitment = (enum sp_issuer_commitment)i;
	return r;
}

static int
sp_config_login(const struct sp_yaml_node *n, struct sp_diags *d, struct sp_issuer_login *l)
{
	static const char *const keys[] = {"user", "claim", "is", "like", NULL};
	const struct sp_yaml_node *like;
	int r = sp_yaml_need(n, SP_YAML_MAPPING, d);

	if (r == 0)
		r = sp_yaml_check_keys(n, keys, d);
	if (r == 0)
		r = sp_config_optional(n, "user", d, &l->user);
	if (r == 0)
		r = sp_config_optional(n, "claim", d, &l->claim);
	if (r != 0)
		return r;
	like = sp_yaml_get(n, "like");
	l->is_pattern = like != NULL;
	if (l->user == NULL || l->claim == NULL || (like == NULL) == (sp_yaml_get(n, "is") == NULL))
		return sp_config_bad(n, d, "a login needs the keys user, claim and one of is and like");
	if (!sp_text_is_login(l->user) || strcmp(l->user, "root") == 0)
		return sp_config_bad(sp_yaml_get(n, "user"), d, "this is no login name that anybody can have here");
	r = sp_config_optional(n, like != NULL ? "like" : "is", d, &l->value);
	if (r == 0 && l->value[strspn(l->value, "*?")] == '\0')
		return sp_config_bad(n, d, "this would be anybody whom the issuer knows");
	return r;
}

static int
sp_config_logins(const struct sp_yaml_node *list, struct sp_diags *d, struct sp_issuer *is)
{
	size_t n = list == NULL ? 0 : sp_yaml_count(list);
	int r = list == NULL ? 0 : sp_yaml_need(list, SP_YAML_SEQUENCE, d);

	if (list == NULL || r != 0)
		return r;
	if (n == 0 || n > SP_ISSUER_LOGINS)
		return sp_config_bad(list, d, n == 0 ? "at least one login is needed" : "too many logins");
	is->logins = calloc(n, sizeof(*is->logins));
	if (is->logins == NULL)
		return SP_ERR_NOMEM;
	for (; r == 0 && is->nlogins < n; is->nlogins++)
		r = sp_config_login(sp_yaml_item(list, is->nlogins), d, &is->logins[is->nlogins]);
	return r;
}

static int
sp_config_user(const struct sp_yaml_node *n, struct sp_diags *d, struct sp_issuer *is)
{
	static const char *const keys[] = {"claim", "domain", NULL};
	int r = n == NULL ? 0 : sp_yaml_need(n, SP_YAML_MAPPING, d);

	if (n == NULL)
		return 0; /* logins say */

	if (r == 0)
		r = sp_yaml_check_keys(n, keys, d);
	if (r == 0)
		r = sp_config_optional(n, "claim", d, &is->user_claim);
	if (r == 0)
		r = sp_config_optional(n, "domain", d, &is->user_domain);
	if (r != 0)
		return r;
	if (is->user_claim == NULL)
		return sp_config_bad(n, d, "user needs a claim");
	if ((strcmp(is->user_claim, "email") == 0) != (is->user_domain != NULL))
		return sp_config_bad(n, d, "claim: email needs a domain, and no other claim has one");
	return 0;
}

static int
sp_config_names(const struct sp_yaml_node *n, struct sp_diags *d, struct sp_issuer *is)
{
	int r = sp_config_optional(n, "issuer", d, &is->issuer);

	if (r == 0)
		r = sp_config_optional(n, "client_id", d, &is->client_id);
	if (r == 0)
		r = sp_config_optional(n, "groups_claim", d, &is->groups_claim);
	if (r == 0)
		r = sp_config_optional(n, "ca", d, &is->ca);
	if (r != 0)
		return r;
	if (is->issuer == NULL || (sp_yaml_get(n, "user") == NULL && sp_yaml_get(n, "logins") == NULL))
		return sp_config_bad(n, d, "an issuer needs the keys issuer, client_id, and user or logins");
	if (is->client_id == NULL && is->commitment != SP_ISSUER_AUD && is->commitment != SP_ISSUER_GQ_BOUND)
		return sp_config_bad(n, d, "an issuer needs the key client_id");
	if (strncmp(is->issuer, "https://", 8) != 0 || is->issuer[8] == '\0' || strpbrk(is->issuer, "?# @") != NULL)
		return sp_config_bad(
		    sp_yaml_get(n, "issuer"), d, "an issuer is an https:// URL without query or fragment");
	if (is->ca != NULL && is->ca[0] != '/')
		return sp_config_bad(sp_yaml_get(n, "ca"), d, "ca is an absolute path");
	if (is->groups_claim == NULL)
		is->groups_claim = strdup("groups");
	return is->groups_claim == NULL ? SP_ERR_NOMEM : 0;
}

static int
sp_config_issuer(const struct sp_yaml_node *n, struct sp_diags *d, struct sp_issuer *is)
{
	static const char *const keys[] = {"issuer", "client_id", "trusted_audiences", "algorithms", "expiry", "user",
	    "groups_claim", "ca", "max_age", "skew", "stale", "commitment", "logins", NULL};
	int r = sp_yaml_need(n, SP_YAML_MAPPING, d);

	if (r == 0)
		r = sp_yaml_check_keys(n, keys, d);
	if (r == 0)
		r = sp_config_commitment(sp_yaml_get(n, "commitment"), d, is);
	if (r == 0)
		r = sp_config_names(n, d, is);
	if (r == 0)
		r = sp_config_logins(sp_yaml_get(n, "logins"), d, is);
	if (r == 0)
		r = sp_config_user(sp_yaml_get(n, "user"), d, is);
	if (r == 0)
		r = sp_config_audiences(sp_yaml_get(n, "trusted_audiences"), d, is);
	if (r == 0)
		r = sp_config_algorithms(sp_yaml_get(n, "algorithms"), d, is);
	if (r == 0)
		r = sp_config_expiry(sp_yaml_get(n, "expiry"), d, is);
	if (r == 0)
		r = sp_config_seconds(n, "max_age", 366 * 86400, d, &is->max_age);
	if (r == 0)
		r = sp_config_seconds(n, "skew", SP_ISSUER_SKEW_MAX, d, &is->skew);
	return r != 0 ? r : sp_config_seconds(n, "stale", SP_ISSUER_STALE_MAX, d, &is->stale);
}

static int
sp_config_issuers(
    const struct sp_yaml_node *list, struct sp_diags *d, struct sp_issuer *issuers[SP_ISSUER_MAX], size_t *count)
{
	int r = list == NULL ? 0 : sp_yaml_need(list, SP_YAML_SEQUENCE, d);

	for (size_t i = 0; list != NULL && r == 0 && i < sp_yaml_count(list); i++) {
		const struct sp_yaml_node *n = sp_yaml_item(list, i);

		if (*count == SP_ISSUER_MAX)
			return sp_config_bad(n, d, "too many issuers");
		issuers[*count] = sp_issuer_new();
		if (issuers[*count] == NULL)
			return SP_ERR_NOMEM;
		r = sp_config_issuer(n, d, issuers[(*count)++]);
		for (size_t j = 0; r == 0 && j + 1 < *count; j++) {
			if (strcmp(issuers[j]->issuer, issuers[i]->issuer) == 0)
				r = sp_config_bad(n, d, "the same issuer twice");
		}
	}
	return r;
}

/* The sections of the other daemons are checked too, so that -t says what is wrong with any of them. */
static int
sp_config_root(
    const struct sp_yaml_node *root, struct sp_diags *d, struct sp_issuer *issuers[SP_ISSUER_MAX], size_t *count)
{
	struct sp_settings theirs = {.has_audit = true};
	int r = sp_settings_read(root, d, &theirs);

	return r != 0 ? r : sp_config_issuers(sp_yaml_get(root, "issuers"), d, issuers, count);
}

/* The first diagnostic as the reason. */
static int
sp_config_reason(const struct sp_diags *d, const char *name, int err, struct sp_reason *why)
{
	const struct sp_diag *first = sp_diags_at(d, 0);

	if (first == NULL)
		return sp_reason_set(why, err, "%s: %s", name, sp_err_str(err));
	return sp_reason_set(why, err, "%s:%u:%u: %s%s%s%s", first->file, first->line, first->column, first->message,
	    first->suggestion[0] != '\0' ? " (" : "", first->suggestion, first->suggestion[0] != '\0' ? ")" : "");
}

int
sp_config_parse(const char *name, const char *text, size_t n, struct sp_reason *why,
    struct sp_issuer *ret_issuers[SP_ISSUER_MAX], size_t *ret_count)
{
	struct sp_diags *d = sp_diags_new(SP_CONFIG_DIAGS);
	struct sp_yaml *y = NULL;
	size_t count = 0;
	int r;

	if (d == NULL)
		return SP_ERR_NOMEM;
	r = sp_yaml_parse(name, text, n, d, &y);
	if (r == 0)
		r = sp_config_root(sp_yaml_root(y), d, ret_issuers, &count);
	if (r == 0 && sp_diags_count(d) > 0)
		r = SP_ERR_FORMAT;
	if (r != 0)
		sp_config_reason(d, name, r, why);
	for (size_t i = 0; r != 0 && i < count; i++)
		sp_issuer_free(ret_issuers[i]);
	if (r == 0)
		*ret_count = count;
	sp_yaml_free(y);
	sp_diags_free(d);
	return r;
}

int
sp_config_load(const char *path, struct sp_reason *why, struct sp_issuer *ret_issuers[SP_ISSUER_MAX], size_t *ret_count)
{
	char *text = NULL;
	size_t count = 0;
	int r = sp_conffile_read(path, why->text, sizeof(why->text), &text);

	if (r == 0)
		r = sp_config_parse(path, text, strlen(text), why, ret_issuers, &count);
	for (size_t i = 0; r == 0 && i < count; i++) {
		if (ret_issuers[i]->ca != NULL)
			r = sp_conffile_read(ret_issuers[i]->ca, why->text, sizeof(why->text), &ret_issuers[i]->ca_pem);
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
