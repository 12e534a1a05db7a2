/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/secret.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <unistd.h>

struct sp_secret {
	uint8_t *map; /* guard page, pages of the bytes, guard page */
	size_t map_len;
	uint8_t *bytes;
	size_t len;
	size_t locked; /* bytes from the first page after the guard */
};

/* Empty pages for n bytes and a NUL. */
static int
sp_secret_alloc(size_t n, struct sp_secret **ret_s)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	struct sp_secret *s;

	if (n > SP_SECRET_MAX)
		return SP_ERR_LIMIT;
	s = calloc(1, sizeof(*s));
	if (s == NULL)
		return SP_ERR_NOMEM;
	s->len = n;
	s->locked = (n + 1 + page - 1) / page * page;
	s->map_len = s->locked + 2 * page;
	s->map = mmap(NULL, s->map_len, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (s->map == MAP_FAILED) {
		free(s);
		return SP_ERR_NOMEM;
	}
	s->bytes = s->map + page;
	if (mprotect(s->bytes, s->locked, PROT_READ | PROT_WRITE) != 0 || mlock(s->bytes, s->locked) != 0 ||
	    madvise(s->bytes, s->locked, MADV_DONTDUMP) != 0 || madvise(s->bytes, s->locked, MADV_WIPEONFORK) != 0) {
		int saved = errno;

		(void)munmap(s->map, s->map_len);
		free(s);
		errno = saved;
		return SP_ERR_SYSTEM;
	}
	*ret_s = s;
	return 0;
}

int
sp_secret_new(const void *p, size_t n, struct sp_secret **ret_s)
{
	struct sp_secret *s;
	int r = sp_secret_alloc(n, &s);

	if (r != 0)
		return r;
	if (n > 0)
		memcpy(s->bytes, p, n);
	*ret_s = s;
	return 0;
}

int
sp_secret_read(int fd, struct sp_secret **ret_s)
{
	struct sp_secret *big = NULL;
	size_t n = 0;
	int r = sp_secret_alloc(SP_SECRET_MAX, &big);

	/* One byte more than allowed fits before the NUL's place, so that too much is noticed. */
	while (r == 0) {
		ssize_t got = read(fd, big->bytes + n, SP_SECRET_MAX + 1 - n);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			r = SP_ERR_SYSTEM;
		if (got <= 0)
			break;
		n += (size_t)got;
		if (n > SP_SECRET_MAX)
			r = SP_ERR_LIMIT;
	}
	if (r == 0) {
		if (n > 0 && big->bytes[n - 1] == '\n')
			n--;
		r = sp_secret_new(big->bytes, n, ret_s);
	}
	sp_secret_free(big);
	return r;
}

int
sp_secret_random(size_t n, struct sp_secret **ret_s)
{
	struct sp_secret *s;
	int r = sp_secret_alloc(n, &s);

	if (r != 0)
		return r;
	for (size_t done = 0; done < n;) {
		ssize_t got = getrandom(s->bytes + done, n - done, 0);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0) {
			sp_secret_free(s);
			return SP_ERR_SYSTEM;
		}
		done += (size_t)got;
	}
	*ret_s = s;
	return 0;
}

void
sp_secret_free(struct sp_secret *s)
{
	if (s == NULL)
		return;
	explicit_bzero(s->bytes, s->locked);
	(void)munmap(s->map, s->map_len);
	free(s);
}

const uint8_t *
sp_secret_data(const struct sp_secret *s)
{
	return s->bytes;
}

size_t
sp_secret_len(const struct sp_secret *s)
{
	return s->len;
}

int
sp_secret_equal(const struct sp_secret *a, const void *p, size_t n)
{
	const volatile uint8_t *x = a->bytes;
	const volatile uint8_t *y = p;
	uint8_t diff = 0;

	if (a->len != n)
		return 0;
	for (size_t i = 0; i < n; i++)
		diff |= x[i] ^ y[i];
	return diff == 0;
}
