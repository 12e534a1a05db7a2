/* SPDX-License-Identifier: Apache-2.0 */
#include "control/feed.h"

#include <errno.h>
#include <event2/event.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "policy/image.h"
#include "policy/source.h"
#include "runtime/log.h"
#include "runtime/memfd.h"

#define SP_FEED_LOG_LINES 20 /* diagnostics logged for one bad directory */
#define SP_FEED_ERROR_MAX 512

struct sp_feed {
	char *dir;
	struct sp_store *store;
	sp_feed_changed *cb;
	void *ctx;
	int watch_fd;
	struct event *watch;
	struct event *settle;
	/* The policy in force. */
	struct sp_policy_image *image;
	const void *map;
	size_t map_len;
	int fd;
	uint64_t version;
	uint8_t digest[SP_STORE_DIGEST_LEN];
	char error[SP_FEED_ERROR_MAX];
};

const struct sp_policy_image *
sp_feed_image(const struct sp_feed *f)
{
	return f->image;
}

int
sp_feed_fd(const struct sp_feed *f)
{
	return f->fd;
}

uint64_t
sp_feed_version(const struct sp_feed *f)
{
	return f->version;
}

const uint8_t *
sp_feed_digest(const struct sp_feed *f)
{
	return f->digest;
}

const char *
sp_feed_error(const struct sp_feed *f)
{
	return f->error;
}

static int
sp_feed_hash(const struct sp_buf *b, uint8_t out[SP_STORE_DIGEST_LEN])
{
	return EVP_Digest(sp_buf_data(b), sp_buf_len(b), out, NULL, EVP_sha256(), NULL) == 1 ? 0 : SP_ERR_CRYPTO;
}

/* Puts a compiled image in force. */
static int
sp_feed_install(struct sp_feed *f, const struct sp_buf *bytes, uint64_t version)
{
	struct sp_policy_image *image = NULL;
	const void *map = NULL;
	size_t len = 0;
	int fd = -1, r;

	r = sp_memfd_sealed("sallyport-policy", sp_buf_data(bytes), sp_buf_len(bytes), &fd);
	if (r == 0)
		r = sp_memfd_map(fd, SP_BUF_MAX, &map, &len);
	if (r == 0)
		r = sp_policy_image_open(map, len, &image);
	if (r == 0)
		r = sp_feed_hash(bytes, f->digest);
	if (r != 0) {
		sp_policy_image_free(image);
		if (map != NULL)
			(void)munmap((void *)(uintptr_t)map, len);
		if (fd >= 0)
			(void)close(fd);
		return r;
	}
	sp_policy_image_free(f->image);
	if (f->map != NULL)
		(void)munmap((void *)(uintptr_t)f->map, f->map_len);
	if (f->fd >= 0)
		(void)close(f->fd);
	f->image = image;
	f->map = map;
	f->map_len = len;
	f->fd = fd;
	f->version = version;
	return 0;
}

/* Compiles src twice: first to know what it says (version 0), then with the number that this gets. */
static int
sp_feed_compile(struct sp_feed *f, struct sp_policy_source *src, struct sp_buf *bytes, uint64_t *ret_version)
{
	uint8_t digest[SP_STORE_DIGEST_LEN];
	size_t passed, failed = 0;
	int r = sp_policy_source_compile(src, 0, bytes);

	if (r == 0)
		r = sp_policy_source_test(src, sp_buf_data(bytes), sp_buf_len(bytes), time(NULL), NULL, NULL, &passed, &failed);
	if (r == 0 && failed > 0)
		r = SP_ERR_FORMAT;
	if (r == 0)
		r = sp_feed_hash(bytes, digest);
	if (r == 0)
		r = sp_store_policy_version(f->store, digest, ret_version);
	if (r != 0)
		return r;
	sp_buf_reset(bytes);
	return sp_policy_source_compile(src, *ret_version, bytes);
}

