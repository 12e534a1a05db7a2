/* SPDX-License-Identifier: Apache-2.0 */
/* One simple command: what it is called, what is assigned for it, what its words could be. */
#include <string.h>

#include "policy/shellread.h"

bool
sp_shell_is(const struct sp_shell_word *w, const char *text)
{
	return w->is_known && strcmp(w->text, text) == 0;
}

bool
sp_shell_could_begin(const struct sp_shell_word *w, const char *text)
{
	size_t n = strcspn(w->text, "\001"), len = strlen(text);

	if (w->text[n] == 0)
		return n >= len && memcmp(w->text, text, len) == 0;
	return memcmp(w->text, text, n < len ? n : len) == 0 &&
	    !(w->is_number && n < len && (text[n] < '0' || text[n] > '9'));
}

/* Whether what follows an unknown part can be the end of text. */
static bool
sp_shell_could_match(const char *w, const char *text)
{
	for (; *w != 0 && *w != SP_SHELL_UNKNOWN; w++, text++)
		if (*w != *text)
			return false;
	if (*w == 0)
		return *text == 0;
	for (;; text++) {
		if (sp_shell_could_match(w + 1, text))
			return true;
		if (*text == 0)
			return false;
	}
}

bool
sp_shell_could_be(const struct sp_shell_word *w, const char *text)
{
	return w->is_open || sp_shell_could_match(w->text, text);
}

bool
sp_shell_assign(struct sp_shell *s, size_t position, const char *name, size_t len, bool is_exported)
{
	if (is_exported ? sp_shell_is_harmless_env(name, len) : sp_shell_is_harmless_variable(name, len))
		return true;
	sp_shell_reason_add(s, position,
	    is_exported ? "a variable set for a command, which may change what it runs" :
			  "a variable set that may change what runs");
	return false;
}

/* An option that names a program to run, as it is, joined with others, or shortened. */
static bool
sp_shell_is_running(const struct sp_shell_word *w, const char *option)
{
	size_t n = strlen(option), given = strcspn(w->text, "=\001");

	if (!w->is_known && sp_shell_could_begin(w, "-") && w->text[0] != '-')
		return true;
	if (w->text[0] != '-')
		return w->text[0] == option[0] && strncmp(w->text, option, n) == 0;
	if (option[1] == '-')
		return w->text[1] == '-' && given > 2 && strncmp(w->text, option, given < n ? given : n) == 0;
	if (n > 2)
		return strncmp(w->text, option, n) == 0;
	return w->text[1] != '-' && strchr(w->text, option[1]) != NULL;
}

static void
sp_shell_check_options(struct sp_shell *s, const struct sp_shell_place *place, const char *base,
    const struct sp_shell_word *words, size_t n)
{
	const char *const *options = sp_shell_running_options(base);
	bool is_tar = strcmp(base, "tar") == 0 || strcmp(base, "bsdtar") == 0; /* tar cIf: letters without a dash */

	for (size_t i = 1; options != NULL && i < n && !sp_shell_is(&words[i], "--"); i++)
		for (size_t k = 0; options[k] != NULL; k++)
			if (sp_shell_is_running(&words[i], options[k]) || (i == 1 && is_tar && strpbrk(words[1].text, "IF") != NULL)) {
				sp_shell_reason_add(s, place->position, "an option that can run another program");
				return;
			}
}

void
sp_shell_command(struct sp_shell *s, const struct sp_shell_place *place, const struct sp_shell_word *words, size_t n,
    const struct sp_shell_redirect *redirects, size_t nredirects)
{
	const char *name = words[0].text, *base = strrchr(name, '/');
	size_t index;

	if (place->depth > SP_SHELL_DEPTH_MAX) {
		sp_shell_refuse(s, "it is nested too deeply");
		return;
	}
	index = sp_shell_add(s, place, words, n, redirects, nredirects);
	if (index == SP_SHELL_NONE)
		return;
	base = base == NULL ? name : base + 1;
	if (!words[0].is_known || words[0].is_open) {
		sp_shell_reason_add(s, place->position, "a command whose name is known only when it runs");
		return;
	}
	if (base[0] == 0)
		sp_shell_reason_add(s, place->position, "a command without a name");
	if (sp_shell_is_keyword(name) || strchr(name, '=') != NULL)
		sp_shell_reason_add(s, place->position, "a word that shells read differently");
	s->commands[index].can_escape = sp_shell_can_escape(base);
	sp_shell_check_options(s, place, base, words, n);
	if (!place->is_plain && base == name && sp_shell_builtin(s, place, index, words, n))
		s->commands[index].is_builtin = true;
	else
		sp_shell_wrap(s, place, index, words, n);
}
