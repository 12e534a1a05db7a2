/* SPDX-License-Identifier: Apache-2.0 */
#include "exec/supervisor.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/ptrace.h>
#include <sys/queue.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "exec/program.h"
#include "exec/reach.h"
#include "lib/ipc.h"
#include "lib/ipc_exec.h"
#include "runtime/log.h"

#define SUPERVISOR_NOTIF_MAX 512 /* bytes of a notification or an answer; Linux 6.1: 80 and 24 */

#define SUPERVISOR_OWN_FDS 4

enum wait_state {
	WAIT_ASKED,   /* the session has not answered */
	WAIT_TURN,    /* it may go on, after another thread of its process */
	WAIT_RUNNING, /* it may go on, and we are attached */
	WAIT_SOCKET,  /* until its socket is ready */
	WAIT_LEAVING  /* it did not execute after all: to be let go at its next stop */
};

/* One exec, or use of a socket, under way. */
struct wait {
	TAILQ_ENTRY(wait) next;
	struct wait *spare;
	enum wait_state state;
	pid_t tid;
	pid_t tgid;
	uint64_t notif;
	uint32_t id; /* of the question */
	bool is_attached;
	int64_t since_ms;
	struct sp_program program;
	struct sp_reach *reach; /* NULL: an exec */
};

struct supervisor {
	int listener;
	int session;
	int keeper; /* pidfd of who keeps the cage */
	int signals;
	int proc;
	pid_t first; /* 0: it has been seen */
	uint32_t last_id;
	int64_t looked_ms;
	TAILQ_HEAD(, wait) waits;
	struct wait *spares; /* to be used again: at most SP_SUPERVISOR_WAITING_MAX were ever made */
	unsigned nwaits;
	unsigned nturns; /* in WAIT_TURN */
	size_t bytes;
	struct pollfd polled[SUPERVISOR_OWN_FDS + SP_SUPERVISOR_WAITING_MAX];
	struct wait *of[SP_SUPERVISOR_WAITING_MAX]; /* whose socket is polled behind our own */
	struct sp_buf *out;
	struct sp_buf *in;
	struct seccomp_notif_sizes sizes; /* of this kernel */
	union {
		struct seccomp_notif notif;
		uint8_t room[SUPERVISOR_NOTIF_MAX];
	} req;
	union {
		struct seccomp_notif_resp notif;
		uint8_t room[SUPERVISOR_NOTIF_MAX];
	} resp;
};

/* --- those who wait ------------------------------------------------------------------------------------- */

static size_t
wait_bytes(const struct wait *w)
{
	return w->program.argv.len + w->program.words.len + (w->reach == NULL ? 0 : w->reach->len);
}

static void
wait_free(struct supervisor *s, struct wait *w)
{
	TAILQ_REMOVE(&s->waits, w, next);
	s->nwaits--;
	s->nturns -= w->state == WAIT_TURN;
	s->bytes -= wait_bytes(w);
	sp_program_clear(&w->program);
	if (w->reach != NULL)
		sp_reach_clear(w->reach);
	free(w->reach);
	w->reach = NULL;
	w->spare = s->spares;
	s->spares = w;
}

static struct wait *
wait_of_tid(struct supervisor *s, pid_t tid)
{
	struct wait *w;

	TAILQ_FOREACH(w, &s->waits, next)
		if (w->tid == tid)
			return w;
	return NULL;
}

static struct wait *
wait_of_question(struct supervisor *s, uint32_t id)
{
	struct wait *w;

	TAILQ_FOREACH(w, &s->waits, next)
		if (w->state == WAIT_ASKED && w->id == id)
			return w;
	return NULL;
}

/* --- the listener ---------------------------------------------------------------------------------------- */

