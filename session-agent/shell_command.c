/* SPDX-License-Identifier: Apache-2.0 */
#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/image.h"
#include "session-agent/shell_proxy.h"

#define SHELL_DEFAULT "/bin/bash"
#define WORDS_MAX 256

static int
words_fail(char *message, size_t cap, const char *fmt, ...) SP_PRINTF(3, 4);

static int
words_fail(char *message, size_t cap, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(message, cap, fmt, ap);
	va_end(ap);
	return SP_ERR_INVALID;
}

static int
words_add(struct sp_shell_words *w, const char *text)
{
	size_t n = 0;

	while (w->argv[n] != NULL)
		n++;
	if (n == WORDS_MAX)
		return SP_ERR_LIMIT;
	w->argv[n] = strdup(text);
	return w->argv[n] == NULL ? SP_ERR_NOMEM : 0;
}

/* --- shell --------------------------------------------------------------------------------------------------- */

static const char *
shell_program(const struct sp_policy_connection *c)
{
	size_t i;

	for (i = 0; i < c->nenvironment; i++)
		if (strcmp(c->environment[i].name, "SHELL") == 0 && c->environment[i].value[0] == '/')
			return c->environment[i].value;
	return SHELL_DEFAULT;
}

/* NAME | NAME -c COMMAND [WORD ...] */
static int
shell_words(const struct sp_policy_connection *c, const char *const argv[], struct sp_shell_words *w, char *message,
    size_t cap)
{
	const char *program = shell_program(c), *base = strrchr(program, '/') + 1;
	char name[256];
	size_t i;
	int r;

	w->is_interactive = argv[2] == NULL;
	if (!w->is_interactive && (strcmp(argv[2], "-c") != 0 || argv[3] == NULL))
		return words_fail(message, cap, "a shell takes no words but -c and a command, as in `shell -c 'make test'`.");
	w->path = strdup(program);
	if (w->path == NULL)
		return SP_ERR_NOMEM;
	(void)snprintf(name, sizeof(name), "%s%s", w->is_interactive ? "-" : "", base);
	r = words_add(w, name);
	for (i = 2; r == 0 && argv[i] != NULL; i++)
		r = words_add(w, argv[i]);
	return r;
}

/* --- command -------------------------------------------------------------------------------------------------- */

struct values {
	const struct sp_policy_connection *c;
	const char **value; /* one a parameter; NULL: not given */
	char *message;
	size_t cap;
};

static bool
value_matches(const char *pattern, const char *value)
{
	PCRE2_SIZE at;
	int err;
	pcre2_code *re = pcre2_compile((PCRE2_SPTR)pattern, PCRE2_ZERO_TERMINATED,
	    PCRE2_UTF | PCRE2_NEVER_BACKSLASH_C | PCRE2_ANCHORED | PCRE2_ENDANCHORED | PCRE2_DOLLAR_ENDONLY, &err, &at, NULL);
	pcre2_match_data *data = re == NULL ? NULL : pcre2_match_data_create_from_pattern(re, NULL);
	bool is_match = data != NULL &&
	    pcre2_match(re, (PCRE2_SPTR)value, strlen(value), 0, PCRE2_ANCHORED | PCRE2_ENDANCHORED, data, NULL) > 0;

	pcre2_match_data_free(data);
	pcre2_code_free(re);
	return is_match;
}

static int
value_set(struct values *v, size_t i, const char *value)
{
	const struct sp_policy_parameter *p = &v->c->parameters[i];

	if (v->value[i] != NULL)
		return words_fail(v->message, v->cap, "%s is given twice.", p->name);
	if (strlen(value) > SP_POLICY_PARAMETER_MAX || !value_matches(p->pattern, value))
		return words_fail(v->message, v->cap, "this is no value for %s: it must match %s", p->name, p->pattern);
	v->value[i] = value;
	return 0;
}

