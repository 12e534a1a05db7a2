/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The monitor: root, and as little as possible. Keeps the registry of logins and
 * sessions, starts session processes, reads credentials, and brokers each
 * session's channels to the recorder and control. It parses nothing that a
 * person wrote but the frames of PROTOCOL.ipc.
 */
#include "config.h"

#include <errno.h>
#include <event2/event.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/ipc.h"
#include "runtime/conffile.h"
#include "runtime/daemon.h"
#include "runtime/log.h"
#include "runtime/peer.h"
#include "runtime/privdrop.h"
#include "session-agent/broker.h"
#include "session-agent/channel.h"
#include "session-agent/credential_run.h"
#include "session-agent/forward.h"
#include "session-agent/host_ca.h"
#include "session-agent/hold.h"
#include "session-agent/login.h"
#include "session-agent/operator.h"
#include "session-agent/permit.h"
#include "session-agent/registry.h"
#include "session-agent/revocation.h"
#include "session-agent/start.h"

#define SALLYPORTD_RESUMERS_MAX 256
#define SALLYPORTD_RESUME_MS 30000 /* a session known from a state file that is not back by then is over */
#define SALLYPORTD_RESUME_LOOK_MS 250 /* how often its process is looked for until then */

static void
pam_accept(struct sp_registry *g, int fd, uid_t uid)
{
	(void)uid;
	sp_login_accept(g, fd);
}

static void
on_pam(int fd, const struct sp_peer_cred *cred, void *ctx)
{
	struct sp_registry *g = ctx;

	sp_hold_accept(g->hold, fd, cred->uid, pam_accept);
}

static void
on_client(int fd, const struct sp_peer_cred *cred, void *ctx)
{
	struct sp_registry *g = ctx;

	sp_hold_accept(g->hold, fd, cred->uid, sp_start_accept);
}

static void
on_monitor(int fd, const struct sp_peer_cred *cred, void *ctx)
{
	(void)cred;
	sp_channel_accept(ctx, fd);
}

static void
on_operator(int fd, const struct sp_peer_cred *cred, void *ctx)
{
	(void)cred;
	sp_operator_accept(ctx, fd);
}

static void
on_permit(int fd, const struct sp_peer_cred *cred, void *ctx)
{
	sp_permit_accept(ctx, fd, cred->uid);
}

static void
on_child(evutil_socket_t sig, short what, void *ctx)
{
	struct sp_registry *g = ctx;
	siginfo_t info;

	(void)sig;
	(void)what;
	for (;;) {
		info.si_pid = 0;
		if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) != 0 || info.si_pid == 0)
			return;
		if (g->runs != NULL && sp_credential_run_ended(g->runs, info.si_pid))
			continue;
		if (waitpid(info.si_pid, NULL, 0) < 0) /* what a session leaves is seen when its channel closes */
			return;
	}
}

static void
on_sweep(evutil_socket_t fd, short what, void *ctx)
{
	struct sp_registry *g = ctx;

	(void)fd;
	(void)what;
	sp_login_sweep(g);
	sp_host_ca_certify(g->host_ca, g->forward, (int64_t)time(NULL));
}

/* Sessions of before: those that ended while nobody looked, and in the end those that did not come back. */
static void
resume_look(struct sp_registry *g, bool is_over)
{
	struct sp_live *l;

	TAILQ_FOREACH(l, &g->lives, next) {
		bool is_gone;

		if (l->peer != NULL || l->is_dead)
			continue;
		is_gone = sp_registry_process_start(l->pid) != l->started;
		if (!is_gone && !is_over)
			continue;
		sp_log_warn("session %s of %s %s", l->id, l->user, is_gone ? "has ended meanwhile" : "did not come back");
		sp_broker_detach(g->broker, l);
	}
}

static void
on_resume(evutil_socket_t fd, short what, void *ctx)
{
	static const struct timeval again = { .tv_usec = SALLYPORTD_RESUME_LOOK_MS * 1000 };
	struct sp_registry *g = ctx;
	bool is_over = sp_ipc_now_ms() >= g->resume_until_ms;

	(void)fd;
	(void)what;
	resume_look(g, is_over);
	if (!is_over)
		(void)event_add(g->resume, &again);
}

static int
daemon_settings(struct sp_registry *g)
{
	static const char path[] = SP_SYSCONFDIR "/sallyport.yaml";
	char *text = NULL, why[SP_SETTINGS_WHY];
	int r = sp_conffile_read(path, why, sizeof(why), &text);

	g->settings = (struct sp_settings){ .sessions_max = SP_REGISTRY_SESSIONS_MAX,
		.per_person = SP_REGISTRY_PER_PERSON_MAX,
		.starts = SP_REGISTRY_STARTS_MAX,
		.starts_within = SP_REGISTRY_STARTS_SECONDS };
	if (r == 0)
		r = sp_settings_parse(path, text, strlen(text), why, sizeof(why), &g->settings);
	free(text);
	if (r == 0 || r == SP_ERR_NOT_FOUND)
		return 0;
	sp_log_err("%s", why);
	return r;
}

static int
daemon_accounts(struct sp_registry *g)
{
	gid_t gid;
	int r;

	r = sp_privdrop_uid("sallyport-session", &g->session_uid, &g->session_gid);
	if (r == 0)
		r = sp_privdrop_uid("sallyport-identity", &g->identity_uid, &g->identity_gid);
	if (r == 0)
		r = sp_privdrop_uid("sallyport-authkeys", &g->authkeys_uid, &gid);
	if (r == 0)
		r = sp_privdrop_uid("sallyport-control", &g->control_uid, &gid);
	if (r == 0)
		r = sp_privdrop_uid("sallyport-recorder", &g->recorder_uid, &gid);
	if (r == 0)
		r = sp_privdrop_uid("sallyport-ssh", &g->ssh_uid, &gid);
	if (r == 0 && sp_privdrop_uid("sallyport-shell", &g->shell_uid, &gid) != 0)
		g->shell_uid = 0; /* nothing can run as another account */
	if (gethostname(g->host, sizeof(g->host) - 1) != 0)
		r = SP_ERR_SYSTEM;
	return r;
}

