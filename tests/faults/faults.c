/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Everything that can fail fails once: memory, disks, renames, one call at a time and then by seed, over the real code. A case asserts
 * that nothing crashes or leaks, that the error has a sentence, and that what was promised before the failure still holds.
 */
#include "fault.h"

#include <signal.h>
#include <string.h>

int main(int argc, char **argv)
{
	static const struct { const char *name; void (*run)(struct tap *t); } cases[] = {
		{ "compile", case_compile }, { "log", case_log }, { "cli", case_cli },
	};
	struct tap t = { 0 };

	(void)signal(SIGPIPE, SIG_IGN);
	fault_take_jansson();
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		if (argc < 2 || !strcmp(argv[1], cases[i].name))
			cases[i].run(&t);
	printf("1..%d\n", t.number);
	return t.failed;
}
