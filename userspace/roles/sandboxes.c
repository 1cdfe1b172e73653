/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The sandbox of each process, as constants. A call stands here because the process was seen to need it; what is not here ends
 * it. Must hold no code.
 */
#include "roles/sandboxes.h"

#include <seccomp.h>
#include <sys/capability.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define CAP(name) (UINT64_C(1) << CAP_##name)
#define MIB (UINT64_C(1) << 20)
#define SYS(name) SCMP_SYS(name)

/* bpffs for pins, the state directory for images; everything may be read: store roots are resolved and scanned for hard links. */
static const struct sandbox_path kernel_paths[] = {
	{ "/", false }, { "/sys/fs/bpf", true }, { "/proc/self/fd/4", true },
};

#define KERNEL_CALLS \
	SYS(bpf), SYS(openat), SYS(openat2), SYS(open), SYS(statx), SYS(stat), SYS(lstat), SYS(access), SYS(faccessat), SYS(faccessat2), \
	SYS(readlink), SYS(readlinkat), SYS(getdents64), SYS(statfs), SYS(fstatfs), SYS(ioctl), SYS(memfd_create), SYS(ftruncate), \
	SYS(mkdir), SYS(mkdirat), SYS(rmdir), SYS(unlink), SYS(unlinkat), SYS(rename), SYS(renameat), SYS(renameat2), SYS(linkat), SYS(fsync), \
	SYS(fdatasync), SYS(fchmod), SYS(pidfd_open), SYS(prlimit64), SYS(getrlimit), SYS(setrlimit), SYS(getcpu), SYS(sysinfo), \
	SYS(getcwd), SYS(arch_prctl), SYS(dup3), SYS(fadvise64), SYS(pidfd_send_signal)

static const int kernel_calls[] = { KERNEL_CALLS };

/*
 * CAP_KILL and pidfd_send_signal: `on-tighten kill` ends processes of any user, whose mappings no hook can take back; the filter has no
 * other call that sends a signal. CAP_DAC_READ_SEARCH: a store's directories are anybody's. Attaching LSM programs needs CAP_BPF and
 * CAP_PERFMON; the program on device nodes is one of control groups and needs CAP_NET_ADMIN, which without a socket does nothing else.
 */
const struct sandbox sandbox_kernel = {
	.role = "polyward-kernel",
	.caps_keep = CAP(BPF) | CAP(PERFMON) | CAP(NET_ADMIN) | CAP(DAC_READ_SEARCH) | CAP(KILL),
	.fs = SANDBOX_FS_PATHS,
	.paths = kernel_paths, .paths_count = COUNT(kernel_paths),
	.syscalls = kernel_calls, .syscalls_count = COUNT(kernel_calls),
	.limit_files = 4096, /* every store of a policy is open while it is staged */
};

#define CONTROL_CALLS SYS(accept4), SYS(getsockopt), SYS(getpeername)

static const int control_calls[] = { CONTROL_CALLS };

const struct sandbox sandbox_control = {
	.role = "polyward-control",
	.user = "_polyward-control",
	.fs = SANDBOX_FS_NONE,
	.syscalls = control_calls, .syscalls_count = COUNT(control_calls),
	.limit_mem_bytes = 256 * MIB,
	.limit_files = 512,
};

static const struct sandbox_path audit_paths[] = {
	{ "/proc/self/fd/4", true }, { "/proc/self/fd/5", true }, { "/proc/self/fd/6", true }, { "/proc/sys/kernel/random/boot_id", false },
};

#define AUDIT_CALLS \
	SYS(openat), SYS(open), SYS(getdents64), SYS(statx), SYS(fsync), SYS(fdatasync), SYS(ftruncate), SYS(unlinkat), SYS(renameat), \
	SYS(renameat2), SYS(fchmod), SYS(fallocate), SYS(fstatfs), SYS(flock), SYS(mkdirat), SYS(syncfs), SYS(memfd_create)

static const int audit_calls[] = { AUDIT_CALLS };

const struct sandbox sandbox_audit = {
	.role = "polyward-audit",
	.user = "_polyward-audit",
	.fs = SANDBOX_FS_PATHS,
	.paths = audit_paths, .paths_count = COUNT(audit_paths),
	.syscalls = audit_calls, .syscalls_count = COUNT(audit_calls),
	.limit_mem_bytes = 1024 * MIB,
	.limit_files = 256,
};

