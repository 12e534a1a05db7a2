/* SPDX-License-Identifier: Apache-2.0 */
/* The file transfer codec: every field, every byte missing, what must be refused. */
#include "tests/unit/unit.h"

#include <stdlib.h>
#include <string.h>

#include "proto/sftp.h"

#define S(s) { .kind = SP_SFTP_PART_STRING, .bytes = { (const uint8_t *)(s), sizeof(s) - 1 } }
#define N32(v) { .kind = SP_SFTP_PART_U32, .number = (v) }
#define N64(v) { .kind = SP_SFTP_PART_U64, .number = (v) }
#define NO_ATTRS N32(0)
#define SOME_ATTRS \
	N32(SP_SFTP_ATTR_SIZE | SP_SFTP_ATTR_OWNER | SP_SFTP_ATTR_MODE | SP_SFTP_ATTR_TIMES), N64(7), N64(0x100000002), N32(0644), \
	    N64(0x500000006)

struct packet {
	uint8_t type;
	struct sp_sftp_part parts[SP_SFTP_PARTS_MAX];
};

static const struct packet requests[] = {
	{ SP_SFTP_OPEN, { S("/a"), N32(SP_SFTP_OPEN_READ), SOME_ATTRS } },
	{ SP_SFTP_CLOSE, { S("h") } },
	{ SP_SFTP_READ, { S("h"), N64(1), N32(2) } },
	{ SP_SFTP_WRITE, { S("h"), N64(1), S("data") } },
	{ SP_SFTP_LSTAT, { S("/a") } },
	{ SP_SFTP_FSTAT, { S("h") } },
	{ SP_SFTP_SETSTAT, { S("/a"), SOME_ATTRS } },
	{ SP_SFTP_FSETSTAT, { S("h"), SOME_ATTRS } },
	{ SP_SFTP_OPENDIR, { S("/a") } },
	{ SP_SFTP_READDIR, { S("h") } },
	{ SP_SFTP_REMOVE, { S("/a") } },
	{ SP_SFTP_MKDIR, { S("/a"), NO_ATTRS } },
	{ SP_SFTP_RMDIR, { S("/a") } },
	{ SP_SFTP_REALPATH, { S("/a") } },
	{ SP_SFTP_STAT, { S("/a") } },
	{ SP_SFTP_RENAME, { S("/a"), S("/b") } },
	{ SP_SFTP_READLINK, { S("/a") } },
	{ SP_SFTP_SYMLINK, { S("/a"), S("/b") } },
	{ SP_SFTP_EXTENDED, { S("posix-rename@openssh.com"), S("/a"), S("/b") } },
	{ SP_SFTP_EXTENDED, { S("statvfs@openssh.com"), S("/a") } },
	{ SP_SFTP_EXTENDED, { S("fstatvfs@openssh.com"), S("h") } },
	{ SP_SFTP_EXTENDED, { S("hardlink@openssh.com"), S("/a"), S("/b") } },
	{ SP_SFTP_EXTENDED, { S("fsync@openssh.com"), S("h") } },
	{ SP_SFTP_EXTENDED, { S("lsetstat@openssh.com"), S("/a"), NO_ATTRS } },
	{ SP_SFTP_EXTENDED, { S("limits@openssh.com") } },
	{ SP_SFTP_EXTENDED, { S("expand-path@openssh.com"), S("~") } },
	{ SP_SFTP_EXTENDED, { S("copy-data"), S("h"), N64(1), N64(2), S("i"), N64(3) } },
	{ SP_SFTP_EXTENDED, { S("home-directory"), S("root") } },
	{ SP_SFTP_EXTENDED, { S("users-groups-by-id@openssh.com"), S("1234"), S("5678") } },
};
static const struct packet answers[] = {
	{ SP_SFTP_STATUS, { N32(3), S("no"), S("en") } },
	{ SP_SFTP_HANDLE, { S("h") } },
	{ SP_SFTP_DATA, { S("data") } },
	{ SP_SFTP_NAME, { N32(1), S("a"), S("-rw a"), SOME_ATTRS } },
	{ SP_SFTP_ATTRS, { SOME_ATTRS } },
};

static struct sp_buf *
build(const struct packet *p, struct sp_view *ret_packet)
{
	struct sp_buf *b = sp_buf_new(0);
	size_t n = 0, len = 0;

	while (n < SP_SFTP_PARTS_MAX && p->parts[n].kind != 0)
		n++;
	assert_int_equal(sp_sftp_put(b, p->type, 77, p->parts, n), 0);
	assert_int_equal(sp_sftp_length(sp_buf_data(b), sp_buf_len(b), &len), 0);
	assert_int_equal(len + SP_SFTP_HEAD, sp_buf_len(b));
	*ret_packet = (struct sp_view){ sp_buf_data(b) + SP_SFTP_HEAD, len };
	return b;
}

/* Whole it is understood; cut at any byte, or with one more, it is not. The memory is exactly as long as the packet. */
static void
each(const struct packet *p, bool is_request)
{
	struct sp_view whole;
	struct sp_buf *b = build(p, &whole);
	struct sp_sftp_request q;
	struct sp_sftp_answer a;

	for (size_t n = 0; n <= whole.len + 1; n++) {
		uint8_t *copy = malloc(n == 0 ? 1 : n);
		struct sp_view cut = { copy, n };
		int r;

		memcpy(copy, whole.data, n < whole.len ? n : whole.len);
		if (n > whole.len)
			copy[whole.len] = 0;
		r = is_request ? sp_sftp_parse_request(cut, &q) : sp_sftp_parse_answer(cut, &a);
		if (n == whole.len) {
			assert_int_equal(r, 0);
			assert_int_equal(is_request ? q.id : a.id, 77);
		} else if (!(p->type == SP_SFTP_STATUS && (n == 9 || n == whole.len - 6))) { /* old servers leave those out */
			assert_int_equal(r, SP_ERR_FORMAT);
		}
		free(copy);
	}
	sp_buf_free(b);
}

