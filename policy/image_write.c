/* SPDX-License-Identifier: Apache-2.0 */
/* The writer of images; image.c reads the same fields in the same order. */
#include <string.h>

#include "policy/model.h"

/* A string is its length, its bytes and a NUL, so that readers can point at it. */
static void
sp_model_put_string(struct sp_buf *b, const char *s)
{
	(void)sp_buf_put_cstring(b, s);
	(void)sp_buf_put_u8(b, 0);
}

static void
sp_model_put_strings(struct sp_buf *b, size_t n, const char *const *s)
{
	(void)sp_buf_put_u32(b, (uint32_t)n);
	for (size_t i = 0; i < n; i++)
		sp_model_put_string(b, s[i]);
}

static void
sp_model_put_list(struct sp_buf *b, const struct sp_model_strings *l)
{
	(void)sp_buf_put_u32(b, (uint32_t)l->n);
	for (size_t i = 0; i < l->n; i++)
		sp_model_put_string(b, l->s[i]);
}

static void
sp_model_put_pairs(struct sp_buf *b, size_t n, const struct sp_policy_pair *p)
{
	(void)sp_buf_put_u32(b, (uint32_t)n);
	for (size_t i = 0; i < n; i++) {
		sp_model_put_string(b, p[i].name);
		sp_model_put_string(b, p[i].value);
	}
}

static void
sp_model_put_predicate(struct sp_buf *b, const struct sp_model_predicate *p)
{
	(void)sp_buf_put_u8(b, (uint8_t)p->test);
	sp_model_put_string(b, p->claim == NULL ? "" : p->claim);
	sp_model_put_string(b, p->value == NULL ? "" : p->value);
	(void)sp_buf_put_u32(b, (uint32_t)p->n);
	for (size_t i = 0; i < p->n; i++)
		sp_model_put_predicate(b, &p->children[i]);
}

static void
sp_model_put_terms(struct sp_buf *b, const struct sp_policy_terms *t)
{
	(void)sp_buf_put_u32(b, t->idle_seconds);
	(void)sp_buf_put_u32(b, t->max_seconds);
	(void)sp_buf_put_u8(b, t->records_input);
	(void)sp_buf_put_u8(b, (uint8_t)t->lines);
	sp_model_put_string(b, t->banner == NULL ? "" : t->banner);
}

static void
sp_model_put_host(struct sp_buf *b, const struct sp_policy_connection *c)
{
	(void)sp_buf_put_u8(b, (uint8_t)c->login);
	sp_model_put_strings(b, c->nhost_keys, c->host_keys);
	sp_model_put_strings(b, c->nhost_authorities, c->host_authorities);
	sp_model_put_string(b, c->known_hosts);
	(void)sp_buf_put_u8(b, c->is_sshfp);
	sp_model_put_string(b, c->jump);
	sp_model_put_string(b, c->principal);
	(void)sp_buf_put_u32(b, c->certificate_seconds);
	sp_model_put_strings(b, c->nsource_addresses, c->source_addresses);
}

static void
sp_model_put_program(struct sp_buf *b, const struct sp_policy_connection *c)
{
	sp_model_put_string(b, c->run_as);
	(void)sp_buf_put_u8(b, c->is_privileged);
	sp_model_put_string(b, c->directory);
	sp_model_put_strings(b, c->ncommand, c->command);
	(void)sp_buf_put_u32(b, (uint32_t)c->nparameters);
	for (size_t i = 0; i < c->nparameters; i++) {
		sp_model_put_string(b, c->parameters[i].name);
		sp_model_put_string(b, c->parameters[i].pattern);
		(void)sp_buf_put_u8(b, c->parameters[i].is_optional);
		sp_model_put_string(b, c->parameters[i].value);
	}
	sp_model_put_pairs(b, c->nenvironment, c->environment);
	(void)sp_buf_put_u32(b, (uint32_t)c->nsecrets);
	for (size_t i = 0; i < c->nsecrets; i++) {
		sp_model_put_string(b, c->secrets[i].name);
		(void)sp_buf_put_u8(b, (uint8_t)c->secrets[i].secret);
		sp_model_put_string(b, c->secrets[i].value);
	}
}

static void
sp_model_put_connection(struct sp_buf *b, const struct sp_policy_connection *c)
{
	sp_model_put_string(b, c->name);
	(void)sp_buf_put_u8(b, (uint8_t)c->kind);
	sp_model_put_string(b, c->host);
	(void)sp_buf_put_u16(b, c->port);
	sp_model_put_string(b, c->database);
	(void)sp_buf_put_u8(b, (uint8_t)c->tls);
	sp_model_put_string(b, c->tls_ca);
	sp_model_put_string(b, c->tls_server_name);
	sp_model_put_string(b, c->login_user);
	(void)sp_buf_put_u8(b, (uint8_t)c->secret);
	sp_model_put_string(b, c->secret_value);
	(void)sp_buf_put_u8(b, (uint8_t)c->durability);
	(void)sp_buf_put_u32(b, c->idle_seconds);
	(void)sp_buf_put_u32(b, c->max_seconds);
	sp_model_put_pairs(b, c->nlabels, c->labels);
	sp_model_put_strings(b, c->ntools, c->tools);
	(void)sp_buf_put_u8(b, c->records_input);
	(void)sp_buf_put_u8(b, (uint8_t)c->lines);
	sp_model_put_string(b, c->banner);
	(void)sp_buf_put_u8(b, c->is_forwarded);
	sp_model_put_host(b, c);
	sp_model_put_program(b, c);
}

