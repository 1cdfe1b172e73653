// SPDX-License-Identifier: Apache-2.0
/* The LSM suite: all themes, one TAP stream. Usage: lsm [THEME...], as root, in the guest. */
#include "suite.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <unistd.h>

static bool is_wanted(const char *theme, int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		if (!strcmp(argv[i], theme))
			return true;
	return argc < 2;
}

int main(int argc, char **argv)
{
	static const struct { const char *name; void (*run)(struct suite *s); } themes[] = {
		{ "labels", cases_labels }, { "hooks", cases_hooks }, { "subjects", cases_subjects }, { "time", cases_time },
		{ "loader", cases_loader }, { "memory", cases_memory }, { "names", cases_names }, { "alike", cases_alike },
		{ "strict", cases_strict }, { "mapped", cases_mapped },
		{ "revoke", cases_revoke }, { "execfd", cases_execfd },
		{ "holders", cases_holders }, { "owned", cases_owned }, { "many", cases_many }, { "nvme", cases_nvme },
		{ "guard", cases_guard }, { "devices", cases_devices }, { "mounts", cases_mounts }, { "seal", cases_seal },
	};
	static struct suite s;
	const struct rlimit files = { 4096, 4096 }; /* as polyward-kernel has */
	int status;

	if (getauxval(AT_EXECFD))
		return execfd_interpreter(argc, argv);
	if (setrlimit(RLIMIT_NOFILE, &files) || suite_open(&s))
		return 99;
	for (size_t i = 0; i < sizeof(themes) / sizeof(themes[0]); i++) {
		if (!is_wanted(themes[i].name, argc, argv))
			continue;
		/* A theme that ended with `down` leaves nothing to go on with. */
		if (s.gen && access(KERNEL_PINS, F_OK))
			suite_fresh(&s);
		themes[i].run(&s);
	}
	status = suite_done(&s);
	suite_close(&s);
	return status;
}
