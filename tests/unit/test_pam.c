/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pam_sallyport.so in a real PAM stack (pam_wrapper) against a sallyportd of our
 * own that answers well, badly, late, partly or not at all.
 */
#include "tests/unit/unit.h"

#include <fcntl.h>
#include <security/pam_appl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/ipc.h"
#include "lib/ipc_pam.h"

static char dir[] = "/tmp/test_pam.XXXXXX";
static char sock[64];

enum server_mode { SERVE_REPLY, SERVE_CUT, SERVE_SILENT, SERVE_DRIP };

struct server {
	pid_t pid;
};

static uint8_t apart; /* what an OPEN_REPLY says of the login's network */
static uint32_t nports;

/* What sallyportd would say: type, verdict, message, login id. */
static struct sp_buf *
reply_bytes(uint8_t type, uint32_t id, uint32_t verdict, const char *message, const char *login)
{
	struct sp_buf *body = sp_buf_new(0), *out = sp_buf_new(0);

	assert_true(body != NULL && out != NULL);
	sp_buf_put_u32(body, verdict);
	if (message != NULL)
		sp_buf_put_cstring(body, message);
	if (login != NULL)
		sp_buf_put_cstring(body, login);
	if (type == 129 && login != NULL) {
		sp_buf_put_u8(body, apart);
		sp_buf_put_u32(body, nports);
		for (uint32_t i = 0; i < nports; i++)
			sp_buf_put_u16(body, (uint16_t)(40000 + i));
	}
	assert_int_equal(sp_ipc_frame(out, type, id, body), 0);
	sp_buf_free(body);
	return out;
}

static void
serve_one(int fd, enum server_mode mode, const struct sp_buf *bytes, size_t cut)
{
	struct sp_buf *in = sp_buf_new(0);
	struct sp_ipc_msg msg;
	size_t i, n = sp_buf_len(bytes);

	if (sp_ipc_recv(fd, in, &msg, sp_ipc_now_ms() + 5000) == 0) {
		if (mode == SERVE_CUT)
			n = cut;
		if (mode == SERVE_REPLY || mode == SERVE_CUT)
			(void)!write(fd, sp_buf_data(bytes), n);
		for (i = 0; mode == SERVE_DRIP && i < n; i++) {
			(void)!write(fd, sp_buf_data(bytes) + i, 1);
			(void)usleep(200000);
		}
		if (mode == SERVE_SILENT)
			(void)sleep(30);
	}
	(void)close(fd);
}

static struct server
serve(enum server_mode mode, struct sp_buf *bytes, size_t cut)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	struct server s;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	(void)unlink(sock);
	(void)snprintf(sun.sun_path, sizeof(sun.sun_path), "%s", sock);
	assert_int_equal(bind(fd, (struct sockaddr *)&sun, sizeof(sun)), 0);
	assert_int_equal(listen(fd, 8), 0);
	s.pid = fork();
	assert_true(s.pid >= 0);
	if (s.pid == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (;;)
			serve_one(accept(fd, NULL, NULL), mode, bytes, cut);
	}
	(void)close(fd);
	sp_buf_free(bytes);
	return s;
}

static void
stop(struct server s)
{
	(void)kill(s.pid, SIGKILL);
	(void)waitpid(s.pid, NULL, 0);
	(void)unlink(sock);
}

/* A PAM service file: one line for every type, with these arguments. */
static void
service(const char *name, const char *args)
{
	char path[128];
	FILE *f;

	(void)snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "w");
	assert_non_null(f);
	fprintf(f, "auth required %s %s\naccount required %s %s\npassword required %s %s\n", SP_TEST_MODULE, args,
	    SP_TEST_MODULE, args, SP_TEST_MODULE, args);
	fprintf(f, "session required %s %s\n", SP_TEST_MODULE, args);
	(void)fclose(f);
}

/* What the module said to the person, of the last call. */
static char said[1024];

static int
converse(int n, const struct pam_message **msg, struct pam_response **resp, void *ctx)
{
	int i;

	(void)ctx;
	said[0] = '\0';
	for (i = 0; i < n; i++)
		(void)snprintf(said, sizeof(said), "%s", msg[i]->msg);
	*resp = calloc((size_t)n, sizeof(**resp));
	return *resp == NULL ? PAM_BUF_ERR : PAM_SUCCESS;
}

