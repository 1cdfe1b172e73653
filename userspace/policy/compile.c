/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Resolved policy to image bytes. The result is put through image_check() before anybody else sees it: a compiler that writes what
 * the loader would refuse finds that out here.
 */
#include "policy/compile.h"

#include <errno.h>
#include <openssl/sha.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"

static void compiler_free(struct compiler *c)
{
	free(c->program_roles);
	free(c->time_window);
	free(c->store_audit_window);
	free(c->store_audits);
	free(c->clauses);
	intern_free(&c->strings);
	intern_free(&c->conds);
	intern_free(&c->rows);
	intern_free(&c->entries);
	for (unsigned int s = 0; s < PW_SEC_MAX_; s++)
		buf_free(&c->sec[s]);
}

int compile_str(struct compiler *c, const char *text, __u32 *ret_off)
{
	size_t off;
	int r = intern_add(&c->strings, text ? text : "", strlen(text ? text : "") + 1, &off);

	if (r == 0)
		*ret_off = (__u32)off;
	return r;
}

int compile_place(struct compiler *c, struct span span, __u32 *ret_file, __u32 *ret_line)
{
	uint32_t line = 1, col;

	*ret_file = 0;
	if (span.file < c->d->sources.count) {
		span_where(&c->d->sources, span, &line, &col);
		*ret_file = span.file;
	}
	*ret_line = line;
	return 0;
}

static int add_files(struct compiler *c)
{
	__u32 off;

	for (size_t i = 0; i < c->d->sources.count; i++) {
		if (compile_str(c, c->d->sources.v[i].path, &off) < 0)
			return -ENOMEM;
		buf_add(&c->sec[PW_SEC_FILES], &off, sizeof(off));
	}
	/* A policy that was not read from text still has a place for its lines to refer to. */
	if (!c->d->sources.count) {
		if (compile_str(c, "policy", &off) < 0)
			return -ENOMEM;
		buf_add(&c->sec[PW_SEC_FILES], &off, sizeof(off));
	}
	return 0;
}

static int add_stores(struct compiler *c)
{
	struct pw_img_store out = { 0 };

	if (c->a->stores.count >= PW_LABELS_MAX)
		return diag(c->d, DIAG_ERROR, "limit-stores", c->a->stores.v[PW_LABELS_MAX - 1].span, "a policy has room for %u stores; "
			    "make one store of directories with the same rules", PW_LABELS_MAX - 1);
	buf_add(&c->sec[PW_SEC_STORES], &out, sizeof(out));
	for (size_t i = 0; i < c->a->stores.count; i++) {
		const struct ast_store *s = &c->a->stores.v[i];
		struct ast_tighten tighten = ast_tighten(c->a, s);

		out = (struct pw_img_store){
			.flags = (__u32)(c->store_audits[i] ? PW_IMG_AUDIT : 0) | (s->strict ? PW_IMG_STRICT : 0u) |
				 (tighten.kind == AST_TIGHTEN_KILL ? PW_IMG_KILL : 0u),
			.kill_after_s = tighten.kind == AST_TIGHTEN_KILL ? tighten.kill_after_s : 0,
		};
		if (compile_str(c, s->name.text, &out.name) < 0 || compile_str(c, s->path.text, &out.path) < 0 ||
		    compile_str(c, s->modality.text, &out.modality) < 0 || compile_str(c, s->class_.text, &out.class_) < 0 ||
		    compile_place(c, s->span, &out.file, &out.line) < 0)
			return -ENOMEM;
		buf_add(&c->sec[PW_SEC_STORES], &out, sizeof(out));
	}
	return 0;
}

static int add_purposes(struct compiler *c)
{
	__u32 off;

	if (c->a->purposes.count > PW_PURPOSES_MAX)
		return diag(c->d, DIAG_ERROR, "limit-purposes", c->a->purposes.v[PW_PURPOSES_MAX].span, "a policy has room for %u "
			    "purposes; merge purposes that the same rules ask for", PW_PURPOSES_MAX);
	for (size_t i = 0; i < c->a->purposes.count; i++) {
		if (compile_str(c, c->a->purposes.v[i].name.text, &off) < 0)
			return -ENOMEM;
		buf_add(&c->sec[PW_SEC_PURPOSES], &off, sizeof(off));
	}
	return 0;
}

