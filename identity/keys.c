/* SPDX-License-Identifier: Apache-2.0 */
#include "identity/keys.h"

#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "identity/fetch.h"
#include "identity/json.h"
#include "identity/jwk.h"
#include "identity/keyfile.h"
#include "runtime/log.h"

#define SP_KEYS_DISCOVERY "/.well-known/openid-configuration"

/* One issuer. */
struct sp_keys_entry {
	struct sp_keys *keys;
	const struct sp_issuer *is;
	struct sp_jwk_set *set; /* NULL: none yet */
	struct event *timer;	/* the next refresh */
	int64_t fetched;	/* seconds, CLOCK_REALTIME: it outlives a restart */
	int64_t ttl;
	int64_t unknown_at; /* when an unknown kid last caused a refresh */
	int64_t tried_at;   /* when a refresh was last started */
	unsigned failures;  /* in a row */
	bool is_busy;	    /* a refresh is under way: there is only ever one */
};

struct sp_keys {
	struct sp_fetch *fetch;
	const char *directory;
	sp_keys_refreshed *cb;
	void *ctx;
	size_t count;
	struct sp_keys_entry entry[SP_ISSUER_MAX];
};

static void sp_keys_start(struct sp_keys_entry *e);

static void
sp_keys_schedule(struct sp_keys_entry *e, int64_t seconds)
{
	struct timeval tv = {seconds, 0};

	if (event_add(e->timer, &tv) != 0)
		sp_log_err("issuer %s: no timer for the next refresh", e->is->issuer);
}

static int64_t
sp_keys_retry(const struct sp_keys_entry *e)
{
	int64_t wait = SP_KEYS_RETRY_MIN;

	for (unsigned i = 1; i < e->failures && wait < SP_KEYS_RETRY_MAX; i++)
		wait *= 2;
	return wait < SP_KEYS_RETRY_MAX ? wait : SP_KEYS_RETRY_MAX;
}

static void
sp_keys_failed(struct sp_keys_entry *e, const char *what, const struct sp_reason *why)
{
	e->is_busy = false;
	e->failures++;
	sp_log_warn(
	    "issuer %s: %s: %s; next try in %lld s", e->is->issuer, what, why->text, (long long)sp_keys_retry(e));
	sp_keys_schedule(e, sp_keys_retry(e));
	e->keys->cb(e->keys->ctx, e->is, false);
}

static bool
sp_keys_has_kid(const struct sp_jwk_set *set, const char *kid)
{
	for (size_t i = 0; set != NULL && i < sp_jwk_set_count(set); i++) {
		const char *k = sp_jwk_kid(sp_jwk_set_at(set, i));

		if (k != NULL && strcmp(k, kid) == 0)
			return true;
	}
	return false;
}

/* Puts a new set in place; says which keys came and went, which is worth an operator's look. */
static void
sp_keys_replace(struct sp_keys_entry *e, struct sp_jwk_set *set)
{
	for (size_t i = 0; i < sp_jwk_set_count(set); i++) {
		const char *kid = sp_jwk_kid(sp_jwk_set_at(set, i));

		if (e->set != NULL && kid != NULL && !sp_keys_has_kid(e->set, kid))
			sp_log_info("issuer %s: new key %s", e->is->issuer, kid);
	}
	for (size_t i = 0; e->set != NULL && i < sp_jwk_set_count(e->set); i++) {
		const char *kid = sp_jwk_kid(sp_jwk_set_at(e->set, i));

		if (kid != NULL && !sp_keys_has_kid(set, kid))
			sp_log_info("issuer %s: key %s is gone", e->is->issuer, kid);
	}
	sp_jwk_set_free(e->set);
	e->set = set;
}

static int64_t
sp_keys_ttl(int64_t max_age)
{
	if (max_age < SP_KEYS_TTL_MIN)
		return SP_KEYS_TTL_MIN;
	return max_age > SP_KEYS_TTL_MAX ? SP_KEYS_TTL_MAX : max_age;
}

