/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/shell.h"

#include <stdlib.h>
#include <string.h>

#include "lib/text.h"
#include "policy/shellread.h"

struct sp_shell_block {
	struct sp_shell_block *next;
	_Alignas(16) unsigned char mem[];
};

void *
sp_shell_alloc(struct sp_shell *s, size_t n)
{
	struct sp_shell_block *b = calloc(1, sizeof(*b) + n);

	if (b == NULL) {
		s->error = SP_ERR_NOMEM;
		s->is_stopped = true;
		return NULL;
	}
	b->next = s->blocks;
	s->blocks = b;
	return b->mem;
}

char *
sp_shell_copy(struct sp_shell *s, const char *p, size_t n)
{
	char *copy = sp_shell_alloc(s, n + 1);

	if (copy != NULL && n > 0)
		memcpy(copy, p, n);
	return copy;
}

void
sp_shell_refuse(struct sp_shell *s, const char *why)
{
	if (s->refused == NULL)
		s->refused = why;
	s->is_stopped = true;
}

void
sp_shell_reason_add(struct sp_shell *s, size_t position, const char *why)
{
	if (s->nreasons < SP_SHELL_REASONS_MAX)
		s->reasons[s->nreasons++] = (struct sp_shell_reason){position, why};
}

void *
sp_shell_grow(struct sp_shell *s, void *items, size_t n, size_t *room, size_t size)
{
	size_t more = *room == 0 ? 16 : *room * 2;
	void *p;

	if (n < *room)
		return items;
	p = realloc(items, more * size);
	if (p == NULL) {
		s->error = SP_ERR_NOMEM;
		s->is_stopped = true;
		return NULL;
	}
	*room = more;
	return p;
}

bool
sp_shell_count_word(struct sp_shell *s, size_t len)
{
	s->nwords++;
	s->nbytes += len;
	if (s->nwords > SP_SHELL_WORDS_MAX || s->nbytes > SP_SHELL_BYTES_MAX)
		sp_shell_refuse(s, "it has too many words");
	return !s->is_stopped;
}

size_t
sp_shell_add(struct sp_shell *s, const struct sp_shell_place *place, const struct sp_shell_word *words, size_t n,
    const struct sp_shell_redirect *redirects, size_t nredirects)
{
	struct sp_shell_word *w;
	struct sp_shell_redirect *d;
	struct sp_shell_command *room;
	size_t bytes = 0;

	for (size_t i = 0; i < n; i++)
		bytes += strlen(words[i].text);
	s->nwords += n;
	s->nbytes += bytes;
	if (s->ncommands >= SP_SHELL_COMMANDS_MAX || s->nwords > SP_SHELL_WORDS_MAX || s->nbytes > SP_SHELL_BYTES_MAX)
		sp_shell_refuse(s, "it has too many commands or words");
	room = s->is_stopped ? NULL : sp_shell_grow(s, s->commands, s->ncommands, &s->room, sizeof(*room));
	if (room == NULL)
		return SP_SHELL_NONE;
	s->commands = room;
	w = sp_shell_alloc(s, n * sizeof(*w));
	d = sp_shell_alloc(s, nredirects * sizeof(*d));
	if (w == NULL || d == NULL)
		return SP_SHELL_NONE;
	if (n > 0)
		memcpy(w, words, n * sizeof(*w));
	if (nredirects > 0)
		memcpy(d, redirects, nredirects * sizeof(*d));
	s->commands[s->ncommands] = (struct sp_shell_command){.nwords = n, .words = w, .nredirects = nredirects,
	    .redirects = d, .reach = place->reach, .wrapper = place->wrapper, .user = place->user,
	    .position = place->position};
	return s->ncommands++;
}

/* White space of Unicode (White_Space of PropList.txt, past ASCII), which some shells take for blanks. */
static bool
sp_shell_is_wide_blank(const char *p, size_t n)
{
	static const char *const blanks[] = {"\xc2\x85", "\xc2\xa0", "\xe1\x9a\x80", "\xe2\x80\xa8", "\xe2\x80\xa9",
	    "\xe2\x80\xaf", "\xe2\x81\x9f", "\xe3\x80\x80"};

	for (size_t i = 0; i < sizeof(blanks) / sizeof(blanks[0]); i++)
		if (n >= strlen(blanks[i]) && memcmp(p, blanks[i], strlen(blanks[i])) == 0)
			return true;
	return n >= 3 && memcmp(p, "\xe2\x80", 2) == 0 && (unsigned char)p[2] >= 0x80 && (unsigned char)p[2] <= 0x8a;
}

/* Bytes that no shell reads alike, or that are not what a person sees. */
static void
sp_shell_check_bytes(struct sp_shell *s, const char *text, size_t len)
{
	if (len > SP_SHELL_TEXT_MAX)
		sp_shell_refuse(s, "it is too long");
	else if (memchr(text, 0, len) != NULL)
		sp_shell_refuse(s, "there is a NUL in it");
	else if (!sp_text_is_utf8(text, len))
		sp_shell_refuse(s, "it is not UTF-8");
	for (size_t i = 0; i < len && s->refused == NULL; i++)
		if (((unsigned char)text[i] < 0x20 && text[i] != '\t' && text[i] != '\n') || text[i] == 0x7f) {
			sp_shell_reason_add(s, i, "a control character");
			s->is_stopped = true;
			return;
		} else if (sp_shell_is_wide_blank(text + i, len - i)) {
			sp_shell_reason_add(s, i, "a blank that is not a space");
			s->is_stopped = true;
			return;
		}
}

int
sp_shell_parse(const char *text, size_t len, unsigned int flags, struct sp_shell **ret_shell)
{
	struct sp_shell *s = calloc(1, sizeof(*s));
	struct sp_shell_place place = {.wrapper = SP_SHELL_NONE, .user = ""};
	const char *copy = NULL;
	int r;

	if (s == NULL)
		return SP_ERR_NOMEM;
	s->flags = flags;
	if ((flags & SP_SHELL_UNREAD) != 0)
		sp_shell_reason_add(s, 0, "it cannot be read from the screen");
	if (len > 0)
		sp_shell_check_bytes(s, text, len);
	if (!s->is_stopped)
		copy = sp_shell_copy(s, text, len);
	if (copy != NULL)
		sp_shell_read_line(s, &place, copy, len);
	for (size_t i = 0; i < s->ncommands; i++)
		s->commands[i].is_moved = s->is_moved;
	r = s->error;
	if (r != 0)
		sp_shell_free(s);
	else
		*ret_shell = s;
	return r;
}

void
sp_shell_free(struct sp_shell *s)
{
	struct sp_shell_block *b, *next;

	if (s == NULL)
		return;
	for (b = s->blocks; b != NULL; b = next) {
		next = b->next;
		free(b);
	}
	free(s->commands);
	free(s);
}

const char *
sp_shell_refused(const struct sp_shell *s)
{
	return s->refused;
}

bool
sp_shell_is_typed(const struct sp_shell *s)
{
	return (s->flags & SP_SHELL_TYPED) != 0;
}

size_t
sp_shell_count(const struct sp_shell *s)
{
	return s->ncommands;
}

const struct sp_shell_command *
sp_shell_at(const struct sp_shell *s, size_t i)
{
	return &s->commands[i];
}

size_t
sp_shell_reasons(const struct sp_shell *s)
{
	return s->nreasons;
}

const struct sp_shell_reason *
sp_shell_reason(const struct sp_shell *s, size_t i)
{
	return &s->reasons[i];
}
