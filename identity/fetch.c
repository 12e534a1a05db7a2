/* SPDX-License-Identifier: Apache-2.0 */
#include "identity/fetch.h"

#include <curl/curl.h>
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/queue.h>

struct sp_fetch_job {
	LIST_ENTRY(sp_fetch_job) next;
	struct sp_fetch *f;
	CURL *easy;
	struct sp_buf *body;
	int64_t max_age;
	sp_fetch_done *done;
	void *ctx;
	char error[CURL_ERROR_SIZE];
};

struct sp_fetch {
	struct event_base *base;
	struct event *timer;
	CURLM *multi;
	LIST_HEAD(, sp_fetch_job) jobs;
};

static void
sp_fetch_job_free(struct sp_fetch_job *job)
{
	LIST_REMOVE(job, next);
	(void)curl_multi_remove_handle(job->f->multi, job->easy);
	curl_easy_cleanup(job->easy);
	sp_buf_free(job->body);
	free(job);
}

/* Tells the owner of a job that is over and frees it. */
static void
sp_fetch_finish(struct sp_fetch_job *job, CURLcode code)
{
	struct sp_view body = {sp_buf_data(job->body), sp_buf_len(job->body)};
	struct sp_reason why = {""};
	long status = 0;
	int err = 0;

	(void)curl_easy_getinfo(job->easy, CURLINFO_RESPONSE_CODE, &status);
	if (sp_buf_error(job->body) == SP_ERR_LIMIT || code == CURLE_FILESIZE_EXCEEDED)
		err = sp_reason_set(&why, SP_ERR_LIMIT, "answer of more than %zu bytes", SP_FETCH_BODY_MAX);
	else if (code == CURLE_OPERATION_TIMEDOUT)
		err = sp_reason_set(&why, SP_ERR_TIMEOUT, "no answer in time: %s", job->error);
	else if (code != CURLE_OK)
		err = sp_reason_set(
		    &why, SP_ERR_UNAVAILABLE, "%s", job->error[0] != '\0' ? job->error : curl_easy_strerror(code));
	else if (status != 200)
		err = sp_reason_set(&why, SP_ERR_UNAVAILABLE, "HTTP status %ld", status);
	job->done(job->ctx, err, body, job->max_age, &why);
	sp_fetch_job_free(job);
}

static void
sp_fetch_check(struct sp_fetch *f)
{
	CURLMsg *msg;
	int left;

	while ((msg = curl_multi_info_read(f->multi, &left)) != NULL) {
		char *p = NULL;

		if (msg->msg != CURLMSG_DONE)
			continue;
		if (curl_easy_getinfo(msg->easy_handle, CURLINFO_PRIVATE, &p) == CURLE_OK && p != NULL)
			sp_fetch_finish((struct sp_fetch_job *)(void *)p, msg->data.result);
	}
}

static void
sp_fetch_on_socket_ready(evutil_socket_t fd, short what, void *arg)
{
	int flags = (what & EV_READ ? CURL_CSELECT_IN : 0) | (what & EV_WRITE ? CURL_CSELECT_OUT : 0), running;
	struct sp_fetch *f = arg;

	(void)curl_multi_socket_action(f->multi, fd, flags, &running);
	sp_fetch_check(f);
}

static void
sp_fetch_on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct sp_fetch *f = arg;
	int running;

	(void)fd;
	(void)what;
	(void)curl_multi_socket_action(f->multi, CURL_SOCKET_TIMEOUT, 0, &running);
	sp_fetch_check(f);
}

/* libcurl says which sockets to watch. */
static int
sp_fetch_watch(CURL *easy, curl_socket_t fd, int what, void *arg, void *socket_arg)
{
	struct sp_fetch *f = arg;
	struct event *ev = socket_arg;
	short flags = EV_PERSIST;

	(void)easy;
	if (ev != NULL)
		event_free(ev);
	ev = NULL;
	if (what != CURL_POLL_REMOVE) {
		flags |= what & CURL_POLL_IN ? EV_READ : 0;
		flags |= what & CURL_POLL_OUT ? EV_WRITE : 0;
		ev = event_new(f->base, fd, flags, sp_fetch_on_socket_ready, f);
		if (ev != NULL && event_add(ev, NULL) != 0) {
			event_free(ev);
			ev = NULL;
		}
	}
	(void)curl_multi_assign(f->multi, fd, ev);
	return what != CURL_POLL_REMOVE && ev == NULL ? -1 : 0;
}

static int
sp_fetch_set_timer(CURLM *multi, long ms, void *arg)
{
	struct timeval tv = {ms / 1000, ms % 1000 * 1000};
	struct sp_fetch *f = arg;

	(void)multi;
	if (ms < 0)
		return event_del(f->timer);
	return event_add(f->timer, &tv);
}

static size_t
sp_fetch_on_body(char *p, size_t size, size_t n, void *arg)
{
	struct sp_fetch_job *job = arg;

	return sp_buf_put(job->body, p, size * n) == 0 ? size * n : 0;
}

/* Cache-Control: max-age, no-store, no-cache (RFC 9111 section 5.2.2). */
static size_t
sp_fetch_on_header(char *p, size_t size, size_t n, void *arg)
{
	static const char name[] = "cache-control:";
	struct sp_fetch_job *job = arg;
	char line[256], *save = NULL;
	size_t len = size * n;

	if (len < sizeof(name) - 1 || len >= sizeof(line) || strncasecmp(p, name, sizeof(name) - 1) != 0)
		return len;
	memcpy(line, p, len);
	line[len] = '\0';
	for (char *t = strtok_r(line + sizeof(name) - 1, ", \t\r\n", &save); t != NULL;
	     t = strtok_r(NULL, ", \t\r\n", &save)) {
		if (strcasecmp(t, "no-store") == 0 || strcasecmp(t, "no-cache") == 0)
			job->max_age = 0;
		else if (strncasecmp(t, "max-age=", 8) == 0 && job->max_age != 0)
			job->max_age = strtol(t + 8, NULL, 10) < 0 ? 0 : strtol(t + 8, NULL, 10);
	}
	return len;
}

