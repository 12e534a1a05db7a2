/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Each profile is a list of groups of rules; a call in no group kills. To give a
 * program one more call, put it in that program's own group with the reason.
 * Never in any profile: execve, fork, ptrace (but for the supervisor of shells, the least of it), io_uring, userfaultfd,
 * keyctl, bpf, perf, mount, namespaces, set*id, executable memory.
 */
#include "runtime/sandbox_profiles.h"

#include <fcntl.h>
#include <linux/netlink.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <sys/fanotify.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <termios.h>

/* One thought a line, not one call. */
/* clang-format off */
#define ALLOW(name) {SP_SANDBOX_ALLOW, SCMP_SYS(name), 0, 0, 0}
#define ALLOW_IF(name, arg, mask, value) {SP_SANDBOX_ALLOW_IF, SCMP_SYS(name), arg, mask, value}
#define ALLOW_INT(name, arg, value) {SP_SANDBOX_ALLOW_IF, SCMP_SYS(name), arg, SP_SANDBOX_INT_BITS, value}
#define ALLOW_NETLINK(protocol) {SP_SANDBOX_ALLOW_IF2, SCMP_SYS(socket), 0, SP_SANDBOX_INT_BITS, AF_NETLINK, 2, protocol}
#define NOSYS(name) {SP_SANDBOX_NOSYS, SCMP_SYS(name), 0, 0, 0}
#define END {0}

/* Every program: memory without execution, time, signals to itself, and what it has open. */
static const struct sp_sandbox_rule base[] = {
	ALLOW(read), ALLOW(readv), ALLOW(write), ALLOW(writev), ALLOW(close), ALLOW(lseek),
	ALLOW(fstat), ALLOW(newfstatat), ALLOW(statx), ALLOW(fcntl), ALLOW(dup), ALLOW(dup2), ALLOW(dup3),
	ALLOW(poll), ALLOW(ppoll), ALLOW(select), ALLOW(pselect6),
	ALLOW(brk), ALLOW(munmap), ALLOW(mremap), ALLOW(madvise), ALLOW(mlock), ALLOW(mlock2), ALLOW(munlock),
	ALLOW_IF(mmap, 2, PROT_EXEC, 0), ALLOW_IF(mprotect, 2, PROT_EXEC, 0),
	ALLOW(futex), ALLOW(set_robust_list), ALLOW(rseq), ALLOW(membarrier), ALLOW(sched_yield),
	ALLOW(sched_getaffinity), /* libc counts processors for its arenas */
	ALLOW(rt_sigaction), ALLOW(rt_sigprocmask), ALLOW(rt_sigreturn), ALLOW(sigaltstack), ALLOW(restart_syscall),
	ALLOW(clock_gettime), ALLOW(clock_getres), ALLOW(clock_nanosleep), ALLOW(nanosleep), ALLOW(gettimeofday),
	ALLOW(time), ALLOW(getrandom),
	ALLOW(getpid), ALLOW(gettid), ALLOW(getppid), ALLOW(getuid), ALLOW(geteuid), ALLOW(getgid), ALLOW(getegid),
	ALLOW(getresuid), ALLOW(getresgid), ALLOW(uname), ALLOW(sysinfo), ALLOW(getrusage), ALLOW(times),
	ALLOW(getrlimit), ALLOW_IF(prlimit64, 2, UINT64_MAX, 0), /* reading only */
	ALLOW(exit), ALLOW(exit_group),
	ALLOW_INT(prctl, 0, PR_GET_SECCOMP), ALLOW_INT(prctl, 0, PR_GET_DUMPABLE), ALLOW_INT(prctl, 0, PR_SET_NAME),
	ALLOW_INT(ioctl, 1, FIONREAD), ALLOW_INT(ioctl, 1, FIONBIO), ALLOW_INT(ioctl, 1, TCGETS), /* isatty(3) */
	NOSYS(clone3), NOSYS(openat2), /* their arguments are in memory, where no filter can look */
	END,
};

/* Looking at files that Landlock leaves readable. */
static const struct sp_sandbox_rule files_read[] = {
	ALLOW_IF(open, 1, O_ACCMODE | O_CREAT | O_TRUNC, O_RDONLY),
	ALLOW_IF(openat, 2, O_ACCMODE | O_CREAT | O_TRUNC, O_RDONLY),
	ALLOW(pread64), ALLOW(preadv), ALLOW(stat), ALLOW(lstat), ALLOW(access), ALLOW(faccessat), ALLOW(faccessat2),
	ALLOW(readlink), ALLOW(readlinkat), ALLOW(getdents64), ALLOW(getcwd), ALLOW(statfs), ALLOW(fstatfs),
	ALLOW(fadvise64),
	END,
};

/* Owning files, beneath the writable paths of Landlock. */
static const struct sp_sandbox_rule files_write[] = {
	ALLOW(open), ALLOW(openat), ALLOW(pwrite64), ALLOW(pwritev), ALLOW(ftruncate), ALLOW(fallocate),
	ALLOW(fsync), ALLOW(fdatasync), ALLOW(sync_file_range), ALLOW(msync), ALLOW(flock),
	ALLOW(mkdir), ALLOW(mkdirat), ALLOW(rmdir), ALLOW(unlink), ALLOW(unlinkat), ALLOW(rename), ALLOW(renameat),
	ALLOW(renameat2), ALLOW(link), ALLOW(linkat), ALLOW(fchmod), ALLOW(chmod), ALLOW(fchmodat), ALLOW(umask),
	ALLOW(utimensat),
	END,
};

