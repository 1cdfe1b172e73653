/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writing the access log: records appended in memory, committed in groups, kept in memory until the disk has them for certain. It
 * never rewrites a byte that was committed, never skips a number, and never loses a record without a gap record that says so.
 */
#include "audit/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include "base/cleanup.h"
#include "base/fd.h"
#include "base/num.h"

#define PREFIX_BYTES      2u
#define COMMIT_AT_BYTES   (1u << 20)   /* a group this large is not waited for */
#define CLOCK_USES        256u         /* appends between two looks at the clocks */

uint64_t log_clock_ns(clockid_t clock)
{
	struct timespec t = { 0 };

	(void)clock_gettime(clock, &t);
	return (uint64_t)t.tv_sec * 1000000000ull + (uint64_t)t.tv_nsec;
}

void log_read_clocks(struct audit_log *l)
{
	l->now_ns = log_clock_ns(CLOCK_BOOTTIME);
	l->now_utc_ns = (int64_t)log_clock_ns(CLOCK_REALTIME);
	l->tai_ahead_ns = event_tai_ahead_ns();
	l->now_uses = 0;
}

/* Not for every record anew: the first of a group, and once in a while. */
static void look_at_clocks(struct audit_log *l)
{
	if (!l->group.count || ++l->now_uses >= CLOCK_USES)
		log_read_clocks(l);
	if (!l->group.count)
		l->group.since_ns = l->now_ns;
}

/* "5a94cbc8-92bd-4373-be76-c76d4dc84387\n" */
static int read_boot_id(uint8_t ret[static 16], struct err *e)
{
	_buf_ struct buf text = BUF_INIT;
	char hex[33];
	size_t n = 0;
	int code = fd_read_file(AT_FDCWD, "/proc/sys/kernel/random/boot_id", 64, &text);

	if (code < 0)
		return err_set(e, code, "read /proc/sys/kernel/random/boot_id, without which one boot's events cannot be told from another's");
	for (size_t i = 0; i < text.len_bytes && n < 32; i++)
		if (text.data[i] != '-')
			hex[n++] = text.data[i];
	if (num_parse_hex(hex, n, ret, 16) < 0)
		return err_say(e, -EBADMSG, "/proc/sys/kernel/random/boot_id does not hold a boot id");
	return 0;
}

static int open_signer(struct audit_log *l, struct err *e)
{
	int code;

	if (l->dirs.signer_fd < 0)
		return 0;
	l->signer = calloc(1, sizeof(*l->signer));
	if (!l->signer)
		return err_set(e, -ENOMEM, "open the log");
	code = signer_open(l->signer, l->dirs.dir_fd, l->dirs.signer_fd, e);
	l->seals = (struct seals){ .keys_fd = l->dirs.keys_fd, .origin = l->signer->origin };
	return code;
}

/* Nothing in the log is touched before all of it is known to be as it was left. */
static int open_all(struct audit_log *l, uint64_t *ret_cut_bytes, struct err *e)
{
	int code = read_boot_id(l->boot_id, e);

	if (code == 0)
		code = log_find_end(l, ret_cut_bytes, e);
	if (code == 0)
		code = open_signer(l, e);
	if (code == 0)
		code = log_find_tree(l, e);
	if (code == 0 && *ret_cut_bytes && (ftruncate(l->fd, (off_t)l->segment_bytes) < 0 || fdatasync(l->fd) < 0))
		code = err_set(e, -errno, "cut the unfinished record from the end of the log");
	return code;
}

static void close_dirs(const struct audit_dirs *dirs)
{
	const int fds[] = { dirs->dir_fd, dirs->keys_fd, dirs->signer_fd };

	for (size_t i = 0; i < 3; i++)
		if (fds[i] >= 0)
			close(fds[i]);
}

/* Let go of it all, as it is. */
static void let_go(struct audit_log *l, const struct audit_dirs *dirs)
{
	if (l) {
		log_tail_close(l);
		if (l->signer)
			signer_close(l->signer);
		free(l->signer);
		seals_free(&l->seals);
		group_free(&l->group);
		grow_free(l->tree);
		gaps_free(&l->gaps);
		free(l);
	}
	close_dirs(dirs);
}

