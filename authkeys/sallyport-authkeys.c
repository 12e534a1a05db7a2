/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sallyport-authkeys(8): sshd's AuthorizedKeysCommand. Passes the login name and the key that was offered to
 * sallyport-identity and prints the one line it answers, or nothing; into that line goes what sallyportd says may be
 * forwarded to. It decides nothing, reads no file, and always exits 0: sshd takes an empty answer as "no".
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "lib/hosts.h"
#include "lib/ipc.h"
#include "lib/ipc_identity.h"
#include "lib/ipc_permit.h"
#include "runtime/log.h"
#include "runtime/privdrop.h"
#include "runtime/sandbox.h"

#define SP_AUTHKEYS_DEADLINE_MS 3000
#define SP_AUTHKEYS_ARG_MAX ((size_t)128 * 1024) /* bytes of one argument */
#define SP_AUTHKEYS_LINE_MAX ((size_t)4096)
#define SP_AUTHKEYS_GROUPS 8
#define SP_AUTHKEYS_PERMIT_MS 1500 /* of the time for all: without an answer nothing can be forwarded */
#define SP_AUTHKEYS_PERMITS_MAX ((size_t)8192) /* bytes of options */
#define SP_AUTHKEYS_START "restrict,"
#define AUTHKEYS_LOOPBACK "127.0.0.1"

/* sshd must have given up root's groups for us (it did not always: CVE-2021-41617). */
static bool
is_dropped(void)
{
	gid_t groups[SP_AUTHKEYS_GROUPS];
	int n = getgroups(SP_AUTHKEYS_GROUPS, groups);

	if (n < 0 || getuid() != geteuid() || getgid() != getegid())
		return false;
	if (geteuid() == 0)
		return true; /* an operator who tries it by hand */
	if (getgid() == 0)
		return false;
	for (int i = 0; i < n; i++) {
		if (groups[i] != getgid())
			return false;
	}
	return true;
}

/* What goes to sshd is one line of printable ASCII of the form we make, or nothing. */
static bool
is_line(struct sp_view v)
{
	static const char start[] = SP_AUTHKEYS_START;

	if (v.len < sizeof(start) || memcmp(v.data, start, sizeof(start) - 1) != 0)
		return false;
	for (size_t i = 0; i < v.len; i++) {
		if (v.data[i] < 0x20 || v.data[i] > 0x7e)
			return false;
	}
	return true;
}

/* Of ssh -J: the host's own, which sshd reaches in a network of its own. */
static bool
is_loopback(const char *s, size_t n)
{
	return n == strlen(AUTHKEYS_LOOPBACK) && memcmp(s, AUTHKEYS_LOOPBACK, n) == 0;
}

/* NAME:PORT and nothing that could end the option or mean more than one place. */
static bool
is_place(struct sp_view v)
{
	const char *s = (const char *)v.data, *colon = v.len == 0 ? NULL : memrchr(s, ':', v.len);
	size_t digits = colon == NULL ? 0 : v.len - (size_t)(colon + 1 - s);

	if (colon == NULL || digits == 0 || digits > 5)
		return false;
	if (!sp_hosts_is_name(s, (size_t)(colon - s)) && !is_loopback(s, (size_t)(colon - s)))
		return false;
	for (size_t i = 0; i < digits; i++)
		if (colon[1 + i] < '0' || colon[1 + i] > '9')
			return false;
	return true;
}

/* permitopen="NAME:PORT",... behind port-forwarding, or nothing: never the one without the other. */
static int
get_permits(struct sp_buf *reply, struct sp_buf *options)
{
	uint32_t verdict = 0, n = 0;
	struct sp_view place;
	int r = sp_buf_get_u32(reply, &verdict);

	if (r == 0)
		r = sp_buf_get_u32(reply, &n);
	if (r == 0 && (n > SP_IPC_PERMIT_MAX || (verdict != 0 && n > 0)))
		r = SP_ERR_PROTOCOL;
	for (uint32_t i = 0; r == 0 && i < n; i++) {
		r = sp_buf_get_view(reply, SP_HOSTS_NAME_MAX + 6, &place);
		if (r == 0 && !is_place(place))
			r = SP_ERR_PROTOCOL;
		if (r == 0)
			r = sp_buf_putf(options, "%spermitopen=\"%.*s\",", i == 0 ? "port-forwarding," : "", (int)place.len,
			    (const char *)place.data);
	}
	if (r == 0 && sp_buf_len(reply) > 0)
		r = SP_ERR_PROTOCOL;
	return r;
}

/* What may be forwarded to, as options of the line. */
static int
ask_permits(const char *path, struct sp_buf *options, const struct sp_buf *body)
{
	int64_t deadline = sp_ipc_now_ms() + SP_AUTHKEYS_PERMIT_MS;
	struct sp_buf *buf = sp_buf_new(0), *reply = NULL;
	struct sp_ipc_msg msg = {0};
	int fd = -1, r = buf == NULL ? SP_ERR_NOMEM : sp_ipc_connect(path, 0, deadline, &fd);

	if (r == 0)
		r = sp_ipc_call(fd, SP_IPC_PERMIT_PERMIT, body, SP_IPC_PERMIT_PERMIT_REPLY, buf, &msg, deadline);
	if (r == 0) {
		reply = sp_buf_from(msg.body.data, msg.body.len);
		r = reply == NULL ? SP_ERR_NOMEM : get_permits(reply, options);
	}
	sp_ipc_msg_clear(&msg);
	sp_buf_free(buf);
	sp_buf_free(reply);
	if (fd >= 0)
		(void)close(fd);
	return r;
}

