/* SPDX-License-Identifier: Apache-2.0 */
#include "session-agent/forward.h"

#include <arpa/inet.h>
#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "lib/hosts_put.h"
#include "policy/image.h"
#include "runtime/log.h"
#include "session-agent/broker.h"
#include "session-agent/forward_peer.h"
#include "session-agent/forward_refusal.h"
#include "session-agent/name_service.h"
#include "session-agent/start.h"

#define FORWARD_HOSTS_NEW SP_HOSTS_PATH ".new"
#define FORWARD_HOST_MAX 0xfffeu /* last part of an address: 1 to this */

struct forward_name {
	struct sp_forward *f;
	char name[SP_HOSTS_NAME_MAX + 1];
	uint32_t address; /* host byte order */
	enum sp_policy_kind kind; /* of the connection, while it is offered */
	int fd;			  /* -1: nobody of ours listens there */
	struct event *event;
	struct event *pause;
	bool is_offered; /* the policy in force has it */
};

struct sp_forward {
	struct sp_registry *g;
	struct forward_name *names[SP_FORWARD_NAMES_MAX];
	unsigned nnames;
	bool is_full; /* logged once */
	struct event *quiet; /* pending: refusals are counted; the first SP_FORWARD_LOG_MAX have been logged */
	unsigned refused;
};

/* --- addresses ---------------------------------------------------------------------------------------- */

static struct forward_name *
forward_find(const struct sp_forward *f, const char *name)
{
	for (unsigned i = 0; i < f->nnames; i++)
		if (strcmp(f->names[i]->name, name) == 0)
			return f->names[i];
	return NULL;
}

static bool
forward_is_taken(const struct sp_forward *f, uint32_t address)
{
	for (unsigned i = 0; i < f->nnames; i++)
		if (f->names[i]->address == address)
			return true;
	return false;
}

/* The same for the same name on every bastion, but for the few that collide (FNV-1a). */
static uint32_t
forward_address(const struct sp_forward *f, const char *name)
{
	uint32_t hash = 2166136261u, address;

	for (const char *p = name; *p != '\0'; p++)
		hash = (hash ^ (uint8_t)*p) * 16777619u;
	do {
		address = SP_HOSTS_NET + 1 + hash % FORWARD_HOST_MAX;
		hash++;
	} while (forward_is_taken(f, address));
	return address;
}

static struct forward_name *
forward_add(struct sp_forward *f, const char *name, uint32_t address)
{
	struct forward_name *n;

	if (f->nnames >= SP_FORWARD_NAMES_MAX || strlen(name) > SP_HOSTS_NAME_MAX) {
		if (!f->is_full)
			sp_log_err("%s cannot be forwarded to: there are %d names already", name, SP_FORWARD_NAMES_MAX);
		f->is_full = true;
		return NULL;
	}
	n = calloc(1, sizeof(*n));
	if (n == NULL)
		return NULL;
	n->f = f;
	n->fd = -1;
	(void)snprintf(n->name, sizeof(n->name), "%s", name);
	n->address = address != 0 ? address : forward_address(f, name);
	f->names[f->nnames++] = n;
	return n;
}

/* An entry of the file that was there. */
static void
forward_on_entry(void *ctx, const char *name, uint32_t address)
{
	struct sp_forward *f = ctx;

	if (forward_find(f, name) == NULL && !forward_is_taken(f, address))
		(void)forward_add(f, name, address);
}

static int
forward_put(const struct sp_forward *f, struct sp_buf *b)
{
	int r = 0;

	sp_hosts_put_begin(b);
	for (unsigned i = 0; r == 0 && i < f->nnames; i++)
		r = sp_hosts_put_entry(b, f->names[i]->name, f->names[i]->address);
	sp_hosts_put_end(b);
	return r == 0 ? sp_buf_error(b) : r;
}

/* In one step: whoever looks a name up meanwhile sees the old file or the new one. */
static int
forward_write(const struct sp_forward *f)
{
	struct sp_buf *b = sp_buf_new(SP_HOSTS_FILE_MAX);
	int r = b == NULL ? SP_ERR_NOMEM : forward_put(f, b), fd;

	if (r != 0) {
		sp_buf_free(b);
		return r;
	}
	(void)unlink(FORWARD_HOSTS_NEW);
	fd = open(FORWARD_HOSTS_NEW, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0 || write(fd, sp_buf_data(b), sp_buf_len(b)) != (ssize_t)sp_buf_len(b) || fchmod(fd, 0644) != 0 ||
	    rename(FORWARD_HOSTS_NEW, SP_HOSTS_PATH) != 0)
		r = SP_ERR_SYSTEM;
	if (fd >= 0)
		(void)close(fd);
	sp_buf_free(b);
	return r;
}

