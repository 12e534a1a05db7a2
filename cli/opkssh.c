/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/opkssh.h"

#include <dirent.h>
#include <limits.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "lib/text.h"
#include "policy/diag.h"
#include "policy/yaml.h"
#include "runtime/conffile.h"

#define OPKSSH_COLUMNS 3
#define OPKSSH_DIAGS 1
#define OPKSSH_STRING 1024 /* bytes of one value of config.yml */
#define OPKSSH_GITHUB "https://token.actions.githubusercontent.com"
#define OPKSSH_FORGEJO "/api/actions" /* how the issuers of Forgejo Actions end */

struct opkssh_row {
	unsigned line;
	char *columns[OPKSSH_COLUMNS];
};

struct opkssh_table {
	const char *name; /* of its file */
	char *text;
	struct opkssh_row *rows;
	size_t n;
};

struct opkssh {
	const char *dir;
	struct opkssh_table providers, auth;
	struct sp_buf *out, *notes;
	unsigned left;
	char *why;
	size_t cap;
};

/* "" for a row that was not read. */
static const char *
opkssh_column(const struct opkssh_row *row, unsigned at)
{
	return row->columns[at] != NULL ? row->columns[at] : "";
}

/* --- notes -------------------------------------------------------------------------------------------------- */

/* What differs; with is_left: what was left out. line 0: of the whole file. */
static void SP_PRINTF(5, 6)
opkssh_note(struct opkssh *o, bool is_left, const char *file, unsigned line, const char *fmt, ...)
{
	char text[OPKSSH_STRING];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	o->left += is_left;
	sp_buf_putf(o->notes, "%s/%s", o->dir, file);
	if (line > 0)
		sp_buf_putf(o->notes, ":%u", line);
	sp_buf_putf(o->notes, ": %s", is_left ? "not taken: " : "");
	sp_text_escape(o->notes, text, strlen(text), sizeof(text));
	sp_buf_putf(o->notes, "\n");
}

/* --- tables ------------------------------------------------------------------------------------------------- */

/* The next word of a line, unquoted where it stands, as a POSIX shell would (no expansions). NULL: no more, or *ret_bad. */
static char *
opkssh_word(char **line, bool *ret_bad)
{
	char *p = *line + strspn(*line, " \t\r"), *word = p, *to = p, quote = '\0';

	*ret_bad = false;
	if (*p == '\0')
		return NULL;
	for (; *p != '\0' && (quote != '\0' || strchr(" \t\r", *p) == NULL); p++) {
		if (quote == '\0' && (*p == '\'' || *p == '"'))
			quote = *p;
		else if (*p == quote)
			quote = '\0';
		else if (*p == '\\' && quote != '\'' && p[1] != '\0' && (quote == '\0' || strchr("\"\\$`", p[1]) != NULL))
			*to++ = *++p;
		else
			*to++ = *p;
	}
	*ret_bad = quote != '\0';
	*line = *p == '\0' ? p : p + 1;
	*to = '\0';
	return *ret_bad ? NULL : word;
}

static void
opkssh_line(struct opkssh *o, struct opkssh_table *t, char *line, unsigned number)
{
	struct opkssh_row *row = &t->rows[t->n];
	bool is_bad = false;
	size_t n = 0;
	char *word;

	line[strcspn(line, "#")] = '\0'; /* a comment begins anywhere */
	while ((word = opkssh_word(&line, &is_bad)) != NULL && n <= OPKSSH_COLUMNS) {
		if (n < OPKSSH_COLUMNS)
			row->columns[n] = word;
		n++;
	}
	if (is_bad)
		opkssh_note(o, true, t->name, number, "a quote is not closed");
	else if (n != 0 && n != OPKSSH_COLUMNS)
		opkssh_note(o, true, t->name, number, "a row has three columns, as opkssh counts them too");
	else if (n != 0 && !sp_text_is_plain(row->columns[1], strlen(row->columns[1])))
		opkssh_note(o, true, t->name, number, "a control character");
	else if (n != 0) {
		row->line = number;
		t->n++;
	}
}

