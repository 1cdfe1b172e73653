/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A record as a line for people or as a JSON object. Whatever a file, a thread or a policy is called leaves escaped, in both: a log
 * that can be made to lie on the auditor's terminal is worth nothing. Unknown tags are shown in JSON as bytes, never dropped.
 */
#include "audit/audit.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#define NS_PER_S 1000000000ll

enum field_type { U64, I64, HEX, TEXT };

static const struct field { uint16_t tag; enum field_type type; const char *key; } known_fields[] = {
#define PW_FIELD(tag, name, type, key, meaning) { tag, type, key },
#include <polyward/record.def>
#undef PW_FIELD
};

static const struct field *field_find(uint16_t tag)
{
	for (size_t i = 0; i < sizeof(known_fields) / sizeof(known_fields[0]); i++)
		if (known_fields[i].tag == tag)
			return &known_fields[i];
	return NULL;
}

const char *record_kind_word(uint8_t kind)
{
	static const char *const words[PW_REC_MAX_] = {
		[PW_REC_ACCESS] = "access", [PW_REC_POLICY] = "policy", [PW_REC_GAP] = "gap",
		[PW_REC_MODE] = "mode", [PW_REC_LOGREAD] = "logread", [PW_REC_HEARTBEAT] = "heartbeat",
		[PW_REC_SEALED] = "sealed", [PW_REC_ERASURE] = "erasure", [PW_REC_EVIDENCE] = "evidence",
	};

	return kind < PW_REC_MAX_ ? words[kind] : NULL;
}

const char *record_action_word(uint32_t bit)
{
	static const char *const words[32] = {
#define PW_ACTION(name, bit, word, brings, meaning) [bit] = word,
#include <polyward/actions.def>
#undef PW_ACTION
	};

	return bit < 32 ? words[bit] : NULL;
}

const char *record_verdict_word(uint64_t verdict)
{
	static const char *const words[] = { [PW_ALLOW] = "allow", [PW_DENY] = "deny", [PW_AUDIT] = "audit" };

	return verdict < sizeof(words) / sizeof(words[0]) ? words[verdict] : NULL;
}

static const struct { const char *word, *sentence; } reasons[PW_R_MAX_] = {
	[PW_R_NONE]     = { "none", "" },
	[PW_R_RULE]     = { "rule", "by rule" },
	[PW_R_ABSOLUTE] = { "absolute", "by absolute rule" },
	[PW_R_DEFAULT]  = { "default", "no rule allows it" },
	[PW_R_BORDER]   = { "border", "it would carry an object over a store's border" },
	[PW_R_ROOT]     = { "root", "a store's root is neither moved nor removed" },
	[PW_R_DEPTH]    = { "depth", "too deep below every known store to be known as harmless" },
	[PW_R_INTERNAL] = { "internal", "no memory, or a table that did not answer" },
	[PW_R_SELF]     = { "self", "polyward registers hard links" },
	[PW_R_UNRECORDED] = { "unrecorded", "the store is strict and there was no room for the record" },
	[PW_R_GUARD]    = { "guard", "polyward itself, or the device of a store, is not to be touched" },
	[PW_R_SEALED]   = { "sealed", "the policy seals this kernel against further code until the next boot" },
	[PW_R_BORROWED] = { "borrowed", "another's role would have been used" },
};

const char *record_reason_word(uint64_t reason)
{
	return reason < PW_R_MAX_ ? reasons[reason].word : NULL;
}

/* ---- time ---- */

static bool calendar(int64_t utc_ns, bool utc, struct tm *ret, int64_t *ret_ns)
{
	int64_t ns = utc_ns % NS_PER_S, s = utc_ns / NS_PER_S;
	time_t t;

	if (ns < 0) {
		ns += NS_PER_S;
		s--;
	}
	t = (time_t)s;
	*ret_ns = ns;
	return (utc ? gmtime_r(&t, ret) : localtime_r(&t, ret)) != NULL;
}

