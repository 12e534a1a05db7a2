/* SPDX-License-Identifier: Apache-2.0 */
/* A hostile producer: the input is laid over the ring's shared header and first data. */
#include <stdlib.h>
#include <string.h>

#include "recorder/event.h"
#include "recorder/ring.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static _Alignas(4096) uint8_t mem[SP_RING_SIZE];
	static uint8_t out[SP_EVENT_MAX];
	struct sp_ring *p = NULL, *c = NULL;
	size_t n, head = size < 192 ? size : 192;
	uint64_t seq;

	memset(mem, 0, sizeof(mem));
	if (sp_ring_attach(mem, true, &p) != 0 || sp_ring_put(p, "123456789", 9, &seq) != 0)
		abort();
	if (size > 0 && (data[0] & 1) != 0 && sp_ring_attach(mem, false, &c) != 0)
		abort(); /* attached before the damage, or after it */
	memcpy(mem + 64, data, head > 64 ? head - 64 : 0);
	memcpy(mem + 4096, data + head, size - head < 65536 ? size - head : 65536);
	if (c == NULL && sp_ring_attach(mem, false, &c) != 0)
		c = NULL;
	for (int i = 0; c != NULL && i < 10000 && sp_ring_peek(c, out, sizeof(out), &n, &seq) == 0; i++) {
		if (n == 0 || n > sizeof(out))
			abort();
		sp_ring_consume(c);
	}
	sp_ring_free(p);
	sp_ring_free(c);
	return 0;
}