static void
sp_model_put_rule(struct sp_buf *b, const struct sp_policy_rule *r)
{
	sp_model_put_string(b, r->name);
	(void)sp_buf_put_u8(b, (uint8_t)r->effect);
	sp_model_put_string(b, r->message);
	sp_model_put_predicate(b, &r->who);
	sp_model_put_list(b, &r->on);
	sp_model_put_pairs(b, r->non_labels, r->on_labels);
	(void)sp_buf_put_u32(b, r->does);
	(void)sp_buf_put_u64(b, r->words);
	sp_model_put_list(b, &r->tables);
	sp_model_put_list(b, &r->functions);
	sp_model_put_list(b, &r->settings);
	sp_model_put_list(b, &r->commands);
	sp_model_put_list(b, &r->argv);
	sp_model_put_list(b, &r->reads);
	sp_model_put_list(b, &r->writes);
	sp_model_put_list(b, &r->as);
	sp_model_put_list(b, &r->in);
	(void)sp_buf_put_u32(b, r->files);
	sp_model_put_list(b, &r->paths);
	sp_model_put_list(b, &r->secrets);
	sp_model_put_list(b, &r->networks);
	sp_model_put_terms(b, &r->terms);
	sp_model_put_list(b, &r->record_reads);
	sp_model_put_list(b, &r->record_writes);
	(void)sp_buf_put_u8(b, r->has_when);
	(void)sp_buf_put_u8(b, r->days);
	(void)sp_buf_put_u16(b, r->begins);
	(void)sp_buf_put_u16(b, r->ends);
	(void)sp_buf_put_u16(b, (uint16_t)r->offset);
	(void)sp_buf_put_u32(b, (uint32_t)r->nchanges);
	for (size_t i = 0; i < r->nchanges; i++) {
		(void)sp_buf_put_u64(b, (uint64_t)r->changes[i].at);
		(void)sp_buf_put_u16(b, (uint16_t)r->changes[i].offset);
	}
	(void)sp_buf_put_u32(b, (uint32_t)r->nfrom);
	for (size_t i = 0; i < r->nfrom; i++) {
		(void)sp_buf_put_u8(b, r->from[i].is_v6);
		(void)sp_buf_put_u8(b, r->from[i].prefix);
		(void)sp_buf_put(b, r->from[i].address, sizeof(r->from[i].address));
	}
	(void)sp_buf_put_u8(b, r->has_approve);
	if (r->has_approve) {
		sp_model_put_strings(b, r->approve.nby, r->approve.by);
		(void)sp_buf_put_u32(b, r->approve.count);
		(void)sp_buf_put_u32(b, r->approve.within);
	}
	(void)sp_buf_put_u8(b, r->has_mask);
	if (r->has_mask) {
		sp_model_put_strings(b, r->mask.ncolumns, r->mask.columns);
		sp_model_put_strings(b, r->mask.ndetectors, r->mask.detectors);
		sp_model_put_pairs(b, r->mask.nregexes, r->mask.regexes);
		(void)sp_buf_put_u8(b, (uint8_t)r->mask.transform);
	}
	(void)sp_buf_put_u8(b, r->has_scan);
	if (r->has_scan) {
		sp_model_put_strings(b, r->scan.ndetectors, r->scan.detectors);
		sp_model_put_pairs(b, r->scan.nregexes, r->scan.regexes);
		(void)sp_buf_put_u8(b, (uint8_t)r->scan.found);
		(void)sp_buf_put_u8(b, r->scan.passes_unreadable);
	}
}

static void
sp_model_put_body(struct sp_buf *b, const struct sp_policy_image *m)
{
	(void)sp_buf_put_u32(b, (uint32_t)m->ngroups);
	for (size_t i = 0; i < m->ngroups; i++) {
		sp_model_put_string(b, m->groups[i].name);
		sp_model_put_predicate(b, &m->groups[i].who);
	}
	(void)sp_buf_put_u32(b, (uint32_t)m->nconnections);
	for (size_t i = 0; i < m->nconnections; i++)
		sp_model_put_connection(b, &m->connections[i]);
	(void)sp_buf_put_u32(b, (uint32_t)m->nrules);
	for (size_t i = 0; i < m->nrules; i++)
		sp_model_put_rule(b, &m->rules[i]);
}

int
sp_model_write(const struct sp_policy_image *m, struct sp_buf *out)
{
	struct sp_buf *body = sp_buf_new(SP_POLICY_IMAGE_MAX);
	int r;

	if (body == NULL)
		return SP_ERR_NOMEM;
	sp_model_put_body(body, m);
	r = sp_buf_error(body);
	if (r == 0) {
		(void)sp_buf_put(out, SP_MODEL_MAGIC, 8);
		(void)sp_buf_put_u32(out, SP_MODEL_FORMAT);
		(void)sp_buf_put_u64(out, m->version);
		(void)sp_buf_put_u32(out, (uint32_t)sp_buf_len(body));
		(void)sp_buf_put(out, sp_buf_data(body), sp_buf_len(body));
		r = sp_buf_error(out);
	}
	sp_buf_free(body);
	return r;
}
