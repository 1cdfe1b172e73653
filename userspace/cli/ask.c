/* SPDX-License-Identifier: Apache-2.0 */
/* Questions from the command line, and grants as tables. A name that nobody knows is said at once: it would look like a refusal. */
#include "cli/ask.h"

#include <errno.h>
#include <jansson.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/num.h"
#include "cli/when.h"
#include "policy/explain.h"

void ask_free(struct ask *ask)
{
	free(ask->groups_text);
	free(ask->groups);
	free(ask->user);
	*ask = (struct ask){ 0 };
}

static int no_memory(const struct cli *c)
{
	struct err e;

	(void)err_set(&e, -ENOMEM, "cannot read the question");
	return cli_fail(c, &e);
}

static int ask_user(const struct cli *c, const struct cli_policy *p, struct ask *ask)
{
	const char *user = cli_opt(c, "user");
	uint32_t uid;

	if (!user) {
		const struct passwd *pw = getpwuid(getuid());

		ask->user = pw ? strdup(pw->pw_name) : NULL;
		if (pw && !ask->user)
			return no_memory(c);
		/* Another root's users need not include whoever runs this: then the subject has no name. */
		if (ask->user && p->names->uid(p->names->ctx, ask->user, &uid) == 0)
			ask->q.user = ask->user;
		return CLI_YES;
	}
	if (p->names->uid(p->names->ctx, user, &uid) < 0)
		return cli_usage(c, "no user '%s' on this host; name one with --user, or say with --root whose users are meant", user);
	ask->q.user = user;
	return CLI_YES;
}

static int ask_groups(const struct cli *c, const struct cli_policy *p, struct ask *ask)
{
	const char *text = cli_opt(c, "groups");
	char *rest;
	size_t count = 1;
	uint32_t gid;

	if (!text)
		return CLI_YES;
	ask->q.has_groups = true;
	for (const char *s = text; *s; s++)
		count += *s == ',';
	ask->groups_text = strdup(text);
	ask->groups = calloc(count, sizeof(*ask->groups));
	if (!ask->groups_text || !ask->groups)
		return no_memory(c);
	rest = ask->groups_text;
	for (char *word = strsep(&rest, ","); word; word = strsep(&rest, ",")) {
		if (!*word)
			continue;
		if (p->names->gid(p->names->ctx, word, &gid) < 0)
			return cli_usage(c, "no group '%s' on this host; --groups takes names with commas in between", word);
		ask->groups[ask->q.groups_count++] = word;
	}
	ask->q.groups = ask->groups;
	return CLI_YES;
}

static int ask_program(const struct cli *c, const struct ast *a, struct ask *ask)
{
	const char *program = cli_opt(c, "program");

	ask->q.program = program;
	if (!program || program[0] == '/')
		return CLI_YES;
	for (size_t i = 0; i < a->programs.count; i++)
		if (strcmp(a->programs.v[i].name.text, program) == 0)
			return CLI_YES;
	return cli_usage(c, "the policy has no program '%s'; --program takes a program of the policy, or the path of an executable",
			 program);
}

static int ask_purpose(const struct cli *c, const struct ast *a, struct ask *ask)
{
	const char *purpose = cli_opt(c, "purpose");

	ask->q.purpose = purpose;
	if (!purpose)
		return CLI_YES;
	for (size_t i = 0; i < a->purposes.count; i++)
		if (strcmp(a->purposes.v[i].name.text, purpose) == 0)
			return CLI_YES;
	return cli_usage(c, "the policy has no purpose '%s'", purpose);
}

static int ask_moment(const struct cli *c, struct ask *ask)
{
	const char *at = cli_opt(c, "time"), *mfa = cli_opt(c, "mfa");
	int64_t now_s = (int64_t)time(NULL), ns;
	struct err e;

	ask->q.at_utc_s = now_s;
	if (at && when_parse(at, now_s, &ns, &e) < 0)
		return cli_usage(c, "--time: %s", e.text);
	if (at)
		ask->q.at_utc_s = ns / 1000000000 - (ns % 1000000000 < 0);
	if (mfa && num_parse_duration(mfa, strlen(mfa), PW_MFA_NEVER - 1, &ask->q.mfa_age_s) < 0)
		return cli_usage(c, "--mfa takes an age with its unit, such as 20m or 8h, not '%s'", mfa);
	ask->q.has_mfa = mfa != NULL;
	return CLI_YES;
}

int ask_subject(const struct cli *c, const struct cli_policy *p, struct ask *ret)
{
	int code = ask_user(c, p, ret);

	ret->q.unit = cli_opt(c, "unit");
	if (code == CLI_YES)
		code = ask_groups(c, p, ret);
	if (code == CLI_YES)
		code = ask_program(c, p->ast, ret);
	if (code == CLI_YES)
		code = ask_purpose(c, p->ast, ret);
	return code == CLI_YES ? ask_moment(c, ret) : code;
}

void ask_words(const struct ask *ask, struct buf *b)
{
	const struct question *q = &ask->q;

	explain_subject(q, b);
	for (size_t i = 0; i < q->groups_count; i++)
		buf_printf(b, "%s%s", i ? ", " : ", groups ", q->groups[i]);
	if (q->program)
		buf_printf(b, ", program %s", q->program);
	if (q->unit)
		buf_printf(b, ", unit %s", q->unit);
}

/* "/a//b/../c/" as "/a/c": what the words say, without asking any file system. */
static void tidy(const char *path, struct buf *b)
{
	while (*path) {
		size_t len;

		path += strspn(path, "/");
		len = strcspn(path, "/");
		if (len == 2 && path[0] == '.' && path[1] == '.') {
			while (b->len_bytes && b->data[b->len_bytes - 1] != '/')
				b->len_bytes--;
			b->len_bytes -= b->len_bytes > 0;
			if (b->data)
				b->data[b->len_bytes] = '\0';
		} else if (len && !(len == 1 && path[0] == '.')) {
			buf_add_char(b, '/');
			buf_add(b, path, len);
		}
		path += len;
	}
}

