/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a program of a decided shell reaches over sockets, in the words of a rule's `network`, and the decision on it.
 *
 * A pattern is "[listen] PROTOCOL [WHERE [PORTS]]": PROTOCOL is tcp, udp, icmp, unix or any; WHERE an address, a network
 * or *; PORTS a number or a span. Of unix, WHERE is a pattern of paths, or of an abstract name after @.
 */
#ifndef SALLYPORT_POLICY_NETWORK_H
#define SALLYPORT_POLICY_NETWORK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/err.h"

struct sp_decide_scope;

enum sp_network_protocol {
	SP_NETWORK_TCP = 1,
	SP_NETWORK_UDP,
	SP_NETWORK_ICMP,
	SP_NETWORK_UNIX
};

/* Part of struct sp_decide_request. */
struct sp_decide_network {
	enum sp_network_protocol protocol;
	bool is_listen; /* others may connect: address and port are our own */
	bool is_v6;	/* never for an IPv4 address in IPv6's clothes */
	uint8_t address[16]; /* of IPv4 the first four */
	uint16_t port;	     /* 0: none */
	const char *path;    /* UNIX: absolute and with no link left in it, or @ and an abstract name; otherwise "" */
};

/* TCP to a port of 127.0.0.1. */
#define SP_NETWORK_LOOPBACK(number) \
	{ .protocol = SP_NETWORK_TCP, .address = {127, 0, 0, 1}, .port = (number), .path = "" }

#define SP_NETWORK_TEXT_MAX 4200 /* bytes of one as text, NUL included */

/* "tcp" …; NULL for what is none. */
const char *sp_network_protocol_str(unsigned protocol);
/* "tcp 10.1.2.3 443", "listen udp ::1 53", "unix /run/x.sock": as a pattern that matches just it. */
void sp_network_text(const struct sp_decide_network *n, char text[SP_NETWORK_TEXT_MAX]);
/* The same backwards; path points into text. FORMAT. */
int sp_network_parse(const char *text, struct sp_decide_network *ret_n) SP_MUST_CHECK;
/* NULL, or what is wrong with a pattern. */
const char *sp_network_pattern_problem(const char *pattern);
/* strict: a pattern for a rule that denies, whose * crosses slashes. */
bool sp_network_match(const char *pattern, const struct sp_decide_network *n, bool strict);

/*
 * Whether any rule that can concern this person here has `network`: then every connection is decided, otherwise
 * none is and all are let through.
 */
bool sp_decide_has_network(const struct sp_decide_scope *scope);
/* Whether a pattern names TCP ports of 127.0.0.1 alone, and how many at most: a span of SP_NETWORK_SPAN_MAX. */
#define SP_NETWORK_SPAN_MAX 32
bool sp_network_is_loopback_span(const char *pattern, uint16_t *ret_first, uint16_t *ret_last);
/*
 * The ports of 127.0.0.1 that rules which can concern this person here name one by one or in short spans, and do not deny
 * outright, in the order of the rules: at most max. That a port is here is no decision on it.
 */
size_t sp_decide_ports(const struct sp_decide_scope *scope, uint16_t *ret_ports, size_t max);

#endif
