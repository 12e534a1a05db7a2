/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What sallyportd knows: logins (who holds which kernel audit session) and live
 * sessions, each with a root-only state file, so that a sallyportd that was
 * killed knows them again. The structs are open: they are the working state of
 * one program, shared by its services (login.c, start.c, channel.c, broker.c).
 */
#ifndef SALLYPORT_SESSION_AGENT_REGISTRY_H
#define SALLYPORT_SESSION_AGENT_REGISTRY_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>
#include <sys/types.h>

#include "lib/err.h"
#include "lib/secret.h"
#include "lib/ulid.h"
#include "policy/settings.h"

#define SP_REGISTRY_LOGINS_MAX 4096
#define SP_REGISTRY_SESSIONS_MAX 2048
#define SP_REGISTRY_PER_PERSON_MAX 64
#define SP_REGISTRY_STARTS_MAX 60 /* STARTs of one login within SP_REGISTRY_STARTS_SECONDS */
#define SP_REGISTRY_STARTS_SECONDS 10
#define SP_REGISTRY_FORWARDS_MAX 256 /* forwarded connections of one person within SP_REGISTRY_STARTS_SECONDS */
#define SP_REGISTRY_SECRET 32 /* bytes */
#define SP_REGISTRY_STATE_MAX ((size_t)512 * 1024) /* bytes of a state file */

struct event;
struct event_base;
struct sp_broker;
struct sp_credential_runs;
struct sp_forward;
struct sp_host_ca;
struct sp_hold;
struct sp_revocation;
struct sp_peer;
struct sp_listener;

struct sp_login {
	TAILQ_ENTRY(sp_login) next;
	char id[SP_ULID_LEN + 1];
	char user[32];
	uid_t uid;
	uint32_t ses;  /* kernel audit session */
	uint32_t auid; /* kernel login uid */
	pid_t pid;     /* sshd's process that opened it */
	uint64_t started; /* that process's start time, clock ticks since boot: tells a reused pid */
	json_t *identity;
	json_t *origin;
	int64_t expires; /* seconds since 1970: no new session after */
	uint64_t starts_window; /* second the count began */
	unsigned starts;
	uint64_t forwards_window; /* likewise of connections through sshd's forwarding */
	unsigned forwards;
	int64_t revoked_ms; /* since when it is to end, CLOCK_MONOTONIC; 0: it is not (session-agent/revocation.h) */
	int64_t last_ms;    /* when it last had a session then */
};

/* The daemons that a session has a channel to. */
enum sp_live_channel { SP_LIVE_RECORDER, SP_LIVE_CONTROL, SP_LIVE_CHANNELS };

struct sp_live {
	TAILQ_ENTRY(sp_live) next;
	char id[SP_ULID_LEN + 1];
	char login_id[SP_ULID_LEN + 1];
	char user[32];
	uid_t uid;
	uint32_t ses;
	uint32_t auid;
	pid_t pid;
	uint64_t started;	  /* of the process: a pid is used again */
	struct sp_secret *secret; /* what it proves itself with to resume */
	json_t *header;		  /* recorder.sock ATTACH: identity, origin, command, … */
	struct sp_peer *peer;	  /* its monitor channel; NULL while it is away */
	int ring;		  /* memfd; -1 until it has resumed */
	int offer[SP_LIVE_CHANNELS]; /* the session's ends, until the daemons have agreed */
	uint32_t attach_id[SP_LIVE_CHANNELS]; /* of the ATTACHs under way */
	uint32_t detach_id;
	int64_t lost_since;	  /* when the count of lost channels began, ms */
	unsigned lost;
	bool is_resumed;	  /* ATTACH says so */
	bool is_dead;		  /* the process is gone; waits for the recorder's DETACH_REPLY */
	bool has_directory;
	unsigned transports;	  /* SSHs to its target answered with yes */
	unsigned hops;		  /* and those to jump hosts before it */
	unsigned grants; /* ACCOUNTs likewise */
	int64_t revoked_ms; /* since when it is to end; 0: it is not */
};

TAILQ_HEAD(sp_logins, sp_login);
TAILQ_HEAD(sp_lives, sp_live);
TAILQ_HEAD(sp_port_list, sp_port); /* ports.c */

struct sp_registry {
	struct event_base *base;
	struct sp_broker *broker;
	struct sp_hold *hold;
	struct sp_forward *forward;
	struct sp_host_ca *host_ca; /* NULL: none */
	struct sp_revocation *revocation;
	struct sp_credential_runs *runs; /* NULL: there is no account for them */
	struct sp_logins logins;
	struct sp_lives lives;
	struct sp_port_list ports;
	unsigned nlogins;
	unsigned nlives;
	uid_t session_uid;
	gid_t session_gid;
	uid_t identity_uid;
	gid_t identity_gid; /* who reads the deny list */
	uid_t authkeys_uid;
	uid_t control_uid;
	uid_t recorder_uid;
	struct sp_settings settings; /* of sessions; the numbers above unless sallyport.yaml says otherwise */
	uid_t ssh_uid; /* of sallyport-ssh, which starts transports */
	uid_t shell_uid; /* of sallyport-shell, whose are the supervisors of shells; 0: there is none */
	char host[256];
	struct event *resume;	 /* looks after the sessions of before */
	int64_t resume_until_ms; /* CLOCK_MONOTONIC; who is not back by then is over */
	struct sp_listener *pam;
	struct sp_listener *client;
	struct sp_listener *monitor;
	struct sp_listener *operators;
	struct sp_listener *permit;
};

/* Reads back the state files; broken ones are logged and removed. SYSTEM. */
int sp_registry_load(struct sp_registry *g) SP_MUST_CHECK;
struct sp_login *sp_registry_login(struct sp_registry *g, const char *id);
struct sp_login *sp_registry_login_of(struct sp_registry *g, uint32_t ses);
struct sp_live *sp_registry_live(struct sp_registry *g, const char *id);
unsigned sp_registry_lives_of(const struct sp_registry *g, uid_t uid);
/* Adds and writes its state file. LIMIT, SYSTEM; on error it stays the caller's. */
int sp_registry_add_login(struct sp_registry *g, struct sp_login *l) SP_MUST_CHECK;
int sp_registry_add_live(struct sp_registry *g, struct sp_live *l) SP_MUST_CHECK;
/* Removes, with state file (and directory), and frees. */
void sp_registry_drop_login(struct sp_registry *g, struct sp_login *l);
void sp_registry_drop_live(struct sp_registry *g, struct sp_live *l);
void sp_login_free(struct sp_login *l);
/* The one connection that a login through ssh -J is good for; NULL: it is an ordinary one. */
const char *sp_login_endpoint(const struct sp_login *l);
struct sp_live *sp_live_new(void);
void sp_live_free(struct sp_live *l);
/* Milliseconds since 1970, for ids that sort by time. */
uint64_t sp_registry_now_ms(void);
/* Start time of a process in clock ticks since boot, 0 when it is gone or has ended unreaped. */
uint64_t sp_registry_process_start(pid_t pid);

#endif
