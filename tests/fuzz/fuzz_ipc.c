/* SPDX-License-Identifier: Apache-2.0 */
/* Frames from a peer: what parses is inside the input and is framed again to the same bytes. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/ipc.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
reframe(const uint8_t *data, const struct sp_ipc_msg *msg, size_t size)
{
	struct sp_buf *out = sp_buf_new(0), *body = sp_buf_from(msg->body.data, msg->body.len);

	if (out == NULL || body == NULL || sp_ipc_frame(out, msg->type, msg->id, body) != 0)
		abort();
	if (sp_buf_len(out) != size || memcmp(sp_buf_data(out), data, size) != 0)
		abort();
	sp_buf_free(out);
	sp_buf_free(body);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sp_buf *in = sp_buf_from(data, size);

	if (in == NULL)
		return 0;
	for (;;) {
		struct sp_ipc_msg msg = {0};
		size_t n = 0;

		if (sp_ipc_parse(in, &msg, &n) != 0)
			break;
		if (n < SP_IPC_HEADER || n > sp_buf_len(in) || msg.body.len != n - SP_IPC_HEADER || msg.nfds != 0)
			abort();
		reframe(sp_buf_data(in), &msg, n);
		if (sp_buf_consume(in, n) != 0)
			abort();
	}
	sp_buf_free(in);
	return 0;
}
