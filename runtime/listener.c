/* SPDX-License-Identifier: Apache-2.0 */
/* The listening side of runtime/peer.h. */
#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "runtime/log.h"
#include "runtime/peer.h"

#define SP_LISTENER_BACKLOG 128
#define SP_LISTENER_TURN_MAX 16	 /* accepted before other events get their turn */
#define SP_LISTENER_WARN_MS 1000 /* between two lines about refused connections: nobody can flood the log */
#define SP_LISTENER_PAUSE_MS 100 /* after accept(2) failed for want of descriptors or memory */

/* Connections alive of one uid. */
struct sp_listener_share {
	uid_t uid;
	unsigned clients; /* 0: the slot is free */
};

struct sp_listener {
	struct event *ev_accept;
	struct event *ev_pause;
	sp_listener_accept *cb;
	void *ctx;
	unsigned clients;
	unsigned max_clients;
	struct sp_listener_share *shares; /* max_clients of them, once there is a limit for each uid */
	unsigned max_of_uid;
	int64_t warned_ms; /* when a refusal was last logged */
	int fd;
};

static int
sp_listener_fail(int fd, const char *tmp, int err)
{
	int saved = errno;

	if (fd >= 0)
		(void)close(fd);
	if (tmp != NULL)
		(void)unlink(tmp);
	errno = saved;
	return err;
}

/*
 * Binds beside the path with the final mode and owner and renames, so that there is never a moment with
 * no socket, or with one that others than meant can reach.
 */
static int
sp_listener_bind(const char *path, mode_t mode, uid_t uid, gid_t gid, int *ret_fd)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	int n = snprintf(sun.sun_path, sizeof(sun.sun_path), "%s.new", path);
	struct stat st;
	mode_t mask;
	int fd, r;

	if (n < 0 || (size_t)n >= sizeof(sun.sun_path))
		return SP_ERR_INVALID;
	if (lstat(path, &st) == 0 && !S_ISSOCK(st.st_mode))
		return SP_ERR_EXISTS;
	if (unlink(sun.sun_path) != 0 && errno != ENOENT)
		return SP_ERR_SYSTEM;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return SP_ERR_SYSTEM;
	mask = umask(0777);
	r = bind(fd, (struct sockaddr *)&sun, sizeof(sun));
	(void)umask(mask);
	if (r != 0)
		return sp_listener_fail(fd, NULL, SP_ERR_SYSTEM);
	if ((uid != (uid_t)-1 || gid != (gid_t)-1) && lchown(sun.sun_path, uid, gid) != 0)
		return sp_listener_fail(fd, sun.sun_path, SP_ERR_SYSTEM);
	if (chmod(sun.sun_path, mode) != 0 || listen(fd, SP_LISTENER_BACKLOG) != 0 || rename(sun.sun_path, path) != 0)
		return sp_listener_fail(fd, sun.sun_path, SP_ERR_SYSTEM);
	*ret_fd = fd;
	return 0;
}

static void
sp_listener_on_pause_over(evutil_socket_t fd, short what, void *arg)
{
	struct sp_listener *l = arg;

	(void)fd;
	(void)what;
	if (l->clients < l->max_clients)
		(void)event_add(l->ev_accept, NULL);
}

static void
sp_listener_pause(struct sp_listener *l)
{
	struct timeval tv = {.tv_usec = SP_LISTENER_PAUSE_MS * 1000};

	sp_log_err("accept: %m");
	(void)event_del(l->ev_accept);
	(void)event_add(l->ev_pause, &tv);
}

/* The uid's slot, or with add a free one; there are as many as connections, so one is always found then. */
static struct sp_listener_share *
sp_listener_share(struct sp_listener *l, uid_t uid, bool add)
{
	struct sp_listener_share *free_slot = NULL;

	for (unsigned i = 0; l->shares != NULL && i < l->max_clients; i++) {
		if (l->shares[i].clients > 0 && l->shares[i].uid == uid)
			return &l->shares[i];
		if (l->shares[i].clients == 0 && free_slot == NULL)
			free_slot = &l->shares[i];
	}
	if (free_slot != NULL)
		free_slot->uid = uid;
	return add ? free_slot : NULL;
}

/* Counts one more connection of uid; false if it has too many. */
static bool
sp_listener_admit(struct sp_listener *l, uid_t uid)
{
	struct sp_listener_share *share;

	if (l->max_of_uid == 0)
		return true;
	share = sp_listener_share(l, uid, true);
	if (share == NULL || (uid != 0 && share->clients >= l->max_of_uid))
		return false;
	share->clients++;
	return true;
}

