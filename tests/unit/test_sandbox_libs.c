/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The libraries of each program do their work inside its profile: what a
 * library calls changes with its version, and this is where it shows first.
 */
#include "tests/unit/unit.h"

#include <curl/curl.h>
#include <event2/event.h>
#include <fcntl.h>
#include <hs.h>
#include <libfyaml.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <pg_query.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <syslog.h>
#include <unistd.h>
#include <zstd.h>

#include "lib/ipc.h"
#include "lib/secret.h"
#include "runtime/log.h"
#include "runtime/memfd.h"
#include "runtime/peer.h"
#include "runtime/sandbox.h"

#define UNSUPPORTED 77

static char dir[64];

static void
runs_in(enum sp_sandbox_profile profile, void (*before)(void), int (*op)(void))
{
	const struct sp_sandbox_path paths[] = {{dir, 1}, {0}};
	int status, r;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		if (before != NULL)
			before();
		r = sp_sandbox_enter(profile, paths);
		if (r != 0)
			_exit(r == SP_ERR_UNSUPPORTED ? UNSUPPORTED : 78);
		_exit(op());
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (WIFEXITED(status) && WEXITSTATUS(status) == UNSUPPORTED) {
		(void)fprintf(stderr, "SKIP: this kernel has no Landlock\n");
		skip();
	}
	if (status != 0)
		fail_msg("in %s: %s %d", sp_sandbox_name(profile), WIFSIGNALED(status) ? "signal" : "exit",
		    WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
}

/* --- every daemon: a loop with signals and timers, logging, secrets --------------------------------- */
static void
on_event(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(*(int *)arg)++;
}

static int
loop_work(void)
{
	struct event_base *base = event_base_new();
	struct timeval tv = {.tv_usec = 1000};
	struct sp_secret *s;
	int signals = 0, timers = 0;
	struct event *sig, *timer;

	if (base == NULL)
		return 2;
	sig = evsignal_new(base, SIGTERM, on_event, &signals);
	timer = evtimer_new(base, on_event, &timers);
	if (event_add(sig, NULL) != 0 || event_add(timer, &tv) != 0)
		return 3;
	(void)raise(SIGTERM);
	(void)event_base_loop(base, EVLOOP_ONCE);
	(void)event_base_loop(base, EVLOOP_ONCE);
	sp_log_open("test_sandbox", LOG_INFO, 1);
	sp_log_debug("not shown");
	if (sp_secret_random(32, &s) != 0)
		return 4;
	sp_secret_free(s);
	event_free(sig);
	event_free(timer);
	event_base_free(base);
	return signals == 1 ? 0 : 5;
}

static void
test_loop(void **state)
{
	(void)state;
	runs_in(SP_SANDBOX_IDENTITY, NULL, loop_work);
	runs_in(SP_SANDBOX_CONTROL, NULL, loop_work);
	runs_in(SP_SANDBOX_RECORDER, NULL, loop_work);
	runs_in(SP_SANDBOX_SESSION, NULL, loop_work);
}

/* --- syslog that has to connect again -------------------------------------------------------------- */
static int
syslog_work(void)
{
	openlog("test_sandbox", LOG_NDELAY, LOG_AUTHPRIV);
	syslog(LOG_DEBUG, "a line from a sandbox");
	closelog();
	return 0;
}

static void
test_syslog(void **state)
{
	(void)state;
	for (int p = 0; p <= SP_SANDBOX_AUDIT; p++)
		runs_in((enum sp_sandbox_profile)p, NULL, syslog_work);
}

/* --- the client of the short-lived programs -------------------------------------------------------- */
static int
client_work(void)
{
	struct sp_buf *buf = sp_buf_new(0);
	struct sp_ipc_msg msg;
	char path[128];
	int fd;

	(void)snprintf(path, sizeof(path), "%s/s.sock", dir);
	if (sp_ipc_connect(path, getuid(), sp_ipc_now_ms() + 1000, &fd) != 0)
		return 2;
	return sp_ipc_call(fd, 1, NULL, 129, buf, &msg, sp_ipc_now_ms() + 30) == SP_ERR_TIMEOUT ? 0 : 3;
}

static void
accept_nothing(int fd, const struct sp_peer_cred *cred, void *ctx)
{
	(void)fd;
	(void)cred;
	(void)ctx;
}

static void
test_client(void **state)
{
	struct event_base *base = event_base_new();
	struct sp_listener *l;
	char path[128];

	(void)state;
	(void)snprintf(path, sizeof(path), "%s/s.sock", dir);
	assert_int_equal(sp_listener_new(base, path, 0600, -1, -1, -1, 4, accept_nothing, NULL, &l), 0);
	runs_in(SP_SANDBOX_AUTHKEYS, NULL, client_work);
	runs_in(SP_SANDBOX_AUDIT, NULL, client_work);
	sp_listener_free(l);
	event_base_free(base);
	(void)unlink(path);
}

/* --- control: SQLite as the store uses it, inotify, a policy image ----------------------------------- */
static int
control_work(void)
{
	static const char sql[] = "pragma journal_mode=wal; pragma synchronous=full;"
				  "create table t(a integer primary key, b text); begin immediate;"
				  "insert into t(b) values('x'),('y'); commit; update t set b='z' where a=1;"
				  "pragma wal_checkpoint(truncate); vacuum;";
	char path[128];
	sqlite3 *db;
	int fd;

	(void)snprintf(path, sizeof(path), "%s/store.db", dir);
	if (sqlite3_open(path, &db) != SQLITE_OK || sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK)
		return 2;
	if (sqlite3_close(db) != SQLITE_OK)
		return 3;
	fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (fd < 0 || inotify_add_watch(fd, dir, IN_CLOSE_WRITE | IN_MOVED_TO | IN_DELETE) < 0)
		return 4;
	return sp_memfd_sealed("policy", "image", 5, &fd) == 0 ? 0 : 5;
}

/* --- policy: YAML, SQL and patterns, as control compiles and a session uses them --------------------------- */
static int
yaml_work(void)
{
	static const char text[] = "version: 1\nrules:\n  - {name: a, effect: deny}\n";
	struct fy_document *doc;
	char path[128];
	int fd;

	(void)snprintf(path, sizeof(path), "%s/policy.yaml", dir);
	fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	if (fd < 0 || write(fd, text, sizeof(text) - 1) != (ssize_t)sizeof(text) - 1 || close(fd) != 0)
		return 2;
	doc = fy_document_build_from_file(NULL, path);
	if (doc == NULL || fy_node_is_null(fy_document_root(doc)))
		return 3;
	fy_document_destroy(doc);
	doc = fy_document_build_from_string(NULL, text, sizeof(text) - 1);
	if (doc == NULL)
		return 4;
	fy_document_destroy(doc);
	return unlink(path) == 0 ? 0 : 5;
}

static int
sql_work(void)
{
	PgQueryProtobufParseResult good = pg_query_parse_protobuf("select a from b where c = $1"), bad;
	int r = good.error == NULL ? 0 : 2;

	pg_query_free_protobuf_parse_result(good);
	bad = pg_query_parse_protobuf("selec a"); /* errors leave by longjmp */
	if (bad.error == NULL)
		r = 3;
	pg_query_free_protobuf_parse_result(bad);
	return r;
}

static int
on_match(unsigned int id, unsigned long long from, unsigned long long to, unsigned int flags, void *ctx)
{
	(void)id;
	(void)from;
	(void)to;
	(void)flags;
	(*(int *)ctx)++;
	return 0;
}

static int
pattern_work(void)
{
	hs_compile_error_t *err = NULL;
	hs_scratch_t *scratch = NULL;
	hs_database_t *db = NULL;
	int n = 0;

	if (hs_compile("[a-z]+@[a-z]+\\.com", HS_FLAG_SOM_LEFTMOST, HS_MODE_BLOCK, NULL, &db, &err) != HS_SUCCESS)
		return 2;
	if (hs_alloc_scratch(db, &scratch) != HS_SUCCESS)
		return 3;
	if (hs_scan(db, "to bob@example.com now", 22, 0, scratch, on_match, &n) != HS_SUCCESS)
		return 4;
	(void)hs_free_scratch(scratch);
	(void)hs_free_database(db);
	return n > 0 ? 0 : 5;
}

static int
zstd_work(void)
{
	static char in[300000];
	size_t room = ZSTD_compressBound(sizeof(in)), n;
	void *out = malloc(room);

	n = out == NULL ? 0 : ZSTD_compress(out, room, in, sizeof(in), 3);
	free(out);
	return n > 0 && !ZSTD_isError(n) ? 0 : 2;
}

/* --- recorder: files that last ------------------------------------------------------------------------- */
static int
recorder_work(void)
{
	char path[128], to[128];
	int fd, d;

	(void)snprintf(path, sizeof(path), "%s/2026", dir);
	if (mkdir(path, 0750) != 0)
		return 2;
	d = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	fd = openat(d, "events", O_CREAT | O_EXCL | O_RDWR | O_NOFOLLOW | O_CLOEXEC, 0440);
	if (fd < 0 || write(fd, "x", 1) != 1 || posix_fallocate(fd, 0, 4096) != 0 || fdatasync(fd) != 0 ||
	    fsync(d) != 0 || fchmod(fd, 0400) != 0)
		return 3;
	(void)snprintf(path, sizeof(path), "%s/2026/events", dir);
	(void)snprintf(to, sizeof(to), "%s/2026/done", dir);
	return rename(path, to) == 0 && unlink(to) == 0 && ftruncate(fd, 0) == 0 ? 0 : 4;
}

static int
recorder_signs(void)
{
	static const unsigned char seed[32] = {1};
	unsigned char sig[64];
	size_t n = sizeof(sig);
	EVP_PKEY *key = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, seed, sizeof(seed));
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();

	if (key == NULL || ctx == NULL || EVP_DigestSignInit(ctx, NULL, NULL, NULL, key) != 1 ||
	    EVP_DigestSign(ctx, sig, &n, seed, sizeof(seed)) != 1)
		return 2;
	return n == 64 ? 0 : 3;
}

