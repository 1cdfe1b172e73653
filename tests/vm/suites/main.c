// SPDX-License-Identifier: Apache-2.0
/* The LSM suite: all themes, one TAP stream. Usage: lsm [THEME], as root, in the guest. */
#include "suite.h"

#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>

int main(int argc, char **argv)
{
	static const struct { const char *name; void (*run)(struct suite *s); } themes[] = {
		{ "labels", cases_labels }, { "hooks", cases_hooks }, { "subjects", cases_subjects }, { "time", cases_time },
		{ "loader", cases_loader },
	};
	static struct suite s;
	int status;

	if (suite_open(&s))
		return 99;
	for (size_t i = 0; i < sizeof(themes) / sizeof(themes[0]); i++)
		if (argc < 2 || !strcmp(argv[1], themes[i].name))
			themes[i].run(&s);
	status = suite_done(&s);
	suite_close(&s);
	return status;
}
