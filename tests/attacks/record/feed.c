/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Plays sallyportd and one session against a real sallyport-recorder: attaches, puts events in the ring,
 * asks for SYNC, and comes back with the same ring whenever the recorder was killed. Says at the end what
 * had been acknowledged. Must run as root.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "lib/ipc.h"
#include "lib/ulid.h"
#include "recorder/event.h"
#include "recorder/ring.h"
#include "runtime/memfd.h"
#include "runtime/privdrop.h"

enum { ATTACH = 1, DETACH = 2, ATTACH_REPLY = 129, DETACH_REPLY = 130 };
enum { WAKE = 1, SYNC = 2, FINISH = 3, SYNCED = 129, FAULT = 130, CLEAR = 131, FINISHED = 132 };

struct feed {
	char path[108];
	char id[SP_ULID_LEN + 1];
	uid_t owner;
	uint32_t ses;
	int memfd;
	struct sp_ring *ring;
	int service;
	int channel;
	struct sp_buf *in;
	uint64_t synced;
	unsigned faults, clears, attaches;
	bool is_faulted, is_finished, is_closed;
};

static int64_t
soon(void)
{
	return sp_ipc_now_ms() + 20000;
}

static int
attach(struct feed *f, bool resumed)
{
	struct sp_buf *b = sp_buf_new(0);
	struct sp_ipc_msg msg;
	uint32_t verdict = 0;
	int sv[2], fds[2], r;

	if (f->service >= 0)
		close(f->service);
	if (f->channel >= 0)
		close(f->channel);
	f->service = f->channel = -1;
	r = sp_ipc_connect(f->path, f->owner, soon(), &f->service);
	if (r != 0) {
		sp_buf_free(b);
		return r;
	}
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sv) != 0)
		exit(3);
	sp_buf_put_cstring(b, f->id);
	sp_buf_put_u32(b, 1000);
	sp_buf_put_u32(b, 1000);
	sp_buf_put_u32(b, f->ses);
	sp_buf_put_u8(b, resumed);
	sp_buf_put_cstring(b, "{\"identity\":{\"email\":\"alice@example.org\"},\"origin\":{\"user\":\"alice\",\"from\":"
			      "\"192.0.2.7\",\"host\":\"bastion\"},\"command\":\"psql orders\",\"tty\":true,\"rows\":24,"
			      "\"cols\":80,\"term\":\"xterm\",\"started\":1}");
	fds[0] = sv[1];
	fds[1] = f->memfd;
	r = sp_ipc_send(f->service, ATTACH, 1, b, fds, 2, soon());
	close(sv[1]);
	f->channel = sv[0];
	sp_buf_free(b);
	if (r == 0)
		r = sp_ipc_recv(f->service, f->in, &msg, soon());
	if (r == 0) {
		struct sp_buf *body = sp_buf_from(msg.body.data, msg.body.len);

		if (msg.type != ATTACH_REPLY || sp_buf_get_u32(body, &verdict) != 0)
			exit(3);
		sp_buf_free(body);
		if (verdict != 0)
			r = -(int)verdict;
	}
	f->attaches++;
	f->is_faulted = false;
	return r;
}

/* Until the recorder is back; CONFLICT says that it has closed the record already. */
static void
attach_again(struct feed *f)
{
	struct timespec ts = { .tv_nsec = 20000000 };
	int r;

	while ((r = attach(f, true)) != 0) {
		if (r == SP_ERR_CONFLICT || r == SP_ERR_EXISTS) {
			f->is_closed = true;
			return;
		}
		nanosleep(&ts, NULL);
	}
}

