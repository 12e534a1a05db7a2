/* SPDX-License-Identifier: Apache-2.0 */
/* policy/revoked.h: who is meant by the deny list, and that a list that is not whole is none. */
#include "tests/unit/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/revoked.h"

#define KEY "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define NOW 1000

static json_t *
entry(const char *kind, const char *value, const char *issuer, int64_t until)
{
	json_t *e = json_pack("{s:s,s:s,s:s*,s:s,s:s,s:i,s:I}", "kind", kind, "value", value, "issuer", issuer, "by", "root",
	    "reason", "gone", "since", 1, "until", (json_int_t)until);

	assert_non_null(e);
	return e;
}

static int
add(struct sp_revoked *l, json_t *e)
{
	int r = sp_revoked_add(l, e);

	json_decref(e);
	return r;
}

static void
test_who_is_meant(void **state)
{
	static const struct {
		const char *kind, *value, *issuer;
		int64_t until;
		struct sp_revoked_who who;
		bool is_meant;
	} cases[] = {
		{ "person", "alice", NULL, 0, { .user = "alice" }, true },
		{ "person", "alice", NULL, 0, { .user = "Alice" }, true },
		{ "person", "ALICE", NULL, 0, { .user = "alice" }, true },
		{ "person", "alice", NULL, 0, { .user = "alic" }, false },
		{ "person", "alice", NULL, 0, { .user = "alicee" }, false },
		{ "person", "alice", NULL, 0, { 0 }, false },
		{ "person", "Alice@Example.com", NULL, 0, { .user = "al", .email = "alice@example.COM" }, true },
		{ "person", "alice@example.com", NULL, 0, { .email = "alice@example.com.evil" }, false },
		{ "person", "abC", NULL, 0, { .iss = "https://idp", .sub = "abC" }, true },
		{ "person", "abC", NULL, 0, { .iss = "https://idp", .sub = "abc" }, false },
		{ "person", "17", "https://idp", 0, { .iss = "https://idp", .sub = "17" }, true },
		{ "person", "17", "https://idp/", 0, { .iss = "https://idp", .sub = "17" }, true },
		{ "person", "17", "https://idp", 0, { .iss = "https://idp2", .sub = "17" }, false },
		{ "person", "17", "https://idp", 0, { .sub = "17" }, false },
		{ "person", "alice", "https://idp", 0, { .user = "alice" }, false },
		{ "person", "alice", NULL, NOW + 1, { .user = "alice" }, true },
		{ "person", "alice", NULL, NOW, { .user = "alice" }, false },
		{ "person", KEY, NULL, 0, { .user = "alice", .key = KEY, .jti = KEY }, false },
		{ "key", KEY, NULL, 0, { .user = "alice", .key = KEY }, true },
		{ "key", KEY, NULL, 0, { .user = KEY, .jti = KEY }, false },
		{ "jti", "t-1", NULL, 0, { .user = "alice", .jti = "t-1" }, true },
		{ "jti", "t-1", NULL, 0, { .user = "t-1", .jti = "T-1" }, false },
		{ "jti", "t-1", "https://idp", 0, { .iss = "https://other", .jti = "t-1" }, false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct sp_revoked *l = sp_revoked_new();

		assert_non_null(l);
		assert_int_equal(add(l, entry(cases[i].kind, cases[i].value, cases[i].issuer, cases[i].until)), 0);
		if ((sp_revoked_find(l, &cases[i].who, NOW) != NULL) != cases[i].is_meant)
			fail_msg("case %zu", i);
		sp_revoked_free(l);
	}
}

/* One who was logged in under the name is meant by any other, and a second revocation does not forget it. */
static void
test_two_names(void **state)
{
	json_t *e = entry("person", "alice", NULL, 0), *other = entry("person", "alice@other", "https://idp2", 0);
	json_t *alice = json_pack("{s:s,s:s,s:s}", "iss", "https://idp", "sub", "17", "user", "alice");
	json_t *bob = json_pack("{s:s,s:s,s:s}", "iss", "https://idp", "sub", "18", "user", "bob");
	const struct sp_revoked_who deploy = { .iss = "https://idp", .sub = "17", .user = "deploy" },
				    elsewhere = { .iss = "https://idp2", .sub = "17", .user = "deploy" },
				    bobs = { .iss = "https://idp", .sub = "18", .user = "bob" };
	struct sp_revoked *l = sp_revoked_new(), *again = NULL;
	char *text;

	(void)state;
	assert_non_null(l);
	assert_int_equal(sp_revoked_also(e, alice), 0);
	assert_int_equal(sp_revoked_also(e, alice), 0);
	assert_int_equal(sp_revoked_also(e, bob), 0);
	assert_int_equal(sp_revoked_also(other, alice), 0);
	assert_null(json_object_get(other, "also"));
	assert_int_equal(json_array_size(json_object_get(e, "also")), 1);
	assert_int_equal(add(l, e), 0);
	assert_non_null(sp_revoked_find(l, &deploy, NOW));
	assert_null(sp_revoked_find(l, &elsewhere, NOW));
	assert_null(sp_revoked_find(l, &bobs, NOW));
	assert_int_equal(add(l, entry("person", "Alice", NULL, 0)), 0);
	assert_int_equal(json_array_size(sp_revoked_entries(l)), 1);
	text = sp_revoked_text(l, NOW);
	assert_non_null(text);
	assert_int_equal(sp_revoked_parse(text, strlen(text), &again), 0);
	assert_non_null(sp_revoked_find(again, &deploy, NOW));
	assert_int_equal(sp_revoked_remove(again, "person", "alice", "https://idp"), SP_ERR_NOT_FOUND);
	assert_int_equal(sp_revoked_remove(again, "key", "alice", NULL), SP_ERR_NOT_FOUND);
	assert_int_equal(sp_revoked_remove(again, "person", "ALICE", NULL), 0);
	assert_null(sp_revoked_find(again, &deploy, NOW));
	free(text);
	json_decref(alice);
	json_decref(bob);
	json_decref(other);
	sp_revoked_free(l);
	sp_revoked_free(again);
}

/* A file that is cut anywhere, or has more or other things in it, is no list: who reads it refuses everybody. */
static void
test_cut(void **state)
{
	static const char *const bad[] = { "", "{}", "[]", "{\"version\":1}", "{\"version\":2,\"revoked\":[]}",
		"{\"version\":1,\"revoked\":{}}", "{\"version\":1,\"revoked\":[],\"x\":1}", "{\"version\":1,\"revoked\":[1]}",
		"{\"version\":1,\"revoked\":[{\"kind\":\"person\",\"value\":\"alice\"}]}", "{\"version\":1,\"version\":1,\"revoked\":[]}" };
	struct sp_revoked *l = sp_revoked_new(), *again = NULL;
	char *text;

	(void)state;
	assert_non_null(l);
	assert_int_equal(add(l, entry("person", "alice", "https://idp", 0)), 0);
	assert_int_equal(add(l, entry("key", KEY, NULL, 0)), 0);
	assert_int_equal(add(l, entry("jti", "over", NULL, NOW)), 0);
	text = sp_revoked_text(l, NOW);
	assert_non_null(text);
	for (size_t n = 0; n < strlen(text); n++)
		assert_int_equal(sp_revoked_parse(text, n, &again), SP_ERR_FORMAT);
	assert_int_equal(sp_revoked_parse(text, strlen(text), &again), 0);
	assert_int_equal(json_array_size(sp_revoked_entries(again)), 2); /* what is over is not written */
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(sp_revoked_parse(bad[i], strlen(bad[i]), &again), SP_ERR_FORMAT);
	free(text);
	sp_revoked_free(l);
	sp_revoked_free(again);
}

static void
wrong(const char *name, json_t *value)
{
	struct sp_revoked *l = sp_revoked_new();
	json_t *e = entry("person", "alice", NULL, 0);

	assert_non_null(l);
	if (value == NULL)
		(void)json_object_del(e, name);
	else
		(void)json_object_set_new(e, name, value);
	if (add(l, e) != SP_ERR_FORMAT)
		fail_msg("%s", name);
	sp_revoked_free(l);
}

static void
test_entries(void **state)
{
	static const char *const names[] = { "kind", "value", "by", "reason", "since", "until" };
	char text[SP_REVOKED_VALUE_MAX + 2], number[16];
	struct sp_revoked *l = sp_revoked_new();

	(void)state;
	assert_non_null(l);
	memset(text, 'a', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		wrong(names[i], NULL);
		wrong(names[i], json_true());
		wrong(names[i], json_string(""));
	}
	wrong("kind", json_string("persons"));
	wrong("kind", json_string("key")); /* alice is no digest */
	wrong("value", json_string(text));
	wrong("value", json_string("a\nb"));
	wrong("reason", json_string("a\033[2Jb"));
	wrong("value", json_stringn("a\0b", 3));
	wrong("issuer", json_string(""));
	wrong("until", json_integer(-1));
	wrong("more", json_true());
	wrong("also", json_pack("[{s:s}]", "iss", "x"));
	wrong("also", json_pack("[{s:s,s:s,s:s}]", "iss", "x", "sub", "y", "z", "z"));
	assert_int_equal(sp_revoked_add(l, NULL), SP_ERR_FORMAT);
	for (int i = 0; i < SP_REVOKED_MAX; i++) {
		(void)snprintf(number, sizeof(number), "p%d", i);
		assert_int_equal(add(l, entry("person", number, NULL, 0)), 0);
	}
	assert_int_equal(add(l, entry("person", "one-more", NULL, 0)), SP_ERR_LIMIT);
	assert_int_equal(add(l, entry("person", "P7", NULL, 0)), 0); /* in place of p7 */
	sp_revoked_free(l);
}

static void
test_said(void **state)
{
	json_t *e = entry("person", "alice", NULL, 0), *k = entry("key", KEY, NULL, 0);
	char text[SP_REVOKED_SAID_MAX];

	(void)state;
	sp_revoked_say(e, text, sizeof(text));
	assert_string_equal(text, "your access to this bastion was revoked by root: gone");
	sp_revoked_say(k, text, sizeof(text));
	assert_string_equal(text, "the key of this login was revoked by root: gone");
	json_decref(e);
	json_decref(k);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_who_is_meant),
		cmocka_unit_test(test_two_names),
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_entries),
		cmocka_unit_test(test_said),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
