/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/sftp.h"

#include <string.h>

/* Reading with a sticky error, as the policy image's reader does. */
struct sftp_reader {
	const uint8_t *p;
	size_t n;
	bool is_bad;
};

static uint64_t
sftp_number(struct sftp_reader *r, size_t bytes)
{
	uint64_t v = 0;

	if (r->is_bad || r->n < bytes) {
		r->is_bad = true;
		return 0;
	}
	for (size_t i = 0; i < bytes; i++)
		v = v << 8 | r->p[i];
	r->p += bytes;
	r->n -= bytes;
	return v;
}

static uint32_t
sftp_u32(struct sftp_reader *r)
{
	return (uint32_t)sftp_number(r, 4);
}

static struct sp_view
sftp_string(struct sftp_reader *r, size_t max)
{
	struct sp_view v = { (const uint8_t *)"", 0 };
	uint32_t len = sftp_u32(r);

	if (r->is_bad || len > r->n || len > max) {
		r->is_bad = true;
		return v;
	}
	v.data = r->p;
	v.len = len;
	r->p += len;
	r->n -= len;
	return v;
}

/* No path has a NUL in it. */
static struct sp_view
sftp_path(struct sftp_reader *r)
{
	struct sp_view v = sftp_string(r, SP_SFTP_PATH_MAX);

	if (v.len > 0 && memchr(v.data, 0, v.len) != NULL)
		r->is_bad = true;
	return v;
}

static struct sp_view
sftp_handle(struct sftp_reader *r)
{
	return sftp_string(r, SP_SFTP_HANDLE_MAX);
}

static void
sftp_attrs(struct sftp_reader *r, struct sp_sftp_attrs *a)
{
	static const uint32_t known =
	    SP_SFTP_ATTR_SIZE | SP_SFTP_ATTR_OWNER | SP_SFTP_ATTR_MODE | SP_SFTP_ATTR_TIMES | SP_SFTP_ATTR_EXTENDED;
	const uint8_t *begin = r->p;
	uint32_t pairs;

	a->flags = sftp_u32(r);
	if ((a->flags & ~known) != 0)
		r->is_bad = true;
	if (a->flags & SP_SFTP_ATTR_SIZE)
		a->size = sftp_number(r, 8);
	if (a->flags & SP_SFTP_ATTR_OWNER) {
		a->uid = sftp_u32(r);
		a->gid = sftp_u32(r);
	}
	if (a->flags & SP_SFTP_ATTR_MODE)
		a->mode = sftp_u32(r);
	if (a->flags & SP_SFTP_ATTR_TIMES) {
		a->atime = sftp_u32(r);
		a->mtime = sftp_u32(r);
	}
	if (a->flags & SP_SFTP_ATTR_EXTENDED) {
		pairs = sftp_u32(r);
		if (pairs > SP_SFTP_PAIRS_MAX)
			r->is_bad = true;
		for (uint32_t i = 0; i < pairs && !r->is_bad; i++) {
			(void)sftp_string(r, SP_SFTP_PACKET_MAX);
			(void)sftp_string(r, SP_SFTP_PACKET_MAX);
		}
	}
	a->raw.data = begin;
	a->raw.len = r->is_bad ? 0 : (size_t)(r->p - begin);
}

int
sp_sftp_length(const uint8_t *p, size_t n, size_t *ret_len)
{
	size_t len;

	if (n < SP_SFTP_HEAD)
		return SP_ERR_INCOMPLETE;
	len = (size_t)p[0] << 24 | (size_t)p[1] << 16 | (size_t)p[2] << 8 | p[3];
	if (len == 0)
		return SP_ERR_FORMAT;
	if (len > SP_SFTP_PACKET_MAX)
		return SP_ERR_LIMIT;
	*ret_len = len;
	return 0;
}

/* --- extensions ----------------------------------------------------------------------------------------------- */

