/* SPDX-License-Identifier: Apache-2.0 */
/* IPv4 (dotted decimal) and IPv6 (RFC 4291 section 2.2) addresses. */
#include "mask/chars.h"
#include "mask/detect.h"

#define SP_NETADDR_V6_MAX 45 /* characters of the longest IPv6 address */

/* The decimal octet at s (0-255, no leading zero): its length, 0 if there is none. */
static size_t
sp_netaddr_octet(const struct sp_detect *d, size_t s)
{
	unsigned v = 0;
	size_t n = 0;

	while (n < 4 && sp_chars_is_digit(sp_detect_at(d, s + n)))
		v = v * 10 + (unsigned)(d->p[s + n++] - '0');
	return n == 0 || n > 3 || v > 255 || (n > 1 && d->p[s] == '0') ? 0 : n;
}

/* The end of the dotted quad at s, 0 if there is none. */
static size_t
sp_netaddr_quad(const struct sp_detect *d, size_t s)
{
	for (int k = 0; k < 4; k++) {
		size_t n = sp_netaddr_octet(d, s);

		if (n == 0)
			return 0;
		s += n;
		if (k < 3 && sp_detect_at(d, s++) != '.')
			return 0;
	}
	return s;
}

void
sp_netaddr_ipv4(struct sp_detect *d, size_t at)
{
	size_t s = at, e;
	int c, c2;

	if (!sp_detect_wants(d, SP_DETECT_IPV4))
		return;
	for (int k = 0; k < 3; k++) {
		if (sp_detect_at(d, s - 1) != '.')
			return;
		for (s--, e = s; e - s < 4 && sp_chars_is_digit(sp_detect_at(d, s - 1));)
			s--;
	}
	c = sp_detect_at(d, s - 1);
	if (sp_chars_is_alnum(c) || c == '_' || c == '.')
		return;
	e = sp_netaddr_quad(d, s);
	if (e == 0)
		return;
	/* Not the head of a longer dotted number, nor a version ("1.2.3.4-beta", "1.2.3.4~rc1"). */
	c = sp_detect_at(d, e);
	c2 = sp_detect_at(d, e + 1);
	if (sp_chars_is_alnum(c) || c == '_' || c == '~' || (c == '.' && sp_chars_is_digit(c2)) ||
	    ((c == '-' || c == '+') && sp_chars_is_alpha(c2)))
		return;
	sp_detect_found(d, SP_DETECT_IPV4, s, e);
}

struct sp_netaddr_v6 {
	int groups;	/* before and after "::"; a dotted quad counts two */
	int compressed; /* how many "::" */
	int trailing;	/* groups after "::" */
	int pairs;	/* groups of exactly two digits */
	size_t first;	/* digits of the first group */
	bool has_digit;
	bool is_bad;
};

/* Reads [s, e), which is made of hex digits and colons, and may end in a dotted quad up to quad_end. */
static struct sp_netaddr_v6
sp_netaddr_read(const struct sp_detect *d, size_t s, size_t e, size_t quad_end)
{
	struct sp_netaddr_v6 v = {0};
	size_t i = s, n;

	if (d->p[i] == ':' && sp_detect_at(d, i + 1) != ':')
		v.is_bad = true;
	while (i < e && !v.is_bad) {
		if (d->p[i] == ':' && i + 1 < e && d->p[i + 1] == ':') {
			v.compressed++;
			v.trailing = 0;
			i += 2;
			v.is_bad = v.compressed > 1 || (i < e && d->p[i] == ':');
			continue;
		}
		if (d->p[i] == ':')
			i++;
		for (n = 0; i + n < e && d->p[i + n] != ':'; n++)
			v.has_digit |= sp_chars_is_digit(d->p[i + n]);
		if (i + n == e && quad_end != 0) {
			v.groups += 2;
			v.trailing += 2;
			break;
		}
		v.is_bad = n == 0 || n > 4;
		v.first = v.groups == 0 ? n : v.first;
		v.pairs += n == 2;
		v.groups++;
		v.trailing++;
		i += n;
	}
	return v;
}

/* Whether what was read is an address worth masking, and not a time, a MAC or code like a::b. */
static bool
sp_netaddr_is_v6(const struct sp_netaddr_v6 *v)
{
	if (v->is_bad)
		return false;
	if (v->compressed == 0)
		return v->groups == 8 && v->pairs < 8;
	if (v->groups > 7 || v->groups == 0)
		return false;
	if (v->groups == 1)
		return v->trailing == 0 && v->first >= 3 && v->has_digit;
	return v->has_digit || (v->first >= 3 && v->trailing < v->groups);
}

void
sp_netaddr_ipv6(struct sp_detect *d, size_t at)
{
	size_t s = at, e = at, quad = 0, dot;
	struct sp_netaddr_v6 v;
	int c;

	if (!sp_detect_wants(d, SP_DETECT_IPV6) || at < d->lo)
		return;
	while (e - s <= SP_NETADDR_V6_MAX && (sp_chars_is_hex(sp_detect_at(d, s - 1)) || sp_detect_at(d, s - 1) == ':'))
		s--;
	while (e - s <= SP_NETADDR_V6_MAX && (sp_chars_is_hex(sp_detect_at(d, e)) || sp_detect_at(d, e) == ':'))
		e++;
	if (e - s > SP_NETADDR_V6_MAX)
		return;
	/* A colon that is punctuation: "addr:fe80::1", "fe80::1:". */
	if (d->p[s] == ':' && sp_detect_at(d, s + 1) != ':')
		s++;
	if (e - s >= 2 && d->p[e - 1] == ':' && d->p[e - 2] != ':')
		e--;
	c = sp_detect_at(d, s - 1);
	if (e - s < 3 || sp_chars_is_alnum(c) || c == '_' || c == '.')
		return;
	if (sp_detect_at(d, e) == '.') {
		for (dot = e; dot > s && d->p[dot - 1] != ':';)
			dot--;
		quad = sp_netaddr_quad(d, dot);
	}
	c = sp_detect_at(d, quad != 0 ? quad : e);
	if (sp_chars_is_alnum(c) || c == '_')
		return;
	v = sp_netaddr_read(d, s, e, quad);
	if (sp_netaddr_is_v6(&v))
		sp_detect_found(d, SP_DETECT_IPV6, s, quad != 0 ? quad : e);
}
