/* SPDX-License-Identifier: Apache-2.0 */
/*
 * polyward explain: a recorded access by its number or path (cmd_explain_event.c), or a hypothetical one, decided by the compiled
 * tables: the sentence, the rule, the state of every condition of every rule on that store and action, and the smallest changes that
 * would turn the outcome.
 */
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/num.h"
#include "cli/ask.h"
#include "cli/explain_event.h"
#include "policy/explain.h"

static const char *verdict_word(const struct explanation *x)
{
	if (x->store_idx == AST_NONE)
		return "not-ours";
	return x->decision.verdict == PW_ALLOW ? "allow" : x->decision.verdict == PW_AUDIT ? "audit" : "deny";
}

static const char *reason_word(const struct explanation *x)
{
	switch (x->decision.reason) {
	case PW_R_RULE:     return "rule";
	case PW_R_ABSOLUTE: return "absolute";
	case PW_R_DEFAULT:  return "default";
	case PW_R_INTERNAL: return "internal";
	default:            return "none";
	}
}

static char *clean(const char *text)
{
	_buf_ struct buf b = BUF_INIT;
	char *safe;

	buf_add_escaped(&b, text, strlen(text));
	safe = buf_take(&b);
	if (!safe)
		cli_no_memory();
	return safe;
}

static void print_clean(const char *before, const char *text, const char *after)
{
	_free_ char *safe = clean(text);

	printf("%s%s%s", before, safe, after);
}

/* ---- for people ---- */

static void print_rule(const struct ast *a, const struct image *img, const struct explain_rule *r)
{
	const struct pw_img_rule *rule = &img->rules[r->rule_idx + 1];

	printf("  %s %s%s (", a->rules.v[r->rule_idx].deny ? "deny " : "allow", image_str(img, rule->name), r->decided ? ", decides" : "");
	print_clean("", image_str(img, img->files[rule->file]), "");
	printf(":%u)\n", rule->line);
	for (size_t i = 0; i < r->atoms_count; i++)
		print_clean(r->atoms[i].state == ATOM_HOLDS ? "    holds  " : "    fails  ", r->atoms[i].text, "\n");
	if (!r->atoms_count)
		puts("    holds  for anybody, at any time");
}

static void print_text(const struct ast *a, const struct image *img, const struct explanation *x)
{
	_buf_ struct buf roles = BUF_INIT;

	print_clean("", x->sentence, "\n");
	if (x->store_idx == AST_NONE)
		return;
	explain_roles(a, x->roles, "none", &roles);
	printf("roles on: %s\n", cli_text(&roles));
	if (a->stores.v[x->store_idx].strict)
		printf("store %s is strict: whatever the rules say, an access that finds no room for its record is refused\n",
		       a->stores.v[x->store_idx].name.text);
	if (x->rules_count)
		puts("rules on this store and action:");
	for (size_t i = 0; i < x->rules_count; i++)
		print_rule(a, img, &x->rules[i]);
	if (!x->changes_count) {
		puts("no single change and no pair of changes that this policy speaks about would turn that");
		return;
	}
	puts(x->decision.verdict == PW_DENY ? "this would be allowed, if you:" : "this would be refused, if you:");
	for (size_t i = 0; i < x->changes_count; i++) {
		print_clean("  ", x->changes[i].text, "");
		printf("  (then %s)\n", x->changes[i].rule ? x->changes[i].rule : "no rule allows it");
	}
}

/* ---- for programs ---- */

static json_t *string_json(const char *text)
{
	_free_ char *safe = clean(text);

	return json_string(safe);
}

static json_t *place_json(const struct image *img, __u32 rule)
{
	_buf_ struct buf b = BUF_INIT;
	const struct pw_img_rule *r = &img->rules[rule];

	if (!rule)
		return json_null();
	buf_printf(&b, "%s:%u", image_str(img, img->files[r->file]), r->line);
	return string_json(cli_text(&b));
}

