/* SPDX-License-Identifier: Apache-2.0 */
/* Promise P6 by attack: each test is an attempt to run something with an approval that does not cover it. */
#include "tests/unit/unit.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "control/store.h"

#define ISS "https://idp.example"

static const struct sp_store_person alice = {ISS, "u-alice", "alice", "01ALICE"};
static const struct sp_store_person alice_again = {ISS, "u-alice", "alice2", "01ALICE2"};
static const struct sp_store_person alice_other_idp = {"https://other.example", "x", "alice", "01ALICE3"};
static const struct sp_store_person bob = {ISS, "u-bob", "bob", "01BOB"};
static const struct sp_store_person bob_again = {ISS, "u-bob", "bob", "01BOB2"};
static const struct sp_store_person bob_other_idp = {"https://other.example", "u-9", "bob", "01BOB3"};
static const struct sp_store_person carol = {ISS, "u-carol", "carol", "01CAROL"};

struct fixture {
	char dir[64];
	char path[96];
	struct sp_store *s;
};

static int
setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	strcpy(f->dir, "/tmp/sallyport-store.XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	(void)snprintf(f->path, sizeof(f->path), "%s/control.db", f->dir);
	assert_int_equal(sp_store_open(f->path, &f->s), 0);
	*state = f;
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *f = *state;
	static const char *const suffix[] = {"", "-wal", "-shm"};
	char path[128];

	sp_store_close(f->s);
	for (size_t i = 0; i < 3; i++) {
		(void)snprintf(path, sizeof(path), "%s%s", f->path, suffix[i]);
		(void)unlink(path);
	}
	(void)rmdir(f->dir);
	free(f);
	return 0;
}

static struct sp_store_filing
filing(uint32_t count)
{
	struct sp_store_filing f = {
		.requester = alice,
		.connection = "orders",
		.rule = "writes-need-a-dba",
		.statement = "update t set a = 1 where id = 3",
		.statement_len = 31,
		.details = "{}",
		.approvers = "dba",
		.count = count,
		.policy_version = 7,
		.now = 1000,
		.expires = 1900,
	};

	memset(f.digest, 0xaa, sizeof(f.digest));
	return f;
}

static void
file_one(struct fixture *fx, uint32_t count, char id[SP_STORE_ID_LEN + 1])
{
	struct sp_store_filing f = filing(count);

	assert_int_equal(sp_store_file(fx->s, &f, id), 0);
}

static void
test_once(void **state)
{
	struct fixture *fx = *state;
	struct sp_store_request r;
	enum sp_store_state st;
	char id[SP_STORE_ID_LEN + 1];
	uint8_t digest[32], other[32];
	struct sp_store_person somebody = bob;
	struct stat sb;

	memset(digest, 0xaa, 32);
	memset(other, 0xaa, 32);
	other[31] ^= 1;
	file_one(fx, 1, id);
	assert_int_equal(stat(fx->path, &sb), 0);
	assert_int_equal(sb.st_mode & 0777, 0600);
	/* Not approved yet. */
	assert_int_equal(sp_store_consume(fx->s, id, &alice, digest, 1001), SP_ERR_CONFLICT);
	assert_int_equal(sp_store_decide(fx->s, id, &bob, true, "looks right", 1002, &st), 0);
	assert_int_equal(st, SP_STORE_APPROVED);
	/* Another statement, another session of hers, another person. */
	assert_int_equal(sp_store_consume(fx->s, id, &alice, other, 1003), SP_ERR_SIGNATURE);
	assert_int_equal(sp_store_consume(fx->s, id, &alice_again, digest, 1003), SP_ERR_DENIED);
	assert_int_equal(sp_store_consume(fx->s, id, &bob, digest, 1003), SP_ERR_DENIED);
	somebody.session = alice.session; /* her session, whoever says so, is not hers */
	assert_int_equal(sp_store_consume(fx->s, id, &somebody, digest, 1003), SP_ERR_DENIED);
	assert_int_equal(sp_store_consume(fx->s, id, &alice, digest, 1003), 0);
	assert_int_equal(sp_store_consume(fx->s, id, &alice, digest, 1003), SP_ERR_CONFLICT);
	assert_int_equal(sp_store_get(fx->s, id, &r), 0);
	assert_int_equal(r.state, SP_STORE_USED);
	assert_string_equal(r.decided_by, "bob");
	assert_string_equal(r.statement, "update t set a = 1 where id = 3");
	sp_store_request_clear(&r);
}

