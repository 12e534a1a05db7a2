/* SPDX-License-Identifier: Apache-2.0 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "proto/ssh_known.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Whatever the file says, what is found can be read, and is there once. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const hosts[] = { "web1.internal", "10.0.0.7", "::1" };
	struct sp_view text = { data, size };
	struct sp_ssh_known any;
	size_t i;

	for (i = 0; i < 6; i++) {
		struct sp_buf *out = sp_buf_new(SP_SSH_KNOWN_TEXT_MAX);
		struct sp_ssh_known_fault fault;
		struct sp_ssh_known known;
		unsigned n = 0;
		int r = out == NULL ? SP_ERR_NOMEM : sp_ssh_known_find(text, hosts[i / 2], i % 2 == 0 ? 22 : 2222, out, &fault);

		if (r == 0) {
			struct sp_view found = { sp_buf_data(out), sp_buf_len(out) };

			for (r = sp_ssh_known_next(&found, &known); r == 0; r = sp_ssh_known_next(&found, &known))
				n++;
			if (r != SP_ERR_NOT_FOUND || n > SP_SSH_KNOWN_LINES_MAX)
				abort();
		} else if ((r == SP_ERR_FORMAT || r == SP_ERR_LIMIT) && fault.why[0] == '\0') {
			abort();
		}
		sp_buf_free(out);
	}
	/* and of bytes that are no such lines, nothing past their end */
	while (sp_ssh_known_next(&text, &any) == 0)
		;
	return 0;
}
