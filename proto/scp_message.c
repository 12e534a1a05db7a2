/* SPDX-License-Identifier: Apache-2.0 */
/* Records and statuses, one at a time. */
#include <string.h>

#include "lib/text.h"
#include "proto/scp.h"

#define MESSAGE_LINE_MAX (SP_SCP_TEXT_MAX + 2) /* with its type and its end */
#define MESSAGE_USEC_MAX 999999

/* What is left of a line. */
struct cursor {
	const uint8_t *p;
	size_t n;
};

/* A decimal number: digits only, no zero before others. */
static int
cursor_number(struct cursor *c, uint64_t max, uint64_t *ret_v)
{
	size_t i;
	uint64_t v = 0;

	for (i = 0; i < c->n && c->p[i] >= '0' && c->p[i] <= '9'; i++) {
		unsigned digit = (unsigned)(c->p[i] - '0');

		if (v > (max - digit) / 10)
			return SP_ERR_LIMIT;
		v = v * 10 + digit;
	}
	if (i == 0 || (i > 1 && c->p[0] == '0'))
		return SP_ERR_FORMAT;
	c->p += i;
	c->n -= i;
	*ret_v = v;
	return 0;
}

static int
cursor_space(struct cursor *c)
{
	if (c->n == 0 || *c->p != ' ')
		return SP_ERR_FORMAT;
	c->p++;
	c->n--;
	return 0;
}

/* MODE SIZE NAME */
static int
message_entry(struct cursor c, struct sp_scp_msg *m)
{
	int i, r;

	for (i = 0; i < 4; i++) {
		if (c.n == 0 || *c.p < '0' || *c.p > '7')
			return SP_ERR_FORMAT;
		m->mode = m->mode * 8 + (unsigned)(*c.p - '0');
		c.p++;
		c.n--;
	}
	r = cursor_space(&c);
	if (r == 0)
		r = cursor_number(&c, SP_SCP_SIZE_MAX, &m->size);
	if (r == 0)
		r = cursor_space(&c);
	if (r != 0)
		return r;
	if (c.n > SP_SCP_NAME_MAX)
		return SP_ERR_LIMIT;
	if (c.n == 0 || memchr(c.p, '/', c.n) != NULL || !sp_text_is_plain(c.p, c.n) || (c.n == 1 && c.p[0] == '.') ||
	    (c.n == 2 && memcmp(c.p, "..", 2) == 0) || (m->type == SP_SCP_DIRECTORY && m->size != 0))
		return SP_ERR_FORMAT;
	m->text.data = c.p;
	m->text.len = c.n;
	return 0;
}

static int
message_times(struct cursor c, struct sp_scp_msg *m)
{
	uint64_t usec = 0;
	int i, r = 0;

	for (i = 0; r == 0 && i < 4; i++) {
		uint64_t *v = i == 0 ? &m->mtime : i == 2 ? &m->atime : &usec;

		if (i > 0)
			r = cursor_space(&c);
		if (r == 0)
			r = cursor_number(&c, i % 2 == 0 ? (uint64_t)INT64_MAX : MESSAGE_USEC_MAX, v);
	}
	return r == 0 && c.n != 0 ? SP_ERR_FORMAT : r;
}

/* The line after its first byte. */
static int
message_line(const uint8_t *p, size_t n, struct sp_scp_msg *m, size_t *ret_len)
{
	const uint8_t *end = memchr(p, '\n', n < MESSAGE_LINE_MAX ? n : MESSAGE_LINE_MAX);
	struct cursor c;

	if (end == NULL)
		return n >= MESSAGE_LINE_MAX ? SP_ERR_LIMIT : SP_ERR_INCOMPLETE;
	*ret_len = (size_t)(end - p) + 1;
	c.p = p + 1;
	c.n = (size_t)(end - c.p);
	switch (m->type) {
	case SP_SCP_FILE:
	case SP_SCP_DIRECTORY:
		return message_entry(c, m);
	case SP_SCP_TIMES:
		return message_times(c, m);
	case SP_SCP_END:
		return c.n == 0 ? 0 : SP_ERR_FORMAT;
	case SP_SCP_ERROR:
	case SP_SCP_FATAL:
		m->text.data = c.p;
		m->text.len = c.n;
		return 0;
	default:
		return SP_ERR_FORMAT;
	}
}

static int
message_parse(const void *p, size_t n, const char *types, size_t n_types, struct sp_scp_msg *ret_m, size_t *ret_len)
{
	const uint8_t *bytes = p;

	memset(ret_m, 0, sizeof(*ret_m));
	if (n == 0)
		return SP_ERR_INCOMPLETE;
	if (memchr(types, bytes[0], n_types) == NULL)
		return SP_ERR_FORMAT;
	ret_m->type = (enum sp_scp_type)bytes[0];
	*ret_len = 1;
	return ret_m->type == SP_SCP_OK ? 0 : message_line(bytes, n, ret_m, ret_len);
}

int
sp_scp_parse_record(const void *p, size_t n, struct sp_scp_msg *ret_m, size_t *ret_len)
{
	return message_parse(p, n, "\1\2CDET", 6, ret_m, ret_len);
}

int
sp_scp_parse_status(const void *p, size_t n, struct sp_scp_msg *ret_m, size_t *ret_len)
{
	return message_parse(p, n, "\0\1\2", 3, ret_m, ret_len);
}

int
sp_scp_put(struct sp_buf *out, const struct sp_scp_msg *m)
{
	char type = (char)m->type;

	switch (m->type) {
	case SP_SCP_FILE:
	case SP_SCP_DIRECTORY:
		sp_buf_putf(out, "%c%04o %llu ", type, m->mode & 07777, (unsigned long long)m->size);
		sp_buf_put(out, m->text.data, m->text.len);
		return sp_buf_put(out, "\n", 1);
	case SP_SCP_TIMES:
		return sp_buf_putf(out, "T%llu 0 %llu 0\n", (unsigned long long)m->mtime, (unsigned long long)m->atime);
	case SP_SCP_END:
		return sp_buf_put(out, "E\n", 2);
	case SP_SCP_ERROR:
	case SP_SCP_FATAL:
		sp_buf_put(out, &type, 1);
		sp_text_escape(out, m->text.data, m->text.len, SP_SCP_TEXT_MAX);
		return sp_buf_put(out, "\n", 1);
	case SP_SCP_OK:
		break;
	}
	return sp_buf_put(out, "", 1);
}

int
sp_scp_put_status(struct sp_buf *out, enum sp_scp_type type, const char *text)
{
	struct sp_scp_msg m = { .type = type };

	if (type != SP_SCP_OK && type != SP_SCP_ERROR && type != SP_SCP_FATAL)
		return SP_ERR_INVALID;
	if (text != NULL) {
		m.text.data = (const uint8_t *)text;
		m.text.len = strlen(text);
	}
	return sp_scp_put(out, &m);
}
