/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/err.h"

#include <stddef.h>

static const char *const sp_err_text[] = {
	[-SP_ERR_OK] = "success",
	[-SP_ERR_NOMEM] = "out of memory",
	[-SP_ERR_LIMIT] = "limit exceeded",
	[-SP_ERR_INCOMPLETE] = "incomplete data",
	[-SP_ERR_FORMAT] = "malformed data",
	[-SP_ERR_INVALID] = "invalid value",
	[-SP_ERR_NOT_FOUND] = "not found",
	[-SP_ERR_EXISTS] = "already exists",
	[-SP_ERR_DENIED] = "denied",
	[-SP_ERR_SIGNATURE] = "signature mismatch",
	[-SP_ERR_EXPIRED] = "expired",
	[-SP_ERR_NOT_YET] = "not valid yet",
	[-SP_ERR_UNSUPPORTED] = "unsupported",
	[-SP_ERR_TIMEOUT] = "timed out",
	[-SP_ERR_CLOSED] = "connection closed",
	[-SP_ERR_AGAIN] = "would block",
	[-SP_ERR_SYSTEM] = "system call failed",
	[-SP_ERR_PROTOCOL] = "protocol violation",
	[-SP_ERR_CRYPTO] = "crypto library failure",
	[-SP_ERR_UNAVAILABLE] = "service unavailable",
	[-SP_ERR_CONFLICT] = "state changed",
	[-SP_ERR_FULL] = "no room",
	[-SP_ERR_INTERNAL] = "internal error",
};

const char *
sp_err_str(int err)
{
	size_t n = sizeof(sp_err_text) / sizeof(sp_err_text[0]);

	if (err > 0 || (size_t)-(long)err >= n)
		return "unknown error";
	return sp_err_text[-(long)err];
}
