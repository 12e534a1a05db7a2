/* SPDX-License-Identifier: Apache-2.0 */
/* One word for a POSIX shell elsewhere. Pure. */
#ifndef SALLYPORT_PROTO_SHELL_QUOTE_H
#define SALLYPORT_PROTO_SHELL_QUOTE_H

#include "lib/buf.h"

/* Appends word in single quotes, so that every shell reads just that word. Sticky, as sp_buf_put(). */
int sp_shell_quote(struct sp_buf *out, const char *word);

#endif
