/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a kernel event to an access record: numbers as they came, names from the image of the policy that decided. It never leaves an
 * event out because a name is missing, and never reads past what the event says it holds.
 */
#include "audit/audit.h"

#include <string.h>
#include <time.h>

#define NS_PER_S 1000000000ll
#define EVENT_TEXT_MAX 4096u /* bytes of one name or path: a record always fits, whatever a policy is called */

static const char *hook_name(uint8_t hook)
{
	static const char *const names[PW_HOOK_MAX_] = {
#define PW_HOOK(prog, hook, needs, use, arity, why) [PW_HOOK_##prog] = #hook,
#include <polyward/hooks.def>
#undef PW_HOOK
	};

	return hook < PW_HOOK_MAX_ && names[hook] ? names[hook] : "";
}

/* The kernel stamps TAI, which no step of the wall clock moves; people live in UTC. The difference is whole seconds. */
static int64_t utc_from_tai(uint64_t tai_ns)
{
	struct timespec tai, utc;
	int64_t ahead_ns;

	if (clock_gettime(CLOCK_TAI, &tai) < 0 || clock_gettime(CLOCK_REALTIME, &utc) < 0)
		return (int64_t)tai_ns;
	ahead_ns = (tai.tv_sec - utc.tv_sec) * NS_PER_S + tai.tv_nsec - utc.tv_nsec;
	return (int64_t)tai_ns - (ahead_ns + NS_PER_S / 2) / NS_PER_S * NS_PER_S;
}

static void add_text(struct buf *b, enum pw_field_tag tag, const char *text, size_t len_bytes)
{
	record_bytes(b, tag, text, len_bytes < EVENT_TEXT_MAX ? len_bytes : EVENT_TEXT_MAX);
}

static void add_string(struct buf *b, enum pw_field_tag tag, const char *text)
{
	add_text(b, tag, text, strlen(text));
}

/* A text being put together: one record is made for every access, so this must not ask for memory. Longer ones are cut. */
struct text { size_t len_bytes; char v[EVENT_TEXT_MAX]; };

static void put(struct text *t, const void *bytes, size_t len_bytes)
{
	if (len_bytes > sizeof(t->v) - t->len_bytes)
		len_bytes = sizeof(t->v) - t->len_bytes;
	memcpy(t->v + t->len_bytes, bytes, len_bytes);
	t->len_bytes += len_bytes;
}

static void put_string(struct text *t, const char *text)
{
	put(t, text, strlen(text));
}

static void put_number(struct text *t, uint32_t n)
{
	char digits[10];
	size_t at = sizeof(digits);

	do {
		digits[--at] = (char)('0' + n % 10);
		n /= 10;
	} while (n);
	put(t, digits + at, sizeof(digits) - at);
}

/* Names come leaf first; a path is written from the store's root down. */
static void add_path(struct buf *b, const struct pw_event *ev, const char *store_path)
{
	struct text path;
	size_t end = ev->names_len < PW_NAMES_MAX ? ev->names_len : PW_NAMES_MAX;

	while (end && ev->names[end - 1] != '\0')
		end--; /* a name without its end is no name */
	path.len_bytes = 0;
	put_string(&path, store_path);
	if ((ev->flags & PW_EV_NAMES_CUT) || (!store_path[0] && end))
		put_string(&path, store_path[0] ? "/..." : "...");
	while (end) {
		size_t begin = end - 1;

		while (begin && ev->names[begin - 1] != '\0')
			begin--;
		put(&path, "/", 1);
		put(&path, ev->names + begin, end - 1 - begin);
		end = begin;
	}
	if (path.len_bytes)
		add_text(b, PW_F_PATH, path.v, path.len_bytes);
}

/* What no policy can name, since no name there has a slash in it. */
static const char *own_name(uint16_t label)
{
	switch (label) {
	case PW_LABEL_OWN_PINS:    return "polyward/pins";
	case PW_LABEL_OWN_STATE:   return "polyward/state";
	case PW_LABEL_OWN_LOG:     return "polyward/log";
	case PW_LABEL_OWN_INSTALL: return "polyward/programs";
	case PW_LABEL_OWN_RUN:     return "polyward/run";
	case PW_LABEL_OWN_BACKING: return "polyward/backing";
	default:                   return NULL;
	}
}

static void add_store(struct buf *b, enum pw_field_tag tag, const struct image *img, uint16_t label)
{
	if (label != PW_LABEL_OUTSIDE && label < img->count[PW_SEC_STORES])
		add_string(b, tag, image_str(img, img->stores[label].name));
}

static void add_rule(struct buf *b, const struct image *img, uint32_t nr)
{
	struct text at;
	const struct pw_img_rule *rule;

	if (nr == 0 || nr >= img->count[PW_SEC_RULES])
		return;
	rule = &img->rules[nr];
	add_string(b, PW_F_RULE, image_str(img, rule->name));
	if (rule->file >= img->count[PW_SEC_FILES])
		return;
	at.len_bytes = 0;
	put_string(&at, image_str(img, img->files[rule->file]));
	put(&at, ":", 1);
	put_number(&at, rule->line);
	add_text(b, PW_F_RULE_AT, at.v, at.len_bytes);
}

