/* SPDX-License-Identifier: Apache-2.0 */
/* Blocks that declare: policy, admin, time, purpose, program, store. What a block lacks is said once, at its head. */
#include "policy/parse.h"

#include <stdlib.h>
#include <string.h>

#include <polyward/image.h>

#include "base/cleanup.h"
#include "base/num.h"
#include "policy/stamp.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* A new element of one of the tree's lists, with its name and place. */
#define BEGIN(p, list, name_, span_) ({ \
	__typeof__((list)->v) node_ = list_push(list); \
	if (node_) { \
		node_->name = (name_); \
		node_->span = (span_); \
	} else { \
		(void)parse_out_of_memory(p); \
	} \
	node_; })

static bool missing(struct parser *p, struct span span, const char *what, const char *name, const char *add)
{
	return parse_error(p, "missing-field", span, "%s '%s' is incomplete; add %s", what, name, add);
}

/* ---- policy -------------------------------------------------------------------------------------------------------- */

static void *policy_begin(struct parser *p, struct ast_word name, struct span span)
{
	struct ast *a = p->run->a;

	if (a->has_policy) {
		(void)parse_error(p, "duplicate-name", span, "a policy has one 'policy' block; join the two");
		diag_second(p->run->d, a->policy.span, "first declared here");
		free(a->policy.name.text);
		free(a->policy.version.text);
		free(a->policy.owner.text);
		a->policy = (struct ast_policy){ 0 };
	}
	a->has_policy = true;
	a->policy.name = name;
	a->policy.span = span;
	return &a->policy;
}

static bool policy_version(struct parser *p, void *node)
{
	return parse_word(p, "a version, as in 2026.11.3", &((struct ast_policy *)node)->version);
}

static bool policy_owner(struct parser *p, void *node)
{
	return parse_word(p, "an owner, as in \"ciso@example.org\"", &((struct ast_policy *)node)->owner);
}

static bool policy_mode(struct parser *p, void *node)
{
	struct ast_policy *policy = node;

	return parse_mode(p, &policy->mode, &policy->audit_until_utc_s);
}

static bool policy_log(struct parser *p, void *node)
{
	struct ast_policy *policy = node;

	policy->log_denied_only = parse_at(p, "denied");
	return parse_accept(p, "denied") || parse_accept(p, "all") || parse_expected(p, "'all' or 'denied' behind 'log'");
}

static bool policy_guard(struct parser *p, void *node)
{
	struct ast_policy *policy = node;

	policy->sealed = true;
	policy->sealed_span = parse_span(p, p->tok - 1);
	return parse_accept(p, "sealed") || parse_expected(p, "'sealed' behind 'guard'");
}

static bool policy_tighten(struct parser *p, void *node)
{
	return parse_tighten(p, &((struct ast_policy *)node)->on_tighten);
}

static const struct field_def policy_fields[] = {
	[POLICY_VERSION] = { "version", policy_version, false },
	[POLICY_OWNER] = { "owner", policy_owner, false },
	[POLICY_MODE] = { "mode", policy_mode, false },
	[POLICY_LOG] = { "log", policy_log, false },
	[POLICY_GUARD] = { "guard", policy_guard, false },
	[POLICY_TIGHTEN] = { "on-tighten", policy_tighten, false },
};
const struct kind_def parse_kind_policy = {
	.word = "policy", .head = HEAD_NAME, .begin = policy_begin, .fields = policy_fields, .fields_count = COUNT(policy_fields),
};

/* ---- admin --------------------------------------------------------------------------------------------------------- */

static void *admin_begin(struct parser *p, struct ast_word name, struct span span)
{
	struct ast *a = p->run->a;
	struct ast_admin *admin;

	(void)name;
	if (a->admins.count) {
		(void)parse_error(p, "duplicate-name", span, "a policy has one 'admin' block; join the two");
		diag_second(p->run->d, a->admins.v[0].span, "first declared here");
	}
	admin = list_push(&a->admins);
	if (!admin) {
		(void)parse_out_of_memory(p);
		return NULL;
	}
	admin->span = span;
	return admin;
}

static bool admin_members(struct parser *p, void *node)
{
	return parse_members(p, &((struct ast_admin *)node)->members);
}

static bool admin_may(struct parser *p, void *node)
{
	struct ast_admin *admin = node;

	do {
		const struct token *start = p->tok;
		uint32_t bit = parse_accept(p, "apply") ? PW_MAY_APPLY : parse_accept(p, "rollback") ? PW_MAY_ROLLBACK :
			       parse_accept(p, "down") ? PW_MAY_DOWN : parse_accept(p, "read") && parse_accept(p, "log") ?
			       PW_MAY_READ_LOG : 0;

		if (!bit)
			return parse_expected(p, "one of apply, rollback, down, read log");
		if (admin->may & bit)
			return parse_error(p, "duplicate-value", parse_span_to(p, start), "this right is listed twice; remove one");
		admin->may |= bit;
	} while (parse_accept_kind(p, TOKEN_COMMA));
	return true;
}

