/* SPDX-License-Identifier: Apache-2.0 */
/* Roles and rules with their conditions. */
#include "policy/parse.h"

#include <stdlib.h>
#include <string.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* ---- role ---------------------------------------------------------------------------------------------------------- */

static void *role_begin(struct parser *p, struct ast_word name, struct span span)
{
	struct ast_role *role;

	if (strcmp(name.text, "any") == 0)
		(void)parse_error(p, "bad-name", name.span, "'any' means every role; choose another name");
	role = list_push(&p->run->a->roles);
	if (!role) {
		(void)parse_out_of_memory(p);
		return NULL;
	}
	role->name = name;
	role->span = span;
	return role;
}

static bool role_members(struct parser *p, void *node)
{
	return parse_members(p, &((struct ast_role *)node)->members);
}

static bool role_program(struct parser *p, void *node)
{
	return parse_list(p, "program", parse_name, &((struct ast_role *)node)->programs);
}

static bool role_unit(struct parser *p, void *node)
{
	return parse_list(p, "unit", parse_unit, &((struct ast_role *)node)->units);
}

static bool role_inherits(struct parser *p, void *node)
{
	return parse_list(p, "role", parse_name, &((struct ast_role *)node)->inherits);
}

static bool role_abstract(struct parser *p, void *node)
{
	(void)p;
	((struct ast_role *)node)->abstract = true;
	return true;
}

static void role_end(struct parser *p, void *node, uint32_t seen)
{
	struct ast_role *role = node;
	bool narrowed = parse_has(seen, ROLE_MEMBERS) || parse_has(seen, ROLE_PROGRAM) || parse_has(seen, ROLE_UNIT);

	if (role->abstract && narrowed)
		(void)parse_error(p, "abstract-role", role->span,
				  "role '%s' is abstract, so it is never on by itself and its members, program and unit say nothing; "
				  "remove them, or 'abstract'", role->name.text);
	else if (!role->abstract && !narrowed)
		(void)parse_error(p, "missing-field", role->span,
				  "everybody would have role '%s'; add members, a program or a unit, or 'abstract' if it is only inherited",
				  role->name.text);
}

static const struct field_def role_fields[] = {
	[ROLE_ABSTRACT] = { "abstract", role_abstract, false },
	[ROLE_INHERITS] = { "inherits", role_inherits, false },
	[ROLE_MEMBERS] = { "members", role_members, false },
	[ROLE_PROGRAM] = { "program", role_program, false },
	[ROLE_UNIT] = { "unit", role_unit, false },
};
const struct kind_def parse_kind_role = {
	.word = "role", .head = HEAD_NAME, .begin = role_begin, .fields = role_fields, .fields_count = COUNT(role_fields),
	.end = role_end,
};

/* ---- rule ---------------------------------------------------------------------------------------------------------- */

static void *rule_begin(struct parser *p, struct ast_word name, struct span span)
{
	struct ast_rule *rule;

	if (strcmp(name.text, "default") == 0)
		(void)parse_error(p, "bad-name", name.span, "'default' means that no rule decides; choose another name");
	rule = list_push(&p->run->a->rules);
	if (!rule) {
		(void)parse_out_of_memory(p);
		return NULL;
	}
	rule->name = name;
	rule->span = span;
	return rule;
}

static bool who(struct parser *p, struct ast_rule *rule)
{
	if (!parse_at(p, "any"))
		return parse_list(p, "role", parse_name, &rule->roles);
	rule->any_role = true;
	p->tok++;
	if (p->tok->kind == TOKEN_COMMA)
		return parse_error(p, "syntax", parse_span(p, p->tok), "'any' already means every role; name no others beside it");
	return true;
}

static bool rule_allow(struct parser *p, void *node)
{
	return who(p, node);
}

static bool rule_deny(struct parser *p, void *node)
{
	((struct ast_rule *)node)->deny = true;
	return who(p, node);
}

static bool rule_to(struct parser *p, void *node)
{
	return parse_list(p, "action", parse_name, &((struct ast_rule *)node)->actions);
}

static bool rule_on(struct parser *p, void *node)
{
	struct ast_rule *rule = node;

	if (parse_accept(p, "any")) {
		rule->on_kind = AST_ON_ANY;
		if (p->tok->kind == TOKEN_COMMA)
			return parse_error(p, "syntax", parse_span(p, p->tok), "'any' already means every store; name no others beside it");
		return true;
	}
	if (parse_accept(p, "class")) {
		rule->on_kind = AST_ON_CLASS;
		return parse_list(p, "class", parse_name, &rule->on);
	}
	return parse_list(p, "store", parse_name, &rule->on);
}

static const struct { const char *word; enum ast_cond_kind kind; const char *what; parse_item item; } atoms[] = {
	{ "during", AST_COND_DURING, "time", parse_name },
	{ "purpose", AST_COND_PURPOSE, "purpose", parse_name },
	{ "mfa", AST_COND_MFA, NULL, NULL },
	{ "user", AST_COND_USER, "user", parse_principal },
	{ "group", AST_COND_GROUP, "group", parse_principal },
	{ "role", AST_COND_ROLE, "role", parse_name },
	{ "program", AST_COND_PROGRAM, "program", parse_name },
	{ "unit", AST_COND_UNIT, "unit", parse_unit },
};

