/* SPDX-License-Identifier: Apache-2.0 */
/* sallyport policy check | test | explain; see sallyport-policy(8). */
#include <getopt.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cli/command.h"
#include "lib/buf.h"
#include "lib/text.h"
#include "policy/decide.h"
#include "policy/image.h"
#include "policy/question.h"
#include "policy/recordfile.h"
#include "policy/source.h"
#include "policy/subject.h"

#define SP_CLI_POLICY_DIR SP_SYSCONFDIR "/policy.d"
#define SP_CLI_POLICY_LINE ((size_t)4096) /* bytes of one statement shown */

/* A policy read from a directory. */
struct sp_cli_policy_loaded {
	struct sp_policy_source *source;
	struct sp_buf *bytes;
	struct sp_policy_image *image; /* NULL if the files have errors */
};

static int
sp_cli_policy_usage(void)
{
	fputs("usage: sallyport policy check [DIR]\n"
	      "       sallyport policy test [DIR]\n"
	      "       sallyport policy explain [--dir DIR] (--as FILE | --groups G,...) [--from ADDRESS]\n"
	      "                                --on CONNECTION [--interactive] [SQL | COMMAND LINE | -- TOOL ... |\n"
	      "                                --network \"tcp ADDRESS PORT\" |\n"
	      "                                --file OPERATION --path PATH [--to PATH]]\n", stderr);
	return 2;
}

static void
sp_cli_policy_unload(struct sp_cli_policy_loaded *l)
{
	sp_policy_image_free(l->image);
	sp_buf_free(l->bytes);
	sp_policy_source_free(l->source);
}

static void
sp_cli_policy_complain(const struct sp_policy_source *s)
{
	struct sp_buf *out = sp_buf_new(0);

	if (out != NULL && sp_diags_format(sp_policy_source_diags(s), out) == 0)
		(void)fwrite(sp_buf_data(out), 1, sp_buf_len(out), stderr);
	sp_buf_free(out);
}

/* 0, 1 (errors in the files, printed) or 2. */
static int
sp_cli_policy_load(const char *dir, struct sp_cli_policy_loaded *l)
{
	int r, status;

	memset(l, 0, sizeof(*l));
	l->source = sp_policy_source_new();
	l->bytes = sp_buf_new(SP_POLICY_IMAGE_MAX);
	if (l->source == NULL || l->bytes == NULL)
		return 2;
	r = sp_policy_source_add_dir(l->source, dir);
	status = r == SP_ERR_SYSTEM || r == SP_ERR_NOMEM ? 2 : 0;
	if (status == 0) {
		r = sp_policy_source_compile(l->source, 1, l->bytes);
		if (r == 0)
			r = sp_policy_image_open(sp_buf_data(l->bytes), sp_buf_len(l->bytes), &l->image);
	}
	if (r != 0) {
		sp_cli_policy_complain(l->source);
		if (r != SP_ERR_FORMAT && r != SP_ERR_SYSTEM)
			fprintf(stderr, "sallyport: %s: %s\n", dir, sp_err_str(r));
		return status != 0 ? status : 1;
	}
	return 0;
}

static void
sp_cli_policy_show(const char *prefix, const char *text)
{
	struct sp_buf *b = sp_buf_new(SP_CLI_POLICY_LINE * 8);

	if (b != NULL && sp_text_escape(b, text, strlen(text), SP_CLI_POLICY_LINE) == 0)
		printf("%s%.*s\n", prefix, (int)sp_buf_len(b), (const char *)sp_buf_data(b));
	sp_buf_free(b);
}

static void
sp_cli_policy_one(const struct sp_policy_test_result *r, void *ctx)
{
	char line[256];

	(void)ctx;
	(void)snprintf(line, sizeof(line), "%s  %s:%u: %s on %s: ", r->has_passed ? "ok    " : "FAILED", r->file, r->line,
	    r->got, r->on);
	sp_cli_policy_show(line, r->run);
}

