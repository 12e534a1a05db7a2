/* SPDX-License-Identifier: Apache-2.0 */
/* Who asks, by how the prompt ends. */
#ifndef SALLYPORT_SESSION_AGENT_LINE_PROMPT_H
#define SALLYPORT_SESSION_AGENT_LINE_PROMPT_H

#include <stdbool.h>
#include <stddef.h>

enum sp_line_prompt {
	SP_LINE_PROMPT_NONE = 0, /* nobody, as far as can be said: a running program's output, or nothing */
	SP_LINE_PROMPT_SHELL,
	SP_LINE_PROMPT_PROGRAM
};

/*
 * text: the cursor's row before the cursor, with blanks. learned: how this shell's own prompt ends, with its blanks,
 * where that is not one of the usual ways; "" for none. is_unfinished: the shell may be asking for the rest of a
 * command.
 */
enum sp_line_prompt sp_line_prompt_of(const char *text, size_t n, const char *learned, bool is_unfinished);

#endif
