/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Time zones by their names (the IANA time zone database, RFC 8536), as the changes of the local time of one between two
 * moments: what is decided later then needs neither files nor the C library's idea of a zone.
 */
#ifndef SALLYPORT_POLICY_ZONE_H
#define SALLYPORT_POLICY_ZONE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/err.h"

#define SP_ZONE_DIR "/usr/share/zoneinfo"
#define SP_ZONE_NAME_MAX 64
#define SP_ZONE_FILE_MAX ((size_t)64 * 1024)
#define SP_ZONE_CHANGES_MAX 160
#define SP_ZONE_SINCE INT64_C(1577836800) /* 2020-01-01: of what was before, nobody asks */
#define SP_ZONE_UNTIL INT64_C(3155760000) /* 2070-01-01: from then on, as it was at the end of 2069 */

/* From that moment (seconds since 1970) on, local time is so many minutes ahead of UTC. */
struct sp_zone_change {
	int64_t at;
	int16_t offset;
};

/* Like Europe/Berlin: letters, digits, _ + -, in parts with / between them. */
bool sp_zone_is_name(const char *name);
/*
 * From n bytes of a TZif file (version 2 and later), the changes within that time, in order; the first is what held at its
 * beginning. FORMAT, LIMIT (more than SP_ZONE_CHANGES_MAX).
 */
int sp_zone_parse(const uint8_t *p, size_t n, struct sp_zone_change ret_changes[SP_ZONE_CHANGES_MAX], size_t *ret_n) SP_MUST_CHECK;
/* The same of the zone of that name in SP_ZONE_DIR. INVALID (no such name), NOT_FOUND, SYSTEM, FORMAT, LIMIT, NOMEM. */
int sp_zone_load(const char *name, struct sp_zone_change ret_changes[SP_ZONE_CHANGES_MAX], size_t *ret_n) SP_MUST_CHECK;

#endif
