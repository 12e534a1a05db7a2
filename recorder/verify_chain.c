/* SPDX-License-Identifier: Apache-2.0 */
#include "recorder/verify_chain.h"

#include <errno.h>
#include <search.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "recorder/seal.h"
#include "recorder/tree.h"

struct sp_verify_chain {
	const struct sp_verify_options *o;
	void (*found)(const struct sp_verify_finding *f, void *ctx);
	void *ctx;
	void *index; /* tsearch(3) tree of sessions by id */
	struct sp_verify_session **sessions;
	size_t nsessions;
	uint64_t entries;
	uint64_t number; /* of the last entry */
	uint8_t hash[SP_SIGN_HASH];
	uint64_t head_n; /* what chain.head says */
	uint8_t head_hash[SP_SIGN_HASH];
	bool has_head;
	bool has_head_entry;   /* the entry that chain.head names was there */
	bool has_anchor_entry; /* the entry of the anchor was there */
};

static void __attribute__((format(printf, 3, 4)))
sp_verify_chain_find_out(struct sp_verify_chain *c, uint64_t number, const char *fmt, ...)
{
	char what[256];
	struct sp_verify_finding f = { "chain", number, what };
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	c->found(&f, c->ctx);
}

static int
sp_verify_chain_compare(const void *a, const void *b)
{
	return strcmp(((const struct sp_verify_session *)a)->id, ((const struct sp_verify_session *)b)->id);
}

/* The session of an entry, made if it is new. NULL if the entry names none or memory is out. */
static struct sp_verify_session *
sp_verify_chain_of(struct sp_verify_chain *c, const json_t *entry)
{
	const char *id = sp_seal_get_string(entry, "session");
	struct sp_verify_session key = { .id = "" }, *s, **grown;
	void *node;

	if (!sp_ulid_is_valid(id))
		return NULL;
	memcpy(key.id, id, SP_ULID_LEN);
	node = tfind(&key, &c->index, sp_verify_chain_compare);
	if (node != NULL)
		return *(struct sp_verify_session **)node;
	if ((c->nsessions & (c->nsessions + 1)) == 0) { /* grows at 0, 1, 3, 7, ... */
		grown = realloc(c->sessions, (2 * c->nsessions + 1) * sizeof(c->sessions[0]));
		if (grown == NULL)
			return NULL;
		c->sessions = grown;
	}
	s = calloc(1, sizeof(*s));
	if (s == NULL)
		return NULL;
	*s = key;
	if (tsearch(s, &c->index, sp_verify_chain_compare) == NULL) {
		free(s);
		return NULL;
	}
	c->sessions[c->nsessions++] = s;
	return s;
}

/* What one entry, or one element of a checkpoint, says of how far a session has come. */
static int
sp_verify_chain_seen(struct sp_verify_chain *c, const json_t *o, struct sp_verify_session **ret_s)
{
	struct sp_verify_session *s = sp_verify_chain_of(c, o);
	uint8_t head[SP_SIGN_HASH];
	uint64_t n;

	*ret_s = s;
	if (s == NULL)
		return SP_ERR_FORMAT;
	if (sp_seal_get_u64(o, "records", &n) == 0 && sp_seal_get_hash(o, "head", head) == 0 && n >= s->seen && n > 0) {
		s->seen = n;
		memcpy(s->seen_head, head, sizeof(head));
	}
	return 0;
}

static int
sp_verify_chain_opened(struct sp_verify_chain *c, const json_t *o)
{
	struct sp_verify_session *s;
	int r = sp_verify_chain_seen(c, o, &s);

	if (r == 0 && s->has_first)
		sp_verify_chain_find_out(c, c->number, "session %s is opened a second time", s->id);
	if (r == 0 && sp_seal_get_hash(o, "head", s->first_head) == 0)
		s->has_first = true;
	return r;
}

static int
sp_verify_chain_closed(struct sp_verify_chain *c, const json_t *o)
{
	struct sp_verify_session *s;
	int r = sp_verify_chain_seen(c, o, &s);

	if (r != 0)
		return r;
	s->is_closed = true;
	s->is_crashed = strcmp(sp_seal_get_string(o, "state"), "crashed") == 0;
	s->is_damaged = strcmp(sp_seal_get_string(o, "state"), "damaged") == 0;
	s->has_manifest = sp_seal_get_hash(o, "manifest", s->manifest) == 0;
	if (!s->has_manifest && !s->is_damaged)
		return SP_ERR_FORMAT;
	return 0;
}

