/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The redactor against a bare vectorscan scan of the same patterns with start
 * offsets (HS_FLAG_SOM_LEFTMOST), on the same bytes in the same pieces, in
 * turns. Ours finds, validates and replaces; the peer only reports matches.
 * Prints one JSON object. Usage: mask_bench [ROUNDS]
 */
#include <hs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "mask/mask.h"

#define PIECE ((size_t)64 * 1024)
#define CORPUS ((size_t)8 * 1024 * 1024)
#define ROUNDS_MAX 50

static const char *const patterns[] = {
    "\\b[0-9]{12,19}\\b",
    "\\b[0-9]{4}[ -][0-9]{4}[ -][0-9]{4}[ -][0-9]{4}\\b",
    "\\b[0-9]{4}[ -][0-9]{6}[ -][0-9]{4,5}\\b",
    "[A-Za-z0-9._%+-]+@[A-Za-z0-9-]+(\\.[A-Za-z0-9-]+)*\\.[A-Za-z]{2,}",
    "\\b[0-9]{3}[ -][0-9]{2}[ -][0-9]{4}\\b",
    "\\b[A-Za-z]{2}[0-9]{2}( ?[A-Za-z0-9]{4}){2,7}( ?[A-Za-z0-9]{1,3})?\\b",
    "\\+[1-9][0-9 ().-]{6,20}[0-9]",
    "\\(?[2-9][0-9]{2}\\)?[ .-]?[2-9][0-9]{2}[ .-][0-9]{4}\\b",
    "\\b0[1-9]([ .-][0-9]{2}){4}\\b",
    "\\b0[1-9][0-9]{1,3}[ /-][0-9]{6,8}\\b",
    "\\b([0-9]{1,3}\\.){3}[0-9]{1,3}\\b",
    "\\b([0-9A-Fa-f]{1,4}:){7}[0-9A-Fa-f]{1,4}\\b",
    "\\b([0-9A-Fa-f]{1,4}:){1,6}:([0-9A-Fa-f]{1,4}(:[0-9A-Fa-f]{1,4}){0,5})?",
    "eyJ[A-Za-z0-9_-]+\\.[A-Za-z0-9_-]*(\\.[A-Za-z0-9_-]*)*",
    "-----BEGIN [A-Z ]*PRIVATE KEY",
    "\\bA[KS]IA[A-Z2-7]{16}\\b",
    "\\b[A-Za-z0-9/+]{40}\\b",
    "\\bgh[pousr]_[A-Za-z0-9]{36}",
    "\\bgithub_pat_[A-Za-z0-9_]{82}",
    "\\bxox[abceoprs]-[A-Za-z0-9-]{20}",
    "hooks\\.slack\\.com/[A-Za-z0-9/]{30}",
};

struct corpus {
	const char *name;
	uint8_t *p;
	size_t n;
	struct sp_mask_cell *cells; /* rows only */
	size_t ncells;
	double reach;
};

static uint64_t seed = 0x9e3779b97f4a7c15u;

static unsigned
pick(unsigned n)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (unsigned)(seed >> 20) % n;
}

static void
die(const char *what)
{
	fprintf(stderr, "mask_bench: %s\n", what);
	exit(1);
}

static void
put(struct corpus *c, const char *s)
{
	size_t n = strlen(s);

	if (c->n + n > CORPUS)
		n = CORPUS - c->n;
	memcpy(c->p + c->n, s, n);
	c->n += n;
}

/* A few different hits, so that dense text has all sorts. */
static void
put_hit(struct corpus *c)
{
	static const char *const hits[] = {"alice.smith@example.com", "4111 1111 1111 1111", "5555555555554444",
	    "078-05-1120", "+1 415 555 2671", "(415) 555-2671", "10.20.30.40", "2001:db8::8:800:200c:417a",
	    "DE89 3704 0044 0532 0130 00", "GB82WEST12345698765432", "bob@mail.example.org", "192.168.17.4",
	    ("AKI"
	     "AIOSFODNN7EXAMPLE"),
	    "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"};

	put(c, hits[pick(sizeof(hits) / sizeof(hits[0]))]);
}

