/* SPDX-License-Identifier: Apache-2.0 */
#include "session-agent/policy_copy.h"

#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "lib/ipc.h"
#include "policy/image.h"
#include "runtime/log.h"
#include "runtime/memfd.h"

struct sp_policy_copy {
	struct sp_policy_image *image;
	const void *map;
	size_t size;
	uint64_t version;
	uint8_t digest[SP_POLICY_COPY_DIGEST];
};

static int
copy_head(const struct sp_ipc_msg *msg, struct sp_buf *body, struct sp_policy_copy *c)
{
	struct sp_view digest;
	int r = sp_buf_get_u64(body, &c->version);

	if (r == 0)
		r = sp_buf_get_view(body, sizeof(c->digest), &digest);
	if (r == 0 && (digest.len != sizeof(c->digest) || msg->nfds != 1))
		r = SP_ERR_PROTOCOL;
	if (r == 0)
		memcpy(c->digest, digest.data, sizeof(c->digest));
	return r;
}

/* The bytes are what was announced. */
static int
copy_check(const struct sp_policy_copy *c)
{
	uint8_t digest[SP_POLICY_COPY_DIGEST];

	if (EVP_Digest(c->map, c->size, digest, NULL, EVP_sha256(), NULL) != 1)
		return SP_ERR_CRYPTO;
	return memcmp(digest, c->digest, sizeof(digest)) == 0 ? 0 : SP_ERR_SIGNATURE;
}

int
sp_policy_copy_read(const struct sp_ipc_msg *msg, struct sp_buf *body, struct sp_policy_copy **ret_c)
{
	struct sp_policy_copy *c = calloc(1, sizeof(*c));
	int r;

	if (c == NULL)
		return SP_ERR_NOMEM;
	r = copy_head(msg, body, c);
	if (r == 0)
		r = sp_memfd_map(msg->fds[0], SP_POLICY_IMAGE_MAX, &c->map, &c->size);
	if (r == 0)
		r = copy_check(c);
	if (r == 0)
		r = sp_policy_image_open(c->map, c->size, &c->image);
	if (r == 0 && sp_policy_image_version(c->image) != c->version)
		r = SP_ERR_SIGNATURE;
	if (r != 0) {
		sp_log_err("policy version %llu is refused: %s", (unsigned long long)c->version,
		    r == SP_ERR_SIGNATURE ? "its bytes are not those that were announced" : sp_err_str(r));
		sp_policy_copy_free(c);
		return r;
	}
	*ret_c = c;
	return 0;
}

void
sp_policy_copy_free(struct sp_policy_copy *c)
{
	if (c == NULL)
		return;
	sp_policy_image_free(c->image);
	if (c->map != NULL)
		(void)munmap((void *)(uintptr_t)c->map, c->size);
	free(c);
}

const struct sp_policy_image *
sp_policy_copy_image(const struct sp_policy_copy *c)
{
	return c == NULL ? NULL : c->image;
}

uint64_t
sp_policy_copy_version(const struct sp_policy_copy *c)
{
	return c->version;
}

const uint8_t *
sp_policy_copy_digest(const struct sp_policy_copy *c)
{
	return c->digest;
}
