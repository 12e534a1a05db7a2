/* SPDX-License-Identifier: Apache-2.0 */
/* Keys and signatures: published examples, sets of keys, and what must not be a key. */
#include "tests/unit/unit.h"

#include <stdlib.h>
#include <string.h>

#include "identity/json.h"
#include "identity/jwk.h"
#include "identity/jws.h"

/* RFC 7515 appendix A.3 and RFC 8037 appendix A.4. */
static const struct {
	const char *jwk;
	const char *jws;
	enum sp_jwa alg;
} examples[] = {
    {"{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\","
     "\"y\":\"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0\"}",
	"eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290"
	"Ijp0cnVlfQ.DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q",
	SP_JWA_ES256},
    {"{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\"}",
	"eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc.hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR"
	"4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg",
	SP_JWA_EDDSA},
};

static struct sp_jwk *
read_jwk(const char *text, int expect)
{
	struct sp_jwk *jwk = NULL;
	struct sp_reason why = {""};
	json_t *object = NULL;

	assert_int_equal(sp_json_object(text, strlen(text), 4096, &why, &object), 0);
	assert_int_equal(sp_jwk_parse(object, &why, &jwk), expect);
	json_decref(object);
	return jwk;
}

static void
test_published_examples(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(examples) / sizeof(examples[0]); i++) {
		struct sp_view compact = {(const uint8_t *)examples[i].jws, strlen(examples[i].jws)};
		struct sp_jwk *jwk = read_jwk(examples[i].jwk, 0);
		struct sp_reason why = {""};
		struct sp_jws jws;
		char *copy;

		assert_int_equal(sp_jws_split(compact, &why, &jws), 0);
		assert_int_equal(sp_jws_verify(&jws, sp_jwk_key(jwk), examples[i].alg, &why), 0);
		/* Under every other algorithm the key does not fit. */
		for (int alg = 0; alg < SP_JWA_COUNT; alg++) {
			if ((enum sp_jwa)alg != examples[i].alg)
				assert_int_equal(
				    sp_jws_verify(&jws, sp_jwk_key(jwk), (enum sp_jwa)alg, &why), SP_ERR_INVALID);
		}
		/* Every character changed, one at a time. */
		copy = strdup(examples[i].jws);
		assert_non_null(copy);
		for (size_t j = 0; j < compact.len; j++) {
			char was = copy[j];

			copy[j] = was == 'A' ? 'B' : 'A';
			compact.data = (const uint8_t *)copy;
			if (was != '.' && sp_jws_split(compact, &why, &jws) == 0)
				assert_int_not_equal(sp_jws_verify(&jws, sp_jwk_key(jwk), examples[i].alg, &why), 0);
			copy[j] = was;
		}
		free(copy);
		sp_jwk_free(jwk);
	}
}

static void
test_refused_keys(void **state)
{
	(void)state;
#define ED "\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\""
	sp_jwk_free(read_jwk("{" ED "}", 0));
	sp_jwk_free(read_jwk("{" ED ",\"use\":\"sig\",\"key_ops\":[\"verify\"],\"alg\":\"EdDSA\",\"kid\":\"a\"}", 0));
	read_jwk("{" ED ",\"d\":\"AA\"}", SP_ERR_INVALID);
	read_jwk("{" ED ",\"k\":null}", SP_ERR_INVALID);
	read_jwk("{" ED ",\"use\":\"enc\"}", SP_ERR_INVALID);
	read_jwk("{" ED ",\"use\":[]}", SP_ERR_FORMAT);
	read_jwk("{" ED ",\"key_ops\":[\"sign\"]}", SP_ERR_INVALID);
	read_jwk("{" ED ",\"key_ops\":\"verify\"}", SP_ERR_FORMAT);
	read_jwk("{" ED ",\"alg\":\"ES256\"}", SP_ERR_INVALID);
	read_jwk("{" ED ",\"alg\":\"none\"}", SP_ERR_UNSUPPORTED);
	read_jwk("{" ED ",\"kid\":7}", SP_ERR_FORMAT);
	read_jwk("{\"kty\":\"OKP\",\"crv\":\"X25519\",\"x\":\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\"}",
	    SP_ERR_UNSUPPORTED);
	read_jwk("{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"11qY\"}", SP_ERR_FORMAT);
	read_jwk("{\"kty\":\"oct\"}", SP_ERR_UNSUPPORTED);
	read_jwk("{}", SP_ERR_FORMAT);
	read_jwk("{\"kty\":\"RSA\",\"n\":\"AQAB\",\"e\":\"AQAB\"}", SP_ERR_INVALID);
	read_jwk("{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\","
		 "\"y\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAE\"}",
	    SP_ERR_INVALID);
	read_jwk("{\"kty\":\"EC\",\"crv\":\"secp256k1\",\"x\":\"AA\",\"y\":\"AA\"}", SP_ERR_UNSUPPORTED);
}

