/* SPDX-License-Identifier: Apache-2.0 */
#include "session-agent/host_ca.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/text.h"
#include "proto/ssh_cert.h"
#include "runtime/log.h"

#define CA_COMMENT "sallyport host-ca"
#define CA_NOBODY "sallyport.invalid"
#define CA_SUFFIX "-cert-v01@openssh.com"
#define CA_NAMES_MAX ((size_t)32 * 1024) /* bytes, with their lengths */

struct sp_host_ca {
	struct sp_ssh_key *key;
	struct sp_buf *names;	  /* those that are offered, as in a certificate */
	struct sp_buf *certified; /* those of the one there is */
	unsigned nnames;
	int64_t again; /* it is made anew then */
};

/* All there or not there. */
static int
ca_write_file(const char *path, mode_t mode, const struct sp_buf *text)
{
	char temporary[sizeof(SP_HOST_CA_CERTIFICATE) + 4];
	int fd, r = SP_ERR_SYSTEM;

	(void)snprintf(temporary, sizeof(temporary), "%s.new", path);
	(void)unlink(temporary);
	fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return r;
	if (write(fd, sp_buf_data(text), sp_buf_len(text)) == (ssize_t)sp_buf_len(text) && fchmod(fd, mode) == 0 &&
	    fsync(fd) == 0 && rename(temporary, path) == 0)
		r = 0;
	(void)close(fd);
	return r;
}

/* A file of root's, that nobody else reads if it is secret. NOT_FOUND: there is none. */
static int
ca_read(const char *path, bool is_secret, struct sp_buf *text)
{
	int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	struct stat st;
	uint8_t *room;
	int r;

	if (fd < 0)
		return errno == ENOENT ? SP_ERR_NOT_FOUND : SP_ERR_SYSTEM;
	r = fstat(fd, &st) != 0 ? SP_ERR_SYSTEM : 0;
	if (r == 0 && (!S_ISREG(st.st_mode) || st.st_uid != 0 || (st.st_mode & (is_secret ? 077 : 022)) != 0))
		r = SP_ERR_DENIED;
	if (r == 0 && (st.st_size <= 0 || (size_t)st.st_size > SP_SSH_KEY_TEXT_MAX))
		r = SP_ERR_FORMAT;
	if (r == 0)
		r = sp_buf_reserve(text, (size_t)st.st_size, &room);
	if (r == 0 && read(fd, room, (size_t)st.st_size) != st.st_size)
		r = SP_ERR_SYSTEM;
	(void)close(fd);
	return r;
}

static int
ca_write_public(const struct sp_ssh_key *ca)
{
	struct sp_buf *line = sp_buf_new(SP_SSH_KEY_TEXT_MAX);
	struct sp_view blob = sp_ssh_key_blob(ca);
	int r;

	if (line == NULL)
		return SP_ERR_NOMEM;
	sp_buf_putf(line, "%s ", sp_ssh_key_type(ca));
	sp_text_base64_encode(line, blob.data, blob.len);
	r = sp_buf_putf(line, " %s\n", CA_COMMENT);
	if (r == 0)
		r = ca_write_file(SP_HOST_CA_PUBLIC, 0644, line);
	sp_buf_free(line);
	return r;
}

/* A fresh key, and its file. */
static int
ca_fresh(struct sp_ssh_key **ret_key)
{
	struct sp_buf *text = sp_buf_new(SP_SSH_KEY_TEXT_MAX);
	int r = text == NULL ? SP_ERR_NOMEM : sp_ssh_key_fresh(text);

	if (r == 0)
		r = sp_ssh_key_private(sp_buf_data(text), sp_buf_len(text), ret_key);
	if (r == 0)
		r = ca_write_file(SP_HOST_CA_KEY, 0600, text);
	sp_buf_free(text);
	return r;
}

static int
ca_load(struct sp_ssh_key **ret_key)
{
	struct sp_buf *text = sp_buf_new(SP_SSH_KEY_TEXT_MAX);
	int r = text == NULL ? SP_ERR_NOMEM : ca_read(SP_HOST_CA_KEY, true, text);

	if (r == 0)
		r = sp_ssh_key_private(sp_buf_data(text), sp_buf_len(text), ret_key);
	else if (r == SP_ERR_NOT_FOUND)
		r = ca_fresh(ret_key);
	if (r == 0)
		r = ca_write_public(*ret_key);
	sp_buf_free(text);
	return r;
}

int
sp_host_ca_new(struct sp_host_ca **ret_ca)
{
	struct sp_host_ca *ca = calloc(1, sizeof(*ca));
	int r;

	if (ca == NULL)
		return SP_ERR_NOMEM;
	ca->names = sp_buf_new(CA_NAMES_MAX);
	ca->certified = sp_buf_new(CA_NAMES_MAX);
	r = ca->names == NULL || ca->certified == NULL ? SP_ERR_NOMEM : ca_load(&ca->key);
	if (r == 0) {
		*ret_ca = ca;
		return 0;
	}
	sp_ssh_key_free(ca->key);
	sp_buf_free(ca->names);
	sp_buf_free(ca->certified);
	free(ca);
	return r;
}

