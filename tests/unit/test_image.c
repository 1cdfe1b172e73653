/* SPDX-License-Identifier: Apache-2.0 */
/* Untrusted images: what is cut, changed or forged with a right hash is refused with a sentence. */
#include "test.h"

#include <openssl/sha.h>

#include "back.h"

#define POLICY BACK_HEAD \
	"time t { hours 08:00-09:00 zone Europe/Berlin }\npurpose p { \"x\" }\nprogram x { exe /opt/x }\n" \
	"role base { abstract }\nrole r { inherits base members user:alice, group:ml program x unit x.service }\n" \
	"rule one { allow r to read on s when during t unless purpose p }\nrule two { deny any to read on s when user root absolute }\n" \
	"test \"t\" { as user alice expect deny read on s by default }\n"

/* A copy that can be changed and sealed again. */
struct copy { struct pw_img_header *head; unsigned char *bytes; size_t len_bytes; };

static void copy_free(struct copy *c)
{
	free(c->bytes);
}
#define _copy_ __attribute__((cleanup(copy_free)))

static struct copy copy_of(const struct back *b)
{
	struct copy c = { .bytes = malloc(b->bytes.len_bytes), .len_bytes = b->bytes.len_bytes };

	memcpy(c.bytes, b->bytes.data, c.len_bytes);
	c.head = (struct pw_img_header *)c.bytes;
	return c;
}

static void *section(const struct copy *c, enum pw_section s)
{
	return c->bytes + c->head->sec[s].off_bytes;
}

static int check(struct copy *c, struct err *e)
{
	struct image img;

	SHA256(c->bytes + PW_IMG_HASHED_FROM, c->len_bytes - PW_IMG_HASHED_FROM, c->head->body_hash);
	return image_check(c->bytes, c->len_bytes, &img, e);
}

static void any_changed_byte_is_noticed(void)
{
	_back_ struct back b = { 0 };
	struct image img;
	struct err e;

	CHECK_INT(back_open(&b, POLICY), 0);
	_copy_ struct copy c = copy_of(&b);

	CHECK_INT(image_check(c.bytes, c.len_bytes, &img, &e), 0);
	for (size_t i = PW_IMG_HASHED_FROM; i < c.len_bytes; i++) {
		c.bytes[i] ^= 0x10;
		CHECK_INT(image_check(c.bytes, c.len_bytes, &img, &e), -EINVAL);
		c.bytes[i] ^= 0x10;
	}
}

static void any_cut_is_noticed(void)
{
	_back_ struct back b = { 0 };
	struct image img;
	struct err e;

	CHECK_INT(back_open(&b, POLICY), 0);
	_copy_ struct copy c = copy_of(&b);

	for (size_t n = 0; n < c.len_bytes; n++)
		CHECK_INT(image_check(c.bytes, n, &img, &e), -EINVAL);
	c.head->size_bytes = (__u32)(c.len_bytes - 8);
	c.len_bytes -= 8;
	CHECK_INT(check(&c, &e), -EINVAL);
	CHECK(strstr(e.text, "damaged"));
}

static void no_image_is_told_from_a_damaged_one(void)
{
	_Alignas(8) static const char text[512] = "polyward 1";
	struct image img;
	struct err e;

	CHECK_INT(image_check(text, sizeof(text), &img, &e), -EINVAL);
	CHECK_STR(e.text, "this is no policy image: the first bytes are not those of one; compile the policy first");
	CHECK_INT(image_check(text + 1, 300, &img, &e), -EINVAL);
}

/* Give a flag to all cells of a store, or, negative, take it from them. */
static void all_cells(const struct copy *c, __u32 label, int flag)
{
	const struct pw_gen *gen = section(c, PW_SEC_GEN);
	struct pw_cell *cells = section(c, PW_SEC_CELLS);

	for (__u32 row = 0; row < gen->rows; row++)
		cells[(size_t)row * gen->labels + label].flags =
			(__u8)(flag < 0 ? cells[(size_t)row * gen->labels + label].flags & ~-flag :
			       cells[(size_t)row * gen->labels + label].flags | flag);
}

