/* SPDX-License-Identifier: Apache-2.0 */
/* Requests on paths: what each needs, where it leads, and what is answered without a host. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "session-agent/sftp_kind.h"
#include "session-agent/sftp_proxy.h"

#define OP_FORMAT_MODE 0170000u
#define OP_PERMISSIONS 0777u /* that a new file may be given with `create` alone */

/* --- what is asked ------------------------------------------------------------------------------------------- */

/* More than the mode that anything new has. */
static uint32_t
op_attrs_words(const struct sp_sftp_attrs *a)
{
	bool is_more = (a->flags & ~SP_SFTP_ATTR_MODE) != 0 ||
		       ((a->flags & SP_SFTP_ATTR_MODE) != 0 && (a->mode & ~(OP_FORMAT_MODE | OP_PERMISSIONS)) != 0);

	return is_more ? SP_FILE_BIT(SP_FILE_SETSTAT) : 0;
}

static uint32_t
op_open_words(const struct sp_sftp_request *q)
{
	uint32_t words = 0;

	if ((q->flags & (SP_SFTP_OPEN_EXCL | SP_SFTP_OPEN_CREAT)) == SP_SFTP_OPEN_EXCL)
		return 0; /* which says nothing, and a host may follow a link then: what is decided on is the name */
	if (q->flags & SP_SFTP_OPEN_READ)
		words |= SP_FILE_BIT(SP_FILE_READ);
	if (q->flags & (SP_SFTP_OPEN_WRITE | SP_SFTP_OPEN_APPEND | SP_SFTP_OPEN_TRUNC))
		words |= SP_FILE_BIT(SP_FILE_WRITE);
	if (q->flags & SP_SFTP_OPEN_CREAT)
		words |= SP_FILE_BIT(SP_FILE_WRITE) | SP_FILE_BIT(SP_FILE_CREATE);
	return words == 0 ? 0 : words | op_attrs_words(&q->attrs);
}

/* The words a request needs, 0 for none that is known; and whether its paths are meant as names. */
static uint32_t
op_words(const struct sp_sftp_request *q, bool is_name[2])
{
	is_name[0] = is_name[1] = false;
	switch (q->type) {
	case SP_SFTP_OPEN:
		is_name[0] = (q->flags & SP_SFTP_OPEN_EXCL) != 0;
		return op_open_words(q);
	case SP_SFTP_LSTAT:
	case SP_SFTP_READLINK:
		is_name[0] = true;
		return SP_FILE_BIT(SP_FILE_STAT);
	case SP_SFTP_STAT:
	case SP_SFTP_REALPATH:
		return SP_FILE_BIT(SP_FILE_STAT);
	case SP_SFTP_SETSTAT:
		return SP_FILE_BIT(SP_FILE_SETSTAT);
	case SP_SFTP_OPENDIR:
		return SP_FILE_BIT(SP_FILE_LIST);
	case SP_SFTP_MKDIR:
		is_name[0] = true;
		return SP_FILE_BIT(SP_FILE_MKDIR) | op_attrs_words(&q->attrs);
	case SP_SFTP_REMOVE:
	case SP_SFTP_RMDIR:
		is_name[0] = true;
		return SP_FILE_BIT(q->type == SP_SFTP_REMOVE ? SP_FILE_REMOVE : SP_FILE_RMDIR);
	case SP_SFTP_RENAME:
		is_name[0] = is_name[1] = true;
		return SP_FILE_BIT(SP_FILE_RENAME);
	case SP_SFTP_SYMLINK: /* first its name, as it is turned around here */
		is_name[0] = true;
		return SP_FILE_BIT(SP_FILE_SYMLINK);
	default:
		break;
	}
	switch (q->extension) {
	case SP_SFTP_EXT_POSIX_RENAME:
		is_name[0] = is_name[1] = true;
		return SP_FILE_BIT(SP_FILE_RENAME);
	case SP_SFTP_EXT_HARDLINK: /* what is linked is resolved: not every system links a link itself */
		is_name[1] = true;
		return SP_FILE_BIT(SP_FILE_LINK);
	case SP_SFTP_EXT_LSETSTAT:
		is_name[0] = true;
		return SP_FILE_BIT(SP_FILE_SETSTAT);
	case SP_SFTP_EXT_STATVFS:
		return SP_FILE_BIT(SP_FILE_STAT);
	default:
		return 0;
	}
}

