/* SPDX-License-Identifier: Apache-2.0 */
#include <stdint.h>
#include <stdlib.h>

#include "proto/sshfp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What counts has been validated, and there is something. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const names[] = { "web1.example", "" };
	struct sp_view answer = { data, size };
	size_t i;

	for (i = 0; i < 2; i++) {
		struct sp_sshfp_set set = { 0 };

		if (sp_sshfp_parse(answer, names[i], &set) == 0 &&
		    (set.n == 0 || set.n > SP_SSHFP_MAX || (data[3] & 0x20) == 0))
			abort();
		(void)sp_sshfp_has(&set, answer);
	}
	return 0;
}
