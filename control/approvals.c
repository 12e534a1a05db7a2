/* SPDX-License-Identifier: Apache-2.0 */
#include "control/approvals.h"

#include <ctype.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lib/ipc.h"
#include "lib/text.h"
#include "policy/image.h"
#include "policy/subject.h"
#include "runtime/log.h"

#define SP_APPROVALS_NAME_MAX 256 /* bytes of a rule's, connection's or request's name */
#define SP_APPROVALS_WHO_MAX 1024

/* Appends "a, b" for the groups of a rule. */
static void
sp_approvals_groups(const struct sp_policy_approve *ap, char *out, size_t n)
{
	size_t used = 0;

	out[0] = 0;
	for (size_t i = 0; i < ap->nby && used < n; i++)
		used += (size_t)snprintf(out + used, n - used, "%s%s", i == 0 ? "" : ", ", ap->by[i]);
}

struct sp_approvals_asked {
	struct sp_view digest, statement;
	char *connection, *rule, *details;
	uint64_t policy_version;
};

static int
sp_approvals_asked_get(struct sp_buf *body, struct sp_approvals_asked *q)
{
	int r = sp_buf_get_view(body, SP_STORE_DIGEST_LEN, &q->digest);

	if (r == 0 && q->digest.len != SP_STORE_DIGEST_LEN)
		r = SP_ERR_FORMAT;
	if (r == 0)
		r = sp_buf_get_cstring(body, SP_APPROVALS_NAME_MAX, &q->connection);
	if (r == 0)
		r = sp_buf_get_cstring(body, SP_APPROVALS_NAME_MAX, &q->rule);
	if (r == 0)
		r = sp_buf_get_view(body, SP_IPC_FRAME_MAX, &q->statement);
	if (r == 0)
		r = sp_buf_get_cstring(body, SP_STORE_DETAILS_MAX, &q->details);
	if (r == 0)
		r = sp_buf_get_u64(body, &q->policy_version);
	return r;
}

static void
sp_approvals_asked_clear(struct sp_approvals_asked *q)
{
	free(q->connection);
	free(q->rule);
	free(q->details);
}

/* Why a request can't be filed under its rule, or NULL with the rule's terms. */
static const char *
sp_approvals_refuse(const struct sp_approvals *a, const struct sp_approvals_asked *q,
    const struct sp_policy_approve **ret_ap)
{
	const struct sp_policy_image *image = sp_feed_image(a->feed);
	const struct sp_policy_rule *rule;

	if (image == NULL)
		return "there is no policy in force";
	if (q->policy_version != sp_feed_version(a->feed))
		return "the policy has just changed: run it again";
	rule = sp_policy_image_rule(image, q->rule);
	if (rule == NULL || sp_policy_rule_approve(rule) == NULL)
		return "this rule asks for no approval";
	if (sp_policy_image_find(image, q->connection) == NULL)
		return "there is no such connection";
	*ret_ap = sp_policy_rule_approve(rule);
	return NULL;
}

static void
sp_approvals_filed(struct sp_buf *reply, int verdict, const char *message, const char *id, const char *who,
    int64_t expires)
{
	sp_buf_put_u32(reply, (uint32_t)-verdict);
	sp_buf_put_cstring(reply, message);
	sp_buf_put_cstring(reply, id);
	sp_buf_put_cstring(reply, who);
	sp_buf_put_u64(reply, (uint64_t)expires);
}

int
sp_approvals_request(struct sp_approvals *a, const struct sp_approvals_actor *who, struct sp_buf *body,
    struct sp_buf *reply)
{
	struct sp_approvals_asked q = {.connection = NULL};
	const struct sp_policy_approve *ap = NULL;
	const char *why;
	char groups[SP_APPROVALS_WHO_MAX], text[SP_APPROVALS_WHO_MAX + 64], id[SP_STORE_ID_LEN + 1] = "";
	int r = sp_approvals_asked_get(body, &q);

