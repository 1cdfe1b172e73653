// SPDX-License-Identifier: Apache-2.0
/*
 * Can this kernel enforce, and if not, which of the possible reasons is it? Probes, never version checks. Loads nothing that stays.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <linux/bpf.h>
#include <linux/magic.h>

#include "kernel/hierarchy.h"
#include "kernel/kernel.h"
#include "kernel/variants.h"

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/fd.h"

#define BTF_PATH "/sys/kernel/btf/vmlinux"
#define LSM_PATH "/sys/kernel/security/lsm"

static void copy_text(char *to, size_t size, const char *from)
{
	snprintf(to, size, "%.*s", (int)size - 1, from);
}

static int no(struct kernel_report *r, enum kernel_ready why, const char *because, const char *advice)
{
	r->ready = why;
	copy_text(r->because, sizeof(r->because), because);
	copy_text(r->advice, sizeof(r->advice), advice);
	return 0;
}

/* Is `word` one of the words of `text`, split at any of `seps`? */
static bool has_word(const char *text, const char *word, const char *seps)
{
	size_t len = strlen(word);

	for (const char *at = text; *at; at += strcspn(at, seps), at += strspn(at, seps))
		if (strcspn(at, seps) == len && !strncmp(at, word, len))
			return true;
	return false;
}

static void read_text(const char *path, struct buf *ret)
{
	if (fd_read_file(AT_FDCWD, path, 1u << 20, ret) || !ret->data) {
		buf_free(ret);
		buf_add_str(ret, "");
	}
}

static bool have_cap(cap_value_t wanted)
{
	cap_t caps = cap_get_proc();
	cap_flag_value_t set = CAP_CLEAR, admin = CAP_CLEAR;

	if (!caps)
		return false;
	(void)cap_get_flag(caps, wanted, CAP_EFFECTIVE, &set);
	(void)cap_get_flag(caps, CAP_SYS_ADMIN, CAP_EFFECTIVE, &admin);
	cap_free(caps);
	return set == CAP_SET || admin == CAP_SET;
}

/*
 * Load a program on the hook of stat that answers EXDEV to this process and 0 to all others. Returns its descriptor or -errno.
 */
static int load_probe(const struct btf *btf)
{
	const struct bpf_insn insns[] = {
		{ .code = BPF_JMP | BPF_CALL, .imm = BPF_FUNC_get_current_pid_tgid },
		{ .code = BPF_ALU64 | BPF_RSH | BPF_K, .dst_reg = BPF_REG_0, .imm = 32 },
		{ .code = BPF_ALU64 | BPF_MOV | BPF_X, .dst_reg = BPF_REG_1, .src_reg = BPF_REG_0 },
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = -EXDEV },
		{ .code = BPF_JMP | BPF_JEQ | BPF_K, .dst_reg = BPF_REG_1, .off = 1, .imm = getpid() },
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = 0 },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	LIBBPF_OPTS(bpf_prog_load_opts, opts, .expected_attach_type = BPF_LSM_MAC);
	int id = btf__find_by_name_kind(btf, "bpf_lsm_inode_getattr", BTF_KIND_FUNC), fd;

	if (id <= 0)
		return -ENOENT;
	opts.attach_btf_id = (__u32)id;
	fd = bpf_prog_load(BPF_PROG_TYPE_LSM, "pw_probe", "GPL", insns, sizeof(insns) / sizeof(insns[0]), &opts);
	return fd < 0 ? -errno : fd;
}

/* Attached programs run only if "bpf" is in the list of security modules: attach for a moment and ask for our own stat. */
static bool probe_runs(int prog_fd)
{
	_fd_ int link_fd = bpf_raw_tracepoint_open(NULL, prog_fd);
	struct stat st;

	return link_fd >= 0 && fstat(prog_fd, &st) && errno == EXDEV;
}

static void look_at_hooks(struct kernel_report *r, const struct btf *btf)
{
	size_t i = 0;

	for (const struct variant *v = variants; v->name && i < PW_HOOK_MAX_; v++, i++) {
		char pin[160];
		_fd_ int root = variant_is_cgroup(v) ? hierarchy_root() : -1;
		bool here = !variant_is_cgroup(v) || root >= 0;

		snprintf(pin, sizeof(pin), KERNEL_PINS "/%s/%s", variant_is_cgroup(v) || variant_is_iterator(v) ? "progs" : "links", v->name);
		r->hooks[i] = (struct kernel_hook){ .hook = v->hook, .present = here && variant_present(v, btf),
						    .chosen = here && variant_fits(v, btf), .attached = access(pin, F_OK) == 0 };
	}
}

static const struct variant *missing_hook(const struct btf *btf)
{
	for (const struct variant *v = variants; v->name; v++)
		if (v->use == VARIANT_REQUIRED && !variant_has_twin(v) && !variant_fits(v, btf))
			return v;
	return NULL;
}

