/* SPDX-License-Identifier: Apache-2.0 */
/* sallyport-identity(8): the only process that talks to identity providers, and the one that verifies tokens. */
#include <event2/event.h>
#include <jansson.h>
#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "identity/config.h"
#include "identity/server.h"
#include "policy/revoked.h"
#include "runtime/daemon.h"
#include "runtime/log.h"
#include "runtime/privdrop.h"
#include "runtime/sandbox.h"

struct options {
	const char *config;
	const char *run_directory;
	const char *state_directory;
	const char *revoked_directory;
	const char *user;
	const char *authkeys_user;
	bool is_check;
	bool is_stderr;
	int priority;
};

static void
usage(void)
{
	fputs("usage: sallyport-identity [-etv] [-a user] [-d directory] [-f file] [-l directory] [-r directory] [-u user]\n", stderr);
	exit(64);
}

static void
parse_options(int argc, char **argv, struct options *o)
{
	int c;

	while ((c = getopt(argc, argv, "a:d:ef:l:r:tu:v")) != -1) {
		switch (c) {
		case 'a':
			o->authkeys_user = optarg;
			break;
		case 'd':
			o->state_directory = optarg;
			break;
		case 'e':
			o->is_stderr = true;
			break;
		case 'f':
			o->config = optarg;
			break;
		case 'l':
			o->revoked_directory = optarg;
			break;
		case 'r':
			o->run_directory = optarg;
			break;
		case 't':
			o->is_check = true;
			break;
		case 'u':
			o->user = optarg;
			break;
		case 'v':
			o->priority = LOG_DEBUG;
			break;
		default:
			usage();
		}
	}
	if (optind != argc)
		usage();
}

/* Serves until a signal. */
static int
serve(const struct options *o, struct sp_issuer *const *issuers, size_t count, uid_t authkeys_uid)
{
	char path[PATH_MAX];
	struct sp_server_settings set = {
	    .socket_path = path,
	    .state_directory = o->state_directory,
	    .revoked_directory = o->revoked_directory,
	    .authkeys_uid = authkeys_uid,
	    .listen_fd = sd_listen_fds(1) == 1 ? SD_LISTEN_FDS_START : -1,
	    .issuers = (const struct sp_issuer *const *)issuers,
	    .issuers_count = count,
	};
	/* A new installation has no deny list; where sallyportd makes one, tmpfiles.d has made its directory before. */
	const struct sp_sandbox_path paths[] = {{o->state_directory, 1},
	    {access(o->revoked_directory, F_OK) == 0 ? o->revoked_directory : NULL, 0}, {NULL, 0}};
	struct event_base *base = event_base_new();
	struct sp_server *server = NULL;
	int r = SP_ERR_NOMEM;

	if (snprintf(path, sizeof(path), "%s/identity.sock", o->run_directory) >= (int)sizeof(path) || base == NULL)
		goto out;
	r = sp_server_new(base, &set, &server);
	if (r != 0)
		goto out;
	/* Everything is open or bound; fetches start with the loop, so no thread is outside. */
	r = sp_sandbox_enter(SP_SANDBOX_IDENTITY, paths);
	if (r != 0) {
		sp_log_err("sandbox: %s", sp_err_str(r));
		goto out;
	}
	sp_log_info("ready: %zu issuers", count);
	r = sp_daemon_run(base, NULL, NULL);
out:
	sp_server_free(server);
	if (base != NULL)
		event_base_free(base);
	return r;
}

int
main(int argc, char **argv)
{
	struct options o = {
	    .config = SP_SYSCONFDIR "/sallyport.yaml",
	    .run_directory = SP_RUNDIR "/identity",
	    .state_directory = SP_STATEDIR "/identity",
	    .revoked_directory = SP_REVOKED_DIR,
	    .user = "sallyport-identity",
	    .authkeys_user = "sallyport-authkeys",
	    .priority = LOG_INFO,
	};
	struct sp_issuer *issuers[SP_ISSUER_MAX];
	struct sp_reason why = {""};
	size_t count = 0;
	uid_t authkeys_uid;
	gid_t gid;
	int r;

	parse_options(argc, argv, &o);
	sp_log_open("sallyport-identity", o.priority, o.is_stderr || o.is_check);
	(void)umask(077);
	(void)signal(SIGPIPE, SIG_IGN);
	json_object_seed(0);
	r = sp_config_load(o.config, &why, issuers, &count);
	if (r != 0) {
		sp_log_err("%s", why.text);
		return 1;
	}
	if (o.is_check) {
		printf("%s: %zu issuers\n", o.config, count);
		goto out;
	}
	if (count == 0)
		sp_log_warn("%s: no issuers: nobody can be verified", o.config);
	r = sp_privdrop_uid(o.authkeys_user, &authkeys_uid, &gid);
	if (r != 0) {
		sp_log_err("no account %s", o.authkeys_user);
		goto out;
	}
	r = sp_privdrop(o.user, 0);
	if (r != 0) {
		sp_log_err("cannot become %s: %s", o.user, sp_err_str(r));
		goto out;
	}
	r = serve(&o, issuers, count, authkeys_uid);
	if (r != 0)
		sp_log_err("%s", sp_err_str(r));
out:
	for (size_t i = 0; i < count; i++)
		sp_issuer_free(issuers[i]);
	return r == 0 ? 0 : 1;
}
