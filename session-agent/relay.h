/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The inside of the relay (session.h), shared by relay.c (its life), relay_out.c (program to person) and relay_in.c
 * (person to program), and what session.c, client.c and terminal.c ask of it.
 */
#ifndef SALLYPORT_SESSION_AGENT_RELAY_H
#define SALLYPORT_SESSION_AGENT_RELAY_H

#include "session-agent/session_state.h"
#include "session-agent/hide.h"
#include "session-agent/sieve.h"

struct sp_relay;

#define SP_RELAY_CHUNK ((size_t)64 * 1024) /* bytes read at once, and of one event */
#define SP_RELAY_TYPED_MAX ((size_t)256 * 1024) /* bytes of the person's that the program has not taken */
/*
 * What is held for the detectors is shown after so long without more, and so long at most while more comes and nothing of
 * it can be decided: soon while a line is being edited, where it would be felt. Elsewhere it is the rest of a value that
 * is on its way from a program which a busy machine has interrupted.
 */
#define SP_RELAY_EDIT_QUIET_MS 20
#define SP_RELAY_EDIT_HELD_MS 100
#define SP_RELAY_QUIET_MS 250
#define SP_RELAY_HELD_MS 1000
#define SP_RELAY_DRAIN_MS 200	/* after the program's end, so long without output is its end too */
#define SP_RELAY_ECHO_MAX 8	/* bytes of one key's echo: more is output */
#define SP_RELAY_ECHO_MS 500	/* a key that was not echoed by then is not waited for */

/* One way from the program to the person. */
struct sp_relay_outlet {
	struct sp_relay *relay;
	enum sp_relay_stream stream;
	int from; /* ours, of the program's output; -1: it ended, or nobody reads */
	int to;	  /* the person's */
	int flags; /* of to, before O_NONBLOCK; -1: untouched */
	struct event *rd, *wr, *quiet;
	struct sp_sieve_stream *sieve;
	struct sp_buf *masked; /* not on record yet */
	struct sp_buf *out;    /* on record, going out */
	int64_t held_ms;       /* since when nothing of what is held was shown; 0: nothing is */
	bool is_ended;	       /* the program's side: everything is in masked or behind it */
	bool is_shut;	       /* the person has been told, or nobody reads */
};

/* What is typed, as far as its echo and its record go. */
struct sp_relay_typing {
	uint8_t keys[SP_RELAY_ECHO_MAX]; /* typed, not echoed yet */
	size_t nkeys;
	int64_t at_ms; /* when */
	int64_t edit_ms; /* the last key that was not the end of a line; 0: that was the last */
	bool is_unechoed; /* a password is being typed: until the end of the line */
	char tail[64]; /* the end of the line shown last */
	size_t ntail;
};

struct sp_relay {
	struct sp_session *s;
	unsigned flags;
	const struct sp_relay_hooks *hooks;
	void *ctx;
	char connection[SP_POLICY_NAME_MAX + 1]; /* "": nothing is masked here */
	uint8_t key[SP_SIEVE_KEY];
	struct sp_sieve *sieve;
	struct sp_hide *hide; /* NULL: nothing but what policy masks */
	int theirs[3]; /* the program's ends, until it has them */
	bool is_running, is_gone, is_paused;
	bool is_signaled;
	int value;
	struct event *drain;
	uint8_t *chunk;

	struct sp_relay_outlet outlets[2];
	unsigned n_outlets;

	int sink; /* ours, of the program's input: the pty's master or a pipe; -1: closed */
	struct event *in_rd, *sink_wr;
	struct sp_buf *offered; /* read from the person, held by the hook or for room in the record */
	struct sp_buf *typed;	/* going to the program */
	size_t dropped;		/* by the hook, of what it is being offered */
	bool in_eof;
	bool in_held; /* by the hook: offered again with more, or when it asks */
	bool in_full; /* for room, here or in the record: offered again at any time */
	struct sp_relay_typing typing;
};

/* relay.c */
/* c may be NULL: nothing is masked, for the protocol's proxy has done it. */
int sp_relay_new(struct sp_session *s, const struct sp_policy_connection *c, unsigned flags,
    const struct sp_relay_hooks *hooks, void *ctx, int ret_fds[3]) SP_MUST_CHECK;
void sp_relay_free(struct sp_session *s);
/* Whatever can be done now is done; the session's end, once all is shown. */
void sp_relay_pump(struct sp_session *s);
/* Whether nothing is on its way out to the person any more. */
bool sp_relay_is_flushed(const struct sp_session *s);
void sp_relay_discard(struct sp_session *s); /* the person does not read */
void sp_relay_restore(struct sp_session *s); /* the person's descriptors are as they were */
void sp_relay_policy_changed(struct sp_session *s);
void sp_relay_resized(struct sp_session *s);
void sp_relay_pause(struct sp_session *s, bool is_paused);

/* relay_out.c */
int sp_relay_outlet_init(struct sp_relay_outlet *o, struct sp_relay *r, enum sp_relay_stream stream, int from,
    int to) SP_MUST_CHECK;
void sp_relay_outlet_clear(struct sp_relay_outlet *o);
void sp_relay_outlet_run(struct sp_relay_outlet *o);
void sp_relay_outlet_end(struct sp_relay_outlet *o); /* no more comes from the program */
bool sp_relay_outlet_is_idle(const struct sp_relay_outlet *o);
int sp_relay_outlet_sieve(struct sp_relay_outlet *o, struct sp_sieve *sieve) SP_MUST_CHECK;

/* relay_in.c */
int sp_relay_in_init(struct sp_relay *r, int sink) SP_MUST_CHECK;
void sp_relay_in_clear(struct sp_relay *r);
void sp_relay_in_run(struct sp_relay *r);
/* Whether p is nothing but the echo of what was typed just now. */
bool sp_relay_in_is_echo(struct sp_relay *r, const uint8_t *p, size_t n);
/* Whether a line is being edited: the last key came just now, and was not the end of one. */
bool sp_relay_in_is_editing(const struct sp_relay *r);
/* The program showed p: what a password is asked with is remembered. */
void sp_relay_in_shown(struct sp_relay *r, const uint8_t *p, size_t n);

#endif
