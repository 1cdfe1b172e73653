/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a kernel event to an access record: numbers as they came, names from the image of the policy that decided. It never leaves an
 * event out because a name is missing, and never reads past what the event says it holds.
 */
#include "audit/event.h"
#include "audit/internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/cleanup.h"

#define NS_PER_S 1000000000ll
#define HASH_SHORT_BYTES 8u /* enough to tell policies apart; records about policies have all 32 */

/* A place to write to, and where it ends: texts are cut there. */
struct out { uint8_t *p, *end; };

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
int64_t event_tai_ahead_ns(void)
{
	struct timespec tai, utc;
	int64_t ahead_ns;

	if (clock_gettime(CLOCK_TAI, &tai) < 0 || clock_gettime(CLOCK_REALTIME, &utc) < 0)
		return 0;
	ahead_ns = (tai.tv_sec - utc.tv_sec) * NS_PER_S + tai.tv_nsec - utc.tv_nsec;
	return (ahead_ns + NS_PER_S / 2) / NS_PER_S * NS_PER_S;
}

void event_forget_full(struct event_cache *c)
{
	for (size_t i = 0; i < EVENT_FULLS; i++)
		c->full[i].used = false;
}

void event_forget(struct event_cache *c)
{
	for (size_t i = 0; i < EVENT_NAMES; i++)
		c->v[i].used = false;
	c->way.used = false;
	event_forget_full(c);
}

static inline uint8_t *field(uint8_t *p, enum pw_field_tag tag, const void *bytes, size_t len_bytes)
{
	uint32_t head = (uint32_t)tag | (uint32_t)len_bytes << 16;

	memcpy(p, &head, sizeof(head));
	memcpy(p + sizeof(head), bytes, len_bytes);
	return p + sizeof(head) + len_bytes;
}

static inline uint8_t *i64(uint8_t *p, enum pw_field_tag tag, int64_t v)
{
	return field(p, tag, &v, sizeof(v));
}

static uint8_t *text(uint8_t *p, enum pw_field_tag tag, const char *v)
{
	return field(p, tag, v, strnlen(v, EVENT_TEXT_MAX));
}

/* A text that is put together: begin, put, end. */
static uint8_t *long_begin(uint8_t *p, struct out *ret)
{
	ret->p = p + sizeof(struct pw_field);
	ret->end = ret->p + EVENT_TEXT_MAX;
	return p;
}

static void put(struct out *o, const void *bytes, size_t len_bytes)
{
	if (len_bytes > (size_t)(o->end - o->p))
		len_bytes = (size_t)(o->end - o->p);
	memcpy(o->p, bytes, len_bytes);
	o->p += len_bytes;
}

static uint8_t *long_end(uint8_t *p, enum pw_field_tag tag, const struct out *o)
{
	size_t len_bytes = (size_t)(o->p - p) - sizeof(struct pw_field);
	uint32_t head = (uint32_t)tag | (uint32_t)len_bytes << 16;

	memcpy(p, &head, sizeof(head));
	return len_bytes ? o->p : p;
}

static void put_number(struct out *o, uint32_t n)
{
	char digits[10];
	size_t at = sizeof(digits);

	do {
		digits[--at] = (char)('0' + n % 10);
		n /= 10;
	} while (n);
	put(o, digits + at, sizeof(digits) - at);
}

/* Names come leaf first; a path is written from the store's root down. */
static uint8_t *path_of(uint8_t *p, const struct pw_event *ev, const char *store_path)
{
	size_t end = ev->names_len < PW_NAMES_MAX ? ev->names_len : PW_NAMES_MAX;
	struct out o;

	long_begin(p, &o);
	while (end && ev->names[end - 1] != '\0')
		end--; /* a name without its end is no name */
	put(&o, store_path, strlen(store_path));
	if ((ev->flags & PW_EV_NAMES_CUT) || (!store_path[0] && end))
		put(&o, store_path[0] ? "/..." : "...", store_path[0] ? 4 : 3);
	while (end) {
		const char *before = end > 1 ? memrchr(ev->names, '\0', end - 1) : NULL;
		size_t begin = before ? (size_t)(before + 1 - ev->names) : 0;

		put(&o, "/", 1);
		put(&o, ev->names + begin, end - 1 - begin);
		end = begin;
	}
	return long_end(p, PW_F_PATH, &o);
}