/* Prose and log lines: one value to mask in about 4 KiB. */
static void
fill_text(struct corpus *c)
{
	static const char *const words[] = {"the", "connection", "was", "closed", "by", "peer", "after", "timeout",
	    "of", "seconds", "and", "query", "returned", "rows", "from", "table", "customers", "while", "checkpoint",
	    "starting:", "time", "server", "process", "(PID", "exited", "with", "status", "LOG:", "statement:", "error",
	    "to-do", "x86_64", "user's", "SELECT", "WHERE", "id", "=", "name,", "value;", "\"quoted\""};
	char num[64];

	while (c->n < CORPUS) {
		snprintf(num, sizeof(num), "2024-%02u-%02u %02u:%02u:%02u.%03u UTC [%u] ", 1 + pick(12), 1 + pick(28),
		    pick(24), pick(60), pick(60), pick(1000), pick(99999));
		put(c, num);
		for (unsigned i = 8 + pick(20); i > 0; i--) {
			put(c, words[pick(sizeof(words) / sizeof(words[0]))]);
			put(c, " ");
			if (pick(24) == 0) {
				snprintf(num, sizeof(num), "%u ", pick(1000000));
				put(c, num);
			}
		}
		if (pick(32) == 0)
			put_hit(c);
		put(c, "\n");
	}
}

static void
put_cell(struct corpus *c, const char *s)
{
	size_t n = strlen(s);
	char len[4] = {0, 0, (char)(n >> 8), (char)n};

	if (c->n + n + 4 > CORPUS)
		return;
	memcpy(c->p + c->n, len, 4);
	c->n += 4;
	c->cells[c->ncells++] = (struct sp_mask_cell){(uint32_t)c->n, (uint32_t)n};
	memcpy(c->p + c->n, s, n);
	c->n += n;
}

/* Rows as the protocol carries them: id, name, money, timestamp, uuid, text; one value to mask in about 200 rows. */
static void
fill_rows(struct corpus *c)
{
	static const char *const names[] = {"Alice Smith", "Bob", "Carol Jones-Miller", "Dave", "Erin van der Berg"};
	static const char *const notes[] = {
	    "paid in full", "awaiting delivery", "", "see ticket 4711", "ok", "returned item"};
	char s[64];

	c->cells = calloc(CORPUS / 4, sizeof(*c->cells));
	if (c->cells == NULL)
		die("out of memory");
	while (c->n + 256 < CORPUS) {
		char head[7] = {'D', 0, 0, 0, 60, 0, 6};

		memcpy(c->p + c->n, head, sizeof(head));
		c->n += sizeof(head);
		snprintf(s, sizeof(s), "%u", 1 + pick(10000000));
		put_cell(c, s);
		put_cell(c, names[pick(5)]);
		snprintf(s, sizeof(s), "%u.%02u", pick(100000), pick(100));
		put_cell(c, s);
		snprintf(s, sizeof(s), "2024-%02u-%02u %02u:%02u:%02u.%06u+00", 1 + pick(12), 1 + pick(28), pick(24),
		    pick(60), pick(60), pick(1000000));
		put_cell(c, s);
		snprintf(s, sizeof(s), "%08x-%04x-4%03x-a%03x-%06x%06x", pick(UINT32_MAX), pick(65536), pick(4096),
		    pick(4096), pick(1 << 24), pick(1 << 24));
		put_cell(c, s);
		put_cell(c, pick(200) == 0 ? "alice.smith@example.com" : notes[pick(6)]);
	}
}

/* A value to mask every 40 bytes or so. */
static void
fill_dense(struct corpus *c)
{
	while (c->n < CORPUS) {
		put_hit(c);
		put(c, pick(3) == 0 ? " and then some words,\n" : " | ");
	}
}

static double
now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static struct sp_mask_set *
make_set(void)
{
	static const char *const names[] = {
	    "credit_card", "email", "us_ssn", "iban", "phone", "ipv4", "ipv6", "secret"};
	struct sp_mask_set *set = NULL;

	if (sp_mask_set_new(&set) != 0)
		die("out of memory");
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (sp_mask_set_add(set, names[i], SP_MASK_REDACT) != 0)
			die("unknown detector");
	}
	if (sp_mask_set_seal(set) != 0)
		die("cannot seal");
	return set;
}

/* One pass of ours over the corpus; MB/s. */
static double
ours(struct sp_mask_set *set, struct corpus *c, struct sp_buf *out, uint64_t *ret_hits)
{
	struct sp_mask_counts counts = {0};
	double start = now();
	size_t cell = 0;

	for (size_t off = 0; off < c->n; off += PIECE) {
		size_t n = c->n - off < PIECE ? c->n - off : PIECE, nchanges = 0, first = cell;
		const struct sp_mask_change *changes = NULL;
		enum sp_mask_outcome outcome;
		int r;

		sp_buf_reset(out);
		if (c->cells == NULL) {
			r = sp_mask_scan(set, c->p + off, n, true, out, &counts, &outcome);
		} else {
			/* A piece ends with its last whole cell. */
			while (cell < c->ncells && c->cells[cell].off + c->cells[cell].len <= off + PIECE)
				cell++;
			n = c->cells[cell - 1].off + c->cells[cell - 1].len - off;
			for (size_t i = first; i < cell; i++)
				c->cells[i].off -= (uint32_t)off;
			r = sp_mask_cells(set, c->p + off, n, c->cells + first, cell - first, true, out, &counts,
			    &changes, &nchanges);
			for (size_t i = first; i < cell; i++)
				c->cells[i].off += (uint32_t)off;
			if (cell < c->ncells)
				off = c->cells[cell].off - 4 - PIECE;
		}
		if (r != 0)
			die(sp_err_str(r));
	}
	*ret_hits = 0;
	for (size_t i = 0; i < SP_MASK_KINDS_MAX; i++)
		*ret_hits += counts.n[i];
	return (double)c->n / (now() - start) / 1e6;
}

