/* SPDX-License-Identifier: Apache-2.0 */
/* Who somebody is, as the table of people has it (lib/people.h). */
#ifndef SALLYPORT_RUNTIME_PERSON_ID_H
#define SALLYPORT_RUNTIME_PERSON_ID_H

#include <stdint.h>

#include "lib/err.h"
#include "lib/people.h"

/* SHA-256 of issuer and subject, a NUL after each. INVALID: one of them is empty; CRYPTO. */
int sp_person_id(const char *iss, const char *sub, uint8_t ret_identity[SP_PEOPLE_IDENTITY_LEN]) SP_MUST_CHECK;

#endif
