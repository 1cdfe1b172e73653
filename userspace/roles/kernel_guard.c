/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The guard over polyward itself, as the kernel process sees it: what it consists of, which processes are its own, the window for an
 * upgrade, the seal. Must never take a process for one of ours because somebody says so, but at the first load, when there is
 * nothing yet to be guarded.
 */
#include "roles/kernel.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <unistd.h>

#define PEERS_WAIT_MS  3000               /* at a start: the supervisor starts all of us within that */
#define SETTLE_MS      10000              /* after the first load: who was started before it is introduced by then */
#define UPGRADE_NS     (600 * UINT64_C(1000000000))

int guard_own(struct keeper *s, const char *entry, struct err *e)
{
	s->own = (struct kernel_own){ .state_fd = FD_STATE, .run_fd = FD_RUN, .log_fd = FD_LOG_OUTER, .install_fd = FD_INSTALL,
				      .entry_dir_fd = FD_ENTRY_DIR, .entry = entry,
				      /* It lies in the log's directory, and is shut more tightly than that one. */
				      .signer_fd = openat(FD_LOG_OUTER, "signer", O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC) };
	/* A directory that is not there would be guarded by nobody, and nobody would say so. */
	return s->own.signer_fd < 0 ? err_set(e, -errno, "open signer, the directory of the key that signs, in the log directory") : 0;
}

static int *pid_of(struct keeper *s, uint32_t role)
{
	return role == ROLE_CONTROL ? &s->control_pid : &s->audit_pid;
}

/* With nothing in force anybody may be a peer; afterwards only who executed one of our programs under the guard's eyes. */
static bool is_ours(struct keeper *s, int pid)
{
	struct kernel_status st = { 0 };
	struct err e = { 0 };

	if (!s->k || kernel_status(s->k, &st, &e) < 0 || !st.gen || kernel_is_own(s->k, pid))
		return true;
	return s->loaded_ms && role_now_ms() - s->loaded_ms < SETTLE_MS && kernel_own_mark(s->k, pid, &e) == 0;
}

int guard_meet(struct keeper *s, struct ipc_msg *m)
{
	const uint32_t role = m->body.as_PEER.role;
	const int pid = (int)m->body.as_PEER.pid;
	int r;

	if (!is_ours(s, pid)) {
		role_say(ROLE_KERNEL, "process %d says that it is %s, but did not start as one of polyward's programs; it is not listened to",
			 pid, ipc_role_name(role));
		tell_note(s, PW_REC_MODE, "peer-refused", "a process that is not polyward's own was introduced");
		return 0;
	}
	r = role_meet(&s->peers, m);
	if (r > 0)
		*pid_of(s, role) = pid;
	return r;
}

/* Only those who are known before a policy comes into force can be marked before it does. */
int guard_await_peers(struct keeper *s)
{
	const int64_t until_ms = role_now_ms() + PEERS_WAIT_MS;
	int r = 0;

	while (r >= 0 && (s->peers.control < 0 || s->peers.audit < 0) && role_now_ms() < until_ms) {
		struct pollfd p = { .fd = s->peers.supervisor, .events = POLLIN };
		_msg_ struct ipc_msg m = IPC_MSG_INIT;

		if (poll(&p, 1, (int)(until_ms - role_now_ms())) <= 0)
			continue;
		r = ipc_recv(s->peers.supervisor, ROLE_SUPERVISOR, ROLE_KERNEL, 0, &m);
		if (r == 0)
			return 0; /* the loop finds that out too */
		r = r == -EAGAIN ? 0 : r < 0 ? r : m.type == IPC_PEER ? guard_meet(s, &m) : -EBADMSG;
	}
	return r < 0 ? r : 0;
}

int guard_mark_all(struct keeper *s, struct err *e)
{
	const int pids[] = { getppid(), s->control_pid, s->audit_pid };
	int r = 0;

	if (!s->loaded)
		return 0;
	for (size_t i = 0; i < sizeof(pids) / sizeof(pids[0]) && r == 0; i++)
		if (pids[i] > 1 && kernel_own_mark(s->k, pids[i], e) < 0)
			r = e->code == -ESRCH ? 0 : e->code; /* it died, and comes back as one of ours */
	s->loaded_ms = role_now_ms();
	s->loaded = false;
	return r;
}

void guard_seal(struct keeper *s, bool was_sealed)
{
	if (s->revert_at_ns || s->active.fd < 0 || !(s->active.img.head->flags & PW_IMG_SEALED))
		return;
	kernel_seal(s->k);
	if (!was_sealed)
		tell_note(s, PW_REC_MODE, "sealed", "the kernel takes no further code until a reboot; a reboot with polyward.off ends enforcement");
}

const char *guard_words(const struct keeper *s)
{
	if (s->k && kernel_sealed(s->k) && s->active.fd >= 0 && !(s->active.img.head->flags & PW_IMG_SEALED))
		return "the kernel stays sealed, as a policy before this one wanted, until a reboot";
	return s->k ? kernel_below(s->k) : "";
}

int keep_upgrade_begin(struct keeper *s, struct err *e)
{
	if (!s->k || s->active.fd < 0)
		return err_say(e, -ENOENT, "nothing is enforced, so nothing keeps polyward's programs from being replaced");
	s->upgrade_until_ns = role_now_boot_ns() + UPGRADE_NS;
	kernel_upgrade_begin(s->k, s->upgrade_until_ns);
	return 0;
}

int keep_upgrade_done(struct keeper *s, struct err *e)
{
	if (!s->k || s->active.fd < 0)
		return err_say(e, -ENOENT, "nothing is enforced, so there is no upgrade to end");
	if (!s->upgrade_until_ns || role_now_boot_ns() >= s->upgrade_until_ns)
		return err_say(e, -ETIME, "no window is open: `polyward upgrade begin` opens one for ten minutes; replace the programs within it");
	if (kernel_upgrade_done(s->k, e) < 0)
		return err_wrap(e, "the programs that are there now are not polyward's yet; the window stays open");
	s->upgrade_until_ns = 0;
	return 0;
}

void guard_tick(struct keeper *s)
{
	if (!s->upgrade_until_ns || role_now_boot_ns() < s->upgrade_until_ns)
		return;
	s->upgrade_until_ns = 0;
	kernel_upgrade_begin(s->k, 0);
	tell_note(s, PW_REC_MODE, "upgrade-closed", "the window ran out: what was replaced meanwhile is not polyward's own");
}
