/* SPDX-License-Identifier: Apache-2.0 */
/* cli/pubkey.h: of a certificate and of its key alone, the fingerprint is the same, and what is neither is refused. */
#include "tests/unit/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/pubkey.h"

#define ED25519_HEX "95b7120afce5aa684ff9d4c8f94b716efa9cb787acde88d18d5567beb3874fac"
#define ED25519_SHA256 "SHA256:lbcSCvzlqmhP+dTI+Utxbvqct4es3ojRjVVnvrOHT6w"
static const char ed25519_key[] = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHobqKw0MC0RUVXdx5DBIDQ0z3QqsE+MqvUO3MVEMslT";
static const char ed25519_cert[] = "ssh-ed25519-cert-v01@openssh.com AAAAIHNzaC1lZDI1NTE5LWNlcnQtdjAxQG9wZW5zc2guY29tAAAAILJO1ZMILmgdLqK"
	"Sk5dYRLk1kWbqjcQ4/WRkJ1QNyRXZAAAAIHobqKw0MC0RUVXdx5DBIDQ0z3QqsE+MqvUO3MVEMslTAAAAAAAAAAAAAAABAAAAAXg"
	"AAAAJAAAABWFsaWNlAAAAAAAAAAD//////////wAAAAAAAACCAAAAFXBlcm1pdC1YMTEtZm9yd2FyZGluZwAAAAAAAAAXcGVybWl"
	"0LWFnZW50LWZvcndhcmRpbmcAAAAAAAAAFnBlcm1pdC1wb3J0LWZvcndhcmRpbmcAAAAAAAAACnBlcm1pdC1wdHkAAAAAAAAADnB"
	"lcm1pdC11c2VyLXJjAAAAAAAAAAAAAAAzAAAAC3NzaC1lZDI1NTE5AAAAIBlAyNyjrHda5A5u9xWbAMrhnt82pnvOea1DohmrvxB"
	"jAAAAUwAAAAtzc2gtZWQyNTUxOQAAAECFCev6rvH38XXgXrrgVIhXCuaDkkRo3Cs5WEpjDQeqpG5OrQm7DqoyxXq9nVuM9wl9BrX"
	"q4XMrACaWCr845jUK";
#define ECDSA_HEX "5afc50071d41ca528e083e00c0813a4adccc3a96b0aa74466275abf1cdadad57"
#define ECDSA_SHA256 "SHA256:WvxQBx1BylKOCD4AwIE6StzMOpawqnRGYnWr8c2trVc"
static const char ecdsa_key[] = "ecdsa-sha2-nistp384 AAAAE2VjZHNhLXNoYTItbmlzdHAzODQAAAAIbmlzdHAzODQAAABhBIUD3NFKhEIF12T/u9J6kpiqXdF6"
	"KBt/FM+JAuMS4tC/JqP7m5Fqu2TrOtXN0QB5g7rxBiAMYlrDPc7jFenz2fzGHNEPYwrjEqvc7LhLUAZEO+W1O8h9uGDv2rAtoDAf"
	"Pg==";
static const char ecdsa_cert[] = "ecdsa-sha2-nistp384-cert-v01@openssh.com AAAAKGVjZHNhLXNoYTItbmlzdHAzODQtY2VydC12MDFAb3BlbnNzaC5jb20"
	"AAAAgiXNExRVQrOVLQt/0n7UpReDjflRBQffAPsczNnIQJRUAAAAIbmlzdHAzODQAAABhBIUD3NFKhEIF12T/u9J6kpiqXdF6KBt"
	"/FM+JAuMS4tC/JqP7m5Fqu2TrOtXN0QB5g7rxBiAMYlrDPc7jFenz2fzGHNEPYwrjEqvc7LhLUAZEO+W1O8h9uGDv2rAtoDAfPgA"
	"AAAAAAAAAAAAAAQAAAAF4AAAACQAAAAVhbGljZQAAAAAAAAAA//////////8AAAAAAAAAggAAABVwZXJtaXQtWDExLWZvcndhcmR"
	"pbmcAAAAAAAAAF3Blcm1pdC1hZ2VudC1mb3J3YXJkaW5nAAAAAAAAABZwZXJtaXQtcG9ydC1mb3J3YXJkaW5nAAAAAAAAAApwZXJ"
	"taXQtcHR5AAAAAAAAAA5wZXJtaXQtdXNlci1yYwAAAAAAAAAAAAAAMwAAAAtzc2gtZWQyNTUxOQAAACAZQMjco6x3WuQObvcVmwD"
	"K4Z7fNqZ7znmtQ6IZq78QYwAAAFMAAAALc3NoLWVkMjU1MTkAAABA+rdIlZio0NQEXMVTMXGo2UHPxYz5zkNDnLHEEDKb4if/YE6"
	"bp0sGFaXyEEeXTQFCrPXJs5KVui8SX8tBifLeDQ==";

static void
test_same(void **state)
{
	static const struct {
		const char *text;
		const char *hex;
	} cases[] = { { ed25519_key, ED25519_HEX }, { ed25519_cert, ED25519_HEX }, { ecdsa_key, ECDSA_HEX }, { ecdsa_cert, ECDSA_HEX } };
	char hex[SP_CLI_PUBKEY_HEX], text[4096];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(sp_cli_pubkey_read(cases[i].text, hex), 0);
		assert_string_equal(hex, cases[i].hex);
		(void)snprintf(text, sizeof(text), "%s alice's key\nand more", cases[i].text);
		assert_int_equal(sp_cli_pubkey_read(text, hex), 0);
		assert_string_equal(hex, cases[i].hex);
	}
	assert_int_equal(sp_cli_pubkey_fingerprint(ED25519_SHA256, hex), 0);
	assert_string_equal(hex, ED25519_HEX);
	assert_int_equal(sp_cli_pubkey_fingerprint(ECDSA_SHA256, hex), 0);
	assert_string_equal(hex, ECDSA_HEX);
}

static void
test_neither(void **state)
{
	static const char *const bad[] = { "", "ssh-ed25519", "ssh-ed25519 ", "ssh-ed25519 AAAA", "-----BEGIN OPENSSH PRIVATE KEY-----\nb3Bl",
		"ssh-rsa AAAAC3NzaC1lZDI1NTE5AAAAIA==", "x-cert-v01@openssh.com AAAAFngtY2VydC12MDFAb3BlbnNzaC5jb20=" };
	static const char *const prints[] = { "", "SHA256:", "SHA256:AAAA", "MD5:00:11", ED25519_SHA256 "=", ED25519_SHA256 "A",
		"SHA256:*****************************************AA" };
	char hex[SP_CLI_PUBKEY_HEX], *cut = strdup(ed25519_cert);
	size_t n = sizeof(ed25519_cert) - 1, whole = 0;

	(void)state;
	assert_non_null(cut);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_not_equal(sp_cli_pubkey_read(bad[i], hex), 0);
	for (size_t i = 0; i < sizeof(prints) / sizeof(prints[0]); i++)
		assert_int_not_equal(sp_cli_pubkey_fingerprint(prints[i], hex), 0);
	/* The key is at the beginning: what is cut behind it is that key's all the same. */
	while (n-- > 0) {
		cut[n] = '\0';
		if (sp_cli_pubkey_read(cut, hex) == 0) {
			assert_string_equal(hex, ED25519_HEX);
			whole++;
		}
	}
	assert_true(whole > 0);
	free(cut);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_same),
		cmocka_unit_test(test_neither),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
