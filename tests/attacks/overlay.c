// SPDX-License-Identifier: Apache-2.0
/* Overlay filesystems over a store: as the lower layer (read, copy up, redirect), as the upper layer, with metacopy. */
#include "attack.h"

#include <sys/mount.h>

static char at[128];

static const char *merged(const char *lower, const char *upper, const char *more)
{
	char options[256];

	own_namespaces(0);
	need(!mkdir(SCRATCH2 "/u", 0777) && !mkdir(SCRATCH2 "/w", 0777) && !mkdir(SCRATCH2 "/m", 0777) && !mkdir(SCRATCH2 "/e", 0777));
	snprintf(options, sizeof(options), "lowerdir=%s,upperdir=%s,workdir=%s%s", lower, upper,
		 strcmp(upper, SCRATCH2 "/u") ? SCRATCH "/w" : SCRATCH2 "/w", more);
	if (mount("overlay", SCRATCH2 "/m", "overlay", 0, options))
		return NULL;
	snprintf(at, sizeof(at), SCRATCH2 "/m/of-%d.txt", me());
	return at;
}

static int lower(void)
{
	const char *path = merged(STORE, SCRATCH2 "/u", "");

	return path ? take_path(path) : attempt("mount", -1);
}

static int lower_list(void)
{
	const char *path = merged(STORE, SCRATCH2 "/u", "");
	int code;

	if (!path)
		return attempt("mount", -1);
	code = run_program((const char *const[]){ "ls", SCRATCH2 "/m", NULL });
	return code ? EACCES : 0;
}

static int copy_up(void)
{
	const char *path = merged(STORE, SCRATCH2 "/u", "");

	/* A change of mode makes the filesystem copy the whole file to the upper layer. */
	return attempt("chmod that copies up", path ? chmod(path, 0600) : -1);
}

static int metacopy(void)
{
	const char *path = merged(STORE, SCRATCH2 "/u", ",metacopy=on,redirect_dir=on");

	if (!path)
		return attempt("mount", -1);
	if (chmod(path, 0640))
		return attempt("chmod", -1);
	return take_path(path);
}

static int upper(void)
{
	const char *path;
	int fd;

	(void)mkdir(SCRATCH "/w", 0777);
	path = merged(SCRATCH2 "/e", STORE, "");
	if (!path)
		return attempt("mount", -1);
	fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);
	return attempt("write through the overlay", fd);
}

static int upper_make(void)
{
	const char *path;
	int fd;

	(void)mkdir(SCRATCH "/w", 0777);
	path = merged(SCRATCH2 "/e", STORE, "");
	if (!path)
		return attempt("mount", -1);
	fd = open(SCRATCH2 "/m/new", O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
	return attempt("make a file through the overlay", fd);
}

VARIANTS({ "lower", lower }, { "lower_list", lower_list }, { "copy_up", copy_up }, { "metacopy", metacopy }, { "upper", upper },
	 { "upper_make", upper_make })