int audit_open_signed(const struct audit_dirs *dirs, struct audit_log **ret, uint64_t *ret_cut_bytes, struct err *e)
{
	struct audit_log *l = calloc(1, sizeof(*l));
	uint64_t cut_bytes = 0;
	int code = 0;

	if (l) {
		l->dirs = *dirs;
		l->fd = -1;
		l->seals.keys_fd = -1;
		l->tree = grow_new(dirs->dir_fd);
		log_read_clocks(l);
	}
	e->code = 0;
	if (!l || !l->tree || group_init(&l->group) < 0)
		code = err_set(e, -ENOMEM, "open the log");
	else if (flock(dirs->dir_fd, LOCK_EX | LOCK_NB) < 0)
		code = errno == EWOULDBLOCK ? err_say(e, -EBUSY, "another process writes this log; stop it first, or name another directory")
					    : err_set(e, -errno, "lock the log directory");
	if (code == 0)
		code = open_all(l, &cut_bytes, e);
	if (code < 0) {
		err_wrap(e, "cannot write the log");
		let_go(l, dirs);
		return code;
	}
	*ret_cut_bytes = cut_bytes;
	*ret = l;
	return 0;
}

int audit_open(int dir_fd, struct audit_log **ret, uint64_t *ret_cut_bytes, struct err *e)
{
	const struct audit_dirs dirs = { dir_fd, -1, -1 };

	return audit_open_signed(&dirs, ret, ret_cut_bytes, e);
}

/* Write and sync what is pending, then hash it. */
static int write_out(struct audit_log *l, struct err *e)
{
	int code = 0;

	if (!l->group.count)
		return 0;
	log_read_clocks(l);
	if (l->seals.keys_fd >= 0)
		code = group_close(&l->group, &l->seals, e);
	if (code == 0)
		code = log_tail_write(l, e);
	l->failed_ns = code < 0 ? l->now_ns : 0;
	if (code < 0) {
		l->failure = *e;
		return code;
	}
	log_tree_feed(l);
	l->group_bytes = group_bytes(&l->group);
	group_clear(&l->group, group_next_seq(&l->group));
	l->fold.open = false;
	return 0;
}

/* Room for one more record: a large group is committed at once, and a disk that takes nothing is waited for only so long. */
static int make_room(struct audit_log *l, size_t more_bytes, struct err *e)
{
	size_t len_bytes = group_bytes(&l->group);

	if (len_bytes < COMMIT_AT_BYTES && (l->segment_bytes >= AUDIT_SEGMENT_BYTES || l->segment_bytes + len_bytes < AUDIT_SEGMENT_BYTES))
		return 0;
	/* Not for every record anew: each try writes the whole group. */
	if (!l->failed_ns || log_clock_ns(CLOCK_BOOTTIME) - l->failed_ns > AUDIT_COMMIT_MS * LOG_NS_PER_MS)
		(void)write_out(l, e);
	if (group_bytes(&l->group) + more_bytes <= AUDIT_PENDING_MAX_BYTES)
		return 0;
	*e = l->failure;
	return err_wrap(e, "no more room in memory for records that the disk does not take");
}

static void fill_head(struct audit_log *l, struct pw_record *head)
{
	static const uint8_t none[sizeof(head->boot_id)];

	head->seq = group_next_seq(&l->group);
	if (!head->time_boot_ns)
		head->time_boot_ns = log_clock_ns(CLOCK_BOOTTIME);
	if (!head->time_utc_ns)
		head->time_utc_ns = (int64_t)log_clock_ns(CLOCK_REALTIME);
	if (!memcmp(head->boot_id, none, sizeof(none)))
		memcpy(head->boot_id, l->boot_id, sizeof(head->boot_id));
}

/*
 * Personal fields, behind GROUP_PART_LEN_BYTES of room, into the sealed part of their class and month; the two fields that say where they
 * are go to at. Returns their end, NULL without memory.
 */
static uint8_t *seal(struct audit_log *l, const char *class_, int64_t utc_ns, uint8_t *part, size_t len_bytes, uint8_t *at)
{
	struct pw_record head = { .schema = PW_RECORD_SCHEMA, .kind = PW_REC_SEALED, .cpu = LOG_NO_CPU, .time_boot_ns = l->now_ns,
				  .time_utc_ns = l->now_utc_ns };
	uint64_t by, off;

	if (utc_ns < l->month.begin_utc_ns || utc_ns >= l->month.end_utc_ns)
		seal_month_of(utc_ns, &l->month);
	memcpy(head.boot_id, l->boot_id, sizeof(head.boot_id));
	if (group_seal(&l->group, class_ && class_[0] ? class_ : SEAL_NONE, l->month.text, &head, part, len_bytes, &by, &off) < 0)
		return NULL;
	at = event_u64(at, PW_F_SEALED_BY, by);
	return event_u64(at, PW_F_SEALED_AT, off);
}

