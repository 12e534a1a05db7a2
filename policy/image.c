/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/image.h"

#include <stdlib.h>
#include <string.h>

#include "policy/file.h"
#include "policy/model.h"
#include "policy/sql.h"

/* Reading with a sticky error: after the first, everything read is zero, "" or NULL. */
struct sp_image_reader {
	struct sp_buf *b;
	struct sp_policy_image *m;
	int error;
};

static void
sp_image_fail(struct sp_image_reader *r, int err)
{
	if (r->error == 0)
		r->error = err == SP_ERR_INCOMPLETE ? SP_ERR_FORMAT : err;
}

static uint64_t
sp_image_number(struct sp_image_reader *r, size_t bytes, uint64_t max)
{
	uint8_t raw[8];
	uint64_t v = 0;
	int err = r->error != 0 ? r->error : sp_buf_get(r->b, raw, bytes);

	for (size_t i = 0; err == 0 && i < bytes; i++)
		v = v << 8 | raw[i];
	if (err == 0 && v > max)
		err = SP_ERR_FORMAT;
	if (err == 0)
		return v;
	sp_image_fail(r, err);
	return 0;
}

static uint64_t
sp_image_range(struct sp_image_reader *r, size_t bytes, uint64_t min, uint64_t max)
{
	uint64_t v = sp_image_number(r, bytes, max);

	if (v < min)
		sp_image_fail(r, SP_ERR_FORMAT);
	return v;
}

static const char *
sp_image_string(struct sp_image_reader *r)
{
	struct sp_view v;
	uint8_t nul = 1;
	int err = r->error != 0 ? r->error : sp_buf_get_view(r->b, SP_POLICY_STRING_MAX, &v);

	if (err == 0)
		err = sp_buf_get_u8(r->b, &nul);
	if (err == 0 && (nul != 0 || (v.len > 0 && memchr(v.data, 0, v.len) != NULL)))
		err = SP_ERR_FORMAT;
	if (err == 0)
		return (const char *)v.data;
	sp_image_fail(r, err);
	return "";
}

static const char *
sp_image_name(struct sp_image_reader *r)
{
	const char *s = sp_image_string(r);

	if (s[0] == 0 || strlen(s) > SP_POLICY_NAME_MAX)
		sp_image_fail(r, SP_ERR_FORMAT);
	return s;
}

/* Room for the n items that follow, each at least one byte long, or NULL with n 0. */
static void *
sp_image_items(struct sp_image_reader *r, uint64_t max, size_t size, size_t *ret_n)
{
	uint64_t n = sp_image_number(r, 4, max);
	void *p;

	*ret_n = 0;
	if (r->error == 0 && n > sp_buf_len(r->b))
		sp_image_fail(r, SP_ERR_FORMAT);
	if (r->error != 0 || n == 0)
		return NULL;
	p = sp_model_alloc(r->m, (size_t)n, size);
	if (p == NULL)
		sp_image_fail(r, SP_ERR_NOMEM);
	else
		*ret_n = (size_t)n;
	return p;
}

static const char **
sp_image_strings(struct sp_image_reader *r, size_t *ret_n)
{
	const char **s = sp_image_items(r, SP_POLICY_LIST_MAX, sizeof(*s), ret_n);

	for (size_t i = 0; i < *ret_n; i++)
		s[i] = sp_image_string(r);
	return s;
}

static struct sp_policy_pair *
sp_image_pairs(struct sp_image_reader *r, size_t *ret_n)
{
	struct sp_policy_pair *p = sp_image_items(r, SP_POLICY_LIST_MAX, sizeof(*p), ret_n);

	for (size_t i = 0; i < *ret_n; i++) {
		p[i].name = sp_image_string(r);
		p[i].value = sp_image_string(r);
	}
	return p;
}

static void
sp_image_predicate(struct sp_image_reader *r, struct sp_model_predicate *p, unsigned int depth, bool is_group)
{
	p->test = (enum sp_model_test)sp_image_range(r, 1, SP_MODEL_EVERYONE, SP_MODEL_NOT);
	p->claim = sp_image_string(r);
	p->value = sp_image_string(r);
	p->children = sp_image_items(r, SP_POLICY_LIST_MAX, sizeof(*p->children), &p->n);
	if (depth >= SP_POLICY_PREDICATE_DEPTH_MAX || (is_group && p->test == SP_MODEL_GROUP) ||
	    (p->test == SP_MODEL_NOT && p->n != 1))
		sp_image_fail(r, SP_ERR_FORMAT);
	for (size_t i = 0; i < p->n && r->error == 0; i++)
		sp_image_predicate(r, &p->children[i], depth + 1, is_group);
}