/* What a policy may say differently without another hash of its own must not be changed unseen either. */
static void a_dropped_seal_is_noticed(void)
{
	_back_ struct back b = { 0 };
	struct image img;
	struct err e;

	CHECK_INT(back_open(&b, "polyward 1\npolicy p { version 1 guard sealed }\nstore s { path /srv/s }\n"), 0);
	CHECK_INT(b.img.head->flags, PW_IMG_SEALED);
	_copy_ struct copy c = copy_of(&b);

	c.head->flags = 0;
	CHECK_INT(image_check(c.bytes, c.len_bytes, &img, &e), -EINVAL);
	CHECK(strstr(e.text, "do not have the hash"));
}

/* Forged with a right hash: each must fall at its own check. */
#define FORGE(change, word) do { \
	_copy_ struct copy c = copy_of(&b); \
	struct pw_cell *cells = section(&c, PW_SEC_CELLS); \
	struct pw_entry *entries = section(&c, PW_SEC_ENTRIES); \
	struct pw_cond *conds = section(&c, PW_SEC_CONDS); \
	struct pw_gen *gen = section(&c, PW_SEC_GEN); \
	struct pw_img_store *stores = section(&c, PW_SEC_STORES); \
	struct pw_img_window *windows = section(&c, PW_SEC_WINDOWS); \
	struct pw_img_test *tests = section(&c, PW_SEC_TESTS); \
	__u64 *rows = section(&c, PW_SEC_ROWS); \
	char *strings = section(&c, PW_SEC_STRINGS); \
	(void)cells; (void)entries; (void)conds; (void)gen; (void)stores; (void)windows; (void)tests; (void)rows; (void)strings; \
	change; \
	CHECK_INT(check(&c, &e), -EINVAL); \
	if (!strstr(e.text, word)) \
		printf("# %s: %s\n", #change, e.text); \
	CHECK(strstr(e.text, word)); \
} while (0)

static void forged_tables_are_refused(void)
{
	_back_ struct back b = { 0 };
	struct err e;

	CHECK_INT(back_open(&b, POLICY), 0);
	FORGE(cells[1].allow = ~0u, "short answer");
	FORGE(cells[1].slow = 0; cells[1].allow = 1, "short answer");
	FORGE(cells[3].first = 1u << 20, "reaches beyond");
	FORGE(cells[3].count = 65, "reaches beyond");
	FORGE(cells[3].audit_window = 1, "reaches beyond");
	FORGE(cells[3].flags |= PW_CELL_AUDIT; cells[3].slow = 0x1fff; cells[3].allow = 0, "differ in mode");
	FORGE(cells[0].flags = PW_CELL_AUDIT, "outside every store");
	FORGE(entries[0].rule = 0, "does not fit its rule");
	FORGE(entries[0].rule = 99, "does not fit its rule");
	FORGE(entries[0].cond = 999, "does not fit its rule");
	FORGE(entries[0].effect = PW_EFFECT_ALLOW + 1, "does not fit its rule");
	FORGE(entries[0].actions = 1u << 31, "does not fit its rule");
	FORGE(entries[0].need_roles = 1ull << 63, "does not fit its rule");
	FORGE(conds[0].windows_need = 1, "empty");
	FORGE(conds[1].windows_need = 1u << 31, "asks for what");
	FORGE(conds[1].mfa_within_s = PW_MFA_NEVER, "asks for what");
	FORGE(gen->closure[0] = 0, "inheritance");
	FORGE(gen->closure[60] = 1, "inheritance");
	FORGE(gen->startable = ~0ull, "does not have");
	FORGE(gen->gen = 7, "constants");
	FORGE(gen->policy_hash[0] ^= 1, "constants");
	FORGE(rows[0] = 1, "not one that can be active");
	FORGE(rows[2] = 0, "not one that can be active");
	FORGE(stores[1].path = stores[1].name, "no proper name, path");
	FORGE(memcpy(strings + stores[1].path, "/a/..", 6), "no proper name, path");
	FORGE(stores[1].name = ~0u, "no proper name, path");
	FORGE(stores[1].line = 0, "no proper name, path");
	FORGE(windows[0].shift_count = 1u << 30, "no window");
	FORGE(windows[0].start_min = 1440, "no window");
	FORGE(tests[0].label = 9, "asks for what");
	FORGE(tests[0].rule = 9, "asks for what");
	FORGE(strings[c.head->sec[PW_SEC_STRINGS].count - 1] = 'x', "zero byte");
	FORGE(c.head->sec[PW_SEC_CELLS].count = 1u << 31, "section 1");
	FORGE(c.head->sec[PW_SEC_RULES].off_bytes += 8, "section");
	FORGE(c.head->owner = ~0u, "its name");
	FORGE(c.head->version = 9, "format 9");
}