static int
sp_cli_policy_test(const char *dir, bool is_shown)
{
	struct sp_cli_policy_loaded l;
	size_t passed = 0, failed = 0;
	int status = sp_cli_policy_load(dir, &l);

	if (status == 0) {
		int r = sp_policy_source_test(l.source, sp_buf_data(l.bytes), sp_buf_len(l.bytes), time(NULL),
		    is_shown ? sp_cli_policy_one : NULL, NULL, &passed, &failed);

		if (r != 0 || failed > 0) {
			sp_cli_policy_complain(l.source);
			status = 1;
		}
		if (is_shown)
			printf("%zu passed, %zu failed\n", passed, failed);
		else if (status == 0)
			printf("%s: %zu connections, %zu rules; %zu tests passed\n", dir,
			    sp_policy_image_connections(l.image), sp_policy_image_rules(l.image), passed);
	}
	sp_cli_policy_unload(&l);
	return status;
}

/* --- explain ---------------------------------------------------------------------------------------- */

struct sp_cli_policy_question {
	const char *dir, *as, *groups, *on, *from;
	const char *text;
	const char *const *argv;
	bool is_interactive;
	const char *file, *path, *to, *network;
};

/* The person: a file of claims (or a whole identity), or a list of groups. */
static int
sp_cli_policy_person(const struct sp_cli_policy_question *q, struct sp_policy_subject **ret)
{
	json_t *o = NULL, *groups;
	json_error_t err;
	char *text = NULL;
	int r = SP_ERR_FORMAT;

	if (q->as != NULL) {
		o = json_load_file(q->as, JSON_REJECT_DUPLICATES, &err);
		if (o == NULL)
			fprintf(stderr, "sallyport: %s:%d:%d: %s\n", q->as, err.line, err.column, err.text);
	} else {
		groups = json_array();
		o = json_object();
		for (const char *p = q->groups; groups != NULL && *p != 0;) {
			size_t n = strcspn(p, ",");

			if (n > 0)
				(void)json_array_append_new(groups, json_stringn(p, n));
			p += n + (p[n] == ',');
		}
		(void)json_object_set_new(o, "groups", groups);
	}
	if (o != NULL)
		text = json_dumps(o, JSON_COMPACT);
	if (text != NULL)
		r = sp_policy_subject_new(text, strlen(text), ret);
	free(text);
	json_decref(o);
	return r;
}

static void
sp_cli_policy_masks(const struct sp_decision *d)
{
	for (size_t i = 0; i < d->nmasks; i++) {
		const struct sp_policy_mask *m = d->masks[i];

		printf("mask:     with %s:", sp_policy_transform_str(m->transform));
		for (size_t j = 0; j < m->ncolumns; j++)
			printf(" column %s", m->columns[j]);
		for (size_t j = 0; j < m->ndetectors; j++)
			printf(" %s", m->detectors[j]);
		for (size_t j = 0; j < m->nregexes; j++)
			printf(" regex %s", m->regexes[j].name);
		printf("\n");
	}
}

static void
sp_cli_policy_scans(const struct sp_decision *d)
{
	for (size_t i = 0; i < d->nscans; i++) {
		const struct sp_policy_scan *s = d->scans[i];

		printf("scan:     found: %s, unreadable: %s:", sp_policy_found_str(s->found),
		    s->passes_unreadable ? "pass" : "refuse");
		for (size_t j = 0; j < s->ndetectors; j++)
			printf(" %s", s->detectors[j]);
		for (size_t j = 0; j < s->nregexes; j++)
			printf(" regex %s", s->regexes[j].name);
		printf("\n");
	}
}

static void
sp_cli_policy_verdict(const struct sp_decision *d)
{
	printf("decision: %s%s\n", sp_policy_effect_str(d->effect), d->is_refusal ? " (no rule of the policy allows it)" : "");
	printf("rule:     %s\n", d->rule == NULL ? "none" : sp_policy_rule_name(d->rule));
	printf("label:    %s\n", sp_policy_label_str(d->label));
	if (d->message[0] != 0)
		sp_cli_policy_show("message:  ", d->message);
	if (d->approve != NULL) {
		printf("approve:  %" PRIu32 " of", d->approve->count);
		for (size_t i = 0; i < d->approve->nby; i++)
			printf(" %s", d->approve->by[i]);
		printf(", within %" PRIu32 " seconds\n", d->approve->within);
	}
	if (d->terms.lines != SP_POLICY_LINES_FREE)
		printf("lines:    %s (advisory)\n", d->terms.lines == SP_POLICY_LINES_GATE ? "gated at Enter" : "recorded");
	sp_cli_policy_masks(d);
	sp_cli_policy_scans(d);
}