static const char set_text[] =
    "{\"keys\":[{" ED ",\"kid\":\"one\"},{" ED ",\"kid\":\"two\",\"d\":\"AA\"},"
    "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\","
    "\"y\":\"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0\",\"kid\":\"one\"}]}";

static void
test_set(void **state)
{
	const struct sp_pubkey *key;
	struct sp_jwk_set *set;
	struct sp_reason why = {""};

	(void)state;
	assert_int_equal(sp_jwk_set_parse(set_text, sizeof(set_text) - 1, &why, &set), 0);
	assert_int_equal(sp_jwk_set_count(set), 2);
	assert_int_equal(sp_jwk_set_refused(set), 1);
	assert_int_equal(sp_jwk_set_find(set, "one", SP_JWA_EDDSA, &why, &key), 0);
	assert_int_equal(sp_pubkey_kind(key), SP_JWA_KEY_ED25519);
	assert_int_equal(sp_jwk_set_find(set, "one", SP_JWA_ES256, &why, &key), 0);
	assert_int_equal(sp_pubkey_kind(key), SP_JWA_KEY_P256);
	assert_int_equal(sp_jwk_set_find(set, "one", SP_JWA_RS256, &why, &key), SP_ERR_INVALID);
	assert_int_equal(sp_jwk_set_find(set, "two", SP_JWA_EDDSA, &why, &key), SP_ERR_NOT_FOUND);
	assert_int_equal(sp_jwk_set_find(set, "", SP_JWA_EDDSA, &why, &key), SP_ERR_NOT_FOUND);
	assert_int_equal(sp_jwk_set_find(set, NULL, SP_JWA_EDDSA, &why, &key), 0);
	sp_jwk_set_free(set);
}

static void
test_set_cut_at_every_byte(void **state)
{
	(void)state;
	for (size_t cut = 0; cut < sizeof(set_text) - 1; cut++) {
		char *copy = malloc(cut == 0 ? 1 : cut);
		struct sp_jwk_set *set;
		struct sp_reason why;

		assert_non_null(copy);
		memcpy(copy, set_text, cut);
		assert_int_equal(sp_jwk_set_parse(copy, cut, &why, &set), SP_ERR_FORMAT);
		free(copy);
	}
}

static void
test_set_limits(void **state)
{
	struct sp_jwk_set *set;
	struct sp_reason why = {""};
	json_t *keys = json_array(), *doc;
	char *text;

	(void)state;
	assert_int_equal(sp_jwk_set_parse("{\"keys\":[]}", 11, &why, &set), SP_ERR_NOT_FOUND);
	assert_int_equal(sp_jwk_set_parse("{\"keys\":{}}", 11, &why, &set), SP_ERR_FORMAT);
	assert_int_equal(sp_jwk_set_parse("{}", 2, &why, &set), SP_ERR_FORMAT);
	for (int i = 0; i <= SP_JWK_SET_KEYS; i++)
		assert_int_equal(json_array_append_new(keys, json_loads("{" ED "}", 0, NULL)), 0);
	doc = json_pack("{s:o}", "keys", keys);
	text = json_dumps(doc, 0);
	json_decref(doc);
	assert_non_null(text);
	assert_int_equal(sp_jwk_set_parse(text, strlen(text), &why, &set), SP_ERR_LIMIT);
	free(text);
}

static void
test_json_limits(void **state)
{
	struct sp_reason why;
	json_t *v;

	(void)state;
	assert_int_equal(sp_json_object("{\"a\":1,\"a\":1}", 13, 100, &why, &v), SP_ERR_FORMAT);
	assert_int_equal(sp_json_object("{\"a\":{\"b\":1,\"\\u0062\":1}}", 24, 100, &why, &v), SP_ERR_FORMAT);
	assert_int_equal(sp_json_object("{} x", 4, 100, &why, &v), SP_ERR_FORMAT);
	assert_int_equal(sp_json_object("[]", 2, 100, &why, &v), SP_ERR_FORMAT);
	assert_int_equal(sp_json_object("{\"a\":\"\\u0000\"}", 14, 100, &why, &v), SP_ERR_FORMAT);
	assert_int_equal(sp_json_object("{\"a\":\"\xff\"}", 9, 100, &why, &v), SP_ERR_FORMAT);
	assert_int_equal(sp_json_object("{\"a\":1}", 7, 6, &why, &v), SP_ERR_LIMIT);
	assert_int_equal(sp_json_object("{\"a\":[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]}", 39, 100, &why, &v), SP_ERR_LIMIT);
	assert_int_equal(sp_json_object("{\"a\":\"[[[[[[[[[[[[[[[[[[\"}", 26, 100, &why, &v), 0);
	json_decref(v);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_published_examples),
	    cmocka_unit_test(test_refused_keys),
	    cmocka_unit_test(test_set),
	    cmocka_unit_test(test_set_cut_at_every_byte),
	    cmocka_unit_test(test_set_limits),
	    cmocka_unit_test(test_json_limits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
