/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a command line really runs, for tests/attacks/argv. Two programs in one, inside of a sandbox made by the test:
 *
 *  shell_witness --drive SHELL DIR   runs each line of stdin (ended by NUL) with SHELL -c in the folder DIR and writes
 *                                    to stdout what was executed, and after each line a NUL and its number as a record
 *  any other name                    logs its name and arguments to /log/log; goes on as /real/NAME if there is that
 *
 * A record is the path executed and the arguments, each ended by NUL, and a record separator (0x1e).
 */
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define WITNESS_LOG "/log/log"
#define WITNESS_SECONDS 2
#define WITNESS_RECORD_MAX 65536

static int
stub(char **argv)
{
	static const char files[] = "one\ntwo words\n-three\n";
	const char *path = (const char *)getauxval(AT_EXECFN), *base = strrchr(path, '/');
	int fd = open(WITNESS_LOG, O_WRONLY | O_APPEND | O_CLOEXEC);
	char record[WITNESS_RECORD_MAX], real[512];
	size_t n = 0;

	base = base == NULL ? path : base + 1;
	for (int i = -1; i < 0 || argv[i] != NULL; i++) {
		const char *s = i < 0 ? path : argv[i];
		size_t len = strlen(s) + 1;

		if (n + len + 1 > sizeof(record))
			break;
		memcpy(record + n, s, len);
		n += len;
	}
	record[n++] = 0x1e;
	if (fd < 0 || write(fd, record, n) != (ssize_t)n)
		return 126;
	(void)snprintf(real, sizeof(real), "/real/%s", base);
	(void)execv(real, argv);
	if (strcmp(base, "ls") == 0 || strcmp(base, "cat") == 0 || strcmp(base, "base64") == 0)
		(void)!write(1, files, sizeof(files) - 1);
	return 0;
}

/* Starts each line from the same place: an empty folder, an empty log, nobody left running. */
static void
clean(const char *dir)
{
	DIR *d = opendir(dir);
	const struct dirent *e;

	while (d != NULL && (e = readdir(d)) != NULL)
		if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
			(void)unlinkat(dirfd(d), e->d_name, 0);
	if (d != NULL)
		(void)closedir(d);
	if (truncate(WITNESS_LOG, 0) != 0 || chdir(dir) != 0)
		exit(3);
}

static void
run(const char *shell, const char *line)
{
	const struct rlimit cpu = {WITNESS_SECONDS, WITNESS_SECONDS}, size = {1 << 20, 1 << 20};
	char real[512];
	pid_t pid = fork();
	int status;

	(void)snprintf(real, sizeof(real), "/real/%s", shell);
	if (pid == 0) {
		int null = open("/dev/null", O_RDWR);

		(void)setsid();
		(void)dup2(null, 0);
		(void)dup2(null, 1);
		(void)dup2(null, 2);
		(void)setrlimit(RLIMIT_CPU, &cpu);
		(void)setrlimit(RLIMIT_FSIZE, &size);
		(void)alarm(WITNESS_SECONDS);
		(void)clearenv();
		(void)setenv("PATH", "/usr/bin:/bin", 1);
		(void)setenv("HOME", "/w", 1);
		(void)setenv("LANG", "C.UTF-8", 1);
		(void)execl(real, shell, "-c", line, (char *)NULL);
		_exit(127);
	}
	for (int i = 0; i < WITNESS_SECONDS * 200 && waitpid(pid, &status, WNOHANG) == 0; i++)
		(void)usleep(5000);
	(void)usleep(3000); /* what runs in the background begins, too */
	/* Nobody is left who could still write into the log of the next line. */
	for (int i = 0; i < WITNESS_SECONDS * 1000 && kill(-1, SIGKILL) == 0; i++) {
		while (waitpid(-1, &status, WNOHANG) > 0)
			;
		(void)usleep(1000);
	}
	while (waitpid(-1, &status, 0) > 0)
		;
}

static int
drive(const char *shell, const char *dir)
{
	char *line = NULL, log[1 << 16];
	size_t room = 0;
	ssize_t n;

	(void)signal(SIGTERM, SIG_IGN);
	for (unsigned int i = 0; getdelim(&line, &room, 0, stdin) >= 0; i++) {
		int fd;

		clean(dir);
		run(shell, line);
		fd = open(WITNESS_LOG, O_RDONLY);
		while (fd >= 0 && (n = read(fd, log, sizeof(log))) > 0)
			if (fwrite(log, 1, (size_t)n, stdout) != (size_t)n)
				return 1;
		(void)close(fd);
		(void)printf("%c%u%c", 0, i, 0x1e);
		(void)fflush(stdout);
	}
	return 0;
}

int
main(int argc, char **argv)
{
	if (argc == 4 && strcmp(argv[1], "--drive") == 0)
		return drive(argv[2], argv[3]);
	return stub(argv);
}
