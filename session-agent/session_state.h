/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The inside of a session, shared by the files that make up sallyport-session and
 * by no other: session.c (life and death), record.c, approval.c, monitor_link.c,
 * question.c, client.c, limits.c, terminal.c, relay*.c, dispatch.c, builtin.c. Kinds use session.h.
 */
#ifndef SALLYPORT_SESSION_AGENT_SESSION_STATE_H
#define SALLYPORT_SESSION_AGENT_SESSION_STATE_H

#include <event2/event.h>
#include <jansson.h>
#include <sys/queue.h>

#include "lib/ulid.h"
#include "policy/limits.h"
#include "runtime/peer.h"
#include "session-agent/session.h"

#define SP_SESSION_CHUNK 16384		/* bytes read at once */
#define SP_SESSION_PRINT_MAX ((size_t)8 * 1024 * 1024) /* bytes a built-in command may have waiting */
#define SP_SESSION_AWAY_MS 10000	/* how long a missing recorder is waited for */
#define SP_SESSION_POLICY_MS 2000	/* how long the first policy is waited for */
#define SP_SESSION_FINISH_MS 10000	/* how long the end of the record is waited for */
#define SP_SESSION_KEEP_MS 300000	/* how long sallyportd is waited for, with a ring that nobody else has */
#define SP_SESSION_DURABLE_MAX 64	/* SYNCs under way */
#define SP_SESSION_APPROVALS_MAX 16
#define SP_SESSION_QUESTIONS_MAX 16	/* to sallyportd, under way */
#define SP_SESSION_PASSWORD_MAX 16384	/* bytes of a target's; a private key can be that long */
#define SP_SESSION_LOST_MS 500		/* after which a lost channel is asked for again, unless it is back */
#define SP_SESSION_LOST_AGAIN_MS 10000	/* and from then on */
#define SP_SESSION_MESSAGE_MAX 4096
#define SP_SESSION_FORWARDED_MAX 64	/* forwarded connections that wait for the session to begin */
#define SP_SESSION_SECRET 32
#define SP_SESSION_STATUS 254		/* exit status of Sallyport's own failures */

enum sp_session_stage {
	SP_SESSION_BORN = 0,	/* waits for BEGIN, then for the recorder */
	SP_SESSION_POLICYLESS,	/* recorded; waits for the first policy */
	SP_SESSION_SERVING,	/* a built-in command or a kind runs */
	SP_SESSION_FLUSHING,	/* over: what was printed goes out */
	SP_SESSION_FINISHING,	/* waits for the recorder to close the record */
	SP_SESSION_OVER
};

struct sp_policy_copy;
struct sp_session_durable;
struct sp_policy_terms;
struct sp_relay;
struct sp_session_question;

/* limits.c */
struct sp_session_limits {
	struct event *timer; /* NULL: no connection is served */
	char connection[SP_POLICY_NAME_MAX + 1];
	uint32_t idle, max; /* seconds, 0: none */
	int64_t began_ms;
	int64_t last_ms; /* when something was last typed, begun or seen to run */
	bool is_idle_told;
	bool is_max_told;
};

struct sp_session {
	struct event_base *base;
	enum sp_session_stage stage;
	int status;
	bool is_signaled;
	const char *end_reason;
	char end_text[400];

	/* who and what: BEGIN */
	char id[SP_ULID_LEN + 1];
	struct sp_secret *secret;
	json_t *identity;
	json_t *origin;
	const char *from; /* in origin: the person's address, or NULL */
	const char *endpoint; /* in origin: the connection that it was asked for through ssh -J, or NULL */
	const char *forward; /* in origin: the connection whose forwarded connections it serves, or NULL */
	int forwarded[SP_SESSION_FORWARDED_MAX]; /* of those, the ones that wait to be served */
	unsigned nforwarded;
	char *identity_text;
	char *origin_text;
	char user[64];
	uid_t uid;
	uint32_t ses;
	char *command;
	char *term;
	char *lang;
	bool has_tty;
	uint32_t rows;
	uint32_t cols;
	int in, out, err; /* the person's */

