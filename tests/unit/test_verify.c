/* SPDX-License-Identifier: Apache-2.0 */
/* The whole verification, on the shared vectors: what must pass, what must not, and every cut of it. */
#include "tests/unit/unit.h"

#include <stdlib.h>
#include <string.h>

#include "identity/gq.h"
#include "identity/jwk.h"
#include "identity/pktoken.h"
#include "identity/sshcert.h"
#include "identity/verify.h"
#include "lib/text.h"

struct fixture {
	json_t *vectors;
	struct sp_jwk_set *keys;
	struct sp_issuer *issuer;
	const struct sp_issuer *list[1];
	struct sp_verify_env env;
	int64_t iat;
	int find_result; /* what find_key answers instead, when not 0 */
};

static int
find_key(void *ctx, const struct sp_issuer *is, const char *kid, enum sp_jwa alg, struct sp_reason *why,
    const struct sp_pubkey **ret_key)
{
	struct fixture *f = ctx;

	assert_ptr_equal(is, f->issuer);
	if (f->find_result != 0)
		return f->find_result;
	return sp_jwk_set_find(f->keys, kid, alg, why, ret_key);
}

static const char *
vector(struct fixture *f, const char *name, size_t part)
{
	return json_string_value(json_array_get(json_object_get(json_object_get(f->vectors, name), "cert"), part));
}

static int
verify(struct fixture *f, const char *user, const char *type, const char *key, int64_t now,
    struct sp_verified **ret_verified)
{
	struct sp_verify_input in = {user, type, key, now};
	const struct sp_issuer *is;
	struct sp_reason why = {""};
	uint8_t digest[SP_VERIFY_SHA256];

	*ret_verified = NULL;
	return sp_verify(&f->env, &in, &why, digest, &is, ret_verified);
}

/* Verifies the good vector with whatever was changed in the fixture. */
static int
verify_good(struct fixture *f, const char *user, int64_t now)
{
	struct sp_verified *v;
	int r = verify(f, user, vector(f, "nonce_rs256", 0), vector(f, "nonce_rs256", 1), now, &v);

	assert_true((r == 0) == (v != NULL));
	sp_verified_free(v);
	return r;
}

static int
setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct sp_reason why = {""};
	char *doc;

	assert_non_null(f);
	f->vectors = json_load_file(SP_TEST_DATA "/opk_vectors.json", 0, NULL);
	assert_non_null(f->vectors);
	doc = json_dumps(json_object_get(f->vectors, "jwks"), 0);
	assert_non_null(doc);
	assert_int_equal(sp_jwk_set_parse(doc, strlen(doc), &why, &f->keys), 0);
	free(doc);
	f->issuer = sp_issuer_new();
	assert_non_null(f->issuer);
	f->issuer->issuer = strdup("https://idp.example");
	f->issuer->client_id = strdup("sallyport");
	f->issuer->user_claim = strdup("sub");
	f->issuer->groups_claim = strdup("groups");
	f->list[0] = f->issuer;
	f->env = (struct sp_verify_env){f->list, 1, find_key, f};
	f->iat = 1795353002;
	*state = f;
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *f = *state;

	json_decref(f->vectors);
	sp_jwk_set_free(f->keys);
	sp_issuer_free(f->issuer);
	free(f);
	return 0;
}

static void
test_good(void **state)
{
	struct fixture *f = *state;
	struct sp_verified *v;
	const char *prefix =
	    "restrict,pty,cert-authority,principals=\"opkssh-wildcard\",expiry-time=\"20261122141102Z\" "
	    "ecdsa-sha2-nistp256 AAAA";
	int r = verify(f, "u1", vector(f, "nonce_rs256", 0), vector(f, "nonce_rs256", 1), f->iat + 10, &v);

	assert_int_equal(r, 0);
	assert_int_equal(strncmp(v->line, prefix, strlen(prefix)), 0);
	assert_null(strchr(v->line, '\n'));
	assert_int_equal(v->until, f->iat + 3600 + 60);
	assert_int_equal(json_integer_value(json_object_get(v->identity, "exp")), f->iat + 3600);
	assert_string_equal(json_string_value(json_object_get(v->identity, "user")), "u1");
	assert_string_equal(json_string_value(json_object_get(v->identity, "email")), "alice@example.com");
	assert_true(json_is_false(json_object_get(v->identity, "email_verified")));
	assert_int_equal(json_array_size(json_object_get(v->identity, "groups")), 0);
	sp_verified_free(v);
}

