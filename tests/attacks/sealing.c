// SPDX-License-Identifier: Apache-2.0
/* Further code for the kernel, and other ways into its memory, once a policy has sealed it. */
#include "attack.h"

#include <linux/bpf.h>
#include <linux/kexec.h>
#include <linux/perf_event.h>
#include <sys/syscall.h>
#include <sys/utsname.h>

/* A module of the running kernel; which one does not matter, it is only to be refused. */
static int module_file(void)
{
	struct utsname u;
	char path[256], line[8192];
	int dir, fd = -1;
	FILE *f;

	need(!uname(&u));
	snprintf(path, sizeof(path), "/lib/modules/%s", u.release);
	dir = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	snprintf(path, sizeof(path), "/lib/modules/%s/modules.dep", u.release);
	f = fopen(path, "re");
	need(dir >= 0 && f);
	while (fd < 0 && fgets(line, sizeof(line), f)) {
		line[strcspn(line, ":")] = 0;
		if (strstr(line, "/dummy.ko"))
			fd = openat(dir, line, O_RDONLY | O_CLOEXEC);
	}
	fclose(f);
	close(dir);
	need(fd >= 0);
	return fd;
}

static int insmod(void) { return attempt("finit_module", syscall(SYS_finit_module, module_file(), "", 4)); }

static int insmod_memory(void)
{
	static char image[1 << 20];
	long n = read(module_file(), image, sizeof(image));

	need(n > 0);
	return attempt("init_module", syscall(SYS_init_module, image, n, ""));
}

static int modprobe(void)
{
	return run_program((const char *const[]){ "modprobe", "dummy", NULL }) ? EPERM : 0;
}

/* Nothing to load; the question comes before. */
static int kexec(void) { return attempt("kexec_load", syscall(SYS_kexec_load, 0, 0ul, NULL, 0ul)); }

static int kexec_file(void)
{
	int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);

	return attempt("kexec_file_load", syscall(SYS_kexec_file_load, fd, -1, 1ul, "", KEXEC_FILE_NO_INITRAMFS));
}

static int load(uint32_t type, uint32_t expected)
{
	struct bpf_insn code[] = { { .code = 0xb7, .imm = 0 }, { .code = 0x95 } };
	union bpf_attr a = { .prog_type = type, .insn_cnt = 2, .insns = (uint64_t)(uintptr_t)code, .license = (uint64_t)(uintptr_t)"GPL",
			     .expected_attach_type = expected };

	/* Of these kinds something of the kernel's is named; that it is nonsense would be said later. */
	if (type == BPF_PROG_TYPE_LSM || type == BPF_PROG_TYPE_TRACING || type == BPF_PROG_TYPE_EXT)
		a.attach_btf_id = 1;

	return attempt("load a program", syscall(SYS_bpf, BPF_PROG_LOAD, &a, sizeof(a)));
}

static int lsm(void)      { return load(BPF_PROG_TYPE_LSM, BPF_LSM_MAC); }
static int modify(void)   { return load(BPF_PROG_TYPE_TRACING, BPF_MODIFY_RETURN); }
static int extension(void){ return load(BPF_PROG_TYPE_EXT, 0); }

/* Programs that only look can look into a role holder's memory, and no ptrace is asked. */
static int bpf_kprobe(void)     { return load(BPF_PROG_TYPE_KPROBE, 0); }
static int bpf_tracepoint(void) { return load(BPF_PROG_TYPE_TRACEPOINT, 0); }
static int bpf_raw(void)        { return load(BPF_PROG_TYPE_RAW_TRACEPOINT, 0); }
static int bpf_perf(void)       { return load(BPF_PROG_TYPE_PERF_EVENT, 0); }
static int bpf_tracing(void)    { return load(BPF_PROG_TYPE_TRACING, BPF_TRACE_ITER); }

static int load_code(uint32_t type, uint32_t expected, const struct bpf_insn *code, uint32_t count)
{
	union bpf_attr a = { .prog_type = type, .insn_cnt = count, .insns = (uint64_t)(uintptr_t)code, .license = (uint64_t)(uintptr_t)"GPL",
			     .expected_attach_type = expected };

	return attempt("load a program", syscall(SYS_bpf, BPF_PROG_LOAD, &a, sizeof(a)));
}

/* The current task's own structure, and one word of it: from there on it is pointers. */
static int bpf_filter(void)
{
	static const struct bpf_insn code[] = { { .code = 0x85, .imm = BPF_FUNC_get_current_task_btf }, { .code = 0x79, .off = 8 },
						{ .code = 0xb7 }, { .code = 0x95 } };

	return load_code(BPF_PROG_TYPE_SCHED_CLS, 0, code, 4);
}

static int bpf_filter_user(void)
{
	static const struct bpf_insn code[] = { { .code = 0xbf, .dst_reg = 1, .src_reg = 10 }, { .code = 0x07, .dst_reg = 1, .imm = -8 },
						{ .code = 0xb7, .dst_reg = 2, .imm = 8 }, { .code = 0xb7, .dst_reg = 3, .imm = 0x400000 },
						{ .code = 0x85, .imm = BPF_FUNC_probe_read_user }, { .code = 0xb7, .imm = 1 }, { .code = 0x95 } };

	return load_code(BPF_PROG_TYPE_CGROUP_DEVICE, BPF_CGROUP_DEVICE, code, 7);
}