static int
opkssh_read(struct opkssh *o, struct opkssh_table *t, size_t max)
{
	char path[PATH_MAX], *rest, *line;
	unsigned number = 0;
	int r;

	(void)snprintf(path, sizeof(path), "%s/%s", o->dir, t->name);
	r = sp_conffile_read(path, o->why, o->cap, &t->text);
	if (r != 0)
		return r;
	t->rows = calloc(max + 1, sizeof(*t->rows));
	if (t->rows == NULL)
		return SP_ERR_NOMEM;
	rest = t->text;
	if (strncmp(rest, "\xef\xbb\xbf", 3) == 0)
		rest += 3;
	while ((line = strsep(&rest, "\n")) != NULL) {
		if (t->n == max) {
			(void)snprintf(o->why, o->cap, "%s: more than %zu rows", path, max);
			return SP_ERR_LIMIT;
		}
		opkssh_line(o, t, line, ++number);
	}
	return 0;
}

/* --- who may have a login ------------------------------------------------------------------------------------ */

static void
opkssh_put_login(struct opkssh *o, const char *user, const char *claim, const char *how, const char *value)
{
	sp_buf_putf(o->out, "      - { user: ");
	sp_text_json(o->out, user, strlen(user));
	sp_buf_putf(o->out, ", claim: ");
	sp_text_json(o->out, claim, strlen(claim));
	sp_buf_putf(o->out, ", %s: ", how);
	sp_text_json(o->out, value, strlen(value));
	sp_buf_putf(o->out, " }\n");
}

/* oidc:CLAIM:VALUE; the claim may be quoted where it has colons. */
static const char *
opkssh_put_claim(struct opkssh *o, const char *user, char *rest)
{
	char *claim = rest, *end = *rest == '"' ? strchr(rest + 1, '"') : strchr(rest, ':');

	if (end != NULL && *rest == '"') {
		claim = rest + 1;
		*end++ = '\0';
		if (*end != ':')
			end = NULL;
	}
	if (end == NULL || end[1] == '\0' || *claim == '\0')
		return "oidc: is followed by a claim, a colon and a value";
	*end = '\0';
	opkssh_put_login(o, user, claim, "is", end + 1);
	return NULL;
}

/* NULL, or why there is no such login here. */
static const char *
opkssh_put_identity(struct opkssh *o, const char *user, char *identity)
{
	static const char suffix[] = "oidc-match-end:email:", claim[] = "oidc:", repo[] = "repo:";
	char like[OPKSSH_STRING];

	if (strncmp(identity, suffix, sizeof(suffix) - 1) == 0) {
		const char *end = identity + sizeof(suffix) - 1;

		if (*end == '\0' || strpbrk(end, "*?") != NULL || (size_t)snprintf(like, sizeof(like), "*%s", end) >= sizeof(like))
			return "the end of an address, without * and ?, is wanted";
		opkssh_put_login(o, user, "email", "like", like);
		return NULL;
	}
	if (strncmp(identity, claim, sizeof(claim) - 1) == 0)
		return opkssh_put_claim(o, user, identity + sizeof(claim) - 1);
	if (strncmp(identity, repo, sizeof(repo) - 1) == 0) {
		if (identity[sizeof(repo) - 1] == '\0' || strpbrk(identity, "[\\") != NULL)
			return "repo: is followed by a name, in which * and ? have a meaning here, and [ and \\ have none";
		opkssh_put_login(o, user, "sub", strpbrk(identity, "*?") != NULL ? "like" : "is", identity);
		return NULL;
	}
	if (*identity == '\0' || strncmp(identity, "oidc-", 5) == 0)
		return "this form of an identity is not known here";
	if (strchr(identity, '@') != NULL)
		opkssh_put_login(o, user, "email", "is", identity);
	opkssh_put_login(o, user, "sub", "is", identity);
	return NULL;
}

static void
opkssh_put_row(struct opkssh *o, const struct opkssh_row *row)
{
	const char *user = opkssh_column(row, 0), *problem;

	if (!sp_text_is_login(user) || strcmp(user, "root") == 0)
		problem = strcmp(user, "root") == 0 ? "root does not come in through Sallyport: give them an account of their own"
						    : "this is no login name that is taken here";
	else
		problem = row->columns[1] == NULL ? "" : opkssh_put_identity(o, user, row->columns[1]);
	if (problem != NULL)
		opkssh_note(o, true, o->auth.name, row->line, "%s", problem);
}

/* --- providers ----------------------------------------------------------------------------------------------- */

