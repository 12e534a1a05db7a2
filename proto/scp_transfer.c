/* SPDX-License-Identifier: Apache-2.0 */
/* Between source and sink: whose turn it is, and where on the host they are. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/scp.h"

#define TRANSFER_SLACK ((size_t)2 * (SP_SCP_TEXT_MAX + 512)) /* room that must be left for messages */

enum transfer_turn {
	TURN_START = 0, /* the sink says that it is there */
	TURN_RECORD,	/* the source's record */
	TURN_ASKED,	/* ours: an entry is to be decided */
	TURN_TIMES,	/* the sink answers the times of an entry that is allowed */
	TURN_ENTRY,	/* the sink answers the entry */
	TURN_END,	/* the sink answers the end of a directory */
	TURN_DATA,	/* the source's bytes */
	TURN_TRAILER,	/* the source says whether they were all good */
	TURN_WRITTEN,	/* the sink says whether it has them */
	TURN_OVER
};

struct sp_scp {
	struct sp_scp_request request;
	struct sp_scp_wire wire;
	enum transfer_turn turn;
	char path[SP_SCP_PATH_MAX]; /* of the host, without slashes at its end */
	bool may_be_target;	    /* a sink may take path itself for the entry's place */
	unsigned n_top;		    /* entries that are in no directory */
	char inside[SP_SCP_PATH_MAX]; /* directories that are open, "a/b" */
	size_t lengths[SP_SCP_DEPTH_MAX]; /* of inside before each of them */
	unsigned depth;

	struct sp_scp_msg entry, times; /* entry's name is in name */
	bool has_times;
	char name[SP_SCP_NAME_MAX + 1];
	char paths[2][SP_SCP_PATH_MAX];
	uint64_t left;	    /* bytes of the file to come */
	size_t offered;	    /* by the last DATA */
	enum sp_scp_type trailer;
	char problem[256];
};

/* --- life ------------------------------------------------------------------------------------------------ */

int
sp_scp_new(const struct sp_scp_request *q, const char *path, const struct sp_scp_wire *wire, struct sp_scp **ret_t)
{
	size_t n = strlen(path), bare = n;
	struct sp_scp *t;

	while (bare > 0 && path[bare - 1] == '/')
		bare--;
	if (path[0] != '/' || (bare == 0 && q->is_source))
		return SP_ERR_INVALID;
	if (n >= SP_SCP_PATH_MAX)
		return SP_ERR_LIMIT;
	t = calloc(1, sizeof(*t));
	if (t == NULL)
		return SP_ERR_NOMEM;
	t->request = *q;
	t->request.path = NULL;
	t->wire = *wire;
	memcpy(t->path, path, bare);
	t->may_be_target = !q->is_source && !q->is_directory && bare > 0 && (q->is_recursive || bare == n);
	*ret_t = t;
	return 0;
}

void
sp_scp_free(struct sp_scp *t)
{
	free(t);
}

const char *
sp_scp_problem(const struct sp_scp *t)
{
	return t->problem;
}

bool
sp_scp_is_done(const struct sp_scp *t)
{
	return t->turn == TURN_OVER ||
	    (t->turn == TURN_RECORD && t->depth == 0 && !t->has_times && sp_buf_len(t->wire.from_source) == 0);
}

static int
transfer_fail(struct sp_scp *t, int err, const char *text)
{
	(void)snprintf(t->problem, sizeof(t->problem), "%s", text);
	t->turn = TURN_OVER;
	return err;
}

/* --- where it is -------------------------------------------------------------------------------------------- */

/* Puts the parts after each other, with slashes between; an empty one is left out. */
static int
transfer_join(char out[SP_SCP_PATH_MAX], const char *a, const char *b, const char *c)
{
	int n = snprintf(out, SP_SCP_PATH_MAX, "%s%s%s%s%s", a, b[0] != '\0' ? "/" : "", b, c[0] != '\0' ? "/" : "", c);

	return n < 0 || n >= SP_SCP_PATH_MAX ? SP_ERR_LIMIT : 0;
}

