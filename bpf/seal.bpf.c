// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * `guard sealed`: no further code for this kernel, and no way into it past its own rules, until the next boot. For everybody; polyward's
 * own processes may load programs that read it. What was loaded before stays. Must never ask which policy is in force.
 */
#include "gate.bpf.h"
#include "own.bpf.h"

/* Numbers of these differ between kernels: only the names count, and those that a kernel lacks match nothing. */
enum kernel_read_file_id { READING_MODULE, READING_MODULE_COMPRESSED, READING_KEXEC_IMAGE, READING_KEXEC_INITRAMFS };
enum kernel_load_data_id { LOADING_MODULE, LOADING_KEXEC_IMAGE, LOADING_KEXEC_INITRAMFS };

#define PW_IS(type, name, value) (bpf_core_enum_value_exists(type, name) && (value) == bpf_core_enum_value(type, name))

static __always_inline bool pw_sealed(void)
{
	return PW_READ(pw_state.guard) & PW_GUARD_SEALED;
}

/* finit_module, kexec_file_load. */
SEC("lsm/kernel_read_file")
int BPF_PROG(pw_read_file, struct file *file, __u32 what)
{
	if (!pw_sealed())
		return 0;
	if (!PW_IS(enum kernel_read_file_id, READING_MODULE, what) && !PW_IS(enum kernel_read_file_id, READING_MODULE_COMPRESSED, what) &&
	    !PW_IS(enum kernel_read_file_id, READING_KEXEC_IMAGE, what) && !PW_IS(enum kernel_read_file_id, READING_KEXEC_INITRAMFS, what))
		return 0;
	return pw_guard_refuse(PW_HOOK_pw_read_file, PW_R_SEALED, 0, what);
}

/* init_module, kexec_load. */
SEC("lsm/kernel_load_data")
int BPF_PROG(pw_load_data, __u32 what)
{
	if (!pw_sealed())
		return 0;
	if (!PW_IS(enum kernel_load_data_id, LOADING_MODULE, what) && !PW_IS(enum kernel_load_data_id, LOADING_KEXEC_IMAGE, what) &&
	    !PW_IS(enum kernel_load_data_id, LOADING_KEXEC_INITRAMFS, what))
		return 0;
	return pw_guard_refuse(PW_HOOK_pw_load_data, PW_R_SEALED, 0, what);
}

/*
 * Everything that the kernel's own lockdown=confidentiality refuses: memory, ports, registers, tables, debugfs, probes, and programs
 * that read or write the kernel. Polyward's own programs read the kernel, that is what they are for.
 */
SEC("lsm/locked_down")
int BPF_PROG(pw_locked_down, __u32 what)
{
	if (!pw_sealed() || !what || pw_is_own())
		return 0;
	return pw_guard_refuse(PW_HOOK_pw_locked_down, PW_R_SEALED, 0, what);
}
