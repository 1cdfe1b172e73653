/* SPDX-License-Identifier: Apache-2.0 */
/* Records back into the inputs of a decision. Numbers that do not fit the types they came from are no record of ours. */
#include "cli/event.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "cli/progress.h"

static bool number(const struct record_view *v, enum pw_field_tag tag, uint64_t max, uint64_t otherwise, uint64_t *ret)
{
	*ret = record_find_u64(v, tag, otherwise);
	return *ret <= max || *ret == otherwise;
}

static void take_text(const struct record_view *v, enum pw_field_tag tag, char *ret, size_t size_bytes)
{
	const uint8_t *p;
	size_t n;

	ret[0] = '\0';
	if (record_find(v, tag, &p, &n) && n < size_bytes && !memchr(p, 0, n)) {
		memcpy(ret, p, n);
		ret[n] = '\0';
	}
}

int event_read(const struct record_view *v, struct event *ret)
{
	uint64_t verdict, reason, rule, need, missing, label, windows, mfa, uid, login;
	struct event e = { .seq = v->head.seq, .personal = v->state };

	if (v->head.kind != PW_REC_ACCESS)
		return -EINVAL;
	if (!number(v, PW_F_VERDICT, PW_AUDIT, UINT64_MAX, &verdict) || verdict > PW_AUDIT ||
	    !number(v, PW_F_REASON, PW_R_MAX_ - 1, UINT64_MAX, &reason) || reason >= PW_R_MAX_ ||
	    !number(v, PW_F_RULE_NR, UINT32_MAX, 0, &rule) || !number(v, PW_F_NEED, UINT32_MAX, 0, &need) ||
	    !number(v, PW_F_MISSING, UINT32_MAX, 0, &missing) || !number(v, PW_F_LABEL, UINT16_MAX, 0, &label) ||
	    !number(v, PW_F_WINDOWS, UINT32_MAX, 0, &windows) || !number(v, PW_F_MFA_AGE_S, UINT32_MAX, PW_MFA_NEVER, &mfa) ||
	    !number(v, PW_F_UID, UINT32_MAX, TABLE_ID_NONE, &uid) || !number(v, PW_F_LOGIN_UID, UINT32_MAX, TABLE_ID_NONE, &login))
		return -EINVAL;
	e.rec = (struct recorded){
		.facts = { .roles = record_find_u64(v, PW_F_ROLE_BITS, 0), .windows = (uint32_t)windows, .mfa_age_s = (uint32_t)mfa },
		.label = (uint32_t)label, .need = (uint32_t)need, .rule = (uint32_t)rule, .missing = (uint32_t)missing,
		.verdict = (uint8_t)verdict, .reason = (uint8_t)reason, .uid = (uint32_t)uid, .login_uid = (uint32_t)login,
		.exe_dev = record_find_u64(v, PW_F_EXE_DEV, 0), .exe_ino = record_find_u64(v, PW_F_EXE_INO, 0),
		.cgroup = record_find_u64(v, PW_F_CGROUP, 0),
		.utc_s = v->head.time_utc_ns / 1000000000 - (v->head.time_utc_ns % 1000000000 < 0),
	};
	e.count = record_find_u64(v, PW_F_COUNT, 1);
	if (!record_find(v, PW_F_PATH, &e.path, &e.path_len_bytes))
		e.path = NULL;
	if (!record_find(v, PW_F_POLICY_HASH, &e.hash, &e.hash_len_bytes))
		e.hash_len_bytes = 0;
	take_text(v, PW_F_PURPOSE, e.purpose, sizeof(e.purpose));
	*ret = e;
	ret->rec.user = ret->user;
	ret->rec.purpose = ret->purpose[0] ? ret->purpose : NULL;
	return 0;
}

struct event_users { bool host; struct names_users root; };

int event_users_open(const struct names *root, struct event_users **ret, struct err *e)
{
	struct event_users *u = calloc(1, sizeof(*u));
	int r = u ? 0 : -ENOMEM;

	if (u)
		u->host = !root;
	if (r == 0 && root)
		r = root->users(root->ctx, &u->root);
	if (r < 0) {
		event_users_close(u);
		return err_set(e, r, "list users");
	}
	*ret = u;
	return 0;
}

void event_users_close(struct event_users *u)
{
	if (u)
		names_users_free(&u->root);
	free(u);
}

