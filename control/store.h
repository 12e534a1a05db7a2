/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Approval requests and their decisions, in one of the stores of stores.c: what
 * this file answered is on disk, so it holds after kill -9 and power loss.
 * Every rule of promise P6 that can be kept by a transaction is kept here: the
 * requester never decides, distinct people are counted by (issuer, subject),
 * an expired, denied or used request changes no more, and an approved one is
 * consumed at most once and only for the digest it was filed for.
 */
#ifndef SALLYPORT_CONTROL_STORE_H
#define SALLYPORT_CONTROL_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/buf.h"
#include "lib/err.h"
#include "lib/ipc_control.h"

#define SP_STORE_DIGEST_LEN 32
#define SP_STORE_ID_LEN 8			/* characters of a request id (40 random bits, Crockford base32) */
#define SP_STORE_STATEMENT_MAX ((size_t)64 * 1024) /* bytes kept of a statement, for people to read */
#define SP_STORE_DETAILS_MAX ((size_t)64 * 1024)
#define SP_STORE_PENDING_MAX 64			/* open requests of one session */
#define SP_STORE_REASON_MAX 500			/* bytes of a reason */

struct sp_store;

enum sp_store_state {
	SP_STORE_PENDING = 0,
	SP_STORE_APPROVED = SP_IPC_CONTROL_STATE_APPROVED, /* those of VERDICT; they are also on disk */
	SP_STORE_DENIED = SP_IPC_CONTROL_STATE_DENIED,
	SP_STORE_EXPIRED = SP_IPC_CONTROL_STATE_EXPIRED,
	SP_STORE_CANCELLED = SP_IPC_CONTROL_STATE_CANCELLED,
	SP_STORE_USED = 5
};

/* A person: issuer and subject are the identity; login is what others call them. */
struct sp_store_person {
	const char *iss;
	const char *sub;
	const char *login;
	const char *session; /* session id they act from */
};

struct sp_store_filing {
	struct sp_store_person requester;
	uint8_t digest[SP_STORE_DIGEST_LEN];
	const char *connection;
	const char *rule;
	const char *statement; /* cut at SP_STORE_STATEMENT_MAX; the digest covers all of it */
	size_t statement_len;
	const char *details; /* JSON object */
	const char *approvers; /* group names, comma and space between them */
	uint32_t count;	       /* distinct people needed, at least 1 */
	uint64_t policy_version;
	int64_t now; /* seconds since 1970 */
	int64_t expires;
};

/* One request as stored. Strings are owned by the struct. */
struct sp_store_request {
	char id[SP_STORE_ID_LEN + 1];
	uint8_t digest[SP_STORE_DIGEST_LEN];
	char *iss, *sub, *login, *session;
	char *connection, *rule, *statement, *details, *approvers;
	char *decided_by; /* logins, or "" */
	char *reason;	  /* of the denial or cancellation, or "" */
	uint32_t count, given;
	uint64_t policy_version;
	int64_t filed, expires;
	enum sp_store_state state;
};

/* Whether it is somebody of these. */
typedef bool sp_store_means(const struct sp_store_person *p, void *ctx);
/* Somebody who approved a request; p without a session. */
typedef int sp_store_approver(const struct sp_store_person *p, void *ctx);

/*
 * Opens or creates the store (mode 0600) and brings its schema up to date. where is an absolute path, or one after the
 * name of a store and a colon. INVALID (neither), SYSTEM, FORMAT (not ours, or from a newer version), NOMEM.
 */
int sp_store_open(const char *where, struct sp_store **ret_s) SP_MUST_CHECK;
/* The path in where; NULL if where would be INVALID. */
const char *sp_store_path(const char *where);
/* The name of store i of the table, NULL at its end. */
const char *sp_store_name(size_t i);
void sp_store_close(struct sp_store *s);
/* The library's text for the last failure, valid until the next call. */
const char *sp_store_error(const struct sp_store *s);

/* Files a request; id gets its name. LIMIT (too many pending in this session), INVALID, SYSTEM. */
int sp_store_file(struct sp_store *s, const struct sp_store_filing *f, char id[SP_STORE_ID_LEN + 1]) SP_MUST_CHECK;
/* Reads one. NOT_FOUND, SYSTEM. Clear with sp_store_request_clear(). */
int sp_store_get(struct sp_store *s, const char *id, struct sp_store_request *ret_r) SP_MUST_CHECK;
void sp_store_request_clear(struct sp_store_request *r);
/*
 * One person's decision, at now. The caller has checked that they are in an approving group. *ret_state is
 * the state afterwards: PENDING means more approvals are needed. NOT_FOUND; DENIED (it is their own);
 * EXISTS (they already approved); EXPIRED; CONFLICT (already decided: *ret_state says how); SYSTEM.
 */
int sp_store_decide(struct sp_store *s, const char *id, const struct sp_store_person *who, bool approve,
    const char *reason, int64_t now, enum sp_store_state *ret_state) SP_MUST_CHECK;
/*
 * Marks an approved request as used, once. NOT_FOUND, SIGNATURE (digest differs), DENIED (another session or
 * person), EXPIRED, CONFLICT (not approved, or used before), SYSTEM.
 */
int sp_store_consume(struct sp_store *s, const char *id, const struct sp_store_person *who,
    const uint8_t digest[SP_STORE_DIGEST_LEN], int64_t now) SP_MUST_CHECK;
/* The requester's session gives up. NOT_FOUND, DENIED (not theirs), CONFLICT (no longer open), SYSTEM. */
int sp_store_cancel(struct sp_store *s, const char *id, const char *session, const char *reason, int64_t now) SP_MUST_CHECK;

/* Called for each request; a non-zero return stops the walk and is returned. */
typedef int sp_store_each(const struct sp_store_request *r, void *ctx);
/* All open (pending or approved, unused) requests, oldest first; or, with all, the newest 200 of any state. */
int sp_store_walk(struct sp_store *s, bool all, sp_store_each *cb, void *ctx) SP_MUST_CHECK;
/* Marks overdue open requests as expired and calls cb for each. *ret_next: earliest end of those left, or 0. */
int sp_store_expire(struct sp_store *s, int64_t now, sp_store_each *cb, void *ctx, int64_t *ret_next) SP_MUST_CHECK;
/* Cancels every open request that was filed under another policy version than version; cb for each. */
int sp_store_supersede(struct sp_store *s, uint64_t version, int64_t now, sp_store_each *cb, void *ctx) SP_MUST_CHECK;

/*
 * Cancels every open request of, or approved by, somebody of whom means says so (with ctx), in one step; cb for each as
 * it then is. Errors also as cb.
 */
int sp_store_revoke(struct sp_store *s, sp_store_means *means, void *means_ctx, int64_t now, sp_store_each *cb,
    void *ctx) SP_MUST_CHECK;

/*
 * The version number of the policy whose image has this digest: the current one again when the digest is
 * unchanged, else the next number. It never goes back.
 */
int sp_store_policy_version(struct sp_store *s, const uint8_t digest[SP_STORE_DIGEST_LEN], uint64_t *ret_version) SP_MUST_CHECK;

/* "pending", "approved", ... */
const char *sp_store_state_name(enum sp_store_state st);

#endif
