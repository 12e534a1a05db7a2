/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A command line of a POSIX shell (XCU chapter 2), read into the simple commands
 * that it could run, at every depth: lists, pipelines, compound commands,
 * functions, substitutions, here-documents, and the commands that known wrappers
 * (env, xargs, sudo, sh -c, find -exec …) are given as arguments. Bytes in,
 * facts out; nothing is expanded and nothing is looked up.
 *
 * The shell on the other side is one of sh, dash, ash, bash, ksh, zsh. What
 * these read differently, what depends on values that are only known there, and
 * what is not understood here is "unresolved": a reason says where. Every
 * program that a line without reasons can run by itself is in the list, whatever
 * the branches taken; it does not say what a program does with its arguments.
 * Not seen: start-up files, aliases and functions of the account on the target.
 */
#ifndef SALLYPORT_POLICY_SHELL_H
#define SALLYPORT_POLICY_SHELL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/err.h"
#include "policy/limits.h"

struct sp_shell; /* one line: immutable */

#define SP_SHELL_UNKNOWN '\001'	     /* in a word's text: any bytes, or none, known only when it runs */
#define SP_SHELL_NONE ((size_t)-1) /* no such command */

/* How a line gets to the shell. */
#define SP_SHELL_TYPED 1u /* at an interactive prompt: history expansion, no comments in zsh */
#define SP_SHELL_UNREAD 2u /* the text is what can be told of it, which may not be all: it is unresolved, whatever it says */

struct sp_shell_word {
	const char *text; /* quotes removed; valid as long as the line. No control characters but tab and newline */
	bool is_known;	  /* text has no SP_SHELL_UNKNOWN */
	bool is_open;	  /* may become any number of words, none too: an unquoted expansion, a glob, braces */
	bool is_number;	  /* what is unknown in it is a decimal number ($? $# $$ $!) */
};

/* sp_shell_command.reach: the ways that lead to it; 0 is a command of the line's own list. */
#define SP_SHELL_PIPELINE 1u	 /* one of several in a pipeline */
#define SP_SHELL_BACKGROUND 2u	 /* & */
#define SP_SHELL_SUBSTITUTION 4u /* $( ) or backquotes */
#define SP_SHELL_CONDITIONAL 8u	 /* && || if while until for case: it may not run at all, or often */
#define SP_SHELL_FUNCTION 16u	 /* the body of a function */
#define SP_SHELL_SUBSHELL 32u	 /* ( ) */
#define SP_SHELL_WRAPPED 64u	 /* run by another command: sp_shell_command.wrapper */
#define SP_SHELL_REMOTE 128u	 /* on yet another host (ssh HOST COMMAND) */

struct sp_shell_redirect {
	bool is_read, is_write; /* <> is both */
	bool is_append;
	struct sp_shell_word target; /* a file name. Here-documents, /dev/null and copies of descriptors are not listed */
	size_t position;
};

struct sp_shell_command {
	size_t nwords; /* at least 1 */
	const struct sp_shell_word *words;
	size_t nredirects;
	const struct sp_shell_redirect *redirects;
	uint32_t reach;
	size_t wrapper;	   /* the command that runs this one, or SP_SHELL_NONE */
	const char *user;  /* whom sudo, su … make it run as; "" for whoever runs the line; "\001" if not known */
	bool is_builtin;   /* the shell's own, if the shell is what runs it */
	bool is_silent;	   /* a builtin that does nothing outside of its shell (exit, set, read …): it needs no rule */
	bool can_escape;   /* known to run other programs on demand of its user or of files (vim, less, git, make …) */
	bool is_moved;	   /* cd stands before it in the line: relative names start from anywhere */
	size_t position;   /* 0-based byte of the line where it, or what it is nested in, begins */
};

struct sp_shell_reason {
	size_t position;
	const char *text; /* static: what could not be resolved, for one line to a person */
};

/*
 * Reads len bytes (no NUL needed). What cannot be understood is no error here; see the reasons. flags: SP_SHELL_*.
 * NOMEM.
 */
int sp_shell_parse(const char *text, size_t len, unsigned int flags, struct sp_shell **ret_shell) SP_MUST_CHECK;
void sp_shell_free(struct sp_shell *s); /* NULL is fine */

/* Over a limit, or with a NUL or bytes that are no UTF-8: nothing of it may run, whatever a rule says. NULL if not so. */
const char *sp_shell_refused(const struct sp_shell *s);
bool sp_shell_is_typed(const struct sp_shell *s);
/* 0 for a line of blanks and comments. */
size_t sp_shell_count(const struct sp_shell *s);
const struct sp_shell_command *sp_shell_at(const struct sp_shell *s, size_t i);
/* Why it is unresolved; 0: it is not. The first SP_SHELL_REASONS_MAX are kept. */
size_t sp_shell_reasons(const struct sp_shell *s);
const struct sp_shell_reason *sp_shell_reason(const struct sp_shell *s, size_t i);

#endif