static void
test_never_by_the_requester(void **state)
{
	struct fixture *fx = *state;
	enum sp_store_state st;
	char id[SP_STORE_ID_LEN + 1];

	file_one(fx, 1, id);
	assert_int_equal(sp_store_decide(fx->s, id, &alice, true, "", 1001, &st), SP_ERR_DENIED);
	assert_int_equal(sp_store_decide(fx->s, id, &alice_again, true, "", 1001, &st), SP_ERR_DENIED);
	assert_int_equal(sp_store_decide(fx->s, id, &alice_other_idp, true, "", 1001, &st), SP_ERR_DENIED);
	assert_int_equal(st, SP_STORE_PENDING);
}

static void
test_quorum_counts_people(void **state)
{
	struct sp_store_person bob_renamed = bob;
	struct fixture *fx = *state;
	enum sp_store_state st;
	char id[SP_STORE_ID_LEN + 1];

	file_one(fx, 2, id);
	assert_int_equal(sp_store_decide(fx->s, id, &bob, true, "", 1001, &st), 0);
	assert_int_equal(st, SP_STORE_PENDING);
	assert_int_equal(sp_store_decide(fx->s, id, &bob_again, true, "", 1002, &st), SP_ERR_EXISTS);
	assert_int_equal(st, SP_STORE_PENDING);
	assert_int_equal(sp_store_decide(fx->s, id, &bob_other_idp, true, "", 1002, &st), SP_ERR_EXISTS);
	assert_int_equal(st, SP_STORE_PENDING);
	bob_renamed.login = "robert"; /* one identity whose account has another name now */
	assert_int_equal(sp_store_decide(fx->s, id, &bob_renamed, true, "", 1002, &st), SP_ERR_EXISTS);
	assert_int_equal(st, SP_STORE_PENDING);
	assert_int_equal(sp_store_decide(fx->s, id, &carol, true, "", 1003, &st), 0);
	assert_int_equal(st, SP_STORE_APPROVED);
}

static void
test_denied_stays_denied(void **state)
{
	struct fixture *fx = *state;
	enum sp_store_state st;
	uint8_t digest[32];
	char id[SP_STORE_ID_LEN + 1];

	memset(digest, 0xaa, 32);
	file_one(fx, 1, id);
	assert_int_equal(sp_store_decide(fx->s, id, &bob, false, "not today", 1001, &st), 0);
	assert_int_equal(st, SP_STORE_DENIED);
	assert_int_equal(sp_store_decide(fx->s, id, &carol, true, "", 1002, &st), SP_ERR_CONFLICT);
	assert_int_equal(sp_store_consume(fx->s, id, &alice, digest, 1003), SP_ERR_CONFLICT);
}

static int
count_cb(const struct sp_store_request *r, void *ctx)
{
	assert_true(r->state == SP_STORE_EXPIRED || r->state == SP_STORE_CANCELLED || r->state == SP_STORE_PENDING);
	(*(int *)ctx)++;
	return 0;
}

