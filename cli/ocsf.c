/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/ocsf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config.h"
#include "lib/buf.h"
#include "lib/text.h"
#include "recorder/seal.h"

struct sp_cli_ocsf_class {
	enum sp_event_type event;
	int class_uid;
	const char *class_name;
	int activity_id;
	const char *activity_name;
};

static const struct sp_cli_ocsf_class sp_cli_ocsf_classes[] = {
	{ SP_EVENT_SESSION_START, 3002, "Authentication", 1, "Logon" },
	{ SP_EVENT_SESSION_END, 3002, "Authentication", 2, "Logoff" },
	{ SP_EVENT_APPROVAL_REQUEST, 3005, "User Access Management", 99, "Request" },
	{ SP_EVENT_APPROVAL_VERDICT, 3005, "User Access Management", 1, "Assign Privileges" },
	{ SP_EVENT_DECIDE, 3005, "User Access Management", 1, "Assign Privileges" },
	{ SP_EVENT_COMMAND, 4007, "SSH Activity", 1, "Open" },
	{ SP_EVENT_TARGET, 4001, "Network Activity", 1, "Open" },
	{ SP_EVENT_STATEMENT, 6005, "Datastore Activity", 4, "Query" },
	{ SP_EVENT_RESULT, 6005, "Datastore Activity", 4, "Query" },
	{ SP_EVENT_FILE, 1001, "File System Activity", 14, "Open" },
	{ 0, 0, "Base Event", 99, "Other" },
};

static const struct sp_cli_ocsf_class *
sp_cli_ocsf_find(enum sp_event_type type)
{
	const struct sp_cli_ocsf_class *c = sp_cli_ocsf_classes;

	while (c->event != 0 && c->event != type)
		c++;
	return c;
}

/* Bytes as JSON text: as they are when that is UTF-8, else as hex. */
static json_t *
sp_cli_ocsf_text(const struct sp_view *v, bool is_bytes)
{
	static const char digits[] = "0123456789abcdef";
	struct sp_buf *b;
	json_t *o;

	if (!is_bytes && sp_text_is_utf8(v->data, v->len) && memchr(v->data, 0, v->len) == NULL)
		return json_stringn((const char *)v->data, v->len);
	b = sp_buf_new(2 * SP_EVENT_MAX + 16);
	if (b == NULL)
		return NULL;
	sp_buf_putf(b, is_bytes ? "" : "hex:");
	for (size_t i = 0; i < v->len; i++) {
		sp_buf_put_u8(b, (uint8_t)digits[v->data[i] >> 4]);
		sp_buf_put_u8(b, (uint8_t)digits[v->data[i] & 15]);
	}
	o = json_stringn((const char *)sp_buf_data(b), sp_buf_len(b));
	sp_buf_free(b);
	return o;
}

static json_t *
sp_cli_ocsf_unmapped(const struct sp_event *ev)
{
	json_t *o = json_object(), *value;
	struct sp_view v;
	uint64_t n;
	size_t off = 0;
	int field;

	json_object_set_new(o, "event", json_string(sp_event_type_name((int)ev->type)));
	while (sp_event_next(ev, &off, &field, &v) == 0) {
		if (sp_event_field_is_number(field)) {
			n = 0;
			for (size_t i = 0; i < v.len; i++)
				n = n << 8 | v.data[i];
			value = json_integer((json_int_t)n);
		} else if (field == SP_FIELD_IDENTITY || field == SP_FIELD_ORIGIN || field == SP_FIELD_MASKED ||
		    field == SP_FIELD_FOUND || field == SP_FIELD_PARAMS) {
			value = json_loadb((const char *)v.data, v.len, JSON_DECODE_ANY, NULL);
			value = value == NULL ? sp_cli_ocsf_text(&v, false) : value;
		} else {
			value = sp_cli_ocsf_text(&v, field == SP_FIELD_DIGEST);
		}
		json_object_set_new(o, sp_event_field_name(field), value);
	}
	return o;
}

/* --- what each class wants (schema 1.3.0) -------------------------------------------------------------- */

enum { OCSF_FILE = 1001, OCSF_AUTHENTICATION = 3002, OCSF_USER_ACCESS = 3005, OCSF_NETWORK = 4001, OCSF_SSH = 4007, OCSF_DATASTORE = 6005 };

static bool
sp_cli_ocsf_is(const json_t *unmapped, const char *a, const char *b)
{
	const char *s = sp_seal_get_string(unmapped, "decision");

	return strcmp(s, a) == 0 || strcmp(s, b) == 0;
}

