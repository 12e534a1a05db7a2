/* SPDX-License-Identifier: Apache-2.0 */
#include "identity/keyfile.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "identity/json.h"
#include "identity/jwk.h"
#include "lib/text.h"

#define SP_KEYFILE_MAX (2 * SP_JWK_SET_BYTES) /* bytes: the document inside a JSON string may grow */

/* DIRECTORY/HEX.json, HEX being SHA-256 of the issuer. */
static int
sp_keyfile_path(const char *directory, const char *issuer, const char *suffix, char out[PATH_MAX])
{
	uint8_t digest[32];
	char hex[65];
	size_t n = 0;

	if (EVP_Q_digest(NULL, "SHA256", NULL, issuer, strlen(issuer), digest, &n) != 1 || n != sizeof(digest))
		return SP_ERR_CRYPTO;
	sp_text_hex(hex, digest, sizeof(digest));
	if (snprintf(out, PATH_MAX, "%s/%s%s", directory, hex, suffix) >= PATH_MAX)
		return SP_ERR_LIMIT;
	return 0;
}

static int
sp_keyfile_write(const char *tmp, const char *path, const char *text)
{
	int fd = open(tmp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	size_t n = strlen(text), done = 0;
	int r = 0;

	if (fd < 0)
		return SP_ERR_SYSTEM;
	while (r == 0 && done < n) {
		ssize_t w = write(fd, text + done, n - done);

		if (w > 0)
			done += (size_t)w;
		else if (w == 0 || errno != EINTR)
			r = SP_ERR_SYSTEM;
	}
	if (r == 0 && fsync(fd) != 0)
		r = SP_ERR_SYSTEM;
	if (close(fd) != 0)
		r = SP_ERR_SYSTEM;
	if (r == 0 && rename(tmp, path) != 0)
		r = SP_ERR_SYSTEM;
	if (r != 0)
		(void)unlink(tmp);
	return r;
}

int
sp_keyfile_save(
    const char *directory, const char *issuer, int64_t fetched, int64_t ttl, struct sp_view jwks, struct sp_reason *why)
{
	char path[PATH_MAX], tmp[PATH_MAX], *text = NULL;
	json_t *doc = json_pack("{s:s, s:I, s:I, s:s%}", "issuer", issuer, "fetched", (json_int_t)fetched, "ttl",
	    (json_int_t)ttl, "jwks", (const char *)jwks.data, jwks.len);
	int r = sp_keyfile_path(directory, issuer, ".json", path);

	if (r == 0)
		r = sp_keyfile_path(directory, issuer, ".new", tmp);
	if (r != 0)
		goto out;
	text = doc == NULL ? NULL : json_dumps(doc, JSON_COMPACT);
	if (text == NULL) {
		r = SP_ERR_NOMEM;
		goto out;
	}
	r = sp_keyfile_write(tmp, path, text);
	if (r != 0)
		sp_reason_set(why, r, "%s: %s", path, strerror(errno));
out:
	free(text);
	json_decref(doc);
	return r;
}

static int
sp_keyfile_read(const char *path, struct sp_buf *b, struct sp_reason *why)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY), r = 0;
	struct stat st;
	uint8_t *p;

	if (fd < 0)
		return sp_reason_set(
		    why, errno == ENOENT ? SP_ERR_NOT_FOUND : SP_ERR_SYSTEM, "%s: %s", path, strerror(errno));
	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) || st.st_uid != geteuid() || (st.st_mode & 077) != 0) {
		r = sp_reason_set(why, SP_ERR_DENIED, "%s: not a file of ours with mode 0600", path);
	} else if (st.st_size > (off_t)SP_KEYFILE_MAX) {
		r = sp_reason_set(why, SP_ERR_LIMIT, "%s: too long", path);
	} else {
		r = sp_buf_reserve(b, (size_t)st.st_size, &p);
		if (r == 0 && read(fd, p, (size_t)st.st_size) != (ssize_t)st.st_size)
			r = sp_reason_set(why, SP_ERR_SYSTEM, "%s: cannot be read", path);
	}
	(void)close(fd);
	return r;
}

int
sp_keyfile_load(const char *directory, const char *issuer, int64_t *ret_fetched, int64_t *ret_ttl, struct sp_buf *jwks,
    struct sp_reason *why)
{
	struct sp_buf *b = sp_buf_new(SP_KEYFILE_MAX);
	json_int_t fetched = 0, ttl = 0;
	const char *iss = NULL, *text = NULL;
	char path[PATH_MAX];
	json_t *doc = NULL;
	int r = b == NULL ? SP_ERR_NOMEM : sp_keyfile_path(directory, issuer, ".json", path);

	if (r == 0)
		r = sp_keyfile_read(path, b, why);
	if (r == 0)
		r = sp_json_object(sp_buf_data(b), sp_buf_len(b), SP_KEYFILE_MAX, why, &doc);
	if (r == 0)
		r = sp_json_string(doc, "issuer", why, &iss);
	if (r == 0)
		r = sp_json_string(doc, "jwks", why, &text);
	if (r == 0)
		r = sp_json_integer(doc, "fetched", why, &fetched);
	if (r == 0)
		r = sp_json_integer(doc, "ttl", why, &ttl);
	if (r == 0 && (iss == NULL || text == NULL || strcmp(iss, issuer) != 0)) {
		(void)sp_reason_set(why, SP_ERR_FORMAT, "%s: of another issuer", path);
		r = SP_ERR_FORMAT;
	}
	if (r == 0) {
		sp_buf_reset(jwks);
		r = sp_buf_put(jwks, text, strlen(text));
	}
	if (r == 0) {
		*ret_fetched = fetched;
		*ret_ttl = ttl;
	}
	json_decref(doc);
	sp_buf_free(b);
	return r;
}
