/* SPDX-License-Identifier: Apache-2.0 */
/* The person's terminal as sshd made it: put into raw mode for a session and always put back. */
#ifndef SALLYPORT_FORCECMD_TERMINAL_H
#define SALLYPORT_FORCECMD_TERMINAL_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/err.h"

/* Whether stdin and stdout are a terminal; remembers its settings. */
bool sp_terminal_open(void);
/* Raw (no echo, no signals, 8 bit), or as it was. SYSTEM. */
int sp_terminal_raw(bool raw) SP_MUST_CHECK;
/* As it was; for every way out. */
void sp_terminal_restore(void);
/* Window size, 0 and 0 when there is none. */
void sp_terminal_size(uint32_t *ret_rows, uint32_t *ret_cols);

#endif
