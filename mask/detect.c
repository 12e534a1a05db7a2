/* SPDX-License-Identifier: Apache-2.0 */
#include "mask/detect.h"

#include "mask/anchor.h"

#define SP_DETECT_ROW(kind, name, is_secret, anchors) [SP_DETECT_##kind] = {name, is_secret, anchors},
const struct sp_detect_info sp_detect_table[SP_DETECT_KINDS] = {SP_DETECTORS(SP_DETECT_ROW)};

static void
sp_detect_literals(struct sp_detect *d, size_t at, uint32_t flags)
{
	if (flags & SP_ANCHOR_AT)
		sp_email_find(d, at);
	if (flags & SP_ANCHOR_EYJ) {
		sp_token_jwt(d, at);
		sp_token_slack_hook(d, at);
	}
	if (flags & SP_ANCHOR_PEM) {
		sp_pem_find(d, at);
		sp_token_slack(d, at);
	}
	if (flags & SP_ANCHOR_AWS)
		sp_token_aws_access(d, at);
	if (flags & SP_ANCHOR_GH)
		sp_token_github(d, at);
	if (flags & SP_ANCHOR_PLUS)
		sp_number_plus(d, at);
	if (flags & SP_ANCHOR_IBAN)
		sp_iban_find(d, at);
}

void
sp_detect_run(struct sp_detect *d, size_t at, uint32_t flags)
{
	if (flags & SP_ANCHOR_LITERALS)
		sp_detect_literals(d, at, flags);
	if (flags & SP_ANCHOR_GROUP)
		sp_number_group(d, at);
	if (flags & SP_ANCHOR_SSN)
		sp_number_ssn(d, at);
	if (flags & SP_ANCHOR_PAIRS)
		sp_number_pairs(d, at);
	if (flags & SP_ANCHOR_RUN)
		sp_number_run(d, at);
	if (flags & SP_ANCHOR_DOTS)
		sp_netaddr_ipv4(d, at);
	if (flags & SP_ANCHOR_COLON)
		sp_netaddr_ipv6(d, at);
	if (flags & SP_ANCHOR_B64)
		sp_token_aws_secret(d, at);
}

bool
sp_detect_is_break(uint8_t c)
{
	switch (c) {
	case '"':
	case ',':
	case ';':
	case '<':
	case '>':
	case '[':
	case ']':
	case '{':
	case '|':
	case '}':
	case 0x7f:
		return true;
	default:
		return c < 0x20;
	}
}