static json_t *rules_json(const struct ast *a, const struct image *img, const struct explanation *x)
{
	json_t *list = json_array();

	for (size_t i = 0; i < x->rules_count; i++) {
		const struct explain_rule *r = &x->rules[i];
		json_t *conds = json_array();

		for (size_t k = 0; k < r->atoms_count; k++)
			json_array_append_new(conds, json_pack("{s:b, s:o}", "holds", r->atoms[k].state == ATOM_HOLDS, "text",
							       string_json(r->atoms[k].text)));
		json_array_append_new(list, json_pack("{s:s, s:o, s:s, s:b, s:b, s:o}", "rule", a->rules.v[r->rule_idx].name.text, "at",
						      place_json(img, r->rule_idx + 1), "effect",
						      a->rules.v[r->rule_idx].deny ? "deny" : "allow", "decided", r->decided,
						      "role_on", r->names_role, "conditions", conds));
	}
	return list;
}

static void print_document(const struct ast *a, const struct image *img, const struct explanation *x)
{
	const struct pw_decision *d = &x->decision;
	json_t *changes = json_array();
	json_t *doc;

	for (size_t i = 0; i < x->changes_count; i++)
		json_array_append_new(changes, json_pack("{s:o, s:b, s:s?}", "change", string_json(x->changes[i].text), "allowed",
							 x->changes[i].now_allowed, "rule", x->changes[i].rule));
	doc = json_pack("{s:s, s:s, s:s?, s:o, s:o, s:s?, s:o, s:o}", "verdict", verdict_word(x), "reason", reason_word(x), "rule",
			d->rule ? image_str(img, img->rules[d->rule].name) : NULL, "rule_at", place_json(img, d->rule), "missing",
			ask_actions_json(d->missing), "store",
			x->store_idx == AST_NONE ? NULL : a->stores.v[x->store_idx].name.text, "roles", ask_roles_json(a, x->roles),
			"sentence", string_json(x->sentence));
	json_object_set_new(doc, "strict", json_boolean(x->store_idx != AST_NONE && a->stores.v[x->store_idx].strict));
	json_object_set_new(doc, "rules", rules_json(a, img, x));
	json_object_set_new(doc, "changes", changes);
	cli_print_json(doc);
}

static int explain(const struct cli *c, const struct cli_policy *p, const struct question *q, uint32_t action, uint32_t store)
{
	struct explanation x;
	struct image img;
	struct err e;
	int code;

	if (image_check(p->image, p->image_len_bytes, &img, &e) < 0 ||
	    policy_explain(p->ast, &img, p->names, q, action, store, &x, &e) < 0)
		return cli_fail(c, &e);
	if (c->json)
		print_document(p->ast, &img, &x);
	else
		print_text(p->ast, &img, &x);
	code = x.decision.verdict == PW_DENY ? CLI_NO : CLI_YES;
	explanation_free(&x);
	return code;
}

static int ask_and_explain(const struct cli *c, const struct cli_policy *p, const char *at, uint32_t action)
{
	struct ask ask = { 0 };
	bool unknown;
	uint32_t store = ask_store(p->ast, at, &unknown);
	int code;

	if (unknown)
		return ask_unknown_store(c, p->ast, at);
	code = ask_subject(c, p, &ask);
	if (code == CLI_YES)
		code = explain(c, p, &ask.q, action, store);
	ask_free(&ask);
	return code;
}

static bool is_policy(const char *path)
{
	size_t n = strlen(path);

	return n > 3 && strcmp(path + n - 3, ".pw") == 0;
}

int cmd_explain(struct cli *c)
{
	const char *word = cli_opt(c, "action"), *at = cli_opt(c, "at");
	uint32_t action = policy_action_bit(word ? word : "read");
	struct cli_policy p = { 0 };
	uint64_t seq;
	int code;

	if (num_parse(c->args[0], strlen(c->args[0]), UINT64_MAX, &seq) == 0)
		return explain_event(c, seq);
	if (!at && c->args[0][0] == '/' && !is_policy(c->args[0]))
		return explain_path(c, c->args[0]);
	if (action == AST_NONE)
		return ask_unknown_action(c, word);
	if (!at)
		return cli_usage(c, "on what? Name a store or an absolute path with --at");
	code = cli_policy_load(c, c->args[0], true, &p);
	if (code == CLI_YES)
		code = ask_and_explain(c, &p, at, action);
	cli_policy_free(&p);
	return code;
}
