/* SPDX-License-Identifier: Apache-2.0 */
/*
 * polyward doctor: what this kernel can enforce, hook by hook, and with --policy rule by rule. It asks the kernel, changes nothing, and
 * says "enforced" of nothing that it has not seen.
 */
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "audit/audit.h"
#include "cli/cli.h"
#include "cli/client.h"
#include "cli/doctor.h"
#include "cli/show.h"
#include "policy/diag.h"

struct doctor {
	const struct cli *c;
	const struct kernel_report *kernel;
	const struct ast *ast;      /* NULL: no policy was asked about */
	const struct diags *diags;
	struct msg_kernel daemon;   /* what a daemon says, if there is one */
	struct msg_audit log;
	bool complete;              /* nothing is missing so far */
};

static void paint(const struct doctor *d, bool good, const char *text)
{
	if (d->c->color)
		printf("%s%s\033[0m", good ? "\033[32m" : "\033[31m", text);
	else
		fputs(text, stdout);
}

static void actions_text(uint32_t mask, struct buf *ret)
{
	for (uint32_t bit = 0; bit < 32; bit++)
		if (mask >> bit & 1 && record_action_word(bit))
			buf_printf(ret, "%s%s", ret->len_bytes ? "," : "", record_action_word(bit));
}

static const char *hook_state(const struct kernel_hook *h)
{
	return h->attached ? "attached" : h->present && h->chosen ? "present" : "missing";
}

/* Does the report say anything about hooks at all? Without BTF it cannot. */
static bool hooks_known(const struct kernel_report *k)
{
	for (unsigned i = 1; i < PW_HOOK_MAX_; i++)
		if (k->hooks[i].present || k->hooks[i].attached)
			return true;
	return false;
}

/* ---- text ---- */

static void print_hook(struct doctor *d, unsigned hook)
{
	const struct doctor_hook *row = doctor_hook(hook);
	bool lacking = doctor_hook_lacking(d->kernel, hook);
	_buf_ struct buf actions = BUF_INIT;

	actions_text(row->needs, &actions);
	printf("  %-22s ", row->hook);
	if (lacking)
		paint(d, false, "missing ");
	else
		printf("%-8s", hook_state(&d->kernel->hooks[hook]));
	printf("  %-24s  %s\n", actions.len_bytes ? actions.data : "-", row->why);
	if (lacking)
		printf("  %-22s           without it nobody decides on this, so no policy can be applied on this kernel\n", "");
	else if (!strcmp(hook_state(&d->kernel->hooks[hook]), "missing"))
		printf("  %-22s           nothing is open without it: the other rows for these actions cover what this kernel has\n", "");
	else if (row->use == DOCTOR_STAT && !d->kernel->hooks[hook].attached)
		printf("  %-22s           attached only under a policy that names the action stat\n", "");
}

static void print_guard(const struct doctor *d)
{
	const uint32_t flags = d->daemon.flags;

	if (!(flags & (MSG_KERNEL_GUARD | MSG_KERNEL_SEALED)))
		return;
	printf("guard     on%s%s\n", flags & MSG_KERNEL_SEALED ? ", sealed until a reboot" : "",
	       d->daemon.upgrade_left_s ? "; the installed programs may be replaced (`polyward upgrade done` ends that)" : "");
}

static void print_log(const struct doctor *d)
{
	char why[2 * MSG_TEXT_MAX];

	if (!d->log.trouble_since_utc_s)
		return;
	show_text(d->log.text, strnlen(d->log.text, sizeof(d->log.text)), why, sizeof(why));
	printf("log       cannot be written: %s\nto do     make room for the log; strict stores are refused until then, as soon as the kernel's own "
	       "room is used up\n", why);
}

static void print_kernel(struct doctor *d)
{
	const struct kernel_report *k = d->kernel;

	printf("kernel    %s\n", k->release);
	printf("modules   %s\n", k->lsm_list[0] ? k->lsm_list : "(cannot be read)");
	fputs("ready     ", stdout);
	paint(d, k->ready == KERNEL_READY, k->ready == KERNEL_READY ? "yes" : "no");
	if (k->ready != KERNEL_READY)
		printf(": %s\nto do     %s", k->because, k->advice);
	putchar('\n');
	print_guard(d);
	print_log(d);
	if (!hooks_known(k)) {
		printf("\nhooks: this kernel does not say which it has\n");
		return;
	}
	printf("\n  %-22s %-8s  %-24s  %s\n", "hook", "state", "decides on", "covers");
	for (unsigned i = 1; i < PW_HOOK_MAX_; i++)
		if (doctor_hook_counts(k, i))
			print_hook(d, i);
}

