/* SPDX-License-Identifier: Apache-2.0 */
#include "recorder/event.h"

#include <string.h>
#include <time.h>

#define SP_EVENT_HEAD 9	 /* type and time */
#define SP_EVENT_FHEAD 5 /* field id and length */

static const char *const sp_event_types[] = {
	[SP_EVENT_SESSION_START] = "session_start",
	[SP_EVENT_SESSION_END] = "session_end",
	[SP_EVENT_COMMAND] = "command",
	[SP_EVENT_STATEMENT] = "statement",
	[SP_EVENT_RESULT] = "result",
	[SP_EVENT_APPROVAL_REQUEST] = "approval_request",
	[SP_EVENT_APPROVAL_VERDICT] = "approval_verdict",
	[SP_EVENT_DECIDE] = "decide",
	[SP_EVENT_OUTPUT] = "output",
	[SP_EVENT_INPUT] = "input",
	[SP_EVENT_RESIZE] = "resize",
	[SP_EVENT_POLICY] = "policy",
	[SP_EVENT_TARGET] = "target",
	[SP_EVENT_CANCEL] = "cancel",
	[SP_EVENT_NOTE] = "note",
	[SP_EVENT_WATCH] = "watch",
	[SP_EVENT_TRANSFER] = "transfer",
	[SP_EVENT_FILE] = "file",
};

static const struct {
	const char *name;
	size_t size; /* exact bytes; 0: any */
} sp_event_fields[] = {
	[SP_FIELD_SEQ] = { "seq", 8 },
	[SP_FIELD_IDENTITY] = { "identity", 0 },
	[SP_FIELD_ORIGIN] = { "origin", 0 },
	[SP_FIELD_COMMAND] = { "command", 0 },
	[SP_FIELD_CONNECTION] = { "connection", 0 },
	[SP_FIELD_TEXT] = { "text", 0 },
	[SP_FIELD_PARAMS] = { "params", 0 },
	[SP_FIELD_DECISION] = { "decision", 0 },
	[SP_FIELD_RULE] = { "rule", 0 },
	[SP_FIELD_LABEL] = { "label", 0 },
	[SP_FIELD_POLICY_VERSION] = { "policy_version", 8 },
	[SP_FIELD_REQUEST_ID] = { "request_id", 0 },
	[SP_FIELD_STATUS] = { "status", 0 },
	[SP_FIELD_ROWS] = { "rows", 8 },
	[SP_FIELD_BYTES] = { "bytes", 8 },
	[SP_FIELD_MASKED] = { "masked", 0 },
	[SP_FIELD_DURATION_NS] = { "duration_ns", 8 },
	[SP_FIELD_DIGEST] = { "digest", 32 },
	[SP_FIELD_WHO] = { "who", 0 },
	[SP_FIELD_REASON] = { "reason", 0 },
	[SP_FIELD_COLS] = { "cols", 8 },
	[SP_FIELD_ADDRESS] = { "address", 0 },
	[SP_FIELD_SIGNALED] = { "signaled", 8 },
	[SP_FIELD_LENGTH] = { "length", 8 },
	[SP_FIELD_MESSAGE] = { "message", 0 },
	[SP_FIELD_SESSION] = { "session", 0 },
	[SP_FIELD_STREAM] = { "stream", 8 },
	[SP_FIELD_DIRECTION] = { "direction", 0 },
	[SP_FIELD_OFFSET] = { "offset", 8 },
	[SP_FIELD_FOUND] = { "found", 0 },
};

#define N(a) (sizeof(a) / sizeof((a)[0]))

static void
sp_event_set_be(uint8_t *p, uint64_t v, size_t n)
{
	for (size_t i = n; i-- > 0; v >>= 8)
		p[i] = (uint8_t)v;
}

void
sp_event_begin(struct sp_buf *b, enum sp_event_type type, uint64_t time_ns)
{
	sp_buf_reset(b);
	sp_buf_put_u8(b, (uint8_t)type);
	sp_buf_put_u64(b, time_ns);
}

void
sp_event_put(struct sp_buf *b, enum sp_event_field f, const void *p, size_t n)
{
	uint8_t *d;

	if (sp_buf_reserve(b, n > SP_EVENT_MAX ? SIZE_MAX : SP_EVENT_FHEAD + n, &d) != 0)
		return;
	d[0] = (uint8_t)f;
	sp_event_set_be(d + 1, n, 4);
	if (n > 0)
		memcpy(d + SP_EVENT_FHEAD, p, n);
}

