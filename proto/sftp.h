/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SSH's file transfer protocol, version 3 (draft-ietf-secsh-filexfer-02), with the extensions of OpenSSH's PROTOCOL file,
 * both directions. A packet is
 *
 *	u32 length | u8 type | u32 id | body			(INIT and VERSION: version in place of id, then pairs)
 *
 * Packets are parsed whole, strictly: every length lies within its packet and nothing is left over. What comes out are
 * views into the packet. The draft lets SYMLINK's paths come in one order, and OpenSSH sends them in the other, which is
 * what all clients and servers do by now: the target first.
 */
#ifndef SALLYPORT_PROTO_SFTP_H
#define SALLYPORT_PROTO_SFTP_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/buf.h"

#define SP_SFTP_VERSION 3
#define SP_SFTP_HEAD 4			      /* bytes before the type */
#define SP_SFTP_PACKET_MAX ((size_t)256 * 1024) /* bytes after the length, as OpenSSH has it */
#define SP_SFTP_DATA_MAX ((size_t)255 * 1024) /* bytes of one READ or WRITE */
#define SP_SFTP_HANDLE_MAX 256
#define SP_SFTP_PATH_MAX 4095
#define SP_SFTP_PAIRS_MAX 64 /* extended attributes of a file, extensions of a peer */

enum sp_sftp_type {
	SP_SFTP_INIT = 1,
	SP_SFTP_VERSION_REPLY = 2,
	SP_SFTP_OPEN = 3,
	SP_SFTP_CLOSE = 4,
	SP_SFTP_READ = 5,
	SP_SFTP_WRITE = 6,
	SP_SFTP_LSTAT = 7,
	SP_SFTP_FSTAT = 8,
	SP_SFTP_SETSTAT = 9,
	SP_SFTP_FSETSTAT = 10,
	SP_SFTP_OPENDIR = 11,
	SP_SFTP_READDIR = 12,
	SP_SFTP_REMOVE = 13,
	SP_SFTP_MKDIR = 14,
	SP_SFTP_RMDIR = 15,
	SP_SFTP_REALPATH = 16,
	SP_SFTP_STAT = 17,
	SP_SFTP_RENAME = 18,
	SP_SFTP_READLINK = 19,
	SP_SFTP_SYMLINK = 20,
	SP_SFTP_STATUS = 101,
	SP_SFTP_HANDLE = 102,
	SP_SFTP_DATA = 103,
	SP_SFTP_NAME = 104,
	SP_SFTP_ATTRS = 105,
	SP_SFTP_EXTENDED = 200,
	SP_SFTP_EXTENDED_REPLY = 201
};
enum sp_sftp_extension {
	SP_SFTP_EXT_NONE = 0,
	SP_SFTP_EXT_POSIX_RENAME,
	SP_SFTP_EXT_STATVFS,
	SP_SFTP_EXT_FSTATVFS,
	SP_SFTP_EXT_HARDLINK,
	SP_SFTP_EXT_FSYNC,
	SP_SFTP_EXT_LSETSTAT,
	SP_SFTP_EXT_LIMITS,
	SP_SFTP_EXT_EXPAND_PATH,
	SP_SFTP_EXT_COPY_DATA,
	SP_SFTP_EXT_HOME_DIRECTORY,
	SP_SFTP_EXT_USERS_GROUPS,
	SP_SFTP_EXTENSIONS
};
enum sp_sftp_code {
	SP_SFTP_OK = 0,
	SP_SFTP_EOF = 1,
	SP_SFTP_NO_SUCH_FILE = 2,
	SP_SFTP_PERMISSION_DENIED = 3,
	SP_SFTP_FAILURE = 4,
	SP_SFTP_BAD_MESSAGE = 5,
	SP_SFTP_NO_CONNECTION = 6,
	SP_SFTP_CONNECTION_LOST = 7,
	SP_SFTP_OP_UNSUPPORTED = 8
};
#define SP_SFTP_OPEN_READ 0x01u
#define SP_SFTP_OPEN_WRITE 0x02u
#define SP_SFTP_OPEN_APPEND 0x04u
#define SP_SFTP_OPEN_CREAT 0x08u
#define SP_SFTP_OPEN_TRUNC 0x10u
#define SP_SFTP_OPEN_EXCL 0x20u
#define SP_SFTP_OPEN_FLAGS 0x3fu

