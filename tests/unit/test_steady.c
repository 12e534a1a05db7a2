/* SPDX-License-Identifier: Apache-2.0 */
/* What is remembered of directories that root alone can change: never more than a walk would find. */
#include "tests/unit/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "exec/resolve.h"
#include "exec/steady.h"
#include "lib/ipc.h"

#define LATER (SP_STEADY_MS + 1)

static char dir[] = "/tmp/sallyport-steady.XXXXXX";

static const char *
in(const char *name)
{
	static char path[4][PATH_MAX];
	static unsigned turn;

	turn = (turn + 1) % 4;
	snprintf(path[turn], sizeof(path[turn]), "%s/%s", dir, name);
	return path[turn];
}

static struct sp_target
self(void)
{
	struct sp_target t;
	int proc = open("/proc", O_PATH | O_DIRECTORY);

	assert_int_equal(sp_target_open(proc, getpid(), &t), 0);
	close(proc);
	return t;
}

static const struct sp_steady_dir *
find(const char *path)
{
	return sp_steady_find(path, strlen(path), sp_ipc_now_ms());
}

/* The same of a path by what is remembered as by walking there. */
static void
same(const struct sp_target *t, const char *path, bool is_known)
{
	static struct sp_resolved walked, known;
	int a, b;

	sp_steady_forget();
	a = sp_resolve(t, -1, path, false, &walked);
	b = sp_resolve(t, -1, path, false, &known);
	assert_int_equal(a, b);
	if (a != 0)
		return;
	assert_true(walked.fd >= 0);
	assert_int_equal(known.fd < 0, is_known);
	assert_string_equal(walked.path, known.path);
	assert_int_equal(walked.st.st_ino, known.st.st_ino);
	assert_int_equal(walked.st.st_dev, known.st.st_dev);
	assert_int_equal(walked.st.st_mode, known.st.st_mode);
	assert_int_equal(walked.st.st_uid, known.st.st_uid);
	assert_int_equal(walked.st.st_gid, known.st.st_gid);
	assert_int_equal(walked.st.st_size, known.st.st_size);
	assert_int_equal(walked.st.st_nlink, known.st.st_nlink);
	assert_memory_equal(&walked.st.st_ctim, &known.st.st_ctim, sizeof(walked.st.st_ctim));
	assert_memory_equal(&walked.st.st_mtim, &known.st.st_mtim, sizeof(walked.st.st_mtim));
	assert_int_equal(walked.is_steady, known.is_steady);
	assert_int_equal(walked.is_steady_file, known.is_steady_file);
	assert_int_equal(walked.is_gone, known.is_gone);
	sp_resolved_clear(&walked);
	sp_resolved_clear(&known);
}

static void
test_same(void **state)
{
	struct sp_target t = self();
	struct sp_resolved r;

	(void)state;
	same(&t, "/usr/bin/env", true);
	same(&t, "/bin/sh", true);	       /* two links: of the directory, and of the file */
	same(&t, "/usr/bin/awk", true);	       /* to /etc/alternatives, and back */
	same(&t, "/usr/../usr/bin/env", true);
	same(&t, "/usr//bin/env", true);
	same(&t, "/usr/bin/../bin", true);
	same(&t, "/usr/bin/.", false);
	same(&t, "/usr/bin/..", false);
	same(&t, "/usr/bin/", false);
	same(&t, "/usr", false);
	same(&t, "/proc/self/exe", false);
	same(&t, "/proc/1/comm", false);
	sp_steady_forget();
	assert_int_equal(sp_resolve(&t, -1, "/usr/bin/env", false, &r), 0);
	sp_resolved_clear(&r);
	assert_non_null(find("/usr/bin"));
	assert_int_equal(sp_resolve(&t, -1, "/usr/bin/no-such-program", false, &r), ENOENT);
	assert_int_equal(sp_resolve(&t, -1, "/usr/bin/env/x", false, &r), ENOTDIR);
	assert_int_equal(sp_resolve(&t, -1, "/usr/bin/sh", true, &r), ELOOP);
	sp_target_close(&t);
}

/* Of a directory that somebody else could change, or that not everybody may search, nothing is remembered. */
static void
test_never(void **state)
{
	struct sp_target t = self();
	struct sp_resolved r;

	(void)state;
	assert_int_equal(symlink("/usr/bin", in("bin")), 0);
	assert_int_equal(symlink("/usr/bin/env", in("env")), 0);
	same(&t, in("bin/env"), false);
	assert_null(find(in("bin")));
	same(&t, in("env"), false);
	assert_null(find(dir));
	assert_int_equal(sp_resolve(&t, -1, "/etc/../tmp/", false, &r), 0);
	sp_resolved_clear(&r);
	assert_null(find("/etc/../tmp"));
	if (geteuid() == 0 && access("/root/.", F_OK) == 0 && (stat("/root", &r.st) != 0 || (r.st.st_mode & S_IXOTH) == 0)) {
		same(&t, "/root/.profile", false);
		assert_null(find("/root"));
	}
	unlink(in("bin"));
	unlink(in("env"));
	sp_target_close(&t);
}

