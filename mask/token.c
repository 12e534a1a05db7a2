/* SPDX-License-Identifier: Apache-2.0 */
/* Bearer tokens and cloud keys: JWT (RFC 7519), AWS, GitHub, Slack. */
#include <string.h>

#include "mask/chars.h"
#include "mask/detect.h"

#define SP_TOKEN_LONGEST 255 /* bytes of a GitHub or Slack token */

/* --- JWT --- */

static int
sp_token_base64url_value(int c)
{
	if (sp_chars_is_upper(c))
		return c - 'A';
	if (sp_chars_is_lower(c))
		return c - 'a' + 26;
	if (sp_chars_is_digit(c))
		return c - '0' + 52;
	return c == '-' ? 62 : 63;
}

/* Whether base64url text is a JSON object that names its algorithm: printable, {...}, with an "alg" member. */
static bool
sp_token_is_header(const uint8_t *p, size_t n)
{
	uint8_t json[SP_DETECT_JWT_HEAD / 4 * 3 + 3];
	size_t len = 0;
	uint32_t v = 0;

	if (n > SP_DETECT_JWT_HEAD || n % 4 == 1)
		return false;
	for (size_t i = 0; i < n; i++) {
		v = v << 6 | (uint32_t)sp_token_base64url_value(p[i]);
		if (i % 4 != 0)
			json[len++] = (uint8_t)(v >> (6 - 2 * (i % 4)));
	}
	while (len > 0 && (json[len - 1] == ' ' || json[len - 1] == '\n' || json[len - 1] == '\r'))
		len--;
	if (len < 10 || json[0] != '{' || json[len - 1] != '}')
		return false;
	for (size_t i = 0; i < len; i++) {
		if (json[i] < 0x20 && json[i] != '\n' && json[i] != '\r' && json[i] != '\t')
			return false;
	}
	return memmem(json, len, "\"alg\"", 5) != NULL;
}

void
sp_token_jwt(struct sp_detect *d, size_t at)
{
	size_t i = at, dots = 0, head;

	if (!sp_detect_wants(d, SP_DETECT_JWT) || d->hi - at < 3 || d->p[at] != 'e' || d->p[at + 1] != 'y' ||
	    d->p[at + 2] != 'J')
		return;
	if (at >= d->run_from && at < d->run_to)
		i = d->run_to;
	else
		d->run_from = at;
	while (i - at <= SP_DETECT_JWT_HEAD && sp_chars_is_base64url(sp_detect_at(d, i)))
		i++;
	d->run_to = i;
	head = i - at;
	if (i == d->hi && head <= SP_DETECT_JWT_HEAD && !d->is_final)
		sp_detect_undecided(d, at);
	if (head > SP_DETECT_JWT_HEAD || sp_detect_at(d, i) != '.' || !sp_token_is_header(d->p + at, head))
		return;
	/* Two or four dots make a token; what is cut short is masked as well. */
	for (; i - at < SP_MASK_BLOCK_MAX; i++) {
		int c = sp_detect_at(d, i);

		if (c == '.' && dots < 4)
			dots++;
		else if (!sp_chars_is_base64url(c))
			break;
	}
	if (i == d->hi && i - at < SP_MASK_BLOCK_MAX && !d->is_final)
		sp_detect_undecided(d, at);
	sp_detect_found(d, SP_DETECT_JWT, at, i);
}

/* --- AWS --- */

void
sp_token_aws_access(struct sp_detect *d, size_t at)
{
	size_t s = at - 1;

	/* The anchor is the K or S of AKIA, ASIA; then 16 of base32. */
	if (!sp_detect_wants(d, SP_DETECT_AWS_ACCESS) || d->hi - at < 19 || sp_detect_at(d, s) != 'A' ||
	    (d->p[at] != 'K' && d->p[at] != 'S') || d->p[at + 1] != 'I' || d->p[at + 2] != 'A')
		return;
	for (size_t i = at + 3; i < at + 19; i++) {
		if (!sp_chars_is_upper(d->p[i]) && (d->p[i] < '2' || d->p[i] > '7'))
			return;
	}
	if (!sp_chars_is_alnum(sp_detect_at(d, s - 1)) && !sp_chars_is_alnum(sp_detect_at(d, at + 19)))
		sp_detect_found(d, SP_DETECT_AWS_ACCESS, s, at + 19);
}

