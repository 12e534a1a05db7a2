/* SPDX-License-Identifier: Apache-2.0 */
/* sallyport revoke, unrevoke, revoked: the deny list in an operator's hands. sallyportd writes it; each change is in the kernel's audit log. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <grp.h>
#include <jansson.h>
#include <libaudit.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cli/command.h"
#include "cli/operator.h"
#include "cli/pubkey.h"
#include "cli/record.h"
#include "lib/ipc_operator.h"
#include "lib/text.h"
#include "policy/revoked.h"
#include "recorder/tree.h"
#include "runtime/conffile.h"

#define SP_CLI_REVOKE_FOR_MAX (100LL * 366 * 86400) /* seconds */
#define SP_CLI_REVOKE_ADMINS "sallyport-admin"
#define SP_CLI_REVOKE_BODY_MAX 4096

/* What is meant, and how. */
struct sp_cli_revoke {
	const char *kind; /* "person", "key", "jti", "session" */
	const char *value;
	const char *issuer; /* NULL: any */
	const char *reason;
	const char *root;
	int64_t until; /* 0: for good */
	char hex[SP_CLI_PUBKEY_HEX];
	char session[SP_ULID_LEN + 1];
};

/* 90s 30m 2h 7d 4w from now. INVALID. */
static int
sp_cli_revoke_for(const char *s, int64_t *ret_until)
{
	static const char units[] = "smhdw";
	static const int64_t seconds[] = { 1, 60, 3600, 86400, 7 * 86400 };
	char *end;
	int64_t n = strtoll(s, &end, 10);
	const char *u = *end == '\0' ? NULL : strchr(units, *end);

	if (u == NULL || end[1] != '\0' || s[strspn(s, "0123456789")] != *end || n <= 0 || n > SP_CLI_REVOKE_FOR_MAX / seconds[u - units])
		return SP_ERR_INVALID;
	*ret_until = (int64_t)time(NULL) + n * seconds[u - units];
	return 0;
}

/* YYYY-MM-DD[THH:MM[:SS]] in local time, and not over. INVALID. */
static int
sp_cli_revoke_until(const char *s, int64_t *ret_until)
{
	struct tm tm = { .tm_isdst = -1 };
	const char *rest = strptime(s, "%Y-%m-%d", &tm);

	if (rest != NULL && (*rest == 'T' || *rest == ' ')) {
		rest = strptime(rest + 1, "%H:%M", &tm);
		if (rest != NULL && *rest == ':')
			rest = strptime(rest, ":%S", &tm);
	}
	if (rest == NULL || *rest != '\0')
		return SP_ERR_INVALID;
	*ret_until = (int64_t)mktime(&tm);
	return *ret_until > (int64_t)time(NULL) ? 0 : SP_ERR_INVALID;
}

/* A file with a public key or certificate, or a fingerprint. False, said on stderr: neither. */
static bool
sp_cli_revoke_key(const char *arg, struct sp_cli_revoke *v)
{
	struct sp_buf *b = NULL;
	char *text = NULL;
	int r = 0;

	if (strncmp(arg, "SHA256:", 7) == 0) {
		r = sp_cli_pubkey_fingerprint(arg, v->hex);
	} else if (sp_tree_slurp(AT_FDCWD, arg, SP_CLI_PUBKEY_MAX, &b) != 0) {
		fprintf(stderr, "sallyport: %s: %s\n", arg, strerror(errno));
		return false;
	} else {
		text = strndup((const char *)sp_buf_data(b), sp_buf_len(b));
		r = text == NULL ? SP_ERR_NOMEM : sp_cli_pubkey_read(text, v->hex);
	}
	free(text);
	sp_buf_free(b);
	if (r != 0)
		fprintf(stderr, "sallyport: %s: no public key or certificate of ssh's, and no fingerprint (SHA256:...)\n", arg);
	v->kind = "key";
	v->value = v->hex;
	return r == 0;
}

