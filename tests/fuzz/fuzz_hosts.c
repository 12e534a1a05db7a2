/* SPDX-License-Identifier: Apache-2.0 */
/* The table of lib/hosts.h: the same answer however the bytes are cut, and nothing found that is not well-formed. */
#include <stdlib.h>
#include <string.h>

#include "lib/hosts.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int
scan(const uint8_t *data, size_t size, size_t step, struct sp_hosts_scan *s)
{
	int r = 0;

	sp_hosts_scan_init(s, "orders", 0);
	for (size_t i = 0; r == 0 && i < size; i += step)
		r = sp_hosts_scan_feed(s, data + i, size - i < step ? size - i : step);
	return r == 0 ? sp_hosts_scan_end(s) : r;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sp_hosts_scan whole, cut;
	int r = scan(data, size, size + 1, &whole);

	for (size_t step = 1; step < 8; step++)
		if (scan(data, size, step, &cut) != r || cut.is_found != whole.is_found || cut.address != whole.address)
			abort();
	if (r == 0 && whole.is_found && (!sp_hosts_is_address(whole.address) || strcmp(whole.name, "orders") != 0))
		abort();
	return 0;
}