static int
sp_token_char_class(int c)
{
	return sp_chars_is_upper(c) ? 0 : sp_chars_is_lower(c) ? 1 : sp_chars_is_digit(c) ? 2 : 3;
}

/*
 * Whether 40 base64 characters look random: all three classes, many different characters, classes that
 * change often and few slashes (unlike a path or identifier). Of random keys, 1 in 1,000 fails this.
 */
static bool
sp_token_is_random(const uint8_t *p)
{
	unsigned n[4] = {0}, same = 0, slashes = 0, kinds = 0;
	uint64_t seen[2] = {0};

	for (size_t i = 0; i < 40; i++) {
		n[sp_token_char_class(p[i])]++;
		slashes += p[i] == '/';
		seen[p[i] >> 6 & 1] |= (uint64_t)1 << (p[i] & 63);
		same += i > 0 && sp_token_char_class(p[i]) == sp_token_char_class(p[i - 1]);
	}
	kinds = (unsigned)__builtin_popcountll(seen[0]) + (unsigned)__builtin_popcountll(seen[1]);
	return n[0] >= 3 && n[1] >= 3 && (n[2] >= 1 || (n[3] >= 1 && slashes <= 2)) && kinds >= 18 && same <= 25 &&
	       slashes <= 4;
}

static bool
sp_token_is_base64(int c)
{
	return sp_chars_is_alnum(c) || c == '/' || c == '+';
}

void
sp_token_aws_secret(struct sp_detect *d, size_t at)
{
	size_t s = at, e = at + 1;
	int c, c2;

	if (!sp_detect_wants(d, SP_DETECT_AWS_SECRET))
		return;
	while (e - s <= 40 && sp_token_is_base64(sp_detect_at(d, s - 1)))
		s--;
	while (e - s <= 40 && sp_token_is_base64(sp_detect_at(d, e)))
		e++;
	c = sp_detect_at(d, s - 1);
	c2 = sp_detect_at(d, e);
	if (e - s != 40 || c == '_' || c == '-' || c == '.' || c2 == '_' || c2 == '-' ||
	    (c2 == '=' && sp_detect_at(d, e + 1) != '='))
		return;
	if (sp_token_is_random(d->p + s))
		sp_detect_found(d, SP_DETECT_AWS_SECRET, s, e);
}

/* --- GitHub --- */

