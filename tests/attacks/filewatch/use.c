/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ways to read or write a file: `use WAY PATH`. Without a way: their names, one a line. Those that read a file print what
 * is in it; exit status 0: it was done, 2: it could not be.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *scratch = "/srv/else/scratch";

static void
need(int is_ok)
{
	if (is_ok)
		return;
	perror("use");
	exit(2);
}

static void
show(int fd)
{
	char text[4096];
	ssize_t n;

	need(fd >= 0);
	n = read(fd, text, sizeof(text));
	need(n >= 0 && write(1, text, (size_t)n) == n);
}

static void
use_open(const char *path)
{
	show((int)syscall(SYS_open, path, O_RDONLY));
}

static void
use_openat2(const char *path)
{
	struct {
		uint64_t flags, mode, resolve;
	} how = { O_RDONLY, 0, 0 };

	show((int)syscall(437, AT_FDCWD, path, &how, sizeof(how)));
}

static void
use_opath(const char *path)
{
	char name[64];
	int fd = open(path, O_PATH);

	need(fd >= 0);
	(void)snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
	show(open(name, O_RDONLY));
}

static void
use_root(const char *path)
{
	char name[4200];

	(void)snprintf(name, sizeof(name), "/proc/self/root%s", path);
	show(open(name, O_RDONLY));
}

static void
use_cwd(const char *path)
{
	char *dir = strdup(path), *slash = strrchr(dir, '/');

	*slash = '\0';
	need(chdir(dir) == 0);
	show(open(slash + 1, O_RDONLY));
}

static void
use_symlink(const char *path)
{
	char name[64];

	(void)snprintf(name, sizeof(name), "/srv/else/sym-%d", (int)getpid());
	need(symlink(path, name) == 0);
	show(open(name, O_RDONLY));
	(void)unlink(name);
}

/* Another name for it, made by somebody else: beside it is PATH.link. */
static void
use_link(const char *path)
{
	char name[4200];

	(void)path;
	(void)snprintf(name, sizeof(name), "/srv/else/linked");
	show(open(name, O_RDONLY));
}

static void
use_handle(const char *path)
{
	union {
		struct file_handle h;
		char room[sizeof(struct file_handle) + MAX_HANDLE_SZ];
	} u = { .h.handle_bytes = MAX_HANDLE_SZ };
	char *dir = strdup(path);
	int mount, at;

	*strrchr(dir, '/') = '\0';
	need(name_to_handle_at(AT_FDCWD, path, &u.h, &mount, 0) == 0);
	at = open(dir, O_RDONLY | O_DIRECTORY);
	show(open_by_handle_at(at, &u.h, O_RDONLY));
}

static void
use_mmap(const char *path)
{
	int fd = open(path, O_RDONLY);
	struct stat st;
	void *p;

	need(fd >= 0 && fstat(fd, &st) == 0);
	p = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_SHARED, fd, 0);
	need(p != MAP_FAILED && write(1, p, (size_t)st.st_size) == st.st_size);
}

static void
use_sendfile(const char *path)
{
	int fd = open(path, O_RDONLY);

	need(fd >= 0 && sendfile(1, fd, NULL, 4096) > 0);
}

static void
use_copy(const char *path)
{
	int fd = open(path, O_RDONLY), to = open(scratch, O_RDWR | O_CREAT | O_TRUNC, 0600);

	need(fd >= 0 && to >= 0 && copy_file_range(fd, NULL, to, NULL, 4096, 0) > 0);
	need(lseek(to, 0, SEEK_SET) == 0);
	show(to);
	(void)unlink(scratch);
}

/* Opened by one process, and read by another that was given the descriptor. */
static void
use_passed(const char *path)
{
	union {
		struct cmsghdr h;
		char room[CMSG_SPACE(sizeof(int))];
	} control = { 0 };
	char byte = 0;
	struct iovec iov = { &byte, 1 };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control) };
	int sv[2], fd;

	need(socketpair(AF_UNIX, SOCK_STREAM, 0, sv) == 0);
	if (fork() == 0) {
		fd = open(path, O_RDONLY);
		control.h.cmsg_level = SOL_SOCKET;
		control.h.cmsg_type = SCM_RIGHTS;
		control.h.cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(&control.h), &fd, sizeof(fd));
		need(fd >= 0 && sendmsg(sv[1], &msg, 0) == 1);
		_exit(0);
	}
	need(recvmsg(sv[0], &msg, 0) == 1);
	memcpy(&fd, CMSG_DATA(&control.h), sizeof(fd));
	show(fd);
}