static void
sp_image_terms(struct sp_image_reader *r, struct sp_policy_terms *t)
{
	t->idle_seconds = (uint32_t)sp_image_number(r, 4, UINT32_MAX);
	t->max_seconds = (uint32_t)sp_image_number(r, 4, UINT32_MAX);
	t->records_input = sp_image_number(r, 1, 1) != 0;
	t->lines = (enum sp_policy_lines)sp_image_range(r, 1, SP_POLICY_LINES_FREE, SP_POLICY_LINES_GATE);
	t->banner = sp_image_string(r);
}

static void
sp_image_host(struct sp_image_reader *r, struct sp_policy_connection *c)
{
	c->login = (enum sp_policy_login)sp_image_range(r, 1, SP_POLICY_LOGIN_PASSWORD, SP_POLICY_LOGIN_CERTIFICATE);
	c->host_keys = sp_image_strings(r, &c->nhost_keys);
	c->host_authorities = sp_image_strings(r, &c->nhost_authorities);
	c->known_hosts = sp_image_string(r);
	c->is_sshfp = sp_image_number(r, 1, 1) != 0;
	c->jump = sp_image_string(r);
	c->principal = sp_image_string(r);
	c->certificate_seconds = (uint32_t)sp_image_number(r, 4, UINT32_MAX);
	c->source_addresses = sp_image_strings(r, &c->nsource_addresses);
}

static void
sp_image_program(struct sp_image_reader *r, struct sp_policy_connection *c)
{
	struct sp_policy_parameter *p;
	struct sp_policy_named_secret *s;

	c->run_as = sp_image_string(r);
	c->is_privileged = sp_image_number(r, 1, 1) != 0;
	c->directory = sp_image_string(r);
	c->command = sp_image_strings(r, &c->ncommand);
	c->parameters = p = sp_image_items(r, SP_POLICY_LIST_MAX, sizeof(*p), &c->nparameters);
	for (size_t i = 0; i < c->nparameters; i++) {
		p[i].name = sp_image_string(r);
		p[i].pattern = sp_image_string(r);
		p[i].is_optional = sp_image_number(r, 1, 1) != 0;
		p[i].value = sp_image_string(r);
	}
	c->environment = sp_image_pairs(r, &c->nenvironment);
	c->secrets = s = sp_image_items(r, SP_POLICY_SECRETS_MAX, sizeof(*s), &c->nsecrets);
	for (size_t i = 0; i < c->nsecrets; i++) {
		s[i].name = sp_image_string(r);
		s[i].secret = (enum sp_policy_secret)sp_image_range(r, 1, SP_POLICY_SECRET_FILE, SP_POLICY_SECRET_EXEC);
		s[i].value = sp_image_string(r);
	}
}

static void
sp_image_connection_read(struct sp_image_reader *r, struct sp_policy_connection *c)
{
	c->name = sp_image_name(r);
	c->kind = (enum sp_policy_kind)sp_image_range(r, 1, SP_POLICY_KIND_POSTGRES, SP_POLICY_KIND_COMMAND);
	c->host = sp_image_string(r);
	c->port = (uint16_t)sp_image_number(r, 2, UINT16_MAX);
	c->database = sp_image_string(r);
	c->tls = (enum sp_policy_tls)sp_image_range(r, 1, SP_POLICY_TLS_VERIFY_FULL, SP_POLICY_TLS_DISABLE);
	c->tls_ca = sp_image_string(r);
	c->tls_server_name = sp_image_string(r);
	c->login_user = sp_image_string(r);
	c->secret = (enum sp_policy_secret)sp_image_range(r, 1, SP_POLICY_SECRET_NONE, SP_POLICY_SECRET_EXEC);
	c->secret_value = sp_image_string(r);
	c->durability =
	    (enum sp_policy_durability)sp_image_range(r, 1, SP_POLICY_DURABILITY_PROCESS, SP_POLICY_DURABILITY_DISK);
	c->idle_seconds = (uint32_t)sp_image_number(r, 4, UINT32_MAX);
	c->max_seconds = (uint32_t)sp_image_number(r, 4, UINT32_MAX);
	c->labels = sp_image_pairs(r, &c->nlabels);
	c->tools = sp_image_strings(r, &c->ntools);
	c->records_input = sp_image_number(r, 1, 1) != 0;
	c->lines = (enum sp_policy_lines)sp_image_range(r, 1, SP_POLICY_LINES_FREE, SP_POLICY_LINES_GATE);
	c->banner = sp_image_string(r);
	c->is_forwarded = sp_image_number(r, 1, 1) != 0;
	sp_image_host(r, c);
	sp_image_program(r, c);
}

