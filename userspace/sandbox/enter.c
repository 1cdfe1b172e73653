/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Enter a sandbox, in the one order that works: names are looked up and paths opened first, the filter comes last. Irrevocable;
 * after a failure the process is in no defined state and must end.
 */
#include "sandbox/sandbox.h"

#include <errno.h>
#include <grp.h>
#include <sys/capability.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/cleanup.h"

struct ids { uid_t uid; gid_t gid; };

static int limit(int what, const char *name, uint64_t value, struct err *e)
{
	const struct rlimit l = { value, value };

	return setrlimit((enum __rlimit_resource)what, &l) < 0 ? err_set(e, -errno, "limit %s", name) : 0;
}

static int set_limits(const struct sandbox *s, struct err *e)
{
	int r = limit(RLIMIT_CORE, "core", 0, e);

	if (r == 0 && s->limit_mem_bytes)
		r = limit(RLIMIT_AS, "memory", s->limit_mem_bytes, e);
	if (r == 0 && s->limit_file_bytes)
		r = limit(RLIMIT_FSIZE, "file size", s->limit_file_bytes, e);
	if (r == 0 && s->limit_cpu_s)
		r = limit(RLIMIT_CPU, "processor time", s->limit_cpu_s, e);
	if (r == 0 && s->limit_files)
		r = limit(RLIMIT_NOFILE, "files", s->limit_files, e);
	return r;
}

/* The bounding set first: afterwards CAP_SETPCAP is gone. */
static int drop_bounding(uint64_t keep, struct err *e)
{
	for (cap_value_t cap = 0; cap < 64; cap++) {
		int have = prctl(PR_CAPBSET_READ, (unsigned long)cap, 0, 0, 0);

		if (have < 0)
			return 0; /* past the last one that this kernel knows */
		if (have && !(keep >> cap & 1) && prctl(PR_CAPBSET_DROP, (unsigned long)cap, 0, 0, 0) < 0)
			return err_set(e, -errno, "drop capability %d", cap);
	}
	return 0;
}

static int keep_caps(uint64_t keep, struct err *e)
{
	cap_t caps = cap_init();
	int r = caps ? 0 : -ENOMEM;

	for (cap_value_t cap = 0; r == 0 && cap < 64; cap++)
		if (keep >> cap & 1 && (cap_set_flag(caps, CAP_PERMITTED, 1, &cap, CAP_SET) < 0 ||
					cap_set_flag(caps, CAP_EFFECTIVE, 1, &cap, CAP_SET) < 0))
			r = -errno;
	if (r == 0 && cap_set_proc(caps) < 0)
		r = -errno;
	if (caps)
		cap_free(caps);
	return r < 0 ? err_set(e, r, "capabilities") : 0;
}

static int switch_user(const struct ids *ids, struct err *e)
{
	if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) < 0 || setgroups(0, NULL) < 0 || setresgid(ids->gid, ids->gid, ids->gid) < 0 ||
	    setresuid(ids->uid, ids->uid, ids->uid) < 0 || prctl(PR_SET_KEEPCAPS, 0, 0, 0, 0) < 0)
		return err_set(e, -errno, "become user %u", (unsigned)ids->uid);
	return 0;
}

/* Nothing of it can be done without privilege, and a person who starts a role by hand has none. */
static int enter(const struct sandbox *s, struct err *e)
{
	_fd_ int ruleset_fd = -1;
	struct ids ids;
	int r = s->user ? sandbox_user(s->user, &ids.uid, &ids.gid, e) : 0;

	if (r == 0)
		r = landlock_prepare(s, &ruleset_fd, e);
	if (r == 0)
		r = set_limits(s, e);
	if (r == 0)
		r = drop_bounding(s->caps_keep, e);
	if (r == 0 && s->user)
		r = switch_user(&ids, e);
	if (r == 0 && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		r = err_set(e, -errno, "no_new_privs");
	if (r == 0)
		r = landlock_enter(ruleset_fd, e);
	if (r == 0)
		r = keep_caps(s->caps_keep, e);
	/* Small and mostly idle: huge pages would only make the heap look, and be, megabytes larger. */
	(void)prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0);
	if (r == 0 && prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		r = err_set(e, -errno, "not dumpable");
	return r;
}

int sandbox_enter(const struct sandbox *s, struct err *e)
{
	if (enter(s, e) < 0 || filter_enter(s, e) < 0)
		return err_wrap(e, "cannot enter the sandbox of %s", s->role);
	return 0;
}

int sandbox_forgo(int cap, struct err *e)
{
	cap_value_t one = cap;
	cap_t caps = cap_get_proc();
	int r = 0;

	if (!caps || cap_set_flag(caps, CAP_EFFECTIVE, 1, &one, CAP_CLEAR) < 0 ||
	    cap_set_flag(caps, CAP_PERMITTED, 1, &one, CAP_CLEAR) < 0 || cap_set_proc(caps) < 0)
		r = err_set(e, -errno, "drop capability %d", cap);
	if (caps)
		cap_free(caps);
	return r;
}
