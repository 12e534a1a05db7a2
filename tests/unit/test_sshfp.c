/* SPDX-License-Identifier: Apache-2.0 */
/* Answers of DNS about host keys. */
#include "tests/unit/unit.h"

#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "lib/text.h"
#include "proto/sshfp.h"

#define KEY "AAAAC3NzaC1lZDI1NTE5AAAAIAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8g"
#define NAME "\4web1\7example"
#define VALIDATED 0xa0u /* RA and AD */

static uint8_t digest[32], blob[51];

static int
setup(void **state)
{
	struct sp_buf *b = sp_buf_new(0);
	unsigned n = 0;

	(void)state;
	assert_int_equal(sp_text_base64_decode(b, KEY, strlen(KEY)), 0);
	assert_int_equal(sp_buf_len(b), sizeof(blob));
	memcpy(blob, sp_buf_data(b), sizeof(blob));
	sp_buf_free(b);
	assert_int_equal(EVP_Digest(blob, sizeof(blob), digest, &n, EVP_sha256(), NULL), 1);
	return 0;
}

static void
put_u16(struct sp_buf *b, unsigned v)
{
	sp_buf_put_u8(b, (uint8_t)(v >> 8));
	sp_buf_put_u8(b, (uint8_t)v);
}

/* The header, and the question for NAME. */
static struct sp_buf *
answer(unsigned flags, unsigned records)
{
	struct sp_buf *b = sp_buf_new(0);

	put_u16(b, 0x1234);
	sp_buf_put_u8(b, 0x81);
	sp_buf_put_u8(b, (uint8_t)flags);
	put_u16(b, 1);
	put_u16(b, records);
	put_u16(b, 0);
	put_u16(b, 0);
	sp_buf_put(b, NAME, sizeof(NAME));
	put_u16(b, SP_SSHFP_TYPE);
	put_u16(b, 1);
	return b;
}

/* name: on the wire; NULL: that of the question. */
static void
put_record(struct sp_buf *b, const char *name, unsigned type, const void *data, size_t n)
{
	if (name != NULL)
		sp_buf_put(b, name, strlen(name) + 1);
	else
		put_u16(b, 0xc00c);
	put_u16(b, type);
	put_u16(b, 1);
	put_u16(b, 0);
	put_u16(b, 3600);
	put_u16(b, (unsigned)n);
	assert_int_equal(sp_buf_put(b, data, n), 0);
}

static void
put_fingerprint(struct sp_buf *b, const char *name, uint8_t algorithm, uint8_t type, const uint8_t *sum, size_t n)
{
	uint8_t data[66] = { algorithm, type };

	memcpy(data + 2, sum, n);
	put_record(b, name, SP_SSHFP_TYPE, data, n + 2);
}

/* What is read of it, which is then gone. */
static int
read_as(struct sp_buf *b, const char *name, struct sp_sshfp_set *set)
{
	uint8_t *copy = malloc(sp_buf_len(b));
	struct sp_view v = { copy, sp_buf_len(b) };
	int r;

	assert_non_null(copy);
	memcpy(copy, sp_buf_data(b), sp_buf_len(b));
	r = sp_sshfp_parse(v, name, set);
	free(copy);
	sp_buf_free(b);
	return r;
}

static struct sp_buf *
good(unsigned flags)
{
	struct sp_buf *b = answer(flags, 3);

	put_fingerprint(b, NULL, 4, 1, digest, 20);
	put_fingerprint(b, NULL, 4, 2, digest, 32);
	put_record(b, NULL, 46, "signature", 9);
	return b;
}

static void
test_good(void **state)
{
	struct sp_view key = { blob, sizeof(blob) }, cut = { blob, sizeof(blob) - 1 };
	struct sp_sshfp_set set = { 0 };

	(void)state;
	assert_int_equal(read_as(good(VALIDATED), "web1.example", &set), 0);
	assert_int_equal(set.n, 1);
	assert_true(sp_sshfp_has(&set, key));
	assert_false(sp_sshfp_has(&set, cut));
	blob[20] ^= 1;
	assert_false(sp_sshfp_has(&set, key));
	blob[20] ^= 1;
	set.keys[0].algorithm = 3;
	assert_false(sp_sshfp_has(&set, key));
	set.keys[0].algorithm = 4;
	set.keys[0].digest[31] ^= 1;
	assert_false(sp_sshfp_has(&set, key));
	assert_int_equal(read_as(good(VALIDATED), "WEB1.Example", &set), 0);
}

