/* SPDX-License-Identifier: Apache-2.0 */
#define PCRE2_CODE_UNIT_WIDTH 8

#include "tests/unit/unit.h"

#include "tests/unit/mask_reference.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <pcre2.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mask/detect.h"

#define B "(?<![A-Za-z0-9])"
#define E "(?![A-Za-z0-9])"
#define NPA "[2-9](?!11)[0-9]{2}"
#define OCTET "(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
#define WORD "[A-Za-z0-9_\\x80-\\xff]"

/* @ stands for a separator, which is taken from seps in turn. */
struct rule {
	const char *pattern, *seps;
	uint8_t kind;
	bool (*check)(const char *s, size_t n);
	pcre2_code *code[4];
};

static pcre2_match_data *match;

static bool
is_card(const char *s, size_t n)
{
	static const char issuers[] =
	    "^(?:4(?:.{12}|.{15}|.{18})|(?:5[1-5]|222[1-9]|22[3-9].|2[3-6]..|27[01].|2720).*(?<=^.{16})|3[47].{13}"
	    "|(?:6011|64[4-9]|65|62|81|35(?:2[89]|[3-8])|220[0-4]).*(?<=^.{16}|^.{17}|^.{18}|^.{19})"
	    "|(?:30[0-5]|3095|36|38|39).*(?<=^.{14}|^.{16}|^.{19})|9792.{12}"
	    "|(?:506099|5061[0-8]|50619[0-8]).*(?<=^.{16}|^.{18}|^.{19})"
	    "|(?:508[5-9]|60698[5-9]|60699|607[0-8]|6079[0-7]|60798[0-4]|60800[1-9]|6080[1-9]|608[1-4]|608500).*(?<=^.{16})"
	    "|(?:5018|5020|5038|5893|6304|6759|676[123]).{8,15})$";
	static pcre2_code *code;
	char digits[32];
	size_t k = 0;
	int sum = 0, e, r;
	PCRE2_SIZE o;
	pcre2_match_data *m;

	for (size_t i = 0; i < n && k < 20; i++) {
		if (isdigit((unsigned char)s[i]))
			digits[k++] = s[i];
	}
	digits[k] = 0;
	for (size_t i = 0; i < k; i++) {
		int v = digits[k - 1 - i] - '0';

		sum += i % 2 == 0 ? v : v < 5 ? 2 * v : 2 * v - 9;
	}
	if (sum % 10 != 0)
		return false;
	if (code == NULL)
		code = pcre2_compile((PCRE2_SPTR)(const void *)issuers, PCRE2_ZERO_TERMINATED, 0, &e, &o, NULL);
	assert_non_null(code);
	m = pcre2_match_data_create(1, NULL);
	r = pcre2_match(code, (PCRE2_SPTR)(const void *)digits, k, 0, 0, m, NULL);
	pcre2_match_data_free(m);
	return r >= 0;
}

static bool
is_iban(const char *s, size_t n)
{
	static const char lengths[] =
	    "AD24 AE23 AL28 AT20 AZ28 BA20 BE16 BG22 BH22 BI27 BR29 BY28 CH21 CR22 CY28 CZ24 DE22 DJ27 "
	    "DK18 DO28 EE20 EG29 ES24 FI18 FK18 FO18 FR27 GB22 GE22 GI23 GL18 GR27 GT28 HN28 HR21 HU28 IE22 IL23 IQ23 "
	    "IS26 IT27 JO30 KW30 KZ20 LB28 LC32 LI21 LT20 LU20 LV21 LY25 MC27 MD24 ME22 MK19 MN20 MR27 MT31 MU30 NI28 "
	    "NL18 NO15 OM23 PK24 PL28 PS29 PT25 QA29 RO24 RS22 RU33 SA24 SC31 SD18 SE24 SI19 SK24 SM27 SO23 ST25 SV28 "
	    "TL23 TN24 TR26 UA29 VA22 VG24 XK20 YE30";
	char plain[64], want[8];
	size_t k = 0;
	unsigned r = 0;

	for (size_t i = 0; i < n && k < 40; i++) {
		if (s[i] != ' ')
			plain[k++] = (char)toupper((unsigned char)s[i]);
	}
	snprintf(want, sizeof(want), "%.2s%zu", plain, k);
	if (strstr(lengths, want) == NULL)
		return false;
	for (size_t i = 0; i < k; i++) {
		char c = plain[(i + 4) % k];
		unsigned v = isdigit((unsigned char)c) ? (unsigned)(c - '0') : (unsigned)(c - 'A' + 10);

		r = (v > 9 ? r * 100 : r * 10) + v;
		r %= 97;
	}
	return r == 1;
}

