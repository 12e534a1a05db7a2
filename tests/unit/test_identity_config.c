/* SPDX-License-Identifier: Apache-2.0 */
/* The issuers section: what is taken, and where and why the rest is not. */
#include "tests/unit/unit.h"

#include <string.h>

#include "identity/config.h"

#define HEAD "version: 1\nissuers:\n"
#define ONE "  - issuer: https://idp.example\n    client_id: sallyport\n    user: { claim: sub }\n"

#define WORKLOAD "  - issuer: https://ci.example\n    groups_claim: g\n"
#define LOGIN(user, value) "    logins: [{ user: " user ", claim: sub, " value " }]\n"

static int
parse(const char *text, struct sp_reason *why, struct sp_issuer *is[SP_ISSUER_MAX], size_t *n)
{
	*n = 0;
	why->text[0] = '\0';
	return sp_config_parse("f", text, strlen(text), why, is, n);
}

static void
test_good(void **state)
{
	struct sp_issuer *is[SP_ISSUER_MAX];
	struct sp_reason why;
	size_t n;

	(void)state;
	assert_int_equal(
	    parse(HEAD ONE
		"  - issuer: https://two.example/realm\n    client_id: c\n    algorithms: [ES256, EdDSA]\n"
		"    expiry: oidc-refreshed\n    user: { claim: email, domain: example.com }\n"
		"    groups_claim: roles\n    ca: /etc/ca.pem\n    max_age: 12h\n    skew: 30s\n    stale: 2d\n"
		"    trusted_audiences: [a, b]\nrecorder:\n  audit: \"off\"\n",
		&why, is, &n),
	    0);
	assert_int_equal(n, 2);
	assert_string_equal(is[0]->groups_claim, "groups");
	assert_int_equal(is[0]->skew, SP_ISSUER_SKEW);
	assert_int_equal(is[0]->expiry, SP_ISSUER_OIDC);
	assert_int_equal(
	    is[0]->algorithms, 1u << SP_JWA_RS256 | 1u << SP_JWA_PS256 | 1u << SP_JWA_ES256 | 1u << SP_JWA_EDDSA);
	assert_int_equal(is[1]->algorithms, 1u << SP_JWA_ES256 | 1u << SP_JWA_EDDSA);
	assert_int_equal(is[1]->expiry, SP_ISSUER_OIDC_REFRESHED);
	assert_string_equal(is[1]->user_domain, "example.com");
	assert_int_equal(is[1]->max_age, 12 * 3600);
	assert_int_equal(is[1]->skew, 30);
	assert_int_equal(is[1]->stale, 2 * 86400);
	assert_int_equal(is[1]->trusted_count, 2);
	sp_issuer_free(is[0]);
	sp_issuer_free(is[1]);
}

static const struct {
	const char *text;
	const char *says;
} bad[] = {
    {"", "f:1:1: expected a mapping, found nothing"},
    {"version: 2\n", "f:1:10: expected a whole number from 1 to 1"},
    {"issuer: []\n", "f:1:1: unknown key \"issuer\" (did you mean \"issuers\"?)"},
    {"qqqqqqqqqq: []\n", "f:1:1: unknown key \"qqqqqqqqqq\""},
    {"issuers: {}\n", "f:1:10: expected a list, found a mapping"},
    {HEAD "  - a\n", "f:3:5: expected a mapping, found text"},
    {HEAD "  - clientid: x\n", "f:3:5: unknown key \"clientid\" (did you mean \"client_id\"?)"},
    {HEAD "  - issuer: http://idp.example\n    client_id: c\n    user: { claim: sub }\n",
	"f:3:13: an issuer is an https:// URL"},
    {HEAD "  - issuer: https://idp.example?x\n    client_id: c\n    user: { claim: sub }\n",
	"f:3:13: an issuer is an https:// URL"},
    {HEAD "  - issuer: https://idp.example\n    client_id: c\n", "f:3:5: an issuer needs the keys"},
    {HEAD ONE ONE, "f:6:5: the same issuer twice"},
    {HEAD ONE "    algorithms: [none]\n", "f:6:18: \"none\" is not one of the words"},
    {HEAD ONE "    algorithms: [HS256]\n", "f:6:18: \"HS256\" is not one of the words"},
    {HEAD ONE "    algorithms: []\n", "at least one algorithm is needed"},
    {HEAD ONE "    algorithms: RS256\n", "f:6:17: expected a list, found text"},
    {HEAD ONE "    expiry: never\n", "f:6:13: \"never\" is not one of the words"},
    {HEAD ONE "    skew: 301s\n", "f:6:11: expected a duration"},
    {HEAD ONE "    skew: -1s\n", "f:6:11: expected a duration"},
    {HEAD ONE "    stale: 8d\n", "f:6:12: expected a duration"},
    {HEAD ONE "    max_age: 1x\n", "f:6:14: expected a duration"},
    {HEAD ONE "    ca: ca.pem\n", "f:6:9: ca is an absolute path"},
    {HEAD ONE "    client_id: again\n", "f:6:"},
    {HEAD "  - issuer: https://a.example\n    client_id: c\n    user: { claim: email }\n",
	"f:5:11: claim: email needs a domain"},
    {HEAD "  - issuer: https://a.example\n    client_id: c\n    user: { claim: sub, domain: x.example }\n",
	"needs a domain"},
    {HEAD "  - issuer: https://a.example\n    client_id: &x c\n    user: { claim: *x }\n",
	"f:4:19: anchors are not allowed"},
    {HEAD "  - issuer: https://a.example\n    client_id: \"a\\0b\"\n    user: { claim: sub }\n", "f:4:"},
    {HEAD "  - issuer: [\n", "f:"},
    {HEAD WORKLOAD "    commitment: sub\n", "f:5:17: \"sub\" is not one of the words"},
    {HEAD WORKLOAD LOGIN("d", "is: x"), "f:3:5: an issuer needs the key client_id"},
    {HEAD WORKLOAD "    commitment: aud\n", "f:3:5: an issuer needs the keys issuer, client_id, and user or logins"},
    {HEAD WORKLOAD "    commitment: aud\n    algorithms: [RS256]\n" LOGIN("d", "is: x"), "there is one algorithm, GQ256"},
    {HEAD WORKLOAD "    commitment: key-bound\n" LOGIN("d", "is: x"), "f:3:5: an issuer needs the key client_id"},
    {HEAD WORKLOAD "    commitment: aud\n    logins: []\n", "f:6:13: at least one login is needed"},
    {HEAD WORKLOAD "    commitment: aud\n    logins: x\n", "expected a list, found text"},
    {HEAD WORKLOAD "    commitment: aud\n" LOGIN("root", "is: x"), "no login name that anybody can have here"},
    {HEAD WORKLOAD "    commitment: aud\n" LOGIN("a b", "is: x"), "no login name that anybody can have here"},
    {HEAD WORKLOAD "    commitment: aud\n" LOGIN("d", "is: x, like: y"), "one of is and like"},
    {HEAD WORKLOAD "    commitment: aud\n" LOGIN("d", "has: x"), "unknown key \"has\""},
    {HEAD WORKLOAD "    commitment: aud\n" LOGIN("d", "like: \"*\""), "anybody whom the issuer knows"},
    {HEAD WORKLOAD "    commitment: aud\n" LOGIN("d", "is: \"\""), "f:6:41: expected 1 to 1024 bytes of text"},
};

