/* SPDX-License-Identifier: Apache-2.0 */
/* Writes what lib/people.h reads: groups and people in any order, then the file in one step. */
#ifndef SALLYPORT_LIB_PEOPLE_PUT_H
#define SALLYPORT_LIB_PEOPLE_PUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/err.h"
#include "lib/people.h"

struct sp_people_put;

struct sp_people_put_person {
	const char *name, *full, *home, *shell;
	uint32_t id;
	const uint32_t *groups; /* ids, besides the person's own */
	size_t ngroups;
	const uint8_t *identity; /* SP_PEOPLE_IDENTITY_LEN bytes, or NULL */
};

/* INVALID: no such range can be; NOMEM. */
int sp_people_put_new(uint32_t id_first, uint32_t id_last, bool enumerate, struct sp_people_put **ret_w) SP_MUST_CHECK;
void sp_people_put_free(struct sp_people_put *w);

/* What is given is copied. INVALID (a field that cannot be in a table), LIMIT, NOMEM: nothing was put. */
int sp_people_put_person(struct sp_people_put *w, const struct sp_people_put_person *p) SP_MUST_CHECK;
int sp_people_put_group(struct sp_people_put *w, const char *name, uint32_t id) SP_MUST_CHECK;

/*
 * The file at path, mode 0644, on disk before it has that name; who reads meanwhile has the old one or the new one whole.
 * EXISTS: two have one name or id; NOT_FOUND: somebody is in a group that is not; LIMIT; NOMEM; SYSTEM. After EXISTS and
 * NOT_FOUND sp_people_put_culprit() names one of whom it is about.
 */
int sp_people_put_write(struct sp_people_put *w, const char *path) SP_MUST_CHECK;
const char *sp_people_put_culprit(const struct sp_people_put *w);

#endif
