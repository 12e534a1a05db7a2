/* SPDX-License-Identifier: Apache-2.0 */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mask/detectors.h"
#include "policy/compile.h"
#include "policy/file.h"
#include "policy/network.h"
#include "policy/sql.h"

#define SP_COMPILE_WITHIN (15 * 60) /* seconds: `within` where it is not given */

#define SP_COMPILE_SESSION_MAX (30 * 24 * 3600) /* seconds of `idle` and `max` */

/* Names that mask knows. */
#define SP_COMPILE_NAME(kind, name, is_secret, anchors) name,
static const char *const sp_compile_detectors[] = {SP_DETECTORS(SP_COMPILE_NAME) SP_DETECTORS_SECRET, NULL};

/* --- who, on ---------------------------------------------------------------------------------------- */

/* A list is any of its items, but every `not` in it must hold. */
static void
sp_compile_who(struct sp_compile *c, const struct sp_yaml_node *n, struct sp_model_predicate *ret)
{
	struct sp_model_predicate *p, any = {.test = SP_MODEL_ANY, .claim = "", .value = ""};
	size_t count = sp_yaml_count(n), nots = 0;

	*ret = (struct sp_model_predicate){.test = SP_MODEL_EVERYONE, .claim = "", .value = ""};
	if (n == NULL)
		return;
	if (sp_yaml_type(n) != SP_YAML_SEQUENCE) {
		sp_compile_predicate(c, n, false, 0, ret);
		return;
	}
	if (count == 0 || count > SP_POLICY_LIST_MAX) {
		sp_yaml_error(n, c->diags, "leave who out to mean everyone", "expected 1 to %d items", SP_POLICY_LIST_MAX);
		return;
	}
	p = sp_compile_alloc(c, count + 1, sizeof(*p));
	any.children = sp_compile_alloc(c, count, sizeof(*any.children));
	if (p == NULL || any.children == NULL)
		return;
	for (size_t i = 0; i < count; i++) {
		const struct sp_yaml_node *item = sp_yaml_item(n, i);

		if (sp_yaml_get(item, "not") != NULL)
			sp_compile_predicate(c, item, false, 1, &p[nots++]);
		else
			sp_compile_predicate(c, item, false, 2, &any.children[any.n++]);
	}
	if (any.n > 0)
		p[nots++] = any;
	*ret = (struct sp_model_predicate){.test = SP_MODEL_ALL, .claim = "", .value = "", .n = nots, .children = p};
}

static void
sp_compile_on(struct sp_compile *c, const struct sp_yaml_node *n, struct sp_policy_rule *ret)
{
	static const char *const keys[] = {"labels", "names", NULL};

	if (n == NULL)
		return;
	if (sp_yaml_type(n) != SP_YAML_MAPPING) {
		sp_compile_strings(c, n, &ret->on);
		return;
	}
	if (sp_yaml_check_keys(n, keys, c->diags) != 0)
		return;
	if (sp_yaml_count(n) == 0)
		sp_yaml_error(n, c->diags, "leave on out to mean all connections", "expected labels or names");
	if (sp_yaml_get(n, "names") != NULL)
		sp_compile_strings(c, sp_yaml_get(n, "names"), &ret->on);
	if (sp_yaml_get(n, "labels") != NULL)
		ret->on_labels = sp_compile_pairs(c, sp_yaml_get(n, "labels"), &ret->non_labels);
}

/* --- do --------------------------------------------------------------------------------------------- */

static void
sp_compile_words(struct sp_compile *c, const struct sp_yaml_node *n, struct sp_policy_rule *ret)
{
	const char *words[SP_SQL_WORDS + 1];
	bool is_list = sp_yaml_type(n) == SP_YAML_SEQUENCE;
	size_t w;

	for (size_t i = 0; i <= SP_SQL_WORDS; i++)
		words[i] = sp_sql_word_str((enum sp_sql_verb)i);
	if (is_list && sp_yaml_count(n) == 0)
		sp_yaml_error(n, c->diags, NULL, "expected at least one word");
	for (size_t i = 0; i < (is_list ? sp_yaml_count(n) : 1); i++)
		if (sp_yaml_enum(is_list ? sp_yaml_item(n, i) : n, words, c->diags, &w) == 0)
			ret->words |= SP_SQL_BIT(w);
}

