// SPDX-License-Identifier: Apache-2.0
/*
 * The program that a role names: whoever runs it may read the store, and sees of a file only its check sum. It must never show
 * contents by itself, however it is called; attacks try to make it.
 */
#include <fcntl.h>
#include <iconv.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static char contents[1 << 16];

int main(int argc, char **argv)
{
	int fd = argc > 2 ? open(argv[2], O_RDONLY) : -1;
	ssize_t n = fd < 0 ? -1 : read(fd, contents, sizeof(contents));
	uint32_t sum = 0;

	if (n < 0)
		return 1;
	/* A viewer knows character sets: a module for one is loaded from where the environment says, if it is believed. */
	iconv_open("UTF-8", "PWATTACK//");
	for (ssize_t i = 0; i < n; i++)
		sum = sum * 31 + (uint8_t)contents[i];
	printf("%d %p %d %zd %x\n", getpid(), (void *)contents, fd, n, sum);
	fflush(stdout);
	if (!strcmp(argv[1], "hold"))
		pause();
	return 0;
}
