/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/network.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/compile.h"
#include "policy/match.h"

#define NETWORK_WORD_MAX 64 /* bytes of a protocol, an address or a span of ports */
#define NETWORK_ANY 0	    /* beside enum sp_network_protocol */

struct network_pattern {
	bool is_listen;
	unsigned protocol;
	const char *path; /* UNIX; NULL: any */
	bool has_network;
	struct sp_model_network network;
	unsigned first, last; /* ports */
};

static const char *const network_protocols[] = {"any", "tcp", "udp", "icmp", "unix"};

const char *
sp_network_protocol_str(unsigned protocol)
{
	return protocol >= SP_NETWORK_TCP && protocol <= SP_NETWORK_UNIX ? network_protocols[protocol] : NULL;
}

/* The next word of a pattern; "" at its end, NULL if it is too long. */
static const char *
network_word(const char **p, char word[NETWORK_WORD_MAX])
{
	size_t n;

	*p += strspn(*p, " ");
	n = strcspn(*p, " ");
	if (n >= NETWORK_WORD_MAX)
		return NULL;
	memcpy(word, *p, n);
	word[n] = 0;
	*p += n;
	return word;
}

static bool
network_number(const char **p, unsigned *ret)
{
	size_t n = strspn(*p, "0123456789");

	if (n == 0 || n > 5)
		return false;
	*ret = (unsigned)strtoul(*p, NULL, 10);
	*p += n;
	return *ret <= UINT16_MAX;
}

static bool
network_ports(const char *word, struct network_pattern *p)
{
	if (!network_number(&word, &p->first))
		return false;
	p->last = p->first;
	if (*word == '-') {
		word++;
		if (!network_number(&word, &p->last))
			return false;
	}
	return *word == 0 && p->first <= p->last;
}

static const char *
network_where(const char *rest, struct network_pattern *p)
{
	char word[NETWORK_WORD_MAX];

	rest += strspn(rest, " ");
	if (*rest == 0)
		return NULL;
	if (p->protocol == SP_NETWORK_UNIX) {
		p->path = rest;
		if (strcmp(rest, "*") == 0)
			p->path = NULL;
		else if (*rest != '/' && *rest != '@' && strncmp(rest, "**", 2) != 0)
			return "a Unix socket is a path from / on, or @ and an abstract name";
		return NULL;
	}
	if (network_word(&rest, word) == NULL || (strcmp(word, "*") != 0 && !sp_compile_network(word, &p->network)))
		return "expected an address, a network or *";
	p->has_network = strcmp(word, "*") != 0;
	if (network_word(&rest, word) == NULL || (word[0] != 0 && !network_ports(word, p)))
		return "expected a port or a span of ports, such as 443 or 8000-8999";
	if (word[0] != 0 && (p->protocol == SP_NETWORK_ICMP || p->protocol == NETWORK_ANY))
		return "ports need tcp or udp";
	return rest[strspn(rest, " ")] == 0 ? NULL : "expected nothing after the ports";
}

static const char *
network_read(const char *text, struct network_pattern *p)
{
	char word[NETWORK_WORD_MAX];

	memset(p, 0, sizeof(*p));
	p->last = UINT16_MAX;
	if (network_word(&text, word) == NULL)
		return "expected tcp, udp, icmp, unix or any";
	p->is_listen = strcmp(word, "listen") == 0;
	if (p->is_listen && network_word(&text, word) == NULL)
		return "expected a protocol after listen";
	for (p->protocol = NETWORK_ANY; p->protocol <= SP_NETWORK_UNIX; p->protocol++)
		if (strcmp(word, network_protocols[p->protocol]) == 0)
			break;
	if (p->protocol > SP_NETWORK_UNIX)
		return "expected tcp, udp, icmp, unix or any";
	if (p->is_listen && p->protocol != SP_NETWORK_TCP && p->protocol != NETWORK_ANY)
		return "only tcp listens";
	return network_where(text, p);
}

const char *
sp_network_pattern_problem(const char *pattern)
{
	struct network_pattern p;

	return network_read(pattern, &p);
}

