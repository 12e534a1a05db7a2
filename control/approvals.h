/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What one attached session may ask of control: file a request, decide
 * another's, use an approval. Each function reads its message's body, acts for
 * the verified person of that session and fills the reply's body; none knows of
 * sockets.
 */
#ifndef SALLYPORT_CONTROL_APPROVALS_H
#define SALLYPORT_CONTROL_APPROVALS_H

#include <stdint.h>

#include "control/feed.h"
#include "control/store.h"
#include "lib/buf.h"

struct sp_policy_subject;

#define SP_APPROVALS_LIST_MAX ((size_t)900 * 1024) /* bytes of a LIST reply */
#define SP_APPROVALS_SHOWN_MAX 4096		   /* bytes of a statement in a list */

struct sp_approvals {
	struct sp_store *store;
	struct sp_feed *feed;
};
/* The person behind a session's channel. */
struct sp_approvals_actor {
	struct sp_store_person person;
	const struct sp_policy_subject *subject;
};

/* Each: 0 (the reply says yes or no), or an error of the message itself (FORMAT, LIMIT, INCOMPLETE, NOMEM) that ends the channel. */
int sp_approvals_request(struct sp_approvals *a, const struct sp_approvals_actor *who, struct sp_buf *body,
    struct sp_buf *reply) SP_MUST_CHECK;
int sp_approvals_consume(struct sp_approvals *a, const struct sp_approvals_actor *who, struct sp_buf *body,
    struct sp_buf *reply) SP_MUST_CHECK;
int sp_approvals_list(struct sp_approvals *a, const struct sp_approvals_actor *who, struct sp_buf *body,
    struct sp_buf *reply) SP_MUST_CHECK;
/* id gets the request's id when its requester must now be told a verdict, "" otherwise. */
int sp_approvals_decide(struct sp_approvals *a, const struct sp_approvals_actor *who, struct sp_buf *body,
    struct sp_buf *reply, char id[SP_STORE_ID_LEN + 1]) SP_MUST_CHECK;
int sp_approvals_cancel(struct sp_approvals *a, const struct sp_approvals_actor *who, struct sp_buf *body,
    char id[SP_STORE_ID_LEN + 1]) SP_MUST_CHECK;
/* The body of VERDICT for a request. */
void sp_approvals_verdict(const struct sp_store_request *r, struct sp_buf *body);

#endif
