/* SPDX-License-Identifier: Apache-2.0 */
/* What policy/shell.h says of command lines: lines ended by NUL on stdin, one JSON object each on stdout. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/text.h"
#include "policy/shell.h"

static void
put_word(struct sp_buf *b, const struct sp_shell_word *w)
{
	(void)sp_buf_putf(b, "{\"open\":%s,\"number\":%s,\"text\":", w->is_open ? "true" : "false",
	    w->is_number ? "true" : "false");
	(void)sp_text_json(b, w->text, strlen(w->text));
	(void)sp_buf_putf(b, "}");
}

static void
put_command(struct sp_buf *b, const struct sp_shell_command *c)
{
	(void)sp_buf_putf(b, "{\"reach\":%u,\"builtin\":%s,\"wrapper\":%ld,\"user\":", c->reach,
	    c->is_builtin ? "true" : "false", c->wrapper == SP_SHELL_NONE ? -1L : (long)c->wrapper);
	(void)sp_text_json(b, c->user, strlen(c->user));
	(void)sp_buf_putf(b, ",\"words\":[");
	for (size_t i = 0; i < c->nwords; i++) {
		(void)sp_buf_putf(b, i == 0 ? "" : ",");
		put_word(b, &c->words[i]);
	}
	(void)sp_buf_putf(b, "],\"files\":[");
	for (size_t i = 0; i < c->nredirects; i++) {
		(void)sp_buf_putf(b, "%s[\"%s%s\",", i == 0 ? "" : ",", c->redirects[i].is_read ? "r" : "",
		    c->redirects[i].is_write ? "w" : "");
		put_word(b, &c->redirects[i].target);
		(void)sp_buf_putf(b, "]");
	}
	(void)sp_buf_putf(b, "]}");
}

static void
put_line(struct sp_buf *b, const char *text, size_t len, unsigned int flags)
{
	struct sp_shell *s;

	if (sp_shell_parse(text, len, flags, &s) != 0)
		abort();
	(void)sp_buf_putf(b, "{\"refused\":%s,\"reasons\":[", sp_shell_refused(s) == NULL ? "false" : "true");
	for (size_t i = 0; i < sp_shell_reasons(s); i++)
		(void)sp_buf_putf(b, "%s\"%zu: %s\"", i == 0 ? "" : ",", sp_shell_reason(s, i)->position,
		    sp_shell_reason(s, i)->text);
	(void)sp_buf_putf(b, "],\"commands\":[");
	for (size_t i = 0; i < sp_shell_count(s); i++) {
		(void)sp_buf_putf(b, i == 0 ? "" : ",");
		put_command(b, sp_shell_at(s, i));
	}
	(void)sp_buf_putf(b, "]}\n");
	sp_shell_free(s);
}

int
main(int argc, char **argv)
{
	unsigned int flags = argc > 1 && strcmp(argv[1], "--typed") == 0 ? SP_SHELL_TYPED : 0;
	struct sp_buf *b = sp_buf_new(0);
	char *line = NULL;
	size_t room = 0;
	ssize_t n;

	while (b != NULL && (n = getdelim(&line, &room, 0, stdin)) >= 0) {
		put_line(b, line, n > 0 && line[n - 1] == 0 ? (size_t)n - 1 : (size_t)n, flags);
		if (sp_buf_error(b) != 0 || fwrite(sp_buf_data(b), 1, sp_buf_len(b), stdout) != sp_buf_len(b))
			return 1;
		(void)fflush(stdout);
		sp_buf_reset(b);
	}
	free(line);
	sp_buf_free(b);
	return 0;
}