/* Hidden roles are the compiler's own and have no name that a person wrote. */
static void add_roles(struct buf *b, const struct image *img, uint64_t roles)
{
	struct text list;

	list.len_bytes = 0;
	for (uint32_t r = 0; r < PW_ROLES_MAX && r < img->count[PW_SEC_ROLES] && roles >> r; r++) {
		if (!(roles >> r & 1) || (img->roles[r].flags & PW_ROLE_HIDDEN))
			continue;
		if (list.len_bytes)
			put(&list, ",", 1);
		put_string(&list, image_str(img, img->roles[r].name));
	}
	if (list.len_bytes)
		add_text(b, PW_F_ROLES, list.v, list.len_bytes);
}

static void add_names(struct buf *b, const struct pw_event *ev, const struct image *img)
{
	bool stored = ev->label != PW_LABEL_OUTSIDE && ev->label < img->count[PW_SEC_STORES];

	add_rule(b, img, ev->rule);
	add_store(b, PW_F_STORE, img, ev->label);
	add_store(b, PW_F_STORE_TO, img, ev->label_to);
	add_path(b, ev, stored ? image_str(img, img->stores[ev->label].path) : "");
	add_roles(b, img, ev->roles);
	record_bytes(b, PW_F_POLICY_HASH, img->head->policy_hash, sizeof(img->head->policy_hash));
	if (ev->purpose && ev->purpose <= img->count[PW_SEC_PURPOSES])
		add_string(b, PW_F_PURPOSE, image_str(img, img->purposes[ev->purpose - 1]));
}

static void add_subject(struct buf *b, const struct pw_event *ev)
{
	record_u64(b, PW_F_UID, ev->uid);
	record_u64(b, PW_F_EUID, ev->euid);
	record_u64(b, PW_F_GID, ev->gid);
	if (ev->login_uid != UINT32_MAX)
		record_u64(b, PW_F_LOGIN_UID, ev->login_uid);
	if (ev->session != UINT32_MAX)
		record_u64(b, PW_F_SESSION, ev->session);
	record_u64(b, PW_F_PID, ev->tgid);
	if (ev->tid != ev->tgid)
		record_u64(b, PW_F_TID, ev->tid);
	record_u64(b, PW_F_PPID, ev->ppid);
	record_u64(b, PW_F_START_NS, ev->start_boot_ns);
	record_bytes(b, PW_F_COMM, ev->comm, strnlen(ev->comm, sizeof(ev->comm)));
	record_u64(b, PW_F_EXE_DEV, ev->exe_dev);
	record_u64(b, PW_F_EXE_INO, ev->exe_ino);
	record_u64(b, PW_F_CGROUP, ev->cgroup_id);
	record_u64(b, PW_F_ROLE_BITS, ev->roles);
	if (ev->mfa_age_s != PW_MFA_NEVER)
		record_u64(b, PW_F_MFA_AGE_S, ev->mfa_age_s);
}

void record_from_event(struct buf *b, const struct pw_event *ev, const struct image *img, struct pw_record *head)
{
	size_t begin_off_bytes = b->len_bytes;

	head->schema = PW_RECORD_SCHEMA;
	head->kind = PW_REC_ACCESS;
	head->cpu = ev->cpu;
	head->crc = 0;
	head->seq = 0;
	head->cpu_seq = ev->seq;
	head->time_boot_ns = ev->time_boot_ns;
	head->time_utc_ns = utc_from_tai(ev->time_tai_ns);
	record_begin(b, head);
	record_u64(b, PW_F_VERDICT, ev->verdict);
	record_u64(b, PW_F_REASON, ev->reason);
	record_u64(b, PW_F_NEED, ev->need);
	if (ev->missing)
		record_u64(b, PW_F_MISSING, ev->missing);
	record_i64(b, PW_F_ERROR, -(int64_t)ev->error);
	record_u64(b, PW_F_DEV, ev->dev);
	record_u64(b, PW_F_INO, ev->ino);
	if (ev->target)
		record_u64(b, PW_F_TARGET, ev->target);
	record_u64(b, PW_F_LABEL, ev->label);
	record_u64(b, PW_F_RULE_NR, ev->rule);
	add_subject(b, ev);
	record_text(b, PW_F_HOOK, hook_name(ev->hook));
	record_u64(b, PW_F_GEN, ev->gen);
	if (ev->windows)
		record_u64(b, PW_F_WINDOWS, ev->windows);
	if (img)
		add_names(b, ev, img);
	else
		add_path(b, ev, "");
	if (own_name(ev->label))
		add_string(b, PW_F_STORE, own_name(ev->label));
	if (own_name(ev->label_to))
		add_string(b, PW_F_STORE_TO, own_name(ev->label_to));
	if (record_end(b, begin_off_bytes) < 0)
		b->failed = true;
}