static void
test_expiry(void **state)
{
	struct fixture *fx = *state;
	enum sp_store_state st;
	uint8_t digest[32];
	int64_t next;
	int n = 0;
	char id[SP_STORE_ID_LEN + 1], id2[SP_STORE_ID_LEN + 1];

	memset(digest, 0xaa, 32);
	file_one(fx, 1, id);
	file_one(fx, 1, id2);
	assert_int_equal(sp_store_decide(fx->s, id, &bob, true, "", 1900, &st), SP_ERR_EXPIRED);
	assert_int_equal(sp_store_decide(fx->s, id, &bob, true, "", 1899, &st), 0);
	/* Approved in time, used too late. */
	assert_int_equal(sp_store_consume(fx->s, id, &alice, digest, 1900), SP_ERR_EXPIRED);
	assert_int_equal(sp_store_expire(fx->s, 1899, count_cb, &n, &next), 0);
	assert_int_equal(n, 0);
	assert_int_equal(next, 1900);
	assert_int_equal(sp_store_expire(fx->s, 1900, count_cb, &n, &next), 0);
	assert_int_equal(n, 2);
	assert_int_equal(next, 0);
	assert_int_equal(sp_store_consume(fx->s, id, &alice, digest, 1000), SP_ERR_EXPIRED);
}

static void
test_policy_change_cancels(void **state)
{
	struct fixture *fx = *state;
	enum sp_store_state st;
	uint8_t d1[32], d2[32], digest[32];
	uint64_t v1, v2, v3;
	int n = 0;
	char id[SP_STORE_ID_LEN + 1];

	memset(digest, 0xaa, 32);
	memset(d1, 1, 32);
	memset(d2, 2, 32);
	file_one(fx, 1, id);
	assert_int_equal(sp_store_decide(fx->s, id, &bob, true, "", 1001, &st), 0);
	assert_int_equal(sp_store_supersede(fx->s, 7, 1002, count_cb, &n), 0);
	assert_int_equal(n, 0);
	assert_int_equal(sp_store_supersede(fx->s, 8, 1002, count_cb, &n), 0);
	assert_int_equal(n, 1);
	assert_int_equal(sp_store_consume(fx->s, id, &alice, digest, 1003), SP_ERR_CONFLICT);

	assert_int_equal(sp_store_policy_version(fx->s, d1, &v1), 0);
	assert_int_equal(sp_store_policy_version(fx->s, d1, &v2), 0);
	assert_true(v1 == v2);
	assert_int_equal(sp_store_policy_version(fx->s, d2, &v2), 0);
	assert_true(v2 > v1);
	/* Back to the old text is a new version: what was approved under the first one stays cancelled. */
	assert_int_equal(sp_store_policy_version(fx->s, d1, &v3), 0);
	assert_true(v3 > v2);
}

struct revoked {
	const char *iss, *sub, *login;
};

static bool
is_revoked(const struct sp_store_person *p, void *ctx)
{
	const struct revoked *v = ctx;

	return strcmp(p->iss, v->iss) == 0 && strcmp(p->sub, v->sub) == 0 && strcmp(p->login, v->login) == 0;
}

static int
count_cancelled(const struct sp_store_request *r, void *ctx)
{
	assert_int_equal(r->state, SP_STORE_CANCELLED);
	(*(unsigned *)ctx)++;
	return 0;
}

