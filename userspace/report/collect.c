/* SPDX-License-Identifier: Apache-2.0 */
/* Record after record into the tables. Never stops at a record: the reader has checked its form, and what a field lacks stays uncounted. */
#include "report/collect.h"

#include <stdlib.h>
#include <string.h>

static void name_of(const struct facts *f, enum pw_field_tag tag, char *ret, size_t size_bytes)
{
	size_t n = facts_has(f, tag) ? f->len_bytes[tag] : 0;

	if (n >= size_bytes)
		n = size_bytes - 1;
	if (n)
		memcpy(ret, f->p[tag], n);
	ret[n] = '\0';
}

static void count(struct counts *n, uint64_t mask, uint64_t accesses)
{
	n->allowed += mask >> T_ALLOW & 1 ? accesses : 0;
	n->denied += mask >> T_DENY & 1 ? accesses : 0;
	n->passed += mask >> T_PASSED & 1 ? accesses : 0;
}

/* ---- rows ---- */

static void see_store(struct collect *c, const struct facts *f, uint64_t mask, uint64_t accesses)
{
	char name[sizeof(c->stores[0].name)];
	size_t i = 0;

	name_of(f, PW_F_STORE, name, sizeof(name));
	while (i < c->stores_count && strcmp(c->stores[i].name, name))
		i++;
	if (i == COLLECT_STORES) {
		c->stores_lost++;
		return;
	}
	if (i == c->stores_count)
		memcpy(c->stores[c->stores_count++].name, name, sizeof(name));
	count(&c->stores[i].n, mask, accesses);
}

static void see_role(struct collect *c, const char *name, size_t len, uint64_t mask, uint64_t accesses)
{
	size_t i = 0;

	if (len >= sizeof(c->roles[0].name))
		len = sizeof(c->roles[0].name) - 1;
	while (i < c->roles_count && (strlen(c->roles[i].name) != len || memcmp(c->roles[i].name, name, len)))
		i++;
	if (i == COLLECT_ROLES) {
		c->roles_lost++;
		return;
	}
	if (i == c->roles_count)
		memcpy(c->roles[c->roles_count++].name, name, len);
	count(&c->roles[i].n, mask, accesses);
}

/* Every active role counts; nobody's role is called "(none)". */
static void see_roles(struct collect *c, const struct facts *f, uint64_t mask, uint64_t accesses)
{
	const char *p = facts_has(f, PW_F_ROLES) ? (const char *)f->p[PW_F_ROLES] : "(none)";
	size_t left = facts_has(f, PW_F_ROLES) ? f->len_bytes[PW_F_ROLES] : strlen("(none)");

	while (left) {
		const char *comma = memchr(p, ',', left);
		size_t n = comma ? (size_t)(comma - p) : left;

		see_role(c, p, n, mask, accesses);
		left -= comma ? n + 1 : n;
		p += comma ? n + 1 : n;
	}
}

static struct user_row *user_of(struct collect *c, uint32_t uid)
{
	size_t i = 0;

	while (i < c->users_count && c->users[i].uid != uid)
		i++;
	if (i == COLLECT_USERS) {
		c->users_lost++;
		return NULL;
	}
	if (i == c->users_count)
		c->users[c->users_count++].uid = uid;
	return &c->users[i];
}

static void see_user(struct collect *c, const struct facts *f, uint64_t mask, uint64_t accesses)
{
	struct user_row *u = user_of(c, (uint32_t)facts_u64(f, PW_F_UID, UINT32_MAX));
	uint32_t login_uid = (uint32_t)facts_u64(f, PW_F_LOGIN_UID, UINT32_MAX);

	if (!u)
		return;
	count(&u->n, mask, accesses);
	if (!(mask >> T_ALLOW & 1) || !facts_has(f, PW_F_LOGIN_UID))
		return;
	if (!u->has_login) {
		u->has_login = true;
		u->login_uid = login_uid;
	} else if (login_uid != u->login_uid) {
		u->shared = true;
		u->other_login_uid = login_uid;
		tally_add(&u->by_others, c->seed, f->v->head.seq, accesses);
	}
}

static void see_nologin(struct collect *c, const struct facts *f, uint64_t accesses)
{
	char roles[sizeof(c->nologin[0].roles)];
	size_t i = 0;

	name_of(f, PW_F_ROLES, roles, sizeof(roles));
	while (i < c->nologin_count && strcmp(c->nologin[i].roles, roles))
		i++;
	if (i == COLLECT_ROLES) {
		c->nologin_lost++;
		return;
	}
	if (i == c->nologin_count)
		memcpy(c->nologin[c->nologin_count++].roles, roles, sizeof(roles));
	tally_add(&c->nologin[i].t, c->seed, f->v->head.seq, accesses);
}

