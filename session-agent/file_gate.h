/* SPDX-License-Identifier: Apache-2.0 */
/*
 * May this be done to that file? One gate serves one ssh connection of a session, whatever protocol carries the files
 * (sftp_*.c, and the older ones of scp and rsync). It decides by the policy in force, has approvals asked for, and puts
 * on record: each operation before it is done (STATEMENT), what came of it (RESULT), and each transfer (TRANSFER).
 *
 *	gate = sp_file_gate_new(session, connection)
 *	r = sp_file_gate_ask(gate, ask, on_answer, ctx, &request)
 *		0:	may be done now; answer is in ret_answer
 *		DENIED:	may not; answer.message says why, for the person
 *		AGAIN:	on_answer will be called once, later (approval, record, disk), unless the request is dropped
 *	... the target does it ...
 *	sp_file_gate_result(gate, answer.seq, "ok")
 *	sp_file_gate_transfer(gate, &transfer)		when bytes of a file have moved
 *
 * The kind calls sp_file_gate_record_ready() and sp_file_gate_policy_changed() from its hooks of those names. What is
 * still going on must be asked about again after a change of policy: sp_file_gate_look().
 */
#ifndef SALLYPORT_SESSION_AGENT_FILE_GATE_H
#define SALLYPORT_SESSION_AGENT_FILE_GATE_H

#include <stdbool.h>
#include <stdint.h>

#include "policy/decide.h"
#include "policy/file.h"
#include "session-agent/session.h"

#define SP_FILE_GATE_WAITING_MAX 64 /* requests of one gate that wait; one more is refused */
#define SP_FILE_GATE_NO_SIZE UINT64_MAX

struct sp_file_gate;
struct sp_file_copy;
struct sp_file_scan;
struct sp_file_request;

struct sp_file_ask {
	const char *op;	     /* what it is called on record: "open", "rename", "scp -t" …; one word or two of plain ASCII */
	uint32_t words;	     /* SP_FILE_BIT of all it needs */
	const char *path;    /* as policy/file.h has it */
	const char *path2;   /* the same, or NULL */
	uint64_t size;	     /* bytes to be sent, where that is known before; SP_FILE_GATE_NO_SIZE: it is not */
	bool is_file, is_tree, is_advisory; /* see struct sp_decide_file */
	const char *details; /* more of what is asked, for approver, digest and record: one line; NULL: nothing */
};

struct sp_file_answer {
	bool is_allowed;
	uint64_t seq;	     /* the statement's number on record */
	const char *message; /* not allowed: one line for the person, which lives as long as the call */
	/*
	 * Allowed: the decision, for its masks and rule, valid until the loop runs again. Its nmasks is what must be
	 * looked for in bytes that go to the person; its scans are for sp_file_scan_new().
	 */
	const struct sp_decision *decision;
	bool is_approved; /* by people: sp_file_gate_look() has to be told */
	/*
	 * Where its scans keep what they refuse: the copy that has to be made of what passes, for who takes it and sets
	 * this to NULL; it goes with the call otherwise. NULL, or of NULL: there is none.
	 */
	struct sp_file_copy **copy;
};
typedef void sp_file_gate_cb(const struct sp_file_answer *answer, void *ctx);

/* NOMEM, LIMIT (the name). */
int sp_file_gate_new(struct sp_session *s, const char *connection, struct sp_file_gate **ret_gate) SP_MUST_CHECK;
/* Drops what waits; an approval that waits is cancelled. NULL is fine. */
void sp_file_gate_free(struct sp_file_gate *gate);

/* As above. ret_request is set with AGAIN only; the ask is copied. *ret_answer is set with 0 and DENIED. */
int sp_file_gate_ask(struct sp_file_gate *gate, const struct sp_file_ask *ask, sp_file_gate_cb *cb, void *ctx,
    struct sp_file_answer *ret_answer, struct sp_file_request **ret_request) SP_MUST_CHECK;
/* Nobody waits for the answer any more: cb will not be called. Not from inside of cb. */
void sp_file_gate_drop(struct sp_file_request *request);
bool sp_file_gate_is_waiting(const struct sp_file_gate *gate);

/*
 * Whether what was allowed would be allowed by the policy in force now; nothing is recorded. is_approved: as it was
 * answered.
 */
bool sp_file_gate_look(struct sp_file_gate *gate, const struct sp_file_ask *ask, bool is_approved);

/* Whether what it shows would have to be masked, by the policy in force now. */
bool sp_file_gate_is_masked(struct sp_file_gate *gate, const struct sp_file_ask *ask);

/* Whether scan, which may be NULL, is what the policy in force now wants of its contents. */
bool sp_file_gate_is_scanned_so(struct sp_file_gate *gate, const struct sp_file_ask *ask, const struct sp_file_scan *scan);

/* What came of an operation: "ok", or what the target said. Late: never AGAIN for long; an error means it is lost. */
void sp_file_gate_result(struct sp_file_gate *gate, uint64_t seq, const char *status);
/* Denies on record what never came to a decision: bytes or a path that cannot be understood. */
void sp_file_gate_refuse(struct sp_file_gate *gate, const char *op, const char *text, const char *reason);

enum sp_file_direction {
	SP_FILE_UPLOAD = 1, /* person to target */
	SP_FILE_DOWNLOAD
};
struct sp_file_transfer {
	uint64_t seq; /* of the statement that let it begin */
	const char *path;
	enum sp_file_direction direction;
	uint64_t offset;	 /* where in the file it began: not 0 where one is resumed */
	uint64_t bytes;		 /* that moved */
	uint64_t size;		 /* of the whole file; SP_FILE_GATE_NO_SIZE: not known */
	const uint8_t *sha256;	 /* 32 bytes, of what moved, in order; NULL: it did not move in order */
	const char *incomplete;	 /* why it is not complete; NULL: it is, as far as can be seen */
	const char *masked_json; /* {"kind": count}; NULL: nothing was masked */
	struct sp_file_scan *scan; /* what was looked for in it; NULL: nothing */
	uint64_t duration_ns;
};
/* Has kept what was refused in t's transfer, if that was for what is in it. is_complete: all that there was has come.
 */
void sp_file_gate_keep(
    struct sp_file_gate *gate, struct sp_file_copy *copy, const struct sp_file_transfer *t, bool is_complete);
void sp_file_gate_transfer(struct sp_file_gate *gate, const struct sp_file_transfer *t);

void sp_file_gate_record_ready(struct sp_file_gate *gate);
void sp_file_gate_policy_changed(struct sp_file_gate *gate);

#endif
