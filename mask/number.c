/* SPDX-License-Identifier: Apache-2.0 */
/* Card numbers (ISO/IEC 7812), US social security numbers and phone numbers. */
#include "mask/chars.h"
#include "mask/detect.h"

#define SP_NUMBER_CARD_MIN 12
#define SP_NUMBER_CARD_MAX 19
#define SP_NUMBER_PHONE_MIN 8  /* digits of an international number with its country code */
#define SP_NUMBER_PHONE_MAX 15 /* ITU-T E.164 */

/* Issuers: first six digits from..to, and the lengths their numbers have (bit n = n digits). */
struct sp_number_issuer {
	uint32_t from, to, lengths;
};
#define L(n) (1u << (n))
#define L16_19 (L(16) | L(17) | L(18) | L(19))
#define L12_19 (L(12) | L(13) | L(14) | L(15) | L16_19)

static const struct sp_number_issuer sp_number_issuers[] = {
    {400000, 499999, L(13) | L(16) | L(19)}, /* Visa */
    {510000, 559999, L(16)},		     /* Mastercard */
    {222100, 272099, L(16)},		     /* Mastercard */
    {340000, 349999, L(15)},		     /* American Express */
    {370000, 379999, L(15)},		     /* American Express */
    {601100, 601199, L16_19},		     /* Discover */
    {644000, 659999, L16_19},		     /* Discover, RuPay, Verve */
    {620000, 629999, L16_19},		     /* UnionPay */
    {810000, 819999, L16_19},		     /* UnionPay, RuPay */
    {300000, 305999, L(14) | L(16) | L(19)}, /* Diners Club */
    {309500, 309599, L(14) | L(16) | L(19)}, /* Diners Club */
    {360000, 369999, L(14) | L(16) | L(19)}, /* Diners Club */
    {380000, 399999, L(14) | L(16) | L(19)}, /* Diners Club */
    {352800, 358999, L16_19},		     /* JCB */
    {220000, 220499, L16_19},		     /* Mir */
    {979200, 979299, L(16)},		     /* Troy */
    {506099, 506198, L(16) | L(18) | L(19)}, /* Verve */
    {508500, 508999, L(16)},		     /* RuPay */
    {606985, 607984, L(16)},		     /* RuPay */
    {608001, 608500, L(16)},		     /* RuPay */
    {501800, 501899, L12_19},		     /* Maestro */
    {502000, 502099, L12_19},		     /* Maestro */
    {503800, 503899, L12_19},		     /* Maestro */
    {589300, 589399, L12_19},		     /* Maestro */
    {630400, 630499, L12_19},		     /* Maestro */
    {675900, 675999, L12_19},		     /* Maestro */
    {676100, 676399, L12_19},		     /* Maestro */
};

static bool
sp_number_is_card(const uint8_t *digits, size_t n)
{
	uint32_t prefix = 0;
	unsigned sum = 0;

	for (size_t i = 0; i < n; i++) {
		unsigned v = digits[i] - '0';

		if ((n - i) % 2 == 0) {
			v *= 2;
			v = v > 9 ? v - 9 : v;
		}
		sum += v;
	}
	if (sum % 10 != 0)
		return false;
	for (size_t i = 0; i < 6; i++)
		prefix = prefix * 10 + (digits[i] - '0');
	for (size_t i = 0; i < sizeof(sp_number_issuers) / sizeof(sp_number_issuers[0]); i++) {
		const struct sp_number_issuer *s = &sp_number_issuers[i];

		if (prefix >= s->from && prefix <= s->to)
			return (s->lengths & L(n)) != 0;
	}
	return false;
}

static bool
sp_number_digits(const struct sp_detect *d, size_t at, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (!sp_chars_is_digit(sp_detect_at(d, at + i)))
			return false;
	}
	return true;
}

/* No letter or digit touches s from the left, nor a separator that continues a longer number. */
static bool
sp_number_starts(const struct sp_detect *d, size_t s, int sep)
{
	int c = sp_detect_at(d, s - 1);

	return !sp_chars_is_alnum(c) && !(c == sep && sp_chars_is_digit(sp_detect_at(d, s - 2)));
}

static bool
sp_number_ends(const struct sp_detect *d, size_t e, int sep)
{
	int c = sp_detect_at(d, e);

	return !sp_chars_is_alnum(c) && !(c == sep && sp_chars_is_digit(sp_detect_at(d, e + 1)));
}