/* What lies in a directory that is remembered is looked at each time: whose it is, and whether it is a link. */
static void
test_files_are_looked_at(void **state)
{
	struct sp_target t = self();
	struct sp_resolved r;
	struct statx st;
	int fd;

	(void)state;
	assert_int_equal(statx(AT_FDCWD, dir, 0, STATX_MNT_ID, &st), 0);
	sp_steady_forget();
	fd = open(in("file"), O_WRONLY | O_CREAT, 0755);
	assert_true(fd >= 0);
	assert_int_equal(fchmod(fd, 0777), 0);
	sp_steady_put(dir, strlen(dir), dir, open(dir, O_PATH | O_CLOEXEC), st.stx_mnt_id, sp_ipc_now_ms());
	assert_int_equal(sp_resolve(&t, -1, in("file"), false, &r), 0);
	assert_int_equal(r.fd, -1);
	assert_false(r.is_steady || r.is_steady_file);
	close(fd);
	assert_int_equal(unlink(in("file")), 0);
	assert_int_equal(sp_resolve(&t, -1, in("file"), false, &r), ENOENT);
	assert_int_equal(symlink("file", in("file")), 0);
	assert_int_equal(sp_resolve(&t, -1, in("file"), false, &r), ELOOP);
	unlink(in("file"));
	/* A name that the kernel would show of what is gone is taken for that. */
	fd = open(in("x (deleted)"), O_WRONLY | O_CREAT, 0755);
	assert_int_equal(sp_resolve(&t, -1, in("x (deleted)"), false, &r), 0);
	assert_true(r.is_gone && !r.is_steady && !r.is_steady_file);
	close(fd);
	unlink(in("x (deleted)"));
	sp_steady_forget();
	sp_target_close(&t);
}

/* --- a file system whose program says that all in it is root's -------------------------------------------------- */

static void
fuse_answer(int fd, uint64_t unique, int error, const void *p, size_t n)
{
	struct fuse_out_header h = { .len = (uint32_t)(sizeof(h) + n), .error = -error, .unique = unique };
	struct iovec parts[] = { { &h, sizeof(h) }, { (void *)(uintptr_t)p, n } };

	(void)!writev(fd, parts, n > 0 ? 2 : 1);
}

static void
fuse_serve(int fd)
{
	static char request[1 << 17];
	struct fuse_init_out init = { .major = FUSE_KERNEL_VERSION, .minor = 31, .max_write = 4096 };
	struct fuse_entry_out entry = { .nodeid = 2, .attr = { .ino = 2, .mode = S_IFREG | 0755, .nlink = 1, .size = 2 } };
	struct fuse_attr_out attr = { .attr = { .ino = 1, .mode = S_IFDIR | 0755, .nlink = 2 } };

	while (read(fd, request, sizeof(request)) > 0) {
		const struct fuse_in_header *h = (const struct fuse_in_header *)(const void *)request;

		if (h->opcode == FUSE_INIT) {
			fuse_answer(fd, h->unique, 0, &init, sizeof(init));
		} else if (h->opcode == FUSE_LOOKUP) {
			fuse_answer(fd, h->unique, 0, &entry, sizeof(entry));
		} else if (h->opcode == FUSE_GETATTR) {
			attr.attr = h->nodeid == 2 ? entry.attr : attr.attr;
			fuse_answer(fd, h->unique, 0, &attr, sizeof(attr));
		} else if (h->opcode != FUSE_FORGET && h->opcode != FUSE_BATCH_FORGET) {
			fuse_answer(fd, h->unique, ENOSYS, NULL, 0); /* STATFS too */
		}
	}
	_exit(0);
}

/* In a child with mounts of its own: what is wrong, as its exit status. */
static int
fuse_try(void)
{
	struct sp_target t;
	struct sp_resolved r;
	char options[128];
	int fd = open("/dev/fuse", O_RDWR), proc;
	pid_t server;

	if (fd < 0 || unshare(CLONE_NEWNS) != 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0)
		return 77;
	snprintf(options, sizeof(options), "fd=%d,rootmode=40000,user_id=0,group_id=0,allow_other,default_permissions", fd);
	if (mount("steady", "/mnt", "fuse.steady", 0, options) != 0)
		return 77;
	server = fork();
	if (server == 0)
		fuse_serve(fd);
	proc = open("/proc", O_PATH | O_DIRECTORY);
	if (sp_target_open(proc, getpid(), &t) != 0 || sp_resolve(&t, -1, "/mnt/tool", false, &r) != 0)
		return 1;
	(void)kill(server, SIGKILL);
	if (r.st.st_uid != 0 || (r.st.st_mode & 07777) != 0755)
		return 2; /* it does not look like root's: nothing is shown by this */
	return r.is_steady || r.is_steady_file ? 3 : find("/mnt") != NULL ? 4 : 0;
}

