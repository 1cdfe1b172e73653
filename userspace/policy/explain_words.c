/* SPDX-License-Identifier: Apache-2.0 */
/* Parts of a policy as words. Strings stand as the policy has them: whoever prints them escapes them. */
#include "policy/explain.h"

#include <string.h>

#include "policy/stamp.h"

/* The value that comes after `last` in alphabetical order, or NULL. */
static const char *next_word(const struct ast_words *words, const char *last)
{
	const char *best = NULL;

	for (size_t i = 0; i < words->count; i++) {
		const char *text = words->v[i].text;

		if ((!last || strcmp(text, last) > 0) && (!best || strcmp(text, best) < 0))
			best = text;
	}
	return best;
}

/* In alphabetical order and each once: two ways to write one set give the same words. */
static void add_words(const struct ast_words *words, struct buf *b)
{
	const char *first = next_word(words, NULL);

	for (const char *text = first; text; text = next_word(words, text)) {
		buf_add_str(b, text == first ? "" : " or ");
		buf_add_str(b, text);
	}
}

static const char *cond_keyword(enum ast_cond_kind kind)
{
	switch (kind) {
	case AST_COND_DURING:  return "during ";
	case AST_COND_PURPOSE: return "purpose ";
	case AST_COND_MFA:     return "mfa within ";
	case AST_COND_USER:    return "user ";
	case AST_COND_GROUP:   return "group ";
	case AST_COND_ROLE:    return "role ";
	case AST_COND_PROGRAM: return "program ";
	case AST_COND_UNIT:    return "unit ";
	default:               return "";
	}
}

void explain_cond_words(const struct ast *a, const struct ast_cond *cond, struct buf *b)
{
	(void)a;
	buf_add_str(b, cond_keyword(cond->kind));
	if (cond->kind == AST_COND_MFA)
		stamp_add_duration(b, cond->mfa_within_s);
	else
		add_words(&cond->values, b);
}

void explain_rule_words(const struct ast *a, const struct ast_rule *rule, struct buf *b)
{
	for (size_t i = 0; i < rule->when.count; i++) {
		buf_add_str(b, i ? ", " : "");
		explain_cond_words(a, &rule->when.v[i], b);
	}
	for (size_t i = 0; i < rule->unless.count; i++) {
		buf_add_str(b, i || rule->when.count ? ", unless " : "unless ");
		explain_cond_words(a, &rule->unless.v[i], b);
	}
	if (rule->until_utc_s) {
		buf_add_str(b, rule->when.count || rule->unless.count ? ", until " : "until ");
		stamp_add(b, rule->until_utc_s);
		buf_add_char(b, 'Z');
	}
}

void explain_actions(uint32_t actions, struct buf *b)
{
	static const struct { uint32_t bit; const char *word; } words[] = {
#define PW_ACTION(name, bit, word, brings, meaning) { PW_A_##name, word },
#include <polyward/actions.def>
#undef PW_ACTION
	};
	bool any = false;

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (!(actions & words[i].bit))
			continue;
		buf_add_str(b, any ? ", " : "");
		buf_add_str(b, words[i].word);
		any = true;
	}
}

void explain_roles(const struct ast *a, uint64_t roles, const char *none, struct buf *b)
{
	bool any = false;

	for (size_t i = 0; i < a->roles.count; i++) {
		if (!(roles >> i & 1))
			continue;
		buf_add_str(b, any ? ", " : "");
		buf_add_str(b, a->roles.v[i].name.text);
		any = true;
	}
	if (!any)
		buf_add_str(b, none);
}

void explain_members(const struct ast *a, const struct ast_role *role, struct buf *b)
{
	size_t start = b->len_bytes;

	(void)a;
	for (size_t i = 0; i < role->members.count; i++) {
		buf_add_str(b, i ? " or " : "");
		buf_add_str(b, role->members.v[i].is_group ? "group:" : "user:");
		buf_add_str(b, role->members.v[i].name.text);
	}
	if (role->programs.count) {
		buf_add_str(b, b->len_bytes > start ? ", program " : "program ");
		add_words(&role->programs, b);
	}
	if (role->units.count) {
		buf_add_str(b, b->len_bytes > start ? ", unit " : "unit ");
		add_words(&role->units, b);
	}
	if (b->len_bytes == start)
		buf_add_str(b, role->abstract ? "nobody directly" : "anybody");
}

uint32_t explain_brought(uint32_t actions)
{
	static const struct { uint32_t bit, brings; } rows[] = {
#define PW_ACTION(name, bit, word, brings, meaning) { PW_A_##name, brings },
#include <polyward/actions.def>
#undef PW_ACTION
	};
	uint32_t all = actions;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (actions & rows[i].bit)
			all |= rows[i].brings;
	return all;
}

uint64_t explain_largest(const struct ast *a, uint64_t roles)
{
	uint64_t out = 0;

	for (size_t i = 0; i < a->roles.count; i++) {
		bool brought = false;

		for (size_t k = 0; k < a->roles.count && !brought; k++)
			brought = k != i && (roles >> k & 1) && (a->roles.v[k].closure >> i & 1) && !a->roles.v[k].abstract;
		if ((roles >> i & 1) && !brought)
			out |= UINT64_C(1) << i;
	}
	return out;
}
