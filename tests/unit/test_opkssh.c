/* SPDX-License-Identifier: Apache-2.0 */
/* opkssh's files as settings of ours: what comes out is read again by who will read it. */
#include "tests/unit/unit.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/opkssh.h"
#include "identity/config.h"

static char dir[] = "/tmp/sallyport-opkssh.XXXXXX";
static struct sp_buf *out, *notes;
static unsigned left;
static char why[512];

static void
put(const char *name, const char *text)
{
	char path[512];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	if (text == NULL) {
		(void)unlink(path);
		return;
	}
	f = fopen(path, "w");
	assert_non_null(f);
	fputs(text, f);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(chmod(path, 0600), 0);
}

static int
import(const char *providers, const char *auth_id, const char *config)
{
	put("providers", providers);
	put("auth_id", auth_id);
	put("config.yml", config);
	sp_buf_reset(out);
	sp_buf_reset(notes);
	why[0] = '\0';
	return sp_opkssh_import(dir, out, notes, &left, why, sizeof(why));
}

static const char *
noted(void)
{
	static char text[65536];

	snprintf(text, sizeof(text), "%.*s", (int)sp_buf_len(notes), (const char *)sp_buf_data(notes));
	return text;
}

static size_t
read_again(struct sp_issuer *is[SP_ISSUER_MAX])
{
	struct sp_reason reason = {""};
	size_t n = 0;

	if (sp_config_parse("out", (const char *)sp_buf_data(out), sp_buf_len(out), &reason, is, &n) != 0)
		fail_msg("%s\n%.*s", reason.text, (int)sp_buf_len(out), (const char *)sp_buf_data(out));
	return n;
}

static void
login_is(const struct sp_issuer *is, size_t i, const char *user, const char *claim, const char *value, bool is_pattern)
{
	assert_true(i < is->nlogins);
	assert_string_equal(is->logins[i].user, user);
	assert_string_equal(is->logins[i].claim, claim);
	assert_string_equal(is->logins[i].value, value);
	assert_int_equal(is->logins[i].is_pattern, is_pattern);
}

static void
test_all_of_it(void **state)
{
	struct sp_issuer *is[SP_ISSUER_MAX];
	size_t n;

	(void)state;
	assert_int_equal(import("\xef\xbb\xbf# Issuer Client-ID expiration-policy\n"
				"https://accounts.google.com 206584157355-7cb.apps.googleusercontent.com 24h\n"
				"https://login.microsoftonline.com/9188040d/v2.0 096ce0a3-5e72 oidc_refreshed # Azure\n"
				"\n  https://token.actions.githubusercontent.com   github oidc\n"
				"https://code.example.org/api/actions forgejo 12h\n",
			     "alice alice@example.com https://accounts.google.com\n"
			     "alice 103030642802723203118 https://accounts.google.com\n"
			     "ops oidc:groups:ops-team https://login.microsoftonline.com/9188040d/v2.0\n"
			     "ops 'oidc:\"https://acme.com/groups\":a b' https://login.microsoftonline.com/9188040d/v2.0\n"
			     "guest oidc-match-end:email:@example.com https://accounts.google.com\n"
			     "deploy repo:acme/web:ref:refs/heads/main https://token.actions.githubusercontent.com\n"
			     "deploy repo:acme/*:environment:prod https://token.actions.githubusercontent.com\n"
			     "deploy \"repo:acme/web:ref:refs/tags/v1\" https://code.example.org/api/actions",
			     NULL),
	    0);
	if (left != 0)
		fail_msg("%s", noted());
	n = read_again(is);
	assert_int_equal(n, 4);
	assert_string_equal(is[0]->issuer, "https://accounts.google.com");
	assert_string_equal(is[0]->client_id, "206584157355-7cb.apps.googleusercontent.com");
	assert_int_equal(is[0]->expiry, SP_ISSUER_24H);
	assert_int_equal(is[0]->commitment, SP_ISSUER_NONCE);
	assert_true(is[0]->takes_gq);
	login_is(is[0], 0, "alice", "email", "alice@example.com", false);
	login_is(is[0], 1, "alice", "sub", "alice@example.com", false);
	login_is(is[0], 2, "alice", "sub", "103030642802723203118", false);
	login_is(is[0], 3, "guest", "email", "*@example.com", true);
	assert_int_equal(is[0]->nlogins, 4);
	assert_int_equal(is[1]->expiry, SP_ISSUER_OIDC_REFRESHED);
	login_is(is[1], 0, "ops", "groups", "ops-team", false);
	login_is(is[1], 1, "ops", "https://acme.com/groups", "a b", false);
	assert_int_equal(is[2]->commitment, SP_ISSUER_AUD);
	assert_null(is[2]->client_id);
	login_is(is[2], 0, "deploy", "sub", "repo:acme/web:ref:refs/heads/main", false);
	login_is(is[2], 1, "deploy", "sub", "repo:acme/*:environment:prod", true);
	assert_int_equal(is[3]->commitment, SP_ISSUER_AUD);
	assert_int_equal(is[3]->expiry, SP_ISSUER_12H);
	for (size_t i = 0; i < n; i++)
		sp_issuer_free(is[i]);
}

