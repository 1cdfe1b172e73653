// SPDX-License-Identifier: Apache-2.0
/*
 * `guard sealed`: what root can then no longer do to the kernel, and that neither another policy nor the loader ends it. Must be the last
 * theme: nothing but a reboot undoes it.
 */
#include "suite.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/io.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/btf.h>

#include "base/cleanup.h"
#include "base/fd.h"

#define STORE "store data { path /srv/sealing }\nrole readers { members user:reader }\nrule read { allow readers to list, read on data }\n"

static const char open_policy[] = "polyward 1\npolicy suite { version 1 }\n" STORE;
static const char sealed_policy[] = "polyward 1\npolicy suite { version 2 guard sealed }\n" STORE;

#define SEALED(hook_) ((struct want){ EPERM, PW_HOOK_##hook_, PW_DENY, PW_R_SEALED, 0 })

static int end(long rc)
{
	return rc < 0 ? errno : 0;
}

/* Neither is a module: what the kernel says of that without a seal is another errno. */
static int op_init_module(const void *arg)
{
	static const char none[4096]; /* shorter is not even looked at */

	(void)arg;
	return end(syscall(SYS_init_module, none, sizeof(none), ""));
}

static int op_finit_module(const void *arg)
{
	_fd_ int fd = open(arg, O_RDONLY | O_CLOEXEC);

	return fd < 0 ? 203 : end(syscall(SYS_finit_module, fd, "", 0));
}

static int op_kexec_load(const void *arg)
{
	(void)arg;
	return end(syscall(SYS_kexec_load, 0ul, 0ul, NULL, 0ul));
}

static int op_kexec_file_load(const void *arg)
{
	_fd_ int fd = open(arg, O_RDONLY | O_CLOEXEC);

	return fd < 0 ? 203 : end(syscall(SYS_kexec_file_load, fd, -1, 0ul, NULL, 4ul /* KEXEC_FILE_NO_INITRAMFS */));
}

static int op_open_mem(const void *arg)
{
	_fd_ int fd = open("/dev/mem", O_RDWR | O_CLOEXEC);

	(void)arg;
	return end(fd);
}

static int op_open_kcore(const void *arg)
{
	_fd_ int fd = open("/proc/kcore", O_RDONLY | O_CLOEXEC);

	(void)arg;
	return end(fd);
}

static int op_load_filter(const void *arg)
{
	const struct bpf_insn insns[] = { { .code = BPF_ALU64 | BPF_MOV | BPF_K }, { .code = BPF_JMP | BPF_EXIT } };
	_fd_ int fd = bpf_prog_load(BPF_PROG_TYPE_SOCKET_FILTER, "stranger", "GPL", insns, 2, NULL);

	(void)arg;
	return end(fd);
}

static int op_ioperm(const void *arg)
{
	(void)arg;
	return end(ioperm(0x80, 1, 1));
}

static int load(enum bpf_prog_type type, enum bpf_attach_type attach, const char *function)
{
	const struct bpf_insn insns[] = { { .code = BPF_ALU64 | BPF_MOV | BPF_K }, { .code = BPF_JMP | BPF_EXIT } };
	LIBBPF_OPTS(bpf_prog_load_opts, opts, .expected_attach_type = attach);
	struct btf *btf = btf__load_vmlinux_btf();
	int id = btf__find_by_name_kind(btf, function, BTF_KIND_FUNC);
	_fd_ int fd = -1;

	btf__free(btf);
	if (id <= 0)
		return 203;
	opts.attach_btf_id = (__u32)id;
	fd = bpf_prog_load(type, "stranger", "GPL", insns, 2, &opts);
	return end(fd);
}

static int op_load_lsm(const void *arg)
{
	(void)arg;
	return load(BPF_PROG_TYPE_LSM, BPF_LSM_MAC, "bpf_lsm_file_open");
}

static int op_load_modify_return(const void *arg)
{
	(void)arg;
	return load(BPF_PROG_TYPE_TRACING, BPF_MODIFY_RETURN, "security_file_open");
}

static int op_load_tracing(const void *arg)
{
	(void)arg;
	return load(BPF_PROG_TYPE_TRACING, BPF_TRACE_FENTRY, "security_file_open");
}

/* Programs hang on the kernel's function tracer: whoever may switch that off switches them off. */
static int op_no_ftrace(const void *arg)
{
	_fd_ int fd = open("/proc/sys/kernel/ftrace_enabled", O_WRONLY | O_CLOEXEC);

	(void)arg;
	return end(write(fd, "0", 1));
}

