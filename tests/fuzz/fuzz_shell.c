/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a command line: read, and decided on under a policy with every kind of pattern. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "policy/decide.h"
#include "policy/shell.h"
#include "policy/source.h"
#include "policy/subject.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char policy[] =
    "version: 1\n"
    "connections:\n"
    "  c: { kind: ssh, address: 'h:22', host_keys: { sshfp: true }, login: { user: u, certificate: true } }\n"
    "rules:\n"
    "  - { name: a, do: { argv: ['ls **', 'cat /var/*/**', '/opt/*/x ? *', 'sudo **'], write: [/tmp/**] }, effect: allow }\n"
    "  - { name: b, do: { argv: ['rm * **', '/sbin/x', '** '], as: [root], read: [/etc/**] }, effect: deny }\n"
    "  - { name: d, do: { unresolved: true }, effect: allow }\n";

static struct sp_decide_scope *
scope_of(void)
{
	/* Kept, and so no leaks. */
	static struct sp_decide_scope *scope;
	static struct sp_policy_image *image;
	static struct sp_policy_subject *who;
	static struct sp_buf *b;
	struct sp_policy_source *s;

	if (scope != NULL)
		return scope;
	s = sp_policy_source_new();
	b = sp_buf_new(0);
	if (sp_policy_source_add(s, "p", policy, strlen(policy)) != 0 || sp_policy_source_compile(s, 1, b) != 0 ||
	    sp_policy_image_open(sp_buf_data(b), sp_buf_len(b), &image) != 0 || sp_policy_subject_new("{}", 2, &who) != 0 ||
	    sp_decide_scope_new(image, who, sp_policy_image_find(image, "c"), &scope) != 0)
		abort();
	sp_policy_source_free(s);
	return scope;
}

/* What the header promises of every line. */
static void
look(const struct sp_shell *s)
{
	for (size_t i = 0; i < sp_shell_count(s); i++) {
		const struct sp_shell_command *c = sp_shell_at(s, i);

		if (c->nwords == 0 || (c->wrapper != SP_SHELL_NONE && c->wrapper >= i))
			abort();
		for (size_t k = 0; k < c->nwords; k++)
			if (c->words[k].is_known != (strchr(c->words[k].text, SP_SHELL_UNKNOWN) == NULL) && c->words[k].is_known)
				abort();
		if ((!c->words[0].is_known || c->words[0].is_open) && sp_shell_reasons(s) == 0 && sp_shell_refused(s) == NULL)
			abort();
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	for (unsigned int flags = 0; flags <= SP_SHELL_TYPED; flags++) {
		struct sp_decide_request q = {0};
		struct sp_decision d;
		struct sp_shell *s;

		if (sp_shell_parse((const char *)data, size, flags, &s) != 0)
			abort();
		look(s);
		q.shell = s;
		sp_decide(scope_of(), &q, &d);
		if (d.effect != SP_POLICY_DENY && sp_shell_refused(s) != NULL)
			abort();
		sp_shell_free(s);
	}
	return 0;
}
