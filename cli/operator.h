/* SPDX-License-Identifier: Apache-2.0 */
/* Asking sallyportd for something at operator.sock (PROTOCOL.ipc section 10); only root may. */
#ifndef SALLYPORT_CLI_OPERATOR_H
#define SALLYPORT_CLI_OPERATOR_H

#include <stdint.h>

#include "lib/buf.h"

#define SP_CLI_OPERATOR_MS 5000
#define SP_CLI_OPERATOR_MESSAGE_MAX 4096

/* Sends it and prints what comes of it. An exit status as in cli/command.h; 1: refused, 2: no answer. */
int sp_cli_operator(uint8_t type, const struct sp_buf *body);

#endif
