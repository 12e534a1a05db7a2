/* SPDX-License-Identifier: Apache-2.0 */
/* sallyport search: where in all sessions a text was shown, typed or asked for. */
#include <errno.h>
#include <getopt.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "cli/command.h"
#include "cli/index.h"
#include "cli/record.h"
#include "lib/text.h"

#define SP_CLI_SEARCH_PATH 4096
#define SP_CLI_SEARCH_LIMIT 100
#define SP_CLI_SEARCH_LIMIT_MAX 100000
#define SP_CLI_SEARCH_LINE ((size_t)8192) /* bytes of a line that are shown */

struct sp_cli_search {
	bool is_json;
	struct sp_buf *line;
	char last[SP_ULID_LEN + 1]; /* session of the last line */
	char **told;		    /* sessions whose being searched is on record */
	size_t ntold;
	unsigned found;
};

/* The reader's own: root's beside the other state, other people's in their cache. */
static int
sp_cli_search_path(int root, char *path, size_t cap)
{
	const char *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
	char dir[SP_CLI_SEARCH_PATH];
	struct stat st;
	int n;

	if (fstat(root, &st) != 0)
		return SP_ERR_SYSTEM;
	if (geteuid() == 0)
		n = snprintf(dir, sizeof(dir), "%s/search", SP_STATEDIR);
	else if (cache != NULL && cache[0] == '/')
		n = snprintf(dir, sizeof(dir), "%s/sallyport", cache);
	else
		n = snprintf(dir, sizeof(dir), "%s/.cache/sallyport", home == NULL ? "" : home);
	if (n < 0 || (size_t)n >= sizeof(dir))
		return SP_ERR_LIMIT;
	for (char *p = dir + 1; *p != '\0'; p++) {
		if (*p != '/')
			continue;
		*p = '\0';
		(void)mkdir(dir, 0700);
		*p = '/';
	}
	if (mkdir(dir, 0700) != 0 && errno != EEXIST) {
		fprintf(stderr, "sallyport: cannot make %s: %s\n", dir, strerror(errno));
		return SP_ERR_SYSTEM;
	}
	n = snprintf(path, cap, "%s/%llx-%llx.db", dir, (unsigned long long)st.st_dev, (unsigned long long)st.st_ino);
	return n < 0 || (size_t)n >= cap ? SP_ERR_LIMIT : 0;
}

/* That lines of this session were found is on record, once. */
static int
sp_cli_search_tell(struct sp_cli_search *s, const char *id)
{
	char **told;

	for (size_t i = 0; i < s->ntold; i++)
		if (strcmp(s->told[i], id) == 0)
			return 0;
	told = reallocarray(s->told, s->ntold + 1, sizeof(*told));
	if (told == NULL)
		return SP_ERR_NOMEM;
	s->told = told;
	s->told[s->ntold] = strdup(id);
	if (s->told[s->ntold] == NULL)
		return SP_ERR_NOMEM;
	s->ntold++;
	sp_cli_record_watch(id, "search");
	return 0;
}

static int
sp_cli_search_json(const struct sp_index_hit *hit)
{
	json_t *o = json_pack("{s:s, s:I, s:s, s:s, s:s}", "id", hit->id, "time_ns", (json_int_t)hit->time_ns, "user", hit->who,
	    "kind", hit->kind, "line", hit->line);
	int r = o == NULL || json_dumpf(o, stdout, JSON_COMPACT) != 0 || putchar('\n') == EOF ? SP_ERR_SYSTEM : 0;

	json_decref(o);
	return r;
}

static int
sp_cli_search_found(const struct sp_index_hit *hit, void *ctx)
{
	struct sp_cli_search *s = ctx;
	time_t t = (time_t)(hit->time_ns / 1000000000);
	char when[32] = "";
	struct tm tm;
	int r = sp_cli_search_tell(s, hit->id);

	if (r != 0)
		return r;
	s->found++;
	if (s->is_json)
		return sp_cli_search_json(hit);
	if (localtime_r(&t, &tm) != NULL)
		(void)strftime(when, sizeof(when), "%Y-%m-%d %H:%M:%S", &tm);
	sp_buf_reset(s->line);
	r = sp_text_escape(s->line, hit->line, strlen(hit->line), SP_CLI_SEARCH_LINE);
	if (r == 0 && printf("%s  %s  %-12s %-9s  %.*s\n", hit->id, when, hit->who, hit->kind, (int)sp_buf_len(s->line),
			  (const char *)sp_buf_data(s->line)) < 0)
		r = SP_ERR_SYSTEM;
	return r;
}

static int
sp_cli_search_run(struct sp_cli_search *s, int root, const char *index, const char *text, unsigned limit)
{
	char path[SP_CLI_SEARCH_PATH];
	struct sp_index *x = NULL;
	int r = 0;

	if (index == NULL)
		r = sp_cli_search_path(root, path, sizeof(path));
	if (r == 0)
		r = sp_index_open(index == NULL ? path : index, &x);
	if (r == 0)
		r = sp_index_update(x, root);
	if (r == 0)
		r = sp_index_find(x, text, limit, sp_cli_search_found, s);
	sp_index_close(x);
	return r;
}

int
sp_cli_search(int argc, char **argv)
{
	static const struct option longs[] = { { "index", required_argument, NULL, 'x' }, { "json", no_argument, NULL, 'j' },
		{ "limit", required_argument, NULL, 'n' }, { "root", required_argument, NULL, 'r' }, { 0 } };
	struct sp_cli_search s = { .line = sp_buf_new(0) };
	const char *root = SP_CLI_ROOT, *index = NULL;
	unsigned long limit = SP_CLI_SEARCH_LIMIT;
	int c, fd, r;

	while ((c = getopt_long(argc, argv, "jn:r:x:", longs, NULL)) != -1) {
		if (c == 'j')
			s.is_json = true;
		else if (c == 'n')
			limit = strtoul(optarg, NULL, 10);
		else if (c == 'r')
			root = optarg;
		else if (c == 'x')
			index = optarg;
		else
			optind = argc;
	}
	if (optind != argc - 1 || limit < 1 || limit > SP_CLI_SEARCH_LIMIT_MAX || argv[optind][0] == '\0' ||
	    strlen(argv[optind]) > SP_INDEX_TEXT_MAX || s.line == NULL) {
		fputs("usage: sallyport search [--limit N] [--json] [--index FILE] [--root DIR] TEXT\n", stderr);
		sp_buf_free(s.line);
		return 2;
	}
	r = sp_cli_record_root(root, &fd);
	if (r == 0) {
		r = sp_cli_search_run(&s, fd, index, argv[optind], (unsigned)limit);
		(void)close(fd);
	}
	for (size_t i = 0; i < s.ntold; i++)
		free(s.told[i]);
	free(s.told);
	sp_buf_free(s.line);
	return r != 0 ? 2 : s.found == 0;
}