static bool
opkssh_is_workload(const char *issuer)
{
	size_t n = strlen(issuer), end = strlen(OPKSSH_FORGEJO);

	return strcmp(issuer, OPKSSH_GITHUB) == 0 || (n > end && strcmp(issuer + n - end, OPKSSH_FORGEJO) == 0);
}

static bool
opkssh_has_rows(const struct opkssh *o, const char *issuer)
{
	for (size_t i = 0; i < o->auth.n; i++)
		if (strcmp(opkssh_column(&o->auth.rows[i], 2), issuer) == 0)
			return true;
	return false;
}

static const char *
opkssh_expiry(struct opkssh *o, const struct opkssh_row *row)
{
	static const char *const words[] = {"oidc", "oidc_refreshed", "oidc-refreshed", "12h", "24h", "48h", "1week"};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strcmp(opkssh_column(row, 2), words[i]) == 0)
			return words[i];
	if (strcmp(opkssh_column(row, 2), "never") == 0)
		opkssh_note(o, false, o->providers.name, row->line, "tokens that never end are none here: they end after a week");
	else
		opkssh_note(o, false, o->providers.name, row->line, "expiry %s is not known: oidc in its place", opkssh_column(row, 2));
	return strcmp(opkssh_column(row, 2), "never") == 0 ? "1week" : "oidc";
}

static void
opkssh_put_provider(struct opkssh *o, const struct opkssh_row *row)
{
	const char *issuer = opkssh_column(row, 0);

	sp_buf_putf(o->out, "  - issuer: ");
	sp_text_json(o->out, issuer, strlen(issuer));
	if (opkssh_is_workload(issuer)) {
		sp_buf_putf(o->out, "\n    commitment: aud\n");
	} else {
		sp_buf_putf(o->out, "\n    client_id: ");
		sp_text_json(o->out, opkssh_column(row, 1), strlen(opkssh_column(row, 1)));
		sp_buf_putf(o->out, "\n    algorithms: [RS256, PS256, ES256, EdDSA, GQ256]\n");
	}
	sp_buf_putf(o->out, "    expiry: %s\n    logins:\n", opkssh_expiry(o, row));
}

/* NULL, or why it is left out. */
static const char *
opkssh_provider_problem(const struct opkssh *o, size_t at)
{
	const char *issuer = opkssh_column(&o->providers.rows[at], 0);

	if (strncmp(issuer, "https://", 8) != 0 || issuer[8] == '\0' || strpbrk(issuer, "?# @") != NULL)
		return "an issuer is an https:// URL without query or fragment";
	for (size_t i = 0; i < at; i++)
		if (strcmp(opkssh_column(&o->providers.rows[i], 0), issuer) == 0)
			return "the same issuer stands above";
	if (!opkssh_has_rows(o, issuer))
		return "nobody in auth_id logs in by it";
	return NULL;
}

static void
opkssh_put_issuers(struct opkssh *o)
{
	sp_buf_putf(o->out, "version: 1\nissuers:\n");
	for (size_t i = 0; i < o->providers.n; i++) {
		const struct opkssh_row *row = &o->providers.rows[i];
		const char *problem = opkssh_provider_problem(o, i);
		size_t before, empty;

		if (problem != NULL) {
			opkssh_note(o, true, o->providers.name, row->line, "%s", problem);
			continue;
		}
		before = sp_buf_len(o->out);
		opkssh_put_provider(o, row);
		empty = sp_buf_len(o->out);
		for (size_t j = 0; j < o->auth.n; j++)
			if (strcmp(opkssh_column(&o->auth.rows[j], 2), opkssh_column(row, 0)) == 0)
				opkssh_put_row(o, &o->auth.rows[j]);
		if (sp_buf_len(o->out) == empty && sp_buf_unput(o->out, empty - before) == 0)
			opkssh_note(o, true, o->providers.name, row->line, "nobody is left who logs in by it");
	}
	for (size_t j = 0; j < o->auth.n; j++) {
		const struct opkssh_row *row = &o->auth.rows[j];
		bool is_known = false;

		for (size_t i = 0; i < o->providers.n; i++)
			is_known = is_known || strcmp(opkssh_column(&o->providers.rows[i], 0), opkssh_column(row, 2)) == 0;
		if (!is_known)
			opkssh_note(o, true, o->auth.name, row->line, "its issuer %s is not among the providers", opkssh_column(row, 2));
	}
}