static void
test_workloads(void **state)
{
	struct sp_issuer *is[SP_ISSUER_MAX];
	struct sp_reason why;
	size_t n;

	(void)state;
	assert_int_equal(parse(HEAD WORKLOAD "    commitment: aud\n    logins:\n"
			       "      - { user: a, claim: sub, like: \"repo:x/*\" }\n      - { user: b, claim: sub, is: c }\n"
			       "  - issuer: https://two.example\n    commitment: gq-bound\n    user: { claim: sub }\n"
			       "  - issuer: https://three.example\n    client_id: c\n    commitment: key-bound\n    user: { claim: sub }\n"
			       "    algorithms: [GQ256, RS256]\n",
			     &why, is, &n),
	    0);
	assert_int_equal(n, 3);
	assert_int_equal(is[0]->commitment, SP_ISSUER_AUD);
	assert_null(is[0]->client_id);
	assert_null(is[0]->user_claim);
	assert_int_equal(is[0]->nlogins, 2);
	assert_true(is[0]->logins[0].is_pattern && !is[0]->logins[1].is_pattern);
	assert_string_equal(is[0]->logins[0].value, "repo:x/*");
	assert_string_equal(is[0]->logins[1].user, "b");
	assert_int_equal(is[1]->commitment, SP_ISSUER_GQ_BOUND);
	assert_int_equal(is[2]->commitment, SP_ISSUER_KEY_BOUND);
	assert_true(is[2]->takes_gq);
	assert_int_equal(is[2]->algorithms, 1u << SP_JWA_RS256);
	for (size_t i = 0; i < n; i++)
		sp_issuer_free(is[i]);
}

static void
test_bad(void **state)
{
	struct sp_issuer *is[SP_ISSUER_MAX];
	struct sp_reason why;
	size_t n;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		int r = parse(bad[i].text, &why, is, &n);

		if (r == 0 || strstr(why.text, bad[i].says) == NULL)
			print_message("case %zu: %d %s\n", i, r, why.text);
		assert_int_not_equal(r, 0);
		assert_non_null(strstr(why.text, bad[i].says));
		assert_int_equal(n, 0);
	}
}

static void
test_file_is_ours(void **state)
{
	struct sp_issuer *is[SP_ISSUER_MAX];
	struct sp_reason why;
	size_t n;

	(void)state;
	assert_int_equal(sp_config_load("/nonexistent", &why, is, &n), SP_ERR_NOT_FOUND);
	assert_int_equal(sp_config_load("/dev/null", &why, is, &n), SP_ERR_SYSTEM);
	assert_non_null(strstr(why.text, "not a regular file"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_good),
	    cmocka_unit_test(test_bad),
	    cmocka_unit_test(test_workloads),
	    cmocka_unit_test(test_file_is_ours),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
