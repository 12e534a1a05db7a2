/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as an image: refused, or everything in it can be read and decided with. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "policy/decide.h"
#include "policy/image.h"
#include "policy/shell.h"
#include "policy/sql.h"
#include "policy/subject.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char identity[] = "{\"user\":\"alice\",\"groups\":[\"eng\"]}", text[] = "select f(a) from b.c";
	struct sp_policy_image *image;
	struct sp_policy_subject *who;
	static const char line[] = "sudo ls /a/b > /c/d; $x";
	static const char *const argv[] = {"ls", "/a/../b", NULL};
	static const struct sp_decide_exec e = {.path = "/bin/ls", .argv = argv, .interpreter = "", .cwd = "/a", .user = "u"};
	struct sp_shell *shell;
	struct sp_sql *sql;

	if (sp_policy_image_open(data, size, &image) != 0)
		return 0;
	if (sp_policy_subject_new(identity, strlen(identity), &who) != 0 || sp_sql_parse(text, strlen(text), &sql) != 0 ||
	    sp_shell_parse(line, strlen(line), 0, &shell) != 0)
		abort();
	for (size_t i = 0; i < sp_policy_image_connections(image) * 4; i++) {
		struct sp_decide_request q = {.sql = i % 4 == 0 ? sql : NULL, .shell = i % 4 == 1 ? shell : NULL,
		    .exec = i % 4 == 2 ? &e : NULL, .is_terminal = i % 4 == 3, .from = "192.0.2.1"};
		struct sp_decide_scope *scope;
		struct sp_decision d;

		if (sp_decide_scope_new(image, who, sp_policy_image_connection(image, i / 4), &scope) != 0)
			abort();
		sp_decide(scope, &q, &d);
		if (d.effect != SP_POLICY_DENY && d.effect != SP_POLICY_APPROVE && d.effect != SP_POLICY_ALLOW)
			abort();
		sp_decide_scope_free(scope);
	}
	sp_shell_free(shell);
	sp_sql_unref(sql);
	sp_policy_subject_free(who);
	sp_policy_image_free(image);
	return 0;
}