/* The path of an object in the directory of the last one, from what is remembered; NULL: it is another one. */
static uint8_t *path_beside(uint8_t *p, const struct pw_event *ev, const char *store_path, const struct event_way *w, size_t leaf_len)
{
	uint8_t *to = p + sizeof(struct pw_field);
	size_t len_bytes = w->path_len_bytes + 1 + leaf_len;
	uint32_t head = (uint32_t)PW_F_PATH | (uint32_t)len_bytes << 16;

	if (!w->used || w->store_path != store_path || ev->names_len != leaf_len + 1 + w->names_len_bytes || len_bytes > EVENT_TEXT_MAX ||
	    memcmp(ev->names + leaf_len + 1, w->names, w->names_len_bytes) != 0)
		return NULL;
	memcpy(p, &head, sizeof(head));
	memcpy(to, w->path, w->path_len_bytes);
	to[w->path_len_bytes] = '/';
	memcpy(to + w->path_len_bytes + 1, ev->names, leaf_len);
	return to + len_bytes;
}

/* p: the path of this event as a field, up to end. */
static void remember_way(const uint8_t *p, const uint8_t *end, const struct pw_event *ev, const char *store_path, size_t leaf_len, struct event_way *w)
{
	size_t len_bytes = (size_t)(end - p) - sizeof(struct pw_field);

	w->used = end > p && len_bytes < EVENT_TEXT_MAX && len_bytes > leaf_len && len_bytes - leaf_len - 1 <= sizeof(w->path);
	if (!w->used)
		return;
	w->store_path = store_path;
	w->names_len_bytes = ev->names_len - leaf_len - 1;
	w->path_len_bytes = len_bytes - leaf_len - 1;
	memcpy(w->names, ev->names + leaf_len + 1, w->names_len_bytes);
	memcpy(w->path, p + sizeof(struct pw_field), w->path_len_bytes);
}

static uint8_t *path_field(uint8_t *p, const struct pw_event *ev, const char *store_path, struct event_way *w)
{
	size_t leaf_len = strnlen(ev->names, ev->names_len < PW_NAMES_MAX ? ev->names_len : PW_NAMES_MAX);
	/* All of the way is there, and every name has its end. */
	bool whole = leaf_len && ev->names_len <= PW_NAMES_MAX && ev->names_len > leaf_len && !ev->names[ev->names_len - 1] &&
		     !(ev->flags & PW_EV_NAMES_CUT) && store_path[0];
	uint8_t *end;

	if (!w || !whole)
		return path_of(p, ev, store_path);
	end = path_beside(p, ev, store_path, w, leaf_len);
	if (!end) {
		end = path_of(p, ev, store_path);
		remember_way(p, end, ev, store_path, leaf_len, w);
	}
	return end;
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
	case PW_LABEL_OWN_SIGNER:  return "polyward/signer";
	default:                   return NULL;
	}
}

static const struct pw_img_store *store_of(const struct image *img, uint16_t label)
{
	return label != PW_LABEL_OUTSIDE && label < img->count[PW_SEC_STORES] ? &img->stores[label] : NULL;
}

static uint8_t *rule_of(uint8_t *p, const struct image *img, uint32_t nr)
{
	const struct pw_img_rule *rule;
	struct out at;

	if (nr == 0 || nr >= img->count[PW_SEC_RULES])
		return p;
	rule = &img->rules[nr];
	p = text(p, PW_F_RULE, image_str(img, rule->name));
	if (rule->file >= img->count[PW_SEC_FILES])
		return p;
	long_begin(p, &at);
	put(&at, image_str(img, img->files[rule->file]), strlen(image_str(img, img->files[rule->file])));
	put(&at, ":", 1);
	put_number(&at, rule->line);
	return long_end(p, PW_F_RULE_AT, &at);
}