static void make(const char *path)
{
	_fd_ int fd = open(path, O_CREAT | O_RDWR | O_CLOEXEC, 0666);

	if (fd < 0 || fd_write_all(fd, "none\n", 5))
		printf("# cannot make %s: %s\n", path, strerror(errno));
}

static void before(struct suite *s)
{
	suite_check(s, "not sealed: init_module says that it is no module", suite_run(&root, op_init_module, NULL) == ENOEXEC, "another errno");
	suite_check(s, "not sealed: finit_module too", suite_run(&root, op_finit_module, "/srv/plain") == ENOEXEC, "another errno");
	suite_check(s, "not sealed: /dev/mem opens", suite_run(&root, op_open_mem, NULL) == 0, "refused");
	suite_check(s, "not sealed: ports are given", suite_run(&root, op_ioperm, NULL) == 0, "refused");
	suite_check(s, "not sealed: others load security programs", suite_run(&root, op_load_lsm, NULL) == 0, "refused");
}

static void sealed(struct suite *s)
{
	suite_case(s, "sealed: no module from memory", &root, op_init_module, NULL, SEALED(pw_load_data));
	suite_case(s, "sealed: nor from a file", &root, op_finit_module, "/srv/plain", SEALED(pw_read_file));
	suite_case(s, "sealed: no kernel to boot into, from memory", &root, op_kexec_load, NULL, SEALED(pw_load_data));
	suite_case(s, "sealed: nor from a file", &root, op_kexec_file_load, "/srv/plain", SEALED(pw_read_file));
	suite_case(s, "sealed: no way to memory", &root, op_open_mem, NULL, SEALED(pw_locked_down));
	suite_case(s, "sealed: nor to ports", &root, op_ioperm, NULL, SEALED(pw_locked_down));
	suite_case(s, "sealed: no security program of others", &root, op_load_lsm, NULL, SEALED(pw_bpf));
	suite_case(s, "sealed: nor one that changes what a function returns", &root, op_load_modify_return, NULL, SEALED(pw_bpf));
	suite_case(s, "sealed: nor one that looks into memory", &root, op_load_tracing, NULL, SEALED(pw_bpf));
	suite_case(s, "sealed: no look at the kernel's memory", &root, op_open_kcore, NULL, SEALED(pw_locked_down));
	suite_case(s, "sealed: nor any other by who may look into memory from it", &root, op_load_filter, NULL, SEALED(pw_bpf));
}

static void for_good(struct suite *s)
{
	struct err e = { 0 };
	int rc;

	suite_apply(s, open_policy);
	suite_check(s, "another policy does not unseal", kernel_sealed(s->k), "unsealed");
	suite_case(s, "... in deed", &root, op_init_module, NULL, SEALED(pw_load_data));
	rc = kernel_down(s->k, &e);
	suite_check(s, "down is refused, with the way out", rc == -EPERM && strstr(e.text, "polyward.off"), "%d %s", rc, e.text);
	suite_check(s, "... and the gate stands", suite_run(&root, op_read, "/srv/sealing/file") == EACCES, "root read a stored file");
	suite_case(s, "the pins cannot be removed", &root, op_unlink, "/sys/fs/bpf/polyward/links/pw_file_open",
		   (struct want){ EACCES, PW_HOOK_pw_unlink, PW_DENY, PW_R_GUARD, 0 });
}

void cases_seal(struct suite *s)
{
	struct err e = { 0 };
	uint32_t gen;

	suite_fresh(s);
	(void)mkdir("/srv/sealing", 0777);
	make("/srv/sealing/file");
	make("/srv/plain");
	before(s);
	suite_apply(s, open_policy);
	before(s);
	suite_case(s, "not sealed: but none that changes what a security function returns", &root, op_load_modify_return, NULL,
		   (struct want){ EPERM, PW_HOOK_pw_bpf, PW_DENY, PW_R_GUARD, 0 });
	suite_case(s, "the function tracer is not switched off", &root, op_no_ftrace, NULL,
		   (struct want){ EPERM, PW_HOOK_pw_sysctl, PW_DENY, PW_R_GUARD, 0 });
	suite_check(s, "... and the gate stands", suite_run(&root, op_read, "/srv/sealing/file") == EACCES, "root read a stored file");
	gen = suite_stage(s, sealed_policy);
	suite_check(s, "a sealed policy on trial", kernel_flip(s->k, gen, UINT64_MAX, &e) == 0, "%s", e.text);
	suite_check(s, "... does not seal", !kernel_sealed(s->k), "sealed");
	suite_check(s, "... and can be taken back", kernel_revert(s->k, &e) == 0, "%s", e.text);
	suite_apply(s, sealed_policy);
	sealed(s);
	for_good(s);
}
