/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/settings.h"

#include <stdio.h>
#include <string.h>

#include "lib/text.h"
#include "policy/diag.h"
#include "policy/yaml.h"

#define SETTINGS_DIAGS 8 /* diagnostics kept; the first is told */
#define SETTINGS_RESERVE_MIB ((int64_t)1024 * 1024)
#define SETTINGS_CHECKPOINT_MAX 86400
#define SETTINGS_SESSIONS_MAX 2048 /* what sallyportd has room for */
#define SETTINGS_STARTS_MAX 10000
#define SETTINGS_WITHIN_MAX 3600

/* An integer that may be absent. */
static int
settings_number(const struct sp_yaml_node *n, const char *key, int64_t max, struct sp_diags *d, uint32_t *ret_v)
{
	const struct sp_yaml_node *v = sp_yaml_get(n, key);
	int64_t number;
	int r = v == NULL ? 0 : sp_yaml_int(v, 1, max, d, &number);

	if (v != NULL && r == 0)
		*ret_v = (uint32_t)number;
	return r;
}

static int
settings_duration(const struct sp_yaml_node *n, const char *key, uint32_t max, struct sp_diags *d, uint32_t *ret_s)
{
	const struct sp_yaml_node *v = sp_yaml_get(n, key);

	return v == NULL ? 0 : sp_yaml_duration(v, 1, max, d, ret_s);
}

/* An absolute path that may be absent. */
static int
settings_path(const struct sp_yaml_node *n, const char *key, struct sp_diags *d, char path[SP_SETTINGS_PATH])
{
	const struct sp_yaml_node *v = sp_yaml_get(n, key);
	const char *s;
	int r = v == NULL ? 0 : sp_yaml_string(v, SP_SETTINGS_PATH - 1, d, &s);

	if (v == NULL || r != 0)
		return r;
	if (s[0] != '/' || !sp_text_is_plain(s, strlen(s))) {
		sp_yaml_error(v, d, NULL, "%s is an absolute path", key);
		return SP_ERR_FORMAT;
	}
	(void)snprintf(path, SP_SETTINGS_PATH, "%s", s);
	return 0;
}

/* A name: one of known, or, for those who do not have the table, anything that could be one. */
static int
settings_name(const struct sp_yaml_node *n, const char *const *known, struct sp_diags *d, char name[SP_SETTINGS_NAME])
{
	const char *s;
	size_t i;
	int r = sp_yaml_string(n, SP_SETTINGS_NAME - 1, d, &s);

	if (r == 0 && known != NULL)
		r = sp_yaml_enum(n, known, d, &i);
	if (r != 0)
		return r;
	if (!sp_text_is_login(s)) {
		sp_yaml_error(n, d, NULL, "expected a name");
		return SP_ERR_FORMAT;
	}
	(void)snprintf(name, SP_SETTINGS_NAME, "%s", s);
	return 0;
}

/* A list of names, each once, that may be absent. */
static int
settings_sinks(const struct sp_yaml_node *n, struct sp_diags *d, struct sp_settings *s)
{
	size_t count = n == NULL ? 0 : sp_yaml_count(n);
	int r = n == NULL ? 0 : sp_yaml_need(n, SP_YAML_SEQUENCE, d);

	if (n == NULL || r != 0)
		return r;
	if (count > SP_SETTINGS_SINKS) {
		sp_yaml_error(n, d, NULL, "at most %d sinks", SP_SETTINGS_SINKS);
		return SP_ERR_FORMAT;
	}
	memset(s->sinks, 0, sizeof(s->sinks));
	for (size_t i = 0; r == 0 && i < count; i++) {
		r = settings_name(sp_yaml_item(n, i), s->known_sinks, d, s->sinks[i]);
		for (size_t k = 0; r == 0 && k < i; k++) {
			if (strcmp(s->sinks[k], s->sinks[i]) == 0) {
				sp_yaml_error(sp_yaml_item(n, i), d, NULL, "\"%s\" is named twice", s->sinks[i]);
				r = SP_ERR_FORMAT;
			}
		}
	}
	return r;
}

/* PATH or STORE:PATH, which may be absent. */
static int
settings_database(const struct sp_yaml_node *n, struct sp_diags *d, struct sp_settings *s)
{
	const char *text, *path, *const *known = s->known_stores;
	int r = n == NULL ? 0 : sp_yaml_string(n, SP_SETTINGS_PATH - 1, d, &text);
	size_t len;

	if (n == NULL || r != 0)
		return r;
	len = text[0] == '/' ? 0 : strcspn(text, ":");
	path = len > 0 && text[len] == ':' ? text + len + 1 : text;
	if (path[0] != '/' || !sp_text_is_plain(text, strlen(text))) {
		sp_yaml_error(n, d, NULL, "database is an absolute path, or a store, a colon and an absolute path");
		return SP_ERR_FORMAT;
	}
	while (len > 0 && known != NULL && *known != NULL && (strlen(*known) != len || memcmp(*known, text, len) != 0))
		known++;
	if (len > 0 && known != NULL && *known == NULL) {
		sp_yaml_error(n, d, s->known_stores[0], "there is no store \"%.*s\"", (int)len, text);
		return SP_ERR_FORMAT;
	}
	(void)snprintf(s->database, sizeof(s->database), "%s", text);
	return 0;
}