uint16_t
sp_forward_port(enum sp_policy_kind kind)
{
	return kind == SP_POLICY_KIND_POSTGRES ? 5432 : kind == SP_POLICY_KIND_SSH ? 22 : 0;
}

void
sp_forward_hosts(const struct sp_forward *f, void (*each)(void *ctx, const char *name), void *ctx)
{
	for (unsigned i = 0; i < f->nnames; i++)
		if (f->names[i]->is_offered && f->names[i]->kind == SP_POLICY_KIND_SSH)
			each(ctx, f->names[i]->name);
}

/* --- connections -------------------------------------------------------------------------------------- */

/* The login whose sshd made the connection; NULL: nobody's. */
static struct sp_login *
forward_login(struct sp_registry *g, const struct sp_forward_peer *peer)
{
	struct sp_login *l;

	TAILQ_FOREACH(l, &g->logins, next)
		if (l->uid == peer->uid && sp_forward_peer_is_of(peer, l) == 0)
			return l;
	return NULL;
}

/*
 * Also of connections that a session is there for, and of those that are nobody's: to find out whose one is costs a search
 * through the processes of all of the person's logins. The oldest of these counts for all.
 */
bool
sp_forward_is_too_fast(struct sp_registry *g, uid_t uid)
{
	uint64_t now = (uint64_t)time(NULL);
	struct sp_login *l;

	TAILQ_FOREACH(l, &g->logins, next)
		if (l->uid == uid)
			break;
	if (l == NULL)
		return false; /* there is nothing to search */
	if (now - l->forwards_window >= g->settings.starts_within) {
		l->forwards_window = now;
		l->forwards = 0;
	}
	return ++l->forwards > SP_REGISTRY_FORWARDS_MAX;
}

int
sp_forward_through(const struct sp_forward *f, pid_t pid, struct sp_login **ret_l, const char **ret_name)
{
	struct sp_forward_peer peer = { .uid = (uid_t)-1 };
	struct sockaddr_in here = { 0 }, there = { 0 };
	const struct forward_name *n = NULL;
	bool has_any;
	int r = sp_forward_peer_arrived(pid, SP_HOSTS_NET, sp_forward_port(SP_POLICY_KIND_SSH), &here, &there, &has_any);

	if (r == SP_ERR_NOT_FOUND && !has_any)
		return SP_ERR_CLOSED; /* it may have been such a one: its client could end it at once, and still be read from */
	if (r != 0)
		return r;
	for (unsigned i = 0; n == NULL && i < f->nnames; i++)
		if (f->names[i]->address == ntohl(here.sin_addr.s_addr))
			n = f->names[i];
	if (n == NULL || !n->is_offered || n->kind != SP_POLICY_KIND_SSH || sp_forward_peer_socket(&there, &here, &peer) != 0)
		return SP_ERR_DENIED;
	*ret_l = sp_forward_is_too_fast(f->g, peer.uid) ? NULL : forward_login(f->g, &peer);
	*ret_name = n->name;
	return *ret_l == NULL || sp_login_endpoint(*ret_l) != NULL ? SP_ERR_DENIED : 0; /* one hop: sshd refuses it too */
}

static void
forward_on_quiet_over(evutil_socket_t fd, short what, void *ctx)
{
	struct sp_forward *f = ctx;

	(void)fd;
	(void)what;
	if (f->refused > SP_FORWARD_LOG_MAX)
		sp_log(LOG_NOTICE, "%u more connections to addresses of connections were refused within %d seconds",
		    f->refused - SP_FORWARD_LOG_MAX, SP_FORWARD_LOG_SECONDS);
	f->refused = 0;
}

/* Anybody on this machine can be refused as often as they like: that must not push other things out of the log. */
static void
forward_log_refusal(struct sp_forward *f, const struct forward_name *n, const struct sp_forward_peer *peer,
    const struct sp_login *l, const char *problem)
{
	static const struct timeval window = { .tv_sec = SP_FORWARD_LOG_SECONDS };

	if (f->refused == 0)
		(void)event_add(f->quiet, &window);
	if (f->refused++ < SP_FORWARD_LOG_MAX)
		sp_log(LOG_NOTICE, "a connection of uid %ld%s%s to %s is refused: %s",
		    peer->uid == (uid_t)-1 ? -1L : (long)peer->uid, l == NULL ? "" : ", login ", l == NULL ? "" : l->id, n->name,
		    problem);
}

