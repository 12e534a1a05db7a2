/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/ssh_known.h"

#include <ctype.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "lib/text.h"
#include "proto/ssh_key.h"

#define KNOWN_HASHED "|1|"
#define KNOWN_SHA1 20
#define KNOWN_HASHED_MAX 64 /* bytes of salt or hash in base64 */
#define KNOWN_PATTERN_MAX 512
#define KNOWN_NAME_MAX (SP_SSH_KNOWN_HOST_MAX + 16)

static const char *const known_markers[] = { [SP_SSH_KNOWN_KEY] = "", [SP_SSH_KNOWN_AUTHORITY] = "@cert-authority",
	[SP_SSH_KNOWN_REVOKED] = "@revoked" };

/* One reading of a file. */
struct known {
	char name[KNOWN_NAME_MAX];  /* "[host]:port" */
	char plain[KNOWN_NAME_MAX]; /* host */
	struct sp_buf *blob;	    /* the key of the line, on the wire */
	struct sp_buf *salt, *hash; /* of its name */
	struct sp_buf *out;
	size_t begin; /* of what is ours in out */
	unsigned lines;
	const char *why;
};

/* --- words ------------------------------------------------------------------------------------------------- */

static bool
known_is(struct sp_view v, const char *s)
{
	return v.len == strlen(s) && memcmp(v.data, s, v.len) == 0;
}

/* Up to a byte that ends it, or the end; *text goes behind. */
static struct sp_view
known_cut(struct sp_view *text, char end)
{
	const uint8_t *p = text->len > 0 ? memchr(text->data, end, text->len) : NULL;
	struct sp_view v = { text->data, p != NULL ? (size_t)(p - text->data) : text->len };
	size_t taken = v.len + (p != NULL ? 1 : 0);

	if (taken > 0)
		text->data += taken;
	text->len -= taken;
	return v;
}

/* The next word of a line; empty at its end. */
static struct sp_view
known_word(struct sp_view *line)
{
	struct sp_view v;

	while (line->len > 0 && (line->data[0] == ' ' || line->data[0] == '\t')) {
		line->data++;
		line->len--;
	}
	v.data = line->data;
	for (v.len = 0; v.len < line->len && line->data[v.len] != ' ' && line->data[v.len] != '\t'; v.len++)
		;
	if (v.len > 0)
		line->data += v.len;
	line->len -= v.len;
	return v;
}

static int
known_fault(struct known *k, int err, const char *why)
{
	k->why = why;
	return err;
}

/* --- names ------------------------------------------------------------------------------------------------- */

/* Of bounded work: a star is only ever tried again for the last one seen. The name is in lower case. */
static bool
known_matches(const uint8_t *p, size_t n, const char *name)
{
	size_t i = 0, j = 0, star = SIZE_MAX, from = 0, len = strlen(name);

	while (j < len) {
		if (i < n && p[i] == '*') {
			star = i++;
			from = j;
		} else if (i < n && (p[i] == '?' || tolower(p[i]) == (unsigned char)name[j])) {
			i++;
			j++;
		} else if (star != SIZE_MAX) {
			i = star + 1;
			j = ++from;
		} else {
			return false;
		}
	}
	while (i < n && p[i] == '*')
		i++;
	return i == n;
}

static int
known_decode(struct sp_buf *b, struct sp_view v)
{
	sp_buf_reset(b);
	return sp_text_base64_decode(b, (const char *)v.data, v.len);
}

/* Salt and hash of "|1|salt|hash". */
static int
known_read_hashed(struct known *k, struct sp_view names)
{
	struct sp_view rest = { names.data + strlen(KNOWN_HASHED), names.len - strlen(KNOWN_HASHED) };
	struct sp_view salt = known_cut(&rest, '|');
	int r = salt.len > KNOWN_HASHED_MAX || rest.len > KNOWN_HASHED_MAX ? SP_ERR_FORMAT : known_decode(k->salt, salt);

	if (r == 0)
		r = known_decode(k->hash, rest);
	if (r == SP_ERR_NOMEM)
		return r;
	if (r != 0 || sp_buf_len(k->salt) != KNOWN_SHA1 || sp_buf_len(k->hash) != KNOWN_SHA1)
		return known_fault(k, SP_ERR_FORMAT, "its hashed name cannot be read");
	return 0;
}

/* HMAC-SHA1 of the one name. */
static int
known_is_hashed(struct known *k, const char *name, bool *ret_is)
{
	uint8_t mac[EVP_MAX_MD_SIZE];
	unsigned n = 0;

	if (HMAC(EVP_sha1(), sp_buf_data(k->salt), KNOWN_SHA1, (const uint8_t *)name, strlen(name), mac, &n) == NULL)
		return SP_ERR_CRYPTO;
	*ret_is = n == KNOWN_SHA1 && CRYPTO_memcmp(mac, sp_buf_data(k->hash), KNOWN_SHA1) == 0;
	return 0;
}

