/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files: reading them through the caller's reader, includes, and the two entries into the parser. Nothing here opens a file;
 * what may be read is the reader's decision.
 */
#include "policy/parse.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"

/*
 * The path of an included file: the including file's folder, then `file`, with "." and ".." taken out of the text, so that a
 * cycle is seen whatever it is called. NULL without memory.
 */
static char *join(const char *from, const char *file)
{
	const char *slash = strrchr(from, '/');
	_buf_ struct buf b = BUF_INIT;
	_free_ char *whole = NULL;

	buf_add(&b, from, slash ? (size_t)(slash + 1 - from) : 0);
	buf_add_str(&b, file);
	whole = buf_take(&b);
	if (!whole)
		return NULL;
	for (const char *part = whole; *part;) {
		size_t n = strcspn(part, "/");
		const char *name = b.len_bytes ? strrchr(b.data, '/') : NULL;

		name = name ? name + 1 : b.data;
		if (n == 0 && part == whole) {
			buf_add_char(&b, '/');
		} else if (n == 2 && part[0] == '.' && part[1] == '.' && b.len_bytes && strcmp(b.data, "/") && strcmp(name, "..")) {
			b.len_bytes = name == b.data ? 0 : (size_t)(name - b.data) - 1;
			if (b.len_bytes == 0 && whole[0] == '/')
				b.len_bytes = 1;
			b.data[b.len_bytes] = '\0';
		} else if (n && !(n == 1 && part[0] == '.')) {
			if (b.len_bytes && b.data[b.len_bytes - 1] != '/')
				buf_add_char(&b, '/');
			buf_add(&b, part, n);
		}
		part += n + (part[n] == '/');
	}
	return buf_take(&b);
}

/* 0, or the reason why this file is not read again: it includes itself, or it was read before. */
static bool seen_before(struct parser *p, const char *path, struct span span)
{
	const struct sources *s = &p->run->d->sources;

	for (const struct parser *up = p; up; up = up->up)
		if (strcmp(up->path, path) == 0)
			return !parse_error(p, "include-cycle", span, "this includes '%.200s' in itself; remove one of the includes", path);
	for (size_t i = 0; i < s->count; i++)
		if (strcmp(s->v[i].path, path) == 0)
			return !parse_error(p, "duplicate-include", span, "'%.200s' is included already; remove one of the includes", path);
	return false;
}

bool parse_include(struct parser *p)
{
	struct ast_word *name;
	_free_ char *path = NULL;

	if (p->tok->kind != TOKEN_STRING)
		return parse_expected(p, "a file name in quotes, as in include \"parts/roles.pw\"");
	name = list_push(&p->run->a->includes);
	if (!name)
		return parse_out_of_memory(p);
	if (!parse_word(p, "a file name", name)) {
		p->run->a->includes.count--;
		return false;
	}
	if (name->text[0] == '/')
		return parse_error(p, "bad-path", name->span, "an included file is named relative to the including one; '%.200s' is absolute",
				   name->text);
	if (!p->run->reader)
		return true;
	path = join(p->path, name->text);
	if (!path)
		return parse_out_of_memory(p);
	if (seen_before(p, path, name->span))
		return true;
	if (p->depth + 1 > PARSE_DEPTH_MAX)
		return parse_error(p, "too-many", name->span, "includes stand inside includes more than %u deep", PARSE_DEPTH_MAX);
	(void)parse_file(p->run, p, path, name->span);
	return true;
}

static bool lex_and_parse(struct parse_run *run, const struct parser *up, uint32_t file, const struct source *src)
{
	struct parser p = { .run = run, .up = up, .path = src->path, .text = src->text, .file = file, .depth = up ? up->depth + 1 : 0 };
	struct lexed l;

	if (lex(src->text, src->len_bytes, file, run->d, &l) < 0) {
		run->nomem = true;
		return false;
	}
	p.first = p.tok = l.tokens;
	parse_statements(&p);
	lexed_free(&l);
	return true;
}

static bool read_fault(struct parse_run *run, const char *path, struct span span, const char *why)
{
	if (diag(run->d, DIAG_ERROR, "unreadable", span, "cannot read '%.200s': %s", path, why) == -ENOMEM)
		run->nomem = true;
	return false;
}

bool parse_file(struct parse_run *run, const struct parser *up, const char *path, struct span span)
{
	_free_ char *text = NULL;
	struct source *src, copy;
	size_t len = 0;
	int r;

	if (run->files_count++ >= PARSE_FILES_MAX)
		return read_fault(run, path, span, "a policy has at most 64 files");
	r = run->reader->read(run->reader->ctx, path, &text, &len);
	if (r == -EFBIG || (r == 0 && len > (run->reader->max_bytes ? run->reader->max_bytes : PARSE_FILE_MAX)))
		return read_fault(run, path, span, "it is larger than 1 MiB; split it with include");
	if (r == -ENOMEM) {
		run->nomem = true;
		return false;
	}
	if (r < 0)
		return read_fault(run, path, span, strerror(-r));
	src = list_push(&run->d->sources);
	if (!src) {
		run->nomem = true;
		return false;
	}
	src->path = strdup(path);
	if (!src->path) {
		run->d->sources.count--;
		run->nomem = true;
		return false;
	}
	src->text = take_ptr(text);
	src->len_bytes = len;
	copy = *src; /* the list may move while included files are added; path and text stay */
	return lex_and_parse(run, up, (uint32_t)(run->d->sources.count - 1), &copy);
}

int policy_parse(const struct policy_reader *r, const char *path, struct diags *d, struct ast **ret)
{
	struct parse_run run = { .reader = r, .d = d };
	size_t errors = d->errors_count;

	run.a = calloc(1, sizeof(*run.a));
	if (!run.a)
		return -ENOMEM;
	run.a->policy.span.file = SPAN_NONE;
	(void)parse_file(&run, NULL, path, (struct span){ .file = SPAN_NONE });
	if (!run.nomem && d->errors_count == errors)
		parse_duplicates(&run);
	if (!run.a->has_policy) {
		run.a->policy.name.text = strdup("unnamed"); /* for messages; the JSON twin has no policy block then */
		run.a->policy.name.span.file = SPAN_NONE;
		run.nomem |= !run.a->policy.name.text;
	}
	if (run.nomem || d->nomem || d->errors_count != errors) {
		ast_free(run.a);
		return run.nomem || d->nomem ? -ENOMEM : -EINVAL;
	}
	*ret = run.a;
	return 0;
}

int parse_outline(const struct source *s, struct marks *ret)
{
	struct diags d = { 0 };
	struct parse_run run = { .d = &d, .marks = ret };
	int r;

	run.a = calloc(1, sizeof(*run.a));
	if (!run.a)
		return -ENOMEM;
	(void)lex_and_parse(&run, NULL, 0, s);
	r = run.nomem ? -ENOMEM : d.errors_count ? -EINVAL : 0;
	ast_free(run.a);
	diags_free(&d);
	return r;
}