/* Hidden roles are the compiler's own and have no name that a person wrote. */
static uint8_t *roles_of(uint8_t *p, const struct image *img, uint64_t roles)
{
	struct out list;
	bool first = true;

	long_begin(p, &list);
	for (uint32_t r = 0; r < PW_ROLES_MAX && r < img->count[PW_SEC_ROLES] && roles >> r; r++) {
		if (!(roles >> r & 1) || (img->roles[r].flags & PW_ROLE_HIDDEN))
			continue;
		put(&list, ",", first ? 0 : 1);
		put(&list, image_str(img, img->roles[r].name), strlen(image_str(img, img->roles[r].name)));
		first = false;
	}
	return long_end(p, PW_F_ROLES, &list);
}

/* What follows from rule, stores, roles and purpose. */
static uint8_t *names_of(uint8_t *p, const struct pw_event *ev, const struct image *img)
{
	const struct pw_img_store *store = store_of(img, ev->label), *to = store_of(img, ev->label_to);

	p = rule_of(p, img, ev->rule);
	if (store)
		p = text(p, PW_F_STORE, image_str(img, store->name));
	if (to)
		p = text(p, PW_F_STORE_TO, image_str(img, to->name));
	p = roles_of(p, img, ev->roles);
	p = field(p, PW_F_POLICY_HASH, img->head->policy_hash, HASH_SHORT_BYTES);
	if (ev->purpose && ev->purpose <= img->count[PW_SEC_PURPOSES])
		p = text(p, PW_F_PURPOSE, image_str(img, img->purposes[ev->purpose - 1]));
	return p;
}

static struct event_names *names_slot(struct event_cache *c, const struct pw_event *ev)
{
	uint64_t mixed = (ev->roles ^ (uint64_t)ev->rule << 7 ^ (uint64_t)ev->label << 20 ^ ev->gen) * 0x9e3779b97f4a7c15ull;

	return &c->v[mixed >> 58];
}

static bool names_fit(const struct event_names *n, const struct pw_event *ev)
{
	return n->used && n->gen == ev->gen && n->rule == ev->rule && n->label == ev->label && n->label_to == ev->label_to &&
	       n->roles == ev->roles && n->purpose == ev->purpose;
}

/* The names, from memory where that is possible. */
static uint8_t *names(uint8_t *p, const struct pw_event *ev, const struct image *img, struct event_cache *cache)
{
	struct event_names *n = cache ? names_slot(cache, ev) : NULL;
	uint8_t *begin = p;

	if (n && names_fit(n, ev)) {
		memcpy(p, n->bytes, n->len_bytes);
		return p + n->len_bytes;
	}
	p = names_of(p, ev, img);
	if (n && (size_t)(p - begin) <= sizeof(n->bytes)) {
		*n = (struct event_names){ .used = true, .label = ev->label, .label_to = ev->label_to, .gen = ev->gen, .rule = ev->rule,
					   .purpose = ev->purpose, .roles = ev->roles, .len_bytes = (size_t)(p - begin) };
		memcpy(n->bytes, begin, n->len_bytes);
	}
	return p;
}

