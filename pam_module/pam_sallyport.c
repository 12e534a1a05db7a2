/* SPDX-License-Identifier: Apache-2.0 */
#include "pam_module/pam_sallyport.h"

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include <security/pam_modules.h>

#include <security/pam_ext.h>
#include <security/pam_modutil.h>

#include "lib/ipc.h"
#include "lib/ipc_pam.h"
#include "pam_module/apart.h"

#define EXPORT __attribute__((visibility("default")))

/* Messages of pam.sock (PROTOCOL.ipc section 2). */
struct pam_args {
	const char *socket;
	const char *group; /* only its members are Sallyport's; NULL: everybody */
	int timeout;	   /* seconds */
	bool is_debug;
	bool is_quiet;
};

/* What one call to sallyportd needs; made by pam_call_begin, ended by pam_call_end. */
struct pam_call {
	struct sp_buf *body;
	struct sp_buf *reply;
	struct sp_buf *view; /* reads the reply's body */
	char *message;	     /* for the person, owned */
	uint32_t verdict;
};

static bool
pam_args_timeout(const char *text, int *ret_seconds)
{
	char *end = NULL;
	long v = strtol(text, &end, 10);

	if (end == text || *end != '\0' || v < 1 || v > SP_PAM_TIMEOUT_MAX)
		return false;
	*ret_seconds = (int)v;
	return true;
}

/* Unknown or bad words are an error of the administrator's: logged, and the call fails. */
static bool
pam_args_parse(pam_handle_t *pamh, int flags, int argc, const char **argv, struct pam_args *ret_args)
{
	struct pam_args a = { .socket = SP_PAM_SOCKET, .timeout = SP_PAM_TIMEOUT_DEFAULT };
	int i;

	for (i = 0; i < argc; i++) {
		bool is_good = true;

		if (strncmp(argv[i], "socket=", 7) == 0) {
			a.socket = argv[i] + 7;
			is_good = a.socket[0] == '/';
		} else if (strncmp(argv[i], "group=", 6) == 0) {
			a.group = argv[i] + 6;
			is_good = a.group[0] != '\0';
		} else if (strncmp(argv[i], "timeout=", 8) == 0) {
			is_good = pam_args_timeout(argv[i] + 8, &a.timeout);
		} else if (strcmp(argv[i], "debug") == 0) {
			a.is_debug = true;
		} else if (strcmp(argv[i], "quiet") == 0) {
			a.is_quiet = true;
		} else {
			is_good = false;
		}
		if (!is_good) {
			pam_syslog(pamh, LOG_ERR, "bad module argument: %s", argv[i]);
			return false;
		}
	}
	if ((flags & PAM_SILENT) != 0)
		a.is_quiet = true;
	*ret_args = a;
	return true;
}

/* A PAM item as text, never NULL; an over-long one is refused. */
static bool
pam_item(pam_handle_t *pamh, int item, const char **ret_s)
{
	const void *p = NULL;

	if (pam_get_item(pamh, item, &p) != PAM_SUCCESS)
		return false;
	*ret_s = p == NULL ? "" : p;
	return strnlen(*ret_s, SP_PAM_ITEM_MAX + 1) <= SP_PAM_ITEM_MAX;
}

/* The user whose login this is; false when there is none (never a prompt). */
static bool
pam_user(pam_handle_t *pamh, const char **ret_user)
{
	return pam_item(pamh, PAM_USER, ret_user) && (*ret_user)[0] != '\0';
}

/* Whether group= leaves this user to the rest of the stack. Nothing is gained by that: without a login in
 * sallyportd's registry there is no session. */
static bool
pam_is_foreign(pam_handle_t *pamh, const struct pam_args *a, const char *user)
{
	return a->group != NULL && pam_modutil_user_in_group_nam_nam(pamh, user, a->group) == 0;
}

