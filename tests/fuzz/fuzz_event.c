/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes as an event of the kernel, with and without the policy's image: what comes of it is always one whole record that parses and
 * prints, and what the event says about itself, its numbers, is in it.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "audit/audit.h"
#include "policy/policy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MUST(c) do { if (!(c)) abort(); } while (0)
#define TEXT "polyward 1\npolicy p { version 1 }\ntime t { hours 08:00-09:00 }\npurpose u { \"x\" }\nstore s { path /srv/s }\nstore t { path /srv/t }\n" \
	"role a { members user:root }\nrole b { inherits a members user:root unit x.service }\n" \
	"rule one { allow a to read on s when during t, purpose u }\nrule two { deny b to write on any unless user root }\n"

static int read_text(void *ctx, const char *path, char **ret_text, size_t *ret_len_bytes)
{
	(void)ctx;
	(void)path;
	*ret_text = strdup(TEXT);
	*ret_len_bytes = strlen(TEXT);
	return *ret_text ? 0 : -ENOMEM;
}

static int id_zero(void *ctx, const char *name, uint32_t *ret)
{
	(void)ctx;
	(void)name;
	*ret = 0;
	return 0;
}

static int no_gids(void *ctx, const char *user, uint32_t **ret, size_t *ret_count)
{
	(void)ctx;
	(void)user;
	*ret = NULL;
	*ret_count = 0;
	return 0;
}

static int no_users(void *ctx, struct names_users *ret)
{
	(void)ctx;
	*ret = (struct names_users){ 0 };
	return 0;
}

static int utc(void *ctx, const char *zone, int64_t from_utc_s, int years, struct names_shift **ret, size_t *ret_count)
{
	(void)ctx;
	(void)zone;
	(void)years;
	*ret = calloc(1, sizeof(**ret));
	if (!*ret)
		return -ENOMEM;
	(*ret)->from_utc_s = from_utc_s;
	*ret_count = 1;
	return 0;
}

static void compile(struct buf *ret, struct image *ret_img)
{
	const struct names n = { .uid = id_zero, .gid = id_zero, .gids = no_gids, .users = no_users, .zone = utc };
	const struct policy_reader reader = { .read = read_text };
	struct diags d = { 0 };
	struct ast *a = NULL;
	struct err e;

	MUST(policy_parse(&reader, "p.pw", &d, &a) == 0 && policy_resolve(a, &n, &d) == 0);
	MUST(policy_compile(a, &n, 1795000000, &d, ret) == 0);
	MUST(image_check(ret->data, ret->len_bytes, ret_img, &e) == 0);
	ast_free(a);
	diags_free(&d);
}

static void must_be_recorded(const struct pw_event *ev, const struct image *img)
{
	struct pw_record head = { 0 };
	_buf_ struct buf b = BUF_INIT, line = BUF_INIT, json = BUF_INIT;
	const struct record_style style = { .utc = true };
	struct record_view v;
	size_t used;

	record_from_event(&b, ev, img, &head);
	MUST(!b.failed);
	MUST(record_parse((const uint8_t *)b.data, b.len_bytes, &v, &used) == 0 && used == b.len_bytes);
	MUST(v.head.kind == PW_REC_ACCESS && v.head.cpu_seq == ev->seq && v.head.cpu == ev->cpu);
	MUST(record_find_u64(&v, PW_F_UID, 0) == ev->uid && record_find_u64(&v, PW_F_PID, 0) == ev->tgid);
	record_render_text(&v, &style, &line);
	record_render_json(&v, &json);
	MUST(!line.failed && !json.failed);
	for (size_t i = 0; i < json.len_bytes; i++)
		MUST((unsigned char)json.data[i] >= 0x20 && json.data[i] != 0x7f);
	for (size_t i = 0; i < line.len_bytes; i++)
		MUST((unsigned char)line.data[i] >= 0x20 && line.data[i] != 0x7f);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct buf bytes; /* compiled once: a fuzzer asks a million times */
	static struct image img;
	size_t len_bytes = size < PW_EVENT_HEAD ? PW_EVENT_HEAD : size < sizeof(struct pw_event) ? size : sizeof(struct pw_event);
	struct pw_event *ev = calloc(1, len_bytes); /* exactly: a sanitizer sees one byte too many */

	if (!bytes.len_bytes)
		compile(&bytes, &img);
	MUST(ev);
	memcpy(ev, data, size < len_bytes ? size : len_bytes);
	/* One that ends behind its names has no more of them; else the role lets it fall. */
	if (len_bytes < sizeof(*ev) && ev->names_len > len_bytes - PW_EVENT_HEAD)
		ev->names_len = (__u16)(len_bytes - PW_EVENT_HEAD);
	must_be_recorded(ev, &img);
	must_be_recorded(ev, NULL);
	free(ev);
	return 0;
}