/* --- the rest ------------------------------------------------------------------------------------------------ */

static void
opkssh_deny(struct opkssh *o, const struct sp_yaml_node *list, const char *what)
{
	if (sp_yaml_type(list) != SP_YAML_SEQUENCE) {
		opkssh_note(o, true, "config.yml", sp_yaml_line(list), "%s is no list", what);
		return;
	}
	for (size_t i = 0; i < sp_yaml_count(list); i++) {
		const struct sp_yaml_node *n = sp_yaml_item(list, i);

		if (sp_yaml_text(n) != NULL)
			opkssh_note(o, true, "config.yml", sp_yaml_line(n),
			    "%s: the same is: sallyport revoke %s --reason \"%s of opkssh\"", what, sp_yaml_text(n), what);
	}
}

static int
opkssh_config(struct opkssh *o)
{
	struct sp_diags *d = sp_diags_new(OPKSSH_DIAGS);
	struct sp_yaml *y = NULL;
	const struct sp_yaml_node *root;
	char path[PATH_MAX], *text = NULL;
	int r = d == NULL ? SP_ERR_NOMEM : 0;

	(void)snprintf(path, sizeof(path), "%s/config.yml", o->dir);
	if (r == 0)
		r = sp_conffile_read(path, o->why, o->cap, &text);
	if (r == SP_ERR_NOT_FOUND) {
		sp_diags_free(d);
		return 0;
	}
	if (r == 0 && (r = sp_yaml_parse(path, text, strlen(text), d, &y)) == SP_ERR_FORMAT)
		(void)snprintf(o->why, o->cap, "%s:%u: %s", path, sp_diags_count(d) > 0 ? sp_diags_at(d, 0)->line : 0,
		    sp_diags_count(d) > 0 ? sp_diags_at(d, 0)->message : "this is no YAML");
	root = r == 0 ? sp_yaml_root(y) : NULL;
	for (size_t i = 0; root != NULL && i < sp_yaml_count(root); i++) {
		const char *key = sp_yaml_key(root, i);

		if (key != NULL && (strcmp(key, "deny_emails") == 0 || strcmp(key, "deny_users") == 0))
			opkssh_deny(o, sp_yaml_item(root, i), key);
		else
			opkssh_note(o, true, "config.yml", sp_yaml_line(sp_yaml_key_node(root, i)), "%s has no like here",
			    key != NULL ? key : "this");
	}
	sp_yaml_free(y);
	sp_diags_free(d);
	free(text);
	return r;
}

/* Programs that say who may come in are none here. */
static void
opkssh_plugins(struct opkssh *o)
{
	char path[PATH_MAX];
	const struct dirent *e;
	DIR *dir;

	(void)snprintf(path, sizeof(path), "%s/policy.d", o->dir);
	dir = opendir(path);
	while (dir != NULL && (e = readdir(dir)) != NULL) {
		const char *dot = strrchr(e->d_name, '.');

		if (dot == NULL || strcmp(dot, ".yml") != 0)
			continue;
		(void)snprintf(path, sizeof(path), "policy.d/%s", e->d_name);
		opkssh_note(o, true, path, 0, "a policy plugin: say it with logins, and with rules of sallyport-policy(5)");
	}
	if (dir != NULL)
		(void)closedir(dir);
}

int
sp_opkssh_import(const char *dir, struct sp_buf *out, struct sp_buf *notes, unsigned *ret_left, char *why, size_t cap)
{
	struct opkssh o = {.dir = dir, .providers = {.name = "providers"}, .auth = {.name = "auth_id"}, .out = out, .notes = notes,
	    .why = why, .cap = cap};
	int r = opkssh_read(&o, &o.providers, SP_OPKSSH_PROVIDERS);

	if (r == 0)
		r = opkssh_read(&o, &o.auth, SP_OPKSSH_ROWS);
	if (r == 0)
		opkssh_put_issuers(&o);
	if (r == 0)
		r = opkssh_config(&o);
	if (r == 0) {
		opkssh_plugins(&o);
		r = sp_buf_error(out) != 0 ? sp_buf_error(out) : sp_buf_error(notes);
	}
	free(o.providers.rows);
	free(o.providers.text);
	free(o.auth.rows);
	free(o.auth.text);
	*ret_left = o.left;
	return r;
}
