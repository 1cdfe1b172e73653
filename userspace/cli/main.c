/* SPDX-License-Identifier: Apache-2.0 */
/*
 * polyward: finds the verb, hands it its options, and returns its exit code. It never does a verb's work, and it never claims success
 * when its output could not be written.
 */
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/args.h"

static const struct { const char *word; int (*run)(struct cli *c); } commands[] = {
#define PW_VERB(name, word, args, min, max, help) { word, cmd_##name },
#include "cli/verbs.def"
#undef PW_VERB
};

static bool wants_color(const struct cli *c)
{
	const char *no_color = getenv("NO_COLOR"), *term = getenv("TERM");

	return isatty(STDOUT_FILENO) && !c->json && !cli_flag(c, "no-color") && !(no_color && no_color[0]) &&
	       !(term && !strcmp(term, "dumb"));
}

static int run(struct cli *c)
{
	if (cli_flag(c, "help") || !c->verb) {
		/* `polyward VERB --help` and `polyward help VERB` are one thing. */
		char *words[] = { (char *)c->verb };
		struct cli help = { .verb = "help", .args = words, .args_count = c->verb ? 1 : 0, .json = c->json, .color = c->color };

		return cmd_help(&help);
	}
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (!strcmp(commands[i].word, c->verb))
			return commands[i].run(c);
	return CLI_USAGE;
}

/* A full disk or a closed pipe shows at the flush at the latest: the caller must not take a cut list for a whole one. */
static int flushed(int code)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return code;
	fprintf(stderr, "polyward: cannot write the output: %s\n", strerror(errno));
	return CLI_FAILED;
}

/* Every document is built by jansson, and nobody looks at each of its steps: it gets memory or the program ends. */
static void *json_memory(size_t bytes)
{
	void *p = malloc(bytes);

	if (!p)
		cli_no_memory();
	return p;
}

int main(int argc, char **argv)
{
	struct err e = { 0 };
	struct cli c;
	int code;

	json_set_alloc_funcs(json_memory, free);
	if (argc == 2 && !strcmp(argv[1], "--version")) {
		printf("polyward %s\n", PW_VERSION);
		return flushed(CLI_YES);
	}
	if (args_parse(argc, argv, &c, &e) < 0) {
		c.json = cli_flag(&c, "json");
		code = e.code == -ENOMEM ? cli_fail(&c, &e) : cli_usage(&c, "%s", e.text);
	} else if (!c.verb && !cli_flag(&c, "help")) {
		code = cli_usage(&c, "say what to do");
	} else {
		c.color = wants_color(&c);
		code = run(&c);
	}
	args_free(&c);
	return flushed(code);
}