void
sp_number_run(struct sp_detect *d, size_t at)
{
	size_t s = at + 1 - SP_NUMBER_CARD_MIN, e = at + 1;

	/* The anchor's run may begin before the value. */
	if (!sp_detect_wants(d, SP_DETECT_CARD) || at < d->lo)
		return;
	if (s < d->lo || s > at)
		s = d->lo;
	while (e - s <= SP_NUMBER_CARD_MAX && sp_chars_is_digit(sp_detect_at(d, s - 1)))
		s--;
	while (e - s <= SP_NUMBER_CARD_MAX && sp_chars_is_digit(sp_detect_at(d, e)))
		e++;
	if (e - s < SP_NUMBER_CARD_MIN || e - s > SP_NUMBER_CARD_MAX || sp_chars_is_alnum(sp_detect_at(d, s - 1)) ||
	    sp_chars_is_alnum(sp_detect_at(d, e)))
		return;
	/* The fraction of a decimal number is no card; nor is a number with a fraction. */
	if (!sp_number_starts(d, s, '.') || !sp_number_ends(d, e, '.'))
		return;
	if (sp_number_is_card(d->p + s, e - s))
		sp_detect_found(d, SP_DETECT_CARD, s, e);
}

/* A card printed in groups from s on, all with the same separator; the longest that is one. */
static void
sp_number_card_groups(struct sp_detect *d, size_t s, int sep)
{
	static const uint8_t shapes[][6] = {{4, 4, 4, 4, 3}, {4, 4, 4, 4}, {4, 6, 5}, {4, 6, 4}};
	uint8_t digits[SP_NUMBER_CARD_MAX];

	/* Spaces also part the columns of a table, so only dashes continue a number. */
	if (!sp_number_starts(d, s, sep == '-' ? '-' : -2))
		return;
	for (size_t k = 0; k < sizeof(shapes) / sizeof(shapes[0]); k++) {
		size_t i = s, n = 0;
		const uint8_t *g = shapes[k];

		for (; *g != 0; g++) {
			if (g != shapes[k] && sp_detect_at(d, i++) != sep)
				break;
			if (!sp_number_digits(d, i, *g))
				break;
			for (size_t j = 0; j < *g; j++)
				digits[n++] = d->p[i++];
		}
		if (*g == 0 && sp_number_ends(d, i, sep == '-' ? '-' : -2) && sp_number_is_card(digits, n)) {
			sp_detect_found(d, SP_DETECT_CARD, s, i);
			return;
		}
	}
}

/* Three digits of a North American area code or exchange, no service code (N11). */
static bool
sp_number_is_nanp(const struct sp_detect *d, size_t at)
{
	return sp_number_digits(d, at, 3) && d->p[at] >= '2' && !(d->p[at + 1] == '1' && d->p[at + 2] == '1');
}

/* ddd s dddd with the exchange at g: the area code is before it. */
static void
sp_number_phone_nanp(struct sp_detect *d, size_t g, int sep)
{
	int c = sp_detect_at(d, g - 1);
	size_t s;

	if (sep == '/' || !sp_number_is_nanp(d, g))
		return;
	if (c == ')' || (c == ' ' && sp_detect_at(d, g - 2) == ')')) {
		s = g - (c == ')' ? 5 : 6);
		if (sp_detect_at(d, s) != '(' || !sp_number_is_nanp(d, s + 1))
			return;
	} else {
		s = g - 4;
		if (c != sep || !sp_number_is_nanp(d, s))
			return;
	}
	/* A leading 1. */
	if (sp_detect_at(d, s - 2) == '1' && (sp_detect_at(d, s - 1) == sep || sp_detect_at(d, s - 1) == ' '))
		s -= 2;
	if (sp_detect_at(d, s) == '1' && sp_detect_at(d, s - 1) == '+')
		s--;
	if (sp_number_starts(d, s, sep) && sp_number_ends(d, g + 8, sep))
		sp_detect_found(d, SP_DETECT_PHONE, s, g + 8);
}

/* National numbers with a trunk 0: "0161 496 0000" with its exchange at g. */
static void
sp_number_phone_three(struct sp_detect *d, size_t g)
{
	size_t s = g - 5;

	if (sp_detect_at(d, g - 1) == ' ' && sp_number_digits(d, s, 4) && d->p[s] == '0' && d->p[s + 1] != '0' &&
	    sp_number_starts(d, s, ' ') && sp_number_ends(d, g + 8, ' '))
		sp_detect_found(d, SP_DETECT_PHONE, s, g + 8);
}

/* "020 7946 0018" and "0171 1234567", "030/1234567": area code of n1 digits at g, n2 digits follow. */
static void
sp_number_phone_trunk(struct sp_detect *d, size_t g, size_t n1, int sep)
{
	size_t e = g + n1 + 1, n2 = 0;

	if (sep == '.' || n1 < 3 || n1 > 5 || d->p[g] != '0' || d->p[g + 1] == '0' || !sp_number_starts(d, g, sep))
		return;
	while (n2 <= 8 && sp_chars_is_digit(sp_detect_at(d, e))) {
		e++;
		n2++;
	}
	if (n2 == 4 && n1 == 3 && sep == ' ') {
		if (sp_detect_at(d, e) != ' ' || !sp_number_digits(d, e + 1, 4))
			return;
		e += 5;
	} else if (n2 < 6 || n2 > 8) {
		return;
	}
	if (sp_number_ends(d, e, sep))
		sp_detect_found(d, SP_DETECT_PHONE, g, e);
}