static int
pam_call_begin(struct pam_call *c)
{
	memset(c, 0, sizeof(*c));
	c->verdict = (uint32_t)-SP_ERR_DENIED;
	c->body = sp_buf_new(SP_IPC_FRAME_MAX);
	c->reply = sp_buf_new(SP_IPC_FRAME_MAX + SP_IPC_HEADER);
	return c->body == NULL || c->reply == NULL ? SP_ERR_NOMEM : 0;
}

static void
pam_call_end(struct pam_call *c)
{
	sp_buf_free(c->view);
	sp_buf_free(c->reply);
	sp_buf_free(c->body);
	free(c->message);
}

/* One question, with descriptors, one answer, within the timeout. On 0 c->view stands at the reply's first field. */
static int
pam_call_run_with(struct pam_call *c, const struct pam_args *a, uint8_t type, uint8_t reply_type, const int *fds, size_t nfds)
{
	int64_t deadline = sp_ipc_now_ms() + (int64_t)a->timeout * 1000;
	struct sp_ipc_msg msg = { 0 };
	int fd = -1, r;

	r = sp_buf_error(c->body);
	if (r != 0)
		return r;
	r = sp_ipc_connect_patient(a->socket, 0, SP_IPC_RESTART_MS, deadline, &fd);
	if (r != 0)
		return r;
	r = sp_ipc_send(fd, type, 1, c->body, fds, nfds, deadline);
	if (r == 0)
		r = sp_ipc_recv(fd, c->reply, &msg, deadline);
	if (r == 0) {
		if (msg.nfds != 0 || msg.id != 1 || msg.type != reply_type)
			r = SP_ERR_PROTOCOL;
		sp_ipc_msg_clear(&msg);
	}
	if (r == 0) {
		c->view = sp_buf_from(msg.body.data, msg.body.len);
		r = c->view == NULL ? SP_ERR_NOMEM : sp_buf_get_u32(c->view, &c->verdict);
	}
	(void)close(fd);
	return r;
}

static int
pam_call_run(struct pam_call *c, const struct pam_args *a, uint8_t type, uint8_t reply_type)
{
	return pam_call_run_with(c, a, type, reply_type, NULL, 0);
}

static int
pam_call_message(struct pam_call *c)
{
	return sp_buf_get_cstring(c->view, SP_PAM_MESSAGE_MAX, &c->message);
}

/* The reply must have been read to its last byte. */
static int
pam_call_done(const struct pam_call *c)
{
	return sp_buf_len(c->view) == 0 ? 0 : SP_ERR_FORMAT;
}

static void
pam_tell(pam_handle_t *pamh, const struct pam_args *a, const char *text)
{
	if (!a->is_quiet && text != NULL && text[0] != '\0')
		(void)pam_error(pamh, "%s", text);
}

/* An outage: the person is told that it is one; the stack sees a hard failure all the same. */
static void
pam_report_outage(pam_handle_t *pamh, const struct pam_args *a, const char *what, int err)
{
	pam_syslog(pamh, LOG_ERR, "%s: sallyportd at %s: %s", what, a->socket, sp_err_str(err));
	pam_tell(pamh, a, "Sallyport cannot be asked now, so this login is refused. Try again, or call an administrator.");
}

static void
pam_report_refusal(pam_handle_t *pamh, const struct pam_args *a, const char *what, const char *user,
    const struct pam_call *c)
{
	pam_syslog(pamh, LOG_NOTICE, "%s refused for %s: %s", what, user, c->message);
	pam_tell(pamh, a, c->message);
}

