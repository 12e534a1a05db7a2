/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/match.h"

#include <arpa/inet.h>
#include <string.h>

bool
sp_match_connection(const struct sp_policy_rule *rule, const struct sp_policy_connection *c)
{
	bool is_named = rule->on.n == 0;

	for (size_t i = 0; i < rule->on.n && !is_named; i++)
		is_named = strcmp(rule->on.s[i], c->name) == 0;
	for (size_t i = 0; i < rule->non_labels && is_named; i++) {
		is_named = false;
		for (size_t j = 0; j < c->nlabels && !is_named; j++)
			is_named = strcmp(c->labels[j].name, rule->on_labels[i].name) == 0 &&
			    strcmp(c->labels[j].value, rule->on_labels[i].value) == 0;
	}
	return is_named;
}

bool
sp_match_in_network(const struct sp_model_network *n, const uint8_t address[16], bool is_v6)
{
	unsigned int bits = n->prefix;

	if ((n->is_v6 != 0) != is_v6)
		return false;
	for (size_t i = 0; bits > 0; i++) {
		unsigned int take = bits < 8 ? bits : 8;
		uint8_t mask = (uint8_t)(0xff << (8 - take));

		if ((n->address[i] & mask) != (address[i] & mask))
			return false;
		bits -= take;
	}
	return true;
}

/* An IPv4 address mapped into IPv6 (::ffff:a.b.c.d) is that IPv4 address. */
static bool
sp_match_address(const char *from, uint8_t address[16], bool *ret_is_v6)
{
	static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

	*ret_is_v6 = false;
	if (inet_pton(AF_INET, from, address) == 1)
		return true;
	if (inet_pton(AF_INET6, from, address) != 1)
		return false;
	if (memcmp(address, mapped, sizeof(mapped)) == 0)
		memmove(address, address + 12, 4);
	else
		*ret_is_v6 = true;
	return true;
}

/* Minutes that local time is ahead of UTC at that moment. */
static int
sp_match_offset(const struct sp_policy_rule *rule, int64_t time)
{
	int offset = rule->nchanges > 0 ? rule->changes[0].offset : rule->offset;

	for (size_t i = 1; i < rule->nchanges && rule->changes[i].at <= time; i++)
		offset = rule->changes[i].offset;
	return offset;
}

static bool
sp_match_when(const struct sp_policy_rule *rule, int64_t time)
{
	if (rule->has_when) {
		int64_t local = time + (int64_t)sp_match_offset(rule, time) * 60;
		int64_t day = local >= 0 ? local / 86400 : (local - 86399) / 86400;
		unsigned int minute = (unsigned int)((local - day * 86400) / 60);
		unsigned int weekday = (unsigned int)(((day + 3) % 7 + 7) % 7); /* 1970-01-01 was a Thursday; Monday is 0 */

		if ((rule->days & (1u << weekday)) == 0)
			return false;
		if (rule->begins < rule->ends && (minute < rule->begins || minute >= rule->ends))
			return false;
		if (rule->begins > rule->ends && minute < rule->begins && minute >= rule->ends)
			return false;
	}
	return true;
}

static bool
sp_match_from(const struct sp_policy_rule *rule, const char *from, bool if_unknown)
{
	uint8_t address[16];
	bool is_v6, is_inside = rule->nfrom == 0;

	if (is_inside)
		return true;
	if (from == NULL || !sp_match_address(from, address, &is_v6))
		return if_unknown;
	for (size_t i = 0; i < rule->nfrom && !is_inside; i++)
		is_inside = sp_match_in_network(&rule->from[i], address, is_v6);
	return is_inside;
}

bool
sp_match_context(const struct sp_policy_rule *rule, int64_t time, const char *from)
{
	return sp_match_when(rule, time) && sp_match_from(rule, from, rule->effect == SP_POLICY_DENY);
}

bool
sp_match_marks(const struct sp_policy_rule *rule, int64_t time, const char *from)
{
	return sp_match_when(rule, time) && sp_match_from(rule, from, true);
}

/*
 * Whether a pattern ("name" or "schema.name", each a glob) covers an object. Where the text gives no schema,
 * or the pattern none, a rule that lets something through takes it for public (or pg_catalog); one that
 * denies takes it for any.
 */