static uint8_t *subject(uint8_t *p, const struct pw_event *ev)
{
	p = event_u64(p, PW_F_UID, ev->uid);
	p = event_u64(p, PW_F_EUID, ev->euid);
	p = event_u64(p, PW_F_GID, ev->gid);
	if (ev->login_uid != UINT32_MAX)
		p = event_u64(p, PW_F_LOGIN_UID, ev->login_uid);
	if (ev->session != UINT32_MAX)
		p = event_u64(p, PW_F_SESSION, ev->session);
	p = event_u64(p, PW_F_PID, ev->tgid);
	if (ev->tid != ev->tgid)
		p = event_u64(p, PW_F_TID, ev->tid);
	p = event_u64(p, PW_F_PPID, ev->ppid);
	p = event_u64(p, PW_F_START_NS, ev->start_boot_ns);
	p = event_u64(p, PW_F_EXE_DEV, ev->exe_dev);
	p = event_u64(p, PW_F_EXE_INO, ev->exe_ino);
	p = event_u64(p, PW_F_CGROUP, ev->cgroup_id);
	p = event_u64(p, PW_F_ROLE_BITS, ev->roles);
	if (ev->mfa_age_s != PW_MFA_NEVER)
		p = event_u64(p, PW_F_MFA_AGE_S, ev->mfa_age_s);
	return p;
}

static uint8_t *object(uint8_t *p, const struct pw_event *ev)
{
	p = event_u64(p, PW_F_VERDICT, ev->verdict);
	p = event_u64(p, PW_F_REASON, ev->reason);
	p = event_u64(p, PW_F_NEED, ev->need);
	if (ev->missing)
		p = event_u64(p, PW_F_MISSING, ev->missing);
	p = i64(p, PW_F_ERROR, -(int64_t)ev->error);
	p = event_u64(p, PW_F_DEV, ev->dev);
	p = event_u64(p, PW_F_INO, ev->ino);
	if (ev->target)
		p = event_u64(p, PW_F_TARGET, ev->target);
	p = event_u64(p, PW_F_LABEL, ev->label);
	return event_u64(p, PW_F_RULE_NR, ev->rule);
}

static uint8_t *begin(uint8_t *out, const struct pw_event *ev, int64_t tai_ahead_ns)
{
	const struct pw_record head = { .schema = PW_RECORD_SCHEMA, .kind = PW_REC_ACCESS, .cpu = ev->cpu, .cpu_seq = ev->seq,
					.time_boot_ns = ev->time_boot_ns, .time_utc_ns = (int64_t)ev->time_tai_ns - tai_ahead_ns };

	memcpy(out, &head, sizeof(head));
	return out + sizeof(head);
}

uint8_t *event_fields(uint8_t *out, const struct pw_event *ev, const struct image *img, struct event_cache *cache, int64_t tai_ahead_ns)
{
	uint8_t *p = begin(out, ev, tai_ahead_ns);

	p = subject(object(p, ev), ev);
	p = text(p, PW_F_HOOK, hook_name(ev->hook));
	p = event_u64(p, PW_F_GEN, ev->gen);
	if (ev->windows)
		p = event_u64(p, PW_F_WINDOWS, ev->windows);
	if (img)
		p = names(p, ev, img, cache);
	if (own_name(ev->label))
		p = text(p, PW_F_STORE, own_name(ev->label));
	if (own_name(ev->label_to))
		p = text(p, PW_F_STORE_TO, own_name(ev->label_to));
	return p;
}

struct event_place event_place_of(const struct pw_event *ev, const struct image *img)
{
	const struct pw_img_store *store = img ? store_of(img, ev->label) : NULL;

	return store ? (struct event_place){ image_str(img, store->class_), image_str(img, store->path) } : (struct event_place){ NULL, "" };
}

uint8_t *event_personal(uint8_t *out, const struct pw_event *ev, const struct event_place *place, struct event_cache *cache)
{
	out = path_field(out, ev, place->path, cache ? &cache->way : NULL);
	return field(out, PW_F_COMM, ev->comm, strnlen(ev->comm, sizeof(ev->comm)));
}

/* ---- abridged records: docs/LOG-FORMAT.md says what one shares with the record that it names ---- */

