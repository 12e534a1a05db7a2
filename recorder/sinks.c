/* SPDX-License-Identifier: Apache-2.0 */
/* The sinks this build can tell: one line each. */
#include <stddef.h>

#include "recorder/kernel.h"
#include "recorder/sink.h"
#include "recorder/syslog.h"

const struct sp_sink *const sp_sinks[] = {
	&sp_kernel_sink,
	&sp_syslog_sink,
	NULL,
};