static bool unknown_atom(struct parser *p)
{
	const char *words[COUNT(atoms)], *near;
	const struct token *t = p->tok;
	struct ast_word word = { 0 };

	if (parse_at(p, "tls"))
		return parse_error(p, "not-in-version", parse_span(p, p->tok++),
				   "'tls' is part of the language but not of this version; remove this condition");
	if (t->kind != TOKEN_WORD)
		return parse_expected(p, "a condition: during, purpose, mfa, user, group, role, program or unit");
	for (size_t i = 0; i < COUNT(atoms); i++)
		words[i] = atoms[i].word;
	if (!parse_word(p, "a condition", &word))
		return false;
	near = closest(word.text, words, COUNT(atoms));
	if (near)
		(void)parse_error(p, "unknown-condition", word.span, "'%.64s' is not a condition; did you mean '%s'?", word.text, near);
	else
		(void)parse_error(p, "unknown-condition", word.span,
				  "'%.64s' is not a condition; conditions are during, purpose, mfa within, user, group, role, program and unit",
				  word.text);
	free(word.text);
	return false;
}

static bool atom(struct parser *p, struct ast_conds *conds)
{
	const struct token *start = p->tok;
	struct ast_cond *c;
	bool ok;

	for (size_t i = 0; i < COUNT(atoms); i++) {
		if (!parse_accept(p, atoms[i].word))
			continue;
		c = list_push(conds);
		if (!c)
			return parse_out_of_memory(p);
		c->kind = atoms[i].kind;
		ok = atoms[i].item ? parse_one_or_set(p, atoms[i].what, atoms[i].item, &c->values) :
				     parse_mfa_within(p, &c->mfa_within_s);
		c->span = parse_span_to(p, start);
		return ok;
	}
	return unknown_atom(p);
}

static bool conditions(struct parser *p, struct ast_conds *conds)
{
	do {
		if (!atom(p, conds))
			return false;
	} while (parse_accept_kind(p, TOKEN_COMMA));
	return true;
}

static bool rule_when(struct parser *p, void *node)
{
	return conditions(p, &((struct ast_rule *)node)->when);
}

static bool rule_unless(struct parser *p, void *node)
{
	return conditions(p, &((struct ast_rule *)node)->unless);
}

static bool rule_absolute(struct parser *p, void *node)
{
	(void)p;
	((struct ast_rule *)node)->absolute = true;
	return true;
}

static bool rule_mode(struct parser *p, void *node)
{
	struct ast_rule *rule = node;

	return parse_mode(p, &rule->mode, &rule->audit_until_utc_s);
}

static bool rule_until(struct parser *p, void *node)
{
	return parse_until(p, &((struct ast_rule *)node)->until_utc_s);
}

static void rule_end(struct parser *p, void *node, uint32_t seen)
{
	struct ast_rule *rule = node;
	const char *name = rule->name.text;

	if (parse_has(seen, RULE_ALLOW) && parse_has(seen, RULE_DENY))
		(void)parse_error(p, "allow-and-deny", rule->span, "rule '%s' both allows and denies; make two rules of it", name);
	else if (!parse_has(seen, RULE_ALLOW) && !parse_has(seen, RULE_DENY))
		(void)parse_error(p, "missing-field", rule->span, "rule '%s' is incomplete; add 'allow ROLE' or 'deny ROLE'", name);
	else if (!parse_has(seen, RULE_TO))
		(void)parse_error(p, "missing-field", rule->span, "rule '%s' is incomplete; add 'to' and its actions", name);
	else if (!parse_has(seen, RULE_ON))
		(void)parse_error(p, "missing-field", rule->span, "rule '%s' is incomplete; add 'on' and its stores, 'on class C' or 'on any'",
				  name);
	else if (!rule->deny && rule->absolute)
		(void)parse_error(p, "absolute-allow", rule->span,
				  "rule '%s' allows, and only a deny can be absolute; remove 'absolute'", name);
	else if (!rule->deny && rule->mode == AST_MODE_AUDIT)
		(void)parse_error(p, "audit-allow", rule->span,
				  "rule '%s' allows, and 'mode audit' changes nothing about that; remove it, or put it on the store", name);
	else if (rule->deny && parse_has(seen, RULE_UNTIL))
		(void)parse_error(p, "deny-until", rule->span,
				  "rule '%s' denies, and would let in whom it refuses when its time is over; remove 'until', and the rule when its "
				  "time has come", name);
}

static const struct field_def rule_fields[] = {
	[RULE_ALLOW] = { "allow", rule_allow, false },
	[RULE_DENY] = { "deny", rule_deny, false },
	[RULE_TO] = { "to", rule_to, false },
	[RULE_ON] = { "on", rule_on, false },
	[RULE_WHEN] = { "when", rule_when, false },
	[RULE_UNLESS] = { "unless", rule_unless, false },
	[RULE_ABSOLUTE] = { "absolute", rule_absolute, false },
	[RULE_MODE] = { "mode", rule_mode, false },
	[RULE_UNTIL] = { "until", rule_until, false },
};
const struct kind_def parse_kind_rule = {
	.word = "rule", .head = HEAD_NAME, .begin = rule_begin, .fields = rule_fields, .fields_count = COUNT(rule_fields),
	.end = rule_end,
};
