/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/shell_quote.h"

#include <string.h>

int
sp_shell_quote(struct sp_buf *out, const char *word)
{
	sp_buf_put(out, "'", 1);
	while (*word != '\0') {
		size_t n = strcspn(word, "'");

		sp_buf_put(out, word, n);
		word += n;
		if (*word == '\'') {
			sp_buf_put(out, "'\\''", 4);
			word++;
		}
	}
	return sp_buf_put(out, "'", 1);
}
