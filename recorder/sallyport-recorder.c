/* SPDX-License-Identifier: Apache-2.0 */
/* sallyport-recorder(8): keeps the records of sessions. */
#include "config.h"

#include <dirent.h>
#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <getopt.h>
#include <libaudit.h>
#include <linux/capability.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "policy/settings.h"
#include "recorder/emitter.h"
#include "recorder/event.h"
#include "recorder/keyfile.h"
#include "recorder/live.h"
#include "recorder/recorder.h"
#include "recorder/repack.h"
#include "recorder/service.h"
#include "recorder/tree.h"
#include "runtime/conffile.h"
#include "runtime/daemon.h"
#include "runtime/log.h"
#include "runtime/privdrop.h"
#include "runtime/sandbox.h"

struct sp_options {
	const char *log_dir;
	const char *state_dir;
	const char *run_dir;
	const char *user;
	const char *config;
	const char *audit;   /* as given; NULL: the file says */
	const char *reserve; /* likewise */
	struct sp_settings settings;
	bool is_debug;
	bool is_repack; /* that, and nothing else */
};

static const char *const sp_usage =
    "usage: sallyport-recorder [-dp] [-a required|off] [-c FILE] [-l DIR] [-s DIR] [-r DIR] [-u USER] [-f MIB]\n";

static int
sp_options_parse(int argc, char **argv, struct sp_options *o)
{
	int c;

	while ((c = getopt(argc, argv, "a:c:df:l:pr:s:u:V")) != -1) {
		if (c == 'a' && (strcmp(optarg, "required") == 0 || strcmp(optarg, "off") == 0))
			o->audit = optarg;
		else if (c == 'c')
			o->config = optarg;
		else if (c == 'd')
			o->is_debug = true;
		else if (c == 'f' && *optarg >= '0' && *optarg <= '9')
			o->reserve = optarg;
		else if (c == 'l')
			o->log_dir = optarg;
		else if (c == 'p')
			o->is_repack = true;
		else if (c == 'r')
			o->run_dir = optarg;
		else if (c == 's')
			o->state_dir = optarg;
		else if (c == 'u')
			o->user = optarg;
		else if (c == 'V') {
			puts("sallyport-recorder " PACKAGE_VERSION);
			exit(0);
		} else
			return SP_ERR_INVALID;
	}
	return optind == argc ? 0 : SP_ERR_INVALID;
}

/* The file's settings, if there is a file, and then what was given on the command line. */
static int
sp_options_settle(struct sp_options *o)
{
	const char *sinks[SP_SINKS_MAX + 1];
	char *text = NULL, why[SP_SETTINGS_WHY];
	int r = sp_conffile_read(o->config, why, sizeof(why), &text);

	sp_sinks_names(sinks);
	o->settings.known_sinks = sinks;
	if (r == 0)
		r = sp_settings_parse(o->config, text, strlen(text), why, sizeof(why), &o->settings);
	o->settings.known_sinks = NULL;
	free(text);
	if (r != 0 && r != SP_ERR_NOT_FOUND) {
		sp_log_err("%s", why);
		return r;
	}
	if (o->audit != NULL)
		o->settings.has_audit = o->audit[0] == 'r';
	if (o->reserve != NULL)
		o->settings.reserve = strtoull(o->reserve, NULL, 10) << 20;
	return 0;
}

