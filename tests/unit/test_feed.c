/* SPDX-License-Identifier: Apache-2.0 */
/* The policy directory as people and their editors change it, and what of it comes into force. */
#include "tests/unit/unit.h"

#include <event2/event.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "control/feed.h"
#include "control/store.h"
#include "runtime/log.h"

#define QUIET_MS (3 * SP_FEED_SETTLE_MS) /* after which a change has been read */

static const char good[] = "version: 1\n"
			   "groups:\n  dba: { claim: groups, has: dba }\n"
			   "connections:\n  orders:\n    kind: postgres\n    address: db1.internal:5432\n"
			   "    database: orders\n    tls: { mode: verify-full }\n"
			   "    login: { user: app, password: { file: /etc/sallyport/secrets/orders } }\n"
			   "rules:\n  - { name: %s, who: [dba], on: [orders], do: { sql: [select] }, effect: allow }\n"
			   "tests:\n  - { who: { groups: [dba] }, on: orders, run: \"select 1\", expect: %s }\n";

struct fixture {
	char dir[64], policy[96], db[96];
	struct event_base *base;
	struct sp_store *store;
	struct sp_feed *feed;
	unsigned changes;
};

static void
on_changed(void *ctx)
{
	((struct fixture *)ctx)->changes++;
}

static void
write_file(const struct fixture *f, const char *name, const char *rule, const char *expect)
{
	char path[160];
	FILE *o;

	(void)snprintf(path, sizeof(path), "%s/%s", f->policy, name);
	o = fopen(path, "w");
	assert_non_null(o);
	if (rule == NULL)
		(void)fputs("version: 1\nrules: [ { nme: x } ]\n", o);
	else
		(void)fprintf(o, good, rule, expect);
	assert_int_equal(fclose(o), 0);
}

static void
settle(struct fixture *f)
{
	struct timeval tv = {.tv_usec = QUIET_MS * 1000};

	(void)event_base_loopexit(f->base, &tv);
	(void)event_base_dispatch(f->base);
}

static void
open_feed(struct fixture *f)
{
	assert_int_equal(sp_store_open(f->db, &f->store), 0);
	assert_int_equal(sp_feed_new(f->base, f->policy, f->store, on_changed, f, &f->feed), 0);
}

static void
close_feed(struct fixture *f)
{
	sp_feed_free(f->feed);
	sp_store_close(f->store);
}

static int
setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	if (f == NULL)
		return -1;
	(void)snprintf(f->dir, sizeof(f->dir), "/tmp/sp-feed.XXXXXX");
	if (mkdtemp(f->dir) == NULL)
		return -1;
	(void)snprintf(f->policy, sizeof(f->policy), "%s/policy.d", f->dir);
	(void)snprintf(f->db, sizeof(f->db), "%s/control.db", f->dir);
	f->base = event_base_new();
	*state = f;
	return f->base == NULL ? -1 : mkdir(f->policy, 0755);
}

static int
teardown(void **state)
{
	struct fixture *f = *state;
	static const char *const names[] = {"policy.d/a.yaml", "policy.d/a.yaml~", "policy.d/.a.yaml.swp", "policy.d/4913",
	    "policy.d/b.yaml", "policy.d", "control.db", "control.db-wal", "control.db-shm"};

	event_base_free(f->base);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		char path[160];

		(void)snprintf(path, sizeof(path), "%s/%s", f->dir, names[i]);
		(void)remove(path);
	}
	(void)rmdir(f->dir);
	free(f);
	return 0;
}