static void
test_programs_file_system(void **state)
{
	pid_t child;
	int status = 0;

	(void)state;
	if (geteuid() != 0 || access("/dev/fuse", R_OK | W_OK) != 0)
		skip();
	sp_steady_forget();
	child = fork();
	assert_true(child >= 0);
	if (child == 0)
		_exit(fuse_try());
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) == 77)
		skip(); /* this machine lets nobody mount one */
	assert_int_equal(WEXITSTATUS(status), 0);
}

static void
test_dirs(void **state)
{
	char path[SP_STEADY_NAME_MAX + 1];
	int64_t now = 1000;
	int fds = dup(0), i;

	(void)state;
	close(fds);
	sp_steady_forget();
	sp_steady_put("/a", 2, "/real", dup(0), 1, now);
	assert_string_equal(sp_steady_find("/a/b", 2, now)->real, "/real");
	assert_null(sp_steady_find("/a", 1, now));
	assert_null(sp_steady_find("/ab", 3, now));
	assert_null(sp_steady_find("/a", 0, now));
	assert_non_null(sp_steady_find("/a", 2, now + SP_STEADY_MS - 1));
	assert_null(sp_steady_find("/a", 2, now + SP_STEADY_MS));
	/* Again, in its place. */
	sp_steady_put("/a", 2, "/other", dup(0), 1, now + LATER);
	assert_string_equal(sp_steady_find("/a", 2, now + LATER)->real, "/other");
	/* Too long a name, or real name, is none, and its descriptor is closed. */
	memset(path, 'x', sizeof(path) - 1);
	path[sizeof(path) - 1] = '\0';
	sp_steady_put(path, SP_STEADY_NAME_MAX, "/real", dup(0), 1, now);
	assert_null(sp_steady_find(path, SP_STEADY_NAME_MAX, now));
	sp_steady_put("/b", 2, path, dup(0), 1, now);
	assert_null(sp_steady_find("/b", 2, now));
	/* The oldest goes. */
	for (i = 0; i < SP_STEADY_DIRS; i++) {
		snprintf(path, sizeof(path), "/n%d", i);
		sp_steady_put(path, strlen(path), "/real", dup(0), 1, now + LATER + 1 + i);
	}
	assert_null(sp_steady_find("/a", 2, now + LATER));
	assert_non_null(sp_steady_find("/n0", 3, now + LATER));
	sp_steady_forget();
	assert_null(sp_steady_find("/n0", 3, now + LATER));
	i = dup(0);
	assert_int_equal(i, fds); /* none was left open */
	close(i);
}

static void
test_heads(void **state)
{
	struct stat st = { .st_dev = 1, .st_ino = 7, .st_size = 10, .st_ctim = { 1000, 5 }, .st_mtim = { 900, 6 } }, other;
	char head[SP_STEADY_HEAD] = "#!/bin/sh\n";

	(void)state;
	sp_steady_forget();
	assert_null(sp_steady_head(&st, 2000));
	sp_steady_put_head(&st, head, 1000 + SP_STEADY_RACY_S); /* too young */
	assert_null(sp_steady_head(&st, 2000));
	sp_steady_put_head(&st, head, 2000);
	assert_memory_equal(sp_steady_head(&st, 2000), head, sizeof(head));
	assert_null(sp_steady_head(&st, 900)); /* the clock went back */
	other = st, other.st_ino += SP_STEADY_HEADS;
	assert_null(sp_steady_head(&other, 2000));
	other = st, other.st_dev++;
	assert_null(sp_steady_head(&other, 2000));
	other = st, other.st_size++;
	assert_null(sp_steady_head(&other, 2000));
	other = st, other.st_ctim.tv_nsec++;
	assert_null(sp_steady_head(&other, 2000));
	other = st, other.st_ctim.tv_sec++;
	assert_null(sp_steady_head(&other, 2000));
	other = st, other.st_mtim.tv_nsec++;
	assert_null(sp_steady_head(&other, 2000));
	/* An empty file is not remembered. */
	st.st_size = 0;
	sp_steady_put_head(&st, head, 2000);
	assert_null(sp_steady_head(&st, 2000));
	sp_steady_forget();
}

int
main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_same), cmocka_unit_test(test_never),
		cmocka_unit_test(test_files_are_looked_at), cmocka_unit_test(test_programs_file_system), cmocka_unit_test(test_dirs), cmocka_unit_test(test_heads) };
	int r;

	if (mkdtemp(dir) == NULL)
		return 1;
	r = cmocka_run_group_tests(tests, NULL, NULL);
	rmdir(dir);
	return r;
}