/* What revoked people asked for or approved is void, unless it was used; what others did stays. */
static void
test_revoked(void **state)
{
	struct fixture *fx = *state;
	struct revoked v = { bob.iss, bob.sub, bob.login };
	struct sp_store_request r;
	enum sp_store_state st;
	char approved[SP_STORE_ID_LEN + 1], half[SP_STORE_ID_LEN + 1], pending[SP_STORE_ID_LEN + 1], used[SP_STORE_ID_LEN + 1];
	char others[SP_STORE_ID_LEN + 1];
	uint8_t digest[32];
	unsigned n = 0;

	memset(digest, 0xaa, 32);
	file_one(fx, 1, approved);
	file_one(fx, 2, half);
	file_one(fx, 1, pending);
	file_one(fx, 1, used);
	file_one(fx, 1, others);
	assert_int_equal(sp_store_decide(fx->s, approved, &bob, true, "", 1001, &st), 0);
	assert_int_equal(sp_store_decide(fx->s, half, &bob, true, "", 1001, &st), 0);
	assert_int_equal(sp_store_decide(fx->s, used, &bob, true, "", 1001, &st), 0);
	assert_int_equal(sp_store_decide(fx->s, others, &carol, true, "", 1001, &st), 0);
	assert_int_equal(sp_store_consume(fx->s, used, &alice, digest, 1001), 0);
	assert_int_equal(sp_store_revoke(fx->s, is_revoked, &v, 1002, count_cancelled, &n), 0);
	assert_int_equal(n, 2);
	assert_int_equal(sp_store_consume(fx->s, approved, &alice, digest, 1003), SP_ERR_CONFLICT);
	assert_int_equal(sp_store_decide(fx->s, half, &carol, true, "", 1003, &st), SP_ERR_CONFLICT);
	assert_int_equal(sp_store_consume(fx->s, others, &alice, digest, 1003), 0);
	assert_int_equal(sp_store_get(fx->s, approved, &r), 0);
	assert_string_equal(r.reason, "the access of who approved it was revoked: ask again");
	sp_store_request_clear(&r);
	assert_int_equal(sp_store_get(fx->s, used, &r), 0);
	assert_int_equal(r.state, SP_STORE_USED);
	sp_store_request_clear(&r);
	v = (struct revoked){ alice.iss, alice.sub, alice.login };
	assert_int_equal(sp_store_revoke(fx->s, is_revoked, &v, 1004, count_cancelled, &n), 0);
	assert_int_equal(n, 3);
	assert_int_equal(sp_store_decide(fx->s, pending, &bob, true, "", 1005, &st), SP_ERR_CONFLICT);
}

static void
test_cancel_and_limits(void **state)
{
	struct fixture *fx = *state;
	struct sp_store_filing f = filing(1);
	char id[SP_STORE_ID_LEN + 1];
	int n = 0;

	file_one(fx, 1, id);
	assert_int_equal(sp_store_cancel(fx->s, id, "01BOB", "", 1001), SP_ERR_DENIED);
	assert_int_equal(sp_store_cancel(fx->s, "NOPE", "01ALICE", "", 1001), SP_ERR_NOT_FOUND);
	assert_int_equal(sp_store_cancel(fx->s, id, "01ALICE", "Ctrl-C", 1001), 0);
	assert_int_equal(sp_store_cancel(fx->s, id, "01ALICE", "Ctrl-C", 1001), SP_ERR_CONFLICT);
	for (int i = 0; i < SP_STORE_PENDING_MAX; i++)
		assert_int_equal(sp_store_file(fx->s, &f, id), 0);
	assert_int_equal(sp_store_file(fx->s, &f, id), SP_ERR_LIMIT);
	assert_int_equal(sp_store_walk(fx->s, false, count_cb, &n), 0);
	assert_int_equal(n, SP_STORE_PENDING_MAX);
	f.requester.sub = "";
	assert_int_equal(sp_store_file(fx->s, &f, id), SP_ERR_INVALID);
	f = filing(0);
	assert_int_equal(sp_store_file(fx->s, &f, id), SP_ERR_INVALID);
}

/* A child files, approves and consumes until it is killed; whatever it reported as consumed can't be consumed again. */
static void
killed_child(const char *path, int report)
{
	struct sp_store *s;
	struct sp_store_filing f = filing(1);
	enum sp_store_state st;
	uint8_t digest[32];
	char id[SP_STORE_ID_LEN + 1];

	memset(digest, 0xaa, 32);
	if (sp_store_open(path, &s) != 0)
		_exit(1);
	for (;;) {
		if (sp_store_file(s, &f, id) != 0 || sp_store_decide(s, id, &bob, true, "", 1001, &st) != 0 ||
		    sp_store_consume(s, id, &alice, digest, 1002) != 0)
			_exit(2);
		if (write(report, id, SP_STORE_ID_LEN) != SP_STORE_ID_LEN)
			_exit(3);
	}
}