/* For approver and record. */
void
sp_sftp_op_describe(struct sp_sftp_op *op, const struct sp_sftp_request *q)
{
	static const struct {
		uint32_t flag;
		const char *word;
	} flags[] = {{ SP_SFTP_OPEN_READ, "read" }, { SP_SFTP_OPEN_WRITE, "write" }, { SP_SFTP_OPEN_APPEND, "append" },
	    { SP_SFTP_OPEN_CREAT, "create" }, { SP_SFTP_OPEN_TRUNC, "truncate" }, { SP_SFTP_OPEN_EXCL, "new" } };
	size_t n = 0;

	for (size_t i = 0; q->type == SP_SFTP_OPEN && i < sizeof(flags) / sizeof(flags[0]); i++)
		if (q->flags & flags[i].flag)
			n += (size_t)snprintf(
			    op->details + n, sizeof(op->details) - n, "%s%s", n > 0 ? " " : "", flags[i].word);
	if (q->attrs.flags & SP_SFTP_ATTR_MODE)
		n += (size_t)snprintf(
		    op->details + n, sizeof(op->details) - n, "%smode %04o", n > 0 ? ", " : "", q->attrs.mode & 07777);
	if (q->attrs.flags & SP_SFTP_ATTR_OWNER)
		n += (size_t)snprintf(op->details + n, sizeof(op->details) - n, "%sowner %u:%u", n > 0 ? ", " : "",
		    q->attrs.uid, q->attrs.gid);
	if (q->attrs.flags & SP_SFTP_ATTR_SIZE)
		n += (size_t)snprintf(op->details + n, sizeof(op->details) - n, "%ssize %llu", n > 0 ? ", " : "",
		    (unsigned long long)q->attrs.size);
	if (q->attrs.flags & SP_SFTP_ATTR_TIMES)
		(void)snprintf(op->details + n, sizeof(op->details) - n, "%stimes", n > 0 ? ", " : "");
}

/* --- the root of the tree ------------------------------------------------------------------------------------ */

static void
op_root(struct sp_sftp *x, const struct sp_sftp_request *q, const char *target)
{
	uint8_t attrs[8] = { 0, 0, 0, SP_SFTP_ATTR_MODE, 0, 0, 0x41, 0x6d }; /* drwxr-xr-x without w: 040555 */
	char path[SP_POLICY_NAME_MAX + 2];
	struct sp_sftp_part parts[4];
	struct sp_sftp_handle *h;

	switch (q->type) {
	case SP_SFTP_REALPATH:
		(void)snprintf(path, sizeof(path), "/%s", target);
		parts[0] = sp_sftp_u32(1);
		parts[1] = parts[2] = sp_sftp_string(path, strlen(path));
		parts[3] = sp_sftp_raw(attrs, sizeof(attrs));
		sp_sftp_send(x, SP_SFTP_NAME, q->id, parts, 4);
		break;
	case SP_SFTP_STAT:
	case SP_SFTP_LSTAT:
		parts[0] = sp_sftp_raw(attrs, sizeof(attrs));
		sp_sftp_send(x, SP_SFTP_ATTRS, q->id, parts, 1);
		break;
	case SP_SFTP_OPENDIR:
		h = sp_sftp_handle_new(x, NULL);
		if (h == NULL) {
			sp_sftp_status(x, q->id, SP_SFTP_FAILURE, "too many files are open");
			break;
		}
		h->is_root = h->is_dir = true;
		sp_sftp_handle_give(x, q->id, h);
		break;
	default:
		sp_sftp_status(x, q->id, SP_SFTP_PERMISSION_DENIED, "this directory only lists the hosts");
		break;
	}
}

/* --- beginning ----------------------------------------------------------------------------------------------- */

/* Where a symbolic link leads, on its target: what it says is the tree's if absolute, and else from its own directory.
 */
static int
op_link_path(struct sp_sftp_op *op, const struct sp_sftp_request *q, const struct sp_sftp_path *link)
{
	char dir[SP_FILE_PATH_MAX + 3], name[SP_FILE_PATH_MAX + 1];
	const char *text = (const char *)q->path.data;
	struct sp_sftp_path to;

	if (q->path.len == 0 || sp_sftp_path_split(text, q->path.len, op->x->root, &to) != 0)
		return SP_ERR_INVALID;
	if (text[0] == '/') {
		if (strcmp(to.target, link->target) != 0 || to.path[0] != '/')
			return SP_ERR_CONFLICT;
		op->asked[1] = strdup(to.path);
		op->text = strdup(to.path);
	} else {
		if (!sp_sftp_path_parent(link->path, dir, name))
			return SP_ERR_INVALID;
		if (asprintf(&op->asked[1], "%s/%.*s", dir, (int)q->path.len, text) < 0)
			op->asked[1] = NULL;
		op->text = strndup(text, q->path.len);
	}
	return op->asked[1] == NULL || op->text == NULL ? SP_ERR_NOMEM : 0;
}