/* The entry's places on the host; the number of them, or an error. */
static int
transfer_places(struct sp_scp *t, size_t *ret_n)
{
	const char *below = strchr(t->inside, '/');
	int r;

	*ret_n = 1;
	if (t->request.is_source) { /* the first name is path's own */
		if (t->depth == 0)
			return transfer_join(t->paths[0], t->path, "", "");
		return transfer_join(t->paths[0], t->path, below != NULL ? below + 1 : "", t->name);
	}
	r = transfer_join(t->paths[0], t->path, t->inside, t->name);
	if (r != 0 || !t->may_be_target)
		return r;
	*ret_n = 2; /* the first name may have become path itself */
	if (t->depth == 0)
		return transfer_join(t->paths[1], t->path, "", "");
	return transfer_join(t->paths[1], t->path, below != NULL ? below + 1 : "", t->name);
}

/* A source is held to what was asked of it. */
static int
transfer_check(struct sp_scp *t, const struct sp_scp_msg *m)
{
	const char *base = strrchr(t->path, '/');

	if (m->type == SP_SCP_DIRECTORY && !t->request.is_recursive)
		return transfer_fail(t, SP_ERR_PROTOCOL, "a directory came, and none was asked for");
	if (!t->request.is_source || t->depth > 0)
		return 0;
	if (t->n_top++ > 0)
		return transfer_fail(t, SP_ERR_PROTOCOL, "the host sent more than the one thing that was asked for");
	if (base == NULL || strlen(base + 1) != m->text.len || memcmp(base + 1, m->text.data, m->text.len) != 0)
		return transfer_fail(t, SP_ERR_PROTOCOL, "the host sent another name than the one that was asked for");
	return 0;
}

static int
transfer_enter(struct sp_scp *t)
{
	size_t n = strlen(t->inside);
	char joined[SP_SCP_PATH_MAX];

	if (t->depth == SP_SCP_DEPTH_MAX)
		return transfer_fail(t, SP_ERR_LIMIT, "directories are too deep");
	if (transfer_join(joined, t->inside, n > 0 ? t->name : "", "") != 0)
		return transfer_fail(t, SP_ERR_LIMIT, "a path is too long");
	t->lengths[t->depth++] = n;
	memcpy(t->inside, n > 0 ? joined : t->name, strlen(n > 0 ? joined : t->name) + 1);
	return 0;
}

/* --- turns ------------------------------------------------------------------------------------------------- */

/* Passes a status or what a source says on to the other side. */
static int
transfer_forward(struct sp_scp *t, bool is_source, const struct sp_scp_msg *m)
{
	struct sp_buf *out = is_source ? t->wire.to_sink : t->wire.to_source;
	struct sp_scp_msg passed = *m;
	char text[SP_SCP_TEXT_MAX + 1];
	const char *said = text;

	if (m->type == SP_SCP_ERROR || m->type == SP_SCP_FATAL) {
		(void)snprintf(text, sizeof(text), "%.*s", (int)m->text.len, (const char *)m->text.data);
		if (t->wire.said != NULL)
			said = t->wire.said(t->wire.ctx, is_source, text);
		passed.text.data = (const uint8_t *)said;
		passed.text.len = strlen(said);
	}
	if (sp_scp_put(out, &passed) != 0)
		return transfer_fail(t, SP_ERR_NOMEM, "no memory");
	if (m->type == SP_SCP_FATAL) {
		t->turn = TURN_OVER;
		return SP_ERR_CLOSED;
	}
	return 0;
}

static int
transfer_bad(struct sp_scp *t, bool is_source, int err)
{
	if (err == SP_ERR_INCOMPLETE)
		return SP_ERR_AGAIN;
	if (is_source)
		return transfer_fail(t, err, "what came to be copied is not in scp's protocol, or has a name that is not taken");
	return transfer_fail(t, err, "an answer came that is not in scp's protocol");
}

