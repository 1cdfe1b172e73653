/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A record as a syslog message (RFC 5424). Facility 13, log audit. The number 32473 of RFC 5612 is for examples in documents and is never
 * sent: who has an enterprise number of his own may have the fields as structured data under it. Pure.
 */
#include "export/export.h"

#include <string.h>

#include "export/fields.h"

#define FACILITY     13u
#define SEQUENCE_MAX 2147483647u /* RFC 5424, 7.3.1 */
#define HOST_MAX     255u

enum severity { ERROR = 3, WARNING, NOTICE, INFORMATIONAL };

static enum severity severity_of(const struct record_view *v)
{
	uint64_t verdict = record_find_u64(v, PW_F_VERDICT, PW_ALLOW);

	switch ((enum pw_record_kind)v->head.kind) {
	case PW_REC_ACCESS:
		return verdict == PW_DENY ? WARNING : verdict == PW_AUDIT ? NOTICE : INFORMATIONAL;
	case PW_REC_GAP:
		return ERROR;
	case PW_REC_POLICY:
	case PW_REC_MODE:
	case PW_REC_ERASURE:
		return NOTICE;
	case PW_REC_LOGREAD:
	case PW_REC_HEARTBEAT:
	case PW_REC_SEALED:
	case PW_REC_EVIDENCE:
	case PW_REC_MAX_:
		break;
	}
	return INFORMATIONAL;
}

/* Six digits behind the point at the most, years 0000 to 9999; another moment is the nil value. */
static void add_timestamp(struct buf *b, int64_t utc_ns)
{
	_buf_ struct buf full = BUF_INIT;

	record_time(utc_ns, true, &full);
	if (full.failed)
		b->failed = true;
	if (full.len_bytes != strlen("2026-11-23T12:00:00.123456789Z") || full.data[full.len_bytes - 1] != 'Z') {
		buf_add_char(b, '-');
		return;
	}
	buf_add(b, full.data, full.len_bytes - 4);
	buf_add_char(b, 'Z');
}

/* HOSTNAME: printable ASCII without blanks. */
static void add_host(struct buf *b, const char *host)
{
	size_t n = 0;

	while (host[n] > 0x20 && host[n] < 0x7f && n < HOST_MAX)
		n++;
	if (n == 0 || host[n])
		buf_add_char(b, '-');
	else
		buf_add(b, host, n);
}

/* PARAM-VALUE: escaped as for a terminal first, so that it is UTF-8 without control characters, then as RFC 5424 6.3.3 asks. */
static void add_value(struct buf *b, const uint8_t *bytes, size_t len_bytes)
{
	_buf_ struct buf clean = BUF_INIT;

	buf_add_escaped(&clean, (const char *)bytes, len_bytes);
	if (clean.failed)
		b->failed = true;
	for (size_t i = 0; i < clean.len_bytes; i++) {
		if (strchr("\"\\]", clean.data[i]))
			buf_add_char(b, '\\');
		buf_add_char(b, clean.data[i]);
	}
}

static void add_own_data(struct buf *b, const struct export_context *c, const struct export_item *i)
{
	struct fields f;

	fields_read(i->view, &f);
	buf_add_str(b, "[polyward@");
	text_u64(b, c->enterprise);
	buf_add_str(b, " seq=\"");
	text_u64(b, i->view->head.seq);
	buf_add_str(b, "\" leaf=\"");
	text_hex(b, i->leaf.v, sizeof(i->leaf.v));
	buf_add_str(b, "\" origin=\"");
	add_value(b, (const uint8_t *)c->origin, strlen(c->origin));
	buf_add_char(b, '"');
	for (uint16_t tag = 0; tag < FIELDS_TAGS; tag++) {
		_buf_ struct buf plain = BUF_INIT;

		if (!f.v[tag].there || tag == PW_F_SEAL_TEXT)
			continue;
		buf_add_char(b, ' ');
		buf_add_str(b, field_key(tag));
		buf_add_str(b, "=\"");
		text_plain(&plain, tag, &f.v[tag]);
		add_value(b, (const uint8_t *)plain.data, plain.len_bytes);
		buf_add_char(b, '"');
		if (plain.failed)
			b->failed = true;
	}
	buf_add_char(b, ']');
}

/* MSG for people; with the byte order mark that RFC 5424 asks for wherever it is more than ASCII. */
static void add_line(struct buf *b, const struct record_view *v)
{
	static const struct record_style style = { .utc = true };
	_buf_ struct buf line = BUF_INIT;

	record_render_text(v, &style, &line);
	if (line.failed)
		b->failed = true;
	for (size_t i = 0; i < line.len_bytes; i++)
		if ((uint8_t)line.data[i] >= 0x80) {
			buf_add_str(b, "\xef\xbb\xbf");
			break;
		}
	buf_add(b, line.data, line.len_bytes);
}

void export_syslog(const struct export_context *c, const struct export_item *i, struct buf *ret)
{
	const struct pw_record *h = &i->view->head;
	const char *kind = record_kind_word(h->kind);

	buf_add_char(ret, '<');
	text_u64(ret, FACILITY * 8 + severity_of(i->view));
	buf_add_str(ret, ">1 ");
	add_timestamp(ret, h->time_utc_ns);
	buf_add_char(ret, ' ');
	add_host(ret, c->host);
	buf_add_str(ret, " polyward - ");
	buf_add_str(ret, kind ? kind : "-");
	buf_add_str(ret, " [timeQuality tzKnown=\"1\"][origin software=\"polyward\" swVersion=\"" PW_VERSION "\"][meta sequenceId=\"");
	text_u64(ret, (i->number - 1) % SEQUENCE_MAX + 1);
	buf_add_str(ret, "\"]");
	if (c->enterprise)
		add_own_data(ret, c, i);
	buf_add_char(ret, ' ');
	if (c->enterprise)
		add_line(ret, i->view);
	else
		export_json(c, i, ret); /* ASCII: needs no byte order mark */
}
