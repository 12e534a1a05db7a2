/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/recordfile.h"

#include <string.h>

#include "policy/decidework.h"
#include "policy/match.h"
#include "policy/shell.h"

bool
sp_decide_has_record_files(const struct sp_decide_scope *scope)
{
	for (size_t i = 0; i < scope->n; i++)
		if (scope->rules[i]->record_reads.n + scope->rules[i]->record_writes.n > 0)
			return true;
	return false;
}

/* A name of which a byte has a meaning of ours: whatever it could be counts. */
static bool
record_file_is_meant(const struct sp_model_strings *patterns, const char *path)
{
	bool is_odd = path != NULL && strchr(path, SP_SHELL_UNKNOWN) != NULL;

	for (size_t i = 0; i < patterns->n; i++)
		if (path == NULL || sp_match_path(patterns->s[i], path, is_odd))
			return true;
	return false;
}

unsigned
sp_decide_record_file(const struct sp_decide_scope *scope, const char *path, unsigned what, int64_t time,
    const char *from, const struct sp_policy_rule **ret_rule)
{
	unsigned wanted = 0;

	*ret_rule = NULL;
	for (size_t i = 0; i < scope->n && wanted != what; i++) {
		const struct sp_policy_rule *r = scope->rules[i];
		unsigned more = 0;

		if (r->record_reads.n + r->record_writes.n == 0 || !sp_match_marks(r, time, from))
			continue;
		if ((what & SP_RECORD_FILE_OPENED) != 0 && record_file_is_meant(&r->record_reads, path))
			more |= SP_RECORD_FILE_OPENED;
		if ((what & SP_RECORD_FILE_WRITTEN) != 0 && record_file_is_meant(&r->record_writes, path))
			more |= SP_RECORD_FILE_WRITTEN;
		if (more != 0 && *ret_rule == NULL)
			*ret_rule = r;
		wanted |= more;
	}
	return wanted;
}

static void
record_files_list(const char *word, const struct sp_model_strings *patterns, struct sp_buf *out)
{
	for (size_t i = 0; i < patterns->n; i++)
		(void)sp_buf_putf(out, " %s %s", word, patterns->s[i]);
}

int
sp_decide_record_files_show(const struct sp_decide_scope *scope, int64_t time, const char *from, struct sp_buf *out)
{
	for (size_t i = 0; i < scope->n; i++) {
		const struct sp_policy_rule *r = scope->rules[i];

		if (r->record_reads.n + r->record_writes.n == 0 || !sp_match_marks(r, time, from))
			continue;
		(void)sp_buf_putf(out, "files:    on record (%s):", r->name);
		record_files_list("read", &r->record_reads, out);
		record_files_list("write", &r->record_writes, out);
		(void)sp_buf_putf(out, "\n");
	}
	return sp_buf_error(out);
}