int
sp_fetch_new(struct event_base *base, struct sp_fetch **ret_f)
{
	struct sp_fetch *f = calloc(1, sizeof(*f));

	if (f == NULL)
		return SP_ERR_NOMEM;
	LIST_INIT(&f->jobs);
	f->base = base;
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
		free(f);
		return SP_ERR_SYSTEM;
	}
	f->timer = evtimer_new(base, sp_fetch_on_timer, f);
	f->multi = curl_multi_init();
	if (f->timer == NULL || f->multi == NULL ||
	    curl_multi_setopt(f->multi, CURLMOPT_SOCKETFUNCTION, sp_fetch_watch) != CURLM_OK ||
	    curl_multi_setopt(f->multi, CURLMOPT_SOCKETDATA, f) != CURLM_OK ||
	    curl_multi_setopt(f->multi, CURLMOPT_TIMERFUNCTION, sp_fetch_set_timer) != CURLM_OK ||
	    curl_multi_setopt(f->multi, CURLMOPT_TIMERDATA, f) != CURLM_OK) {
		sp_fetch_free(f);
		return SP_ERR_NOMEM;
	}
	*ret_f = f;
	return 0;
}

void
sp_fetch_free(struct sp_fetch *f)
{
	struct sp_fetch_job *job, *next;

	if (f == NULL)
		return;
	for (job = LIST_FIRST(&f->jobs); job != NULL; job = next) {
		next = LIST_NEXT(job, next);
		sp_fetch_job_free(job);
	}
	if (f->multi != NULL)
		(void)curl_multi_cleanup(f->multi);
	if (f->timer != NULL)
		event_free(f->timer);
	curl_global_cleanup();
	free(f);
}

/* Every option that matters for safety is set here and must be taken. */
static CURLcode
sp_fetch_options(struct sp_fetch_job *job, const char *url, const char *ca_pem)
{
	struct curl_blob blob = {NULL, 0, CURL_BLOB_NOCOPY};
	CURL *e = job->easy;
	CURLcode c = curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, "https");

#define SP_FETCH_SET(option, value) \
	if (c == CURLE_OK)          \
	c = curl_easy_setopt(e, (option), (value))

	SP_FETCH_SET(CURLOPT_URL, url);
	SP_FETCH_SET(CURLOPT_FOLLOWLOCATION, 0L);
	SP_FETCH_SET(CURLOPT_PROXY, "");
	SP_FETCH_SET(CURLOPT_NOSIGNAL, 1L);
	SP_FETCH_SET(CURLOPT_CONNECTTIMEOUT_MS, SP_FETCH_CONNECT_MS);
	SP_FETCH_SET(CURLOPT_TIMEOUT_MS, SP_FETCH_TOTAL_MS);
	SP_FETCH_SET(CURLOPT_SSL_VERIFYPEER, 1L);
	SP_FETCH_SET(CURLOPT_SSL_VERIFYHOST, 2L);
	SP_FETCH_SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	SP_FETCH_SET(CURLOPT_MAXFILESIZE, (long)SP_FETCH_BODY_MAX);
	SP_FETCH_SET(CURLOPT_USERAGENT, "sallyport");
	SP_FETCH_SET(CURLOPT_ERRORBUFFER, job->error);
	SP_FETCH_SET(CURLOPT_PRIVATE, job);
	SP_FETCH_SET(CURLOPT_WRITEFUNCTION, sp_fetch_on_body);
	SP_FETCH_SET(CURLOPT_WRITEDATA, job);
	SP_FETCH_SET(CURLOPT_HEADERFUNCTION, sp_fetch_on_header);
	SP_FETCH_SET(CURLOPT_HEADERDATA, job);
	if (ca_pem != NULL) {
		blob.data = (void *)(uintptr_t)ca_pem;
		blob.len = strlen(ca_pem);
		SP_FETCH_SET(CURLOPT_CAINFO_BLOB, &blob);
		SP_FETCH_SET(CURLOPT_CAPATH, NULL);
	}
#undef SP_FETCH_SET
	return c;
}

int
sp_fetch_get(
    struct sp_fetch *f, const char *url, const char *ca_pem, sp_fetch_done *done, void *ctx, struct sp_reason *why)
{
	struct sp_fetch_job *job;

	if (strncmp(url, "https://", 8) != 0 || strlen(url) > SP_FETCH_URL_MAX)
		return sp_reason_set(why, SP_ERR_INVALID, "not an https URL");
	job = calloc(1, sizeof(*job));
	if (job == NULL)
		return SP_ERR_NOMEM;
	job->f = f;
	job->done = done;
	job->ctx = ctx;
	job->max_age = -1;
	job->easy = curl_easy_init();
	job->body = sp_buf_new(SP_FETCH_BODY_MAX);
	if (job->easy == NULL || job->body == NULL || sp_fetch_options(job, url, ca_pem) != CURLE_OK ||
	    curl_multi_add_handle(f->multi, job->easy) != CURLM_OK) {
		curl_easy_cleanup(job->easy);
		sp_buf_free(job->body);
		free(job);
		return sp_reason_set(why, SP_ERR_NOMEM, "fetch cannot be started");
	}
	LIST_INSERT_HEAD(&f->jobs, job, next);
	return 0;
}
