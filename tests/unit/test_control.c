/* SPDX-License-Identifier: Apache-2.0 */
/*
 * control.sock and the channels of sessions, as sallyportd and hostile sessions use them: the service in a
 * process of its own over real sockets and a real store, with a policy made up here (one rule, one group),
 * so that it needs no policy file. Killed and started again where that matters.
 */
#include "tests/unit/unit.h"

#include <event2/event.h>
#include <fcntl.h>
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "control/feed.h"
#include "control/service.h"
#include "lib/ipc.h"
#include "lib/ipc_control.h"
#include "policy/image.h"
#include "policy/subject.h"
#include "runtime/log.h"
#include "runtime/memfd.h"

#define WAIT_MS 5000
#define VERSION 7
#define SESSION_A "01ARYZ6S41TSV4RRFFQ69G5FAA"
#define SESSION_B "01ARYZ6S41TSV4RRFFQ69G5FAB"
#define SESSION_C "01ARYZ6S41TSV4RRFFQ69G5FAC"
#define SESSION_A2 "01ARYZ6S41TSV4RRFFQ69G5FAD"
#define ALICE "{\"iss\":\"https://idp\",\"sub\":\"a\",\"user\":\"alice\",\"groups\":[\"eng\",\"dba\"]}"
#define BOB "{\"iss\":\"https://idp\",\"sub\":\"b\",\"user\":\"bob\",\"groups\":[\"dba\"]}"
#define CAROL "{\"iss\":\"https://idp\",\"sub\":\"c\",\"user\":\"carol\",\"groups\":[\"eng\"]}"

static uint64_t *in_force; /* of the policy, shared with the service under test */

/* --- a policy of one rule, in place of control/feed.c and policy/ ------------------------------------ */
struct sp_feed {
	int fd;
};

struct sp_policy_subject {
	json_t *json;
};

int
sp_feed_new(struct event_base *base, const char *dir, struct sp_store *store, sp_feed_changed *cb, void *ctx,
    struct sp_feed **ret_f)
{
	struct sp_feed *f = calloc(1, sizeof(*f));

	(void)base;
	(void)dir;
	(void)store;
	(void)cb;
	(void)ctx;
	if (f == NULL)
		return SP_ERR_NOMEM;
	*ret_f = f;
	return sp_memfd_sealed("policy", "image", 5, &f->fd);
}

void
sp_feed_free(struct sp_feed *f)
{
	free(f);
}

int
sp_feed_reload(struct sp_feed *f, struct sp_buf *out)
{
	(void)f;
	(void)out;
	return 0;
}

const struct sp_policy_image *
sp_feed_image(const struct sp_feed *f)
{
	return (const void *)f;
}

int
sp_feed_fd(const struct sp_feed *f)
{
	return f->fd;
}

uint64_t
sp_feed_version(const struct sp_feed *f)
{
	(void)f;
	return *in_force;
}

const uint8_t *
sp_feed_digest(const struct sp_feed *f)
{
	static const uint8_t digest[SP_STORE_DIGEST_LEN] = {1};

	(void)f;
	return digest;
}

const char *
sp_feed_error(const struct sp_feed *f)
{
	(void)f;
	return "";
}

const struct sp_policy_connection *
sp_policy_image_find(const struct sp_policy_image *image, const char *name)
{
	return strcmp(name, "orders") == 0 ? (const void *)image : NULL;
}

const struct sp_policy_rule *
sp_policy_image_rule(const struct sp_policy_image *image, const char *name)
{
	static const int asking = 1, plain = 0; /* a rule, and one that asks for no approval */

	(void)image;
	return strcmp(name, "writes") == 0 ? (const void *)&asking : strcmp(name, "reads") == 0 ? (const void *)&plain : NULL;
}

const struct sp_policy_approve *
sp_policy_rule_approve(const struct sp_policy_rule *rule)
{
	static const char *const by[] = {"dba"};
	static const struct sp_policy_approve approve = {1, by, 1, 900};

	return *(const int *)(const void *)rule == 0 ? NULL : &approve;
}

