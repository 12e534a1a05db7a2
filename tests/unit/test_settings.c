/* SPDX-License-Identifier: Apache-2.0 */
/* sallyport.yaml but for its issuers (policy/settings.h), and what file is taken for it (runtime/conffile.h). */
#include "tests/unit/unit.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "policy/settings.h"
#include "runtime/conffile.h"

static const char *const known_sinks[] = { "syslog", "other", NULL };
static const char *const known_stores[] = { "sqlite", NULL };
static const struct sp_settings before = { .has_audit = true,
	.reserve = 64,
	.checkpoint = 60,
	.policy_dir = "/p",
	.database = "/d",
	.sessions_max = 1,
	.per_person = 2,
	.starts = 3,
	.starts_within = 4,
	.known_sinks = known_sinks,
	.known_stores = known_stores };

static int
parse(const char *text, char *why, struct sp_settings *s)
{
	*s = before;
	why[0] = '\0';
	return sp_settings_parse("f", text, strlen(text), why, SP_SETTINGS_WHY, s);
}

static const char all[] = "version: 1\n"
			  "issuers: [ { whatever: identity reads } ]\n"
			  "recorder: { audit: off, reserve_mib: 512, checkpoint: 5m }\n"
			  "control: { policy: /etc/elsewhere, database: /var/lib/sallyport/control/x.db }\n"
			  "sessions: { max: 100, per_person: 10, starts: { count: 20, within: 1m } }\n";

static void
test_good(void **state)
{
	char why[SP_SETTINGS_WHY];
	struct sp_settings s;

	(void)state;
	assert_int_equal(parse(all, why, &s), 0);
	assert_true(!s.has_audit && s.reserve == (uint64_t)512 << 20 && s.checkpoint == 300);
	assert_string_equal(s.policy_dir, "/etc/elsewhere");
	assert_string_equal(s.database, "/var/lib/sallyport/control/x.db");
	assert_true(s.sessions_max == 100 && s.per_person == 10 && s.starts == 20 && s.starts_within == 60);
	assert_int_equal(parse("version: 1\nrecorder: {}\nsessions: { max: 7 }\n", why, &s), 0);
	assert_true(s.has_audit && s.reserve == 64 && s.checkpoint == 60 && s.sessions_max == 7 && s.per_person == 2);
	assert_string_equal(s.policy_dir, "/p");
	assert_int_equal(parse("recorder: { reserve_mib: 0, audit: required }\n", why, &s), 0);
	assert_true(s.reserve == 0 && s.has_audit);
	assert_string_equal(s.sinks[0], "");
}

/* Who has the table knows the names; the others take whatever could be one. */
static void
test_tables(void **state)
{
	static const char theirs[] = "recorder: { sinks: [kafka] }\ncontrol: { database: \"pg:/x\" }\n";
	char why[SP_SETTINGS_WHY];
	struct sp_settings s = before;

	(void)state;
	assert_int_equal(parse("recorder: { sinks: [other, syslog] }\ncontrol: { database: \"sqlite:/x\" }\n", why, &s), 0);
	assert_string_equal(s.sinks[0], "other");
	assert_string_equal(s.sinks[1], "syslog");
	assert_string_equal(s.sinks[2], "");
	assert_string_equal(s.database, "sqlite:/x");
	assert_int_equal(parse("recorder: { sinks: [] }\n", why, &s), 0);
	assert_string_equal(s.sinks[0], "");
	assert_int_equal(parse(theirs, why, &s), SP_ERR_FORMAT);
	s.known_sinks = s.known_stores = NULL;
	assert_int_equal(sp_settings_parse("f", theirs, strlen(theirs), why, sizeof(why), &s), 0);
	assert_string_equal(s.sinks[0], "kafka");
	assert_string_equal(s.database, "pg:/x");
}

