/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/ocsf.h"

#include <stdio.h>
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
		    field == SP_FIELD_PARAMS) {
			value = json_loadb((const char *)v.data, v.len, JSON_DECODE_ANY, NULL);
			value = value == NULL ? sp_cli_ocsf_text(&v, false) : value;
		} else {
			value = sp_cli_ocsf_text(&v, field == SP_FIELD_DIGEST);
		}
		json_object_set_new(o, sp_event_field_name(field), value);
	}
	return o;
}

static bool
sp_cli_ocsf_is(const json_t *unmapped, const char *a, const char *b)
{
	const char *s = sp_seal_get_string(unmapped, "decision");

	return strcmp(s, a) == 0 || strcmp(s, b) == 0;
}

static void
sp_cli_ocsf_who(json_t *o, const char *session, const json_t *header)
{
	const json_t *identity = json_object_get(header, "identity"), *origin = json_object_get(header, "origin");
	json_t *user = json_object(), *src = json_object();

	json_object_set(user, "name", json_object_get(origin, "user"));
	json_object_set(user, "email_addr", json_object_get(identity, "email"));
	json_object_set(user, "uid", json_object_get(identity, "sub"));
	json_object_set_new(o, "actor", json_pack("{s:o s:{s:s s:s}}", "user", user, "session", "uid", session, "issuer",
					    sp_seal_get_string(identity, "iss")));
	json_object_set(src, "ip", json_object_get(origin, "from"));
	json_object_set_new(o, "src_endpoint", src);
	json_object_set_new(o, "device", json_pack("{s:s}", "hostname", sp_seal_get_string(origin, "host")));
}

static void
sp_cli_ocsf_verdict(json_t *o, const json_t *unmapped)
{
	if (sp_cli_ocsf_is(unmapped, "allow", "approved")) {
		json_object_set_new(o, "disposition_id", json_integer(1));
		json_object_set_new(o, "disposition", json_string("Allowed"));
	} else if (sp_cli_ocsf_is(unmapped, "deny", "refuse") || sp_cli_ocsf_is(unmapped, "denied", "expired")) {
		json_object_set_new(o, "disposition_id", json_integer(2));
		json_object_set_new(o, "disposition", json_string("Blocked"));
	}
}

json_t *
sp_cli_ocsf(const char *session, const json_t *header, uint64_t number, const struct sp_event *ev)
{
	const struct sp_cli_ocsf_class *c = sp_cli_ocsf_find(ev->type);
	json_t *unmapped = sp_cli_ocsf_unmapped(ev), *o;
	char uid[64];

	(void)snprintf(uid, sizeof(uid), "%s/%llu", session, (unsigned long long)number);
	o = json_pack("{s:I s:i s:s s:i s:i s:s s:i s:i s:{s:s s:s s:I s:{s:s s:s s:s}}}", "time",
	    (json_int_t)(ev->time_ns / 1000000), "class_uid", c->class_uid, "class_name", c->class_name, "category_uid",
	    c->class_uid / 1000, "activity_id", c->activity_id, "activity_name", c->activity_name, "type_uid",
	    c->class_uid * 100 + c->activity_id, "severity_id", 1, "metadata", "version", "1.3.0", "uid", uid, "sequence",
	    (json_int_t)number, "product", "name", "Sallyport", "vendor_name", "Sallyport", "version", PACKAGE_VERSION);
	if (o == NULL) {
		json_decref(unmapped);
		return NULL;
	}
	sp_cli_ocsf_who(o, session, header);
	sp_cli_ocsf_verdict(o, unmapped);
	if (c->class_uid == 6005) {
		json_object_set_new(o, "database", json_pack("{s:s}", "name", sp_seal_get_string(unmapped, "connection")));
		if (ev->type == SP_EVENT_STATEMENT)
			json_object_set_new(o, "query_info",
			    json_pack("{s:s}", "query_string", sp_seal_get_string(unmapped, "text")));
	}
	json_object_set_new(o, "unmapped", unmapped);
	return o;
}