bool
sp_policy_image_in_group(const struct sp_policy_image *image, const struct sp_policy_subject *subject, const char *group)
{
	const json_t *groups = json_object_get(subject->json, "groups");

	(void)image;
	for (size_t i = 0; i < json_array_size(groups); i++) {
		if (strcmp(json_string_value(json_array_get(groups, i)), group) == 0)
			return true;
	}
	return false;
}

int
sp_policy_subject_new(const char *json, size_t len, struct sp_policy_subject **ret_subject)
{
	struct sp_policy_subject *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return SP_ERR_NOMEM;
	s->json = json_loadb(json, len, JSON_REJECT_DUPLICATES, NULL);
	if (!json_is_object(s->json)) {
		sp_policy_subject_free(s);
		return SP_ERR_FORMAT;
	}
	*ret_subject = s;
	return 0;
}

void
sp_policy_subject_free(struct sp_policy_subject *s)
{
	if (s != NULL)
		json_decref(s->json);
	free(s);
}

static const char *
member(const struct sp_policy_subject *s, const char *name)
{
	const char *v = json_string_value(json_object_get(s->json, name));

	return v == NULL ? "" : v;
}

const char *
sp_policy_subject_iss(const struct sp_policy_subject *s)
{
	return member(s, "iss");
}

const char *
sp_policy_subject_sub(const struct sp_policy_subject *s)
{
	return member(s, "sub");
}

const char *
sp_policy_subject_user(const struct sp_policy_subject *s)
{
	return member(s, "user");
}

/* --- the service and its clients --------------------------------------------------------------------- */
struct fixture {
	char dir[64], sock[96], db[96];
	pid_t pid;
	int root; /* a connection of sallyportd */
	uint32_t id;
	struct sp_buf *in;
	struct sp_buf *out;
};

static void
serve(const struct fixture *f)
{
	struct event_base *base = event_base_new();
	struct sp_service *service;
	struct sp_store *store;

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (base == NULL || sp_store_open(f->db, &store) != 0 || sp_service_new(base, f->sock, "/", store, &service) != 0)
		_exit(1);
	(void)event_base_dispatch(base);
	_exit(0);
}

static void
start(struct fixture *f)
{
	int r;

	f->pid = fork();
	assert_true(f->pid >= 0);
	if (f->pid == 0)
		serve(f);
	for (int i = 0; i < 500; i++) {
		r = sp_ipc_connect(f->sock, 0, sp_ipc_now_ms() + WAIT_MS, &f->root);
		if (r == 0)
			return;
		assert_int_equal(r, SP_ERR_UNAVAILABLE);
		(void)usleep(10000);
	}
	fail_msg("the service does not come up");
}

static void
kill_9(struct fixture *f)
{
	(void)close(f->root);
	assert_int_equal(kill(f->pid, SIGKILL), 0);
	assert_int_equal(waitpid(f->pid, NULL, 0), f->pid);
}

static void
receive(struct fixture *f, int fd, struct sp_ipc_msg *msg, uint8_t type)
{
	assert_int_equal(sp_ipc_recv(fd, f->in, msg, sp_ipc_now_ms() + WAIT_MS), 0);
	assert_int_equal(msg->type, type);
}

/* Whether the service has ended this connection. */
static void
is_ended(struct fixture *f, int fd)
{
	struct sp_ipc_msg msg;
	int r;

	while ((r = sp_ipc_recv(fd, f->in, &msg, sp_ipc_now_ms() + WAIT_MS)) == 0)
		sp_ipc_msg_clear(&msg);
	assert_int_equal(r, SP_ERR_CLOSED);
}