static bool admin_when(struct parser *p, void *node)
{
	struct ast_admin *admin = node;

	if (!parse_accept(p, "mfa"))
		return parse_expected(p, "'mfa within' and a duration, the one condition of admin");
	admin->has_mfa = true;
	return parse_mfa_within(p, &admin->mfa_within_s);
}

static void admin_end(struct parser *p, void *node, uint32_t seen)
{
	struct ast_admin *admin = node;

	if (!parse_has(seen, ADMIN_MEMBERS))
		(void)parse_error(p, "missing-field", admin->span, "admin is incomplete; add 'members group:NAME' or 'members user:NAME'");
	else if (!parse_has(seen, ADMIN_MAY))
		(void)parse_error(p, "missing-field", admin->span,
				  "admin is incomplete; add 'may apply, rollback, down, read log' or a part of it");
}

static const struct field_def admin_fields[] = {
	[ADMIN_MEMBERS] = { "members", admin_members, false },
	[ADMIN_MAY] = { "may", admin_may, false },
	[ADMIN_WHEN] = { "when", admin_when, false },
};
const struct kind_def parse_kind_admin = {
	.word = "admin", .head = HEAD_NONE, .begin = admin_begin, .fields = admin_fields, .fields_count = COUNT(admin_fields),
	.end = admin_end,
};

/* ---- time ---------------------------------------------------------------------------------------------------------- */

static void *time_begin(struct parser *p, struct ast_word name, struct span span)
{
	struct ast_time *t = BEGIN(p, &p->run->a->times, name, span);

	if (t) {
		t->days = 0x7f;
		t->end_min = 1440;
	}
	return t;
}

static int day_of(const char *text, size_t len)
{
	static const char days[][4] = { "mon", "tue", "wed", "thu", "fri", "sat", "sun" };

	for (int i = 0; i < 7; i++)
		if (len == 3 && memcmp(text, days[i], 3) == 0)
			return i;
	return -1;
}

static bool time_days(struct parser *p, void *node)
{
	struct ast_time *t = node;

	t->days = 0;
	do {
		const char *text = p->text + p->tok->off_bytes;
		size_t len = p->tok->kind == TOKEN_WORD ? p->tok->len_bytes : 0;
		int first = len >= 3 ? day_of(text, 3) : -1;
		int last = len == 3 ? first : len == 7 && text[3] == '-' ? day_of(text + 4, 3) : -1;

		if (first < 0 || last < 0)
			return parse_expected(p, "a day or days, as in mon, wed or mon-fri");
		for (int day = first;; day = (day + 1) % 7) { /* sat-mon runs over the end of the week */
			t->days |= 1u << day;
			if (day == last)
				break;
		}
		p->tok++;
	} while (parse_accept_kind(p, TOKEN_COMMA));
	return true;
}

static bool time_hours(struct parser *p, void *node)
{
	struct ast_time *t = node;
	const char *text = p->text + p->tok->off_bytes;
	uint16_t start, end;

	if (p->tok->kind != TOKEN_WORD || p->tok->len_bytes != 11 || text[5] != '-' || stamp_parse_clock(text, 5, &start) < 0 ||
	    stamp_parse_clock(text + 6, 5, &end) < 0 || start == 1440)
		return parse_expected(p, "hours from 00:00 to 24:00, as in 07:00-19:00");
	if (start == end)
		return parse_error(p, "bad-hours", parse_span(p, p->tok++),
				   "these hours end when they begin; write 00:00-24:00 for the whole day");
	t->start_min = start;
	t->end_min = end ? end : 1440; /* up to midnight, not past it */
	p->tok++;
	return true;
}

static bool time_zone(struct parser *p, void *node)
{
	return parse_word(p, "a zone of the tz database, as in Europe/Berlin", &((struct ast_time *)node)->zone);
}

static void time_end(struct parser *p, void *node, uint32_t seen)
{
	struct ast_time *t = node;

	if (!parse_has(seen, TIME_DAYS) && !parse_has(seen, TIME_HOURS))
		(void)missing(p, t->span, "time", t->name.text, "'days mon-fri' or 'hours 07:00-19:00'");
	if (!t->zone.text) {
		t->zone = (struct ast_word){ .text = strdup("UTC"), .span = { .file = SPAN_NONE } };
		if (!t->zone.text)
			(void)parse_out_of_memory(p);
	}
}

