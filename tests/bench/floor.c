/* SPDX-License-Identifier: Apache-2.0 */
/* Usage: floor OBJECT PROGRAM -- COMMAND...   Run COMMAND while the empty program is attached; exit with its status. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <bpf/libbpf.h>

int main(int argc, char **argv)
{
	struct bpf_object *object;
	struct bpf_program *program, *wanted;
	struct bpf_link *link;
	int status = 0;
	pid_t pid;

	if (argc < 5 || strcmp(argv[3], "--")) {
		fprintf(stderr, "usage: floor OBJECT PROGRAM -- COMMAND...\n");
		return 2;
	}
	object = bpf_object__open(argv[1]);
	if (!object)
		return perror("floor: open"), 1;
	wanted = bpf_object__find_program_by_name(object, argv[2]);
	if (!wanted)
		return fprintf(stderr, "floor: no program %s\n", argv[2]), 1;
	bpf_object__for_each_program(program, object)
		bpf_program__set_autoload(program, program == wanted);
	if (bpf_object__load(object) < 0 || !(link = bpf_program__attach(wanted)))
		return perror("floor: load"), 1;
	pid = fork();
	if (pid == 0) {
		execvp(argv[4], argv + 4);
		perror("floor: exec");
		_exit(127);
	}
	if (pid < 0 || waitpid(pid, &status, 0) < 0)
		return perror("floor: run"), 1;
	bpf_link__destroy(link);
	bpf_object__close(object);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}
