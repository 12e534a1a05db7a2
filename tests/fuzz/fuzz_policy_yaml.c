/* SPDX-License-Identifier: Apache-2.0 */
/* Any text as a policy file: it compiles to an image that opens, or has diagnostics. */
#include <stdint.h>
#include <stdlib.h>

#include "lib/buf.h"
#include "policy/image.h"
#include "policy/source.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sp_policy_source *s = sp_policy_source_new();
	struct sp_buf *b = sp_buf_new(0);
	struct sp_policy_image *image = NULL;
	int r;

	if (s == NULL || b == NULL)
		abort();
	r = sp_policy_source_add(s, "fuzz.yaml", (const char *)data, size);
	if (r == 0)
		r = sp_policy_source_compile(s, 1, b);
	if (r != 0 && sp_diags_count(sp_policy_source_diags(s)) == 0)
		abort();
	if (r == 0 && sp_policy_image_open(sp_buf_data(b), sp_buf_len(b), &image) != 0)
		abort();
	sp_policy_image_free(image);
	sp_buf_free(b);
	sp_policy_source_free(s);
	return 0;
}