static int
on_match(unsigned id, unsigned long long from, unsigned long long to, unsigned flags, void *ctx)
{
	(void)id;
	(void)flags;
	*(uint64_t *)ctx += to > from;
	return 0;
}

static double
peer(const hs_database_t *db, hs_scratch_t *scratch, const struct corpus *c, uint64_t *ret_hits)
{
	double start = now();

	*ret_hits = 0;
	for (size_t off = 0; off < c->n; off += PIECE) {
		size_t n = c->n - off < PIECE ? c->n - off : PIECE;

		if (hs_scan(db, (const char *)c->p + off, (unsigned)n, 0, scratch, on_match, ret_hits) != HS_SUCCESS)
			die("hs_scan");
	}
	return (double)c->n / (now() - start) / 1e6;
}

static int
compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double
median(const double *v, int n)
{
	double s[ROUNDS_MAX];

	memcpy(s, v, sizeof(*s) * (size_t)n);
	qsort(s, (size_t)n, sizeof(*s), compare);
	return n % 2 == 1 ? s[n / 2] : (s[n / 2 - 1] + s[n / 2]) / 2;
}

static void
print_runs(const char *name, const double *v, int n)
{
	printf("\"%s\":[", name);
	for (int i = 0; i < n; i++)
		printf("%s%.1f", i == 0 ? "" : ",", v[i]);
	printf("]");
}

int
main(int argc, char **argv)
{
	enum {
		NPATTERNS = sizeof(patterns) / sizeof(patterns[0])
	};
	struct corpus corpora[3] = {{"text", .reach = 3}, {"rows", .reach = 3}, {"dense", .reach = 0.8}};
	void (*const fill[3])(struct corpus *) = {fill_text, fill_rows, fill_dense};
	unsigned flags[NPATTERNS], ids[NPATTERNS];
	int rounds = argc > 1 ? atoi(argv[1]) : 9;
	struct sp_mask_set *set = make_set();
	struct sp_buf *out = sp_buf_new(0);
	hs_compile_error_t *error = NULL;
	hs_scratch_t *scratch = NULL;
	hs_database_t *db = NULL;
	double a[ROUNDS_MAX], b[ROUNDS_MAX];
	uint64_t hits, peer_hits;

	if (rounds < 1 || rounds > ROUNDS_MAX || out == NULL)
		die("usage: mask_bench [1-50]");
	for (unsigned i = 0; i < NPATTERNS; i++) {
		flags[i] = HS_FLAG_SOM_LEFTMOST;
		ids[i] = i;
	}
	if (hs_compile_multi(patterns, flags, ids, NPATTERNS, HS_MODE_BLOCK, NULL, &db, &error) != HS_SUCCESS)
		die(error == NULL ? "hs_compile_multi" : error->message);
	if (hs_alloc_scratch(db, &scratch) != HS_SUCCESS)
		die("hs_alloc_scratch");
	printf("[");
	for (int k = 0; k < 3; k++) {
		struct corpus *c = &corpora[k];

		c->p = malloc(CORPUS);
		if (c->p == NULL)
			die("out of memory");
		fill[k](c);
		(void)ours(set, c, out, &hits);
		(void)peer(db, scratch, c, &peer_hits);
		for (int i = 0; i < rounds; i++) {
			a[i] = ours(set, c, out, &hits);
			b[i] = peer(db, scratch, c, &peer_hits);
		}
		printf("%s{\"name\":\"%s\",\"ours\":%.1f,\"peer\":%.1f,\"ratio\":%.2f,\"reach\":%.1f,\"masked\":%llu,",
		    k ? "," : "", c->name, median(a, rounds), median(b, rounds), median(a, rounds) / median(b, rounds),
		    c->reach, (unsigned long long)hits);
		print_runs("ours_runs", a, rounds);
		printf(",");
		print_runs("peer_runs", b, rounds);
		printf("}");
		free(c->p);
		free(c->cells);
	}
	printf("]\n");
	sp_mask_set_free(set);
	sp_buf_free(out);
	hs_free_scratch(scratch);
	hs_free_database(db);
	return 0;
}
