/* SPDX-License-Identifier: Apache-2.0 */
/* audit: one record as bytes: round trip, every damage found, hostile text harmless in both renderings, gaps counted exactly. */
#include "test.h"

#include <errno.h>
#include <jansson.h>

#include "audit/gaps.h"
#include "audit/internal.h"
#include "base/cleanup.h"

static const struct pw_record head = {
	.schema = PW_RECORD_SCHEMA, .kind = PW_REC_ACCESS, .cpu = 3, .seq = 41, .cpu_seq = 1000, .time_boot_ns = 5,
	.time_utc_ns = 1795435200123456789, .boot_id = { 0xde, 0xad },
};

static void build(struct buf *b)
{
	record_begin(b, &head);
	record_u64(b, PW_F_VERDICT, PW_DENY);
	record_u64(b, PW_F_REASON, PW_R_ABSOLUTE);
	record_u64(b, PW_F_NEED, PW_A_READ | PW_A_LINK);
	record_u64(b, PW_F_MISSING, PW_A_LINK);
	record_i64(b, PW_F_ERROR, EACCES);
	record_text(b, PW_F_RULE, "no-root");
	record_text(b, PW_F_RULE_AT, "hospital.pw:41");
	record_text(b, PW_F_STORE, "scans");
	record_text(b, PW_F_PATH, "/srv/ai/a\x1b[31m\"\\\n.dcm");
	record_u64(b, PW_F_UID, 1000);
	record_u64(b, PW_F_EUID, 0);
	record_u64(b, PW_F_LOGIN_UID, 1001);
	record_u64(b, PW_F_PID, 77);
	record_text(b, PW_F_COMM, "cat");
	record_u64(b, PW_F_INO, UINT64_MAX);
	record_end(b, 0);
}

static void crc_has_the_published_check_value(void)
{
	CHECK_INT(record_crc32c("123456789", 9, false), 0xe3069283);
	CHECK_INT(record_crc32c("123456789", 9, true), 0xe3069283);
}

static void a_record_comes_back_as_it_was_built(void)
{
	_buf_ struct buf b = BUF_INIT;
	struct record_view v;
	const uint8_t *p;
	size_t used = 0, n;

	build(&b);
	CHECK_INT(record_parse((uint8_t *)b.data, b.len_bytes, &v, &used), 0);
	CHECK_INT(used, b.len_bytes);
	CHECK_INT((uint8_t)b.data[0] << 8 | (uint8_t)b.data[1], b.len_bytes - 2);
	CHECK_INT(v.head.seq, 41);
	CHECK_INT(v.head.cpu_seq, 1000);
	CHECK_INT(v.head.time_utc_ns, head.time_utc_ns);
	CHECK_INT(record_find_u64(&v, PW_F_NEED, 0), PW_A_READ | PW_A_LINK);
	CHECK(record_find_u64(&v, PW_F_INO, 0) == UINT64_MAX);
	CHECK_INT(record_find_u64(&v, PW_F_GEN, 99), 99);
	CHECK(record_find(&v, PW_F_RULE, &p, &n) && n == 7 && !memcmp(p, "no-root", 7));
	CHECK(record_find(&v, PW_F_UID, &p, &n) && n == 2); /* shortest form */
	CHECK(!record_find(&v, PW_F_ROLES, &p, &n));
}

static void a_cut_record_is_incomplete_at_every_byte(void)
{
	_buf_ struct buf b = BUF_INIT;
	struct record_view v;
	size_t used;

	build(&b);
	for (size_t n = 0; n < b.len_bytes; n++) {
		_free_ uint8_t *exact = malloc(n + 1); /* so that a sanitizer sees a read past the end */

		CHECK(exact);
		memcpy(exact, b.data, n);
		CHECK_INT(record_parse(exact, n, &v, &used), -ENODATA);
		CHECK(record_tail_is_torn(exact, n, 0, 41));
	}
}

static void one_flipped_bit_is_found_wherever_it_is(void)
{
	_buf_ struct buf b = BUF_INIT;
	struct record_view v;
	size_t used;

	build(&b);
	for (size_t bit = 0; bit < b.len_bytes * 8; bit++) {
		b.data[bit / 8] = (char)(b.data[bit / 8] ^ 1 << bit % 8);
		CHECK(record_parse((uint8_t *)b.data, b.len_bytes, &v, &used) < 0);
		CHECK(!record_tail_is_torn((uint8_t *)b.data, b.len_bytes, 0, 41));
		b.data[bit / 8] = (char)(b.data[bit / 8] ^ 1 << bit % 8);
	}
	CHECK_INT(record_parse((uint8_t *)b.data, b.len_bytes, &v, &used), 0);
}