	/* sallyportd */
	struct sp_peer *monitor;
	struct event *monitor_retry;
	unsigned monitor_pause_ms;
	bool is_resumed; /* RESUME was answered */
	uint32_t next_id;
	TAILQ_HEAD(, sp_session_question) questions;
	unsigned nquestions;
	struct event *question_timer;
	struct event *lost_timer;

	/* recorder */
	struct sp_peer *recorder;
	int ring_fd;
	bool is_stored; /* the recorder has closed the record */
	void *ring_map;
	struct sp_ring *ring;
	struct sp_buf *event;
	struct event *record_timer; /* for room, or for the recorder to come back */
	int64_t away_since;	    /* ms; 0: it is there */
	bool wants_room;
	char *fault;
	bool is_unread; /* the recorder no longer reads the ring: nothing at all is let through */
	uint64_t seq;
	TAILQ_HEAD(, sp_session_durable) durables;
	unsigned ndurables;

	/* control */
	struct sp_peer *control;
	struct sp_policy_copy *policy_copy;
	const struct sp_policy_image *policy; /* that copy's, or NULL */
	struct sp_policy_subject *subject;
	TAILQ_HEAD(, sp_approval) approvals;
	unsigned napprovals;
	bool is_unheard; /* nobody reads the standard output: nothing is held for an approval any more */
	void (*on_list)(struct sp_session *s, const json_t *list);		 /* a built-in command waits */
	void (*on_decided)(struct sp_session *s, uint32_t verdict, const char *message);

	/* forcecmd */
	struct sp_peer *client;
	bool is_raw;

	/* output of built-in commands */
	struct sp_buf *print;	 /* not yet recorded */
	struct sp_buf *to_out;	 /* recorded, going out */
	struct event *out_event;
	int out_flags; /* of the person's stdout before O_NONBLOCK; -1: untouched */

	/* the tool and its terminal */
	int pty_master;
	int pty_slave;
	struct sp_relay *relay; /* relay.c; NULL: no program, or one with the person's own descriptors */
	bool has_tool;		/* forcecmd was asked to start one */
	bool is_tool_gone;
	bool is_paused; /* by an operator */
	bool is_discarded, is_late; /* at the end: nobody reads what is shown; nor is more waited for that belongs on record */

	/* the kind that serves */
	const struct sp_kind *kind;
	void *kind_ctx;

	struct event *timer; /* of the stage */
	struct sp_session_limits limits;
	bool is_control_away; /* sallyportd says so: no policy will come soon */
};

/* session.c */
int sp_session_init(struct sp_session *s, struct event_base *base) SP_MUST_CHECK;
int sp_session_open_out(struct sp_session *s) SP_MUST_CHECK;
void sp_session_clear(struct sp_session *s);
void sp_session_begin(struct sp_session *s); /* BEGIN was read */
void sp_session_recorder_ready(struct sp_session *s);
void sp_session_policy_ready(struct sp_session *s);
/* Control is away: what needs no policy is served at once. */
void sp_session_control_away(struct sp_session *s);
/* Ends it whatever it is doing; the person is told the reason. */
void sp_session_end(struct sp_session *s, const char *reason);
/* Nothing flows between the person and the target until it is resumed; the person is told text. */
void sp_session_pause(struct sp_session *s, bool is_paused, const char *text);
/* Called whenever something went out or was recorded: does what can now be done. */
void sp_session_pump(struct sp_session *s);
/* A built-in command waits for control, for a bounded time. */
void sp_session_wait_control(struct sp_session *s);
void sp_session_finished(struct sp_session *s);
/* Nobody reads its standard output: it ends if something waits for an approval. */
void sp_session_unheard(struct sp_session *s);
/* sallyportd does not know it (any more): its record was closed without it. */
void sp_session_unknown(struct sp_session *s);
/* True: it is over, but its ring has what nobody has stored, and sallyportd is away; so the process stays a while. */
bool sp_session_keep(struct sp_session *s);
uint32_t sp_session_new_id(struct sp_session *s);