/* The one "publickey TYPE BASE64" line that sshd accepted. None, or several, is refused. */
static bool
pam_auth_info(pam_handle_t *pamh, struct sp_view *ret_line)
{
	static const char method[] = "publickey ";
	const char *p = pam_getenv(pamh, "SSH_AUTH_INFO_0");
	unsigned found = 0;

	if (p == NULL || strnlen(p, SP_PAM_AUTH_INFO_MAX + 1) > SP_PAM_AUTH_INFO_MAX)
		return false;
	while (*p != '\0') {
		size_t n = strcspn(p, "\n");

		if (n > sizeof(method) - 1 && strncmp(p, method, sizeof(method) - 1) == 0) {
			ret_line->data = (const uint8_t *)p;
			ret_line->len = n;
			found++;
		}
		p += n;
		if (*p == '\n')
			p++;
	}
	return found == 1;
}

static void
pam_data_free(pam_handle_t *pamh, void *data, int status)
{
	(void)pamh;
	(void)status;
	free(data);
}

/* Keeps the login's id for close_session and puts it in the session's environment (a name, not a secret). */
static int
pam_keep_login(pam_handle_t *pamh, const char *login_id)
{
	char line[sizeof(SP_PAM_VARIABLE) + 1 + SP_PAM_LOGIN_ID_MAX] = SP_PAM_VARIABLE "=";
	size_t n = strlen(login_id);
	char *copy;

	if (n == 0 || n > SP_PAM_LOGIN_ID_MAX)
		return PAM_SESSION_ERR;
	memcpy(line + sizeof(SP_PAM_VARIABLE), login_id, n + 1);
	if (pam_putenv(pamh, line) != PAM_SUCCESS)
		return PAM_SESSION_ERR;
	copy = strdup(login_id);
	if (copy == NULL)
		return PAM_BUF_ERR;
	if (pam_set_data(pamh, SP_PAM_DATA, copy, pam_data_free) != PAM_SUCCESS) {
		free(copy);
		return PAM_SESSION_ERR;
	}
	return PAM_SUCCESS;
}

/*
 * What other modules put into the session's environment may come from files of the person's own (pam_env with
 * user_readenv reads ~/.pam_environment), and LD_PRELOAD would run their code before ours: only these stay.
 */
static bool
pam_is_kept(const char *line)
{
	static const char *const names[] = { "SSH_AUTH_INFO_0=", "SALLYPORT_SESSION=", "LANG=", "LC_ALL=", "XDG_SESSION_ID=",
		"XDG_SESSION_TYPE=", "XDG_SESSION_CLASS=", "XDG_RUNTIME_DIR=" };
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strncmp(line, names[i], strlen(names[i])) == 0)
			return true;
	return false;
}

/* PAM_SUCCESS only when nothing else is left. */
static int
pam_clean_environment(pam_handle_t *pamh)
{
	char **list = pam_getenvlist(pamh), **p;
	int result = list == NULL ? PAM_BUF_ERR : PAM_SUCCESS;

	for (p = list; p != NULL && *p != NULL; p++) {
		if (!pam_is_kept(*p)) {
			(*p)[strcspn(*p, "=")] = '\0'; /* a name alone removes it */
			if (pam_putenv(pamh, *p) != PAM_SUCCESS)
				result = PAM_SESSION_ERR;
		}
		free(*p);
	}
	free(list);
	return result;
}

static int
pam_open_body(pam_handle_t *pamh, const char *user, struct sp_buf *body)
{
	const char *rhost, *service, *tty;
	struct sp_view line;

	if (!pam_item(pamh, PAM_RHOST, &rhost) || !pam_item(pamh, PAM_SERVICE, &service) ||
	    !pam_item(pamh, PAM_TTY, &tty))
		return SP_ERR_LIMIT;
	if (!pam_auth_info(pamh, &line))
		return SP_ERR_NOT_FOUND;
	sp_buf_put_cstring(body, user);
	sp_buf_put_string(body, line.data, line.len);
	sp_buf_put_cstring(body, rhost);
	sp_buf_put_cstring(body, service);
	sp_buf_put_cstring(body, tty);
	sp_buf_put_u32(body, (uint32_t)getpid());
	return sp_buf_error(body);
}

