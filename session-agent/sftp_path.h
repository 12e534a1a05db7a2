/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Paths of the tree that an sftp client sees: / holds the targets by name, and /NAME/x is x on that target. Pure text;
 * symbolic links of targets are the target's own affair, so nothing beneath a target's root is resolved here.
 */
#ifndef SALLYPORT_SESSION_AGENT_SFTP_PATH_H
#define SALLYPORT_SESSION_AGENT_SFTP_PATH_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/err.h"
#include "policy/file.h"
#include "policy/limits.h"

struct sp_sftp_path {
	char target[SP_POLICY_NAME_MAX + 1]; /* "": the root of the tree */
	/*
	 * On the target, as it was asked for: "/" for its root; "./x" for ~/x, which is x in the home directory there.
	 */
	char path[SP_FILE_PATH_MAX + 3];
};

/*
 * Splits what a client asks for. ".." at a target's root is the root of the tree. root: a target's name, whose / is the
 * root, and its home directory where relative paths begin; "": the tree of all. LIMIT: too long. INVALID: a control
 * character in it, or a name that no target can have.
 */
int sp_sftp_path_split(const char *p, size_t n, const char *root, struct sp_sftp_path *ret) SP_MUST_CHECK;
/*
 * The directory and the last part of a path of a target, for what is done to a name and not to what it leads to. False:
 * the last part is none that can be taken apart ("/", "." or "..").
 */
bool sp_sftp_path_parent(const char *path, char dir[SP_FILE_PATH_MAX + 3], char name[SP_FILE_PATH_MAX + 1]);
/* The path as text alone has it, for a path that the target could not resolve. False: it begins at the home directory.
 */
bool sp_sftp_path_plain(const char *path, char out[SP_FILE_PATH_MAX + 3]);

#endif