static bool
is_mixed(const char *s, size_t n)
{
	bool u = false, l = false, d = false;

	for (size_t i = 0; i < n; i++) {
		u |= isupper((unsigned char)s[i]) != 0;
		l |= islower((unsigned char)s[i]) != 0;
		d |= isdigit((unsigned char)s[i]) != 0;
	}
	return u && l && d;
}

/* CRC-32 as in zlib, bit by bit from the lowest. */
static unsigned long
crc_of(const char *s, size_t n)
{
	unsigned long crc = 0xffffffff;

	for (size_t i = 0; i < 8 * n; i++) {
		unsigned long bit = ((unsigned long)(unsigned char)s[i / 8] >> (i % 8)) & 1;

		crc = (crc & 1) == bit ? crc >> 1 : crc >> 1 ^ 0xedb88320;
	}
	return crc ^ 0xffffffff;
}

static bool
is_github(const char *s, size_t n)
{
	static const char base62[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
	unsigned long crc;
	char sum[7] = {0};

	if (n != 40)
		return is_mixed(s + 4, n - 4);
	crc = crc_of(s + 4, 30);
	for (int i = 5; i >= 0; i--, crc /= 62)
		sum[i] = base62[crc % 62];
	return memcmp(sum, s + 34, 6) == 0;
}

static bool
is_pat(const char *s, size_t n)
{
	return n == 93 && is_mixed(s + 11, 82);
}

static bool
is_slack(const char *s, size_t n)
{
	const char *body = memchr(s, '-', n);

	for (const char *p = body; p < s + n; p++) {
		if (isdigit((unsigned char)*p))
			return true;
	}
	return false;
}

static bool
is_hook(const char *s, size_t n)
{
	int slashes = 0;

	for (size_t i = 16; i < n; i++)
		slashes += s[i] == '/';
	return slashes >= 3;
}

static bool
is_aws(const char *s, size_t n)
{
	int up = 0, low = 0, dig = 0, sym = 0, slash = 0, same = 0, last = -1, kinds = 0;
	bool seen[256] = {false};

	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)s[i];
		int k = isupper(c) ? 0 : islower(c) ? 1 : isdigit(c) ? 2 : 3;

		up += k == 0;
		low += k == 1;
		dig += k == 2;
		sym += k == 3;
		slash += c == '/';
		same += k == last;
		last = k;
		kinds += !seen[c];
		seen[c] = true;
	}
	return up >= 3 && low >= 3 && (dig >= 1 || (sym >= 1 && slash <= 2)) && kinds >= 18 && same <= 25 && slash <= 4;
}

static bool
is_jwt(const char *s, size_t n)
{
	static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
	const char *dot = memchr(s, '.', n);
	char json[4096];
	size_t len = 0, bits = 0;
	unsigned v = 0;

	for (; s < dot; s++) {
		v = (v << 6 | (unsigned)(strchr(alphabet, *s) - alphabet)) & 0xffff;
		bits += 6;
		if (bits >= 8 && len < sizeof(json) - 1) {
			bits -= 8;
			json[len++] = (char)(v >> bits);
		}
	}
	if (bits == 6)
		return false;
	while (len > 0 && strchr(" \r\n", json[len - 1]) != NULL && json[len - 1] != 0)
		len--;
	json[len] = 0;
	for (size_t i = 0; i < len; i++) {
		if ((unsigned char)json[i] < 0x20 && json[i] != '\n' && json[i] != '\r' && json[i] != '\t')
			return false;
	}
	return len >= 10 && json[0] == '{' && json[len - 1] == '}' && strstr(json, "\"alg\"") != NULL;
}

