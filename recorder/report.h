/* SPDX-License-Identifier: Apache-2.0 */
/* What an event says to the kernel's audit system and other sinks: record type, success and text. Pure. */
#ifndef SALLYPORT_RECORDER_REPORT_H
#define SALLYPORT_RECORDER_REPORT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "lib/buf.h"
#include "recorder/event.h"

#define SP_REPORT_TEXT_MAX ((size_t)4096) /* bytes; the kernel takes 8970 for a whole record */
#define SP_REPORT_VALUE_MAX ((size_t)1000) /* bytes of one untrusted value before it is encoded */

struct sp_report {
	STAILQ_ENTRY(sp_report) next;
	uint32_t type; /* AUDIT_USER_* */
	size_t sink;   /* whose it is (recorder/sink.h) */
	bool is_success;
	char text[];
};
STAILQ_HEAD(sp_report_list, sp_report);

/* Appends " name=value", encoded so that a value a person chose ends where it ends. 0 or NOMEM, FULL, LIMIT. */
typedef int sp_report_put(struct sp_buf *b, const char *name, const uint8_t *p, size_t n);
/* As the audit tools expect (audit_encode_nv_string). */
int sp_report_put_audit(struct sp_buf *b, const char *name, const uint8_t *p, size_t n);
/* Makes the report of an event, or *ret_r = NULL for an event that is not told. NOMEM. */
int sp_report_new(const char *session, const char *user, const struct sp_event *ev, sp_report_put *put,
    struct sp_report **ret_r) SP_MUST_CHECK;
/* One with a text that needs no encoding. NULL if out of memory. */
struct sp_report *sp_report_of(uint32_t type, bool is_success, const char *fmt, ...) SP_PRINTF(3, 4);
void sp_report_clear(struct sp_report_list *list);

#endif
