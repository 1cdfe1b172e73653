/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The state directory, and what a start makes of it and of the pins. current.img is at every moment either the old policy or the
 * new one; a policy that waits for confirmation is in pending.img alone, so that a reboot goes back.
 */
#include "roles/kernel.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "base/fd.h"

#define PREVIOUS_NEW ".previous.new"

int state_load(const char *name, struct held *ret, struct err *e)
{
	_buf_ struct buf b = BUF_INIT;
	_fd_ int fd = -1;
	int r = fd_read_file(FD_STATE, name, PW_IMAGE_MAX, &b);

	if (r == 0)
		r = fd_sealed("polyward-image", b.data, b.len_bytes, &fd);
	if (r < 0)
		return err_set(e, r, "read %s of the state directory", name);
	if (held_from_fd(take_fd(fd), ret, e) < 0)
		return err_wrap(e, "%s of the state directory", name);
	return 0;
}

int state_save_pending(const struct held *h, struct err *e)
{
	int r = fd_replace_file(FD_STATE, STATE_PENDING, h->bytes, h->len_bytes, 0600);

	return r < 0 ? err_set(e, r, "write %s to the state directory", STATE_PENDING) : 0;
}

int state_drop_pending(void)
{
	return unlinkat(FD_STATE, STATE_PENDING, 0) < 0 && errno != ENOENT ? -errno : 0;
}

int state_promote(struct err *e)
{
	(void)unlinkat(FD_STATE, PREVIOUS_NEW, 0);
	if (linkat(FD_STATE, STATE_CURRENT, FD_STATE, PREVIOUS_NEW, 0) == 0) {
		if (renameat(FD_STATE, PREVIOUS_NEW, FD_STATE, STATE_PREVIOUS) < 0)
			return err_set(e, -errno, "rename %s in the state directory", STATE_PREVIOUS);
	} else if (errno != ENOENT) {
		return err_set(e, -errno, "keep %s in the state directory", STATE_CURRENT);
	}
	if (renameat(FD_STATE, STATE_PENDING, FD_STATE, STATE_CURRENT) < 0)
		return err_set(e, -errno, "rename %s in the state directory", STATE_PENDING);
	return fsync(FD_STATE) < 0 ? err_set(e, -errno, "sync the state directory") : 0;
}

int state_swap(struct err *e)
{
	int r = renameat2(FD_STATE, STATE_CURRENT, FD_STATE, STATE_PREVIOUS, RENAME_EXCHANGE);

	/* After `down` there is no current one. */
	if (r < 0 && errno == ENOENT)
		r = renameat(FD_STATE, STATE_PREVIOUS, FD_STATE, STATE_CURRENT);
	if (r < 0 || fsync(FD_STATE) < 0)
		return err_set(e, -errno, "exchange the images in the state directory");
	return 0;
}

int state_lay_down(struct err *e)
{
	if (renameat(FD_STATE, STATE_CURRENT, FD_STATE, STATE_PREVIOUS) < 0 && errno != ENOENT)
		return err_set(e, -errno, "put %s of the state directory aside", STATE_CURRENT);
	return fsync(FD_STATE) < 0 ? err_set(e, -errno, "sync the state directory") : 0;
}

static bool load_if(const char *name, const uint8_t hash[static 32], struct held *ret)
{
	struct err e;

	if (state_load(name, ret, &e) < 0)
		return false;
	if (!memcmp(ret->img.head->policy_hash, hash, 32))
		return true;
	held_done(ret);
	return false;
}

static void set_trouble(struct keeper *s, const char *event, const char *text)
{
	ipc_put(s->trouble, sizeof(s->trouble), text);
	role_say(ROLE_KERNEL, "%s", text);
	tell_note(s, PW_REC_MODE, event, text);
}

