/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Time: windows are leases in the kernel that end by themselves, so a dead process closes them; the moment of reverting is kept by
 * the kernel too, and only tidied up here.
 */
#include "roles/kernel.h"

#include <limits.h>
#include <time.h>

#define LEASE_NS      (60 * UINT64_C(1000000000))
#define RENEW_MS      20000

void keep_leases(struct keeper *s)
{
	uint64_t now_ns = role_now_boot_ns(), end_ns = now_ns + LEASE_NS, until_ns[PW_WINDOWS_MAX];
	struct timespec utc;
	int64_t next_s, left_ns;
	uint32_t open;

	s->lease_due_ms = role_now_ms() + RENEW_MS;
	if (!s->k || s->active.fd < 0)
		return;
	clock_gettime(CLOCK_REALTIME, &utc);
	open = table_windows(&s->active.img, utc.tv_sec, &next_s);
	if (next_s != INT64_MAX && next_s - utc.tv_sec < 61) {
		left_ns = (next_s - utc.tv_sec) * 1000000000 - utc.tv_nsec;
		if (left_ns < 0)
			left_ns = 0;
		if (now_ns + (uint64_t)left_ns < end_ns)
			end_ns = now_ns + (uint64_t)left_ns;
		if (left_ns / 1000000 + 1 < RENEW_MS)
			s->lease_due_ms = role_now_ms() + left_ns / 1000000 + 1;
	}
	/* The policy that comes back then numbers its windows in another way. */
	if (s->revert_at_ns && s->revert_at_ns < end_ns)
		end_ns = s->revert_at_ns;
	for (size_t w = 0; w < PW_WINDOWS_MAX; w++)
		until_ns[w] = end_ns;
	kernel_windows(s->k, open, until_ns);
	if (s->open & ~open)
		keep_look_soon(s);
	s->open = open;
}

void keep_tick(struct keeper *s)
{
	int64_t now_ms = role_now_ms();
	struct err e = { 0 };

	if (s->revert_at_ns && role_now_boot_ns() >= s->revert_at_ns) {
		if (keep_revert(s, "not confirmed in time", &e) < 0) {
			role_say(ROLE_KERNEL, "%s", e.text);
			ipc_put(s->trouble, sizeof(s->trouble), e.text);
			s->revert_at_ns = role_now_boot_ns() + 5 * UINT64_C(1000000000); /* tidied up later: the kernel has reverted */
		} else {
			role_say(ROLE_KERNEL, "the policy was not confirmed in time; the one before it decides again");
		}
	}
	guard_tick(s);
	if (s->retire_gen && now_ms >= s->retire_at_ms) {
		kernel_retire(s->k, s->retire_gen);
		s->retire_gen = 0;
	}
	if (now_ms >= s->lease_due_ms)
		keep_leases(s);
	if (s->look_due_ms && role_now_ms() >= s->look_due_ms)
		keep_look(s);
}

int keep_tick_in_ms(const struct keeper *s)
{
	int64_t now_ms = role_now_ms(), due_ms = s->lease_due_ms;
	uint64_t now_ns = role_now_boot_ns();

	if (!s->k)
		return -1;
	if (s->retire_gen && s->retire_at_ms < due_ms)
		due_ms = s->retire_at_ms;
	if (s->look_due_ms && s->look_due_ms < due_ms)
		due_ms = s->look_due_ms;
	for (size_t i = 0; i < 2; i++) {
		uint64_t at_ns = i ? s->upgrade_until_ns : s->revert_at_ns;
		int64_t in_ms = at_ns > now_ns ? (int64_t)((at_ns - now_ns) / 1000000) + 1 : 0;

		if (at_ns && now_ms + in_ms < due_ms)
			due_ms = now_ms + in_ms;
	}
	return due_ms > now_ms ? (int)(due_ms - now_ms) : 0;
}