static void
test_kill_9(void **state)
{
	struct fixture *fx = *state;
	uint8_t digest[32];
	char id[SP_STORE_ID_LEN + 1] = {0};
	int seen = 0;

	memset(digest, 0xaa, 32);
	for (unsigned round = 0; round < 20; round++) {
		int p[2], status;
		pid_t pid;

		assert_int_equal(pipe(p), 0);
		pid = fork();
		assert_true(pid >= 0);
		if (pid == 0)
			killed_child(fx->path, p[1]);
		(void)close(p[1]);
		(void)usleep(4000 + round * 3001 % 30000);
		assert_int_equal(kill(pid, SIGKILL), 0);
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_true(WIFSIGNALED(status));
		while (read(p[0], id, SP_STORE_ID_LEN) == SP_STORE_ID_LEN) {
			assert_int_equal(sp_store_consume(fx->s, id, &alice, digest, 1003), SP_ERR_CONFLICT);
			seen++;
		}
		(void)close(p[0]);
	}
	assert_true(seen > 0);
}

static void
test_not_ours(void **state)
{
	struct fixture *fx = *state;
	struct sp_store *s;
	char path[128];
	FILE *f;

	(void)snprintf(path, sizeof(path), "%s/other", fx->dir);
	f = fopen(path, "w");
	assert_non_null(f);
	assert_true(fputs("this is not a database, and long enough to say so clearly ..............................."
			  ".....................................................................................",
			f) >= 0);
	(void)fclose(f);
	assert_int_not_equal(sp_store_open(path, &s), 0);
	(void)unlink(path);
	assert_int_equal(symlink(fx->path, path), 0);
	assert_int_not_equal(sp_store_open(path, &s), 0);
	(void)unlink(path);
}

/* A store is a line of the table: what the setting may say, and what it may not. */
static void
test_table(void **state)
{
	static const char *const bad[] = {"", "control.db", "sqlite", "sqlite:", "sqlite:control.db", "sqlit:/x", "sqlitee:/x",
		"SQLITE:/x", ":/x", "postgres://db.internal/x"};
	struct fixture *fx = *state;
	enum sp_store_state st;
	struct sp_store *s;
	char where[128], id[SP_STORE_ID_LEN + 1];

	assert_string_equal(sp_store_name(0), "sqlite");
	assert_null(sp_store_name(1));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(sp_store_open(bad[i], &s), SP_ERR_INVALID);
		assert_null(sp_store_path(bad[i]));
	}
	assert_string_equal(sp_store_path("/a:b"), "/a:b");
	(void)snprintf(where, sizeof(where), "sqlite:%s", fx->path);
	assert_string_equal(sp_store_path(where), fx->path);
	file_one(fx, 1, id);
	assert_int_equal(sp_store_open(where, &s), 0);
	assert_int_equal(sp_store_decide(s, id, &bob, true, "", 1001, &st), 0);
	sp_store_close(s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_once, setup, teardown),
		cmocka_unit_test_setup_teardown(test_table, setup, teardown),
		cmocka_unit_test_setup_teardown(test_never_by_the_requester, setup, teardown),
		cmocka_unit_test_setup_teardown(test_quorum_counts_people, setup, teardown),
		cmocka_unit_test_setup_teardown(test_denied_stays_denied, setup, teardown),
		cmocka_unit_test_setup_teardown(test_expiry, setup, teardown),
		cmocka_unit_test_setup_teardown(test_policy_change_cancels, setup, teardown),
		cmocka_unit_test_setup_teardown(test_revoked, setup, teardown),
		cmocka_unit_test_setup_teardown(test_cancel_and_limits, setup, teardown),
		cmocka_unit_test_setup_teardown(test_kill_9, setup, teardown),
		cmocka_unit_test_setup_teardown(test_not_ours, setup, teardown),
	};

	return cmocka_run_group_tests_name("store", tests, NULL, NULL);
}
