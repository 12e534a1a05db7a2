/* SPDX-License-Identifier: Apache-2.0 */
/* sallyport quarantine: copies of files that were refused for what is in them. Each use is on record. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <jansson.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "cli/command.h"
#include "cli/record.h"
#include "lib/quarantine.h"
#include "lib/text.h"
#include "recorder/tree.h"

#define SP_CLI_QUARANTINE_PART ((size_t)64 * 1024)

static const char sp_cli_quarantine_usage[] = "usage: sallyport quarantine [--dir DIR] list [--json]\n"
					      "       sallyport quarantine [--dir DIR] show | remove ID\n"
					      "       sallyport quarantine [--dir DIR] export ID FILE\n";

/* SESSION-NUMBER, as the names of files are. */
static bool
sp_cli_quarantine_is_id(const char *id)
{
	char session[SP_ULID_LEN + 1];
	size_t n = strlen(id);

	if (n < SP_ULID_LEN + 2 || n > SP_QUARANTINE_ID_MAX || id[SP_ULID_LEN] != '-' ||
	    strspn(id + SP_ULID_LEN + 1, "0123456789") != n - SP_ULID_LEN - 1)
		return false;
	memcpy(session, id, SP_ULID_LEN);
	session[SP_ULID_LEN] = '\0';
	return sp_ulid_is_valid(session);
}

static bool
sp_cli_quarantine_watch(const char *id, const char *action)
{
	char session[SP_ULID_LEN + 1];

	(void)snprintf(session, sizeof(session), "%.*s", (int)SP_ULID_LEN, id);
	return sp_cli_record_watch(session, action);
}

/* What is known of it; NULL, said on stderr: there is none. */
static json_t *
sp_cli_quarantine_about(int dir, const char *id)
{
	char name[SP_QUARANTINE_ID_MAX + sizeof(SP_QUARANTINE_JSON)];
	struct sp_buf *b = NULL;
	json_t *o = NULL;

	(void)snprintf(name, sizeof(name), "%s" SP_QUARANTINE_JSON, id);
	if (sp_cli_quarantine_is_id(id) && sp_tree_slurp(dir, name, SP_QUARANTINE_JSON_MAX, &b) == 0)
		o = json_loadb((const char *)sp_buf_data(b), sp_buf_len(b), JSON_REJECT_DUPLICATES, NULL);
	sp_buf_free(b);
	if (!json_is_object(o)) {
		fprintf(stderr, "sallyport: nothing is kept as %s (see: sallyport quarantine list)\n", id);
		json_decref(o);
		return NULL;
	}
	return o;
}

/* One value for a terminal. */
static void
sp_cli_quarantine_put(const json_t *o, const char *key, const char *before)
{
	const char *text = json_string_value(json_object_get(o, key));
	struct sp_buf *b = sp_buf_new(SP_QUARANTINE_JSON_MAX * 4);

	if (text == NULL)
		text = "?";
	if (b != NULL && sp_text_escape(b, text, strlen(text), SP_QUARANTINE_JSON_MAX) == 0)
		printf("%s%.*s", before, (int)sp_buf_len(b), (const char *)sp_buf_data(b));
	sp_buf_free(b);
}

static void
sp_cli_quarantine_when(const json_t *o, const char *before)
{
	time_t t = (time_t)json_integer_value(json_object_get(o, "time"));
	char when[32] = "?";
	struct tm tm;

	if (localtime_r(&t, &tm) != NULL)
		(void)strftime(when, sizeof(when), "%Y-%m-%d %H:%M:%S", &tm);
	printf("%s%s", before, when);
}

static void
sp_cli_quarantine_line(const json_t *o)
{
	sp_cli_quarantine_put(o, "id", "");
	sp_cli_quarantine_when(o, "  ");
	sp_cli_quarantine_put(o, "user", "  ");
	sp_cli_quarantine_put(o, "direction", "  ");
	sp_cli_quarantine_put(o, "connection", "  ");
	sp_cli_quarantine_put(o, "path", ":");
	printf("  %lld bytes  ", (long long)json_integer_value(json_object_get(o, "size")));
	sp_cli_quarantine_put(o, "reason", "");
	putchar('\n');
}

static int
sp_cli_quarantine_filter(const struct dirent *e)
{
	size_t n = strlen(e->d_name), end = sizeof(SP_QUARANTINE_JSON) - 1;

	return n > end && strcmp(e->d_name + n - end, SP_QUARANTINE_JSON) == 0;
}

static int
sp_cli_quarantine_list(int dir, bool is_json)
{
	struct dirent **list = NULL;
	int n = scandirat(dir, ".", &list, sp_cli_quarantine_filter, alphasort), status = 0;

	if (n < 0) {
		perror("sallyport: quarantine");
		return 2;
	}
	for (int i = 0; i < n; i++) {
		char *name = list[i]->d_name;
		json_t *o;

		name[strlen(name) - (sizeof(SP_QUARANTINE_JSON) - 1)] = '\0';
		o = sp_cli_quarantine_about(dir, name);
		if (o == NULL || !sp_cli_quarantine_watch(name, "quarantine-list"))
			status = 2;
		else if (is_json && json_dumpf(o, stdout, JSON_COMPACT | JSON_SORT_KEYS) == 0)
			putchar('\n');
		else if (!is_json)
			sp_cli_quarantine_line(o);
		json_decref(o);
		free(list[i]);
	}
	free(list);
	return status;
}

/* Reads the copy, into out unless that is below 0, and compares it with what was said of it. Errors are said on stderr.
 */