static int
transfer_entry(struct sp_scp *t, const struct sp_scp_msg *m, struct sp_scp_event *ev)
{
	int r = transfer_check(t, m);
	size_t n;

	if (r != 0)
		return r;
	t->entry = *m;
	memcpy(t->name, m->text.data, m->text.len);
	t->name[m->text.len] = '\0';
	t->entry.text.data = (const uint8_t *)t->name;
	if (transfer_places(t, &n) != 0)
		return transfer_fail(t, SP_ERR_LIMIT, "a path is too long");
	t->turn = TURN_ASKED;
	ev->type = SP_SCP_ENTRY;
	ev->is_directory = m->type == SP_SCP_DIRECTORY;
	ev->mode = m->mode;
	ev->size = m->size;
	ev->has_times = t->has_times;
	ev->n_paths = n;
	for (size_t i = 0; i < n; i++)
		ev->paths[i] = t->paths[i];
	return 0;
}

/* One record of the source's; 0 without an event: go on. */
static int
transfer_record(struct sp_scp *t, struct sp_scp_event *ev)
{
	struct sp_scp_msg m;
	size_t len;
	int r = sp_scp_parse_record(sp_buf_data(t->wire.from_source), sp_buf_len(t->wire.from_source), &m, &len);

	if (r != 0)
		return transfer_bad(t, true, r);
	if (t->has_times && (m.type == SP_SCP_TIMES || m.type == SP_SCP_END))
		return transfer_fail(t, SP_ERR_PROTOCOL, "times came without what they are of");
	switch (m.type) {
	case SP_SCP_FILE:
	case SP_SCP_DIRECTORY:
		r = transfer_entry(t, &m, ev);
		break;
	case SP_SCP_TIMES:
		if (!t->request.has_times)
			return transfer_fail(t, SP_ERR_PROTOCOL, "times came, and none were asked for");
		t->times = m; /* they wait for their entry; its answer is for both */
		t->has_times = true;
		r = sp_scp_put_status(t->wire.to_source, SP_SCP_OK, NULL);
		break;
	case SP_SCP_END:
		if (t->depth == 0)
			return transfer_fail(t, SP_ERR_PROTOCOL, "the end of a directory came, and none is open");
		t->turn = TURN_END;
		r = sp_scp_put(t->wire.to_sink, &m);
		break;
	default:
		t->has_times = false;
		r = transfer_forward(t, true, &m);
		break;
	}
	if (r == 0)
		r = sp_buf_consume(t->wire.from_source, len);
	return r;
}

static int
transfer_closed(struct sp_scp *t, struct sp_scp_event *ev, enum sp_scp_type status, bool is_source)
{
	t->turn = TURN_RECORD;
	ev->type = SP_SCP_CLOSED;
	ev->is_directory = t->entry.type == SP_SCP_DIRECTORY;
	ev->status = status;
	ev->is_source = is_source;
	return 0;
}

/* The sink has taken what we sent it, and says so. */
static int
transfer_accepted(struct sp_scp *t, struct sp_scp_event *ev)
{
	switch (t->turn) {
	case TURN_START:
		t->turn = TURN_RECORD;
		return 0;
	case TURN_TIMES: /* the source has had its answer to these */
		t->turn = TURN_ENTRY;
		return sp_scp_put(t->wire.to_sink, &t->entry);
	case TURN_ENTRY:
		t->left = t->entry.size;
		ev->type = SP_SCP_OPENED;
		ev->is_directory = t->entry.type == SP_SCP_DIRECTORY;
		if (ev->is_directory) {
			t->turn = TURN_RECORD;
			return transfer_enter(t);
		}
		t->turn = t->left > 0 ? TURN_DATA : TURN_TRAILER;
		return 0;
	case TURN_END:
		t->inside[t->lengths[--t->depth]] = '\0';
		t->turn = TURN_RECORD;
		return 0;
	default: /* TURN_WRITTEN */
		return transfer_closed(t, ev, t->trailer, true);
	}
}