/* The account of programs that print credentials; without it they are refused. */
static int
daemon_runs(struct sp_registry *g)
{
	uid_t uid;
	gid_t gid;

	if (sp_privdrop_uid("sallyport-exec", &uid, &gid) == 0)
		return sp_credential_runs_new(g->base, uid, gid, &g->runs);
	sp_log_warn("there is no account sallyport-exec: credentials that are to be had by exec are refused");
	return 0;
}

/* Without it ssh -J goes on, for who trusts this machine's host key under each name. */
static void
daemon_host_ca(struct sp_registry *g)
{
	int r = sp_host_ca_new(&g->host_ca);

	if (r != 0)
		sp_log_err("hosts cannot be known with ssh -J: " SP_HOST_CA_KEY ": %s", sp_err_str(r));
}

static int
daemon_listen(struct sp_registry *g)
{
	int r;

	r = sp_listener_new(g->base, SP_RUNDIR "/pam.sock", 0600, 0, 0, -1, SP_LOGIN_CLIENTS_MAX, on_pam, g, &g->pam);
	if (r == 0)
		r = sp_listener_new(g->base, SP_RUNDIR "/monitor.sock", 0660, 0, g->session_gid, -1,
		    SALLYPORTD_RESUMERS_MAX, on_monitor, g, &g->monitor);
	if (r == 0)
		r = sp_listener_new(g->base, SP_RUNDIR "/session.sock", 0666, 0, 0, -1, SP_START_CLIENTS_MAX, on_client,
		    g, &g->client);
	if (r == 0)
		r = sp_listener_new(g->base, SP_RUNDIR "/operator.sock", 0600, 0, 0, -1, SP_OPERATOR_CLIENTS_MAX,
		    on_operator, g, &g->operators);
	if (r == 0)
		r = sp_listener_new(g->base, SP_RUNDIR "/permit.sock", 0666, 0, 0, -1, SP_PERMIT_CLIENTS_MAX, on_permit, g,
		    &g->permit);
	if (r == 0)
		sp_listener_limit_uid(g->client, SP_START_CLIENTS_OF_UID_MAX);
	return r;
}

static int
daemon_events(struct sp_registry *g)
{
	static const struct timeval sweep = { .tv_sec = SP_LOGIN_SWEEP_SECONDS };
	struct event *e;

	e = evsignal_new(g->base, SIGCHLD, on_child, g);
	if (e == NULL || event_add(e, NULL) != 0)
		return SP_ERR_NOMEM;
	e = event_new(g->base, -1, EV_PERSIST, on_sweep, g);
	if (e == NULL || event_add(e, &sweep) != 0)
		return SP_ERR_NOMEM;
	g->resume_until_ms = sp_ipc_now_ms() + SALLYPORTD_RESUME_MS;
	g->resume = event_new(g->base, -1, 0, on_resume, g);
	if (g->resume == NULL)
		return SP_ERR_NOMEM;
	on_resume(-1, 0, g);
	return 0;
}

static int
daemon_init(struct sp_registry *g)
{
	struct rlimit none = { 0, 0 };
	int r;

	(void)umask(077);
	(void)signal(SIGPIPE, SIG_IGN);
	if (geteuid() != 0 || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0 || setrlimit(RLIMIT_CORE, &none) != 0)
		return SP_ERR_DENIED;
	if (mkdir(SP_RUNDIR, 0755) != 0 && errno != EEXIST)
		return SP_ERR_SYSTEM;
	TAILQ_INIT(&g->logins);
	TAILQ_INIT(&g->ports);
	TAILQ_INIT(&g->lives);
	g->base = event_base_new();
	if (g->base == NULL)
		return SP_ERR_NOMEM;
	daemon_host_ca(g);
	r = daemon_settings(g);
	if (r == 0)
		r = daemon_accounts(g);
	if (r == 0)
		r = sp_registry_load(g);
	if (r == 0)
		r = sp_revocation_new(g, &g->revocation);
	if (r == 0)
		r = sp_forward_new(g, &g->forward);
	if (r == 0)
		r = sp_broker_new(g, &g->broker);
	if (r == 0)
		r = sp_hold_new(g, &g->hold);
	if (r == 0)
		r = daemon_runs(g);
	if (r == 0)
		r = daemon_listen(g);
	if (r == 0)
		r = daemon_events(g);
	if (r == 0)
		sp_revocation_enforce(g->revocation); /* of what was open before */
	return r;
}

int
main(int argc, char **argv)
{
	struct sp_registry g = { 0 };
	int r;

	if (argc == 2 && strcmp(argv[1], "--version") == 0) {
		(void)puts("sallyportd " PACKAGE_VERSION);
		return 0;
	}
	if (argc > 1) {
		(void)fputs("usage: sallyportd [--version]\n", stderr);
		return 2;
	}
	sp_log_open("sallyportd", LOG_INFO, 1);
	r = daemon_init(&g);
	if (r != 0) {
		sp_log_err("cannot start: %s", sp_err_str(r));
		return 1;
	}
	sp_log_info("ready: %u logins and %u sessions known from before", g.nlogins, g.nlives);
	r = sp_daemon_run(g.base, NULL, NULL); /* policy and secrets are read when they are used */
	sp_log_info("stopping; %u sessions go on", g.nlives);
	return r == 0 ? 0 : 1;
}
