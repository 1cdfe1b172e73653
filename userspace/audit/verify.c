/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The whole tree from its records: each bundle is read, hashed, compared with its tile of hashes, with the tail where that holds the same
 * records, and carried upwards to the root. Believes no tile: they are compared with what the records give. Only hashes of pruned
 * records are taken as they stand, and the root says whether they are right.
 */
#include "audit/verify.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "audit/read_parts.h"
#include "base/cleanup.h"
#include "base/fd.h"
#include "base/num.h"

#define WIDTH          TREE_TILE_WIDTH
#define PREFIX_BYTES   2u
#define TRIES          8u  /* partial files go and wider ones come while we look */
#define PROGRESS_EVERY 64u /* bundles */

struct level { struct tree_hash v[WIDTH]; unsigned count; uint64_t tile_idx; };

struct verify {
	int dir_fd;
	const struct verify_options *o;
	struct verify_result *r;
	struct level levels[TREE_LEVELS_MAX];
	struct tail *tail;
	bool in_tail;
	uint8_t *bundle;
	size_t bundle_cap_bytes, bundle_len_bytes;
	uint64_t pruned_end;     /* the log itself says that records below this were removed */
	struct record_view views[WIDTH];
	struct tree_bytes leaves[WIDTH];
};

/* ---- upwards ---- */

/* Root of 2^bits hashes. */
static void perfect_root(const struct tree_hash *v, unsigned bits, struct tree_hash *ret)
{
	struct tree_hash work[WIDTH];
	size_t count = 1u << bits;

	memcpy(work, v, count * sizeof(*v));
	for (; count > 1; count /= 2)
		tree_nodes(work, count, work);
	*ret = work[0];
}

/* RFC 6962: the tree of n is the largest perfect one on the left and the rest on the right; so from the right, perfect trees in growing size. */
static void root_now(const struct verify *v, struct tree_hash *ret)
{
	bool any = false;

	tree_empty(ret);
	for (unsigned l = 0; l < TREE_LEVELS_MAX; l++)
		for (unsigned bit = 0; bit < 8; bit++) {
			unsigned count = v->levels[l].count;
			struct tree_hash part;

			if (!(count >> bit & 1))
				continue;
			perfect_root(&v->levels[l].v[(count >> (bit + 1)) << (bit + 1)], bit, &part);
			if (any)
				tree_node(&part, ret, ret);
			else
				*ret = part;
			any = true;
		}
}

