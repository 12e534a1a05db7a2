/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The commands that a shell runs itself, and which of their arguments are harmless in every shell. Where one of the
 * shells would take an argument for arithmetic, a variable's name or code, it has to be plain text or a number.
 */
#include <stdlib.h>
#include <string.h>

#include "policy/shellread.h"

#define SP_SHELL_CONVERSIONS_MAX 64 /* of one format of printf */

enum sp_shell_builtin_kind {
	SP_SHELL_PLAIN = 1,
	SP_SHELL_CHANGES_DIRECTORY,
	SP_SHELL_NUMBERS,
	SP_SHELL_NAMES,
	SP_SHELL_EXPORTS,
	SP_SHELL_READS,
	SP_SHELL_TESTS,
	SP_SHELL_PRINTS,
	SP_SHELL_SETS,
	SP_SHELL_EVALUATES,
	SP_SHELL_TRAPS,
	SP_SHELL_REPLACES,
	SP_SHELL_COMMANDS,
	SP_SHELL_NEVER
};

/* What one builtin is asked. */
struct sp_shell_builtin_args {
	struct sp_shell *s;
	const struct sp_shell_place *place;
	size_t index;
	const struct sp_shell_word *words;
	size_t n;
};

static enum sp_shell_builtin_kind
sp_shell_builtin_find(const char *name)
{
	static const struct {
		const char *name;
		enum sp_shell_builtin_kind kind;
	} table[] = {{":", SP_SHELL_PLAIN}, {"true", SP_SHELL_PLAIN}, {"false", SP_SHELL_PLAIN}, {"echo", SP_SHELL_PLAIN},
	    {"pwd", SP_SHELL_PLAIN}, {"dirs", SP_SHELL_PLAIN}, {"jobs", SP_SHELL_PLAIN}, {"fg", SP_SHELL_PLAIN},
	    {"bg", SP_SHELL_PLAIN}, {"umask", SP_SHELL_PLAIN}, {"times", SP_SHELL_PLAIN}, {"type", SP_SHELL_PLAIN},
	    {"which", SP_SHELL_PLAIN}, {"whence", SP_SHELL_PLAIN}, {"unalias", SP_SHELL_PLAIN}, {"logout", SP_SHELL_PLAIN},
	    {"suspend", SP_SHELL_PLAIN}, {"kill", SP_SHELL_PLAIN}, {"help", SP_SHELL_PLAIN}, {"cd", SP_SHELL_CHANGES_DIRECTORY},
	    {"chdir", SP_SHELL_CHANGES_DIRECTORY}, {"pushd", SP_SHELL_CHANGES_DIRECTORY},
	    {"popd", SP_SHELL_CHANGES_DIRECTORY}, {"exit", SP_SHELL_NUMBERS}, {"return", SP_SHELL_NUMBERS},
	    {"shift", SP_SHELL_NUMBERS}, {"break", SP_SHELL_NUMBERS}, {"continue", SP_SHELL_NUMBERS},
	    {"wait", SP_SHELL_NUMBERS}, {"unset", SP_SHELL_NAMES}, {"export", SP_SHELL_EXPORTS},
	    {"readonly", SP_SHELL_EXPORTS}, {"local", SP_SHELL_EXPORTS}, {"read", SP_SHELL_READS}, {"test", SP_SHELL_TESTS},
	    {"[", SP_SHELL_TESTS}, {"printf", SP_SHELL_PRINTS}, {"set", SP_SHELL_SETS}, {"eval", SP_SHELL_EVALUATES},
	    {"trap", SP_SHELL_TRAPS}, {"exec", SP_SHELL_REPLACES}, {"command", SP_SHELL_COMMANDS},
	    {"builtin", SP_SHELL_COMMANDS}};
	static const char *const never[] = {".", "source", "alias", "autoload", "bind", "bindkey", "caller", "compgen",
	    "complete", "compopt", "compctl", "comparguments", "compcall", "compdescribe", "compset", "declare", "disable",
	    "disown", "echotc", "echoti", "emulate", "enable", "fc", "float", "functions", "getln", "getopts", "global", "hash",
	    "hist", "history", "integer", "let", "limit", "mapfile", "nameref", "popln", "print", "pushln", "r", "readarray",
	    "rehash", "sched", "setopt", "shopt", "sysread", "syswrite", "typeset", "ulimit", "unfunction", "unhash",
	    "unlimit", "unsetopt", "vared", "vmap", "where", "zargs", "zcompile", "zed", "zformat", "zle", "zmodload", "zmv",
	    "zparseopts", "zprof", "zpty", "zregexparse", "zselect", "zsocket", "zstat", "zstyle", "zsystem", "ztcp", NULL};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		if (strcmp(table[i].name, name) == 0)
			return table[i].kind;
	return sp_shell_in(never, name, strlen(name)) ? SP_SHELL_NEVER : 0;
}