static void
test_every_byte(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]); i++)
		each(&requests[i], true);
	for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++)
		each(&answers[i], false);
}

static void
test_fields(void **state)
{
	struct sp_view v, rest;
	struct sp_sftp_request q;
	struct sp_sftp_answer a;
	struct sp_sftp_name n;
	struct sp_buf *b = build(&requests[0], &v);

	(void)state;
	assert_int_equal(sp_sftp_parse_request(v, &q), 0);
	assert_memory_equal(q.path.data, "/a", 2);
	assert_int_equal(q.flags, SP_SFTP_OPEN_READ);
	assert_int_equal(q.attrs.size, 7);
	assert_int_equal(q.attrs.uid, 1);
	assert_int_equal(q.attrs.gid, 2);
	assert_int_equal(q.attrs.mode, 0644);
	assert_int_equal(q.attrs.mtime, 6);
	assert_string_equal(sp_sftp_request_name(&q), "open");
	sp_buf_free(b);
	b = build(&requests[26], &v);
	assert_int_equal(sp_sftp_parse_request(v, &q), 0);
	assert_int_equal(q.extension, SP_SFTP_EXT_COPY_DATA);
	assert_true(q.offset == 1 && q.bytes == 2 && q.offset2 == 3 && q.handle2.data[0] == 'i');
	sp_buf_free(b);
	b = build(&answers[3], &v);
	assert_int_equal(sp_sftp_parse_answer(v, &a), 0);
	rest = a.names;
	assert_int_equal(sp_sftp_name_next(&rest, &n), 0);
	assert_memory_equal(n.longname.data, "-rw a", 5);
	assert_int_equal(sp_sftp_name_next(&rest, &n), SP_ERR_NOT_FOUND);
	sp_buf_free(b);
}

static void
test_bad(void **state)
{
	static const struct packet unknown[] = { { 99, { S("x") } }, { SP_SFTP_STATUS, { N32(1) } },
		{ SP_SFTP_EXTENDED, { S("no-such@example.org"), S("x") } } };
	static const struct packet malformed[] = { { SP_SFTP_STAT, { { SP_SFTP_PART_STRING, 0, { (const uint8_t *)"a\0b", 3 } } } },
		{ SP_SFTP_SETSTAT, { S("/a"), N32(0x10) } }, { SP_SFTP_SETSTAT, { S("/a"), N32(0x80000000), N32(65) } },
		{ SP_SFTP_SETSTAT, { S("/a"), N32(0x80000000), N32(0xffffffff) } }, { SP_SFTP_CLOSE, { N32(0xffffffff) } } };
	struct sp_sftp_request q;
	struct sp_sftp_answer a;
	struct sp_view v;
	uint8_t head[4] = { 0 };
	size_t len;

	(void)state;
	for (size_t i = 0; i < sizeof(unknown) / sizeof(unknown[0]); i++) {
		struct sp_buf *b = build(&unknown[i], &v);

		assert_int_equal(sp_sftp_parse_request(v, &q), SP_ERR_UNSUPPORTED);
		assert_int_equal(q.id, 77);
		sp_buf_free(b);
	}
	for (size_t i = 0; i < sizeof(malformed) / sizeof(malformed[0]); i++) {
		struct sp_buf *b = build(&malformed[i], &v);

		assert_int_equal(sp_sftp_parse_request(v, &q), SP_ERR_FORMAT);
		assert_int_equal(sp_sftp_parse_answer(v, &a), SP_ERR_FORMAT);
		sp_buf_free(b);
	}
	assert_int_equal(sp_sftp_length(head, 3, &len), SP_ERR_INCOMPLETE);
	assert_int_equal(sp_sftp_length(head, 4, &len), SP_ERR_FORMAT);
	head[1] = 4;
	assert_int_equal(sp_sftp_length(head, 4, &len), 0);
	head[3] = 1;
	assert_int_equal(sp_sftp_length(head, 4, &len), SP_ERR_LIMIT);
}

static void
test_version(void **state)
{
	uint32_t all = (1u << SP_SFTP_EXTENSIONS) - 2;
	struct sp_buf *b = sp_buf_new(0);
	struct sp_sftp_answer a;
	struct sp_sftp_request q;

	(void)state;
	assert_int_equal(sp_sftp_put_version(b, SP_SFTP_VERSION_REPLY, all), 0);
	assert_int_equal(sp_sftp_parse_answer((struct sp_view){ sp_buf_data(b) + 4, sp_buf_len(b) - 4 }, &a), 0);
	assert_int_equal(a.id, SP_SFTP_VERSION);
	assert_int_equal(a.extensions, all);
	sp_buf_reset(b);
	assert_int_equal(sp_sftp_put_version(b, SP_SFTP_INIT, 0), 0);
	assert_int_equal(sp_sftp_parse_request((struct sp_view){ sp_buf_data(b) + 4, sp_buf_len(b) - 4 }, &q), 0);
	assert_int_equal(q.type, SP_SFTP_INIT);
	sp_buf_free(b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_byte),
		cmocka_unit_test(test_fields),
		cmocka_unit_test(test_bad),
		cmocka_unit_test(test_version),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