static void
test_times(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(verify_good(f, "u1", f->iat - 60), 0);
	assert_int_equal(verify_good(f, "u1", f->iat - 61), SP_ERR_NOT_YET);
	assert_int_equal(verify_good(f, "u1", f->iat + 3600 + 59), 0);
	assert_int_equal(verify_good(f, "u1", f->iat + 3600 + 60), SP_ERR_EXPIRED);
	f->issuer->expiry = SP_ISSUER_12H;
	assert_int_equal(verify_good(f, "u1", f->iat + 12 * 3600 + 59), 0);
	assert_int_equal(verify_good(f, "u1", f->iat + 12 * 3600 + 60), SP_ERR_EXPIRED);
	f->issuer->expiry = SP_ISSUER_1WEEK;
	assert_int_equal(verify_good(f, "u1", f->iat + 7 * 24 * 3600 + 60), SP_ERR_EXPIRED);
	f->issuer->expiry = SP_ISSUER_OIDC_REFRESHED;
	assert_int_equal(verify_good(f, "u1", f->iat + 3600 + 60), SP_ERR_EXPIRED);
	assert_int_equal(verify_good(f, "u1", 1000), SP_ERR_UNAVAILABLE);
}

static void
test_settings_hold(void **state)
{
	struct fixture *f = *state;
	char *keep;

	assert_int_equal(verify_good(f, "u2", f->iat), SP_ERR_DENIED);
	assert_int_equal(verify_good(f, "root", f->iat), SP_ERR_DENIED);
	assert_int_equal(verify_good(f, "U1", f->iat), SP_ERR_FORMAT);
	f->issuer->algorithms = 1u << SP_JWA_ES256;
	assert_int_equal(verify_good(f, "u1", f->iat), SP_ERR_DENIED);
	f->issuer->algorithms = 1u << SP_JWA_RS256;
	assert_int_equal(verify_good(f, "u1", f->iat), 0);
	keep = f->issuer->client_id;
	f->issuer->client_id = (char *)(uintptr_t) "sallypor";
	assert_int_equal(verify_good(f, "u1", f->iat), SP_ERR_DENIED);
	f->issuer->client_id = keep;
	keep = f->issuer->issuer;
	f->issuer->issuer = (char *)(uintptr_t) "https://idp.example/";
	assert_int_equal(verify_good(f, "u1", f->iat), SP_ERR_DENIED);
	f->issuer->issuer = keep;
	f->issuer->max_age = 3600;
	assert_int_equal(verify_good(f, "u1", f->iat), SP_ERR_DENIED);
	f->issuer->max_age = 0;
	free(f->issuer->user_claim);
	f->issuer->user_claim = strdup("email");
	f->issuer->user_domain = strdup("example.com");
	assert_int_equal(verify_good(f, "alice", f->iat), SP_ERR_DENIED);
}

static void
test_key_lookup_result_is_final(void **state)
{
	struct fixture *f = *state;

	f->find_result = SP_ERR_AGAIN;
	assert_int_equal(verify_good(f, "u1", f->iat), SP_ERR_AGAIN);
	f->find_result = SP_ERR_NOT_FOUND;
	assert_int_equal(verify_good(f, "u1", f->iat), SP_ERR_DENIED);
	f->find_result = SP_ERR_UNAVAILABLE;
	assert_int_equal(verify_good(f, "u1", f->iat), SP_ERR_UNAVAILABLE);
}

/* The issuer of the vector that a workload would have. */
static void
make_workload(struct fixture *f)
{
	free(f->issuer->issuer);
	free(f->issuer->client_id);
	free(f->issuer->user_claim);
	f->issuer->issuer = strdup("https://token.actions.example");
	f->issuer->client_id = f->issuer->user_claim = NULL;
	f->issuer->commitment = SP_ISSUER_AUD;
	f->issuer->logins = calloc(1, sizeof(*f->issuer->logins));
	assert_non_null(f->issuer->logins);
	f->issuer->logins[0] = (struct sp_issuer_login){strdup("deploy"), strdup("sub"), strdup("repo:o/r:ref:refs/heads/ma?n"), true};
	f->issuer->nlogins = 1;
}