static void
sp_shell_object(const struct sp_shell_builtin_args *a, const char *why)
{
	sp_shell_reason_add(a->s, a->place->position, why);
}

static bool
sp_shell_is_number(const struct sp_shell_word *w)
{
	const char *p = w->text + (w->is_known && w->text[0] == '-');

	return (!w->is_open || w->is_number) && p[0] != 0 && (w->is_known || w->is_number) &&
	    p[strspn(p, "0123456789\001")] == 0;
}

/* The place of what this builtin runs. */
static struct sp_shell_place
sp_shell_inside(const struct sp_shell_builtin_args *a)
{
	struct sp_shell_place place = *a->place;

	place.depth++;
	place.reach |= SP_SHELL_WRAPPED;
	place.wrapper = a->index;
	return place;
}

static void
sp_shell_numbers(const struct sp_shell_builtin_args *a)
{
	for (size_t i = 1; i < a->n; i++)
		if (!sp_shell_is_number(&a->words[i]) && !(a->words[i].is_known && a->words[i].text[0] == '%'))
			sp_shell_object(a, "an argument that some shells calculate");
}

/* unset, export, readonly, local: names, each with a value. */
static void
sp_shell_names(const struct sp_shell_builtin_args *a, bool is_export)
{
	size_t i = 1;

	if (i < a->n && (sp_shell_is(&a->words[i], "-p") || sp_shell_is(&a->words[i], "-v") || sp_shell_is(&a->words[i], "--")))
		i++;
	for (; i < a->n; i++) {
		const char *text = a->words[i].text;
		size_t len = strcspn(text, "=");

		/* An unquoted expansion can be more words than one, and so more names. */
		if (memchr(text, SP_SHELL_UNKNOWN, len) != NULL || (a->words[i].is_open)) {
			sp_shell_object(a, "a variable whose name is known only when it runs");
			return;
		}
		(void)sp_shell_assign(a->s, a->place->position, text, len, is_export);
	}
}

static void
sp_shell_reads(const struct sp_shell_builtin_args *a)
{
	for (size_t i = 1; i < a->n; i++) {
		if (sp_shell_is(&a->words[i], "-r") || sp_shell_is(&a->words[i], "-s"))
			continue;
		if (!a->words[i].is_known)
			sp_shell_object(a, "a variable whose name is known only when it runs");
		else
			(void)sp_shell_assign(a->s, a->place->position, a->words[i].text, strlen(a->words[i].text), false);
	}
}

/* --- test ------------------------------------------------------------------------------------------- */

static bool
sp_shell_is_numeric(const struct sp_shell_word *w)
{
	static const char *const operators[] = {"-eq", "-ne", "-lt", "-le", "-gt", "-ge", NULL};

	return w->is_known && sp_shell_in(operators, w->text, strlen(w->text));
}

static bool
sp_shell_is_binary(const struct sp_shell_word *w)
{
	static const char *const operators[] = {"=", "==", "!=", "<", ">", "-ef", "-nt", "-ot", NULL};

	return w->is_known && sp_shell_in(operators, w->text, strlen(w->text));
}

/* An expression of words that are only known when it runs is harmless if its operators are known. */
static bool
sp_shell_is_simple_test(const struct sp_shell_word *w, size_t n)
{
	if (n > 1 && sp_shell_is(&w[0], "!")) {
		w++;
		n--;
	}
	if (n == 1)
		return !w[0].is_open;
	if (n == 2)
		return w[0].is_known && w[0].text[0] == '-' && w[0].text[1] != 0 && strchr("nzfderwxsLhbcpSugkOGN", w[0].text[1]) != NULL &&
		    w[0].text[2] == 0 && !w[1].is_open;
	if (n != 3 || w[0].is_open || w[2].is_open)
		return false;
	return sp_shell_is_binary(&w[1]) ||
	    (sp_shell_is_numeric(&w[1]) && sp_shell_is_number(&w[0]) && sp_shell_is_number(&w[2]));
}