/* Takes in a proven entry. */
static int
sp_verify_chain_take(struct sp_verify_chain *c, const json_t *o)
{
	const char *type = sp_seal_get_string(o, "type");
	struct sp_verify_session *s;
	const json_t *open;
	json_t *one;
	size_t i;
	int r = 0;

	if (strcmp(type, "open") == 0)
		return sp_verify_chain_opened(c, o);
	if (strcmp(type, "close") == 0)
		return sp_verify_chain_closed(c, o);
	if (strcmp(type, "resume") == 0)
		return sp_verify_chain_seen(c, o, &s);
	if (strcmp(type, "checkpoint") == 0) {
		open = json_object_get(o, "open");
		json_array_foreach(open, i, one) {
			if (r == 0)
				r = sp_verify_chain_seen(c, one, &s);
		}
	}
	if (strcmp(type, "lost") == 0)
		sp_verify_chain_find_out(c, c->number, "the recorder found here that entries were missing");
	return r;
}

static void
sp_verify_chain_witness(struct sp_verify_chain *c)
{
	if (c->has_head && c->number == c->head_n) {
		c->has_head_entry = true;
		if (memcmp(c->hash, c->head_hash, SP_SIGN_HASH) != 0)
			sp_verify_chain_find_out(c, c->number, "entry is not the one that chain.head knows");
	}
	if (c->o->has_anchor && c->number == c->o->anchor_n) {
		c->has_anchor_entry = true;
		if (memcmp(c->hash, c->o->anchor_hash, SP_SIGN_HASH) != 0)
			sp_verify_chain_find_out(c, c->number, "entry is not the anchored one: the chain was rewritten");
	}
}

/* One line with its LF. */
static int
sp_verify_chain_line(struct sp_verify_chain *c, const char *line, size_t n)
{
	struct sp_view v = { (const uint8_t *)line, n - 1 };
	uint64_t expected = c->number + 1, number = 0;
	uint8_t prev[SP_SIGN_HASH];
	json_t *o = NULL;
	int r = sp_seal_parse(line, n, c->o->keys, SP_SEAL_TAG_CHAIN, ' ', &o);

	if (r == SP_ERR_NOMEM)
		return r;
	c->entries++;
	if (r == SP_ERR_NOT_FOUND || r == SP_ERR_SIGNATURE)
		sp_verify_chain_find_out(c, expected, "entry %s", r == SP_ERR_SIGNATURE ?
			"has a signature that does not match" : "is signed by a key that is not trusted");
	else if (r != 0 || sp_seal_get_u64(o, "n", &number) != 0 || sp_seal_get_hash(o, "prev", prev) != 0)
		sp_verify_chain_find_out(c, expected, "entry breaks the format");
	else if (number != expected)
		sp_verify_chain_find_out(c, expected, "entry is missing or out of order: entry %llu is in its place",
		    (unsigned long long)number);
	else if (memcmp(prev, c->hash, SP_SIGN_HASH) != 0)
		sp_verify_chain_find_out(c, number, "entry does not follow the one before it");
	/* Goes on after this line, so that one change is one finding, or two. */
	c->number = number == 0 ? expected : number;
	if (sp_sign_hash(&v, 1, c->hash) != 0)
		r = SP_ERR_CRYPTO;
	else if (r == 0 && number != 0) {
		sp_verify_chain_witness(c);
		if (sp_verify_chain_take(c, o) != 0)
			sp_verify_chain_find_out(c, number, "entry breaks the format");
	}
	json_decref(o);
	return r == SP_ERR_CRYPTO ? r : 0;
}