void record_time(int64_t utc_ns, bool utc, struct buf *ret)
{
	struct tm tm;
	int64_t ns;
	long offset_min;

	if (!calendar(utc_ns, utc, &tm, &ns)) {
		buf_printf(ret, "%lld ns", (long long)utc_ns);
		return;
	}
	buf_printf(ret, "%04d-%02d-%02dT%02d:%02d:%02d.%0*lld", tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min,
		   tm.tm_sec, utc ? 9 : 6, (long long)(utc ? ns : ns / 1000));
	offset_min = tm.tm_gmtoff / 60;
	if (utc)
		buf_add_char(ret, 'Z');
	else
		buf_printf(ret, "%c%02ld:%02ld", offset_min < 0 ? '-' : '+', labs(offset_min) / 60, labs(offset_min) % 60);
}

/* ---- JSON ---- */

/* Escaped as for a terminal, which leaves valid UTF-8 without control characters; then the quote and the backslash for JSON. */
static void add_json_text(struct buf *b, const uint8_t *bytes, size_t len_bytes)
{
	_buf_ struct buf clean = BUF_INIT;

	buf_add_escaped(&clean, (const char *)bytes, len_bytes);
	if (clean.failed)
		b->failed = true;
	buf_add_char(b, '"');
	for (size_t i = 0; i < clean.len_bytes; i++) {
		if (clean.data[i] == '"' || clean.data[i] == '\\')
			buf_add_char(b, '\\');
		buf_add_char(b, clean.data[i]);
	}
	buf_add_char(b, '"');
}

static void add_hex(struct buf *b, const uint8_t *bytes, size_t len_bytes)
{
	for (size_t i = 0; i < len_bytes; i++)
		buf_printf(b, "%02x", bytes[i]);
}

static void add_json_actions(struct buf *b, uint64_t mask)
{
	const char *comma = "";

	buf_add_char(b, '[');
	for (uint32_t bit = 0; bit < 64; bit++) {
		const char *word = record_action_word(bit);

		if (!(mask >> bit & 1))
			continue;
		if (word)
			buf_printf(b, "%s\"%s\"", comma, word);
		else
			buf_printf(b, "%s\"bit-%u\"", comma, bit);
		comma = ", ";
	}
	buf_add_char(b, ']');
}

static void add_json_u64(struct buf *b, uint16_t tag, uint64_t v)
{
	const char *word = tag == PW_F_VERDICT ? record_verdict_word(v) : tag == PW_F_REASON ? record_reason_word(v) : NULL;

	if (tag == PW_F_NEED || tag == PW_F_MISSING)
		add_json_actions(b, v);
	else if (word)
		buf_printf(b, "\"%s\"", word);
	else
		buf_printf(b, "%llu", (unsigned long long)v);
}

static void add_json_field(struct buf *b, const struct pw_field *f, const uint8_t *value)
{
	const struct field *known = field_find(f->tag);
	uint64_t u = 0;
	int64_t i = 0;

	if (!known)
		buf_printf(b, ", \"tag_%u\": ", f->tag);
	else
		buf_printf(b, ", \"%s\": ", known->key);
	if (known && known->type == U64) {
		memcpy(&u, value, f->len_bytes < sizeof(u) ? f->len_bytes : sizeof(u));
		add_json_u64(b, f->tag, u);
	} else if (known && known->type == I64) {
		memcpy(&i, value, f->len_bytes < sizeof(i) ? f->len_bytes : sizeof(i));
		buf_printf(b, "%lld", (long long)i);
	} else if (known && known->type == TEXT) {
		add_json_text(b, value, f->len_bytes);
	} else {
		buf_add_char(b, '"');
		add_hex(b, value, f->len_bytes);
		buf_add_char(b, '"');
	}
}

static void add_json_fields(struct buf *b, const uint8_t *p, size_t len_bytes)
{
	const uint8_t *end = p + len_bytes;

	while (p < end) {
		struct pw_field f;

		memcpy(&f, p, sizeof(f));
		add_json_field(b, &f, p + sizeof(f));
		p += sizeof(f) + f.len_bytes;
	}
}