/* more: it may be longer. -ENOENT: there is no such file. */
static int read_file(int dir_fd, const char *path, void *ret, size_t want_bytes, bool more, struct err *e)
{
	_fd_ int fd = openat(dir_fd, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	struct stat st;
	int code;

	if (fd < 0 || fstat(fd, &st) < 0)
		return errno == ENOENT ? err_say(e, -ENOENT, "%s is missing", path) : err_set(e, -errno, "open %s", path);
	if (!S_ISREG(st.st_mode) || (more ? (uint64_t)st.st_size < want_bytes : (uint64_t)st.st_size != want_bytes))
		return err_say(e, -EBADMSG, "%s has %lld bytes, and %zu are due", path, (long long)st.st_size, want_bytes);
	code = fd_read_all(fd, ret, want_bytes);
	return code < 0 ? err_set(e, code, "read %s", path) : 0;
}

static int compare_tile_once(const struct verify *v, unsigned level, unsigned width, bool exactly, struct err *e)
{
	const struct level *l = &v->levels[level];
	struct tree_hash there[WIDTH];
	char path[TREE_PATH_SIZE];
	int code = -ENOENT;

	for (unsigned i = 0, is = width; i < TRIES && is && code == -ENOENT; i++) {
		if (i && !exactly)
			is = tile_width_there(v->dir_fd, (int)level, l->tile_idx, width);
		tree_path((int)level, l->tile_idx, is ? is : width, path);
		code = read_file(v->dir_fd, path, there, width * sizeof(there[0]), is != width, e);
	}
	if (code < 0)
		return code == -ENOENT && !exactly ? err_say(e, -EBADMSG, "%s is missing", path) : code;
	for (unsigned i = 0; i < width; i++)
		if (memcmp(&there[i], &l->v[i], sizeof(there[i])) != 0)
			return err_say(e, -EBADMSG, "%s: hash %u is not that of the records below it", path, i);
	return 0;
}

static void close_dir(DIR **d)
{
	if (*d)
		closedir(*d);
}

/* A partial file may be seen half written. Damage stays, however often one looks. */
static void wait_a_moment(void)
{
	(void)nanosleep(&(struct timespec){ .tv_nsec = 5000000 }, NULL);
}

/* The tile of that width must hold the first hashes of what the records give. exactly: that file; else one that grew meanwhile will do. */
static int compare_tile(const struct verify *v, unsigned level, unsigned width, bool exactly, struct err *e)
{
	int code = compare_tile_once(v, level, width, exactly, e);

	for (unsigned i = 0; i < TRIES && code == -EBADMSG && width < WIDTH; i++) {
		wait_a_moment();
		code = compare_tile_once(v, level, width, exactly, e);
	}
	return code;
}

/* Partial files of the tile that is being written: those of earlier checkpoints are beginnings of it too. check: what to do with each. */
typedef int check_partial(struct verify *v, int level, unsigned width, struct err *e);
static int each_partial(struct verify *v, int level, uint64_t idx, unsigned below, check_partial *check, struct err *e)
{
	__attribute__((cleanup(close_dir))) DIR *dir = NULL;
	char full[TREE_PATH_SIZE], path[TREE_PATH_SIZE + 4];
	struct dirent *entry;
	int fd, code = 0;

	tree_path(level, idx, WIDTH, full);
	(void)snprintf(path, sizeof(path), "%s.p", full);
	fd = openat(v->dir_fd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? 0 : err_set(e, -errno, "open %s", path);
	dir = fdopendir(fd);
	if (!dir) {
		close(fd);
		return err_set(e, -ENOMEM, "read %s", path);
	}
	while (code == 0 && (entry = readdir(dir))) {
		uint64_t width;

		if (num_parse(entry->d_name, strlen(entry->d_name), WIDTH - 1, &width) == 0 && width && width < below)
			code = check(v, level, (unsigned)width, e);
	}
	return code;
}

static int check_partial_tile(struct verify *v, int level, unsigned width, struct err *e)
{
	int code = compare_tile(v, (unsigned)level, width, true, e);

	return code == -ENOENT ? 0 : code; /* the writer took it away just now: it belongs to an earlier checkpoint */
}

static int push(struct verify *v, unsigned level, const struct tree_hash *hashes, unsigned count, bool compare, struct err *e);

static int tile_is_full(struct verify *v, unsigned level, bool compare, struct err *e)
{
	struct level *l = &v->levels[level];
	struct tree_hash root;
	int code = compare ? compare_tile(v, level, WIDTH, false, e) : 0;

	if (code == 0)
		code = each_partial(v, (int)level, l->tile_idx, WIDTH, check_partial_tile, e);
	if (code < 0)
		return code;
	perfect_root(l->v, 8, &root);
	l->count = 0;
	l->tile_idx++;
	return push(v, level + 1, &root, 1, true, e);
}

/* count: at most as many as the tile has room for. compare: false where the hashes come from the tile itself. */
static int push(struct verify *v, unsigned level, const struct tree_hash *hashes, unsigned count, bool compare, struct err *e)
{
	struct level *l = &v->levels[level];

	if (level == TREE_LEVELS_MAX)
		return err_say(e, -EBADMSG, "the checkpoint names more records than a log can have");
	memcpy(&l->v[l->count], hashes, count * sizeof(*hashes));
	l->count += count;
	return l->count == WIDTH ? tile_is_full(v, level, compare, e) : 0;
}

/* ---- bundles ---- */

/* The bundle as wide as it is asked for, or one that grew meanwhile. */
static int open_bundle(const struct verify *v, uint64_t idx, unsigned width, int *ret_fd, struct err *e)
{
	char path[TREE_PATH_SIZE];
	unsigned is = width;

	for (unsigned i = 0; i < TRIES && is; i++) {
		tree_path(TREE_ENTRIES, idx, is, path);
		*ret_fd = openat(v->dir_fd, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
		if (*ret_fd >= 0)
			return 0;
		if (errno != ENOENT)
			return err_set(e, -errno, "open %s", path);
		is = tile_width_there(v->dir_fd, TREE_ENTRIES, idx, width);
	}
	return err_say(e, -EBADMSG, "%s is missing: records of the checkpoint are gone", path);
}

static int load_bundle(struct verify *v, uint64_t idx, unsigned width, struct err *e)
{
	char path[TREE_PATH_SIZE];
	struct stat st;
	_fd_ int fd = -1;
	int code;

	tree_path(TREE_ENTRIES, idx, width, path);
	code = open_bundle(v, idx, width, &fd, e);
	if (code < 0)
		return code;
	if (fstat(fd, &st) < 0)
		return err_set(e, -errno, "open %s", path);
	if (!S_ISREG(st.st_mode) || st.st_size > (off_t)WIDTH * (PREFIX_BYTES + PW_RECORD_MAX))
		return err_say(e, -EBADMSG, "%s: this is no bundle of %u records", path, width);
	if ((size_t)st.st_size > v->bundle_cap_bytes) {
		free(v->bundle);
		v->bundle_cap_bytes = (size_t)st.st_size;
		v->bundle = malloc(v->bundle_cap_bytes);
		if (!v->bundle) {
			v->bundle_cap_bytes = 0;
			return err_set(e, -ENOMEM, "verify the log");
		}
	}
	v->bundle_len_bytes = (size_t)st.st_size;
	code = fd_read_all(fd, v->bundle, v->bundle_len_bytes);
	return code < 0 ? err_set(e, code, "read %s", path) : 0;
}

/* Which fields there are, without a look at their form. -EBADMSG: they do not end where the record does. */
static int skim(struct record_view *v)
{
	size_t at = 0;

	v->tags = 0;
	while (v->fields_len_bytes - at >= sizeof(struct pw_field)) {
		struct pw_field f;

		memcpy(&f, v->fields + at, sizeof(f));
		v->tags |= f.tag < 64 ? 1ull << f.tag : 0;
		at += sizeof(f) + f.len_bytes;
		if (at > v->fields_len_bytes)
			return -EBADMSG;
	}
	return at == v->fields_len_bytes ? 0 : -EBADMSG;
}

/*
 * Length, head and number. The check sum and the form of access records are not looked at again: the hash that follows says the same and
 * more, and a fifth of the time would go there. Of other kinds fields count below, so they are parsed.
 */
static int parse_one(const uint8_t *bytes, size_t len_bytes, struct record_view *ret, size_t *ret_used_bytes)
{
	size_t n = len_bytes < PREFIX_BYTES ? 0 : (size_t)bytes[0] << 8 | bytes[1];

	if (n < sizeof(ret->head) || len_bytes - PREFIX_BYTES < n)
		return -EBADMSG;
	memcpy(&ret->head, bytes + PREFIX_BYTES, sizeof(ret->head));
	if (ret->head.schema != PW_RECORD_SCHEMA || ret->head.kind != PW_REC_ACCESS)
		return record_parse(bytes, len_bytes, ret, ret_used_bytes);
	ret->bytes = bytes + PREFIX_BYTES;
	ret->len_bytes = n;
	ret->fields = ret->bytes + sizeof(ret->head);
	ret->fields_len_bytes = n - sizeof(ret->head);
	ret->personal = ret->shared = NULL;
	*ret_used_bytes = PREFIX_BYTES + n;
	return skim(ret);
}

static int parse_bundle(struct verify *v, uint64_t idx, unsigned width, struct err *e)
{
	char path[TREE_PATH_SIZE];
	size_t at = 0, used;

	tree_path(TREE_ENTRIES, idx, width, path);
	for (unsigned i = 0; i < width; i++) {
		struct record_view *view = &v->views[i];

		if (parse_one(v->bundle + at, v->bundle_len_bytes - at, view, &used) < 0 || view->head.seq != idx * WIDTH + i)
			return err_say(e, -EBADMSG, "%s: byte %zu: record %llu is damaged: its length, form or number is wrong", path, at,
				       (unsigned long long)(idx * WIDTH + i));
		v->leaves[i] = (struct tree_bytes){ view->bytes, view->len_bytes };
		at += used;
	}
	/* Behind a partial bundle's records there may be those of one that grew meanwhile; behind 256 there is nothing. */
	if (at != v->bundle_len_bytes && (width == WIDTH || tile_width_there(v->dir_fd, TREE_ENTRIES, idx, width) == width))
		return err_say(e, -EBADMSG, "%s: %zu bytes stand behind its last record", path, v->bundle_len_bytes - at);
	return 0;
}

/* A partial bundle of an earlier checkpoint must be a beginning of the one that was read. */
static int check_partial_bundle(struct verify *v, int level, unsigned width, struct err *e)
{
	uint64_t idx = v->views[0].head.seq / WIDTH;
	size_t want_bytes = (size_t)(v->leaves[width - 1].bytes - (const void *)v->bundle) + v->leaves[width - 1].len_bytes;
	_free_ uint8_t *there = malloc(want_bytes + 1);
	char path[TREE_PATH_SIZE];
	int code = -EBADMSG;

	if (!there)
		return err_set(e, -ENOMEM, "verify the log");
	tree_path(level, idx, width, path);
	for (unsigned i = 0; i < TRIES && code == -EBADMSG; i++) {
		if (i)
			wait_a_moment();
		code = read_file(v->dir_fd, path, there, want_bytes, false, e);
		if (code == 0 && memcmp(there, v->bundle, want_bytes) != 0)
			code = err_say(e, -EBADMSG, "%s: its records are not those of the log", path);
	}
	return code == -ENOENT ? 0 : code; /* the writer took it away just now */
}

/* The tail holds some of the same records: the same bytes, or one of the two was changed. */
static int compare_tail(struct verify *v, const struct record_view *want, struct err *e)
{
	struct record_view view;
	int code = 0;

	if (want->head.seq < tail_first(v->tail))
		return 0;
	if (!v->in_tail) {
		code = tail_seek(v->tail, want->head.seq, e);
		v->in_tail = code == 0;
	}
	if (code == 0 || code == -ERANGE)
		code = tail_next(v->tail, &view, e);
	if (code == 0)
		return err_say(e, -EBADMSG, "the end of the log was cut off: its tail ends before record %llu, and the checkpoint covers %llu records",
			       (unsigned long long)want->head.seq, (unsigned long long)v->o->size);
	if (code == -ESTALE)
		return err_say(e, -EAGAIN, "a segment was removed while it was verified; try again");
	if (code < 0)
		return code;
	if (view.head.seq != want->head.seq || view.len_bytes != want->len_bytes || memcmp(view.bytes, want->bytes, want->len_bytes) != 0)
		return err_say(e, -EBADMSG, "record %llu is not the same in the log's tail and in its bundle", (unsigned long long)want->head.seq);
	return 0;
}

static void note_times(struct verify_result *r, const struct record_view *view)
{
	if (view->head.time_utc_ns < r->since_utc_ns)
		r->since_utc_ns = view->head.time_utc_ns;
	if (view->head.time_utc_ns > r->until_utc_ns)
		r->until_utc_ns = view->head.time_utc_ns;
}

/* "records 0 to 511: ..." of a record of pruning. */
static void note_pruned(struct verify *v, const struct record_view *view)
{
	const uint8_t *text, *to;
	uint64_t last;
	size_t n, digits = 0;

	if (!record_find(view, PW_F_EVENT, &text, &n) || n != 6 || memcmp(text, "pruned", n) != 0 || !record_find(view, PW_F_NOTE, &text, &n))
		return;
	to = memmem(text, n, " to ", 4);
	if (!to)
		return;
	to += 4;
	while (to + digits < text + n && to[digits] >= '0' && to[digits] <= '9')
		digits++;
	if (num_parse((const char *)to, digits, UINT64_MAX - 1, &last) == 0 && last + 1 > v->pruned_end)
		v->pruned_end = last + 1;
}

static int note_record(struct verify *v, const struct record_view *view, struct err *e)
{
	int code = complete_note(v->r->complete, view);

	note_times(v->r, view);
	if (view->head.kind == PW_REC_ERASURE)
		note_pruned(v, view);
	if (code == -EBADMSG)
		return err_say(e, code, "record %llu says of a gap, or of how often an access came, what cannot be", (unsigned long long)view->head.seq);
	return code < 0 ? err_set(e, code, "verify the log") : 0;
}

static int take_bundle(struct verify *v, uint64_t idx, unsigned width, struct err *e)
{
	struct tree_hash hashes[WIDTH];
	int code = -EBADMSG;

	for (unsigned i = 0; i < (width < WIDTH ? TRIES : 1) && code == -EBADMSG; i++) {
		if (i)
			wait_a_moment();
		code = load_bundle(v, idx, width, e);
		if (code == 0)
			code = parse_bundle(v, idx, width, e);
	}
	if (code == 0)
		code = each_partial(v, TREE_ENTRIES, idx, width, check_partial_bundle, e);
	if (code < 0)
		return code;
	tree_leaves(v->leaves, width, hashes);
	for (unsigned i = 0; i < width && code == 0; i++) {
		code = compare_tail(v, &v->views[i], e);
		if (code == 0)
			code = note_record(v, &v->views[i], e);
	}
	v->r->records += width;
	return code < 0 ? code : push(v, 0, hashes, width, true, e);
}

/* A bundle that was pruned: its hashes are there still, and the root tells whether they are right. */
static int take_hashes(struct verify *v, uint64_t idx, struct err *e)
{
	struct tree_hash hashes[WIDTH];
	char path[TREE_PATH_SIZE];
	int code;

	tree_path(0, idx, WIDTH, path);
	code = read_file(v->dir_fd, path, hashes, sizeof(hashes), false, e);
	if (code == -ENOENT)
		e->code = code = -EBADMSG;
	return code < 0 ? code : push(v, 0, hashes, WIDTH, false, e);
}

static int take_all(struct verify *v, struct err *e)
{
	uint64_t count = (v->o->size + WIDTH - 1) / WIDTH, first = v->r->first / WIDTH;
	int code = 0;

	for (uint64_t idx = 0; idx < count && code == 0; idx++) {
		unsigned width = idx == v->o->size / WIDTH ? (unsigned)(v->o->size % WIDTH) : WIDTH;

		code = idx < first ? take_hashes(v, idx, e) : take_bundle(v, idx, width, e);
		if (v->o->progress && idx % PROGRESS_EVERY == 0)
			v->o->progress(v->o->ctx, idx * WIDTH, v->o->size);
	}
	for (unsigned l = 0; l < TREE_LEVELS_MAX && code == 0; l++) {
		if (v->levels[l].count)
			code = compare_tile(v, l, v->levels[l].count, false, e);
		if (code == 0 && v->levels[l].count)
			code = each_partial(v, (int)l, v->levels[l].tile_idx, v->levels[l].count, check_partial_tile, e);
	}
	return code;
}

/* ---- the end ---- */

/* Whole records behind the checkpoint: signed with the next one; they count for completeness. */
static int take_behind(struct verify *v, struct err *e)
{
	struct log_reader *r = NULL;
	struct record_view view;
	int fd = fcntl(v->dir_fd, F_DUPFD_CLOEXEC, 3), code = fd < 0 ? err_set(e, -errno, "open the log") : log_reader_open(fd, -1, &r, e);

	if (code < 0)
		return code;
	if (log_reader_end(r) < v->o->size)
		code = err_say(e, -EBADMSG, "the end of the log was cut off: it ends with %llu records, and the checkpoint covers %llu",
			       (unsigned long long)log_reader_end(r), (unsigned long long)v->o->size);
	if (code == 0)
		code = log_reader_seek(r, v->o->size, e);
	while (code == 0 && (code = log_reader_next(r, &view, e)) == 1) {
		v->r->behind++;
		code = note_record(v, &view, e);
	}
	v->r->torn_bytes = log_reader_rest(r);
	log_reader_close(r);
	return code;
}

static int check_root(const struct verify *v, struct err *e)
{
	struct tree_hash root;

	root_now(v, &root);
	if (memcmp(&root, &v->o->root, sizeof(root)) != 0)
		return err_say(e, -EBADMSG, "the log is not what was signed: the root over its %llu records is another one than the checkpoint's",
			       (unsigned long long)v->o->size);
	return 0;
}

static int find_first(struct verify *v, struct err *e)
{
	uint64_t idx;
	int code = bundles_first(v->dir_fd, &idx, e);

	if (code == 0)
		v->r->first = idx * WIDTH;
	if (v->r->first > v->o->size)
		return err_say(e, -EBADMSG, "the oldest record is %llu, and the checkpoint covers %llu", (unsigned long long)v->r->first,
			       (unsigned long long)v->o->size);
	return code == -ENOENT ? 0 : code;
}

int log_verify(int dir_fd, const struct verify_options *o, struct verify_result *ret, struct err *e)
{
	struct verify *v = calloc(1, sizeof(*v));
	int code;

	*ret = (struct verify_result){ .since_utc_ns = INT64_MAX, .until_utc_ns = INT64_MIN };
	if (!v)
		return err_set(e, -ENOMEM, "verify the log");
	v->dir_fd = dir_fd;
	v->o = o;
	v->r = ret;
	code = tail_open(dir_fd, &v->tail, e);
	if (code == 0)
		code = find_first(v, e);
	if (code == 0 && complete_new(ret->first == 0, &ret->complete) < 0)
		code = err_set(e, -ENOMEM, "verify the log");
	if (code == 0)
		code = take_all(v, e);
	if (code == 0)
		code = check_root(v, e);
	if (code == 0)
		code = take_behind(v, e);
	if (code == 0 && ret->first > v->pruned_end)
		code = err_say(e, -EBADMSG, "records %llu to %llu are gone, and no record says that they were pruned", (unsigned long long)v->pruned_end,
			       (unsigned long long)ret->first - 1);
	if (code == 0 && complete_end(ret->complete) < 0)
		code = err_set(e, -ENOMEM, "verify the log");
	tail_close(v->tail);
	free(v->bundle);
	free(v);
	return code;
}

int log_verify_beginning(int dir_fd, uint64_t size, uint64_t old_size, const struct tree_hash *old_root, struct err *e)
{
	struct log_tiles *tiles = NULL;
	struct tree_source source;
	struct tree_hash root;
	int code;

	if (old_size > size)
		return err_say(e, -EBADMSG, "the earlier checkpoint covers %llu records, and this one only %llu: the log was rolled back",
			       (unsigned long long)old_size, (unsigned long long)size);
	code = log_tiles_open(dir_fd, &tiles, e);
	if (code < 0)
		return code;
	log_tiles_source(tiles, &source);
	code = tree_root(&source, old_size, &root);
	log_tiles_close(tiles);
	if (code < 0)
		return err_set(e, code, "read the log's tiles");
	if (memcmp(&root, old_root, sizeof(root)) != 0)
		return err_say(e, -EBADMSG, "this is not the log of that earlier checkpoint: its first %llu records have another root; its history "
			       "was rewritten", (unsigned long long)old_size);
	return 0;
}