static int
op_paths(struct sp_sftp_op *op, const struct sp_sftp_request *q, const struct sp_sftp_path *first)
{
	struct sp_sftp_path second;
	int r;

	op->asked[0] = strdup(first->path);
	op->npaths = 1;
	if (op->asked[0] == NULL)
		return SP_ERR_NOMEM;
	if (q->type == SP_SFTP_SYMLINK) {
		op->npaths = 2;
		return op_link_path(op, q, first);
	}
	if (q->type != SP_SFTP_RENAME && q->extension != SP_SFTP_EXT_POSIX_RENAME &&
	    q->extension != SP_SFTP_EXT_HARDLINK)
		return 0;
	r = sp_sftp_path_split((const char *)q->path2.data, q->path2.len, op->x->root, &second);
	if (r != 0)
		return r;
	if (strcmp(first->target, second.target) != 0)
		return SP_ERR_CONFLICT;
	op->npaths = 2;
	op->asked[1] = strdup(second.path);
	return op->asked[1] == NULL ? SP_ERR_NOMEM : 0;
}

static void
op_begin(struct sp_sftp_op *op, const struct sp_sftp_request *q, const struct sp_sftp_path *path)
{
	const char *why = "";
	int r = op_paths(op, q, path);

	op->words = op_words(q, op->is_name);
	op->flags = q->flags;
	sp_sftp_op_describe(op, q);
	if (r == 0 && q->attrs.raw.len > 0) {
		op->a = q->attrs;
		op->attrs = malloc(q->attrs.raw.len);
		op->nattrs = q->attrs.raw.len;
		if (op->attrs == NULL)
			r = SP_ERR_NOMEM;
		else
			memcpy(op->attrs, q->attrs.raw.data, op->nattrs);
	}
	if (r == SP_ERR_CONFLICT) {
		sp_sftp_op_end(op, SP_SFTP_FAILURE, "both names must be on the same host");
		return;
	}
	if (r != 0 || op->words == 0) {
		sp_sftp_op_end(
		    op, r == SP_ERR_NOMEM ? SP_SFTP_FAILURE : SP_SFTP_BAD_MESSAGE, "this cannot be understood");
		return;
	}
	op->target = sp_sftp_target_get(op->x, path->target, &why);
	if (op->target == NULL)
		sp_sftp_op_end(op, SP_SFTP_NO_SUCH_FILE, why);
	else
		sp_sftp_op_target(op);
}

static bool
op_is_look(const struct sp_sftp_request *q)
{
	return q->type == SP_SFTP_REALPATH || q->type == SP_SFTP_STAT || q->type == SP_SFTP_LSTAT;
}

void
sp_sftp_op_begin(struct sp_sftp *x, const struct sp_sftp_request *q)
{
	struct sp_view v = q->type == SP_SFTP_SYMLINK ? q->path2 : q->path;
	struct sp_sftp_path path;
	struct sp_sftp_op *op;
	bool is_name[2];
	int r = sp_sftp_path_split((const char *)v.data, v.len, x->root, &path);

	if (r == 0 && op_words(q, is_name) == 0) {
		sp_sftp_status(x, q->id, q->type == SP_SFTP_OPEN ? SP_SFTP_BAD_MESSAGE : SP_SFTP_OP_UNSUPPORTED,
		    "this is not offered here");
		return;
	}
	if (r != 0) {
		sp_sftp_status(
		    x, q->id, SP_SFTP_BAD_MESSAGE, "a path that is too long, or with control characters in it");
		return;
	}
	/* The tree's own directories; a target's root is one without asking it, but for what is in it. */
	if (path.target[0] == '\0' ||
	    (x->root[0] == '\0' && strcmp(path.path, "/") == 0 && op_is_look(q) && sp_sftp_target_is(x, path.target))) {
		op_root(x, q, path.target);
		return;
	}
	op = sp_sftp_op_new(x, q);
	if (op == NULL)
		sp_sftp_status(x, q->id, SP_SFTP_FAILURE, "too much is under way");
	else
		op_begin(op, q, &path);
}
