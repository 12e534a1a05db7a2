/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Logging for Sallyport's own programs: syslog(3) LOG_AUTHPRIV, or stderr, with
 * journal priority prefixes (sd-daemon(3)) unless it is a terminal. Each line has
 * the session's prefix when one is set; what a message holds is escaped
 * (sp_text_escape), so nothing from outside can end a line or forge another.
 */
#ifndef SALLYPORT_RUNTIME_LOG_H
#define SALLYPORT_RUNTIME_LOG_H

#include <syslog.h>

#include "lib/err.h"

#define SP_LOG_LINE_MAX 2048 /* bytes of one escaped message; the rest becomes "..." */

/*
 * ident is kept, not copied. max_priority: a LOG_* value; lines above it are dropped. to_stderr: stderr
 * instead of syslog. The syslog socket is opened here, before any sandbox. Until then lines go to stderr.
 */
void sp_log_open(const char *ident, int max_priority, int to_stderr);
/* "session=ULID user=NAME " in front of every later line of this process; NULL clears. Copied. */
void sp_log_set_prefix(const char *prefix);
/* One line; control characters in the formatted text are escaped, so a line can never be forged. */
void sp_log(int priority, const char *fmt, ...) SP_PRINTF(2, 3);
#define sp_log_err(...) sp_log(LOG_ERR, __VA_ARGS__)
#define sp_log_warn(...) sp_log(LOG_WARNING, __VA_ARGS__)
#define sp_log_info(...) sp_log(LOG_INFO, __VA_ARGS__)
#define sp_log_debug(...) sp_log(LOG_DEBUG, __VA_ARGS__)

#endif
