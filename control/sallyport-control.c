/* SPDX-License-Identifier: Apache-2.0 */
/* sallyport-control: policy distribution and approvals. See sallyport-control(8) and PROTOCOL.ipc section 7. */
#include <errno.h>
#include <event2/event.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config.h"
#include "control/service.h"
#include "control/store.h"
#include "policy/settings.h"
#include "runtime/conffile.h"
#include "runtime/daemon.h"
#include "runtime/log.h"
#include "runtime/privdrop.h"
#include "runtime/sandbox.h"

#define SP_CONTROL_STORES_MAX 16 /* kinds of stores */

struct sp_control_options {
	const char *policy_dir;
	const char *database;
	const char *socket;
	const char *config;
	const char *user;
	int is_debug;
};

static void
usage(FILE *f)
{
	(void)fputs("usage: sallyport-control [--config FILE] [--policy DIR] [--database STORE] [--socket PATH] [--user NAME] [--debug]\n",
	    f);
}

static int
parse(int argc, char **argv, struct sp_control_options *o)
{
	static const struct option longs[] = {
		{"config", required_argument, NULL, 'c'},
		{"policy", required_argument, NULL, 'p'},
		{"database", required_argument, NULL, 'f'},
		{"socket", required_argument, NULL, 's'},
		{"user", required_argument, NULL, 'u'},
		{"debug", no_argument, NULL, 'd'},
		{"help", no_argument, NULL, 'h'},
		{"version", no_argument, NULL, 'V'},
		{NULL, 0, NULL, 0},
	};
	int c;

	while ((c = getopt_long(argc, argv, "c:p:f:s:u:dhV", longs, NULL)) != -1) {
		switch (c) {
		case 'c':
			o->config = optarg;
			break;
		case 'p':
			o->policy_dir = optarg;
			break;
		case 'f':
			o->database = optarg;
			break;
		case 's':
			o->socket = optarg;
			break;
		case 'u':
			o->user = optarg;
			break;
		case 'd':
			o->is_debug = 1;
			break;
		case 'h':
			usage(stdout);
			exit(0);
		case 'V':
			(void)printf("sallyport-control " PACKAGE_VERSION "\n");
			exit(0);
		default:
			return SP_ERR_INVALID;
		}
	}
	return optind == argc ? 0 : SP_ERR_INVALID;
}

/* What the command line does not say, the file says, if there is one. */
static int
settle(struct sp_control_options *o, struct sp_settings *s)
{
	const char *stores[SP_CONTROL_STORES_MAX + 1] = {NULL};
	char *text = NULL, why[SP_SETTINGS_WHY];
	int r = sp_conffile_read(o->config, why, sizeof(why), &text);

	for (size_t i = 0; i < SP_CONTROL_STORES_MAX && sp_store_name(i) != NULL; i++)
		stores[i] = sp_store_name(i);
	s->known_stores = stores;
	if (r == 0)
		r = sp_settings_parse(o->config, text, strlen(text), why, sizeof(why), s);
	s->known_stores = NULL;
	free(text);
	if (r != 0 && r != SP_ERR_NOT_FOUND) {
		sp_log_err("%s", why);
		return r;
	}
	if (o->policy_dir == NULL)
		o->policy_dir = s->policy_dir;
	if (o->database == NULL)
		o->database = s->database;
	return 0;
}

static void
on_reload(void *ctx)
{
	sp_service_reload(ctx);
}

/* From here on: the policy to read, the store's folder to write, no other file and no other call. */
static int
enter_sandbox(const struct sp_control_options *o)
{
	const char *path = sp_store_path(o->database), *slash = path == NULL ? NULL : strrchr(path, '/');
	char *folder = slash == NULL ? NULL : strndup(path, (size_t)(slash - path));
	const struct sp_sandbox_path paths[] = {{o->policy_dir, 0}, {folder, 1}, {NULL, 0}};
	int r = folder == NULL ? SP_ERR_INVALID : sp_sandbox_enter(SP_SANDBOX_CONTROL, paths);

	if (r != 0)
		sp_log_err("cannot enter the sandbox (%s, %s): %s", o->policy_dir, o->database, sp_err_str(r));
	free(folder);
	return r;
}

/* Serves until a signal asks to stop. */
static int
serve(const struct sp_control_options *o, struct sp_store *store)
{
	struct event_base *base = event_base_new();
	struct sp_service *service = NULL;
	int r = SP_ERR_NOMEM;

	if (base == NULL)
		goto out;
	r = sp_service_new(base, o->socket, o->policy_dir, store, &service);
	if (r != 0)
		goto out;
	r = enter_sandbox(o); /* the socket is bound by now */
	if (r == 0)
		r = sp_daemon_run(base, on_reload, service);
out:
	sp_service_free(service);
	if (base != NULL)
		event_base_free(base);
	return r;
}

int
main(int argc, char **argv)
{
	struct sp_control_options o = {
		.config = SP_SYSCONFDIR "/sallyport.yaml",
		.socket = SP_RUNDIR "/control/control.sock",
		.user = "sallyport-control",
	};
	struct sp_settings settings = {
		.policy_dir = SP_SYSCONFDIR "/policy.d",
		.database = SP_STATEDIR "/control/control.db",
	};
	struct sp_store *store = NULL;
	int r;

	if (parse(argc, argv, &o) != 0) {
		usage(stderr);
		return 2;
	}
	(void)signal(SIGPIPE, SIG_IGN);
	sp_log_open("sallyport-control", o.is_debug ? LOG_DEBUG : LOG_INFO, 1);
	if (settle(&o, &settings) != 0)
		return 1;
	r = sp_privdrop(o.user, 0);
	if (r != 0) {
		sp_log_err("cannot become %s: %s", o.user, sp_err_str(r));
		return 1;
	}
	r = sp_store_open(o.database, &store);
	if (r != 0) {
		sp_log_err("cannot open %s: %s", o.database,
		    r == SP_ERR_FORMAT	  ? "it is no database of this version of Sallyport" :
		    r == SP_ERR_INVALID ? "it is neither an absolute path nor STORE:PATH with a store there is" :
					    sp_err_str(r));
		return 1;
	}
	r = serve(&o, store);
	sp_store_close(store);
	return r == 0 ? 0 : 1;
}
