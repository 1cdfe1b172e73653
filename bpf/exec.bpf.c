// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Hooks on execution: may this stored file be executed, and forget what the old program was allowed. Must never decide on a
 * program by its name.
 */
#include "gate.bpf.h"
#include "slot.bpf.h"

SEC("lsm/bprm_check_security")
int BPF_PROG(pw_bprm_check, struct linux_binprm *bprm)
{
	struct file *file = bprm->file;

	if (!file || !pw_protected(file->f_inode))
		return 0;
	return pw_check_open(file, PW_NEED_EXEC, PW_HOOK_pw_bprm_check);
}

/* The new program is in place: roles are computed again, and being our own loader ends here. */
SEC("lsm/bprm_committed_creds")
int BPF_PROG(pw_exec_done, struct linux_binprm *bprm)
{
	pw_slot_forget(pw_task_id());
	pw_subject_stale(bpf_get_current_task_btf(), 0);
	return 0;
}