/* --- the certificate ------------------------------------------------------------------------------------------ */

static void
ca_add_name(void *ctx, const char *name)
{
	struct sp_host_ca *ca = ctx;

	if (ca->nnames++ < SP_HOST_CA_NAMES_MAX)
		sp_buf_put_cstring(ca->names, name);
}

/* TYPE BASE64 [COMMENT]: the machine's own host key. */
static int
ca_host_key(struct sp_ssh_key **ret_key)
{
	struct sp_buf *text = sp_buf_new(SP_SSH_KEY_TEXT_MAX), *blob = sp_buf_new(SP_SSH_KEY_BLOB_MAX);
	int r = text == NULL || blob == NULL ? SP_ERR_NOMEM : ca_read(SP_HOST_CA_HOST_KEY, false, text);

	if (r == 0)
		r = sp_buf_put_u8(text, 0);
	if (r == 0) {
		const char *line = (const char *)sp_buf_data(text), *word = line + strcspn(line, " ");

		word += strspn(word, " ");
		r = sp_text_base64_decode(blob, word, strcspn(word, " \r\n"));
	}
	if (r == 0)
		r = sp_ssh_key_public((struct sp_view){ sp_buf_data(blob), sp_buf_len(blob) }, ret_key);
	sp_buf_free(text);
	sp_buf_free(blob);
	return r;
}

static int
ca_write_certificate(const struct sp_host_ca *ca, int64_t now)
{
	struct sp_ssh_cert_terms terms = { .is_host = true, .key_id = CA_COMMENT, .principal = "", .command = "", .source_address = "",
		.names = { sp_buf_data(ca->names), sp_buf_len(ca->names) } };
	const size_t most = SP_SSH_KEY_BLOB_MAX + CA_NAMES_MAX;
	struct sp_buf *blob = sp_buf_new(most), *line = sp_buf_new(2 * most);
	struct sp_ssh_key *key = NULL;
	int r = blob == NULL || line == NULL ? SP_ERR_NOMEM : ca_host_key(&key);

	if (r == 0 && now <= SP_HOST_CA_SKEW)
		r = SP_ERR_INVALID;
	if (r == 0 && RAND_bytes((uint8_t *)&terms.serial, sizeof(terms.serial)) != 1)
		r = SP_ERR_CRYPTO;
	if (r == 0) {
		terms.valid_after = (uint64_t)(now - SP_HOST_CA_SKEW);
		terms.valid_before = (uint64_t)(now + SP_HOST_CA_VALID);
		r = sp_ssh_cert_write(&terms, key, ca->key, blob);
	}
	if (r == 0) {
		sp_buf_putf(line, "%s%s ", sp_ssh_key_type(key), CA_SUFFIX);
		sp_text_base64_encode(line, sp_buf_data(blob), sp_buf_len(blob));
		r = sp_buf_put(line, "\n", 1);
	}
	if (r == 0)
		r = ca_write_file(SP_HOST_CA_CERTIFICATE, 0644, line);
	sp_ssh_key_free(key);
	sp_buf_free(blob);
	sp_buf_free(line);
	return r;
}

void
sp_host_ca_certify(struct sp_host_ca *ca, const struct sp_forward *f, int64_t now)
{
	bool is_same;
	int r;

	if (ca == NULL)
		return;
	sp_buf_reset(ca->names);
	ca->nnames = 0;
	sp_forward_hosts(f, ca_add_name, ca);
	if (ca->nnames == 0) /* without a certificate sshd complains, and one without names is for all */
		ca_add_name(ca, CA_NOBODY);
	is_same = sp_buf_len(ca->names) == sp_buf_len(ca->certified) &&
	    memcmp(sp_buf_data(ca->names), sp_buf_data(ca->certified), sp_buf_len(ca->names)) == 0;
	if (is_same && now < ca->again && now >= ca->again - SP_HOST_CA_AGAIN)
		return;
	if (ca->nnames > SP_HOST_CA_NAMES_MAX)
		sp_log_err("a certificate has %d names at most: not all hosts can be known by it with ssh -J", SP_HOST_CA_NAMES_MAX);
	r = ca_write_certificate(ca, now);
	if (r != 0)
		sp_log_err("hosts cannot be known with ssh -J: " SP_HOST_CA_CERTIFICATE ": %s", sp_err_str(r));
	else
		sp_log_info("host certificate for %u names", ca->nnames);
	ca->again = now + (r == 0 ? SP_HOST_CA_AGAIN : SP_HOST_CA_RETRY);
	sp_buf_reset(ca->certified);
	if (sp_buf_put(ca->certified, sp_buf_data(ca->names), sp_buf_len(ca->names)) != 0)
		sp_buf_reset(ca->certified); /* it is made again next time */
}
