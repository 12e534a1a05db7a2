/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The line model between a hostile host and a hostile keyboard. The input is steps: a byte that says what is done (its
 * low two bits: shown, typed, read, resized) and with how many of the bytes that follow.
 */
#include <stdlib.h>
#include <string.h>

#include "lib/text.h"
#include "session-agent/line_model.h"

#define FUZZ_MAX ((size_t)16384)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
typed(struct sp_line_model *m, const uint8_t *p, size_t n, int64_t now)
{
	enum sp_line_key key;

	while (n > 0) {
		size_t k = sp_line_model_scan(m, p, n, &key);

		if (k > n)
			abort();
		k += k < n; /* the key that submits goes too */
		sp_line_model_passed(m, p, k, now);
		p += k;
		n -= k;
	}
}

static void
looked_at(struct sp_line_model *m, int64_t now, bool is_forced)
{
	struct sp_line_model_line line;

	if (sp_line_model_read(m, now, is_forced, &line) != 0)
		return;
	if (line.kind == SP_LINE_MODEL_SCREEN && (sp_buf_len(line.text) > 0 || sp_buf_len(line.other) > 0))
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sp_line_model *m;
	int64_t now = 1000;

	if (size < 2 || size > FUZZ_MAX ||
	    sp_line_model_new(1u + data[0] % 30u, 1u + data[1] % 100u, (data[0] & 1) != 0, &m) != 0)
		return 0;
	for (size_t i = 2; i < size;) {
		uint8_t step = data[i++];
		size_t n = step >> 2 < size - i ? step >> 2 : size - i;

		now += step;
		if ((step & 3) == 0 && sp_line_model_shown(m, data + i, n, now) != 0)
			abort();
		else if ((step & 3) == 1)
			typed(m, data + i, n, now);
		else if ((step & 3) == 2)
			looked_at(m, now, (step & 4) != 0);
		else if (sp_line_model_resize(m, 1u + step % 40u, 1u + step % 90u) != 0)
			abort();
		if ((step & 3) < 2)
			i += n;
	}
	looked_at(m, now, true);
	sp_line_model_free(m);
	return 0;
}
