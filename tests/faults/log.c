/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The log's writer on a disk that fails: whatever was acknowledged is read back, whole, in order and once; nothing torn is read; the
 * failure has a sentence; and when the disk takes bytes again the writer goes on where it stood, or a new one does after a crash.
 */
#include "fault.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "audit/audit.h"

#define RECORDS 24u
#define PER_COMMIT 3u

/* Shared with the child that crashes: what it was told is safe, and what it was told is in. */
struct promise { uint64_t acknowledged, appended; uint8_t in[RECORDS]; bool silent; };

static int dir_again(const struct scratch *s)
{
	return fcntl(s->fd, F_DUPFD_CLOEXEC, 3);
}

/* Signed, and with personal fields sealed: everything that the audit process writes. */
static int open_log(const struct scratch *s, struct audit_log **ret, uint64_t *ret_cut_bytes, struct err *e)
{
	const struct audit_dirs dirs = { dir_again(s), dir_again(s), dir_again(s) };

	return audit_open_signed(&dirs, ret, ret_cut_bytes, e);
}

/* A record that tells its own number, and is long enough to be torn. */
static int append(struct audit_log *l, uint32_t number, struct err *e)
{
	_buf_ struct buf b = BUF_INIT;
	struct pw_record head = { .schema = PW_RECORD_SCHEMA, .kind = PW_REC_ACCESS, .cpu = 0xffff };
	char note[600];

	memset(note, 'a' + (int)(number % 26), sizeof(note));
	record_begin(&b, &head);
	record_u64(&b, PW_F_GAP_FIRST, number);
	record_bytes(&b, PW_F_NOTE, note, sizeof(note));
	record_text(&b, PW_F_PATH, "/srv/somebody");
	if (record_end(&b, 0) < 0)
		return err_set(e, -ENOMEM, "make a record");
	return audit_append(l, &b, e);
}

static void write_records(struct audit_log *l, struct promise *p)
{
	struct err e;

	for (uint32_t i = 0; i < RECORDS; i++) {
		e = (struct err){ 0 };
		if (append(l, i, &e) == 0) {
			p->in[i] = 1;
			p->appended++;
		} else {
			p->silent |= !e.text[0];
		}
		if (i % PER_COMMIT != PER_COMMIT - 1)
			continue;
		e = (struct err){ 0 };
		/* Every second group with a checkpoint, so that tiles and signatures fail too. */
		if ((i / PER_COMMIT % 2 ? audit_checkpoint(l, &e) : audit_commit(l, &e)) == 0)
			p->acknowledged = p->appended;
		else
			p->silent |= !e.text[0];
	}
}

/* Records in the log, from the first on as `p` says they went in. NULL, or what is wrong. */
static const char *read_back(const struct scratch *s, const struct promise *p, uint64_t *ret_found)
{
	struct log_reader *r = NULL;
	struct record_view v;
	struct err e = { 0 };
	const char *wrong = NULL;
	uint32_t number = 0;
	int code = log_reader_open(dir_again(s), -1, &r, &e);

	*ret_found = 0;
	if (code < 0)
		return "the log cannot be opened for reading";
	while (!wrong && (code = log_reader_next(r, &v, &e)) == 1) {
		const uint8_t *note;
		size_t len;

		if (v.head.kind != PW_REC_ACCESS || !record_find(&v, PW_F_NOTE, &note, &len) || len != 600)
			continue; /* the writer's own words about its trouble */
		while (number < RECORDS && !p->in[number])
			number++;
		if (number == RECORDS || record_find_u64(&v, PW_F_GAP_FIRST, UINT64_MAX) != number || note[599] != 'a' + number % 26)
			wrong = "a record is missing in the middle, is there twice, or is another one";
		number++;
		++*ret_found;
	}
	if (code < 0)
		wrong = "what is in the log does not parse";
	if (!wrong && log_reader_rest(r))
		wrong = "something torn is left at the end";
	log_reader_close(r);
	return wrong;
}

