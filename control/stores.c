/* SPDX-License-Identifier: Apache-2.0 */
/* The stores this build can keep requests in: one line each. */
#include <stddef.h>

#include "control/backend.h"
#include "control/sqlite.h"

const struct sp_backend *const sp_stores[] = {
	&sp_sqlite_backend,
	NULL,
};