#define SP_SFTP_ATTR_SIZE 0x01u
#define SP_SFTP_ATTR_OWNER 0x02u
#define SP_SFTP_ATTR_MODE 0x04u
#define SP_SFTP_ATTR_TIMES 0x08u
#define SP_SFTP_ATTR_EXTENDED 0x80000000u

struct sp_sftp_attrs {
	uint32_t flags; /* SP_SFTP_ATTR_* of what is given */
	uint64_t size;
	uint32_t uid, gid, mode, atime, mtime;
	struct sp_view raw; /* all of them as they came */
};

struct sp_sftp_request {
	uint8_t type;
	uint32_t id; /* INIT: the version */
	enum sp_sftp_extension extension;
	struct sp_view path, path2;	/* SYMLINK: where it leads, then its name */
	struct sp_view handle, handle2; /* COPY_DATA: from, to */
	struct sp_view data;		/* WRITE; USERS_GROUPS: uids */
	struct sp_view data2;		/* USERS_GROUPS: gids */
	uint32_t flags;			/* OPEN */
	uint32_t length;		/* READ */
	uint64_t offset, offset2;	/* COPY_DATA: of each */
	uint64_t bytes;			/* COPY_DATA: 0: to the end */
	struct sp_sftp_attrs attrs;
};

struct sp_sftp_name {
	struct sp_view name, longname;
	struct sp_sftp_attrs attrs;
};
struct sp_sftp_answer {
	uint8_t type;
	uint32_t id; /* VERSION_REPLY: the version */
	uint32_t code;
	struct sp_view message; /* STATUS; "" where an old server gives none */
	struct sp_view handle;
	struct sp_view data; /* DATA; EXTENDED_REPLY: its body */
	struct sp_sftp_attrs attrs;
	uint32_t count;	      /* NAME */
	struct sp_view names; /* NAME: for sp_sftp_name_next() */
	uint32_t extensions;  /* VERSION_REPLY: 1 << SP_SFTP_EXT_* of those known here */
};

/*
 * How many bytes after the length the packet at p has. INCOMPLETE: fewer than 4 bytes are there (the packet itself may be
 * short of them all the same). FORMAT: it has no type. LIMIT.
 */
int sp_sftp_length(const uint8_t *p, size_t n, size_t *ret_len) SP_MUST_CHECK;
/*
 * Parses a whole packet, without its length. FORMAT: malformed, nothing of ret_q may be used. UNSUPPORTED: no request or
 * extension known here; type and id are set.
 */
int sp_sftp_parse_request(struct sp_view packet, struct sp_sftp_request *ret_q) SP_MUST_CHECK;
/* The same for what a server says. FORMAT. */
int sp_sftp_parse_answer(struct sp_view packet, struct sp_sftp_answer *ret_a) SP_MUST_CHECK;
/* The next of a parsed NAME: *rest begins as its names. NOT_FOUND after the last. */
int sp_sftp_name_next(struct sp_view *rest, struct sp_sftp_name *ret_name) SP_MUST_CHECK;

/* "posix-rename@openssh.com"; NULL for none. And the version with which it is announced. */
const char *sp_sftp_extension_name(enum sp_sftp_extension e);
const char *sp_sftp_extension_version(enum sp_sftp_extension e);
/* A request's name, for the record: "open" "setstat" "posix-rename"; "unknown". */
const char *sp_sftp_request_name(const struct sp_sftp_request *q);

/* --- writing: puts are sticky in out (lib/buf.h) ------------------------------------------------------------ */
enum sp_sftp_part_kind { SP_SFTP_PART_U32 = 1, SP_SFTP_PART_U64, SP_SFTP_PART_STRING, SP_SFTP_PART_RAW };
struct sp_sftp_part {
	enum sp_sftp_part_kind kind;
	uint64_t number;
	struct sp_view bytes;
};
#define SP_SFTP_PARTS_MAX 8
/* A packet of these parts, after type and id. LIMIT: too long. */
int sp_sftp_put(struct sp_buf *out, uint8_t type, uint32_t id, const struct sp_sftp_part *parts, size_t n);
int sp_sftp_put_status(struct sp_buf *out, uint32_t id, enum sp_sftp_code code, const char *message);
/* INIT, or VERSION_REPLY with extensions (1 << SP_SFTP_EXT_*). */
int sp_sftp_put_version(struct sp_buf *out, uint8_t type, uint32_t extensions);
/* Encoded attributes (not a packet). */
int sp_sftp_put_attrs(struct sp_buf *out, const struct sp_sftp_attrs *a);

#endif
