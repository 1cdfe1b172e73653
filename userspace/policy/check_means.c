/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Findings about words whose price is easily overlooked: what strict, sealed and on-tighten mean for those who use the host, and roles
 * that anybody who can start an interpreter has. Says each thing once, however many stores it is about.
 */
#include "policy/check.h"

#include <string.h>

#include "policy/stamp.h"

static void add_more(struct buf *b, const char *name, size_t more)
{
	buf_printf(b, more ? "stores '%s' and %zu more are" : "store '%s' is", name, more);
}

/* One note at the first strict store: those who run the host must know that a full disk closes it. */
static void strict_stores(const struct ast *a, struct diags *d)
{
	const struct ast_store *first = NULL;
	_buf_ struct buf who = BUF_INIT;
	size_t count = 0;

	for (size_t i = 0; i < a->stores.count; i++) {
		if (!a->stores.v[i].strict)
			continue;
		first = first ? first : &a->stores.v[i];
		count++;
	}
	if (!first)
		return;
	add_more(&who, first->name.text, count - 1);
	d->nomem |= who.failed;
	if (!who.failed)
		(void)diag(d, DIAG_NOTE, "strict", first->strict_span, "%s strict: what finds no room for its record is refused, so nobody "
			   "gets in while the log cannot be written%s", who.data, a->has_policy && a->policy.log_denied_only ?
			   "; accesses are recorded there although the policy says 'log denied'" : "");
}

static void strict_on_trial(const struct ast *a, struct diags *d)
{
	for (size_t i = 0; i < a->stores.count; i++) {
		const struct ast_store *s = &a->stores.v[i];
		bool whole = a->has_policy && a->policy.mode == AST_MODE_AUDIT;

		if (!s->strict || (s->mode != AST_MODE_AUDIT && !whole))
			continue;
		(void)diag(d, DIAG_WARNING, "strict-audit", s->strict_span, "store '%s' is strict and in mode audit: no rule refuses anything "
			   "there, but an access without a record is refused all the same; leave out 'strict' while you try the rules",
			   s->name.text);
	}
}

static void kills(const struct ast *a, struct diags *d)
{
	const struct ast_store *first = NULL;
	_buf_ struct buf when = BUF_INIT;
	struct ast_tighten t;

	for (size_t i = 0; i < a->stores.count && !first; i++)
		first = ast_tighten(a, &a->stores.v[i]).kind == AST_TIGHTEN_KILL ? &a->stores.v[i] : NULL;
	if (!first)
		return;
	t = ast_tighten(a, first);
	if (t.kill_after_s) {
		buf_add_str(&when, "after ");
		stamp_add_duration(&when, t.kill_after_s);
	} else {
		buf_add_str(&when, "at once");
	}
	d->nomem |= when.failed;
	if (!when.failed)
		(void)diag(d, DIAG_NOTE, "on-tighten", t.span, "whoever maps files of store '%s' into memory and loses the right to them is "
			   "ended %s, with all that was not saved", first->name.text, when.data);
}

void check_means(const struct ast *a, struct diags *d)
{
	if (a->has_policy && a->policy.sealed)
		(void)diag(d, DIAG_NOTE, "sealed", a->policy.sealed_span, "once applied, the guard stays sealed until this host restarts with "
			   "polyward.off on its kernel command line: no other policy and no 'polyward down' ends it, and no module is "
			   "loaded meanwhile");
	strict_stores(a, d);
	strict_on_trial(a, d);
	kills(a, d);
}

/* ---- roles by program ---- */

/* "python3.11", "perl", "guile-3.0": the name of an interpreter, and behind it nothing but a version. */
static bool is_interpreter(const char *path)
{
	static const char *const names[] = {
		"python", "pypy", "ipython", "perl", "bash", "rbash", "sh", "dash", "ash", "zsh", "ksh", "mksh", "csh", "tcsh", "fish",
		"busybox", "node", "nodejs", "deno", "bun", "ruby", "irb", "java", "php", "php-cgi", "lua", "luajit", "R", "Rscript",
		"julia", "octave", "octave-cli", "tclsh", "wish", "expect", "guile", "awk", "gawk", "mawk", "gdb",
	};
	const char *slash = strrchr(path, '/'), *base = slash ? slash + 1 : path;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		size_t len = strlen(names[i]);

		if (strncmp(base, names[i], len))
			continue;
		len += base[len] == '-' && base[len + 1] >= '0' && base[len + 1] <= '9';
		if (!base[len + strspn(base + len, "0123456789.")])
			return true;
	}
	return false;
}

void check_programs(const struct ast *a, struct diags *d)
{
	for (size_t i = 0; i < a->roles.count; i++) {
		const struct ast_role *r = &a->roles.v[i];

		if (r->members.count || r->units.count)
			continue;
		for (size_t k = 0; k < r->programs.count; k++) {
			const struct ast_program *p = &a->programs.v[r->program_idx[k]];

			if (!is_interpreter(p->exe.text))
				continue;
			(void)diag(d, DIAG_WARNING, "interpreter", r->programs.v[k].span, "program '%s' runs whatever it is given: whoever may "
				   "start it can run any code as role '%s'; add 'members' or 'unit' to the role", p->name.text, r->name.text);
			diag_second(d, p->exe.span, "an interpreter");
		}
	}
}