static const struct {
	const char *name, *version, *word;
} sftp_extensions[SP_SFTP_EXTENSIONS] = {
	[SP_SFTP_EXT_POSIX_RENAME] = { "posix-rename@openssh.com", "1", "posix-rename" },
	[SP_SFTP_EXT_STATVFS] = { "statvfs@openssh.com", "2", "statvfs" },
	[SP_SFTP_EXT_FSTATVFS] = { "fstatvfs@openssh.com", "2", "fstatvfs" },
	[SP_SFTP_EXT_HARDLINK] = { "hardlink@openssh.com", "1", "hardlink" },
	[SP_SFTP_EXT_FSYNC] = { "fsync@openssh.com", "1", "fsync" },
	[SP_SFTP_EXT_LSETSTAT] = { "lsetstat@openssh.com", "1", "lsetstat" },
	[SP_SFTP_EXT_LIMITS] = { "limits@openssh.com", "1", "limits" },
	[SP_SFTP_EXT_EXPAND_PATH] = { "expand-path@openssh.com", "1", "expand-path" },
	[SP_SFTP_EXT_COPY_DATA] = { "copy-data", "1", "copy-data" },
	[SP_SFTP_EXT_HOME_DIRECTORY] = { "home-directory", "1", "home-directory" },
	[SP_SFTP_EXT_USERS_GROUPS] = { "users-groups-by-id@openssh.com", "1", "users-groups-by-id" },
};

const char *
sp_sftp_extension_name(enum sp_sftp_extension e)
{
	return e > SP_SFTP_EXT_NONE && e < SP_SFTP_EXTENSIONS ? sftp_extensions[e].name : NULL;
}

const char *
sp_sftp_extension_version(enum sp_sftp_extension e)
{
	return e > SP_SFTP_EXT_NONE && e < SP_SFTP_EXTENSIONS ? sftp_extensions[e].version : NULL;
}

static enum sp_sftp_extension
sftp_extension_find(struct sp_view name)
{
	for (int e = SP_SFTP_EXT_NONE + 1; e < SP_SFTP_EXTENSIONS; e++)
		if (strlen(sftp_extensions[e].name) == name.len && memcmp(sftp_extensions[e].name, name.data, name.len) == 0)
			return (enum sp_sftp_extension)e;
	return SP_SFTP_EXT_NONE;
}

const char *
sp_sftp_request_name(const struct sp_sftp_request *q)
{
	static const char *const names[] = { [SP_SFTP_INIT] = "init", [SP_SFTP_OPEN] = "open", [SP_SFTP_CLOSE] = "close",
		[SP_SFTP_READ] = "read", [SP_SFTP_WRITE] = "write", [SP_SFTP_LSTAT] = "lstat", [SP_SFTP_FSTAT] = "fstat",
		[SP_SFTP_SETSTAT] = "setstat", [SP_SFTP_FSETSTAT] = "fsetstat", [SP_SFTP_OPENDIR] = "opendir",
		[SP_SFTP_READDIR] = "readdir", [SP_SFTP_REMOVE] = "remove", [SP_SFTP_MKDIR] = "mkdir",
		[SP_SFTP_RMDIR] = "rmdir", [SP_SFTP_REALPATH] = "realpath", [SP_SFTP_STAT] = "stat",
		[SP_SFTP_RENAME] = "rename", [SP_SFTP_READLINK] = "readlink", [SP_SFTP_SYMLINK] = "symlink" };

	if (q->type == SP_SFTP_EXTENDED && q->extension != SP_SFTP_EXT_NONE)
		return sftp_extensions[q->extension].word;
	return q->type < sizeof(names) / sizeof(names[0]) && names[q->type] != NULL ? names[q->type] : "unknown";
}

/* --- requests -------------------------------------------------------------------------------------------------- */

