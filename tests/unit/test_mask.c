/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/unit.h"

#include <stdlib.h>
#include <string.h>

#include "mask/mask.h"

static const char key[] = "0123456789abcdef0123456789abcdef";

static struct sp_mask_set *
make_set(const char *detectors, enum sp_mask_transform t)
{
	struct sp_mask_set *set = NULL;
	char list[256], *save = NULL;

	assert_int_equal(sp_mask_set_new(&set), 0);
	assert_true(strlen(detectors) < sizeof(list));
	strcpy(list, detectors);
	for (char *s = strtok_r(list, " ", &save); s != NULL; s = strtok_r(NULL, " ", &save))
		assert_int_equal(sp_mask_set_add(set, s, t), 0);
	assert_int_equal(sp_mask_set_key(set, key, sizeof(key) - 1), 0);
	return set;
}

#define ALL "credit_card email us_ssn iban phone ipv4 ipv6 secret"

static void
check_text(struct sp_mask_set *set, const char *in, const char *want)
{
	struct sp_buf *out = sp_buf_new(0);
	struct sp_mask_counts counts = { 0 };
	enum sp_mask_outcome outcome;

	assert_non_null(out);
	assert_int_equal(sp_mask_scan(set, in, strlen(in), true, out, &counts, &outcome), 0);
	if (strcmp(in, want) == 0) {
		assert_int_equal(outcome, SP_MASK_SAME);
		assert_int_equal(sp_buf_len(out), 0);
	} else {
		assert_int_equal(outcome, SP_MASK_CHANGED);
		sp_buf_put_u8(out, 0);
		assert_string_equal((const char *)sp_buf_data(out), want);
	}
	sp_buf_free(out);
}

static void
test_redact(void **state)
{
	struct sp_mask_set *set = make_set(ALL, SP_MASK_REDACT);

	(void)state;
	assert_int_equal(sp_mask_set_seal(set), 0);
	check_text(set, "hello", "hello");
	check_text(set, "", "");
	check_text(set, "alice@example.com", "[masked:email]");
	check_text(set, "4111111111111111", "[masked:credit_card]");
	check_text(set, "a 4111-1111-1111-1111 b", "a [masked:credit_card] b");
	check_text(set, "3782 822463 10005", "[masked:credit_card]");
	check_text(set, "078-05-1120", "[masked:us_ssn]");
	check_text(set, "x DE89 3704 0044 0532 0130 00.", "x [masked:iban].");
	check_text(set, "GB82WEST12345698765432", "[masked:iban]");
	check_text(set, "+49 30 901820", "[masked:phone]");
	check_text(set, "(415) 555-2671", "[masked:phone]");
	check_text(set, "10.1.2.3", "[masked:ipv4]");
	check_text(set, "fe80::1", "[masked:ipv6]");
	check_text(set, "2001:db8:0:0:8:800:200c:417a", "[masked:ipv6]");
	check_text(set, "AKIAIOSFODNN7EXAMPLE", "[masked:aws_access_key]");
	check_text(set, "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "[masked:aws_secret_key]");
	check_text(set, "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", "[masked:github_token]");
	check_text(set, "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\nx", "[masked:private_key]\nx");
	sp_mask_set_free(set);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_redact),
	};

	return cmocka_run_group_tests_name("mask", tests, NULL, NULL);
}