/* The line with the options behind its first one, which shuts everything that they do not open. */
static int
print_line(struct sp_view v, const struct sp_buf *options)
{
	const size_t start = sizeof(SP_AUTHKEYS_START) - 1;
	size_t n = sp_buf_len(options);

	if (fwrite(v.data, 1, start, stdout) != start || (n > 0 && fwrite(sp_buf_data(options), 1, n, stdout) != n) ||
	    fwrite(v.data + start, 1, v.len - start, stdout) != v.len - start || putchar('\n') == EOF || fflush(stdout) != 0)
		return SP_ERR_SYSTEM;
	return 0;
}

static int
ask(const char *path, uid_t owner, const char *permit, char *const arg[3])
{
	int64_t deadline = sp_ipc_now_ms() + SP_AUTHKEYS_DEADLINE_MS;
	struct sp_buf *body = sp_buf_new(4 * SP_AUTHKEYS_ARG_MAX), *buf = sp_buf_new(0), *reply = NULL;
	struct sp_buf *options = sp_buf_new(SP_AUTHKEYS_PERMITS_MAX);
	struct sp_ipc_msg msg = {0};
	struct sp_view line;
	int fd = -1, r = SP_ERR_NOMEM;

	if (body == NULL || buf == NULL || options == NULL)
		goto out;
	for (int i = 0; i < 3; i++)
		sp_buf_put_cstring(body, arg[i]);
	r = sp_buf_error(body);
	if (r == 0)
		r = sp_ipc_connect_patient(path, owner, SP_IPC_RESTART_MS, deadline, &fd);
	if (r == 0)
		r = sp_ipc_call(fd, SP_IPC_IDENTITY_AUTHKEY, body, SP_IPC_IDENTITY_AUTHKEY_REPLY, buf, &msg, deadline);
	if (r != 0)
		goto out;
	reply = sp_buf_from(msg.body.data, msg.body.len);
	r = reply == NULL ? SP_ERR_NOMEM : sp_buf_get_view(reply, SP_AUTHKEYS_LINE_MAX, &line);
	if (r == 0 && sp_buf_len(reply) > 0)
		r = SP_ERR_PROTOCOL;
	if (r == 0 && line.len > 0 && !is_line(line))
		r = SP_ERR_PROTOCOL;
	if (r == 0 && line.len > 0) {
		r = ask_permits(permit, options, body);
		if (r != 0) {
			sp_log_warn("nothing can be forwarded for %s: %s: %s", arg[0], permit, sp_err_str(r));
			sp_buf_reset(options);
		}
		r = print_line(line, options);
	}
out:
	sp_ipc_msg_clear(&msg);
	sp_buf_free(body);
	sp_buf_free(buf);
	sp_buf_free(reply);
	sp_buf_free(options);
	if (fd >= 0)
		(void)close(fd);
	return r;
}

int
main(int argc, char **argv)
{
	const struct rlimit none = {0, 0};
	const char *path = SP_RUNDIR "/identity/identity.sock", *owner_name = "sallyport-identity";
	const char *permit = SP_RUNDIR "/permit.sock";
	uid_t owner;
	gid_t gid;
	int c, r;

	sp_log_open("sallyport-authkeys", LOG_INFO, 0);
	(void)setrlimit(RLIMIT_CORE, &none);
	(void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0); /* the token is in argv: no other process of this uid may look */
	while ((c = getopt(argc, argv, "s:o:p:")) != -1) {
		if (c == 's')
			path = optarg;
		else if (c == 'p')
			permit = optarg;
		else if (c == 'o')
			owner_name = optarg;
		else
			return 0;
	}
	if (argc - optind != 3) {
		sp_log_err("usage: sallyport-authkeys %%u %%t %%k");
		return 0;
	}
	for (int i = 0; i < 3; i++) {
		if (strlen(argv[optind + i]) > SP_AUTHKEYS_ARG_MAX) {
			sp_log_warn("an argument is too long");
			return 0;
		}
	}
	if (!is_dropped()) {
		sp_log_err("started with groups or ids that were not given up: nothing is answered");
		return 0;
	}
	if (sp_privdrop_uid(owner_name, &owner, &gid) != 0) {
		sp_log_err("no account %s", owner_name);
		return 0;
	}
	r = sp_sandbox_enter(SP_SANDBOX_AUTHKEYS, NULL);
	if (r != 0) {
		sp_log_err("sandbox: %s", sp_err_str(r));
		return 0;
	}
	r = ask(path, owner, permit, argv + optind);
	if (r != 0)
		sp_log_warn("no answer for %s from %s: %s", argv[optind], path, sp_err_str(r));
	return 0;
}