/* What sallyportd has the login's network like. */
struct pam_apart {
	uint8_t is_apart;
	uint32_t n;
	uint16_t ports[SP_IPC_PAM_PORTS_MAX];
};

static int
pam_get_apart(struct pam_call *c, struct pam_apart *p)
{
	uint32_t i;
	int r = sp_buf_get_u8(c->view, &p->is_apart);

	if (r == 0)
		r = sp_buf_get_u32(c->view, &p->n);
	if (r == 0 && (p->is_apart > 1 || p->n > (p->is_apart != 0 ? SP_IPC_PAM_PORTS_MAX : 0)))
		r = SP_ERR_FORMAT;
	for (i = 0; r == 0 && i < p->n; i++)
		r = sp_buf_get_u16(c->view, &p->ports[i]);
	return r;
}

static int
pam_give_ports(const struct pam_args *a, const char *login_id, const int *fds, size_t nfds)
{
	struct pam_call c;
	int r = pam_call_begin(&c);

	if (r == 0) {
		sp_buf_put_cstring(c.body, login_id);
		r = pam_call_run_with(&c, a, SP_IPC_PAM_PORTS, SP_IPC_PAM_PORTS_REPLY, fds, nfds);
	}
	if (r == 0)
		r = pam_call_done(&c);
	if (r == 0 && c.verdict != 0)
		r = SP_ERR_DENIED;
	pam_call_end(&c);
	return r;
}

/* sshd's process goes into its own network. What fails there fails the login: in this one it would reach the machine's. */
static int
pam_go_apart(const struct pam_args *a, const char *login_id, const struct pam_apart *p)
{
	int fds[SP_IPC_FDS_MAX], r = p->is_apart != 0 ? sp_apart_enter() : 0;
	uint32_t i = 0;

	while (r == 0 && i < p->n) {
		size_t nfds = 0;

		while (r == 0 && i < p->n && nfds < SP_IPC_FDS_MAX) {
			r = sp_apart_listen(p->ports[i], &fds[nfds]);
			nfds += r == 0;
			i++;
		}
		if (r == 0)
			r = pam_give_ports(a, login_id, fds, nfds);
		while (nfds > 0)
			(void)close(fds[--nfds]);
	}
	return r;
}

static int
pam_open(pam_handle_t *pamh, const struct pam_args *a, const char *user)
{
	struct pam_apart apart = { 0 };
	struct pam_call c;
	char *login_id = NULL;
	int r, result = PAM_SESSION_ERR;

	r = pam_call_begin(&c);
	if (r == 0)
		r = pam_open_body(pamh, user, c.body);
	if (r == SP_ERR_NOT_FOUND) {
		pam_syslog(pamh, LOG_ERR, "no single accepted public key in SSH_AUTH_INFO_0 for %s", user);
		pam_tell(pamh, a, "Sallyport needs a login with one certificate from your identity provider (opkssh login).");
		goto out;
	}
	if (r == 0)
		r = pam_call_run(&c, a, SP_IPC_PAM_OPEN, SP_IPC_PAM_OPEN_REPLY);
	if (r == 0)
		r = pam_call_message(&c);
	if (r == 0)
		r = sp_buf_get_cstring(c.view, SP_PAM_LOGIN_ID_MAX, &login_id);
	if (r == 0)
		r = pam_get_apart(&c, &apart);
	if (r == 0)
		r = pam_call_done(&c);
	if (r != 0) {
		pam_report_outage(pamh, a, "open_session", r);
		goto out;
	}
	if (c.verdict != 0) {
		pam_report_refusal(pamh, a, "session", user, &c);
		goto out;
	}
	r = pam_go_apart(a, login_id, &apart);
	if (r != 0) {
		pam_syslog(pamh, LOG_ERR, "login %s gets no network of its own: %s", login_id, sp_err_str(r));
		pam_tell(pamh, a, "This login cannot be given a network of its own, so it is refused. Call an administrator.");
		goto out;
	}
	result = pam_clean_environment(pamh);
	if (result == PAM_SUCCESS)
		result = pam_keep_login(pamh, login_id);
	if (result == PAM_SUCCESS && a->is_debug)
		pam_syslog(pamh, LOG_DEBUG, "login %s for %s", login_id, user);
out:
	free(login_id);
	pam_call_end(&c);
	return result;
}

