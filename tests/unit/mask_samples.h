/* SPDX-License-Identifier: Apache-2.0 */
/* Reads the samples of tests/attacks/mask: text with {{kind|what must be masked}}. */
#ifndef SALLYPORT_TESTS_UNIT_MASK_SAMPLES_H
#define SALLYPORT_TESTS_UNIT_MASK_SAMPLES_H

#include <stddef.h>
#include <stdint.h>

#define MASK_SAMPLE_MAX 8192 /* bytes of a sample or its expected outcome */
#define MASK_SAMPLE_MARKS 32

struct mask_sample {
	const char *file;
	unsigned line;
	uint8_t in[MASK_SAMPLE_MAX], want[MASK_SAMPLE_MAX];
	size_t in_len, want_len;
	size_t marks; /* how many pieces must be masked */
	struct {
		size_t from, to; /* of in */
		char kind[33];
	} mark[MASK_SAMPLE_MARKS];
};

/* Calls each for every sample of every file; returns their number. Fails the test on a bad file. */
size_t mask_samples_each(void (*each)(const struct mask_sample *s, void *ctx), void *ctx);

#endif