/* The last six of 36 characters are the CRC-32 of the first 30 in base 62. */
static bool
sp_token_is_github_sum(const uint8_t *p)
{
	static const char digits[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
	uint32_t crc = UINT32_MAX;

	for (size_t i = 0; i < 30; i++) {
		crc ^= p[i];
		for (int k = 0; k < 8; k++)
			crc = (crc & 1) != 0 ? crc >> 1 ^ 0xEDB88320u : crc >> 1;
	}
	crc = ~crc;
	for (size_t i = 36; i-- > 30; crc /= 62) {
		if (p[i] != (uint8_t)digits[crc % 62])
			return false;
	}
	return true;
}

/* Longer installation and user tokens: no checksum is published, so they must look random. */
static bool
sp_token_is_mixed(const uint8_t *p, size_t n)
{
	bool upper = false, lower = false, digit = false;

	for (size_t i = 0; i < n; i++) {
		upper |= sp_chars_is_upper(p[i]);
		lower |= sp_chars_is_lower(p[i]);
		digit |= sp_chars_is_digit(p[i]);
	}
	return upper && lower && digit;
}

/* github_pat_ + 22 + _ + 59, with the "at_" at at. */
static void
sp_token_github_pat(struct sp_detect *d, size_t at)
{
	size_t s = at - 8, n = 0;

	if (at < d->lo + 8 || d->hi - at < 3 || memcmp(d->p + s, "github_pat_", 11) != 0 ||
	    sp_chars_is_alnum(sp_detect_at(d, s - 1)))
		return;
	while (n <= SP_TOKEN_LONGEST &&
	       (sp_chars_is_alnum(sp_detect_at(d, s + 11 + n)) || sp_detect_at(d, s + 11 + n) == '_'))
		n++;
	if (n == 82 && d->p[s + 11 + 22] == '_' && sp_token_is_mixed(d->p + s + 11, n))
		sp_detect_found(d, SP_DETECT_GITHUB, s, s + 11 + n);
}

void
sp_token_github(struct sp_detect *d, size_t at)
{
	size_t s = at - 1, n = 0;

	if (!sp_detect_wants(d, SP_DETECT_GITHUB) || d->hi - at < 3 || d->p[at + 2] != '_')
		return;
	if (d->p[at] == 'a') {
		sp_token_github_pat(d, at);
		return;
	}
	/* ghp_ gho_ ghu_ ghs_ ghr_ */
	if (d->p[at] != 'h' || sp_detect_at(d, s) != 'g' || memchr("pousr", d->p[at + 1], 5) == NULL ||
	    sp_chars_is_alnum(sp_detect_at(d, s - 1)))
		return;
	while (n <= SP_TOKEN_LONGEST && sp_chars_is_alnum(sp_detect_at(d, s + 4 + n)))
		n++;
	if (n < 36 || n > SP_TOKEN_LONGEST)
		return;
	if (n == 36 ? sp_token_is_github_sum(d->p + s + 4) : sp_token_is_mixed(d->p + s + 4, n))
		sp_detect_found(d, SP_DETECT_GITHUB, s, s + 4 + n);
}

/* --- Slack --- */

/* xoxb-, xoxp-, xoxa-2-, xoxr-, xoxs-, xoxc-, xoxd-, xoxo-, xoxe-, xoxe.xoxp-: then 20 or more with a digit. */
void
sp_token_slack(struct sp_detect *d, size_t at)
{
	size_t i = at + 4, n = 0;
	bool has_digit = false;
	int c;

	if (!sp_detect_wants(d, SP_DETECT_SLACK) || d->hi - at < 5 || memcmp(d->p + at, "xox", 3) != 0 ||
	    memchr("abcdeoprs", d->p[at + 3], 9) == NULL || sp_chars_is_alnum(sp_detect_at(d, at - 1)))
		return;
	if (d->p[i] == '.' && d->hi - i >= 6 && memcmp(d->p + i + 1, "xox", 3) == 0)
		i += 5;
	if (sp_detect_at(d, i) != '-')
		return;
	for (i++; n < SP_TOKEN_LONGEST; n++) {
		c = sp_detect_at(d, i + n);
		if (!sp_chars_is_alnum(c) && c != '-' && c != '%' && c != '_')
			break;
		has_digit |= sp_chars_is_digit(c);
	}
	if (n >= 20 && has_digit)
		sp_detect_found(d, SP_DETECT_SLACK, at, i + n);
}

/* hooks.slack.com/services/T.../B.../..., with the ".sl" at at. */
void
sp_token_slack_hook(struct sp_detect *d, size_t at)
{
	size_t s = at - 5, n = 0, slashes = 0;
	int c;

	if (!sp_detect_wants(d, SP_DETECT_SLACK) || at < d->lo + 5 || d->hi - at < 12 ||
	    memcmp(d->p + s, "hooks.slack.com/", 16) != 0)
		return;
	for (s += 16; n < SP_TOKEN_LONGEST; n++) {
		c = sp_detect_at(d, s + n);
		if (!sp_chars_is_alnum(c) && c != '/' && c != '_')
			break;
		slashes += c == '/';
	}
	if (slashes >= 3 && n >= 30)
		sp_detect_found(d, SP_DETECT_SLACK, s - 16, s + n);
}
