/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the detectors of mask/ match, written a second time for shortness
 * instead of speed: PCRE2 patterns tried at every byte, and plain checks.
 */
#ifndef SALLYPORT_TESTS_UNIT_MASK_REFERENCE_H
#define SALLYPORT_TESTS_UNIT_MASK_REFERENCE_H

#include "mask/span.h"

void mask_reference_open(void);
void mask_reference_close(void);
/* Adds every match of every detector, with transform REDACT. */
void mask_reference_find(const uint8_t *p, size_t n, struct sp_spans *out);

#endif