/* Whether one of the names means this one, and none excepts it. */
static int
known_is_listed(struct known *k, struct sp_view names, const char *name, bool *ret_is)
{
	bool is_found = false, is_excepted = false;

	while (names.len > 0) {
		struct sp_view one = known_cut(&names, ',');
		bool is_except = one.len > 0 && one.data[0] == '!';

		if (one.len > KNOWN_PATTERN_MAX)
			return known_fault(k, SP_ERR_LIMIT, "one of its names is too long");
		if (!known_matches(one.data + is_except, one.len - is_except, name))
			continue;
		is_excepted = is_excepted || is_except;
		is_found = true;
	}
	*ret_is = is_found && !is_excepted;
	return 0;
}

static int
known_means(struct known *k, struct sp_view names, enum sp_ssh_known_what what, bool *ret_is)
{
	const char *all[] = { k->name, k->plain };
	size_t i, n = what == SP_SSH_KNOWN_KEY ? 1 : 2;
	bool is_hashed = names.data[0] == '|';
	int r = 0;

	*ret_is = false;
	if (is_hashed && (names.len < strlen(KNOWN_HASHED) || memcmp(names.data, KNOWN_HASHED, strlen(KNOWN_HASHED)) != 0))
		return known_fault(k, SP_ERR_FORMAT, "its name is hashed in a way that is not known");
	if (is_hashed)
		r = known_read_hashed(k, names);
	for (i = 0; r == 0 && i < n && !*ret_is; i++)
		r = is_hashed ? known_is_hashed(k, all[i], ret_is) : known_is_listed(k, names, all[i], ret_is);
	return r;
}

/* --- lines ------------------------------------------------------------------------------------------------- */

/* The marker, if there is one; *line goes behind. */
static int
known_marker(struct sp_view *line, enum sp_ssh_known_what *ret_what)
{
	struct sp_view rest = *line, word = known_word(&rest);

	*ret_what = SP_SSH_KNOWN_KEY;
	if (word.len == 0 || word.data[0] != '@')
		return 0;
	if (known_is(word, known_markers[SP_SSH_KNOWN_AUTHORITY]))
		*ret_what = SP_SSH_KNOWN_AUTHORITY;
	else if (known_is(word, known_markers[SP_SSH_KNOWN_REVOKED]))
		*ret_what = SP_SSH_KNOWN_REVOKED;
	else
		return SP_ERR_FORMAT;
	*line = rest;
	return 0;
}

/* The key on the wire, which must be of the type it says. */
static int
known_read_key(struct known *k, const struct sp_ssh_known *e)
{
	struct sp_buf *b;
	struct sp_view type = { NULL, 0 };
	int r;

	if (e->base64.len == 0)
		return known_fault(k, SP_ERR_FORMAT, "it has no key");
	r = known_decode(k->blob, e->base64);
	if (r == SP_ERR_NOMEM)
		return r;
	if (r != 0)
		return known_fault(k, SP_ERR_FORMAT, "its key is no base64, or too long");
	b = sp_buf_from(sp_buf_data(k->blob), sp_buf_len(k->blob));
	if (b == NULL)
		return SP_ERR_NOMEM;
	r = sp_buf_get_view(b, SP_SSH_KEY_BLOB_MAX, &type);
	if (r != 0 || type.len == 0 || type.len != e->type.len || memcmp(type.data, e->type.data, type.len) != 0)
		r = known_fault(k, SP_ERR_FORMAT, "its key is not of the type that it says");
	sp_buf_free(b);
	return r;
}

/* Whether the key is one that a host may prove. */
static int
known_is_taken(struct known *k, bool *ret_is)
{
	struct sp_view blob = { sp_buf_data(k->blob), sp_buf_len(k->blob) };
	struct sp_ssh_key *key = NULL;
	int r = sp_ssh_key_public(blob, &key);

	*ret_is = r == 0;
	sp_ssh_key_free(key);
	if (r == SP_ERR_FORMAT || r == SP_ERR_LIMIT)
		return known_fault(k, SP_ERR_FORMAT, "its key cannot be read");
	return r == SP_ERR_NOMEM ? r : 0;
}

/* Whether the line that begins at last is one of those before it. */
static bool
known_is_there(const struct known *k, size_t last)
{
	struct sp_view old = { sp_buf_data(k->out) + k->begin, last - k->begin };
	const uint8_t *line = sp_buf_data(k->out) + last;
	size_t n = sp_buf_len(k->out) - last - 1;

	while (old.len > 0) {
		struct sp_view one = known_cut(&old, '\n');

		if (one.len == n && memcmp(one.data, line, n) == 0)
			return true;
	}
	return false;
}

