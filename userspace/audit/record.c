/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One record as bytes: built field by field, and checked before anything in it is believed. The writer checks what it built with the
 * reader's own function, so that the log never holds what its reader refuses. Knows no file and no clock.
 */
#include "audit/internal.h"

#include <errno.h>
#include <string.h>

#define CRC32C_POLY 0x82f63b78u /* Castagnoli, reflected (RFC 3720, appendix B.4) */
#define PREFIX_BYTES 2u         /* length of the record, big-endian */

#define TAGS_KNOWN 64u      /* tags from here on are nobody's yet: passed over */

enum field_type { UNKNOWN, U64, I64, HEX, TEXT };

static const uint8_t field_types[TAGS_KNOWN] = {
#define PW_FIELD(tag, name, type, key, meaning) [tag] = type,
#include <polyward/record.def>
#undef PW_FIELD
};

static uint32_t crc_by_nibbles(uint32_t crc, const uint8_t *p, size_t len_bytes)
{
	static const uint32_t step[16] = {
		0x00000000, 0x105ec76f, 0x20bd8ede, 0x30e349b1, 0x417b1dbc, 0x5125dad3, 0x61c69362, 0x7198540d,
		0x82f63b78, 0x92a8fc17, 0xa24bb5a6, 0xb21572c9, 0xc38d26c4, 0xd3d3e1ab, 0xe330a81a, 0xf36e6f75,
	};

	for (; len_bytes; len_bytes--, p++) {
		crc ^= *p;
		crc = crc >> 4 ^ step[crc & 15];
		crc = crc >> 4 ^ step[crc & 15];
	}
	return crc;
}

__attribute__((target("sse4.2"))) static uint32_t crc_by_instruction(uint32_t crc, const uint8_t *p, size_t len_bytes)
{
	uint64_t wide = crc, word;

#pragma GCC unroll 8
	for (; len_bytes >= sizeof(word); len_bytes -= sizeof(word), p += sizeof(word)) {
		memcpy(&word, p, sizeof(word));
		wide = __builtin_ia32_crc32di(wide, word);
	}
	crc = (uint32_t)wide;
	for (; len_bytes; len_bytes--, p++)
		crc = __builtin_ia32_crc32qi(crc, *p);
	return crc;
}

static uint32_t crc_add(uint32_t crc, const void *bytes, size_t len_bytes)
{
	if (__builtin_cpu_supports("sse4.2"))
		return crc_by_instruction(crc, bytes, len_bytes);
	return crc_by_nibbles(crc, bytes, len_bytes);
}

/* Of a record of len_bytes >= sizeof(struct pw_record), its crc word taken as zero. In one go where it is zero already. */
static uint32_t record_crc(const uint8_t *record, size_t len_bytes)
{
	static const uint8_t zero[4];
	const size_t at = offsetof(struct pw_record, crc);
	uint32_t crc = ~0u;

	if (!memcmp(record + at, zero, sizeof(zero)))
		return ~crc_add(crc, record, len_bytes);
	crc = crc_add(crc, record, at);
	crc = crc_add(crc, zero, sizeof(zero));
	crc = crc_add(crc, record + at + sizeof(zero), len_bytes - at - sizeof(zero));
	return ~crc;
}

/* Of the bytes one after the other; for tests against the published check value. */
uint32_t record_crc32c(const void *bytes, size_t len_bytes, bool by_instruction)
{
	if (by_instruction && __builtin_cpu_supports("sse4.2"))
		return ~crc_by_instruction(~0u, bytes, len_bytes);
	return ~crc_by_nibbles(~0u, bytes, len_bytes);
}

void record_begin(struct buf *b, const struct pw_record *head)
{
	static const uint8_t no_length[PREFIX_BYTES];

	buf_add(b, no_length, sizeof(no_length));
	buf_add(b, head, sizeof(*head));
}

void record_bytes(struct buf *b, enum pw_field_tag tag, const void *bytes, size_t len_bytes)
{
	/* A longer value is cut: record_end() refuses the record anyway if it does not fit as a whole. */
	struct pw_field f = { .tag = (uint16_t)tag, .len_bytes = (uint16_t)(len_bytes < UINT16_MAX ? len_bytes : UINT16_MAX) };

	buf_add(b, &f, sizeof(f));
	buf_add(b, bytes, f.len_bytes);
}

