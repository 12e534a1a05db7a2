/* SPDX-License-Identifier: Apache-2.0 */
/* known_hosts files; what they say of hosts is in tests/attacks/known_hosts. */
#include "tests/unit/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/ssh_known.h"

#define DATA SP_TEST_SRCDIR "/tests/unit/data/ssh_keys/"
#define CASES SP_TEST_SRCDIR "/tests/attacks/known_hosts/cases.txt"
#define SMALL "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAAAgQDEed+hRit8y0IIyNO/JQmer8HebZJOi3lGzDII0Ru3w0Se9eUFQg/zSagPmw9IU9tMFnK+0QKQ59IsVsIqX5rRGmJ0tCphM/kxRvI60d8aDIyHQqaOcRtjb622O3XRi0j9LRnDhm4f4deaRU0sB7G9Oz5cOIPo0GsPfD9AlRSXzw=="
#define TOKEN "sk-ssh-ed25519@openssh.com AAAAGnNrLXNzaC1lZDI1NTE5QG9wZW5zc2guY29tAAAAIAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gAAAABHNzaDo="

static const char *const key_names[] = { "ed25519", "ecdsa256", "ecdsa384", "ecdsa521", "rsa3072", "small", "sk" };

/* TYPE BASE64 of one of them. */
static const char *
key_of(const char *name)
{
	static char line[8192];
	char path[512];
	FILE *f;

	if (strcmp(name, "small") == 0)
		return SMALL;
	if (strcmp(name, "sk") == 0)
		return TOKEN;
	(void)snprintf(path, sizeof(path), DATA "%s.pub", name);
	f = fopen(path, "r");
	assert_non_null(f);
	assert_non_null(fgets(line, sizeof(line), f));
	(void)fclose(f);
	*strchr(strchr(line, ' ') + 1, ' ') = '\0';
	return line;
}

/* A line of a file, with what stands for keys and bytes replaced. */
static void
put_line(struct sp_buf *file, const char *p)
{
	char name[64], *blank;

	for (; *p != '\0'; p++) {
		if (strncmp(p, "\\0", 2) == 0 || strncmp(p, "\\r", 2) == 0) {
			sp_buf_put_u8(file, *++p == '0' ? '\0' : '\r');
		} else if (*p == '{') {
			(void)snprintf(name, sizeof(name), "%.*s", (int)strcspn(p + 1, "}"), p + 1);
			p += strcspn(p, "}");
			blank = strchr(name, ' '); /* "{TYPE KEY}": under another type */
			if (blank != NULL)
				*blank = '\0';
			sp_buf_putf(file, "%s%s", blank != NULL ? name : "",
			    blank != NULL ? strchr(key_of(blank + 1), ' ') : key_of(name));
		} else {
			sp_buf_put_u8(file, (uint8_t)*p);
		}
	}
	assert_int_equal(sp_buf_put_u8(file, '\n'), 0);
}

/* What was found, in the words of the cases. */
static void
describe(struct sp_view found, char *text, size_t cap)
{
	static const char *const words[] = { "key", "ca", "revoked" };
	struct sp_ssh_known k;
	size_t i, n = 0;
	int r;

	text[0] = '\0';
	for (r = sp_ssh_known_next(&found, &k); r == 0; r = sp_ssh_known_next(&found, &k)) {
		for (i = 0; i < sizeof(key_names) / sizeof(key_names[0]); i++) {
			const char *key = key_of(key_names[i]);

			if (strlen(key) == k.type.len + 1 + k.base64.len && memcmp(key, k.type.data, strlen(key)) == 0)
				break;
		}
		assert_true(i < sizeof(key_names) / sizeof(key_names[0]));
		n += (size_t)snprintf(text + n, cap - n, "%s%s:%s", n > 0 ? " " : "", words[k.what], key_names[i]);
		assert_true(n < cap);
	}
	assert_int_equal(r, SP_ERR_NOT_FOUND);
	if (n == 0)
		(void)snprintf(text, cap, "none");
}

static bool
is_as_said(struct sp_buf *file, const char *at, const char *name)
{
	struct sp_view text = { sp_buf_data(file), sp_buf_len(file) }, found;
	char host[300], want[300], got[300];
	struct sp_ssh_known_fault fault;
	struct sp_buf *out = sp_buf_new(SP_SSH_KNOWN_TEXT_MAX);
	unsigned port;
	int r;

	assert_int_equal(sscanf(at, "at %299s %u -> %299[^\n]", host, &port, want), 3);
	r = sp_ssh_known_find(text, host, (uint16_t)port, out, &fault);
	if (r == SP_ERR_FORMAT) {
		assert_true(fault.why[0] != '\0');
		(void)snprintf(got, sizeof(got), "bad %u", fault.line);
	} else {
		assert_int_equal(r, 0);
		assert_true(fault.line == 0 && fault.why[0] == '\0');
		found.data = sp_buf_data(out);
		found.len = sp_buf_len(out);
		describe(found, got, sizeof(got));
	}
	sp_buf_free(out);
	if (strcmp(got, want) == 0)
		return true;
	print_error("%s: at %s %u: %s, not %s\n", name, host, port, got, want);
	return false;
}

