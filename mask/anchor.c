/* SPDX-License-Identifier: Apache-2.0 */
#include "mask/anchor.h"

#include <string.h>

#include "mask/chars.h"

#if defined(__x86_64__)
#include <immintrin.h>
#define SP_ANCHOR_HAS_AVX2 1
#else
#define SP_ANCHOR_HAS_AVX2 0
#endif

__extension__ typedef unsigned __int128 sp_anchor_u128; /* the block and the one before it */

/* --- the plan --- */

/* A bucket's possible bytes at one position: (high nibbles) x (low nibbles), as bit sets. */
struct sp_anchor_bucket {
	uint8_t bit;
	uint16_t hi[3], lo[3];
};
#define N(x) (1u << (x))
#define ANY 0xffffu

static const struct sp_anchor_bucket sp_anchor_buckets[] = {
    {SP_ANCHOR_AT, {N(4), ANY & ~(N(0) | N(1) | N(2)), ANY}, {N(0), ANY, ANY}},
    {SP_ANCHOR_EYJ, {N(6) | N(2), N(7), N(4) | N(6)}, {N(5) | N(14), N(9) | N(3), N(10) | N(12)}},
    {SP_ANCHOR_PEM, {N(2) | N(7), N(4) | N(6), N(4) | N(7)}, {N(13) | N(8), N(2) | N(15), N(5) | N(8)}},
    {SP_ANCHOR_AWS, {N(4) | N(5), N(4), N(4)}, {N(11) | N(3), N(9), N(1)}},
    {SP_ANCHOR_GH, {N(6), N(6) | N(7), N(5)}, {N(8) | N(1), N(0) | N(15) | N(5) | N(3) | N(2) | N(4), N(15)}},
    {SP_ANCHOR_PLUS, {N(2), N(3), ANY}, {N(11), 0x03ff, ANY}},
    {SP_ANCHOR_IBAN, {0x00f0, 0x00f0, N(3)}, {ANY, ANY, 0x03ff}},
};

void
sp_anchor_plan_init(struct sp_anchor_plan *plan, uint32_t wanted)
{
	memset(plan, 0, sizeof(*plan));
	plan->wanted = wanted;
	for (size_t i = 0; i < sizeof(sp_anchor_buckets) / sizeof(sp_anchor_buckets[0]); i++) {
		const struct sp_anchor_bucket *b = &sp_anchor_buckets[i];

		if ((wanted & b->bit) == 0)
			continue;
		for (int pos = 0; pos < 3; pos++) {
			for (int nib = 0; nib < 16; nib++) {
				if (b->hi[pos] & N(nib))
					plan->hi[pos][nib] |= b->bit;
				if (b->lo[pos] & N(nib))
					plan->lo[pos][nib] |= b->bit;
			}
		}
	}
	for (int pos = 0; pos < 3; pos++) {
		for (int c = 0; c < 256; c++)
			plan->byte[pos][c] = plan->hi[pos][c >> 4] & plan->lo[pos][c & 15];
	}
#if SP_ANCHOR_HAS_AVX2
	plan->use_avx2 = __builtin_cpu_supports("avx2");
#endif
}

/* --- class masks, portable --- */

enum {
	CLASS_DIGIT = 1,
	CLASS_SEP = 2,
	CLASS_DOT = 4,
	CLASS_COLON = 8,
	CLASS_BASE64 = 16
};

static inline uint8_t
sp_anchor_class(uint8_t c)
{
	uint8_t v = 0;

	v |= sp_chars_is_digit(c) ? CLASS_DIGIT : 0;
	v |= c == ' ' || c == '-' || c == '.' || c == '/' ? CLASS_SEP : 0;
	v |= c == '.' ? CLASS_DOT : 0;
	v |= c == ':' ? CLASS_COLON : 0;
	v |= sp_chars_is_alnum(c) || c == '/' || c == '+' ? CLASS_BASE64 : 0;
	return v;
}

