/* SPDX-License-Identifier: Apache-2.0 */
/* International bank account numbers (ISO 13616): known country, its length, check digits by ISO 7064 mod 97-10. */
#include "mask/chars.h"
#include "mask/detect.h"

#define SP_IBAN_MAX 34

/* Two letters and the length, all countries of the SWIFT registry. */
static const char sp_iban_lengths[][5] = {
    "AD24",
    "AE23",
    "AL28",
    "AT20",
    "AZ28",
    "BA20",
    "BE16",
    "BG22",
    "BH22",
    "BI27",
    "BR29",
    "BY28",
    "CH21",
    "CR22",
    "CY28",
    "CZ24",
    "DE22",
    "DJ27",
    "DK18",
    "DO28",
    "EE20",
    "EG29",
    "ES24",
    "FI18",
    "FK18",
    "FO18",
    "FR27",
    "GB22",
    "GE22",
    "GI23",
    "GL18",
    "GR27",
    "GT28",
    "HN28",
    "HR21",
    "HU28",
    "IE22",
    "IL23",
    "IQ23",
    "IS26",
    "IT27",
    "JO30",
    "KW30",
    "KZ20",
    "LB28",
    "LC32",
    "LI21",
    "LT20",
    "LU20",
    "LV21",
    "LY25",
    "MC27",
    "MD24",
    "ME22",
    "MK19",
    "MN20",
    "MR27",
    "MT31",
    "MU30",
    "NI28",
    "NL18",
    "NO15",
    "OM23",
    "PK24",
    "PL28",
    "PS29",
    "PT25",
    "QA29",
    "RO24",
    "RS22",
    "RU33",
    "SA24",
    "SC31",
    "SD18",
    "SE24",
    "SI19",
    "SK24",
    "SM27",
    "SO23",
    "ST25",
    "SV28",
    "TL23",
    "TN24",
    "TR26",
    "UA29",
    "VA22",
    "VG24",
    "XK20",
    "YE30",
};

/* The length of the country's numbers, 0 if it has none. */
static size_t
sp_iban_length(int a, int b)
{
	size_t lo = 0, hi = sizeof(sp_iban_lengths) / sizeof(sp_iban_lengths[0]);
	int want = a << 8 | b;

	while (lo < hi) {
		size_t mid = (lo + hi) / 2;
		const char *c = sp_iban_lengths[mid];
		int have = c[0] << 8 | c[1];

		if (have == want)
			return (size_t)(c[2] - '0') * 10 + (size_t)(c[3] - '0');
		if (have < want)
			lo = mid + 1;
		else
			hi = mid;
	}
	return 0;
}

static unsigned
sp_iban_mod97(unsigned r, int c)
{
	if (sp_chars_is_digit(c))
		return (r * 10 + (unsigned)(c - '0')) % 97;
	return (r * 100 + (unsigned)((c & ~0x20) - 'A') + 10) % 97;
}

void
sp_iban_find(struct sp_detect *d, size_t at)
{
	int a = sp_detect_at(d, at), b = sp_detect_at(d, at + 1), c;
	uint8_t text[SP_IBAN_MAX];
	size_t want, n = 0, i = at;
	bool grouped;
	unsigned r = 0;

	if (!sp_chars_is_alpha(a) || !sp_chars_is_alpha(b) || (a & 0x20) != (b & 0x20) ||
	    !sp_chars_is_digit(sp_detect_at(d, at + 2)) || !sp_chars_is_digit(sp_detect_at(d, at + 3)) ||
	    sp_chars_is_alnum(sp_detect_at(d, at - 1)))
		return;
	want = sp_iban_length(a & ~0x20, b & ~0x20);
	/* Either in one piece, or in groups of four as on paper. */
	grouped = sp_detect_at(d, at + 4) == ' ';
	while (n < want) {
		if (grouped && n > 0 && n % 4 == 0 && sp_detect_at(d, i++) != ' ')
			return;
		c = sp_detect_at(d, i++);
		if (!sp_chars_is_alnum(c))
			return;
		text[n++] = (uint8_t)c;
	}
	if (n == 0 || sp_chars_is_alnum(sp_detect_at(d, i)))
		return;
	for (size_t k = 0; k < n; k++)
		r = sp_iban_mod97(r, text[(k + 4) % n]);
	if (r == 1)
		sp_detect_found(d, SP_DETECT_IBAN, at, i);
}