static void see_policy(struct collect *c, const struct facts *f, uint64_t accesses)
{
	int idx = facts_has(f, PW_F_POLICY_HASH) ? policies_note(c->policies, f->p[PW_F_POLICY_HASH], f->len_bytes[PW_F_POLICY_HASH]) : -1;

	if (idx < 0 || !c->policies->v[idx].archived)
		tally_add(&c->unarchived, c->seed, f->v->head.seq, accesses);
	if (idx >= 0) {
		struct policy_row *row = &c->policies->v[idx];

		if (!row->in_range)
			row->from_ns = f->v->head.time_utc_ns;
		row->in_range = true;
		row->to_ns = f->v->head.time_utc_ns > row->to_ns ? f->v->head.time_utc_ns : row->to_ns;
		row->records++;
	}
}

int64_t collect_bucket_ns(const struct collect *c, size_t idx)
{
	return c->since_ns + (int64_t)((__int128)(c->until_ns - c->since_ns) * (int64_t)idx / COLLECT_BUCKETS);
}

static size_t bucket_of(const struct collect *c, int64_t utc_ns)
{
	__int128 width = (__int128)c->until_ns - c->since_ns;
	size_t idx = width > 0 ? (size_t)((__int128)(utc_ns - c->since_ns) * COLLECT_BUCKETS / width) : 0;

	return idx < COLLECT_BUCKETS ? idx : COLLECT_BUCKETS - 1;
}

static void see_access(struct collect *c, const struct facts *f, uint64_t mask, uint64_t accesses)
{
	see_store(c, f, mask, accesses);
	see_roles(c, f, mask, accesses);
	see_user(c, f, mask, accesses);
	see_policy(c, f, accesses);
	count(&c->buckets[bucket_of(c, f->v->head.time_utc_ns)], mask, accesses);
	if (mask >> T_NO_LOGIN & 1)
		see_nologin(c, f, accesses);
	c->sealed_unread += f->v->state == RECORD_SEALED;
	c->erased_unread += f->v->state == RECORD_ERASED;
}

static void see_gap(struct collect *c, const struct facts *f)
{
	struct gap_row *g;

	if (c->gaps_count == COLLECT_GAPS)
		return;
	g = &c->gaps[c->gaps_count++];
	g->seq = f->v->head.seq;
	g->cpu = f->v->head.cpu;
	g->time_ns = f->v->head.time_utc_ns;
	g->first = facts_u64(f, PW_F_GAP_FIRST, 0);
	g->last = facts_u64(f, PW_F_GAP_LAST, 0);
}

/* ---- of the whole log ---- */

static size_t key_of(struct collect *c, const struct facts *f)
{
	const uint8_t *id = f->p[PW_F_SEAL_KEY];
	struct key_row *k;
	size_t i = 0;

	while (i < c->keys_count && memcmp(c->keys[i].id, id, sizeof(k->id)))
		i++;
	if (i == COLLECT_KEYS) {
		c->keys_lost++;
		return i;
	}
	k = &c->keys[i];
	if (i == c->keys_count) {
		c->keys_count++;
		memcpy(k->id, id, sizeof(k->id));
		name_of(f, PW_F_CLASS, k->class_, sizeof(k->class_));
		name_of(f, PW_F_PERIOD, k->period, sizeof(k->period));
	}
	return i;
}

static bool names_key(const struct facts *f)
{
	return facts_has(f, PW_F_SEAL_KEY) && f->len_bytes[PW_F_SEAL_KEY] == 16;
}

static void see_sealed(struct collect *c, const struct facts *f)
{
	if (!names_key(f))
		return;
	c->sealed[c->sealed_next].seq = f->v->head.seq;
	c->sealed[c->sealed_next].key_idx = key_of(c, f);
	c->sealed_next = (c->sealed_next + 1) % COLLECT_SEALED;
}

/* A record with a sealed part: could it be opened? Its key stands in a record shortly before. */
static void see_part(struct collect *c, const struct facts *f)
{
	uint64_t by = facts_u64(f, PW_F_SEALED_BY, UINT64_MAX);

	for (size_t i = 0; i < COLLECT_SEALED; i++) {
		struct key_row *k = &c->keys[c->sealed[i].key_idx];

		if (c->sealed[i].seq != by || c->sealed[i].key_idx >= c->keys_count)
			continue;
		k->records++;
		k->opened += f->v->state == RECORD_UNSEALED;
		k->unread += f->v->state == RECORD_SEALED;
		return;
	}
}

/* By the key, or by class and month: then all keys of theirs that there were so far. */
static void see_erasure(struct collect *c, const struct facts *f)
{
	char class_[sizeof(c->keys[0].class_)], period[sizeof(c->keys[0].period)];

	tally_add(&c->erasures, c->seed, f->v->head.seq, 1);
	name_of(f, PW_F_CLASS, class_, sizeof(class_));
	name_of(f, PW_F_PERIOD, period, sizeof(period));
	for (size_t i = 0; i < c->keys_count; i++) {
		struct key_row *k = &c->keys[i];
		bool meant = names_key(f) ? !memcmp(k->id, f->p[PW_F_SEAL_KEY], sizeof(k->id)) :
					    !strcmp(k->class_, class_) && !strcmp(k->period, period);

		if (meant && !k->erased) {
			k->erased = true;
			k->erased_seq = f->v->head.seq;
		}
	}
}