/* Nothing is left out in silence: each row of these is said with its line. */
static void
test_what_is_left(void **state)
{
	static const struct {
		const char *providers, *auth, *config, *says;
	} rows[] = {
	    {"https://a.example c oidc extra\n", "", NULL, "providers:1: not taken: a row has three columns"},
	    {"https://a.example 'c oidc\n", "", NULL, "providers:1: not taken: a quote is not closed"},
	    {"http://a.example c oidc\n", "", NULL, "providers:1: not taken: an issuer is an https:// URL"},
	    {"https://a.example c oidc\nhttps://a.example d oidc\n", "u x https://a.example\n", NULL,
		"providers:2: not taken: the same issuer stands above"},
	    {"https://a.example c oidc\n", "", NULL, "providers:1: not taken: nobody in auth_id logs in by it"},
	    {"https://a.example c oidc\n", "root x https://a.example\n", NULL, "auth_id:1: not taken: root does not come in"},
	    {"https://a.example c oidc\n", "root x https://a.example\n", NULL, "providers:1: not taken: nobody is left"},
	    {"https://a.example c oidc\n", "A.B x https://a.example\n", NULL, "auth_id:1: not taken: this is no login name"},
	    {"https://a.example c oidc\n", "u x\n", NULL, "auth_id:1: not taken: a row has three columns"},
	    {"https://a.example c oidc\n", "u x https://b.example\n", NULL,
		"auth_id:1: not taken: its issuer https://b.example is not among the providers"},
	    {"https://a.example c oidc\n", "u oidc: https://a.example\n", NULL, "auth_id:1: not taken: oidc: is followed"},
	    {"https://a.example c oidc\n", "u oidc:groups: https://a.example\n", NULL, "auth_id:1: not taken: oidc: is followed"},
	    {"https://a.example c oidc\n", "u oidc-match-end:email: https://a.example\n", NULL, "auth_id:1: not taken: the end of"},
	    {"https://a.example c oidc\n", "u oidc-match-end:sub:x https://a.example\n", NULL, "auth_id:1: not taken: this form"},
	    {"https://a.example c oidc\n", "u repo:a/[bc] https://a.example\n", NULL, "auth_id:1: not taken: repo: is followed"},
	    {"https://a.example c oidc\n", "u '' https://a.example\n", NULL, "auth_id:1: not taken: this form"},
	    {"https://a.example c oidc\n", "u x https://a.example\n", "deny_emails:\n  - bad@example.com\n",
		"config.yml:2: not taken: deny_emails: the same is: sallyport revoke bad@example.com"},
	    {"https://a.example c oidc\n", "u x https://a.example\n", "env_vars:\n  HTTPS_PROXY: x\n", "config.yml:1: not taken: env_vars"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		int r = import(rows[i].providers, rows[i].auth, rows[i].config);

		if (r != 0 || left == 0 || strstr(noted(), rows[i].says) == NULL)
			fail_msg("row %zu: %d %s: %s", i, r, why, noted());
	}
	assert_int_equal(import("https://a.example c never\n", "u x https://a.example\n", NULL), 0);
	assert_int_equal(left, 0);
	assert_non_null(strstr(noted(), "providers:1: tokens that never end"));
}

static void
test_bad_files(void **state)
{
	(void)state;
	assert_int_equal(import(NULL, "", NULL), SP_ERR_NOT_FOUND);
	assert_int_equal(import("", NULL, NULL), SP_ERR_NOT_FOUND);
	assert_int_equal(import("", "", "a: [\n"), SP_ERR_FORMAT);
	assert_non_null(strstr(why, "config.yml:"));
}

/* Text of theirs that would be YAML of ours, and a cut at every byte. */
static void
test_nothing_gets_in(void **state)
{
	static const char providers[] = "https://a.example 'c\"\\ }, x: [' oidc\n";
	static const char auth[] = "u 'x\" }\\\\ - { user: v, claim: sub, is: y' https://a.example\nw \"a\\\"b\" https://a.example\n";
	struct sp_issuer *is[SP_ISSUER_MAX];
	char text[256];

	(void)state;
	assert_int_equal(import(providers, auth, NULL), 0);
	assert_int_equal(read_again(is), 1);
	assert_string_equal(is[0]->client_id, "c\"\\ }, x: [");
	assert_int_equal(is[0]->nlogins, 2);
	login_is(is[0], 0, "u", "sub", "x\" }\\\\ - { user: v, claim: sub, is: y", false);
	login_is(is[0], 1, "w", "sub", "a\"b", false);
	sp_issuer_free(is[0]);
	for (size_t n = 0; n < sizeof(auth); n++) {
		snprintf(text, sizeof(text), "%.*s", (int)n, auth);
		assert_int_equal(import(providers, text, NULL), 0);
		if (strstr((const char *)sp_buf_data(out), "issuer: ") == NULL)
			continue;
		assert_int_equal(read_again(is), 1);
		sp_issuer_free(is[0]);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_all_of_it), cmocka_unit_test(test_what_is_left),
	    cmocka_unit_test(test_bad_files), cmocka_unit_test(test_nothing_gets_in)};
	int r;

	out = sp_buf_new(1 << 20);
	notes = sp_buf_new(1 << 20);
	if (mkdtemp(dir) == NULL || out == NULL || notes == NULL)
		return 1;
	r = cmocka_run_group_tests(tests, NULL, NULL);
	put("providers", NULL);
	put("auth_id", NULL);
	put("config.yml", NULL);
	rmdir(dir);
	sp_buf_free(out);
	sp_buf_free(notes);
	return r;
}