void record_u64(struct buf *b, enum pw_field_tag tag, uint64_t v)
{
	uint8_t bytes[8];
	size_t n = 0;

	do {
		bytes[n++] = (uint8_t)v;
		v >>= 8;
	} while (v);
	record_bytes(b, tag, bytes, n);
}

void record_i64(struct buf *b, enum pw_field_tag tag, int64_t v)
{
	record_bytes(b, tag, &v, sizeof(v));
}

void record_text(struct buf *b, enum pw_field_tag tag, const char *text)
{
	record_bytes(b, tag, text, strlen(text));
}

/* Is the value what its tag says? Shortest form only: one value has one encoding, or two readers may hash the same differently. */
static bool field_is_good(const struct pw_field *f, const uint8_t *value)
{
	uint8_t type = f->tag < TAGS_KNOWN ? field_types[f->tag] : UNKNOWN;

	if (type == U64)
		return f->len_bytes >= 1 && f->len_bytes <= 8 && (f->len_bytes == 1 || value[f->len_bytes - 1] != 0);
	return type != I64 || f->len_bytes == 8;
}

/* Every field whole, of its type, and no known tag twice: which of two values counts would be anybody's guess. */
static bool fields_are_good(const uint8_t *p, size_t left, uint64_t *ret_tags)
{
	uint64_t seen = 0;

	while (left) {
		struct pw_field f;

		if (left < sizeof(f))
			return false;
		memcpy(&f, p, sizeof(f));
		p += sizeof(f);
		left -= sizeof(f);
		if (f.len_bytes > left || !field_is_good(&f, p))
			return false;
		if (f.tag < TAGS_KNOWN) {
			if (seen >> f.tag & 1)
				return false;
			seen |= 1ull << f.tag;
		}
		p += f.len_bytes;
		left -= f.len_bytes;
	}
	*ret_tags = seen;
	return true;
}

bool record_fields_are_good(const uint8_t *fields, size_t len_bytes)
{
	uint64_t tags;

	return fields_are_good(fields, len_bytes, &tags);
}

static bool head_is_good(const struct pw_record *h)
{
	return h->schema == PW_RECORD_SCHEMA && h->kind >= PW_REC_ACCESS && h->kind < PW_REC_MAX_;
}

void record_seal(uint8_t *record, size_t len_bytes)
{
	uint32_t crc = record_crc(record, len_bytes);

	memcpy(record + offsetof(struct pw_record, crc), &crc, sizeof(crc));
}

int record_end(struct buf *b, size_t begin_off_bytes)
{
	uint8_t *prefix, *record;
	struct pw_record head;
	size_t len_bytes;

	if (b->failed)
		return -ENOMEM;
	prefix = (uint8_t *)b->data + begin_off_bytes;
	record = prefix + PREFIX_BYTES;
	len_bytes = b->len_bytes - begin_off_bytes - PREFIX_BYTES;
	if (len_bytes > PW_RECORD_MAX)
		return -EMSGSIZE;
	memcpy(&head, record, sizeof(head));
	if (!head_is_good(&head) || !record_fields_are_good(record + sizeof(head), len_bytes - sizeof(head)))
		return -EINVAL;
	prefix[0] = (uint8_t)(len_bytes >> 8);
	prefix[1] = (uint8_t)len_bytes;
	record_seal(record, len_bytes);
	return 0;
}

int record_parse(const uint8_t *bytes, size_t len_bytes, struct record_view *ret, size_t *ret_used_bytes)
{
	struct record_view v = { .state = RECORD_PLAIN }; /* whoever has the keys fills in the rest */
	size_t record_bytes_count;

	if (len_bytes < PREFIX_BYTES)
		return -ENODATA;
	record_bytes_count = (size_t)bytes[0] << 8 | bytes[1];
	if (record_bytes_count < sizeof(v.head))
		return -EBADMSG;
	if (len_bytes - PREFIX_BYTES < record_bytes_count)
		return -ENODATA;
	bytes += PREFIX_BYTES;
	memcpy(&v.head, bytes, sizeof(v.head));
	v.fields = bytes + sizeof(v.head);
	v.fields_len_bytes = record_bytes_count - sizeof(v.head);
	v.bytes = bytes;
	v.len_bytes = record_bytes_count;
	if (!head_is_good(&v.head) || record_crc(bytes, record_bytes_count) != v.head.crc ||
	    !fields_are_good(v.fields, v.fields_len_bytes, &v.tags))
		return -EBADMSG;
	if (record_has(&v, PW_F_SEALED_BY))
		v.state = RECORD_SEALED;
	*ret = v;
	*ret_used_bytes = PREFIX_BYTES + record_bytes_count;
	return 0;
}

