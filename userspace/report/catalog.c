/* SPDX-License-Identifier: Apache-2.0 */
/* The catalog in memory: entries behind a hash table of their paths, so that a long catalog costs an access no more than its depth. */
#include "report/catalog.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static uint64_t hash(const char *p, size_t len)
{
	uint64_t h = 0xcbf29ce484222325ull;

	for (size_t i = 0; i < len; i++)
		h = (h ^ (uint8_t)p[i]) * 0x100000001b3ull;
	return h ^ h >> 29;
}

/* The place of a path: an entry's index plus one, or an empty place. */
static uint32_t *place(const struct catalog *c, const char *path, size_t len)
{
	size_t at = hash(path, len) & (c->table_size - 1);

	while (c->table[at]) {
		const struct catalog_entry *entry = &c->v[c->table[at] - 1];

		if (entry->path_len == len && !memcmp(entry->path, path, len))
			break;
		at = (at + 1) & (c->table_size - 1);
	}
	return &c->table[at];
}

/* One line, cut at its tabs in place. 1: kept, 0: not. */
static int parse_line(char *line, unsigned number, const char *only, int (*moment)(const char *, int64_t *), struct catalog_entry *ret,
		      struct err *e)
{
	char *rest = line, *subject = strsep(&rest, "\t"), *path = strsep(&rest, "\t"), *from = strsep(&rest, "\t"), *to = strsep(&rest, "\t");

	if (!*subject || !path || rest || (from && !to))
		return err_say(e, -EINVAL, "the catalog, line %u: SUBJECT TAB PATH, or SUBJECT TAB PATH TAB FROM TAB TO is needed", number);
	if (path[0] != '/')
		return err_say(e, -EINVAL, "the catalog, line %u: '%s' is no absolute path", number, path);
	*ret = (struct catalog_entry){ .subject = subject, .path = path, .path_len = strlen(path), .from_ns = INT64_MIN, .to_ns = INT64_MAX };
	while (ret->path_len > 1 && path[ret->path_len - 1] == '/')
		path[--ret->path_len] = '\0';
	if ((from && *from && moment(from, &ret->from_ns) < 0) || (to && *to && moment(to, &ret->to_ns) < 0))
		return err_say(e, -EINVAL, "the catalog, line %u: FROM and TO are moments such as 2026-11-23T10:00Z", number);
	return !only || !strcmp(subject, only);
}

static int compare_subjects(const void *a, const void *b)
{
	return strcmp(((const struct catalog_entry *)a)->subject, ((const struct catalog_entry *)b)->subject);
}

static int index_paths(struct catalog *c)
{
	for (c->table_size = 16; c->table_size < 2 * c->count;)
		c->table_size *= 2;
	c->table = calloc(c->table_size, sizeof(*c->table));
	if (!c->table)
		return -ENOMEM;
	if (c->count)
		qsort(c->v, c->count, sizeof(*c->v), compare_subjects);
	for (size_t i = 0; i < c->count; i++) {
		uint32_t *at = place(c, c->v[i].path, c->v[i].path_len);

		c->v[i].next = *at;
		*at = (uint32_t)i + 1;
		c->subjects += i == 0 || strcmp(c->v[i].subject, c->v[i - 1].subject) != 0;
	}
	return 0;
}

int catalog_parse(const char *text, size_t len_bytes, const char *only, int (*moment)(const char *, int64_t *), struct catalog *ret,
		  struct err *e)
{
	struct catalog c = { 0 };
	size_t lines = 1;
	unsigned number = 0;
	char *rest;
	int r = 0;

	for (size_t i = 0; i < len_bytes; i++)
		lines += text[i] == '\n';
	if (lines > CATALOG_MAX || memchr(text, '\0', len_bytes))
		return err_say(e, -EINVAL, "the catalog has more than %u lines, or is no text", CATALOG_MAX);
	c.text = malloc(len_bytes + 1);
	c.v = calloc(lines, sizeof(*c.v));
	if (c.text) {
		memcpy(c.text, text, len_bytes);
		c.text[len_bytes] = '\0';
		rest = c.text;
	}
	for (char *line; c.text && c.v && r >= 0 && (line = strsep(&rest, "\n"));) {
		number++;
		if (!*line || *line == '#')
			continue;
		r = parse_line(line, number, only, moment, &c.v[c.count], e);
		c.count += r == 1;
	}
	if (!c.text || !c.v || (r >= 0 && index_paths(&c) < 0))
		r = err_set(e, -ENOMEM, "read the catalog");
	if (r < 0) {
		catalog_free(&c);
		return r;
	}
	*ret = c;
	return 0;
}

void catalog_free(struct catalog *c)
{
	free(c->text);
	free(c->v);
	free(c->table);
	memset(c, 0, sizeof(*c));
}

void catalog_match(const struct catalog *c, const char *path, size_t len, int64_t utc_ns,
		   void (*found)(void *ctx, const struct catalog_entry *entry), void *ctx)
{
	if (!c->count)
		return;
	while (len) {
		for (uint32_t at = *place(c, path, len); at; at = c->v[at - 1].next)
			if (utc_ns >= c->v[at - 1].from_ns && utc_ns <= c->v[at - 1].to_ns)
				found(ctx, &c->v[at - 1]);
		while (len && path[len - 1] != '/')
			len--;
		while (len && path[len - 1] == '/')
			len--;
	}
}
