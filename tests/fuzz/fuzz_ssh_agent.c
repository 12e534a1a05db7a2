/* SPDX-License-Identifier: Apache-2.0 */
#include <stdint.h>
#include <stdlib.h>

#include "proto/ssh_agent.h"

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
	struct sp_ssh_agent_request q;
	struct sp_ssh_agent_userauth a;
	struct sp_buf *in = sp_buf_from(data, size);
	size_t n = 0;

	while (in != NULL && sp_ssh_agent_parse(in, &q, &n) == 0) {
		check(&q.key, data, size);
		check(&q.data, data, size);
		check(&q.session_id, data, size);
		check(&q.signature, data, size);
		check(&q.extension, data, size);
		if (q.data.len != 0 && sp_ssh_agent_parse_userauth(q.data, &a) == 0) {
			check(&a.user, data, size);
			check(&a.key, data, size);
			check(&a.host_key, data, size);
		}
		if (n < 5 || sp_buf_consume(in, n) != 0)
			abort();
	}
	sp_buf_free(in);
	return 0;
}