static const struct {
	const char *text;
	const char *says;
} bad[] = {
	{ "", "f:1:1: expected a mapping" },
	{ "version: 2\n", "f:1:10: expected a whole number from 1 to 1" },
	{ "recoder: {}\n", "f:1:1: unknown key \"recoder\" (did you mean \"recorder\"?)" },
	{ "store: {}\n", "f:1:1: unknown key \"store\"" },
	{ "recorder: []\n", "f:1:11: expected a mapping, found a list" },
	{ "recorder:\n", "f:1:1: expected a mapping, found nothing" },
	{ "recorder:\n  adit: off\n", "f:2:3: unknown key \"adit\" (did you mean \"audit\"?)" },
	{ "recorder:\n  audit: on\n", "f:2:10: \"on\" is not one of the words" },
	{ "recorder:\n  audit: false\n", "f:2:10: \"false\" is not one of the words" },
	{ "recorder:\n  audit: off\n  audit: off\n", "f:3:" },
	{ "recorder:\n  reserve_mib: -1\n", "f:2:16: expected a whole number" },
	{ "recorder:\n  reserve_mib: 64MiB\n", "f:2:16: expected a whole number" },
	{ "recorder:\n  reserve_mib: 1048577\n", "f:2:16: expected a whole number" },
	{ "recorder:\n  checkpoint: 0s\n", "f:2:15: expected a duration" },
	{ "recorder:\n  checkpoint: 60\n", "f:2:15: expected a duration" },
	{ "recorder:\n  checkpoint: 2d\n", "f:2:15: expected a duration" },
	{ "control: { policy: policy.d }\n", "f:1:20: policy is an absolute path" },
	{ "control: { database: \"/a\\nb\" }\n", "f:1:22: database is an absolute path" },
	{ "control: { database: x.db }\n", "f:1:22: database is an absolute path" },
	{ "control: { database: \"sqlite:x.db\" }\n", "f:1:22: database is an absolute path" },
	{ "control: { database: \"sqlit:/x.db\" }\n", "f:1:22: there is no store \"sqlit\"" },
	{ "control: { database: \":/x.db\" }\n", "f:1:22: database is an absolute path" },
	{ "recorder: { sinks: syslog }\n", "f:1:20: expected a list, found text" },
	{ "recorder: { sinks: [sislog] }\n", "f:1:21: \"sislog\" is not one of the words" },
	{ "recorder: { sinks: [other, {}] }\n", "f:1:28: expected text" },
	{ "recorder: { sinks: [other, other] }\n", "f:1:28: \"other\" is named twice" },
	{ "control: { data: /x }\n", "f:1:12: unknown key \"data\"" },
	{ "sessions: { max: 0 }\n", "f:1:18: expected a whole number" },
	{ "sessions: { max: 2049 }\n", "f:1:18: expected a whole number from 1 to 2048" },
	{ "sessions: { per_person: many }\n", "f:1:25: expected a whole number" },
	{ "sessions: { starts: 5 }\n", "f:1:21: expected a mapping, found text" },
	{ "sessions: { starts: { count: 5 } }\n", "f:1:21: starts needs the keys count and within" },
	{ "sessions: { starts: { count: 5, within: 10 } }\n", "expected a duration" },
	{ "sessions: { starts: { count: 5, within: 10s, x: y } }\n", "unknown key \"x\"" },
	{ "sessions: { max: &a 5, per_person: *a }\n", "anchors are not allowed" },
};

static void
test_bad(void **state)
{
	char why[SP_SETTINGS_WHY];
	struct sp_settings s;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		int r = parse(bad[i].text, why, &s);

		if (r == 0 || strstr(why, bad[i].says) == NULL)
			fail_msg("case %zu: %d %s", i, r, why);
		assert_memory_equal(&s, &before, sizeof(s)); /* all of it or nothing */
	}
}

static void
test_cut(void **state)
{
	char why[SP_SETTINGS_WHY];
	struct sp_settings s;

	(void)state;
	for (size_t n = 0; n < sizeof(all) - 1; n++) {
		s = before;
		(void)!sp_settings_parse("f", all, n, why, sizeof(why), &s);
	}
}

/* --- the file ----------------------------------------------------------------------------------------------- */

static int
read_file(mode_t mode, const char *text, size_t n, char **ret_text)
{
	char path[] = "/tmp/test_settings.XXXXXX", why[SP_SETTINGS_WHY] = "";
	int fd = mkstemp(path), r;

	assert_true(fd >= 0 && write(fd, text, n) == (ssize_t)n && fchmod(fd, mode) == 0);
	(void)close(fd);
	*ret_text = NULL;
	r = sp_conffile_read(path, why, sizeof(why), ret_text);
	if ((r == 0) != (why[0] == '\0') || (r == 0) != (*ret_text != NULL) || (r != 0 && strstr(why, path) == NULL))
		fail_msg("%d %s", r, why);
	(void)unlink(path);
	return r;
}

static void
test_file(void **state)
{
	static char big[SP_CONFFILE_MAX + 8192];
	char why[SP_SETTINGS_WHY], *text;

	(void)state;
	assert_int_equal(read_file(0644, "version: 1\n", 11, &text), 0);
	assert_string_equal(text, "version: 1\n");
	free(text);
	assert_int_equal(read_file(0600, "", 0, &text), 0);
	free(text);
	assert_int_equal(read_file(0664, "x", 1, &text), SP_ERR_DENIED);
	assert_int_equal(read_file(0646, "x", 1, &text), SP_ERR_DENIED);
	assert_int_equal(read_file(0644, "a\0b", 3, &text), SP_ERR_FORMAT);
	memset(big, 'x', sizeof(big));
	assert_int_equal(read_file(0644, big, sizeof(big), &text), SP_ERR_LIMIT);
	assert_int_equal(sp_conffile_read("/nonexistent", why, sizeof(why), &text), SP_ERR_NOT_FOUND);
	assert_int_equal(sp_conffile_read("/dev/null", why, sizeof(why), &text), SP_ERR_SYSTEM);
	assert_int_equal(sp_conffile_read("/etc", why, sizeof(why), &text), SP_ERR_SYSTEM);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_tables),
		cmocka_unit_test(test_bad),
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
