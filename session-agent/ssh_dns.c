/* SPDX-License-Identifier: Apache-2.0 */
#include "session-agent/ssh_dns.h"

#include <arpa/nameser.h>
#include <netinet/in.h>
#include <resolv.h>
#include <stdio.h>
#include <stdlib.h>

#define DNS_TRIES 2

static const char *
dns_reason(int err)
{
	switch (err) {
	case SP_ERR_DENIED:
		return "/etc/resolv.conf names no resolver that is to be trusted (options trust-ad)";
	case SP_ERR_UNAVAILABLE:
		return "no answer, or one whose signatures are wrong";
	case SP_ERR_SIGNATURE:
		return "the answer is not signed";
	case SP_ERR_NOT_FOUND:
		return "there are none";
	case SP_ERR_UNSUPPORTED:
		return "there is none with SHA-256 for a key of a type that is taken";
	default:
		return sp_err_str(err);
	}
}

/* Without more than the AD bit in the question, the signatures stay with the resolver (RFC 6840 section 5.7). */
static int
dns_ask(struct __res_state *state, const char *host, uint8_t *answer, size_t cap, size_t *ret_len)
{
	uint8_t question[NS_PACKETSZ];
	int n;

	if ((state->options & RES_TRUSTAD) == 0)
		return SP_ERR_DENIED;
	state->retrans = SP_SSH_DNS_SECONDS;
	state->retry = DNS_TRIES;
	n = res_nmkquery(state, ns_o_query, host, ns_c_in, SP_SSHFP_TYPE, NULL, 0, NULL, question, sizeof(question));
	if (n <= 0)
		return SP_ERR_INVALID;
	n = res_nsend(state, question, n, answer, (int)cap);
	if (n <= 0)
		return SP_ERR_UNAVAILABLE;
	if ((size_t)n > cap)
		return SP_ERR_LIMIT;
	*ret_len = (size_t)n;
	return 0;
}

int
sp_ssh_dns_lookup(const char *host, struct sp_sshfp_set *ret_set, char why[SP_SSH_DNS_WHY_MAX])
{
	uint8_t *answer = malloc(SP_SSHFP_ANSWER_MAX);
	struct __res_state state = { 0 };
	struct sp_view view;
	size_t n = 0;
	int r = SP_ERR_NOMEM;

	if (answer != NULL)
		r = res_ninit(&state) != 0 ? SP_ERR_SYSTEM : 0;
	if (r == 0) {
		r = dns_ask(&state, host, answer, SP_SSHFP_ANSWER_MAX, &n);
		res_nclose(&state);
	}
	if (r == 0) {
		view.data = answer;
		view.len = n;
		r = sp_sshfp_parse(view, host, ret_set);
	}
	why[0] = '\0';
	if (r != 0)
		(void)snprintf(why, SP_SSH_DNS_WHY_MAX, "the fingerprints of its keys cannot be had from DNS (SSHFP records of %s): %s: "
							"call an administrator", host, dns_reason(r));
	free(answer);
	return r;
}
