/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The detectors. Each looks around an anchor and adds what it finds. What a
 * detector matches at a place depends only on the bytes of the match, up to
 * SP_DETECT_BEHIND before it and a few behind it, never on other matches: so it
 * does not matter how a text is cut as long as those bytes are there.
 *
 * A new detector is a line in the table (mask/detectors.h), a finder that detect.c
 * calls at its anchor, and, if none of those is inside all it matches, an anchor.
 */
#ifndef SALLYPORT_MASK_DETECT_H
#define SALLYPORT_MASK_DETECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mask/detectors.h"
#include "mask/span.h"

/* Kinds: what is counted. Custom regexes follow. */
#define SP_DETECT_KIND(kind, name, is_secret, anchors) SP_DETECT_##kind,
enum sp_detect_kind {
	SP_DETECTORS(SP_DETECT_KIND)
	SP_DETECT_KINDS
};

#define SP_DETECT_BEHIND 8	/* bytes before a match that its finder may look at */
#define SP_DETECT_MAX 512	/* no match of the others, with what is looked at behind it, is longer */
#define SP_DETECT_JWT_HEAD 4096 /* base64 bytes of a JWT's header; the whole may be SP_MASK_BLOCK_MAX long */

/* The text around an anchor. */
struct sp_detect {
	const uint8_t *p;
	size_t lo, hi;		  /* the value is p[lo, hi) */
	bool is_final;		  /* the value ends at hi; otherwise more may follow */
	const uint8_t *transform; /* by kind; 0 = not wanted */
	struct sp_spans *out;
	size_t undecided; /* lowest start of a long match that needs bytes past hi; SIZE_MAX if none */
	/* What the long finders have seen, so that no byte is looked at again for each anchor; all 0 at first. */
	size_t run_from, run_to; /* [run_from, run_to) is base64url */
	size_t pem_from, pem_to; /* no END line begins in [pem_from, pem_to) */
};

/* The byte at i, or -1 outside the value. */
static inline int
sp_detect_at(const struct sp_detect *d, size_t i)
{
	return i >= d->lo && i < d->hi ? d->p[i] : -1;
}

static inline void
sp_detect_found(struct sp_detect *d, enum sp_detect_kind kind, size_t start, size_t end)
{
	sp_span_add(d->out, start, end, (uint8_t)kind, d->transform[kind]);
}

static inline bool
sp_detect_wants(const struct sp_detect *d, enum sp_detect_kind kind)
{
	return d->transform[kind] != 0;
}

static inline void
sp_detect_undecided(struct sp_detect *d, size_t start)
{
	if (start < d->undecided)
		d->undecided = start;
}

struct sp_detect_info {
	const char *name;
	bool is_secret;	  /* member of the group "secret"; no part of it may be shown */
	uint32_t anchors; /* SP_ANCHOR_* */
};
extern const struct sp_detect_info sp_detect_table[SP_DETECT_KINDS];

/* Runs the finders of the anchor at byte at (flags: SP_ANCHOR_*). */
void sp_detect_run(struct sp_detect *d, size_t at, uint32_t flags);
/* Whether no match, but those that set undecided, lies on both sides of this byte. */
bool sp_detect_is_break(uint8_t c);

/* The finders; at is where the anchor says (mask/anchor.h). */
void sp_number_group(struct sp_detect *d, size_t at); /* card in groups, phone */
void sp_number_ssn(struct sp_detect *d, size_t at);
void sp_number_pairs(struct sp_detect *d, size_t at); /* phone */
void sp_number_run(struct sp_detect *d, size_t at);   /* card */
void sp_number_plus(struct sp_detect *d, size_t at);  /* phone */
void sp_netaddr_ipv4(struct sp_detect *d, size_t at);
void sp_netaddr_ipv6(struct sp_detect *d, size_t at);
void sp_email_find(struct sp_detect *d, size_t at);
void sp_iban_find(struct sp_detect *d, size_t at);
void sp_token_jwt(struct sp_detect *d, size_t at);
void sp_token_aws_access(struct sp_detect *d, size_t at);
void sp_token_aws_secret(struct sp_detect *d, size_t at);
void sp_token_github(struct sp_detect *d, size_t at);
void sp_token_slack(struct sp_detect *d, size_t at);
void sp_token_slack_hook(struct sp_detect *d, size_t at);
void sp_pem_find(struct sp_detect *d, size_t at);

#endif
