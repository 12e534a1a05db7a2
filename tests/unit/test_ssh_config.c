/* SPDX-License-Identifier: Apache-2.0 */
/* What OpenSSH's client is told: all that is off is off by name, and nothing from policy is more than one word. */
#include "tests/unit/unit.h"

#include <stdio.h>
#include <string.h>

#include "session-agent/ssh_config.h"

#define KEY "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8g"

static const char *const keys[] = { KEY " a comment", KEY };
static const struct sp_view no_lines = { (const uint8_t *)"", 0 };

static struct sp_policy_connection
connection(void)
{
	struct sp_policy_connection c = { .name = "web1",
		.kind = SP_POLICY_KIND_SSH,
		.host = "web1.internal",
		.port = 22,
		.login = SP_POLICY_LOGIN_KEY,
		.login_user = "deploy",
		.known_hosts = "",
		.jump = "",
		.nhost_keys = 1,
		.host_keys = keys };

	return c;
}

static void
test_config(void **state)
{
	static const char *const wanted[] = { "HostKeyAlias web1.internal\n", "Port 22\n", "User deploy\n",
		"StrictHostKeyChecking yes\n", "BatchMode yes\n", "EscapeChar none\n", "ClearAllForwardings yes\n",
		"ForwardAgent no\n", "ForwardX11 no\n", "ControlMaster no\n", "ControlPath none\n", "PermitLocalCommand no\n",
		"IdentityFile none\n", "IdentityAgent /run/ssh/agent\n", "ProxyUseFdpass yes\n", "UserKnownHostsFile none\n",
		"UpdateHostKeys no\n", "PasswordAuthentication no\n", "KbdInteractiveAuthentication no\n", "Tunnel no\n",
		"VerifyHostKeyDNS no\n", "SendEnv -*\n", "AddKeysToAgent no\n", "NoHostAuthenticationForLocalhost no\n" };
	struct sp_policy_connection c = connection();
	struct sp_buf *b = sp_buf_new(0);
	size_t i;

	(void)state;
	assert_int_equal(sp_ssh_config_write(&c, b), 0);
	sp_buf_put_u8(b, 0);
	for (i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++)
		if (strstr((const char *)sp_buf_data(b), wanted[i]) == NULL)
			fail_msg("missing: %s", wanted[i]);
	sp_buf_free(b);
}

static bool
has(const struct sp_policy_connection *c, const char *line)
{
	struct sp_buf *b = sp_buf_new(0);
	bool is_there;

	assert_int_equal(sp_ssh_config_write(c, b), 0);
	sp_buf_put_u8(b, 0);
	is_there = strstr((const char *)sp_buf_data(b), line) != NULL;
	sp_buf_free(b);
	return is_there;
}

/* Asked once, and only where policy says that there is a password. */
static void
test_password(void **state)
{
	struct sp_policy_connection c = connection();

	(void)state;
	assert_true(has(&c, "PreferredAuthentications publickey\n"));
	assert_true(has(&c, "NumberOfPasswordPrompts 0\n"));
	c.login = SP_POLICY_LOGIN_PASSWORD;
	assert_true(has(&c, "PasswordAuthentication yes\n"));
	assert_true(has(&c, "KbdInteractiveAuthentication yes\n"));
	assert_true(has(&c, "NumberOfPasswordPrompts 1\n"));
	assert_true(has(&c, "StrictHostKeyChecking yes\n"));
	assert_true(has(&c, "IdentityFile none\n"));
}

