/* SPDX-License-Identifier: Apache-2.0 */
/* Programs with a language of their own in which commands can stand: find, sed, awk and interpreters. */
#include <string.h>

#include "policy/shellread.h"

void
sp_shell_wrap_file(const struct sp_shell_wrapped *w, size_t i)
{
	struct sp_shell_wrapped x = *w;
	struct sp_shell_word *words;
	const char *name = w->words[i].text;
	char *path;

	if (!w->words[i].is_known || name[0] == '-' || name[0] == 0) {
		sp_shell_wrap_object(w, "code that is known only when it runs");
		return;
	}
	x.n = w->n - i;
	words = sp_shell_alloc(w->s, x.n * sizeof(*words));
	path = sp_shell_alloc(w->s, strlen(name) + 3);
	if (words == NULL || path == NULL)
		return;
	memcpy(words, w->words + i, x.n * sizeof(*words));
	if (strchr(name, '/') == NULL)
		memcpy(path, "./", 2);
	memcpy(path + strlen(path), name, strlen(name));
	words[0].text = path;
	x.words = words;
	sp_shell_wrap_words(&x, 0, false);
}

void
sp_shell_interpreter(const struct sp_shell_wrapped *w)
{
	static const char *const names[] = {"python", "pypy", "perl", "ruby", "node", "nodejs", "php", "lua", "luajit",
	    "Rscript", "R", "julia", "octave", "racket", "guile", "sbcl", "clisp", "runghc", "ghci", "scala", "kotlin", "elixir",
	    "iex", "erl", "ipython", "swipl", "gnuplot", "wish", "jshell", "jrunscript", "jjs", "groovy", "deno", "bun", "irb",
	    "ocaml", "raku", "rakudo", "maxima", "sage", "bpython", "psh", "pry", "tsx", "janet", "hy", "m4", NULL};
	static const char *const questions[] = {"--version", "-V", "-v", "--help", "-h", NULL};
	const char *slash = strrchr(w->words[0].text, '/'), *base = slash == NULL ? w->words[0].text : slash + 1;
	size_t len = strlen(base);

	while (len > 0 && ((base[len - 1] >= '0' && base[len - 1] <= '9') || strchr(".-", base[len - 1]) != NULL))
		len--;
	if (!sp_shell_in(names, base, len))
		return;
	if (w->n == 2 && w->words[1].is_known && sp_shell_in(questions, w->words[1].text, strlen(w->words[1].text)))
		return;
	if (w->n == 1 || w->words[1].is_open || w->words[1].text[0] == '-' || w->words[1].text[0] == SP_SHELL_UNKNOWN)
		sp_shell_wrap_object(w, "code given to an interpreter");
	else
		sp_shell_wrap_file(w, 1);
}

/* ip netns exec NAME COMMAND; words may be shortened. */
void
sp_shell_ip(const struct sp_shell_wrapped *w)
{
	for (size_t i = 1; i < w->n; i++)
		if (!w->words[i].is_known ||
		    (w->words[i].text[0] != 0 && strncmp("exec", w->words[i].text, strlen(w->words[i].text)) == 0)) {
			sp_shell_wrap_object(w, "a program that runs another one, in a way that is not read here");
			return;
		}
}

/* --- find ------------------------------------------------------------------------------------------- */

static const char *const sp_shell_find_runs[] = {"-exec", "-execdir", "-ok", "-okdir", NULL};
static const char *const sp_shell_find_writes[] = {"-fprint", "-fprint0", "-fprintf", "-fls", NULL};

static bool
sp_shell_find_has(const struct sp_shell_wrapped *w, size_t from, size_t to, const char *const *list)
{
	for (size_t i = from; i < to; i++)
		if (w->words[i].is_known && sp_shell_in(list, w->words[i].text, strlen(w->words[i].text)))
			return true;
	return false;
}

static bool
sp_shell_find_could_be(const struct sp_shell_word *w, const char *const *list)
{
	for (size_t i = 0; list[i] != NULL; i++)
		if (sp_shell_could_be(w, list[i]))
			return true;
	return false;
}

/* The command from words[i], up to ; or {} +. Returns the index after it. */
static size_t
sp_shell_find_run(const struct sp_shell_wrapped *w, size_t i, bool is_ok)
{
	const char unknown[] = {SP_SHELL_UNKNOWN, 0};
	struct sp_shell_wrapped x = *w;
	struct sp_shell_word *words;
	bool is_plus = false, is_unsure = false;
	size_t end;

	for (end = i; end < w->n && !sp_shell_is(&w->words[end], ";") && !is_plus; end++) {
		is_plus = end > i && sp_shell_is(&w->words[end], "+") && sp_shell_is(&w->words[end - 1], "{}");
		is_unsure = is_unsure || w->words[end].is_open ||
		    (!w->words[end].is_known &&
			(sp_shell_could_be(&w->words[end], ";") || sp_shell_could_be(&w->words[end], "+")));
	}
	if (is_plus)
		end--;
	if (end >= w->n || end == i || (is_plus && is_ok) || (is_unsure && sp_shell_find_has(w, i, end, sp_shell_find_runs))) {
		sp_shell_wrap_object(w, "a command of find that cannot be told from the rest");
		return w->n;
	}
	words = sp_shell_alloc(w->s, (end - i) * sizeof(*words));
	if (words == NULL)
		return w->n;
	memcpy(words, w->words + i, (end - i) * sizeof(*words));
	for (size_t k = 0; k < end - i; k++)
		if (strstr(words[k].text, "{}") != NULL) {
			words[k].text = sp_shell_copy(w->s, unknown, 1);
			words[k].is_known = words[k].is_number = false;
			words[k].is_open = words[k].is_open || is_plus;
			if (words[k].text == NULL)
				return w->n;
		}
	x.words = words;
	x.n = end - i;
	sp_shell_wrap_words(&x, 0, false);
	return end + 1;
}