static void
sp_shell_tests(const struct sp_shell_builtin_args *a)
{
	const struct sp_shell_word *w = a->words + 1;
	size_t n = a->n - 1;
	bool is_known = true;

	if (sp_shell_is(&a->words[0], "[")) {
		if (n == 0 || !sp_shell_is(&w[n - 1], "]")) {
			sp_shell_object(a, "a [ without its ]");
			return;
		}
		n--;
	}
	if (n == 0 || sp_shell_is_simple_test(w, n))
		return;
	for (size_t i = 0; i < n; i++) {
		is_known = is_known && w[i].is_known;
		/* -v and -R look at a variable, whose subscript bash calculates; numbers some shells calculate. */
		if (sp_shell_is(&w[i], "-v") || sp_shell_is(&w[i], "-R") || sp_shell_is(&w[i], "-t") ||
		    (sp_shell_is_numeric(&w[i]) &&
			(i == 0 || i + 1 == n || !sp_shell_is_number(&w[i - 1]) || !sp_shell_is_number(&w[i + 1]))))
			is_known = false;
	}
	if (!is_known)
		sp_shell_object(a, "a test whose words are known only when it runs, or that some shells calculate");
}

/* --- printf, set ------------------------------------------------------------------------------------ */

/* The conversions of a format, in order: 's' for text, 'd' for a number. False if there are others. */
static bool
sp_shell_conversions(const char *p, char *kinds, size_t *ret_n)
{
	*ret_n = 0;
	while ((p = strchr(p, '%')) != NULL) {
		p++;
		p += strspn(p, "-+ #0123456789.'");
		if (*p == '%') {
			p++;
			continue;
		}
		if (*p == 0 || strchr("sbcqdiouxXeEfFgG", *p) == NULL || *ret_n == SP_SHELL_CONVERSIONS_MAX)
			return false;
		kinds[(*ret_n)++] = strchr("sbcq", *p) != NULL ? 's' : 'd';
		p++;
	}
	return true;
}

static void
sp_shell_prints(const struct sp_shell_builtin_args *a)
{
	size_t i = a->n > 1 && sp_shell_is(&a->words[1], "--") ? 2 : 1, nkinds, k = 0;
	char kinds[SP_SHELL_CONVERSIONS_MAX];
	bool has_number, is_good;

	if (i >= a->n)
		return;
	if (!a->words[i].is_known || a->words[i].text[0] == '-' ||
	    !sp_shell_conversions(a->words[i].text, kinds, &nkinds)) {
		sp_shell_object(a, "a format of printf that can do more than print");
		return;
	}
	has_number = nkinds > 0 && memchr(kinds, 'd', nkinds) != NULL;
	for (i++; i < a->n && has_number; i++, k = (k + 1) % nkinds) {
		is_good = kinds[k] == 's' ? !a->words[i].is_open : sp_shell_is_number(&a->words[i]);
		if (!is_good) {
			sp_shell_object(a, "an argument that some shells calculate");
			return;
		}
	}
}

static void
sp_shell_sets(const struct sp_shell_builtin_args *a)
{
	static const char *const options[] = {"errexit", "nounset", "xtrace", "verbose", "noclobber", "pipefail", NULL};

	for (size_t i = 1; i < a->n; i++) {
		const struct sp_shell_word *w = &a->words[i];
		size_t n;

		if (sp_shell_is(w, "--"))
			return;
		if (w->is_known && w->text[0] != '-' && w->text[0] != '+')
			return;
		n = w->is_known ? 1 + strspn(w->text + 1, "euxvC") : 0;
		if (w->is_known && w->text[n] == 'o' && w->text[n + 1] == 0 && i + 1 < a->n && a->words[i + 1].is_known &&
		    sp_shell_in(options, a->words[i + 1].text, strlen(a->words[i + 1].text))) {
			i++;
		} else if (!w->is_known || n == 1 || w->text[n] != 0) {
			sp_shell_object(a, "an option of the shell that may change how the line is read");
			return;
		}
	}
}

/* --- what runs others ------------------------------------------------------------------------------- */

static void
sp_shell_evaluates(const struct sp_shell_builtin_args *a)
{
	struct sp_shell_place place = sp_shell_inside(a);
	size_t len = 0;
	char *text;

	for (size_t i = 1; i < a->n; i++) {
		len += strlen(a->words[i].text) + 1;
		if (!a->words[i].is_known) {
			sp_shell_object(a, "code that is known only when it runs");
			return;
		}
	}
	text = sp_shell_alloc(a->s, len + 1);
	if (text == NULL || !sp_shell_count_word(a->s, len))
		return;
	for (size_t i = 1, at = 0; i < a->n; i++) {
		size_t n = strlen(a->words[i].text);

		memcpy(text + at, a->words[i].text, n);
		at += n;
		text[at++] = ' ';
	}
	sp_shell_read_line(a->s, &place, text, len);
}