static pam_handle_t *
begin(const char *name, const char *info)
{
	static const struct pam_conv conv = { converse, NULL };
	char line[512];
	pam_handle_t *h;

	said[0] = '\0';
	assert_int_equal(pam_start(name, "alice", &conv, &h), PAM_SUCCESS);
	if (info != NULL) {
		(void)snprintf(line, sizeof(line), "SSH_AUTH_INFO_0=%s", info);
		assert_int_equal(pam_putenv(h, line), PAM_SUCCESS);
	}
	return h;
}

static int
open_session(const char *name, const char *info)
{
	pam_handle_t *h = begin(name, info);
	int r = pam_open_session(h, 0);

	(void)pam_end(h, r);
	return r;
}

static int
ask(const char *name, int (*what)(pam_handle_t *, int))
{
	pam_handle_t *h = begin(name, NULL);
	int r = what(h, what == pam_setcred ? PAM_ESTABLISH_CRED : 0);

	(void)pam_end(h, r);
	return r;
}

#define KEY "publickey ssh-ed25519-cert-v01@openssh.com AAAA"
#define OPEN_OK reply_bytes(129, 1, 0, "", "01ARZ3NDEKTSV4RRFFQ69G5FAV")

static const char *const bad[] = { "sokcet=/x", "socket=relative", "timeout=0", "timeout=6", "timeout=1x", "timeout=",
	"group=", "Debug", "ignore_unknown" };

/* pam_wrapper copies the service files when the process starts, so they are written by the one before. */
static void
services(void)
{
	char args[128], line[256], name[16];
	size_t i;

	(void)snprintf(args, sizeof(args), "socket=%s/pam.sock timeout=1", dir);
	service("other", "socket=/nowhere");
	service("all", args);
	(void)snprintf(line, sizeof(line), "%s debug quiet", args);
	service("good", line);
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		(void)snprintf(line, sizeof(line), "%s %s", args, bad[i]);
		(void)snprintf(name, sizeof(name), "bad%zu", i);
		service(name, line);
	}
}

static void
test_open(void **state)
{
	struct server s = serve(SERVE_REPLY, OPEN_OK, 0);
	pam_handle_t *h = begin("all", KEY "\n");

	(void)state;
	assert_int_equal(pam_open_session(h, 0), PAM_SUCCESS);
	assert_string_equal(pam_getenv(h, "SALLYPORT_SESSION"), "01ARZ3NDEKTSV4RRFFQ69G5FAV");
	assert_string_equal(said, "");
	stop(s);
	s = serve(SERVE_REPLY, reply_bytes(130, 1, 0, NULL, NULL), 0);
	assert_int_equal(pam_close_session(h, 0), PAM_SUCCESS);
	(void)pam_end(h, PAM_SUCCESS);
	stop(s);
}

/* What pam_env may have read from a file of the person's own does not get into the session. */
static void
test_environment(void **state)
{
	static const char *const gone[] = { "LD_PRELOAD", "LD_LIBRARY_PATH", "LD_AUDIT", "BASH_ENV", "ENV", "PATH", "LANGUAGE",
		"LC_ALLX", "LANGX", "X" };
	struct server s = serve(SERVE_REPLY, OPEN_OK, 0);
	pam_handle_t *h = begin("all", KEY "\n");
	char line[128];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(gone) / sizeof(gone[0]); i++) {
		(void)snprintf(line, sizeof(line), "%s=/home/alice/x.so=y", gone[i]);
		assert_int_equal(pam_putenv(h, line), PAM_SUCCESS);
	}
	assert_int_equal(pam_putenv(h, "LANG=C.UTF-8"), PAM_SUCCESS);
	assert_int_equal(pam_putenv(h, "XDG_SESSION_ID=c1"), PAM_SUCCESS);
	assert_int_equal(pam_open_session(h, 0), PAM_SUCCESS);
	for (i = 0; i < sizeof(gone) / sizeof(gone[0]); i++)
		assert_null(pam_getenv(h, gone[i]));
	assert_string_equal(pam_getenv(h, "LANG"), "C.UTF-8");
	assert_string_equal(pam_getenv(h, "XDG_SESSION_ID"), "c1");
	assert_non_null(pam_getenv(h, "SALLYPORT_SESSION"));
	(void)pam_end(h, PAM_SUCCESS);
	stop(s);
}

