/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/people_import.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum import_field { FIELD_ID, FIELD_KIND, FIELD_NAME, FIELD_STATE, FIELD_GROUPS, FIELD_ISS, FIELD_SUB, FIELD_FULL, FIELD_HOME };

static const char *const import_kinds[] = { "", "person", "group" };
static const char *const import_states[] = { "active", "disabled", "removed" };

/* The lines of a file, taken apart. */
struct import {
	struct sp_people_row *rows;
	char **lines; /* which the strings of the rows are in */
	size_t n, cap;
};

void
sp_people_import_print(const struct sp_people_row *row, FILE *out)
{
	fprintf(out, "%u\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", row->id, import_kinds[row->kind], row->name,
	    import_states[row->state], row->groups, row->iss, row->sub, row->full, row->home);
}

static int
import_word(const char *const *words, int first, int last, const char *s, int *ret_i)
{
	for (int i = first; i <= last; i++)
		if (strcmp(words[i], s) == 0) {
			*ret_i = i;
			return 0;
		}
	return SP_ERR_FORMAT;
}

/* Cuts the line at its tabs. */
static int
import_row(char *line, struct sp_people_row *ret_row)
{
	char *fields[SP_PEOPLE_IMPORT_FIELDS], *end = NULL, *p = line;
	int kind = 0, state = 0;
	unsigned long id;

	line[strcspn(line, "\n")] = '\0';
	for (int i = 0; i < SP_PEOPLE_IMPORT_FIELDS; i++) {
		fields[i] = p;
		if (p == NULL)
			return SP_ERR_FORMAT;
		p = strchr(p, '\t');
		if (p != NULL)
			*p++ = '\0';
	}
	errno = 0;
	id = strtoul(fields[FIELD_ID], &end, 10);
	if (p != NULL || fields[FIELD_ID][0] < '0' || fields[FIELD_ID][0] > '9' || *end != '\0' || errno != 0 || id == 0 ||
	    id > UINT32_MAX || import_word(import_kinds, SP_PEOPLE_PERSON, SP_PEOPLE_GROUP, fields[FIELD_KIND], &kind) != 0 ||
	    import_word(import_states, SP_PEOPLE_ACTIVE, SP_PEOPLE_REMOVED, fields[FIELD_STATE], &state) != 0)
		return SP_ERR_FORMAT;
	*ret_row = (struct sp_people_row){ .kind = kind == SP_PEOPLE_PERSON ? SP_PEOPLE_PERSON : SP_PEOPLE_GROUP,
		.state = state == SP_PEOPLE_ACTIVE     ? SP_PEOPLE_ACTIVE
			 : state == SP_PEOPLE_DISABLED ? SP_PEOPLE_DISABLED
						       : SP_PEOPLE_REMOVED,
		.id = (uint32_t)id, .name = fields[FIELD_NAME], .full = fields[FIELD_FULL], .home = fields[FIELD_HOME],
		.iss = fields[FIELD_ISS], .sub = fields[FIELD_SUB], .groups = fields[FIELD_GROUPS] };
	return 0;
}

static int
import_grow(struct import *m)
{
	size_t cap = m->cap == 0 ? 64 : 2 * m->cap;
	struct sp_people_row *rows;
	char **lines;

	if (m->n < m->cap)
		return 0;
	if (m->n == SP_PEOPLE_ENTRIES_MAX)
		return SP_ERR_LIMIT;
	rows = realloc(m->rows, cap * sizeof(*rows));
	if (rows == NULL)
		return SP_ERR_NOMEM;
	m->rows = rows;
	lines = realloc(m->lines, cap * sizeof(*lines));
	if (lines == NULL)
		return SP_ERR_NOMEM;
	m->lines = lines;
	m->cap = cap;
	return 0;
}

static int
import_read(struct import *m, FILE *in)
{
	char *line = NULL;
	size_t size = 0;
	ssize_t n;
	int r = 0;

	while (r == 0 && (n = getline(&line, &size, in)) > 0) {
		r = import_grow(m);
		if (r != 0)
			break;
		m->lines[m->n] = line;
		r = strlen(line) == (size_t)n ? import_row(line, &m->rows[m->n]) : SP_ERR_FORMAT;
		m->n++;
		line = NULL;
		size = 0;
	}
	free(line);
	return r == 0 && ferror(in) ? SP_ERR_SYSTEM : r;
}

static void
import_clear(struct import *m)
{
	for (size_t i = 0; i < m->n; i++)
		free(m->lines[i]);
	free(m->lines);
	free(m->rows);
}

/* Their names are free first, so that they can have changed hands; groups are there before their members. */
static int
import_take(struct sp_people_store *s, const struct import *m, sp_people_store_each *cb, void *ctx, size_t *ret_i)
{
	int r = 0;
	size_t i;

	for (i = 0; r == 0 && i < m->n; i++)
		r = sp_people_store_release(s, m->rows[i].id);
	for (i = 0; r == 0 && i < m->n; i++) {
		*ret_i = i;
		r = sp_people_store_take(s, &m->rows[i]);
	}
	for (i = 0; r == 0 && i < m->n; i++) {
		*ret_i = i;
		if (m->rows[i].kind == SP_PEOPLE_PERSON && m->rows[i].state != SP_PEOPLE_REMOVED)
			r = sp_people_store_join(s, m->rows[i].id, m->rows[i].groups);
		if (r == 0 && m->rows[i].state != SP_PEOPLE_REMOVED)
			r = cb(&m->rows[i], ctx);
	}
	return r;
}

int
sp_people_import(struct sp_people_store *s, FILE *in, sp_people_store_each *cb, void *ctx, unsigned *ret_line)
{
	struct import m = { 0 };
	size_t at = 0;
	int r = import_read(&m, in);

	*ret_line = 0;
	if (r == 0)
		r = import_take(s, &m, cb, ctx, &at);
	else
		at = m.n > 0 ? m.n - 1 : 0;
	if (r != 0 && m.n > 0)
		*ret_line = (unsigned)at + 1;
	import_clear(&m);
	return r;
}
