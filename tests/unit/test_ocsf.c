/* SPDX-License-Identifier: Apache-2.0 */
/* Each kind of event as the Open Cybersecurity Schema Framework wants it; what it wants is in ocsf.txt. */
#include "tests/unit/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/ocsf.h"
#include "lib/buf.h"

#define SESSION "01ARZ3NDEKTSV4RRFFQ69G5FAV"
#define LINES_MAX 64

static char rules[LINES_MAX][512];
static size_t nrules;

/* One event of that type with a value in each field that it may have. */
static json_t *
export(int type, const char *decision, const char *status, const json_t *header)
{
	struct sp_buf *b = sp_buf_new(SP_EVENT_MAX);
	struct sp_event ev;
	json_t *o;

	sp_event_begin(b, (enum sp_event_type)type, 1700000000000000000u);
	sp_event_put_u64(b, SP_FIELD_SEQ, 3);
	sp_event_put_cstring(b, SP_FIELD_CONNECTION, "orders");
	sp_event_put_cstring(b, SP_FIELD_TEXT, "select 1");
	sp_event_put_cstring(b, SP_FIELD_DECISION, decision);
	sp_event_put_cstring(b, SP_FIELD_STATUS, status);
	sp_event_put_cstring(b, SP_FIELD_ADDRESS, "db1.internal:5432");
	sp_event_put_cstring(b, SP_FIELD_REQUEST_ID, "7KQ2M9XA");
	assert_int_equal(sp_event_parse(sp_buf_data(b), sp_buf_len(b), &ev), 0);
	o = sp_cli_ocsf(SESSION, header, 3, &ev);
	assert_non_null(o);
	sp_buf_free(b);
	return o;
}

static const json_t *
at(const json_t *o, const char *path)
{
	char copy[128], *part, *rest = copy;

	(void)snprintf(copy, sizeof(copy), "%s", path);
	while (o != NULL && (part = strsep(&rest, ".")) != NULL)
		o = json_object_get(o, part);
	return json_is_null(o) ? NULL : o;
}

/* Whether word is one of the words of list. */
static bool
is_listed(const char *list, const char *word)
{
	size_t n = strlen(word);
	const char *p = list;

	while ((p = strstr(p, word)) != NULL) {
		if ((p == list || p[-1] == ' ') && (p[n] == ' ' || p[n] == '\0'))
			return true;
		p += n;
	}
	return false;
}

static bool
is_for(const char *class, long long uid)
{
	return strcmp(class, "*") == 0 || atoll(class) == uid;
}

static long long
number(const json_t *o, const char *name)
{
	const json_t *v = json_object_get(o, name);

	assert_true(json_is_integer(v));
	return json_integer_value(v);
}

/* At least one of the attributes, where the rule holds. */
static void
check_required(const json_t *o, const char *name, char *rule)
{
	const char *class = strsep(&rule, "\t"), *given = strsep(&rule, "\t");
	char *path, *list = rule;

	assert_non_null(list);
	if (!is_for(class, number(o, "class_uid")) || (strcmp(given, "-") != 0 && at(o, given) == NULL))
		return;
	while ((path = strsep(&list, " ")) != NULL) {
		if (at(o, path) != NULL)
			return;
	}
	fail_msg("%s (class %s) has none of: %s", name, class, rule);
}

static void
check(const json_t *o, const char *name)
{
	long long uid = number(o, "class_uid"), activity = number(o, "activity_id");
	bool is_activity = activity == 0 || activity == 99;
	char has[1024] = "", rule[512], id[24], class[16];
	const char *key;
	json_t *value;

	for (size_t i = 0; i < nrules; i++) {
		int off = 0;

		memcpy(rule, rules[i], sizeof(rule));
		if (sscanf(rule, "has %15s%n", class, &off) == 1 && off > 0) {
			if (is_for(class, uid))
				(void)snprintf(has + strlen(has), sizeof(has) - strlen(has), " %s", rule + off + 1);
		} else if (sscanf(rule, "activity %15s%n", class, &off) == 1 && off > 0) {
			(void)snprintf(id, sizeof(id), "%lld", activity);
			is_activity = is_activity || (is_for(class, uid) && is_listed(rule + off + 1, id));
		} else {
			check_required(o, name, rule);
		}
	}
	if (!is_activity)
		fail_msg("%s: class %lld has no activity %lld", name, uid, activity);
	json_object_foreach((json_t *)(uintptr_t)o, key, value)
		if (!is_listed(has, key))
			fail_msg("%s: class %lld has no attribute %s", name, uid, key);
	assert_int_equal(number(o, "category_uid"), uid / 1000);
	assert_int_equal(number(o, "type_uid"), uid * 100 + activity);
}