/* Every domain is at least letters after a dot; the last label of the match is checked here. */
static bool
is_top(const char *s, size_t n)
{
	static const char *const files[] = {"png", "jpg", "jpeg", "gif", "svg", "webp", "css", "js", "html", "json"};
	const char *top = s + n;

	while (top > s && top[-1] != '.')
		top--;
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		if (strlen(files[i]) == (size_t)(s + n - top) && strncasecmp(files[i], top, strlen(files[i])) == 0)
			return false;
	}
	return true;
}

static struct rule rules[] = {
    {B "(?<![0-9]\\.)[0-9]{12,19}" E "(?!\\.[0-9])", " ", SP_DETECT_CARD, is_card, {0}},
    {B "[0-9]{4} [0-9]{4} [0-9]{4} [0-9]{4}" E, " ", SP_DETECT_CARD, is_card, {0}},
    {B "[0-9]{4} [0-9]{4} [0-9]{4} [0-9]{4} [0-9]{3}" E, " ", SP_DETECT_CARD, is_card, {0}},
    {B "[0-9]{4} [0-9]{6} [0-9]{4,5}" E, " ", SP_DETECT_CARD, is_card, {0}},
    {B "(?<![0-9]-)[0-9]{4}-[0-9]{4}-[0-9]{4}-[0-9]{4}" E "(?!-[0-9])", " ", SP_DETECT_CARD, is_card, {0}},
    {B "(?<![0-9]-)[0-9]{4}-[0-9]{4}-[0-9]{4}-[0-9]{4}-[0-9]{3}" E "(?!-[0-9])", " ", SP_DETECT_CARD, is_card, {0}},
    {B "(?<![0-9]-)[0-9]{4}-[0-9]{6}-[0-9]{4,5}" E "(?!-[0-9])", " ", SP_DETECT_CARD, is_card, {0}},
    {B "(?<![0-9]@)(?!000|666|9)[0-9]{3}@(?!00)[0-9]{2}@(?!0000)[0-9]{4}" E "(?!@[0-9])", " -", SP_DETECT_SSN, NULL,
	{0}},
    {B "(?:[A-Z]{2}|[a-z]{2})[0-9]{2}[A-Za-z0-9]{11,30}" E, " ", SP_DETECT_IBAN, is_iban, {0}},
    {B "(?:[A-Z]{2}|[a-z]{2})[0-9]{2}(?: [A-Za-z0-9]{4}){2,7}(?: [A-Za-z0-9]{1,3})?", " ", SP_DETECT_IBAN, is_iban,
	{0}},
    {B "(?<![0-9]@)(?<!1[@ ])(?:\\(" NPA "\\) ?|" NPA "@)" NPA "@[0-9]{4}" E "(?!@[0-9])", " -.", SP_DETECT_PHONE, NULL,
	{0}},
    {B "(?<![0-9]@)(?<!\\+)1[@ ](?:\\(" NPA "\\) ?|" NPA "@)" NPA "@[0-9]{4}" E "(?!@[0-9])", " -.", SP_DETECT_PHONE,
	NULL, {0}},
    {B "(?<![0-9]@)\\+1[@ ](?:\\(" NPA "\\) ?|" NPA "@)" NPA "@[0-9]{4}" E "(?!@[0-9])", " -.", SP_DETECT_PHONE, NULL,
	{0}},
    {B "(?<![0-9] )0[1-9][0-9]{2} [0-9]{3} [0-9]{4}" E "(?! [0-9])", " ", SP_DETECT_PHONE, NULL, {0}},
    {B "(?<![0-9] )0[1-9][0-9] [0-9]{4} [0-9]{4}" E "(?! [0-9])", " ", SP_DETECT_PHONE, NULL, {0}},
    {B "(?<![0-9]@)0[1-9][0-9]{1,3}@[0-9]{6,8}" E "(?!@[0-9])", " -/", SP_DETECT_PHONE, NULL, {0}},
    {B "(?<![0-9]@)0[1-9](?:@[0-9]{2}){4}" E "(?!@[0-9])", " -.", SP_DETECT_PHONE, NULL, {0}},
    {"(?<![A-Za-z0-9_.])" OCTET "(?:\\." OCTET "){3}(?![A-Za-z0-9_~])(?!\\.[0-9])(?![+-][A-Za-z])", " ", SP_DETECT_IPV4,
	NULL, {0}},
    {"eyJ[A-Za-z0-9_-]{0,4093}\\.[A-Za-z0-9_-]*(?:\\.[A-Za-z0-9_-]*){0,3}", " ", SP_DETECT_JWT, is_jwt, {0}},
    {"(?s)-----BEGIN (?=[A-Z0-9 ]*PRIVATE KEY)[A-Z0-9 ]{0,40}-----(?:.*?-----END [A-Z0-9 ]{0,40}-----|.*)", " ",
	SP_DETECT_PRIVATE_KEY, NULL, {0}},
    {B "A[KS]IA[A-Z2-7]{16}" E, " ", SP_DETECT_AWS_ACCESS, NULL, {0}},
    {"(?<![A-Za-z0-9/+_.-])[A-Za-z0-9/+]{40}(?![A-Za-z0-9/+_-])(?!=(?!=))", " ", SP_DETECT_AWS_SECRET, is_aws, {0}},
    {B "gh[pousr]_[A-Za-z0-9]{36,255}" E, " ", SP_DETECT_GITHUB, is_github, {0}},
    {B "github_pat_[A-Za-z0-9_]{22}_[A-Za-z0-9_]{59}(?![A-Za-z0-9_])", " ", SP_DETECT_GITHUB, is_pat, {0}},
    {"(?s)" B "xox[abcdeoprs](?:\\.xox.)?-[A-Za-z0-9%_-]{20,255}", " ", SP_DETECT_SLACK, is_slack, {0}},
    {"hooks\\.slack\\.com/[A-Za-z0-9/_]{30,255}", " ", SP_DETECT_SLACK, is_hook, {0}},
};

