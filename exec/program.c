/* SPDX-License-Identifier: Apache-2.0 */
#include "exec/program.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "exec/rights.h"
#include "exec/steady.h"

#define SELF "/proc/self/exe"

/* Of this machine, found once. */
static struct {
	unsigned short machine;
	unsigned char class;
	dev_t loader_dev;
	ino_t loader_ino;
} native;

/* --- what the machine is ---------------------------------------------------------------------------------- */

int
sp_program_init(void)
{
	Elf64_Ehdr head;
	Elf64_Phdr part;
	char path[PATH_MAX];
	struct stat st;
	int fd = open(SELF, O_RDONLY | O_CLOEXEC), i, r = SP_ERR_SYSTEM;

	if (fd < 0)
		return r;
	if (pread(fd, &head, sizeof(head), 0) != (ssize_t)sizeof(head) || head.e_ident[EI_CLASS] != ELFCLASS64)
		goto out;
	native.machine = head.e_machine;
	native.class = head.e_ident[EI_CLASS];
	for (i = 0; i < head.e_phnum; i++) {
		off_t at = (off_t)head.e_phoff + (off_t)i * head.e_phentsize;

		if (pread(fd, &part, sizeof(part), at) != (ssize_t)sizeof(part))
			goto out;
		if (part.p_type != PT_INTERP || part.p_filesz == 0 || part.p_filesz > sizeof(path))
			continue;
		if (pread(fd, path, part.p_filesz, (off_t)part.p_offset) != (ssize_t)part.p_filesz ||
		    path[part.p_filesz - 1] != '\0' || stat(path, &st) != 0)
			goto out;
		native.loader_dev = st.st_dev;
		native.loader_ino = st.st_ino;
	}
	r = 0;
out:
	(void)close(fd);
	return r;
}

/* By identity, and other C libraries' by what they are called. */
static bool
is_loader(const struct sp_resolved *f)
{
	const char *base = strrchr(f->path, '/');

	if (f->st.st_dev == native.loader_dev && f->st.st_ino == native.loader_ino)
		return true;
	return base != NULL && (strncmp(base, "/ld-", 4) == 0 || strncmp(base, "/ld.so", 6) == 0);
}

/* --- words ------------------------------------------------------------------------------------------------- */

static int
words_put(struct sp_words *w, const char *s, size_t cap)
{
	size_t n = strlen(s) + 1;

	if (w->len + n > cap)
		return E2BIG;
	memcpy(w->bytes + w->len, s, n);
	w->len += n;
	w->n++;
	return 0;
}

/* The words a script's interpreter gets: its name, its argument, the script, and all but the first of before. */
static int
words_shift(struct sp_words *w, const char *name, const char *arg, const char *script)
{
	size_t first = strlen(w->bytes) + 1;
	size_t cap = w->len + strlen(name) + strlen(arg) + strlen(script) + 3;
	struct sp_words new = { .bytes = malloc(cap) };
	int r = new.bytes == NULL ? ENOMEM : 0;

	if (r == 0)
		r = words_put(&new, name, cap);
	if (r == 0 && arg[0] != '\0')
		r = words_put(&new, arg, cap);
	if (r == 0)
		r = words_put(&new, script, cap);
	if (r != 0) {
		free(new.bytes);
		return r;
	}
	memcpy(new.bytes + new.len, w->bytes + first, w->len - first);
	new.len += w->len - first;
	new.n += w->n - 1;
	free(w->bytes);
	*w = new;
	return 0;
}

static int
words_copy(const struct sp_words *w, struct sp_words *ret_copy)
{
	char *p = malloc(w->len);

	if (p == NULL)
		return ENOMEM;
	memcpy(p, w->bytes, w->len);
	*ret_copy = (struct sp_words){ .bytes = p, .len = w->len, .n = w->n };
	return 0;
}

/* --- what a file is ---------------------------------------------------------------------------------------- */

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t';
}

bool
sp_program_shebang(const char *head, char *name, char *arg)
{
	char line[SP_PROGRAM_HEAD + 1];
	size_t n, i;

	name[0] = arg[0] = '\0';
	if (head[0] != '#' || head[1] != '!')
		return false;
	memcpy(line, head + 2, SP_PROGRAM_HEAD - 2);
	line[SP_PROGRAM_HEAD - 2] = '\0';
	n = strcspn(line, "\n");
	if (n == SP_PROGRAM_HEAD - 2)
		return false; /* the line does not end here: the kernel would cut it, so who knows what is meant */
	line[n] = '\0';
	n = strlen(line);
	while (n > 0 && is_blank(line[n - 1]))
		line[--n] = '\0';
	i = strspn(line, " \t");
	if (line[i] == '\0')
		return false;
	n = strcspn(line + i, " \t");
	memcpy(name, line + i, n);
	name[n] = '\0';
	i += n;
	i += strspn(line + i, " \t");
	(void)snprintf(arg, SP_PROGRAM_HEAD, "%s", line + i);
	return true;
}

