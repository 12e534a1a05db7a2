/* SPDX-License-Identifier: Apache-2.0 */
/* Decide, record, then act: whether the statement at the front of a client's buffer may go on. */
#ifndef SALLYPORT_SESSION_AGENT_POSTGRES_ADMIT_H
#define SALLYPORT_SESSION_AGENT_POSTGRES_ADMIT_H

#include <stdbool.h>

#include "session-agent/postgres_conn.h"

/* What is to be admitted: all that this one message may stand for. */
struct sp_postgres_ask {
	unsigned n_texts;
	struct sp_postgres_text *texts[SP_POSTGRES_CANDIDATES_MAX];
	unsigned n_portals; /* their parameters; 0 for a Query or Parse */
	struct sp_postgres_candidate *portals[SP_POSTGRES_CANDIDATES_MAX];
	bool is_parse; /* only prepared: recorded and decided, but approval is asked at Execute */
};

/*
 * 0: decided, recorded and durable; *ret_run is set (its is_refused says no) and *ret_v holds the verdict
 * (caller clears). AGAIN: held, c->hold says for what; call again with the same message. NOMEM.
 */
int sp_postgres_admit(struct sp_postgres_conn *c, const struct sp_postgres_ask *ask, struct sp_postgres_run **ret_run,
    struct sp_postgres_verdict *ret_v) SP_MUST_CHECK;
/* The front message is done with: forget what was found out about it. */
void sp_postgres_admit_done(struct sp_postgres_conn *c);
/* A run that is refused for a reason of the protocol, not of policy; recorded as a refusal. NULL: out of memory. */
struct sp_postgres_run *sp_postgres_admit_refuse(struct sp_postgres_conn *c, const char *sqlstate, const char *message);

#endif