/* Sends f->out as a request; the reply's body is then read from *ret_body (freed by the caller) past its verdict. */
static int
ask(struct fixture *f, int fd, uint8_t type, uint8_t reply_type, struct sp_buf **ret_body)
{
	struct sp_ipc_msg msg;
	uint32_t verdict;

	assert_int_equal(sp_ipc_send(fd, type, ++f->id, f->out, NULL, 0, sp_ipc_now_ms() + WAIT_MS), 0);
	sp_buf_reset(f->out);
	receive(f, fd, &msg, reply_type);
	assert_int_equal(msg.id, f->id);
	*ret_body = sp_buf_from(msg.body.data, msg.body.len);
	assert_non_null(*ret_body);
	assert_int_equal(sp_buf_get_u32(*ret_body, &verdict), 0);
	return -(int)verdict;
}

static int
ask_only(struct fixture *f, int fd, uint8_t type, uint8_t reply_type)
{
	struct sp_buf *body;
	int r = ask(f, fd, type, reply_type, &body);

	sp_buf_free(body);
	return r;
}

static int
attach(struct fixture *f, const char *session, const char *identity, int *ret_fd)
{
	struct sp_ipc_msg msg;
	struct sp_buf *b;
	uint32_t verdict;
	int sv[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sv), 0);
	sp_buf_put_cstring(f->out, session);
	sp_buf_put_cstring(f->out, identity);
	sp_buf_put_cstring(f->out, "{}");
	assert_int_equal(sp_ipc_send(f->root, 1, 9, f->out, &sv[1], 1, sp_ipc_now_ms() + WAIT_MS), 0);
	sp_buf_reset(f->out);
	(void)close(sv[1]);
	receive(f, f->root, &msg, 129);
	b = sp_buf_from(msg.body.data, msg.body.len);
	assert_int_equal(sp_buf_get_u32(b, &verdict), 0);
	sp_buf_free(b);
	*ret_fd = sv[0];
	if (verdict == 0) { /* the policy comes first */
		receive(f, sv[0], &msg, 130);
		assert_int_equal(msg.nfds, 1);
		sp_ipc_msg_clear(&msg);
	}
	return -(int)verdict;
}

static int
request(struct fixture *f, int fd, uint8_t digest, const char *rule, uint64_t version, char id[SP_STORE_ID_LEN + 1])
{
	uint8_t bytes[SP_STORE_DIGEST_LEN];
	struct sp_buf *b;
	struct sp_view v;
	int r;

	memset(bytes, digest, sizeof(bytes));
	sp_buf_put_string(f->out, bytes, sizeof(bytes));
	sp_buf_put_cstring(f->out, "orders");
	sp_buf_put_cstring(f->out, rule);
	sp_buf_put_cstring(f->out, "update t set a = 1");
	sp_buf_put_cstring(f->out, "{}");
	sp_buf_put_u64(f->out, version);
	r = ask(f, fd, 1, 134, &b);
	assert_int_equal(sp_buf_get_view(b, 1000, &v), 0);
	assert_int_equal(r == 0, v.len == 0); /* a refusal says why */
	assert_int_equal(sp_buf_get_view(b, 100, &v), 0);
	if (r == 0) {
		assert_int_equal(v.len, SP_STORE_ID_LEN);
		memcpy(id, v.data, v.len);
		id[v.len] = 0;
	}
	sp_buf_free(b);
	return r;
}

static int
decide(struct fixture *f, int fd, const char *id, bool approve)
{
	sp_buf_put_cstring(f->out, id);
	sp_buf_put_u8(f->out, approve);
	sp_buf_put_cstring(f->out, "because");
	return ask_only(f, fd, 5, 138);
}

static int
consume(struct fixture *f, int fd, const char *id, uint8_t digest)
{
	uint8_t bytes[SP_STORE_DIGEST_LEN];

	memset(bytes, digest, sizeof(bytes));
	sp_buf_put_cstring(f->out, id);
	sp_buf_put_string(f->out, bytes, sizeof(bytes));
	return ask_only(f, fd, 2, 136);
}

