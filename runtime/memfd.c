/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/memfd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 0x0008U /* Linux 6.3 */
#endif

#define SP_MEMFD_SEALS_FIXED (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW)
#define SP_MEMFD_SEALS_CONST (SP_MEMFD_SEALS_FIXED | F_SEAL_WRITE)

/* errno of the failure is kept for the caller. */
static int
sp_memfd_fail(int fd, int err)
{
	int saved = errno;

	(void)close(fd);
	errno = saved;
	return err;
}

/* A memfd of n zero bytes that can still be sealed. */
static int
sp_memfd_create(const char *name, size_t n, int *ret_fd)
{
	int fd;

	if (n == 0 || n > SP_MEMFD_MAX)
		return SP_ERR_LIMIT;
	fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_NOEXEC_SEAL);
	if (fd < 0 && errno == EINVAL)
		fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (fd < 0)
		return SP_ERR_SYSTEM;
	if (ftruncate(fd, (off_t)n) != 0)
		return sp_memfd_fail(fd, SP_ERR_SYSTEM);
	*ret_fd = fd;
	return 0;
}

int
sp_memfd_sealed(const char *name, const void *p, size_t n, int *ret_fd)
{
	const uint8_t *bytes = p;
	int fd, r = sp_memfd_create(name, n, &fd);

	if (r != 0)
		return r;
	for (size_t done = 0; done < n;) {
		ssize_t put = pwrite(fd, bytes + done, n - done, (off_t)done);

		if (put < 0 && errno == EINTR)
			continue;
		if (put <= 0)
			return sp_memfd_fail(fd, SP_ERR_SYSTEM);
		done += (size_t)put;
	}
	if (fcntl(fd, F_ADD_SEALS, SP_MEMFD_SEALS_CONST) != 0)
		return sp_memfd_fail(fd, SP_ERR_SYSTEM);
	*ret_fd = fd;
	return 0;
}

int
sp_memfd_map(int fd, size_t max, const void **ret_p, size_t *ret_n)
{
	int seals = fcntl(fd, F_GET_SEALS);
	struct stat st;
	void *p;

	/* Seals first: only then can the size no longer change. */
	if (seals < 0 || (seals & SP_MEMFD_SEALS_CONST) != SP_MEMFD_SEALS_CONST)
		return SP_ERR_INVALID;
	if (fstat(fd, &st) != 0)
		return SP_ERR_SYSTEM;
	if (st.st_size <= 0)
		return SP_ERR_INVALID;
	if ((uint64_t)st.st_size > max)
		return SP_ERR_LIMIT;
	p = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_SHARED, fd, 0);
	if (p == MAP_FAILED)
		return SP_ERR_SYSTEM;
	*ret_p = p;
	*ret_n = (size_t)st.st_size;
	return 0;
}

int
sp_memfd_shared(const char *name, size_t n, int *ret_fd)
{
	int fd, r = sp_memfd_create(name, n, &fd);

	if (r != 0)
		return r;
	if (fcntl(fd, F_ADD_SEALS, SP_MEMFD_SEALS_FIXED) != 0)
		return sp_memfd_fail(fd, SP_ERR_SYSTEM);
	*ret_fd = fd;
	return 0;
}

int
sp_memfd_map_shared(int fd, size_t n, void **ret_p)
{
	int seals = fcntl(fd, F_GET_SEALS);
	struct stat st;
	void *p;

	if (seals < 0 || (seals & SP_MEMFD_SEALS_FIXED) != SP_MEMFD_SEALS_FIXED || (seals & F_SEAL_WRITE) != 0)
		return SP_ERR_INVALID;
	if (fstat(fd, &st) != 0)
		return SP_ERR_SYSTEM;
	if (st.st_size < 0 || (uint64_t)st.st_size != n)
		return SP_ERR_INVALID;
	p = mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (p == MAP_FAILED)
		return SP_ERR_SYSTEM;
	*ret_p = p;
	return 0;
}
