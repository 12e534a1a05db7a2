/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "recorder/record.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sp_record_problem problem;
	struct sp_record_unpacker *u;
	struct sp_record_header h;
	struct sp_record_block b;
	struct sp_record_state st;
	struct sp_view v;
	uint64_t number;
	size_t off, n;

	if (sp_record_header_parse(data, size, &h, &off) != 0)
		return 0;
	if (sp_record_unpacker_new(&u) != 0)
		return 0;
	st = h.state;
	while (off < size && sp_record_block_parse(data + off, size - off, &b, &n) == 0) {
		if (sp_record_unpack(u, &b, &st, &problem) == 0) {
			while (sp_record_unpacker_next(u, &number, &v) == 0)
				if (number == 0 || number > st.number)
					abort();
		}
		off += n;
	}
	sp_record_unpacker_free(u);
	return 0;
}