static int
known_put(struct known *k, const struct sp_ssh_known *e)
{
	size_t before = sp_buf_len(k->out);
	int r = sp_buf_putf(k->out, "%s%s%.*s %.*s\n", known_markers[e->what], e->what == SP_SSH_KNOWN_KEY ? "" : " ",
	    (int)e->type.len, (const char *)e->type.data, (int)e->base64.len, (const char *)e->base64.data);

	if (r != 0)
		return r == SP_ERR_LIMIT ? known_fault(k, r, "the host has too many lines") : r;
	if (known_is_there(k, before))
		return sp_buf_unput(k->out, sp_buf_len(k->out) - before);
	return ++k->lines > SP_SSH_KNOWN_LINES_MAX ? known_fault(k, SP_ERR_LIMIT, "the host has too many lines") : 0;
}

/* A line's part in it, if it means the host. */
static int
known_line(struct known *k, struct sp_view line)
{
	struct sp_ssh_known e = { 0 };
	struct sp_view names;
	bool is_it = false, is_taken = false;
	int r = known_marker(&line, &e.what);

	if (r != 0)
		return known_fault(k, r, "its marker is not known");
	if (memchr(line.data, '\0', line.len) != NULL)
		return known_fault(k, SP_ERR_FORMAT, "it holds a NUL");
	names = known_word(&line);
	e.type = known_word(&line);
	e.base64 = known_word(&line);
	if (names.len == 0)
		return known_fault(k, SP_ERR_FORMAT, "it names no host");
	r = known_read_key(k, &e);
	if (r == 0)
		r = known_means(k, names, e.what, &is_it);
	if (r != 0 || !is_it)
		return r;
	r = known_is_taken(k, &is_taken);
	return r == 0 && (is_taken || e.what == SP_SSH_KNOWN_REVOKED) ? known_put(k, &e) : r;
}

static int
known_begin(struct known *k, const char *host, uint16_t port, struct sp_buf *out)
{
	size_t i;

	if (host[0] == '\0' || strlen(host) > SP_SSH_KNOWN_HOST_MAX || port == 0)
		return SP_ERR_INVALID;
	for (i = 0; host[i] != '\0'; i++)
		k->plain[i] = (char)tolower((unsigned char)host[i]);
	(void)snprintf(k->name, sizeof(k->name), port == 22 ? "%s" : "[%s]:%u", k->plain, (unsigned)port);
	k->blob = sp_buf_new(SP_SSH_KEY_BLOB_MAX);
	k->salt = sp_buf_new(KNOWN_HASHED_MAX);
	k->hash = sp_buf_new(KNOWN_HASHED_MAX);
	k->out = out;
	k->begin = sp_buf_len(out);
	return k->blob == NULL || k->salt == NULL || k->hash == NULL ? SP_ERR_NOMEM : 0;
}

int
sp_ssh_known_find(struct sp_view text, const char *host, uint16_t port, struct sp_buf *out,
    struct sp_ssh_known_fault *ret_fault)
{
	struct known k = { .why = "" };
	int r = known_begin(&k, host, port, out);

	ret_fault->line = 0;
	if (r == 0 && text.len > SP_SSH_KNOWN_MAX)
		r = known_fault(&k, SP_ERR_LIMIT, "it is too long");
	while (r == 0 && text.len > 0) {
		struct sp_view line = known_cut(&text, '\n'), rest, first;

		ret_fault->line++;
		if (line.len > 0 && line.data[line.len - 1] == '\r')
			line.len--;
		rest = line;
		first = known_word(&rest);
		if (first.len > 0 && first.data[0] != '#')
			r = known_line(&k, line);
	}
	if (r == 0)
		ret_fault->line = 0;
	ret_fault->why = k.why;
	sp_buf_free(k.blob);
	sp_buf_free(k.salt);
	sp_buf_free(k.hash);
	return r;
}

int
sp_ssh_known_next(struct sp_view *text, struct sp_ssh_known *ret_known)
{
	struct sp_view line;
	int r;

	if (text->len == 0)
		return SP_ERR_NOT_FOUND;
	line = known_cut(text, '\n');
	r = known_marker(&line, &ret_known->what);
	if (r != 0)
		return r;
	ret_known->type = known_word(&line);
	ret_known->base64 = known_word(&line);
	return ret_known->type.len == 0 || ret_known->base64.len == 0 || known_word(&line).len != 0 ? SP_ERR_FORMAT : 0;
}
