/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The LSM suite's frame: apply a policy in this process through the loader that ships, run one operation as somebody, and assert
 * three things about it: what it returned, what the counters say, and what the record says. Runs in the guest, as root.
 */
#ifndef SUITE_H
#define SUITE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <polyward/decide.h>

#include "kernel/kernel.h"
#include "kernel/variants.h"

#define SEEN_MAX 512

struct suite {
	struct kernel *k;
	struct ring *urgent, *access;
	struct pw_event seen[SEEN_MAX];
	size_t seen_bytes[SEEN_MAX]; /* that each took of its ring */
	size_t seen_count;
	struct pw_counters before;
	uint32_t gen;
	int cases, failed;
};

/* Who runs an operation. Users of the policies: reader 1001 (group team 2001), writer 1002, nobody 1003; root 0. */
struct who { uid_t uid; gid_t gid; };
extern const struct who root, reader, writer, other;

/* The operation: 0 or the errno that it got. Runs in a child of its own. */
typedef int (*op_fn)(const void *arg);

/* What must come out. hook: PW_HOOK_x, or 0 if no record is expected (allowed and remembered, or outside). */
struct want { int err; uint8_t hook; uint8_t verdict; uint8_t reason; uint32_t need; };

int  suite_open(struct suite *s);
void suite_close(struct suite *s);
/* Nothing in force, and newly loaded programs that wait for a policy. */
void suite_fresh(struct suite *s);
/* Compile, stage, flip. Ends the program with a message if that fails. */
void suite_apply(struct suite *s, const char *policy);
/* Compile and stage only. Returns the generation. */
uint32_t suite_stage(struct suite *s, const char *policy);
/* The first policy, as the daemon applies it; meanwhile() runs between the look into the stores and the flip. */
void suite_apply_while(struct suite *s, const char *policy, void (*meanwhile)(void));
/* As suite_apply(), but it must fail with this errno and a sentence that has `words` in it. */
void suite_apply_fails(struct suite *s, const char *name, const char *policy, int code, const char *words);
/* One case: run op as who, compare with want, print its TAP line. */
void suite_case(struct suite *s, const char *name, const struct who *who, op_fn op, const void *arg, struct want want);
/* A case that is no operation. */
void suite_check(struct suite *s, const char *name, bool good, const char *fmt, ...) __attribute__((format(printf, 4, 5)));
void suite_drain(struct suite *s);
int  suite_done(struct suite *s);
/* For a child that a case forks itself: it is not polyward's own from here on. As root. */
void suite_stranger(void);
/* Run op as who without judging it: its errno. */
int  suite_run(const struct who *who, op_fn op, const void *arg);

#define ALLOWED(hook_, need_) ((struct want){ 0, PW_HOOK_##hook_, PW_ALLOW, PW_R_RULE, need_ })
#define REFUSED(hook_, need_) ((struct want){ EACCES, PW_HOOK_##hook_, PW_DENY, PW_R_DEFAULT, need_ })
#define REFUSED_FOR(hook_, reason_) ((struct want){ EACCES, PW_HOOK_##hook_, PW_DENY, PW_R_##reason_, 0 })
#define SILENT ((struct want){ 0, 0, PW_ALLOW, 0, 0 })

/* ops.c: operations by name, on paths. */
#define OP(name) int op_##name(const void *arg)
OP(read); OP(write); OP(readwrite); OP(trunc); OP(list); OP(stat); OP(pread_fd); OP(pwrite_fd); OP(mmap_exec); OP(mmap_write);
OP(mprotect_exec_fd); OP(receive); OP(fiemap); OP(setflags); OP(unknown_ioctl); OP(lock_shared); OP(lock_excl); OP(watch);
OP(create); OP(mkfifo); OP(mkdir); OP(symlink); OP(link); OP(unlink); OP(rmdir); OP(rename); OP(exchange); OP(readlink); OP(chmod);
OP(chown); OP(utimes); OP(truncate); OP(setxattr); OP(rmxattr); OP(getxattr); OP(listxattr); OP(setacl); OP(exec); OP(mount_tmpfs);
OP(mount_bind);
OP(move_mount); OP(tmpfile_link); OP(by_handle); OP(proc_reopen); OP(detached_tree); OP(chroot_read); OP(getflags); OP(mmap_read);
OP(mmap_read_fd); OP(isatty_fd);

/* Two paths for operations that take two. */
struct two { const char *a, *b; };

/* The cases, by theme. */
void cases_hooks(struct suite *s);
void cases_labels(struct suite *s);
void cases_subjects(struct suite *s);
void cases_time(struct suite *s);
void cases_loader(struct suite *s);
void cases_memory(struct suite *s);
void cases_names(struct suite *s);
void cases_alike(struct suite *s);
void cases_strict(struct suite *s);
void cases_mapped(struct suite *s);
void cases_revoke(struct suite *s);
void cases_execfd(struct suite *s);
void cases_guard(struct suite *s);
void cases_holders(struct suite *s);
void cases_owned(struct suite *s);
void cases_devices(struct suite *s);
void cases_many(struct suite *s);
void cases_nvme(struct suite *s);
void cases_mounts(struct suite *s);
void cases_seal(struct suite *s); /* to be run last: nothing undoes it */
int  execfd_interpreter(int argc, char **argv); /* this program, started as the interpreter of a stored file */

#endif