static void
verdict_is(struct fixture *f, int fd, const char *id, uint32_t state)
{
	struct sp_ipc_msg msg;
	struct sp_view v;
	struct sp_buf *b;
	uint32_t got;

	receive(f, fd, &msg, 135);
	b = sp_buf_from(msg.body.data, msg.body.len);
	assert_int_equal(sp_buf_get_view(b, 100, &v), 0);
	assert_int_equal(v.len, strlen(id));
	assert_memory_equal(v.data, id, v.len);
	assert_int_equal(sp_buf_get_u32(b, &got), 0);
	assert_int_equal(got, state);
	sp_buf_free(b);
}

/* What the list of this person says of the request: NULL, or its JSON (a new reference). */
static json_t *
listed(struct fixture *f, int fd, const char *id)
{
	json_t *root, *found = NULL, *j;
	struct sp_ipc_msg msg;
	struct sp_buf *b;
	char *text;
	size_t i;

	sp_buf_put_u8(f->out, 1);
	assert_int_equal(sp_ipc_send(fd, 4, 3, f->out, NULL, 0, sp_ipc_now_ms() + WAIT_MS), 0);
	sp_buf_reset(f->out);
	receive(f, fd, &msg, 137);
	b = sp_buf_from(msg.body.data, msg.body.len);
	assert_int_equal(sp_buf_get_cstring(b, SP_IPC_FRAME_MAX, &text), 0);
	root = json_loads(text, 0, NULL);
	json_array_foreach(json_object_get(root, "requests"), i, j)
		if (strcmp(json_string_value(json_object_get(j, "id")), id) == 0)
			found = json_incref(j);
	json_decref(root);
	free(text);
	sp_buf_free(b);
	return found;
}

static int
setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	if (geteuid() != 0) {
		*state = f;
		return 0;
	}
	(void)snprintf(f->dir, sizeof(f->dir), "/tmp/sp-control.XXXXXX");
	if (mkdtemp(f->dir) == NULL)
		return -1;
	(void)snprintf(f->sock, sizeof(f->sock), "%s/control.sock", f->dir);
	(void)snprintf(f->db, sizeof(f->db), "%s/control.db", f->dir);
	f->in = sp_buf_new(0);
	f->out = sp_buf_new(0);
	*state = f;
	start(f);
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *f = *state;
	static const char *const names[] = {"control.sock", "control.db", "control.db-wal", "control.db-shm"};
	char path[128];

	if (f->in != NULL) {
		kill_9(f);
		for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
			(void)snprintf(path, sizeof(path), "%s/%s", f->dir, names[i]);
			(void)unlink(path);
		}
		(void)rmdir(f->dir);
		sp_buf_free(f->in);
		sp_buf_free(f->out);
	}
	free(f);
	return 0;
}

static struct fixture *
need_root(void **state)
{
	struct fixture *f = *state;

	if (f->in == NULL) {
		(void)fprintf(stderr, "SKIP: needs root (control.sock serves nobody else)\n");
		skip();
	}
	return f;
}

