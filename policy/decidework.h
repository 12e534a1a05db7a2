/* SPDX-License-Identifier: Apache-2.0 */
/* What the files that decide share. Used only by policy/decide*.c. */
#ifndef SALLYPORT_POLICY_DECIDEWORK_H
#define SALLYPORT_POLICY_DECIDEWORK_H

#include "policy/decide.h"
#include "policy/model.h"

struct sp_decide_mark;

struct sp_decide_scope {
	const struct sp_policy_image *image;
	const struct sp_policy_connection *connection;
	size_t n;
	const struct sp_policy_rule **rules; /* those whose `who` and `on` match */
	size_t nmarks;
	struct sp_decide_mark *marks; /* of those that mask columns */
};

/* One decision in the making. */
struct sp_decide_work {
	const struct sp_decide_scope *scope;
	const struct sp_decide_request *req;
	struct sp_decision *d;
	unsigned int nesting;
	bool is_refused; /* a deny that nothing can change has been reached */
};

/* decide.c */
void sp_decide_refuse(struct sp_decide_work *w, const char *fmt, ...) SP_PRINTF(2, 3);
/* Whether a asks for more than b. */
bool sp_decide_is_stricter(const struct sp_policy_rule *a, const struct sp_policy_rule *b);
void sp_decide_mask(struct sp_decide_work *w, const struct sp_policy_rule *r);
/* The same for the contents of files. */
void sp_decide_scan(struct sp_decide_work *w, const struct sp_policy_rule *r);
/* Takes the strictest rule of one action into the decision. */
void sp_decide_take(struct sp_decide_work *w, const struct sp_policy_rule *r);

/* decideline.c. Each after sp_decide_connect(), whose deny stays. */
void sp_decide_line(struct sp_decide_work *w);
void sp_decide_exec_one(struct sp_decide_work *w);
void sp_decide_terminal(struct sp_decide_work *w);
/* What a rule that lets through says of the session. */
void sp_decide_terms(struct sp_decide_work *w, const struct sp_policy_rule *r);
/* decidefile.c. After sp_decide_connect(), whose deny stays. */
void sp_decide_file_one(struct sp_decide_work *w);
bool sp_decide_file_matches(const struct sp_decide_request *q, const struct sp_policy_rule *r);

/* decidenetwork.c. After sp_decide_connect(), whose deny stays. */
void sp_decide_network_one(struct sp_decide_work *w);

/* decideline.c: whether a rule is about any part of what is asked. */
bool sp_decide_line_matches(const struct sp_policy_connection *c, const struct sp_decide_request *q,
    const struct sp_policy_rule *r);

#endif