static bool
sp_cli_revoke_session(struct sp_cli_revoke *v, const char *arg)
{
	int fd, r;

	if (sp_cli_record_root(v->root, &fd) != 0)
		return false;
	r = sp_cli_record_resolve(fd, arg, v->session);
	(void)close(fd);
	v->kind = "session";
	v->value = v->session;
	return r == 0;
}

/* Who comes in past Sallyport is not kept out by it. */
static void
sp_cli_revoke_warn(const char *user)
{
	const struct passwd *pw = getpwnam(user);
	const struct group *gr = getgrnam(SP_CLI_REVOKE_ADMINS);
	bool is_admin = pw != NULL && (pw->pw_uid == 0 || (gr != NULL && pw->pw_gid == gr->gr_gid));

	for (size_t i = 0; gr != NULL && !is_admin && gr->gr_mem[i] != NULL; i++)
		is_admin = strcmp(gr->gr_mem[i], user) == 0;
	if (is_admin)
		fprintf(stderr,
		    "sallyport: warning: %s logs in without Sallyport (root, or group " SP_CLI_REVOKE_ADMINS "), and still can: lock the "
		    "account too (usermod -L -e 1 %s)\n",
		    user, user);
}

/* In the operator's own audit session, which the kernel names. */
static void
sp_cli_revoke_audit(bool is_revoke, const char *kind, const char *value, const char *reason, int status)
{
	char *what = audit_encode_nv_string("acct", value, 0), *why = audit_encode_nv_string("reason", reason, 0);
	char text[2 * (SP_REVOKED_VALUE_MAX + SP_REVOKED_REASON_MAX) + 128];
	int fd = audit_open();

	(void)snprintf(text, sizeof(text), "op=sallyport-%s kind=%s %s %s", is_revoke ? "revoke" : "unrevoke", kind,
	    what == NULL ? "" : what, why == NULL ? "" : why);
	if (fd < 0 || audit_log_user_message(fd, is_revoke ? AUDIT_ACCT_LOCK : AUDIT_ACCT_UNLOCK, text, NULL, NULL, NULL, status == 0) <= 0)
		fprintf(stderr, "sallyport: warning: this is not in the kernel's audit log: %s\n", strerror(errno));
	if (fd >= 0)
		(void)close(fd);
	free(what);
	free(why);
}

static int
sp_cli_revoke_send(const struct sp_cli_revoke *v)
{
	json_t *request = json_pack("{s:s,s:s,s:s*,s:s,s:I}", "kind", v->kind, "value", v->value, "issuer", v->issuer, "reason",
	    v->reason, "until", (json_int_t)v->until);
	char *text = request == NULL ? NULL : json_dumps(request, JSON_COMPACT);
	struct sp_buf *b = sp_buf_new(SP_CLI_REVOKE_BODY_MAX);
	int status = 2;

	if (text != NULL && b != NULL && sp_buf_put_cstring(b, text) == 0) {
		status = sp_cli_operator(SP_IPC_OPERATOR_REVOKE, b);
		if (status != 2)
			sp_cli_revoke_audit(true, v->kind, v->value, v->reason, status);
		if (strcmp(v->kind, "person") == 0)
			sp_cli_revoke_warn(v->value);
	}
	free(text);
	json_decref(request);
	sp_buf_free(b);
	return status;
}

static int
sp_cli_unrevoke_send(const struct sp_cli_revoke *v)
{
	struct sp_buf *b = sp_buf_new(SP_CLI_REVOKE_BODY_MAX);
	int status = 2;

	if (b != NULL) {
		sp_buf_put_cstring(b, v->kind);
		sp_buf_put_cstring(b, v->value);
		sp_buf_put_cstring(b, v->issuer);
		status = sp_buf_error(b) != 0 ? 2 : sp_cli_operator(SP_IPC_OPERATOR_UNREVOKE, b);
		if (status != 2)
			sp_cli_revoke_audit(false, v->kind, v->value, v->reason == NULL ? "" : v->reason, status);
	}
	sp_buf_free(b);
	return status;
}

