/* SPDX-License-Identifier: Apache-2.0 */
/* The explanation of a recorded decision as a document with stable keys. Text that came from elsewhere stands in it escaped once. */
#include <string.h>

#include "base/cleanup.h"
#include "cli/ask.h"
#include "cli/explain_event.h"

static json_t *text_json(const char *text, size_t len)
{
	_buf_ struct buf b = BUF_INIT;

	buf_add_escaped(&b, text, len);
	return json_string(cli_text(&b));
}

static json_t *string_json(const char *text)
{
	return text ? text_json(text, strlen(text)) : json_null();
}

static json_t *field_json(const struct record_view *v, enum pw_field_tag tag)
{
	const uint8_t *p;
	size_t n;

	return record_find(v, tag, &p, &n) ? text_json((const char *)p, n) : json_null();
}

static json_t *number_json(const struct record_view *v, enum pw_field_tag tag)
{
	uint64_t n = record_find_u64(v, tag, UINT64_MAX);

	return n == UINT64_MAX ? json_null() : json_integer((json_int_t)n);
}

static const char *personal_word(const struct event_told *t)
{
	if (t->ev.path)
		return t->ev.personal == RECORD_UNSEALED ? "unsealed" : "plain";
	switch (t->ev.personal) {
	case RECORD_SEALED:   return "sealed";
	case RECORD_ERASED:   return "erased";
	case RECORD_PLAIN:
	case RECORD_UNSEALED:
	default:              return "none";
	}
}

static json_t *place_json(const struct image *img, uint32_t rule)
{
	_buf_ struct buf b = BUF_INIT;

	buf_printf(&b, "%s:%u", image_str(img, img->files[img->rules[rule].file]), img->rules[rule].line);
	return string_json(cli_text(&b));
}

static json_t *rules_json(const struct event_told *t)
{
	const struct explanation *x = &t->x.x;
	json_t *list = json_array();

	for (size_t i = 0; i < x->rules_count; i++) {
		const struct explain_rule *r = &x->rules[i];
		const struct ast_rule *rule = &t->policy->ast->rules.v[r->rule_idx];
		json_t *conds = json_array();

		for (size_t k = 0; k < r->atoms_count; k++)
			json_array_append_new(conds, json_pack("{s:b, s:o}", "holds", r->atoms[k].state == ATOM_HOLDS, "text",
							       string_json(r->atoms[k].text)));
		json_array_append_new(list, json_pack("{s:s, s:o, s:s, s:b, s:b, s:o}", "rule", rule->name.text, "at",
						      place_json(&t->policy->img, r->rule_idx + 1), "effect", rule->deny ? "deny" : "allow",
						      "decided", r->decided, "role_on", r->names_role, "conditions", conds));
	}
	return list;
}

static json_t *changes_json(const struct explain_change *v, size_t count)
{
	json_t *list = json_array();

	for (size_t i = 0; i < count; i++)
		json_array_append_new(list, json_pack("{s:o, s:i, s:b, s:o}", "change", string_json(v[i].text), "cost", (int)v[i].cost,
						      "allowed", v[i].now_allowed, "rule", string_json(v[i].rule)));
	return list;
}

static json_t *replay_json(const struct event_told *t)
{
	const struct pw_decision *d = &t->x.x.decision;
	const struct image *img = t->policy ? &t->policy->img : NULL;

	if (!t->policy)
		return json_pack("{s:b, s:o}", "done", 0, "why", string_json(t->why.text));
	if (!t->x.replayed)
		return json_pack("{s:b, s:s}", "done", 0, "why", "the rules had no say in it");
	return json_pack("{s:b, s:b, s:s, s:s, s:o, s:o}", "done", 1, "agrees", t->x.agrees, "verdict", record_verdict_word(d->verdict),
			 "reason", record_reason_word(d->reason), "rule",
			 d->rule ? string_json(image_str(img, img->rules[d->rule].name)) : json_null(), "missing", ask_actions_json(d->missing));
}