/* One of `argv`, `read` and `write`: what a command line does. */
static void
sp_compile_patterns(struct sp_compile *c, const struct sp_yaml_node *n, bool is_path, struct sp_model_strings *ret)
{
	if (n == NULL)
		return;
	sp_compile_strings(c, n, ret);
	for (size_t i = 0; i < ret->n; i++) {
		const char *s = ret->s[i], *stars = strstr(s, "**");
		const struct sp_yaml_node *at = sp_yaml_type(n) == SP_YAML_SEQUENCE ? sp_yaml_item(n, i) : n;

		if (s[0] != 0 && s[strspn(s, " \t")] == 0)
			sp_yaml_error(at, c->diags, NULL, "the pattern is empty");
		if (strstr(s, "..") != NULL && (strstr(s, "../") != NULL || strstr(s, "/..") != NULL))
			sp_yaml_error(at, c->diags, NULL, "a pattern has no \"..\" in it");
		/* "ls ** -l" would have to look ahead; what it is meant to say is better said by two rules. */
		if (!is_path && stars != NULL && stars > s && stars[-1] == ' ' && (stars[2] == ' ' || stars[2] == 0) &&
		    stars[2 + strspn(stars + 2, " ")] != 0)
			sp_yaml_error(at, c->diags, NULL, "a word ** can only be the last one");
	}
}

static void
sp_compile_argv(struct sp_compile *c, const struct sp_yaml_node *n, struct sp_policy_rule *ret)
{
	sp_compile_patterns(c, sp_yaml_get(n, "argv"), false, &ret->argv);
	sp_compile_patterns(c, sp_yaml_get(n, "read"), true, &ret->reads);
	sp_compile_patterns(c, sp_yaml_get(n, "write"), true, &ret->writes);
	if (sp_yaml_get(n, "as") != NULL)
		sp_compile_strings(c, sp_yaml_get(n, "as"), &ret->as);
	if (sp_yaml_get(n, "in") != NULL)
		sp_compile_patterns(c, sp_yaml_get(n, "in"), true, &ret->in);
	if (ret->as.n + ret->in.n > 0 && ret->argv.n + ret->reads.n + ret->writes.n == 0)
		sp_yaml_error(n, c->diags, "add argv: [\"**\"]", "as and in need argv: which commands");
}

/* Patterns of whole paths. */
static void
sp_compile_paths(struct sp_compile *c, const struct sp_yaml_node *n, const struct sp_model_strings *paths)
{
	for (size_t i = 0; i < paths->n; i++)
		if (paths->s[i][0] != '/' && strncmp(paths->s[i], "**", 2) != 0)
			sp_yaml_error(sp_yaml_type(n) == SP_YAML_SEQUENCE ? sp_yaml_item(n, i) : n, c->diags,
			    "for example /srv/www/**", "a path of a file begins with / or **");
}

/* What is done to files of a target host. */
static void
sp_compile_files(struct sp_compile *c, const struct sp_yaml_node *n, struct sp_policy_rule *ret)
{
	const struct sp_yaml_node *file = sp_yaml_get(n, "file"), *path = sp_yaml_get(n, "path");
	bool is_list = file != NULL && sp_yaml_type(file) == SP_YAML_SEQUENCE;
	const char *words[SP_FILE_WORDS + 1];
	size_t w;

	if (path != NULL)
		sp_compile_patterns(c, path, true, &ret->paths);
	if (path != NULL && file == NULL)
		sp_yaml_error(path, c->diags, "add file: [...]", "path needs file: what is done to it");
	sp_compile_paths(c, path, &ret->paths);
	for (unsigned i = 0; i <= SP_FILE_WORDS; i++)
		words[i] = sp_file_word_str(i);
	if (is_list && sp_yaml_count(file) == 0)
		sp_yaml_error(file, c->diags, NULL, "expected at least one word");
	for (size_t i = 0; file != NULL && i < (is_list ? sp_yaml_count(file) : 1); i++)
		if (sp_yaml_enum(is_list ? sp_yaml_item(file, i) : file, words, c->diags, &w) == 0)
			ret->files |= SP_FILE_BIT(w);
}

