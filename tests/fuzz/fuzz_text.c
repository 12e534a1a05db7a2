/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What lib/text.h promises of any bytes: an escaped line is plain and within its maximum, JSON text is
 * UTF-8 without controls, and what a base64 decoder takes it gives back as it was.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/text.h"
#include "lib/ulid.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check(bool ok)
{
	if (!ok)
		abort();
}

static void
round_trip(const char *p, size_t n, struct sp_buf *bytes, struct sp_buf *text)
{
	sp_buf_reset(bytes);
	sp_buf_reset(text);
	if (sp_text_base64url_decode(bytes, p, n) == 0) {
		check(sp_text_base64url_encode(text, sp_buf_data(bytes), sp_buf_len(bytes)) == 0);
		check(sp_buf_len(text) == n && memcmp(sp_buf_data(text), p, n) == 0);
	}
	sp_buf_reset(bytes);
	sp_buf_reset(text);
	if (sp_text_base64_decode(bytes, p, n) == 0) {
		check(sp_text_base64_encode(text, sp_buf_data(bytes), sp_buf_len(bytes)) == 0);
		check(sp_buf_len(text) == n && memcmp(sp_buf_data(text), p, n) == 0);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sp_buf *a = sp_buf_new(0), *b = sp_buf_new(0);
	size_t max = size == 0 ? 0 : data[0];
	char *s = malloc(size + 1);

	if (a == NULL || b == NULL || s == NULL)
		abort();
	memcpy(s, data, size);
	s[size] = 0;
	check(sp_text_escape(a, data, size, max) == 0 && sp_buf_len(a) <= max);
	check(sp_text_is_plain(sp_buf_data(a), sp_buf_len(a)));
	sp_buf_reset(a);
	check(sp_text_escape(a, data, size, SIZE_MAX) == 0 && sp_text_is_plain(sp_buf_data(a), sp_buf_len(a)));
	sp_buf_reset(a);
	check(sp_text_json(a, data, size) == 0 && sp_text_is_utf8(sp_buf_data(a), sp_buf_len(a)));
	for (size_t i = 0; i < sp_buf_len(a); i++)
		check(sp_buf_data(a)[i] >= 0x20);
	if (sp_text_is_plain(data, size))
		check(sp_text_is_utf8(data, size));
	round_trip(s, size, a, b);
	(void)sp_text_is_login(s);
	if (sp_ulid_is_valid(s))
		check(sp_ulid_time_ms(s) < (uint64_t)1 << 48);
	free(s);
	sp_buf_free(a);
	sp_buf_free(b);
	return 0;
}
