/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Untrusted bytes become a policy here or nowhere. Every count, offset, index, order and hash is looked at once, so that nobody
 * behind this needs to. Never changes the bytes, never follows an offset before it was checked.
 */
#include "policy/image.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/sha.h>
#include <stdbool.h>
#include <string.h>

#include "base/err.h"
#include "policy/layout.h"

#define BAD(e, fmt, ...) \
	err_say(e, -EINVAL, "the policy image is damaged: " fmt "; compile the policy again" __VA_OPT__(,) __VA_ARGS__)

const char *image_str(const struct image *img, __u32 off)
{
	return img->strings + off;
}

struct image_masks image_masks(const struct pw_entry *entries, __u32 count, __u64 roles, int audits)
{
	__u32 allowed = 0, denied = 0, slow = 0;

	for (__u32 i = 0; i < count; i++) {
		const struct pw_entry *e = &entries[i];

		if ((e->need_roles & roles) != e->need_roles || (e->forbid_roles & roles))
			continue;
		if (e->cond || (e->flags & PW_ENTRY_AUDIT))
			slow |= e->actions;
		else if (e->effect == PW_EFFECT_ALLOW)
			allowed |= e->actions;
		else
			denied |= e->actions;
	}
	if (audits)
		slow = LAYOUT_ALL_ACTIONS;
	return (struct image_masks){ .allow = allowed & ~denied & ~slow, .slow = slow };
}

/* ---- helpers over a half-checked image ---- */

static __u64 low_bits(__u32 count)
{
	return count >= 64 ? ~0ull : (1ull << count) - 1;
}

static bool is_str(const struct image *img, __u32 off)
{
	return off < img->count[PW_SEC_STRINGS];
}

static bool is_name(const struct image *img, __u32 off)
{
	return is_str(img, off) && img->strings[off];
}

static bool is_place(const struct image *img, __u32 file, __u32 line)
{
	return file < img->count[PW_SEC_FILES] && line > 0;
}

static bool is_role_set(const struct image *img, __u64 roles)
{
	return !(roles & ~low_bits(img->count[PW_SEC_ROLES]));
}

/* Absolute, no empty, "." or ".." part, no slash at the end; "/" alone is not a place for a store or a program. */
static bool is_path(const struct image *img, __u32 off)
{
	const char *p;

	if (!is_str(img, off) || img->strings[off] != '/')
		return false;
	for (p = img->strings + off; *p;) {
		size_t len = strcspn(++p, "/");

		if (len == 0 || (len == 1 && p[0] == '.') || (len == 2 && p[0] == '.' && p[1] == '.'))
			return false;
		p += len;
	}
	return true;
}

/* ---- header and sections ---- */

static int check_header(const void *bytes, size_t len_bytes, struct err *e)
{
	const struct pw_img_header *h = bytes;
	uint8_t hash[SHA256_DIGEST_LENGTH];

	if ((uintptr_t)bytes % 8)
		return BAD(e, "it does not lie at a multiple of 8 bytes");
	if (len_bytes < sizeof(*h))
		return BAD(e, "%zu bytes are less than its header", len_bytes);
	if (h->magic != PW_IMAGE_MAGIC)
		return err_say(e, -EINVAL, "this is no policy image: the first bytes are not those of one; compile the policy first");
	if (h->version != PW_IMAGE_VERSION)
		return err_say(e, -EINVAL, "the policy image has format %u and this program reads format %u; compile the policy "
			       "again with this version", h->version, PW_IMAGE_VERSION);
	if (len_bytes > PW_IMAGE_MAX)
		return BAD(e, "%zu bytes are more than the %u that an image may have", len_bytes, PW_IMAGE_MAX);
	if (h->size_bytes != len_bytes)
		return BAD(e, "it should have %u bytes and has %zu", h->size_bytes, len_bytes);
	if (h->flags & ~(__u32)PW_IMG_SEALED)
		return BAD(e, "its header has a flag that means nothing");
	/* No openssl.cnf: it could name a module to load. */
	(void)OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, NULL);
	SHA256((const unsigned char *)bytes + PW_IMG_HASHED_FROM, len_bytes - PW_IMG_HASHED_FROM, hash);
	if (memcmp(hash, h->body_hash, sizeof(hash)) != 0)
		return BAD(e, "its contents do not have the hash that its header states");
	return 0;
}