/* What programs of a shell reach over sockets. */
static void
sp_compile_networks(struct sp_compile *c, const struct sp_yaml_node *n, struct sp_policy_rule *ret)
{
	sp_compile_strings(c, n, &ret->networks);
	for (size_t i = 0; i < ret->networks.n; i++) {
		const char *problem = sp_network_pattern_problem(ret->networks.s[i]);

		if (problem != NULL)
			sp_yaml_error(sp_yaml_type(n) == SP_YAML_SEQUENCE ? sp_yaml_item(n, i) : n, c->diags,
			    "for example \"tcp 10.1.0.0/16 443\"", "\"%s\": %s", ret->networks.s[i], problem);
	}
}

static void
sp_compile_do(struct sp_compile *c, const struct sp_yaml_node *n, struct sp_policy_rule *ret)
{
	static const char *const keys[] = {"sql", "tables", "functions", "settings", "command", "connect", "argv", "read",
	    "write", "as", "in", "unresolved", "interactive", "file", "path", "network", NULL};
	static const struct {
		const char *key;
		uint32_t bit;
	} flags[] = {{"connect", SP_MODEL_DO_CONNECT}, {"unresolved", SP_MODEL_DO_UNRESOLVED},
	    {"interactive", SP_MODEL_DO_INTERACTIVE}};
	bool is_set = false;

	if (n == NULL) {
		ret->does = SP_MODEL_DO_ANY;
		return;
	}
	if (sp_yaml_check_keys(n, keys, c->diags) != 0)
		return;
	if (sp_yaml_count(n) == 0)
		sp_yaml_error(n, c->diags, "leave do out to mean everything", "expected what the rule is about");
	if (sp_yaml_get(n, "sql") != NULL)
		sp_compile_words(c, sp_yaml_get(n, "sql"), ret);
	if (sp_yaml_get(n, "tables") != NULL) {
		sp_compile_strings(c, sp_yaml_get(n, "tables"), &ret->tables);
		if (sp_yaml_get(n, "sql") == NULL)
			sp_yaml_error(sp_yaml_get(n, "tables"), c->diags, "add sql: [...]",
			    "tables needs sql: what is done to them");
	}
	if (sp_yaml_get(n, "functions") != NULL)
		sp_compile_strings(c, sp_yaml_get(n, "functions"), &ret->functions);
	if (sp_yaml_get(n, "settings") != NULL)
		sp_compile_strings(c, sp_yaml_get(n, "settings"), &ret->settings);
	if (sp_yaml_get(n, "command") != NULL)
		sp_compile_strings(c, sp_yaml_get(n, "command"), &ret->commands);
	sp_compile_argv(c, n, ret);
	sp_compile_files(c, n, ret);
	if (sp_yaml_get(n, "network") != NULL)
		sp_compile_networks(c, sp_yaml_get(n, "network"), ret);
	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++)
		if (sp_yaml_get(n, flags[i].key) != NULL &&
		    sp_yaml_bool(sp_yaml_get(n, flags[i].key), c->diags, &is_set) == 0 && is_set)
			ret->does |= flags[i].bit;
}

/* --- when, from ------------------------------------------------------------------------------------- */

/* "HH:MM" to minutes; 24:00 is the end of the day. */
static bool
sp_compile_clock(const char *s, size_t len, unsigned int *ret)
{
	unsigned int h, m;

	if (len != 5 || s[2] != ':' || strspn(s, "0123456789") < 2 || strspn(s + 3, "0123456789") < 2)
		return false;
	h = (unsigned int)(s[0] - '0') * 10 + (unsigned int)(s[1] - '0');
	m = (unsigned int)(s[3] - '0') * 10 + (unsigned int)(s[4] - '0');
	*ret = h * 60 + m;
	return m < 60 && *ret <= 24 * 60;
}

static void
sp_compile_hours(struct sp_compile *c, const struct sp_yaml_node *n, struct sp_policy_rule *ret)
{
	const char *s = sp_compile_string(c, n, SP_POLICY_STRING_MAX);
	unsigned int a = 0, b = 0;

	if (strlen(s) != 11 || s[5] != '-' || !sp_compile_clock(s, 5, &a) || !sp_compile_clock(s + 6, 5, &b) || a == b)
		sp_yaml_error(n, c->diags, "for example \"09:00-17:30\" or \"22:00-06:00\"", "\"%s\" is no span of hours", s);
	ret->begins = (uint16_t)a;
	ret->ends = (uint16_t)b;
}