/* Bit b of each of 64 bytes, as a mask. */
static uint64_t
sp_anchor_gather(const uint8_t cls[64], unsigned b)
{
	uint64_t m = 0;

	for (unsigned i = 0; i < 8; i++) {
		uint64_t w = 0;

		for (unsigned k = 0; k < 8; k++)
			w |= (uint64_t)(cls[8 * i + k] >> b & 1) << k;
		m |= w << (8 * i);
	}
	return m;
}

static void
sp_anchor_blocks_any(const struct sp_anchor_plan *plan, const uint8_t *p, size_t nblocks, struct sp_anchor_block *out)
{
	for (size_t b = 0; b < nblocks; b++, p += 64, out++) {
		uint8_t cls[64];

		out->literal = 0;
		for (unsigned i = 0; i < 64; i++) {
			cls[i] = sp_anchor_class(p[i]);
			out->bucket[i] = plan->byte[0][p[i]] & plan->byte[1][p[i + 1]] & plan->byte[2][p[i + 2]];
			out->literal |= (uint64_t)(out->bucket[i] != 0) << i;
		}
		out->digit = sp_anchor_gather(cls, 0);
		out->sep = sp_anchor_gather(cls, 1);
		out->dot = sp_anchor_gather(cls, 2);
		out->colon = sp_anchor_gather(cls, 3);
		out->base64 = sp_anchor_gather(cls, 4);
	}
}

/* --- class masks, AVX2 --- */

#if SP_ANCHOR_HAS_AVX2
#define AVX2 __attribute__((target("avx2")))

static inline AVX2 __m256i
sp_anchor_eq(__m256i v, char c)
{
	return _mm256_cmpeq_epi8(v, _mm256_set1_epi8(c));
}

/* Bytes in [from, from + count). */
static inline AVX2 __m256i
sp_anchor_in(__m256i v, char from, char count)
{
	__m256i d = _mm256_sub_epi8(v, _mm256_set1_epi8(from));

	return _mm256_cmpeq_epi8(_mm256_min_epu8(d, _mm256_set1_epi8((char)(count - 1))), d);
}

static inline AVX2 __m256i
sp_anchor_lookup(__m256i v, const uint8_t lo[16], const uint8_t hi[16])
{
	const __m256i low = _mm256_set1_epi8(15);
	__m256i tlo = _mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *)(const void *)lo));
	__m256i thi = _mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *)(const void *)hi));

	return _mm256_and_si256(_mm256_shuffle_epi8(tlo, _mm256_and_si256(v, low)),
	    _mm256_shuffle_epi8(thi, _mm256_and_si256(_mm256_srli_epi16(v, 4), low)));
}

static inline AVX2 uint64_t
sp_anchor_bits(__m256i v)
{
	return (uint32_t)_mm256_movemask_epi8(v);
}