static json_t *
sp_cli_ocsf_user(const json_t *header)
{
	const json_t *identity = json_object_get(header, "identity");
	json_t *user = json_object();

	json_object_set_new(user, "name", json_string(sp_seal_get_string(json_object_get(header, "origin"), "user")));
	json_object_set(user, "email_addr", json_object_get(identity, "email"));
	json_object_set(user, "uid", json_object_get(identity, "sub"));
	return user;
}

/* The person at the other end, and this bastion. What a class has no attribute for is unmapped. */
static void
sp_cli_ocsf_who(json_t *o, json_t *unmapped, int class_uid, const char *session, const json_t *header)
{
	const json_t *identity = json_object_get(header, "identity"), *origin = json_object_get(header, "origin");
	json_t *to = class_uid == 0 ? unmapped : o, *src = json_object();

	json_object_set_new(to, "actor", json_pack("{s:o s:{s:s s:s}}", "user", sp_cli_ocsf_user(header), "session", "uid",
					     session, "issuer", sp_seal_get_string(identity, "iss")));
	json_object_set(src, "ip", json_object_get(origin, "from"));
	if (json_object_size(src) == 0)
		json_object_set_new(src, "name", json_string("unknown"));
	json_object_set_new(class_uid == OCSF_FILE ? unmapped : to, "src_endpoint", src);
	if (class_uid != 0 && class_uid != OCSF_DATASTORE)
		json_object_set_new(o, "device", json_pack("{s:s s:i s:s}", "hostname", sp_seal_get_string(origin, "host"),
						     "type_id", 1, "type", "Server"));
}

/* host:port, or a path. */
static json_t *
sp_cli_ocsf_endpoint(const json_t *unmapped)
{
	const char *address = sp_seal_get_string(unmapped, "address"), *colon = strrchr(address, ':');
	const char *connection = sp_seal_get_string(unmapped, "connection");
	json_t *e = json_object();

	json_object_set_new(e, "svc_name", json_string(connection[0] == '\0' ? "unknown" : connection));
	if (colon != NULL && colon > address && strspn(colon + 1, "0123456789") == strlen(colon + 1) && strlen(colon) <= 6) {
		json_object_set_new(e, "hostname", json_stringn(address, (size_t)(colon - address)));
		json_object_set_new(e, "port", json_integer((json_int_t)strtol(colon + 1, NULL, 10)));
	} else if (address[0] != '\0') {
		json_object_set_new(e, "hostname", json_string(address));
	}
	return e;
}

static void
sp_cli_ocsf_datastore(json_t *o, const json_t *unmapped, bool is_statement)
{
	json_object_set_new(o, "database", json_pack("{s:s s:i s:s}", "name", sp_seal_get_string(unmapped, "connection"),
					       "type_id", 1, "type", "Relational"));
	json_object_set_new(o, "dst_endpoint", sp_cli_ocsf_endpoint(unmapped));
	if (is_statement)
		json_object_set_new(o, "query_info",
		    json_pack("{s:s}", "query_string", sp_seal_get_string(unmapped, "text")));
}

static json_t *
sp_cli_ocsf_file(const json_t *unmapped)
{
	const char *path = sp_seal_get_string(unmapped, "text"), *slash = strrchr(path, '/');
	json_t *o = json_pack("{s:s s:s s:i s:s}", "name", slash == NULL ? path : slash + 1, "path", path, "type_id", 1, "type",
	    "Regular File");

	if (json_object_get(unmapped, "bytes") != NULL)
		json_object_set(o, "size", json_object_get(unmapped, "bytes"));
	return o;
}

static void
sp_cli_ocsf_class_attributes(json_t *o, const json_t *unmapped, const struct sp_cli_ocsf_class *c, const json_t *header)
{
	const char *host = sp_seal_get_string(json_object_get(header, "origin"), "host");

	if (c->class_uid == OCSF_AUTHENTICATION || c->class_uid == OCSF_SSH)
		json_object_set_new(o, "dst_endpoint", json_pack("{s:s}", "hostname", host));
	if (c->class_uid == OCSF_AUTHENTICATION || c->class_uid == OCSF_USER_ACCESS)
		json_object_set_new(o, "user", sp_cli_ocsf_user(header));
	if (c->class_uid == OCSF_USER_ACCESS)
		json_object_set_new(o, "privileges", json_pack("[s]", sp_seal_get_string(unmapped, "request_id")));
	if (c->class_uid == OCSF_NETWORK)
		json_object_set_new(o, "dst_endpoint", sp_cli_ocsf_endpoint(unmapped));
	if (c->class_uid == OCSF_FILE)
		json_object_set_new(o, "file", sp_cli_ocsf_file(unmapped));
	if (c->class_uid == OCSF_DATASTORE)
		sp_cli_ocsf_datastore(o, unmapped, c->event == SP_EVENT_STATEMENT);
}