static int
settings_recorder(const struct sp_yaml_node *n, struct sp_diags *d, struct sp_settings *s)
{
	static const char *const keys[] = { "audit", "reserve_mib", "checkpoint", "sinks", NULL };
	static const char *const audit[] = { "off", "required", NULL };
	const struct sp_yaml_node *reserve;
	int64_t mib;
	size_t i;
	int r = sp_yaml_check_keys(n, keys, d);

	if (r == 0 && sp_yaml_get(n, "audit") != NULL) {
		r = sp_yaml_enum(sp_yaml_get(n, "audit"), audit, d, &i);
		if (r == 0)
			s->has_audit = i == 1;
	}
	reserve = r == 0 ? sp_yaml_get(n, "reserve_mib") : NULL;
	if (reserve != NULL) {
		r = sp_yaml_int(reserve, 0, SETTINGS_RESERVE_MIB, d, &mib);
		if (r == 0)
			s->reserve = (uint64_t)mib << 20;
	}
	if (r == 0)
		r = settings_duration(n, "checkpoint", SETTINGS_CHECKPOINT_MAX, d, &s->checkpoint);
	return r != 0 ? r : settings_sinks(sp_yaml_get(n, "sinks"), d, s);
}

static int
settings_control(const struct sp_yaml_node *n, struct sp_diags *d, struct sp_settings *s)
{
	static const char *const keys[] = { "policy", "database", NULL };
	int r = sp_yaml_check_keys(n, keys, d);

	if (r == 0)
		r = settings_path(n, "policy", d, s->policy_dir);
	return r != 0 ? r : settings_database(sp_yaml_get(n, "database"), d, s);
}

static int
settings_starts(const struct sp_yaml_node *n, struct sp_diags *d, struct sp_settings *s)
{
	static const char *const keys[] = { "count", "within", NULL };
	int r = n == NULL ? 0 : sp_yaml_need(n, SP_YAML_MAPPING, d);

	if (n == NULL || r != 0)
		return r;
	r = sp_yaml_check_keys(n, keys, d);
	if (r == 0 && (sp_yaml_get(n, "count") == NULL || sp_yaml_get(n, "within") == NULL)) {
		sp_yaml_error(n, d, NULL, "starts needs the keys count and within");
		r = SP_ERR_FORMAT;
	}
	if (r == 0)
		r = settings_number(n, "count", SETTINGS_STARTS_MAX, d, &s->starts);
	return r != 0 ? r : settings_duration(n, "within", SETTINGS_WITHIN_MAX, d, &s->starts_within);
}

static int
settings_sessions(const struct sp_yaml_node *n, struct sp_diags *d, struct sp_settings *s)
{
	static const char *const keys[] = { "max", "per_person", "starts", NULL };
	int r = sp_yaml_check_keys(n, keys, d);

	if (r == 0)
		r = settings_number(n, "max", SETTINGS_SESSIONS_MAX, d, &s->sessions_max);
	if (r == 0)
		r = settings_number(n, "per_person", SETTINGS_SESSIONS_MAX, d, &s->per_person);
	return r != 0 ? r : settings_starts(sp_yaml_get(n, "starts"), d, s);
}

int
sp_settings_read(const struct sp_yaml_node *root, struct sp_diags *diags, struct sp_settings *s)
{
	static const struct {
		const char *name;
		int (*read)(const struct sp_yaml_node *n, struct sp_diags *d, struct sp_settings *s);
	} sections[] = { { "recorder", settings_recorder }, { "control", settings_control },
		{ "sessions", settings_sessions } };
	static const char *const keys[] = { "version", "issuers", "control", "recorder", "sessions", NULL };
	int64_t version;
	int r;

	if (root == NULL)
		return 0;
	r = sp_yaml_need(root, SP_YAML_MAPPING, diags);
	if (r == 0)
		r = sp_yaml_check_keys(root, keys, diags);
	if (r == 0 && sp_yaml_get(root, "version") != NULL)
		r = sp_yaml_int(sp_yaml_get(root, "version"), 1, 1, diags, &version);
	for (size_t i = 0; r == 0 && i < sizeof(sections) / sizeof(sections[0]); i++) {
		const struct sp_yaml_node *n = sp_yaml_get(root, sections[i].name);

		if (n == NULL)
			continue;
		r = sp_yaml_need(n, SP_YAML_MAPPING, diags);
		if (r == 0)
			r = sections[i].read(n, diags, s);
	}
	return r;
}

int
sp_settings_parse(const char *name, const char *text, size_t n, char *why, size_t cap, struct sp_settings *s)
{
	struct sp_diags *d = sp_diags_new(SETTINGS_DIAGS);
	struct sp_settings read = *s;
	const struct sp_diag *first;
	struct sp_yaml *y = NULL;
	int r;

	if (d == NULL)
		return SP_ERR_NOMEM;
	r = sp_yaml_parse(name, text, n, d, &y);
	if (r == 0)
		r = sp_settings_read(sp_yaml_root(y), d, &read);
	if (r == 0)
		*s = read;
	first = sp_diags_at(d, 0);
	if (r != 0 && first != NULL)
		(void)snprintf(why, cap, "%s:%u:%u: %s%s%s%s", first->file, first->line, first->column, first->message,
		    first->suggestion[0] != '\0' ? " (" : "", first->suggestion, first->suggestion[0] != '\0' ? ")" : "");
	else if (r != 0)
		(void)snprintf(why, cap, "%s: %s", name, sp_err_str(r));
	sp_yaml_free(y);
	sp_diags_free(d);
	return r;
}