static int16_t
sp_image_offset(struct sp_image_reader *r)
{
	int16_t offset = (int16_t)sp_image_number(r, 2, UINT16_MAX);

	if (offset < -27 * 60 || offset > 27 * 60)
		sp_image_fail(r, SP_ERR_FORMAT);
	return offset;
}

static void
sp_image_when(struct sp_image_reader *r, struct sp_policy_rule *u)
{
	u->has_when = (uint8_t)sp_image_number(r, 1, 1);
	u->days = (uint8_t)sp_image_number(r, 1, 0x7f);
	u->begins = (uint16_t)sp_image_number(r, 2, 24 * 60);
	u->ends = (uint16_t)sp_image_number(r, 2, 24 * 60);
	u->offset = sp_image_offset(r);
	u->changes = sp_image_items(r, SP_ZONE_CHANGES_MAX, sizeof(*u->changes), &u->nchanges);
	for (size_t i = 0; i < u->nchanges && r->error == 0; i++) {
		u->changes[i].at = (int64_t)sp_image_number(r, 8, INT64_MAX);
		u->changes[i].offset = sp_image_offset(r);
		if (i > 0 && u->changes[i].at <= u->changes[i - 1].at)
			sp_image_fail(r, SP_ERR_FORMAT);
	}
	u->from = sp_image_items(r, SP_POLICY_LIST_MAX, sizeof(*u->from), &u->nfrom);
	for (size_t i = 0; i < u->nfrom && r->error == 0; i++) {
		u->from[i].is_v6 = (uint8_t)sp_image_number(r, 1, 1);
		u->from[i].prefix = (uint8_t)sp_image_number(r, 1, u->from[i].is_v6 ? 128 : 32);
		if (r->error == 0 && sp_buf_get(r->b, u->from[i].address, sizeof(u->from[i].address)) != 0)
			sp_image_fail(r, SP_ERR_FORMAT);
	}
}