static int check_sections(const unsigned char *bytes, size_t len_bytes, const void *ret_at[static PW_SEC_MAX_],
			  struct image *img, struct err *e)
{
	size_t at = sizeof(struct pw_img_header);

	for (unsigned int s = 0; s < PW_SEC_MAX_; s++) {
		const struct pw_img_span *span = &img->head->sec[s];
		size_t size, start = (at + 7) & ~(size_t)7;

		if (__builtin_mul_overflow((size_t)span->count, layout_elem_bytes(s), &size) ||
		    span->off_bytes != start || start > len_bytes || size > len_bytes - start)
			return BAD(e, "section %u does not lie where it must", s);
		for (; at < start; at++)
			if (bytes[at])
				return BAD(e, "there are bytes between its sections");
		ret_at[s] = bytes + start;
		img->count[s] = span->count;
		at = start + size;
	}
	return at == len_bytes ? 0 : BAD(e, "there are bytes behind its last section");
}

static int check_counts(const struct image *img, struct err *e)
{
	static const struct { enum pw_section s; __u32 min, max; } limits[] = {
		{ PW_SEC_GEN, 1, 1 },
		{ PW_SEC_ENTRIES, 0, PW_ENTRIES_MAX },
		{ PW_SEC_CONDS, 1, PW_CONDS_MAX },
		{ PW_SEC_ROWS, 1, PW_ROWS_MAX },
		{ PW_SEC_STORES, 1, PW_LABELS_MAX },
		{ PW_SEC_ROLES, 0, PW_ROLES_MAX },
		{ PW_SEC_RULES, 1, PW_RULES_MAX },
		{ PW_SEC_WINDOWS, 0, PW_WINDOWS_MAX },
		{ PW_SEC_PURPOSES, 0, PW_PURPOSES_MAX },
		{ PW_SEC_STRINGS, 1, PW_IMAGE_MAX },
		{ PW_SEC_SOURCE, 1, PW_IMAGE_MAX },
	};

	for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++)
		if (img->count[limits[i].s] < limits[i].min || img->count[limits[i].s] > limits[i].max)
			return BAD(e, "section %u has %u elements, from %u to %u are possible", limits[i].s,
				   img->count[limits[i].s], limits[i].min, limits[i].max);
	if (img->count[PW_SEC_ROWS] < 1 + img->count[PW_SEC_ROLES] ||
	    img->count[PW_SEC_CELLS] != img->count[PW_SEC_ROWS] * img->count[PW_SEC_STORES])
		return BAD(e, "the number of its cells is not that of role sets times stores");
	if (img->strings[0] || img->strings[img->count[PW_SEC_STRINGS] - 1])
		return BAD(e, "its strings do not begin and end with a zero byte");
	return 0;
}

/* ---- what each section holds ---- */

static int check_gen(const struct image *img, struct err *e)
{
	const struct pw_gen *g = img->gen;
	__u32 roles = img->count[PW_SEC_ROLES];

	if (g->gen || g->labels != img->count[PW_SEC_STORES] || g->rows != img->count[PW_SEC_ROWS] ||
	    (g->actions_named & ~(__u32)LAYOUT_ALL_ACTIONS) ||
	    memcmp(g->policy_hash, img->head->policy_hash, sizeof(g->policy_hash)) != 0)
		return BAD(e, "its constants do not fit its tables");
	if (!is_role_set(img, g->members_any | g->program_any | g->unit_any | g->startable | g->loose))
		return BAD(e, "a clause speaks of a role that it does not have");
	for (__u32 r = 0; r < PW_ROLES_MAX; r++) {
		__u64 c = g->closure[r];

		if (r >= roles ? c != 0 : (!is_role_set(img, c) || !(c >> r & 1) || pw_roles_close(g, c) != c))
			return BAD(e, "the inheritance of role %u is not complete", r);
	}
	return 0;
}