static void
test_each_event(void **state)
{
	static const char *const decisions[] = { "allow", "approve", "deny", "refuse", "approved", "denied", "expired",
		"cancelled", NULL };
	static const char *const statuses[] = { "connected", "closed", "failed", NULL };
	json_t *headers[] = { json_object(),
		json_loads("{\"identity\":{\"email\":\"a@example.com\",\"sub\":\"1\",\"iss\":\"https://i\"},"
			   "\"origin\":{\"user\":\"alice\",\"from\":\"192.0.2.7\",\"host\":\"bastion\"}}", 0, NULL) };
	unsigned kinds = 0;

	(void)state;
	for (int type = 1; sp_event_type_name(type) != NULL; type++, kinds++) {
		for (size_t i = 0; i < 9 * 4 * 2; i++) {
			json_t *o = export(type, decisions[i % 9], statuses[i / 9 % 4], headers[i / 36]);

			check(o, sp_event_type_name(type));
			json_decref(o);
		}
	}
	assert_true(kinds >= 16);
	json_decref(headers[0]);
	json_decref(headers[1]);
}

static void
test_what_it_says(void **state)
{
	json_t *header = json_loads("{\"origin\":{\"user\":\"alice\",\"from\":\"192.0.2.7\",\"host\":\"bastion\"}}", 0, NULL);
	json_t *o = export(SP_EVENT_STATEMENT, "deny", NULL, header);

	(void)state;
	assert_string_equal(json_string_value(at(o, "query_info.query_string")), "select 1");
	assert_string_equal(json_string_value(at(o, "actor.user.name")), "alice");
	assert_string_equal(json_string_value(at(o, "disposition")), "Blocked");
	assert_string_equal(json_string_value(at(o, "metadata.correlation_uid")), SESSION);
	assert_int_equal(number(o, "time"), 1700000000000);
	json_decref(o);
	o = export(SP_EVENT_TARGET, NULL, "failed", header);
	assert_string_equal(json_string_value(at(o, "dst_endpoint.hostname")), "db1.internal");
	assert_int_equal(number(at(o, "dst_endpoint"), "port"), 5432);
	assert_string_equal(json_string_value(at(o, "activity_name")), "Fail");
	json_decref(o);
	o = export(SP_EVENT_FILE, NULL, "opened, written", header);
	assert_string_equal(json_string_value(at(o, "file.path")), "select 1");
	assert_string_equal(json_string_value(at(o, "activity_name")), "Update");
	json_decref(o);
	o = export(SP_EVENT_FILE, NULL, "opened", header);
	assert_string_equal(json_string_value(at(o, "activity_name")), "Open");
	json_decref(o);
	o = export(SP_EVENT_OUTPUT, NULL, NULL, header);
	assert_string_equal(json_string_value(at(o, "unmapped.actor.user.name")), "alice");
	json_decref(o);
	json_decref(header);
}

static int
read_rules(void **state)
{
	FILE *f = fopen(SP_TEST_OCSF, "re");

	(void)state;
	assert_non_null(f);
	while (nrules < LINES_MAX && fgets(rules[nrules], sizeof(rules[0]), f) != NULL) {
		rules[nrules][strcspn(rules[nrules], "\n")] = '\0';
		nrules += rules[nrules][0] != '#';
	}
	(void)fclose(f);
	assert_true(nrules > 30 && nrules < LINES_MAX);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_event),
		cmocka_unit_test(test_what_it_says),
	};

	return cmocka_run_group_tests(tests, read_rules, NULL);
}
