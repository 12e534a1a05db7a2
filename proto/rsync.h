/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The command with which rsync starts its far end: `rsync --server [--sender] -letters [--option…] . PATH…`. Read
 * exactly: each letter and option is one of a table that says what it does at the far end; what is not in it is not
 * taken. What rsync then says over the connection is not looked at. Pure.
 */
#ifndef SALLYPORT_PROTO_RSYNC_H
#define SALLYPORT_PROTO_RSYNC_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/buf.h"
#include "lib/err.h"

#define SP_RSYNC_WORDS_MAX 64  /* of a command, with those that name paths */
#define SP_RSYNC_PATHS_MAX 16
#define SP_RSYNC_VALUE_MAX 256 /* bytes of an option's value */
#define SP_RSYNC_PROBLEM_MAX 256

/* What it may do at the far end, besides reading (a sender) or writing (a receiver) what the paths name. */
enum sp_rsync_effect {
	SP_RSYNC_RECURSES = 1u << 0, /* everything below the paths */
	SP_RSYNC_DELETES = 1u << 1,  /* files that the near end does not have, or that are in the way */
	SP_RSYNC_TAKES = 1u << 2,    /* a sender: files that were sent are removed */
	SP_RSYNC_LINKS = 1u << 3,    /* a receiver: makes symbolic links */
	SP_RSYNC_DEVICES = 1u << 4,  /* a receiver: makes device nodes, if it is root */
	SP_RSYNC_SETS = 1u << 5,     /* a receiver: owners, modes, times, attributes */
	SP_RSYNC_NOTHING = 1u << 6,  /* tries only: changes nothing */
	SP_RSYNC_BACKUPS = 1u << 7,  /* a receiver: what is replaced or deleted gets another name */
	SP_RSYNC_HARD = 1u << 8,     /* a receiver: makes hard links to other files of the tree */
	SP_RSYNC_BASES = 1u << 9     /* a receiver: takes bytes of a file from others of the tree */
};

struct sp_rsync_request {
	bool is_sender;	  /* the host sends */
	unsigned effects; /* of enum sp_rsync_effect */
	const char *words[SP_RSYNC_WORDS_MAX]; /* argv's, without rsync, --server, --sender, the dot and the paths */
	size_t n_words;
	const char *paths[SP_RSYNC_PATHS_MAX]; /* argv's */
	size_t n_paths;
};

/* INVALID: problem says which word, in one line. */
int sp_rsync_request_parse(size_t argc, const char *const argv[], struct sp_rsync_request *ret_q,
    char problem[SP_RSYNC_PROBLEM_MAX]) SP_MUST_CHECK;
/*
 * Appends the same command for a POSIX shell with these n paths in place of its own, all quoted. A receiver that makes
 * links is told --safe-links too: none of them leads out of the tree. As sp_buf_put().
 */
int sp_rsync_request_write(const struct sp_rsync_request *q, const char *const paths[], size_t n,
    struct sp_buf *out) SP_MUST_CHECK;

#endif