/* --- identity and session: TLS --------------------------------------------------------------------------- */
static void
tls_before(void)
{
	(void)OPENSSL_init_ssl(0, NULL);
	(void)curl_global_init(CURL_GLOBAL_DEFAULT);
}

static int
tls_work(void)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	int sv[2];
	SSL *ssl;

	if (ctx == NULL || SSL_CTX_set_default_verify_paths(ctx) != 1)
		return 2;
	/* A ClientHello to nobody: random numbers, key shares and the store of roots are all in use. */
	ssl = SSL_new(ctx);
	sv[0] = socket(AF_UNIX, SOCK_DGRAM, 0);
	sv[1] = socket(AF_INET, SOCK_STREAM, 0);
	if (ssl == NULL || sv[0] < 0 || sv[1] < 0)
		return 3;
	SSL_set_bio(ssl, BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
	if (SSL_connect(ssl) > 0)
		return 4;
	return BIO_pending(SSL_get_wbio(ssl)) > 100 ? 0 : 5;
}

static int
curl_work(void)
{
	static const char *const urls[] = {"https://localhost:1/", "https://sallyport.invalid/", "https://127.0.0.1:1/"};
	CURLM *m = curl_multi_init();
	CURL *c = curl_easy_init();

	if (c == NULL || m == NULL)
		return 2;
	for (size_t i = 0; i < sizeof(urls) / sizeof(urls[0]); i++) {
		int running = 1;

		curl_easy_reset(c);
		(void)curl_easy_setopt(c, CURLOPT_URL, urls[i]);
		(void)curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
		(void)curl_easy_setopt(c, CURLOPT_TIMEOUT_MS, 2000L);
		if (curl_easy_perform(c) == CURLE_OK)
			return 3;
		if (curl_multi_add_handle(m, c) != CURLM_OK)
			return 4;
		for (int n = 0; running > 0 && n < 300; n++) {
			(void)curl_multi_perform(m, &running);
			(void)curl_multi_poll(m, NULL, 0, 10, NULL);
		}
		(void)curl_multi_remove_handle(m, c);
	}
	curl_easy_cleanup(c);
	(void)curl_multi_cleanup(m);
	return 0;
}

