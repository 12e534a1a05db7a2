/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/rsync.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "lib/text.h"
#include "proto/shell_quote.h"

enum { SENDER = 1, RECEIVER = 2, BOTH = SENDER | RECEIVER };

/*
 * Letters of the one word of them. Those of links that are followed (L k K) and of hidden arguments (s) are not here; nor
 * is a receiver's R, with which names that the other end sends may be absolute.
 */
static const struct letter {
	char letter;
	unsigned char side;
	unsigned effects;
} letters[] = {
	{ 'v', BOTH, 0 }, { 'q', BOTH, 0 }, { 'b', BOTH, SP_RSYNC_BACKUPS }, { 'u', BOTH, 0 },
	{ 'n', BOTH, SP_RSYNC_NOTHING }, { 'l', BOTH, SP_RSYNC_LINKS }, { 'd', BOTH, 0 }, { 'm', RECEIVER, 0 },
	{ 'O', RECEIVER, 0 }, { 'J', RECEIVER, 0 }, { 'y', RECEIVER, SP_RSYNC_BASES }, { 'W', BOTH, 0 },
	{ 'H', BOTH, SP_RSYNC_HARD }, { 'o', BOTH, SP_RSYNC_SETS }, { 'g', BOTH, SP_RSYNC_SETS },
	{ 'D', BOTH, SP_RSYNC_DEVICES }, { 't', BOTH, SP_RSYNC_SETS }, { 'U', BOTH, SP_RSYNC_SETS },
	{ 'N', BOTH, SP_RSYNC_SETS }, { 'p', BOTH, SP_RSYNC_SETS }, { 'E', RECEIVER, SP_RSYNC_SETS },
	{ 'A', BOTH, SP_RSYNC_SETS }, { 'X', BOTH, SP_RSYNC_SETS }, { 'r', BOTH, SP_RSYNC_RECURSES },
	{ 'c', BOTH, 0 }, { 'C', BOTH, 0 }, { 'I', BOTH, 0 }, { 'R', SENDER, 0 }, { 'x', BOTH, 0 },
	{ 'S', BOTH, 0 }, { 'z', BOTH, 0 },
};

enum value {
	VALUE_NONE = 0,
	VALUE_NUMBER, /* --name=N */
	VALUE_WORD,   /* --name=WORD: letters, digits and a few signs */
	VALUE_MAP,    /* --name=WORD, of users or groups */
	VALUE_FORMAT, /* --name=X, %i, %i%I or %o */
	VALUE_BELOW   /* --name, then a path of its own, which must stay below where it is used */
};