static int
verify_workload(struct fixture *f, const char *user, int64_t now)
{
	struct sp_verified *v;
	int r = verify(f, user, vector(f, "aud_gq256", 0), vector(f, "aud_gq256", 1), now, &v);

	if (r == 0) {
		assert_int_equal(v->until, f->iat + 300 + 60);
		assert_string_equal(json_string_value(json_object_get(v->identity, "sub")), "repo:o/r:ref:refs/heads/main");
		assert_string_equal(json_string_value(json_object_get(v->identity, "user")), "deploy");
	}
	sp_verified_free(v);
	return r;
}

static void
test_gq_workload(void **state)
{
	struct fixture *f = *state;

	make_workload(f);
	assert_int_equal(verify_workload(f, "deploy", f->iat + 10), 0);
	assert_int_equal(verify_workload(f, "alice", f->iat + 10), SP_ERR_DENIED);
	assert_int_equal(verify_workload(f, "deploy", f->iat + 300 + 60), SP_ERR_EXPIRED);
	f->issuer->commitment = SP_ISSUER_NONCE;
	f->issuer->takes_gq = true;
	f->issuer->client_id = strdup("sallyport");
	assert_int_equal(verify_workload(f, "deploy", f->iat + 10), SP_ERR_DENIED); /* aud is another's */
	f->issuer->commitment = SP_ISSUER_GQ_BOUND;
	assert_int_equal(verify_workload(f, "deploy", f->iat + 10), SP_ERR_DENIED);
	f->issuer->commitment = SP_ISSUER_KEY_BOUND;
	assert_int_equal(verify_workload(f, "deploy", f->iat + 10), SP_ERR_DENIED);
	f->issuer->commitment = SP_ISSUER_AUD;
	assert_int_equal(verify_workload(f, "deploy", f->iat + 10), 0);
	f->issuer->logins[0].value[0] = 'x';
	assert_int_equal(verify_workload(f, "deploy", f->iat + 10), SP_ERR_DENIED);
}

/* The proof alone: each part of it changed and cut, and the key. */
static void
test_gq_proof(void **state)
{
	struct fixture *f = *state;
	char *pkt = strdup(json_string_value(json_object_get(json_object_get(f->vectors, "aud_gq256"), "pkt")));
	const struct sp_pubkey *key = NULL;
	struct sp_pktoken *t = NULL;
	struct sp_reason why = {""};
	struct sp_jws jws;
	uint8_t *sig;

	assert_int_equal(sp_jwk_set_find(f->keys, "op-1", SP_JWA_RS256, &why, &key), 0);
	assert_int_equal(sp_pktoken_parse((struct sp_view){(const uint8_t *)pkt, strlen(pkt)}, &why, &t), 0);
	jws = *sp_pktoken_op(t);
	assert_int_equal(sp_gq_verify(&jws, sp_pktoken_op_header(t), key, &why), 0);
	sig = malloc(jws.signature.len);
	assert_non_null(sig);
	for (size_t i = 0; i < jws.signature.len - 1; i += 29) {
		memcpy(sig, jws.signature.data, jws.signature.len);
		sig[i] = sig[i] == 'A' ? 'B' : 'A';
		if (memcmp(sig, jws.signature.data, jws.signature.len) == 0)
			continue;
		jws.signature.data = sig;
		assert_int_not_equal(sp_gq_verify(&jws, sp_pktoken_op_header(t), key, &why), 0);
		jws.signature = sp_pktoken_op(t)->signature;
	}
	for (size_t cut = 0; cut < sp_pktoken_op(t)->signature.len; cut += cut < 64 ? 1 : 97) {
		jws.signature.len = cut;
		assert_int_not_equal(sp_gq_verify(&jws, sp_pktoken_op_header(t), key, &why), 0);
	}
	jws = *sp_pktoken_op(t);
	jws.payload.len--;
	assert_int_equal(sp_gq_verify(&jws, sp_pktoken_op_header(t), key, &why), SP_ERR_SIGNATURE);
	jws = *sp_pktoken_op(t);
	jws.header.len--;
	assert_int_equal(sp_gq_verify(&jws, sp_pktoken_op_header(t), key, &why), SP_ERR_SIGNATURE);
	free(sig);
	sp_pktoken_free(t);
	free(pkt);
}

