/* SPDX-License-Identifier: Apache-2.0 */
/* Whether a rule covers a command, an exec or a redirection. See match.h and sallyport-policy(5). */
#include <stdio.h>
#include <string.h>

#include "policy/file.h"
#include "policy/match.h"

#define SP_MATCH_WORDS_MAX 256 /* words of one pattern; more match only as far as that, and then nothing */

/* A pattern cut into words. */
struct sp_match_words {
	char text[SP_POLICY_STRING_MAX + 1];
	size_t n;
	const char *word[SP_MATCH_WORDS_MAX];
};

/* --- globs ------------------------------------------------------------------------------------------ */

static bool
sp_match_is_glob(const char *s)
{
	return strpbrk(s, "*?") != NULL;
}

/*
 * Every value of the text matches: * and ? stay within one part of a path, ** does not; what is unknown matches ** only
 * (a number * too).
 */
static bool
sp_match_covers(const char *p, const char *s, bool is_number)
{
	bool now[SP_POLICY_STRING_MAX + 1], next[SP_POLICY_STRING_MAX + 1];
	size_t n = strlen(p);

	if (n > SP_POLICY_STRING_MAX)
		return false;
	memset(now, 0, n + 1);
	now[0] = true;
	for (;; s++) {
		for (size_t i = 0; i < n; i++)
			if (now[i] && p[i] == '*')
				now[i + 1] = true;
		if (*s == 0)
			return now[n];
		memset(next, 0, n + 1);
		for (size_t i = 0; i < n; i++) {
			bool is_deep = p[i] == '*' && (p[i + 1] == '*' || (i > 0 && p[i - 1] == '*'));

			if (!now[i])
				continue;
			if (p[i] == '*')
				next[i] = next[i] || is_deep || (*s != '/' && (*s != SP_SHELL_UNKNOWN || is_number));
			else if (*s != SP_SHELL_UNKNOWN && (p[i] == *s || (p[i] == '?' && *s != '/')))
				next[i + 1] = true;
		}
		memcpy(now, next, n + 1);
	}
}

/* Some value of the text matches. now[i]: what was read of the text can be the first i bytes of the pattern. */
static bool
sp_match_could(const char *p, const char *s)
{
	bool now[SP_POLICY_STRING_MAX + 1], next[SP_POLICY_STRING_MAX + 1];
	size_t n = strlen(p);

	if (n > SP_POLICY_STRING_MAX)
		return true;
	memset(now, 0, n + 1);
	now[0] = true;
	for (;; s++) {
		for (size_t i = 0; i < n; i++)
			if (now[i] && (p[i] == '*' || (*s == SP_SHELL_UNKNOWN)))
				now[i + 1] = true;
		if (*s == 0)
			return now[n];
		if (*s == SP_SHELL_UNKNOWN)
			continue;
		memset(next, 0, n + 1);
		for (size_t i = 0; i < n; i++)
			if (now[i]) {
				next[i] = next[i] || p[i] == '*';
				next[i + 1] = next[i + 1] || p[i] == '?' || (p[i] == *s && p[i] != '*');
			}
		memcpy(now, next, n + 1);
	}
}

/* "/a/./b//c/../d" as "/a/b/d". False if it does not fit or ".." leads out of a relative name. */
static bool
sp_match_normalize(const char *s, char *out, size_t size)
{
	size_t n = 0;

	if (strlen(s) + 2 > size)
		return false;
	if (*s == '/')
		out[n++] = '/';
	while (*s != 0) {
		size_t len = strcspn(s, "/");

		if (len == 2 && s[0] == '.' && s[1] == '.') {
			if (n == 0)
				return false;
			while (n > 1 && out[n - 1] != '/')
				n--;
			if (n > 1)
				n--;
			while (n > 1 && out[n - 1] == '/')
				n--;
			if (n == 1 && out[0] != '/')
				n = 0;
		} else if (len > 0 && !(len == 1 && s[0] == '.')) {
			if (n > 0 && out[n - 1] != '/')
				out[n++] = '/';
			memcpy(out + n, s, len);
			n += len;
		}
		s += len;
		s += strspn(s, "/");
	}
	out[n] = 0;
	return true;
}

static bool
sp_match_has_dots(const char *s)
{
	for (; s != NULL; s = strchr(s, '/')) {
		s += *s == '/';
		if (s[0] == '.' && s[1] == '.' && (s[2] == '/' || s[2] == 0))
			return true;
	}
	return false;
}