/* Says what is wrong with the directory: to the log, to out, and the first of it in f->error. */
static void
sp_feed_complain(struct sp_feed *f, const struct sp_policy_source *src, int err, struct sp_buf *out)
{
	const struct sp_diags *d = src == NULL ? NULL : sp_policy_source_diags(src);
	size_t kept = d == NULL ? 0 : sp_diags_kept(d);

	(void)snprintf(f->error, sizeof(f->error), "%s: %s", f->dir, sp_err_str(err));
	if (kept == 0) {
		sp_log_err("policy: %s; the policy in force stays", f->error);
		if (out != NULL)
			sp_buf_putf(out, "%s\n", f->error);
		return;
	}
	for (size_t i = 0; i < kept; i++) {
		const struct sp_diag *g = sp_diags_at(d, i);

		if (i == 0)
			(void)snprintf(f->error, sizeof(f->error), "%s:%u:%u: %s", g->file, g->line, g->column, g->message);
		if (i < SP_FEED_LOG_LINES)
			sp_log_err("policy: %s:%u:%u: %s%s%s%s", g->file, g->line, g->column, g->message,
			    g->suggestion[0] == 0 ? "" : " (", g->suggestion, g->suggestion[0] == 0 ? "" : ")");
	}
	sp_log_err("policy: %zu error%s: nothing changes, version %llu stays in force", sp_diags_count(d),
	    sp_diags_count(d) == 1 ? "" : "s", (unsigned long long)f->version);
	if (out != NULL)
		(void)sp_diags_format(d, out);
}

int
sp_feed_reload(struct sp_feed *f, struct sp_buf *out)
{
	struct sp_policy_source *src = sp_policy_source_new();
	struct sp_buf *bytes = sp_buf_new(0);
	uint64_t version = 0;
	int r = SP_ERR_NOMEM;

	if (src == NULL || bytes == NULL)
		goto out;
	r = sp_policy_source_add_dir(src, f->dir);
	if (r == 0)
		r = sp_feed_compile(f, src, bytes, &version);
	if (r == 0 && (f->image == NULL || version != f->version)) {
		r = sp_feed_install(f, bytes, version);
		if (r == 0) {
			sp_log_info("policy: version %llu is in force (%zu connections, %zu rules)",
			    (unsigned long long)version, sp_policy_image_connections(f->image),
			    sp_policy_image_rules(f->image));
			f->error[0] = 0;
			f->cb(f->ctx);
		}
	}
	if (r == 0)
		f->error[0] = 0;
out:
	if (r != 0)
		sp_feed_complain(f, src, r, out);
	sp_buf_free(bytes);
	sp_policy_source_free(src);
	return r;
}

static void
sp_feed_settled(evutil_socket_t fd, short what, void *ctx)
{
	(void)fd;
	(void)what;
	/* What is wrong was logged; the policy in force stays. */
	(void)!sp_feed_reload(ctx, NULL);
}

/* Something changed in the directory: wait until it is quiet. */
static void
sp_feed_noticed(evutil_socket_t fd, short what, void *ctx)
{
	struct sp_feed *f = ctx;
	struct timeval tv = {0, SP_FEED_SETTLE_MS * 1000};
	char buf[4096] __attribute__((aligned(__alignof__(struct inotify_event))));

	(void)what;
	while (read(fd, buf, sizeof(buf)) > 0)
		;
	(void)evtimer_add(f->settle, &tv);
}

int
sp_feed_new(struct event_base *base, const char *dir, struct sp_store *store, sp_feed_changed *cb, void *ctx,
    struct sp_feed **ret_f)
{
	struct sp_feed *f = calloc(1, sizeof(*f));
	int r = SP_ERR_NOMEM;

	if (f == NULL)
		return r;
	f->fd = f->watch_fd = -1;
	f->store = store;
	f->cb = cb;
	f->ctx = ctx;
	f->dir = strdup(dir);
	if (f->dir == NULL)
		goto out;
	r = SP_ERR_SYSTEM;
	f->watch_fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (f->watch_fd < 0 || inotify_add_watch(f->watch_fd, dir,
	    IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_ATTRIB | IN_ONLYDIR) < 0)
		goto out;
	r = SP_ERR_NOMEM;
	f->watch = event_new(base, f->watch_fd, EV_READ | EV_PERSIST, sp_feed_noticed, f);
	f->settle = evtimer_new(base, sp_feed_settled, f);
	if (f->watch == NULL || f->settle == NULL || event_add(f->watch, NULL) != 0)
		goto out;
	*ret_f = f;
	(void)!sp_feed_reload(f, NULL);
	return 0;
out:
	sp_feed_free(f);
	return r;
}

void
sp_feed_free(struct sp_feed *f)
{
	if (f == NULL)
		return;
	if (f->watch != NULL)
		event_free(f->watch);
	if (f->settle != NULL)
		event_free(f->settle);
	if (f->watch_fd >= 0)
		(void)close(f->watch_fd);
	sp_policy_image_free(f->image);
	if (f->map != NULL)
		(void)munmap((void *)(uintptr_t)f->map, f->map_len);
	if (f->fd >= 0)
		(void)close(f->fd);
	free(f->dir);
	free(f);
}