void
sp_number_group(struct sp_detect *d, size_t at)
{
	size_t g = at - 7, n1;
	int sep;

	if (at < d->lo + 7)
		return;
	sep = d->p[at - 4];
	for (n1 = 3; n1 < 6 && sp_chars_is_digit(sp_detect_at(d, g - 1)); n1++)
		g--;
	if (sp_detect_wants(d, SP_DETECT_CARD) && n1 == 4 && (sep == ' ' || sep == '-'))
		sp_number_card_groups(d, g, sep);
	if (!sp_detect_wants(d, SP_DETECT_PHONE))
		return;
	if (n1 == 3 && !sp_chars_is_digit(sp_detect_at(d, at + 1))) {
		sp_number_phone_nanp(d, g, sep);
		if (sep == ' ')
			sp_number_phone_three(d, g);
	}
	sp_number_phone_trunk(d, g, n1, sep);
}

void
sp_number_ssn(struct sp_detect *d, size_t at)
{
	size_t s = at - 10;
	const uint8_t *p;
	int sep;

	if (!sp_detect_wants(d, SP_DETECT_SSN) || at < d->lo + 10)
		return;
	p = d->p + s;
	sep = p[3];
	if ((sep != '-' && sep != ' ') || p[6] != sep || !sp_number_starts(d, s, sep) ||
	    !sp_number_ends(d, at + 1, sep))
		return;
	/* Never issued: area 000, 666, 900-999; group 00; serial 0000. */
	if (p[0] == '9' || (p[0] == '0' && p[1] == '0' && p[2] == '0') || (p[0] == '6' && p[1] == '6' && p[2] == '6'))
		return;
	if ((p[4] == '0' && p[5] == '0') || (p[7] == '0' && p[8] == '0' && p[9] == '0' && p[10] == '0'))
		return;
	sp_detect_found(d, SP_DETECT_SSN, s, at + 1);
}

/* "01 23 45 67 89": five pairs, the first from 01 to 09. */
void
sp_number_pairs(struct sp_detect *d, size_t at)
{
	size_t s = at - 13;
	const uint8_t *p;
	int sep;

	if (!sp_detect_wants(d, SP_DETECT_PHONE) || at < d->lo + 13)
		return;
	p = d->p + s;
	sep = p[2];
	if (p[0] != '0' || p[1] == '0' || sep == '/' || p[5] != sep || p[8] != sep || p[11] != sep)
		return;
	if (sp_number_starts(d, s, sep) && sp_number_ends(d, at + 1, sep))
		sp_detect_found(d, SP_DETECT_PHONE, s, at + 1);
}

/* Whether a country code (ITU-T E.164) can begin with these two digits. */
static bool
sp_number_is_country(int a, int b)
{
	return a != '0' && !(a == '2' && b == '8') && !(a == '8' && (b == '3' || b == '9'));
}

void
sp_number_plus(struct sp_detect *d, size_t at)
{
	size_t i = at + 1, n = 0, end = 0, group, want = SP_NUMBER_PHONE_MAX;
	int c = sp_detect_at(d, at - 1), first = sp_detect_at(d, at + 1), second = 0;

	if (!sp_detect_wants(d, SP_DETECT_PHONE) || sp_chars_is_alnum(c) || c == '+')
		return;
	/* North America: exactly eleven digits. */
	if (first == '1')
		want = 11;
	for (;;) {
		for (group = 0; sp_chars_is_digit(sp_detect_at(d, i + group)) && n + group <= want; group++) {
			if (n + group == 1)
				second = d->p[i + group];
		}
		if (group == 0 || n + group > want)
			break;
		n += group;
		i += group;
		end = i;
		/* A long last group ends a number, so that a number in the next column is left alone. */
		if (n == want || (group >= 6 && n >= SP_NUMBER_PHONE_MIN))
			break;
		for (int k = 0; k < 3; k++) {
			c = sp_detect_at(d, i);
			if (c != ' ' && c != '-' && c != '.' && c != '(' && c != ')')
				break;
			i++;
		}
	}
	if (n < SP_NUMBER_PHONE_MIN || (first == '1' && n != 11) || !sp_number_is_country(first, second))
		return;
	if (!sp_chars_is_alnum(sp_detect_at(d, end)))
		sp_detect_found(d, SP_DETECT_PHONE, at, end);
}