static const char *
sp_match_base(const char *s)
{
	const char *slash = strrchr(s, '/');

	return slash == NULL ? s : slash + 1;
}

static bool
sp_match_could_path(const char *pattern, const char *s)
{
	char normal[SP_POLICY_STRING_MAX + 1];
	const char *dots = strstr(s, "..");

	/* ".." after something unknown can lead anywhere. */
	if (dots != NULL && strchr(s, SP_SHELL_UNKNOWN) != NULL && sp_match_has_dots(s)) {
		for (const char *next = dots; next != NULL; next = strstr(next + 1, ".."))
			dots = next;
		if (strlen(dots) > sizeof(normal) - 1)
			return true;
		normal[0] = SP_SHELL_UNKNOWN;
		memcpy(normal + 1, dots + 2, strlen(dots + 2) + 1);
		return sp_match_could(pattern, normal);
	}
	return sp_match_could(pattern, s) ||
	    (strchr(s, '/') != NULL && (!sp_match_normalize(s, normal, sizeof(normal)) || sp_match_could(pattern, normal)));
}

/* --- words ------------------------------------------------------------------------------------------ */

static bool
sp_match_split(const char *pattern, struct sp_match_words *w)
{
	size_t len = strlen(pattern);
	char *p = w->text;

	w->n = 0;
	if (len > SP_POLICY_STRING_MAX)
		return false;
	memcpy(w->text, pattern, len + 1);
	for (p += strspn(p, " "); *p != 0; p += strspn(p, " ")) {
		if (w->n == SP_MATCH_WORDS_MAX)
			return false;
		w->word[w->n++] = p;
		p += strcspn(p, " ");
		if (*p != 0)
			*p++ = 0;
	}
	return w->n > 0;
}

/* One argument for a rule that lets through. */
static bool
sp_match_argument(const char *pattern, const struct sp_match_word *w)
{
	if (w->is_open)
		return false;
	if (strcmp(pattern, "*") == 0)
		return true;
	if (sp_match_is_glob(pattern) && strchr(pattern, '/') != NULL && sp_match_has_dots(w->text))
		return false;
	return sp_match_covers(pattern, w->text, w->is_number);
}

static bool
sp_match_arguments(const struct sp_match_words *p, size_t at, const struct sp_match_word *words, size_t n)
{
	for (size_t i = 0; i < n; i++, at++) {
		if (at < p->n && at + 1 == p->n && strcmp(p->word[at], "**") == 0)
			return true;
		if (at >= p->n || !sp_match_argument(p->word[at], &words[i]))
			return false;
	}
	return at == p->n || (at + 1 == p->n && strcmp(p->word[at], "**") == 0);
}

/* The same for a rule that denies: whether they could be meant. */
static bool
sp_match_could_arguments(const struct sp_match_words *p, size_t at, const struct sp_match_word *words, size_t n)
{
	bool now[SP_MATCH_WORDS_MAX + 1] = {false}, next[SP_MATCH_WORDS_MAX + 1];
	size_t last = p->n > 0 && strcmp(p->word[p->n - 1], "**") == 0 ? p->n - 1 : p->n;

	now[at] = true;
	for (size_t i = 0; i < n && (last == p->n || !now[last]); i++) {
		memset(next, 0, sizeof(next));
		for (size_t k = 0; k <= last; k++) {
			if (now[k] && words[i].is_open)
				for (size_t j = k; j <= last; j++)
					next[j] = true;
			else if (k < last && now[k] && sp_match_could_path(p->word[k], words[i].text))
				next[k + 1] = true;
		}
		memcpy(now, next, sizeof(now));
	}
	return now[last];
}

/* --- names ------------------------------------------------------------------------------------------ */

/* Where programs of the system are: a name without a path stands for these. */
static bool
sp_match_is_system(const char *path)
{
	static const char *const folders[] = {"/bin/", "/usr/bin/", "/sbin/", "/usr/sbin/"};
	size_t n = (size_t)(sp_match_base(path) - path);

	for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++)
		if (strlen(folders[i]) == n && memcmp(folders[i], path, n) == 0)
			return true;
	return false;
}

static bool
sp_match_name_covers(const char *pattern, const char *name)
{
	if (strchr(pattern, '/') != NULL)
		return sp_match_covers(pattern, name, false) && !(sp_match_is_glob(pattern) && sp_match_has_dots(name));
	if (strchr(name, '/') == NULL)
		return sp_match_covers(pattern, name, false);
	return sp_match_is_system(name) && sp_match_covers(pattern, sp_match_base(name), false);
}