uint32_t ask_store(const struct ast *a, const char *text, bool *ret_unknown)
{
	_buf_ struct buf path = BUF_INIT;

	*ret_unknown = false;
	if (text[0] == '/') {
		tidy(text, &path);
		return policy_store_at(a, *cli_text(&path) ? path.data : "/");
	}
	for (uint32_t i = 0; i < a->stores.count; i++)
		if (strcmp(a->stores.v[i].name.text, text) == 0)
			return i;
	*ret_unknown = true;
	return AST_NONE;
}

int ask_unknown_action(const struct cli *c, const char *word)
{
	static const char *const words[] = {
#define PW_ACTION(name, bit, text, brings, meaning) text,
#include <polyward/actions.def>
#undef PW_ACTION
	};
	const char *near = closest(word, words, sizeof(words) / sizeof(words[0]));
	_buf_ struct buf all = BUF_INIT;

	if (near)
		return cli_usage(c, "no action '%s'; did you mean '%s'?", word, near);
	explain_actions(~0u, &all);
	return cli_usage(c, "no action '%s'; actions are %s", word, cli_text(&all));
}

int ask_unknown_store(const struct cli *c, const struct ast *a, const char *name)
{
	_free_ const char **names = calloc(a->stores.count + 1, sizeof(*names));
	const char *near = NULL;

	for (size_t i = 0; names && i < a->stores.count; i++)
		names[i] = a->stores.v[i].name.text;
	if (names)
		near = closest(name, names, a->stores.count);
	if (near)
		return cli_usage(c, "the policy has no store '%s'; did you mean '%s'?", name, near);
	return cli_usage(c, "the policy has no store '%s'; name one of its stores, or give an absolute path", name);
}

json_t *ask_roles_json(const struct ast *a, uint64_t roles)
{
	json_t *list = json_array();

	for (size_t i = 0; i < a->roles.count; i++)
		if (roles >> i & 1)
			json_array_append_new(list, json_string(a->roles.v[i].name.text));
	return list;
}

json_t *ask_actions_json(uint32_t actions)
{
	static const struct { uint32_t bit; const char *word; } words[] = {
#define PW_ACTION(name, bit, word, brings, meaning) { PW_A_##name, word },
#include <polyward/actions.def>
#undef PW_ACTION
	};
	json_t *list = json_array();

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (actions & words[i].bit)
			json_array_append_new(list, json_string(words[i].word));
	return list;
}

/* ---- tables ---- */

enum { COLUMNS = 6 };

static char *cell(const struct grant_row *r, size_t column, bool with_store)
{
	_buf_ struct buf raw = BUF_INIT, b = BUF_INIT;
	char *text;

	switch (column) {
	case 0:  buf_add_str(&raw, r->role); break;
	case 1:  buf_add_str(&raw, r->members); break;
	case 2:  buf_add_str(&raw, with_store ? r->store : ""); break;
	case 3:  explain_actions(r->actions, &raw); break;
	case 4:  buf_add_str(&raw, r->rule); break;
	default: buf_add_str(&raw, *r->conditions ? r->conditions : "always"); break;
	}
	buf_add_escaped(&b, cli_text(&raw), raw.len_bytes);
	text = buf_take(&b);
	if (!text)
		cli_no_memory();
	return text;
}

/* Columns on a terminal: bytes that continue a UTF-8 character take none. */
static size_t width(const char *text)
{
	size_t n = 0;

	for (; *text; text++)
		n += ((unsigned char)*text & 0xc0) != 0x80;
	return n;
}

static void print_cells(char *const cells[COLUMNS], const size_t widths[COLUMNS])
{
	for (size_t k = 0; k < COLUMNS; k++)
		if (widths[k])
			printf("%s%*s", cells[k], k + 1 == COLUMNS ? 0 : (int)(widths[k] - width(cells[k]) + 2), "");
	putchar('\n');
}

void ask_print_grants(const struct grant_rows *rows, bool with_store)
{
	static const char *const titles[COLUMNS] = { "ROLE", "MEMBERS", "STORE", "ACTIONS", "RULE", "WHEN" };
	char *(*cells)[COLUMNS] = calloc(rows->count + 1, sizeof(*cells));
	size_t widths[COLUMNS] = { 0 };

	if (!cells)
		cli_no_memory();
	for (size_t k = 0; k < COLUMNS; k++) {
		if (k == 2 && !with_store)
			continue;
		cells[0][k] = strdup(titles[k]);
		if (!cells[0][k])
			cli_no_memory();
		widths[k] = width(titles[k]);
		for (size_t i = 0; i < rows->count; i++) {
			char *text = cells[i + 1][k] = cell(&rows->v[i], k, with_store);

			if (width(text) > widths[k])
				widths[k] = width(text);
		}
	}
	for (size_t i = 0; i <= rows->count; i++) {
		print_cells(cells[i], widths);
		for (size_t k = 0; k < COLUMNS; k++)
			free(cells[i][k]);
	}
	free(cells);
}

json_t *ask_grants_json(const struct grant_rows *rows)
{
	json_t *list = json_array();

	for (size_t i = 0; i < rows->count; i++) {
		const struct grant_row *r = &rows->v[i];

		json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:o, s:s, s:s}", "role", r->role, "members", r->members, "store",
						      r->store, "actions", ask_actions_json(r->actions), "rule", r->rule,
						      "conditions", r->conditions));
	}
	return list;
}
