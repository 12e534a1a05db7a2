/* SPDX-License-Identifier: Apache-2.0 */
/* The store in an SQLite database. */
#ifndef SALLYPORT_CONTROL_SQLITE_H
#define SALLYPORT_CONTROL_SQLITE_H

#include "control/backend.h"

extern const struct sp_backend sp_sqlite_backend;

#endif
