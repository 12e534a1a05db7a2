/* SPDX-License-Identifier: Apache-2.0 */
/* session-agent/registry.h: what a sallyportd that starts again believes of the state files it finds. */
#include "tests/unit/unit.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/secret.h"
#include "runtime/log.h"
#include "session-agent/registry.h"

/* SP_RUNDIR is "run" here, in a directory of this test's own. */
#define STATE SP_RUNDIR "/state"
#define LOGIN "01ARZ3NDEKTSV4RRFFQ69G5FAV"
#define LIVE "01BX5ZZKBKACTAV9WEVGEMMVRZ"

static char top[] = "/tmp/test_registry.XXXXXX";

static void
init(struct sp_registry *g)
{
	memset(g, 0, sizeof(*g));
	TAILQ_INIT(&g->logins);
	TAILQ_INIT(&g->ports);
	TAILQ_INIT(&g->lives);
}

/* Forgets without touching the files: as a kill does. */
static void
forget(struct sp_registry *g)
{
	struct sp_login *l;
	struct sp_live *s;

	while ((l = TAILQ_FIRST(&g->logins)) != NULL) {
		TAILQ_REMOVE(&g->logins, l, next);
		sp_login_free(l);
	}
	while ((s = TAILQ_FIRST(&g->lives)) != NULL) {
		TAILQ_REMOVE(&g->lives, s, next);
		sp_live_free(s);
	}
}

static struct sp_login *
login(void)
{
	struct sp_login *l = calloc(1, sizeof(*l));

	assert_non_null(l);
	(void)snprintf(l->id, sizeof(l->id), LOGIN);
	(void)snprintf(l->user, sizeof(l->user), "alice");
	l->uid = 1001;
	l->ses = 7;
	l->auid = 1001;
	l->pid = getpid();
	l->started = sp_registry_process_start(getpid());
	l->expires = 4102444800;
	l->identity = json_pack("{s:s}", "user", "alice");
	l->origin = json_pack("{s:s}", "from", "192.0.2.1");
	return l;
}

static struct sp_live *
live(void)
{
	struct sp_live *l = sp_live_new();

	assert_non_null(l);
	(void)snprintf(l->id, sizeof(l->id), LIVE);
	(void)snprintf(l->login_id, sizeof(l->login_id), LOGIN);
	(void)snprintf(l->user, sizeof(l->user), "alice");
	l->uid = 1001;
	l->ses = 7;
	l->auid = 1001;
	l->pid = getpid();
	l->header = json_pack("{s:{}}", "identity");
	assert_int_equal(sp_secret_new("0123456789abcdef0123456789abcdef", SP_REGISTRY_SECRET, &l->secret), 0);
	return l;
}

static size_t
read_file(const char *name, char *out, size_t cap)
{
	char path[256];
	FILE *f;
	size_t n;

	(void)snprintf(path, sizeof(path), STATE "/%s", name);
	f = fopen(path, "r");
	assert_non_null(f);
	n = fread(out, 1, cap, f);
	(void)fclose(f);
	return n;
}

static void
write_file(const char *name, const char *p, size_t n)
{
	char path[256];
	FILE *f;

	(void)snprintf(path, sizeof(path), STATE "/%s", name);
	(void)unlink(path);
	f = fopen(path, "w");
	assert_non_null(f);
	assert_int_equal(fwrite(p, 1, n, f), n);
	(void)fclose(f);
	assert_int_equal(chmod(path, 0600), 0);
}

static bool
exists(const char *name)
{
	char path[256];
	struct stat st;

	(void)snprintf(path, sizeof(path), STATE "/%s", name);
	return lstat(path, &st) == 0;
}

/* In a process of its own, for the lock is held until a process ends. How many are known: logins + 16 * sessions. */
static int
load(void)
{
	int status = 0;
	pid_t pid = fork();

	if (pid == 0) {
		struct sp_registry g;

		init(&g);
		if (sp_registry_load(&g) != 0)
			_exit(255);
		status = (int)(g.nlogins + 16 * g.nlives);
		forget(&g);
		_exit(status);
	}
	assert_true(pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status));
	return WEXITSTATUS(status);
}

static char login_text[4096], live_text[4096];
static size_t login_len, live_len;

static int
setup(void **state)
{
	struct sp_registry g;

	(void)state;
	sp_log_open("test_registry", -1, 0);
	assert_non_null(mkdtemp(top));
	assert_int_equal(chdir(top), 0);
	assert_int_equal(mkdir(SP_RUNDIR, 0755), 0);
	assert_int_equal(load(), 0); /* makes the directories */
	init(&g);
	assert_int_equal(sp_registry_add_login(&g, login()), 0);
	assert_int_equal(sp_registry_add_live(&g, live()), 0);
	forget(&g);
	login_len = read_file("login-" LOGIN, login_text, sizeof(login_text));
	live_len = read_file("session-" LIVE, live_text, sizeof(live_text));
	return 0;
}

static int
teardown(void **state)
{
	char command[128];

	(void)state;
	(void)snprintf(command, sizeof(command), "rm -rf %s", top);
	return system(command);
}

