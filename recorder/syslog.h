/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The log of this host as a sink: one line a report at facility authpriv, of
 * which journald and rsyslog know what to do. There is one for all sessions: when
 * it has taken nothing for SP_SYSLOG_GRACE_MS, no session goes on until it does.
 */
#ifndef SALLYPORT_RECORDER_SYSLOG_H
#define SALLYPORT_RECORDER_SYSLOG_H

#include <time.h>

#include "recorder/sink.h"

#define SP_SYSLOG_GRACE_MS 2000	 /* for the log's daemon to be restarted in */
#define SP_SYSLOG_QUEUE_MAX 8192 /* lines that wait; what comes then is counted, and that is said */
#define SP_SYSLOG_VALUE_MAX ((size_t)500) /* bytes of one value as escaped */
#define SP_SYSLOG_LINE_MAX (SP_REPORT_TEXT_MAX + 128)

extern const struct sp_sink sp_syslog_sink;

/* Appends ` name="value"`: as sp_text_escape() does, and a quote as \x22. NOMEM, FULL, LIMIT. */
int sp_syslog_put(struct sp_buf *b, const char *name, const uint8_t *p, size_t n);
/* The line, as syslog(3) would send it; returns its length. */
size_t sp_syslog_line(const struct sp_report *r, time_t now, char line[SP_SYSLOG_LINE_MAX]);

#endif
