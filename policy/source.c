/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/source.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "policy/compile.h"
#include "policy/source_files.h"

struct sp_policy_source {
	struct sp_diags *diags;
	size_t nfiles;
	struct sp_yaml *files[SP_POLICY_FILES_MAX];
	char *names[SP_POLICY_FILES_MAX];
};

struct sp_policy_source *
sp_policy_source_new(void)
{
	struct sp_policy_source *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return NULL;
	s->diags = sp_diags_new(SP_POLICY_DIAGS_MAX);
	if (s->diags == NULL) {
		free(s);
		return NULL;
	}
	return s;
}

void
sp_policy_source_free(struct sp_policy_source *s)
{
	if (s == NULL)
		return;
	for (size_t i = 0; i < s->nfiles; i++) {
		sp_yaml_free(s->files[i]);
		free(s->names[i]);
	}
	sp_diags_free(s->diags);
	free(s);
}

const struct sp_diags *
sp_policy_source_diags(const struct sp_policy_source *s)
{
	return s->diags;
}

static int
sp_policy_source_check_root(struct sp_policy_source *s, const struct sp_yaml_node *root)
{
	static const char *const keys[] = {"version", "groups", "connections", "rules", "tests", NULL};
	const struct sp_yaml_node *version = sp_yaml_get(root, "version");
	int64_t v;
	int r = sp_yaml_check_keys(root, keys, s->diags);

	if (r != 0)
		return r;
	if (version == NULL) {
		sp_yaml_error(root, s->diags, "version: 1", "the file does not say which version of the language it is in");
		return SP_ERR_FORMAT;
	}
	return sp_yaml_int(version, 1, 1, s->diags, &v);
}

int
sp_policy_source_add(struct sp_policy_source *s, const char *name, const char *text, size_t len)
{
	struct sp_yaml *y = NULL;
	char *copy;
	int r;

	if (s->nfiles == SP_POLICY_FILES_MAX) {
		sp_diags_add(s->diags, name, 0, 0, NULL, "more than %d files", SP_POLICY_FILES_MAX);
		return SP_ERR_LIMIT;
	}
	r = sp_yaml_parse(name, text, len, s->diags, &y);
	if (r != 0)
		return r == SP_ERR_LIMIT ? SP_ERR_FORMAT : r;
	copy = strdup(name);
	if (copy == NULL) {
		sp_yaml_free(y);
		return SP_ERR_NOMEM;
	}
	r = sp_policy_source_check_root(s, sp_yaml_root(y));
	s->files[s->nfiles] = y;
	s->names[s->nfiles++] = copy;
	return r;
}

size_t
sp_policy_source_files(const struct sp_policy_source *s)
{
	return s->nfiles;
}

const struct sp_yaml_node *
sp_policy_source_root(const struct sp_policy_source *s, size_t i)
{
	return sp_yaml_root(s->files[i]);
}

struct sp_diags *
sp_policy_source_own_diags(struct sp_policy_source *s)
{
	return s->diags;
}

/* --- directory ------------------------------------------------------------------------------------- */

