/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a person or group of ours may be called and numbered. Whoever writes a table of people and whoever reads one
 * (lib/people.h) asks here, so that no table, however it came about, makes anybody part of the system.
 */
#ifndef SALLYPORT_LIB_PEOPLE_RULES_H
#define SALLYPORT_LIB_PEOPLE_RULES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SP_PEOPLE_NAME_MAX 31  /* bytes: what sp_text_is_login() and utmp(5) take */
#define SP_PEOPLE_TEXT_MAX 255 /* bytes of a full name, home or shell */

/* Where ids can be at all. Below are the system's and useradd(8)'s, from FLOOR on a site may choose. */
#define SP_PEOPLE_ID_FLOOR 10000u
#define SP_PEOPLE_ID_CEILING 0x7fffffffu /* what is a signed number somewhere must not become negative */
#define SP_PEOPLE_ID_FIRST 200000u	 /* the default range */
#define SP_PEOPLE_ID_LAST 299999u

/* [a-z][a-z0-9_-]{0,30}, ending with a letter, digit or '_', and no name of the system's, of a group that is as good as
 * root, or beginning with systemd- or sallyport. */
bool sp_people_rules_is_name(const char *name, size_t n);
/* Between floor and ceiling, and not within 60000-65535 (homed, DynamicUser, nobody, Debian's) or 524288-1879048191
 * (containers): https://systemd.io/UIDS-GIDS. */
bool sp_people_rules_is_id(uint32_t id);
/* first <= last, and every id of the range is one. */
bool sp_people_rules_is_range(uint32_t first, uint32_t last);
/* Without control bytes and ':', at most SP_PEOPLE_TEXT_MAX: a field of passwd(5). */
bool sp_people_rules_is_text(const char *s, size_t n);
/* The same, and it begins with '/'. */
bool sp_people_rules_is_path(const char *s, size_t n);

#endif
