/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Why something was refused: one line for the log of the daemon. It never holds
 * a token or a signature; text from outside in it is escaped and cut. The peer
 * is never shown it.
 */
#ifndef SALLYPORT_IDENTITY_REASON_H
#define SALLYPORT_IDENTITY_REASON_H

#include "lib/err.h"

#define SP_REASON_MAX 384 /* bytes, with the NUL */

struct sp_reason {
	char text[SP_REASON_MAX];
};

/* Writes the text and returns err, so that a check is one line. why may be NULL. */
int sp_reason_set(struct sp_reason *why, int err, const char *fmt, ...) SP_PRINTF(3, 4);

#endif
