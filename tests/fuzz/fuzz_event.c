/* SPDX-License-Identifier: Apache-2.0 */
#include "recorder/event.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sp_event ev;
	struct sp_view v;
	size_t off = 0, total = 0;
	int field;

	if (sp_event_parse(data, size, &ev) != 0)
		return 0;
	while (sp_event_next(&ev, &off, &field, &v) == 0) {
		if (sp_event_field_name(field) == NULL)
			__builtin_trap();
		total += v.len + 5;
	}
	if (total != ev.fields.len)
		__builtin_trap();
	return 0;
}