static void
test_cases(void **state)
{
	FILE *f = fopen(CASES, "r");
	struct sp_buf *file = sp_buf_new(0);
	char line[1024], name[1024] = "";
	size_t n = 0, wrong = 0;

	(void)state;
	assert_non_null(f);
	while (fgets(line, sizeof(line), f) != NULL) {
		line[strcspn(line, "\n")] = '\0';
		if (strncmp(line, "file ", 5) == 0) {
			sp_buf_reset(file);
			(void)snprintf(name, sizeof(name), "%s", line + 5);
		} else if (line[0] == '|') {
			put_line(file, line[1] == '\0' ? "" : line + 2);
		} else if (strncmp(line, "at ", 3) == 0) {
			n++;
			wrong += is_as_said(file, line, name) ? 0 : 1;
		} else {
			assert_true(line[0] == '\0' || line[0] == '#');
		}
	}
	(void)fclose(f);
	sp_buf_free(file);
	assert_int_equal(wrong, 0);
	assert_true(n > 55);
}

/* Cut at every byte: what is found is found in the whole file too, or the line that is cut is the one that is named. */
static void
test_cut(void **state)
{
	static const char *const lines[] = { "@revoked * {rsa3072}", "*.internal,!db.internal {ecdsa256} comment",
		"|1|ThM0uZQOfqoGZgMfCZGe+RPBuuc=|mWxK0kMI1W7rddJvCPx0PNoz4PA= {ed25519}", "@cert-authority *.internal {ecdsa384}" };
	struct sp_buf *file = sp_buf_new(0), *whole = sp_buf_new(0), *out = sp_buf_new(0);
	struct sp_ssh_known_fault fault;
	size_t i, n, last = 0;

	(void)state;
	for (i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		put_line(file, lines[i]);
	for (n = 0; n <= sp_buf_len(file); n++) {
		uint8_t *copy = malloc(n + 1); /* so that a sanitizer sees a read past the end */
		struct sp_view text = { copy, n };
		unsigned before = 0;
		int r;

		assert_non_null(copy);
		memcpy(copy, sp_buf_data(file), n);
		for (i = 0; i < n; i++)
			before += copy[i] == '\n';
		sp_buf_reset(out);
		r = sp_ssh_known_find(text, "web1.internal", 22, out, &fault);
		if (r != 0)
			assert_true(r == SP_ERR_FORMAT && fault.line == before + 1);
		assert_true(sp_buf_len(out) >= last && (r == 0 || sp_buf_len(out) == last));
		last = sp_buf_len(out);
		free(copy);
	}
	{
		struct sp_view text = { sp_buf_data(file), sp_buf_len(file) };

		assert_int_equal(sp_ssh_known_find(text, "web1.internal", 22, whole, &fault), 0);
	}
	assert_int_equal(sp_buf_len(whole), last);
	assert_memory_equal(sp_buf_data(whole), sp_buf_data(out), last);
	sp_buf_free(file);
	sp_buf_free(whole);
	sp_buf_free(out);
}

static void
test_limits(void **state)
{
	struct sp_buf *file = sp_buf_new(0), *out = sp_buf_new(0);
	char name[600], host[300];
	struct sp_ssh_known_fault fault;
	struct sp_view text;
	unsigned i;

	(void)state;
	for (i = 0; i <= SP_SSH_KNOWN_LINES_MAX; i++) /* another key each */
		sp_buf_putf(file, "@revoked h sk-x AAAABHNrLXgAAAA%c\n", "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdef"[i]);
	text.data = sp_buf_data(file);
	text.len = sp_buf_len(file);
	assert_int_equal(sp_ssh_known_find(text, "other", 22, out, &fault), 0);
	assert_int_equal(sp_ssh_known_find(text, "h", 22, out, &fault), SP_ERR_LIMIT);
	assert_int_equal(fault.line, SP_SSH_KNOWN_LINES_MAX + 1);
	memset(name, '*', sizeof(name));
	sp_buf_reset(file);
	sp_buf_putf(file, "%.*s ", 599, name);
	put_line(file, "{ed25519}");
	text.data = sp_buf_data(file);
	text.len = sp_buf_len(file);
	assert_int_equal(sp_ssh_known_find(text, "other", 22, out, &fault), SP_ERR_LIMIT);
	assert_int_equal(fault.line, 1);
	text.len = SP_SSH_KNOWN_MAX + 1; /* not read */
	assert_int_equal(sp_ssh_known_find(text, "other", 22, out, &fault), SP_ERR_LIMIT);
	assert_int_equal(fault.line, 0);
	text.len = 0;
	memset(host, 'h', sizeof(host));
	host[SP_SSH_KNOWN_HOST_MAX + 1] = '\0';
	assert_int_equal(sp_ssh_known_find(text, host, 22, out, &fault), SP_ERR_INVALID);
	host[SP_SSH_KNOWN_HOST_MAX] = '\0';
	assert_int_equal(sp_ssh_known_find(text, host, 65535, out, &fault), 0);
	assert_int_equal(sp_ssh_known_find(text, "", 22, out, &fault), SP_ERR_INVALID);
	assert_int_equal(sp_ssh_known_find(text, "h", 0, out, &fault), SP_ERR_INVALID);
	sp_buf_free(file);
	sp_buf_free(out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cases),
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_limits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