/* An event loop. */
static const struct sp_sandbox_rule loop[] = {
	ALLOW(epoll_create1), ALLOW(epoll_create), ALLOW(epoll_ctl), ALLOW(epoll_wait), ALLOW(epoll_pwait),
	ALLOW(epoll_pwait2), ALLOW(eventfd2), ALLOW(timerfd_create), ALLOW(timerfd_settime), ALLOW(timerfd_gettime),
	ALLOW(signalfd4), ALLOW(pipe2), ALLOW(pipe),
	END,
};

/* Talking on local sockets, with descriptors; syslog connects again by these too. */
static const struct sp_sandbox_rule local[] = {
	ALLOW_INT(socket, 0, AF_UNIX), ALLOW(connect), ALLOW(shutdown),
	ALLOW(sendto), ALLOW(sendmsg), ALLOW(recvfrom), ALLOW(recvmsg),
	ALLOW(getsockopt), ALLOW(setsockopt), ALLOW(getsockname), ALLOW(getpeername),
	END,
};

/* Serving a listening socket that was bound before, and asking the kernel who is there (runtime/cred.h). */
static const struct sp_sandbox_rule serve[] = {
	ALLOW(accept4), ALLOW(accept), ALLOW(pidfd_open), ALLOW_INT(pidfd_send_signal, 1, 0), /* signal 0: is it alive */
	END,
};

/* Reaching out over the network. */
static const struct sp_sandbox_rule network[] = {
	ALLOW_INT(socket, 0, AF_INET), ALLOW_INT(socket, 0, AF_INET6),
	ALLOW_NETLINK(NETLINK_ROUTE),	  /* getaddrinfo(3) asks which address families are up */
	ALLOW(bind),			  /* the same; TCP ports are shut by Landlock */
	ALLOW(sendmmsg), ALLOW(recvmmsg), /* the DNS client asks for A and AAAA at once */
	END,
};

/* Threads of this process, never a new process. */
static const struct sp_sandbox_rule threads[] = {
	ALLOW_IF(clone, 0, CLONE_THREAD | CLONE_VM, CLONE_THREAD | CLONE_VM),
	END,
};

/* libcurl wakes its own loop and its resolver thread through these. */
static const struct sp_sandbox_rule identity_own[] = {
	ALLOW_INT(socketpair, 0, AF_UNIX),
	END,
};

/* Reads the policy directory and watches it; makes the memfds of policy images. */
static const struct sp_sandbox_rule control_own[] = {
	ALLOW(inotify_init1), ALLOW(inotify_add_watch), ALLOW(inotify_rm_watch), ALLOW(memfd_create),
	ALLOW(fchown), /* SQLite gives its journal the owner of the database */
	END,
};

/* Terminals of sessions: sizes and modes; not TIOCSTI, and no new ptys. */
static const struct sp_sandbox_rule session_own[] = {
	ALLOW_INT(ioctl, 1, TIOCGWINSZ), ALLOW_INT(ioctl, 1, TIOCSWINSZ),
	ALLOW_INT(ioctl, 1, TCSETS), ALLOW_INT(ioctl, 1, TCSETSW), ALLOW_INT(ioctl, 1, TCSETSF),
	ALLOW(memfd_create), ALLOW(ftruncate), ALLOW(pwrite64), /* scratch of its own */
	ALLOW_INT(socketpair, 0, AF_UNIX), /* the channel of a transport to a target host, or with sallyport-exec */
	ALLOW(fdatasync), /* of a copy for quarantine, on the descriptor that sallyportd made */
	ALLOW(fchmod),						 /* of a program's pipes (session-agent/relay.c) */
	END,
};

/* The kernel's audit socket; CAP_AUDIT_WRITE decides what it takes. */
static const struct sp_sandbox_rule audit_own[] = {
	ALLOW_NETLINK(NETLINK_AUDIT), ALLOW(bind),
	END,
};

/*
 * Holds the execs of a shell (exec/supervisor.c): takes hold of a process, lets it go, kills it, and no more of ptrace,
 * which is neither its memory's nor its registers'; looks at files with the rights of who asks. Does for it what it may
 * do with its sockets (exec/reach.h; what sendmmsg says it has sent is in its memory), as the effective user it is; our real one, by which signals are let through, stays.
 */
