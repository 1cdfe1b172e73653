/* SPDX-License-Identifier: Apache-2.0 */
/*
 * on-tighten: processes that still map what they may no longer use. They are looked for after a policy came or went, when a window
 * closed, and again and again while a store says `kill`. Found is recorded at once; ended is who is found again after the store's time. Must
 * never end a process by its number alone, nor one whose end it cannot tell.
 */
#include "roles/kernel.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>

#include "base/buf.h"
#include "base/fd.h"

#define LOOK_EVERY_MS 10000 /* while a store says kill: so late is a role's loss noticed that no hook tells us of */
#define END_AT_ONCE   64    /* descriptors of processes held at a time; the rest is next */
#define RETRY_MS      1000  /* who could not be ended, or could not be recorded */
#define NEVER_NS      UINT64_MAX

struct search { struct mappers now; const struct keeper *s; };

static bool same(const struct mapper *a, const struct pw_mapped *m)
{
	return a->m.tgid == m->tgid && a->m.start_boot_ns == m->start_boot_ns && a->m.label == m->label;
}

static struct mapper *find(struct mappers *list, const struct pw_mapped *m)
{
	for (size_t i = 0; i < list->count; i++)
		if (same(&list->v[i], m))
			return &list->v[i];
	return NULL;
}

static int add(struct mappers *list, const struct pw_mapped *m)
{
	struct mapper *more;

	if (list->count == list->cap) {
		size_t cap = list->cap ? list->cap * 2 : 16;

		more = reallocarray(list->v, cap, sizeof(*more));
		if (!more)
			return -ENOMEM;
		list->v = more;
		list->cap = cap;
	}
	list->v[list->count++] = (struct mapper){ .m = *m, .mappings = 1, .end_at_ns = NEVER_NS, .pidfd = -1 };
	return 0;
}

/* One line a process and store: the first mapping stands for the others. */
static int take_mapping(void *ctx, const struct pw_mapped *m)
{
	struct search *look = ctx;
	struct mapper *known;

	if (!m->missing || m->gen != look->s->active.gen)
		return 0;
	known = find(&look->now, m);
	if (!known)
		return add(&look->now, m);
	known->mappings++;
	known->m.missing |= m->missing;
	return 0;
}

static void done(struct mappers *list)
{
	for (size_t i = 0; i < list->count; i++)
		cleanup_fd(&list->v[i].pidfd);
	free(list->v);
	*list = (struct mappers){ 0 };
}

static const struct pw_img_store *store_of(const struct keeper *s, uint32_t label)
{
	return s->active.fd >= 0 && label && label < s->active.img.count[PW_SEC_STORES] ? &s->active.img.stores[label] : NULL;
}

static void add_words(struct buf *b, uint32_t actions)
{
	static const struct { uint32_t bit; const char *word; } words[] = {
#define PW_ACTION(name, nr, word, brings, meaning) { 1u << (nr), word },
#include <polyward/actions.def>
#undef PW_ACTION
	};
	const char *between = "";

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (actions & words[i].bit) {
			buf_printf(b, "%s%s", between, words[i].word);
			between = ", ";
		}
}

static void tell(struct keeper *s, const struct mapper *p, const char *event, const char *what)
{
	const struct pw_img_store *store = store_of(s, p->m.label);
	_buf_ struct buf b = BUF_INIT;

	buf_printf(&b, "process %u of user %u, started at %llu ns, maps inode %llu of device %u:%u", p->m.tgid, p->m.uid,
		   (unsigned long long)p->m.start_boot_ns, (unsigned long long)p->m.ino, p->m.dev >> 20, p->m.dev & 0xfffff);
	if (p->mappings > 1)
		buf_printf(&b, " (and has %zu more mappings)", p->mappings - 1);
	buf_printf(&b, " in %s%s and may not ", store ? "store " : "a store that is not known", store ? image_str(&s->active.img, store->name) : "");
	add_words(&b, p->m.missing);
	buf_printf(&b, ": %s", what);
	tell_note(s, PW_REC_MODE, event, b.data && !b.failed ? b.data : what);
}

/* A new finding: recorded, and given its time. */
static void sentence(struct keeper *s, struct mapper *p)
{
	const struct pw_img_store *store = store_of(s, p->m.label);
	char what[64];

	if (!store || !(store->flags & PW_IMG_KILL)) {
		tell(s, p, "mapping-left", "left alone");
		return;
	}
	p->end_at_ns = role_now_boot_ns() + store->kill_after_s * UINT64_C(1000000000);
	(void)snprintf(what, sizeof(what), "will be ended after %u s", store->kill_after_s);
	tell(s, p, "mapping-found", what);
}