/* A writer on a disk that recovers: afterwards everything that was taken is there. */
static const char *go_on(const struct scratch *s, const struct fault *f, uint64_t *ret_calls, uint64_t *ret_failed)
{
	struct promise p = { 0 };
	struct audit_log *l = NULL;
	struct err e = { 0 };
	uint64_t cut, found, kept = fault_held();
	const char *wrong;
	int code = open_log(s, &l, &cut, &e);

	if (code < 0)
		return "the log cannot be opened";
	fault_arm(f);
	write_records(l, &p);
	*ret_calls = fault_disarm(ret_failed);
	code = audit_commit(l, &e);
	if (code == 0)
		p.acknowledged = p.appended;
	audit_close(l);
	wrong = read_back(s, &p, &found);
	if (wrong)
		return wrong;
	/* The tree of what is there is the one that was signed, or it would not open. */
	if (open_log(s, &l, &cut, &e) < 0)
		return "what was signed is not what is there";
	audit_close(l);
	return code < 0 ? "the disk is well again and the writer is not" : found != p.appended ? "not all that was taken is there" :
	       p.silent ? "a failure without a sentence" : fault_held() != kept ? "memory is lost" :
	       f->kinds != FAULT_ALLOC && p.appended != RECORDS ? "a record was turned away though there was room in memory" : NULL;
}

