/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Policies as they were in force, kept beside the records that they decided: policy/HASH-BODY.pwi, every different image once. Never
 * changes a file that is there.
 */
#include "audit/log.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fd.h"

#define FOLDER     "policy"
#define NAME_SIZE  (64u + 1 + 16 + sizeof(".pwi"))
#define BODY_BYTES 8u

static void put_hex(char *at, const uint8_t *bytes, size_t count)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < count; i++) {
		at[2 * i] = digits[bytes[i] >> 4];
		at[2 * i + 1] = digits[bytes[i] & 15];
	}
	at[2 * count] = '\0';
}

static int open_folder(int dir_fd)
{
	int fd;

	if (mkdirat(dir_fd, FOLDER, 0755) < 0 && errno != EEXIST)
		return -errno;
	fd = openat(dir_fd, FOLDER, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	return fd < 0 ? -errno : fd;
}

int audit_archive_policy(struct audit_log *l, const void *image, size_t len_bytes, struct err *e)
{
	_fd_ int fd = open_folder(l->dirs.dir_fd);
	char name[NAME_SIZE], policy[65], body[2 * BODY_BYTES + 1];
	struct pw_img_header head;
	struct stat st;
	int code;

	if (fd < 0)
		return err_set(e, fd, "keep the policy beside the log");
	if (len_bytes < sizeof(head))
		return err_set(e, -EBADMSG, "keep the policy beside the log");
	memcpy(&head, image, sizeof(head));
	put_hex(policy, head.policy_hash, sizeof(head.policy_hash));
	put_hex(body, head.body_hash, BODY_BYTES);
	(void)snprintf(name, sizeof(name), "%s-%s.pwi", policy, body);
	if (fstatat(fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && (size_t)st.st_size == len_bytes)
		return 0;
	code = fd_replace_file(fd, name, image, len_bytes, 0644);
	return code < 0 ? err_set(e, code, "keep the policy beside the log") : 0;
}

static void close_dir(DIR **d)
{
	if (*d)
		closedir(*d);
}

/* When an image was compiled; 0: it cannot be read. */
static uint64_t compiled_utc_s(int dir_fd, const char *name)
{
	_fd_ int fd = openat(dir_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	struct pw_img_header head;

	return fd >= 0 && fd_read_all(fd, &head, sizeof(head)) == 0 && head.magic == PW_IMAGE_MAGIC ? head.compiled_utc_s : 0;
}

int audit_find_policy(struct audit_log *l, const uint8_t *hash, size_t hash_bytes, int64_t utc_ns, int *ret_fd)
{
	__attribute__((cleanup(close_dir))) DIR *dir = NULL;
	_fd_ int fd = open_folder(l->dirs.dir_fd);
	char begin[65], best[NAME_SIZE] = "";
	uint64_t best_utc_s = 0;
	struct dirent *entry;
	int again;

	if (fd < 0)
		return fd;
	if (!hash_bytes || hash_bytes > 32)
		return -ENOENT;
	put_hex(begin, hash, hash_bytes);
	again = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	dir = again < 0 ? NULL : fdopendir(again);
	while (dir && (entry = readdir(dir))) {
		uint64_t utc_s;

		if (strncmp(entry->d_name, begin, 2 * hash_bytes) != 0 || strlen(entry->d_name) >= sizeof(best))
			continue;
		utc_s = compiled_utc_s(fd, entry->d_name);
		/* The newest that was there then: what was compiled later did not decide. */
		if (utc_s <= best_utc_s || (int64_t)utc_s > utc_ns / 1000000000)
			continue;
		best_utc_s = utc_s;
		memcpy(best, entry->d_name, strlen(entry->d_name) + 1);
	}
	if (!best[0])
		return -ENOENT;
	*ret_fd = openat(fd, best, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	return *ret_fd < 0 ? -errno : 0;
}