static void
sp_image_rule_read(struct sp_image_reader *r, struct sp_policy_rule *u)
{
	u->name = sp_image_name(r);
	u->effect = (enum sp_policy_effect)sp_image_number(r, 1, SP_POLICY_ALLOW);
	u->message = sp_image_string(r);
	sp_image_predicate(r, &u->who, 0, false);
	u->on.s = sp_image_strings(r, &u->on.n);
	u->on_labels = sp_image_pairs(r, &u->non_labels);
	u->does = (uint32_t)sp_image_number(r, 4, SP_MODEL_DO_MAX);
	u->words = sp_image_number(r, 8, SP_SQL_BIT(SP_SQL_WORDS) - 1);
	u->tables.s = sp_image_strings(r, &u->tables.n);
	u->functions.s = sp_image_strings(r, &u->functions.n);
	u->settings.s = sp_image_strings(r, &u->settings.n);
	u->commands.s = sp_image_strings(r, &u->commands.n);
	u->argv.s = sp_image_strings(r, &u->argv.n);
	u->reads.s = sp_image_strings(r, &u->reads.n);
	u->writes.s = sp_image_strings(r, &u->writes.n);
	u->as.s = sp_image_strings(r, &u->as.n);
	u->in.s = sp_image_strings(r, &u->in.n);
	u->files = (uint32_t)sp_image_number(r, 4, SP_FILE_BITS);
	u->paths.s = sp_image_strings(r, &u->paths.n);
	u->secrets.s = sp_image_strings(r, &u->secrets.n);
	u->networks.s = sp_image_strings(r, &u->networks.n);
	sp_image_terms(r, &u->terms);
	u->record_reads.s = sp_image_strings(r, &u->record_reads.n);
	u->record_writes.s = sp_image_strings(r, &u->record_writes.n);
	sp_image_when(r, u);
	u->has_approve = (uint8_t)sp_image_number(r, 1, 1);
	if ((u->has_approve != 0) != (u->effect == SP_POLICY_APPROVE))
		sp_image_fail(r, SP_ERR_FORMAT);
	if (u->has_approve) {
		u->approve.by = sp_image_strings(r, &u->approve.nby);
		u->approve.count = (uint32_t)sp_image_range(r, 4, 1, SP_POLICY_APPROVERS_MAX);
		u->approve.within = (uint32_t)sp_image_range(r, 4, 1, SP_POLICY_WITHIN_MAX);
		if (u->approve.nby == 0)
			sp_image_fail(r, SP_ERR_FORMAT);
	}
	u->has_mask = (uint8_t)sp_image_number(r, 1, 1);
	if (u->has_mask) {
		u->mask.columns = sp_image_strings(r, &u->mask.ncolumns);
		u->mask.detectors = sp_image_strings(r, &u->mask.ndetectors);
		u->mask.regexes = sp_image_pairs(r, &u->mask.nregexes);
		u->mask.transform =
		    (enum sp_policy_transform)sp_image_range(r, 1, SP_POLICY_MASK_REDACT, SP_POLICY_MASK_NULL);
	}
	u->has_scan = (uint8_t)sp_image_number(r, 1, 1);
	if (u->has_scan) {
		u->scan.detectors = sp_image_strings(r, &u->scan.ndetectors);
		u->scan.regexes = sp_image_pairs(r, &u->scan.nregexes);
		u->scan.found =
		    (enum sp_policy_found)sp_image_range(r, 1, SP_POLICY_FOUND_RECORD, SP_POLICY_FOUND_QUARANTINE);
		u->scan.passes_unreadable = sp_image_number(r, 1, 1) != 0;
	}
}

static void
sp_image_body(struct sp_image_reader *r)
{
	struct sp_policy_image *m = r->m;

	m->groups = sp_image_items(r, SP_POLICY_GROUPS_MAX, sizeof(*m->groups), &m->ngroups);
	for (size_t i = 0; i < m->ngroups && r->error == 0; i++) {
		m->groups[i].name = sp_image_name(r);
		sp_image_predicate(r, &m->groups[i].who, 0, true);
	}
	m->connections = sp_image_items(r, SP_POLICY_CONNECTIONS_MAX, sizeof(*m->connections), &m->nconnections);
	for (size_t i = 0; i < m->nconnections && r->error == 0; i++)
		sp_image_connection_read(r, &m->connections[i]);
	m->rules = sp_image_items(r, SP_POLICY_RULES_MAX, sizeof(*m->rules), &m->nrules);
	for (size_t i = 0; i < m->nrules && r->error == 0; i++)
		sp_image_rule_read(r, &m->rules[i]);
	if (r->error == 0 && sp_buf_len(r->b) != 0)
		sp_image_fail(r, SP_ERR_FORMAT);
}

static int
sp_image_header(struct sp_buf *b, uint64_t *ret_version)
{
	uint32_t format = 0, len = 0;
	char magic[8] = "";
	int r = sp_buf_get(b, magic, sizeof(magic));

	if (r == 0)
		r = sp_buf_get_u32(b, &format);
	if (r == 0)
		r = sp_buf_get_u64(b, ret_version);
	if (r == 0)
		r = sp_buf_get_u32(b, &len);
	if (r != 0)
		return SP_ERR_INCOMPLETE;
	if (memcmp(magic, SP_MODEL_MAGIC, sizeof(magic)) != 0)
		return SP_ERR_FORMAT;
	if (format != SP_MODEL_FORMAT)
		return SP_ERR_UNSUPPORTED;
	if (len > sp_buf_len(b))
		return SP_ERR_INCOMPLETE;
	return len == sp_buf_len(b) ? 0 : SP_ERR_FORMAT;
}