static void
sftp_pairs(struct sftp_reader *r, uint32_t *ret_extensions)
{
	for (unsigned i = 0; r->n > 0 && !r->is_bad; i++) {
		struct sp_view name = sftp_string(r, SP_SFTP_PACKET_MAX), value = sftp_string(r, SP_SFTP_PACKET_MAX);
		enum sp_sftp_extension e = sftp_extension_find(name);

		if (i == SP_SFTP_PAIRS_MAX)
			r->is_bad = true;
		if (!r->is_bad && e != SP_SFTP_EXT_NONE && value.len == 1 && value.data[0] == (uint8_t)sftp_extensions[e].version[0])
			*ret_extensions |= 1u << e;
	}
}

static int
sftp_parse_extended(struct sftp_reader *r, struct sp_sftp_request *q)
{
	q->extension = sftp_extension_find(sftp_string(r, 255));
	switch (q->extension) {
	case SP_SFTP_EXT_POSIX_RENAME:
	case SP_SFTP_EXT_HARDLINK:
		q->path = sftp_path(r);
		q->path2 = sftp_path(r);
		break;
	case SP_SFTP_EXT_STATVFS:
	case SP_SFTP_EXT_EXPAND_PATH:
	case SP_SFTP_EXT_HOME_DIRECTORY:
		q->path = sftp_path(r);
		break;
	case SP_SFTP_EXT_FSTATVFS:
	case SP_SFTP_EXT_FSYNC:
		q->handle = sftp_handle(r);
		break;
	case SP_SFTP_EXT_LSETSTAT:
		q->path = sftp_path(r);
		sftp_attrs(r, &q->attrs);
		break;
	case SP_SFTP_EXT_LIMITS:
		break;
	case SP_SFTP_EXT_COPY_DATA:
		q->handle = sftp_handle(r);
		q->offset = sftp_number(r, 8);
		q->bytes = sftp_number(r, 8);
		q->handle2 = sftp_handle(r);
		q->offset2 = sftp_number(r, 8);
		break;
	case SP_SFTP_EXT_USERS_GROUPS:
		q->data = sftp_string(r, SP_SFTP_PACKET_MAX);
		q->data2 = sftp_string(r, SP_SFTP_PACKET_MAX);
		break;
	case SP_SFTP_EXT_NONE:
	case SP_SFTP_EXTENSIONS:
	default:
		return r->is_bad ? SP_ERR_FORMAT : SP_ERR_UNSUPPORTED;
	}
	return 0;
}

static int
sftp_parse_body(struct sftp_reader *r, struct sp_sftp_request *q)
{
	uint32_t ignored = 0;

	switch (q->type) {
	case SP_SFTP_INIT:
		sftp_pairs(r, &ignored);
		break;
	case SP_SFTP_OPEN:
		q->path = sftp_path(r);
		q->flags = sftp_u32(r);
		sftp_attrs(r, &q->attrs);
		break;
	case SP_SFTP_CLOSE:
	case SP_SFTP_FSTAT:
	case SP_SFTP_READDIR:
		q->handle = sftp_handle(r);
		break;
	case SP_SFTP_READ:
		q->handle = sftp_handle(r);
		q->offset = sftp_number(r, 8);
		q->length = sftp_u32(r);
		break;
	case SP_SFTP_WRITE:
		q->handle = sftp_handle(r);
		q->offset = sftp_number(r, 8);
		q->data = sftp_string(r, SP_SFTP_DATA_MAX);
		break;
	case SP_SFTP_LSTAT:
	case SP_SFTP_STAT:
	case SP_SFTP_OPENDIR:
	case SP_SFTP_REMOVE:
	case SP_SFTP_RMDIR:
	case SP_SFTP_REALPATH:
	case SP_SFTP_READLINK:
		q->path = sftp_path(r);
		break;
	case SP_SFTP_SETSTAT:
	case SP_SFTP_MKDIR:
		q->path = sftp_path(r);
		sftp_attrs(r, &q->attrs);
		break;
	case SP_SFTP_FSETSTAT:
		q->handle = sftp_handle(r);
		sftp_attrs(r, &q->attrs);
		break;
	case SP_SFTP_RENAME:
	case SP_SFTP_SYMLINK:
		q->path = sftp_path(r);
		q->path2 = sftp_path(r);
		break;
	case SP_SFTP_EXTENDED:
		return sftp_parse_extended(r, q);
	default:
		return SP_ERR_UNSUPPORTED;
	}
	return 0;
}