static void blocks_that_were_never_written_are_torn(void)
{
	_buf_ struct buf b = BUF_INIT;
	_free_ uint8_t *p = calloc(1, 4096);

	build(&b);
	CHECK(p);
	CHECK(record_tail_is_torn(p, 4096, 0, 41));
	memcpy(p, b.data, 100);
	CHECK(record_tail_is_torn(p, 4096, 512 - 100, 41));   /* the block with the record's end is empty */
	CHECK(!record_tail_is_torn(p, 4096, 512 - 100, 42));  /* but it is not the record that should stand here */
	memcpy(p, b.data, b.len_bytes);
	p[60] ^= 1;
	CHECK(!record_tail_is_torn(p, 4096, 0, 41));
}

static int end_of(void (*add)(struct buf *b), struct pw_record h)
{
	_buf_ struct buf b = BUF_INIT;

	record_begin(&b, &h);
	add(&b);
	return record_end(&b, 0);
}

static void nothing(struct buf *b) { (void)b; }

static void twice(struct buf *b)
{
	record_u64(b, PW_F_UID, 1);
	record_u64(b, PW_F_UID, 2);
}

static void long_zero(struct buf *b) { record_bytes(b, PW_F_UID, "\1\0", 2); }
static void short_i64(struct buf *b) { record_bytes(b, PW_F_ERROR, "\1", 1); }
static void unknown(struct buf *b) { record_bytes(b, (enum pw_field_tag)9999, "new", 3); }

static void too_much(struct buf *b)
{
	static const uint8_t zeroes[UINT16_MAX];

	record_bytes(b, PW_F_NOTE, zeroes, sizeof(zeroes));
}

static void the_writer_refuses_what_the_reader_would(void)
{
	struct pw_record other = head;

	CHECK_INT(end_of(nothing, head), 0);
	CHECK_INT(end_of(unknown, head), 0);
	CHECK_INT(end_of(twice, head), -EINVAL);
	CHECK_INT(end_of(long_zero, head), -EINVAL);
	CHECK_INT(end_of(short_i64, head), -EINVAL);
	CHECK_INT(end_of(too_much, head), -EMSGSIZE);
	other.kind = PW_REC_MAX_;
	CHECK_INT(end_of(nothing, other), -EINVAL);
	other.kind = PW_REC_GAP;
	other.schema = 2;
	CHECK_INT(end_of(nothing, other), -EINVAL);
}

static const char *user_name(void *ctx, uint32_t uid)
{
	(void)ctx;
	return uid == 1000 ? "ann" : uid == 0 ? "root" : NULL;
}

static void a_line_says_all_and_obeys_nothing(void)
{
	_buf_ struct buf b = BUF_INIT, line = BUF_INIT;
	const struct record_style style = { .utc = true, .user = user_name };
	struct record_view v;
	size_t used;

	build(&b);
	CHECK_INT(record_parse((uint8_t *)b.data, b.len_bytes, &v, &used), 0);
	record_render_text(&v, &style, &line);
	CHECK_STR(line.data, "2026-11-23T12:00:00.123456789Z  deny   read,link (without link)  "
			     "/srv/ai/a\\x1b[31m\"\\\\\\x0a.dcm (scans)  user ann (at login 1001, acting as root)  program cat[77]  "
			     "by absolute rule no-root (hospital.pw:41)");
}