/* What a command line was read as. */
static void
sp_cli_policy_line(const struct sp_shell *shell)
{
	struct sp_buf *b = sp_buf_new(SP_CLI_POLICY_LINE * 8);

	for (size_t i = 0; b != NULL && i < sp_shell_count(shell); i++) {
		const struct sp_shell_command *c = sp_shell_at(shell, i);

		sp_buf_reset(b);
		for (size_t k = 0; k < c->nwords; k++) {
			(void)sp_buf_putf(b, k == 0 ? "" : " ");
			/* What is not known shows as \x01, several words as ... after it. */
			(void)sp_text_escape(b, c->words[k].text, strlen(c->words[k].text), SP_CLI_POLICY_LINE);
			(void)sp_buf_putf(b, c->words[k].is_open ? "..." : "");
		}
		for (size_t k = 0; k < c->nredirects; k++) {
			(void)sp_buf_putf(b, " (%s%s ", c->redirects[k].is_read ? "reads" : "",
			    c->redirects[k].is_write ? "writes" : "");
			(void)sp_text_escape(b, c->redirects[k].target.text, strlen(c->redirects[k].target.text),
			    SP_CLI_POLICY_LINE);
			(void)sp_buf_putf(b, ")");
		}
		if (sp_buf_error(b) == 0)
			printf("runs:     %.*s%s\n", (int)sp_buf_len(b), (const char *)sp_buf_data(b),
			    c->is_silent ? " (needs no rule)" : "");
	}
	for (size_t i = 0; i < sp_shell_reasons(shell); i++)
		printf("unclear:  byte %zu: %s\n", sp_shell_reason(shell, i)->position + 1, sp_shell_reason(shell, i)->text);
	sp_buf_free(b);
}

static int
sp_cli_policy_answer(const struct sp_cli_policy_question *q, const struct sp_policy_image *image,
    const struct sp_policy_subject *person, const struct sp_policy_connection *c)
{
	struct sp_decide_request req = {.time = time(NULL), .from = q->from, .argv = q->argv,
	    .is_terminal = q->is_interactive && q->text == NULL};
	struct sp_decide_scope *scope = NULL;
	struct sp_question asked = {0};
	struct sp_buf *out = sp_buf_new(0);
	struct sp_decision d;
	int status = 2, r = q->text == NULL ? 0 : sp_question_set(&asked, c, q->text, q->is_interactive, &req);

	if (q->network != NULL)
		r = sp_question_set_network(&asked, q->network, &req);
	if (r == SP_ERR_FORMAT && q->network != NULL)
		fputs("sallyport: a connection is, for example, \"tcp 10.1.2.3 443\" or \"unix /run/x.sock\"\n", stderr);
	if (q->file != NULL)
		r = sp_question_set_file(&asked, q->file, q->path, q->to, &req);
	if (r == SP_ERR_NOT_FOUND)
		fprintf(stderr, "sallyport: %s is nothing that is done to files; sallyport-policy(5) lists the words\n", q->file);
	if (r == SP_ERR_INVALID)
		fprintf(stderr, "sallyport: on a connection of kind %s, give one plain command\n", sp_policy_kind_str(c->kind));
	if (out == NULL || r != 0 || sp_decide_scope_new(image, person, c, &scope) != 0)
		goto out;
	if (req.shell != NULL)
		sp_cli_policy_line(req.shell);
	sp_decide(scope, &req, &d);
	sp_cli_policy_verdict(&d);
	if (sp_decide_record_files_show(scope, req.time, req.from, out) != 0)
		goto out;
	printf("%.*s", (int)sp_buf_len(out), (const char *)sp_buf_data(out));
	sp_buf_reset(out);
	if (sp_decide_explain(image, person, c, &req, out) != 0)
		goto out;
	printf("rules:\n%.*s", (int)sp_buf_len(out), (const char *)sp_buf_data(out));
	status = 0;
out:
	sp_decide_scope_free(scope);
	sp_question_clear(&asked);
	sp_buf_free(out);
	return status;
}

