/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "policy/compile.h"

void *
sp_compile_alloc(struct sp_compile *c, size_t n, size_t size)
{
	void *p = sp_model_alloc(c->m, n, size);

	if (p == NULL)
		c->error = SP_ERR_NOMEM;
	return p;
}

bool
sp_compile_is_name(const char *s)
{
	size_t n = strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.");

	return n > 0 && s[n] == 0 && n <= SP_POLICY_NAME_MAX && s[0] != '-' && s[0] != '.';
}

const char *
sp_compile_string(struct sp_compile *c, const struct sp_yaml_node *n, size_t max)
{
	const char *s;
	char *copy;

	if (n == NULL || sp_yaml_string(n, max, c->diags, &s) != 0)
		return "";
	copy = sp_model_string(c->m, s);
	if (copy == NULL) {
		c->error = SP_ERR_NOMEM;
		return "";
	}
	return copy;
}

void
sp_compile_strings(struct sp_compile *c, const struct sp_yaml_node *n, struct sp_model_strings *ret)
{
	size_t count = sp_yaml_type(n) == SP_YAML_SEQUENCE ? sp_yaml_count(n) : 1;

	if (sp_yaml_type(n) != SP_YAML_SEQUENCE && sp_yaml_type(n) != SP_YAML_SCALAR) {
		sp_yaml_error(n, c->diags, NULL, "expected a list of texts");
		return;
	}
	if (count == 0 || count > SP_POLICY_LIST_MAX) {
		sp_yaml_error(n, c->diags, "leave the key out to mean all", "expected 1 to %d items", SP_POLICY_LIST_MAX);
		return;
	}
	ret->s = sp_compile_alloc(c, count, sizeof(*ret->s));
	if (ret->s == NULL)
		return;
	ret->n = count;
	for (size_t i = 0; i < count; i++)
		ret->s[i] = sp_compile_string(c, sp_yaml_type(n) == SP_YAML_SEQUENCE ? sp_yaml_item(n, i) : n,
		    SP_POLICY_STRING_MAX);
}

struct sp_policy_pair *
sp_compile_pairs(struct sp_compile *c, const struct sp_yaml_node *n, size_t *ret_n)
{
	struct sp_policy_pair *p;

	*ret_n = 0;
	if (n == NULL || sp_yaml_need(n, SP_YAML_MAPPING, c->diags) != 0)
		return NULL;
	if (sp_yaml_count(n) > SP_POLICY_LIST_MAX) {
		sp_yaml_error(n, c->diags, NULL, "more than %d items", SP_POLICY_LIST_MAX);
		return NULL;
	}
	p = sp_compile_alloc(c, sp_yaml_count(n), sizeof(*p));
	for (size_t i = 0; p != NULL && i < sp_yaml_count(n); i++) {
		p[i].name = sp_compile_string(c, sp_yaml_key_node(n, i), SP_POLICY_STRING_MAX);
		p[i].value = sp_compile_string(c, sp_yaml_item(n, i), SP_POLICY_STRING_MAX);
	}
	*ret_n = p == NULL ? 0 : sp_yaml_count(n);
	return p;
}

static void
sp_compile_claim(struct sp_compile *c, const struct sp_yaml_node *n, struct sp_model_predicate *ret)
{
	static const char *const keys[] = {"claim", "has", "is", "like", NULL};
	const struct sp_yaml_node *has = sp_yaml_get(n, "has"), *is = sp_yaml_get(n, "is"), *like = sp_yaml_get(n, "like");

	if (sp_yaml_check_keys(n, keys, c->diags) != 0)
		return;
	if (sp_yaml_get(n, "claim") == NULL || (has != NULL) + (is != NULL) + (like != NULL) != 1) {
		sp_yaml_error(n, c->diags, "for example { claim: groups, has: dba }",
		    "expected claim with one of has (one of its values), is (its only value) and like (a pattern for that)");
		return;
	}
	ret->test = has != NULL ? SP_MODEL_HAS : is != NULL ? SP_MODEL_IS : SP_MODEL_LIKE;
	ret->claim = sp_compile_string(c, sp_yaml_get(n, "claim"), SP_POLICY_STRING_MAX);
	ret->value = sp_compile_string(c, has != NULL ? has : is != NULL ? is : like, SP_POLICY_STRING_MAX);
}

/* any: or all: with a list of predicates, not: with one. */
static void
sp_compile_nested(struct sp_compile *c, const struct sp_yaml_node *n, bool is_group, unsigned int depth,
    struct sp_model_predicate *ret)
{
	const char *key = sp_yaml_key(n, 0);
	const struct sp_yaml_node *list = sp_yaml_item(n, 0);
	bool is_not = strcmp(key, "not") == 0;
	size_t count = is_not ? 1 : sp_yaml_count(list);

	if (sp_yaml_count(n) != 1) {
		sp_yaml_error(sp_yaml_key_node(n, 1), c->diags, NULL, "nothing else may stand beside \"%s\"", key);
		return;
	}
	if (depth + 1 >= SP_POLICY_PREDICATE_DEPTH_MAX) {
		sp_yaml_error(n, c->diags, NULL, "nested too deeply");
		return;
	}
	if (!is_not && sp_yaml_need(list, SP_YAML_SEQUENCE, c->diags) != 0)
		return;
	if (count == 0 || count > SP_POLICY_LIST_MAX) {
		sp_yaml_error(list, c->diags, NULL, "expected 1 to %d items", SP_POLICY_LIST_MAX);
		return;
	}
	ret->test = is_not ? SP_MODEL_NOT : strcmp(key, "any") == 0 ? SP_MODEL_ANY : SP_MODEL_ALL;
	ret->children = sp_compile_alloc(c, count, sizeof(*ret->children));
	ret->n = ret->children == NULL ? 0 : count;
	for (size_t i = 0; i < ret->n; i++)
		sp_compile_predicate(c, is_not ? list : sp_yaml_item(list, i), is_group, depth + 1, &ret->children[i]);
}

void
sp_compile_predicate(struct sp_compile *c, const struct sp_yaml_node *n, bool is_group, unsigned int depth,
    struct sp_model_predicate *ret)
{
	static const char *const keys[] = {"any", "all", "not", "claim", "has", "is", "like", NULL};

	ret->test = SP_MODEL_ANY; /* of nothing: nobody */
	ret->claim = ret->value = "";
	if (!is_group && sp_yaml_type(n) == SP_YAML_SCALAR) {
		ret->test = SP_MODEL_GROUP;
		ret->value = sp_compile_string(c, n, SP_POLICY_NAME_MAX);
		return;
	}
	if (sp_yaml_type(n) != SP_YAML_MAPPING || sp_yaml_count(n) == 0) {
		sp_yaml_error(n, c->diags, "for example { claim: groups, has: dba }",
		    is_group ? "expected a claim, any, all or not" : "expected a group's name, a claim, any, all or not");
		return;
	}
	if (sp_yaml_check_keys(n, keys, c->diags) != 0)
		return;
	if (sp_yaml_get(n, "any") != NULL || sp_yaml_get(n, "all") != NULL || sp_yaml_get(n, "not") != NULL)
		sp_compile_nested(c, n, is_group, depth, ret);
	else
		sp_compile_claim(c, n, ret);
}

void
sp_compile_group(struct sp_compile *c, const char *name, const struct sp_yaml_node *n, struct sp_model_group *ret)
{
	ret->name = sp_model_string(c->m, name);
	if (ret->name == NULL) {
		ret->name = "";
		c->error = SP_ERR_NOMEM;
	}
	sp_compile_predicate(c, n, true, 0, &ret->who);
}
