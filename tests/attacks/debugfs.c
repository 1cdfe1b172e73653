// SPDX-License-Identifier: Apache-2.0
/* e2fsprogs' debugger and its kin on the store's own device: they read the filesystem without the kernel's. */
#include "attack.h"

static int with(const char *const argv[])
{
	/* They say what went wrong and end well; what came out is what counts, and the refusal in the log. */
	(void)run_program(argv);
	return CAME_TO_NOTHING;
}

static int cat(void)   { return with((const char *const[]){ "debugfs", "-R", "cat /ai/scans/secret.txt", DISK, NULL }); }
static int dump(void)  { return with((const char *const[]){ "debugfs", "-R", "dump /ai/scans/secret.txt " SCRATCH "/x", DISK, NULL }); }
static int write_(void){ return with((const char *const[]){ "debugfs", "-w", "-R", "stats -h", DISK, NULL }); }
static int image(void) { return with((const char *const[]){ "e2image", "-Q", DISK, SCRATCH "/x", NULL }); }
static int dd(void)    { return with((const char *const[]){ "dd", "if=" DISK, "of=" SCRATCH "/x", "bs=1M", "count=64", NULL }); }
static int inner(void) { return with((const char *const[]){ "debugfs", "-R", "cat /secret.txt", STORE "/image.ext4", NULL }); }
static int tune(void)  { return with((const char *const[]){ "tune2fs", "-L", "x", DISK, NULL }); }

VARIANTS({ "cat", cat }, { "dump", dump }, { "write", write_ }, { "image", image }, { "dd", dd }, { "inner", inner }, { "tune", tune })