static int
sp_verify_chain_read_head(struct sp_verify_chain *c)
{
	struct sp_buf *b = NULL;
	json_t *o = NULL;
	int r = sp_tree_slurp(c->o->root, SP_TREE_HEAD, SP_SEAL_MAX, &b);

	if (r == SP_ERR_NOMEM)
		return r;
	if (r != 0) {
		sp_verify_chain_find_out(c, 0, "chain.head %s", r == SP_ERR_NOT_FOUND ? "is missing" : "cannot be read");
		return 0;
	}
	r = sp_seal_parse(sp_buf_data(b), sp_buf_len(b), c->o->keys, SP_SEAL_TAG_HEAD, '\n', &o);
	if (r == 0 && sp_seal_get_u64(o, "n", &c->head_n) == 0 && sp_seal_get_hash(o, "hash", c->head_hash) == 0)
		c->has_head = true;
	else
		sp_verify_chain_find_out(c, 0, "chain.head %s", r == SP_ERR_SIGNATURE ? "has a signature that does not match" :
			r == SP_ERR_NOT_FOUND ? "is signed by a key that is not trusted" : "breaks the format");
	json_decref(o);
	sp_buf_free(b);
	return 0;
}

static int
sp_verify_chain_lines(struct sp_verify_chain *c)
{
	char *line = NULL;
	size_t cap = 0;
	ssize_t n;
	int fd, r = sp_tree_open(c->o->root, SP_TREE_CHAIN, &fd);
	FILE *f;

	if (r != 0) {
		sp_verify_chain_find_out(c, 0, "the file %s", r == SP_ERR_NOT_FOUND ? "is missing" : "cannot be read");
		return 0;
	}
	f = fdopen(fd, "r");
	if (f == NULL) {
		(void)close(fd);
		return SP_ERR_NOMEM;
	}
	while (r == 0 && (n = getline(&line, &cap, f)) > 0) {
		if (line[n - 1] != '\n')
			sp_verify_chain_find_out(c, c->number + 1, "entry is cut short");
		else
			r = sp_verify_chain_line(c, line, (size_t)n);
	}
	free(line);
	(void)fclose(f);
	return r;
}

int
sp_verify_chain_read(const struct sp_verify_options *o, void (*found)(const struct sp_verify_finding *f, void *ctx),
    void *ctx, struct sp_verify_chain **ret_c)
{
	struct sp_verify_chain *c = calloc(1, sizeof(*c));
	int r;

	if (c == NULL)
		return SP_ERR_NOMEM;
	c->o = o;
	c->found = found;
	c->ctx = ctx;
	/* The head first: while a recorder is at work, the chain is never behind the head read before it. */
	r = sp_verify_chain_read_head(c);
	if (r == 0)
		r = sp_verify_chain_lines(c);
	if (r == 0 && c->has_head && c->number < c->head_n)
		sp_verify_chain_find_out(c, c->number + 1, "entry is missing: the tail was cut off, chain.head knows of %llu",
		    (unsigned long long)c->head_n);
	else if (r == 0 && c->has_head && !c->has_head_entry)
		sp_verify_chain_find_out(c, c->head_n, "entry is missing, which chain.head knows");
	if (r == 0 && o->has_anchor && !c->has_anchor_entry)
		sp_verify_chain_find_out(c, o->anchor_n, "entry is missing, which the anchor knows: the tree was put back");
	if (r != 0) {
		sp_verify_chain_free(c);
		return r;
	}
	*ret_c = c;
	return 0;
}

static void
sp_verify_chain_keep(void *s)
{
	(void)s; /* freed with the array */
}

void
sp_verify_chain_free(struct sp_verify_chain *c)
{
	if (c == NULL)
		return;
	tdestroy(c->index, sp_verify_chain_keep);
	for (size_t i = 0; i < c->nsessions; i++)
		free(c->sessions[i]);
	free(c->sessions);
	free(c);
}

uint64_t
sp_verify_chain_entries(const struct sp_verify_chain *c)
{
	return c->entries;
}

size_t
sp_verify_chain_sessions(const struct sp_verify_chain *c)
{
	return c->nsessions;
}

const struct sp_verify_session *
sp_verify_chain_session(const struct sp_verify_chain *c, size_t i)
{
	return c->sessions[i];
}

const struct sp_verify_session *
sp_verify_chain_find(const struct sp_verify_chain *c, const char *id)
{
	struct sp_verify_session key = { .id = "" };
	void *node;

	memcpy(key.id, id, SP_ULID_LEN);
	node = tfind(&key, &c->index, sp_verify_chain_compare);
	return node == NULL ? NULL : *(struct sp_verify_session **)node;
}
