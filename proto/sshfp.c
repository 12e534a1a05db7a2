/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/sshfp.h"

#include <arpa/nameser.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <resolv.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define SSHFP_HEADER 12
#define SSHFP_SHA256 2
#define SSHFP_RR 10 /* bytes between a record's name and its data */
#define SSHFP_FLAG_RESPONSE 0x80u
#define SSHFP_FLAG_CUT 0x02u
#define SSHFP_FLAG_VALIDATED 0x20u /* AD, RFC 4035 section 3.2.3 */
#define SSHFP_RCODE 0x0fu

static const struct {
	const char *type;
	uint8_t algorithm;
} sshfp_types[] = { { "ssh-rsa", 1 }, { "ecdsa-sha2-nistp256", 3 }, { "ecdsa-sha2-nistp384", 3 }, { "ecdsa-sha2-nistp521", 3 },
	{ "ssh-ed25519", 4 } };

struct sshfp_reader {
	struct sp_view all;
	size_t at;
	char name[NS_MAXDNAME]; /* of the record read last */
	char wanted[NS_MAXDNAME]; /* what is asked for, or its alias */
};

static unsigned
sshfp_u16(const uint8_t *p)
{
	return (unsigned)p[0] << 8 | p[1];
}

static int
sshfp_name(const struct sshfp_reader *r, size_t at, char *name, size_t *ret_len)
{
	int n = at < r->all.len ? dn_expand(r->all.data, r->all.data + r->all.len, r->all.data + at, name, NS_MAXDNAME) : -1;

	if (n < 0)
		return SP_ERR_FORMAT;
	*ret_len = (size_t)n;
	return 0;
}

/* One question, and ours. */
static int
sshfp_question(struct sshfp_reader *r)
{
	size_t n;

	if (sshfp_u16(r->all.data + 4) != 1 || sshfp_name(r, SSHFP_HEADER, r->name, &n) != 0)
		return SP_ERR_FORMAT;
	r->at = SSHFP_HEADER + n;
	if (r->all.len - r->at < 4 || sshfp_u16(r->all.data + r->at) != SP_SSHFP_TYPE ||
	    sshfp_u16(r->all.data + r->at + 2) != ns_c_in || strcasecmp(r->name, r->wanted) != 0)
		return SP_ERR_FORMAT;
	r->at += 4;
	return 0;
}

static bool
sshfp_is_taken(unsigned algorithm)
{
	size_t i;

	for (i = 0; i < sizeof(sshfp_types) / sizeof(sshfp_types[0]); i++)
		if (sshfp_types[i].algorithm == algorithm)
			return true;
	return false;
}

static int
sshfp_take(struct sp_sshfp_set *set, const uint8_t *p, size_t n)
{
	if (n < 2)
		return SP_ERR_FORMAT;
	if (p[1] != SSHFP_SHA256 || !sshfp_is_taken(p[0]))
		return 0;
	if (n != 2 + SP_SSHFP_SHA256_LEN)
		return SP_ERR_FORMAT;
	if (set->n == SP_SSHFP_MAX)
		return SP_ERR_LIMIT;
	set->keys[set->n].algorithm = p[0];
	memcpy(set->keys[set->n++].digest, p + 2, SP_SSHFP_SHA256_LEN);
	return 0;
}

/* The next record of the answer. */
static int
sshfp_record(struct sshfp_reader *r, struct sp_sshfp_set *set, bool *ret_is_there)
{
	const uint8_t *p;
	size_t n, len, alias;

	if (sshfp_name(r, r->at, r->name, &n) != 0)
		return SP_ERR_FORMAT;
	r->at += n;
	if (r->all.len - r->at < SSHFP_RR)
		return SP_ERR_FORMAT;
	p = r->all.data + r->at;
	len = sshfp_u16(p + 8);
	r->at += SSHFP_RR;
	if (r->all.len - r->at < len)
		return SP_ERR_FORMAT;
	r->at += len;
	if (sshfp_u16(p + 2) != ns_c_in || strcasecmp(r->name, r->wanted) != 0)
		return 0;
	if (sshfp_u16(p) == ns_t_cname)
		return sshfp_name(r, r->at - len, r->wanted, &alias) == 0 && alias == len ? 0 : SP_ERR_FORMAT;
	if (sshfp_u16(p) != SP_SSHFP_TYPE)
		return 0;
	*ret_is_there = true;
	return sshfp_take(set, p + SSHFP_RR, len);
}

static int
sshfp_header(struct sp_view answer)
{
	const uint8_t *p = answer.data;

	if (answer.len < SSHFP_HEADER || (p[2] & SSHFP_FLAG_RESPONSE) == 0 || (p[2] & SSHFP_FLAG_CUT) != 0)
		return SP_ERR_FORMAT;
	if ((p[3] & SSHFP_RCODE) != ns_r_noerror && (p[3] & SSHFP_RCODE) != ns_r_nxdomain)
		return SP_ERR_UNAVAILABLE;
	return (p[3] & SSHFP_FLAG_VALIDATED) == 0 ? SP_ERR_SIGNATURE : 0;
}

int
sp_sshfp_parse(struct sp_view answer, const char *name, struct sp_sshfp_set *ret_set)
{
	struct sshfp_reader r = { .all = answer };
	struct sp_sshfp_set set = { 0 };
	bool is_there = false;
	unsigned i, n = 0;
	int err = sshfp_header(answer);

	if (err == 0 && (answer.len > SP_SSHFP_ANSWER_MAX || strlen(name) >= sizeof(r.wanted)))
		err = SP_ERR_LIMIT;
	if (err == 0) {
		(void)snprintf(r.wanted, sizeof(r.wanted), "%s", name);
		n = sshfp_u16(answer.data + 6);
		err = n > SP_SSHFP_RECORDS_MAX ? SP_ERR_LIMIT : sshfp_question(&r);
	}
	for (i = 0; err == 0 && i < n; i++)
		err = sshfp_record(&r, &set, &is_there);
	if (err != 0)
		return err;
	if (set.n == 0)
		return is_there ? SP_ERR_UNSUPPORTED : SP_ERR_NOT_FOUND;
	*ret_set = set;
	return 0;
}

bool
sp_sshfp_has(const struct sp_sshfp_set *set, struct sp_view blob)
{
	struct sp_buf *b = sp_buf_from(blob.data, blob.len);
	struct sp_view type = { NULL, 0 };
	uint8_t digest[EVP_MAX_MD_SIZE];
	unsigned len = 0, algorithm = 0;
	size_t i;

	if (b == NULL || sp_buf_get_view(b, blob.len, &type) != 0 ||
	    EVP_Digest(blob.data, blob.len, digest, &len, EVP_sha256(), NULL) != 1 || len != SP_SSHFP_SHA256_LEN) {
		sp_buf_free(b);
		return false;
	}
	for (i = 0; i < sizeof(sshfp_types) / sizeof(sshfp_types[0]); i++)
		if (strlen(sshfp_types[i].type) == type.len && memcmp(sshfp_types[i].type, type.data, type.len) == 0)
			algorithm = sshfp_types[i].algorithm;
	sp_buf_free(b);
	for (i = 0; algorithm != 0 && i < set->n; i++)
		if (set->keys[i].algorithm == algorithm && CRYPTO_memcmp(set->keys[i].digest, digest, len) == 0)
			return true;
	return false;
}
