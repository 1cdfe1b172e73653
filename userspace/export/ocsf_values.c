/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The values of ocsf.def that are more than one field. Each function writes one JSON value, or nothing and returns false; it notes the
 * fields that it took, so that the rest can stand below "unmapped". It never makes up what the record does not say.
 */
#include "export/ocsf.h"

#include <string.h>

#define NS_PER_MS 1000000ll

static bool taken(struct ocsf_event *e, enum pw_field_tag tag)
{
	if (e->f.v[tag].there)
		e->taken |= 1ull << tag;
	return e->f.v[tag].there;
}

static void put_quoted_u64(struct buf *b, uint64_t v)
{
	buf_add_char(b, '"');
	text_u64(b, v);
	buf_add_char(b, '"');
}

static bool put_number(struct buf *b, uint64_t v)
{
	text_u64(b, v);
	return true;
}

static bool put_word(struct buf *b, const char *word)
{
	text_json_str(b, word);
	return true;
}

static bool put_text(struct ocsf_event *e, struct buf *b, enum pw_field_tag tag)
{
	if (!taken(e, tag))
		return false;
	text_json(b, e->f.v[tag].bytes, e->f.v[tag].len_bytes);
	return true;
}

static bool put_hex(struct ocsf_event *e, struct buf *b, enum pw_field_tag tag)
{
	if (!taken(e, tag))
		return false;
	buf_add_char(b, '"');
	text_hex(b, e->f.v[tag].bytes, e->f.v[tag].len_bytes);
	buf_add_char(b, '"');
	return true;
}

/* Milliseconds since 1970, rounded down also before it. */
static void put_ms(struct buf *b, int64_t utc_ns)
{
	text_i64(b, utc_ns / NS_PER_MS - (utc_ns % NS_PER_MS < 0));
}

/* ---- which event ---- */

struct event_row { uint8_t kind, class_, activity, severity, status; const char *event; };