static AVX2 void
sp_anchor_blocks_avx2(const struct sp_anchor_plan *plan, const uint8_t *p, size_t nblocks, struct sp_anchor_block *out)
{
	const __m256i zero = _mm256_setzero_si256();

	for (size_t b = 0; b < nblocks; b++, p += 64, out++) {
		uint64_t digit = 0, sep = 0, dot = 0, colon = 0, base64 = 0, literal = 0;

		for (unsigned h = 0; h < 64; h += 32) {
			__m256i v = _mm256_loadu_si256((const __m256i *)(const void *)(p + h));
			__m256i v1 = _mm256_loadu_si256((const __m256i *)(const void *)(p + h + 1));
			__m256i v2 = _mm256_loadu_si256((const __m256i *)(const void *)(p + h + 2));
			__m256i lit = _mm256_and_si256(_mm256_and_si256(sp_anchor_lookup(v, plan->lo[0], plan->hi[0]),
							   sp_anchor_lookup(v1, plan->lo[1], plan->hi[1])),
			    sp_anchor_lookup(v2, plan->lo[2], plan->hi[2]));
			__m256i vdigit = sp_anchor_in(v, '0', 10), vdot = sp_anchor_eq(v, '.');
			__m256i vslash = sp_anchor_eq(v, '/');
			__m256i vsep = _mm256_or_si256(
			    _mm256_or_si256(vdot, vslash), _mm256_or_si256(sp_anchor_eq(v, ' '), sp_anchor_eq(v, '-')));
			__m256i valpha = sp_anchor_in(_mm256_or_si256(v, _mm256_set1_epi8(0x20)), 'a', 26);
			__m256i vb64 = _mm256_or_si256(
			    _mm256_or_si256(valpha, vdigit), _mm256_or_si256(vslash, sp_anchor_eq(v, '+')));

			literal |= (uint64_t)(uint32_t)~_mm256_movemask_epi8(_mm256_cmpeq_epi8(lit, zero)) << h;
			_mm256_storeu_si256((__m256i *)(void *)(out->bucket + h), lit);
			digit |= sp_anchor_bits(vdigit) << h;
			sep |= sp_anchor_bits(vsep) << h;
			dot |= sp_anchor_bits(vdot) << h;
			colon |= sp_anchor_bits(sp_anchor_eq(v, ':')) << h;
			base64 |= sp_anchor_bits(vb64) << h;
		}
		out->digit = digit;
		out->sep = sep;
		out->dot = dot;
		out->colon = colon;
		out->base64 = base64;
		out->literal = literal;
	}
}
#endif

/* --- shapes in the masks --- */

struct sp_anchor_shapes {
	uint64_t group, ssn, pairs, run, dots, colon, base64;
};

static inline sp_anchor_u128
sp_anchor_pair(uint64_t now, uint64_t before)
{
	return (sp_anchor_u128)now << 64 | before;
}

static inline uint64_t
sp_anchor_high(sp_anchor_u128 v)
{
	return (uint64_t)(v >> 64);
}

/* Bit i of dN: N digits end at byte i. */
static void
sp_anchor_digits(const struct sp_anchor_block *now, const struct sp_anchor_block *before, struct sp_anchor_shapes *s)
{
	sp_anchor_u128 d = sp_anchor_pair(now->digit, before->digit), p = sp_anchor_pair(now->sep, before->sep);
	sp_anchor_u128 d2 = d & d << 1, d3 = d2 & d << 2, d4 = d2 & d2 << 2;
	sp_anchor_u128 tail = d4 & p << 4, pair = p & d2 << 1, d12, dd, dots;

	s->group = sp_anchor_high(tail & d3 << 5);
	s->ssn = sp_anchor_high(tail & d2 << 5 & p << 7 & d3 << 8);
	s->pairs = sp_anchor_high(d2 & pair << 2 & pair << 5 & pair << 8 & pair << 11);
	d12 = d4 & d4 << 4 & d4 << 8;
	s->run = sp_anchor_high(d12 & ~(d12 << 1));
	/* dd: a digit behind a dot behind a digit; then the third of them with one to three digits between. */
	dd = d & sp_anchor_pair(now->dot, before->dot) << 1 & d << 2;
	dots = dd & (dd << 2 | dd << 3 | dd << 4);
	dots = dd & (dots << 2 | dots << 3 | dots << 4);
	s->dots = sp_anchor_high(dots);
}

static void
sp_anchor_colons(const struct sp_anchor_block *now, const struct sp_anchor_block *before, struct sp_anchor_shapes *s)
{
	sp_anchor_u128 c = sp_anchor_pair(now->colon, before->colon), n = c;

	s->colon = sp_anchor_high(c & c << 1);
	if (__builtin_popcountll(now->colon) + __builtin_popcountll(before->colon) < 6)
		return;
	for (int i = 0; i < 5; i++)
		n = c & (n << 2 | n << 3 | n << 4 | n << 5);
	s->colon |= sp_anchor_high(n);
}

/* The fortieth byte of a base64 run, which lies in this block and the one before. */
static uint64_t
sp_anchor_base64(const struct sp_anchor_block *now, const struct sp_anchor_block *before)
{
	sp_anchor_u128 b = sp_anchor_pair(now->base64, before->base64), b8, b32;

	b8 = b & b << 1;
	b8 &= b8 << 2;
	b8 &= b8 << 4;
	b32 = b8 & b8 << 8;
	b32 &= b32 << 16;
	b = b32 & b8 << 32;
	return sp_anchor_high(b & ~(b << 1));
}