static void
sp_compile_no_zone(struct sp_compile *c, const struct sp_yaml_node *n, const char *s, const char *why)
{
	sp_yaml_error(n, c->diags, "for example UTC, \"+02:00\" or Europe/Berlin", "\"%s\" is no time zone known here%s%s", s,
	    why[0] != '\0' ? ": " : "", why);
}

static void
sp_compile_named_zone(struct sp_compile *c, const struct sp_yaml_node *n, const char *s, struct sp_policy_rule *ret)
{
	struct sp_zone_change changes[SP_ZONE_CHANGES_MAX];
	size_t count = 0;
	int r = sp_zone_load(s, changes, &count);

	if (r != 0) {
		sp_compile_no_zone(c, n, s, r == SP_ERR_INVALID || r == SP_ERR_NOT_FOUND ? "" : sp_err_str(r));
		return;
	}
	ret->changes = sp_compile_alloc(c, count, sizeof(*changes));
	if (ret->changes == NULL)
		return;
	memcpy(ret->changes, changes, count * sizeof(*changes));
	ret->nchanges = count;
}

static void
sp_compile_zone(struct sp_compile *c, const struct sp_yaml_node *n, struct sp_policy_rule *ret)
{
	const char *s = sp_compile_string(c, n, SP_POLICY_STRING_MAX);
	unsigned int minutes = 0;

	if (strcmp(s, "UTC") == 0)
		return;
	if (s[0] != '+' && s[0] != '-') {
		sp_compile_named_zone(c, n, s, ret);
		return;
	}
	if (!sp_compile_clock(s + 1, strlen(s + 1), &minutes) || minutes > 14 * 60)
		sp_compile_no_zone(c, n, s, "");
	ret->offset = (int16_t)(s[0] == '-' ? -(int)minutes : (int)minutes);
}

static void
sp_compile_when(struct sp_compile *c, const struct sp_yaml_node *n, struct sp_policy_rule *ret)
{
	static const char *const keys[] = {"days", "hours", "timezone", NULL};
	static const char *const days[] = {"mon", "tue", "wed", "thu", "fri", "sat", "sun", NULL};
	const struct sp_yaml_node *d = sp_yaml_get(n, "days");
	size_t day;

	ret->days = 0x7f;
	if (n == NULL || sp_yaml_check_keys(n, keys, c->diags) != 0)
		return;
	ret->has_when = 1;
	if (d != NULL && sp_yaml_need(d, SP_YAML_SEQUENCE, c->diags) == 0) {
		ret->days = 0;
		for (size_t i = 0; i < sp_yaml_count(d); i++)
			if (sp_yaml_enum(sp_yaml_item(d, i), days, c->diags, &day) == 0)
				ret->days |= (uint8_t)(1u << day);
	}
	if (sp_yaml_get(n, "hours") != NULL)
		sp_compile_hours(c, sp_yaml_get(n, "hours"), ret);
	if (sp_yaml_get(n, "timezone") != NULL)
		sp_compile_zone(c, sp_yaml_get(n, "timezone"), ret);
}

bool
sp_compile_network(const char *s, struct sp_model_network *ret)
{
	char host[INET6_ADDRSTRLEN];
	const char *slash = strchr(s, '/');
	size_t n = slash == NULL ? strlen(s) : (size_t)(slash - s);
	unsigned long prefix;
	char *end;

	if (n == 0 || n >= sizeof(host))
		return false;
	memcpy(host, s, n);
	host[n] = 0;
	if (inet_pton(AF_INET, host, ret->address) == 1)
		ret->is_v6 = 0;
	else if (inet_pton(AF_INET6, host, ret->address) == 1)
		ret->is_v6 = 1;
	else
		return false;
	ret->prefix = ret->is_v6 ? 128 : 32;
	if (slash == NULL)
		return true;
	prefix = strtoul(slash + 1, &end, 10);
	if (slash[1] < '0' || slash[1] > '9' || *end != 0 || prefix > ret->prefix)
		return false;
	ret->prefix = (uint8_t)prefix;
	return true;
}

static void
sp_compile_from(struct sp_compile *c, const struct sp_yaml_node *n, struct sp_policy_rule *ret)
{
	struct sp_model_strings s = {0};

	if (n == NULL)
		return;
	sp_compile_strings(c, n, &s);
	ret->from = sp_compile_alloc(c, s.n, sizeof(*ret->from));
	ret->nfrom = ret->from == NULL ? 0 : s.n;
	for (size_t i = 0; i < ret->nfrom; i++)
		if (!sp_compile_network(s.s[i], &ret->from[i]))
			sp_yaml_error(sp_yaml_type(n) == SP_YAML_SEQUENCE ? sp_yaml_item(n, i) : n, c->diags,
			    "for example 10.1.0.0/16", "\"%s\" is no network", s.s[i]);
}

