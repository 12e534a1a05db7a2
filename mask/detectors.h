/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of detectors: X(kind, name, whether it is a secret, anchors). A secret is in the group "secret", and no
 * part of it may be shown; the anchors are those of mask/anchor.h of which each match has one inside it. Names
 * alone, for those who only check what a policy says: no other header of mask is needed to read it.
 */
#ifndef SALLYPORT_MASK_DETECTORS_H
#define SALLYPORT_MASK_DETECTORS_H

/* clang-format off */
#define SP_DETECTORS(X)                                                              \
	X(CARD, "credit_card", false, SP_ANCHOR_GROUP | SP_ANCHOR_RUN)               \
	X(EMAIL, "email", false, SP_ANCHOR_AT)                                       \
	X(SSN, "us_ssn", false, SP_ANCHOR_SSN)                                       \
	X(IBAN, "iban", false, SP_ANCHOR_IBAN)                                       \
	X(PHONE, "phone", false, SP_ANCHOR_GROUP | SP_ANCHOR_PAIRS | SP_ANCHOR_PLUS) \
	X(IPV4, "ipv4", false, SP_ANCHOR_DOTS)                                       \
	X(IPV6, "ipv6", false, SP_ANCHOR_COLON)                                      \
	X(JWT, "jwt", true, SP_ANCHOR_EYJ)                                           \
	X(PRIVATE_KEY, "private_key", true, SP_ANCHOR_PEM)                           \
	X(AWS_ACCESS, "aws_access_key", true, SP_ANCHOR_AWS)                         \
	X(AWS_SECRET, "aws_secret_key", true, SP_ANCHOR_B64)                         \
	X(GITHUB, "github_token", true, SP_ANCHOR_GH)                                \
	X(SLACK, "slack_token", true, SP_ANCHOR_PEM | SP_ANCHOR_EYJ)
/* clang-format on */

#define SP_DETECTORS_SECRET "secret" /* the group */

#endif