static int
sp_cli_quarantine_read(int dir, const char *id, const json_t *o, int out)
{
	const char *want = json_string_value(json_object_get(o, "sha256"));
	int fd = openat(dir, id, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	uint8_t *part = malloc(SP_CLI_QUARANTINE_PART), digest[32];
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	char hex[2 * sizeof(digest) + 1];
	const char *why = NULL;
	ssize_t n = -1;

	if (fd < 0 || part == NULL || md == NULL || EVP_DigestInit_ex(md, EVP_sha256(), NULL) != 1)
		why = "cannot be read";
	while (why == NULL && (n = read(fd, part, SP_CLI_QUARANTINE_PART)) > 0) {
		if (EVP_DigestUpdate(md, part, (size_t)n) != 1)
			why = "cannot be read";
		else if (out >= 0 && write(out, part, (size_t)n) != n)
			why = "cannot be written";
	}
	if (why == NULL && (n < 0 || EVP_DigestFinal_ex(md, digest, NULL) != 1))
		why = "cannot be read";
	if (why == NULL) {
		sp_text_hex(hex, digest, sizeof(digest));
		if (want == NULL || strcmp(want, hex) != 0)
			why = "is not what was kept: its SHA-256 is another one";
	}
	if (why != NULL)
		fprintf(stderr, "sallyport: %s %s%s%s\n", id, why, n < 0 ? ": " : "", n < 0 ? strerror(errno) : "");
	if (fd >= 0)
		(void)close(fd);
	EVP_MD_CTX_free(md);
	free(part);
	return why == NULL ? 0 : 1;
}

static int
sp_cli_quarantine_show(int dir, const char *id, const json_t *o)
{
	static const char *const keys[][2] = {{"session", "\nsession:    "}, {"user", "\nuser:       "},
	    {"direction", "\ndirection:  "}, {"connection", "\nconnection: "}, {"path", "\npath:       "},
	    {"reason", "\nreason:     "}, {"sha256", "\nsha256:     "}};
	int r = sp_cli_quarantine_read(dir, id, o, -1);

	sp_cli_quarantine_put(o, "id", "id:         ");
	sp_cli_quarantine_when(o, "\ntime:       ");
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		sp_cli_quarantine_put(o, keys[i][0], keys[i][1]);
	printf("\nbytes:      %lld%s\n", (long long)json_integer_value(json_object_get(o, "size")),
	    json_is_true(json_object_get(o, "complete")) ? "" : " (not all of the file)");
	return r;
}

/* Into a new file; what is not as it was kept is not left there. */
static int
sp_cli_quarantine_export(int dir, const char *id, const json_t *o, const char *path)
{
	int out = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600), r;

	if (out < 0) {
		fprintf(stderr, "sallyport: %s: %s\n", path, strerror(errno));
		return 2;
	}
	r = sp_cli_quarantine_read(dir, id, o, out);
	if (close(out) != 0 && r == 0) {
		fprintf(stderr, "sallyport: %s: %s\n", path, strerror(errno));
		r = 2;
	}
	if (r != 0)
		(void)unlink(path);
	return r;
}

static int
sp_cli_quarantine_remove(int dir, const char *id)
{
	char name[SP_QUARANTINE_ID_MAX + sizeof(SP_QUARANTINE_JSON)];

	(void)snprintf(name, sizeof(name), "%s" SP_QUARANTINE_JSON, id);
	if ((unlinkat(dir, id, 0) == 0 || errno == ENOENT) && unlinkat(dir, name, 0) == 0)
		return 0;
	fprintf(stderr, "sallyport: %s: %s\n", id, strerror(errno));
	return 2;
}

/* What is done to one of them is on record first, or is not done. */
static int
sp_cli_quarantine_one(int dir, const char *what, const char *id, const char *path)
{
	json_t *o = sp_cli_quarantine_about(dir, id);
	char action[32];
	int r = 1;

	if (o == NULL)
		return 1;
	(void)snprintf(action, sizeof(action), "quarantine-%s", what);
	if (!sp_cli_quarantine_watch(id, action))
		r = 2;
	else if (*what == 's')
		r = sp_cli_quarantine_show(dir, id, o);
	else if (*what == 'e')
		r = sp_cli_quarantine_export(dir, id, o, path);
	else
		r = sp_cli_quarantine_remove(dir, id);
	json_decref(o);
	return r;
}

int
sp_cli_quarantine(int argc, char **argv)
{
	static const struct option options[] = {
	    {"dir", required_argument, NULL, 'd'}, {"json", no_argument, NULL, 'j'}, {0}};
	const char *path = SP_QUARANTINE_DIR, *what;
	bool is_json = false;
	int c, dir, r, n;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c == 'd')
			path = optarg;
		else if (c == 'j')
			is_json = true;
		else
			argc = 0;
	}
	what = optind < argc ? argv[optind] : "";
	n = argc - optind;
	if (!(strcmp(what, "list") == 0 && n == 1) &&
	    !((strcmp(what, "show") == 0 || strcmp(what, "remove") == 0) && n == 2) &&
	    !(strcmp(what, "export") == 0 && n == 3)) {
		fputs(sp_cli_quarantine_usage, stderr);
		return 2;
	}
	dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0 && errno == ENOENT && n == 1)
		return 0; /* nothing was ever kept */
	if (dir < 0) {
		fprintf(stderr, "sallyport: %s: %s\n", path, strerror(errno));
		return 2;
	}
	r = n == 1 ? sp_cli_quarantine_list(dir, is_json)
		   : sp_cli_quarantine_one(dir, what, argv[optind + 1], n == 3 ? argv[optind + 2] : "");
	(void)close(dir);
	return r;
}
