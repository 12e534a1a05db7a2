/* SPDX-License-Identifier: Apache-2.0 */
/* What the files that read command lines share (policy/shell.h). Used only by policy/shell*.c. */
#ifndef SALLYPORT_POLICY_SHELLREAD_H
#define SALLYPORT_POLICY_SHELLREAD_H

#include "policy/shell.h"

#define SP_SHELL_HEREDOCS_MAX 16 /* that begin on one line */
#define SP_SHELL_NAME_MAX 64	 /* bytes of a variable's or function's name, or a here-document's end */

struct sp_shell_block;

struct sp_shell {
	struct sp_shell_block *blocks;
	struct sp_shell_command *commands;
	size_t ncommands, room;
	size_t nwords, nbytes; /* against the limits */
	size_t nreasons;
	struct sp_shell_reason reasons[SP_SHELL_REASONS_MAX];
	const char *refused;
	unsigned int flags;
	bool is_stopped; /* nothing more is read: a limit, no memory, or a line that makes no sense */
	bool is_moved;
	int error; /* NOMEM */
};

/* Where a command stands. */
struct sp_shell_place {
	size_t position;
	uint32_t reach;
	size_t wrapper;
	const char *user;
	unsigned int depth;
	bool is_plain; /* run by execve, not by a shell: no builtins */
};

struct sp_shell_heredoc {
	char end[SP_SHELL_NAME_MAX + 1];
	bool is_quoted, strips_tabs;
};

/* One text being read: the line, or a line in it (backquotes, sh -c '…', a here-document). */
struct sp_shell_reader {
	struct sp_shell *s;
	const char *p;
	size_t len, at;
	bool is_nested; /* positions are those of the place */
	struct sp_shell_place place;
	size_t nheredocs, outer; /* waiting for the end of the line; outer of them belong to an enclosing command */
	struct sp_shell_heredoc heredocs[SP_SHELL_HEREDOCS_MAX];
};

/* A word as it is read. */
struct sp_shell_lex {
	char *text; /* grows; NUL-ended when done */
	size_t len, room;
	size_t assigns; /* length of the NAME of an unquoted NAME= at its start; 0 if it is none */
	bool is_quoted, is_unknown, is_open, is_arbitrary; /* is_arbitrary: unknown and more than a number */
	bool has_brace, has_equals, is_swallowed;
};

/* One simple command in the making. */
struct sp_shell_build {
	struct sp_shell_word *words;
	size_t n, room;
	struct sp_shell_redirect *redirects;
	size_t nredirects, redirects_room;
};

/* shell.c */
void *sp_shell_alloc(struct sp_shell *s, size_t n); /* zeroed; NULL and stopped if there is no memory */
char *sp_shell_copy(struct sp_shell *s, const char *p, size_t n);
void sp_shell_refuse(struct sp_shell *s, const char *why);
void sp_shell_reason_add(struct sp_shell *s, size_t position, const char *why);
/* items with room for one more after the n of size bytes, or NULL (items stay, and s is stopped). */
void *sp_shell_grow(struct sp_shell *s, void *items, size_t n, size_t *room, size_t size);
/* Counts a word of len bytes. False, and refused, past the limits. */
bool sp_shell_count_word(struct sp_shell *s, size_t len);
/* Its index, or SP_SHELL_NONE. words and redirects are copied. */
size_t sp_shell_add(struct sp_shell *s, const struct sp_shell_place *place, const struct sp_shell_word *words, size_t n,
    const struct sp_shell_redirect *redirects, size_t nredirects);

/* shellread.c: characters */
#define SP_SHELL_END (-1)
size_t sp_shell_position(const struct sp_shell_reader *r);
/* The next byte, line continuations skipped, or SP_SHELL_END (also when stopped). */
int sp_shell_peek(struct sp_shell_reader *r);
/* The byte at offset from here as it stands. */
int sp_shell_raw(const struct sp_shell_reader *r, size_t offset);
/* It makes no sense to go on: a reason, and stop. */
void sp_shell_fail(struct sp_shell_reader *r, const char *why);
/* Blanks and comments. */
void sp_shell_skip(struct sp_shell_reader *r);
/* Blanks, comments and ends of lines, with the here-documents that follow them. */
void sp_shell_skip_lines(struct sp_shell_reader *r);
/* A plain unquoted word at r that ends at an operator, blank or the end, of at most size - 1 bytes: its end. 0 if not. */
size_t sp_shell_plain(struct sp_shell_reader *r, char *word, size_t size);

