/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of people and groups (libnss_sallyport(8)): the root tool writes it (lib/people_put.h), the name service
 * module reads it in other people's processes. Reading allocates nothing, holds nothing and believes nothing: every byte
 * that an answer comes from is under a checksum, every offset is checked, and the file is never mapped (whoever cut it
 * short would kill the reader). A lookup reads a header, some slots of a hash table and one record, however many people
 * there are.
 *
 * Big-endian, in this order:
 *	header	SP_PEOPLE_HEADER_LEN bytes
 *		magic[8] version:32 flags:32 id_first:32 id_last:32 entries:32 slots:32 size:64 seed:64 sum:64
 *	names	slots + SP_PEOPLE_PROBES of SP_PEOPLE_SLOT_LEN: tag:32 check:32 offset:64
 *	ids	the same again
 *	records	from after the tables to size, each:
 *		kind:32 id:32 name_len:16 full_len:16 home_len:16 shell_len:16 list_count:32 list_len:32
 *		list_sum:64 identity[32] sum:64, name full home shell each with a NUL, the list
 * slots is a power of two. An entry's place is the first free slot from hash & (slots - 1) on; offset 0 is a free slot.
 * The tag is the rest of the name's hash, or the id. The list of a person: group ids, 32 bits each; of a group: names of
 * members, each with a NUL. Sums are seeded with the file's seed and the place of what they
 * are over, so that nothing counts elsewhere.
 *
 * The identity says which person has the name: SHA-256 of issuer and subject, a NUL after each; all zero: not said. The
 * name service does not look at it, sallyportd does at a login.
 *
 * A person is a group too, with that name and id and nobody in it: so names and ids are of one space.
 */
#ifndef SALLYPORT_LIB_PEOPLE_H
#define SALLYPORT_LIB_PEOPLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/err.h"
#include "lib/people_rules.h"

#define SP_PEOPLE_PATH SP_STATEDIR "/people"
#define SP_PEOPLE_MAGIC "SPpeople"
#define SP_PEOPLE_VERSION 1
#define SP_PEOPLE_ENUMERATE 1u /* flag: getpwent(3) and getgrent(3) answer */
#define SP_PEOPLE_HEADER_LEN 56
#define SP_PEOPLE_SLOT_LEN 16
#define SP_PEOPLE_PROBES 64    /* the farthest that an entry is from its place, plus one */
#define SP_PEOPLE_IDENTITY_LEN 32
#define SP_PEOPLE_RECORD_LEN 72 /* without the strings */
#define SP_PEOPLE_STRINGS_MAX (SP_PEOPLE_NAME_MAX + 3 * SP_PEOPLE_TEXT_MAX + 4)
#define SP_PEOPLE_ENTRIES_MAX (4u * 1024 * 1024)
#define SP_PEOPLE_SLOTS_MAX (16u * 1024 * 1024)
#define SP_PEOPLE_GROUPS_MAX 1024u	       /* of one person */
#define SP_PEOPLE_MEMBERS_MAX (1024u * 1024) /* of one group */
#define SP_PEOPLE_SIZE_MAX ((uint64_t)16 << 30) /* bytes */

enum sp_people_kind {
	SP_PEOPLE_PERSON = 1,
	SP_PEOPLE_GROUP = 2
};

/* A table being read. Open: it lives on its reader's stack. */
struct sp_people {
	int fd;
	uint32_t flags, id_first, id_last, entries, slots;
	uint64_t size, seed;
};

/* One record; the strings point into it, so it is not to be copied. */
struct sp_people_entry {
	enum sp_people_kind kind;
	uint32_t id;
	const char *name, *full, *home, *shell;
	const uint8_t *identity; /* SP_PEOPLE_IDENTITY_LEN bytes */
	size_t strings_len;  /* bytes from name on, the NULs included; the four follow each other */
	uint32_t list_count; /* groups of a person, members of a group */
	uint32_t list_len;   /* bytes */
	uint64_t list_at, list_seed, list_sum;
	uint8_t bytes[SP_PEOPLE_RECORD_LEN + SP_PEOPLE_STRINGS_MAX];
};

/*
 * A plain file that is owner's, that nobody else may write, and as long as its header says. NOT_FOUND: there is no file;
 * DENIED: not such a file; AGAIN: no descriptor or memory just now; FORMAT, SYSTEM.
 */
int sp_people_open(const char *path, unsigned owner, struct sp_people *ret_p) SP_MUST_CHECK;
void sp_people_close(struct sp_people *p);

/* NOT_FOUND; FORMAT: what there is cannot be believed; SYSTEM. ret_e is of use after a 0 only. */
int sp_people_by_name(const struct sp_people *p, const char *name, struct sp_people_entry *ret_e) SP_MUST_CHECK;
int sp_people_by_id(const struct sp_people *p, uint32_t id, struct sp_people_entry *ret_e) SP_MUST_CHECK;
/* The next from *place on, which begins as 0, in no order; *place is then after it. NOT_FOUND: there are no more. */
int sp_people_next(const struct sp_people *p, uint32_t *place, struct sp_people_entry *ret_e) SP_MUST_CHECK;

/* A person's group ids: list_count of them, each of the range. FORMAT, SYSTEM, INVALID (not a person). */
int sp_people_groups(const struct sp_people *p, const struct sp_people_entry *e,
    uint32_t ret_ids[SP_PEOPLE_GROUPS_MAX]) SP_MUST_CHECK;
/* A group's members into list_len bytes: list_count names, each with a NUL. FORMAT, SYSTEM, INVALID (not a group). */
int sp_people_members(const struct sp_people *p, const struct sp_people_entry *e, char *ret_names) SP_MUST_CHECK;

/* For the writer. */
uint64_t sp_people_sum(uint64_t seed, const void *p, size_t n);
/* Of a record of n bytes without its list, whose own field for it does not count; seed: the file's ^ its offset. */
uint64_t sp_people_record_sum(uint64_t seed, const uint8_t *record, size_t n);
uint64_t sp_people_hash_name(uint64_t seed, const char *name, size_t n);
uint64_t sp_people_hash_id(uint64_t seed, uint32_t id);
/* Of the slot at that place in its table (0 names, 1 ids). */
uint32_t sp_people_slot_check(uint64_t seed, unsigned table, uint32_t place, uint32_t tag, uint64_t offset);
uint64_t sp_people_table_at(uint32_t slots, unsigned table); /* table 2: the records */

#endif