/* Actions that are not enforced for the same reason stand on one line; ones that are, on another. */
static void print_actions(const struct doctor *d, uint32_t mask)
{
	uint32_t enforced = 0;

	while (mask) {
		_buf_ struct buf why = BUF_INIT, words = BUF_INIT;
		uint32_t first = (uint32_t)__builtin_ctz(mask), same = 1u << first;
		bool open = doctor_action_open(d->kernel, first, &why);

		for (uint32_t bit = first + 1; open && bit < 32; bit++) {
			_buf_ struct buf other = BUF_INIT;

			if (mask >> bit & 1 && doctor_action_open(d->kernel, bit, &other) && !strcmp(why.data, other.data))
				same |= 1u << bit;
		}
		mask &= ~same;
		if (!open) {
			enforced |= same;
			continue;
		}
		actions_text(same, &words);
		fputs("  ", stdout);
		paint(d, false, "not enforced");
		printf(": %s: %s\n", words.data, why.data);
	}
	if (enforced) {
		_buf_ struct buf words = BUF_INIT;

		actions_text(enforced, &words);
		fputs("  ", stdout);
		paint(d, true, "enforced");
		printf(": %s\n", words.data);
	}
}

static void print_rule(struct doctor *d, const struct ast_rule *rule)
{
	_buf_ struct buf idle = BUF_INIT, notes = BUF_INIT;
	uint32_t line, col;
	const char *at, *end;

	span_where(&d->diags->sources, rule->name.span, &line, &col);
	printf("\nrule %s (%s:%u): %s\n", rule->name.text, d->diags->sources.v[rule->name.span.file].path, line,
	       rule->deny ? rule->absolute ? "deny, absolute" : "deny" : "allow");
	if (doctor_rule_idle(rule, &idle)) {
		fputs("  ", stdout);
		paint(d, false, "never applies");
		printf(": %s\n", idle.data);
	}
	print_actions(d, rule->action_mask);
	doctor_rule_notes(d->ast, rule, &notes);
	for (at = notes.data; at && (end = strchr(at, '\n')); at = end + 1)
		printf("  note: %.*s\n", (int)(end - at), at);
}

static void print_all(struct doctor *d)
{
	print_kernel(d);
	for (size_t i = 0; d->ast && i < d->ast->rules.count; i++)
		print_rule(d, &d->ast->rules.v[i]);
	putchar('\n');
	if (d->complete)
		paint(d, true, d->ast ? "all that this policy says is enforced on this kernel" : "this kernel can enforce a policy");
	else
		paint(d, false, d->ast ? "not all that this policy says is enforced on this kernel"
				       : "this kernel cannot enforce a policy as it is");
	putchar('\n');
}

/* ---- JSON ---- */

static json_t *actions_json(uint32_t mask)
{
	json_t *list = json_array();

	for (uint32_t bit = 0; bit < 32; bit++)
		if (mask >> bit & 1 && record_action_word(bit))
			json_array_append_new(list, json_string(record_action_word(bit)));
	return list;
}

static json_t *hooks_json(const struct kernel_report *k)
{
	static const char *const uses[] = { [DOCTOR_REQUIRED] = "required", [DOCTOR_STAT] = "stat", [DOCTOR_OPTIONAL] = "optional" };
	json_t *list = json_array();

	for (unsigned i = 1; i < PW_HOOK_MAX_; i++) {
		const struct doctor_hook *row = doctor_hook(i);

		if (doctor_hook_counts(k, i))
			json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:s, s:o, s:s}", "hook", row->hook, "program", row->program,
							      "state", hook_state(&k->hooks[i]), "use", uses[row->use], "actions",
							      actions_json(row->needs), "covers", row->why));
	}
	return list;
}

static json_t *lines_json(const char *text)
{
	json_t *list = json_array();
	const char *end;

	for (; text && (end = strchr(text, '\n')); text = end + 1)
		json_array_append_new(list, json_stringn(text, (size_t)(end - text)));
	return list;
}