int
sp_sftp_parse_request(struct sp_view packet, struct sp_sftp_request *ret_q)
{
	struct sftp_reader r = { packet.data, packet.len, false };
	int e;

	memset(ret_q, 0, sizeof(*ret_q));
	ret_q->type = (uint8_t)sftp_number(&r, 1);
	ret_q->id = sftp_u32(&r);
	if (r.is_bad)
		return SP_ERR_FORMAT;
	e = sftp_parse_body(&r, ret_q);
	if (e != 0)
		return e;
	return r.is_bad || r.n != 0 ? SP_ERR_FORMAT : 0;
}

/* --- answers ----------------------------------------------------------------------------------------------------- */

static void
sftp_name(struct sftp_reader *r, struct sp_sftp_name *n)
{
	n->name = sftp_string(r, SP_SFTP_PACKET_MAX);
	n->longname = sftp_string(r, SP_SFTP_PACKET_MAX);
	sftp_attrs(r, &n->attrs);
}

int
sp_sftp_name_next(struct sp_view *rest, struct sp_sftp_name *ret_name)
{
	struct sftp_reader r = { rest->data, rest->len, false };

	memset(ret_name, 0, sizeof(*ret_name));
	if (r.n == 0)
		return SP_ERR_NOT_FOUND;
	sftp_name(&r, ret_name);
	if (r.is_bad)
		return SP_ERR_NOT_FOUND;
	rest->data = r.p;
	rest->len = r.n;
	return 0;
}

static void
sftp_parse_names(struct sftp_reader *r, struct sp_sftp_answer *a)
{
	struct sp_sftp_name name;

	a->count = sftp_u32(r);
	a->names = (struct sp_view){ r->p, r->n };
	for (uint32_t i = 0; i < a->count && !r->is_bad; i++)
		sftp_name(r, &name);
}

int
sp_sftp_parse_answer(struct sp_view packet, struct sp_sftp_answer *ret_a)
{
	struct sftp_reader r = { packet.data, packet.len, false };
	struct sp_sftp_answer *a = ret_a;

	memset(a, 0, sizeof(*a));
	a->type = (uint8_t)sftp_number(&r, 1);
	a->id = sftp_u32(&r);
	switch (a->type) {
	case SP_SFTP_VERSION_REPLY:
		sftp_pairs(&r, &a->extensions);
		break;
	case SP_SFTP_STATUS:
		a->code = sftp_u32(&r);
		if (r.n > 0)
			a->message = sftp_string(&r, SP_SFTP_PACKET_MAX);
		if (r.n > 0)
			(void)sftp_string(&r, SP_SFTP_PACKET_MAX); /* its language */
		break;
	case SP_SFTP_HANDLE:
		a->handle = sftp_handle(&r);
		break;
	case SP_SFTP_DATA:
		a->data = sftp_string(&r, SP_SFTP_PACKET_MAX);
		break;
	case SP_SFTP_NAME:
		sftp_parse_names(&r, a);
		break;
	case SP_SFTP_ATTRS:
		sftp_attrs(&r, &a->attrs);
		break;
	case SP_SFTP_EXTENDED_REPLY:
		a->data = (struct sp_view){ r.p, r.n };
		r.n = 0;
		break;
	default:
		return SP_ERR_FORMAT;
	}
	return r.is_bad || r.n != 0 ? SP_ERR_FORMAT : 0;
}

/* --- writing --------------------------------------------------------------------------------------------------------- */

