/* SPDX-License-Identifier: Apache-2.0 */
/* Exact matching of verbs and options from the tables; what is not in them is an error with the nearest word, never a guess. */
#include "cli/args.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "policy/diag.h"

static const struct cli_verb verbs[] = {
#define PW_VERB(name, word, args, min, max, help) { word, args, help, min, max },
#include "cli/verbs.def"
#undef PW_VERB
};

static const struct cli_option options[] = {
#define PW_OPTION(verb, name, arg, help) { verb, name, arg, help },
#include "cli/options.def"
#undef PW_OPTION
};

#define VERBS_COUNT   (sizeof(verbs) / sizeof(verbs[0]))
#define OPTIONS_COUNT (sizeof(options) / sizeof(options[0]))

const struct cli_verb *cli_verbs(size_t *ret_count)
{
	*ret_count = VERBS_COUNT;
	return verbs;
}

const struct cli_option *cli_options(size_t *ret_count)
{
	*ret_count = OPTIONS_COUNT;
	return options;
}

const struct cli_verb *cli_verb_find(const char *word)
{
	for (size_t i = 0; i < VERBS_COUNT; i++)
		if (!strcmp(verbs[i].word, word))
			return &verbs[i];
	return NULL;
}

bool cli_option_of(const struct cli_option *o, const char *verb)
{
	return o->verb[0] == '\0' || (verb && !strcmp(o->verb, verb));
}

static int unknown_verb(const char *word, struct err *e)
{
	const char *words[VERBS_COUNT], *near;

	for (size_t i = 0; i < VERBS_COUNT; i++)
		words[i] = verbs[i].word;
	near = closest(word, words, VERBS_COUNT);
	if (near)
		return err_say(e, -EINVAL, "there is no verb '%s'; did you mean '%s'?", word, near);
	return err_say(e, -EINVAL, "there is no verb '%s'; polyward help lists them", word);
}

static int unknown_option(const char *verb, const char *name, struct err *e)
{
	const char *names[OPTIONS_COUNT], *near;
	size_t count = 0;

	for (size_t i = 0; i < OPTIONS_COUNT; i++)
		if (cli_option_of(&options[i], verb))
			names[count++] = options[i].name;
	near = closest(name, names, count);
	if (near)
		return err_say(e, -EINVAL, "there is no option '--%s'; did you mean '--%s'?", name, near);
	return err_say(e, -EINVAL, "there is no option '--%s' here", name);
}

static const struct cli_option *option_find(const char *verb, const char *name, size_t len)
{
	for (size_t i = 0; i < OPTIONS_COUNT; i++)
		if (cli_option_of(&options[i], verb) && strlen(options[i].name) == len && !memcmp(options[i].name, name, len))
			return &options[i];
	return NULL;
}

/* One word that begins with "--"; *at is moved on when the next word is its value. */
static int take_option(int argc, char **argv, int *at, struct cli *c, struct err *e)
{
	const char *name = argv[*at] + 2, *equals = strchr(name, '=');
	size_t len = equals ? (size_t)(equals - name) : strlen(name);
	const struct cli_option *o = option_find(c->verb, name, len);
	const char *value = "";

	if (!o) {
		_free_ char *word = strndup(name, len);

		return word ? unknown_option(c->verb, word, e) : err_set(e, -ENOMEM, "command line");
	}
	if (o->arg[0] == '\0' && equals)
		return err_say(e, -EINVAL, "--%s takes no value", o->name);
	if (o->arg[0] != '\0') {
		if (!equals && *at + 1 >= argc)
			return err_say(e, -EINVAL, "--%s needs a value: --%s %s", o->name, o->name, o->arg);
		value = equals ? equals + 1 : argv[++*at];
		if (value[0] == '\0')
			return err_say(e, -EINVAL, "--%s needs a value that is not empty: --%s %s", o->name, o->name, o->arg);
	}
	if (cli_opt(c, o->name))
		return err_say(e, -EINVAL, "--%s is given twice", o->name);
	c->options[c->options_count++] = (struct cli_value){ o->name, value };
	return 0;
}

static int check_args_count(const struct cli_verb *v, const struct cli *c, struct err *e)
{
	if (c->args_count < v->args_min)
		return err_say(e, -EINVAL, "%s is missing: polyward %s %s", c->args_count ? "an argument" : v->args, v->word, v->args);
	if (c->args_count > v->args_max)
		return err_say(e, -EINVAL, "there is an argument too many: '%s'", c->args[v->args_max]);
	return 0;
}

int args_parse(int argc, char **argv, struct cli *ret, struct err *e)
{
	const struct cli_verb *verb = NULL;
	bool words_only = false;

	memset(ret, 0, sizeof(*ret));
	ret->options = calloc((size_t)argc + 1, sizeof(*ret->options));
	ret->args = calloc((size_t)argc + 1, sizeof(*ret->args));
	if (!ret->options || !ret->args)
		return err_set(e, -ENOMEM, "command line");
	for (int i = 1; i < argc; i++) {
		if (!words_only && !strcmp(argv[i], "--")) {
			words_only = true;
		} else if (!words_only && !strncmp(argv[i], "--", 2)) {
			int r = take_option(argc, argv, &i, ret, e);

			if (r < 0)
				return r;
		} else if (!words_only && argv[i][0] == '-' && argv[i][1] != '\0') {
			return err_say(e, -EINVAL, "'%s': options are written out, as in --json", argv[i]);
		} else if (!verb) {
			verb = cli_verb_find(argv[i]);
			if (!verb)
				return unknown_verb(argv[i], e);
			ret->verb = verb->word;
		} else {
			ret->args[ret->args_count++] = argv[i];
		}
	}
	ret->json = cli_flag(ret, "json");
	return verb && !cli_flag(ret, "help") ? check_args_count(verb, ret, e) : 0;
}

void args_free(struct cli *c)
{
	free(c->options);
	free(c->args);
	memset(c, 0, sizeof(*c));
}