	if (r != 0)
		goto out;
	why = sp_approvals_refuse(a, &q, &ap);
	if (why != NULL) {
		sp_approvals_filed(reply, SP_ERR_DENIED, why, "", "", 0);
		goto out;
	}
	sp_approvals_groups(ap, groups, sizeof(groups));
	struct sp_store_filing f = {
		.requester = who->person,
		.connection = q.connection,
		.rule = q.rule,
		.statement = (const char *)q.statement.data,
		.statement_len = q.statement.len,
		.details = q.details,
		.approvers = groups,
		.count = ap->count,
		.policy_version = q.policy_version,
		.now = time(NULL),
	};
	f.expires = f.now + ap->within;
	memcpy(f.digest, q.digest.data, sizeof(f.digest));
	r = sp_store_file(a->store, &f, id);
	if (r != 0) {
		sp_log_err("approvals: cannot file a request of %s: %s", who->person.login,
		    r == SP_ERR_LIMIT ? "too many are open" : sp_store_error(a->store));
		sp_approvals_filed(reply, r, r == SP_ERR_LIMIT ? "too many of your requests are waiting" :
		    "the request could not be stored; see the log of sallyport-control", "", "", 0);
		r = 0;
		goto out;
	}
	if (ap->count > 1)
		(void)snprintf(text, sizeof(text), "%u people of %s", ap->count, groups);
	else
		(void)snprintf(text, sizeof(text), "anyone in %s", groups);
	sp_log_info("approvals: %s asks for %s on %s (rule %s, approvers %s)", who->person.login, id, q.connection, q.rule,
	    groups);
	sp_approvals_filed(reply, 0, "", id, text, f.expires);
out:
	sp_approvals_asked_clear(&q);
	return r;
}

static void
sp_approvals_answer(struct sp_buf *reply, int verdict, const char *message)
{
	sp_buf_put_u32(reply, (uint32_t)-verdict);
	sp_buf_put_cstring(reply, message);
}

/* A request id as people type it: any case. FORMAT if it can't be one. */
static int
sp_approvals_get_id(struct sp_buf *body, char id[SP_STORE_ID_LEN + 1])
{
	struct sp_view v;
	int r = sp_buf_get_view(body, SP_APPROVALS_NAME_MAX, &v);

	if (r != 0)
		return r;
	memset(id, 0, SP_STORE_ID_LEN + 1);
	if (v.len == SP_STORE_ID_LEN)
		for (size_t i = 0; i < SP_STORE_ID_LEN; i++)
			id[i] = (char)toupper(v.data[i]);
	return 0; /* another length names no request */
}

int
sp_approvals_consume(struct sp_approvals *a, const struct sp_approvals_actor *who, struct sp_buf *body,
    struct sp_buf *reply)
{
	char id[SP_STORE_ID_LEN + 1];
	struct sp_store_request req;
	struct sp_view digest;
	int r = sp_approvals_get_id(body, id);

	if (r == 0)
		r = sp_buf_get_view(body, SP_STORE_DIGEST_LEN, &digest);
	if (r != 0)
		return r;
	if (digest.len != SP_STORE_DIGEST_LEN)
		return SP_ERR_FORMAT;
	r = sp_store_get(a->store, id, &req);
	if (r == 0) {
		/* An approval never outlives the policy it was given under. */
		if (req.policy_version != sp_feed_version(a->feed))
			r = SP_ERR_CONFLICT;
		sp_store_request_clear(&req);
	}
	if (r == 0)
		r = sp_store_consume(a->store, id, &who->person, digest.data, time(NULL));
	if (r != 0)
		sp_log_warn("approvals: %s cannot use %s: %s", who->person.login, id, sp_err_str(r));
	sp_approvals_answer(reply, r, r == 0 ? "" : r == SP_ERR_SIGNATURE ? "the approval was for something else" :
	    r == SP_ERR_EXPIRED ? "the approval has expired" : "the approval cannot be used");
	return 0;
}

/* --- lists --------------------------------------------------------------------------------------- */

struct sp_approvals_listing {
	const struct sp_approvals *a;
	const struct sp_approvals_actor *who;
	json_t *requests;
	size_t size;
	bool all;
};

static bool
sp_approvals_is_own(const struct sp_approvals_actor *who, const struct sp_store_request *r)
{
	return strcmp(who->person.iss, r->iss) == 0 && strcmp(who->person.sub, r->sub) == 0;
}