/* --- mask, approve ---------------------------------------------------------------------------------- */

/* n may be NULL: none. */
static const struct sp_policy_pair *
sp_compile_regexes(struct sp_compile *c, const struct sp_yaml_node *n, size_t *ret_n)
{
	struct sp_policy_pair *p = n == NULL ? NULL : sp_compile_pairs(c, n, ret_n);

	for (size_t i = 0; n != NULL && i < *ret_n; i++) {
		sp_compile_pattern(c, sp_yaml_item(n, i), p[i].value);
		if (!sp_compile_is_name(p[i].name) || strlen(p[i].name) > 32)
			sp_yaml_error(sp_yaml_key_node(n, i), c->diags, NULL,
			    "a pattern's name has letters, digits and _, at most 32");
	}
	return p;
}

/* n may be NULL: none. */
static struct sp_model_strings
sp_compile_detect(struct sp_compile *c, const struct sp_yaml_node *n)
{
	struct sp_model_strings s = {0};
	size_t unused;

	if (n != NULL)
		sp_compile_strings(c, n, &s);
	for (size_t k = 0; k < s.n; k++)
		if (sp_yaml_enum(sp_yaml_type(n) == SP_YAML_SEQUENCE ? sp_yaml_item(n, k) : n, sp_compile_detectors, c->diags,
			&unused) != 0)
			continue;
	return s;
}

static void
sp_compile_mask(struct sp_compile *c, const struct sp_yaml_node *n, struct sp_policy_rule *ret)
{
	static const char *const keys[] = {"columns", "detect", "regex", "with", NULL};
	static const char *const transforms[] = {"redact", "partial", "hash", "null", NULL};
	struct sp_model_strings s = {0};
	size_t i = 0;

	if (n == NULL || sp_yaml_check_keys(n, keys, c->diags) != 0)
		return;
	ret->has_mask = 1;
	if (ret->effect == SP_POLICY_DENY)
		sp_yaml_error(n, c->diags, NULL, "a rule that denies has nothing to mask");
	if (sp_yaml_get(n, "columns") != NULL)
		sp_compile_strings(c, sp_yaml_get(n, "columns"), &s);
	ret->mask.columns = s.s;
	ret->mask.ncolumns = s.n;
	s = sp_compile_detect(c, sp_yaml_get(n, "detect"));
	ret->mask.detectors = s.s;
	ret->mask.ndetectors = s.n;
	ret->mask.regexes = sp_compile_regexes(c, sp_yaml_get(n, "regex"), &ret->mask.nregexes);
	/* `with: null` is YAML's null. */
	if (sp_yaml_get(n, "with") != NULL && sp_yaml_type(sp_yaml_get(n, "with")) == SP_YAML_NULL)
		i = SP_POLICY_MASK_NULL - SP_POLICY_MASK_REDACT;
	else if (sp_yaml_get(n, "with") != NULL && sp_yaml_enum(sp_yaml_get(n, "with"), transforms, c->diags, &i) != 0)
		i = 0;
	ret->mask.transform = (enum sp_policy_transform)(SP_POLICY_MASK_REDACT + i);
	if (ret->mask.ncolumns + ret->mask.ndetectors + ret->mask.nregexes == 0)
		sp_yaml_error(n, c->diags, NULL, "expected columns, detect or regex");
}

