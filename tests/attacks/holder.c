// SPDX-License-Identifier: Apache-2.0
/*
 * The victim: a process of a role holder with the secret in its memory, open files and a mapping, that hands open files to
 * whoever asks, as a careless program would. Prints "ready" when it can be asked.
 */
#include "attack.h"

#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>

static char secret[FILE_BYTES];

struct open_files { int reading, writing, dir, both; };

static int pick(const struct open_files *f, char what)
{
	switch (what) {
	case 'r': return f->reading;
	case 'w': return f->writing;
	case 'd': return f->dir;
	case 'b': return f->both;
	default: return -1;
	}
}

static void answer(int s, const struct victim *v, int fd)
{
	union { char room[CMSG_SPACE(sizeof(int))]; struct cmsghdr align; } control = { { 0 } };
	struct iovec part = { (void *)(uintptr_t)v, sizeof(*v) };
	struct msghdr m = { .msg_iov = &part, .msg_iovlen = 1 };

	if (fd >= 0) {
		struct cmsghdr *c;

		m.msg_control = control.room;
		m.msg_controllen = CMSG_LEN(sizeof(int));
		c = CMSG_FIRSTHDR(&m);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(c), &fd, sizeof(int));
	}
	(void)!sendmsg(s, &m, MSG_NOSIGNAL);
}

int main(void)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX, .sun_path = VICTIM_SOCKET };
	struct open_files f = { open(SECRET, O_RDONLY), open(SECRET, O_WRONLY), open(STORE, O_RDONLY | O_DIRECTORY), open(SECRET, O_RDWR) };
	struct victim v = { .pid = getpid(), .fd = f.reading, .dir = f.dir, .address = (uint64_t)(uintptr_t)secret };
	int s = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	void *map, *shared = mmap(NULL, FILE_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	v.memory = memfd_create("secret", MFD_CLOEXEC);
	v.shared = (uint64_t)(uintptr_t)shared;
	signal(SIGPIPE, SIG_IGN);
	need(f.reading >= 0 && f.writing >= 0 && f.dir >= 0 && f.both >= 0);
	need(read(f.reading, secret, sizeof(secret)) == sizeof(secret));
	need(shared != MAP_FAILED && write(v.memory, secret, sizeof(secret)) == sizeof(secret));
	memcpy(shared, secret, sizeof(secret));
	map = mmap(NULL, FILE_BYTES, PROT_READ, MAP_SHARED, f.reading, 0);
	need(map != MAP_FAILED);
	need(!chdir(STORE));
	need(!bind(s, (struct sockaddr *)&at, sizeof(at)) && !listen(s, 8));
	say("ready");
	for (;;) {
		char what = 0;
		int c = accept(s, NULL, NULL);

		if (c < 0)
			continue;
		if (read(c, &what, 1) == 1)
			answer(c, &v, pick(&f, what));
		close(c);
	}
}
