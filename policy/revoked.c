/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/revoked.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "lib/text.h"

#define REVOKED_VERSION 1
#define REVOKED_KEY_LEN 64

struct sp_revoked {
	json_t *entries;
};

struct sp_revoked *
sp_revoked_new(void)
{
	struct sp_revoked *l = calloc(1, sizeof(*l));

	if (l == NULL)
		return NULL;
	l->entries = json_array();
	if (l->entries == NULL) {
		free(l);
		return NULL;
	}
	return l;
}

void
sp_revoked_free(struct sp_revoked *l)
{
	if (l == NULL)
		return;
	json_decref(l->entries);
	free(l);
}

static const char *
revoked_get(const json_t *o, const char *name)
{
	return json_string_value(json_object_get(o, name));
}

/* One line of text without a NUL, of 1 to max bytes. */
static bool
revoked_is_text(const json_t *v, size_t max)
{
	size_t n = json_string_length(v);

	return json_is_string(v) && n > 0 && n <= max && strlen(json_string_value(v)) == n && sp_text_is_plain(json_string_value(v), n);
}

static bool
revoked_is_time(const json_t *v)
{
	return json_is_integer(v) && json_integer_value(v) >= 0;
}

static bool
revoked_is_kind(const json_t *entry)
{
	const char *kind = revoked_get(entry, "kind"), *value = revoked_get(entry, "value");

	if (kind == NULL || value == NULL)
		return false;
	if (strcmp(kind, "key") == 0)
		return strlen(value) == REVOKED_KEY_LEN && strspn(value, "0123456789abcdef") == REVOKED_KEY_LEN;
	return strcmp(kind, "person") == 0 || strcmp(kind, "jti") == 0;
}

static bool
revoked_is_also(const json_t *also, bool is_person)
{
	const json_t *one;
	size_t i;

	if (also == NULL)
		return true;
	if (!is_person || !json_is_array(also) || json_array_size(also) > SP_REVOKED_ALSO_MAX)
		return false;
	json_array_foreach(also, i, one)
		if (!revoked_is_text(json_object_get(one, "iss"), SP_REVOKED_VALUE_MAX) ||
		    !revoked_is_text(json_object_get(one, "sub"), SP_REVOKED_VALUE_MAX) || json_object_size(one) != 2)
			return false;
	return true;
}

static bool
revoked_is_entry(const json_t *entry)
{
	const json_t *issuer = json_object_get(entry, "issuer"), *also = json_object_get(entry, "also");

	return json_is_object(entry) && json_object_size(entry) == 6 + (size_t)(issuer != NULL) + (size_t)(also != NULL) &&
	    revoked_is_text(json_object_get(entry, "value"), SP_REVOKED_VALUE_MAX) && revoked_is_kind(entry) &&
	    (issuer == NULL || revoked_is_text(issuer, SP_REVOKED_VALUE_MAX)) && revoked_is_also(also, strcmp(revoked_get(entry, "kind"), "person") == 0) &&
	    revoked_is_text(json_object_get(entry, "by"), SP_REVOKED_VALUE_MAX) &&
	    revoked_is_text(json_object_get(entry, "reason"), SP_REVOKED_REASON_MAX) &&
	    revoked_is_time(json_object_get(entry, "since")) && revoked_is_time(json_object_get(entry, "until"));
}

/* Both, or neither of them; a slash at the end makes no difference. */
static bool
revoked_is_issuer(const char *a, const char *b)
{
	size_t na = a == NULL ? 0 : strlen(a), nb = b == NULL ? 0 : strlen(b);

	if (a == NULL || b == NULL)
		return a == b;
	na -= na > 0 && a[na - 1] == '/';
	nb -= nb > 0 && b[nb - 1] == '/';
	return na == nb && memcmp(a, b, na) == 0;
}

