/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "proto/termfilter.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What passed once passes again unchanged, and as text holds no escape. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sp_buf *a = sp_buf_new(0), *b = sp_buf_new(0);
	struct sp_termfilter t;

	if (a == NULL || b == NULL)
		abort();
	sp_termfilter_init(&t, false);
	(void)sp_termfilter_feed(&t, data, size, a);
	sp_termfilter_init(&t, false);
	(void)sp_termfilter_feed(&t, sp_buf_data(a), sp_buf_len(a), b);
	if (sp_buf_len(a) != sp_buf_len(b) || memcmp(sp_buf_data(a), sp_buf_data(b), sp_buf_len(a)) != 0)
		abort();
	sp_buf_reset(b);
	sp_termfilter_init(&t, true);
	(void)sp_termfilter_feed(&t, data, size, b);
	if (memchr(sp_buf_data(b), 0x1b, sp_buf_len(b)) != NULL)
		abort();
	sp_buf_free(a);
	sp_buf_free(b);
	return 0;
}