static void json_is_json_and_loses_nothing(void)
{
	_buf_ struct buf b = BUF_INIT, text = BUF_INIT;
	struct record_view v;
	json_error_t problem;
	json_t *doc;
	size_t used;

	record_begin(&b, &head);
	record_text(&b, PW_F_PATH, "a\x1b\"\\\xff\n");
	record_u64(&b, PW_F_VERDICT, PW_AUDIT);
	record_u64(&b, PW_F_MISSING, PW_A_READ | 1u << 30);
	record_bytes(&b, PW_F_POLICY_HASH, "\x01\xab", 2);
	record_bytes(&b, (enum pw_field_tag)9999, "\x00\xff", 2);
	record_i64(&b, PW_F_ERROR, -5);
	CHECK_INT(record_end(&b, 0), 0);
	CHECK_INT(record_parse((uint8_t *)b.data, b.len_bytes, &v, &used), 0);
	record_render_json(&v, &text);
	doc = json_loads(text.data, JSON_REJECT_DUPLICATES, &problem);
	CHECK(doc);
	CHECK_INT(json_integer_value(json_object_get(doc, "seq")), 41);
	CHECK_STR(json_string_value(json_object_get(doc, "time")), "2026-11-23T12:00:00.123456789Z");
	CHECK_STR(json_string_value(json_object_get(doc, "kind")), "access");
	CHECK_STR(json_string_value(json_object_get(doc, "verdict")), "audit");
	CHECK_STR(json_string_value(json_object_get(doc, "path")), "a\\x1b\"\\\\\\xff\\x0a");
	CHECK_STR(json_string_value(json_array_get(json_object_get(doc, "missing"), 0)), "read");
	CHECK_STR(json_string_value(json_array_get(json_object_get(doc, "missing"), 1)), "bit-30");
	CHECK_STR(json_string_value(json_object_get(doc, "policy_hash")), "01ab");
	CHECK_STR(json_string_value(json_object_get(doc, "tag_9999")), "00ff");
	CHECK_INT(json_integer_value(json_object_get(doc, "errno")), -5);
	json_decref(doc);
}

static void an_event_becomes_a_whole_record_without_an_image(void)
{
	static const char names[] = "scan.dcm\0patient-1"; /* leaf first */
	_buf_ struct buf b = BUF_INIT;
	struct pw_event ev = {
		.seq = 9, .time_boot_ns = 7, .time_tai_ns = 1795435200000000000, .ino = 12, .tgid = 4, .tid = 4, .uid = 5,
		.login_uid = UINT32_MAX, .session = UINT32_MAX, .mfa_age_s = PW_MFA_NEVER, .error = -EACCES, .label = 1, .cpu = 2,
		.names_len = sizeof(names), .verdict = PW_DENY, .hook = PW_HOOK_pw_file_open, .need = PW_A_READ, .missing = PW_A_READ,
		.flags = PW_EV_NAMES_CUT, .comm = "0123456789abcdef",
	};
	struct pw_record h = { .boot_id = { 1 } };
	struct record_view v;
	const uint8_t *p;
	size_t used, n;

	memcpy(ev.names, names, sizeof(names));
	record_from_event(&b, &ev, NULL, &h);
	CHECK_INT(record_parse((uint8_t *)b.data, b.len_bytes, &v, &used), 0);
	CHECK_INT(v.head.kind, PW_REC_ACCESS);
	CHECK_INT(v.head.cpu_seq, 9);
	CHECK_INT(v.head.boot_id[0], 1);
	CHECK_INT(record_find_u64(&v, PW_F_ERROR, 0), EACCES);
	CHECK(record_find(&v, PW_F_PATH, &p, &n) && n == 22 && !memcmp(p, ".../patient-1/scan.dcm", n));
	CHECK(record_find(&v, PW_F_COMM, &p, &n) && n == 16);
	CHECK(record_find(&v, PW_F_HOOK, &p, &n) && n == 9 && !memcmp(p, "file_open", n));
	CHECK(!record_find(&v, PW_F_LOGIN_UID, &p, &n));
	CHECK(!record_find(&v, PW_F_MFA_AGE_S, &p, &n));
	CHECK(!record_find(&v, PW_F_TID, &p, &n));
}

static void what_polyward_consists_of_has_a_name_of_its_own(void)
{
	_buf_ struct buf b = BUF_INIT, c = BUF_INIT;
	struct pw_event file = { .ino = 3, .label = PW_LABEL_OWN_STATE, .label_to = PW_LABEL_OWN_LOG, .verdict = PW_DENY, .reason = PW_R_GUARD };
	struct pw_event map = { .target = 77, .verdict = PW_DENY, .reason = PW_R_GUARD, .hook = PW_HOOK_pw_bpf_map, .error = -EPERM };
	struct pw_record h = { 0 };
	struct record_view v;
	const uint8_t *p;
	size_t used, n;

	record_from_event(&b, &file, NULL, &h);
	CHECK_INT(record_parse((uint8_t *)b.data, b.len_bytes, &v, &used), 0);
	CHECK(record_find(&v, PW_F_STORE, &p, &n) && n == 14 && !memcmp(p, "polyward/state", n));
	CHECK(record_find(&v, PW_F_STORE_TO, &p, &n) && n == 12 && !memcmp(p, "polyward/log", n));
	CHECK(!record_find(&v, PW_F_TARGET, &p, &n));
	record_from_event(&c, &map, NULL, &h);
	CHECK_INT(record_parse((uint8_t *)c.data, c.len_bytes, &v, &used), 0);
	CHECK_INT(record_find_u64(&v, PW_F_TARGET, 0), 77);
	CHECK_INT(record_find_u64(&v, PW_F_ERROR, 0), EPERM);
	CHECK(!record_find(&v, PW_F_STORE, &p, &n));
}