static void
sp_keys_on_jwks(void *ctx, int err, struct sp_view body, int64_t max_age, const struct sp_reason *fetch_why)
{
	struct sp_keys_entry *e = ctx;
	struct sp_jwk_set *set = NULL;
	struct sp_reason why = *fetch_why;
	bool is_news;

	if (err == 0)
		err = sp_jwk_set_parse(body.data, body.len, &why, &set);
	if (err != 0) {
		sp_keys_failed(e, "its keys", &why);
		return;
	}
	if (sp_jwk_set_refused(set) > 0)
		sp_log_info(
		    "issuer %s: %zu keys left out, the last: %s", e->is->issuer, sp_jwk_set_refused(set), why.text);
	is_news = e->set == NULL || e->failures > 0;
	e->is_busy = false;
	e->failures = 0;
	e->fetched = time(NULL);
	e->ttl = sp_keys_ttl(max_age);
	sp_keys_replace(e, set);
	sp_log(is_news ? LOG_INFO : LOG_DEBUG, "issuer %s: %zu keys for %lld s", e->is->issuer, sp_jwk_set_count(set),
	    (long long)e->ttl);
	if (sp_keyfile_save(e->keys->directory, e->is->issuer, e->fetched, e->ttl, body, &why) != 0)
		sp_log_warn("issuer %s: keys not kept on disk: %s", e->is->issuer, why.text);
	sp_keys_schedule(e, e->ttl);
	e->keys->cb(e->keys->ctx, e->is, true);
}

/* The discovery document: it must be the issuer's own (OpenID Connect Discovery 4.3). */
static void
sp_keys_on_discovery(void *ctx, int err, struct sp_view body, int64_t max_age, const struct sp_reason *fetch_why)
{
	const char *issuer = NULL, *uri = NULL;
	struct sp_keys_entry *e = ctx;
	struct sp_reason why = *fetch_why;
	json_t *doc = NULL;

	(void)max_age;
	if (err == 0)
		err = sp_json_object(body.data, body.len, SP_FETCH_BODY_MAX, &why, &doc);
	if (err == 0)
		err = sp_json_string(doc, "issuer", &why, &issuer);
	if (err == 0)
		err = sp_json_string(doc, "jwks_uri", &why, &uri);
	if (err == 0 && (issuer == NULL || strcmp(issuer, e->is->issuer) != 0))
		err = sp_reason_set(&why, SP_ERR_DENIED, "it names another issuer");
	if (err == 0 && uri == NULL)
		err = sp_reason_set(&why, SP_ERR_FORMAT, "it has no jwks_uri");
	if (err == 0)
		err = sp_fetch_get(e->keys->fetch, uri, e->is->ca_pem, sp_keys_on_jwks, e, &why);
	json_decref(doc);
	if (err != 0)
		sp_keys_failed(e, "discovery", &why);
}

static void
sp_keys_start(struct sp_keys_entry *e)
{
	size_t n = strlen(e->is->issuer);
	char url[SP_FETCH_URL_MAX];
	struct sp_reason why = {""};
	int r = SP_ERR_LIMIT;

	if (e->is_busy)
		return;
	e->is_busy = true;
	e->tried_at = time(NULL);
	while (n > 0 && e->is->issuer[n - 1] == '/')
		n--;
	if (snprintf(url, sizeof(url), "%.*s" SP_KEYS_DISCOVERY, (int)n, e->is->issuer) < (int)sizeof(url))
		r = sp_fetch_get(e->keys->fetch, url, e->is->ca_pem, sp_keys_on_discovery, e, &why);
	if (r != 0) {
		e->is_busy = false;
		e->failures++;
		sp_log_err("issuer %s: %s: %s", e->is->issuer, sp_err_str(r), why.text);
		sp_keys_schedule(e, sp_keys_retry(e));
	}
}

static void
sp_keys_on_timer(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	sp_keys_start(arg);
}

/* Keys of an earlier run, if they are still within their time. */
static void
sp_keys_load(struct sp_keys_entry *e)
{
	struct sp_buf *b = sp_buf_new(SP_JWK_SET_BYTES);
	int64_t fetched = 0, ttl = 0, now = time(NULL);
	struct sp_reason why = {""};
	int r = b == NULL ? SP_ERR_NOMEM : sp_keyfile_load(e->keys->directory, e->is->issuer, &fetched, &ttl, b, &why);

	if (r == 0 && (fetched > now || ttl < SP_KEYS_TTL_MIN || ttl > SP_KEYS_TTL_MAX))
		r = sp_reason_set(&why, SP_ERR_INVALID, "its times cannot be right");
	if (r == 0)
		r = sp_jwk_set_parse(sp_buf_data(b), sp_buf_len(b), &why, &e->set);
	if (r == 0) {
		e->fetched = fetched;
		e->ttl = ttl;
		sp_log_info("issuer %s: %zu keys from disk, %lld s old", e->is->issuer, sp_jwk_set_count(e->set),
		    (long long)(now - fetched));
	} else if (r != SP_ERR_NOT_FOUND) {
		sp_log_warn("issuer %s: keys on disk not used: %s", e->is->issuer, why.text);
	}
	sp_buf_free(b);
}

