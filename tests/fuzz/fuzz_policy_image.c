/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes as an image: refused, or everything in it can be read and decided with. What is fuzzed is a policy's text, so
 * that the corpus has images of today's format whatever that is; behind a zero byte stand how many bytes of its image are
 * cut off (16 bits), and what is changed in it: where (16 bits, from its start round and round) and by what (8 bits, XOR).
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/buf.h"
#include "policy/decide.h"
#include "policy/file.h"
#include "policy/image.h"
#include "policy/network.h"
#include "policy/shell.h"
#include "policy/source.h"
#include "policy/sql.h"
#include "policy/subject.h"

#define WAYS 6 /* that each connection is asked in */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct asked {
	struct sp_policy_subject *who;
	struct sp_sql *sql;
	struct sp_shell *shell;
};

static void
asked_init(struct asked *a)
{
	static const char identity[] = "{\"user\":\"alice\",\"groups\":[\"eng\"]}", text[] = "select f(a) from b.c";
	static const char line[] = "sudo ls /a/b > /c/d; $x";

	if (sp_policy_subject_new(identity, strlen(identity), &a->who) != 0 || sp_sql_parse(text, strlen(text), &a->sql) != 0 ||
	    sp_shell_parse(line, strlen(line), 0, &a->shell) != 0)
		abort();
}

static void
ask(const struct sp_policy_image *image, const struct sp_policy_connection *c, const struct asked *a)
{
	static const char *const argv[] = {"ls", "/a/../b", NULL};
	static const struct sp_decide_exec e = {.path = "/bin/ls", .argv = argv, .interpreter = "", .cwd = "/a", .user = "u"};
	static const struct sp_decide_network network = {.protocol = SP_NETWORK_TCP, .address = {10, 1, 2, 3}, .port = 443, .path = ""};
	static const struct sp_decide_file file = {.words = SP_FILE_BIT(SP_FILE_READ), .path = "/srv/a/b"};
	struct sp_decide_scope *scope;
	struct sp_decision d;
	unsigned way;

	if (sp_decide_scope_new(image, a->who, c, &scope) != 0)
		abort();
	for (way = 0; way < WAYS; way++) {
		struct sp_decide_request q = {.sql = way == 0 ? a->sql : NULL, .shell = way == 1 ? a->shell : NULL,
		    .exec = way == 2 ? &e : NULL, .is_terminal = way == 3, .network = way == 4 ? &network : NULL,
		    .file = way == 5 ? &file : NULL, .from = "192.0.2.1"};

		sp_decide(scope, &q, &d);
		if (d.effect != SP_POLICY_DENY && d.effect != SP_POLICY_APPROVE && d.effect != SP_POLICY_ALLOW)
			abort();
	}
	sp_decide_scope_free(scope);
}

static void
open_and_ask(const uint8_t *p, size_t n)
{
	struct sp_policy_image *image;
	struct asked a;

	if (sp_policy_image_open(p, n, &image) != 0)
		return;
	asked_init(&a);
	for (size_t i = 0; i < sp_policy_image_connections(image); i++)
		ask(image, sp_policy_image_connection(image, i), &a);
	sp_shell_free(a.shell);
	sp_sql_unref(a.sql);
	sp_policy_subject_free(a.who);
	sp_policy_image_free(image);
}

/* The bytes of the image of a text, changed; exactly as many, so that a sanitizer sees a read past the end. */
static void
change_and_open(const struct sp_buf *image, const uint8_t *edits, size_t n)
{
	size_t len = sp_buf_len(image), cut = n < 2 ? 0 : (size_t)(edits[0] << 8 | edits[1]) % (len + 1), i;
	uint8_t *p = malloc(len - cut + 1);

	if (p == NULL)
		abort();
	len -= cut;
	memcpy(p, sp_buf_data(image), len);
	for (i = 2; len > 0 && i + 3 <= n; i += 3)
		p[(size_t)(edits[i] << 8 | edits[i + 1]) % len] ^= edits[i + 2];
	open_and_ask(p, len);
	free(p);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *end = memchr(data, 0, size);
	size_t n = end == NULL ? size : (size_t)(end - data);
	struct sp_policy_source *s = sp_policy_source_new();
	struct sp_buf *b = sp_buf_new(0);

	if (s == NULL || b == NULL)
		abort();
	if (sp_policy_source_add(s, "fuzz.yaml", (const char *)data, n) == 0 && sp_policy_source_compile(s, 1, b) == 0)
		change_and_open(b, end == NULL ? data : end + 1, end == NULL ? 0 : size - n - 1);
	else
		open_and_ask(data, size); /* then it may be one as it stands */
	sp_buf_free(b);
	sp_policy_source_free(s);
	return 0;
}