static void an_event_that_lies_about_its_length_is_harmless(void)
{
	_buf_ struct buf b = BUF_INIT;
	struct pw_event ev = { .names_len = UINT16_MAX, .hook = 255, .rule = UINT32_MAX, .label = UINT16_MAX };
	struct pw_record h = { 0 };
	struct record_view v;
	const uint8_t *p;
	size_t used, n;

	memset(ev.names, 'x', sizeof(ev.names)); /* no end anywhere */
	record_from_event(&b, &ev, NULL, &h);
	CHECK_INT(record_parse((uint8_t *)b.data, b.len_bytes, &v, &used), 0);
	CHECK(!record_find(&v, PW_F_PATH, &p, &n));
}

static void numbers_out_of_order_are_no_loss_and_holes_are_exact(void)
{
	struct gaps g = { 0 };
	struct hole h;
	uint32_t cpu;

	CHECK_INT(gaps_note(&g, 1, 2, 10), 0);
	CHECK(gaps_oldest(&g, &cpu, &h) && cpu == 1 && h.first == 0 && h.last == 1 && h.since_ns == 10);
	CHECK_INT(gaps_note(&g, 1, 0, 11), 0);
	CHECK_INT(gaps_note(&g, 1, 1, 12), 0);
	CHECK(!gaps_oldest(&g, &cpu, &h));
	CHECK_INT(gaps_note(&g, 1, 9, 20), 0);
	CHECK_INT(gaps_note(&g, 1, 5, 21), 0); /* splits the hole 3..8 */
	CHECK(gaps_oldest(&g, &cpu, &h) && h.first == 3 && h.last == 4);
	gaps_declare(&g, 1, &h);
	CHECK(gaps_oldest(&g, &cpu, &h) && h.first == 6 && h.last == 8);
	gaps_declare(&g, 1, &h);
	CHECK(!gaps_oldest(&g, &cpu, &h));
	CHECK_INT(gaps_note(&g, 1, 7, 30), 0); /* later still: no new hole */
	CHECK(!gaps_oldest(&g, &cpu, &h));
	CHECK_INT(gaps_note(&g, 1, 10, 31), 0);
	gaps_unnote(&g, 1, 10, 31);
	CHECK(gaps_oldest(&g, &cpu, &h) && h.first == 10 && h.last == 10);
	CHECK_INT(gaps_note(&g, GAPS_CPUS_MAX, 0, 0), -EINVAL);
	gaps_free(&g);
}

static void counters_that_begin_again_are_noticed(void)
{
	struct gaps g = { 0 };
	struct hole h;
	uint32_t cpu;

	CHECK_INT(gaps_begin(&g, 0, 5000), 0);
	CHECK_INT(gaps_note(&g, 0, 5000, 1), 0);
	CHECK_INT(gaps_note(&g, 0, 4999, 1), 0); /* was in the other ring when the log was closed */
	CHECK(!gaps_oldest(&g, &cpu, &h));
	CHECK_INT(gaps_note(&g, 0, 2, 2), 0);
	CHECK(gaps_oldest(&g, &cpu, &h) && h.first == 0 && h.last == 1);
	gaps_free(&g);
}

TESTS(T(crc_has_the_published_check_value), T(a_record_comes_back_as_it_was_built), T(a_cut_record_is_incomplete_at_every_byte),
      T(one_flipped_bit_is_found_wherever_it_is), T(blocks_that_were_never_written_are_torn),
      T(the_writer_refuses_what_the_reader_would), T(a_line_says_all_and_obeys_nothing), T(json_is_json_and_loses_nothing),
      T(an_event_becomes_a_whole_record_without_an_image), T(what_polyward_consists_of_has_a_name_of_its_own),
      T(an_event_that_lies_about_its_length_is_harmless),
      T(numbers_out_of_order_are_no_loss_and_holes_are_exact), T(counters_that_begin_again_are_noticed))