static void
test_password_prompts(void **state)
{
	static const char *const good[] = { "deploy@web1.internal's password: ", "(deploy@web1.internal) Password: ",
		"(deploy@web1.internal) Password for deploy: ", "(deploy@web1.internal) UNIX password:" };
	static const char *const bad[] = { "", "Password: ", "deploy@web1.internal's password", "deploy@web1.internal's password:  ",
		"root@web1.internal's password: ", "deploy@web2.internal's password: ", "(root@web1.internal) Password: ",
		"(deploy@web2.internal) Password: ", "(deploy@web1.internal) ", "(deploy@web1.internal) Verification code: ",
		"(deploy@web1.internal) New password: ", "(deploy@web1.internal) One-time password: ",
		"Enter deploy@web1.internal's old password: ", "Enter passphrase for key '/run/ssh/k': ",
		"The authenticity of host 'web1.internal' can't be established. Password (yes/no)? " };
	struct sp_policy_connection c = connection();
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		if (!sp_ssh_config_is_password_prompt(&c, good[i]))
			fail_msg("not taken: %s", good[i]);
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (sp_ssh_config_is_password_prompt(&c, bad[i]))
			fail_msg("taken: %s", bad[i]);
}

/* A line break, a quote, a blank, a token of ssh_config(5), an option. */
static void
test_names(void **state)
{
	static const char *const bad[] = { "", "a b", "a\nProxyCommand id", "a\tb", "\"a", "a\"", "%h", "a%u", "${HOME}", "-oX=y", "a#b",
		"a=b", "a\\b", "a'b", "a;b", "a,b", "a*", "!a", "a?", "[a]", "\xc3\xa9" };
	struct sp_policy_connection c;
	struct sp_buf *b = sp_buf_new(0);
	char line[256];
	const char *one[1] = { line };
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		sp_buf_reset(b);
		c = connection();
		c.login_user = bad[i];
		assert_int_equal(sp_ssh_config_write(&c, b), SP_ERR_INVALID);
		c = connection();
		c.host = bad[i];
		assert_int_equal(sp_ssh_config_write(&c, b), SP_ERR_INVALID);
		assert_int_equal(sp_ssh_config_known_hosts(&c, no_lines, b), SP_ERR_INVALID);
		assert_int_equal(sp_buf_len(b), 0);
		if (bad[i][0] == '\0' || strchr(bad[i], '=') != NULL)
			continue; /* base64 may end so */
		c = connection();
		(void)snprintf(line, sizeof(line), "ssh-ed25519 %s", bad[i]);
		c.host_keys = one;
		if (strcmp(bad[i], "a b") != 0)
			assert_int_equal(sp_ssh_config_known_hosts(&c, no_lines, b), SP_ERR_INVALID);
		sp_buf_reset(b);
		(void)snprintf(line, sizeof(line), "%s AAAA", bad[i]);
		if (bad[i][0] != '-' && strcmp(bad[i], "a b") != 0)
			assert_int_equal(sp_ssh_config_known_hosts(&c, no_lines, b), SP_ERR_INVALID);
		sp_buf_reset(b);
	}
	sp_buf_free(b);
}

/* Where a jump host's client connects to: one word, that is no option. */
static void
test_address(void **state)
{
	static const char *const bad[] = { "", "-oX", "a b", "a:22 -A", "[a]", "a\nb", "a/b", "%h" };
	struct sp_policy_connection c = connection();
	char address[SP_SSH_CONFIG_ADDRESS_MAX], name[SP_SSH_CONFIG_ADDRESS_MAX + 1];
	size_t i;

	(void)state;
	assert_int_equal(sp_ssh_config_address(&c, address), 0);
	assert_string_equal(address, "web1.internal:22");
	c.host = "fd00::1";
	c.port = 2222;
	assert_int_equal(sp_ssh_config_address(&c, address), 0);
	assert_string_equal(address, "[fd00::1]:2222");
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		c.host = bad[i];
		if (sp_ssh_config_address(&c, address) != SP_ERR_INVALID)
			fail_msg("taken: %s", bad[i]);
	}
	memset(name, 'a', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	c.host = name;
	assert_int_equal(sp_ssh_config_address(&c, address), SP_ERR_INVALID);
	c = connection();
	c.port = 0;
	assert_int_equal(sp_ssh_config_address(&c, address), SP_ERR_INVALID);
}