/* The record that was built at group_room(), up to end, gets its length, number and check sum. */
static int finish(struct audit_log *l, uint8_t *end, struct pw_record *head, struct err *e)
{
	uint8_t *prefix = group_room(&l->group), *record = prefix + PREFIX_BYTES;
	size_t len_bytes = (size_t)(end - record);

	prefix[0] = (uint8_t)(len_bytes >> 8);
	prefix[1] = (uint8_t)len_bytes;
	head->seq = group_next_seq(&l->group);
	head->crc = 0;
	memcpy(record, head, sizeof(*head));
	record_seal(record, len_bytes);
	if (group_take(&l->group, PREFIX_BYTES + len_bytes) < 0)
		return err_set(e, -ENOMEM, "append to the log");
	if (head->kind == PW_REC_ACCESS && head->cpu != LOG_NO_CPU)
		gaps_time(&l->gaps, head->cpu, head->time_boot_ns);
	return 0;
}

static bool is_personal(uint16_t tag)
{
	return tag == PW_F_PATH || tag == PW_F_COMM;
}

/* The record as it was given, into the group: its personal fields apart if they are sealed here. Its end, or NULL. */
static uint8_t *copy_record(struct audit_log *l, const struct record_view *v, const char *class_, uint8_t *to)
{
	bool apart = l->seals.keys_fd >= 0 && v->head.kind == PW_REC_ACCESS;
	const uint8_t *p = v->fields, *end = p + v->fields_len_bytes;
	uint8_t *part = apart ? malloc(GROUP_PART_LEN_BYTES + v->fields_len_bytes) : NULL, *personal = part ? part + GROUP_PART_LEN_BYTES : NULL;
	size_t personal_bytes = 0;

	if (apart && !part)
		return NULL;
	while (p < end) {
		struct pw_field f;
		size_t n;

		memcpy(&f, p, sizeof(f));
		n = sizeof(f) + f.len_bytes;
		if (apart && is_personal(f.tag)) {
			memcpy(personal + personal_bytes, p, n);
			personal_bytes += n;
		} else {
			memcpy(to, p, n);
			to += n;
		}
		p += n;
	}
	if (personal_bytes)
		to = seal(l, class_, v->head.time_utc_ns ? v->head.time_utc_ns : l->now_utc_ns, part, personal_bytes, to);
	if (part) {
		OPENSSL_cleanse(personal, personal_bytes);
		free(part);
	}
	return to;
}

static int append(struct audit_log *l, struct buf *record, const char *class_, struct pw_record *head, struct err *e)
{
	struct record_view v;
	uint8_t *end;
	size_t used;
	int code;

	code = record->failed ? -ENOMEM : record_parse((const uint8_t *)record->data, record->len_bytes, &v, &used);
	if (code < 0 || used != record->len_bytes)
		return err_set(e, code < 0 ? code : -EBADMSG, "append to the log: what was given is not one finished record");
	*head = v.head;
	if (v.head.kind == PW_REC_ACCESS && l->seals.keys_fd >= 0 && v.fields_len_bytes > SEAL_FIELDS_MAX)
		return err_set(e, -EMSGSIZE, "append to the log: an access with so much text cannot be sealed");
	code = make_room(l, record->len_bytes, e);
	if (code < 0)
		return code;
	look_at_clocks(l);
	end = copy_record(l, &v, class_, group_room(&l->group) + PREFIX_BYTES + sizeof(*head));
	if (!end)
		return err_set(e, -ENOMEM, "append to the log");
	fill_head(l, head);
	code = finish(l, end, head, e);
	if (code == 0) {
		/* The caller may look at what became of it. */
		v.head = *head;
		memcpy(record->data + PREFIX_BYTES, head, sizeof(*head));
		record_seal((uint8_t *)record->data + PREFIX_BYTES, record->len_bytes - PREFIX_BYTES);
	}
	return code;
}

int audit_append_class(struct audit_log *l, struct buf *record, const char *class_, struct err *e)
{
	struct pw_record head = { .cpu = LOG_NO_CPU };
	int code = append(l, record, class_, &head, e);

	if (code < 0 && head.kind == PW_REC_ACCESS && head.cpu != LOG_NO_CPU)
		gaps_unnote(&l->gaps, head.cpu, head.cpu_seq, log_clock_ns(CLOCK_BOOTTIME));
	return code;
}

int audit_append(struct audit_log *l, struct buf *record, struct err *e)
{
	return audit_append_class(l, record, NULL, e);
}