static bool
sp_match_name_could(const char *pattern, const char *name)
{
	if (strchr(pattern, '/') == NULL)
		return sp_match_could(pattern, sp_match_base(name));
	if (strchr(name, '/') == NULL)
		return sp_match_could(sp_match_base(pattern), name);
	return sp_match_could_path(pattern, name);
}

/* Whether a pattern says more of the name than *. */
static bool
sp_match_names(const char *pattern)
{
	const char *base = sp_match_base(pattern);

	return base[strspn(base, "*?")] != 0;
}

/* --- rules ------------------------------------------------------------------------------------------ */

static bool
sp_match_as(const struct sp_policy_rule *rule, const char *user)
{
	bool is_deny = rule->effect == SP_POLICY_DENY;

	for (size_t i = 0; i < rule->as.n; i++)
		if (is_deny ? sp_match_could(rule->as.s[i], user) : sp_match_covers(rule->as.s[i], user, false))
			return true;
	return rule->as.n == 0;
}

static bool
sp_match_in(const struct sp_policy_rule *rule, const char *cwd)
{
	bool is_deny = rule->effect == SP_POLICY_DENY;

	for (size_t i = 0; i < rule->in.n; i++)
		if (cwd[0] == 0 ? is_deny :
			is_deny	? sp_match_could_path(rule->in.s[i], cwd) :
				  sp_match_covers(rule->in.s[i], cwd, false))
			return true;
	return rule->in.n == 0;
}

/* words[0] is the name, which is known. */
static bool
sp_match_patterns(const struct sp_policy_rule *rule, const struct sp_match_word *words, size_t n, bool needs_name)
{
	bool is_deny = rule->effect == SP_POLICY_DENY;
	struct sp_match_words p;

	for (size_t i = 0; i < rule->argv.n; i++) {
		if (!sp_match_split(rule->argv.s[i], &p)) {
			if (is_deny)
				return true;
			continue;
		}
		if (needs_name && !sp_match_names(p.word[0]))
			continue;
		if (p.n == 1 && strcmp(p.word[0], "**") == 0)
			return true;
		if (is_deny ? sp_match_name_could(p.word[0], words[0].text) && sp_match_could_arguments(&p, 1, words + 1, n - 1) :
			      sp_match_name_covers(p.word[0], words[0].text) && sp_match_arguments(&p, 1, words + 1, n - 1))
			return true;
	}
	return false;
}

bool
sp_match_shell(const struct sp_policy_rule *rule, const struct sp_shell_command *c, const char *login,
    const struct sp_match_word *words)
{
	bool is_deny = rule->effect == SP_POLICY_DENY, needs_name = c->can_escape && !is_deny;

	if ((rule->does & SP_MODEL_DO_ANY) && !needs_name)
		return true;
	if (needs_name && (rule->does & SP_MODEL_DO_UNRESOLVED))
		return true;
	return sp_match_as(rule, c->user[0] != 0 ? c->user : login) && sp_match_in(rule, "") &&
	    sp_match_patterns(rule, words, c->nwords, needs_name);
}

/* A name that is not absolute is below some folder that is not known, unless nothing changes it. */
static bool
sp_match_target(const struct sp_model_strings *patterns, const struct sp_shell_word *target, bool is_moved, bool is_deny)
{
	char below[SP_POLICY_STRING_MAX + 1] = {SP_SHELL_UNKNOWN, '/', 0};
	const char *name = target->text;
	bool is_relative = name[0] != '/' && name[0] != SP_SHELL_UNKNOWN;

	if (is_relative && (is_moved || sp_match_has_dots(name))) {
		if (strlen(name) + 3 > sizeof(below))
			return is_deny && patterns->n > 0;
		memcpy(below + 2, name, strlen(name) + 1);
		name = below;
	}
	for (size_t i = 0; i < patterns->n; i++)
		if (is_deny ? sp_match_could_path(patterns->s[i], name) :
			      !target->is_open && !sp_match_has_dots(name) &&
				sp_match_covers(patterns->s[i], name, target->is_number))
			return true;
	return false;
}

bool
sp_match_redirect(const struct sp_policy_rule *rule, const struct sp_shell_command *c,
    const struct sp_shell_redirect *d)
{
	bool is_deny = rule->effect == SP_POLICY_DENY, reads, writes;

	if (rule->does & SP_MODEL_DO_ANY)
		return true;
	reads = d->is_read && sp_match_target(&rule->reads, &d->target, c->is_moved, is_deny);
	writes = d->is_write && sp_match_target(&rule->writes, &d->target, c->is_moved, is_deny);
	return is_deny ? reads || writes : (!d->is_read || reads) && (!d->is_write || writes);
}

