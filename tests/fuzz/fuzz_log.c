/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes as the files of a log. The reader returns whole records with numbers in order or says what is wrong; a writer that opens the
 * same directory cuts off a torn end at the most, changes nothing if it refuses, and what it appends then is read back.
 */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "audit/internal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MUST(c) do { if (!(c)) abort(); } while (0)

/*
 * Input: bytes 0 and 1 are the length of the first file, byte 2 is the first number of the second one (0: there is none), byte 3 says
 * whether records are numbered and sealed anew, so that a mutation inside one gets past its check sum.
 */
struct files { uint8_t *bytes; size_t len[2]; uint64_t first[2]; };

/* Number and seal as many records as stand one behind the other. */
static void seal(uint8_t *p, size_t size, uint64_t *seq)
{
	while (size >= 2 + sizeof(struct pw_record)) {
		size_t len = (size_t)p[0] << 8 | p[1];
		struct pw_record head;

		if (len < sizeof(head) || len > size - 2)
			return;
		memcpy(&head, p + 2, sizeof(head));
		head.seq = (*seq)++;
		memcpy(p + 2, &head, sizeof(head));
		record_seal(p + 2, len);
		p += 2 + len;
		size -= 2 + len;
	}
}

static void put(int dir_fd, uint64_t first_seq, const uint8_t *bytes, size_t size)
{
	char name[SEGMENT_NAME_SIZE];
	int fd;

	segment_name(first_seq, name);
	fd = openat(dir_fd, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	MUST(fd >= 0 && write(fd, bytes, size) == (ssize_t)size);
	close(fd);
}

static off_t size_of(int dir_fd, uint64_t first_seq)
{
	char name[SEGMENT_NAME_SIZE];
	struct stat st;

	segment_name(first_seq, name);
	return fstatat(dir_fd, name, &st, 0) < 0 ? -1 : st.st_size;
}

static void drop(int dir_fd, uint64_t first_seq)
{
	char name[SEGMENT_NAME_SIZE];

	segment_name(first_seq, name);
	(void)unlinkat(dir_fd, name, 0);
}

/* How many records the reader gives; *ret_code: what it ended with. */
static uint64_t read_all(int dir_fd, int *ret_code, uint64_t *ret_next)
{
	struct log_reader *r;
	struct record_view v;
	struct err e = { 0 };
	uint64_t n = 0, seq = 0;
	int code = log_reader_open(fcntl(dir_fd, F_DUPFD_CLOEXEC, 3), -1, &r, &e);

	*ret_next = 0;
	if (code == 0) {
		while ((code = log_reader_next(r, &v, &e)) == 1) {
			MUST(!n || v.head.seq == seq + 1);
			seq = v.head.seq;
			n++;
			MUST(n < 1u << 20);
		}
		*ret_next = log_reader_seq(r);
		log_reader_close(r);
	}
	MUST(code == 0 || e.text[0]);
	*ret_code = code;
	return n;
}

static void write_on(int dir_fd, const struct files *f)
{
	struct pw_record head = { .schema = PW_RECORD_SCHEMA, .kind = PW_REC_HEARTBEAT, .cpu = 0xffff };
	_buf_ struct buf b = BUF_INIT;
	struct audit_log *l = NULL;
	struct err e = { 0 };
	uint64_t cut = 0, before, after, next;
	off_t sizes[2] = { size_of(dir_fd, f->first[0]), size_of(dir_fd, f->first[1]) };
	int code;

	before = read_all(dir_fd, &code, &next);
	if (audit_open(fcntl(dir_fd, F_DUPFD_CLOEXEC, 3), &l, &cut, &e) < 0) {
		MUST(e.text[0]);
		MUST(size_of(dir_fd, f->first[0]) == sizes[0] && size_of(dir_fd, f->first[1]) == sizes[1]);
		return;
	}
	MUST(audit_next_seq(l) >= next);
	record_begin(&b, &head);
	MUST(record_end(&b, 0) == 0 && audit_append(l, &b, &e) == 0 && audit_commit(l, &e) == 0);
	next = audit_next_seq(l);
	audit_close(l);
	after = read_all(dir_fd, &code, &cut);
	MUST(code == 0 && after == before + 1 && cut == next);
	drop(dir_fd, next - 1); /* a segment of its own, where there was none to go on with */
}

/* The writer leaves tiles in folders. */
static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *at)
{
	(void)st;
	(void)kind;
	(void)at;
	return remove(path);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char path[] = "/dev/shm/polyward-fuzz-XXXXXX";
	struct files f = { 0 };
	uint64_t seq = 0, next;
	int dir_fd, code;

	if (size < 4)
		return 0;
	f.len[0] = (size_t)data[0] << 8 | data[1];
	f.len[0] = f.len[0] < size - 4 ? f.len[0] : size - 4;
	f.len[1] = size - 4 - f.len[0];
	f.first[1] = data[2];
	f.bytes = malloc(size);
	MUST(f.bytes && mkdtemp(path));
	dir_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	MUST(dir_fd >= 0);
	memcpy(f.bytes, data + 4, size - 4);
	if (data[3] & 1) {
		seal(f.bytes, f.len[0], &seq);
		if (data[3] & 2)
			f.first[1] = seq;
		seal(f.bytes + f.len[0], f.len[1], &seq);
	}
	put(dir_fd, 0, f.bytes, f.len[0]);
	if (f.first[1])
		put(dir_fd, f.first[1], f.bytes + f.len[0], f.len[1]);
	(void)read_all(dir_fd, &code, &next);
	write_on(dir_fd, &f);
	drop(dir_fd, 0);
	drop(dir_fd, f.first[1]);
	close(dir_fd);
	MUST(nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS) == 0);
	free(f.bytes);
	return 0;
}