#define SEALED_AT_MAX 24u /* bytes of the two fields that say where personal fields are */

static uint8_t *seal_event(struct audit_log *l, const struct pw_event *ev, const struct event_place *place, uint8_t at[static SEALED_AT_MAX])
{
	uint8_t part[GROUP_PART_LEN_BYTES + EVENT_PERSONAL_MAX], *fields = part + GROUP_PART_LEN_BYTES;
	size_t len_bytes = (size_t)(event_personal(fields, ev, place, &l->names) - fields);

	return seal(l, place->class_, (int64_t)ev->time_tai_ns - l->tai_ahead_ns, part, len_bytes, at);
}

/*
 * Bundles are pruned as a whole: a record names one in its own only. The number after it has to lie there too, because what is put first
 * (audit_append_first(), once a group) moves it there.
 */
static bool may_name(uint64_t full_seq, uint64_t seq)
{
	return full_seq / TREE_TILE_WIDTH == (seq + 1) / TREE_TILE_WIDTH;
}

static int append_event(struct audit_log *l, const struct pw_event *ev, const struct image *img, struct err *e)
{
	const struct event_full *like = event_like(&l->names, ev, img);
	const struct event_place place = event_place_of(ev, img);
	bool apart = l->seals.keys_fd >= 0;
	uint8_t at[SEALED_AT_MAX], *at_end = at, *out, *end;
	struct pw_record head;
	int code = make_room(l, sizeof(*ev) + PW_NAMES_MAX, e);

	if (code < 0)
		return code;
	if (log_fold(l, ev, like))
		return 0;
	if (apart)
		at_end = seal_event(l, ev, &place, at);
	if (!at_end)
		return err_set(e, -ENOMEM, "append to the log");
	/* Sealing may have put a record in front. */
	if (like && !may_name(like->seq, group_next_seq(&l->group)))
		like = NULL;
	out = group_room(&l->group) + PREFIX_BYTES;
	end = like ? event_abridged(out, ev, like->seq, l->tai_ahead_ns) : event_fields(out, ev, img, &l->names, l->tai_ahead_ns);
	if (apart) {
		memcpy(end, at, sizeof(at));
		end += at_end - at;
	} else {
		end = event_personal(end, ev, &place, &l->names);
	}
	memcpy(&head, out, sizeof(head));
	memcpy(head.boot_id, l->boot_id, sizeof(head.boot_id));
	code = finish(l, end, &head, e);
	if (code < 0)
		return code;
	if (!like)
		event_remember(&l->names, ev, img, head.seq);
	log_fold_begin(l, ev, like ? like->seq : head.seq);
	return 0;
}

int audit_append_event(struct audit_log *l, const struct pw_event *ev, const struct image *img, struct err *e)
{
	int code;

	look_at_clocks(l);
	if (gaps_known(&l->gaps, ev->cpu, ev->seq, ev->time_boot_ns))
		return 0; /* written by us or a forerunner before the ring was told */
	code = gaps_note(&l->gaps, ev->cpu, ev->seq, l->now_ns);
	if (code < 0)
		return err_set(e, code, "count the events of CPU %u", ev->cpu);
	code = append_event(l, ev, img, e);
	if (code < 0)
		gaps_unnote(&l->gaps, ev->cpu, ev->seq, l->now_ns);
	return code;
}

void audit_forget_names(struct audit_log *l)
{
	event_forget(&l->names);
}

int audit_append_first(struct audit_log *l, struct buf *record, struct err *e)
{
	struct record_view v;
	struct pw_record head;
	size_t used;
	int code;

	if (record->failed || record_parse((const uint8_t *)record->data, record->len_bytes, &v, &used) < 0 || used != record->len_bytes ||
	    used > LOG_KEPT_BYTES)
		return err_set(e, -EBADMSG, "append to the log: what was given is not one finished short record");
	head = v.head;
	fill_head(l, &head);
	head.seq = l->group.first_seq;
	memcpy(record->data + PREFIX_BYTES, &head, sizeof(head));
	record_seal((uint8_t *)record->data + PREFIX_BYTES, record->len_bytes - PREFIX_BYTES);
	code = log_tail_write_kept(l, record->data, record->len_bytes, e);
	if (code < 0)
		return code;
	event_forget_full(&l->names);
	l->fold.open = false;
	code = group_shift(&l->group);
	return code < 0 ? err_set(e, code, "append to the log") : 0;
}

