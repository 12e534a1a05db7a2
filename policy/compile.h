/* SPDX-License-Identifier: Apache-2.0 */
/* From YAML to a model: one reader for each section. Used only by source.c. */
#ifndef SALLYPORT_POLICY_COMPILE_H
#define SALLYPORT_POLICY_COMPILE_H

#include "policy/diag.h"
#include "policy/model.h"
#include "policy/yaml.h"

struct sp_compile {
	struct sp_policy_image *m; /* everything read is put in its memory */
	struct sp_diags *diags;
	int error; /* NOMEM; what people wrote wrong is only in diags */
};

/* Each reads one item into a zeroed struct. On a mistake it adds diagnostics and goes on where it can. */
void sp_compile_group(struct sp_compile *c, const char *name, const struct sp_yaml_node *n, struct sp_model_group *ret);
void sp_compile_connection(struct sp_compile *c, const char *name, const struct sp_yaml_node *n,
    struct sp_policy_connection *ret);
void sp_compile_rule(struct sp_compile *c, const struct sp_yaml_node *n, struct sp_policy_rule *ret);

/* compile_host.c: what only ssh, and only shell and command connections have */
void sp_compile_ssh(struct sp_compile *c, const struct sp_yaml_node *n, struct sp_policy_connection *ret);
void sp_compile_program(struct sp_compile *c, const struct sp_yaml_node *n, struct sp_policy_connection *ret);
/* An address, or ADDRESS/PREFIX. */
bool sp_compile_network(const char *s, struct sp_model_network *ret) SP_MUST_CHECK;
/* Says at n what is wrong with a PCRE2 pattern, if anything is. */
void sp_compile_pattern(struct sp_compile *c, const struct sp_yaml_node *n, const char *pattern);

/* compile_connection.c: { file: PATH } and the other places where a secret can be. what is it called in the file. */
void sp_compile_secret(struct sp_compile *c, const struct sp_yaml_node *n, const char *what, enum sp_policy_secret *ret,
    const char **ret_value);

/* compile_rule.c: idle, max, record_input, banner and lines of n. Untouched where n does not say. */
void sp_compile_terms(struct sp_compile *c, const struct sp_yaml_node *n, struct sp_policy_terms *ret);

/* compile_list.c: what sections share */
void sp_compile_predicate(struct sp_compile *c, const struct sp_yaml_node *n, bool is_group, unsigned int depth,
    struct sp_model_predicate *ret);
const char *sp_compile_string(struct sp_compile *c, const struct sp_yaml_node *n, size_t max); /* "" on error */
/* One text or a list of them. */
void sp_compile_strings(struct sp_compile *c, const struct sp_yaml_node *n, struct sp_model_strings *ret);
/* A mapping of texts. */
struct sp_policy_pair *sp_compile_pairs(struct sp_compile *c, const struct sp_yaml_node *n, size_t *ret_n);
/* Room for n items, or NULL with the error set. */
void *sp_compile_alloc(struct sp_compile *c, size_t n, size_t size);
/* A name of a group, connection or rule: letters, digits, - _ . and at most SP_POLICY_NAME_MAX bytes. */
bool sp_compile_is_name(const char *s);

#endif
