/* SPDX-License-Identifier: Apache-2.0 */
/* The rules of P6, in terms of what a backend can do (control/backend.h). */
#include "control/store.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "control/backend.h"

const char *
sp_store_state_name(enum sp_store_state st)
{
	static const char *const names[] = {"pending", "approved", "denied", "expired", "cancelled", "used"};

	return (unsigned)st < sizeof(names) / sizeof(names[0]) ? names[st] : "unknown";
}

void
sp_store_request_clear(struct sp_store_request *r)
{
	free(r->iss);
	free(r->sub);
	free(r->login);
	free(r->session);
	free(r->connection);
	free(r->rule);
	free(r->statement);
	free(r->details);
	free(r->approvers);
	free(r->reason);
	free(r->decided_by);
	memset(r, 0, sizeof(*r));
}

/* The backend that where names, and what follows its name. */
static const struct sp_backend *
sp_store_backend(const char *where, const char **ret_path)
{
	size_t n = strcspn(where, ":");

	*ret_path = where;
	if (where[0] == '/')
		return sp_stores[0];
	for (size_t i = 0; where[n] == ':' && sp_stores[i] != NULL; i++) {
		if (strlen(sp_stores[i]->name) == n && memcmp(sp_stores[i]->name, where, n) == 0) {
			*ret_path = where + n + 1;
			return sp_stores[i];
		}
	}
	return NULL;
}

const char *
sp_store_path(const char *where)
{
	const char *path;

	return sp_store_backend(where, &path) == NULL || path[0] != '/' ? NULL : path;
}

const char *
sp_store_name(size_t i)
{
	return sp_stores[i] == NULL ? NULL : sp_stores[i]->name;
}

int
sp_store_open(const char *where, struct sp_store **ret_s)
{
	const char *path;
	const struct sp_backend *b = sp_store_backend(where, &path);

	return b == NULL || path[0] != '/' ? SP_ERR_INVALID : b->open(path, ret_s);
}

void
sp_store_close(struct sp_store *s)
{
	if (s != NULL)
		s->backend->close(s);
}

const char *
sp_store_error(const struct sp_store *s)
{
	return s->backend->error(s);
}

int
sp_store_get(struct sp_store *s, const char *id, struct sp_store_request *ret_r)
{
	return s->backend->get(s, id, ret_r);
}