static const char **
sp_cli_policy_option(struct sp_cli_policy_question *q, int opt)
{
	switch (opt) {
	case 'a':
		return &q->as;
	case 'g':
		return &q->groups;
	case 'o':
		return &q->on;
	case 'f':
		return &q->from;
	case 'N':
		return &q->network;
	case 'F':
		return &q->file;
	case 'p':
		return &q->path;
	case 't':
		return &q->to;
	default:
		return &q->dir;
	}
}

static int
sp_cli_policy_explain(int argc, char **argv)
{
	static const struct option options[] = {{"as", required_argument, NULL, 'a'}, {"groups", required_argument, NULL, 'g'},
	    {"on", required_argument, NULL, 'o'}, {"from", required_argument, NULL, 'f'},
	    {"dir", required_argument, NULL, 'd'}, {"interactive", no_argument, NULL, 'i'},
	    {"file", required_argument, NULL, 'F'}, {"path", required_argument, NULL, 'p'}, {"to", required_argument, NULL, 't'},
	    {"network", required_argument, NULL, 'N'},
	    {NULL, 0, NULL, 0}};
	struct sp_cli_policy_question q = {.dir = SP_CLI_POLICY_DIR};
	struct sp_cli_policy_loaded l;
	struct sp_policy_subject *person = NULL;
	const struct sp_policy_connection *c;
	int opt, status;

	while ((opt = getopt_long(argc, argv, "+a:g:o:f:d:iF:p:t:N:", options, NULL)) != -1) {
		const char **to = sp_cli_policy_option(&q, opt);

		if (opt == '?')
			return sp_cli_policy_usage();
		if (opt == 'i')
			q.is_interactive = true;
		else
			*to = optarg;
	}
	if (q.on == NULL || (q.as == NULL) == (q.groups == NULL) || (q.file == NULL) != (q.path == NULL) ||
	    (q.to != NULL && q.file == NULL) || (q.file != NULL && (q.is_interactive || optind < argc)) ||
	    (q.network != NULL && (q.is_interactive || q.file != NULL || optind < argc)))
		return sp_cli_policy_usage();
	if (optind > 1 && strcmp(argv[optind - 1], "--") == 0 && optind < argc)
		q.argv = (const char *const *)(argv + optind);
	else if (optind + 1 == argc)
		q.text = argv[optind];
	else if (optind < argc)
		return sp_cli_policy_usage();
	status = sp_cli_policy_load(q.dir, &l);
	if (status != 0 || sp_cli_policy_person(&q, &person) != 0) {
		status = 2;
		goto out;
	}
	c = sp_policy_image_find(l.image, q.on);
	if (c == NULL) {
		fprintf(stderr, "sallyport: there is no connection \"%s\"\n", q.on);
		status = 2;
		goto out;
	}
	status = sp_cli_policy_answer(&q, l.image, person, c);
out:
	sp_policy_subject_free(person);
	sp_cli_policy_unload(&l);
	return status;
}

int
sp_cli_policy(int argc, char **argv)
{
	const char *what = argc < 2 ? "" : argv[1];

	if (strcmp(what, "explain") == 0)
		return sp_cli_policy_explain(argc - 1, argv + 1);
	if (argc > 3)
		return sp_cli_policy_usage();
	if (strcmp(what, "check") == 0)
		return sp_cli_policy_test(argc == 3 ? argv[2] : SP_CLI_POLICY_DIR, false);
	if (strcmp(what, "test") == 0)
		return sp_cli_policy_test(argc == 3 ? argv[2] : SP_CLI_POLICY_DIR, true);
	return sp_cli_policy_usage();
}
