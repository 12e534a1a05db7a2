/* SPDX-License-Identifier: Apache-2.0 */
/* Words, one a line. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "proto/rsync.h"

#define WORDS_MAX 80

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = calloc(1, size + 1), *next;
	const char *argv[WORDS_MAX];
	char problem[SP_RSYNC_PROBLEM_MAX];
	struct sp_rsync_request q;
	size_t argc = 0;

	if (text == NULL)
		return 0;
	memcpy(text, data, size);
	for (next = text; next != NULL && argc < WORDS_MAX;)
		argv[argc++] = strsep(&next, "\n");
	if (sp_rsync_request_parse(argc, argv, &q, problem) == 0) {
		struct sp_buf *out = sp_buf_new(0);

		if (q.n_paths == 0 || q.n_words > SP_RSYNC_WORDS_MAX || out == NULL ||
		    sp_rsync_request_write(&q, q.paths, q.n_paths, out) != 0)
			abort();
		sp_buf_free(out);
	} else if (problem[0] == '\0') {
		abort();
	}
	free(text);
	return 0;
}
