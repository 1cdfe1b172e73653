/* SPDX-License-Identifier: Apache-2.0 */
/* Reads the archive of policies. What lies there is believed as far as image_check() and the name go, and no further. */
#include "report/policies.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/num.h"

#define HASH_DIGITS 64u

static void close_dir(DIR **d)
{
	if (*d)
		closedir(*d);
}

/* The bytes of one file into row; a file that is no image of that hash leaves it as it was. */
static int load(int dir_fd, const char *name, const uint8_t hash[32], struct policy_row *row)
{
	_fd_ int fd = openat(dir_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	_free_ char *bytes = NULL;
	struct err e = { 0 };
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0 || st.st_size <= 0 || st.st_size > PW_IMAGE_MAX)
		return -EBADMSG;
	bytes = malloc((size_t)st.st_size);
	if (!bytes)
		return -ENOMEM;
	for (size_t at = 0; at < (size_t)st.st_size;) {
		ssize_t n = pread(fd, bytes + at, (size_t)st.st_size - at, (off_t)at);

		if (n <= 0)
			return -EBADMSG;
		at += (size_t)n;
	}
	if (image_check(bytes, (size_t)st.st_size, &row->img, &e) < 0 || memcmp(row->img.head->policy_hash, hash, 32) != 0)
		return -EBADMSG;
	memcpy(row->hash, hash, 32);
	row->bytes = take_ptr(bytes);
	row->archived = true;
	return 0;
}

/* <hash>.pwi, or <hash>-<16 digits>.pwi: one policy compiled on different days may be different images. */
static bool hash_of(const char *name, uint8_t ret[static 32])
{
	size_t len = strlen(name);

	if ((len != HASH_DIGITS + 4 && len != HASH_DIGITS + 21) || strcmp(name + len - 4, ".pwi") != 0)
		return false;
	if (len != HASH_DIGITS + 4 && name[HASH_DIGITS] != '-')
		return false;
	return num_parse_hex(name, HASH_DIGITS, ret, 32) == 0;
}

/* Of several images of one policy the one that was compiled last stays. */
static void keep(struct policies *p, struct policy_row *row)
{
	int idx = policies_find(p, row->hash, sizeof(row->hash));

	if (idx < 0) {
		p->v[p->count++] = *row;
		return;
	}
	if (row->img.head->compiled_utc_s > p->v[idx].img.head->compiled_utc_s) {
		free(p->v[idx].bytes);
		p->v[idx] = *row;
	} else {
		free(row->bytes);
	}
}

static int load_all(DIR *d, struct policies *p, struct err *e)
{
	struct dirent *entry;
	uint8_t hash[32];

	while ((entry = readdir(d))) {
		struct policy_row row = { 0 };
		int r;

		if (!hash_of(entry->d_name, hash))
			continue;
		if (p->count == POLICIES_MAX) {
			p->lost++;
			continue;
		}
		r = load(dirfd(d), entry->d_name, hash, &row);
		if (r == -ENOMEM)
			return err_set(e, r, "read the archived policies");
		if (r == 0)
			keep(p, &row);
		p->damaged += r < 0;
	}
	return 0;
}

int policies_load(int dir_fd, struct policies **ret, struct err *e)
{
	struct policies *p = calloc(1, sizeof(*p));
	__attribute__((cleanup(close_dir))) DIR *d = NULL;
	int fd, r;

	if (!p)
		return err_set(e, -ENOMEM, "read the archived policies");
	*ret = p;
	fd = openat(dir_fd, "policy", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT)
		return 0;
	if (fd < 0)
		return err_set(e, -errno, "open the archived policies");
	d = fdopendir(fd);
	if (!d) {
		r = -errno;
		close(fd);
		return err_set(e, r, "read the archived policies");
	}
	return load_all(d, p, e);
}

void policies_free(struct policies *p)
{
	if (!p)
		return;
	for (size_t i = 0; i < p->count; i++)
		free(p->v[i].bytes);
	free(p);
}

int policies_find(const struct policies *p, const uint8_t *hash, size_t len_bytes)
{
	if (len_bytes < 8 || len_bytes > 32)
		return -1;
	for (size_t i = 0; i < p->count; i++)
		if (!memcmp(p->v[i].hash, hash, len_bytes))
			return (int)i;
	return -1;
}

int policies_note(struct policies *p, const uint8_t *hash, size_t len_bytes)
{
	int idx = policies_find(p, hash, len_bytes);

	if (idx >= 0 || len_bytes < 8 || len_bytes > 32)
		return idx;
	if (p->count == POLICIES_MAX) {
		p->lost++;
		return -1;
	}
	memcpy(p->v[p->count].hash, hash, len_bytes);
	return (int)p->count++;
}

bool policies_is_service(const struct policies *p, const char *role)
{
	for (size_t i = 0; i < p->count; i++) {
		const struct image *img = &p->v[i].img;

		if (!p->v[i].archived || !p->v[i].in_range)
			continue;
		for (uint32_t r = 0; r < img->count[PW_SEC_ROLES]; r++)
			if (!strcmp(image_str(img, img->roles[r].name), role) &&
			    (!(img->gen->unit_any >> r & 1) || !(img->gen->program_any >> r & 1)))
				return true;
	}
	return false;
}

const char *policies_class(const struct policies *p, const char *store)
{
	const char *found = NULL;
	int64_t newest = INT64_MIN;

	for (size_t i = 0; i < p->count; i++) {
		const struct image *img = &p->v[i].img;

		if (!p->v[i].archived || p->v[i].from_ns < newest)
			continue;
		for (uint32_t s = 1; s < img->count[PW_SEC_STORES]; s++)
			if (!strcmp(image_str(img, img->stores[s].name), store)) {
				found = image_str(img, img->stores[s].class_);
				newest = p->v[i].from_ns;
			}
	}
	return found;
}