static const struct option {
	const char *name;
	enum value value;
	unsigned char side;
	unsigned effects;
} options[] = {
	{ "--append", VALUE_NONE, BOTH, 0 },
	{ "--backup-dir", VALUE_BELOW, BOTH, SP_RSYNC_BACKUPS },
	{ "--bwlimit", VALUE_NUMBER, BOTH, 0 },
	{ "--checksum-choice", VALUE_WORD, BOTH, 0 },
	{ "--checksum-seed", VALUE_NUMBER, BOTH, 0 },
	{ "--compare-dest", VALUE_BELOW, RECEIVER, SP_RSYNC_BASES },
	{ "--compress-choice", VALUE_WORD, BOTH, 0 },
	{ "--compress-level", VALUE_NUMBER, BOTH, 0 },
	{ "--copy-dest", VALUE_BELOW, RECEIVER, SP_RSYNC_BASES },
	{ "--debug", VALUE_WORD, BOTH, 0 },
	{ "--delay-updates", VALUE_NONE, RECEIVER, 0 },
	{ "--delete", VALUE_NONE, RECEIVER, SP_RSYNC_DELETES },
	{ "--delete-after", VALUE_NONE, RECEIVER, SP_RSYNC_DELETES },
	{ "--delete-before", VALUE_NONE, RECEIVER, SP_RSYNC_DELETES },
	{ "--delete-delay", VALUE_NONE, RECEIVER, SP_RSYNC_DELETES },
	{ "--delete-during", VALUE_NONE, RECEIVER, SP_RSYNC_DELETES },
	{ "--delete-excluded", VALUE_NONE, RECEIVER, SP_RSYNC_DELETES },
	{ "--delete-missing-args", VALUE_NONE, BOTH, SP_RSYNC_DELETES },
	{ "--existing", VALUE_NONE, RECEIVER, 0 },
	{ "--force", VALUE_NONE, RECEIVER, SP_RSYNC_DELETES },
	{ "--fsync", VALUE_NONE, RECEIVER, 0 },
	{ "--groupmap", VALUE_MAP, RECEIVER, SP_RSYNC_SETS },
	{ "--iconv", VALUE_WORD, BOTH, 0 },
	{ "--ignore-errors", VALUE_NONE, RECEIVER, SP_RSYNC_DELETES },
	{ "--ignore-existing", VALUE_NONE, RECEIVER, 0 },
	{ "--ignore-missing-args", VALUE_NONE, SENDER, 0 },
	{ "--info", VALUE_WORD, BOTH, 0 },
	{ "--inplace", VALUE_NONE, BOTH, 0 },
	{ "--link-dest", VALUE_BELOW, RECEIVER, SP_RSYNC_HARD | SP_RSYNC_BASES },
	{ "--list-only", VALUE_NONE, BOTH, 0 },
	{ "--log-format", VALUE_FORMAT, RECEIVER, 0 },
	{ "--max-alloc", VALUE_WORD, BOTH, 0 },
	{ "--max-delete", VALUE_NUMBER, RECEIVER, 0 },
	{ "--max-size", VALUE_WORD, RECEIVER, 0 },
	{ "--min-size", VALUE_WORD, RECEIVER, 0 },
	{ "--modify-window", VALUE_NUMBER, RECEIVER, 0 },
	{ "--msgs2stderr", VALUE_NONE, BOTH, 0 },
	{ "--new-compress", VALUE_NONE, BOTH, 0 },
	{ "--no-W", VALUE_NONE, RECEIVER, 0 },
	{ "--no-implied-dirs", VALUE_NONE, BOTH, 0 },
	{ "--no-msgs2stderr", VALUE_NONE, BOTH, 0 },
	{ "--no-r", VALUE_NONE, RECEIVER, 0 },
	{ "--no-specials", VALUE_NONE, BOTH, 0 },
	{ "--numeric-ids", VALUE_NONE, BOTH, 0 },
	{ "--old-compress", VALUE_NONE, BOTH, 0 },
	{ "--open-noatime", VALUE_NONE, BOTH, 0 },
	{ "--partial", VALUE_NONE, RECEIVER, 0 },
	{ "--partial-dir", VALUE_BELOW, RECEIVER, 0 },
	{ "--preallocate", VALUE_NONE, RECEIVER, 0 },
	{ "--remove-sent-files", VALUE_NONE, BOTH, SP_RSYNC_TAKES },
	{ "--remove-source-files", VALUE_NONE, BOTH, SP_RSYNC_TAKES },
	{ "--safe-links", VALUE_NONE, BOTH, 0 },
	{ "--size-only", VALUE_NONE, RECEIVER, 0 },
	{ "--skip-compress", VALUE_WORD, SENDER, 0 },
	{ "--specials", VALUE_NONE, BOTH, SP_RSYNC_DEVICES },
	{ "--stats", VALUE_NONE, RECEIVER, 0 },
	{ "--suffix", VALUE_WORD, BOTH, 0 },
	{ "--temp-dir", VALUE_BELOW, RECEIVER, 0 },
	{ "--timeout", VALUE_NUMBER, BOTH, 0 },
	{ "--use-qsort", VALUE_NONE, BOTH, 0 },
	{ "--usermap", VALUE_MAP, RECEIVER, SP_RSYNC_SETS },
};

/* Options of rsync's that are known and not taken, with why. */
static const struct {
	const char *name;
	const char *why;
} refused[] = {
	{ "--copy-devices", "it reads devices" },
	{ "--copy-unsafe-links", "it follows links out of the tree" },
	{ "--daemon", "it is another service" },
	{ "--fake-super", "it is not rsync's usual far end" },
	{ "--files-from", "what it names is not in the command" },
	{ "--log-file", "it writes another file" },
	{ "--mkpath", "it makes directories above the path" },
	{ "--only-write-batch", "it writes another file" },
	{ "--protect-args", "the arguments would be out of sight; set RSYNC_PROTECT_ARGS=0" },
	{ "--rsh", "it runs a program" },
	{ "--rsync-path", "it runs a program" },
	{ "--secluded-args", "the arguments would be out of sight; set RSYNC_PROTECT_ARGS=0" },
	{ "--super", "it acts as root" },
	{ "--write-devices", "it writes devices" },
};

static int __attribute__((format(printf, 2, 3)))
rsync_fail(char problem[SP_RSYNC_PROBLEM_MAX], const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(problem, SP_RSYNC_PROBLEM_MAX, fmt, ap);
	va_end(ap);
	return SP_ERR_INVALID;
}