enum image { IMAGE_NATIVE, IMAGE_SCRIPT, IMAGE_OTHER };

/* Open for reading, as it was found. -1: it cannot be. */
static int
image_open(const struct sp_resolved *f)
{
	char link[48];
	struct stat st;
	int fd;

	if (f->fd >= 0) {
		(void)snprintf(link, sizeof(link), "/proc/self/fd/%d", f->fd);
		return sp_rights_open(AT_FDCWD, link, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	}
	fd = sp_rights_open(AT_FDCWD, f->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW);
	if (fd >= 0 && (fstat(fd, &st) != 0 || st.st_dev != f->st.st_dev || st.st_ino != f->st.st_ino)) {
		(void)close(fd);
		return -1;
	}
	return fd;
}

/* The file's first bytes, the rest zero. Regular files only: nothing else is ever opened. */
static int
image_head(const struct sp_resolved *f, char head[SP_PROGRAM_HEAD])
{
	const char *known = f->is_steady_file ? sp_steady_head(&f->st, (int64_t)time(NULL)) : NULL;
	ssize_t n;
	int fd;

	if (known != NULL) {
		memcpy(head, known, SP_PROGRAM_HEAD);
		return 0;
	}
	memset(head, 0, SP_PROGRAM_HEAD);
	if (!S_ISREG(f->st.st_mode))
		return EACCES;
	fd = image_open(f);
	if (fd < 0)
		return EACCES;
	n = pread(fd, head, SP_PROGRAM_HEAD, 0);
	(void)close(fd);
	if (n < 0)
		return EIO;
	if (f->is_steady_file)
		sp_steady_put_head(&f->st, head, (int64_t)time(NULL));
	return 0;
}

static enum image
image_kind(const char head[SP_PROGRAM_HEAD])
{
	Elf64_Ehdr elf;

	if (head[0] == '#' && head[1] == '!')
		return IMAGE_SCRIPT;
	memcpy(&elf, head, sizeof(elf));
	return memcmp(elf.e_ident, ELFMAG, SELFMAG) == 0 && elf.e_ident[EI_CLASS] == native.class &&
		elf.e_machine == native.machine
	    ? IMAGE_NATIVE
	    : IMAGE_OTHER;
}

/* --- the chain ---------------------------------------------------------------------------------------------- */

/* What is found of a file in the chain; what it means for a script needs its name to stay what it is. */
static void
chain_facts(struct sp_program *p, bool is_script)
{
	const struct sp_resolved *f = &p->image;

	if (f->is_gone)
		p->facts |= SP_IPC_EXEC_NAMELESS;
	if (is_script ? !f->is_steady : !f->is_steady_file)
		p->facts |= SP_IPC_EXEC_WRITABLE;
	if (!is_script && is_loader(f))
		p->facts |= SP_IPC_EXEC_LOADER;
	if (!is_script && (f->st.st_mode & (S_ISUID | S_ISGID)) != 0)
		p->facts |= SP_IPC_EXEC_SETID;
}

/* The interpreter of the script in p->image, in its place. */
static int
chain_next(struct sp_program *p, const struct sp_target *t, const char *head, char *script)
{
	char name[SP_PROGRAM_HEAD], arg[SP_PROGRAM_HEAD];
	int cwd = -1, r;

	if (!sp_program_shebang(head, name, arg))
		return ENOEXEC;
	r = words_shift(&p->words, name, arg, script);
	if (r != 0)
		return r;
	(void)snprintf(script, PATH_MAX, "%s", name);
	sp_resolved_clear(&p->image);
	if (name[0] != '/') {
		cwd = sp_rights_open(t->dir, "cwd", O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (cwd < 0)
			return ENOENT;
	}
	r = sp_rights_become(t) == 0 ? sp_resolve(t, cwd, name, false, &p->image) : EACCES;
	if (cwd >= 0)
		(void)close(cwd);
	return r;
}

static int
chain_run(struct sp_program *p, const struct sp_target *t)
{
	char head[SP_PROGRAM_HEAD], script[PATH_MAX];
	unsigned depth;
	int r = words_copy(&p->argv, &p->words);

	(void)snprintf(script, sizeof(script), "%s", p->given);
	for (depth = 0; r == 0; depth++) {
		r = image_head(&p->image, head);
		if (r != 0)
			break;
		if (image_kind(head) != IMAGE_SCRIPT) {
			chain_facts(p, false);
			if (depth > 0)
				(void)snprintf(p->interpreter, sizeof(p->interpreter), "%s", p->image.path);
			return image_kind(head) == IMAGE_NATIVE ? 0 : ENOEXEC;
		}
		p->facts |= SP_IPC_EXEC_SCRIPT;
		chain_facts(p, true);
		r = depth == SP_PROGRAM_CHAIN_MAX ? ELOOP : chain_next(p, t, head, script);
	}
	return r;
}

/* --- all ------------------------------------------------------------------------------------------------------ */

static int
read_start(const struct sp_target *t, int fd, int *ret_start)
{
	char name[32];

	if (fd == AT_FDCWD)
		(void)snprintf(name, sizeof(name), "cwd");
	else
		(void)snprintf(name, sizeof(name), "fd/%d", fd);
	*ret_start = sp_rights_open(t->dir, name, O_PATH | O_CLOEXEC);
	if (*ret_start >= 0)
		return 0;
	return fd == AT_FDCWD ? ENOENT : EBADF;
}

static int
read_file(struct sp_program *p, const struct sp_target *t, int fd, unsigned flags)
{
	bool nofollow = (flags & AT_SYMLINK_NOFOLLOW) != 0;
	int start = -1, r = 0;

	if ((flags & ~(unsigned)(AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW)) != 0)
		return EINVAL;
	if (p->given[0] == '\0' && (flags & AT_EMPTY_PATH) == 0)
		return ENOENT;
	if (p->given[0] != '/')
		r = read_start(t, fd, &start);
	if (r == 0)
		r = sp_rights_become(t) == 0 ? sp_resolve(t, start, p->given, nofollow, &p->image) : EACCES;
	if (start >= 0)
		(void)close(start);
	return r;
}

int
sp_program_read(struct sp_target *t, long nr, const uint64_t args[6], struct sp_program *ret_p)
{
	struct sp_program *p = ret_p;
	bool is_at = nr == SYS_execveat;
	int fd = is_at ? (int)(uint32_t)args[0] : AT_FDCWD, r;

	memset(p, 0, sizeof(*p));
	p->image.fd = -1;
	r = sp_target_string(t, args[is_at ? 1 : 0], p->given, sizeof(p->given));
	if (r == 0)
		r = sp_target_words(t, args[is_at ? 2 : 1], &p->argv);
	if (r != 0)
		return r;
	if (!sp_target_is_here(t)) {
		p->facts |= SP_IPC_EXEC_ELSEWHERE;
		(void)snprintf(p->path, sizeof(p->path), "%s", p->given);
		return 0;
	}
	r = read_file(p, t, fd, is_at ? (unsigned)args[4] : 0);
	if (r != 0)
		return r;
	if (S_ISDIR(p->image.st.st_mode))
		return EACCES;
	(void)snprintf(p->path, sizeof(p->path), "%s", p->image.path);
	r = chain_run(p, t);
	/* Its interpreter would open /dev/fd/N, and N may be another file by then. */
	if (r == 0 && (p->facts & SP_IPC_EXEC_SCRIPT) != 0 && is_at && fd != AT_FDCWD && p->given[0] != '/')
		p->facts |= SP_IPC_EXEC_BY_DESCRIPTOR;
	return r;
}

bool
sp_program_is(const struct sp_program *p, int proc, pid_t pid)
{
	char name[32];
	char *shown = malloc(p->words.len + 1);
	struct stat st;
	size_t have = 0;
	ssize_t n = 1;
	int fd;
	bool is_same;

	(void)snprintf(name, sizeof(name), "%d/exe", (int)pid);
	is_same = shown != NULL && fstatat(proc, name, &st, 0) == 0 && st.st_dev == p->image.st.st_dev &&
	    st.st_ino == p->image.st.st_ino;
	(void)snprintf(name, sizeof(name), "%d/cmdline", (int)pid);
	fd = is_same ? sp_rights_open(proc, name, O_RDONLY | O_CLOEXEC) : -1;
	while (fd >= 0 && n > 0 && have < p->words.len + 1) {
		n = read(fd, shown + have, p->words.len + 1 - have);
		if (n > 0)
			have += (size_t)n;
	}
	is_same = fd >= 0 && n == 0 && have == p->words.len && memcmp(shown, p->words.bytes, have) == 0;
	if (fd >= 0)
		(void)close(fd);
	free(shown);
	return is_same;
}

void
sp_program_clear(struct sp_program *p)
{
	sp_words_clear(&p->argv);
	sp_words_clear(&p->words);
	sp_resolved_clear(&p->image);
}