/* error: errno the exec fails with; 0: it goes on. False: nobody waits for it any more. */
static bool
notif_answer(struct supervisor *s, uint64_t id, int error)
{
	memset(&s->resp, 0, sizeof(s->resp));
	s->resp.notif.id = id;
	s->resp.notif.error = -error;
	s->resp.notif.flags = error == 0 ? SECCOMP_USER_NOTIF_FLAG_CONTINUE : 0;
	return ioctl(s->listener, SECCOMP_IOCTL_NOTIF_SEND, &s->resp) == 0;
}

/* It was done for it: value is what the call returns. */
static void
notif_value(struct supervisor *s, uint64_t id, long value)
{
	memset(&s->resp, 0, sizeof(s->resp));
	s->resp.notif.id = id;
	s->resp.notif.val = value;
	(void)ioctl(s->listener, SECCOMP_IOCTL_NOTIF_SEND, &s->resp);
}

static bool
notif_is_valid(const struct supervisor *s, uint64_t id)
{
	return ioctl(s->listener, SECCOMP_IOCTL_NOTIF_ID_VALID, &id) == 0;
}

/* --- the session ------------------------------------------------------------------------------------------ */

static int
session_send(struct supervisor *s, uint8_t type, uint32_t id)
{
	int r = sp_buf_error(s->out);

	if (r == 0)
		r = sp_ipc_send(s->session, type, id, s->out, NULL, 0, sp_ipc_now_ms() + SP_SUPERVISOR_SEND_MS);
	sp_buf_reset(s->out);
	return r;
}

static int
session_gone(struct supervisor *s, const struct wait *w)
{
	return session_send(s, SP_IPC_EXEC_GONE, w->id);
}

static int
session_tampered(struct supervisor *s, const struct wait *w, const char *ran)
{
	sp_buf_put_u32(s->out, (uint32_t)w->tid);
	sp_buf_put_cstring(s->out, w->program.path);
	sp_buf_put_cstring(s->out, ran);
	return session_send(s, SP_IPC_EXEC_TAMPERED, 0);
}

/* How each question begins. */
static void
session_ask_begin(struct supervisor *s, struct wait *w, const struct sp_target *t)
{
	if (++s->last_id == 0)
		s->last_id = 1;
	w->id = s->last_id;
	sp_buf_put_u32(s->out, (uint32_t)t->tgid);
	sp_buf_put_u32(s->out, (uint32_t)t->ppid);
	sp_buf_put_u32(s->out, t->uid);
}

static int
session_ask(struct supervisor *s, struct wait *w, const struct sp_target *t)
{
	const struct sp_program *p = &w->program;
	char cwd[SP_TARGET_CWD_MAX];
	ssize_t n = readlinkat(t->dir, "cwd", cwd, sizeof(cwd) - 1);
	const char *word = p->argv.bytes;
	size_t i;

	cwd[n < 0 ? 0 : n] = '\0';
	session_ask_begin(s, w, t);
	sp_buf_put_u32(s->out, p->facts);
	sp_buf_put_cstring(s->out, p->path);
	sp_buf_put_cstring(s->out, p->given);
	sp_buf_put_cstring(s->out, p->interpreter);
	sp_buf_put_cstring(s->out, cwd);
	sp_buf_put_u32(s->out, (uint32_t)p->argv.n);
	for (i = 0; i < p->argv.n; i++, word += strlen(word) + 1)
		sp_buf_put_cstring(s->out, word);
	return session_send(s, SP_IPC_EXEC_ASK, w->id);
}

static int
session_ask_network(struct supervisor *s, struct wait *w, const struct sp_target *t)
{
	const struct sp_reach *r = w->reach;
	char exe[PATH_MAX];
	ssize_t n = readlinkat(t->dir, "exe", exe, sizeof(exe) - 1);

	exe[n < 0 ? 0 : n] = '\0';
	session_ask_begin(s, w, t);
	sp_buf_put_u8(s->out, r->what);
	sp_buf_put_u8(s->out, r->call == SP_REACH_LISTEN);
	sp_buf_put_u8(s->out, r->is_v6);
	sp_buf_put(s->out, r->address, sizeof(r->address));
	sp_buf_put_u16(s->out, r->port);
	sp_buf_put_cstring(s->out, r->path);
	sp_buf_put_cstring(s->out, exe);
	return session_send(s, SP_IPC_EXEC_ASK_NETWORK, w->id);
}