static void
forward_take(struct forward_name *n, int fd)
{
	struct sp_registry *g = n->f->g;
	struct sockaddr_in here = { 0 }, there = { 0 };
	socklen_t here_len = sizeof(here), there_len = sizeof(there);
	struct sp_forward_peer peer = { .uid = (uid_t)-1 };
	struct sp_login *l = NULL;
	const char *problem = NULL;
	bool is_known = getsockname(fd, (struct sockaddr *)&here, &here_len) == 0 && here.sin_family == AF_INET &&
	    getpeername(fd, (struct sockaddr *)&there, &there_len) == 0 && there.sin_family == AF_INET &&
	    here.sin_addr.s_addr == htonl(n->address) && sp_forward_peer_socket(&there, &here, &peer) == 0;
	bool is_too_fast = is_known && sp_forward_is_too_fast(g, peer.uid);

	if (is_known && !is_too_fast)
		l = forward_login(g, &peer);
	if (is_too_fast)
		problem = "sallyport: too many connections were made at once. Wait a few seconds and try again.";
	else if (l == NULL)
		problem = "sallyport: only your own ssh to this bastion can forward to this address: ssh -L PORT:NAME:5432";
	else if (!n->is_offered)
		problem = "sallyport: no such connection, or not allowed, or not to be forwarded to";
	else
		problem = sp_start_forward(g, l, n->name, fd);
	if (problem == NULL) {
		(void)close(fd);
		return;
	}
	forward_log_refusal(n->f, n, &peer, l, problem);
	sp_forward_refuse(g->base, fd, problem);
}

static void
forward_on_pause_over(evutil_socket_t fd, short what, void *ctx)
{
	struct forward_name *n = ctx;

	(void)fd;
	(void)what;
	(void)event_add(n->event, NULL);
}

static void
forward_on_accept(evutil_socket_t listener, short what, void *ctx)
{
	static const struct timeval pause = { .tv_usec = SP_FORWARD_PAUSE_MS * 1000 };
	struct forward_name *n = ctx;

	(void)what;
	for (unsigned i = 0; i < SP_FORWARD_TURN_MAX; i++) {
		int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (fd >= 0) {
			forward_take(n, fd);
			continue;
		}
		if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED) {
			sp_log_err("accept: %m");
			(void)event_del(n->event);
			(void)event_add(n->pause, &pause);
		}
		return;
	}
}

static void
forward_deafen(struct forward_name *n)
{
	if (n->event != NULL)
		event_free(n->event);
	if (n->pause != NULL)
		event_free(n->pause);
	n->event = n->pause = NULL;
	if (n->fd >= 0)
		(void)close(n->fd);
	n->fd = -1;
}

static int
forward_listen(struct forward_name *n)
{
	struct sockaddr_in sin = { .sin_family = AF_INET, .sin_port = htons(sp_forward_port(n->kind)) };
	int one = 1;

	sin.sin_addr.s_addr = htonl(n->address);
	n->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (n->fd < 0)
		return SP_ERR_SYSTEM;
	if (setsockopt(n->fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) == 0 &&
	    bind(n->fd, (struct sockaddr *)&sin, sizeof(sin)) == 0 && listen(n->fd, SP_FORWARD_BACKLOG) == 0) {
		n->event = event_new(n->f->g->base, n->fd, EV_READ | EV_PERSIST, forward_on_accept, n);
		n->pause = event_new(n->f->g->base, -1, 0, forward_on_pause_over, n);
		if (n->event != NULL && n->pause != NULL && event_add(n->event, NULL) == 0)
			return 0;
	}
	forward_deafen(n);
	return SP_ERR_SYSTEM;
}

/* Whether who connects there meets somebody: ourselves, or sshd. */
static bool
forward_is_served(struct forward_name *n)
{
	if (n->kind == SP_POLICY_KIND_SSH)
		return sp_forward_peer_listens(n->address, sp_forward_port(n->kind));
	return n->fd >= 0 || forward_listen(n) == 0;
}

/* --- policy ------------------------------------------------------------------------------------------- */

/* Why sshd would not find the connection at its address, or NULL. */
static const char *
forward_problem(struct forward_name *n, const struct sp_name_service *names)
{
	return !forward_is_served(n) ? "nothing can listen at its address" : sp_name_service_obstacle(names, n->name);
}