static bool
sp_match_is_many(const char *base)
{
	return strcmp(base, "busybox") == 0 || strcmp(base, "toybox") == 0 || strcmp(base, "coreutils") == 0;
}

/* For a rule that denies: the program may also be what it calls itself, its interpreter, or one of many in it. */
static bool
sp_match_exec_could(const struct sp_policy_rule *rule, const struct sp_decide_exec *e, struct sp_match_word *words, size_t n)
{
	const char *names[] = {e->path, e->argv[0] == NULL ? "" : e->argv[0], e->interpreter};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		bool is_match;

		words[0].text = names[i];
		is_match = names[i][0] != 0 && sp_match_patterns(rule, words, n, false);
		words[0].text = e->path;
		if (is_match)
			return true;
	}
	return n > 1 && sp_match_is_many(sp_match_base(e->path)) && sp_match_patterns(rule, words + 1, n - 1, false);
}

bool
sp_match_exec(const struct sp_policy_rule *rule, const struct sp_decide_exec *e, struct sp_match_word *words, size_t n)
{
	if (rule->does & SP_MODEL_DO_ANY)
		return true;
	if (!sp_match_as(rule, e->user) || !sp_match_in(rule, e->cwd))
		return false;
	if (rule->effect == SP_POLICY_DENY)
		return sp_match_exec_could(rule, e, words, n);
	return sp_match_patterns(rule, words, n, false);
}

bool
sp_match_unresolved(const struct sp_policy_rule *rule)
{
	return (rule->does & SP_MODEL_DO_UNRESOLVED) != 0 ||
	    (rule->effect == SP_POLICY_DENY && (rule->does & SP_MODEL_DO_ANY) != 0);
}

bool
sp_match_terminal(const struct sp_policy_rule *rule)
{
	return (rule->does & (SP_MODEL_DO_ANY | SP_MODEL_DO_INTERACTIVE)) != 0;
}

bool
sp_match_path(const char *pattern, const char *path, bool strict)
{
	return strict ? sp_match_could(pattern, path) : sp_match_covers(pattern, path, false);
}

/* --- files ------------------------------------------------------------------------------------------ */

bool
sp_match_file_covers(const struct sp_policy_rule *rule, const char *path)
{
	bool is_covered = rule->paths.n == 0;

	for (size_t i = 0; i < rule->paths.n && !is_covered; i++)
		is_covered = sp_match_covers(rule->paths.s[i], path, false);
	return is_covered;
}

bool
sp_match_file_could(const struct sp_policy_rule *rule, const char *path, bool is_beneath)
{
	char beneath[SP_FILE_PATH_MAX + 4];

	if (rule->paths.n == 0)
		return true;
	(void)snprintf(beneath, sizeof(beneath), "%s%s%c", path, path[1] == 0 ? "" : "/", SP_SHELL_UNKNOWN);
	for (size_t i = 0; i < rule->paths.n; i++)
		if (sp_match_could(rule->paths.s[i], path) || (is_beneath && sp_match_could(rule->paths.s[i], beneath)))
			return true;
	return false;
}

bool
sp_match_file(const struct sp_policy_rule *rule, unsigned word, const char *path)
{
	if (rule->does & SP_MODEL_DO_ANY)
		return true;
	if ((rule->files & SP_FILE_BIT(word)) == 0)
		return false;
	if (rule->effect != SP_POLICY_DENY)
		return sp_match_file_covers(rule, path);
	return sp_match_file_could(rule, path, false);
}

bool
sp_match_file_tree(const struct sp_policy_rule *rule, unsigned word, const char *path)
{
	bool is_named = (rule->files & SP_FILE_BIT(word)) != 0;
	char beneath[SP_FILE_PATH_MAX + 4];

	if (rule->does & SP_MODEL_DO_ANY)
		return true;
	if (!is_named)
		return false;
	if (rule->effect != SP_POLICY_ALLOW)
		return sp_match_file_could(rule, path, true);
	(void)snprintf(beneath, sizeof(beneath), "%s%s%c", path, path[1] == 0 ? "" : "/", SP_SHELL_UNKNOWN);
	return sp_match_file_covers(rule, path) && sp_match_file_covers(rule, beneath);
}