/* --- a new notification ------------------------------------------------------------------------------------ */

/* The process that is asking again did not execute what it was allowed: it is attached still, and that is of use. */
static struct wait *
notif_wait(struct supervisor *s, const struct seccomp_notif *req)
{
	struct wait *w = wait_of_tid(s, (pid_t)req->pid), *old = w;

	if (old == NULL && s->nwaits >= SP_SUPERVISOR_WAITING_MAX)
		return NULL;
	w = s->spares;
	if (w != NULL)
		s->spares = w->spare;
	else
		w = malloc(sizeof(*w));
	if (w == NULL)
		return NULL;
	memset(w, 0, sizeof(*w));
	w->is_attached = old != NULL && old->is_attached;
	if (old != NULL)
		wait_free(s, old);
	w->state = WAIT_ASKED;
	w->tid = (pid_t)req->pid;
	w->notif = req->id;
	w->since_ms = sp_ipc_now_ms();
	w->program.image.fd = -1;
	TAILQ_INSERT_TAIL(&s->waits, w, next);
	s->nwaits++;
	return w;
}

/* Answered without a decision: the wait ends, unless we are attached and must leave first. */
static void
wait_refuse(struct supervisor *s, struct wait *w, int error)
{
	(void)notif_answer(s, w->notif, error);
	if (w->is_attached)
		w->state = WAIT_LEAVING;
	else
		wait_free(s, w);
}

/* Answered: the wait ends, unless we are attached from an exec before and must leave first. */
static void
wait_done(struct wait *w, struct supervisor *s)
{
	if (w->is_attached)
		w->state = WAIT_LEAVING;
	else
		wait_free(s, w);
}

static void
reach_run(struct supervisor *s, struct wait *w, const struct sp_target *t)
{
	struct sp_reach *r = w->reach;
	long value = 0;
	int error = sp_reach_do(t, r, &value);

	if ((error == EAGAIN && r->may_wait) || r->is_waiting) {
		w->state = WAIT_SOCKET;
		w->since_ms = sp_ipc_now_ms();
	} else if (error != 0) {
		wait_refuse(s, w, error);
	} else {
		notif_value(s, w->notif, value);
		wait_done(w, s);
	}
}

/* It may, or its socket is ready: what is asked is as it was read. */
static void
reach_go_on(struct supervisor *s, struct wait *w)
{
	struct sp_target t;
	int error;

	if (w->reach->is_waiting) {
		error = sp_reach_finish(w->reach);
		if (error != 0) {
			wait_refuse(s, w, error);
			return;
		}
		notif_value(s, w->notif, 0);
		wait_done(w, s);
		return;
	}
	if (sp_target_open(s->proc, w->tid, &t) != 0) {
		wait_refuse(s, w, EPERM);
		return;
	}
	if (notif_is_valid(s, w->notif)) /* so it is still that process */
		reach_run(s, w, &t);
	else
		wait_refuse(s, w, EINTR);
	sp_target_close(&t);
}

static int
reach_handle(struct supervisor *s, struct wait *w, const struct seccomp_notif *req, const struct sp_target *t)
{
	uint64_t args[6];
	int error, r = 0;

	memcpy(args, req->data.args, sizeof(args));
	w->reach = malloc(sizeof(*w->reach));
	if (w->reach == NULL) {
		wait_refuse(s, w, ENOMEM);
		return 0;
	}
	error = sp_reach_read(t, req->data.nr, args, w->reach);
	s->bytes += wait_bytes(w);
	if (error == 0 && s->bytes > SP_SUPERVISOR_BYTES_MAX)
		error = ENOBUFS;
	if (error == 0 && !notif_is_valid(s, w->notif)) /* else it was this process that was read */
		error = EINTR;
	if (error != 0) {
		wait_refuse(s, w, error);
	} else if (w->reach->is_kernel) {
		(void)notif_answer(s, w->notif, 0);
		wait_done(w, s);
	} else if (w->reach->is_free) {
		reach_run(s, w, t);
	} else {
		r = session_ask_network(s, w, t);
	}
	return r;
}