static void
test_open_refused(void **state)
{
	struct server s = serve(SERVE_REPLY, reply_bytes(129, 1, 8, "no", ""), 0);

	(void)state;
	assert_int_equal(open_session("all", KEY), PAM_SESSION_ERR);
	stop(s);
}

static void
test_no_key(void **state)
{
	static const char *const infos[] = { NULL, "", "password", "publickey ", "keyboard-interactive/pam",
		KEY "\n" KEY "\n" };
	struct server s = serve(SERVE_REPLY, OPEN_OK, 0);
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(infos) / sizeof(infos[0]); i++) {
		assert_int_equal(open_session("all", infos[i]), PAM_SESSION_ERR);
	}
	stop(s);
}

static void
test_down(void **state)
{
	(void)state;
	(void)unlink(sock);
	assert_int_equal(open_session("all", KEY), PAM_SESSION_ERR);
	assert_int_equal(ask("all", pam_acct_mgmt), PAM_AUTHINFO_UNAVAIL);
}

/* Every wait is bounded: a silent daemon and one that drips a byte at a time. */
static void
test_slow(void **state)
{
	static const enum server_mode modes[] = { SERVE_SILENT, SERVE_DRIP };
	size_t i;

	(void)state;
	for (i = 0; i < 2; i++) {
		struct server s = serve(modes[i], OPEN_OK, 0);
		int64_t start = sp_ipc_now_ms();

		assert_int_equal(open_session("all", KEY), PAM_SESSION_ERR);
		assert_true(sp_ipc_now_ms() - start >= 900 && sp_ipc_now_ms() - start < 2000);
		stop(s);
	}
}

static void
test_cut(void **state)
{
	struct sp_buf *whole = OPEN_OK;
	size_t i, n = sp_buf_len(whole);

	(void)state;
	sp_buf_free(whole);
	for (i = 0; i < n; i++) {
		struct server s = serve(SERVE_CUT, OPEN_OK, i);

		assert_int_equal(open_session("all", KEY), PAM_SESSION_ERR);
		stop(s);
	}
}

static struct sp_buf *
garbage(const char *p, size_t n)
{
	struct sp_buf *b = sp_buf_new(0);

	assert_non_null(b);
	sp_buf_put(b, p, n);
	return b;
}

static void
test_garbage(void **state)
{
	struct sp_buf *replies[] = {
		reply_bytes(130, 1, 0, "", "01ARZ3NDEKTSV4RRFFQ69G5FAV"), /* the wrong type */
		reply_bytes(129, 2, 0, "", "01ARZ3NDEKTSV4RRFFQ69G5FAV"), /* somebody else's reply */
		reply_bytes(129, 0, 0, "", "01ARZ3NDEKTSV4RRFFQ69G5FAV"),
		reply_bytes(129, 1, 0, "", ""), /* yes, but no login */
		reply_bytes(129, 1, 0, NULL, NULL),
		reply_bytes(129, 1, 0, "",
		    "01ARZ3NDEKTSV4RRFFQ69G5FAV01ARZ3NDEKTSV4RRFFQ69G5FAV01ARZ3NDEKTSV4RRFFQ69G5FAV"),
		garbage("HTTP/1.1 200 OK\r\n\r\n", 19),
		garbage("\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", 12),
		garbage("\0\0\0\0\0\0\0\0\0\0\0\0", 12),
		garbage("\0\0\0\x0a\x02\x81\0\0\0\x01\0\0\0\0", 14), /* another version */
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(replies) / sizeof(replies[0]); i++) {
		struct server s = serve(SERVE_REPLY, replies[i], 0);

		assert_int_equal(open_session("all", KEY), PAM_SESSION_ERR);
		stop(s);
	}
}

