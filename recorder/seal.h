/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A signed line of JSON: the object, a separator, base64 of the signature over
 * the object's bytes, LF (PROTOCOL.recording sections 3 and 4). The object names
 * its key in "key".
 */
#ifndef SALLYPORT_RECORDER_SEAL_H
#define SALLYPORT_RECORDER_SEAL_H

#include <jansson.h>

#include "lib/buf.h"
#include "lib/err.h"
#include "recorder/sign.h"

#define SP_SEAL_MAX ((size_t)256 * 1024) /* bytes of a line, or of a manifest */
#define SP_SEAL_TAG_MANIFEST "SPREC.m1"
#define SP_SEAL_TAG_CHAIN "SPCHN.l1"
#define SP_SEAL_TAG_HEAD "SPCHN.h1"
#define SP_SEAL_HEX (2 * SP_SIGN_HASH + 1)

/* Sets "key", then appends the sealed object. LIMIT, CRYPTO, NOMEM. */
int sp_seal_put(struct sp_buf *out, const struct sp_sign_key *key, const char *tag, char separator,
    json_t *object) SP_MUST_CHECK;
/*
 * Reads one sealed object that is exactly p[0..n) with its LF. FORMAT, LIMIT, NOT_FOUND (key), SIGNATURE.
 * Also on NOT_FOUND and SIGNATURE *ret_object is set (free with json_decref), so that it can be named.
 */
int sp_seal_parse(const void *p, size_t n, const struct sp_sign_ring *keys, const char *tag, char separator,
    json_t **ret_object) SP_MUST_CHECK;

/* Members, strict in type. FORMAT. */
int sp_seal_get_u64(const json_t *o, const char *name, uint64_t *ret_v) SP_MUST_CHECK;
const char *sp_seal_get_string(const json_t *o, const char *name); /* "" if it is not a string */
int sp_seal_get_hash(const json_t *o, const char *name, uint8_t ret_h[SP_SIGN_HASH]) SP_MUST_CHECK;
/* Sets a digest as hex. */
int sp_seal_set_hash(json_t *o, const char *name, const uint8_t h[SP_SIGN_HASH]) SP_MUST_CHECK;

#endif
