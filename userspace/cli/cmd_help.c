/* SPDX-License-Identifier: Apache-2.0 */
/* polyward help: everything it says comes from verbs.def and options.def, so that it cannot promise what the parser refuses. */
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "cli/args.h"

#define HELP_WIDTH 100u /* columns */

/* `left`, then `text` from column `indent` on, broken at blanks. */
static void add_row(struct buf *b, const char *left, size_t indent, const char *text)
{
	size_t col = strlen(left);

	buf_add_str(b, left);
	if (col && col + 1 >= indent) {
		buf_add_char(b, '\n');
		col = 0;
	}
	for (; col < indent; col++)
		buf_add_char(b, ' ');
	while (*text) {
		size_t len = strcspn(text, " ");

		if (col > indent && col + 1 + len > HELP_WIDTH) {
			buf_printf(b, "\n%*s", (int)indent, "");
			col = indent;
		} else if (col > indent) {
			buf_add_char(b, ' ');
			col++;
		}
		buf_add(b, text, len);
		col += len;
		text += len + (text[len] == ' ');
	}
	buf_add_char(b, '\n');
}

static void add_option(struct buf *b, const struct cli_option *o)
{
	char left[64];

	(void)snprintf(left, sizeof(left), "  --%s%s%s", o->name, o->arg[0] ? " " : "", o->arg);
	add_row(b, left, 30, o->help);
}

static void help_all(struct buf *b)
{
	size_t count;
	const struct cli_verb *v = cli_verbs(&count);

	buf_add_str(b, "polyward: one policy says who may do what with the AI data of this host; the kernel holds every access to it.\n\n"
		       "usage: polyward VERB [OPTION...] [ARGUMENT...]\n\n");
	for (size_t i = 0; i < count; i++) {
		char left[64];

		(void)snprintf(left, sizeof(left), "  %s%s%s", v[i].word, v[i].args[0] ? " " : "", v[i].args);
		add_row(b, left, 30, v[i].help);
	}
	buf_add_str(b, "\n`polyward VERB --help` says all about one verb; the manual is polyward(1), the policy language polyward(5).\n"
		       "Exit status: 0 yes, 1 no, 2 usage, 3 failed.\n");
}

static void help_verb(struct buf *b, const struct cli_verb *v)
{
	size_t count, own = 0;
	const struct cli_option *o = cli_options(&count);

	buf_printf(b, "usage: polyward %s", v->word);
	for (size_t i = 0; i < count; i++)
		if (!strcmp(o[i].verb, v->word))
			own++;
	buf_printf(b, "%s%s%s\n\n", own ? " [OPTION...]" : "", v->args[0] ? " " : "", v->args);
	add_row(b, "", 0, v->help);
	if (own)
		buf_add_str(b, "\noptions:\n");
	for (size_t i = 0; i < count; i++)
		if (!strcmp(o[i].verb, v->word))
			add_option(b, &o[i]);
	buf_add_str(b, "\noptions of every verb:\n");
	for (size_t i = 0; i < count; i++)
		if (o[i].verb[0] == '\0')
			add_option(b, &o[i]);
	buf_add_str(b, "\nExit status: 0 yes, 1 no, 2 usage, 3 failed. The manual is polyward(1).\n");
}

static json_t *verb_json(const struct cli_verb *v)
{
	size_t count;
	const struct cli_option *o = cli_options(&count);
	json_t *list = json_array();

	for (size_t i = 0; i < count; i++)
		if (cli_option_of(&o[i], v->word))
			json_array_append_new(list, json_pack("{s:s, s:s, s:s}", "name", o[i].name, "argument", o[i].arg,
							      "help", o[i].help));
	return json_pack("{s:s, s:s, s:s, s:o}", "verb", v->word, "arguments", v->args, "help", v->help, "options", list);
}

static int help_json(const struct cli_verb *one)
{
	size_t count;
	const struct cli_verb *v = cli_verbs(&count);
	json_t *list = json_array();

	for (size_t i = 0; i < count; i++)
		if (!one || one == &v[i])
			json_array_append_new(list, verb_json(&v[i]));
	cli_print_json(json_pack("{s:s, s:o}", "version", PW_VERSION, "verbs", list));
	return CLI_YES;
}

int cmd_help(struct cli *c)
{
	_buf_ struct buf b = BUF_INIT;
	const struct cli_verb *v = c->args_count ? cli_verb_find(c->args[0]) : NULL;

	if (c->args_count && !v)
		return cli_usage(c, "there is no verb '%s'", c->args[0]);
	if (c->json)
		return help_json(v);
	if (v)
		help_verb(&b, v);
	else
		help_all(&b);
	if (b.failed)
		return cli_fail(c, &(struct err){ .code = -ENOMEM, .text = "out of memory" });
	fputs(b.data, stdout);
	return CLI_YES;
}
