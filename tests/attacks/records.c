// SPDX-License-Identifier: Apache-2.0
/* What the log says about each run: refusals are matched by the moment (the kernel's own clock), the user, the hook and the reason. */
#include "harness.h"

#include <jansson.h>

/* "hook/reason" alternatives, '|' between them; a reason that is left out is "default"; '*' in front of one: by any user. */
static bool is_wanted(const char *list, const char *hook, const char *reason, bool same_user)
{
	char *copy, *rest, *one;
	bool yes = false;

	rest = copy = strdup(list);
	while (copy && (one = strsep(&rest, "|"))) {
		/* The last slash: a hook's name may have one. */
		char *slash = strrchr(one, '/');
		bool anybody = *one == '*';

		if (slash)
			*slash++ = 0;
		yes |= (same_user || anybody) && !strcmp(hook, one + anybody) && !strcmp(reason, slash ? slash : "default");
	}
	free(copy);
	return yes;
}

static void note(struct outcome *o, const char *hook, const char *reason, int uid)
{
	char *more;

	if (o->seen && strlen(o->seen) > 600)
		return;
	if (asprintf(&more, "%s%s%s/%s of uid %d", o->seen ? o->seen : "", o->seen ? ", " : "", hook, reason, uid) < 0)
		return;
	free(o->seen);
	o->seen = more;
}

static void one_record(const json_t *r, struct outcome *list, size_t count)
{
	uint64_t at = (uint64_t)json_integer_value(json_object_get(r, "time_boot_ns"));
	const char *hook = json_string_value(json_object_get(r, "hook")), *reason = json_string_value(json_object_get(r, "reason"));
	int uid = (int)json_integer_value(json_object_get(r, "uid"));

	if (!hook || !reason)
		return;
	if (!strncmp(hook, "pw_", 3))
		hook += 3;
	for (size_t i = 0; i < count; i++) {
		struct outcome *o = &list[i];

		if (at < o->from_ns || at > o->to_ns)
			continue;
		note(o, hook, reason, uid);
		o->recorded |= is_wanted(o->row->record, hook, reason, uid == o->uid);
	}
}

void records_match(struct outcome *list, size_t count)
{
	/* Counted back from when the command has come so far as to look, which on a busy machine is much later than now. */
	uint64_t age_s = count ? (boot_ns() - list[0].from_ns) / 1000000000u + 120 : 120;
	size_t size = 0;
	char *line = NULL, order[128];
	FILE *f;

	snprintf(order, sizeof(order), "sleep 0.3; polyward log --deny --json --since %jus", (uintmax_t)age_s);
	f = popen(order, "re");
	need(f);
	while (getline(&line, &size, f) > 0) {
		json_t *r = json_loads(line, 0, NULL);

		if (r)
			one_record(r, list, count);
		json_decref(r);
	}
	free(line);
	if (pclose(f))
		say("# the log cannot be read");
}