/* Nothing counts that has not been validated, whatever else it says. */
static void
test_refused(void **state)
{
	static const struct {
		unsigned flags;
		int err;
	} flags[] = { { 0x80, SP_ERR_SIGNATURE }, { 0x00, SP_ERR_SIGNATURE }, { VALIDATED | 2, SP_ERR_UNAVAILABLE },
		{ VALIDATED | 5, SP_ERR_UNAVAILABLE }, { 0x82, SP_ERR_UNAVAILABLE } };
	struct sp_sshfp_set set = { 0 };
	struct sp_buf *b;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(flags) / sizeof(flags[0]); i++)
		assert_int_equal(read_as(good(flags[i].flags), "web1.example", &set), flags[i].err);
	assert_int_equal(read_as(good(VALIDATED), "web2.example", &set), SP_ERR_FORMAT);
	assert_int_equal(read_as(answer(VALIDATED, 0), "web1.example", &set), SP_ERR_NOT_FOUND);
	assert_int_equal(read_as(answer(VALIDATED | 3, 0), "web1.example", &set), SP_ERR_NOT_FOUND);
	assert_int_equal(read_as(answer(VALIDATED, 60000), "web1.example", &set), SP_ERR_LIMIT);
	b = answer(VALIDATED, 1);
	put_fingerprint(b, NULL, 4, 1, digest, 20);
	assert_int_equal(read_as(b, "web1.example", &set), SP_ERR_UNSUPPORTED);
	b = answer(VALIDATED, 1);
	put_fingerprint(b, NULL, 2, 2, digest, 32); /* DSA */
	assert_int_equal(read_as(b, "web1.example", &set), SP_ERR_UNSUPPORTED);
	b = answer(VALIDATED, 1);
	put_fingerprint(b, NULL, 4, 2, digest, 31);
	assert_int_equal(read_as(b, "web1.example", &set), SP_ERR_FORMAT);
	b = answer(VALIDATED, 1);
	put_fingerprint(b, "\4web2\7example", 4, 2, digest, 32); /* another name's */
	assert_int_equal(read_as(b, "web1.example", &set), SP_ERR_NOT_FOUND);
	b = answer(VALIDATED, SP_SSHFP_MAX + 1);
	for (i = 0; i <= SP_SSHFP_MAX; i++)
		put_fingerprint(b, NULL, 4, 2, digest, 32);
	assert_int_equal(read_as(b, "web1.example", &set), SP_ERR_LIMIT);
	assert_int_equal(set.n, 0);
}

static void
test_alias(void **state)
{
	struct sp_buf *b = answer(VALIDATED, 2);
	struct sp_sshfp_set set = { 0 };

	(void)state;
	put_record(b, NULL, 5, "\3www\7example", 13);
	put_fingerprint(b, "\3WWW\7example", 4, 2, digest, 32);
	assert_int_equal(read_as(b, "web1.example", &set), 0);
	assert_int_equal(set.n, 1);
	b = answer(VALIDATED, 2);
	put_record(b, NULL, 5, "\3www\7example", 13);
	put_fingerprint(b, NULL, 4, 2, digest, 32); /* of the alias, which has no other records */
	assert_int_equal(read_as(b, "web1.example", &set), SP_ERR_NOT_FOUND);
	b = answer(VALIDATED, 1);
	put_record(b, NULL, 5, "\xc0\x21", 2); /* points at itself */
	assert_int_equal(read_as(b, "web1.example", &set), SP_ERR_FORMAT);
}

/* Cut at every byte: never an answer. */
static void
test_cut(void **state)
{
	struct sp_buf *b = good(VALIDATED);
	size_t n;

	(void)state;
	for (n = 0; n < sp_buf_len(b); n++) {
		struct sp_sshfp_set set = { 0 };
		uint8_t *copy = malloc(n + 1);
		struct sp_view v = { copy, n };

		assert_non_null(copy);
		memcpy(copy, sp_buf_data(b), n);
		assert_int_not_equal(sp_sshfp_parse(v, "web1.example", &set), 0);
		assert_int_equal(set.n, 0);
		free(copy);
	}
	sp_buf_free(b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_alias),
		cmocka_unit_test(test_cut),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