static bool
sp_cli_revoke_option(int c, struct sp_cli_revoke *v, const char **session)
{
	switch (c) {
	case 'f':
		return v->until == 0 && sp_cli_revoke_for(optarg, &v->until) == 0;
	case 'i':
		v->issuer = optarg;
		return true;
	case 'j':
	case 'k':
		if (v->kind != NULL)
			return false;
		if (c == 'k')
			return sp_cli_revoke_key(optarg, v);
		v->kind = "jti";
		v->value = optarg;
		return true;
	case 'm':
		v->reason = optarg;
		return true;
	case 'r':
		v->root = optarg;
		return true;
	case 's':
		*session = optarg;
		return true;
	case 'u':
		return v->until == 0 && sp_cli_revoke_until(optarg, &v->until) == 0;
	default:
		return false;
	}
}

/* One thing is meant, by one line of text. */
static bool
sp_cli_revoke_is_one(int argc, char **argv, struct sp_cli_revoke *v, const char *session)
{
	int n = argc - optind + (v->kind != NULL) + (session != NULL);

	if (n != 1)
		return false;
	if (session != NULL)
		return sp_cli_revoke_session(v, session);
	if (v->kind == NULL) {
		v->kind = "person";
		v->value = argv[optind];
	}
	return v->value != NULL && v->value[0] != '\0' && strlen(v->value) <= SP_REVOKED_VALUE_MAX && sp_text_is_plain(v->value, strlen(v->value)) &&
	    (v->issuer == NULL || strlen(v->issuer) <= SP_REVOKED_VALUE_MAX);
}

int
sp_cli_revoke(int argc, char **argv)
{
	static const struct option longs[] = { { "for", required_argument, NULL, 'f' }, { "issuer", required_argument, NULL, 'i' },
		{ "jti", required_argument, NULL, 'j' }, { "key", required_argument, NULL, 'k' },
		{ "reason", required_argument, NULL, 'm' }, { "root", required_argument, NULL, 'r' },
		{ "session", required_argument, NULL, 's' }, { "until", required_argument, NULL, 'u' }, { 0 } };
	struct sp_cli_revoke v = { .root = SP_CLI_ROOT };
	const char *session = NULL;
	bool is_good = true;
	int c;

	while (is_good && (c = getopt_long(argc, argv, "m:", longs, NULL)) != -1)
		is_good = sp_cli_revoke_option(c, &v, &session);
	if (!is_good || v.reason == NULL || v.reason[0] == '\0' || !sp_cli_revoke_is_one(argc, argv, &v, session)) {
		fputs("usage: sallyport revoke --reason TEXT [--for 2h | --until DATE] [--issuer URL] PERSON\n"
		      "       sallyport revoke --reason TEXT [--for 2h | --until DATE] --session ID | --key FILE|SHA256:... | --jti ID\n", stderr);
		return 2;
	}
	if (strlen(v.reason) > SP_REVOKED_REASON_MAX || !sp_text_is_plain(v.reason, strlen(v.reason))) {
		fprintf(stderr, "sallyport: a reason is one line of at most %d bytes\n", SP_REVOKED_REASON_MAX);
		return 2;
	}
	return sp_cli_revoke_send(&v);
}

int
sp_cli_unrevoke(int argc, char **argv)
{
	static const struct option longs[] = { { "issuer", required_argument, NULL, 'i' }, { "jti", required_argument, NULL, 'j' },
		{ "key", required_argument, NULL, 'k' }, { "reason", required_argument, NULL, 'm' }, { 0 } };
	struct sp_cli_revoke v = { .root = SP_CLI_ROOT };
	const char *session = NULL; /* what was one is revoked by its key */
	bool is_good = true;
	int c;

	while (is_good && (c = getopt_long(argc, argv, "m:", longs, NULL)) != -1)
		is_good = sp_cli_revoke_option(c, &v, &session);
	if (!is_good || !sp_cli_revoke_is_one(argc, argv, &v, session) ||
	    (v.reason != NULL && (strlen(v.reason) > SP_REVOKED_REASON_MAX || !sp_text_is_plain(v.reason, strlen(v.reason))))) {
		fputs("usage: sallyport unrevoke [--reason TEXT] [--issuer URL] PERSON | --key FILE|SHA256:... | --jti ID\n", stderr);
		return 2;
	}
	return sp_cli_unrevoke_send(&v);
}