static void
test_changes(void **state)
{
	struct fixture *f = *state;
	char from[160], to[160];
	int fd;

	write_file(f, "a.yaml", "one", "allow");
	open_feed(f);
	assert_true(sp_feed_version(f->feed) == 1);
	fd = sp_feed_fd(f->feed);
	assert_int_equal(write(fd, "x", 1), -1); /* sealed */
	assert_int_equal(ftruncate(fd, 0), -1);
	/* What an editor leaves around changes nothing. */
	f->changes = 0;
	write_file(f, "a.yaml~", NULL, NULL);
	write_file(f, ".a.yaml.swp", NULL, NULL);
	write_file(f, "4913", NULL, NULL);
	settle(f);
	assert_int_equal(f->changes, 0);
	assert_string_equal(sp_feed_error(f->feed), "");
	/* Written in place, in two steps. */
	write_file(f, "a.yaml", NULL, NULL);
	write_file(f, "a.yaml", "two", "allow");
	settle(f);
	assert_int_equal(f->changes, 1);
	assert_true(sp_feed_version(f->feed) == 2);
	/* Written beside and renamed. */
	write_file(f, "4913", "three", "allow");
	(void)snprintf(from, sizeof(from), "%s/4913", f->policy);
	(void)snprintf(to, sizeof(to), "%s/a.yaml", f->policy);
	assert_int_equal(rename(from, to), 0);
	settle(f);
	assert_true(sp_feed_version(f->feed) == 3);
	/* Back to what it was once: a new version all the same. */
	write_file(f, "a.yaml", "one", "allow");
	settle(f);
	assert_true(sp_feed_version(f->feed) == 4);
	/* Started again: the same policy is the same version, another one the next. */
	close_feed(f);
	open_feed(f);
	assert_true(sp_feed_version(f->feed) == 4);
	close_feed(f);
	write_file(f, "a.yaml", "two", "allow");
	open_feed(f);
	assert_true(sp_feed_version(f->feed) == 5);
	close_feed(f);
}

static void
test_broken_changes_nothing(void **state)
{
	struct fixture *f = *state;
	struct sp_buf *out = sp_buf_new(0);
	char path[160];

	write_file(f, "a.yaml", "one", "allow");
	open_feed(f);
	f->changes = 0;
	write_file(f, "b.yaml", NULL, NULL);
	settle(f);
	assert_int_equal(f->changes, 0);
	assert_true(sp_feed_version(f->feed) == 1);
	assert_non_null(strstr(sp_feed_error(f->feed), "b.yaml:2:")); /* file and line */
	assert_true(sp_feed_reload(f->feed, out) != 0);
	assert_true(sp_buf_len(out) > 0);
	/* A policy that fails its own test. */
	(void)snprintf(path, sizeof(path), "%s/b.yaml", f->policy);
	assert_int_equal(unlink(path), 0);
	write_file(f, "a.yaml", "two", "deny");
	settle(f);
	assert_int_equal(f->changes, 0);
	assert_true(sp_feed_version(f->feed) == 1);
	assert_string_not_equal(sp_feed_error(f->feed), "");
	write_file(f, "a.yaml", "two", "allow");
	settle(f);
	assert_int_equal(f->changes, 1);
	assert_true(sp_feed_version(f->feed) == 2);
	assert_string_equal(sp_feed_error(f->feed), "");
	close_feed(f);
	sp_buf_free(out);
}

/* Started over a broken directory there is no policy at all, until it is mended. */
static void
test_broken_at_start(void **state)
{
	struct fixture *f = *state;

	write_file(f, "a.yaml", NULL, NULL);
	open_feed(f);
	assert_int_equal(sp_feed_fd(f->feed), -1);
	assert_null(sp_feed_image(f->feed));
	assert_int_equal(f->changes, 0);
	write_file(f, "a.yaml", "one", "allow");
	settle(f);
	assert_int_equal(f->changes, 1);
	assert_true(sp_feed_fd(f->feed) >= 0);
	close_feed(f);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_changes, setup, teardown),
		cmocka_unit_test_setup_teardown(test_broken_changes_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(test_broken_at_start, setup, teardown),
	};

	sp_log_open("test_feed", LOG_CRIT, 1);
	return cmocka_run_group_tests_name("feed", tests, NULL, NULL);
}
