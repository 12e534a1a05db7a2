/* SPDX-License-Identifier: Apache-2.0 */
/* Files of the time zone database: whatever is in them, changes come in order and within bounds. */
#include <stdint.h>
#include <stdlib.h>

#include "policy/zone.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sp_zone_change c[SP_ZONE_CHANGES_MAX];
	size_t n = 0;

	if (sp_zone_parse(data, size, c, &n) != 0)
		return 0;
	if (n == 0 || n > SP_ZONE_CHANGES_MAX)
		abort();
	for (size_t i = 0; i < n; i++)
		if (c[i].offset < -27 * 60 || c[i].offset > 27 * 60 || (i > 0 && c[i].at <= c[i - 1].at))
			abort();
	return 0;
}