/* record.c */
int sp_record_init(struct sp_session *s) SP_MUST_CHECK;
int sp_record_channel(struct sp_session *s, int fd, int ring) SP_MUST_CHECK; /* takes over both */
void sp_record_finish(struct sp_session *s);
void sp_record_free(struct sp_session *s);

/* approval.c */
int sp_control_channel(struct sp_session *s, int fd) SP_MUST_CHECK; /* takes over */
int sp_control_list(struct sp_session *s, bool all) SP_MUST_CHECK;
int sp_control_sessions(struct sp_session *s) SP_MUST_CHECK; /* answered by on_list */
int sp_control_decide(struct sp_session *s, const char *id, bool approve, const char *reason) SP_MUST_CHECK;
void sp_control_free(struct sp_session *s);

/* monitor_link.c */
int sp_monitor_link(struct sp_session *s, int fd) SP_MUST_CHECK;
void sp_monitor_done(struct sp_session *s);
/* The channel to the recorder or control has ended: sallyportd is asked for another one, unless it comes by itself. */
void sp_monitor_lost(struct sp_session *s);
void sp_monitor_free(struct sp_session *s);

/* question.c */
int sp_questions_init(struct sp_session *s) SP_MUST_CHECK;
void sp_questions_resumed(struct sp_session *s); /* asks what has waited */
void sp_questions_lost(struct sp_session *s); /* sallyportd is away */
sp_peer_handler sp_question_on_credential, sp_question_on_listen, sp_question_on_ssh, sp_question_on_account,
    sp_question_on_copy, sp_question_on_keep;
void sp_questions_free(struct sp_session *s);

/* client.c */
int sp_client_new(struct sp_session *s, int fd) SP_MUST_CHECK;
void sp_client_exit(struct sp_session *s);
void sp_client_raw(struct sp_session *s, bool raw);
void sp_client_kill(struct sp_session *s, int sig);

/* limits.c */
int sp_limits_start(struct sp_session *s, const struct sp_policy_connection *c) SP_MUST_CHECK;
void sp_limits_touch(struct sp_session *s); /* the person did something */
/* Whether those that count are as short as these, or shorter. */
bool sp_limits_cover(const struct sp_session *s, uint32_t idle, uint32_t max);
void sp_limits_policy_changed(struct sp_session *s);
void sp_limits_free(struct sp_session *s);

/* forwarded.c */
/* A connection that sallyportd has proven to be the person's; taken over. */
void sp_forwarded_take(struct sp_session *s, int fd);
void sp_forwarded_serve(struct sp_session *s); /* the kind has started: those that waited */
void sp_forwarded_policy_changed(struct sp_session *s);
void sp_forwarded_free(struct sp_session *s);

/* terminal.c */
int sp_terminal_make(struct sp_session *s) SP_MUST_CHECK; /* before the sandbox */
void sp_terminal_resize(struct sp_session *s, uint32_t rows, uint32_t cols);
void sp_terminal_free(struct sp_session *s);

/* dispatch.c and builtin.c */
void sp_dispatch(struct sp_session *s);
bool sp_builtin_is(const char *name);
/* Runs the built-in command argv[0] (argc 0: the short help). */
void sp_builtin_run(struct sp_session *s, size_t argc, const char *const argv[]);
/* Whether this person may reach the connection at all. */
bool sp_dispatch_may_reach(const struct sp_session *s, const struct sp_policy_connection *c);
/* The same, and on what terms; their strings are the policy's. */
bool sp_dispatch_terms(const struct sp_session *s, const struct sp_policy_connection *c,
    struct sp_policy_terms *ret_terms) SP_MUST_CHECK;

#endif