static int
sp_policy_source_read(int fd, char *mem, size_t size, size_t *ret_len)
{
	size_t len = 0;
	ssize_t n;

	while (len < size) {
		n = read(fd, mem + len, size - len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return SP_ERR_SYSTEM;
		if (n == 0)
			break;
		len += (size_t)n;
	}
	*ret_len = len;
	return 0;
}

static int
sp_policy_source_add_file(struct sp_policy_source *s, int dirfd_, const char *dir, const char *file)
{
	char *mem = malloc(SP_POLICY_FILE_MAX + 1), *path = NULL;
	int r = SP_ERR_NOMEM, fd = -1;
	struct stat st;
	size_t len;

	if (mem == NULL || asprintf(&path, "%s/%s", dir, file) < 0)
		goto out;
	fd = openat(dirfd_, file, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	r = fd < 0 || fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) ? SP_ERR_SYSTEM :
								    sp_policy_source_read(fd, mem, SP_POLICY_FILE_MAX + 1, &len);
	if (r != 0)
		sp_diags_add(s->diags, path, 0, 0, NULL, "cannot be read: %s",
		    fd < 0 ? strerror(errno) : "not a regular file");
	else
		r = sp_policy_source_add(s, path, mem, len);
out:
	if (fd >= 0)
		(void)close(fd);
	free(path);
	free(mem);
	return r;
}

static int
sp_policy_source_is_yaml(const struct dirent *e)
{
	size_t n = strlen(e->d_name);

	return n > 5 && e->d_name[0] != '.' && strcmp(e->d_name + n - 5, ".yaml") == 0;
}

static int
sp_policy_source_by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

int
sp_policy_source_add_dir(struct sp_policy_source *s, const char *dir)
{
	struct dirent **list = NULL;
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC), n = -1, r = 0, e;

	if (fd >= 0)
		n = scandir(dir, &list, sp_policy_source_is_yaml, sp_policy_source_by_name);
	if (n < 0) {
		sp_diags_add(s->diags, dir, 0, 0, NULL, "cannot be read: %s", strerror(errno));
		r = SP_ERR_SYSTEM;
	}
	for (int i = 0; i < n; i++) {
		e = sp_policy_source_add_file(s, fd, dir, list[i]->d_name);
		if (e != 0 && (r == 0 || r == SP_ERR_FORMAT))
			r = e;
		free(list[i]);
	}
	free(list);
	if (fd >= 0)
		(void)close(fd);
	return r;
}

/* --- compile --------------------------------------------------------------------------------------- */

/* How many items all files have under a key. */
static size_t
sp_policy_source_total(const struct sp_policy_source *s, const char *key)
{
	size_t n = 0;

	for (size_t i = 0; i < s->nfiles; i++)
		n += sp_yaml_count(sp_yaml_get(sp_yaml_root(s->files[i]), key));
	return n;
}

/* Reads one section of one file into the model. */
static void
sp_policy_source_section(struct sp_compile *c, const struct sp_yaml_node *n, const char *key)
{
	bool is_rules = strcmp(key, "rules") == 0, is_groups = strcmp(key, "groups") == 0;

	if (n == NULL || sp_yaml_type(n) == SP_YAML_NULL ||
	    sp_yaml_need(n, is_rules ? SP_YAML_SEQUENCE : SP_YAML_MAPPING, c->diags) != 0)
		return;
	for (size_t i = 0; i < sp_yaml_count(n) && c->error == 0; i++) {
		if (!is_rules && !sp_compile_is_name(sp_yaml_key(n, i)))
			sp_yaml_error(sp_yaml_key_node(n, i), c->diags, NULL, "a name has letters, digits, - _ and . only");
		if (is_rules)
			sp_compile_rule(c, sp_yaml_item(n, i), &c->m->rules[c->m->nrules++]);
		else if (is_groups)
			sp_compile_group(c, sp_yaml_key(n, i), sp_yaml_item(n, i), &c->m->groups[c->m->ngroups++]);
		else
			sp_compile_connection(c, sp_yaml_key(n, i), sp_yaml_item(n, i),
			    &c->m->connections[c->m->nconnections++]);
	}
}

static void
sp_policy_source_sections(struct sp_policy_source *s, struct sp_compile *c)
{
	static const char *const keys[] = {"groups", "connections", "rules"};
	size_t n[] = {sp_policy_source_total(s, keys[0]), sp_policy_source_total(s, keys[1]),
	    sp_policy_source_total(s, keys[2])};

	if (n[0] > SP_POLICY_GROUPS_MAX || n[1] > SP_POLICY_CONNECTIONS_MAX || n[2] > SP_POLICY_RULES_MAX) {
		sp_diags_add(c->diags, "policy", 0, 0, NULL, "more than %d groups, %d connections or %d rules",
		    SP_POLICY_GROUPS_MAX, SP_POLICY_CONNECTIONS_MAX, SP_POLICY_RULES_MAX);
		return;
	}
	c->m->groups = sp_compile_alloc(c, n[0], sizeof(*c->m->groups));
	c->m->connections = sp_compile_alloc(c, n[1], sizeof(*c->m->connections));
	c->m->rules = sp_compile_alloc(c, n[2], sizeof(*c->m->rules));
	for (size_t k = 0; k < 3 && c->error == 0; k++)
		for (size_t i = 0; i < s->nfiles; i++)
			sp_policy_source_section(c, sp_yaml_get(sp_yaml_root(s->files[i]), keys[k]), keys[k]);
}