/* shellword.c: words */
/* Reads the word at r. False if there is none (an operator or the end) or it failed. */
bool sp_shell_read_word(struct sp_shell_reader *r, struct sp_shell_word *ret_word, size_t *ret_assigns);
/* What is substituted in the body of a here-document. */
void sp_shell_read_body(struct sp_shell_reader *r, const char *p, size_t n);

/* shellparse.c: the grammar */
/* Commands until what cannot begin one. The caller looks at what that is. */
void sp_shell_read_list(struct sp_shell_reader *r);
/* A whole line of its own, from text of len bytes that lives as long as s. */
void sp_shell_read_line(struct sp_shell *s, const struct sp_shell_place *place, const char *text, size_t len);

/* shellcommand.c: what a simple command runs */
void sp_shell_command(struct sp_shell *s, const struct sp_shell_place *place, const struct sp_shell_word *words, size_t n,
    const struct sp_shell_redirect *redirects, size_t nredirects);
/* Looks at an assignment. is_exported: it gets into the environment of a program. False and a reason if it matters. */
bool sp_shell_assign(struct sp_shell *s, size_t position, const char *name, size_t len, bool is_exported);

/* shellwrap.c: commands that run others */
/* Reads what words[0] (of command index) runs. */
void sp_shell_wrap(struct sp_shell *s, const struct sp_shell_place *place, size_t index, const struct sp_shell_word *words,
    size_t n);

/* shelltool.c: programs whose arguments can hold commands */
struct sp_shell_wrapped {
	struct sp_shell *s;
	const struct sp_shell_place *place;
	size_t index;
	const struct sp_shell_word *words;
	size_t n;
	const char *user; /* whom it makes it run as, NULL: no other */
};
void sp_shell_wrap_object(const struct sp_shell_wrapped *w, const char *why);
/* words[i] and on are a command, run without a shell unless is_shell. */
void sp_shell_wrap_words(const struct sp_shell_wrapped *w, size_t i, bool is_shell);
/* The word is a line for a shell. */
void sp_shell_wrap_line(const struct sp_shell_wrapped *w, const struct sp_shell_word *line);
/* The words from i, joined with spaces, are a line for a shell. */
void sp_shell_wrap_joined(const struct sp_shell_wrapped *w, size_t i, uint32_t reach);
/* words[i] is a file with a program for it: a command of its own, with the words after it. */
void sp_shell_wrap_file(const struct sp_shell_wrapped *w, size_t i);
void sp_shell_ip(const struct sp_shell_wrapped *w);
void sp_shell_find(const struct sp_shell_wrapped *w);
void sp_shell_awk(const struct sp_shell_wrapped *w);
void sp_shell_sed(const struct sp_shell_wrapped *w);
void sp_shell_interpreter(const struct sp_shell_wrapped *w);

/* shellbuiltin.c: the shell's own commands */
/* False if it is none. Adds reasons. */
bool sp_shell_builtin(struct sp_shell *s, const struct sp_shell_place *place, size_t index,
    const struct sp_shell_word *words, size_t n);
/* Whether the word could turn out to be this text, or begin with it. */
bool sp_shell_could_be(const struct sp_shell_word *w, const char *text);
bool sp_shell_could_begin(const struct sp_shell_word *w, const char *text);
bool sp_shell_is(const struct sp_shell_word *w, const char *text); /* known, and this */

/* shelldata.c */
bool sp_shell_in(const char *const *list, const char *s, size_t len); /* NULL-ended */
bool sp_shell_is_keyword(const char *s);      /* reserved or special in one of the shells, not read here */
bool sp_shell_is_harmless_env(const char *name, size_t len);
bool sp_shell_is_harmless_variable(const char *name, size_t len);
bool sp_shell_can_escape(const char *base);
/* Options of a command, each of which names a program or code to run; NULL-ended, or NULL if none are known. */
const char *const *sp_shell_running_options(const char *base);

#endif
