/* SPDX-License-Identifier: Apache-2.0 */
#include <stdint.h>
#include <stdlib.h>

#include "proto/sftp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Every view must lie inside of what was read. */
static void
check(const struct sp_view *v, const uint8_t *data, size_t size)
{
	if (v->len != 0 && (v->data < data || v->len > size || (size_t)(v->data - data) > size - v->len))
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sp_view packet = { data, size }, rest;
	struct sp_sftp_request q;
	struct sp_sftp_answer a;
	struct sp_sftp_name n;
	uint32_t names = 0;

	if (sp_sftp_parse_request(packet, &q) == 0) {
		const struct sp_view *views[] = { &q.path, &q.path2, &q.handle, &q.handle2, &q.data, &q.data2, &q.attrs.raw };

		for (size_t i = 0; i < sizeof(views) / sizeof(views[0]); i++)
			check(views[i], data, size);
	}
	if (sp_sftp_parse_answer(packet, &a) == 0) {
		check(&a.data, data, size);
		check(&a.handle, data, size);
		check(&a.message, data, size);
		check(&a.attrs.raw, data, size);
		for (rest = a.names; sp_sftp_name_next(&rest, &n) == 0; names++) {
			check(&n.name, data, size);
			check(&n.longname, data, size);
		}
		if (names != a.count)
			abort();
	}
	return 0;
}