EXPORT int
pam_sm_open_session(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
	struct pam_args a;
	const char *user;

	if (!pam_args_parse(pamh, flags, argc, argv, &a) || !pam_user(pamh, &user))
		return PAM_SESSION_ERR;
	if (pam_is_foreign(pamh, &a, user))
		return PAM_IGNORE;
	return pam_open(pamh, &a, user);
}

EXPORT int
pam_sm_close_session(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
	struct pam_args a;
	struct pam_call c;
	const void *login_id = NULL;
	int r;

	if (!pam_args_parse(pamh, flags, argc, argv, &a))
		return PAM_SESSION_ERR;
	if (pam_get_data(pamh, SP_PAM_DATA, &login_id) != PAM_SUCCESS || login_id == NULL)
		return a.group != NULL ? PAM_IGNORE : PAM_SESSION_ERR;
	r = pam_call_begin(&c);
	if (r == 0) {
		sp_buf_put_cstring(c.body, login_id);
		r = pam_call_run(&c, &a, SP_IPC_PAM_CLOSE, SP_IPC_PAM_CLOSE_REPLY);
	}
	if (r == 0)
		r = pam_call_done(&c);
	if (r != 0)
		pam_syslog(pamh, LOG_ERR, "close_session: %s", sp_err_str(r));
	if (r == 0 && c.verdict != 0)
		r = SP_ERR_DENIED;
	pam_call_end(&c);
	return r == 0 ? PAM_SUCCESS : PAM_SESSION_ERR;
}

EXPORT int
pam_sm_acct_mgmt(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
	int r, result = PAM_AUTHINFO_UNAVAIL;
	const char *user, *service;
	struct pam_args a;
	struct pam_call c;

	if (!pam_args_parse(pamh, flags, argc, argv, &a) || !pam_user(pamh, &user) ||
	    !pam_item(pamh, PAM_SERVICE, &service))
		return PAM_PERM_DENIED;
	if (pam_is_foreign(pamh, &a, user))
		return PAM_IGNORE;
	r = pam_call_begin(&c);
	if (r == 0) {
		sp_buf_put_cstring(c.body, user);
		sp_buf_put_cstring(c.body, service);
		r = pam_call_run(&c, &a, SP_IPC_PAM_ACCOUNT, SP_IPC_PAM_ACCOUNT_REPLY);
	}
	if (r == 0)
		r = pam_call_message(&c);
	if (r == 0)
		r = pam_call_done(&c);
	if (r != 0) {
		pam_report_outage(pamh, &a, "acct_mgmt", r);
	} else if (c.verdict != 0) {
		pam_report_refusal(pamh, &a, "account", user, &c);
		result = PAM_PERM_DENIED;
	} else {
		result = PAM_SUCCESS;
	}
	pam_call_end(&c);
	return result;
}

/* Nobody is let in by this module: who a person is comes from the key that sshd verified. */
EXPORT int
pam_sm_authenticate(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
	struct pam_args a;

	(void)pam_args_parse(pamh, flags, argc, argv, &a);
	return PAM_AUTH_ERR;
}

/* sshd calls this three times and treats failure as fatal; there is nothing to do. */
EXPORT int
pam_sm_setcred(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
	struct pam_args a;

	return pam_args_parse(pamh, flags, argc, argv, &a) ? PAM_SUCCESS : PAM_CRED_ERR;
}

EXPORT int
pam_sm_chauthtok(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
	(void)pamh;
	(void)flags;
	(void)argc;
	(void)argv;
	return PAM_PERM_DENIED;
}