/* A word of the person's in a line for them: cut, plain. */
static int
rsync_fail_word(char problem[SP_RSYNC_PROBLEM_MAX], const char *word, const char *why)
{
	if (!sp_text_is_plain(word, strlen(word)))
		word = "a word of rsync's";
	return rsync_fail(problem, "rsync's %.64s is not taken here: %s", word, why);
}

/* --- values ------------------------------------------------------------------------------------------------ */

static bool
value_is_number(const char *s)
{
	size_t n;

	s += *s == '-';
	n = strspn(s, "0123456789");
	return n > 0 && n <= 10 && s[n] == '\0';
}

static bool
value_is_word(const char *s, const char *also)
{
	size_t i, n = strlen(s);

	if (n == 0 || n > SP_RSYNC_VALUE_MAX)
		return false;
	for (i = 0; i < n; i++)
		if (strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.,~+-", s[i]) == NULL &&
		    strchr(also, s[i]) == NULL)
			return false;
	return strstr(s, "..") == NULL;
}

/* A relative path whose every part is a name. */
static bool
value_is_below(const char *s)
{
	if (s[0] == '\0' || s[0] == '-' || strlen(s) > SP_RSYNC_VALUE_MAX || !sp_text_is_plain(s, strlen(s)))
		return false;
	while (*s != '\0') {
		size_t n = strcspn(s, "/");

		if (n == 0 || (n == 1 && s[0] == '.') || (n == 2 && s[0] == '.' && s[1] == '.') || s[0] == '~')
			return false;
		s += n;
		s += *s == '/';
	}
	return true;
}

static bool
value_is_good(enum value type, const char *s)
{
	switch (type) {
	case VALUE_NUMBER:
		return value_is_number(s);
	case VALUE_WORD:
		return value_is_word(s, "/:");
	case VALUE_MAP:
		return value_is_word(s, ":*@");
	case VALUE_FORMAT:
		return strcmp(s, "X") == 0 || strcmp(s, "%i") == 0 || strcmp(s, "%i%I") == 0 || strcmp(s, "%o") == 0;
	case VALUE_BELOW:
		return value_is_below(s);
	case VALUE_NONE:
		break;
	}
	return false;
}

/* --- words ------------------------------------------------------------------------------------------------- */

/* What follows e: the version of a protocol under way or nothing, a dot, and what the near end can do. */
static bool
letters_is_able(const char *p)
{
	p += strspn(p, "0123456789");
	if (*p != '.')
		return false;
	p++;
	p += strspn(p, "0123456789");
	return p[strspn(p, "iLsfxCIvu")] == '\0';
}

static int
rsync_letters(const char *word, struct sp_rsync_request *q, char problem[SP_RSYNC_PROBLEM_MAX])
{
	unsigned side = q->is_sender ? SENDER : RECEIVER;

	for (const char *p = word + 1; *p != '\0'; p++) {
		size_t i;

		if (*p == 'e')
			return letters_is_able(p + 1) ? 0 : rsync_fail_word(problem, word, "-e runs a program");
		for (i = 0; i < sizeof(letters) / sizeof(letters[0]); i++)
			if (letters[i].letter == *p && (letters[i].side & side) != 0)
				break;
		if (i < sizeof(letters) / sizeof(letters[0])) {
			q->effects |= letters[i].effects;
			continue;
		}
		if (*p == 's')
			return rsync_fail_word(problem, word, "the arguments would be out of sight; set RSYNC_PROTECT_ARGS=0");
		if (*p == 'R')
			return rsync_fail_word(problem, word, "with -R the sender names places outside of the path");
		if (strchr("LkK", *p) != NULL)
			return rsync_fail_word(problem, word, "it follows links out of the tree");
		return rsync_fail_word(problem, word, "one of its letters is not known");
	}
	return word[1] == '\0' ? rsync_fail_word(problem, word, "it has no letters") : 0;
}

/* -B700 and -@-1 are the short ones that rsync writes with a value. */
static bool
rsync_is_short(const char *word)
{
	return word[0] == '-' && (word[1] == 'B' || word[1] == '@') && value_is_number(word + 2);
}