/* The policy's directory, and what the name service and the time zones need. */
static const struct sandbox_path compile_paths[] = {
	{ "/proc/self/fd/3", false },
	{ "/etc/passwd", false }, { "/etc/group", false }, { "/etc/nsswitch.conf", false }, { "/etc/host.conf", false },
	{ "/etc/resolv.conf", false }, { "/etc/ld.so.cache", false }, { "/etc/localtime", false }, { "/etc/machine-id", false },
	{ "/etc/userdb", false }, { "/run/userdb", false }, { "/run/host/userdb", false }, { "/usr/lib/userdb", false },
	{ "/run/systemd/userdb", false }, { "/run/nscd", false }, { "/var/lib/sss", false },
	{ "/usr/share/zoneinfo", false }, { "/usr/lib", false }, { "/usr/lib64", false }, { "/lib", false }, { "/lib64", false },
	{ "/usr/local/lib", false },
};

#define COMPILE_CALLS \
	SYS(openat), SYS(openat2), SYS(open), SYS(statx), SYS(stat), SYS(access), SYS(faccessat2), SYS(readlink), SYS(readlinkat), \
	SYS(getdents64), SYS(statfs), SYS(fstatfs), SYS(prlimit64), SYS(getcwd), SYS(ftruncate), SYS(fadvise64), \
	SYS(getresuid), SYS(getresgid), SYS(getgroups), SYS(ioctl), SYS(rt_sigtimedwait), SYS(getcpu), \
	SYS(sysinfo), SYS(arch_prctl), SYS(inotify_init1), SYS(timerfd_create), SYS(timerfd_settime)

static const int compile_calls[] = { COMPILE_CALLS };

#define COMPILE_SANDBOX \
	.role = "polyward-compile", \
	.user = "nobody", \
	.fs = SANDBOX_FS_PATHS, \
	.paths = compile_paths, .paths_count = COUNT(compile_paths), \
	.syscalls = compile_calls, .syscalls_count = COUNT(compile_calls), \
	.unix_sockets = true, \
	.limit_mem_bytes = 1024 * MIB, \
	.limit_file_bytes = 80 * MIB, \
	.limit_cpu_s = 30, \
	.limit_files = 64

const struct sandbox sandbox_compile = { COMPILE_SANDBOX };
const struct sandbox sandbox_compile_root = { COMPILE_SANDBOX, .caps_keep = CAP(DAC_READ_SEARCH) };

/*
 * The supervisor starts the others, and its filter and bounding set are inherited: it allows what all of them need together and
 * what a start takes. Neither it nor anything below it can mount, load a module, trace, or touch keys.
 */
static const int supervisor_calls[] = {
	KERNEL_CALLS, CONTROL_CALLS, AUDIT_CALLS, COMPILE_CALLS,
	SYS(socketpair), SYS(clone), SYS(clone3), SYS(vfork), SYS(fork), SYS(execve), SYS(wait4), SYS(waitid), SYS(kill), SYS(pidfd_send_signal),
	SYS(signalfd4), SYS(timerfd_create), SYS(timerfd_settime), SYS(dup2), SYS(pipe2), SYS(set_tid_address), SYS(setsid),
	SYS(setgroups), SYS(setresuid), SYS(setresgid), SYS(setuid), SYS(setgid), SYS(capset), SYS(capget), SYS(seccomp),
	SYS(landlock_create_ruleset), SYS(landlock_add_rule), SYS(landlock_restrict_self), SYS(umask), SYS(chdir),
	SYS(connect), SYS(sendto), SYS(recvfrom), SYS(getsockname), SYS(setsockopt), SYS(shutdown), SYS(bind), SYS(listen),
	SYS(prctl),
};

const struct sandbox sandbox_supervisor = {
	.role = "polywardd",
	.caps_keep = CAP(BPF) | CAP(PERFMON) | CAP(NET_ADMIN) | CAP(DAC_READ_SEARCH) | CAP(SETUID) | CAP(SETGID) | CAP(SETPCAP) | CAP(KILL),
	.fs = SANDBOX_FS_ALL,
	.syscalls = supervisor_calls, .syscalls_count = COUNT(supervisor_calls),
	.unix_sockets = true,
};