static const struct field_def time_fields[] = {
	[TIME_DAYS] = { "days", time_days, false },
	[TIME_HOURS] = { "hours", time_hours, false },
	[TIME_ZONE] = { "zone", time_zone, false },
};
const struct kind_def parse_kind_time = {
	.word = "time", .head = HEAD_NAME, .begin = time_begin, .fields = time_fields, .fields_count = COUNT(time_fields),
	.end = time_end,
};

/* ---- purpose, program ---------------------------------------------------------------------------------------------- */

static void *purpose_begin(struct parser *p, struct ast_word name, struct span span)
{
	return BEGIN(p, &p->run->a->purposes, name, span);
}

static bool purpose_body(struct parser *p, void *node)
{
	if (p->tok->kind != TOKEN_STRING)
		return parse_expected(p, "what the purpose is, in quotes");
	return parse_word(p, "what the purpose is, in quotes", &((struct ast_purpose *)node)->text);
}

const struct kind_def parse_kind_purpose = {
	.word = "purpose", .head = HEAD_NAME, .begin = purpose_begin, .body = purpose_body,
};

static void *program_begin(struct parser *p, struct ast_word name, struct span span)
{
	return BEGIN(p, &p->run->a->programs, name, span);
}

static bool program_exe(struct parser *p, void *node)
{
	return parse_path(p, "the program's file", &((struct ast_program *)node)->exe);
}

static bool program_verity(struct parser *p, void *node)
{
	struct ast_program *program = node;
	struct ast_word word = { 0 };
	_free_ char *text = NULL;

	if (!parse_word(p, "a digest, as in sha256: and 64 hexadecimal digits", &word))
		return false;
	text = word.text;
	if (strncmp(text, "sha256:", 7) || num_parse_hex(text + 7, strlen(text + 7), program->verity, sizeof(program->verity)) < 0)
		return parse_error(p, "bad-digest", word.span,
				   "an fs-verity digest is 'sha256:' and 64 hexadecimal digits; `fsverity measure FILE` prints it");
	program->has_verity = true;
	return true;
}

static void program_end(struct parser *p, void *node, uint32_t seen)
{
	struct ast_program *program = node;

	if (!parse_has(seen, PROGRAM_EXE))
		(void)missing(p, program->span, "program", program->name.text, "'exe PATH'");
}

static const struct field_def program_fields[] = {
	[PROGRAM_EXE] = { "exe", program_exe, false },
	[PROGRAM_VERITY] = { "verity", program_verity, false },
};
const struct kind_def parse_kind_program = {
	.word = "program", .head = HEAD_NAME, .begin = program_begin, .fields = program_fields,
	.fields_count = COUNT(program_fields), .end = program_end,
};

/* ---- store --------------------------------------------------------------------------------------------------------- */

static void *store_begin(struct parser *p, struct ast_word name, struct span span)
{
	if (strcmp(name.text, "any") == 0 || strcmp(name.text, "class") == 0)
		(void)parse_error(p, "bad-name", name.span, "'on %s' has a meaning of its own; choose another name", name.text);
	return BEGIN(p, &p->run->a->stores, name, span);
}

static bool store_path(struct parser *p, void *node)
{
	return parse_path(p, "the store's directory", &((struct ast_store *)node)->path);
}

static bool store_modality(struct parser *p, void *node)
{
	return parse_name(p, "a modality, as in image or text", &((struct ast_store *)node)->modality);
}

static bool store_class(struct parser *p, void *node)
{
	return parse_name(p, "a class, as in phi", &((struct ast_store *)node)->class_);
}

static bool store_mode(struct parser *p, void *node)
{
	struct ast_store *store = node;

	return parse_mode(p, &store->mode, &store->audit_until_utc_s);
}

static bool store_strict(struct parser *p, void *node)
{
	struct ast_store *store = node;

	store->strict = true;
	store->strict_span = parse_span(p, p->tok - 1);
	return true;
}

static bool store_tighten(struct parser *p, void *node)
{
	return parse_tighten(p, &((struct ast_store *)node)->on_tighten);
}

static void store_end(struct parser *p, void *node, uint32_t seen)
{
	struct ast_store *store = node;

	if (!parse_has(seen, STORE_PATH))
		(void)missing(p, store->span, "store", store->name.text, "'path DIRECTORY'");
}

static const struct field_def store_fields[] = {
	[STORE_PATH] = { "path", store_path, false },
	[STORE_MODALITY] = { "modality", store_modality, false },
	[STORE_CLASS] = { "class", store_class, false },
	[STORE_MODE] = { "mode", store_mode, false },
	[STORE_STRICT] = { "strict", store_strict, false },
	[STORE_TIGHTEN] = { "on-tighten", store_tighten, false },
};
const struct kind_def parse_kind_store = {
	.word = "store", .head = HEAD_NAME, .begin = store_begin, .fields = store_fields, .fields_count = COUNT(store_fields),
	.end = store_end,
};
