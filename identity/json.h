/* SPDX-License-Identifier: Apache-2.0 */
/* JSON from outside, read strictly: RFC 8259 with what RFC 8725 and 7515 add for tokens. */
#ifndef SALLYPORT_IDENTITY_JSON_H
#define SALLYPORT_IDENTITY_JSON_H

#include <jansson.h>
#include <stddef.h>

#include "identity/reason.h"
#include "lib/err.h"

#define SP_JSON_DEPTH_MAX 16 /* objects and arrays inside each other */

/*
 * One object and nothing after it. Refused: duplicate members at any depth, NUL in any string, invalid
 * UTF-8, more than SP_JSON_DEPTH_MAX levels, integers beyond 64 bits, more than max bytes, a top level
 * that is no object. *ret_object is owned by the caller (json_decref). FORMAT, LIMIT.
 */
int sp_json_object(const void *p, size_t n, size_t max, struct sp_reason *why, json_t **ret_object) SP_MUST_CHECK;
/* A string member, owned by the object; NULL in *ret_s if the member is absent. FORMAT if it is no string. */
int sp_json_string(const json_t *object, const char *name, struct sp_reason *why, const char **ret_s) SP_MUST_CHECK;
/*
 * A point in time (seconds since 1970) or another non-negative integer below 2^53. NOT_FOUND if absent;
 * FORMAT if it is no integer: fractions, exponents and strings are refused.
 */
int sp_json_integer(const json_t *object, const char *name, struct sp_reason *why, json_int_t *ret_v) SP_MUST_CHECK;

#endif