static int check_rows(const struct image *img, struct err *e)
{
	for (__u32 r = 0; r < img->count[PW_SEC_ROWS]; r++) {
		__u64 set = img->rows[r];

		if (!is_role_set(img, set) || pw_roles_close(img->gen, set) != set ||
		    (r == 0 && set) || (r > 0 && r <= img->count[PW_SEC_ROLES] && set != img->gen->closure[r - 1]))
			return BAD(e, "role set %u is not one that can be active", r);
		if (table_row(img, set) != r)
			return BAD(e, "role set %u is there twice", r);
	}
	return 0;
}

static int check_conds(const struct image *img, struct err *e)
{
	static const struct pw_cond zero;

	for (__u32 i = 0; i < img->count[PW_SEC_CONDS]; i++) {
		const struct pw_cond *c = &img->conds[i];

		if ((i == 0) != (memcmp(c, &zero, sizeof(zero)) == 0))
			return BAD(e, "condition %u is empty, or the first one is not", i);
		if (((c->windows_need | c->windows_forbid) & ~low_bits(img->count[PW_SEC_WINDOWS])) ||
		    ((c->purposes_need | c->purposes_forbid) & ~low_bits(img->count[PW_SEC_PURPOSES])) ||
		    c->mfa_within_s == PW_MFA_NEVER || c->pad_[0] || c->pad_[1])
			return BAD(e, "condition %u asks for what it does not have", i);
	}
	return 0;
}

static bool entry_fits(const struct image *img, const struct pw_entry *e)
{
	const struct pw_img_rule *rule;
	bool audit = e->flags & PW_ENTRY_AUDIT;

	if (!e->rule || e->rule >= img->count[PW_SEC_RULES] || e->cond >= img->count[PW_SEC_CONDS] || e->pad_ ||
	    !e->actions || (e->actions & ~(__u32)LAYOUT_ALL_ACTIONS) || (e->flags & ~PW_ENTRY_AUDIT) ||
	    !is_role_set(img, e->need_roles | e->forbid_roles))
		return false;
	rule = &img->rules[e->rule];
	return e->effect == rule->effect && (!audit || (e->effect != PW_EFFECT_ALLOW && (rule->flags & PW_IMG_AUDIT)));
}

static bool entries_ordered(const struct pw_entry *a, const struct pw_entry *b)
{
	return a->effect > b->effect || (a->effect == b->effect && a->rule <= b->rule);
}

static int check_cell(const struct image *img, __u32 row, __u32 label, struct err *e)
{
	const struct pw_cell *cell = &img->cells[(size_t)row * img->gen->labels + label];
	const struct pw_entry *entries = img->entries + cell->first;
	const struct pw_img_store *store = &img->stores[label];
	struct image_masks masks;

	if (cell->count > PW_CELL_ENTRIES_MAX || (!cell->count && cell->first) || cell->first > img->count[PW_SEC_ENTRIES] ||
	    cell->count > img->count[PW_SEC_ENTRIES] - cell->first || cell->audit_window > img->count[PW_SEC_WINDOWS] ||
	    (cell->audit_window && !(cell->flags & PW_CELL_AUDIT)) ||
	    (cell->flags & ~(PW_CELL_AUDIT | PW_CELL_LOG_ALL | PW_CELL_STRICT)))
		return BAD(e, "the cell of role set %u and store %u reaches beyond its tables", row, label);
	if (label == PW_LABEL_OUTSIDE && (cell->count || cell->flags))
		return BAD(e, "it speaks about files outside every store");
	for (__u32 i = 1; i < cell->count; i++)
		if (!entries_ordered(&entries[i - 1], &entries[i]))
			return BAD(e, "the entries of role set %u and store %u are out of order", row, label);
	masks = image_masks(entries, cell->count, img->rows[row], cell->flags & PW_CELL_AUDIT);
	if (cell->allow != masks.allow || cell->slow != masks.slow)
		return BAD(e, "the short answer of role set %u and store %u is not what its rules say", row, label);
	/* The kernel asks any row about mode audit: all rows of a store must say the same. */
	if (cell->flags != img->cells[label].flags || cell->audit_window != img->cells[label].audit_window)
		return BAD(e, "the rows of store %u differ in mode", label);
	if (!(cell->flags & PW_CELL_STRICT) != !(store->flags & PW_IMG_STRICT) ||
	    !(cell->flags & PW_CELL_AUDIT) != !(store->flags & PW_IMG_AUDIT) ||
	    ((cell->flags & PW_CELL_STRICT) && !(cell->flags & PW_CELL_LOG_ALL)))
		return BAD(e, "the cells of store %u do not record and refuse as the store says", label);
	return 0;
}