#define NRULES (sizeof(rules) / sizeof(rules[0]))

void
mask_reference_open(void)
{
	for (size_t i = 0; i < NRULES; i++) {
		for (size_t k = 0; rules[i].seps[k] != 0; k++) {
			char pattern[1024];
			size_t n = 0;
			PCRE2_SIZE where;
			int e;

			for (const char *p = rules[i].pattern; *p != 0; p++)
				n += (size_t)snprintf(pattern + n, sizeof(pattern) - n, *p == '@' ? "\\x%02x" : "%c",
				    *p == '@' ? rules[i].seps[k] : *p);
			rules[i].code[k] = pcre2_compile((PCRE2_SPTR)(const void *)pattern, n, 0, &e, &where, NULL);
			assert_non_null(rules[i].code[k]);
			(void)pcre2_jit_compile(rules[i].code[k], PCRE2_JIT_COMPLETE);
		}
	}
	match = pcre2_match_data_create(4, NULL);
	assert_non_null(match);
}

void
mask_reference_close(void)
{
	for (size_t i = 0; i < NRULES; i++) {
		for (size_t k = 0; rules[i].seps[k] != 0; k++)
			pcre2_code_free(rules[i].code[k]);
	}
	pcre2_match_data_free(match);
}

static bool
is_word(int c)
{
	return c >= 0x80 || c == '_' || (c > 0 && isalnum(c));
}