static bool
network_is_in(const struct sp_model_network *net, const struct sp_decide_network *n)
{
	return (net->is_v6 != 0) == n->is_v6 && sp_match_in_network(net, n->address, n->is_v6);
}

/* Abstract names are no paths: what says nothing of them lets none through. */
static bool
network_is_path(const char *pattern, const char *path, bool strict)
{
	if (!strict && path[0] == '@' && (pattern == NULL || pattern[0] != '@'))
		return false;
	return pattern == NULL || sp_match_path(pattern, path, strict);
}

bool
sp_network_match(const char *pattern, const struct sp_decide_network *n, bool strict)
{
	struct network_pattern p;

	if (network_read(pattern, &p) != NULL)
		return strict;
	if (p.is_listen != n->is_listen || (p.protocol != NETWORK_ANY && p.protocol != (unsigned)n->protocol))
		return false;
	if (n->protocol == SP_NETWORK_UNIX)
		return !p.has_network && network_is_path(p.path, n->path, strict);
	if (p.has_network && !network_is_in(&p.network, n))
		return false;
	return n->port >= p.first && n->port <= p.last;
}

void
sp_network_text(const struct sp_decide_network *n, char text[SP_NETWORK_TEXT_MAX])
{
	const char *protocol = sp_network_protocol_str(n->protocol), *listen = n->is_listen ? "listen " : "";
	char address[INET6_ADDRSTRLEN] = "?";

	if (protocol == NULL)
		protocol = "?";
	(void)inet_ntop(n->is_v6 ? AF_INET6 : AF_INET, n->address, address, sizeof(address));
	if (n->protocol == SP_NETWORK_UNIX)
		(void)snprintf(text, SP_NETWORK_TEXT_MAX, "%s%s %s", listen, protocol, n->path);
	else if (n->port == 0)
		(void)snprintf(text, SP_NETWORK_TEXT_MAX, "%s%s %s", listen, protocol, address);
	else
		(void)snprintf(text, SP_NETWORK_TEXT_MAX, "%s%s %s %u", listen, protocol, address, (unsigned)n->port);
}

int
sp_network_parse(const char *text, struct sp_decide_network *ret_n)
{
	struct network_pattern p;

	memset(ret_n, 0, sizeof(*ret_n));
	ret_n->path = "";
	if (network_read(text, &p) != NULL || p.protocol == NETWORK_ANY)
		return SP_ERR_FORMAT;
	ret_n->is_listen = p.is_listen;
	ret_n->protocol = (enum sp_network_protocol)p.protocol;
	if (p.protocol == SP_NETWORK_UNIX) {
		ret_n->path = p.path;
		return p.path == NULL || strpbrk(p.path, "*?") != NULL ? SP_ERR_FORMAT : 0;
	}
	if (!p.has_network || p.network.prefix != (p.network.is_v6 ? 128 : 32))
		return SP_ERR_FORMAT;
	if ((p.protocol == SP_NETWORK_ICMP) != (p.first == 0 && p.last == UINT16_MAX) ||
	    (p.protocol != SP_NETWORK_ICMP && p.first != p.last))
		return SP_ERR_FORMAT;
	ret_n->is_v6 = p.network.is_v6 != 0;
	memcpy(ret_n->address, p.network.address, sizeof(ret_n->address));
	ret_n->port = p.protocol == SP_NETWORK_ICMP ? 0 : (uint16_t)p.first;
	return 0;
}

bool
sp_network_is_loopback_span(const char *pattern, uint16_t *ret_first, uint16_t *ret_last)
{
	static const uint8_t loopback[4] = {127, 0, 0, 1};
	struct network_pattern p;

	if (network_read(pattern, &p) != NULL || p.is_listen || p.protocol != SP_NETWORK_TCP || !p.has_network ||
	    p.network.is_v6 || p.network.prefix != 32 || memcmp(p.network.address, loopback, sizeof(loopback)) != 0 ||
	    p.first == 0 || p.last - p.first >= SP_NETWORK_SPAN_MAX)
		return false;
	*ret_first = (uint16_t)p.first;
	*ret_last = (uint16_t)p.last;
	return true;
}