/* The chain, and what its state at the start says. */
static int
sp_open_chain(struct sp_recorder *rec)
{
	struct sp_buf *pem = sp_buf_new(SP_SIGN_PEM_MAX);
	struct sp_ledger_found found;
	int r = sp_ledger_open(rec->root, rec->key, rec->keys, &found, &rec->ledger);

	if (r == 0 && found.cut > 0)
		r = sp_recorder_chain(rec, "repair", json_pack("{s:I}", "cut", (json_int_t)found.cut));
	if (r == 0 && (found.head > found.last || found.is_broken)) {
		sp_log_err("the host chain has been damaged: it ends at %llu, its head says %llu; run sallyport verify",
		    (unsigned long long)found.last, (unsigned long long)found.head);
		r = sp_recorder_chain(rec, "lost", json_pack("{s:I}", "last", (json_int_t)found.last));
	}
	if (r == 0)
		r = pem == NULL ? SP_ERR_NOMEM : sp_sign_public_pem(rec->key, pem);
	if (r == 0)
		r = sp_recorder_chain(rec, "start",
		    json_pack("{s:s%}", "public", (const char *)sp_buf_data(pem), sp_buf_len(pem)));
	sp_buf_free(pem);
	return r;
}

/* Sessions that were open when the recorder stopped. */
static int
sp_find_open(struct sp_recorder *rec)
{
	int fd = openat(rec->open_dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), r = 0;
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *e;

	if (d == NULL)
		return SP_ERR_SYSTEM;
	while (r == 0 && (e = readdir(d)) != NULL) {
		if (sp_ulid_is_valid(e->d_name))
			r = sp_live_found(rec, e->d_name);
	}
	(void)closedir(d);
	return r;
}