static int check_cells(const struct image *img, struct err *e)
{
	for (__u32 i = 0; i < img->count[PW_SEC_ENTRIES]; i++)
		if (!entry_fits(img, &img->entries[i]))
			return BAD(e, "entry %u does not fit its rule", i);
	for (__u32 row = 0; row < img->count[PW_SEC_ROWS]; row++)
		for (__u32 label = 0; label < img->count[PW_SEC_STORES]; label++) {
			int r = check_cell(img, row, label, e);

			if (r < 0)
				return r;
		}
	return 0;
}

static int check_stores(const struct image *img, struct err *e)
{
	const struct pw_img_store *out = &img->stores[0];

	if (out->name || out->path || out->modality || out->class_ || out->flags || out->file || out->line ||
	    out->kill_after_s)
		return BAD(e, "its first store is not the outside of all stores");
	for (__u32 i = 1; i < img->count[PW_SEC_STORES]; i++) {
		const struct pw_img_store *s = &img->stores[i];

		if (!is_name(img, s->name) || !is_path(img, s->path) || !is_str(img, s->modality) || !is_str(img, s->class_) ||
		    (s->flags & ~(__u32)(PW_IMG_AUDIT | PW_IMG_STRICT | PW_IMG_KILL)) ||
		    (s->kill_after_s && !(s->flags & PW_IMG_KILL)) || s->kill_after_s > PW_IMG_KILL_MAX_S || !is_place(img, s->file, s->line))
			return BAD(e, "store %u has no proper name, path or place", i);
		for (__u32 k = 1; k < i; k++)
			if (strcmp(image_str(img, s->path), image_str(img, img->stores[k].path)) == 0)
				return BAD(e, "stores %u and %u have the same path", k, i);
	}
	return 0;
}

static int check_subjects(const struct image *img, struct err *e)
{
	for (__u32 i = 0; i < img->count[PW_SEC_ATTRS]; i++) {
		const struct pw_img_attr *a = &img->attrs[i];

		if ((a->kind != PW_ATTR_UID && a->kind != PW_ATTR_GID) || !a->roles || !is_role_set(img, a->roles) ||
		    (i && (a[-1].kind > a->kind || (a[-1].kind == a->kind && a[-1].id >= a->id))))
			return BAD(e, "user or group %u is out of order or has no role", i);
	}
	for (__u32 i = 0; i < img->count[PW_SEC_PROGRAMS]; i++) {
		const struct pw_img_program *p = &img->programs[i];

		if (!is_name(img, p->name) || !is_path(img, p->path) || p->has_verity > 1 || p->pad_ || !is_role_set(img, p->roles))
			return BAD(e, "program %u has no proper name or path", i);
	}
	for (__u32 i = 0; i < img->count[PW_SEC_UNITS]; i++) {
		const struct pw_img_unit *u = &img->units[i];

		if (!is_name(img, u->name) || strlen(image_str(img, u->name)) >= PW_UNIT_NAME_MAX || u->pad_ ||
		    !is_role_set(img, u->roles) || (i && strcmp(image_str(img, u[-1].name), image_str(img, u->name)) >= 0))
			return BAD(e, "unit %u has no proper name or is out of order", i);
	}
	for (__u32 i = 0; i < img->count[PW_SEC_ROLES]; i++) {
		const struct pw_img_role *r = &img->roles[i];

		if (!is_name(img, r->name) || !is_place(img, r->file, r->line) ||
		    (r->flags & ~(__u32)(PW_ROLE_ABSTRACT | PW_ROLE_HIDDEN)) ||
		    ((r->flags & PW_ROLE_ABSTRACT) != 0) == ((img->gen->startable >> i & 1) != 0))
			return BAD(e, "role %u has no proper name or place", i);
	}
	return 0;
}