static void
sp_shell_traps(const struct sp_shell_builtin_args *a)
{
	struct sp_shell_place place = sp_shell_inside(a);
	size_t i = a->n > 1 && sp_shell_is(&a->words[1], "--") ? 2 : 1;
	const struct sp_shell_word *w = i < a->n ? &a->words[i] : NULL;

	if (w == NULL || sp_shell_is(w, "-") || sp_shell_is(w, "-l") || sp_shell_is(w, "-p"))
		return;
	if (!w->is_known)
		sp_shell_object(a, "code that is known only when it runs");
	else if (sp_shell_count_word(a->s, strlen(w->text)))
		sp_shell_read_line(a->s, &place, w->text, strlen(w->text));
}

static void
sp_shell_replaces(const struct sp_shell_builtin_args *a)
{
	struct sp_shell_place place = sp_shell_inside(a);
	size_t i = 1;

	place.is_plain = true;
	for (; i < a->n && a->words[i].text[0] == '-'; i++) {
		if (sp_shell_is(&a->words[i], "--")) {
			i++;
			break;
		}
		/* With -a, ash runs what it is only to be called. */
		if (!sp_shell_is(&a->words[i], "-c") && !sp_shell_is(&a->words[i], "-l")) {
			sp_shell_object(a, "an option of exec that shells read differently");
			return;
		}
	}
	if (i < a->n)
		sp_shell_command(a->s, &place, a->words + i, a->n - i, NULL, 0);
}

static void
sp_shell_commands(const struct sp_shell_builtin_args *a)
{
	struct sp_shell_place place = sp_shell_inside(a);
	bool is_builtin = sp_shell_is(&a->words[0], "builtin");
	size_t i = 1;

	if (!is_builtin && a->n > 1 && (sp_shell_is(&a->words[1], "-v") || sp_shell_is(&a->words[1], "-V")))
		return;
	if (!is_builtin && a->n > 1 && sp_shell_is(&a->words[i], "-p"))
		i++;
	if (i < a->n && sp_shell_is(&a->words[i], "--"))
		i++;
	if (i < a->n && a->words[i].text[0] == '-')
		sp_shell_object(a, "an option of command or builtin that shells read differently");
	else if (i < a->n)
		sp_shell_command(a->s, &place, a->words + i, a->n - i, NULL, 0);
	if (is_builtin && i < a->n && (!a->words[i].is_known || sp_shell_builtin_find(a->words[i].text) == 0))
		sp_shell_object(a, "a builtin that is not known here");
}

bool
sp_shell_builtin(struct sp_shell *s, const struct sp_shell_place *place, size_t index,
    const struct sp_shell_word *words, size_t n)
{
	static const char *const silent[] = {":", "true", "false", "exit", "return", "shift", "break", "continue", "wait", "unset",
	    "export", "readonly", "local", "read", "set", "eval", "trap", "exec", "command", "builtin", NULL};
	const struct sp_shell_builtin_args a = {s, place, index, words, n};
	enum sp_shell_builtin_kind kind = sp_shell_builtin_find(words[0].text);

	s->commands[index].is_silent = sp_shell_in(silent, words[0].text, strlen(words[0].text));
	switch (kind) {
	case SP_SHELL_PLAIN:
		break;
	case SP_SHELL_CHANGES_DIRECTORY:
		s->is_moved = true;
		break;
	case SP_SHELL_NUMBERS:
		sp_shell_numbers(&a);
		break;
	case SP_SHELL_NAMES:
		sp_shell_names(&a, false);
		break;
	case SP_SHELL_EXPORTS:
		sp_shell_names(&a, sp_shell_is(&words[0], "export"));
		break;
	case SP_SHELL_READS:
		sp_shell_reads(&a);
		break;
	case SP_SHELL_TESTS:
		sp_shell_tests(&a);
		break;
	case SP_SHELL_PRINTS:
		sp_shell_prints(&a);
		break;
	case SP_SHELL_SETS:
		sp_shell_sets(&a);
		break;
	case SP_SHELL_EVALUATES:
		sp_shell_evaluates(&a);
		break;
	case SP_SHELL_TRAPS:
		sp_shell_traps(&a);
		break;
	case SP_SHELL_REPLACES:
		sp_shell_replaces(&a);
		break;
	case SP_SHELL_COMMANDS:
		sp_shell_commands(&a);
		break;
	case SP_SHELL_NEVER:
		sp_shell_object(&a, "a builtin that can change what runs");
		break;
	default:
		return false;
	}
	return true;
}
