/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Starts the built roles as the supervisor does and looks at what the kernel says about them: user, capabilities, filter,
 * descriptors. Then breaks a rule of the protocol (the role must end) and, in another start, closes its socket (it must end well).
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/num.h"
#include "start.h"

static uint64_t status_word(pid_t pid, const char *key, int base)
{
	char path[64], line[256], *word;
	uint8_t bytes[8] = { 0 };
	uint64_t value = 0;

	(void)snprintf(path, sizeof(path), "/proc/%d/status", pid);
	_file_ FILE *f = fopen(path, "re");
	while (f && fgets(line, sizeof(line), f)) {
		if (strncmp(line, key, strlen(key)))
			continue;
		word = line + strlen(key);
		word += strspn(word, " \t");
		word[strcspn(word, " \t\n")] = '\0';
		if (base == 10)
			return num_parse(word, strlen(word), UINT64_MAX, &value) < 0 ? UINT64_MAX : value;
		if (num_parse_hex(word, strlen(word), bytes, sizeof(bytes)) < 0)
			return UINT64_MAX;
		for (size_t i = 0; i < sizeof(bytes); i++)
			value = value << 8 | bytes[i];
		return value;
	}
	return UINT64_MAX;
}

static bool holds_only(pid_t pid, int last_fd, int more)
{
	char path[64];
	struct dirent *d;
	uint64_t fd;
	int above = 0;

	(void)snprintf(path, sizeof(path), "/proc/%d/fd", pid);
	DIR *dir = opendir(path);
	if (!dir)
		return false;
	while ((d = readdir(dir)))
		if (num_parse(d->d_name, strlen(d->d_name), 1u << 20, &fd) == 0 && fd > (uint64_t)last_fd)
			above++;
	closedir(dir);
	return above <= more;
}

static void look(struct run *t, const struct sandbox *s, pid_t pid, int last_fd)
{
	const struct passwd *pw = s->user ? getpwnam(s->user) : NULL;
	uint64_t uid = pw ? pw->pw_uid : 0;

	told(t, status_word(pid, "Uid:", 10) == uid && status_word(pid, "Gid:", 10) == uid, s->role, "runs as its user");
	told(t, status_word(pid, "CapEff:", 16) == s->caps_keep && status_word(pid, "CapPrm:", 16) == s->caps_keep &&
	     status_word(pid, "CapBnd:", 16) == s->caps_keep && status_word(pid, "CapInh:", 16) == 0, s->role, "holds its capabilities alone");
	told(t, status_word(pid, "NoNewPrivs:", 10) == 1 && status_word(pid, "Seccomp:", 10) == 2, s->role, "has a filter and gains no privilege");
	told(t, holds_only(pid, last_fd, 2), s->role, "closed what it was not given");
}

static void long_lived(struct run *t, const struct place *p, const struct sandbox *s, enum role role)
{
	struct ipc_head wrong = { .magic = IPC_MAGIC, .type = IPC_PEER };
	int sock;
	pid_t pid = start_role(t, p, s, role, &sock);

	told(t, pid > 0, s->role, "says that it is ready");
	look(t, s, pid, role == ROLE_KERNEL ? FD_ENTRY_DIR : role == ROLE_AUDIT ? FD_RETENTION : FD_LISTEN);
	(void)!write(sock, &wrong, sizeof(wrong));
	told(t, ended(pid) == ROLE_FAILED << 8, s->role, "ends when a peer breaks the rules");
	close(sock);
	pid = start_role(t, p, s, role, &sock);
	close(sock);
	told(t, pid > 0 && ended(pid) == 0, s->role, "ends well when the supervisor is gone");
}

/* Exit status of the compiler for one policy; what it wrote. */
static int compile(const struct run *t, int dir_fd, const char *file, bool root, off_t *ret_image_bytes, char *ret_text, size_t text_size)
{
	const char *const more[] = { root ? "root" : "other", file };
	int image = memfd_create("image", MFD_ALLOW_SEALING | MFD_CLOEXEC), messages = memfd_create("messages", MFD_ALLOW_SEALING | MFD_CLOEXEC);
	const int fds[] = { dir_fd, image, messages };
	struct stat st = { 0 };
	int status = ended(start(t, "polyward-compile", more, fds, 3, false));
	ssize_t n = pread(messages, ret_text, text_size - 1, 0);

	ret_text[n < 0 ? 0 : n] = '\0';
	(void)fstat(image, &st);
	*ret_image_bytes = st.st_size;
	close(image);
	close(messages);
	return status;
}

static void put(int dir_fd, const char *name, mode_t mode, const char *text)
{
	int fd = openat(dir_fd, name, O_WRONLY | O_CREAT | O_TRUNC, mode);

	if (fd < 0 || fchmod(fd, mode) < 0 || write(fd, text, strlen(text)) < 0)
		perror(name);
	close(fd);
}

static void compiler(struct run *t, int dir_fd)
{
	static const char policy[] = "polyward 1\npolicy p { version 1 }\nstore s { path /srv/polyward-test }\n"
				     "role r { members user:root }\nrule a { allow r to read on s }\n";
	static const char *const outside[] = { "up.pw", "absolute.pw", "link.pw" };
	const char *who = "polyward-compile";
	char text[8192];
	off_t bytes;
	int status;

	put(dir_fd, "world.pw", 0644, policy);
	put(dir_fd, "secret.pw", 0600, policy);
	put(dir_fd, "up.pw", 0644, "polyward 1\ninclude \"../etc/passwd\"\n");
	put(dir_fd, "absolute.pw", 0644, "polyward 1\ninclude \"/etc/shadow\"\n");
	if (symlinkat("/etc/shadow", dir_fd, "link.pw") < 0)
		perror("link.pw");
	told(t, compile(t, dir_fd, "world.pw", false, &bytes, text, sizeof(text)) == 0 && bytes > 0, who, "compiles a public policy");
	told(t, compile(t, dir_fd, "secret.pw", true, &bytes, text, sizeof(text)) == 0 && bytes > 0, who, "compiles root's own policy for root");
	status = compile(t, dir_fd, "secret.pw", false, &bytes, text, sizeof(text));
	told(t, status != 0 && bytes == 0 && text[0], who, "does not read root's policy for another");
	for (size_t i = 0; i < sizeof(outside) / sizeof(outside[0]); i++) {
		char what[128];

		status = compile(t, dir_fd, outside[i], true, &bytes, text, sizeof(text));
		(void)snprintf(what, sizeof(what), "does not leave its directory by %s, even for root", outside[i]);
		told(t, WIFEXITED(status) && status != 0 && bytes == 0 && text[0] && !strstr(text, "root:"), who, what);
		(void)unlinkat(dir_fd, outside[i], 0);
	}
	(void)unlinkat(dir_fd, "world.pw", 0);
	(void)unlinkat(dir_fd, "secret.pw", 0);
}

int main(int argc, char **argv)
{
	struct run t = { .libexec = argc > 1 ? argv[1] : "build/libexec" };
	struct place p;

	if (!place_make(&p))
		return 1;
	printf("1..27\n");
	compiler(&t, p.dir_fd);
	long_lived(&t, &p, &sandbox_control, ROLE_CONTROL);
	long_lived(&t, &p, &sandbox_audit, ROLE_AUDIT);
	long_lived(&t, &p, &sandbox_kernel, ROLE_KERNEL);
	place_remove(&p);
	return t.failed;
}