static int
notif_handle(struct supervisor *s, const struct seccomp_notif *req)
{
	struct wait *w = notif_wait(s, req);
	struct sp_target t;
	uint64_t args[6];
	int error, r = 0;

	if (w == NULL) {
		(void)notif_answer(s, req->id, EAGAIN);
		return 0;
	}
	memcpy(args, req->data.args, sizeof(args));
	if (sp_target_open(s->proc, w->tid, &t) != 0) {
		wait_refuse(s, w, EPERM);
		return 0;
	}
	w->tgid = t.tgid;
	if (sp_reach_is(req->data.nr)) {
		r = reach_handle(s, w, req, &t);
		sp_target_close(&t);
		return r;
	}
	error = sp_program_read(&t, req->data.nr, args, &w->program);
	s->bytes += wait_bytes(w);
	if (error == 0 && s->bytes > SP_SUPERVISOR_BYTES_MAX)
		error = EAGAIN;
	if (error != 0) {
		wait_refuse(s, w, error);
	} else if (notif_is_valid(s, w->notif)) { /* so it was this process that was read */
		if (t.tgid == s->first) {
			w->program.facts |= SP_IPC_EXEC_FIRST;
			s->first = 0;
		}
		r = session_ask(s, w, &t);
	} else {
		wait_refuse(s, w, EINTR);
	}
	sp_target_close(&t);
	return r;
}

static int
listener_on_readable(struct supervisor *s)
{
	memset(&s->req, 0, sizeof(s->req));
	if (ioctl(s->listener, SECCOMP_IOCTL_NOTIF_RECV, &s->req) != 0)
		return errno == ENOENT || errno == EINTR || errno == EAGAIN ? 0 : SP_ERR_SYSTEM;
	return notif_handle(s, &s->req.notif);
}

/* --- the answer ------------------------------------------------------------------------------------------- */

