/* SPDX-License-Identifier: Apache-2.0 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/secret.h"
#include "proto/pg_scram.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *final = memchr(data, '\n', size);
	size_t first = final == NULL ? size : (size_t)(final - data);
	struct sp_buf *out = sp_buf_new(0);
	struct sp_secret *password = NULL;
	struct sp_pg_scram *s = NULL;

	if (out != NULL && sp_secret_new("pencil", 6, &password) == 0 &&
	    sp_pg_scram_new("user", "rOprNGfwEbeRWgbNEkqO", NULL, 0, 0, &s) == 0 &&
	    sp_pg_scram_continue(s, data, first, password, out) == 0 && final != NULL)
		/* Only one server signature is right; the corpus holds it, and no mutation of it may pass. */
		if (sp_pg_scram_final(s, final + 1, size - first - 1) == 0 && sp_buf_len(out) == 0)
			abort();
	sp_pg_scram_free(s);
	sp_secret_free(password);
	sp_buf_free(out);
	return 0;
}