static int measure(struct perf_event_attr *a)
{
	a->size = sizeof(*a);
	a->sample_period = 1;
	return attempt("measure", syscall(SYS_perf_event_open, a, -1, 0, -1, 0ul));
}

static int perf_probe(void)
{
	struct perf_event_attr a = { .config1 = (uint64_t)(uintptr_t)VIEWER, .config2 = 0x1000, .sample_type = PERF_SAMPLE_IP };
	int fd = open("/sys/bus/event_source/devices/uprobe/type", O_RDONLY | O_CLOEXEC);
	char text[16] = { 0 };

	if (fd < 0)
		not_here("no probes in programs");
	need(read(fd, text, sizeof(text) - 1) > 0);
	a.type = (uint32_t)strtoul(text, NULL, 10);
	return measure(&a);
}

/* Their numbers stand in tracefs, which is shut, but they are small: the first one that there is. */
static int perf_point(void)
{
	for (uint32_t id = 1; id < 2000; id++) {
		struct perf_event_attr a = { .type = PERF_TYPE_TRACEPOINT, .config = id, .sample_type = PERF_SAMPLE_RAW };
		int code = measure(&a);

		if (code != EINVAL && code != ENOENT)
			return code;
	}
	return CAME_TO_NOTHING;
}

static int dev_mem(void)  { return attempt("open /dev/mem", open("/dev/mem", O_RDONLY | O_CLOEXEC)); }
static int dev_port(void) { return attempt("open /dev/port", open("/dev/port", O_RDWR | O_CLOEXEC)); }
static int io_ports(void) { return attempt("iopl", syscall(SYS_iopl, 3)); }

static int msr(void)
{
	int fd = open("/dev/cpu/0/msr", O_RDWR | O_CLOEXEC);

	if (fd < 0 && errno == ENOENT)
		not_here("no msr device");
	return attempt("write an msr", fd < 0 ? -1 : pwrite(fd, "12345678", 8, 0x10));
}

/* The kernel's whole memory as a core file: the page cache with the store's contents in it. */
static int kcore(void)
{
	static char room[1 << 20];
	int fd = open("/proc/kcore", O_RDONLY | O_CLOEXEC);
	uint16_t count;

	if (fd < 0)
		return attempt("open /proc/kcore", fd);
	/* ELF64: the number of program headers at 56, the headers from 64 on, 56 bytes each. */
	need(pread(fd, &count, sizeof(count), 56) == sizeof(count));
	for (int i = 0; i < count; i++) {
		uint64_t header[7];

		need(pread(fd, header, sizeof(header), 64 + i * 56) == sizeof(header));
		/* The direct map: segments of main memory are large and at most as long as memory. */
		if (header[4] < (64u << 20) || header[4] > (8ull << 30))
			continue;
		for (uint64_t at = 0; at < header[4]; at += sizeof(room)) {
			long n = pread(fd, room, sizeof(room), (off_t)(header[1] + at));

			for (long k = 0; k + 4096 <= n; k += 4096)
				if (!memcmp(room + k + 64, "................................", 32)) {
					got(room + k, 64);
					return 0;
				}
		}
	}
	return CAME_TO_NOTHING;
}

static int kprobe(void)
{
	int code = put("/sys/kernel/tracing/kprobe_events", "p:pwattack vfs_read");

	return code ? attempt("kprobe", (errno = code, -1)) : 0;
}

/* A probe in the victim's own program that fetches its memory: no ptrace is asked. */
static int uprobe(void)
{
	int code = put("/sys/kernel/tracing/uprobe_events", "p:pwattack2 /srv/bin/viewer:0x1000 +0(%si):u64");

	return code ? attempt("uprobe", (errno = code, -1)) : 0;
}

static int down(void)
{
	return run_program((const char *const[]){ "polyward", "down", "--yes-stop-enforcing", NULL }) ? EPERM : 0;
}

static int still(void) { return take_path(mine()); }

VARIANTS({ "bpf_filter", bpf_filter }, { "bpf_filter_user", bpf_filter_user }, { "perf_probe", perf_probe }, { "perf_point", perf_point },
	 { "insmod", insmod }, { "insmod_memory", insmod_memory }, { "modprobe", modprobe }, { "kexec", kexec }, { "kexec_file", kexec_file },
	 { "lsm", lsm }, { "modify", modify }, { "extension", extension }, { "bpf_kprobe", bpf_kprobe }, { "bpf_tracepoint", bpf_tracepoint },
	 { "bpf_raw", bpf_raw }, { "bpf_perf", bpf_perf }, { "bpf_tracing", bpf_tracing }, { "dev_mem", dev_mem }, { "dev_port", dev_port },
	 { "io_ports", io_ports }, { "msr", msr }, { "kcore", kcore }, { "kprobe", kprobe }, { "uprobe", uprobe }, { "down", down },
	 { "still", still })