static void
sp_compile_scan(struct sp_compile *c, const struct sp_yaml_node *n, struct sp_policy_rule *ret)
{
	static const char *const keys[] = {"detect", "regex", "found", "unreadable", NULL};
	static const char *const founds[] = {"record", "refuse", "quarantine", NULL}, *const unreadables[] = {
											  "refuse", "pass", NULL};
	const struct sp_yaml_node *found = sp_yaml_get(n, "found"), *unreadable = sp_yaml_get(n, "unreadable");
	struct sp_model_strings s;
	size_t i = 0;

	if (n == NULL || sp_yaml_check_keys(n, keys, c->diags) != 0)
		return;
	ret->has_scan = 1;
	if (ret->effect == SP_POLICY_DENY)
		sp_yaml_error(n, c->diags, NULL, "a rule that denies lets nothing through that could be scanned");
	if ((ret->files & (SP_FILE_BIT(SP_FILE_READ) | SP_FILE_BIT(SP_FILE_WRITE))) == 0)
		sp_yaml_error(n, c->diags, "do: { file: [read, write], path: [/srv/**] }",
		    "only contents of files are scanned: the rule needs `file` with read or write");
	s = sp_compile_detect(c, sp_yaml_get(n, "detect"));
	ret->scan.detectors = s.s;
	ret->scan.ndetectors = s.n;
	ret->scan.regexes = sp_compile_regexes(c, sp_yaml_get(n, "regex"), &ret->scan.nregexes);
	ret->scan.found = SP_POLICY_FOUND_REFUSE;
	if (found != NULL && sp_yaml_enum(found, founds, c->diags, &i) == 0)
		ret->scan.found = (enum sp_policy_found)(SP_POLICY_FOUND_RECORD + i);
	i = 0;
	if (unreadable != NULL && sp_yaml_enum(unreadable, unreadables, c->diags, &i) == 0)
		ret->scan.passes_unreadable = i == 1;
	if (ret->scan.ndetectors + ret->scan.nregexes == 0)
		sp_yaml_error(n, c->diags, NULL, "expected detect or regex");
}

static void
sp_compile_approve(struct sp_compile *c, const struct sp_yaml_node *rule, const struct sp_yaml_node *n,
    struct sp_policy_rule *ret)
{
	static const char *const keys[] = {"by", "count", "within", NULL};
	struct sp_model_strings by = {0};
	int64_t count = 1;

	if ((n != NULL) != (ret->effect == SP_POLICY_APPROVE)) {
		sp_yaml_error(n != NULL ? n : rule, c->diags, "approve: { by: [GROUP], count: 1, within: 15m }",
		    n != NULL ? "approve needs effect: approve" : "effect: approve needs approve");
		return;
	}
	if (n == NULL || sp_yaml_check_keys(n, keys, c->diags) != 0)
		return;
	ret->has_approve = 1;
	ret->approve.within = SP_COMPILE_WITHIN;
	if (sp_yaml_get(n, "by") == NULL)
		sp_yaml_error(n, c->diags, NULL, "by is missing: the groups that may approve");
	else
		sp_compile_strings(c, sp_yaml_get(n, "by"), &by);
	ret->approve.by = by.s;
	ret->approve.nby = by.n;
	if (sp_yaml_get(n, "count") != NULL &&
	    sp_yaml_int(sp_yaml_get(n, "count"), 1, SP_POLICY_APPROVERS_MAX, c->diags, &count) != 0)
		count = 1;
	ret->approve.count = (uint32_t)count;
	if (sp_yaml_get(n, "within") != NULL &&
	    sp_yaml_duration(sp_yaml_get(n, "within"), 1, SP_POLICY_WITHIN_MAX, c->diags, &ret->approve.within) != 0)
		ret->approve.within = SP_COMPILE_WITHIN;
}

void
sp_compile_terms(struct sp_compile *c, const struct sp_yaml_node *n, struct sp_policy_terms *ret)
{
	const struct sp_yaml_node *idle = sp_yaml_get(n, "idle"), *max = sp_yaml_get(n, "max"),
				  *input = sp_yaml_get(n, "record_input"), *banner = sp_yaml_get(n, "banner"),
				  *lines = sp_yaml_get(n, "lines");
	static const char *const words[] = {"record", "gate", NULL};
	size_t i;

	if (idle != NULL && sp_yaml_duration(idle, 1, SP_COMPILE_SESSION_MAX, c->diags, &ret->idle_seconds) != 0)
		ret->idle_seconds = 0;
	if (max != NULL && sp_yaml_duration(max, 1, SP_COMPILE_SESSION_MAX, c->diags, &ret->max_seconds) != 0)
		ret->max_seconds = 0;
	if (input != NULL && sp_yaml_bool(input, c->diags, &ret->records_input) != 0)
		ret->records_input = true;
	if (lines != NULL && sp_yaml_enum(lines, words, c->diags, &i) == 0)
		ret->lines = (enum sp_policy_lines)(SP_POLICY_LINES_RECORD + i);
	if (banner != NULL)
		ret->banner = sp_compile_string(c, banner, SP_POLICY_STRING_MAX);
}

