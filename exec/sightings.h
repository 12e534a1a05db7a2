/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What was seen of files a moment ago, until it is told: the same process doing the same to the same file is one
 * sighting with a count. Bounded; pure.
 */
#ifndef SALLYPORT_EXEC_SIGHTINGS_H
#define SALLYPORT_EXEC_SIGHTINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "lib/buf.h"
#include "lib/err.h"

#define SP_SIGHTINGS_MAX 2048			 /* of one batch */
#define SP_SIGHTINGS_BYTES ((size_t)512 * 1024) /* of all paths in it */
#define SP_SIGHTINGS_PATH_MAX 4096		 /* bytes of one path, NUL included */

/* One thing that happened to a file. Strings are the caller's; "" if not known. */
struct sp_sighting {
	pid_t pid;
	uid_t uid; /* effective; (uid_t)-1: not known */
	uint8_t what; /* SP_IPC_FILES_OPENED, _WRITTEN, or both at once */
	uint8_t facts; /* SP_IPC_FILES_* of lib/ipc_files.h */
	uint64_t size;	  /* of the file, when it was written last */
	const char *path;
	const char *exe;
};

struct sp_sightings;

/* NULL if memory is out. */
struct sp_sightings *sp_sightings_new(void) SP_MUST_CHECK;
void sp_sightings_free(struct sp_sightings *s);
/* FULL: there is no room for another one. LIMIT: a path is longer than SP_SIGHTINGS_PATH_MAX. */
int sp_sightings_add(struct sp_sightings *s, const struct sp_sighting *seen) SP_MUST_CHECK;
size_t sp_sightings_count(const struct sp_sightings *s);
/* Whether the longest path that there is would still fit. */
bool sp_sightings_has_room(const struct sp_sightings *s);
/* Appends all of them as the body of SEEN (PROTOCOL.ipc), in the order in which they came, and forgets them. LIMIT,
 * NOMEM. */
int sp_sightings_take(struct sp_sightings *s, struct sp_buf *body) SP_MUST_CHECK;

#endif
