/* SPDX-License-Identifier: Apache-2.0 */
/* Plays files, and the files of folders, to a fuzz target built without a fuzzer: what was found once is asked for ever. */
#include <dirent.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "base/fd.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int play(const char *path, unsigned *played)
{
	_buf_ struct buf b = BUF_INIT;
	int r = fd_read_file(AT_FDCWD, path, 16u << 20, &b);

	if (r < 0) {
		fprintf(stderr, "%s: %s\n", path, strerror(-r));
		return 1;
	}
	fprintf(stderr, "%s\n", path); /* the last line before a crash names its file */
	(void)LLVMFuzzerTestOneInput((const uint8_t *)(b.data ? b.data : ""), b.len_bytes);
	printf("ok %u - %s\n", ++*played, path);
	fflush(stdout);
	return 0;
}

static int play_folder(const char *path, unsigned *played)
{
	struct dirent **names;
	int n = scandir(path, &names, NULL, alphasort), status = n < 0;

	for (int i = 0; i < n; i++) {
		_buf_ struct buf whole = BUF_INIT;
		struct stat st;

		buf_printf(&whole, "%s/%s", path, names[i]->d_name);
		if (names[i]->d_name[0] != '.' && stat(whole.data, &st) == 0 && S_ISREG(st.st_mode))
			status |= play(whole.data, played);
		free(names[i]);
	}
	if (n >= 0)
		free(names);
	return status;
}

int main(int argc, char **argv)
{
	unsigned played = 0;
	int status = 0;

	for (int i = 1; i < argc; i++) {
		struct stat st;

		if (stat(argv[i], &st) == 0 && S_ISDIR(st.st_mode))
			status |= play_folder(argv[i], &played);
		else
			status |= play(argv[i], &played);
	}
	printf("1..%u\n", played);
	return status || !played;
}