static int check_rules(const struct image *img, struct err *e)
{
	for (__u32 i = 1; i < img->count[PW_SEC_RULES]; i++) {
		const struct pw_img_rule *r = &img->rules[i];

		if (!is_name(img, r->name) || !is_place(img, r->file, r->line) || !r->actions || r->pad_ ||
		    (r->actions & ~img->gen->actions_named) || r->effect < PW_EFFECT_ALLOW || r->effect > PW_EFFECT_ABSOLUTE ||
		    (r->flags & ~PW_IMG_AUDIT))
			return BAD(e, "rule %u has no proper name, place or effect", i);
	}
	return 0;
}

static int check_windows(const struct image *img, struct err *e)
{
	__u32 shifts = img->count[PW_SEC_SHIFTS];

	for (__u32 i = 0; i < shifts; i++)
		if (img->shifts[i].offset_s < -86400 || img->shifts[i].offset_s > 86400 || img->shifts[i].pad_)
			return BAD(e, "shift %u is more than a day", i);
	for (__u32 i = 0; i < img->count[PW_SEC_WINDOWS]; i++) {
		const struct pw_img_window *w = &img->windows[i];

		if (!is_name(img, w->name) || w->pad_ || w->days > 127 || w->start_min >= 1440 || w->end_min > 1440 ||
		    w->shift_first > shifts || w->shift_count > shifts - w->shift_first ||
		    (!w->until_utc_s && (!w->shift_count || !w->days)))
			return BAD(e, "time window %u is no window", i);
		for (__u32 k = 1; k < w->shift_count; k++)
			if (img->shifts[w->shift_first + k].from_utc_s <= img->shifts[w->shift_first + k - 1].from_utc_s)
				return BAD(e, "the shifts of time window %u are out of order", i);
	}
	return 0;
}

static int check_rest(const struct image *img, struct err *e)
{
	for (__u32 i = 0; i < img->count[PW_SEC_PURPOSES]; i++)
		if (!is_name(img, img->purposes[i]))
			return BAD(e, "purpose %u has no name", i);
	for (__u32 i = 0; i < img->count[PW_SEC_FILES]; i++)
		if (!is_str(img, img->files[i]))
			return BAD(e, "file %u has no name", i);
	for (__u32 i = 0; i < img->count[PW_SEC_ADMINS]; i++) {
		const struct pw_img_admin *a = &img->admins[i];

		if ((a->kind != PW_ATTR_UID && a->kind != PW_ATTR_GID) || (a->may & ~(__u32)PW_MAY_ALL) || !a->may || a->pad_)
			return BAD(e, "administrator %u is neither user nor group", i);
	}
	for (__u32 i = 0; i < img->count[PW_SEC_TESTS]; i++) {
		const struct pw_img_test *t = &img->tests[i];

		if (!is_str(img, t->name) || !is_place(img, t->file, t->line) || !is_role_set(img, t->roles) ||
		    (t->windows & ~low_bits(img->count[PW_SEC_WINDOWS])) || t->purpose > img->count[PW_SEC_PURPOSES] ||
		    !t->need || (t->need & ~(__u32)LAYOUT_ALL_ACTIONS) || !t->label || t->label >= img->count[PW_SEC_STORES] ||
		    t->rule >= img->count[PW_SEC_RULES] || t->verdict > PW_DENY || t->says_by > 1 || t->pad_ || t->pad2_)
			return BAD(e, "test %u asks for what it does not have", i);
	}
	return 0;
}