static inline bool
sp_anchor_has_run(uint64_t b)
{
	b &= b << 1;
	b &= b << 2;
	b &= b << 4;
	return (b & b << 8) != 0;
}

static size_t
sp_anchor_emit(const struct sp_anchor_block *b, const struct sp_anchor_shapes *s, uint32_t off, struct sp_anchor *ret)
{
	uint64_t any = b->literal | s->group | s->ssn | s->pairs | s->run | s->dots | s->colon | s->base64;
	size_t n = 0;

	for (; any != 0; any &= any - 1) {
		unsigned i = (unsigned)__builtin_ctzll(any);
		uint32_t f = (b->literal >> i & 1) != 0 ? b->bucket[i] : 0;

		f |= (uint32_t)(s->group >> i & 1) << 8 | (uint32_t)(s->ssn >> i & 1) << 9;
		f |= (uint32_t)(s->pairs >> i & 1) << 10 | (uint32_t)(s->run >> i & 1) << 11;
		f |= (uint32_t)(s->dots >> i & 1) << 12 | (uint32_t)(s->colon >> i & 1) << 13;
		f |= (uint32_t)(s->base64 >> i & 1) << 14;
		ret[n++] = (struct sp_anchor){off + i, f};
	}
	return n;
}

static size_t
sp_anchor_shapes(const struct sp_anchor_plan *plan, struct sp_anchor_state *st, size_t nblocks, struct sp_anchor *ret)
{
	const struct sp_anchor_block *b = st->blocks, *before = &st->last;
	bool has_run = st->has_run;
	size_t n = 0;

	for (size_t i = 0; i < nblocks; i++, b++) {
		struct sp_anchor_shapes s = {0};
		bool runs = sp_anchor_has_run(b->base64);

		if ((plan->wanted & SP_ANCHOR_DIGITS) != 0 && b->digit != 0)
			sp_anchor_digits(b, before, &s);
		if ((plan->wanted & SP_ANCHOR_COLON) != 0 && b->colon != 0)
			sp_anchor_colons(b, before, &s);
		if ((plan->wanted & SP_ANCHOR_B64) != 0 && (runs || has_run))
			s.base64 = sp_anchor_base64(b, before);
		n += sp_anchor_emit(b, &s, (uint32_t)i * 64, ret + n);
		has_run = runs;
		before = b;
	}
	st->has_run = has_run;
	memcpy(&st->last, before, offsetof(struct sp_anchor_block, bucket));
	return n;
}

void
sp_anchor_start(struct sp_anchor_state *st)
{
	memset(&st->last, 0, offsetof(struct sp_anchor_block, bucket));
	st->has_run = false;
}

size_t
sp_anchor_find(const struct sp_anchor_plan *plan, struct sp_anchor_state *st, const uint8_t *p, size_t n, size_t avail,
    struct sp_anchor *ret)
{
	size_t nblocks = (n + 63) / 64, got;

	if (nblocks == 0)
		return 0;
	if (nblocks * 64 + 2 > avail) {
		/* Near the end of what can be read: look at a copy with zeros behind it. */
		got = avail < nblocks * 64 + 2 ? avail : nblocks * 64 + 2;
		memcpy(st->tail, p, got);
		memset(st->tail + got, 0, nblocks * 64 + 2 - got);
		p = st->tail;
	}
#if SP_ANCHOR_HAS_AVX2
	if (plan->use_avx2) {
		sp_anchor_blocks_avx2(plan, p, nblocks, st->blocks);
		return sp_anchor_shapes(plan, st, nblocks, ret);
	}
#endif
	sp_anchor_blocks_any(plan, p, nblocks, st->blocks);
	return sp_anchor_shapes(plan, st, nblocks, ret);
}
