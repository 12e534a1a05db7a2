/* SPDX-License-Identifier: Apache-2.0 */
/* Reading a tree of records (PROTOCOL.recording): one session's `events` as a stream, and small files whole. */
#ifndef SALLYPORT_RECORDER_TREE_H
#define SALLYPORT_RECORDER_TREE_H

#include <jansson.h>
#include <stdbool.h>

#include "recorder/record.h"
#include "recorder/sign.h"

#define SP_TREE_EVENTS "events"
#define SP_TREE_EVENTS_NEW "events.new" /* being made, to take the place of events; also what is left of that */
#define SP_TREE_MANIFEST "manifest"
#define SP_TREE_CHAIN "chain"
#define SP_TREE_HEAD "chain.head"

#define SP_TREE_PATH 40 /* bytes of "YYYY/MM/DD/ULID" and NUL, rounded up */
#define SP_TREE_DIR_MODE 0750

/* The folder of a session below the tree's root. INVALID (not a ULID). */
int sp_tree_path(const char *session, char ret_path[SP_TREE_PATH]) SP_MUST_CHECK;
/* Opens the folder at path (relative, no .., each part O_NOFOLLOW); make: creates what is missing. SYSTEM. */
int sp_tree_open_dir(int root, const char *path, bool make, int *ret_fd) SP_MUST_CHECK;

struct sp_tree_file;

/* Takes fd over (also on error). SYSTEM, NOMEM. */
int sp_tree_file_new(int fd, struct sp_tree_file **ret_f) SP_MUST_CHECK;
void sp_tree_file_free(struct sp_tree_file *f);
/*
 * Reads the header, which must come first. h's json is valid until the next call. With keys NULL no
 * signature is checked, here and below. INCOMPLETE, FORMAT, LIMIT, SIGNATURE, NOT_FOUND (key), SYSTEM;
 * ret_problem says what.
 */
int sp_tree_file_header(struct sp_tree_file *f, const struct sp_sign_ring *keys, struct sp_record_header *ret_h,
    struct sp_record_problem *ret_problem) SP_MUST_CHECK;
/* Reads and proves the next block. NOT_FOUND at the end of the file; INCOMPLETE where a block is cut short; others as above. */
int sp_tree_file_block(struct sp_tree_file *f, const struct sp_sign_ring *keys,
    struct sp_record_problem *ret_problem) SP_MUST_CHECK;
/* The records of that block. NOT_FOUND after the last. */
int sp_tree_file_next(struct sp_tree_file *f, uint64_t *ret_number, struct sp_view *ret_event) SP_MUST_CHECK;

/* Proven so far: bytes, blocks, and where the chain stands. */
uint64_t sp_tree_file_offset(const struct sp_tree_file *f);
uint64_t sp_tree_file_blocks(const struct sp_tree_file *f);
const struct sp_record_state *sp_tree_file_state(const struct sp_tree_file *f);
/* Whether all blocks so far were in their second form, and there were any. */
bool sp_tree_file_is_small(const struct sp_tree_file *f);
/* Bytes of the file when it was opened. */
uint64_t sp_tree_file_size(const struct sp_tree_file *f);

/* Opens path below dir for reading, no symbolic link. NOT_FOUND, SYSTEM. */
int sp_tree_open(int dir, const char *path, int *ret_fd) SP_MUST_CHECK;
/* Reads a file of at most max bytes whole. NOT_FOUND, LIMIT, SYSTEM, NOMEM. */
int sp_tree_slurp(int dir, const char *path, size_t max, struct sp_buf **ret_b) SP_MUST_CHECK;

#endif