int
sp_policy_image_open(const void *data, size_t len, struct sp_policy_image **ret_image)
{
	struct sp_image_reader r = {0};
	int err = SP_ERR_NOMEM;

	if (len > SP_POLICY_IMAGE_MAX)
		return SP_ERR_LIMIT;
	r.b = sp_buf_from(data, len);
	r.m = calloc(1, sizeof(*r.m));
	if (r.b == NULL || r.m == NULL)
		goto out;
	err = sp_image_header(r.b, &r.m->version);
	if (err != 0)
		goto out;
	sp_image_body(&r);
	err = r.error;
	if (err == 0) {
		*ret_image = r.m;
		r.m = NULL;
	}
out:
	sp_policy_image_free(r.m);
	sp_buf_free(r.b);
	return err;
}

void
sp_policy_image_free(struct sp_policy_image *image)
{
	if (image == NULL)
		return;
	sp_model_clear(image);
	free(image);
}

uint64_t
sp_policy_image_version(const struct sp_policy_image *image)
{
	return image->version;
}

size_t
sp_policy_image_connections(const struct sp_policy_image *image)
{
	return image->nconnections;
}

const struct sp_policy_connection *
sp_policy_image_connection(const struct sp_policy_image *image, size_t i)
{
	return &image->connections[i];
}

const struct sp_policy_connection *
sp_policy_image_find(const struct sp_policy_image *image, const char *name)
{
	for (size_t i = 0; i < image->nconnections; i++)
		if (strcmp(image->connections[i].name, name) == 0)
			return &image->connections[i];
	return NULL;
}

bool
sp_policy_image_in_group(const struct sp_policy_image *image, const struct sp_policy_subject *subject,
    const char *group)
{
	const struct sp_model_predicate p = {.test = SP_MODEL_GROUP, .value = group};

	return sp_model_matches(image, &p, subject);
}

const struct sp_policy_rule *
sp_policy_image_rule(const struct sp_policy_image *image, const char *name)
{
	for (size_t i = 0; i < image->nrules; i++)
		if (strcmp(image->rules[i].name, name) == 0)
			return &image->rules[i];
	return NULL;
}

size_t
sp_policy_image_rules(const struct sp_policy_image *image)
{
	return image->nrules;
}

const struct sp_policy_rule *
sp_policy_image_rule_at(const struct sp_policy_image *image, size_t i)
{
	return &image->rules[i];
}

const char *
sp_policy_rule_name(const struct sp_policy_rule *rule)
{
	return rule->name;
}

enum sp_policy_effect
sp_policy_rule_effect(const struct sp_policy_rule *rule)
{
	return rule->effect;
}

const char *
sp_policy_rule_message(const struct sp_policy_rule *rule)
{
	return rule->message;
}

const struct sp_policy_approve *
sp_policy_rule_approve(const struct sp_policy_rule *rule)
{
	return rule->has_approve ? &rule->approve : NULL;
}

const struct sp_policy_mask *
sp_policy_rule_mask(const struct sp_policy_rule *rule)
{
	return rule->has_mask ? &rule->mask : NULL;
}

const char *
sp_policy_effect_str(enum sp_policy_effect e)
{
	return e == SP_POLICY_ALLOW ? "allow" : e == SP_POLICY_APPROVE ? "approve" : "deny";
}

const char *
sp_policy_label_str(enum sp_policy_label l)
{
	return l == SP_POLICY_PROVEN ? "proven" : l == SP_POLICY_ENFORCED ? "enforced" : "advisory";
}

const char *
sp_policy_found_str(enum sp_policy_found found)
{
	return found == SP_POLICY_FOUND_RECORD	     ? "record"
	       : found == SP_POLICY_FOUND_QUARANTINE ? "quarantine"
						     : "refuse";
}

const char *
sp_policy_transform_str(enum sp_policy_transform t)
{
	static const char *const names[] = {"redact", "redact", "partial", "hash", "null"};

	return (size_t)t < sizeof(names) / sizeof(names[0]) ? names[t] : names[0];
}

const char *
sp_policy_kind_str(enum sp_policy_kind k)
{
	static const char *const names[] = {"unknown", "postgres", "mysql", "kubernetes", "ssh", "http", "shell",
	    "command"};

	return (size_t)k < sizeof(names) / sizeof(names[0]) ? names[k] : names[0];
}