/* The loader never reads the text of a policy, but whoever does may rely on its being one. */
static void a_text_that_is_none_is_refused(void)
{
	static const struct { const char *bytes; size_t len; bool good; } texts[] = {
		{ "a\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80", 10, true }, { "\xc3\xa4", 2, true }, { "\xed\x9f\xbf\xee\x80\x80", 6, true },
		{ "\xf4\x8f\xbf\xbf", 4, true }, { "\xe0\xa0\x80", 3, true }, { "a\0b", 3, false }, { "\x80", 1, false },
		{ "\xc0\xaf", 2, false }, { "\xc1\xbf", 2, false }, { "\xe0\x9f\xbf", 3, false }, { "\xed\xa0\x80", 3, false },
		{ "\xf0\x8f\xbf\xbf", 4, false }, { "\xf4\x90\x80\x80", 4, false }, { "\xf5\x80\x80\x80", 4, false }, { "\xff", 1, false },
		{ "\xc3 ", 2, false }, { "\xe2\x82 ", 3, false }, { "\xf0\x9f\x98 ", 4, false },
	};
	_back_ struct back b = { 0 };

	CHECK_INT(back_open(&b, POLICY), 0);
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		_copy_ struct copy c = copy_of(&b);
		struct err e = { 0 };

		memcpy(section(&c, PW_SEC_SOURCE), texts[i].bytes, texts[i].len);
		CHECK_INT(check(&c, &e), texts[i].good ? 0 : -EINVAL);
		CHECK(texts[i].good || strstr(e.text, "none of a text"));
	}
	/* A character must not go on behind the end. */
	_copy_ struct copy c = copy_of(&b);
	struct err e = { 0 };

	((char *)section(&c, PW_SEC_SOURCE))[c.head->sec[PW_SEC_SOURCE].count - 1] = (char)0xc3;
	CHECK_INT(check(&c, &e), -EINVAL);
	CHECK(memcmp(b.img.source, "polyward 1\npolicy p { version 1 }\n", 34) == 0);
}

static void forged_flags_are_refused(void)
{
	_back_ struct back b = { 0 };
	struct err e;

	CHECK_INT(back_open(&b, POLICY), 0);
	FORGE(stores[1].flags |= PW_IMG_SEALED, "no proper name, path");
	FORGE(stores[1].kill_after_s = 1, "no proper name, path");
	FORGE(stores[1].flags |= PW_IMG_KILL; stores[1].kill_after_s = PW_IMG_KILL_MAX_S + 1, "no proper name, path");
	FORGE(stores[1].flags |= PW_IMG_STRICT, "as the store says");
	FORGE(stores[1].flags |= PW_IMG_AUDIT, "as the store says");
	FORGE(stores[0].flags = PW_IMG_STRICT, "outside of all stores");
	FORGE(all_cells(&c, 1, PW_CELL_STRICT), "as the store says");
	FORGE(all_cells(&c, 1, PW_CELL_STRICT); stores[1].flags |= PW_IMG_STRICT; all_cells(&c, 1, -PW_CELL_LOG_ALL), "as the store says");
	FORGE(cells[1].flags |= PW_CELL_STRICT; stores[1].flags |= PW_IMG_STRICT, "differ in mode");
	FORGE(cells[1].flags |= 1u << 3, "reaches beyond");
	FORGE(c.head->flags = PW_IMG_SEALED | PW_IMG_STRICT, "means nothing");
}

TESTS(T(any_changed_byte_is_noticed), T(any_cut_is_noticed), T(no_image_is_told_from_a_damaged_one), T(forged_tables_are_refused),
      T(a_text_that_is_none_is_refused),
      T(forged_flags_are_refused), T(a_dropped_seal_is_noticed))