/* A login is apart or not, and has ports only then, and not too many: anything else is none that can be carried out. */
static void
test_apart_garbage(void **state)
{
	static const struct {
		uint8_t apart;
		uint32_t nports;
	} odd[] = { { 2, 0 }, { 0, 1 }, { 1, SP_IPC_PAM_PORTS_MAX + 1 } };
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(odd) / sizeof(odd[0]); i++) {
		struct server s;

		apart = odd[i].apart;
		nports = odd[i].nports;
		s = serve(SERVE_REPLY, OPEN_OK, 0);
		apart = 0;
		nports = 0;
		assert_int_equal(open_session("all", KEY), PAM_SESSION_ERR);
		stop(s);
	}
}

static void
test_account(void **state)
{
	struct server s = serve(SERVE_REPLY, reply_bytes(131, 1, 0, "", NULL), 0);

	(void)state;
	assert_int_equal(ask("all", pam_acct_mgmt), PAM_SUCCESS);
	stop(s);
	s = serve(SERVE_REPLY, reply_bytes(131, 1, 8, "no", NULL), 0);
	assert_int_equal(ask("all", pam_acct_mgmt), PAM_PERM_DENIED);
	stop(s);
}

static void
test_lets_nobody_in(void **state)
{
	struct server s = serve(SERVE_REPLY, reply_bytes(129, 1, 0, "", NULL), 0);

	(void)state;
	assert_int_equal(ask("all", pam_authenticate), PAM_AUTH_ERR);
	assert_int_equal(ask("all", pam_setcred), PAM_SUCCESS);
	assert_int_not_equal(ask("all", pam_chauthtok), PAM_SUCCESS);
	stop(s);
}

static void
test_arguments(void **state)
{
	struct server s = serve(SERVE_REPLY, OPEN_OK, 0);
	char name[16];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		(void)snprintf(name, sizeof(name), "bad%zu", i);
		assert_int_equal(open_session(name, KEY), PAM_SESSION_ERR);
	}
	assert_int_equal(open_session("good", KEY), PAM_SUCCESS);
	stop(s);
}

static int
setup(void **state)
{
	(void)state;
	(void)snprintf(sock, sizeof(sock), "%s/pam.sock", dir);
	return 0;
}

static int
teardown(void **state)
{
	char path[128];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		(void)snprintf(path, sizeof(path), "%s/bad%zu", dir, i);
		(void)unlink(path);
	}
	(void)snprintf(path, sizeof(path), "%s/other", dir);
	(void)unlink(path);
	(void)snprintf(path, sizeof(path), "%s/all", dir);
	(void)unlink(path);
	(void)snprintf(path, sizeof(path), "%s/good", dir);
	(void)unlink(path);
	(void)rmdir(dir);
	return 0;
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_open),
		cmocka_unit_test(test_environment),
		cmocka_unit_test(test_open_refused),
		cmocka_unit_test(test_no_key),
		cmocka_unit_test(test_down),
		cmocka_unit_test(test_slow),
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_garbage),
		cmocka_unit_test(test_apart_garbage),
		cmocka_unit_test(test_account),
		cmocka_unit_test(test_lets_nobody_in),
		cmocka_unit_test(test_arguments),
	};

	(void)argc;
	if (getenv("PAM_WRAPPER") == NULL) { /* pam_wrapper must be there before libpam is */
		if (mkdtemp(dir) == NULL)
			return 99;
		services();
		(void)setenv("PAM_WRAPPER_SERVICE_DIR", dir, 1);
		(void)setenv("PAM_WRAPPER", "1", 1);
#ifdef __SANITIZE_ADDRESS__
		(void)setenv("LD_PRELOAD", "libasan.so.8 libpam_wrapper.so", 1); /* ASan wants to be first */
		(void)setenv("ASAN_OPTIONS", "detect_leaks=0", 0); /* of PAM's own, which it keeps until exit */
#else
		(void)setenv("LD_PRELOAD", "libpam_wrapper.so", 1);
#endif
		(void)execv("/proc/self/exe", argv);
		return 99;
	}
	(void)snprintf(dir, sizeof(dir), "%s", getenv("PAM_WRAPPER_SERVICE_DIR"));
	if (geteuid() != 0) /* the module talks to a socket of root's only */
		return 77;
	return cmocka_run_group_tests(tests, setup, teardown);
}