static void see_review(struct collect *c, const struct facts *f)
{
	int64_t since_ns = facts_i64(f, PW_F_SINCE, 0), until_ns = facts_i64(f, PW_F_UNTIL, 0);

	if (since_ns >= c->until_ns || until_ns <= c->since_ns)
		return;
	tally_add(&c->reviewing, c->seed, f->v->head.seq, 1);
	if (c->reviews_count == COLLECT_REVIEWS) {
		c->reviews_lost++;
		return;
	}
	c->reviews[c->reviews_count++] = (struct review_row){ since_ns, until_ns, f->v->head.time_utc_ns };
}

static void see_whole(struct collect *c, const struct facts *f, uint64_t mask)
{
	const struct pw_record *h = &f->v->head;

	if (!c->any) {
		c->first_seq = h->seq;
		c->first_ns = h->time_utc_ns;
	}
	c->any = true;
	c->next_seq = h->seq + 1;
	c->last_ns = h->time_utc_ns;
	if (h->kind == PW_REC_SEALED)
		see_sealed(c, f);
	if (mask >> T_ERASURE & 1)
		see_erasure(c, f);
	if (facts_has(f, PW_F_SEALED_BY))
		see_part(c, f);
	if (mask >> T_REVIEW & 1)
		see_review(c, f);
}

/* Somebody looked: the longest time between two such moments is what counts. */
static void see_examined(struct collect *c, int64_t now_ns)
{
	int64_t before_ns = c->examined ? c->examined_ns : c->since_ns;

	if (now_ns - before_ns > c->unexamined_max_ns)
		c->unexamined_max_ns = now_ns - before_ns;
	c->examined++;
	c->examined_ns = now_ns;
}

static void see_in_range(struct collect *c, const struct facts *f, uint64_t mask)
{
	const struct pw_record *h = &f->v->head;
	uint64_t accesses = facts_u64(f, PW_F_COUNT, 1);

	if (h->kind == PW_REC_GAP) {
		accesses = facts_u64(f, PW_F_GAP_LAST, 0) - facts_u64(f, PW_F_GAP_FIRST, 0) + 1;
		see_gap(c, f);
		c->buckets_lost[bucket_of(c, h->time_utc_ns)] += accesses;
	}
	if (!c->in_range) {
		c->range_first_seq = h->seq;
		c->range_first_ns = h->time_utc_ns;
	}
	c->in_range = true;
	c->range_last_seq = h->seq;
	c->range_last_ns = h->time_utc_ns;
	for (uint64_t left = mask; left; left &= left - 1)
		tally_add(&c->tally[__builtin_ctzll(left)], c->seed, h->seq, accesses);
	if (mask >> T_ACCESS & 1)
		see_access(c, f, mask, accesses);
	if (mask >> T_REVIEW & 1 || (mask >> T_LOGREAD & 1 && facts_u64(f, PW_F_ACTOR_PID, 0) != c->own_pid))
		see_examined(c, h->time_utc_ns);
	if (mask >> T_LOGREAD & 1) {
		struct user_row *u = user_of(c, (uint32_t)facts_u64(f, PW_F_ACTOR_UID, UINT32_MAX));

		if (u)
			u->logreads++;
	}
}

/* Is every event accounted for? Numbers that are in no record are worse than a loss that is one. */
static void see_numbers(struct collect *c, const struct record_view *v)
{
	if (!c->any && complete_new(v->head.seq == 0, &c->complete) < 0)
		c->complete_failed = true;
	if (c->complete && complete_note(c->complete, v) < 0)
		c->complete_failed = true;
}

static void end_numbers(struct collect *c)
{
	const struct complete_ranges *missing;

	if (!c->complete || complete_end(c->complete) < 0) {
		c->complete_failed = c->complete_failed || c->any;
		return;
	}
	missing = complete_missing(c->complete);
	for (size_t i = 0; i < missing->count; i++)
		c->missing += missing->v[i].last - missing->v[i].first + 1;
}

void collect_free(struct collect *c)
{
	if (c)
		complete_free(c->complete);
	free(c);
}

void collect_see(struct collect *c, const struct record_view *v)
{
	struct facts f;
	uint64_t mask;

	facts_of(v, &f);
	mask = tally_of(&f);
	collect_tree(c, v);
	see_numbers(c, v);
	/* A sealed record has the moment of its group: those that it holds speak for themselves. */
	if (v->head.kind != PW_REC_SEALED)
		collect_time(c, &f);
	see_whole(c, &f, mask);
	if (v->head.time_utc_ns >= c->since_ns && v->head.time_utc_ns <= c->until_ns)
		see_in_range(c, &f, mask);
}

void collect_end(struct collect *c)
{
	int64_t last_ns = c->examined ? c->examined_ns : c->since_ns;

	if (c->until_ns - last_ns > c->unexamined_max_ns)
		c->unexamined_max_ns = c->until_ns - last_ns;
	collect_time_end(c);
	end_numbers(c);
	for (size_t i = 0; i < c->stores_count; i++) {
		const char *class_ = policies_class(c->policies, c->stores[i].name);
		size_t n = class_ ? strnlen(class_, sizeof(c->stores[i].class_) - 1) : 0;

		if (n)
			memcpy(c->stores[i].class_, class_, n);
	}
}