static void
forward_offer(struct sp_forward *f, const struct sp_name_service *names, const char *name, enum sp_policy_kind kind)
{
	struct forward_name *n = forward_find(f, name);
	const char *problem;

	if (n == NULL)
		n = forward_add(f, name, 0);
	if (n == NULL)
		return;
	if (n->kind != kind)
		forward_deafen(n);
	n->is_offered = true;
	n->kind = kind;
	problem = sp_name_service_obstacle(names, name);
	if (kind != SP_POLICY_KIND_SSH && !forward_is_served(n)) /* sshd may come up after us */
		problem = "nothing can listen at its address";
	if (problem != NULL)
		sp_log_warn("%s cannot be forwarded to: %s", name, problem);
}

void
sp_forward_policy(struct sp_forward *f)
{
	const struct sp_policy_image *image = sp_broker_policy(f->g->broker);
	struct sp_name_service *names = NULL;
	unsigned before = f->nnames;

	for (unsigned i = 0; i < f->nnames; i++)
		f->names[i]->is_offered = false;
	if (sp_name_service_read(&names) != 0) {
		sp_log_err("nothing can be forwarded to: out of memory");
		return;
	}
	for (size_t i = 0; image != NULL && i < sp_policy_image_connections(image); i++) {
		const struct sp_policy_connection *c = sp_policy_image_connection(image, i);

		if (c->is_forwarded && sp_forward_port(c->kind) != 0)
			forward_offer(f, names, c->name, c->kind);
	}
	sp_name_service_free(names);
	if (f->nnames != before && forward_write(f) != 0)
		sp_log_err("%s cannot be written, so its new names cannot be forwarded to: %m", SP_HOSTS_PATH);
}

bool
sp_forward_is_offered(const struct sp_forward *f, const struct sp_name_service *names,
    const struct sp_policy_connection *c)
{
	struct forward_name *n = c->is_forwarded ? forward_find(f, c->name) : NULL;

	return n != NULL && n->is_offered && n->kind == c->kind && sp_name_service_has(names, n->name, n->address) &&
	    forward_is_served(n);
}

static unsigned
forward_sessions(const struct sp_registry *g, const char *name)
{
	const struct sp_live *l;
	unsigned n = 0;

	TAILQ_FOREACH(l, &g->lives, next) {
		const char *forward = json_string_value(json_object_get(json_object_get(l->header, "origin"), "forward"));

		n += !l->is_dead && forward != NULL && strcmp(forward, name) == 0;
	}
	return n;
}

json_t *
sp_forward_status(const struct sp_forward *f)
{
	struct sp_name_service *names = NULL;
	json_t *list = json_array();

	if (sp_name_service_read(&names) != 0) {
		json_decref(list);
		return NULL;
	}
	for (unsigned i = 0; i < f->nnames; i++) {
		struct forward_name *n = f->names[i];
		const char *problem;
		struct in_addr a = { .s_addr = htonl(n->address) };
		char text[INET_ADDRSTRLEN] = "";
		json_t *item;

		if (!n->is_offered || inet_ntop(AF_INET, &a, text, sizeof(text)) == NULL)
			continue;
		item = json_pack("{s:s,s:o,s:i}", "name", n->name, "address", json_sprintf("%s:%u", text, (unsigned)sp_forward_port(n->kind)),
		    "sessions", (int)forward_sessions(f->g, n->name));
		problem = forward_problem(n, names);
		if (problem != NULL)
			(void)json_object_set_new(item, "problem", json_string(problem));
		(void)json_array_append_new(list, item);
	}
	sp_name_service_free(names);
	return list;
}

int
sp_forward_new(struct sp_registry *g, struct sp_forward **ret_f)
{
	struct sp_forward *f = calloc(1, sizeof(*f));
	struct sp_hosts_scan scan;
	int r;

	if (f == NULL)
		return SP_ERR_NOMEM;
	f->g = g;
	f->quiet = event_new(g->base, -1, 0, forward_on_quiet_over, f);
	if (f->quiet == NULL) {
		free(f);
		return SP_ERR_NOMEM;
	}
	sp_hosts_scan_init(&scan, NULL, 0);
	scan.each = forward_on_entry;
	scan.ctx = f;
	r = sp_hosts_scan_file(&scan, SP_HOSTS_PATH, 0);
	if (r != 0 && r != SP_ERR_NOT_FOUND)
		sp_log_warn("%s was not as it should be and is made anew: %s", SP_HOSTS_PATH, sp_err_str(r));
	if (r != 0 && forward_write(f) != 0)
		sp_log_warn("%s cannot be written: %m", SP_HOSTS_PATH);
	*ret_f = f;
	return 0;
}