static bool find_in(const uint8_t *p, size_t len_bytes, enum pw_field_tag tag, const uint8_t **ret, size_t *ret_len_bytes)
{
	const uint8_t *end = p + len_bytes;

	while (p < end) {
		struct pw_field f;

		memcpy(&f, p, sizeof(f));
		p += sizeof(f);
		if (f.tag == (uint16_t)tag) {
			*ret = p;
			*ret_len_bytes = f.len_bytes;
			return true;
		}
		p += f.len_bytes;
	}
	return false;
}

bool record_find(const struct record_view *v, enum pw_field_tag tag, const uint8_t **ret, size_t *ret_len_bytes)
{
	return find_in(v->fields, v->fields_len_bytes, tag, ret, ret_len_bytes) ||
	       (v->personal && find_in(v->personal, v->personal_len_bytes, tag, ret, ret_len_bytes)) ||
	       (v->shared && find_in(v->shared, v->shared_len_bytes, tag, ret, ret_len_bytes));
}

uint64_t record_find_u64(const struct record_view *v, enum pw_field_tag tag, uint64_t otherwise)
{
	const uint8_t *p;
	uint64_t value = 0;
	size_t n;

	if (!record_find(v, tag, &p, &n) || n > sizeof(value))
		return otherwise;
	memcpy(&value, p, n);
	return value;
}

size_t record_shared(const struct record_view *full, uint8_t *ret)
{
	const uint8_t *p = full->fields, *end = p + full->fields_len_bytes;
	uint8_t *to = ret;

	while (p < end) {
		struct pw_field f;
		size_t n;

		memcpy(&f, p, sizeof(f));
		n = sizeof(f) + f.len_bytes;
		if (f.tag >= TAGS_KNOWN || !(PW_OWN_FIELDS >> f.tag & 1)) {
			memmove(to, p, n);
			to += n;
		}
		p += n;
	}
	return (size_t)(to - ret);
}

/*
 * Blocks get to a disk in any order, and a crash can leave blocks of zeroes that were reserved and never written. Returns where such a
 * run of whole blocks, up to the end, begins.
 */
static size_t without_empty_blocks(const uint8_t *bytes, size_t len_bytes, uint64_t file_off_bytes)
{
	size_t n = len_bytes, border;

	while (n && bytes[n - 1] == 0)
		n--;
	border = (size_t)(((file_off_bytes + n + 511) & ~511ull) - file_off_bytes);
	return n == 0 ? 0 : border < len_bytes ? border : len_bytes;
}

/* Does a whole record end at one of the field borders? Then nothing is missing: its length was changed. */
static bool ends_before(const uint8_t *record, size_t len_bytes, uint32_t crc)
{
	for (size_t at = sizeof(struct pw_record);;) {
		struct pw_field f;

		if (record_crc(record, at) == crc)
			return true;
		if (len_bytes - at < sizeof(f))
			return false;
		memcpy(&f, record + at, sizeof(f));
		at += sizeof(f);
		if (len_bytes - at < f.len_bytes)
			return false;
		at += f.len_bytes;
	}
}

bool record_tail_is_torn(const uint8_t *bytes, size_t len_bytes, uint64_t file_off_bytes, uint64_t next_seq)
{
	size_t used, written_bytes = without_empty_blocks(bytes, len_bytes, file_off_bytes);
	struct pw_record head;
	struct record_view v;

	if (written_bytes == 0 || record_parse(bytes, written_bytes, &v, &used) != -ENODATA)
		return written_bytes == 0;
	if (written_bytes < PREFIX_BYTES + sizeof(head))
		return true;
	memcpy(&head, bytes + PREFIX_BYTES, sizeof(head));
	return head_is_good(&head) && head.seq == next_seq &&
	       !ends_before(bytes + PREFIX_BYTES, written_bytes - PREFIX_BYTES, head.crc);
}