static void
test_approval(void **state)
{
	struct fixture *f = need_root(state);
	char id[SP_STORE_ID_LEN + 1] = "";
	int a, b, c, a2;
	json_t *j;

	assert_int_equal(attach(f, SESSION_A, ALICE, &a), 0);
	assert_int_equal(attach(f, SESSION_A2, ALICE, &a2), 0);
	assert_int_equal(attach(f, SESSION_B, BOB, &b), 0);
	assert_int_equal(attach(f, SESSION_C, CAROL, &c), 0);
	assert_int_equal(request(f, a, 1, "writes", VERSION - 1, id), SP_ERR_DENIED);
	assert_int_equal(request(f, a, 1, "no-such-rule", VERSION, id), SP_ERR_DENIED);
	assert_int_equal(request(f, a, 1, "writes", VERSION, id), 0);
	/* Not by alice, though she is a dba, here or in another session; carol learns nothing of it. */
	assert_int_equal(decide(f, a, id, true), SP_ERR_DENIED);
	assert_int_equal(decide(f, a2, id, true), SP_ERR_DENIED);
	assert_int_equal(decide(f, c, id, true), SP_ERR_NOT_FOUND);
	assert_null(listed(f, c, id));
	j = listed(f, b, id);
	assert_true(json_is_true(json_object_get(j, "may_decide")));
	json_decref(j);
	j = listed(f, a, id);
	assert_true(json_is_false(json_object_get(j, "may_decide")));
	json_decref(j);
	assert_int_equal(consume(f, a, id, 1), SP_ERR_CONFLICT); /* nobody has decided */
	assert_int_equal(decide(f, b, id, true), 0);
	verdict_is(f, a, id, 1);
	assert_int_equal(decide(f, b, id, false), SP_ERR_CONFLICT);
	assert_int_equal(consume(f, a, id, 2), SP_ERR_SIGNATURE); /* a changed parameter */
	assert_int_equal(consume(f, a2, id, 1), SP_ERR_DENIED);
	assert_int_equal(consume(f, b, id, 1), SP_ERR_DENIED);
	assert_int_equal(consume(f, a, id, 1), 0);
	assert_int_equal(consume(f, a, id, 1), SP_ERR_CONFLICT);
	assert_int_equal(request(f, a, 1, "writes", VERSION, id), 0); /* the same again needs approval again */
	assert_int_equal(consume(f, a, id, 1), SP_ERR_CONFLICT);
	assert_int_equal(decide(f, b, id, false), 0);
	verdict_is(f, a, id, 2);
	assert_int_equal(consume(f, a, id, 1), SP_ERR_CONFLICT);
	assert_int_equal(decide(f, b, "ZZZZZZZZ", true), SP_ERR_NOT_FOUND);
	assert_int_equal(decide(f, b, "'; drop table request; --", true), SP_ERR_NOT_FOUND);
	(void)close(a);
	(void)close(a2);
	(void)close(b);
	(void)close(c);
}

/* What was asked and approved under a policy is of no use under another one, even where nothing has cancelled it. */
static void
test_policy_moves_on(void **state)
{
	struct fixture *f = need_root(state);
	char approved[SP_STORE_ID_LEN + 1] = "", pending[SP_STORE_ID_LEN + 1] = "", id[SP_STORE_ID_LEN + 1] = "";
	int a, b;

	assert_int_equal(attach(f, SESSION_A, ALICE, &a), 0);
	assert_int_equal(attach(f, SESSION_B, BOB, &b), 0);
	assert_int_equal(request(f, a, 1, "reads", VERSION, id), SP_ERR_DENIED);
	assert_int_equal(request(f, a, 1, "writes", VERSION, approved), 0);
	assert_int_equal(request(f, a, 2, "writes", VERSION, pending), 0);
	assert_int_equal(decide(f, b, approved, true), 0);
	verdict_is(f, a, approved, 1);
	*in_force = VERSION + 1;
	assert_int_equal(consume(f, a, approved, 1), SP_ERR_CONFLICT);
	assert_int_equal(decide(f, b, pending, true), SP_ERR_NOT_FOUND);
	assert_int_equal(request(f, a, 3, "writes", VERSION, id), SP_ERR_DENIED);
	*in_force = VERSION;
	(void)close(a);
	(void)close(b);
}

/* kill -9 at each step: what was answered still holds. */
static void
test_restart(void **state)
{
	struct fixture *f = need_root(state);
	char id[SP_STORE_ID_LEN + 1] = "";
	int a, b;

	assert_int_equal(attach(f, SESSION_A, ALICE, &a), 0);
	assert_int_equal(request(f, a, 1, "writes", VERSION, id), 0);
	kill_9(f);
	is_ended(f, a);
	(void)close(a);
	start(f);
	assert_int_equal(attach(f, SESSION_B, BOB, &b), 0);
	assert_int_equal(decide(f, b, id, true), 0); /* while alice's session is away */
	(void)close(b);
	kill_9(f);
	start(f);
	assert_int_equal(attach(f, SESSION_A, ALICE, &a), 0);
	verdict_is(f, a, id, 1);
	assert_int_equal(consume(f, a, id, 1), 0);
	(void)close(a);
	kill_9(f);
	start(f);
	assert_int_equal(attach(f, SESSION_A, ALICE, &a), 0);
	assert_int_equal(consume(f, a, id, 1), SP_ERR_CONFLICT);
	(void)close(a);
}

