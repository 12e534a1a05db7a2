/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sallyport-audit(8): runs as the person, in the person's own audit session, with CAP_AUDIT_WRITE from its
 * file, and says to the kernel's audit system what the recorder tells it to say. The kernel stamps auid, ses
 * and uid; the person who runs it has no word in it.
 */
#include "config.h"

#include <errno.h>
#include <libaudit.h>
#include <linux/capability.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "lib/ipc.h"
#include "lib/ipc_audit.h"
#include "recorder/report.h"
#include "runtime/log.h"
#include "runtime/privdrop.h"
#include "runtime/sandbox.h"

#define SP_AUDIT_SOCKET SP_RUNDIR "/recorder/audit.sock"
#define SP_AUDIT_AGAIN_MS 100 /* between two tries to reach the recorder */

/* Whether the recorder may have this type said: user-space records only, none that changes the audit system. */
static bool
sp_audit_is_allowed(uint32_t type)
{
	static const uint32_t types[] = { AUDIT_USER_START, AUDIT_USER_END, AUDIT_USER_CMD, AUDIT_USER_ACCT };

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		if (types[i] == type)
			return true;
	}
	return false;
}

/* Says one record. 0, or the errno of the kernel's refusal. */
static int
sp_audit_say(int audit_fd, struct sp_buf *body)
{
	uint8_t success = 0;
	uint32_t type = 0;
	char *text = NULL;
	int err = EPROTO;

	if (sp_buf_get_u32(body, &type) == 0 && sp_buf_get_u8(body, &success) == 0 &&
	    sp_buf_get_cstring(body, SP_REPORT_TEXT_MAX, &text) == 0 && sp_buf_len(body) == 0 && success <= 1 &&
	    sp_audit_is_allowed(type)) {
		err = 0;
		if (audit_log_user_message(audit_fd, (int)type, text, NULL, NULL, NULL, success) <= 0)
			err = errno == 0 ? EIO : errno;
	}
	free(text);
	return err;
}

/* Serves one connection to its end. */
static int
sp_audit_serve(int fd, int audit_fd, struct sp_buf *in, struct sp_buf *out)
{
	int r = sp_ipc_send(fd, SP_IPC_AUDIT_HELLO, 0, NULL, NULL, 0, sp_ipc_now_ms() + 5000);

	while (r == 0) {
		struct sp_ipc_msg msg;
		struct sp_buf *body;
		int err;

		r = sp_ipc_recv(fd, in, &msg, INT64_MAX);
		if (r != 0)
			break;
		body = sp_buf_from(msg.body.data, msg.body.len);
		err = body == NULL ? ENOMEM : msg.type == SP_IPC_AUDIT_EMIT && msg.id != 0 ? sp_audit_say(audit_fd, body) : EPROTO;
		sp_buf_free(body);
		sp_ipc_msg_clear(&msg);
		if (err == EPROTO)
			return SP_ERR_PROTOCOL;
		sp_buf_reset(out);
		sp_buf_put_u32(out, err == 0 ? 0 : (uint32_t)-SP_ERR_SYSTEM);
		sp_buf_put_u32(out, (uint32_t)err);
		r = sp_ipc_send(fd, SP_IPC_AUDIT_EMITTED, msg.id, out, NULL, 0, sp_ipc_now_ms() + 5000);
	}
	return r;
}

int
main(int argc, char **argv)
{
	const char *path = SP_AUDIT_SOCKET, *user = "sallyport-recorder";
	struct sp_buf *in = sp_buf_new(SP_IPC_FRAME_MAX + 4), *out = sp_buf_new(64);
	uid_t uid;
	gid_t gid;
	int audit_fd, fd;

	/* Another recorder can only be named where no privilege came from this program's file. */
	if (argc == 3 && getuid() == 0 && getauxval(AT_SECURE) == 0) {
		path = argv[1];
		user = argv[2];
	} else if (argc != 1) {
		fputs("usage: sallyport-audit\n", stderr);
		return 2;
	}
	(void)prctl(PR_SET_PDEATHSIG, SIGTERM, 0, 0, 0);
	(void)signal(SIGPIPE, SIG_IGN);
	sp_log_open("sallyport-audit", LOG_INFO, 0);
	if (in == NULL || out == NULL || sp_privdrop_uid(user, &uid, &gid) != 0) {
		sp_log_err("there is no account %s", user);
		return 1;
	}
	audit_fd = audit_open();
	if (audit_fd < 0) {
		sp_log_err("cannot reach the kernel's audit system: %m");
		return 1;
	}
	if (getppid() == 1)
		return 0; /* whoever started it is gone already */
	if (sp_sandbox_enter(SP_SANDBOX_AUDIT, NULL) != 0) {
		sp_log_err("the sandbox cannot be entered");
		return 1;
	}
	for (;;) {
		if (sp_ipc_connect(path, uid, sp_ipc_now_ms() + 5000, &fd) == 0) {
			(void)sp_audit_serve(fd, audit_fd, in, out);
			(void)close(fd);
		}
		(void)usleep(SP_AUDIT_AGAIN_MS * 1000);
	}
}