static void
test_control(void **state)
{
	(void)state;
	runs_in(SP_SANDBOX_CONTROL, NULL, control_work);
	runs_in(SP_SANDBOX_CONTROL, NULL, yaml_work);
	runs_in(SP_SANDBOX_CONTROL, NULL, sql_work);
	runs_in(SP_SANDBOX_CONTROL, NULL, pattern_work);
}

static void
test_recorder(void **state)
{
	(void)state;
	runs_in(SP_SANDBOX_RECORDER, NULL, recorder_work);
	runs_in(SP_SANDBOX_RECORDER, NULL, recorder_signs);
	runs_in(SP_SANDBOX_RECORDER, NULL, zstd_work);
}

static void
test_session(void **state)
{
	(void)state;
	runs_in(SP_SANDBOX_SESSION, NULL, sql_work);
	runs_in(SP_SANDBOX_SESSION, NULL, pattern_work);
}

static void
test_tls(void **state)
{
	(void)state;
	runs_in(SP_SANDBOX_SESSION, tls_before, tls_work);
	runs_in(SP_SANDBOX_IDENTITY, tls_before, tls_work);
	runs_in(SP_SANDBOX_IDENTITY, tls_before, curl_work);
}

static int
make_dir(void **state)
{
	(void)state;
	(void)snprintf(dir, sizeof(dir), "/tmp/sp-sandbox.XXXXXX");
	return mkdtemp(dir) == NULL ? -1 : 0;
}

static int
remove_dir(void **state)
{
	static const char *const names[] = {"store.db-wal", "store.db-shm", "store.db", "2026"};

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		char path[128];

		(void)snprintf(path, sizeof(path), "%s/%s", dir, names[i]);
		(void)remove(path);
	}
	return rmdir(dir);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_loop, make_dir, remove_dir),
		cmocka_unit_test_setup_teardown(test_syslog, make_dir, remove_dir),
		cmocka_unit_test_setup_teardown(test_client, make_dir, remove_dir),
		cmocka_unit_test_setup_teardown(test_control, make_dir, remove_dir),
		cmocka_unit_test_setup_teardown(test_recorder, make_dir, remove_dir),
		cmocka_unit_test_setup_teardown(test_session, make_dir, remove_dir),
		cmocka_unit_test_setup_teardown(test_tls, make_dir, remove_dir),
	};

	return cmocka_run_group_tests_name("sandbox_libs", tests, NULL, NULL);
}