/* Files that go on record when programs of a shell open or write them. */
static void
sp_compile_record_files(struct sp_compile *c, const struct sp_yaml_node *n, struct sp_policy_rule *ret)
{
	static const char *const keys[] = {"read", "write", NULL};
	struct sp_model_strings *const lists[] = {&ret->record_reads, &ret->record_writes};

	if (sp_yaml_check_keys(n, keys, c->diags) != 0)
		return;
	if (sp_yaml_count(n) == 0)
		sp_yaml_error(n, c->diags, "record_files: { read: [/etc/**] }", "expected read or write");
	for (size_t k = 0; k < 2; k++) {
		const struct sp_yaml_node *list = sp_yaml_get(n, keys[k]);

		sp_compile_patterns(c, list, true, lists[k]);
		sp_compile_paths(c, list, lists[k]);
	}
}

/* What a rule adds to the session or gives to what runs. */
static void
sp_compile_gives(struct sp_compile *c, const struct sp_yaml_node *rule, struct sp_policy_rule *ret)
{
	static const char *const keys[] = {"idle", "max", "record_input", "record_files", "banner", "lines", NULL};
	const struct sp_yaml_node *session = sp_yaml_get(rule, "session"), *secrets = sp_yaml_get(rule, "secrets");

	ret->terms.banner = "";
	if (session != NULL && sp_yaml_check_keys(session, keys, c->diags) == 0)
		sp_compile_terms(c, session, &ret->terms);
	if (sp_yaml_get(session, "record_files") != NULL)
		sp_compile_record_files(c, sp_yaml_get(session, "record_files"), ret);
	if (session != NULL && ret->effect == SP_POLICY_DENY)
		sp_yaml_error(session, c->diags, NULL, "a rule that denies lets nobody in whose session this could hold for");
	if (secrets == NULL)
		return;
	sp_compile_strings(c, secrets, &ret->secrets);
	if (ret->effect == SP_POLICY_DENY)
		sp_yaml_error(secrets, c->diags, NULL, "a rule that denies has nothing to give secrets to");
}

void
sp_compile_rule(struct sp_compile *c, const struct sp_yaml_node *n, struct sp_policy_rule *ret)
{
	static const char *const keys[] = {"name", "who", "on", "do", "effect", "mask", "scan", "approve", "message", "when",
	    "from", "session", "secrets", NULL};
	static const char *const effects[] = {"deny", "approve", "allow", NULL};
	size_t i;

	ret->name = ret->message = "";
	ret->who = (struct sp_model_predicate){.test = SP_MODEL_ANY, .claim = "", .value = ""};
	if (sp_yaml_check_keys(n, keys, c->diags) != 0)
		return;
	if (sp_yaml_get(n, "name") == NULL)
		sp_yaml_error(n, c->diags, NULL, "the rule has no name");
	ret->name = sp_compile_string(c, sp_yaml_get(n, "name"), SP_POLICY_NAME_MAX);
	if (ret->name[0] != 0 && !sp_compile_is_name(ret->name))
		sp_yaml_error(sp_yaml_get(n, "name"), c->diags, NULL, "a name has letters, digits, - _ and . only");
	if (sp_yaml_get(n, "effect") == NULL)
		sp_yaml_error(n, c->diags, "effect: deny", "the rule has no effect");
	else if (sp_yaml_enum(sp_yaml_get(n, "effect"), effects, c->diags, &i) == 0)
		ret->effect = (enum sp_policy_effect)i;
	if (sp_yaml_get(n, "message") != NULL)
		ret->message = sp_compile_string(c, sp_yaml_get(n, "message"), SP_POLICY_STRING_MAX);
	sp_compile_who(c, sp_yaml_get(n, "who"), &ret->who);
	sp_compile_on(c, sp_yaml_get(n, "on"), ret);
	sp_compile_do(c, sp_yaml_get(n, "do"), ret);
	sp_compile_when(c, sp_yaml_get(n, "when"), ret);
	sp_compile_from(c, sp_yaml_get(n, "from"), ret);
	sp_compile_mask(c, sp_yaml_get(n, "mask"), ret);
	sp_compile_scan(c, sp_yaml_get(n, "scan"), ret);
	sp_compile_gives(c, n, ret);
	sp_compile_approve(c, n, sp_yaml_get(n, "approve"), ret);
}