void record_render_json(const struct record_view *v, struct buf *ret)
{
	static const char *const states[] = { [RECORD_PLAIN] = NULL, [RECORD_UNSEALED] = "unsealed", [RECORD_SEALED] = "sealed",
					      [RECORD_ERASED] = "erased" };

	buf_printf(ret, "{\"seq\": %llu, \"kind\": \"%s\", \"time\": \"", (unsigned long long)v->head.seq, record_kind_word(v->head.kind));
	record_time(v->head.time_utc_ns, true, ret);
	buf_printf(ret, "\", \"time_boot_ns\": %llu, \"boot_id\": \"", (unsigned long long)v->head.time_boot_ns);
	add_hex(ret, v->head.boot_id, sizeof(v->head.boot_id));
	buf_add_char(ret, '"');
	if (v->head.cpu != 0xffff)
		buf_printf(ret, ", \"cpu\": %u, \"cpu_seq\": %llu", v->head.cpu, (unsigned long long)v->head.cpu_seq);
	add_json_fields(ret, v->fields, v->fields_len_bytes);
	if (v->shared)
		add_json_fields(ret, v->shared, v->shared_len_bytes);
	if (v->personal)
		add_json_fields(ret, v->personal, v->personal_len_bytes);
	if (states[v->state])
		buf_printf(ret, ", \"personal\": \"%s\"", states[v->state]);
	buf_add_char(ret, '}');
}

/* ---- a line for people ---- */

static void add_text(struct buf *b, const struct record_view *v, enum pw_field_tag tag, const char *before, const char *after)
{
	const uint8_t *p;
	size_t n;

	if (!record_find(v, tag, &p, &n) || n == 0)
		return;
	buf_add_str(b, before);
	buf_add_escaped(b, (const char *)p, n);
	buf_add_str(b, after);
}

static void add_user(struct buf *b, const struct record_style *style, const char *before, uint64_t uid)
{
	const char *name = style->user && uid <= UINT32_MAX ? style->user(style->ctx, (uint32_t)uid) : NULL;

	buf_add_str(b, before);
	if (name)
		buf_add_escaped(b, name, strlen(name));
	else
		buf_printf(b, "%llu", (unsigned long long)uid);
}

static void add_actions(struct buf *b, uint64_t mask)
{
	const char *comma = "";

	for (uint32_t bit = 0; bit < 64; bit++) {
		const char *word = record_action_word(bit);

		if (!(mask >> bit & 1))
			continue;
		buf_printf(b, "%s%s", comma, word ? word : "?");
		comma = ",";
	}
}

/* "user ann, at login ben, as root": only what differs is said. */
static void add_users(struct buf *b, const struct record_view *v, const struct record_style *style)
{
	uint64_t uid = record_find_u64(v, PW_F_UID, UINT64_MAX), euid = record_find_u64(v, PW_F_EUID, uid);
	uint64_t login_uid = record_find_u64(v, PW_F_LOGIN_UID, uid);

	if (uid == UINT64_MAX)
		return;
	add_user(b, style, "  user ", uid);
	if (login_uid != uid)
		add_user(b, style, " (at login ", login_uid);
	if (euid != uid)
		add_user(b, style, login_uid != uid ? ", acting as " : " (acting as ", euid);
	if (login_uid != uid || euid != uid)
		buf_add_char(b, ')');
}

static void add_reason(struct buf *b, const struct record_view *v)
{
	uint64_t reason = record_find_u64(v, PW_F_REASON, PW_R_NONE);

	if (reason < PW_R_MAX_ && reasons[reason].sentence[0])
		buf_printf(b, "  %s", reasons[reason].sentence);
	add_text(b, v, PW_F_RULE, " ", "");
	add_text(b, v, PW_F_RULE_AT, " (", ")");
}

static void add_access(struct buf *b, const struct record_view *v, const struct record_style *style)
{
	uint64_t need = record_find_u64(v, PW_F_NEED, 0), missing = record_find_u64(v, PW_F_MISSING, 0);
	uint64_t count = record_find_u64(v, PW_F_COUNT, 1);
	const uint8_t *path;
	size_t path_len_bytes;

	add_actions(b, need);
	if (missing && missing != need) {
		buf_add_str(b, " (without ");
		add_actions(b, missing);
		buf_add_char(b, ')');
	}
	buf_add_str(b, "  ");
	if (record_find(v, PW_F_PATH, &path, &path_len_bytes) && path_len_bytes)
		buf_add_escaped(b, (const char *)path, path_len_bytes);
	else
		buf_printf(b, "inode %llu%s", (unsigned long long)record_find_u64(v, PW_F_INO, 0),
			   v->state == RECORD_ERASED ? " [name erased]" : v->state == RECORD_SEALED ? " [name sealed]" : "");
	add_text(b, v, PW_F_STORE, " (", "");
	add_text(b, v, PW_F_STORE_TO, " to ", "");
	if (record_find(v, PW_F_STORE, &path, &path_len_bytes))
		buf_add_char(b, ')');
	add_users(b, v, style);
	add_text(b, v, PW_F_ROLES, "  roles ", "");
	add_text(b, v, PW_F_COMM, "  program ", "");
	buf_printf(b, "[%llu]", (unsigned long long)record_find_u64(v, PW_F_PID, 0));
	add_reason(b, v);
	if (count != 1)
		buf_printf(b, "  %llu times", (unsigned long long)count);
}

