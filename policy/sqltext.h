/* SPDX-License-Identifier: Apache-2.0 */
/* What can be said of a statement's text before it is parsed. */
#ifndef SALLYPORT_POLICY_SQLTEXT_H
#define SALLYPORT_POLICY_SQLTEXT_H

#include <stddef.h>

#define SP_SQLTEXT_RUN_MAX 6000 /* tokens in a row without a comma at their level: bounds the parser's recursion */
#define SP_SQLTEXT_PARENS_MAX 3000 /* parentheses or brackets within each other */

/*
 * NULL, or why the text is not given to the parser: too long, a NUL byte, not UTF-8, a byte order mark, or so
 * long an expression that the parser's tree would be deeper than the stack.
 */
const char *sp_sqltext_refusal(const char *text, size_t len);

#endif
