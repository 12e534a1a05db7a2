/* SPDX-License-Identifier: Apache-2.0 */
/* A transfer from bytes: options, then pieces of either side, each with its length. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "proto/scp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A place below what was asked for, whose every part is a name. */
static void
check(const struct sp_scp_event *ev)
{
	for (size_t i = 0; i < ev->n_paths; i++)
		if (strncmp(ev->paths[i], "/srv/d", 6) != 0 || strstr(ev->paths[i], "/../") != NULL ||
		    strlen(ev->paths[i]) >= SP_SCP_PATH_MAX)
			abort();
}

static void
run(struct sp_scp *t, unsigned bits)
{
	struct sp_scp_event ev;

	while (sp_scp_run(t, &ev) == 0) {
		if (ev.type == SP_SCP_ENTRY) {
			check(&ev);
			if ((ev.size & bits & 1U) != 0)
				sp_scp_refuse(t, "no");
			else
				sp_scp_allow(t);
		} else if (ev.type == SP_SCP_DATA && sp_scp_pass(t) != 0)
			abort();
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sp_scp_wire wire = { sp_buf_new(0), sp_buf_new(0), sp_buf_new(0), sp_buf_new(0), NULL, NULL };
	unsigned bits = size > 0 ? data[0] : 0;
	struct sp_scp_request q = { .is_source = (bits & 2) != 0,
		.is_recursive = (bits & 4) != 0,
		.has_times = (bits & 8) != 0,
		.is_directory = (bits & 16) != 0 };
	struct sp_scp *t = NULL;
	size_t i = 1;

	if (wire.from_source == NULL || wire.from_sink == NULL || wire.to_source == NULL || wire.to_sink == NULL ||
	    sp_scp_new(&q, "/srv/d", &wire, &t) != 0)
		abort();
	while (i < size) {
		size_t n = data[i] & 0x7fU, left = size - i - 1;

		n = n < left ? n : left;
		if (sp_buf_put((data[i] & 0x80U) != 0 ? wire.from_sink : wire.from_source, data + i + 1, n) != 0)
			abort();
		i += n + 1;
		run(t, bits);
	}
	sp_scp_free(t);
	sp_buf_free(wire.from_source);
	sp_buf_free(wire.from_sink);
	sp_buf_free(wire.to_source);
	sp_buf_free(wire.to_sink);
	return 0;
}