void
sp_event_put_cstring(struct sp_buf *b, enum sp_event_field f, const char *s)
{
	if (s != NULL)
		sp_event_put(b, f, s, strlen(s));
}

void
sp_event_put_u64(struct sp_buf *b, enum sp_event_field f, uint64_t v)
{
	uint8_t be[8];

	sp_event_set_be(be, v, sizeof(be));
	sp_event_put(b, f, be, sizeof(be));
}

uint64_t
sp_event_now(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_REALTIME, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec / 1000 * 1000;
}

static uint64_t
sp_event_be(const uint8_t *p, size_t n)
{
	uint64_t v = 0;

	for (size_t i = 0; i < n; i++)
		v = v << 8 | p[i];
	return v;
}

/* Reads the field at p (n bytes left) and how many bytes it takes. */
static int
sp_event_field_at(const uint8_t *p, size_t n, struct sp_view *ret_v, size_t *ret_size)
{
	size_t len;

	if (n < SP_EVENT_FHEAD || p[0] >= N(sp_event_fields) || sp_event_fields[p[0]].name == NULL)
		return SP_ERR_FORMAT;
	len = (size_t)sp_event_be(p + 1, 4);
	if (len > n - SP_EVENT_FHEAD)
		return SP_ERR_FORMAT;
	if (sp_event_fields[p[0]].size != 0 && len != sp_event_fields[p[0]].size)
		return SP_ERR_FORMAT;
	ret_v->data = p + SP_EVENT_FHEAD;
	ret_v->len = len;
	*ret_size = SP_EVENT_FHEAD + len;
	return 0;
}

int
sp_event_parse(const void *p, size_t n, struct sp_event *ret_ev)
{
	const uint8_t *d = p;
	struct sp_view v;
	size_t size;
	int r;

	if (n > SP_EVENT_MAX)
		return SP_ERR_LIMIT;
	if (n < SP_EVENT_HEAD || sp_event_type_name(d[0]) == NULL)
		return SP_ERR_FORMAT;
	for (size_t off = SP_EVENT_HEAD; off < n; off += size) {
		r = sp_event_field_at(d + off, n - off, &v, &size);
		if (r != 0)
			return r;
	}
	ret_ev->type = (enum sp_event_type)d[0];
	ret_ev->time_ns = sp_event_be(d + 1, 8);
	ret_ev->fields.data = d + SP_EVENT_HEAD;
	ret_ev->fields.len = n - SP_EVENT_HEAD;
	return 0;
}

int
sp_event_next(const struct sp_event *ev, size_t *off, int *ret_field, struct sp_view *ret_v)
{
	size_t size;
	int r;

	if (*off >= ev->fields.len)
		return SP_ERR_NOT_FOUND;
	r = sp_event_field_at(ev->fields.data + *off, ev->fields.len - *off, ret_v, &size);
	if (r == 0) {
		*ret_field = ev->fields.data[*off];
		*off += size;
	}
	return r;
}

int
sp_event_get(const struct sp_event *ev, enum sp_event_field f, struct sp_view *ret_v)
{
	struct sp_view v;
	size_t off = 0;
	int field, r;

	while ((r = sp_event_next(ev, &off, &field, &v)) == 0) {
		if (field == (int)f) {
			*ret_v = v;
			return 0;
		}
	}
	return r;
}

int
sp_event_get_u64(const struct sp_event *ev, enum sp_event_field f, uint64_t *ret_v)
{
	struct sp_view v;
	int r = sp_event_get(ev, f, &v);

	if (r == 0 && v.len != 8)
		r = SP_ERR_FORMAT;
	if (r == 0)
		*ret_v = sp_event_be(v.data, 8);
	return r;
}

const char *
sp_event_type_name(int type)
{
	return type < 0 || (size_t)type >= N(sp_event_types) ? NULL : sp_event_types[type];
}

const char *
sp_event_field_name(int field)
{
	return field < 0 || (size_t)field >= N(sp_event_fields) ? NULL : sp_event_fields[field].name;
}

bool
sp_event_field_is_number(int field)
{
	return sp_event_field_name(field) != NULL && sp_event_fields[field].size == 8;
}