/* Where a class has the profile security_control, in its attributes; everywhere as the event's status. */
static void
sp_cli_ocsf_verdict(json_t *o, const json_t *unmapped, int class_uid)
{
	bool is_yes = sp_cli_ocsf_is(unmapped, "allow", "approved");
	bool is_no = sp_cli_ocsf_is(unmapped, "deny", "refuse") || sp_cli_ocsf_is(unmapped, "denied", "expired");

	if (!is_yes && !is_no)
		return;
	json_object_set_new(o, "status_id", json_integer(is_yes ? 1 : 2));
	json_object_set_new(o, "status", json_string(is_yes ? "Success" : "Failure"));
	if (class_uid != OCSF_DATASTORE && class_uid != OCSF_SSH && class_uid != OCSF_NETWORK)
		return;
	json_array_append_new(json_object_get(json_object_get(o, "metadata"), "profiles"), json_string("security_control"));
	json_object_set_new(o, "action_id", json_integer(is_yes ? 1 : 2));
	json_object_set_new(o, "action", json_string(is_yes ? "Allowed" : "Denied"));
	json_object_set_new(o, "disposition_id", json_integer(is_yes ? 1 : 2));
	json_object_set_new(o, "disposition", json_string(is_yes ? "Allowed" : "Blocked"));
}

/* What it was: of the class's own list, or 99 and a name. */
static void
sp_cli_ocsf_activity(const struct sp_cli_ocsf_class *c, const json_t *unmapped, int *ret_id, const char **ret_name)
{
	const char *status = sp_seal_get_string(unmapped, "status");

	*ret_id = c->activity_id;
	*ret_name = c->activity_name;
	if (c->class_uid == OCSF_NETWORK && strcmp(status, "connected") != 0) {
		*ret_id = strcmp(status, "closed") == 0 ? 2 : 4;
		*ret_name = *ret_id == 2 ? "Close" : "Fail";
	} else if (c->class_uid == OCSF_FILE && strstr(status, "written") != NULL) {
		*ret_id = 3;
		*ret_name = "Update";
	} else if (c->class_uid == OCSF_USER_ACCESS && c->activity_id == 1 && !sp_cli_ocsf_is(unmapped, "approved", "approved")) {
		*ret_id = 99;
		*ret_name = "Refuse";
	}
}

json_t *
sp_cli_ocsf(const char *session, const json_t *header, uint64_t number, const struct sp_event *ev)
{
	const struct sp_cli_ocsf_class *c = sp_cli_ocsf_find(ev->type);
	json_t *unmapped = sp_cli_ocsf_unmapped(ev), *o;
	const char *activity;
	char uid[64];
	int id;

	(void)snprintf(uid, sizeof(uid), "%s/%llu", session, (unsigned long long)number);
	sp_cli_ocsf_activity(c, unmapped, &id, &activity);
	o = json_pack("{s:I s:i s:s s:i s:i s:s s:i s:i s:s s:{s:s s:s s:s s:I s:[] s:{s:s s:s s:s}}}", "time",
	    (json_int_t)(ev->time_ns / 1000000), "class_uid", c->class_uid, "class_name", c->class_name, "category_uid",
	    c->class_uid / 1000, "activity_id", id, "activity_name", activity, "type_uid", c->class_uid * 100 + id,
	    "severity_id", 1, "severity", "Informational", "metadata", "version", "1.3.0", "uid", uid, "correlation_uid",
	    session, "sequence", (json_int_t)number, "profiles", "product", "name", "Sallyport", "vendor_name", "Sallyport",
	    "version", PACKAGE_VERSION);
	if (o == NULL) {
		json_decref(unmapped);
		return NULL;
	}
	if (c->class_uid != 0 && c->class_uid != OCSF_DATASTORE)
		json_array_append_new(json_object_get(json_object_get(o, "metadata"), "profiles"), json_string("host"));
	sp_cli_ocsf_who(o, unmapped, c->class_uid, session, header);
	sp_cli_ocsf_class_attributes(o, unmapped, c, header);
	sp_cli_ocsf_verdict(o, unmapped, c->class_uid);
	json_object_set_new(o, "unmapped", unmapped);
	return o;
}