static int add_source(struct compiler *c)
{
	return policy_source(c->a, &c->sec[PW_SEC_SOURCE]);
}

static int finish_gen(struct compiler *c)
{
	c->gen.labels = (__u32)c->a->stores.count + 1;
	c->gen.rows = (__u32)c->rows.count;
	if (policy_hash(c->a, c->gen.policy_hash) < 0)
		return -ENOMEM;
	buf_add(&c->sec[PW_SEC_GEN], &c->gen, sizeof(c->gen));
	return 0;
}

static const struct buf *section(const struct compiler *c, enum pw_section s)
{
	switch ((unsigned int)s) {
	case PW_SEC_ENTRIES: return &c->entries.bytes;
	case PW_SEC_CONDS:   return &c->conds.bytes;
	case PW_SEC_ROWS:    return &c->rows.bytes;
	case PW_SEC_STRINGS: return &c->strings.bytes;
	default:             return &c->sec[s];
	}
}

static int write_image(struct compiler *c, struct buf *ret)
{
	struct pw_img_header head = { .magic = PW_IMAGE_MAGIC, .version = PW_IMAGE_VERSION };
	const struct ast_policy *p = &c->a->policy;

	if (compile_str(c, p->name.text, &head.name) < 0 || compile_str(c, p->version.text, &head.policy_version) < 0 ||
	    compile_str(c, p->owner.text, &head.owner) < 0)
		return -ENOMEM;
	head.compiled_utc_s = (__u64)(c->now_utc_s > 0 ? c->now_utc_s : 0);
	head.flags = c->a->has_policy && p->sealed ? PW_IMG_SEALED : 0;
	memcpy(head.policy_hash, c->gen.policy_hash, sizeof(head.policy_hash));
	buf_add(ret, &head, sizeof(head));
	for (unsigned int s = 0; s < PW_SEC_MAX_; s++) {
		const struct buf *b = section(c, s);

		buf_pad(ret, 8);
		head.sec[s] = (struct pw_img_span){ .off_bytes = (__u32)ret->len_bytes,
						    .count = (__u32)(b->len_bytes / layout_elem_bytes(s)) };
		buf_add(ret, b->data, b->len_bytes);
		ret->failed |= b->failed;
	}
	if (ret->failed)
		return -ENOMEM;
	if (ret->len_bytes > PW_IMAGE_MAX)
		return diag(c->d, DIAG_ERROR, "limit-image", c->a->policy.span, "the compiled policy has %zu bytes and %u are possible; "
			    "merge roles and stores with the same rules", ret->len_bytes, PW_IMAGE_MAX);
	head.size_bytes = (__u32)ret->len_bytes;
	memcpy(ret->data, &head, sizeof(head));
	SHA256((const unsigned char *)ret->data + PW_IMG_HASHED_FROM, ret->len_bytes - PW_IMG_HASHED_FROM, head.body_hash);
	memcpy(ret->data, &head, sizeof(head));
	return 0;
}

static int compile_all(struct compiler *c, struct buf *ret)
{
	/* Windows before clauses and tests, which ask for their bits; tests before rows, because a tested role set is a likely one. */
	static int (*const steps[])(struct compiler *c) = {
		add_files, compile_roles, compile_windows, add_stores, add_purposes, compile_rules, compile_tests, compile_rows,
		compile_cells, compile_admins, add_source, finish_gen,
	};
	__u32 empty;
	int r = compile_str(c, "", &empty); /* offset 0 */

	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]) && r == 0; i++)
		r = steps[i](c);
	return r < 0 ? r : write_image(c, ret);
}

int policy_compile(const struct ast *a, const struct names *n, int64_t now_utc_s, struct diags *d, struct buf *ret_image)
{
	struct compiler *c = calloc(1, sizeof(*c));
	struct image img;
	struct err e = { 0 };
	int r;

	if (!c)
		return -ENOMEM;
	*c = (struct compiler){ .a = a, .n = n, .now_utc_s = now_utc_s, .d = d };
	r = compile_all(c, ret_image);
	compiler_free(c);
	free(c);
	if (d->nomem)
		r = -ENOMEM;
	if (r == 0 && image_check(ret_image->data, ret_image->len_bytes, &img, &e) < 0)
		r = diag(d, DIAG_ERROR, "image", a->policy.span, "the compiled policy does not pass its own check: %s", e.text);
	if (r < 0)
		buf_free(ret_image);
	return r;
}
