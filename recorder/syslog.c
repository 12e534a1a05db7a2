/* SPDX-License-Identifier: Apache-2.0 */
#include "recorder/syslog.h"

#include <errno.h>
#include <event2/event.h>
#include <paths.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <syslog.h>
#include <unistd.h>

#include "lib/ipc.h"
#include "lib/text.h"
#include "recorder/recorder.h"
#include "runtime/log.h"

#define SP_SYSLOG_RETRY_MS 100

/* syslog(3) does not say whether a line was taken, so it is sent from here. */
struct sp_syslog {
	struct sp_recorder *rec;
	struct event *ev_retry;
	struct sp_report_list queue; /* not taken yet */
	size_t nqueue;
	uint64_t nlost;	  /* not even queued */
	int64_t since_ms; /* when the first of the queue was first tried */
	int fd;		  /* not connected: each line finds whoever listens then */
};

static const struct sockaddr_un sp_syslog_address = { .sun_family = AF_UNIX, .sun_path = _PATH_LOG };

int
sp_syslog_put(struct sp_buf *b, const char *name, const uint8_t *p, size_t n)
{
	struct sp_buf *v = sp_buf_new(2 * SP_SYSLOG_VALUE_MAX);
	int r = v == NULL ? SP_ERR_NOMEM : sp_text_escape(v, p, n, SP_SYSLOG_VALUE_MAX);

	if (r == 0)
		r = sp_buf_putf(b, " %s=\"", name);
	for (size_t i = 0; r == 0 && i < sp_buf_len(v); i++) {
		uint8_t c = sp_buf_data(v)[i];

		r = c == '"' ? sp_buf_putf(b, "\\x22") : sp_buf_put_u8(b, c);
	}
	if (r == 0)
		r = sp_buf_put_u8(b, '"');
	sp_buf_free(v);
	return r;
}

size_t
sp_syslog_line(const struct sp_report *r, time_t now, char line[SP_SYSLOG_LINE_MAX])
{
	char when[32] = "";
	struct tm tm;
	int n;

	if (localtime_r(&now, &tm) != NULL)
		(void)strftime(when, sizeof(when), "%b %e %H:%M:%S", &tm);
	/* The result comes first, so that no value can stand in for it, nor a long one push it off the end. */
	n = snprintf(line, SP_SYSLOG_LINE_MAX, "<%d>%s sallyport-recorder[%d]: res=%s %s",
	    LOG_AUTHPRIV | (r->is_success ? LOG_INFO : LOG_NOTICE), when, (int)getpid(),
	    r->is_success ? "success" : "failed", r->text);
	return n < 0 ? 0 : (size_t)n < SP_SYSLOG_LINE_MAX ? (size_t)n : SP_SYSLOG_LINE_MAX - 1;
}

static int
sp_syslog_send(const struct sp_syslog *s, const struct sp_report *r)
{
	char line[SP_SYSLOG_LINE_MAX];
	size_t n = sp_syslog_line(r, time(NULL), line);

	return sendto(s->fd, line, n, MSG_DONTWAIT | MSG_NOSIGNAL, (const struct sockaddr *)&sp_syslog_address,
		   sizeof(sp_syslog_address)) == (ssize_t)n ?
	    0 :
	    SP_ERR_SYSTEM;
}

/* Sends what waits, in order. SYSTEM: errno says why it cannot be now. */
static int
sp_syslog_flush(struct sp_syslog *s)
{
	struct sp_report *r;

	while ((r = STAILQ_FIRST(&s->queue)) != NULL) {
		if (sp_syslog_send(s, r) != 0)
			return SP_ERR_SYSTEM;
		STAILQ_REMOVE_HEAD(&s->queue, next);
		s->nqueue--;
		s->since_ms = 0;
		free(r);
	}
	if (s->nlost > 0) {
		r = sp_report_of(0, false, "op=sallyport:lost lines=%llu", (unsigned long long)s->nlost);
		if (r == NULL || sp_syslog_send(s, r) != 0) {
			free(r);
			return SP_ERR_SYSTEM;
		}
		sp_log_err("the syslog sink could not keep %llu lines for later: they are in the records alone",
		    (unsigned long long)s->nlost);
		s->nlost = 0;
		free(r);
	}
	return 0;
}

/* Tries, and says so when it has been in vain for too long. */
static void
sp_syslog_try(struct sp_syslog *s)
{
	struct timeval tv = { .tv_usec = SP_SYSLOG_RETRY_MS * 1000 };
	int64_t now = sp_ipc_now_ms();

	if (sp_syslog_flush(s) == 0)
		return;
	if (s->since_ms == 0)
		s->since_ms = now;
	if (now - s->since_ms >= SP_SYSLOG_GRACE_MS && s->rec->fault[0] == '\0')
		sp_recorder_failed(s->rec, "syslog");
	if (!event_pending(s->ev_retry, EV_TIMEOUT, NULL))
		(void)event_add(s->ev_retry, &tv);
}

static void
sp_syslog_on_retry(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	sp_syslog_try(arg);
}

static void
sp_syslog_take(void *state, struct sp_live *l, struct sp_report *r)
{
	struct sp_syslog *s = state;

	(void)l;
	if (s->nqueue == SP_SYSLOG_QUEUE_MAX) {
		s->nlost++;
		free(r);
		return;
	}
	STAILQ_INSERT_TAIL(&s->queue, r, next);
	if (s->nqueue++ == 0)
		sp_syslog_try(s);
}

static void
sp_syslog_retry(void *state)
{
	sp_syslog_try(state);
}

static void
sp_syslog_close(void *state)
{
	struct sp_syslog *s = state;

	if (sp_syslog_flush(s) != 0)
		sp_log_err("the syslog sink stops with %zu lines unsaid: they are in the records alone", s->nqueue);
	sp_report_clear(&s->queue);
	if (s->ev_retry != NULL)
		event_free(s->ev_retry);
	if (s->fd >= 0)
		(void)close(s->fd);
	free(s);
}

static int
sp_syslog_open(struct sp_recorder *rec, void **ret_state)
{
	struct sp_syslog *s = calloc(1, sizeof(*s));
	int probe = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0), r = 0;

	if (s == NULL || probe < 0 ||
	    connect(probe, (const struct sockaddr *)&sp_syslog_address, sizeof(sp_syslog_address)) != 0) {
		sp_log_err("sink syslog: nobody listens at %s: %m", _PATH_LOG);
		r = SP_ERR_SYSTEM;
	}
	if (probe >= 0)
		(void)close(probe);
	if (r != 0) {
		free(s);
		return r;
	}
	tzset();
	s->rec = rec;
	STAILQ_INIT(&s->queue);
	s->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	s->ev_retry = event_new(rec->base, -1, 0, sp_syslog_on_retry, s);
	if (s->fd < 0 || s->ev_retry == NULL) {
		sp_syslog_close(s);
		return SP_ERR_SYSTEM;
	}
	*ret_state = s;
	return 0;
}

const struct sp_sink sp_syslog_sink = {
	.name = "syslog",
	.put = sp_syslog_put,
	.open = sp_syslog_open,
	.close = sp_syslog_close,
	.take = sp_syslog_take,
	.retry = sp_syslog_retry,
};