static void
test_not_ours(void **state)
{
	struct fixture *f = *state;
	struct sp_verified *v;

	assert_int_equal(verify(f, "u1", "ssh-ed25519", "AAAA", f->iat, &v), SP_ERR_NOT_FOUND);
	assert_int_equal(verify(f, "u1", "ssh-ed25519-cert-v01@openssh.com", vector(f, "nonce_rs256", 1), f->iat, &v),
	    SP_ERR_INVALID);
}

/* The certificate cut at every byte, and with each byte changed. */
static void
test_cert_every_byte(void **state)
{
	struct fixture *f = *state;
	const char *b64 = vector(f, "nonce_rs256", 1), *type = vector(f, "nonce_rs256", 0);
	struct sp_buf *b = sp_buf_new(0);
	struct sp_sshcert *cert;
	struct sp_reason why;
	uint8_t *copy;
	size_t n;

	assert_non_null(b);
	assert_int_equal(sp_text_base64_decode(b, b64, strlen(b64)), 0);
	n = sp_buf_len(b);
	for (size_t cut = 0; cut < n; cut++) {
		copy = malloc(cut == 0 ? 1 : cut); /* exact, so that ASan sees any read past it */
		assert_non_null(copy);
		memcpy(copy, sp_buf_data(b), cut);
		assert_int_not_equal(sp_sshcert_parse(type, (struct sp_view){copy, cut}, f->iat, &why, &cert), 0);
		free(copy);
	}
	copy = malloc(n);
	assert_non_null(copy);
	for (size_t i = 0; i < n; i++) {
		memcpy(copy, sp_buf_data(b), n);
		copy[i] ^= 1;
		assert_int_not_equal(sp_sshcert_parse(type, (struct sp_view){copy, n}, f->iat, &why, &cert), 0);
	}
	memcpy(copy, sp_buf_data(b), n);
	assert_int_equal(sp_sshcert_parse(type, (struct sp_view){copy, n}, f->iat, &why, &cert), 0);
	sp_sshcert_free(cert);
	free(copy);
	sp_buf_free(b);
}

static void
test_token_cut_at_every_byte(void **state)
{
	struct fixture *f = *state;
	const char *pkt = json_string_value(json_object_get(json_object_get(f->vectors, "nonce_rs256"), "pkt"));
	size_t n = strlen(pkt);

	for (size_t cut = 0; cut <= n; cut++) {
		uint8_t *copy = malloc(cut == 0 ? 1 : cut);
		struct sp_pktoken *t = NULL;
		struct sp_reason why;
		int r;

		assert_non_null(copy);
		memcpy(copy, pkt, cut);
		r = sp_pktoken_parse((struct sp_view){copy, cut}, &why, &t);
		/* A cut inside the last signature still splits; the signature is not judged here. */
		if (cut < n - 86)
			assert_int_not_equal(r, 0);
		if (cut == n)
			assert_int_equal(r, 0);
		sp_pktoken_free(t);
		free(copy);
	}
}

static void
test_commitment(void **state)
{
	struct fixture *f = *state;
	const char *pkt = json_string_value(json_object_get(json_object_get(f->vectors, "nonce_rs256"), "pkt"));
	char out[SP_PKTOKEN_COMMITMENT + 1];
	struct sp_pktoken *t;
	struct sp_reason why;

	assert_int_equal(sp_pktoken_parse((struct sp_view){(const uint8_t *)pkt, strlen(pkt)}, &why, &t), 0);
	assert_int_equal(sp_pktoken_commitment(t, out), 0);
	assert_string_equal(out, json_string_value(json_object_get(f->vectors, "commitment")));
	sp_pktoken_free(t);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_good, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_times, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_settings_hold, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_key_lookup_result_is_final, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_gq_workload, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_gq_proof, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_not_ours, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_cert_every_byte, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_token_cut_at_every_byte, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_commitment, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