static const struct sp_sandbox_rule supervisor_own[] = {
	ALLOW_INT(ptrace, 0, PTRACE_SEIZE), ALLOW_INT(ptrace, 0, PTRACE_INTERRUPT), ALLOW_INT(ptrace, 0, PTRACE_DETACH),
	ALLOW_INT(ptrace, 0, PTRACE_GETEVENTMSG), ALLOW_INT(kill, 1, SIGKILL), ALLOW_INT(kill, 1, SIGSTOP), ALLOW(wait4),
	ALLOW_INT(ioctl, 1, SECCOMP_IOCTL_NOTIF_RECV), ALLOW_INT(ioctl, 1, SECCOMP_IOCTL_NOTIF_SEND),
	ALLOW_INT(ioctl, 1, SECCOMP_IOCTL_NOTIF_ID_VALID), ALLOW_INT(seccomp, 0, SECCOMP_GET_NOTIF_SIZES),
	ALLOW(setfsuid), ALLOW(setfsgid), ALLOW(setgroups), ALLOW(capget), ALLOW(capset), ALLOW(signalfd4),
	ALLOW(pidfd_open), ALLOW(pidfd_getfd), ALLOW(listen), ALLOW(setitimer), ALLOW(process_vm_readv), ALLOW(process_vm_writev),
	ALLOW_INT(setresuid, 0, 0xffffffff), ALLOW_INT(setresgid, 0, 0xffffffff),
	END,
};

/* Sees which files a shell uses (exec/watcher.c): to watch what is mounted later is all it can do beyond looking. */
static const struct sp_sandbox_rule watcher_own[] = {
	ALLOW_INT(fanotify_mark, 1, FAN_MARK_ADD | FAN_MARK_MOUNT),
	END,
};

/* clang-format on */

#define PATHS_ALWAYS "/dev/null", "/dev/urandom", "/etc/localtime", "/usr/share/zoneinfo"
#define PATHS_RESOLVER                                                                                    \
	"/etc/resolv.conf", "/run/systemd/resolve", "/etc/hosts", "/etc/host.conf", "/etc/nsswitch.conf", \
	    "/etc/gai.conf", "/etc/services", "/etc/protocols"
#define PATHS_TLS \
	"/etc/ssl", "/usr/share/ca-certificates", "/usr/local/share/ca-certificates", "/etc/pki", "/usr/lib/ssl"
#define PATH_TARGET_CA (SP_SYSCONFDIR "/ca") /* the CAs of targets that policy names */
#define PATH_PEERS "/proc"		   /* the audit session of a peer */

static const struct sp_sandbox_rule *const authkeys_groups[] = {base, files_read, local, NULL};
static const char *const authkeys_paths[] = {PATHS_ALWAYS, NULL};

static const struct sp_sandbox_rule *const identity_groups[] = {base, files_read, files_write, loop, local, serve,
    network, threads, identity_own, NULL}; /* libcurl resolves names in a thread */
static const char *const identity_paths[] = {PATHS_ALWAYS, PATHS_RESOLVER, PATHS_TLS, PATH_PEERS, NULL};

static const struct sp_sandbox_rule *const control_groups[] = {
    base, files_read, files_write, loop, local, serve, threads, control_own, NULL};
static const char *const control_paths[] = {PATHS_ALWAYS, PATH_PEERS, NULL};

static const struct sp_sandbox_rule *const recorder_groups[] = {
    base, files_read, files_write, loop, local, serve, threads, NULL}; /* fsync in a thread */
static const char *const recorder_paths[] = {PATHS_ALWAYS, PATH_PEERS, NULL};

static const struct sp_sandbox_rule *const session_groups[] = {
    base, files_read, loop, local, serve, network, threads, session_own, NULL}; /* names are resolved in a thread */
static const char *const session_paths[] = {PATHS_ALWAYS, PATHS_RESOLVER, PATHS_TLS, PATH_TARGET_CA, PATH_PEERS, NULL};

static const struct sp_sandbox_rule *const audit_groups[] = {base, files_read, local, audit_own, NULL};
static const char *const audit_paths[] = {PATHS_ALWAYS, NULL};

static const struct sp_sandbox_rule *const supervisor_groups[] = {base, files_read, local, supervisor_own, NULL};
static const char *const supervisor_paths[] = {NULL}; /* all */

static const struct sp_sandbox_rule *const watcher_groups[] = {base, files_read, local, watcher_own, NULL};

const struct sp_sandbox_table *
sp_sandbox_table(enum sp_sandbox_profile profile)
{
	static const struct sp_sandbox_table tables[] = {
	    [SP_SANDBOX_AUTHKEYS] = {"authkeys", authkeys_groups, authkeys_paths, false, false},
	    [SP_SANDBOX_IDENTITY] = {"identity", identity_groups, identity_paths, true, false},
	    [SP_SANDBOX_CONTROL] = {"control", control_groups, control_paths, false, false},
	    [SP_SANDBOX_RECORDER] = {"recorder", recorder_groups, recorder_paths, false, false},
	    [SP_SANDBOX_SESSION] = {"session", session_groups, session_paths, true, false},
	    [SP_SANDBOX_AUDIT] = {"audit", audit_groups, audit_paths, false, false},
	    [SP_SANDBOX_SUPERVISOR] = {"supervisor", supervisor_groups, supervisor_paths, false, true},
	    [SP_SANDBOX_WATCHER] = {"watcher", watcher_groups, supervisor_paths, false, true},
	};

	if ((unsigned)profile >= sizeof(tables) / sizeof(tables[0]))
		return NULL;
	return &tables[profile];
}
