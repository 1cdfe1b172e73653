// SPDX-License-Identifier: Apache-2.0
/* A library to be smuggled into a program that holds a role: when it is loaded it reads the secret and prints it. */
#include <fcntl.h>
#include <unistd.h>

unsigned int la_version(unsigned int version);
unsigned int la_version(unsigned int version)
{
	return version;
}

__attribute__((constructor)) static void loaded(void)
{
	char bytes[512];
	int fd = open("/srv/ai/scans/secret.txt", O_RDONLY);
	ssize_t n = fd < 0 ? -1 : read(fd, bytes, sizeof(bytes));

	(void)!write(1, "evil is loaded\n", 15);
	if (n > 0)
		(void)!write(1, bytes, (size_t)n);
}