static const struct sp_model_group *
sp_policy_source_group(const struct sp_policy_image *m, const char *name)
{
	for (size_t i = 0; i < m->ngroups; i++)
		if (strcmp(m->groups[i].name, name) == 0)
			return &m->groups[i];
	return NULL;
}

/* Says at n that name is none of the groups or connections there are. */
static void
sp_policy_source_unknown(struct sp_compile *c, const struct sp_yaml_node *n, bool is_group, const char *name)
{
	const char *names[64], *near;
	size_t k = 0;
	char hint[96];

	for (size_t i = 0; i < (is_group ? c->m->ngroups : c->m->nconnections) && k < 63; i++)
		names[k++] = is_group ? c->m->groups[i].name : c->m->connections[i].name;
	names[k] = NULL;
	near = sp_diag_nearest(name, names);
	(void)snprintf(hint, sizeof(hint), "did you mean \"%s\"?", near == NULL ? "" : near);
	sp_yaml_error(n, c->diags, near == NULL ? NULL : hint, "there is no %s \"%s\"", is_group ? "group" : "connection",
	    name);
}

/* Every plain text in a `who`, at any depth, is a group. */
static void
sp_policy_source_check_who(struct sp_compile *c, const struct sp_yaml_node *n, unsigned int depth)
{
	const char *text = n == NULL ? NULL : sp_yaml_text(n);

	if (n == NULL || depth > SP_POLICY_DEPTH_MAX || sp_yaml_get(n, "claim") != NULL)
		return;
	if (text != NULL && sp_policy_source_group(c->m, text) == NULL)
		sp_policy_source_unknown(c, n, true, text);
	for (size_t i = 0; i < sp_yaml_count(n); i++)
		sp_policy_source_check_who(c, sp_yaml_item(n, i), depth + 1);
}

static void
sp_policy_source_check_on(struct sp_compile *c, const struct sp_yaml_node *n)
{
	const char *text;

	if (n == NULL || sp_yaml_get(n, "labels") != NULL || sp_yaml_get(n, "names") != NULL)
		n = sp_yaml_get(n, "names");
	if (n == NULL)
		return;
	text = sp_yaml_text(n);
	if (text != NULL && sp_policy_image_find(c->m, text) == NULL)
		sp_policy_source_unknown(c, n, false, text);
	for (size_t i = 0; sp_yaml_type(n) == SP_YAML_SEQUENCE && i < sp_yaml_count(n); i++)
		sp_policy_source_check_on(c, sp_yaml_item(n, i));
}

/* Where a connection jumps through is another ssh connection, and the way ends. */
static void
sp_policy_source_check_jump(struct sp_compile *c, const char *name, const struct sp_yaml_node *n)
{
	const struct sp_policy_connection *at = sp_policy_image_find(c->m, name), *next;

	if (n == NULL || at == NULL || at->jump[0] == 0)
		return;
	for (size_t hops = 0; at->jump[0] != 0; at = next) {
		next = sp_policy_image_find(c->m, at->jump);
		if (next == NULL) {
			sp_policy_source_unknown(c, n, false, at->jump);
			return;
		}
		if (next->kind != SP_POLICY_KIND_SSH) {
			sp_yaml_error(n, c->diags, NULL, "\"%s\" is not of kind ssh", next->name);
			return;
		}
		if (++hops > SP_POLICY_JUMPS_MAX) {
			sp_yaml_error(n, c->diags, NULL, "more than %d jumps, or a circle", SP_POLICY_JUMPS_MAX);
			return;
		}
	}
}