static const struct names_user *root_user(const struct event_users *u, uint32_t uid)
{
	for (size_t i = 0; i < u->root.count; i++)
		if (u->root.v[i].uid == uid)
			return &u->root.v[i];
	return NULL;
}

const char *event_user_name(struct event_users *u, uint32_t uid)
{
	const struct names_user *user = u->host ? NULL : root_user(u, uid);
	const struct passwd *entry = u->host && uid != TABLE_ID_NONE ? getpwuid(uid) : NULL;

	return user ? user->name : entry ? entry->pw_name : NULL;
}

int event_user_gids(struct event_users *u, uint32_t uid, uint32_t **ret, size_t *ret_count)
{
	const struct names_user *user = u->host ? NULL : root_user(u, uid);
	const struct passwd *entry = u->host && uid != TABLE_ID_NONE ? getpwuid(uid) : NULL;
	int count = 64, got = -1;
	_free_ gid_t *gids = NULL;

	if (!user && !entry)
		return -ENOENT;
	if (user) {
		*ret = calloc(user->gids_count + 1, sizeof(**ret));
		if (!*ret)
			return -ENOMEM;
		for (size_t i = 0; i < user->gids_count; i++)
			(*ret)[i] = user->gids[i];
		*ret_count = user->gids_count;
		return 0;
	}
	for (int tries = 0; got < 0 && tries < 3; tries++) {
		free(gids);
		gids = calloc((size_t)count, sizeof(*gids));
		if (!gids)
			return -ENOMEM;
		got = getgrouplist(entry->pw_name, entry->pw_gid, gids, &count);
	}
	if (got < 0)
		return -E2BIG;
	_Static_assert(sizeof(gid_t) == sizeof(uint32_t), "gids are handed on as they are");
	*ret = take_ptr(gids);
	*ret_count = (size_t)count;
	return 0;
}

void event_name_user(struct event *e, struct event_users *u)
{
	const char *name = event_user_name(u, e->rec.uid);

	if (name)
		(void)snprintf(e->user, sizeof(e->user), "user %s", name);
	else
		(void)snprintf(e->user, sizeof(e->user), "uid %u", e->rec.uid);
	e->rec.user = e->user;
	e->rec.purpose = e->purpose[0] ? e->purpose : NULL;
}

int event_bind(struct event *e, const struct image *img)
{
	e->rec.facts.purpose = 0;
	if (!e->rec.purpose)
		return 0;
	for (__u32 i = 0; i < img->count[PW_SEC_PURPOSES]; i++)
		if (strcmp(image_str(img, img->purposes[i]), e->rec.purpose) == 0) {
			e->rec.facts.purpose = 1 + i;
			return 0;
		}
	return -EINVAL;
}

#define SLACK_NS (INT64_C(600) * 1000000000) /* so far may records be out of order by time */

int event_seek(struct log_reader *r, int64_t since_ns, struct err *e)
{
	uint64_t low = log_reader_first(r), high = log_reader_end(r);
	struct record_view v;
	int code = 0;

	while (since_ns > INT64_MIN + SLACK_NS && low < high) {
		uint64_t mid = low + (high - low) / 2;

		code = log_reader_seek(r, mid, e);
		if (code == 0)
			code = log_reader_next(r, &v, e);
		if (code < 0)
			return code;
		if (code == 1 && v.head.time_utc_ns < since_ns - SLACK_NS)
			low = mid + 1;
		else
			high = mid;
	}
	return log_reader_seek(r, low, e);
}

int event_each(struct log_reader *r, struct event_pass *pass, struct err *e)
{
	struct progress bar;
	struct record_view v;
	uint64_t first, done = 0;
	int code = event_seek(r, pass->since_ns, e);

	pass->lost = 0;
	first = log_reader_seq(r);
	progress_begin(&bar, pass->what);
	while (code == 0 && (code = log_reader_next(r, &v, e)) == 1) {
		code = 0;
		if (!(++done & 0x3ff))
			progress_show(&bar, done, log_reader_end(r) - first);
		if (v.head.time_utc_ns < pass->since_ns || v.head.time_utc_ns > pass->until_ns)
			continue;
		if (v.head.kind == PW_REC_GAP)
			pass->lost += record_find_u64(&v, PW_F_GAP_LAST, 0) - record_find_u64(&v, PW_F_GAP_FIRST, 0) + 1;
		else if (v.head.kind == PW_REC_ACCESS)
			code = pass->see(pass->ctx, &v, e);
	}
	progress_end(&bar);
	return code;
}