static int
sp_open_files(struct sp_recorder *rec, const struct sp_options *o)
{
	int state = open(o->state_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC), r;

	rec->root = open(o->log_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (state < 0 || rec->root < 0) {
		sp_log_err("cannot open %s: %m", state < 0 ? o->state_dir : o->log_dir);
		return SP_ERR_SYSTEM;
	}
	r = sp_keyfile_open(state, &rec->key, &rec->keys);
	if (r != 0) {
		sp_log_err("cannot read or make the signing key in %s: %s", o->state_dir, sp_err_str(r));
		return r;
	}
	if (mkdirat(state, "open", 0700) != 0 && errno != EEXIST)
		return SP_ERR_SYSTEM;
	rec->open_dir = openat(state, "open", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	(void)close(state);
	if (rec->open_dir < 0)
		return SP_ERR_SYSTEM;
	rec->block = sp_buf_new(2 * SP_RECORD_BLOCK_MAX);
	rec->event = malloc(SP_EVENT_MAX);
	if (rec->block == NULL || rec->event == NULL)
		return SP_ERR_NOMEM;
	return sp_record_packer_new(rec->key, false, &rec->packer);
}

static void
sp_close_files(struct sp_recorder *rec)
{
	sp_record_packer_free(rec->packer);
	free(rec->event);
	sp_buf_free(rec->block);
	sp_ledger_free(rec->ledger);
	sp_sign_ring_free(rec->keys);
	sp_sign_free(rec->key); /* wiped */
}

static bool
sp_options_name(const char *sink, const void *ctx)
{
	const struct sp_settings *s = ctx;

	for (size_t i = 0; i < SP_SETTINGS_SINKS; i++) {
		if (strcmp(s->sinks[i], sink) == 0)
			return true;
	}
	return false;
}

static int
sp_serve(struct sp_recorder *rec, const struct sp_options *o)
{
	struct sp_sandbox_path paths[] = { { o->log_dir, 1 }, { o->state_dir, 1 }, { o->run_dir, 1 }, { NULL, 0 } };
	struct sp_service *service = NULL;
	char path[2][108];
	int audit_fd = o->settings.has_audit ? audit_open() : -1, r;

	if (o->settings.has_audit && audit_fd < 0)
		sp_log_err("cannot reach the kernel's audit system: %m");
	(void)snprintf(path[0], sizeof(path[0]), "%s/audit.sock", o->run_dir);
	(void)snprintf(path[1], sizeof(path[1]), "%s/recorder.sock", o->run_dir);
	/* Bound now, for the sandbox has no bind(2); nobody is served before the loop runs. */
	r = sp_emitters_new(rec, path[0], audit_fd, &rec->emitters);
	if (r == 0)
		r = sp_sinks_open(rec, sp_options_name, &o->settings);
	if (r == 0)
		r = sp_service_new(rec, path[1], 0, &service);
	if (r == 0)
		r = sp_sandbox_enter(SP_SANDBOX_RECORDER, paths);
	if (r == 0)
		r = sp_open_chain(rec);
	if (r == 0)
		r = sp_find_open(rec);
	if (r != 0) {
		sp_log_err("cannot start: %s (%s)", sp_err_str(r), strerror(errno));
		return r;
	}
	sp_recorder_checkpoint(rec);
	r = sp_daemon_run(rec->base, NULL, NULL);
	sp_gate_forget(rec, NULL);
	sp_service_free(service);
	if (sp_recorder_chain(rec, "stop", json_object()) != 0)
		sp_log_err("the host chain could not be written: %m");
	sp_recorder_stop(rec);
	sp_sinks_close(rec);
	sp_emitters_free(rec->emitters);
	return r;
}

/* Closed records are made smaller, beside the recorder that runs: it never touches a closed one again. */
static int
sp_repack(const struct sp_recorder *rec, const struct sp_options *o)
{
	struct sp_sandbox_path paths[] = { { o->log_dir, 1 }, { NULL, 0 } };
	struct sp_repack_result done;
	int r = sp_sandbox_enter(SP_SANDBOX_RECORDER, paths);

	if (r == 0)
		r = sp_repack_tree(rec->root, rec->key, rec->keys, &done);
	if (r != 0) {
		sp_log_err("cannot make records smaller: %s (%s)", sp_err_str(r), strerror(errno));
		return r;
	}
	sp_log_info("%llu records were made smaller: %llu bytes instead of %llu; %llu stay as they are",
	    (unsigned long long)done.sessions, (unsigned long long)done.after, (unsigned long long)done.before,
	    (unsigned long long)done.failed);
	return 0;
}

int
main(int argc, char **argv)
{
	struct sp_options o = { .log_dir = SP_LOGDIR,
		.state_dir = SP_STATEDIR "/recorder",
		.run_dir = SP_RUNDIR "/recorder",
		.user = "sallyport-recorder",
		.config = SP_SYSCONFDIR "/sallyport.yaml",
		.settings = { .has_audit = true, .reserve = SP_RECORDER_RESERVE, .checkpoint = SP_RECORDER_CHECKPOINT_S } };
	struct sp_recorder rec = { .root = -1, .open_dir = -1 };
	int r;

	if (sp_options_parse(argc, argv, &o) != 0) {
		fputs(sp_usage, stderr);
		return 2;
	}
	sp_log_open("sallyport-recorder", o.is_debug ? LOG_DEBUG : LOG_INFO, 1);
	if (sp_options_settle(&o) != 0)
		return 1;
	(void)umask(027);
	(void)signal(SIGPIPE, SIG_IGN);
	TAILQ_INIT(&rec.sessions);
	TAILQ_INIT(&rec.gates);
	rec.reserve = o.settings.reserve;
	rec.checkpoint_s = o.settings.checkpoint;
	rec.has_audit = o.settings.has_audit;
	if (o.is_repack)
		o.settings.has_audit = false; /* nothing of it is the kernel's business */
	r = sp_privdrop(o.user, o.settings.has_audit ? (uint64_t)1 << CAP_AUDIT_WRITE : 0);
	if (r != 0) {
		sp_log_err("cannot become %s with CAP_AUDIT_WRITE alone: %s", o.user, sp_err_str(r));
		return 1;
	}
	rec.base = event_base_new();
	r = rec.base == NULL ? SP_ERR_NOMEM : sp_open_files(&rec, &o);
	if (r == 0 && o.is_repack)
		r = sp_repack(&rec, &o);
	else if (r == 0)
		r = sp_recorder_start(&rec);
	if (r == 0 && !o.is_repack)
		r = sp_serve(&rec, &o);
	sp_close_files(&rec);
	return r == 0 ? 0 : 1;
}
