/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/ulid.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/random.h>

#define SP_ULID_TIME_LEN 10 /* characters of the time: 50 bits, of which the top two are zero */

static const char sp_ulid_digits[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

static int
sp_ulid_random(uint8_t *p, size_t n)
{
	for (size_t done = 0; done < n;) {
		ssize_t got = getrandom(p + done, n - done, 0);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return SP_ERR_SYSTEM;
		done += (size_t)got;
	}
	return 0;
}

int
sp_ulid_new(uint64_t unix_ms, char out[SP_ULID_LEN + 1])
{
	uint8_t rnd[SP_ULID_LEN - SP_ULID_TIME_LEN];
	int r = sp_ulid_random(rnd, sizeof(rnd));

	if (r != 0)
		return r;
	for (size_t i = 0; i < SP_ULID_TIME_LEN; i++)
		out[i] = sp_ulid_digits[(unix_ms & 0xffffffffffff) >> (5 * (SP_ULID_TIME_LEN - 1 - i)) & 31];
	for (size_t i = 0; i < sizeof(rnd); i++)
		out[SP_ULID_TIME_LEN + i] = sp_ulid_digits[rnd[i] & 31];
	out[SP_ULID_LEN] = 0;
	return 0;
}

bool
sp_ulid_is_valid(const char *s)
{
	if (strnlen(s, SP_ULID_LEN + 1) != SP_ULID_LEN || s[0] > '7')
		return false;
	for (size_t i = 0; i < SP_ULID_LEN; i++) {
		if (strchr(sp_ulid_digits, s[i]) == NULL)
			return false;
	}
	return true;
}

uint64_t
sp_ulid_time_ms(const char *s)
{
	uint64_t v = 0;

	for (size_t i = 0; i < SP_ULID_TIME_LEN; i++) {
		const char *d = strchr(sp_ulid_digits, s[i]);

		v = v << 5 | (uint64_t)(d == NULL ? 0 : d - sp_ulid_digits);
	}
	return v;
}
