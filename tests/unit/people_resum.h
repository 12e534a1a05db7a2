/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Makes every sum of a table of people right again after its bytes were changed, as somebody could who wrote one by
 * other means: so that what stands behind the sums is tested too. The header must say where the tables are.
 */
#ifndef SALLYPORT_TESTS_PEOPLE_RESUM_H
#define SALLYPORT_TESTS_PEOPLE_RESUM_H

#include <string.h>

#include "lib/people.h"

static inline uint64_t
resum_get(const uint8_t *p, unsigned n)
{
	uint64_t v = 0;

	for (unsigned i = 0; i < n; i++)
		v = v << 8 | p[i];
	return v;
}

static inline void
resum_put(uint8_t *p, unsigned n, uint64_t v)
{
	while (n-- > 0) {
		p[n] = (uint8_t)v;
		v >>= 8;
	}
}

/* The record and its list, as far as both are within the file. */
static inline void
resum_record(uint8_t *file, size_t size, uint64_t seed, uint64_t at)
{
	uint8_t *b = file + at;
	uint64_t total = SP_PEOPLE_RECORD_LEN + 4, list;

	if (at >= size || size - at < SP_PEOPLE_RECORD_LEN)
		return;
	for (unsigned i = 8; i < 16; i += 2)
		total += resum_get(b + i, 2);
	list = resum_get(b + 20, 4);
	if (total > size - at)
		return;
	if (list <= size - at - total)
		resum_put(b + 24, 8, sp_people_sum(seed ^ at, b + total, (size_t)list));
	resum_put(b + SP_PEOPLE_RECORD_LEN - 8, 8, sp_people_record_sum(seed ^ at, b, (size_t)total));
}

static inline void
resum(uint8_t *file, size_t size)
{
	uint64_t seed, slots;

	if (size < SP_PEOPLE_HEADER_LEN)
		return;
	resum_put(file + 48, 8, sp_people_sum(0, file, 48));
	slots = resum_get(file + 28, 4);
	seed = resum_get(file + 40, 8);
	if (slots > SP_PEOPLE_SLOTS_MAX)
		return;
	for (unsigned t = 0; t < 2; t++)
		for (uint64_t place = 0; place < slots + SP_PEOPLE_PROBES; place++) {
			uint64_t at = sp_people_table_at((uint32_t)slots, t) + place * SP_PEOPLE_SLOT_LEN;
			uint8_t *s = file + at;

			if (at + SP_PEOPLE_SLOT_LEN > size)
				return;
			resum_put(s + 4, 4, sp_people_slot_check(seed, t, (uint32_t)place, (uint32_t)resum_get(s, 4),
					     resum_get(s + 8, 8)));
			if (t == 1 && resum_get(s + 8, 8) >= sp_people_table_at((uint32_t)slots, 2))
				resum_record(file, size, seed, resum_get(s + 8, 8));
		}
}

#endif
