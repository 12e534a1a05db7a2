/* SPDX-License-Identifier: Apache-2.0 */
/* Whether an account of the table of people (sallyport-people(8)) is the account of whoever was verified. */
#ifndef SALLYPORT_SESSION_AGENT_PERSON_H
#define SALLYPORT_SESSION_AGENT_PERSON_H

#include <jansson.h>
#include <sys/types.h>

/*
 * user and uid: the account as the name service gave it; identity: the verified one. NULL, or a static line on why they may
 * not come in: the name has come to somebody else, or the table that would say so cannot be read.
 */
const char *sp_person_problem(const char *table, uid_t owner, const char *user, uid_t uid, const json_t *identity);

#endif