static const struct event_row events[] = {
#define PW_OCSF_EVENT(kind_, event_, class_n, activity_, severity_, status_) \
	{ .kind = PW_REC_##kind_, .event = event_, .class_ = class_n, .activity = activity_, .severity = severity_, .status = status_ },
#include "export/ocsf_events.def"
#undef PW_OCSF_EVENT
};

static const struct { uint32_t action; uint8_t activity; const char *name; } activities[] = {
#define PW_OCSF_ACTIVITY(action, activity, name) { action, activity, name },
#include "export/ocsf_events.def"
#undef PW_OCSF_ACTIVITY
};

static void classify_access(struct ocsf_event *e)
{
	uint64_t verdict = fields_u64(&e->f, PW_F_VERDICT, PW_ALLOW), need = fields_u64(&e->f, PW_F_NEED, 0);
	uint64_t reason = fields_u64(&e->f, PW_F_REASON, PW_R_NONE);
	bool guarded = reason == PW_R_GUARD || reason == PW_R_SEALED || reason == PW_R_BORROWED;

	e->severity = verdict == PW_DENY ? (guarded ? 4 : 3) : verdict == PW_AUDIT ? 2 : 1;
	e->status = fields_i64(&e->f, PW_F_ERROR, 0) ? 2 : 1;
	e->activity = 99;
	/* What was acted on is a process, a BPF object or a device: a file it has not, so it is no file activity. */
	if (fields_has(&e->f, PW_F_TARGET) && !fields_u64(&e->f, PW_F_INO, 0)) {
		e->class_ = ENTITY;
		e->activity_name = "Access";
		return;
	}
	e->class_ = FILE_;
	e->activity_name = "Other";
	if (fields_is(&e->f, PW_F_HOOK, "inode_rename")) {
		e->activity = 5;
		e->activity_name = "Rename";
		return;
	}
	for (size_t i = 0; i < sizeof(activities) / sizeof(activities[0]); i++)
		if (need & activities[i].action) {
			e->activity = activities[i].activity;
			e->activity_name = activities[i].name;
			return;
		}
}

void ocsf_classify(const struct export_context *c, const struct export_item *i, struct ocsf_event *ret)
{
	static const struct event_row unknown = { .class_ = LOG, .activity = 0, .severity = 0, .status = 0 };
	const struct event_row *row = &unknown;

	*ret = (struct ocsf_event){ .context = c, .item = i, .view = i->view };
	fields_read(i->view, &ret->f);
	if (i->view->head.kind == PW_REC_ACCESS) {
		classify_access(ret);
		return;
	}
	for (size_t k = 0; k < sizeof(events) / sizeof(events[0]); k++)
		if (events[k].kind == i->view->head.kind) {
			if (!events[k].event[0])
				row = row == &unknown ? &events[k] : row;
			else if (fields_is(&ret->f, PW_F_EVENT, events[k].event))
				row = &events[k];
		}
	ret->class_ = row->class_;
	ret->activity = row->activity;
	ret->severity = row->severity;
	ret->status = row->status;
}

static unsigned class_uid(const struct ocsf_event *e)
{
	return e->class_ == FILE_ ? 1001 : e->class_ == LOG ? 1008 : e->class_ == ENTITY ? 3004 : 6002;
}

bool put_class_uid(struct ocsf_event *e, struct buf *b) { return put_number(b, class_uid(e)); }
bool put_category_uid(struct ocsf_event *e, struct buf *b) { return put_number(b, class_uid(e) / 1000); }
bool put_activity_id(struct ocsf_event *e, struct buf *b) { return put_number(b, e->activity); }
bool put_type_uid(struct ocsf_event *e, struct buf *b) { return put_number(b, class_uid(e) * 100 + e->activity); }
bool put_severity_id(struct ocsf_event *e, struct buf *b) { return put_number(b, e->severity); }
bool put_status_id(struct ocsf_event *e, struct buf *b) { return put_number(b, e->status); }

/* Whoever sees Other wants the source's own word for it. */
bool put_activity_name(struct ocsf_event *e, struct buf *b)
{
	if (e->activity_name)
		return put_word(b, e->activity_name);
	return put_text(e, b, PW_F_EVENT) || put_event_code(e, b);
}

bool put_time(struct ocsf_event *e, struct buf *b)
{
	put_ms(b, e->view->head.time_utc_ns);
	return true;
}

bool put_status_detail(struct ocsf_event *e, struct buf *b)
{
	const char *word = record_reason_word(fields_u64(&e->f, PW_F_REASON, UINT64_MAX));

	if (!word)
		return put_text(e, b, PW_F_NOTE);
	(void)taken(e, PW_F_REASON);
	return put_word(b, word);
}

/* ---- metadata, device ---- */

bool put_event_code(struct ocsf_event *e, struct buf *b)
{
	const char *word = record_kind_word(e->view->head.kind);

	return put_word(b, word ? word : "unknown");
}

bool put_uid(struct ocsf_event *e, struct buf *b)
{
	_buf_ struct buf uid = BUF_INIT;

	buf_add_str(&uid, e->context->origin);
	buf_add_char(&uid, '#');
	text_u64(&uid, e->view->head.seq);
	if (uid.failed)
		b->failed = true;
	else
		text_json(b, (const uint8_t *)uid.data, uid.len_bytes);
	return true;
}

bool put_sequence(struct ocsf_event *e, struct buf *b) { return put_number(b, e->view->head.seq); }

bool put_log_version(struct ocsf_event *e, struct buf *b)
{
	put_quoted_u64(b, e->view->head.schema);
	return true;
}

bool put_original_time(struct ocsf_event *e, struct buf *b)
{
	buf_add_char(b, '"');
	record_time(e->view->head.time_utc_ns, true, b);
	buf_add_char(b, '"');
	return true;
}

bool put_hostname(struct ocsf_event *e, struct buf *b)
{
	return put_word(b, e->context->host[0] ? e->context->host : "unknown");
}

bool put_boot_uid(struct ocsf_event *e, struct buf *b)
{
	const struct pw_record *h = &e->view->head;

	buf_add_char(b, '"');
	text_hex(b, h->boot_id, sizeof(h->boot_id));
	buf_add_char(b, '"');
	return true;
}

bool put_log_name(struct ocsf_event *e, struct buf *b)
{
	return put_word(b, e->context->origin[0] ? e->context->origin : "polyward access log");
}

bool put_origin(struct ocsf_event *e, struct buf *b)
{
	return e->context->origin[0] && put_word(b, e->context->origin);
}

bool put_leaf(struct ocsf_event *e, struct buf *b)
{
	buf_add_char(b, '"');
	text_hex(b, e->item->leaf.v, sizeof(e->item->leaf.v));
	buf_add_char(b, '"');
	return true;
}

/* ---- actor ---- */

/* Who is answerable: the user at login, whom su and sudo do not change; else the real user; else who asked over the control socket. */
bool put_actor_uid(struct ocsf_event *e, struct buf *b)
{
	enum pw_field_tag tag = fields_has(&e->f, PW_F_LOGIN_UID) ? PW_F_LOGIN_UID : fields_has(&e->f, PW_F_UID) ? PW_F_UID : PW_F_ACTOR_UID;

	if (!taken(e, tag))
		return e->class_ == FILE_ && put_word(b, "unknown"); /* the class asks for an actor */
	put_quoted_u64(b, fields_u64(&e->f, tag, 0));
	return true;
}

/* Roles are comma-separated; OCSF knows groups with a type. */
bool put_roles(struct ocsf_event *e, struct buf *b)
{
	const struct field_value *v = &e->f.v[PW_F_ROLES];
	const char *between = "[";
	size_t at = 0;

	if (!taken(e, PW_F_ROLES) || v->len_bytes == 0)
		return false;
	while (at <= v->len_bytes) {
		const uint8_t *comma = memchr(v->bytes + at, ',', v->len_bytes - at);
		size_t n = comma ? (size_t)(comma - v->bytes) - at : v->len_bytes - at;

		buf_add_str(b, between);
		buf_add_str(b, "{\"name\": ");
		text_json(b, v->bytes + at, n);
		buf_add_str(b, ", \"type\": \"polyward role\"}");
		between = ", ";
		at += n + 1;
	}
	buf_add_char(b, ']');
	return true;
}

bool put_is_mfa(struct ocsf_event *e, struct buf *b)
{
	/* Only beside a session: a factor that was given. That none was given is not recorded as such. */
	if (!fields_has(&e->f, PW_F_SESSION) || !fields_has(&e->f, PW_F_MFA_AGE_S))
		return false;
	buf_add_str(b, "true");
	return true;
}

bool put_pid(struct ocsf_event *e, struct buf *b)
{
	enum pw_field_tag tag = fields_has(&e->f, PW_F_PID) ? PW_F_PID : PW_F_ACTOR_PID;

	return taken(e, tag) && put_number(b, fields_u64(&e->f, tag, 0));
}

bool put_created_time(struct ocsf_event *e, struct buf *b)
{
	const struct pw_record *h = &e->view->head;
	uint64_t start_ns = fields_u64(&e->f, PW_F_START_NS, 0);
	int64_t utc_ns;

	if (!start_ns || start_ns > h->time_boot_ns || h->time_boot_ns - start_ns > INT64_MAX ||
	    __builtin_sub_overflow(h->time_utc_ns, (int64_t)(h->time_boot_ns - start_ns), &utc_ns))
		return false;
	put_ms(b, utc_ns); /* start_ns itself, which is exact, stays below unmapped */
	return true;
}

/* ---- file ---- */

bool put_file_name(struct ocsf_event *e, struct buf *b)
{
	const struct field_value *v = &e->f.v[PW_F_PATH];
	const uint8_t *slash = v->there ? memrchr(v->bytes, '/', v->len_bytes) : NULL;
	size_t skip = slash ? (size_t)(slash + 1 - v->bytes) : 0;

	if (v->there && v->len_bytes > skip)
		text_json(b, v->bytes + skip, v->len_bytes - skip);
	else if (e->view->state == RECORD_ERASED)
		(void)put_word(b, "(erased)");
	else
		(void)put_word(b, e->view->state == RECORD_SEALED ? "(sealed)" : "(unnamed)");
	return true;
}

bool put_file_type_id(struct ocsf_event *e, struct buf *b)
{
	return put_number(b, fields_u64(&e->f, PW_F_NEED, 0) & PW_A_LIST ? 2 : 0); /* what has names in it is a folder; else it is not said */
}

bool put_store(struct ocsf_event *e, struct buf *b)
{
	if (!fields_has(&e->f, PW_F_STORE))
		return false;
	buf_add_str(b, "[{\"name\": \"store\", \"value\": ");
	(void)put_text(e, b, PW_F_STORE);
	buf_add_str(b, "}]");
	return true;
}

/* ---- entity: a policy, a key, or what is no file ---- */

bool put_entity_name(struct ocsf_event *e, struct buf *b)
{
	uint8_t kind = e->view->head.kind;

	if (kind == PW_REC_POLICY)
		return put_word(b, "policy");
	if (kind == PW_REC_ACCESS)
		return put_text(e, b, PW_F_STORE) || put_text(e, b, PW_F_HOOK);
	return put_text(e, b, PW_F_CLASS) || put_word(b, "general");
}

bool put_entity_type_id(struct ocsf_event *e, struct buf *b)
{
	return put_number(b, e->view->head.kind == PW_REC_POLICY ? 5 : 99);
}

bool put_entity_type(struct ocsf_event *e, struct buf *b)
{
	uint8_t kind = e->view->head.kind;

	return put_word(b, kind == PW_REC_POLICY ? "Policy" : kind == PW_REC_ERASURE ? "Key of personal fields" : "Process, BPF object or device");
}

bool put_entity_uid(struct ocsf_event *e, struct buf *b)
{
	if (e->view->head.kind == PW_REC_POLICY)
		return put_hex(e, b, PW_F_POLICY_HASH);
	if (e->view->head.kind == PW_REC_ERASURE)
		return put_hex(e, b, PW_F_SEAL_KEY);
	if (!taken(e, PW_F_TARGET))
		return false;
	put_quoted_u64(b, fields_u64(&e->f, PW_F_TARGET, 0));
	return true;
}

bool put_entity_version(struct ocsf_event *e, struct buf *b)
{
	if (e->view->head.kind == PW_REC_ERASURE)
		return put_text(e, b, PW_F_PERIOD);
	if (e->view->head.kind != PW_REC_POLICY || !taken(e, PW_F_GEN))
		return false;
	put_quoted_u64(b, fields_u64(&e->f, PW_F_GEN, 0));
	return true;
}

/* ---- what was decided ---- */

bool put_action_id(struct ocsf_event *e, struct buf *b)
{
	uint64_t verdict = fields_u64(&e->f, PW_F_VERDICT, UINT64_MAX);

	if (fields_is(&e->f, PW_F_EVENT, "not-permitted") || fields_is(&e->f, PW_F_EVENT, "peer-refused"))
		verdict = PW_DENY;
	if (verdict > PW_AUDIT)
		return false;
	return put_number(b, verdict == PW_ALLOW ? 1 : verdict == PW_DENY ? 2 : 3);
}

bool put_disposition_id(struct ocsf_event *e, struct buf *b)
{
	uint64_t verdict = fields_u64(&e->f, PW_F_VERDICT, UINT64_MAX);

	if (fields_is(&e->f, PW_F_EVENT, "not-permitted") || fields_is(&e->f, PW_F_EVENT, "peer-refused"))
		return put_number(b, 26); /* unauthorized */
	if (verdict > PW_AUDIT)
		return false;
	return put_number(b, verdict == PW_ALLOW ? 1 : verdict == PW_DENY ? 2 : 17); /* mode audit: logged, not blocked */
}

bool put_policy_uid(struct ocsf_event *e, struct buf *b)
{
	return put_hex(e, b, PW_F_POLICY_HASH);
}

/* A version belongs to something that is named. */
bool put_policy_version(struct ocsf_event *e, struct buf *b)
{
	if (!fields_has(&e->f, PW_F_POLICY_HASH) || !taken(e, PW_F_GEN))
		return false;
	put_quoted_u64(b, fields_u64(&e->f, PW_F_GEN, 0));
	return true;
}

bool put_rule_at(struct ocsf_event *e, struct buf *b)
{
	return fields_has(&e->f, PW_F_RULE) && put_text(e, b, PW_F_RULE_AT);
}

/* ---- the rest ---- */

static void message_access(struct ocsf_event *e, struct buf *m)
{
	const struct field_value *path = &e->f.v[PW_F_PATH], *rule = &e->f.v[PW_F_RULE];
	const char *verdict = record_verdict_word(fields_u64(&e->f, PW_F_VERDICT, UINT64_MAX));

	buf_add_str(m, verdict ? verdict : "access");
	buf_add_char(m, ' ');
	text_actions(m, fields_u64(&e->f, PW_F_NEED, 0), ",");
	if (path->there) {
		buf_add_str(m, " of ");
		buf_add(m, path->bytes, path->len_bytes);
	}
	if (rule->there) {
		buf_add_str(m, " by rule ");
		buf_add(m, rule->bytes, rule->len_bytes);
	}
}

bool put_message(struct ocsf_event *e, struct buf *b)
{
	const struct field_value *event = &e->f.v[PW_F_EVENT], *note = &e->f.v[PW_F_NOTE];
	const char *kind = record_kind_word(e->view->head.kind);
	_buf_ struct buf m = BUF_INIT;

	if (e->view->head.kind == PW_REC_ACCESS) {
		message_access(e, &m);
	} else if (e->view->head.kind == PW_REC_GAP && fields_has(&e->f, PW_F_GAP_FIRST)) {
		uint64_t first = fields_u64(&e->f, PW_F_GAP_FIRST, 0), last = fields_u64(&e->f, PW_F_GAP_LAST, first);

		text_u64(&m, last - first + 1);
		buf_add_str(&m, " events of one CPU were lost");
	} else {
		buf_add_str(&m, kind ? kind : "record");
		for (const struct field_value *v = event; v; v = v == event ? note : NULL)
			if (v->there) {
				buf_add_char(&m, ' ');
				buf_add(&m, v->bytes, v->len_bytes);
			}
	}
	if (m.failed)
		b->failed = true;
	else
		text_json(b, (const uint8_t *)m.data, m.len_bytes);
	return true;
}

bool put_unmapped(struct ocsf_event *e, struct buf *b)
{
	const struct pw_record *h = &e->view->head;

	buf_add_str(b, "{\"time_boot_ns\": ");
	text_u64(b, h->time_boot_ns);
	if (h->cpu != UINT16_MAX) {
		buf_add_str(b, ", \"cpu\": ");
		text_u64(b, h->cpu);
		buf_add_str(b, ", \"cpu_seq\": ");
		text_u64(b, h->cpu_seq);
	}
	if (e->view->state == RECORD_SEALED || e->view->state == RECORD_ERASED)
		buf_add_str(b, e->view->state == RECORD_SEALED ? ", \"personal\": \"sealed\"" : ", \"personal\": \"erased\"");
	for (uint16_t tag = 0; tag < FIELDS_TAGS; tag++) {
		if (!e->f.v[tag].there || (e->taken >> tag & 1))
			continue;
		text_member(b, tag, &e->f.v[tag]);
	}
	buf_add_char(b, '}');
	return true;
}