/* The parts of a mail address that a regular expression says badly: 64 bytes before the '@', stripped. */
static void
find_email(const uint8_t *p, size_t n, struct sp_spans *out)
{
	static pcre2_code *domain;
	const PCRE2_SIZE *o = pcre2_get_ovector_pointer(match);
	PCRE2_SIZE where;
	int e;

	if (domain == NULL)
		domain = pcre2_compile(
		    (PCRE2_SPTR)(const void
			    *)"(?:[A-Za-z0-9\\x80-\\xff](?:[A-Za-z0-9\\x80-\\xff-]*[A-Za-z0-9\\x80-\\xff])?\\.)+"
			      "(?:[Xx][Nn]--[A-Za-z0-9\\x80-\\xff-]*[A-Za-z0-9\\x80-\\xff]|[A-Za-z\\x80-\\xff]{2,63})"
			      "(?=([^A-Za-z0-9\\x80-\\xff-]|-+(?![A-Za-z0-9\\x80-\\xff-])|$))",
		    PCRE2_ZERO_TERMINATED, PCRE2_ANCHORED | PCRE2_DOLLAR_ENDONLY, &e, &where, NULL);
	assert_non_null(domain);
	for (size_t at = 0; at < n; at++) {
		size_t s = at, end;

		if (p[at] != '@')
			continue;
		while (s > 0 && at - s < 64) {
			int c = p[s - 1];

			if (c == '\'' ? !(s >= 2 && is_word(p[s - 2]) && is_word(p[s]))
				      : !is_word(c) && (c == 0 || strchr(".%+-&~", c) == NULL))
				break;
			s--;
		}
		while (s < at && ((p[s] & 0xc0) == 0x80 || !is_word(p[s])))
			s++;
		if (s == at || pcre2_match(domain, p, n, at + 1, 0, match, NULL) < 0)
			continue;
		/* An ending that is a file's: the longest domain before it. */
		for (end = o[1]; end > at + 1; end--) {
			size_t label = end;

			if (end < n && is_word(p[end]) && p[end] != '_')
				continue;
			while (label > at + 1 && p[label - 1] != '.')
				label--;
			if (label == at + 1)
				break;
			if (pcre2_match(domain, p, end, at + 1, 0, match, NULL) >= 0 && o[1] == end &&
			    is_top((const char *)p + at + 1, end - at - 1)) {
				sp_span_add(out, s, end, SP_DETECT_EMAIL, SP_MASK_REDACT);
				break;
			}
			end = label;
		}
	}
}

static void
find_ipv6(const uint8_t *p, size_t n, struct sp_spans *out)
{
	for (size_t i = 0; i < n; i++) {
		size_t s = i, e, q, groups = 0, pairs = 0, first = 0, colons = 0;
		char text[64];
		uint8_t addr[16];
		bool has_digit = false, compressed, tail;

		if (!isxdigit(p[i]) && p[i] != ':')
			continue;
		for (e = i; e < n && (isxdigit(p[e]) || p[e] == ':'); e++)
			colons += p[e] == ':';
		i = e;
		if (colons < 2 || e - s > 45)
			continue;
		if (p[s] == ':' && p[s + 1] != ':')
			s++;
		if (e - s >= 2 && p[e - 1] == ':' && p[e - 2] != ':')
			e--;
		if (s > 0 && (isalnum(p[s - 1]) || p[s - 1] == '_' || p[s - 1] == '.'))
			continue;
		q = e;
		if (e < n && p[e] == '.') {
			/* A dotted quad at the end: up to three more numbers. */
			char quad[32];
			size_t b = e, len = 0;
			uint8_t v4[4];

			while (b > s && p[b - 1] != ':')
				b--;
			for (q = b; q < n && (isdigit(p[q]) || p[q] == '.') && len < 18; q++)
				quad[len++] = (char)p[q];
			quad[len] = 0;
			for (; len > 0 && inet_pton(AF_INET, quad, v4) != 1; quad[len] = 0)
				len--;
			q = len == 0 ? e : b + len;
			/* The longest octets, no shorter reading. */
			if (len > 0 && b + len < n && isdigit(p[b + len]))
				q = e;
		}
		if (q < n && (isalnum(p[q]) || p[q] == '_'))
			continue;
		if (q - s >= sizeof(text))
			continue;
		memcpy(text, p + s, q - s);
		text[q - s] = 0;
		if (inet_pton(AF_INET6, text, addr) != 1)
			continue;
		tail = q > e;
		compressed = strstr(text, "::") != NULL;
		for (char *g = text, *next; *g != 0; g = next) {
			size_t len = strcspn(g, ":");

			next = g + len + (g[len] == ':');
			if (len == 0)
				continue;
			if (groups == 0)
				first = len;
			groups += memchr(g, '.', len) != NULL ? 2 : 1;
			pairs += len == 2;
			for (size_t k = 0; k < len; k++)
				has_digit |= isdigit((unsigned char)g[k]) != 0;
		}
		if (tail && groups == 2)
			first = 0;
		if (!compressed && pairs == 8)
			continue;
		if (compressed && groups == 1 && !(first >= 3 && has_digit && text[0] != ':'))
			continue;
		if (compressed &&
		    (groups == 0 || groups > 7 || (groups >= 2 && !has_digit && (first < 3 || text[0] == ':'))))
			continue;
		sp_span_add(out, s, q, SP_DETECT_IPV6, SP_MASK_REDACT);
	}
}

