/* SPDX-License-Identifier: Apache-2.0 */
#include "recorder/keyfile.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "recorder/store.h"
#include "recorder/tree.h"

/* Writes a file that does not exist yet, whole or not at all. */
static int
sp_keyfile_write(int dir, const char *name, mode_t mode, const struct sp_buf *b)
{
	static const char tmp[] = "signing.new";
	int fd, r;

	if (unlinkat(dir, tmp, 0) != 0 && errno != ENOENT)
		return SP_ERR_SYSTEM;
	fd = openat(dir, tmp, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return SP_ERR_SYSTEM;
	r = sp_store_write_all(fd, sp_buf_data(b), sp_buf_len(b), 0);
	if (r == 0 && (fchmod(fd, mode) != 0 || fsync(fd) != 0 || linkat(dir, tmp, dir, name, 0) != 0))
		r = SP_ERR_SYSTEM;
	(void)close(fd);
	(void)unlinkat(dir, tmp, 0);
	if (r == 0 && fsync(dir) != 0)
		r = SP_ERR_SYSTEM;
	return r;
}

static int
sp_keyfile_load(int dir, struct sp_sign_key **ret_key)
{
	struct sp_buf *b = NULL;
	struct stat st;
	int r;

	if (fstatat(dir, SP_KEYFILE_PRIVATE, &st, AT_SYMLINK_NOFOLLOW) != 0)
		return errno == ENOENT ? SP_ERR_NOT_FOUND : SP_ERR_SYSTEM;
	if ((st.st_mode & 077) != 0 || st.st_uid != geteuid())
		return SP_ERR_FORMAT;
	r = sp_tree_slurp(dir, SP_KEYFILE_PRIVATE, SP_SIGN_PEM_MAX, &b);
	if (r == 0)
		r = sp_sign_load(sp_buf_data(b), sp_buf_len(b), ret_key);
	sp_buf_free(b);
	return r;
}

static int
sp_keyfile_make(int dir, struct sp_sign_key **ret_key)
{
	struct sp_buf *b = sp_buf_new(SP_SIGN_PEM_MAX);
	struct sp_sign_key *k = NULL;
	int r = b == NULL ? SP_ERR_NOMEM : sp_sign_generate(&k);

	if (r == 0)
		r = sp_sign_private_pem(k, b);
	if (r == 0)
		r = sp_keyfile_write(dir, SP_KEYFILE_PRIVATE, 0600, b);
	sp_buf_free(b);
	if (r != 0) {
		sp_sign_free(k);
		return r;
	}
	*ret_key = k;
	return 0;
}

int
sp_keyfile_open(int dir, struct sp_sign_key **ret_key, struct sp_sign_ring **ret_keys)
{
	struct sp_buf *b = sp_buf_new(SP_SIGN_PEM_MAX);
	struct sp_sign_key *k = NULL;
	int r = b == NULL ? SP_ERR_NOMEM : sp_keyfile_load(dir, &k);

	if (r == SP_ERR_NOT_FOUND)
		r = sp_keyfile_make(dir, &k);
	if (r == 0)
		r = sp_sign_public_pem(k, b);
	if (r == 0 && faccessat(dir, SP_KEYFILE_PUBLIC, F_OK, AT_SYMLINK_NOFOLLOW) != 0)
		r = sp_keyfile_write(dir, SP_KEYFILE_PUBLIC, 0644, b);
	if (r == 0)
		r = sp_sign_ring_load(sp_buf_data(b), sp_buf_len(b), ret_keys);
	sp_buf_free(b);
	if (r != 0) {
		sp_sign_free(k);
		return r;
	}
	*ret_key = k;
	return 0;
}