/* A rule gives only secrets that some connection has. */
static void
sp_policy_source_check_secrets(struct sp_compile *c, const struct sp_yaml_node *n)
{
	size_t count = n == NULL ? 0 : sp_yaml_type(n) == SP_YAML_SEQUENCE ? sp_yaml_count(n) : 1;

	for (size_t i = 0; i < count; i++) {
		const struct sp_yaml_node *item = sp_yaml_type(n) == SP_YAML_SEQUENCE ? sp_yaml_item(n, i) : n;
		const char *name = sp_yaml_text(item);
		bool is_known = name == NULL;

		for (size_t k = 0; k < c->m->nconnections && !is_known; k++)
			for (size_t j = 0; j < c->m->connections[k].nsecrets && !is_known; j++)
				is_known = strcmp(c->m->connections[k].secrets[j].name, name) == 0;
		if (!is_known)
			sp_yaml_error(item, c->diags, NULL, "no connection has a secret \"%s\"", name);
	}
}

static void
sp_policy_source_check_names(struct sp_policy_source *s, struct sp_compile *c)
{
	for (size_t f = 0; f < s->nfiles; f++) {
		const struct sp_yaml_node *rules = sp_yaml_get(sp_yaml_root(s->files[f]), "rules");
		const struct sp_yaml_node *connections = sp_yaml_get(sp_yaml_root(s->files[f]), "connections");

		for (size_t i = 0; i < sp_yaml_count(rules); i++) {
			const struct sp_yaml_node *r = sp_yaml_item(rules, i);

			sp_policy_source_check_who(c, sp_yaml_get(r, "who"), 0);
			sp_policy_source_check_who(c, sp_yaml_get(sp_yaml_get(r, "approve"), "by"), 0);
			sp_policy_source_check_on(c, sp_yaml_get(r, "on"));
			sp_policy_source_check_secrets(c, sp_yaml_get(r, "secrets"));
		}
		for (size_t i = 0; i < sp_yaml_count(connections); i++)
			sp_policy_source_check_jump(c, sp_yaml_key(connections, i),
			    sp_yaml_get(sp_yaml_item(connections, i), "jump"));
	}
}

/* A name given in two files, or two rules of one name. */
static void
sp_policy_source_check_twice(struct sp_compile *c)
{
	const struct sp_policy_image *m = c->m;

	for (size_t i = 0; i < m->ngroups; i++)
		for (size_t j = 0; j < i; j++)
			if (strcmp(m->groups[i].name, m->groups[j].name) == 0)
				sp_diags_add(c->diags, "policy", 0, 0, NULL, "the group \"%s\" is in two files", m->groups[i].name);
	for (size_t i = 0; i < m->nconnections; i++)
		for (size_t j = 0; j < i; j++)
			if (strcmp(m->connections[i].name, m->connections[j].name) == 0)
				sp_diags_add(c->diags, "policy", 0, 0, NULL, "the connection \"%s\" is in two files",
				    m->connections[i].name);
	for (size_t i = 0; i < m->nrules; i++)
		for (size_t j = 0; j < i; j++)
			if (strcmp(m->rules[i].name, m->rules[j].name) == 0 && m->rules[i].name[0] != 0)
				sp_diags_add(c->diags, "policy", 0, 0, NULL, "two rules are named \"%s\"", m->rules[i].name);
}

int
sp_policy_source_compile(struct sp_policy_source *s, uint64_t version, struct sp_buf *out)
{
	struct sp_policy_image m = {.version = version};
	struct sp_compile c = {.m = &m, .diags = s->diags};
	int r;

	/* What was wrong with a file stays wrong: an earlier diagnostic fails this, too. */
	sp_policy_source_sections(s, &c);
	if (c.error == 0) {
		sp_policy_source_check_names(s, &c);
		sp_policy_source_check_twice(&c);
	}
	r = c.error != 0 ? c.error : sp_diags_count(s->diags) > 0 ? SP_ERR_FORMAT : sp_model_write(&m, out);
	sp_model_clear(&m);
	return r;
}