/* International numbers: groups of digits, up to three of " -.()" between. */
static void
find_plus(const uint8_t *p, size_t n, struct sp_spans *out)
{
	for (size_t s = 0; s < n; s++) {
		size_t i = s + 1, total = 0, end = 0, most;
		char digits[64] = "";

		if (p[s] != '+' || (s > 0 && (isalnum(p[s - 1]) || p[s - 1] == '+')))
			continue;
		most = i < n && p[i] == '1' ? 11 : 15;
		while (i < n) {
			size_t len = 0, k = 0;

			while (i + len < n && isdigit(p[i + len]))
				len++;
			if (len == 0 || total + len > most)
				break;
			memcpy(digits + total, p + i, len);
			total += len;
			digits[total] = 0;
			i += len;
			end = i;
			if (total == most || (len >= 6 && total >= 8))
				break;
			while (k < 3 && i < n && p[i] != 0 && strchr(" -.()", p[i]) != NULL) {
				i++;
				k++;
			}
		}
		if (total < 8 || (most == 11 && total != 11) || digits[0] == '0' || strncmp(digits, "28", 2) == 0 ||
		    strncmp(digits, "83", 2) == 0 || strncmp(digits, "89", 2) == 0 || (end < n && isalnum(p[end])))
			continue;
		sp_span_add(out, s, end, SP_DETECT_PHONE, SP_MASK_REDACT);
	}
}

/* A number in groups of four ends where its country says, so each length is tried. */
static void
find_iban_groups(const uint8_t *p, size_t s, size_t e, struct sp_spans *out)
{
	for (; e > s + 14; e--) {
		if (!isalnum(p[e]) && isalnum(p[e - 1]) && is_iban((const char *)p + s, e - s))
			sp_span_add(out, s, e, SP_DETECT_IBAN, SP_MASK_REDACT);
	}
}

void
mask_reference_find(const uint8_t *p, size_t n, struct sp_spans *out)
{
	const PCRE2_SIZE *o = pcre2_get_ovector_pointer(match);

	for (size_t i = 0; i < NRULES; i++) {
		const struct rule *r = &rules[i];

		for (size_t k = 0; r->seps[k] != 0; k++) {
			for (size_t off = 0; off < n && pcre2_match(r->code[k], p, n, off, 0, match, NULL) > 0;
			     off = o[0] + 1) {
				if (strstr(r->pattern, "(?: [A-Za-z0-9]{4})") != NULL) {
					/* p ends with a NUL, so p[n] can be read. */
					find_iban_groups(p, o[0], o[1], out);
					continue;
				}
				if (r->check == NULL || r->check((const char *)p + o[0], o[1] - o[0]))
					sp_span_add(out, o[0], o[1], r->kind, SP_MASK_REDACT);
			}
		}
	}
	find_email(p, n, out);
	find_ipv6(p, n, out);
	find_plus(p, n, out);
}