/* What the kernel says, whatever is remembered: an exec that is not held to its end must never go on. */
static bool
is_attached(const struct supervisor *s, pid_t tid)
{
	char name[32], text[1024];
	const char *p;
	ssize_t n;
	int fd;

	(void)snprintf(name, sizeof(name), "%d/status", (int)tid);
	fd = openat(s->proc, name, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	if (fd >= 0)
		(void)close(fd);
	if (n <= 0)
		return false;
	text[n] = '\0';
	p = strstr(text, "\nTracerPid:");
	return p != NULL && strtol(p + strlen("\nTracerPid:"), NULL, 10) == (long)getpid();
}

/*
 * One exec of a process at a time: attaching to a thread waits in the kernel for an exec of another one, which waits
 * for its other threads to be reaped, by us.
 */
static bool
has_turn(const struct supervisor *s, const struct wait *w)
{
	const struct wait *o;

	TAILQ_FOREACH(o, &s->waits, next)
		if (o != w && o->tgid == w->tgid && o->state == WAIT_RUNNING)
			return false;
	return true;
}

static int
verdict_allow(struct supervisor *s, struct wait *w)
{
	if (!has_turn(s, w)) {
		s->nturns += w->state != WAIT_TURN;
		w->state = WAIT_TURN;
		return 0;
	}
	s->nturns -= w->state == WAIT_TURN;
	w->state = WAIT_ASKED;
	if (!(w->is_attached && is_attached(s, w->tid)) &&
	    ptrace(PTRACE_SEIZE, w->tid, NULL, (void *)(uintptr_t)(PTRACE_O_TRACEEXEC | PTRACE_O_EXITKILL)) != 0) {
		wait_refuse(s, w, EPERM);
		return 0;
	}
	w->is_attached = true;
	w->since_ms = sp_ipc_now_ms();
	w->state = WAIT_RUNNING;
	if (!notif_answer(s, w->notif, 0))
		w->state = WAIT_LEAVING; /* interrupted: it comes again, or it is dead */
	return 0;
}

static int
session_on_verdict(struct supervisor *s, const struct sp_ipc_msg *msg, struct sp_buf *body)
{
	struct wait *w;
	uint32_t verdict;
	int r = sp_buf_get_u32(body, &verdict);

	if (r == 0 && (msg->type != SP_IPC_EXEC_VERDICT || msg->nfds != 0 || sp_buf_len(body) != 0))
		r = SP_ERR_PROTOCOL;
	if (r != 0)
		return r;
	w = wait_of_question(s, msg->id);
	if (w == NULL)
		return 0; /* it is gone, which the session has been told or will be */
	if (verdict == 0 && w->reach != NULL) {
		reach_go_on(s, w);
		return 0;
	}
	if (verdict == 0 && (w->program.facts & SP_IPC_EXEC_NEVER) == 0)
		return verdict_allow(s, w);
	wait_refuse(s, w, EACCES);
	return 0;
}

static int
session_on_readable(struct supervisor *s)
{
	struct sp_ipc_msg msg = { 0 };
	struct sp_buf *body;
	int r = sp_ipc_recv(s->session, s->in, &msg, sp_ipc_now_ms() + SP_SUPERVISOR_SEND_MS);

	if (r != 0)
		return r;
	body = sp_buf_from(msg.body.data, msg.body.len);
	r = body == NULL ? SP_ERR_NOMEM : session_on_verdict(s, &msg, body);
	sp_buf_free(body);
	sp_ipc_msg_clear(&msg);
	return r;
}

/* --- what came of it ---------------------------------------------------------------------------------------- */

/* Stopped at the end of an exec, its memory new. former: the thread that called it. */
static int
traced_on_exec(struct supervisor *s, pid_t pid)
{
	unsigned long former = 0;
	char name[32], ran[PATH_MAX];
	struct wait *w;
	ssize_t n;
	int r = 0;

	w = ptrace(PTRACE_GETEVENTMSG, pid, NULL, &former) == 0 ? wait_of_tid(s, (pid_t)former) : NULL;
	if (w != NULL && w->state == WAIT_RUNNING && sp_program_is(&w->program, s->proc, pid)) {
		(void)ptrace(PTRACE_DETACH, pid, NULL, NULL);
	} else {
		(void)snprintf(name, sizeof(name), "%d/exe", (int)pid);
		n = readlinkat(s->proc, name, ran, sizeof(ran) - 1);
		ran[n < 0 ? 0 : n] = '\0';
		(void)kill(pid, SIGKILL); /* it has not run an instruction, and will not */
		sp_log_warn("process %d executed other than it was allowed and is killed", (int)pid);
		if (w != NULL)
			r = session_tampered(s, w, ran);
	}
	if (w != NULL)
		wait_free(s, w);
	/* The process's first thread, if it was in an exec too, is gone without a word. */
	w = (pid_t)former == pid ? NULL : wait_of_tid(s, pid);
	if (w != NULL)
		wait_free(s, w);
	return r;
}

static int
traced_on_stop(struct supervisor *s, pid_t pid, int status)
{
	struct wait *w = wait_of_tid(s, pid);
	uintptr_t sig = 0;

	if (status >> 8 == (SIGTRAP | PTRACE_EVENT_EXEC << 8))
		return traced_on_exec(s, pid);
	/* Any other stop is outside of the exec: it failed, or it will ask again. */
	if (status >> 16 == 0)
		sig = (uintptr_t)WSTOPSIG(status);
	(void)ptrace(PTRACE_DETACH, pid, NULL, (void *)sig); /* NOLINT(performance-no-int-to-ptr): so ptrace wants it */
	if (w == NULL)
		return 0;
	if (w->state == WAIT_ASKED || w->state == WAIT_TURN || w->state == WAIT_SOCKET)
		w->is_attached = false;
	else
		wait_free(s, w);
	return 0;
}

static int
traced_reap(struct supervisor *s)
{
	struct wait *w;
	pid_t pid;
	int status, r = 0;

	while (r == 0 && (pid = waitpid(-1, &status, WNOHANG | __WALL)) > 0) {
		if (WIFSTOPPED(status)) {
			r = traced_on_stop(s, pid, status);
			continue;
		}
		w = wait_of_tid(s, pid);
		if (w != NULL && w->state == WAIT_ASKED)
			r = session_gone(s, w);
		if (w != NULL)
			wait_free(s, w);
	}
	return r;
}

static int
signals_on_readable(struct supervisor *s)
{
	struct signalfd_siginfo info;

	if (read(s->signals, &info, sizeof(info)) != (ssize_t)sizeof(info) && errno != EAGAIN && errno != EINTR)
		return SP_ERR_SYSTEM;
	return traced_reap(s);
}

static int
waits_turn(struct supervisor *s)
{
	struct wait *w, *next;
	int r = 0;

	for (w = TAILQ_FIRST(&s->waits); r == 0 && s->nturns > 0 && w != NULL; w = next) {
		next = TAILQ_NEXT(w, next);
		if (w->state == WAIT_TURN)
			r = verdict_allow(s, w);
	}
	return r;
}

/* Those who gave up while the session thinks, and those who failed to execute. */
static int
waits_look(struct supervisor *s)
{
	int64_t now = sp_ipc_now_ms();
	struct wait *w, *next;
	int r = 0;

	if (now - s->looked_ms < SP_SUPERVISOR_TICK_MS)
		return 0;
	s->looked_ms = now;
	for (w = TAILQ_FIRST(&s->waits); r == 0 && w != NULL; w = next) {
		next = TAILQ_NEXT(w, next);
		if (w->state == WAIT_ASKED || w->state == WAIT_TURN || w->state == WAIT_SOCKET) {
			if (notif_is_valid(s, w->notif))
				continue;
			r = w->state == WAIT_ASKED ? session_gone(s, w) : 0;
			s->nturns -= w->state == WAIT_TURN;
			w->state = WAIT_LEAVING;
			if (!w->is_attached)
				wait_free(s, w);
		} else if (now - w->since_ms >= SP_SUPERVISOR_TICK_MS) {
			(void)ptrace(PTRACE_INTERRUPT, w->tid, NULL, NULL); /* stops it once it is out of the exec */
			w->since_ms = now;
		}
	}
	return r;
}

/* --- life ---------------------------------------------------------------------------------------------------- */

static void
on_guard(int sig)
{
	(void)sig;
}

static int
supervisor_init(struct supervisor *s)
{
	const struct sigaction guard = { .sa_handler = on_guard }; /* ends a call, which says so */
	sigset_t set;

	TAILQ_INIT(&s->waits);
	if (syscall(SYS_seccomp, SECCOMP_GET_NOTIF_SIZES, 0, &s->sizes) != 0)
		return SP_ERR_SYSTEM;
	if (s->sizes.seccomp_notif > sizeof(s->req) || s->sizes.seccomp_notif_resp > sizeof(s->resp))
		return SP_ERR_UNSUPPORTED;
	s->out = sp_buf_new(SP_IPC_FRAME_MAX - SP_IPC_HEADER);
	s->in = sp_buf_new(SP_IPC_FRAME_MAX + SP_IPC_HEADER);
	if (s->out == NULL || s->in == NULL)
		return SP_ERR_NOMEM;
	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	if (sigaction(SIGALRM, &guard, NULL) != 0)
		return SP_ERR_SYSTEM;
	s->proc = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (s->proc < 0 || sigprocmask(SIG_BLOCK, &set, NULL) != 0)
		return SP_ERR_SYSTEM;
	s->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return s->signals < 0 ? SP_ERR_SYSTEM : sp_program_init();
}

static void
supervisor_clear(struct supervisor *s)
{
	struct wait *w;

	while (!TAILQ_EMPTY(&s->waits))
		wait_free(s, TAILQ_FIRST(&s->waits));
	while ((w = s->spares) != NULL) {
		s->spares = w->spare;
		free(w);
	}
	sp_buf_free(s->out);
	sp_buf_free(s->in);
	if (s->signals >= 0)
		(void)close(s->signals);
	if (s->proc >= 0)
		(void)close(s->proc);
}

/* Whether it is told when its socket is ready; otherwise it is tried again at each tick. */
static bool
reach_is_told(const struct wait *w)
{
	return w->reach->is_waiting || (w->reach->call == SP_REACH_SEND && w->reach->type == SOCK_STREAM);
}

/* How many descriptors there are to poll. */
static nfds_t
sockets_list(struct supervisor *s)
{
	struct wait *w;
	nfds_t n = 0;

	TAILQ_FOREACH(w, &s->waits, next) {
		if (w->state != WAIT_SOCKET)
			continue;
		s->of[n] = w;
		s->polled[SUPERVISOR_OWN_FDS + n].fd = reach_is_told(w) ? w->reach->fd : -1;
		s->polled[SUPERVISOR_OWN_FDS + n].events = POLLOUT;
		s->polled[SUPERVISOR_OWN_FDS + n].revents = 0;
		n++;
	}
	return n;
}

/* Before all else of a turn: nothing on the list has been freed yet. */
static void
sockets_look(struct supervisor *s, nfds_t n)
{
	int64_t now = sp_ipc_now_ms();
	nfds_t i;

	for (i = 0; i < n; i++) {
		struct wait *w = s->of[i];

		if (s->polled[SUPERVISOR_OWN_FDS + i].revents != 0 ||
		    (!reach_is_told(w) && now - w->since_ms >= SP_SUPERVISOR_TICK_MS))
			reach_go_on(s, w);
	}
}

/* *ret_done: nobody is left under the filter. */
static int
supervisor_turn(struct supervisor *s, bool *ret_done)
{
	const int own[SUPERVISOR_OWN_FDS] = { s->signals, s->session, s->listener, s->keeper };
	const struct pollfd *p = s->polled;
	nfds_t n = sockets_list(s);
	int r, i;

	for (i = 0; i < SUPERVISOR_OWN_FDS; i++)
		s->polled[i] = (struct pollfd){ .fd = own[i], .events = POLLIN };
	if (poll(s->polled, SUPERVISOR_OWN_FDS + n, TAILQ_EMPTY(&s->waits) ? -1 : SP_SUPERVISOR_TICK_MS) < 0) {
		if (errno != EINTR)
			return SP_ERR_SYSTEM;
		return 0;
	}
	sockets_look(s, n);
	r = p[3].revents != 0 ? SP_ERR_NOT_FOUND : p[0].revents != 0 ? signals_on_readable(s) : 0;
	if (r == 0 && p[1].revents != 0)
		r = session_on_readable(s);
	if (r == 0 && (p[2].revents & POLLIN) != 0)
		r = listener_on_readable(s);
	else if (r == 0 && (p[2].revents & (POLLHUP | POLLERR)) != 0)
		*ret_done = true;
	if (r == 0)
		r = waits_turn(s);
	return r == 0 ? waits_look(s) : r;
}

int
sp_supervisor_run(int listener, int session, int keeper, pid_t first, const char *how)
{
	struct supervisor s = { .listener = listener, .session = session, .keeper = keeper, .signals = -1, .proc = -1, .first = first };
	bool is_done = false;
	int r = supervisor_init(&s);

	if (r == 0) {
		sp_buf_put_cstring(s.out, how);
		r = session_send(&s, SP_IPC_EXEC_READY, 0);
	}
	while (r == 0 && !is_done)
		r = supervisor_turn(&s, &is_done);
	supervisor_clear(&s);
	return r;
}
