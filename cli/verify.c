/* SPDX-License-Identifier: Apache-2.0 */
/* sallyport verify: proves that the records are whole and unchanged. */
#include "recorder/verify.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/command.h"
#include "cli/record.h"
#include "lib/text.h"

#define SP_CLI_ANCHOR_MAX ((size_t)65536)
#define SP_CLI_IDS_MAX 1000

static void
sp_cli_verify_found(const struct sp_verify_finding *f, void *ctx)
{
	(void)ctx;
	if (isatty(STDERR_FILENO))
		fputs("\r\033[K", stderr);
	if (f->number == 0)
		printf("%s: %s\n", f->where, f->what);
	else if (strcmp(f->where, "chain") == 0)
		printf("%s: entry %llu: %s\n", f->where, (unsigned long long)f->number, f->what);
	else
		printf("%s: record %llu: %s\n", f->where, (unsigned long long)f->number, f->what);
}

static void
sp_cli_verify_progress(uint64_t done, uint64_t total, void *ctx)
{
	(void)ctx;
	fprintf(stderr, "\r%llu of %llu sessions", (unsigned long long)done, (unsigned long long)total);
}

/* An anchor: "n=NUMBER hash=HEX" somewhere in the last line that has it (syslog, ausearch), or chain.head. */
static int
sp_cli_verify_anchor(const char *path, struct sp_verify_options *o)
{
	struct sp_buf *b = NULL;
	const char *p, *n = NULL, *hash = NULL;
	char *text = NULL, *end;
	int r = sp_tree_slurp(AT_FDCWD, path, SP_CLI_ANCHOR_MAX, &b);

	if (r == 0) {
		text = strndup((const char *)sp_buf_data(b), sp_buf_len(b));
		r = text == NULL ? SP_ERR_NOMEM : SP_ERR_FORMAT;
	}
	for (p = text; r == SP_ERR_FORMAT && p != NULL && (p = strstr(p, "sallyport-anchor n=")) != NULL; p++) {
		n = p + strlen("sallyport-anchor n=");
		hash = strstr(n, "hash=");
	}
	if (n == NULL && text != NULL && (n = strstr(text, "\"n\":")) != NULL) {
		n += 4;
		hash = strstr(text, "\"hash\":\"");
		hash = hash == NULL ? NULL : hash + 3;
	}
	if (r == SP_ERR_FORMAT && n != NULL && hash != NULL && strlen(hash) >= 5 + 2 * SP_SIGN_HASH) {
		o->anchor_n = strtoull(n, &end, 10);
		r = sp_text_unhex(o->anchor_hash, SP_SIGN_HASH, hash + 5, 2 * SP_SIGN_HASH);
		o->has_anchor = r == 0;
	}
	if (r != 0)
		fprintf(stderr, "sallyport: %s holds no anchor: %s\n", path, r == SP_ERR_SYSTEM ? strerror(errno) : sp_err_str(r));
	free(text);
	sp_buf_free(b);
	return r;
}

static int
sp_cli_verify_run(struct sp_verify_options *o, bool is_quiet)
{
	struct sp_verify_result res = { 0 };
	int r;

	o->found = sp_cli_verify_found;
	o->progress = isatty(STDERR_FILENO) && !is_quiet ? sp_cli_verify_progress : NULL;
	r = sp_verify_tree(o, &res);
	if (o->progress != NULL)
		fputs("\r\033[K", stderr);
	if (r != 0) {
		fprintf(stderr, "sallyport: cannot verify: %s\n", r == SP_ERR_SYSTEM ? strerror(errno) : sp_err_str(r));
		return 2;
	}
	if (!is_quiet || res.findings > 0)
		printf("%s: %llu chain entries, %llu sessions (%llu open, %llu crashed), %llu records%s\n",
		    res.findings == 0 ? "verified" : "NOT VERIFIED", (unsigned long long)res.entries,
		    (unsigned long long)res.sessions, (unsigned long long)res.open, (unsigned long long)res.crashed,
		    (unsigned long long)res.records, o->has_anchor ? ", anchored" : "");
	return res.findings == 0 ? 0 : 1;
}

int
sp_cli_verify(int argc, char **argv)
{
	static const struct option longs[] = { { "key", required_argument, NULL, 'k' },
		{ "root", required_argument, NULL, 'r' }, { "anchor", required_argument, NULL, 'a' },
		{ "quiet", no_argument, NULL, 'q' }, { 0 } };
	const char *key = SP_CLI_KEY, *root = SP_CLI_ROOT, *anchor = NULL;
	char ids[SP_CLI_IDS_MAX][SP_ULID_LEN + 1], *list[SP_CLI_IDS_MAX + 1] = { NULL };
	struct sp_verify_options o = { .root = -1 };
	struct sp_sign_ring *keys = NULL;
	bool is_quiet = false;
	int c, status = 2;

	while ((c = getopt_long(argc, argv, "a:k:qr:", longs, NULL)) != -1) {
		if (c == 'a')
			anchor = optarg;
		else if (c == 'k')
			key = optarg;
		else if (c == 'q')
			is_quiet = true;
		else if (c == 'r')
			root = optarg;
		else {
			fputs("usage: sallyport verify [--key FILE] [--root DIR] [--anchor FILE] [--quiet] [ID...]\n", stderr);
			return 2;
		}
	}
	if (argc - optind > SP_CLI_IDS_MAX || sp_cli_record_root(root, &o.root) != 0 ||
	    sp_cli_record_keys(key, &keys) != 0 || (anchor != NULL && sp_cli_verify_anchor(anchor, &o) != 0))
		goto out;
	for (int i = optind; i < argc; i++) {
		size_t n = (size_t)(i - optind);

		/* A whole id may name a session whose folder is gone: verify says so. */
		if (sp_ulid_is_valid(argv[i]))
			memcpy(ids[n], argv[i], SP_ULID_LEN + 1);
		else if (sp_cli_record_resolve(o.root, argv[i], ids[n]) != 0)
			goto out;
		list[n] = ids[n];
	}
	o.keys = keys;
	o.sessions = optind < argc ? list : NULL;
	status = sp_cli_verify_run(&o, is_quiet);
out:
	if (o.root >= 0)
		(void)close(o.root);
	sp_sign_ring_free(keys);
	return status;
}