static void *
thread_open(void *path)
{
	show(open(path, O_RDONLY));
	return NULL;
}

static void
use_thread(const char *path)
{
	pthread_t t;

	need(pthread_create(&t, NULL, thread_open, (void *)(uintptr_t)path) == 0);
	(void)pthread_join(t, NULL);
}

/* By a child that nobody waits for and that has left the session. */
static void
use_orphan(const char *path)
{
	int p[2];
	char c;

	need(pipe(p) == 0);
	if (fork() == 0) {
		if (fork() == 0) {
			(void)setsid();
			show(open(path, O_RDONLY));
			_exit(0);
		}
		_exit(0);
	}
	(void)wait(NULL);
	(void)close(p[1]);
	(void)read(p[0], &c, 1);
}

static void
use_vfork(const char *path)
{
	pid_t pid = vfork();

	if (pid == 0) {
		show(open(path, O_RDONLY));
		_exit(0);
	}
	(void)waitpid(pid, NULL, 0);
}

/* Without reading or writing by descriptor: into memory that is the file's. */
static void
use_write_mmap(const char *path)
{
	int fd = open(path, O_RDWR);
	char *p;

	need(fd >= 0);
	p = mmap(NULL, 1, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	need(p != MAP_FAILED);
	(void)close(fd);
	*p = 'W';
	need(munmap(p, 1) == 0);
}

static void
use_write_killed(const char *path)
{
	int fd = open(path, O_WRONLY);

	need(fd >= 0 && write(fd, "W", 1) == 1);
	(void)kill(getpid(), SIGKILL);
}

static void
use_write_truncate(const char *path)
{
	need(open(path, O_WRONLY | O_TRUNC) >= 0);
}

static void
use_write_append(const char *path)
{
	int fd = open(path, O_WRONLY | O_APPEND);

	need(fd >= 0 && write(fd, "W", 1) == 1);
}

static void
use_write_splice(const char *path)
{
	int fd = open(path, O_WRONLY), p[2];

	need(fd >= 0 && pipe(p) == 0 && write(p[1], "W", 1) == 1);
	need(splice(p[0], NULL, fd, NULL, 1, 0) == 1);
}

static const struct {
	const char *name;
	void (*use)(const char *path);
} ways[] = { { "open", use_open }, { "openat2", use_openat2 }, { "opath", use_opath }, { "root", use_root }, { "cwd", use_cwd },
	{ "symlink", use_symlink }, { "link", use_link }, { "handle", use_handle }, { "mmap", use_mmap },
	{ "sendfile", use_sendfile }, { "copy", use_copy }, { "passed", use_passed }, { "thread", use_thread },
	{ "orphan", use_orphan }, { "vfork", use_vfork }, { "write-mmap", use_write_mmap }, { "write-killed", use_write_killed },
	{ "write-truncate", use_write_truncate }, { "write-append", use_write_append }, { "write-splice", use_write_splice } };

/* Opens FOLDER/0 to FOLDER/N-1 one behind the other, by making them. */
static int
many(const char *folder, long n)
{
	char name[4200];
	int fd;

	for (long i = 0; i < n; i++) {
		(void)snprintf(name, sizeof(name), "%s/%ld", folder, i);
		fd = open(name, O_WRONLY | O_CREAT, 0600);
		need(fd >= 0);
		(void)close(fd);
	}
	return 0;
}

int
main(int argc, char **argv)
{
	if (argc == 4 && strcmp(argv[1], "many") == 0)
		return many(argv[2], strtol(argv[3], NULL, 10));
	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		if (argc < 3)
			(void)printf("%s\n", ways[i].name);
		else if (strcmp(argv[1], ways[i].name) == 0)
			ways[i].use(argv[2]);
	}
	return 0;
}