static void
sp_listener_refuse(struct sp_listener *l, int fd, uid_t uid)
{
	int64_t now = sp_ipc_now_ms();

	(void)close(fd);
	if (l->warned_ms != 0 && now - l->warned_ms < SP_LISTENER_WARN_MS)
		return;
	l->warned_ms = now;
	sp_log_warn("uid %u has %u connections: further ones are refused", (unsigned)uid, l->max_of_uid);
}

static void
sp_listener_on_accept(evutil_socket_t lfd, short what, void *arg)
{
	struct sp_listener *l = arg;

	(void)what;
	for (unsigned i = 0; i < SP_LISTENER_TURN_MAX && l->clients < l->max_clients; i++) {
		int fd = accept4(lfd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
		struct sp_peer_cred cred;

		if (fd < 0 && (errno == EINTR || errno == ECONNABORTED))
			continue;
		if (fd < 0) {
			if (errno != EAGAIN && errno != EWOULDBLOCK)
				sp_listener_pause(l);
			return;
		}
		if (sp_cred_of_socket(fd, &cred) != 0) {
			(void)close(fd);
			continue;
		}
		if (!sp_listener_admit(l, cred.uid)) {
			sp_listener_refuse(l, fd, cred.uid);
			continue;
		}
		l->clients++;
		l->cb(fd, &cred, l->ctx);
	}
	if (l->clients >= l->max_clients) {
		sp_log_warn("%u clients are connected: further ones wait", l->clients);
		(void)event_del(l->ev_accept);
	}
}

int
sp_listener_new(struct event_base *base, const char *path, mode_t mode, uid_t uid, gid_t gid, int listen_fd,
    unsigned max_clients, sp_listener_accept *cb, void *ctx, struct sp_listener **ret_l)
{
	struct sp_listener *l = calloc(1, sizeof(*l));
	int r = 0;

	if (l == NULL)
		return SP_ERR_NOMEM;
	l->fd = listen_fd;
	l->cb = cb;
	l->ctx = ctx;
	l->max_clients = max_clients;
	if (listen_fd < 0)
		r = sp_listener_bind(path, mode, uid, gid, &l->fd);
	else if (fcntl(listen_fd, F_SETFD, FD_CLOEXEC) != 0 || fcntl(listen_fd, F_SETFL, O_RDWR | O_NONBLOCK) != 0)
		r = SP_ERR_SYSTEM;
	if (r == 0) {
		l->ev_accept = event_new(base, l->fd, EV_READ | EV_PERSIST, sp_listener_on_accept, l);
		l->ev_pause = event_new(base, -1, 0, sp_listener_on_pause_over, l);
		if (l->ev_accept == NULL || l->ev_pause == NULL || event_add(l->ev_accept, NULL) != 0)
			r = SP_ERR_NOMEM;
	}
	if (r != 0) {
		int saved = errno;

		if (listen_fd >= 0)
			l->fd = -1; /* stays the caller's */
		sp_listener_free(l);
		errno = saved;
		return r;
	}
	*ret_l = l;
	return 0;
}

void
sp_listener_release(struct sp_listener *l)
{
	if (l->clients > 0)
		l->clients--;
	if (l->clients < l->max_clients && !event_pending(l->ev_pause, EV_TIMEOUT, NULL))
		(void)event_add(l->ev_accept, NULL);
}

void
sp_listener_limit_uid(struct sp_listener *l, unsigned max)
{
	if (l->shares == NULL)
		l->shares = calloc(l->max_clients, sizeof(*l->shares));
	l->max_of_uid = max; /* without memory for the shares nobody is admitted: closed, not open */
}

void
sp_listener_release_uid(struct sp_listener *l, uid_t uid)
{
	struct sp_listener_share *share = sp_listener_share(l, uid, false);

	if (share != NULL)
		share->clients--;
	sp_listener_release(l);
}

void
sp_listener_free(struct sp_listener *l)
{
	if (l == NULL)
		return;
	if (l->ev_accept != NULL)
		event_free(l->ev_accept);
	if (l->ev_pause != NULL)
		event_free(l->ev_pause);
	if (l->fd >= 0)
		(void)close(l->fd);
	free(l->shares);
	free(l);
}