/* Reads what the recorder says for at most ms. */
static int
listen_for(struct feed *f, int ms)
{
	struct pollfd p = { f->channel, POLLIN, 0 };
	struct sp_ipc_msg msg;
	struct sp_buf *body;
	uint32_t verdict = 0;
	uint64_t seq = 0;
	int r;

	while (poll(&p, 1, ms) > 0) {
		r = sp_ipc_recv(f->channel, f->in, &msg, soon());
		if (r != 0)
			return r;
		body = sp_buf_from(msg.body.data, msg.body.len);
		if (msg.type == SYNCED && sp_buf_get_u32(body, &verdict) == 0 && sp_buf_get_u64(body, &seq) == 0 &&
		    verdict == 0 && seq > f->synced)
			f->synced = seq;
		if (msg.type == FAULT) {
			f->faults++;
			f->is_faulted = true;
		}
		if (msg.type == CLEAR) {
			f->clears++;
			f->is_faulted = false;
		}
		if (msg.type == FINISHED)
			f->is_finished = true;
		sp_buf_free(body);
		ms = 0;
	}
	return 0;
}

static int
sync_to(struct feed *f, uint64_t seq)
{
	struct sp_buf *b = sp_buf_new(0);
	int r;

	sp_buf_put_u64(b, seq);
	r = sp_ipc_send(f->channel, SYNC, 7, b, NULL, 0, soon());
	sp_buf_free(b);
	while (r == 0 && f->synced < seq && !f->is_faulted)
		r = listen_for(f, 100);
	return r;
}

static void
put(struct feed *f, const struct sp_buf *ev, uint64_t every, bool wait_fault)
{
	uint64_t seq;
	int r = 0;

	while (!f->is_closed && (sp_ring_put(f->ring, sp_buf_data(ev), sp_buf_len(ev), &seq) != 0 ||
				    (wait_fault && f->is_faulted))) {
		if (listen_for(f, 1) != 0)
			attach_again(f);
	}
	if (sp_ring_wants_wake(f->ring))
		r = sp_ipc_send(f->channel, WAKE, 0, NULL, NULL, 0, soon());
	if (r == 0 && every > 0 && seq % every == 0)
		r = sync_to(f, seq);
	if (r == 0 && seq % 64 == 0)
		r = listen_for(f, 0);
	if (r != 0)
		attach_again(f);
}

static void
finish(struct feed *f)
{
	struct sp_buf *b = sp_buf_new(0);

	sp_buf_put_u8(b, 0);
	sp_buf_put_u32(b, 0);
	while (!f->is_finished && !f->is_closed) {
		int r = sp_ipc_send(f->channel, FINISH, 9, b, NULL, 0, soon());

		while (r == 0 && !f->is_finished)
			r = listen_for(f, 1000);
		if (r != 0)
			attach_again(f);
	}
	sp_buf_free(b);
}

static void
detach(struct feed *f)
{
	struct sp_buf *b = sp_buf_new(0);
	struct sp_ipc_msg msg;

	sp_buf_put_cstring(b, f->id);
	if (sp_ipc_send(f->service, DETACH, 2, b, NULL, 0, soon()) != 0 ||
	    sp_ipc_recv(f->service, f->in, &msg, soon()) != 0 || msg.type != DETACH_REPLY)
		fprintf(stderr, "detach: no reply\n");
	sp_buf_free(b);
}

/* What a session's record begins and ends with, and statements and output in between. */
static void
make_event(struct sp_buf *ev, uint64_t i, uint64_t n, size_t size)
{
	static char text[SP_EVENT_TEXT_MAX];

	static uint64_t x = 88172645463325252u;

	for (size_t k = 0; k < size; k++) { /* xorshift64: does not pack well */
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		text[k] = (char)(' ' + x % 95);
	}
	if (i == 1) {
		sp_event_begin(ev, SP_EVENT_SESSION_START, sp_event_now());
		sp_event_put_cstring(ev, SP_FIELD_COMMAND, "psql orders");
	} else if (i == 2) {
		sp_event_begin(ev, SP_EVENT_COMMAND, sp_event_now());
		sp_event_put_cstring(ev, SP_FIELD_COMMAND, "psql orders");
		sp_event_put_cstring(ev, SP_FIELD_CONNECTION, "orders");
		sp_event_put_cstring(ev, SP_FIELD_DECISION, "allow");
	} else if (i == n && n > 2) {
		sp_event_begin(ev, SP_EVENT_SESSION_END, sp_event_now());
		sp_event_put_cstring(ev, SP_FIELD_STATUS, "0");
	} else if (i % 2 == 0) {
		sp_event_begin(ev, SP_EVENT_OUTPUT, sp_event_now());
		sp_event_put(ev, SP_FIELD_TEXT, text, size);
	} else {
		sp_event_begin(ev, SP_EVENT_STATEMENT, sp_event_now());
		sp_event_put_u64(ev, SP_FIELD_SEQ, i);
		sp_event_put_cstring(ev, SP_FIELD_CONNECTION, "orders");
		sp_event_put(ev, SP_FIELD_TEXT, text, size);
		sp_event_put_cstring(ev, SP_FIELD_DECISION, i % 5 == 0 ? "deny" : "allow");
		sp_event_put_cstring(ev, SP_FIELD_RULE, "engineers-read");
	}
}