/* Bytes of one UTF-8 character at p, 0 if it is none: RFC 3629, so neither overlong nor a surrogate. */
static size_t utf8_len(const unsigned char *p, size_t left)
{
	static const struct { unsigned char mask, lead, min, max; size_t len; } forms[] = {
		{ 0x80, 0x00, 0, 0, 1 }, { 0xff, 0xe0, 0xa0, 0xbf, 3 }, { 0xff, 0xed, 0x80, 0x9f, 3 }, { 0xff, 0xf0, 0x90, 0xbf, 4 },
		{ 0xff, 0xf4, 0x80, 0x8f, 4 }, { 0xe0, 0xc0, 0x80, 0xbf, 2 }, { 0xf0, 0xe0, 0x80, 0xbf, 3 }, { 0xf8, 0xf0, 0x80, 0xbf, 4 },
	};

	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		if ((p[0] & forms[i].mask) != forms[i].lead)
			continue;
		if (forms[i].len > left || (forms[i].len == 2 && p[0] < 0xc2) || (forms[i].len == 4 && p[0] > 0xf4) ||
		    (forms[i].len > 1 && (p[1] < forms[i].min || p[1] > forms[i].max)))
			return 0;
		for (size_t k = 2; k < forms[i].len; k++)
			if ((p[k] & 0xc0) != 0x80)
				return 0;
		return forms[i].len;
	}
	return 0;
}

/* Its form and nothing more: what decides are the tables. */
static int check_source(const struct image *img, struct err *e)
{
	size_t size = img->count[PW_SEC_SOURCE], len;

	for (size_t i = 0; i < size; i += len) {
		len = utf8_len((const unsigned char *)img->source + i, size - i);
		if (!len || !img->source[i])
			return BAD(e, "byte %zu of the policy's text is none of a text", i);
	}
	return 0;
}

static void point(struct image *img, const void *const at[static PW_SEC_MAX_])
{
	img->gen = at[PW_SEC_GEN];
	img->cells = at[PW_SEC_CELLS];
	img->entries = at[PW_SEC_ENTRIES];
	img->conds = at[PW_SEC_CONDS];
	img->rows = at[PW_SEC_ROWS];
	img->attrs = at[PW_SEC_ATTRS];
	img->stores = at[PW_SEC_STORES];
	img->programs = at[PW_SEC_PROGRAMS];
	img->units = at[PW_SEC_UNITS];
	img->roles = at[PW_SEC_ROLES];
	img->rules = at[PW_SEC_RULES];
	img->windows = at[PW_SEC_WINDOWS];
	img->shifts = at[PW_SEC_SHIFTS];
	img->purposes = at[PW_SEC_PURPOSES];
	img->admins = at[PW_SEC_ADMINS];
	img->tests = at[PW_SEC_TESTS];
	img->files = at[PW_SEC_FILES];
	img->strings = at[PW_SEC_STRINGS];
	img->source = at[PW_SEC_SOURCE];
}

int image_check(const void *bytes, size_t len_bytes, struct image *ret, struct err *e)
{
	/* In this order: each relies on what those before it have looked at. */
	static int (*const checks[])(const struct image *img, struct err *e) = {
		check_counts, check_gen, check_rows, check_conds, check_rest, check_stores, check_subjects, check_rules,
		check_windows, check_cells, check_source,
	};
	struct image img = { .head = bytes };
	const void *at[PW_SEC_MAX_] = { NULL };
	int r;

	r = check_header(bytes, len_bytes, e);
	if (r < 0)
		return r;
	r = check_sections(bytes, len_bytes, at, &img, e);
	if (r < 0)
		return r;
	point(&img, at);
	for (size_t i = 0; i < sizeof(checks) / sizeof(checks[0]); i++) {
		r = checks[i](&img, e);
		if (r < 0)
			return r;
	}
	if (!is_str(&img, img.head->name) || !is_str(&img, img.head->policy_version) || !is_str(&img, img.head->owner))
		return BAD(e, "its name is not among its strings");
	*ret = img;
	return 0;
}