/* Whether the person is in a group that may decide, under the policy the request was filed with. */
static bool
sp_approvals_may_decide(const struct sp_approvals *a, const struct sp_approvals_actor *who,
    const struct sp_store_request *r)
{
	const struct sp_policy_image *image = sp_feed_image(a->feed);
	const struct sp_policy_rule *rule;
	const struct sp_policy_approve *ap;

	if (image == NULL || r->policy_version != sp_feed_version(a->feed) || sp_approvals_is_own(who, r) ||
	    strcmp(who->person.login, r->login) == 0)
		return false;
	rule = sp_policy_image_rule(image, r->rule);
	ap = rule == NULL ? NULL : sp_policy_rule_approve(rule);
	for (size_t i = 0; ap != NULL && i < ap->nby; i++)
		if (sp_policy_image_in_group(image, who->subject, ap->by[i]))
			return true;
	return false;
}

static json_t *
sp_approvals_text(const char *s, size_t max)
{
	struct sp_buf *b = sp_buf_new(0);
	json_t *j = NULL;

	if (b != NULL) {
		/* Not every statement is valid UTF-8: show it escaped, as a log would. */
		if (sp_text_is_utf8(s, strlen(s)) && strlen(s) <= max)
			sp_buf_put(b, s, strlen(s));
		else
			sp_text_escape(b, s, strlen(s), max);
		j = json_stringn((const char *)sp_buf_data(b), sp_buf_len(b));
	}
	sp_buf_free(b);
	return j;
}

static int
sp_approvals_list_one(const struct sp_store_request *r, void *ctx)
{
	struct sp_approvals_listing *l = ctx;
	bool own = sp_approvals_is_own(l->who, r), may = sp_approvals_may_decide(l->a, l->who, r);
	bool is_open = r->state == SP_STORE_PENDING;
	json_t *j, *details;

	if (!own && !may)
		return 0;
	details = json_loads(r->details, JSON_REJECT_DUPLICATES, NULL);
	j = json_pack("{s:s, s:s, s:s, s:s, s:s, s:o?, s:o, s:s, s:i, s:i, s:I, s:I, s:s, s:b, s:b, s:s, s:s}", "id", r->id,
	    "user", r->login, "session", r->session, "connection", r->connection, "rule", r->rule, "statement",
	    sp_approvals_text(r->statement, SP_APPROVALS_SHOWN_MAX), "details", details == NULL ? json_object() : details,
	    "approvers", r->approvers, "count", (int)r->count, "given", (int)r->given, "filed", (json_int_t)r->filed,
	    "expires", (json_int_t)r->expires, "state", sp_store_state_name(r->state), "own", own, "may_decide",
	    may && is_open, "decided_by", r->decided_by, "reason", r->reason);
	if (j == NULL)
		return SP_ERR_NOMEM;
	l->size += 1024 + strlen(r->details) * 2 + 2 * SP_APPROVALS_SHOWN_MAX;
	if (l->size > SP_APPROVALS_LIST_MAX) {
		json_decref(j);
		return 0;
	}
	return json_array_append_new(l->requests, j) == 0 ? 0 : SP_ERR_NOMEM;
}

int
sp_approvals_list(struct sp_approvals *a, const struct sp_approvals_actor *who, struct sp_buf *body,
    struct sp_buf *reply)
{
	struct sp_approvals_listing l = {.a = a, .who = who};
	json_t *root;
	char *text = NULL;
	uint8_t all;
	int r = sp_buf_get_u8(body, &all);

	if (r != 0)
		return r;
	if (all > 1)
		return SP_ERR_FORMAT;
	l.requests = json_array();
	root = json_pack("{s:o}", "requests", l.requests);
	if (root == NULL)
		return SP_ERR_NOMEM;
	r = sp_store_walk(a->store, all == 1, sp_approvals_list_one, &l);
	if (r == 0)
		text = json_dumps(root, JSON_COMPACT);
	json_decref(root);
	if (r != 0)
		sp_log_err("approvals: cannot list: %s", sp_store_error(a->store));
	if (r == 0 && text == NULL)
		return SP_ERR_NOMEM;
	sp_buf_put_cstring(reply, r == 0 ? text : "{\"requests\": [], \"error\": \"the store cannot be read\"}");
	free(text);
	return 0;
}

/* --- decisions ----------------------------------------------------------------------------------- */

