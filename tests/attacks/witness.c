// SPDX-License-Identifier: Apache-2.0
/*
 * The witness: a process with the keeper's roles and root's effective user, the only one here that can look into the stores while the
 * policy is in force. It says what every file is like, and puts things back after an attack that succeeded.
 */
#include "harness.h"

#include <fts.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/xattr.h>

#define PRISTINE "/run/pristine" /* copies made before the policy */

void fill_file(int fd, const char *marker)
{
	char bytes[FILE_BYTES];

	memset(bytes, '.', sizeof(bytes));
	for (size_t at = 0; at < sizeof(bytes); at += 512)
		memcpy(bytes + at, marker, MARKER_LEN);
	need(write(fd, bytes, sizeof(bytes)) == sizeof(bytes));
}

static uint64_t mix(uint64_t sum, const void *bytes, size_t n)
{
	const uint8_t *b = bytes;

	for (size_t i = 0; i < n; i++)
		sum = (sum ^ b[i]) * 0x100000001b3u;
	return sum;
}

static uint64_t contents(const char *path)
{
	char part[FILE_BYTES];
	uint64_t sum = 0xcbf29ce484222325u;
	ssize_t n;
	int fd = open(path, O_RDONLY | O_NOATIME | O_CLOEXEC);

	if (fd < 0)
		return (uint64_t)errno;
	while ((n = read(fd, part, sizeof(part))) > 0)
		sum = mix(sum, part, (size_t)n);
	close(fd);
	return sum;
}

static uint64_t xattrs(const char *path)
{
	char names[1024], value[1024];
	ssize_t n = llistxattr(path, names, sizeof(names));
	uint64_t sum = (uint64_t)n;

	for (ssize_t at = 0; at < n; at += (ssize_t)strlen(names + at) + 1) {
		ssize_t len = lgetxattr(path, names + at, value, sizeof(value));

		sum = mix(mix(sum, names + at, strlen(names + at)), value, len > 0 ? (size_t)len : 0);
	}
	return sum;
}

static void look(FILE *out)
{
	char *const roots[] = { (char[]){ AI }, (char[]){ CLONES }, (char[]){ SMALL }, (char[]){ RAM }, NULL };
	FTS *f = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR, NULL);

	for (FTSENT *e; f && (e = fts_read(f));) {
		const struct stat *st = e->fts_statp;

		if (e->fts_info == FTS_DP || e->fts_info == FTS_NS)
			continue;
		/* The trees that are too deep even for the keeper are looked at as far as three folders down. */
		if (e->fts_level > 4)
			fts_set(f, e, FTS_SKIP);
		fprintf(out, "%.80s %o %u %u %ju %ju %ju %jd.%09ld %jd.%09ld %jx %jx\n", e->fts_path, st->st_mode, st->st_uid, st->st_gid,
			(uintmax_t)st->st_ino, (uintmax_t)st->st_nlink, (uintmax_t)st->st_size, (intmax_t)st->st_mtim.tv_sec,
			st->st_mtim.tv_nsec, (intmax_t)st->st_ctim.tv_sec, st->st_ctim.tv_nsec,
			e->fts_info == FTS_F ? (uintmax_t)contents(e->fts_accpath) : 0, (uintmax_t)xattrs(e->fts_accpath));
	}
	if (f)
		fts_close(f);
}

static void restore(const char *marker)
{
	char from[600];
	char *const roots[] = { (char[]){ AI }, NULL };
	FTS *f = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR, NULL);

	run_program((const char *const[]){ "chattr", "-R", "-f", "-i", "-a", AI, NULL });
	for (FTSENT *e; f && (e = fts_read(f));) {
		if (e->fts_level > 3)
			fts_set(f, e, FTS_SKIP);
		snprintf(from, sizeof(from), PRISTINE "/%s", e->fts_path + strlen("/srv/"));
		if (e->fts_info != FTS_D && access(from, F_OK) && strlen(e->fts_path) < 500)
			remove(e->fts_accpath);
	}
	if (f)
		fts_close(f);
	run_program((const char *const[]){ "cp", "-af", PRISTINE "/ai/.", AI, NULL });
	/* A tmpfs keeps no such attribute before Linux 6.6, and the copies are on one. */
	give_attributes(marker);
}

static void serve(int s, const char *marker)
{
	char what;

	prctl(PR_SET_PDEATHSIG, 9);
	/* The real user is who roles are asked of; the effective one may do what mode bits would forbid. */
	need(!setresgid(KEEPER, 0, 0) && !setresuid(KEEPER, 0, 0));
	while (read(s, &what, 1) == 1) {
		char *text = NULL;
		size_t size = 0;
		FILE *out = open_memstream(&text, &size);
		uint32_t len;

		need(out);
		if (what == 'r')
			restore(marker);
		look(out);
		fclose(out);
		len = (uint32_t)size;
		need(write(s, &len, sizeof(len)) == sizeof(len));
		for (size_t at = 0; at < size;) {
			ssize_t n = write(s, text + at, size - at);

			need(n > 0);
			at += (size_t)n;
		}
		free(text);
	}
	_exit(0);
}

void witness_start(struct stage *s)
{
	int ends[2], pid;

	need(!command("mkdir -m 700 " PRISTINE " && { cp -a " AI " " PRISTINE " 2>/dev/null;"
		      " rm -rf " PRISTINE "/ai/scans/deep " PRISTINE "/ai/scans/lnnn*; }"));
	need(!socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends));
	pid = fork();
	need(pid >= 0);
	if (!pid) {
		close(ends[0]);
		close_range(EARLY_READ, EARLY_LAST_, 0);
		serve(ends[1], s->marker);
	}
	close(ends[1]);
	s->witness = ends[0];
}

static char *ask(struct stage *s, char what)
{
	uint32_t len;
	char *text;

	need(write(s->witness, &what, 1) == 1);
	need(read(s->witness, &len, sizeof(len)) == sizeof(len));
	text = malloc(len + 1u);
	need(text);
	for (size_t at = 0; at < len;) {
		ssize_t n = read(s->witness, text + at, len - at);

		need(n > 0);
		at += (size_t)n;
	}
	text[len] = 0;
	return text;
}

char *witness_look(struct stage *s)
{
	return ask(s, 'l');
}

void witness_restore(struct stage *s)
{
	free(s->manifest);
	s->manifest = ask(s, 'r');
}