/* --- the list ---------------------------------------------------------------------------------------- */

static void
sp_cli_revoked_when(const json_t *entry, const char *name, const char *before)
{
	time_t t = (time_t)json_integer_value(json_object_get(entry, name));
	char when[32] = "?";
	struct tm tm;

	if (t != 0 && localtime_r(&t, &tm) != NULL)
		(void)strftime(when, sizeof(when), "%Y-%m-%d %H:%M:%S", &tm);
	printf("%s%s", before, t == 0 ? "for good" : when);
}

static void
sp_cli_revoked_line(const json_t *entry)
{
	const char *issuer = json_string_value(json_object_get(entry, "issuer"));
	const json_t *also = json_object_get(entry, "also"), *one;
	size_t i;

	printf("%s %s%s%s", json_string_value(json_object_get(entry, "kind")), json_string_value(json_object_get(entry, "value")),
	    issuer == NULL ? "" : " of ", issuer == NULL ? "" : issuer);
	sp_cli_revoked_when(entry, "since", "  since ");
	sp_cli_revoked_when(entry, "until", "  until ");
	printf("  by %s: %s\n", json_string_value(json_object_get(entry, "by")), json_string_value(json_object_get(entry, "reason")));
	json_array_foreach(also, i, one)
		printf("  under any name: %s of %s\n", json_string_value(json_object_get(one, "sub")),
		    json_string_value(json_object_get(one, "iss")));
}

static int
sp_cli_revoked_print(const struct sp_revoked *list, bool is_json)
{
	const json_t *entry;
	int64_t now = (int64_t)time(NULL);
	size_t i;

	json_array_foreach(sp_revoked_entries(list), i, entry) {
		json_int_t until = json_integer_value(json_object_get(entry, "until"));

		if (until != 0 && now >= until)
			continue;
		if (!is_json)
			sp_cli_revoked_line(entry);
		else if (json_dumpf(entry, stdout, JSON_COMPACT | JSON_SORT_KEYS | JSON_ENSURE_ASCII) == 0)
			putchar('\n');
	}
	return 0;
}

int
sp_cli_revoked(int argc, char **argv)
{
	static const struct option longs[] = { { "json", no_argument, NULL, 'j' }, { "dir", required_argument, NULL, 'd' }, { 0 } };
	struct sp_revoked *list = NULL;
	const char *dir = SP_REVOKED_DIR;
	char path[4096], why[512], *text = NULL;
	bool is_json = false, is_good = true;
	int c, r;

	while (is_good && (c = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		if (c == 'd')
			dir = optarg;
		else if (c == 'j')
			is_json = true;
		else
			is_good = false;
	}
	if (!is_good || optind != argc) {
		fputs("usage: sallyport revoked [--json] [--dir DIR]\n", stderr);
		return 2;
	}
	(void)snprintf(path, sizeof(path), "%s/" SP_REVOKED_FILE, dir);
	r = sp_conffile_read_max(path, SP_REVOKED_TEXT_MAX, why, sizeof(why), &text);
	if (r == SP_ERR_NOT_FOUND)
		return 0;
	if (r == 0) {
		r = sp_revoked_parse(text, strlen(text), &list);
		(void)snprintf(why, sizeof(why), "%.400s: %s", path, sp_err_str(r));
	}
	if (r == 0)
		r = sp_cli_revoked_print(list, is_json);
	else
		fprintf(stderr, "sallyport: who is revoked cannot be read, so nobody is let in: %s\n", why);
	free(text);
	sp_revoked_free(list);
	return r == 0 ? 0 : 2;
}