/* One line for the person who decided. */
static void
sp_approvals_say(int err, bool approve, enum sp_store_state st, const struct sp_store_request *req, char *out, size_t n)
{
	switch (err) {
	case 0:
		if (st == SP_STORE_PENDING)
			(void)snprintf(out, n, "approved; %u of %u people so far", req->given + 1, req->count);
		else
			(void)snprintf(out, n, "%s: %s's request on %s", approve ? "approved" : "denied", req->login,
			    req->connection);
		break;
	case SP_ERR_NOT_FOUND:
		(void)snprintf(out, n, "there is no such request that you may decide (see: approvals)");
		break;
	case SP_ERR_DENIED:
		(void)snprintf(out, n, "this request is your own: somebody else has to decide it");
		break;
	case SP_ERR_EXISTS:
		(void)snprintf(out, n, "you have already approved this request; it needs other people too");
		break;
	case SP_ERR_EXPIRED:
		(void)snprintf(out, n, "this request has expired");
		break;
	case SP_ERR_CONFLICT:
		(void)snprintf(out, n, "this request is already %s", sp_store_state_name(st));
		break;
	case SP_ERR_INVALID:
		(void)snprintf(out, n, "the reason is too long (at most %d bytes)", SP_STORE_REASON_MAX);
		break;
	default:
		(void)snprintf(out, n, "the decision could not be stored; see the log of sallyport-control");
		break;
	}
}

static int
sp_approvals_decide_one(struct sp_approvals *a, const struct sp_approvals_actor *who, const char *id, bool approve,
    const char *reason, char *message, size_t n)
{
	struct sp_store_request req = {.iss = NULL};
	enum sp_store_state st = SP_STORE_PENDING;
	int r = sp_store_get(a->store, id, &req);

	/* Somebody who may not decide it learns nothing of it; the requester may know why not. */
	if (r == 0 && !sp_approvals_is_own(who, &req) && strcmp(who->person.login, req.login) != 0 &&
	    !sp_approvals_may_decide(a, who, &req))
		r = SP_ERR_NOT_FOUND;
	if (r == 0)
		r = sp_store_decide(a->store, id, &who->person, approve, reason, time(NULL), &st);
	sp_approvals_say(r, approve, st, &req, message, n);
	if (r == 0)
		sp_log_info("approvals: %s %s %s of %s", who->person.login, approve ? "approves" : "denies", id, req.login);
	else
		sp_log_warn("approvals: %s may not %s %s: %s", who->person.login, approve ? "approve" : "deny", id,
		    r == SP_ERR_SYSTEM ? sp_store_error(a->store) : sp_err_str(r));
	sp_store_request_clear(&req);
	return r;
}

int
sp_approvals_decide(struct sp_approvals *a, const struct sp_approvals_actor *who, struct sp_buf *body,
    struct sp_buf *reply, char id[SP_STORE_ID_LEN + 1])
{
	char message[256];
	char *reason = NULL;
	uint8_t approve;
	int r = sp_approvals_get_id(body, id);

	if (r == 0)
		r = sp_buf_get_u8(body, &approve);
	if (r == 0 && approve > 1)
		r = SP_ERR_FORMAT;
	if (r == 0)
		r = sp_buf_get_cstring(body, SP_IPC_FRAME_MAX, &reason);
	if (r != 0)
		return r;
	r = sp_approvals_decide_one(a, who, id, approve == 1, reason, message, sizeof(message));
	sp_approvals_answer(reply, r, message);
	if (r != 0)
		id[0] = 0;
	free(reason);
	return 0;
}

int
sp_approvals_cancel(struct sp_approvals *a, const struct sp_approvals_actor *who, struct sp_buf *body,
    char id[SP_STORE_ID_LEN + 1])
{
	int r = sp_approvals_get_id(body, id);

	if (r != 0)
		return r;
	r = sp_store_cancel(a->store, id, who->person.session, "cancelled by the requester", time(NULL));
	if (r != 0)
		id[0] = 0;
	else
		sp_log_info("approvals: %s cancels %s", who->person.login, id);
	return 0;
}

void
sp_approvals_verdict(const struct sp_store_request *r, struct sp_buf *body)
{
	sp_buf_put_cstring(body, r->id);
	sp_buf_put_u32(body, (uint32_t)r->state);
	sp_buf_put_cstring(body, r->decided_by);
	sp_buf_put_cstring(body, r->reason);
}