/* What can be said without loading anything. 1: nothing against it. */
static int judge_quietly(struct kernel_report *r, const struct btf *btf)
{
	_buf_ struct buf text = BUF_INIT;
	struct statfs fs;
	const struct variant *missing;

	if (!btf)
		return no(r, KERNEL_NO_BTF, "this kernel has no type information (" BTF_PATH " is missing or unreadable)",
			  "use a kernel built with CONFIG_DEBUG_INFO_BTF=y; Debian's are");
	if (btf__find_by_name_kind(btf, "bpf_lsm_file_open", BTF_KIND_FUNC) <= 0)
		return no(r, KERNEL_NOT_BUILT, "this kernel is built without BPF security hooks (CONFIG_BPF_LSM)",
			  "use a kernel built with CONFIG_BPF_LSM=y; Debian's are");
	missing = missing_hook(btf);
	if (missing || btf__find_by_name_kind(btf, "bpf_task_storage_get", BTF_KIND_FUNC) <= 0 ||
	    btf__find_by_name_kind(btf, "bpf_loop", BTF_KIND_FUNC) <= 0) {
		_buf_ struct buf because = BUF_INIT;

		buf_printf(&because, "this kernel lacks %s", missing ? missing->target : "what the programs need (task storage, bpf_loop)");
		return no(r, KERNEL_TOO_OLD, because.data ? because.data : "this kernel lacks a hook", "use Linux 6.1 or newer");
	}
	read_text("/proc/cmdline", &text);
	if (has_word(text.data, "polyward.off", " \n"))
		return no(r, KERNEL_OFF, "polyward.off is on the kernel command line, so nothing is to be enforced",
			  "boot without polyward.off");
	if (r->lsm_list[0] && !has_word(r->lsm_list, "bpf", ",\n")) {
		_buf_ struct buf advice = BUF_INIT;

		buf_printf(&advice, "add lsm=%s,bpf to the kernel command line (GRUB_CMDLINE_LINUX in /etc/default/grub, then update-grub) and "
			   "reboot", r->lsm_list);
		return no(r, KERNEL_NOT_LISTED, "\"bpf\" is not in the kernel's list of security modules",
			  advice.data ? advice.data : "add bpf to lsm= on the kernel command line and reboot");
	}
	if (statfs("/sys/fs/bpf", &fs) || (unsigned long)fs.f_type != (unsigned long)BPF_FS_MAGIC)
		r->ready = KERNEL_NO_BPFFS;
	return 1;
}

static int judge_by_loading(struct kernel_report *r, const struct btf *btf)
{
	_fd_ int fd = -1;

	/* Ours are at work: nothing has to be tried, and a sealed kernel would refuse the try. */
	for (size_t i = 0; i < PW_HOOK_MAX_; i++)
		if (r->hooks[i].attached)
			return no(r, KERNEL_READY, "this kernel runs polyward's programs", "");
	if (!have_cap(CAP_BPF) || !have_cap(CAP_PERFMON))
		return no(r, KERNEL_NO_PRIVILEGE, "loading the programs takes CAP_BPF and CAP_PERFMON, which this process lacks",
			  "run it as root to know for certain; nothing found so far speaks against this kernel");
	fd = load_probe(btf);
	if (fd == -EPERM || fd == -EACCES)
		return no(r, KERNEL_REFUSED, "this kernel refuses security programs although the capabilities are there: lockdown, a seccomp "
			  "filter, a container or a hardened host forbids them",
			  "run on the host itself or in a virtual machine (tests/vm/run starts one), or lift lockdown=confidentiality");
	if (fd < 0)
		return no(r, KERNEL_TOO_OLD, "this kernel does not accept a security program as polyward needs them", "use Linux 6.1 or newer");
	if (!r->lsm_list[0] && !probe_runs(fd))
		return no(r, KERNEL_NOT_LISTED, "security programs load but do not run: \"bpf\" is not in the kernel's list of security modules",
			  "add bpf to lsm= on the kernel command line (mount securityfs to see the list now) and reboot");
	if (r->ready == KERNEL_NO_BPFFS)
		return no(r, KERNEL_NO_BPFFS, "/sys/fs/bpf is not a BPF filesystem, so nothing can be pinned",
			  "mount it: mount -t bpf bpf /sys/fs/bpf (systemd does so at boot)");
	return no(r, KERNEL_READY, "this kernel runs BPF security programs", "");
}

int kernel_probe(struct kernel_report *ret)
{
	struct kernel_report r = { 0 };
	_buf_ struct buf lsm = BUF_INIT;
	struct btf *btf = btf__load_vmlinux_btf();
	struct utsname uts;

	if (!uname(&uts))
		copy_text(r.release, sizeof(r.release), uts.release);
	read_text(LSM_PATH, &lsm);
	copy_text(r.lsm_list, sizeof(r.lsm_list), lsm.data);
	r.lsm_list[strcspn(r.lsm_list, "\n")] = '\0';
	look_at_hooks(&r, btf);
	if (judge_quietly(&r, btf))
		(void)judge_by_loading(&r, btf);
	btf__free(btf);
	*ret = r;
	return 0;
}