static void
test_known_hosts(void **state)
{
	static const char found[] = KEY "\n@cert-authority " KEY "\n@revoked " KEY "\n", bad[] = "web1.internal " KEY "\n";
	const struct sp_view lines = { (const uint8_t *)found, sizeof(found) - 1 }, junk = { (const uint8_t *)bad, sizeof(bad) - 1 };
	struct sp_policy_connection c = connection();
	struct sp_buf *b = sp_buf_new(0);

	(void)state;
	c.nhost_keys = 2;
	assert_int_equal(sp_ssh_config_known_hosts(&c, no_lines, b), 0);
	sp_buf_put_u8(b, 0);
	assert_string_equal((const char *)sp_buf_data(b), "web1.internal " KEY "\nweb1.internal " KEY "\n");
	sp_buf_reset(b);
	c.nhost_keys = 0;
	assert_int_equal(sp_ssh_config_known_hosts(&c, lines, b), 0);
	sp_buf_put_u8(b, 0);
	assert_string_equal((const char *)sp_buf_data(b),
	    "web1.internal " KEY "\n@cert-authority web1.internal " KEY "\n@revoked web1.internal " KEY "\n");
	assert_int_equal(sp_ssh_config_known_hosts(&c, junk, b), SP_ERR_FORMAT);
	c.nhost_keys = 2;
	assert_int_equal(sp_ssh_config_host_key(&c, 0, b), 0);
	assert_int_equal(sp_buf_len(b), 51);
	assert_memory_equal(sp_buf_data(b), "\0\0\0\013ssh-ed25519", 15);
	assert_int_equal(sp_ssh_config_host_key(&c, 2, b), SP_ERR_NOT_FOUND);
	sp_buf_free(b);
}

/* What this version cannot do is said, never left out. */
static void
test_problems(void **state)
{
	struct sp_policy_connection c = connection();
	struct sp_buf *b = sp_buf_new(0);

	(void)state;
	assert_null(sp_ssh_config_problem(&c));
	c.login = SP_POLICY_LOGIN_PASSWORD;
	assert_null(sp_ssh_config_problem(&c));
	c.login = SP_POLICY_LOGIN_CERTIFICATE;
	assert_null(sp_ssh_config_problem(&c));
	c = connection();
	c.jump = "other"; /* the way there is no part of what the client is told */
	assert_null(sp_ssh_config_problem(&c));
	c = connection();
	assert_true(has(&c, "\nKnownHostsCommand none\n"));
	c.nhost_keys = 0;
	assert_non_null(sp_ssh_config_problem(&c));
	assert_int_equal(sp_ssh_config_write(&c, b), SP_ERR_UNSUPPORTED);
	c.is_sshfp = true;
	assert_null(sp_ssh_config_problem(&c));
	assert_true(has(&c, "/sallyport-ssh-inside host-key %I %K\n"));
	c = connection();
	c.known_hosts = "/etc/ssh/ssh_known_hosts";
	assert_null(sp_ssh_config_problem(&c));
	c.nhost_keys = 0;
	assert_null(sp_ssh_config_problem(&c));
	c = connection();
	c.nhost_keys = 0;
	assert_non_null(sp_ssh_config_problem(&c));
	c.nhost_authorities = 1;
	c.host_authorities = keys;
	assert_null(sp_ssh_config_problem(&c));
	assert_int_equal(sp_ssh_config_known_hosts(&c, no_lines, b), 0);
	sp_buf_put_u8(b, 0);
	assert_string_equal((const char *)sp_buf_data(b), "@cert-authority web1.internal " KEY "\n");
	sp_buf_free(b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_config),
		cmocka_unit_test(test_password),
		cmocka_unit_test(test_password_prompts),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_known_hosts),
		cmocka_unit_test(test_address),
		cmocka_unit_test(test_problems),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
