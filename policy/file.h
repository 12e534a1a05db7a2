/* SPDX-License-Identifier: Apache-2.0 */
/* What can be done to a file of a target, in the words of SSH's file transfer protocol, and the decision on it. */
#ifndef SALLYPORT_POLICY_FILE_H
#define SALLYPORT_POLICY_FILE_H

#include <stdbool.h>
#include <stdint.h>

struct sp_decide_scope;

enum sp_file_word {
	SP_FILE_LIST = 0, /* names in a directory */
	SP_FILE_STAT,	  /* attributes, where a symbolic link leads, free space */
	SP_FILE_READ,
	SP_FILE_WRITE,	/* bytes of a file that is there, or of one that `create` lets be made */
	SP_FILE_CREATE, /* a file that may not be there yet */
	SP_FILE_REMOVE,
	SP_FILE_RENAME, /* both names */
	SP_FILE_MKDIR,
	SP_FILE_RMDIR,
	SP_FILE_SETSTAT, /* mode, owner, times, size */
	SP_FILE_LINK,	 /* a hard link: both names */
	SP_FILE_SYMLINK, /* a symbolic link: its name, and where it leads */
	SP_FILE_WORDS
};
#define SP_FILE_BIT(word) (1u << (word))
#define SP_FILE_BITS (SP_FILE_BIT(SP_FILE_WORDS) - 1)

#define SP_FILE_PATH_MAX 4095 /* bytes of a path; longer ones are refused */

/* Part of struct sp_decide_request. Each of words needs a rule, on path and, where it is given, on path2. */
struct sp_decide_file {
	uint32_t words;	   /* SP_FILE_BIT of each, at least one */
	const char *path;  /* absolute; no "//", no "." or ".." as a part, no control characters */
	const char *path2; /* of the same form: the new name, or where a symbolic link leads; NULL: there is none */
	bool is_file;	   /* path is known to be no directory: nothing beneath it is concerned */
	bool is_tree;	   /* path, and all that is or can be beneath it; with no path2 */
	bool is_advisory;  /* it is not known that the target has resolved symbolic links in these paths */
};

/* "list" … of an enum sp_file_word; NULL from SP_FILE_WORDS on. */
const char *sp_file_word_str(unsigned word);
/* Whether a path has the form that decisions need. */
bool sp_file_is_path(const char *path);
/* Whether any rule lets the person do anything with files on the connection, at this time and from there. */
bool sp_decide_has_files(const struct sp_decide_scope *scope, int64_t time, const char *from);

#endif
