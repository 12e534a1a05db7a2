/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The inside of `scp -O` and rsync to a target host: copy_proxy.c has its life, copy_scp.c proxies scp's protocol message
 * by message, copy_rsync.c decides what rsync may do before it starts, copy_words.c reads the command. The decisions are
 * file_gate.c's, the transport is ssh_transport.c's, the bytes are copy_pump.c's.
 */
#ifndef SALLYPORT_SESSION_AGENT_COPY_PROXY_H
#define SALLYPORT_SESSION_AGENT_COPY_PROXY_H

#include <stdbool.h>
#include <stdint.h>

#include "policy/limits.h"
#include "proto/rsync.h"
#include "proto/scp.h"
#include "session-agent/copy_pump.h"
#include "session-agent/file_copy.h"
#include "session-agent/file_gate.h"
#include "session-agent/session.h"

#define SP_COPY_REFUSED 1	/* exit status of what policy refuses, as scp and rsync have it for an error */
#define SP_COPY_LINES_MAX 256	/* lines of the host's stderr that are shown */
#define SP_COPY_TEXT_MAX 2048	/* bytes of what a host says, masked */

struct sp_ssh_proxy;

/* What a command asks for, as its words say. Views into argv. */
struct sp_copy_words {
	bool is_rsync;
	bool is_upload;
	struct sp_scp_request scp;
	struct sp_rsync_request rsync;
	char connection[SP_POLICY_NAME_MAX + 1];
	const char *paths[SP_RSYNC_PATHS_MAX]; /* of the host, absolute; a slash at the end stays */
	size_t n_paths;
};

/* One file or directory, from the decision on. */
struct sp_copy_entry {
	bool is_asked; /* decided; a result is due */
	bool is_open;  /* the sink takes its bytes */
	uint32_t words;
	char paths[2][SP_SCP_PATH_MAX];
	size_t n_paths;
	uint64_t seq, size, bytes;
	bool is_approved;
	int64_t began_ms;
	void *hash; /* EVP_MD_CTX */
	struct sp_file_scan *scan; /* NULL: nothing is looked for */
	struct sp_file_copy *copy; /* of what passes, for the quarantine; NULL: none is kept */
};

struct sp_copy {
	struct sp_session *session;
	char name[SP_POLICY_NAME_MAX + 1];
	char **argv;
	size_t argc;
	struct sp_copy_words words;
	struct sp_file_gate *gate;
	struct sp_file_request *request; /* waits for an answer; NULL: none does */
	struct sp_ssh_proxy *transport;
	struct sp_copy_pump pump;
	uint8_t key[32]; /* of the hash transform of masks */
	unsigned lines;	 /* of stderr */
	bool is_started; /* the transport is */
	bool is_over;	 /* its client has ended */
	bool is_done;	 /* so has the session, but for what is on its way */
	int status;

	/* scp */
	struct sp_scp *scp;
	struct sp_copy_entry entry;
	bool owes_start; /* the person has had the host's first answer from us */
	unsigned refused;

	/* rsync */
	size_t asked; /* of the paths */
	bool approved[SP_RSYNC_PATHS_MAX];
	uint64_t seqs[SP_RSYNC_PATHS_MAX];
	int64_t began_ms;
};

/* copy_words.c */
/* Reads the words of scp or rsync. NULL, or one line for the person: what is not taken. */
const char *sp_copy_words_read(size_t argc, const char *const argv[], struct sp_copy_words *ret_w);
/* Puts path without slashes at its end into out. */
void sp_copy_words_path(const char *path, char out[SP_SCP_PATH_MAX]);

/* copy_proxy.c */
/* Starts the host's end of it, under the statement seq. Ends the session if that cannot be done. */
void sp_copy_start(struct sp_copy *c, uint64_t seq);
void sp_copy_run(struct sp_copy *c); /* whatever can be done now is done */
/* Ends the session once what is on its way to the person is there. */
void sp_copy_finish(struct sp_copy *c, int status);
/* Ends it after one line for the person. */
void sp_copy_fail(struct sp_copy *c, int status, const char *text);
/* What the host says, masked as policy in force has it, plain, in out; also put on record. */
void sp_copy_said(struct sp_copy *c, bool is_host, const char *text, char out[SP_COPY_TEXT_MAX + 1]);

/* copy_scp.c */
int sp_copy_scp_begin(struct sp_copy *c) SP_MUST_CHECK;
void sp_copy_scp_run(struct sp_copy *c);
bool sp_copy_scp_may(struct sp_copy *c); /* what is under way, by the policy in force */
void sp_copy_scp_end(struct sp_copy *c);

/* copy_rsync.c */
int sp_copy_rsync_begin(struct sp_copy *c) SP_MUST_CHECK;
void sp_copy_rsync_run(struct sp_copy *c);
bool sp_copy_rsync_may(struct sp_copy *c);
void sp_copy_rsync_end(struct sp_copy *c);

#endif