static bool
sp_match_pattern(const char *pattern, const char *schema, const char *name, bool is_deny)
{
	const char *dot = strrchr(pattern, '.');
	char part[SP_POLICY_STRING_MAX + 1];
	size_t n;

	if (!sp_model_glob(dot == NULL ? pattern : dot + 1, name))
		return false;
	if (dot == NULL)
		return is_deny || schema[0] == 0 || strcmp(schema, "public") == 0 || strcmp(schema, "pg_catalog") == 0 ||
		    strcmp(pattern, "*") == 0;
	n = (size_t)(dot - pattern);
	if (n >= sizeof(part))
		return is_deny;
	memcpy(part, pattern, n);
	part[n] = 0;
	if (schema[0] != 0)
		return sp_model_glob(part, schema);
	return is_deny || sp_model_glob(part, "public");
}

/* Whether a pattern says more of the name than *. */
static bool
sp_match_is_name(const char *pattern)
{
	const char *dot = strrchr(pattern, '.');

	return strspn(dot == NULL ? pattern : dot + 1, "*?") != strlen(dot == NULL ? pattern : dot + 1);
}

static bool
sp_match_list(const struct sp_model_strings *l, const struct sp_sql_action *a, bool is_deny, bool *ret_is_named)
{
	bool is_matched = false;

	for (size_t i = 0; i < l->n; i++) {
		if (!sp_match_pattern(l->s[i], a->schema, a->name, is_deny))
			continue;
		is_matched = true;
		*ret_is_named |= sp_match_is_name(l->s[i]);
	}
	return is_matched;
}

bool
sp_match_action(const struct sp_policy_rule *rule, const struct sp_sql_action *a)
{
	bool is_deny = rule->effect == SP_POLICY_DENY, is_named = false, is_matched;

	if (rule->does & SP_MODEL_DO_ANY)
		return is_deny || a->need != SP_SQL_NEED_NAME;
	is_matched = (rule->words & a->words) != 0;
	switch (a->object) {
	case SP_SQL_OBJECT_RELATION:
		if (rule->tables.n > 0)
			is_matched = sp_match_list(&rule->tables, a, is_deny, &is_named) && is_matched;
		break;
	case SP_SQL_OBJECT_FUNCTION:
		if (rule->functions.n > 0)
			is_matched = sp_match_list(&rule->functions, a, is_deny, &is_named) || is_matched;
		break;
	case SP_SQL_OBJECT_SETTING:
		if (rule->settings.n > 0 && a->verb != SP_SQL_SHOW)
			is_matched = sp_match_list(&rule->settings, a, is_deny, &is_named);
		break;
	default:
		if (rule->tables.n > 0 && rule->effect != SP_POLICY_ALLOW)
			is_matched = false;
		break;
	}
	if (is_matched && !is_deny && a->need == SP_SQL_NEED_NAME)
		return is_named || (rule->words & a->exact) != 0;
	return is_matched;
}

bool
sp_match_connect(const struct sp_policy_rule *rule)
{
	if (rule->effect != SP_POLICY_DENY)
		return true;
	return (rule->does & (SP_MODEL_DO_ANY | SP_MODEL_DO_CONNECT)) != 0;
}

/* Words of the pattern are globs, one for each argument; a last word ** stands for any number of them. */
static bool
sp_match_argv(const char *pattern, const char *const *argv)
{
	char word[SP_POLICY_STRING_MAX + 1];

	for (;;) {
		size_t n;

		pattern += strspn(pattern, " ");
		n = strcspn(pattern, " ");
		if (n == 0 || n >= sizeof(word))
			return n == 0 && *argv == NULL;
		memcpy(word, pattern, n);
		word[n] = 0;
		pattern += n;
		if (strcmp(word, "**") == 0)
			return pattern[strspn(pattern, " ")] == 0;
		if (*argv == NULL || !sp_model_glob(word, *argv))
			return false;
		argv++;
	}
}

bool
sp_match_command(const struct sp_policy_rule *rule, const char *const *argv)
{
	if (rule->does & SP_MODEL_DO_ANY)
		return true;
	for (size_t i = 0; i < rule->commands.n; i++)
		if (sp_match_argv(rule->commands.s[i], argv))
			return true;
	return false;
}