static json_t *policy_json_of(const struct event_told *t)
{
	const struct image *img = t->policy ? &t->policy->img : NULL;
	_buf_ struct buf hash = BUF_INIT;
	json_t *out = json_object();

	for (size_t i = 0; i < t->ev.hash_len_bytes; i++)
		buf_printf(&hash, "%02x", t->ev.hash[i]);
	for (size_t i = t->ev.hash_len_bytes; img && i < sizeof(img->head->policy_hash); i++)
		buf_printf(&hash, "%02x", img->head->policy_hash[i]);
	json_object_set_new(out, "hash", hash.len_bytes ? json_string(cli_text(&hash)) : json_null());
	json_object_set_new(out, "generation", number_json(t->v, PW_F_GEN));
	json_object_set_new(out, "name", img ? string_json(image_str(img, img->head->name)) : json_null());
	json_object_set_new(out, "version", img ? string_json(image_str(img, img->head->policy_version)) : json_null());
	json_object_set_new(out, "from", img ? json_string(t->policy_from) : json_null());
	return out;
}

static json_t *who_json(const struct event_told *t)
{
	return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "name", string_json(t->ev.user), "uid", number_json(t->v, PW_F_UID),
			 "login_uid", number_json(t->v, PW_F_LOGIN_UID), "pid", number_json(t->v, PW_F_PID), "ppid",
			 number_json(t->v, PW_F_PPID), "comm", field_json(t->v, PW_F_COMM), "exe_dev", number_json(t->v, PW_F_EXE_DEV),
			 "exe_ino", number_json(t->v, PW_F_EXE_INO), "cgroup", number_json(t->v, PW_F_CGROUP));
}

static void add_what(const struct event_told *t, json_t *doc)
{
	_buf_ struct buf time = BUF_INIT;

	record_time(t->v->head.time_utc_ns, true, &time);
	json_object_set_new(doc, "event", json_integer((json_int_t)t->ev.seq));
	json_object_set_new(doc, "time", json_string(cli_text(&time)));
	json_object_set_new(doc, "verdict", json_string(record_verdict_word(t->ev.rec.verdict)));
	json_object_set_new(doc, "reason", json_string(record_reason_word(t->ev.rec.reason)));
	json_object_set_new(doc, "action", ask_actions_json(t->ev.rec.need));
	json_object_set_new(doc, "missing", ask_actions_json(t->ev.rec.missing));
	json_object_set_new(doc, "store", field_json(t->v, PW_F_STORE));
	json_object_set_new(doc, "path", t->ev.path ? text_json((const char *)t->ev.path, t->ev.path_len_bytes) : json_null());
	json_object_set_new(doc, "path_state", json_string(personal_word(t)));
	json_object_set_new(doc, "rule", field_json(t->v, PW_F_RULE));
	json_object_set_new(doc, "rule_at", field_json(t->v, PW_F_RULE_AT));
	json_object_set_new(doc, "roles", field_json(t->v, PW_F_ROLES));
	json_object_set_new(doc, "accesses", json_integer((json_int_t)t->ev.count));
	json_object_set_new(doc, "who", who_json(t));
}

/* Without the policy the record alone speaks. */
static const char *plain_sentence(const struct event_told *t)
{
	switch (t->ev.rec.verdict) {
	case PW_ALLOW: return "allowed; the policy that decided is not at hand, so the record alone can be shown";
	case PW_AUDIT: return "passed, because mode audit only records it; the policy that decided is not at hand";
	default:       return "refused; the policy that decided is not at hand, so the record alone can be shown";
	}
}

json_t *explain_doc(const struct event_told *t)
{
	json_t *doc = json_object();

	add_what(t, doc);
	/* A record of an access is polyward's answer: what file modes, ACLs or another LSM refuse has none. */
	json_object_set_new(doc, "decided_by", json_string(t->policy && t->x.cause == CAUSE_NOT_OURS ? "not-ours" : "polyward"));
	json_object_set_new(doc, "cause", t->policy ? json_string(explain_cause_word(t->x.cause)) : json_null());
	json_object_set_new(doc, "sentence", string_json(t->policy ? t->x.x.sentence : plain_sentence(t)));
	json_object_set_new(doc, "policy", policy_json_of(t));
	json_object_set_new(doc, "replay", replay_json(t));
	json_object_set_new(doc, "rules", t->policy ? rules_json(t) : json_array());
	json_object_set_new(doc, "changes", changes_json(t->x.x.changes, t->x.x.changes_count));
	json_object_set_new(doc, "futile", changes_json(t->x.x.futile, t->x.x.futile_count));
	json_object_set_new(doc, "proof", explain_proof(t->log, t->v));
	return doc;
}
