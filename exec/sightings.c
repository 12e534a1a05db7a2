/* SPDX-License-Identifier: Apache-2.0 */
#include "exec/sightings.h"

#include <stdlib.h>
#include <string.h>

#include "lib/ipc_files.h"

#define SIGHTINGS_SLOTS (4 * SP_SIGHTINGS_MAX) /* of the hash table: a power of two */
#define SIGHTINGS_NONE UINT16_MAX

struct sighting {
	struct sp_sighting seen; /* its strings are in text */
	uint32_t opened, written; /* how often */
};

struct sp_sightings {
	size_t n, used;
	struct sighting of[SP_SIGHTINGS_MAX];
	uint16_t slots[SIGHTINGS_SLOTS]; /* places in of */
	char text[SP_SIGHTINGS_BYTES];
};

static void
sightings_forget(struct sp_sightings *s)
{
	s->n = s->used = 0;
	memset(s->slots, 0xff, sizeof(s->slots));
}

struct sp_sightings *
sp_sightings_new(void)
{
	struct sp_sightings *s = malloc(sizeof(*s));

	if (s != NULL)
		sightings_forget(s);
	return s;
}

void
sp_sightings_free(struct sp_sightings *s)
{
	free(s);
}

/* FNV-1a. Whoever makes names collide makes their own session's table slower, within its bound. */
static size_t
sightings_hash(const struct sp_sighting *seen)
{
	uint64_t h = 14695981039346656037u ^ (uint64_t)seen->pid;
	const char *p;

	for (p = seen->path; *p != '\0'; p++)
		h = (h ^ (uint8_t)*p) * 1099511628211u;
	return (size_t)(h ^ h >> 32) % SIGHTINGS_SLOTS;
}

static bool
sightings_is_same(const struct sp_sighting *a, const struct sp_sighting *b)
{
	return a->pid == b->pid && a->uid == b->uid && a->facts == b->facts && strcmp(a->path, b->path) == 0 &&
	    strcmp(a->exe, b->exe) == 0;
}

static const char *
sightings_keep(struct sp_sightings *s, const char *text)
{
	size_t n = strlen(text) + 1;
	char *to = s->text + s->used;

	memcpy(to, text, n);
	s->used += n;
	return to;
}

static void
sightings_count_in(struct sighting *e, const struct sp_sighting *seen)
{
	e->seen.what |= seen->what;
	e->opened += (seen->what & SP_IPC_FILES_OPENED) != 0;
	e->written += (seen->what & SP_IPC_FILES_WRITTEN) != 0;
	if ((seen->what & SP_IPC_FILES_WRITTEN) != 0)
		e->seen.size = seen->size;
}

int
sp_sightings_add(struct sp_sightings *s, const struct sp_sighting *seen)
{
	size_t slot = sightings_hash(seen), bytes = strlen(seen->path) + strlen(seen->exe) + 2;
	struct sighting *e;

	if (bytes > 2 * (size_t)SP_SIGHTINGS_PATH_MAX)
		return SP_ERR_LIMIT;
	for (; s->slots[slot] != SIGHTINGS_NONE; slot = (slot + 1) % SIGHTINGS_SLOTS) {
		e = &s->of[s->slots[slot]];
		if (sightings_is_same(&e->seen, seen)) {
			sightings_count_in(e, seen);
			return 0;
		}
	}
	if (s->n == SP_SIGHTINGS_MAX || bytes > SP_SIGHTINGS_BYTES - s->used)
		return SP_ERR_FULL;
	e = &s->of[s->n];
	memset(e, 0, sizeof(*e));
	e->seen = *seen;
	e->seen.what = 0;
	e->seen.size = 0;
	e->seen.path = sightings_keep(s, seen->path);
	e->seen.exe = sightings_keep(s, seen->exe);
	sightings_count_in(e, seen);
	s->slots[slot] = (uint16_t)s->n++;
	return 0;
}

size_t
sp_sightings_count(const struct sp_sightings *s)
{
	return s->n;
}

bool
sp_sightings_has_room(const struct sp_sightings *s)
{
	return s->n < SP_SIGHTINGS_MAX && SP_SIGHTINGS_BYTES - s->used >= 2 * (size_t)SP_SIGHTINGS_PATH_MAX;
}

int
sp_sightings_take(struct sp_sightings *s, struct sp_buf *body)
{
	sp_buf_put_u32(body, (uint32_t)s->n);
	for (size_t i = 0; i < s->n; i++) {
		const struct sighting *e = &s->of[i];

		sp_buf_put_u32(body, (uint32_t)e->seen.pid);
		sp_buf_put_u32(body, (uint32_t)e->seen.uid);
		sp_buf_put_u8(body, e->seen.facts);
		sp_buf_put_u32(body, e->opened);
		sp_buf_put_u32(body, e->written);
		sp_buf_put_u64(body, e->seen.size);
		sp_buf_put_cstring(body, e->seen.path);
		sp_buf_put_cstring(body, e->seen.exe);
	}
	sightings_forget(s);
	return sp_buf_error(body);
}