static json_t *rule_json(const struct doctor *d, const struct ast_rule *rule)
{
	_buf_ struct buf idle = BUF_INIT, notes = BUF_INIT;
	json_t *enforced = json_array(), *open = json_array();
	uint32_t line, col;

	span_where(&d->diags->sources, rule->name.span, &line, &col);
	for (uint32_t bit = 0; bit < 32; bit++) {
		_buf_ struct buf why = BUF_INIT;

		if (!(rule->action_mask >> bit & 1))
			continue;
		if (doctor_action_open(d->kernel, bit, &why))
			json_array_append_new(open, json_pack("{s:s, s:s}", "action", record_action_word(bit), "because", why.data));
		else
			json_array_append_new(enforced, json_string(record_action_word(bit)));
	}
	doctor_rule_idle(rule, &idle);
	doctor_rule_notes(d->ast, rule, &notes);
	return json_pack("{s:s, s:s, s:i, s:s, s:o, s:o, s:s?, s:o}", "rule", rule->name.text, "file",
			 d->diags->sources.v[rule->name.span.file].path, "line", (int)line, "effect", rule->deny ? "deny" : "allow",
			 "enforced", enforced, "not_enforced", open, "never_applies", idle.data, "notes", lines_json(notes.data));
}

static void print_json(const struct doctor *d)
{
	const struct kernel_report *k = d->kernel;
	json_t *doc = json_pack("{s:s, s:s, s:b, s:s, s:s, s:s, s:o}", "kernel", k->release, "modules", k->lsm_list, "ready",
				k->ready == KERNEL_READY, "state", doctor_ready_word(k->ready), "because", k->because, "advice", k->advice,
				"hooks", hooks_json(k));
	json_t *rules = json_array();

	for (size_t i = 0; d->ast && i < d->ast->rules.count; i++)
		json_array_append_new(rules, rule_json(d, &d->ast->rules.v[i]));
	if (d->ast)
		json_object_set(doc, "rules", rules);
	json_decref(rules);
	json_object_set_new(doc, "guard", json_boolean(d->daemon.flags & MSG_KERNEL_GUARD));
	json_object_set_new(doc, "sealed", json_boolean(d->daemon.flags & MSG_KERNEL_SEALED));
	json_object_set_new(doc, "log_writable", json_boolean(!d->log.trouble_since_utc_s));
	json_object_set_new(doc, "complete", json_boolean(d->complete));
	cli_print_json(doc);
}

/* ---- both ---- */

static bool is_complete(const struct doctor *d)
{
	bool complete = d->kernel->ready == KERNEL_READY && !d->log.trouble_since_utc_s;

	for (unsigned i = 1; i < PW_HOOK_MAX_; i++)
		complete = complete && !doctor_hook_lacking(d->kernel, i);
	for (size_t i = 0; d->ast && i < d->ast->rules.count; i++) {
		_buf_ struct buf why = BUF_INIT;

		complete = complete && !doctor_rule_idle(&d->ast->rules.v[i], &why);
		for (uint32_t bit = 0; bit < 32; bit++)
			if (d->ast->rules.v[i].action_mask >> bit & 1)
				complete = complete && !doctor_action_open(d->kernel, bit, &why);
	}
	return complete;
}

int cmd_doctor(struct cli *c)
{
	const char *file = cli_opt(c, "policy");
	struct kernel_report report;
	struct cli_policy policy = { 0 };
	struct doctor d = { .c = c, .kernel = &report };
	struct err none = { 0 };
	int code;

	if (cli_opt(c, "root") && !file)
		return cli_usage(c, "--root says where a policy's users are looked up: give --policy FILE with it");
	code = kernel_probe(&report);
	if (code < 0)
		return cli_fail(c, &(struct err){ .code = code, .text = "cannot look at this kernel; is /proc mounted?" });
	doctor_order(&report);
	if (client_kernel(&d.daemon, &d.log, &none) < 0)
		memset(&d.daemon, 0, sizeof(d.daemon));
	if (file) {
		code = cli_policy_load(c, file, false, &policy);
		if (code != CLI_YES)
			return code;
		d.ast = policy.ast;
		d.diags = policy.diags;
	}
	d.complete = is_complete(&d);
	if (c->json)
		print_json(&d);
	else
		print_all(&d);
	if (file)
		cli_policy_free(&policy);
	return d.complete ? CLI_YES : CLI_NO;
}
