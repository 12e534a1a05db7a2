/* SPDX-License-Identifier: Apache-2.0 */
/* What is put in place of what was found. */
#ifndef SALLYPORT_MASK_TRANSFORM_H
#define SALLYPORT_MASK_TRANSFORM_H

#include <stddef.h>
#include <stdint.h>

#include "mask/mask.h"

struct sp_transform_key; /* keyed HMAC-SHA-256, ready to run */

#define SP_TRANSFORM_HASH_BYTES 8 /* of the HMAC that are shown, as hex */

int sp_transform_key_new(const void *key, size_t n, struct sp_transform_key **ret_k) SP_MUST_CHECK; /* CRYPTO, NOMEM */
void sp_transform_key_free(struct sp_transform_key *k);						    /* NULL is fine */
/* The first 16 bytes of the HMAC of p. INVALID without a key, CRYPTO. */
int sp_transform_hash(struct sp_transform_key *k, const void *p, size_t n, uint8_t ret_mac[16]) SP_MUST_CHECK;
/*
 * Puts the replacement of a found piece. name is its kind's; kind an SP_DETECT_* or more for a regex.
 * NULL acts as REDACT. Errors of sp_transform_hash() and sp_buf_put().
 */
int sp_transform_put(struct sp_transform_key *k, enum sp_mask_transform t, size_t kind, const char *name,
    const uint8_t *p, size_t n, struct sp_buf *out) SP_MUST_CHECK;
/* Puts a whole value of a type masked (sp_mask_column() of mask.h); not for NULL and OTHER. Same errors, INVALID. */
int sp_transform_column(struct sp_transform_key *k, enum sp_mask_transform t, enum sp_mask_type type, const uint8_t *p,
    size_t n, struct sp_buf *out) SP_MUST_CHECK;

#endif
