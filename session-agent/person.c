/* SPDX-License-Identifier: Apache-2.0 */
#include "session-agent/person.h"

#include <string.h>

#include "lib/people.h"
#include "runtime/person_id.h"

/* The account's own, of the table's. */
static const char *
person_compare(const struct sp_people_entry *e, const json_t *identity)
{
	static const uint8_t nobody[SP_PEOPLE_IDENTITY_LEN];
	uint8_t own[SP_PEOPLE_IDENTITY_LEN];

	if (memcmp(e->identity, nobody, sizeof(nobody)) == 0)
		return NULL; /* the table does not say whose it is */
	if (sp_person_id(json_string_value(json_object_get(identity, "iss")), json_string_value(json_object_get(identity, "sub")),
		own) != 0 ||
	    memcmp(e->identity, own, sizeof(own)) != 0)
		return "This account is another person's, who had the name before. An administrator makes one for you: "
		       "sallyport people.";
	return NULL;
}

const char *
sp_person_problem(const char *table, uid_t owner, const char *user, uid_t uid, const json_t *identity)
{
	struct sp_people p;
	struct sp_people_entry e;
	const char *problem = NULL;
	int r;

	if (!sp_people_rules_is_id(uid))
		return NULL; /* the machine's own */
	r = sp_people_open(table, owner, &p);
	if (r == SP_ERR_NOT_FOUND)
		return NULL;
	if (r == 0) {
		r = sp_people_by_name(&p, user, &e);
		if (r == 0 && e.kind == SP_PEOPLE_PERSON && e.id == uid)
			problem = person_compare(&e, identity);
		sp_people_close(&p);
	}
	return r == 0 || r == SP_ERR_NOT_FOUND ? problem : "The table of people cannot be read now. Call an administrator.";
}