/* The place of an entry in the list, or -1. */
static ssize_t
revoked_index(const struct sp_revoked *l, const char *kind, const char *value, const char *issuer)
{
	const json_t *entry;
	size_t i;

	json_array_foreach(l->entries, i, entry) {
		const char *of = revoked_get(entry, "value");
		bool is_same = strcmp(kind, "person") == 0 ? strcasecmp(of, value) == 0 : strcmp(of, value) == 0;

		if (is_same && strcmp(revoked_get(entry, "kind"), kind) == 0 && revoked_is_issuer(revoked_get(entry, "issuer"), issuer))
			return (ssize_t)i;
	}
	return -1;
}

static bool
revoked_has_also(const json_t *entry, const char *iss, const char *sub)
{
	const json_t *also = json_object_get(entry, "also"), *one;
	size_t i;

	if (iss == NULL || sub == NULL)
		return false;
	json_array_foreach(also, i, one)
		if (strcmp(revoked_get(one, "iss"), iss) == 0 && strcmp(revoked_get(one, "sub"), sub) == 0)
			return true;
	return false;
}

static int
revoked_put_also(json_t *entry, const char *iss, const char *sub)
{
	json_t *also = json_object_get(entry, "also");

	if (revoked_has_also(entry, iss, sub) || json_array_size(also) >= SP_REVOKED_ALSO_MAX)
		return 0;
	if (also == NULL) {
		also = json_array();
		if (json_object_set_new(entry, "also", also) != 0)
			return SP_ERR_NOMEM;
	}
	return json_array_append_new(also, json_pack("{s:s,s:s}", "iss", iss, "sub", sub)) == 0 ? 0 : SP_ERR_NOMEM;
}

static int
revoked_keep_also(json_t *entry, const json_t *old)
{
	const json_t *also = json_object_get(old, "also"), *one;
	size_t i;
	int r = 0;

	json_array_foreach(also, i, one)
		if (r == 0)
			r = revoked_put_also(entry, revoked_get(one, "iss"), revoked_get(one, "sub"));
	return r;
}

int
sp_revoked_add(struct sp_revoked *l, json_t *entry)
{
	ssize_t at;
	int r;

	if (!revoked_is_entry(entry))
		return SP_ERR_FORMAT;
	at = revoked_index(l, revoked_get(entry, "kind"), revoked_get(entry, "value"), revoked_get(entry, "issuer"));
	if (at < 0 && json_array_size(l->entries) >= SP_REVOKED_MAX)
		return SP_ERR_LIMIT;
	r = at < 0 ? 0 : revoked_keep_also(entry, json_array_get(l->entries, (size_t)at));
	if (r != 0)
		return r;
	r = at < 0 ? json_array_append(l->entries, entry) : json_array_set(l->entries, (size_t)at, entry);
	return r == 0 ? 0 : SP_ERR_NOMEM;
}

int
sp_revoked_remove(struct sp_revoked *l, const char *kind, const char *value, const char *issuer)
{
	ssize_t at = revoked_index(l, kind, value, issuer);

	return at < 0 || json_array_remove(l->entries, (size_t)at) != 0 ? SP_ERR_NOT_FOUND : 0;
}

const json_t *
sp_revoked_entries(const struct sp_revoked *l)
{
	return l->entries;
}

int
sp_revoked_parse(const char *text, size_t n, struct sp_revoked **ret_l)
{
	struct sp_revoked *l = sp_revoked_new();
	json_t *file = NULL, *entry;
	const json_t *list;
	size_t i;
	int r = l == NULL ? SP_ERR_NOMEM : n > SP_REVOKED_TEXT_MAX ? SP_ERR_LIMIT : 0;

	if (r == 0)
		file = json_loadb(text, n, JSON_REJECT_DUPLICATES, NULL);
	list = json_object_get(file, "revoked");
	if (r == 0 && (json_integer_value(json_object_get(file, "version")) != REVOKED_VERSION || json_object_size(file) != 2 ||
			  !json_is_array(list)))
		r = SP_ERR_FORMAT;
	if (r == 0)
		json_array_foreach(list, i, entry) {
			r = sp_revoked_add(l, entry);
			if (r != 0)
				break;
		}
	json_decref(file);
	if (r != 0)
		sp_revoked_free(l);
	else
		*ret_l = l;
	return r;
}

