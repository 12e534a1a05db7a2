/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a store of requests is kept in. The rules of P6 are in store.c, once for
 * all; a backend keeps rows, and is asked for them within its transactions. One
 * more is a file here, a line in stores.c and its name in tests/unit/test_store.c.
 */
#ifndef SALLYPORT_CONTROL_BACKEND_H
#define SALLYPORT_CONTROL_BACKEND_H

#include "control/store.h"

/* A backend's own struct begins with it. */
struct sp_store {
	const struct sp_backend *backend;
};

/* Unless it says otherwise each returns 0 or SYSTEM; a failure leaves nothing half done. */
struct sp_backend {
	const char *name; /* `database: NAME:WHERE` */
	/*
	 * Opens or creates it, where being what follows the colon, an absolute path; the sandbox lets its folder be
	 * written. ret_s is freed with close(). SYSTEM, FORMAT (not ours, or from a newer version), NOMEM.
	 */
	int (*open)(const char *where, struct sp_store **ret_s);
	void (*close)(struct sp_store *s);
	const char *(*error)(const struct sp_store *s); /* text for the last failure, valid until the next call */
	/*
	 * A transaction that keeps every other writer out from begin on. end: commits when r is 0 and returns only when
	 * that is on disk; else undoes all of it and returns r.
	 */
	int (*begin)(struct sp_store *s);
	int (*end)(struct sp_store *s, int r);

	/* Requests. insert: pending, its statement cut at SP_STORE_STATEMENT_MAX. get: NOT_FOUND, FORMAT, NOMEM. */
	int (*insert)(struct sp_store *s, const struct sp_store_filing *f, const char *id);
	int (*get)(struct sp_store *s, const char *id, struct sp_store_request *ret_r);
	int (*set_state)(struct sp_store *s, const char *id, enum sp_store_state st, const char *reason, int64_t now);
	int (*count_open)(struct sp_store *s, const char *session, int64_t *ret_n); /* pending or approved */
	/* The earliest end of an open request, 0 if there is none. */
	int (*next_end)(struct sp_store *s, int64_t *ret_next);
	/* As sp_store_walk(). */
	int (*walk)(struct sp_store *s, bool all, sp_store_each *cb, void *ctx);
	/*
	 * Moves every open request that is overdue at now, or was filed under another policy version than version, to st
	 * in one step and calls cb for each as it then is. Errors also as cb.
	 */
	int (*sweep_overdue)(struct sp_store *s, enum sp_store_state st, int64_t now, sp_store_each *cb, void *ctx);
	int (*sweep_policy)(struct sp_store *s, uint64_t version, enum sp_store_state st, const char *reason, int64_t now,
	    sp_store_each *cb, void *ctx);

	/* Decisions. EXISTS: somebody with this login has approved it; this (issuer, subject) has decided it. */
	int (*has_approved)(struct sp_store *s, const char *id, const char *login);
	int (*add_decision)(struct sp_store *s, const char *id, const struct sp_store_person *p, bool approve,
	    const char *reason, int64_t now);

	/* Calls cb for everybody who has approved it. Errors also as cb. */
	int (*walk_approvers)(struct sp_store *s, const char *id, sp_store_approver *cb, void *ctx);

	/* Versions of the policy: the highest (0: none yet), and the next one, which is never one given before. */
	int (*policy_last)(struct sp_store *s, uint64_t *ret_version, uint8_t digest[SP_STORE_DIGEST_LEN]);
	int (*policy_add)(struct sp_store *s, const uint8_t digest[SP_STORE_DIGEST_LEN], uint64_t *ret_version);
};

/* The table (stores.c), NULL-ended; the first is meant where only a path is given. */
extern const struct sp_backend *const sp_stores[];

#endif