static int
rsync_unknown(const char *word, size_t len, char problem[SP_RSYNC_PROBLEM_MAX])
{
	char name[64];
	size_t i;

	(void)snprintf(name, sizeof(name), "%.*s", (int)(len < sizeof(name) ? len : sizeof(name) - 1), word);
	for (i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
		if (strcmp(refused[i].name, name) == 0)
			return rsync_fail_word(problem, name, refused[i].why);
	return rsync_fail_word(problem, name, "it is not known");
}

static int
rsync_option(size_t argc, const char *const argv[], size_t *i, struct sp_rsync_request *q,
    char problem[SP_RSYNC_PROBLEM_MAX])
{
	unsigned side = q->is_sender ? SENDER : RECEIVER;
	const char *word = argv[*i], *value = NULL;
	size_t len = strcspn(word, "="), j;

	for (j = 0; j < sizeof(options) / sizeof(options[0]); j++)
		if (strlen(options[j].name) == len && strncmp(options[j].name, word, len) == 0)
			break;
	if (j == sizeof(options) / sizeof(options[0]))
		return rsync_unknown(word, len, problem);
	if ((options[j].side & side) == 0)
		return rsync_fail_word(problem, options[j].name, "it is not for this direction");
	if (options[j].value != VALUE_BELOW && options[j].value != VALUE_NONE)
		value = word[len] == '=' ? word + len + 1 : "";
	else if (word[len] != '\0')
		return rsync_fail_word(problem, options[j].name, "it is not written so by rsync");
	q->words[q->n_words++] = word;
	if (options[j].value == VALUE_BELOW) {
		if (*i + 1 >= argc)
			return rsync_fail_word(problem, options[j].name, "its path is missing");
		value = argv[++*i];
		q->words[q->n_words++] = value;
	}
	if (options[j].value != VALUE_NONE && !value_is_good(options[j].value, value))
		return rsync_fail_word(problem, options[j].name,
		    options[j].value == VALUE_BELOW ? "its path must be a relative one, without `..`" : "its value is not known");
	q->effects |= options[j].effects;
	return 0;
}

int
sp_rsync_request_parse(size_t argc, const char *const argv[], struct sp_rsync_request *ret_q,
    char problem[SP_RSYNC_PROBLEM_MAX])
{
	static const char form[] = "rsync is asked for something else than `rsync --server [--sender] -OPTIONS . PATH`";
	size_t i = 2;
	int r = 0;

	memset(ret_q, 0, sizeof(*ret_q));
	problem[0] = '\0';
	if (argc < 2 || argc > SP_RSYNC_WORDS_MAX || strcmp(argv[0], "rsync") != 0 || strcmp(argv[1], "--server") != 0)
		return rsync_fail(problem, "%s", form);
	if (i < argc && strcmp(argv[i], "--sender") == 0) {
		ret_q->is_sender = true;
		i++;
	}
	if (i < argc && argv[i][0] == '-' && argv[i][1] != '-' && !rsync_is_short(argv[i])) {
		r = rsync_letters(argv[i], ret_q, problem);
		ret_q->words[ret_q->n_words++] = argv[i++];
	}
	for (; r == 0 && i < argc && argv[i][0] == '-'; i++) {
		if (rsync_is_short(argv[i]))
			ret_q->words[ret_q->n_words++] = argv[i];
		else if (argv[i][1] != '-')
			r = rsync_fail_word(problem, argv[i], "letters come once, and first");
		else
			r = rsync_option(argc, argv, &i, ret_q, problem);
	}
	if (r != 0)
		return r;
	if (i >= argc || strcmp(argv[i], ".") != 0 || i + 1 >= argc || argc - i - 1 > SP_RSYNC_PATHS_MAX)
		return rsync_fail(problem, "%s", form);
	for (i++; i < argc; i++) {
		if (argv[i][0] == '\0' || argv[i][0] == '-')
			return rsync_fail(problem, "%s", form);
		ret_q->paths[ret_q->n_paths++] = argv[i];
	}
	if (!ret_q->is_sender && ret_q->n_paths != 1)
		return rsync_fail(problem, "rsync is given more than one place to write to");
	return 0;
}

int
sp_rsync_request_write(const struct sp_rsync_request *q, const char *const paths[], size_t n, struct sp_buf *out)
{
	size_t i;

	sp_buf_putf(out, "rsync --server%s", q->is_sender ? " --sender" : "");
	for (i = 0; i < q->n_words; i++) {
		sp_buf_put(out, " ", 1);
		sp_shell_quote(out, q->words[i]);
	}
	if (!q->is_sender && (q->effects & SP_RSYNC_LINKS) != 0)
		sp_buf_putf(out, " --safe-links");
	sp_buf_put(out, " .", 2);
	for (i = 0; i < n; i++) {
		sp_buf_put(out, " ", 1);
		sp_shell_quote(out, paths[i]);
	}
	return sp_buf_error(out);
}