void
sp_shell_find(const struct sp_shell_wrapped *w)
{
	static const char *const ends[] = {";", "+", NULL};

	for (size_t i = 1; i < w->n;) {
		const struct sp_shell_word *o = &w->words[i];

		if (o->is_open) {
			sp_shell_wrap_object(w, "an argument of find that may be more words than one");
			return;
		}
		if (!o->is_known) {
			if ((sp_shell_find_could_be(o, sp_shell_find_runs) && sp_shell_find_has(w, i + 1, w->n, ends)) ||
			    (sp_shell_find_could_be(o, sp_shell_find_writes) && i + 1 < w->n && w->words[i + 1].text[0] != '-'))
				sp_shell_wrap_object(w, "an argument that may be an action of find");
			i++;
		} else if (sp_shell_in(sp_shell_find_writes, o->text, strlen(o->text))) {
			sp_shell_wrap_object(w, "an action of find that writes a file");
			return;
		} else if (sp_shell_in(sp_shell_find_runs, o->text, strlen(o->text))) {
			i = sp_shell_find_run(w, i + 1, o->text[1] == 'o');
		} else {
			i++;
		}
	}
}

/* --- awk -------------------------------------------------------------------------------------------- */

void
sp_shell_awk(const struct sp_shell_wrapped *w)
{
	size_t i = 1;

	for (; i < w->n && w->words[i].text[0] == '-' && !w->words[i].is_open; i++) {
		const char *t = w->words[i].text;

		if (sp_shell_is(&w->words[i], "--")) {
			i++;
			break;
		}
		if (sp_shell_is(&w->words[i], "-F") || sp_shell_is(&w->words[i], "-v"))
			i++;
		else if (t[1] != 'F' && t[1] != 'v')
			break;
	}
	if (i < w->n && w->words[i].is_known && w->words[i].text[0] != '-' && strpbrk(w->words[i].text, "|>@") == NULL &&
	    strstr(w->words[i].text, "system") == NULL && strstr(w->words[i].text, "getline") == NULL) {
		for (size_t k = 1; k < i; k++)
			if (w->words[k].is_open)
				sp_shell_wrap_object(w, "an argument of awk that may be more words than one");
		return;
	}
	sp_shell_wrap_object(w, "a program of awk that may run others");
}

/* --- sed -------------------------------------------------------------------------------------------- */

/* Past a part of s or y, or a pattern, up to its delimiter. NULL if there is none. */
static const char *
sp_shell_sed_part(const char *p, char delimiter)
{
	for (; *p != 0 && *p != delimiter && *p != '\n'; p++) {
		/* A delimiter within brackets stands for itself in some, in others not. */
		if (*p == '[' && memchr(p + 1, delimiter, strcspn(p + 1, "]") + 1) != NULL)
			return NULL;
		if (*p == '\\' && *++p == 0)
			return NULL;
	}
	return *p == delimiter ? p + 1 : NULL;
}

static const char *
sp_shell_sed_address(const char *p)
{
	if (*p == '$')
		return p + 1;
	if (*p == '/')
		return sp_shell_sed_part(p + 1, '/');
	return p + strspn(p, "0123456789");
}

/* One command that only edits, with its addresses: where it ends. NULL if it is anything else. */
static const char *
sp_shell_sed_command(const char *p)
{
	char d;

	p = sp_shell_sed_address(p + strspn(p, " \t"));
	if (p != NULL && *p == ',')
		p = sp_shell_sed_address(p + 1);
	if (p == NULL)
		return NULL;
	p += strspn(p, " \t!");
	if (*p != 0 && strchr("pdDPNnhHgGxq=", *p) != NULL)
		return p + 1;
	if ((*p != 's' && *p != 'y') || p[1] == 0 || strchr("\\\n ;", p[1]) != NULL)
		return NULL;
	d = p[1];
	p = sp_shell_sed_part(p + 2, d);
	if (p != NULL)
		p = sp_shell_sed_part(p, d);
	return p == NULL ? NULL : p + strspn(p, "gpiI0123456789");
}

static bool
sp_shell_is_plain_sed(const char *p)
{
	do {
		p = sp_shell_sed_command(p);
		if (p == NULL)
			return false;
		p += strspn(p, " \t");
		if (*p != 0 && *p != ';' && *p != '\n')
			return false;
		p += strspn(p, " \t;\n");
	} while (*p != 0);
	return true;
}

void
sp_shell_sed(const struct sp_shell_wrapped *w)
{
	bool has_script = false, is_good = true, is_end = false;

	for (size_t i = 1; i < w->n && is_good; i++) {
		const struct sp_shell_word *o = &w->words[i];

		if (!is_end && (o->is_open || o->text[0] == SP_SHELL_UNKNOWN)) {
			is_good = false;
		} else if (!is_end && sp_shell_is(o, "--")) {
			is_end = true;
		} else if (!is_end && sp_shell_is(o, "-e")) {
			is_good = ++i < w->n && w->words[i].is_known && sp_shell_is_plain_sed(w->words[i].text);
			has_script = true;
		} else if (!is_end && o->text[0] == '-' && o->text[1] != 0) {
			is_good = o->is_known &&
			    (o->text[1 + strspn(o->text + 1, "nErsuz")] == 0 ||
				(o->text[1] == 'i' && o->text[2 + strspn(o->text + 2, ".abcdefghijklmnopqrstuvwxyz~")] == 0));
		} else if (!has_script) {
			is_good = o->is_known && sp_shell_is_plain_sed(o->text);
			has_script = true;
		}
	}
	if (!is_good)
		sp_shell_wrap_object(w, "a script of sed that may run or write others");
}