static void add_gap(struct buf *b, const struct record_view *v)
{
	uint64_t first = record_find_u64(v, PW_F_GAP_FIRST, 0), last = record_find_u64(v, PW_F_GAP_LAST, first);

	buf_printf(b, "%llu events of CPU %u were lost, number %llu to %llu", (unsigned long long)(last - first + 1), v->head.cpu,
		   (unsigned long long)first, (unsigned long long)last);
}

/* Of what it was made, so that anybody can make it again and compare. */
static void add_evidence(struct buf *b, const struct record_view *v)
{
	uint64_t size = record_find_u64(v, PW_F_TREE_SIZE, UINT64_MAX), rows = record_find_u64(v, PW_F_ROWS, UINT64_MAX);

	if (v->head.kind != PW_REC_EVIDENCE)
		return;
	add_text(b, v, PW_F_QUERY, "  ", "");
	if (rows != UINT64_MAX)
		buf_printf(b, "  from %llu records", (unsigned long long)rows);
	if (size != UINT64_MAX)
		buf_printf(b, "  of a tree of %llu", (unsigned long long)size);
}

static void add_other(struct buf *b, const struct record_view *v, const struct record_style *style)
{
	uint64_t actor_uid = record_find_u64(v, PW_F_ACTOR_UID, UINT64_MAX), actor_pid = record_find_u64(v, PW_F_ACTOR_PID, UINT64_MAX);
	uint64_t gen = record_find_u64(v, PW_F_GEN, UINT64_MAX);

	if (v->head.kind == PW_REC_GAP && record_find_u64(v, PW_F_GAP_FIRST, UINT64_MAX) != UINT64_MAX)
		add_gap(b, v);
	add_text(b, v, PW_F_EVENT, "", "");
	add_text(b, v, PW_F_NOTE, "  ", "");
	add_text(b, v, PW_F_CLASS, v->head.kind == PW_REC_SEALED ? "personal fields of class " : "  class ", "");
	add_text(b, v, PW_F_PERIOD, " of ", "");
	add_evidence(b, v);
	if (gen != UINT64_MAX)
		buf_printf(b, "  generation %llu", (unsigned long long)gen);
	if (actor_uid != UINT64_MAX)
		add_user(b, style, "  asked by ", actor_uid);
	if (actor_pid != UINT64_MAX)
		buf_printf(b, "[%llu]", (unsigned long long)actor_pid);
}

void record_render_text(const struct record_view *v, const struct record_style *style, struct buf *ret)
{
	static const char *const colors[] = { [PW_ALLOW] = "\033[32m", [PW_DENY] = "\033[31m", [PW_AUDIT] = "\033[33m" };
	uint64_t verdict = record_find_u64(v, PW_F_VERDICT, UINT64_MAX);
	const char *word = v->head.kind == PW_REC_ACCESS ? record_verdict_word(verdict) : record_kind_word(v->head.kind);

	record_time(v->head.time_utc_ns, style->utc, ret);
	buf_add_str(ret, "  ");
	if (style->color && v->head.kind == PW_REC_ACCESS && word)
		buf_add_str(ret, colors[verdict]);
	buf_printf(ret, "%-5s", word ? word : "?");
	if (style->color && v->head.kind == PW_REC_ACCESS && word)
		buf_add_str(ret, "\033[0m");
	buf_add_str(ret, "  ");
	if (v->head.kind == PW_REC_ACCESS)
		add_access(ret, v, style);
	else
		add_other(ret, v, style);
}