static void
test_detach_cancels(void **state)
{
	struct fixture *f = need_root(state);
	char id[SP_STORE_ID_LEN + 1] = "";
	int a, b;

	assert_int_equal(attach(f, SESSION_A, ALICE, &a), 0);
	assert_int_equal(attach(f, SESSION_B, BOB, &b), 0);
	assert_int_equal(request(f, a, 1, "writes", VERSION, id), 0);
	sp_buf_put_cstring(f->out, SESSION_A);
	assert_int_equal(sp_ipc_send(f->root, 2, 0, f->out, NULL, 0, sp_ipc_now_ms() + WAIT_MS), 0);
	sp_buf_reset(f->out);
	is_ended(f, a);
	assert_int_equal(decide(f, b, id, true), SP_ERR_CONFLICT);
	/* Gives up by itself. */
	(void)close(a);
	assert_int_equal(attach(f, SESSION_A, ALICE, &a), 0);
	verdict_is(f, a, id, 4);
	assert_int_equal(request(f, a, 1, "writes", VERSION, id), 0);
	sp_buf_put_cstring(f->out, id);
	assert_int_equal(sp_ipc_send(b, 3, 0, f->out, NULL, 0, sp_ipc_now_ms() + WAIT_MS), 0); /* bob may not */
	assert_int_equal(sp_ipc_send(a, 3, 0, f->out, NULL, 0, sp_ipc_now_ms() + WAIT_MS), 0);
	sp_buf_reset(f->out);
	assert_null(listed(f, a, "ZZZZZZZZ")); /* the cancellation has been read by now */
	assert_int_equal(decide(f, b, id, true), SP_ERR_CONFLICT);
	(void)close(a);
	(void)close(b);
}

static void
revoked(struct fixture *f, const char *who)
{
	char text[512] = "{\"version\":1,\"revoked\":[]}";

	if (who != NULL)
		(void)snprintf(text, sizeof(text),
		    "{\"version\":1,\"revoked\":[{\"kind\":\"person\",\"value\":\"%s\",\"by\":\"root\",\"reason\":\"gone\","
		    "\"since\":1,\"until\":0}]}", who);
	sp_buf_put_cstring(f->out, text);
	assert_int_equal(sp_ipc_send(f->root, SP_IPC_CONTROL_REVOKED, 0, f->out, NULL, 0, sp_ipc_now_ms() + WAIT_MS), 0);
	sp_buf_reset(f->out);
}

/* Of revoked people nothing counts, neither what they ask for nor what they have approved; they are let in no more. */
static void
test_revoked_people(void **state)
{
	struct fixture *f = need_root(state);
	char id[SP_STORE_ID_LEN + 1] = "", hers[SP_STORE_ID_LEN + 1] = "";
	int a, b, c;

	assert_int_equal(attach(f, SESSION_A, ALICE, &a), 0);
	assert_int_equal(attach(f, SESSION_B, BOB, &b), 0);
	assert_int_equal(attach(f, SESSION_C, CAROL, &c), 0);
	assert_int_equal(request(f, c, 1, "writes", VERSION, id), 0);
	assert_int_equal(request(f, a, 1, "writes", VERSION, hers), 0);
	assert_int_equal(decide(f, b, id, true), 0);
	verdict_is(f, c, id, 1);
	revoked(f, "BOB");
	is_ended(f, b);
	verdict_is(f, c, id, 4);
	assert_int_equal(consume(f, c, id, 1), SP_ERR_CONFLICT);
	(void)close(b);
	assert_int_equal(attach(f, SESSION_B, BOB, &b), SP_ERR_DENIED);
	(void)close(b);
	revoked(f, "alice");
	is_ended(f, a);
	(void)close(a);
	assert_int_equal(attach(f, SESSION_B, BOB, &b), 0);
	assert_int_equal(decide(f, b, hers, true), SP_ERR_CONFLICT);
	revoked(f, NULL);
	assert_int_equal(attach(f, SESSION_A, ALICE, &a), 0);
	verdict_is(f, a, hers, 4);
	(void)close(a);
	(void)close(b);
	(void)close(c);
}

