/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Usage: floor OBJECT PROGRAM[,PROGRAM...] -- COMMAND...
 * Run COMMAND while these empty programs are attached; exit with its status.
 */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <bpf/libbpf.h>

static bool is_listed(const char *list, const char *name)
{
	size_t len_bytes = strlen(name);

	for (const char *at = list; (at = strstr(at, name)); at += len_bytes)
		if ((at == list || at[-1] == ',') && (!at[len_bytes] || at[len_bytes] == ','))
			return true;
	return false;
}

/* 0 if every program of the list is there and attached. The links live until the object is closed by our end. */
static int attach(struct bpf_object *object, const char *list)
{
	struct bpf_program *program;
	size_t wanted = 1, found = 0;

	for (const char *at = list; (at = strchr(at, ',')); at++)
		wanted++;
	bpf_object__for_each_program(program, object)
		bpf_program__set_autoload(program, is_listed(list, bpf_program__name(program)));
	if (bpf_object__load(object) < 0)
		return -1;
	bpf_object__for_each_program(program, object) {
		if (!bpf_program__autoload(program))
			continue;
		if (!bpf_program__attach(program))
			return -1;
		found++;
	}
	return found == wanted ? 0 : -1;
}

int main(int argc, char **argv)
{
	struct bpf_object *object;
	int status = 0;
	pid_t pid;

	if (argc < 5 || strcmp(argv[3], "--")) {
		fprintf(stderr, "usage: floor OBJECT PROGRAM[,PROGRAM...] -- COMMAND...\n");
		return 2;
	}
	object = bpf_object__open(argv[1]);
	if (!object || attach(object, argv[2]) < 0) {
		fprintf(stderr, "floor: cannot attach %s of %s; see the lines above\n", argv[2], argv[1]);
		return 1;
	}
	pid = fork();
	if (pid == 0) {
		execvp(argv[4], argv + 4);
		perror("floor: exec");
		_exit(127);
	}
	if (pid < 0 || waitpid(pid, &status, 0) < 0) {
		perror("floor: run");
		return 1;
	}
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}