static inline uint64_t differ(const void *a, const void *b, size_t len_bytes)
{
	uint64_t sum = 0, x = 0, y = 0;
	size_t at;

#pragma GCC unroll 8
	for (at = 0; at + sizeof(x) <= len_bytes; at += sizeof(x)) {
		memcpy(&x, (const uint8_t *)a + at, sizeof(x));
		memcpy(&y, (const uint8_t *)b + at, sizeof(y));
		sum |= x ^ y;
	}
	x = y = 0;
	memcpy(&x, (const uint8_t *)a + at, len_bytes - at);
	memcpy(&y, (const uint8_t *)b + at, len_bytes - at);
	return sum | (x ^ y);
}

#define SPAN(first, last) offsetof(struct pw_event, first), offsetof(struct pw_event, last) + sizeof(((struct pw_event *)0)->last)

/* All that both records would say, but for what is a record's own: number, moment, CPU, object or target, age of the factor. */
static inline bool is_like(const uint8_t *full, const struct pw_event *event)
{
	static const struct { size_t from, to; } spans[] = { { SPAN(roles, start_boot_ns) }, { SPAN(exe_ino, windows) }, { SPAN(purpose, label_to) },
							     { SPAN(verdict, hook) } };
	const uint8_t *ev = (const uint8_t *)event;
	uint64_t sum = 0;

#pragma GCC unroll 4
	for (size_t i = 0; i < sizeof(spans) / sizeof(spans[0]); i++)
		sum |= differ(full + spans[i].from, ev + spans[i].from, spans[i].to - spans[i].from);
	return sum == 0;
}

static size_t full_slot(const struct pw_event *ev)
{
	uint64_t mixed = ((uint64_t)ev->tid ^ (uint64_t)ev->rule << 24 ^ (uint64_t)ev->label << 40 ^ (uint64_t)ev->need << 13 ^ ev->hook) *
			 0x9e3779b97f4a7c15ull;

	return mixed >> 58;
}

const struct event_full *event_like(const struct event_cache *c, const struct pw_event *ev, const struct image *img)
{
	const struct event_full *f = &c->full[full_slot(ev)];

	return f->used && f->img == img && is_like(f->like, ev) ? f : NULL;
}

void event_remember(struct event_cache *c, const struct pw_event *ev, const struct image *img, uint64_t seq)
{
	struct event_full *f = &c->full[full_slot(ev)];

	*f = (struct event_full){ .used = true, .seq = seq, .img = img };
	memcpy(f->like, ev, sizeof(f->like));
}

uint8_t *event_abridged(uint8_t *out, const struct pw_event *ev, uint64_t like_seq, int64_t tai_ahead_ns)
{
	uint8_t *p = event_u64(begin(out, ev, tai_ahead_ns), PW_F_INO, ev->ino);

	if (ev->target)
		p = event_u64(p, PW_F_TARGET, ev->target);
	if (ev->mfa_age_s != PW_MFA_NEVER)
		p = event_u64(p, PW_F_MFA_AGE_S, ev->mfa_age_s);
	return event_u64(p, PW_F_LIKE, like_seq);
}

void record_from_event(struct buf *b, const struct pw_event *ev, const struct image *img, struct pw_record *head)
{
	_free_ uint8_t *room = malloc(EVENT_RECORD_MAX + EVENT_PERSONAL_MAX);
	size_t begin_off_bytes = b->len_bytes;
	struct event_place place = event_place_of(ev, img);
	uint8_t *personal, *end;
	struct pw_record made;

	if (!room) {
		b->failed = true;
		return;
	}
	personal = room + EVENT_RECORD_MAX;
	end = event_fields(room, ev, img, NULL, event_tai_ahead_ns());
	memcpy(&made, room, sizeof(made));
	memcpy(made.boot_id, head->boot_id, sizeof(made.boot_id));
	*head = made;
	record_begin(b, head);
	buf_add(b, room + sizeof(made), (size_t)(end - room) - sizeof(made));
	buf_add(b, personal, (size_t)(event_personal(personal, ev, &place, NULL) - personal));
	if (record_end(b, begin_off_bytes) < 0)
		b->failed = true;
}