static void
put_back(void)
{
	write_file("login-" LOGIN, login_text, login_len);
	write_file("session-" LIVE, live_text, live_len);
}

static void
test_known_again(void **state)
{
	struct sp_registry g;
	struct sp_live *s;
	struct stat st;

	(void)state;
	put_back();
	assert_int_equal(load(), 1 + 16);
	assert_true(exists("login-" LOGIN) && exists("session-" LIVE));
	assert_int_equal(stat(STATE, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	assert_int_equal(stat(SP_RUNDIR "/s", &st), 0);
	assert_int_equal(st.st_mode & 07777, 0711);
	init(&g);
	if (fork() == 0) { /* for the lock */
		if (sp_registry_load(&g) != 0 || (s = sp_registry_live(&g, LIVE)) == NULL || s->uid != 1001 || s->ses != 7 ||
		    !s->is_resumed || s->peer != NULL || s->ring != -1 || strcmp(s->user, "alice") != 0 ||
		    sp_secret_equal(s->secret, "0123456789abcdef0123456789abcdef", SP_REGISTRY_SECRET) != 1)
			_exit(1);
		_exit(sp_registry_login_of(&g, 7) == NULL || sp_registry_login_of(&g, 8) != NULL ||
		    sp_registry_login(&g, LOGIN) == NULL || sp_registry_lives_of(&g, 1001) != 1 || sp_registry_lives_of(&g, 1) != 0);
	}
	{
		int status;

		assert_true(wait(&status) > 0 && status == 0);
	}
}

static void
test_written_for_root_alone(void **state)
{
	struct sp_registry g;
	struct stat st;
	mode_t old = umask(0);

	(void)state;
	init(&g);
	(void)unlink(STATE "/login-" LOGIN);
	assert_int_equal(sp_registry_add_login(&g, login()), 0);
	(void)umask(old);
	assert_int_equal(stat(STATE "/login-" LOGIN, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_false(exists("login-" LOGIN ".new"));
	sp_registry_drop_login(&g, TAILQ_FIRST(&g.logins));
	assert_false(exists("login-" LOGIN));
}

static void
test_cut(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < login_len; i++) {
		write_file("login-" LOGIN, login_text, i);
		(void)unlink(STATE "/session-" LIVE);
		assert_int_equal(load(), 0);
		assert_false(exists("login-" LOGIN));
	}
	for (i = 0; i < live_len; i++) {
		write_file("session-" LIVE, live_text, i);
		assert_int_equal(load(), 0);
		assert_false(exists("session-" LIVE));
	}
}

/* What a file says, with one value changed. */
static void
test_corrupt(void **state)
{
	static const struct {
		const char *name;
		const char *json; /* members that replace those of the file */
	} bad[] = {
		{ "login-" LOGIN, "{\"uid\":0}" }, { "login-" LOGIN, "{\"uid\":-1}" }, { "login-" LOGIN, "{\"uid\":4294967296}" },
		{ "login-" LOGIN, "{\"uid\":4294967295}" }, { "login-" LOGIN, "{\"uid\":\"1001\"}" }, { "login-" LOGIN, "{\"ses\":-1}" },
		{ "login-" LOGIN, "{\"ses\":4294967295}" }, { "login-" LOGIN, "{\"auid\":4294967295}" },
		{ "login-" LOGIN, "{\"user\":\"\"}" }, { "login-" LOGIN, "{\"user\":\"../x\"}" },
		{ "login-" LOGIN, "{\"user\":\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"}" }, { "login-" LOGIN, "{\"id\":\"../../x\"}" },
		{ "login-" LOGIN, "{\"id\":\"" LIVE "\"}" }, { "login-" LOGIN, "{\"pid\":1}" }, { "login-" LOGIN, "{\"pid\":-1}" },
		{ "login-" LOGIN, "{\"pid\":0}" }, { "login-" LOGIN, "{\"started\":1}" }, { "login-" LOGIN, "{\"started\":0}" },
		{ "login-" LOGIN, "{\"identity\":[]}" }, { "login-" LOGIN, "{\"origin\":null}" }, { "login-" LOGIN, "{\"expires\":-1}" },
		{ "session-" LIVE, "{\"uid\":0}" }, { "session-" LIVE, "{\"uid\":-5}" }, { "session-" LIVE, "{\"secret\":\"\"}" },
		{ "session-" LIVE, "{\"secret\":\"00\"}" }, { "session-" LIVE, "{\"secret\":1}" },
		{ "session-" LIVE, "{\"secret\":\"zz23456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\"}" },
		{ "session-" LIVE, "{\"secret\":\"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef00\"}" },
		{ "session-" LIVE, "{\"header\":1}" }, { "session-" LIVE, "{\"login\":\"x\"}" }, { "session-" LIVE, "{\"id\":\"x\"}" },
		{ "session-" LIVE, "{\"pid\":-1}" }, { "session-" LIVE, "{\"pid\":0}" }, { "session-" LIVE, "{\"ses\":-1}" },
		{ "session-" LIVE, "{\"directory\":7}" }, { "session-" LIVE, "{\"started\":-1}" }, { "session-" LIVE, "{\"started\":\"1\"}" }, { "session-" LIVE, "{\"user\":\"a b\"}" },
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		bool is_login = bad[i].name[0] == 'l';
		json_t *j = json_loadb(is_login ? login_text : live_text, is_login ? login_len : live_len, 0, NULL);
		json_t *change = json_loads(bad[i].json, 0, NULL);
		char *text;

		assert_int_equal(json_object_update_existing(j, change), 0);
		text = json_dumps(j, 0);
		(void)unlink(STATE "/login-" LOGIN);
		(void)unlink(STATE "/session-" LIVE);
		write_file(bad[i].name, text, strlen(text));
		if (load() != 0 || exists(bad[i].name))
			fail_msg("%s with %s was believed or stays", bad[i].name, bad[i].json);
		free(text);
		json_decref(change);
		json_decref(j);
	}
}

static void
test_garbage(void **state)
{
	static const char *const texts[] = { "", "{}", "[]", "null", "\0\0\0\0", "{\"id\":\"x\",\"id\":\"y\"}", "\xff\xfe", "}{" };
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		write_file("login-" LOGIN, texts[i], strlen(texts[i]) + (i == 4 ? 4 : 0));
		write_file("session-" LIVE, texts[i], strlen(texts[i]));
		assert_int_equal(load(), 0);
		assert_false(exists("login-" LOGIN) || exists("session-" LIVE));
	}
}

/* A member given twice: which one counts is nobody's guess. */
static void
test_twice(void **state)
{
	static const char first[] = "{\"uid\":1001,";
	char text[sizeof(live_text) + sizeof(first)];

	(void)state;
	memcpy(text, first, sizeof(first) - 1);
	memcpy(text + sizeof(first) - 1, live_text + 1, live_len - 1);
	(void)unlink(STATE "/login-" LOGIN);
	write_file("session-" LIVE, text, live_len + sizeof(first) - 2);
	assert_int_equal(load(), 0);
	assert_false(exists("session-" LIVE));
}

/* Names that are not the content's: a copy, an unfinished write, another kind, nothing of ours. */
static void
test_names(void **state)
{
	static const char *const names[] = { "session-" LIVE ".new", "session-" LOGIN, "login-" LIVE, "session-", "x", "sessions-" LIVE,
		"session-" LIVE "x" };
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		put_back();
		write_file(names[i], live_text, live_len);
		assert_int_equal(load(), 1 + 16);
		assert_false(exists(names[i]));
	}
}

static void
test_modes_and_kinds(void **state)
{
	static const mode_t modes[] = { 0640, 0604, 0620, 0602, 0610, 0601, 0666 };
	char big[1024];
	size_t i;
	FILE *f;

	(void)state;
	(void)unlink(STATE "/login-" LOGIN);
	for (i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		write_file("session-" LIVE, live_text, live_len);
		assert_int_equal(chmod(STATE "/session-" LIVE, modes[i]), 0);
		assert_int_equal(load(), 0);
		assert_false(exists("session-" LIVE));
	}
	write_file("elsewhere", live_text, live_len); /* a link to a file that is all right */
	assert_int_equal(rename(STATE "/elsewhere", "elsewhere"), 0);
	assert_int_equal(symlink("../../elsewhere", STATE "/session-" LIVE), 0);
	assert_int_equal(load(), 0);
	assert_false(exists("session-" LIVE));
	assert_int_equal(access("elsewhere", F_OK), 0);
	assert_int_equal(mkfifo(STATE "/session-" LIVE, 0600), 0); /* nobody writes to it: must not wait */
	assert_int_equal(load(), 0);
	assert_int_equal(mkdir(STATE "/session-" LIVE, 0700), 0);
	assert_int_equal(load(), 0);
	assert_int_equal(rmdir(STATE "/session-" LIVE), 0);
	memset(big, ' ', sizeof(big));
	write_file("session-" LIVE, live_text, live_len);
	f = fopen(STATE "/session-" LIVE, "a");
	assert_non_null(f);
	for (i = 0; i < SP_REGISTRY_STATE_MAX / sizeof(big); i++)
		assert_int_equal(fwrite(big, 1, sizeof(big), f), sizeof(big));
	(void)fclose(f);
	assert_int_equal(load(), 0);
	if (geteuid() == 0) { /* somebody else's file */
		write_file("session-" LIVE, live_text, live_len);
		assert_int_equal(chown(STATE "/session-" LIVE, 65534, 65534), 0);
		assert_int_equal(load(), 0);
		assert_false(exists("session-" LIVE));
	}
}

static void
test_one_at_a_time(void **state)
{
	int fd = open(STATE "/.lock", O_RDWR | O_CREAT, 0600);

	(void)state;
	put_back();
	assert_true(fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0);
	assert_int_equal(load(), 255);
	(void)close(fd);
	assert_int_equal(load(), 1 + 16);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_known_again),
		cmocka_unit_test(test_written_for_root_alone),
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_corrupt),
		cmocka_unit_test(test_garbage),
		cmocka_unit_test(test_twice),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_modes_and_kinds),
		cmocka_unit_test(test_one_at_a_time),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
