/* SPDX-License-Identifier: Apache-2.0 */
#include "identity/reason.h"

#include <stdarg.h>
#include <stdio.h>

int
sp_reason_set(struct sp_reason *why, int err, const char *fmt, ...)
{
	va_list ap;

	if (why == NULL)
		return err;
	va_start(ap, fmt);
	vsnprintf(why->text, sizeof(why->text), fmt, ap);
	va_end(ap);
	for (char *p = why->text; *p != '\0'; p++) {
		if ((unsigned char)*p < 0x20 || (unsigned char)*p > 0x7e)
			*p = '?';
	}
	return err;
}
