/* SPDX-License-Identifier: Apache-2.0 */
/* session-agent/policy_copy.h: only a policy whose bytes are those that were announced comes into force. */
#include "tests/unit/unit.h"

#include <fcntl.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "lib/ipc.h"
#include "policy/image.h"
#include "policy/source.h"
#include "runtime/log.h"
#include "runtime/memfd.h"
#include "session-agent/policy_copy.h"

#define VERSION 7

static const char source[] = "version: 1\n"
			     "groups:\n  dba: { claim: groups, has: dba }\n"
			     "connections:\n  orders:\n    kind: postgres\n    address: db1.internal:5432\n"
			     "    database: orders\n    login: { user: app, password: { file: /etc/sallyport/secrets/orders } }\n"
			     "rules:\n  - { name: reads, who: [dba], on: [orders], do: { sql: [select] }, effect: deny }\n";

/* What is sent: the body of POLICY and its descriptors. */
struct delivery {
	uint8_t *image;
	size_t len;
	uint64_t version;
	uint8_t digest[SP_POLICY_COPY_DIGEST + 1];
	size_t digest_len;
	struct sp_ipc_msg msg;
};

static void
digest(struct delivery *d)
{
	assert_int_equal(EVP_Digest(d->image, d->len, d->digest, NULL, EVP_sha256(), NULL), 1);
}

static void
compile(struct delivery *d)
{
	struct sp_policy_source *src = sp_policy_source_new();
	struct sp_buf *out = sp_buf_new(0);

	assert_non_null(src);
	assert_non_null(out);
	assert_int_equal(sp_policy_source_add(src, "orders.yaml", source, sizeof(source) - 1), 0);
	assert_int_equal(sp_policy_source_compile(src, VERSION, out), 0);
	memset(d, 0, sizeof(*d));
	d->len = sp_buf_len(out);
	d->image = malloc(d->len + 1);
	assert_non_null(d->image);
	memcpy(d->image, sp_buf_data(out), d->len);
	d->image[d->len] = 0;
	d->version = VERSION;
	d->digest_len = SP_POLICY_COPY_DIGEST;
	digest(d);
	sp_buf_free(out);
	sp_policy_source_free(src);
}

static void
add_fd(struct delivery *d, int fd)
{
	assert_true(fd >= 0);
	d->msg.fds[d->msg.nfds++] = fd;
}

static void
add_image(struct delivery *d)
{
	int fd;

	assert_int_equal(sp_memfd_sealed("policy", d->image, d->len, &fd), 0);
	add_fd(d, fd);
}

