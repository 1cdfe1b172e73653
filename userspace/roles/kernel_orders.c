/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Orders: each one happens whole or changes nothing, and every refusal says what is enforced now. Nothing here decides who may
 * give them; polyward-control does, by the table that it gets from here.
 */
#include "roles/kernel.h"

#include <errno.h>

#define RETIRE_AFTER_MS 1000 /* a decision under the old generation is long over by then */

/* Every refusal ends like this. */
static int still(const struct keeper *s, struct err *e)
{
	if (s->active.fd >= 0)
		return err_add(e, "generation %u stays", s->active.gen);
	return err_add(e, s->orphaned ? "what was enforced stays" : "nothing is enforced");
}

static int open_kernel(struct keeper *s, struct err *e)
{
	struct kernel_report report = { 0 };
	enum kernel_how how;

	if (s->k)
		return 0;
	if (kernel_open(&s->k, &how, e) == 0) {
		s->loaded = how == KERNEL_LOADED;
		if (kernel_guard(s->k, &s->own, e) == 0)
			return 0;
		kernel_close(s->k);
		s->k = NULL;
		return e->code;
	}
	s->k = NULL;
	/* The general reason says more than the call that failed. */
	if (kernel_probe(&report) == 0 && report.ready != KERNEL_READY)
		err_say(e, e->code, "this kernel cannot enforce: %s; %s", report.because, report.advice);
	return e->code;
}

/* Programs that no policy uses do not stay. */
static void close_unused(struct keeper *s)
{
	struct err e;

	if (!s->k || s->active.fd >= 0 || s->orphaned)
		return;
	(void)kernel_down(s->k, &e);
	kernel_close(s->k);
	s->k = NULL;
}

static void retire_now(struct keeper *s)
{
	if (s->k && s->retire_gen)
		kernel_retire(s->k, s->retire_gen);
	s->retire_gen = 0;
}

static void retire_later(struct keeper *s, uint32_t gen)
{
	retire_now(s);
	s->retire_gen = gen;
	s->retire_at_ms = role_now_ms() + RETIRE_AFTER_MS;
}

/*
 * Leases are numbered by window, and each policy numbers its own. For the moment of the flip only those stay open that both call
 * open; keep_leases() opens the rest right after it.
 */
static void close_for_flip(struct keeper *s, const struct held *h)
{
	uint64_t until_ns[PW_WINDOWS_MAX];
	int64_t next;
	uint32_t open = table_windows(&h->img, role_now_utc_s(), &next);

	open &= s->active.fd >= 0 ? table_windows(&s->active.img, role_now_utc_s(), &next) : 0;
	for (size_t w = 0; w < PW_WINDOWS_MAX; w++)
		until_ns[w] = role_now_boot_ns() + 1000000000u;
	kernel_windows(s->k, open, until_ns);
}

static int check_image(const struct held *h, struct err *e)
{
	if (h->img.count[PW_SEC_ADMINS] > MSG_ADMINS_MAX)
		return err_say(e, -E2BIG, "the admin block has %u members; at most %u can be kept: name a group instead",
			       h->img.count[PW_SEC_ADMINS], MSG_ADMINS_MAX);
	return table_tests(&h->img, e);
}

/* What lay open between the scan and the flip. The policy is in force by now: a failure is told, not undone. */
static void look_again(struct keeper *s, const struct held *h, uint32_t old_gen)
{
	const struct kernel_progress progress = { .ctx = s, .tell = tell_progress };
	const struct kernel_flipped f = { .img = &h->img, .before = old_gen ? &s->active.img : NULL, .gen = h->gen, .before_gen = old_gen };
	struct err e = { 0 };

	if (kernel_rescan(s->k, &f, &progress, &e) < 0)
		ipc_put(s->trouble, sizeof(s->trouble), e.text);
}

/* Stage and flip; the caller has checked the image and put its file where it belongs. */
static int swap_in(struct keeper *s, struct held *h, uint64_t confirm_s, struct err *e)
{
	const struct kernel_progress progress = { .ctx = s, .tell = tell_progress };
	uint64_t revert_at_ns = 0;
	int r;

	retire_now(s);
	r = kernel_stage(s->k, h->bytes, h->len_bytes, &progress, &h->gen, e);
	if (r < 0)
		return r;
	/* The scan may have taken a while: the person's time begins now. */
	if (confirm_s)
		revert_at_ns = role_now_boot_ns() + confirm_s * 1000000000u;
	tell_audit_rings(s);
	tell_audit_image(s, h); /* before the first event of this generation */
	close_for_flip(s, h);
	r = guard_mark_all(s, e);
	if (r == 0)
		r = kernel_flip(s->k, h->gen, revert_at_ns, e);
	if (r < 0) {
		kernel_retire(s->k, h->gen);
		keep_leases(s);
		return r;
	}
	s->revert_at_ns = revert_at_ns;
	return 0;
}

/* The policy is in force by now: if its file is not where a restart looks for it, that is told, not undone. */
static void keep_files(struct keeper *s, int (*move)(struct err *e))
{
	struct err e = { 0 };

	if (move(&e) == 0)
		return;
	err_add(&e, "generation %u is enforced, but a reboot would bring the one before it back", s->active.gen);
	ipc_put(s->trouble, sizeof(s->trouble), e.text);
}