static int
transfer_status(struct sp_scp *t, struct sp_scp_event *ev)
{
	enum transfer_turn turn = t->turn;
	struct sp_scp_msg m;
	size_t len;
	int r = sp_scp_parse_status(sp_buf_data(t->wire.from_sink), sp_buf_len(t->wire.from_sink), &m, &len);

	if (r != 0)
		return transfer_bad(t, false, r);
	if (turn != TURN_TIMES || m.type != SP_SCP_OK)
		r = transfer_forward(t, false, &m);
	if (r == 0)
		r = sp_buf_consume(t->wire.from_sink, len);
	if (r != 0)
		return r;
	if (m.type == SP_SCP_OK)
		return transfer_accepted(t, ev);
	if (turn == TURN_START) {
		t->turn = TURN_OVER; /* a sink without a place does not go on */
		return SP_ERR_CLOSED;
	}
	if (turn == TURN_END) /* the directory is over all the same */
		t->inside[t->lengths[--t->depth]] = '\0';
	if (turn != TURN_END)
		return transfer_closed(t, ev, m.type, false);
	t->turn = TURN_RECORD;
	return 0;
}

static int
transfer_data(struct sp_scp *t, struct sp_scp_event *ev)
{
	size_t n = sp_buf_len(t->wire.from_source), room = sp_buf_room(t->wire.to_sink);

	room = room > TRANSFER_SLACK ? room - TRANSFER_SLACK : 0;
	n = n < room ? n : room;
	n = (uint64_t)n < t->left ? n : (size_t)t->left;
	if (n == 0)
		return SP_ERR_AGAIN;
	t->offered = n;
	ev->type = SP_SCP_DATA;
	ev->data.data = sp_buf_data(t->wire.from_source);
	ev->data.len = n;
	return 0;
}

static int
transfer_trailer(struct sp_scp *t)
{
	struct sp_scp_msg m;
	size_t len;
	int r = sp_scp_parse_status(sp_buf_data(t->wire.from_source), sp_buf_len(t->wire.from_source), &m, &len);

	if (r != 0)
		return transfer_bad(t, true, r);
	t->trailer = m.type;
	t->turn = TURN_WRITTEN;
	r = transfer_forward(t, true, &m);
	return r == 0 ? sp_buf_consume(t->wire.from_source, len) : r;
}

int
sp_scp_run(struct sp_scp *t, struct sp_scp_event *ret_ev)
{
	int r = 0;

	memset(ret_ev, 0, sizeof(*ret_ev));
	while (r == 0 && ret_ev->type == 0) {
		if (t->turn != TURN_OVER &&
		    (sp_buf_room(t->wire.to_source) < TRANSFER_SLACK || sp_buf_room(t->wire.to_sink) < TRANSFER_SLACK))
			return SP_ERR_AGAIN; /* the other side does not read */
		switch (t->turn) {
		case TURN_RECORD:
			r = transfer_record(t, ret_ev);
			break;
		case TURN_DATA:
			r = t->offered > 0 ? SP_ERR_AGAIN : transfer_data(t, ret_ev);
			break;
		case TURN_TRAILER:
			r = transfer_trailer(t);
			break;
		case TURN_ASKED:
			return SP_ERR_AGAIN;
		case TURN_OVER:
			return SP_ERR_CLOSED;
		default:
			r = transfer_status(t, ret_ev);
			break;
		}
	}
	return r;
}

/* --- answers of the caller's --------------------------------------------------------------------------------- */

void
sp_scp_allow(struct sp_scp *t)
{
	if (t->turn != TURN_ASKED)
		return;
	t->turn = t->has_times ? TURN_TIMES : TURN_ENTRY;
	sp_scp_put(t->wire.to_sink, t->has_times ? &t->times : &t->entry);
	t->has_times = false;
}

void
sp_scp_refuse(struct sp_scp *t, const char *text)
{
	if (t->turn != TURN_ASKED)
		return;
	t->turn = TURN_RECORD;
	t->has_times = false;
	sp_scp_put_status(t->wire.to_source, SP_SCP_ERROR, text);
	if (t->request.is_source) /* the person's side is the sink, and waits for nothing */
		sp_scp_put_status(t->wire.to_sink, SP_SCP_ERROR, text);
}

int
sp_scp_pass(struct sp_scp *t)
{
	size_t n = t->offered;
	int r = sp_buf_put(t->wire.to_sink, sp_buf_data(t->wire.from_source), n);

	if (r == 0)
		r = sp_buf_consume(t->wire.from_source, n);
	t->offered = 0;
	t->left -= n;
	if (r == 0 && t->left == 0 && t->turn == TURN_DATA)
		t->turn = TURN_TRAILER;
	return r;
}