/* Record the holes that have been open long enough to be losses. What cannot be recorded now stays a hole. */
static int record_losses(struct audit_log *l, uint64_t until_ns, struct err *e)
{
	struct hole h;
	uint32_t cpu;

	while (gaps_oldest(&l->gaps, &cpu, &h) && h.since_ns <= until_ns) {
		_buf_ struct buf b = BUF_INIT;
		struct pw_record head = { .schema = PW_RECORD_SCHEMA, .kind = PW_REC_GAP, .cpu = (uint16_t)cpu, .cpu_seq = h.first };
		int code;

		record_begin(&b, &head);
		record_u64(&b, PW_F_GAP_FIRST, h.first);
		record_u64(&b, PW_F_GAP_LAST, h.last);
		code = record_end(&b, 0);
		if (code < 0)
			return err_set(e, code, "record a gap");
		code = append(l, &b, NULL, &head, e);
		if (code < 0)
			return code;
		gaps_declare(&l->gaps, cpu, &h);
	}
	return 0;
}

static int record_old_losses(struct audit_log *l, struct err *e)
{
	return record_losses(l, log_clock_ns(CLOCK_BOOTTIME) - AUDIT_HOLE_MS * LOG_NS_PER_MS, e);
}

static int commit_records(struct audit_log *l, struct err *e)
{
	struct err later;
	/* Without room for a gap record, first bring out what is there; then there is room. */
	int losses = record_old_losses(l, &later), code = write_out(l, e);

	if (code == 0 && losses < 0 && record_old_losses(l, &later) == 0)
		code = write_out(l, e);
	l->now_ns = log_clock_ns(CLOCK_BOOTTIME);
	return code;
}

int audit_commit(struct audit_log *l, struct err *e)
{
	int code = commit_records(l, e);
	struct err later; /* kept in tree_failure: the records are on disk, and that is what was asked */

	if (code == 0)
		(void)log_tree_sign(l, false, &later);
	return code;
}

int audit_checkpoint(struct audit_log *l, struct err *e)
{
	int code = commit_records(l, e);

	return code < 0 ? code : log_tree_sign(l, true, e);
}

void audit_close(struct audit_log *l)
{
	struct audit_dirs dirs;
	struct err e;

	if (!l)
		return;
	dirs = l->dirs;
	(void)audit_checkpoint(l, &e);
	let_go(l, &dirs);
}

const struct err *audit_tree_trouble(const struct audit_log *l)
{
	return l->tree_failed_ns ? &l->tree_failure : NULL;
}

int audit_commit_in_ms(const struct audit_log *l)
{
	uint64_t now_ns = log_clock_ns(CLOCK_BOOTTIME), due_ns = log_tree_due_ns(l);
	struct hole h;
	uint32_t cpu;

	if (l->group.count && l->group.since_ns + AUDIT_COMMIT_MS * LOG_NS_PER_MS < due_ns)
		due_ns = l->group.since_ns + AUDIT_COMMIT_MS * LOG_NS_PER_MS;
	if (gaps_oldest(&l->gaps, &cpu, &h) && h.since_ns + AUDIT_HOLE_MS * LOG_NS_PER_MS < due_ns)
		due_ns = h.since_ns + AUDIT_HOLE_MS * LOG_NS_PER_MS;
	if (due_ns == UINT64_MAX)
		return -1;
	return due_ns <= now_ns ? 0 : (int)((due_ns - now_ns + LOG_NS_PER_MS - 1) / LOG_NS_PER_MS);
}

bool audit_knows(const struct audit_log *l, uint32_t cpu, uint64_t cpu_seq, uint64_t time_boot_ns)
{
	return gaps_known(&l->gaps, cpu, cpu_seq, time_boot_ns);
}

int audit_note_cpu_seq(struct audit_log *l, uint32_t cpu, uint64_t cpu_seq, struct err *e)
{
	int code = gaps_note(&l->gaps, cpu, cpu_seq, log_clock_ns(CLOCK_BOOTTIME));

	if (code < 0)
		return err_set(e, code, "count the events of CPU %u", cpu);
	return 0;
}

int audit_restart_cpu_seqs(struct audit_log *l, struct err *e)
{
	int code = record_losses(l, UINT64_MAX, e);

	if (code == 0)
		gaps_free(&l->gaps);
	return code;
}

uint64_t audit_next_seq(const struct audit_log *l)
{
	return group_next_seq(&l->group);
}

void audit_segment(const struct audit_log *l, char ret_name[static AUDIT_NAME_SIZE], uint64_t *ret_bytes)
{
	segment_name(l->segment_first_seq, ret_name);
	*ret_bytes = l->segment_bytes + group_bytes(&l->group);
}
