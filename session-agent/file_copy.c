/* SPDX-License-Identifier: Apache-2.0 */
#include "session-agent/file_copy.h"

#include <errno.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "lib/quarantine.h"
#include "lib/text.h"
#include "policy/file.h"
#include "policy/limits.h"
#include "recorder/event.h"
#include "runtime/log.h"

#define COPY_LOOK ((uint64_t)16 * 1024 * 1024) /* bytes between two looks at the free space */

struct sp_file_copy {
	struct sp_session *session;
	int fd, error;
	uint64_t number, bytes, looked;
	EVP_MD_CTX *md;
	char id[SP_QUARANTINE_ID_MAX + 1];
};

int
sp_file_copy_new(struct sp_session *s, int fd, uint64_t number, struct sp_file_copy **ret_copy)
{
	struct sp_file_copy *c = calloc(1, sizeof(*c));

	if (c == NULL) {
		(void)close(fd);
		return SP_ERR_NOMEM;
	}
	c->session = s;
	c->fd = fd;
	c->number = number;
	sp_quarantine_id(sp_session_id(s), number, c->id);
	c->md = EVP_MD_CTX_new();
	if (c->md == NULL || EVP_DigestInit_ex(c->md, EVP_sha256(), NULL) != 1) {
		sp_file_copy_free(c);
		return SP_ERR_CRYPTO;
	}
	*ret_copy = c;
	return 0;
}

void
sp_file_copy_free(struct sp_file_copy *c)
{
	if (c == NULL)
		return;
	(void)close(c->fd);
	EVP_MD_CTX_free(c->md);
	free(c);
}

/* All of it, or an error; a disk that fills is felt before it is full. */
static int
copy_write(struct sp_file_copy *c, const uint8_t *p, size_t n)
{
	struct statvfs fs;

	if (c->bytes == 0 || c->bytes + n - c->looked > COPY_LOOK) {
		c->looked = c->bytes;
		if (fstatvfs(c->fd, &fs) != 0 || (uint64_t)fs.f_bavail * fs.f_frsize < SP_QUARANTINE_RESERVE)
			return SP_ERR_SYSTEM;
	}
	while (n > 0) {
		ssize_t k = write(c->fd, p, n);

		if (k < 0 && errno == EINTR)
			continue;
		if (k <= 0)
			return SP_ERR_SYSTEM;
		if (EVP_DigestUpdate(c->md, p, (size_t)k) != 1)
			return SP_ERR_CRYPTO;
		c->bytes += (uint64_t)k;
		p += k;
		n -= (size_t)k;
	}
	return 0;
}

int
sp_file_copy_add(struct sp_file_copy *c, uint64_t offset, const void *p, size_t n)
{
	if (c->error == 0 && offset != c->bytes)
		c->error = SP_ERR_INVALID;
	if (c->error == 0 && n > SP_QUARANTINE_FILE_MAX - c->bytes)
		c->error = SP_ERR_LIMIT;
	if (c->error == 0)
		c->error = copy_write(c, p, n);
	return c->error;
}

bool
sp_file_copy_is_whole(const struct sp_file_copy *c)
{
	return c->error == 0;
}

const char *
sp_file_copy_id(const struct sp_file_copy *c)
{
	return c->id;
}

static void
copy_note(struct sp_session *s, const char *status, const char *id, const char *text)
{
	struct sp_buf *e = sp_session_event(s);

	sp_event_begin(e, SP_EVENT_NOTE, sp_event_now());
	sp_event_put_cstring(e, SP_FIELD_STATUS, status);
	sp_event_put_cstring(e, SP_FIELD_TEXT, text);
	if (sp_session_record_late(s) != 0)
		sp_log_warn("quarantine: %s: %s%s%s", status, text, id[0] != '\0' ? ": " : "", id);
}

static void
on_kept(int err, const char *message, void *ctx)
{
	copy_note(ctx, err == 0 ? "quarantined" : "not quarantined", "", message);
}

void
sp_file_copy_keep(struct sp_file_copy *c, const struct sp_file_copy_about *about)
{
	struct sp_buf *path = sp_buf_new(8 * SP_FILE_PATH_MAX);
	struct sp_session_copy_keep k = {.number = c->number,
	    .connection = about->connection,
	    .reason = about->reason,
	    .is_upload = about->is_upload,
	    .is_complete = about->is_complete && c->error == 0,
	    .size = c->bytes,
	    .fd = c->fd};
	int r =
	    path == NULL ? SP_ERR_NOMEM : sp_text_escape(path, about->path, strlen(about->path), SP_FILE_PATH_MAX * 4);

	if (r == 0)
		r = sp_buf_put(path, "", 1);
	if (r == 0 && EVP_DigestFinal_ex(c->md, k.sha256, NULL) != 1)
		r = SP_ERR_CRYPTO;
	if (r == 0 && fdatasync(c->fd) != 0)
		r = SP_ERR_SYSTEM;
	if (r == 0) {
		k.path = (const char *)sp_buf_data(path);
		r = sp_session_copy_keep(c->session, &k, on_kept, c->session);
	}
	if (r != 0)
		copy_note(c->session, "not quarantined", c->id, sp_err_str(r));
	sp_buf_free(path);
}