int
sp_keys_new(struct event_base *base, struct sp_fetch *fetch, const struct sp_issuer *const *issuers, size_t count,
    const char *directory, sp_keys_refreshed *cb, void *ctx, struct sp_keys **ret_keys)
{
	struct sp_keys *keys = calloc(1, sizeof(*keys));

	if (keys == NULL || count > SP_ISSUER_MAX) {
		free(keys);
		return SP_ERR_NOMEM;
	}
	keys->fetch = fetch;
	keys->directory = directory;
	keys->cb = cb;
	keys->ctx = ctx;
	for (size_t i = 0; i < count; i++) {
		struct sp_keys_entry *e = &keys->entry[i];

		e->keys = keys;
		e->is = issuers[i];
		e->timer = evtimer_new(base, sp_keys_on_timer, e);
		keys->count++;
		if (e->timer == NULL) {
			sp_keys_free(keys);
			return SP_ERR_NOMEM;
		}
		sp_keys_load(e);
		sp_keys_start(e);
	}
	*ret_keys = keys;
	return 0;
}

void
sp_keys_free(struct sp_keys *keys)
{
	if (keys == NULL)
		return;
	for (size_t i = 0; i < keys->count; i++) {
		sp_jwk_set_free(keys->entry[i].set);
		if (keys->entry[i].timer != NULL)
			event_free(keys->entry[i].timer);
	}
	free(keys);
}

static struct sp_keys_entry *
sp_keys_of(struct sp_keys *keys, const struct sp_issuer *is)
{
	for (size_t i = 0; i < keys->count; i++) {
		if (keys->entry[i].is == is)
			return &keys->entry[i];
	}
	return NULL;
}

/* Whether the keys may be used at all: within their time, or stale while the provider cannot be reached. */
static bool
sp_keys_is_usable(const struct sp_keys_entry *e, int64_t now)
{
	if (e->set == NULL || now < e->fetched)
		return false;
	return now < e->fetched + e->ttl + e->is->stale;
}

int
sp_keys_find(void *ctx, const struct sp_issuer *is, const char *kid, enum sp_jwa alg, struct sp_reason *why,
    const struct sp_pubkey **ret_key)
{
	struct sp_keys_entry *e = sp_keys_of(ctx, is);
	int64_t now = time(NULL);
	int r;

	if (e == NULL)
		return SP_ERR_INTERNAL;
	if (!sp_keys_is_usable(e, now)) {
		if (!e->is_busy && now >= e->tried_at + sp_keys_retry(e))
			sp_keys_start(e);
		return sp_reason_set(why, e->is_busy ? SP_ERR_AGAIN : SP_ERR_UNAVAILABLE,
		    "the issuer's keys are not there: it cannot be reached");
	}
	r = sp_jwk_set_find(e->set, kid, alg, why, ret_key);
	if (r != SP_ERR_NOT_FOUND)
		return r;
	if (!e->is_busy && now >= e->unknown_at + SP_KEYS_UNKNOWN_KID_EVERY) {
		e->unknown_at = now;
		sp_keys_start(e);
	}
	return e->is_busy ? SP_ERR_AGAIN : r;
}

json_t *
sp_keys_status(const struct sp_keys *keys)
{
	json_t *list = json_array();
	int64_t now = time(NULL);

	for (size_t i = 0; list != NULL && i < keys->count; i++) {
		const struct sp_keys_entry *e = &keys->entry[i];
		const char *state = e->set == NULL		      ? "no keys"
				    : !sp_keys_is_usable(e, now)      ? "keys too old"
				    : now >= e->fetched + e->ttl + 60 ? "stale"
								      : "fresh";
		json_t *one = json_pack("{s:s, s:I, s:I, s:I, s:s}", "issuer", e->is->issuer, "keys",
		    (json_int_t)(e->set == NULL ? 0 : sp_jwk_set_count(e->set)), "age",
		    (json_int_t)(e->set == NULL ? -1 : now - e->fetched), "failures", (json_int_t)e->failures, "state",
		    state);

		if (json_array_append_new(list, one) != 0) {
			json_decref(list);
			return NULL;
		}
	}
	return list;
}