/* NAME=VALUE of a parameter, or the value of the next one that has none. */
static int
value_take(struct values *v, const char *word)
{
	size_t n = strcspn(word, "="), i;

	for (i = 0; word[n] == '=' && i < v->c->nparameters; i++)
		if (strlen(v->c->parameters[i].name) == n && memcmp(v->c->parameters[i].name, word, n) == 0)
			return value_set(v, i, word + n + 1);
	for (i = 0; i < v->c->nparameters; i++)
		if (v->value[i] == NULL)
			return value_set(v, i, word);
	return words_fail(v->message, v->cap, "%s takes no more words than its %zu parameters.", v->c->name,
	    v->c->nparameters);
}

static int
values_finish(struct values *v)
{
	size_t i;

	for (i = 0; i < v->c->nparameters; i++) {
		const struct sp_policy_parameter *p = &v->c->parameters[i];

		if (v->value[i] == NULL && !p->is_optional)
			return words_fail(v->message, v->cap, "%s needs %s=VALUE, which must match %s", v->c->name, p->name,
			    p->pattern);
		if (v->value[i] == NULL)
			v->value[i] = p->value;
	}
	return 0;
}

/* One word of the declared command, its {name}s replaced: always one word, whatever is in a value. */
static int
command_word(const struct values *v, const char *word, struct sp_shell_words *w)
{
	struct sp_buf *b = sp_buf_new(SP_SHELL_ARGS_BYTES);
	int r = b == NULL ? SP_ERR_NOMEM : 0;
	size_t n, i;

	while (r == 0 && *word != '\0') {
		n = *word == '{' ? strcspn(word + 1, "}") : 0;
		for (i = 0; n > 0 && i < v->c->nparameters; i++)
			if (strlen(v->c->parameters[i].name) == n && memcmp(v->c->parameters[i].name, word + 1, n) == 0)
				break;
		if (n > 0 && i < v->c->nparameters && v->value[i] == NULL) {
			r = SP_ERR_INVALID;
		} else if (n > 0 && i < v->c->nparameters) {
			r = sp_buf_put(b, v->value[i], strlen(v->value[i]));
			word += n + 2;
		} else {
			r = sp_buf_put(b, word++, 1);
		}
	}
	if (r == 0)
		r = sp_buf_put(b, "", 1);
	if (r == 0)
		r = words_add(w, (const char *)sp_buf_data(b));
	sp_buf_free(b);
	return r;
}

static int
command_words(const struct sp_policy_connection *c, const char *const argv[], struct sp_shell_words *w, char *message,
    size_t cap)
{
	struct values v = { .c = c, .message = message, .cap = cap };
	size_t i;
	int r = 0;

	if (c->ncommand == 0)
		return words_fail(message, cap, "%s has no command.", c->name);
	v.value = calloc(c->nparameters + 1, sizeof(*v.value));
	w->path = strdup(c->command[0]);
	if (v.value == NULL || w->path == NULL)
		r = SP_ERR_NOMEM;
	for (i = 2; r == 0 && argv[i] != NULL; i++)
		r = value_take(&v, argv[i]);
	if (r == 0)
		r = values_finish(&v);
	for (i = 0; r == 0 && i < c->ncommand; i++)
		r = command_word(&v, c->command[i], w);
	free(v.value);
	return r;
}

/* --- both ------------------------------------------------------------------------------------------------------ */

int
sp_shell_words(const struct sp_policy_connection *c, const char *const argv[], struct sp_shell_words *ret_w,
    char *message, size_t cap)
{
	(void)snprintf(message, cap, "there is no memory for it.");
	memset(ret_w, 0, sizeof(*ret_w));
	ret_w->argv = calloc(WORDS_MAX + 1, sizeof(*ret_w->argv));
	if (ret_w->argv == NULL)
		return SP_ERR_NOMEM;
	return c->kind == SP_POLICY_KIND_COMMAND ? command_words(c, argv, ret_w, message, cap)
						 : shell_words(c, argv, ret_w, message, cap);
}

void
sp_shell_words_clear(struct sp_shell_words *w)
{
	size_t i;

	for (i = 0; w->argv != NULL && w->argv[i] != NULL; i++)
		free(w->argv[i]);
	free(w->argv);
	free(w->path);
	memset(w, 0, sizeof(*w));
}
