/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The words after `ssh bastion`, split the way a POSIX shell splits them (XCU
 * 2.2 quoting: backslash, single and double quotes) and with nothing else a
 * shell does: no expansion, no operator, no second command. A character that
 * would have meant more to a shell is an error with its position, never taken
 * literally; so what is accepted is what a shell would have passed on, but for
 * pathname expansion (* ? [ ~ stand for themselves).
 *
 * ssh joins its arguments with spaces and so loses the quotes of
 * `ssh bastion psql orders -c 'select 1'`. For the few options whose argument is
 * a whole statement (and the reason of approve and deny), the rest of the line
 * is that argument as it stands, unless it begins with a quote: then it is a
 * word like any other. Pure.
 */
#ifndef SALLYPORT_SESSION_AGENT_COMMAND_H
#define SALLYPORT_SESSION_AGENT_COMMAND_H

#include <stddef.h>

#include "lib/err.h"

#define SP_COMMAND_MAX ((size_t)64 * 1024) /* bytes of the whole line */
#define SP_COMMAND_WORDS_MAX 256

struct sp_command;

struct sp_command_error {
	size_t position;     /* 1-based byte of the line where it went wrong */
	const char *message; /* static: what, and what to write instead */
};

/*
 * Splits n bytes of text. An empty line gives no words. FORMAT (*ret_error says where and why; also not
 * UTF-8, or a control character), LIMIT (*ret_error too), NOMEM.
 */
int sp_command_parse(const char *text, size_t n, struct sp_command **ret_c,
    struct sp_command_error *ret_error) SP_MUST_CHECK;
void sp_command_free(struct sp_command *c); /* NULL is fine */
size_t sp_command_argc(const struct sp_command *c);
/* NULL-ended. */
const char *const *sp_command_argv(const struct sp_command *c);

#endif