static int search(struct keeper *s, struct mappers *ret, struct err *e)
{
	struct search look = { .s = s };
	int r = kernel_mapped(s->k, take_mapping, &look, e);

	if (r < 0)
		done(&look.now);
	else
		*ret = look.now;
	return r;
}

/* What is new is told, what is gone is forgotten, what stays keeps its time. */
static void compare(struct keeper *s, struct mappers *now)
{
	for (size_t i = 0; i < now->count; i++) {
		struct mapper *p = &now->v[i], *known = find(&s->mappers, &p->m);

		if (known && known->m.gen == p->m.gen) {
			p->end_at_ns = known->end_at_ns;
			continue;
		}
		sentence(s, p);
		/* Another policy does not give the same process its time anew. */
		if (known && known->end_at_ns < p->end_at_ns && p->end_at_ns != NEVER_NS)
			p->end_at_ns = known->end_at_ns;
	}
	done(&s->mappers);
	s->mappers = *now;
	*now = (struct mappers){ 0 };
}

static bool may_end(const struct keeper *s, const struct mapper *p, uint64_t now_ns)
{
	/* Without a place for its record nobody is ended: a log writer comes back within seconds. Nor by a policy that is on trial. */
	return !s->revert_at_ns && p->end_at_ns <= now_ns && (s->peers.audit >= 0 || s->notes_count < NOTES_MAX);
}

/*
 * A number may come to serve another process between two looks. So: first a descriptor, then the second look. Who is found then with
 * the same number and the same start is who the descriptor stands for.
 */
static size_t end_some(struct keeper *s, struct err *e)
{
	struct mappers again = { 0 };
	uint64_t now_ns = role_now_boot_ns();
	size_t held = 0, ended = 0;

	for (size_t i = 0; i < s->mappers.count && held < END_AT_ONCE; i++) {
		struct mapper *p = &s->mappers.v[i];

		if (!may_end(s, p, now_ns))
			continue;
		p->pidfd = (int)syscall(SYS_pidfd_open, (pid_t)p->m.tgid, 0);
		held += p->pidfd >= 0;
	}
	if (!held || search(s, &again, e) < 0)
		return 0;
	for (size_t i = 0; i < s->mappers.count; i++) {
		struct mapper *p = &s->mappers.v[i];

		if (p->pidfd < 0)
			continue;
		if (find(&again, &p->m) && syscall(SYS_pidfd_send_signal, p->pidfd, SIGKILL, NULL, 0) == 0) {
			tell(s, p, "mapping-ended", "the process is ended");
			p->end_at_ns = NEVER_NS;
			ended++;
		}
		cleanup_fd(&p->pidfd);
	}
	done(&again);
	return ended;
}

static bool kills(const struct keeper *s)
{
	for (uint32_t l = 1; s->active.fd >= 0 && l < s->active.img.count[PW_SEC_STORES]; l++)
		if (s->active.img.stores[l].flags & PW_IMG_KILL)
			return true;
	return false;
}

static void next_look(struct keeper *s)
{
	uint64_t now_ns = role_now_boot_ns();
	int64_t in_ms = LOOK_EVERY_MS;

	s->look_due_ms = 0;
	if (!kills(s))
		return;
	for (size_t i = 0; i < s->mappers.count; i++) {
		uint64_t at_ns = s->mappers.v[i].end_at_ns;
		int64_t left_ms = at_ns == NEVER_NS ? in_ms : at_ns <= now_ns ? RETRY_MS : (int64_t)((at_ns - now_ns) / 1000000) + 1;

		if (left_ms < in_ms)
			in_ms = left_ms;
	}
	s->look_due_ms = role_now_ms() + in_ms;
}

void keep_look(struct keeper *s)
{
	struct mappers now = { 0 };
	struct err e = { 0 };

	s->look_due_ms = 0;
	if (!s->k || s->active.fd < 0 || !kernel_finds_mapped(s->k)) {
		done(&s->mappers);
		return;
	}
	if (search(s, &now, &e) == 0) {
		compare(s, &now);
		while (end_some(s, &e) == END_AT_ONCE)
			;
	}
	if (e.code)
		role_say(ROLE_KERNEL, "%s", e.text);
	next_look(s);
}

void keep_look_soon(struct keeper *s)
{
	s->look_due_ms = role_now_ms();
}

void keep_forget_mappers(struct keeper *s)
{
	done(&s->mappers);
}