/* A session is whom sallyportd said, for good; and a session that breaks the protocol ends alone. */
static void
test_hostile(void **state)
{
	struct fixture *f = need_root(state);
	char id[SP_STORE_ID_LEN + 1] = "";
	int a, b, fd, fds[3];
	pid_t pid;
	int status;

	assert_int_equal(attach(f, SESSION_A, ALICE, &a), 0);
	assert_int_equal(attach(f, SESSION_A, BOB, &fd), SP_ERR_DENIED);
	(void)close(fd);
	assert_int_equal(attach(f, "not-a-session", ALICE, &fd), SP_ERR_INVALID);
	(void)close(fd);
	assert_true(attach(f, SESSION_B, "{\"iss\":\"\",\"sub\":\"x\",\"user\":\"bob\"}", &fd) != 0);
	(void)close(fd);
	assert_true(attach(f, SESSION_B, "not json", &fd) != 0);
	(void)close(fd);
	/* Messages of root on a session's channel, a request without an id, a digest of another length, fds. */
	for (int i = 0; i < 5; i++) {
		assert_int_equal(attach(f, SESSION_B, BOB, &b), 0);
		fds[0] = fds[1] = fds[2] = 0;
		sp_buf_put_cstring(f->out, i == 3 ? "ABCDEFGH" : "x");
		if (i == 3)
			sp_buf_put_string(f->out, "short", 5);
		assert_int_equal(sp_ipc_send(b, i == 0 ? 99 : i == 3 ? 2 : 4, i == 1 ? 0 : 1, f->out, fds, i == 4 ? 3 : 0,
				     sp_ipc_now_ms() + WAIT_MS),
		    0);
		sp_buf_reset(f->out);
		is_ended(f, b);
		(void)close(b);
	}
	/* Somebody who is not root. */
	pid = fork();
	if (pid == 0) {
		struct sp_ipc_msg msg;
		int s, r;

		if (chmod(f->dir, 0711) != 0 || chmod(f->sock, 0666) != 0 || setgid(64123) != 0 || setuid(64123) != 0)
			_exit(2);
		r = sp_ipc_connect(f->sock, 0, sp_ipc_now_ms() + WAIT_MS, &s);
		if (r != 0)
			_exit(3);
		r = sp_ipc_recv(s, f->in, &msg, sp_ipc_now_ms() + WAIT_MS);
		_exit(r == SP_ERR_CLOSED ? 0 : 4);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	/* alice has noticed nothing. */
	assert_int_equal(request(f, a, 1, "writes", VERSION, id), 0);
	(void)close(a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_approval, setup, teardown),
		cmocka_unit_test_setup_teardown(test_restart, setup, teardown),
		cmocka_unit_test_setup_teardown(test_policy_moves_on, setup, teardown),
		cmocka_unit_test_setup_teardown(test_detach_cancels, setup, teardown),
		cmocka_unit_test_setup_teardown(test_revoked_people, setup, teardown),
		cmocka_unit_test_setup_teardown(test_hostile, setup, teardown),
	};

	in_force = mmap(NULL, sizeof(*in_force), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (in_force == MAP_FAILED)
		return 1;
	*in_force = VERSION;
	sp_log_open("test_control", LOG_CRIT, 1);
	(void)signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests_name("control", tests, NULL, NULL);
}