static void
add_unsealed(struct delivery *d)
{
	int fd = memfd_create("policy", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	assert_int_equal(write(fd, d->image, d->len), (ssize_t)d->len);
	add_fd(d, fd);
}

/* The descriptors that a case says, else the image. */
static void
deliver(struct delivery *d, const char *change)
{
	if (strcmp(change, "fd none") == 0)
		return;
	if (strcmp(change, "fd unsealed") == 0)
		add_unsealed(d);
	else if (strcmp(change, "fd file") == 0)
		add_fd(d, open("/etc/passwd", O_RDONLY | O_CLOEXEC));
	else if (strcmp(change, "fd directory") == 0)
		add_fd(d, open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	else
		add_image(d);
	if (strcmp(change, "fd two") == 0)
		add_image(d);
}

static void
apply_digest(struct delivery *d, const char *how)
{
	if (strcmp(how, "other") == 0)
		assert_int_equal(EVP_Digest(source, sizeof(source), d->digest, NULL, EVP_sha256(), NULL), 1);
	else if (strcmp(how, "zero") == 0)
		memset(d->digest, 0, sizeof(d->digest));
	else if (strcmp(how, "flip") == 0)
		d->digest[31] ^= 1;
	else if (strcmp(how, "short") == 0)
		d->digest_len = 31;
	else if (strcmp(how, "none") == 0)
		d->digest_len = 0;
	else if (strcmp(how, "long") == 0)
		d->digest_len = 33;
	else
		fail_msg("no such digest: %s", how);
}

/* Changes what is sent as the case says; the digest stays what it was unless the case makes a new one. */
static void
apply(struct delivery *d, const char *change)
{
	if (strcmp(change, "flip middle") == 0)
		d->image[d->len / 2] ^= 1;
	else if (strcmp(change, "flip last") == 0)
		d->image[d->len - 1] ^= 1;
	else if (strncmp(change, "flip ", 5) == 0)
		d->image[atoi(change + 5)] ^= 1;
	else if (strncmp(change, "cut", 3) == 0)
		d->len--;
	else if (strcmp(change, "grow") == 0)
		d->len++;
	else if (strncmp(change, "digest ", 7) == 0)
		apply_digest(d, change + 7);
	else if (strncmp(change, "version ", 8) == 0)
		d->version = strcmp(change + 8, "old") == 0 ? VERSION - 1 : VERSION + 1;
	else if (strcmp(change, "garbage") == 0)
		memset(d->image, 'A', d->len);
	else if (strcmp(change, "-") != 0 && strncmp(change, "fd ", 3) != 0)
		fail_msg("no such change: %s", change);
	if (strcmp(change, "garbage") == 0 || strcmp(change, "cut signed") == 0)
		digest(d);
	deliver(d, change);
}

static int
read_it(struct delivery *d, struct sp_policy_copy **ret_c)
{
	struct sp_buf *body = sp_buf_new(128);
	int r;

	assert_non_null(body);
	sp_buf_put_u64(body, d->version);
	sp_buf_put_string(body, d->digest, d->digest_len);
	r = sp_policy_copy_read(&d->msg, body, ret_c);
	sp_buf_free(body);
	sp_ipc_msg_clear(&d->msg);
	free(d->image);
	return r;
}

static int
error_named(const char *name)
{
	static const struct {
		const char *name;
		int err;
	} errors[] = { { "ok", 0 }, { "signature", SP_ERR_SIGNATURE }, { "protocol", SP_ERR_PROTOCOL },
		{ "limit", SP_ERR_LIMIT }, { "format", SP_ERR_FORMAT }, { "invalid", SP_ERR_INVALID } };

	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++)
		if (strcmp(errors[i].name, name) == 0)
			return errors[i].err;
	fail_msg("no such error: %s", name);
	return 0;
}

static void
test_cases(void **state)
{
	FILE *f = fopen(SP_TEST_SRCDIR "/tests/attacks/policy/cases.txt", "r");
	char line[256], *name, *change, *want, *rest;
	unsigned n = 0;

	(void)state;
	assert_non_null(f);
	while (fgets(line, sizeof(line), f) != NULL) {
		struct sp_policy_copy *c = NULL;
		struct delivery d;
		int r;

		if (line[0] == '#' || line[0] == '\n')
			continue;
		name = strtok_r(line, "\t", &rest);
		change = strtok_r(NULL, "\t", &rest);
		want = strtok_r(NULL, "\n", &rest);
		assert_non_null(want);
		compile(&d);
		apply(&d, change);
		r = read_it(&d, &c);
		/* An image that its own digest fits is refused for what it is, in one way or another. */
		if (r != error_named(want) && !(error_named(want) == SP_ERR_FORMAT && r == SP_ERR_INCOMPLETE))
			fail_msg("%s: %s, not %s", name, sp_err_str(r), want);
		assert_true((r == 0) == (c != NULL));
		sp_policy_copy_free(c);
		n++;
	}
	(void)fclose(f);
	assert_true(n >= 20);
}

static void
test_what_it_says(void **state)
{
	struct sp_policy_copy *c = NULL;
	uint8_t want[SP_POLICY_COPY_DIGEST];
	struct delivery d;

	(void)state;
	compile(&d);
	memcpy(want, d.digest, sizeof(want));
	add_image(&d);
	assert_int_equal(read_it(&d, &c), 0);
	assert_int_equal(sp_policy_copy_version(c), VERSION);
	assert_memory_equal(sp_policy_copy_digest(c), want, sizeof(want));
	assert_non_null(sp_policy_image_find(sp_policy_copy_image(c), "orders")); /* the descriptor is closed by now */
	sp_policy_copy_free(c);
	assert_null(sp_policy_copy_image(NULL));
	sp_policy_copy_free(NULL);
}

static void
test_cut(void **state)
{
	struct sp_buf *body = sp_buf_new(128), *part;
	struct sp_policy_copy *c = NULL;
	struct delivery d;

	(void)state;
	assert_non_null(body);
	compile(&d);
	add_image(&d);
	sp_buf_put_u64(body, d.version);
	sp_buf_put_string(body, d.digest, d.digest_len);
	for (size_t n = 0; n < sp_buf_len(body); n++) {
		part = sp_buf_new(128);
		assert_int_equal(sp_buf_put(part, sp_buf_data(body), n), 0);
		assert_int_not_equal(sp_policy_copy_read(&d.msg, part, &c), 0);
		sp_buf_free(part);
	}
	sp_buf_free(body);
	sp_ipc_msg_clear(&d.msg);
	free(d.image);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cases),
		cmocka_unit_test(test_what_it_says),
		cmocka_unit_test(test_cut),
	};

	sp_log_open("test_policy_copy", -1, 0);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
