/* SPDX-License-Identifier: Apache-2.0 */
/* Which files of a shell's programs a policy wants on record. */
#include "tests/unit/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "policy/decide.h"
#include "policy/recordfile.h"
#include "policy/source.h"
#include "policy/subject.h"

#define HEAD \
	"version: 1\ngroups: { eng: { claim: groups, has: eng } }\n" \
	"connections: { shell: { kind: shell }, other: { kind: shell } }\nrules:\n"
#define RULE(name, more) \
	"  - { name: " name ", who: [eng], on: [shell], effect: allow, do: { argv: [ls] }, " more " }\n"
#define OPENED SP_RECORD_FILE_OPENED
#define WRITTEN SP_RECORD_FILE_WRITTEN
#define BOTH (OPENED | WRITTEN)
#define MONDAY 345600 /* noon of it is later by half a day */

static char dir[] = "/tmp/sp-recordfile-XXXXXX";

/* NULL: the policy is in error. */
static struct sp_policy_image *
image_of(const char *text, struct sp_buf *bytes)
{
	struct sp_policy_source *source = sp_policy_source_new();
	struct sp_policy_image *image = NULL;
	char path[64];
	FILE *f;

	(void)snprintf(path, sizeof(path), "%s/p.yaml", dir);
	f = fopen(path, "w");
	assert_non_null(f);
	assert_true(fputs(text, f) >= 0 && fclose(f) == 0);
	sp_buf_reset(bytes);
	assert_int_equal(sp_policy_source_add_dir(source, dir), 0);
	if (sp_policy_source_compile(source, 1, bytes) == 0)
		assert_int_equal(sp_policy_image_open(sp_buf_data(bytes), sp_buf_len(bytes), &image), 0);
	sp_policy_source_free(source);
	(void)unlink(path);
	return image;
}

struct asked {
	struct sp_buf *bytes;
	struct sp_policy_image *image;
	struct sp_policy_subject *who;
	struct sp_decide_scope *scope;
};

static void
ask(struct asked *a, const char *rules, const char *connection)
{
	static const char identity[] = "{\"groups\":[\"eng\"]}";
	char text[4096];

	a->bytes = sp_buf_new(0);
	(void)snprintf(text, sizeof(text), "%s%s", HEAD, rules);
	a->image = image_of(text, a->bytes);
	assert_non_null(a->image);
	assert_int_equal(sp_policy_subject_new(identity, strlen(identity), &a->who), 0);
	assert_int_equal(sp_decide_scope_new(a->image, a->who, sp_policy_image_find(a->image, connection), &a->scope), 0);
}

static void
done(struct asked *a)
{
	sp_decide_scope_free(a->scope);
	sp_policy_subject_free(a->who);
	sp_policy_image_free(a->image);
	sp_buf_free(a->bytes);
}

static unsigned
wanted(const struct asked *a, const char *path, unsigned what, const char *from)
{
	const struct sp_policy_rule *rule;
	unsigned r = sp_decide_record_file(a->scope, path, what, MONDAY, from, &rule);

	assert_int_equal(r != 0, rule != NULL);
	return r;
}

static void
test_patterns(void **state)
{
	struct asked a;

	(void)state;
	ask(&a, RULE("a", "session: { record_files: { read: [/etc/**, \"/srv/*\"], write: [/srv/w/**] } }"), "shell");
	assert_true(sp_decide_has_record_files(a.scope));
	assert_int_equal(wanted(&a, "/etc/passwd", BOTH, NULL), OPENED);
	assert_int_equal(wanted(&a, "/etc/a/b/c", OPENED, NULL), OPENED);
	assert_int_equal(wanted(&a, "/etc", BOTH, NULL), 0);
	assert_int_equal(wanted(&a, "/etcetera/x", BOTH, NULL), 0);
	assert_int_equal(wanted(&a, "/srv/x", BOTH, NULL), OPENED);
	assert_int_equal(wanted(&a, "/srv/x/y", BOTH, NULL), 0);
	assert_int_equal(wanted(&a, "/srv/w/y", BOTH, NULL), WRITTEN);
	assert_int_equal(wanted(&a, "/srv/w/y", OPENED, NULL), 0);
	assert_int_equal(wanted(&a, "/etc/\001", OPENED, NULL), OPENED); /* a byte that patterns know otherwise hides nothing */
	assert_int_equal(wanted(&a, "/srv/\001", OPENED, NULL), OPENED);
	assert_int_equal(wanted(&a, "/etc/a\nb \xff", OPENED, NULL), OPENED);
	assert_int_equal(wanted(&a, NULL, BOTH, NULL), BOTH); /* it may be any file */
	done(&a);
	ask(&a, RULE("a", "session: { record_files: { write: [/srv/w/**] } }"), "shell");
	assert_int_equal(wanted(&a, NULL, BOTH, NULL), WRITTEN);
	done(&a);
}

static void
test_rules(void **state)
{
	struct sp_buf *out = sp_buf_new(0);
	struct asked a;

	(void)state;
	ask(&a,
	    RULE("a", "session: { record_files: { read: [/a/**] } }") RULE("b", "session: { record_files: { write: [/a/**] } }")
		RULE("c", "session: { record_files: { read: [/c/**] } }, when: { days: [tue] }")
		    RULE("d", "session: { record_files: { read: [/d/**] } }, from: [10.0.0.0/8]"),
	    "shell");
	assert_int_equal(wanted(&a, "/a/x", BOTH, "10.1.1.1"), BOTH);
	assert_int_equal(wanted(&a, "/c/x", BOTH, "10.1.1.1"), 0);
	assert_int_equal(wanted(&a, "/d/x", OPENED, "10.1.1.1"), OPENED);
	assert_int_equal(wanted(&a, "/d/x", OPENED, "192.0.2.1"), 0);
	assert_int_equal(wanted(&a, "/d/x", OPENED, NULL), OPENED); /* from where is not known */
	assert_int_equal(sp_decide_record_files_show(a.scope, MONDAY, "192.0.2.1", out), 0);
	sp_buf_put_u8(out, 0);
	assert_string_equal((const char *)sp_buf_data(out), "files:    on record (a): read /a/**\nfiles:    on record (b): write /a/**\n");
	done(&a);
	ask(&a, RULE("a", "session: { record_files: { read: [/a/**] } }"), "other");
	assert_false(sp_decide_has_record_files(a.scope));
	assert_int_equal(wanted(&a, "/a/x", BOTH, NULL), 0);
	done(&a);
	sp_buf_free(out);
}

static void
test_mistakes(void **state)
{
	static const char *const bad[] = { RULE("a", "session: { record_files: { } }"), RULE("a", "session: { record_files: [/a] }"),
		RULE("a", "session: { record_files: { read: [a/b] } }"), RULE("a", "session: { record_files: { read: [] } }"),
		RULE("a", "session: { record_files: { write: [/a/../b] } }"), RULE("a", "session: { record_files: { open: [/a] } }"),
		"  - { name: a, who: [eng], effect: deny, session: { record_files: { read: [/a] } } }\n" };
	struct sp_buf *bytes = sp_buf_new(0);
	char text[4096];

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		(void)snprintf(text, sizeof(text), "%s%s", HEAD, bad[i]);
		assert_null(image_of(text, bytes));
	}
	sp_buf_free(bytes);
}

int
main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_patterns), cmocka_unit_test(test_rules),
		cmocka_unit_test(test_mistakes) };
	int r;

	if (mkdtemp(dir) == NULL)
		return 1;
	r = cmocka_run_group_tests(tests, NULL, NULL);
	(void)rmdir(dir);
	return r;
}