int
sp_sftp_put(struct sp_buf *out, uint8_t type, uint32_t id, const struct sp_sftp_part *parts, size_t n)
{
	size_t len = 5;

	for (size_t i = 0; i < n; i++)
		len += parts[i].kind == SP_SFTP_PART_U32 ? 4 :
		    parts[i].kind == SP_SFTP_PART_U64	 ? 8 :
							   parts[i].bytes.len + (parts[i].kind == SP_SFTP_PART_STRING ? 4 : 0);
	if (len > SP_SFTP_PACKET_MAX)
		return SP_ERR_LIMIT;
	(void)sp_buf_put_u32(out, (uint32_t)len);
	(void)sp_buf_put_u8(out, type);
	(void)sp_buf_put_u32(out, id);
	for (size_t i = 0; i < n; i++) {
		switch (parts[i].kind) {
		case SP_SFTP_PART_U32:
			(void)sp_buf_put_u32(out, (uint32_t)parts[i].number);
			break;
		case SP_SFTP_PART_U64:
			(void)sp_buf_put_u64(out, parts[i].number);
			break;
		case SP_SFTP_PART_STRING:
			(void)sp_buf_put_string(out, parts[i].bytes.data, parts[i].bytes.len);
			break;
		case SP_SFTP_PART_RAW:
			(void)sp_buf_put(out, parts[i].bytes.data, parts[i].bytes.len);
			break;
		}
	}
	return sp_buf_error(out);
}

int
sp_sftp_put_status(struct sp_buf *out, uint32_t id, enum sp_sftp_code code, const char *message)
{
	struct sp_sftp_part parts[] = { { .kind = SP_SFTP_PART_U32, .number = code },
		{ .kind = SP_SFTP_PART_STRING, .bytes = { (const uint8_t *)message, strlen(message) } },
		{ .kind = SP_SFTP_PART_STRING, .bytes = { (const uint8_t *)"", 0 } } };

	return sp_sftp_put(out, SP_SFTP_STATUS, id, parts, 3);
}

int
sp_sftp_put_version(struct sp_buf *out, uint8_t type, uint32_t extensions)
{
	size_t len = 5;

	for (int e = SP_SFTP_EXT_NONE + 1; e < SP_SFTP_EXTENSIONS; e++)
		if (extensions & (1u << e))
			len += 8 + strlen(sftp_extensions[e].name) + strlen(sftp_extensions[e].version);
	(void)sp_buf_put_u32(out, (uint32_t)len);
	(void)sp_buf_put_u8(out, type);
	(void)sp_buf_put_u32(out, SP_SFTP_VERSION);
	for (int e = SP_SFTP_EXT_NONE + 1; e < SP_SFTP_EXTENSIONS; e++) {
		if ((extensions & (1u << e)) == 0)
			continue;
		(void)sp_buf_put_cstring(out, sftp_extensions[e].name);
		(void)sp_buf_put_cstring(out, sftp_extensions[e].version);
	}
	return sp_buf_error(out);
}

int
sp_sftp_put_attrs(struct sp_buf *out, const struct sp_sftp_attrs *a)
{
	(void)sp_buf_put_u32(out, a->flags & ~SP_SFTP_ATTR_EXTENDED);
	if (a->flags & SP_SFTP_ATTR_SIZE)
		(void)sp_buf_put_u64(out, a->size);
	if (a->flags & SP_SFTP_ATTR_OWNER) {
		(void)sp_buf_put_u32(out, a->uid);
		(void)sp_buf_put_u32(out, a->gid);
	}
	if (a->flags & SP_SFTP_ATTR_MODE)
		(void)sp_buf_put_u32(out, a->mode);
	if (a->flags & SP_SFTP_ATTR_TIMES) {
		(void)sp_buf_put_u32(out, a->atime);
		(void)sp_buf_put_u32(out, a->mtime);
	}
	return sp_buf_error(out);
}
