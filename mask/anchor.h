/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The first pass: finds the few places where a detector has to look, at memory
 * speed. Two vector-friendly ideas: three byte tables whose AND is the set of
 * literal buckets that may start at a byte (nibble tables, so that a shuffle
 * looks up 32 bytes at once), and bit masks of byte classes, 64 bytes a word,
 * in which digit groups, dotted runs, colon runs and long base64 runs are
 * found by shifts.
 *
 * An anchor may be wrong (the detector then says no) but never missing: every
 * value that a detector matches has at least one anchor inside it, and whether
 * it fires depends on bytes of that value alone, so buffers of many cells can
 * be scanned in one pass.
 */
#ifndef SALLYPORT_MASK_ANCHOR_H
#define SALLYPORT_MASK_ANCHOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SP_ANCHOR_WINDOW 1024 /* bytes looked at in one step */

/* Literal buckets: the anchor is the first byte of the three. */
#define SP_ANCHOR_AT 0x01   /* '@' and a letter, digit or byte past ASCII */
#define SP_ANCHOR_EYJ 0x02  /* "eyJ", ".sl" */
#define SP_ANCHOR_PEM 0x04  /* "-BE", "xox" */
#define SP_ANCHOR_AWS 0x08  /* "KIA", "SIA" */
#define SP_ANCHOR_GH 0x10   /* "hp_" and its siblings, "at_" */
#define SP_ANCHOR_PLUS 0x20 /* '+' and a digit */
#define SP_ANCHOR_IBAN 0x40 /* two letters and a digit */
#define SP_ANCHOR_LITERALS 0x7f
/* Shapes: the anchor is the last byte of what is described. */
#define SP_ANCHOR_GROUP 0x0100 /* ddd s dddd, s one of " -./" */
#define SP_ANCHOR_SSN 0x0200   /* ddd s dd s dddd */
#define SP_ANCHOR_PAIRS 0x0400 /* dd s dd s dd s dd s dd */
#define SP_ANCHOR_RUN 0x0800   /* the twelfth digit of a run */
#define SP_ANCHOR_DOTS 0x1000  /* first digit of the fourth dotted number */
#define SP_ANCHOR_COLON 0x2000 /* second of "::", or sixth ':' of hex groups */
#define SP_ANCHOR_B64 0x4000   /* fortieth byte of a run of [A-Za-z0-9/+] */
#define SP_ANCHOR_DIGITS (SP_ANCHOR_GROUP | SP_ANCHOR_SSN | SP_ANCHOR_PAIRS | SP_ANCHOR_RUN | SP_ANCHOR_DOTS)

struct sp_anchor {
	uint32_t off;	/* from the window's start */
	uint32_t flags; /* SP_ANCHOR_* */
};

/* What the first pass looks for; made once. */
struct sp_anchor_plan {
	uint32_t wanted;      /* SP_ANCHOR_* */
	uint8_t lo[3][16];    /* buckets by low nibble of the first, second, third byte */
	uint8_t hi[3][16];    /* and by high nibble */
	uint8_t byte[3][256]; /* the same two in one, where there are no shuffles */
	bool use_avx2;
};

/* Class masks of 64 bytes: bit i is byte i. */
struct sp_anchor_block {
	uint64_t digit, sep, dot, colon, base64, literal;
	uint8_t bucket[64]; /* filled where literal has a bit */
};

/* Where a scan is, and its workspace (kept, so that nothing of it is cleared for each window). */
struct sp_anchor_state {
	struct sp_anchor_block last; /* the block before, without its buckets */
	bool has_run;		     /* the block before has 16 base64 bytes in a row */
	struct sp_anchor_block blocks[SP_ANCHOR_WINDOW / 64];
	uint8_t tail[SP_ANCHOR_WINDOW + 2];
};

void sp_anchor_plan_init(struct sp_anchor_plan *plan, uint32_t wanted);
/* Before the first window of a buffer. */
void sp_anchor_start(struct sp_anchor_state *st);
/*
 * Finds the anchors of the window p[0, n), n <= SP_ANCHOR_WINDOW (less only at the end). The window's
 * last bytes are seen in the light of up to two bytes behind it: avail >= n is how many bytes can be read.
 * ret has room for SP_ANCHOR_WINDOW. Returns their number, in rising order.
 */
size_t sp_anchor_find(const struct sp_anchor_plan *plan, struct sp_anchor_state *st, const uint8_t *p, size_t n,
    size_t avail, struct sp_anchor *ret);

#endif
