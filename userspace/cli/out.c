/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The way out: results to stdout, errors to stderr, one exit code each. Text that came from elsewhere is escaped here, because an
 * error line may quote a file name or a policy that was written to trick a terminal.
 */
#include "cli/cli.h"

#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"

const char *cli_opt(const struct cli *c, const char *name)
{
	for (size_t i = 0; i < c->options_count; i++)
		if (!strcmp(c->options[i].name, name))
			return c->options[i].value;
	return NULL;
}

bool cli_flag(const struct cli *c, const char *name)
{
	return cli_opt(c, name) != NULL;
}

/* "polyward VERB: text", with `then` behind it; in JSON mode stdout gets the same text as a document. */
static void tell(const struct cli *c, const char *text, const char *then)
{
	_buf_ struct buf line = BUF_INIT, clean = BUF_INIT;

	buf_add_escaped(&clean, text, strlen(text));
	buf_printf(&line, "polyward%s%s: %s\n%s", c->verb ? " " : "", c->verb ? c->verb : "", clean.data ? clean.data : "", then);
	if (c->json && !clean.failed)
		cli_print_json(json_pack("{s:s}", "error", clean.data ? clean.data : ""));
	/* What was printed before the error is read before it, even when both go to the same file. */
	fflush(stdout);
	fputs(line.failed ? "polyward: out of memory\n" : line.data, stderr);
}

int cli_fail(const struct cli *c, const struct err *e)
{
	tell(c, e->text, "");
	return CLI_FAILED;
}

int cli_usage(const struct cli *c, const char *fmt, ...)
{
	char text[ERR_MAX], then[128] = "`polyward help` lists the verbs\n";
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (c->verb)
		(void)snprintf(then, sizeof(then), "`polyward %s --help` says all about this verb\n", c->verb);
	tell(c, text, then);
	return CLI_USAGE;
}

_Noreturn void cli_no_memory(void)
{
	fflush(stdout);
	fputs("polyward: out of memory\n", stderr);
	exit(CLI_FAILED);
}

const char *cli_text(const struct buf *b)
{
	if (b->failed)
		cli_no_memory();
	return b->data ? b->data : "";
}

void cli_print_json(struct json_t *doc)
{
	char *text = doc ? json_dumps(doc, JSON_INDENT(2)) : NULL;

	json_decref(doc);
	if (!text)
		cli_no_memory();
	printf("%s\n", text);
	free(text);
}
