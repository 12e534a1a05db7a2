/* SPDX-License-Identifier: Apache-2.0 */
/* Private keys in textual encoding (RFC 7468, OpenSSH, RFC 4880 armor), on one line or many. */
#include <string.h>

#include "mask/chars.h"
#include "mask/detect.h"

#define SP_PEM_BEGIN "-----BEGIN "
#define SP_PEM_BEGIN_LEN 11
#define SP_PEM_LABEL_MAX 40 /* bytes of "RSA PRIVATE KEY" and the like */

/* The end of a label and its five dashes at s, 0 if it is none. INCOMPLETE when the text ends before. */
static int
sp_pem_label(const struct sp_detect *d, size_t s, size_t *ret_len, size_t *ret_end)
{
	size_t n = 0;

	while (n < SP_PEM_LABEL_MAX && (sp_chars_is_upper(sp_detect_at(d, s + n)) ||
					   sp_chars_is_digit(sp_detect_at(d, s + n)) || sp_detect_at(d, s + n) == ' '))
		n++;
	for (size_t k = 0; k < 5; k++) {
		int c = sp_detect_at(d, s + n + k);

		if (c != '-')
			return c == -1 ? SP_ERR_INCOMPLETE : SP_ERR_FORMAT;
	}
	*ret_len = n;
	*ret_end = s + n + 5;
	return 0;
}

/* The end of the block whose body starts at s: behind its END line, or as far as a block may reach. */
static size_t
sp_pem_body(struct sp_detect *d, size_t start, size_t s, bool *ret_closed)
{
	/* No END line begins in [pem_from, pem_to), so that many BEGIN lines do not read on to the same END. */
	size_t limit = d->hi - start < SP_MASK_BLOCK_MAX ? d->hi : start + SP_MASK_BLOCK_MAX, len, end;

	*ret_closed = true;
	if (s >= d->pem_from && s < d->pem_to)
		s = d->pem_to;
	else
		d->pem_from = d->pem_to = s;
	for (size_t i = s; i + 9 <= limit; i++) {
		const uint8_t *hit = memmem(d->p + i, limit - i, "-----END ", 9);

		if (hit == NULL) {
			/* One might begin in the last eight bytes. */
			d->pem_to = limit - 8;
			break;
		}
		i = (size_t)(hit - d->p);
		if (sp_pem_label(d, i + 9, &len, &end) == 0) {
			d->pem_to = i;
			if (end <= limit)
				return end;
			break;
		}
	}
	*ret_closed = limit == start + SP_MASK_BLOCK_MAX;
	return limit;
}

void
sp_pem_find(struct sp_detect *d, size_t at)
{
	size_t s = at - 4, len, end;
	bool closed;
	int r;

	/* The anchor is the dash before "BE". */
	if (!sp_detect_wants(d, SP_DETECT_PRIVATE_KEY) || at < d->lo + 4 || d->hi - s < SP_PEM_BEGIN_LEN ||
	    memcmp(d->p + s, SP_PEM_BEGIN, SP_PEM_BEGIN_LEN) != 0)
		return;
	r = sp_pem_label(d, s + SP_PEM_BEGIN_LEN, &len, &end);
	if (r != 0 || memmem(d->p + s + SP_PEM_BEGIN_LEN, len, "PRIVATE KEY", 11) == NULL)
		return;
	end = sp_pem_body(d, s, end, &closed);
	if (!closed && !d->is_final)
		sp_detect_undecided(d, s);
	sp_detect_found(d, SP_DETECT_PRIVATE_KEY, s, end);
}