static bool
revoked_is_over(const json_t *entry, int64_t now)
{
	json_int_t until = json_integer_value(json_object_get(entry, "until"));

	return until != 0 && now >= until;
}

char *
sp_revoked_text(const struct sp_revoked *l, int64_t now)
{
	json_t *list = json_array(), *file, *entry;
	char *text = NULL;
	size_t i;

	json_array_foreach(l->entries, i, entry)
		if (!revoked_is_over(entry, now) && json_array_append(list, entry) != 0) {
			json_decref(list);
			return NULL;
		}
	file = json_pack("{s:i,s:o}", "version", REVOKED_VERSION, "revoked", list);
	if (file != NULL)
		text = json_dumps(file, JSON_COMPACT);
	json_decref(file);
	return text;
}

bool
sp_revoked_means(const json_t *entry, const struct sp_revoked_who *who)
{
	const char *kind = revoked_get(entry, "kind"), *value = revoked_get(entry, "value");
	const char *issuer = revoked_get(entry, "issuer");

	if (revoked_has_also(entry, who->iss, who->sub))
		return true;
	if (issuer != NULL && !revoked_is_issuer(issuer, who->iss))
		return false;
	if (strcmp(kind, "key") == 0)
		return who->key != NULL && strcmp(who->key, value) == 0;
	if (strcmp(kind, "jti") == 0)
		return who->jti != NULL && strcmp(who->jti, value) == 0;
	return (who->user != NULL && strcasecmp(who->user, value) == 0) ||
	    (who->email != NULL && strcasecmp(who->email, value) == 0) || (who->sub != NULL && strcmp(who->sub, value) == 0);
}

int
sp_revoked_also(json_t *entry, const json_t *identity)
{
	struct sp_revoked_who who = sp_revoked_who(identity);
	const char *kind = revoked_get(entry, "kind");

	if (kind == NULL || strcmp(kind, "person") != 0 || revoked_get(entry, "value") == NULL || !sp_revoked_means(entry, &who))
		return 0;
	if (who.iss == NULL || who.sub == NULL || strlen(who.iss) > SP_REVOKED_VALUE_MAX || strlen(who.sub) > SP_REVOKED_VALUE_MAX)
		return 0;
	return revoked_put_also(entry, who.iss, who.sub);
}

const json_t *
sp_revoked_find(const struct sp_revoked *l, const struct sp_revoked_who *who, int64_t now)
{
	const json_t *entry;
	size_t i;

	json_array_foreach(l->entries, i, entry)
		if (!revoked_is_over(entry, now) && sp_revoked_means(entry, who))
			return entry;
	return NULL;
}

struct sp_revoked_who
sp_revoked_who(const json_t *identity)
{
	return (struct sp_revoked_who){
	    .iss = revoked_get(identity, "iss"),
	    .sub = revoked_get(identity, "sub"),
	    .user = revoked_get(identity, "user"),
	    .email = revoked_get(identity, "email"),
	    .key = revoked_get(identity, "key_sha256"),
	    .jti = revoked_get(json_object_get(identity, "claims"), "jti"),
	};
}

void
sp_revoked_say(const json_t *entry, char *text, size_t cap)
{
	const char *kind = revoked_get(entry, "kind");

	(void)snprintf(text, cap, "%s revoked by %s: %s",
	    strcmp(kind, "key") == 0	? "the key of this login was" :
		strcmp(kind, "jti") == 0 ? "the token of this login was" :
					   "your access to this bastion was",
	    revoked_get(entry, "by"), revoked_get(entry, "reason"));
}