int
main(int argc, char **argv)
{
	struct feed f = { .service = -1, .channel = -1, .ses = UINT32_MAX };
	uint64_t n = 1000, every = 0, rate = 0;
	struct sp_buf *ev = sp_buf_new(SP_EVENT_MAX);
	const char *how = "finish", *user = "nobody";
	size_t size = 100;
	struct timespec t0, t1;
	bool wait_fault = false;
	void *mem;
	gid_t gid;
	int c;

	while ((c = getopt(argc, argv, "a:e:i:n:o:r:s:u:wz:")) != -1) {
		if (c == 'a')
			f.ses = (uint32_t)strtoul(optarg, NULL, 10);
		else if (c == 'e')
			how = optarg;
		else if (c == 'i')
			(void)snprintf(f.id, sizeof(f.id), "%s", optarg);
		else if (c == 'n')
			n = strtoull(optarg, NULL, 10);
		else if (c == 'o')
			rate = strtoull(optarg, NULL, 10);
		else if (c == 'r')
			(void)snprintf(f.path, sizeof(f.path), "%s/recorder.sock", optarg);
		else if (c == 's')
			every = strtoull(optarg, NULL, 10);
		else if (c == 'u')
			user = optarg;
		else if (c == 'w')
			wait_fault = true;
		else if (c == 'z')
			size = strtoul(optarg, NULL, 10);
		else
			return 2;
	}
	f.in = sp_buf_new(SP_IPC_FRAME_MAX + 4);
	if (size > SP_EVENT_TEXT_MAX || sp_privdrop_uid(user, &f.owner, &gid) != 0 ||
	    (f.id[0] == '\0' && sp_ulid_new((uint64_t)time(NULL) * 1000, f.id) != 0) ||
	    sp_memfd_shared("ring", SP_RING_SIZE, &f.memfd) != 0 ||
	    sp_memfd_map_shared(f.memfd, SP_RING_SIZE, &mem) != 0 || sp_ring_attach(mem, true, &f.ring) != 0)
		return 3;
	c = attach(&f, false);
	if (c != 0) {
		fprintf(stderr, "attach: %s\n", sp_err_str(c));
		return 1;
	}
	clock_gettime(CLOCK_MONOTONIC, &t0);
	for (uint64_t i = 1; i <= n; i++) {
		make_event(ev, i, n, size);
		put(&f, ev, every, wait_fault);
		if (rate > 0 && i % (rate / 100 + 1) == 0)
			(void)poll(NULL, 0, 10);
	}
	if (strcmp(how, "finish") == 0)
		finish(&f);
	if (strcmp(how, "leave") != 0)
		detach(&f);
	clock_gettime(CLOCK_MONOTONIC, &t1);
	printf("%s put=%llu stored=%llu synced=%llu faults=%u clears=%u attaches=%u seconds=%.3f\n", f.id,
	    (unsigned long long)n, (unsigned long long)sp_ring_stored_seq(f.ring), (unsigned long long)f.synced, f.faults,
	    f.clears, f.attaches,
	    (double)(t1.tv_sec - t0.tv_sec) + (double)(t1.tv_nsec - t0.tv_nsec) / 1e9);
	sp_ring_free(f.ring);
	sp_buf_free(ev);
	sp_buf_free(f.in);
	return 0;
}