int keep_enforce(struct keeper *s, struct held *h, enum keep_source from, uint64_t confirm_s, struct err *e)
{
	uint32_t old_gen = s->active.gen;
	bool was_sealed = false;
	int r = check_image(h, e);

	if (r == 0)
		r = open_kernel(s, e);
	if (r == 0)
		was_sealed = kernel_sealed(s->k);
	if (r == 0 && from == KEEP_ORDER)
		r = state_save_pending(h, e);
	if (r == 0)
		r = swap_in(s, h, confirm_s, e);
	if (r < 0) {
		if (from == KEEP_ORDER)
			(void)state_drop_pending();
		close_unused(s);
		if (!s->k)
			tell_audit_unhooked(s);
		return r;
	}
	s->trouble[0] = '\0';
	s->orphaned = false;
	look_again(s, h, old_gen);
	if (confirm_s) {
		s->revert_gen = old_gen;
		held_move(&s->before, &s->active);
	} else if (old_gen) {
		retire_later(s, old_gen);
	}
	held_move(&s->active, h);
	s->since_utc_s = role_now_utc_s();
	keep_leases(s);
	guard_seal(s, was_sealed);
	keep_look_soon(s);
	if (!confirm_s && from != KEEP_START)
		keep_files(s, from == KEEP_ORDER ? state_promote : state_swap);
	return 0;
}

int keep_apply(struct keeper *s, int image_fd, uint64_t confirm_s, struct err *e)
{
	struct held h = HELD_INIT;
	int r;

	if (held_from_fd(image_fd, &h, e) < 0)
		return still(s, e);
	if (s->off)
		r = err_say(e, -EPERM, "polyward.off is on the kernel command line; boot without it to enforce a policy");
	else if (s->revert_at_ns)
		r = err_say(e, -EBUSY, "generation %u waits for `polyward confirm` or `polyward rollback`; do one of them first", s->active.gen);
	else
		r = keep_enforce(s, &h, KEEP_ORDER, confirm_s, e);
	held_done(&h);
	return r < 0 ? still(s, e) : 0;
}

int keep_confirm(struct keeper *s, struct err *e)
{
	int r;

	if (!s->revert_at_ns) {
		err_say(e, -ENOENT, "no policy waits for confirmation");
		return still(s, e);
	}
	r = kernel_confirm(s->k, e);
	if (r < 0)
		return still(s, e);
	s->revert_at_ns = 0;
	if (s->revert_gen)
		retire_later(s, s->revert_gen);
	s->revert_gen = 0;
	held_done(&s->before);
	keep_leases(s);
	guard_seal(s, kernel_sealed(s->k));
	keep_look_soon(s);
	keep_files(s, state_promote);
	return 0;
}

int keep_revert(struct keeper *s, const char *why, struct err *e)
{
	uint32_t gone = s->active.gen;
	int r = s->revert_gen ? kernel_revert(s->k, e) : kernel_down(s->k, e);

	if (r < 0)
		return r;
	if (s->revert_gen) {
		held_move(&s->active, &s->before);
		retire_later(s, gone);
	} else {
		kernel_close(s->k);
		s->k = NULL;
		s->retire_gen = 0;
		held_done(&s->active);
		tell_audit_unhooked(s);
	}
	s->revert_at_ns = 0;
	s->revert_gen = 0;
	s->since_utc_s = role_now_utc_s();
	keep_leases(s);
	keep_look_soon(s);
	(void)state_drop_pending();
	if (why)
		tell_note(s, PW_REC_POLICY, "reverted", why);
	tell_admins(s);
	return 0;
}

int keep_rollback(struct keeper *s, struct err *e)
{
	struct held h = HELD_INIT;
	int r;

	if (s->revert_at_ns) {
		return keep_revert(s, NULL, e) < 0 ? still(s, e) : 0;
	}
	if (s->off) {
		err_say(e, -EPERM, "polyward.off is on the kernel command line; boot without it to enforce a policy");
		return still(s, e);
	}
	r = state_load(STATE_PREVIOUS, &h, e);
	if (r == -ENOENT)
		err_say(e, r, "there is no policy before this one; to end enforcement: polyward down --yes-stop-enforcing");
	else if (r == 0)
		r = keep_enforce(s, &h, KEEP_ROLLBACK, 0, e);
	held_done(&h);
	return r < 0 ? still(s, e) : 0;
}

int keep_down(struct keeper *s, struct err *e)
{
	int r;

	if (!s->k)
		return err_say(e, -ENOENT, "nothing is enforced");
	if (kernel_sealed(s->k)) {
		err_say(e, -EPERM, "the kernel is sealed (`guard sealed`), so only a reboot with polyward.off on the kernel command line ends "
			"enforcement");
		return still(s, e);
	}
	r = state_lay_down(e);
	if (r == 0)
		r = kernel_down(s->k, e);
	if (r < 0) {
		struct err undo;

		(void)state_swap(&undo);
		return still(s, e);
	}
	kernel_close(s->k);
	s->k = NULL;
	s->revert_at_ns = s->upgrade_until_ns = 0;
	s->revert_gen = s->retire_gen = 0;
	s->orphaned = false;
	s->trouble[0] = '\0';
	held_done(&s->active);
	held_done(&s->before);
	(void)state_drop_pending();
	tell_audit_unhooked(s);
	return 0;
}