static struct promise *shared_promise(void)
{
	void *at = mmap(NULL, sizeof(struct promise), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	return at == MAP_FAILED ? NULL : at;
}

/* A writer that dies with the failure, and another that finds what it left. */
static const char *crash(const struct scratch *s, const struct fault *f, struct promise *p)
{
	struct audit_log *l = NULL;
	struct err e = { 0 };
	uint64_t cut, found;
	const char *wrong;
	int status;
	pid_t pid;

	*p = (struct promise){ 0 };
	pid = fork();
	if (pid == 0) {
		if (open_log(s, &l, &cut, &e) < 0)
			_exit(9);
		fault_arm(f);
		write_records(l, p);
		_exit(0);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid || status)
		return "the writer crashed by itself";
	if (open_log(s, &l, &cut, &e) < 0)
		return "what was left cannot be opened again";
	audit_close(l);
	wrong = read_back(s, p, &found);
	return wrong ? wrong : found < p->acknowledged ? "an acknowledged record is lost" : p->silent ? "a failure without a sentence" : NULL;
}

static void sweep(struct tap *t, struct fault f, const char *what)
{
	struct promise *p = shared_promise();
	uint64_t calls = 0, failed, runs = 0;
	char why[256] = "";
	struct scratch s;

	if (!p || !scratch_make(&s)) {
		told(t, false, "no scratch directory", "log: %s", what);
		return;
	}
	f.nth = UINT64_MAX;
	if (go_on(&s, &f, &calls, &failed))
		(void)snprintf(why, sizeof(why), "without any failure: %s", go_on(&s, &f, &calls, &failed));
	for (f.nth = 1; f.nth <= calls && !why[0]; f.nth++)
		for (int lasting = 0; lasting < 2 && !why[0]; lasting++) {
			uint64_t unused;
			const char *wrong;

			f.lasting = lasting;
			scratch_empty(&s);
			wrong = go_on(&s, &f, &unused, &failed);
			if (!wrong && !failed)
				wrong = "the call that should fail was never made";
			if (!wrong) {
				scratch_empty(&s);
				wrong = crash(&s, &f, p);
			}
			runs += 2;
			if (wrong)
				(void)snprintf(why, sizeof(why), "call %llu%s: %s", (unsigned long long)f.nth, lasting ? " and all later ones" : "", wrong);
		}
	scratch_remove(&s);
	(void)munmap(p, sizeof(*p));
	told(t, !why[0] && runs, why, "log: %s, %llu runs", what, (unsigned long long)runs);
}

/* What must look as if nothing had happened. */
static void harmless(struct tap *t, struct fault f, const char *what)
{
	char why[256] = "";
	struct scratch s;

	for (uint64_t seed = 1; seed <= 20 && !why[0] && scratch_make(&s); seed++) {
		uint64_t calls, failed;
		const char *wrong;

		f.seed = seed;
		f.one_in = 2;
		wrong = go_on(&s, &f, &calls, &failed);
		if (wrong || !failed)
			(void)snprintf(why, sizeof(why), "seed %llu: %s", (unsigned long long)seed, wrong ? wrong : "nothing failed");
		scratch_remove(&s);
	}
	told(t, !why[0], why, "log: %s", what);
}

/* A log of RECORDS records with a torn one behind them. */
static const char *make_torn(const struct scratch *s, struct promise *p)
{
	struct audit_log *l = NULL;
	struct err e = { 0 };
	uint64_t cut;
	int fd;
	bool torn;

	*p = (struct promise){ 0 };
	if (open_log(s, &l, &cut, &e) < 0)
		return "the log cannot be opened";
	write_records(l, p);
	audit_close(l);
	fd = openat(s->fd, "records-0000000000000000.pwr", O_WRONLY | O_APPEND | O_CLOEXEC);
	torn = write(fd, "\x02\x9d\x01\x06torn", 8) == 8;
	close(fd);
	return torn ? NULL : "the end cannot be torn";
}

/* Recovery itself fails: then nothing may have been changed for the worse, and the next try succeeds. */
static const char *recover(const struct scratch *s, const struct fault *f, uint64_t *ret_calls)
{
	struct promise p;
	struct audit_log *l = NULL;
	struct err e = { 0 };
	const char *wrong = make_torn(s, &p);
	uint64_t cut = 0, found, failed;
	int code;

	if (wrong)
		return wrong;
	fault_arm(f);
	code = open_log(s, &l, &cut, &e);
	*ret_calls = fault_disarm(&failed);
	if (code < 0 && (!failed || !e.text[0]))
		return failed ? "a failure without a sentence" : "an error although nothing failed";
	if (code == 0 && cut != 8)
		return "the torn bytes are not reported";
	if (code < 0 && open_log(s, &l, &cut, &e) < 0)
		return "after one failed recovery the next one fails too";
	audit_close(l);
	wrong = read_back(s, &p, &found);
	return wrong ? wrong : found != RECORDS ? "recovery lost a record" : NULL;
}

static void recovery(struct tap *t)
{
	static const struct { struct fault f; const char *what; } kinds[] = {
		{ { .kinds = FAULT_OPEN, .error = EIO }, "opening" }, { { .kinds = FAULT_READ, .error = EIO }, "reading" },
		{ { .kinds = FAULT_SIZE, .error = EIO }, "cutting" }, { { .kinds = FAULT_SYNC, .error = EIO }, "syncing" },
		{ { .kinds = FAULT_ALLOC }, "memory" },
	};

	for (size_t k = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++) {
		struct fault f = kinds[k].f;
		uint64_t calls = 0, unused;
		char why[256] = "";
		struct scratch s;

		for (f.nth = 0; f.nth <= calls && !why[0] && scratch_make(&s); f.nth++) { /* the 0th run fails nowhere and counts */
			const char *wrong = recover(&s, &f, f.nth ? &unused : &calls);

			if (wrong)
				(void)snprintf(why, sizeof(why), "call %llu: %s", (unsigned long long)f.nth, wrong);
			scratch_remove(&s);
		}
		told(t, !why[0] && calls, why, "log: recovery of a torn log, %s fails, each of %llu calls", kinds[k].what, (unsigned long long)calls);
	}
}

void case_log(struct tap *t)
{
	sweep(t, (struct fault){ .kinds = FAULT_WRITE, .error = ENOSPC }, "a full disk");
	sweep(t, (struct fault){ .kinds = FAULT_WRITE, .error = EIO, .way = FAULT_HALF_FAILS }, "half a write, then an error");
	sweep(t, (struct fault){ .kinds = FAULT_WRITE, .way = FAULT_NOTHING }, "a disk that takes nothing and says nothing");
	sweep(t, (struct fault){ .kinds = FAULT_SYNC, .error = EIO }, "a sync that fails");
	sweep(t, (struct fault){ .kinds = FAULT_SYNC, .error = EIO, .way = FAULT_FORGETS }, "a sync that fails and loses what was written");
	sweep(t, (struct fault){ .kinds = FAULT_OPEN, .error = EMFILE }, "a file that cannot be made");
	sweep(t, (struct fault){ .kinds = FAULT_NAME, .error = EIO }, "a checkpoint that cannot be put in place");
	sweep(t, (struct fault){ .kinds = FAULT_ALLOC }, "memory");
	harmless(t, (struct fault){ .kinds = FAULT_WRITE, .way = FAULT_SHORT }, "short writes change nothing");
	harmless(t, (struct fault){ .kinds = FAULT_WRITE, .error = EINTR }, "interrupted writes change nothing");
	recovery(t);
}