/* Which image is it that the kernel decides by? A crash between a flip and the files' change is made good here. */
static bool find_active(struct keeper *s, const uint8_t hash[static 32])
{
	struct err e = { 0 };
	struct stat st;
	int r = 0;

	if (load_if(STATE_CURRENT, hash, &s->active))
		(void)state_drop_pending();
	else if (load_if(STATE_PENDING, hash, &s->active))
		r = state_promote(&e);
	else if (load_if(STATE_PREVIOUS, hash, &s->active))
		r = state_swap(&e);
	else
		return false;
	if (r < 0)
		role_say(ROLE_KERNEL, "%s", e.text);
	if (fstatat(FD_STATE, STATE_CURRENT, &st, 0) == 0)
		s->since_utc_s = st.st_mtime;
	return true;
}

static void adopted(struct keeper *s)
{
	struct kernel_status st;
	struct err e = { 0 };
	struct stat file;

	if (kernel_status(s->k, &st, &e) < 0) {
		set_trouble(s, "refused", e.text);
		return;
	}
	s->revert_at_ns = st.revert_at_boot_ns;
	s->revert_gen = st.revert_gen;
	if (s->revert_at_ns) {
		/* What waits, and what comes back: by place, since both may even have the same hash. */
		if (state_load(STATE_PENDING, &s->active, &e) == 0)
			s->active.gen = st.gen;
		if (s->revert_gen && state_load(STATE_CURRENT, &s->before, &e) == 0)
			s->before.gen = s->revert_gen;
		if (fstatat(FD_STATE, STATE_PENDING, &file, 0) == 0)
			s->since_utc_s = file.st_mtime;
	} else if (st.gen && find_active(s, st.policy_hash)) {
		s->active.gen = st.gen;
	}
	s->upgrade_until_ns = st.upgrade_until_boot_ns;
	guard_seal(s, kernel_sealed(s->k));
	s->orphaned = st.gen && s->active.fd < 0;
	if (s->orphaned)
		set_trouble(s, "adopted", "the kernel enforces a policy whose image is missing from the state directory: its time windows close "
			    "and records have no names until a policy is applied");
	else
		tell_note(s, PW_REC_MODE, "adopted", "enforcement went on while no daemon ran");
	role_say(ROLE_KERNEL, "adopted what is pinned: generation %u", st.gen);
	keep_look_soon(s);
	keep_tick(s); /* a moment of reverting may have passed meanwhile */
}

static void start_from_disk(struct keeper *s)
{
	struct held h = HELD_INIT;
	struct err e = { 0 };
	int r;

	if (faccessat(FD_STATE, STATE_PENDING, F_OK, 0) == 0 && state_drop_pending() == 0)
		tell_note(s, PW_REC_POLICY, "reverted", "a policy was not confirmed before the restart");
	r = state_load(STATE_CURRENT, &h, &e);
	if (r == -ENOENT)
		return;
	if (r == 0)
		r = keep_enforce(s, &h, KEEP_START, 0, &e);
	held_done(&h);
	if (r < 0)
		err_wrap(&e, "the policy from before the restart is not enforced");
	if (r < 0)
		set_trouble(s, "refused", e.text);
	else
		tell_note(s, PW_REC_MODE, "started", "the policy from before the restart is enforced");
}

void keep_start(struct keeper *s)
{
	struct kernel_report report = { 0 };
	struct err e = { 0 };
	int r;

	(void)kernel_probe(&report);
	s->off = report.ready == KERNEL_OFF;
	if (s->off) {
		set_trouble(s, "off", "polyward.off is on the kernel command line: nothing is enforced until a boot without it");
		return;
	}
	r = kernel_adopt(&s->k, &e);
	if (r == 0) {
		r = kernel_guard(s->k, &s->own, &e);
		if (r < 0)
			kernel_close(s->k);
	}
	if (r == 0) {
		adopted(s);
	} else if (r != -ENOENT) {
		s->k = NULL;
		set_trouble(s, "refused", e.text);
	} else if (report.ready != KERNEL_READY) {
		s->k = NULL;
		err_say(&e, r, "this kernel cannot enforce: %s; %s", report.because, report.advice);
		set_trouble(s, "refused", e.text);
	} else {
		s->k = NULL;
		start_from_disk(s);
	}
}
