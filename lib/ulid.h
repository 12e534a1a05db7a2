/* SPDX-License-Identifier: Apache-2.0 */
/* ULIDs: 48-bit milliseconds and 80 random bits as 26 Crockford base32 characters. */
#ifndef SALLYPORT_LIB_ULID_H
#define SALLYPORT_LIB_ULID_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/err.h"

#define SP_ULID_LEN 26

/* Writes 26 characters and a NUL for unix_ms with fresh random bits. SYSTEM. */
int sp_ulid_new(uint64_t unix_ms, char out[SP_ULID_LEN + 1]) SP_MUST_CHECK;
bool sp_ulid_is_valid(const char *s);
/* Milliseconds since 1970 held in a valid ULID. */
uint64_t sp_ulid_time_ms(const char *s);

#endif