/* A fresh request id: typeable, and not to be guessed. */
static int
sp_store_new_id(char id[SP_STORE_ID_LEN + 1])
{
	static const char alphabet[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
	uint8_t raw[SP_STORE_ID_LEN];

	if (getrandom(raw, sizeof(raw), 0) != (ssize_t)sizeof(raw))
		return SP_ERR_SYSTEM;
	for (size_t i = 0; i < SP_STORE_ID_LEN; i++)
		id[i] = alphabet[raw[i] & 31];
	id[SP_STORE_ID_LEN] = 0;
	return 0;
}

int
sp_store_file(struct sp_store *s, const struct sp_store_filing *f, char id[SP_STORE_ID_LEN + 1])
{
	int64_t open = 0;
	int r;

	if (f->count < 1 || f->expires <= f->now || f->requester.iss[0] == 0 || f->requester.sub[0] == 0 ||
	    strlen(f->details) > SP_STORE_DETAILS_MAX)
		return SP_ERR_INVALID;
	r = sp_store_new_id(id);
	if (r == 0)
		r = s->backend->begin(s);
	if (r != 0)
		return r;
	r = s->backend->count_open(s, f->requester.session, &open);
	if (r == 0 && open >= SP_STORE_PENDING_MAX)
		r = SP_ERR_LIMIT;
	if (r == 0)
		r = s->backend->insert(s, f, id);
	return s->backend->end(s, r);
}

/* Whether two people are one: by identity, and by login so that one account has no second identity to approve with. */
static bool
sp_store_is_requester(const struct sp_store_request *r, const struct sp_store_person *p)
{
	return (strcmp(r->iss, p->iss) == 0 && strcmp(r->sub, p->sub) == 0) || strcmp(r->login, p->login) == 0;
}

static int
sp_store_decide_locked(struct sp_store *s, struct sp_store_request *req, const struct sp_store_person *who,
    bool approve, const char *reason, int64_t now, enum sp_store_state *ret_state)
{
	int r;

	*ret_state = req->state;
	if (sp_store_is_requester(req, who))
		return SP_ERR_DENIED;
	if (req->state != SP_STORE_PENDING)
		return SP_ERR_CONFLICT;
	if (now >= req->expires)
		return SP_ERR_EXPIRED;
	r = s->backend->has_approved(s, req->id, who->login);
	if (r == 0)
		r = s->backend->add_decision(s, req->id, who, approve, reason, now);
	if (r != 0)
		return r;
	if (!approve)
		*ret_state = SP_STORE_DENIED;
	else if (req->given + 1 >= req->count)
		*ret_state = SP_STORE_APPROVED;
	if (*ret_state != SP_STORE_PENDING)
		r = s->backend->set_state(s, req->id, *ret_state, reason, now);
	return r;
}

int
sp_store_decide(struct sp_store *s, const char *id, const struct sp_store_person *who, bool approve,
    const char *reason, int64_t now, enum sp_store_state *ret_state)
{
	struct sp_store_request req;
	int r;

	if (strlen(reason) > SP_STORE_REASON_MAX || who->iss[0] == 0 || who->sub[0] == 0)
		return SP_ERR_INVALID;
	r = s->backend->begin(s);
	if (r != 0)
		return r;
	r = sp_store_get(s, id, &req);
	if (r == 0) {
		r = sp_store_decide_locked(s, &req, who, approve, reason, now, ret_state);
		sp_store_request_clear(&req);
	}
	return s->backend->end(s, r);
}

/* Constant time in the digests' contents. */
static bool
sp_store_digest_equal(const uint8_t a[SP_STORE_DIGEST_LEN], const uint8_t b[SP_STORE_DIGEST_LEN])
{
	unsigned diff = 0;

	for (size_t i = 0; i < SP_STORE_DIGEST_LEN; i++)
		diff |= a[i] ^ b[i];
	return diff == 0;
}

static int
sp_store_may_consume(const struct sp_store_request *req, const struct sp_store_person *who,
    const uint8_t digest[SP_STORE_DIGEST_LEN], int64_t now)
{
	if (strcmp(req->session, who->session) != 0 || strcmp(req->iss, who->iss) != 0 || strcmp(req->sub, who->sub) != 0)
		return SP_ERR_DENIED;
	if (!sp_store_digest_equal(req->digest, digest))
		return SP_ERR_SIGNATURE;
	if (req->state != SP_STORE_APPROVED)
		return req->state == SP_STORE_EXPIRED ? SP_ERR_EXPIRED : SP_ERR_CONFLICT;
	return now >= req->expires ? SP_ERR_EXPIRED : 0;
}

int
sp_store_consume(struct sp_store *s, const char *id, const struct sp_store_person *who,
    const uint8_t digest[SP_STORE_DIGEST_LEN], int64_t now)
{
	struct sp_store_request req;
	int r = s->backend->begin(s);

	if (r != 0)
		return r;
	r = sp_store_get(s, id, &req);
	if (r == 0) {
		r = sp_store_may_consume(&req, who, digest, now);
		if (r == 0)
			r = s->backend->set_state(s, id, SP_STORE_USED, req.reason, now);
		sp_store_request_clear(&req);
	}
	return s->backend->end(s, r);
}

int
sp_store_cancel(struct sp_store *s, const char *id, const char *session, const char *reason, int64_t now)
{
	struct sp_store_request req;
	int r = s->backend->begin(s);

	if (r != 0)
		return r;
	r = sp_store_get(s, id, &req);
	if (r == 0) {
		if (strcmp(req.session, session) != 0)
			r = SP_ERR_DENIED;
		else if (req.state != SP_STORE_PENDING && req.state != SP_STORE_APPROVED)
			r = SP_ERR_CONFLICT;
		else
			r = s->backend->set_state(s, id, SP_STORE_CANCELLED, reason, now);
		sp_store_request_clear(&req);
	}
	return s->backend->end(s, r);
}

int
sp_store_walk(struct sp_store *s, bool all, sp_store_each *cb, void *ctx)
{
	return s->backend->walk(s, all, cb, ctx);
}

int
sp_store_expire(struct sp_store *s, int64_t now, sp_store_each *cb, void *ctx, int64_t *ret_next)
{
	int r = s->backend->sweep_overdue(s, SP_STORE_EXPIRED, now, cb, ctx);

	return r != 0 ? r : s->backend->next_end(s, ret_next);
}

int
sp_store_supersede(struct sp_store *s, uint64_t version, int64_t now, sp_store_each *cb, void *ctx)
{
	return s->backend->sweep_policy(s, version, SP_STORE_CANCELLED, "the policy has changed: ask again", now, cb, ctx);
}

/* --- people who are no longer to count ----------------------------------------------------------------- */

struct sp_store_revoking {
	struct sp_store *s;
	sp_store_means *means;
	void *means_ctx;
	char (*ids)[SP_STORE_ID_LEN + 1]; /* to be cancelled */
	bool *is_own;			  /* whether because of who asked */
	size_t n, room;
};

static int
sp_store_revoke_approver(const struct sp_store_person *p, void *ctx)
{
	struct sp_store_revoking *v = ctx;

	return v->means(p, v->means_ctx) ? SP_ERR_EXISTS : 0;
}

static int
sp_store_revoke_note(struct sp_store_revoking *v, const char *id, bool is_own)
{
	if (v->n == v->room) {
		size_t room = v->room == 0 ? 64 : 2 * v->room;
		char(*ids)[SP_STORE_ID_LEN + 1] = reallocarray(v->ids, room, sizeof(*ids));
		bool *own;

		if (ids == NULL)
			return SP_ERR_NOMEM;
		v->ids = ids;
		own = reallocarray(v->is_own, room, sizeof(*own));
		if (own == NULL)
			return SP_ERR_NOMEM;
		v->is_own = own;
		v->room = room;
	}
	memcpy(v->ids[v->n], id, SP_STORE_ID_LEN + 1);
	v->is_own[v->n++] = is_own;
	return 0;
}

static int
sp_store_revoke_look(const struct sp_store_request *req, void *ctx)
{
	const struct sp_store_person requester = {.iss = req->iss, .sub = req->sub, .login = req->login, .session = req->session};
	struct sp_store_revoking *v = ctx;
	int r;

	if (v->means(&requester, v->means_ctx))
		return sp_store_revoke_note(v, req->id, true);
	r = v->s->backend->walk_approvers(v->s, req->id, sp_store_revoke_approver, v);
	return r == SP_ERR_EXISTS ? sp_store_revoke_note(v, req->id, false) : r;
}

int
sp_store_revoke(struct sp_store *s, sp_store_means *means, void *means_ctx, int64_t now, sp_store_each *cb, void *ctx)
{
	struct sp_store_revoking v = {.s = s, .means = means, .means_ctx = means_ctx};
	struct sp_store_request req;
	int r = s->backend->begin(s);

	if (r != 0)
		return r;
	r = s->backend->walk(s, false, sp_store_revoke_look, &v);
	for (size_t i = 0; r == 0 && i < v.n; i++)
		r = s->backend->set_state(s, v.ids[i], SP_STORE_CANCELLED,
		    v.is_own[i] ? "the access of who asked was revoked" : "the access of who approved it was revoked: ask again", now);
	r = s->backend->end(s, r);
	for (size_t i = 0; r == 0 && i < v.n; i++) {
		r = sp_store_get(s, v.ids[i], &req);
		if (r == 0) {
			r = cb(&req, ctx);
			sp_store_request_clear(&req);
		}
	}
	free(v.ids);
	free(v.is_own);
	return r;
}

int
sp_store_policy_version(struct sp_store *s, const uint8_t digest[SP_STORE_DIGEST_LEN], uint64_t *ret_version)
{
	uint8_t last[SP_STORE_DIGEST_LEN];
	uint64_t version = 0;
	int r = s->backend->begin(s);

	if (r != 0)
		return r;
	r = s->backend->policy_last(s, &version, last);
	if (r == 0 && (version == 0 || !sp_store_digest_equal(last, digest)))
		r = s->backend->policy_add(s, digest, &version);
	r = s->backend->end(s, r);
	if (r == 0)
		*ret_version = version;
	return r;
}
