/* SPDX-License-Identifier: Apache-2.0 */
/* polyward explain by somebody who may not read the log: the program itself, with this test at the other end of its socket. */
#include "test.h"

#include <fcntl.h>
#include <poll.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "audit/audit.h"
#include "back.h"
#include "base/cleanup.h"
#include "base/fd.h"
#include "ipc/ipc.h"

#define OUT_MAX 65536
#define POLICY BACK_HEAD "role r { members group:radiology }\nrule one { allow r to read on s }\n"

struct served { uint64_t seq, asked_seq; bool with_image, refuse, sealed, erased; };

static bool say_outcome(int sock, int32_t code, const char *text)
{
	struct msg_outcome o = { .code = code };

	ipc_put(o.text, sizeof(o.text), text);
	return ipc_send(sock, ROLE_CONTROL, ROLE_CLIENT, IPC_SAY_OUTCOME, &o, NULL) == 0;
}

static int make_record(const struct served *s, const struct image *img, struct buf *ret)
{
	struct pw_event ev = { .gen = 1, .uid = 1003, .euid = 1003, .login_uid = UINT32_MAX, .session = UINT32_MAX, .tgid = 7, .tid = 7,
			       .label = s->sealed ? 0 : 1, .need = PW_A_READ, .missing = PW_A_READ, .verdict = PW_DENY, .reason = PW_R_DEFAULT,
			       .error = -EACCES, .mfa_age_s = PW_MFA_NEVER, .ino = 9, .time_tai_ns = (__u64)BACK_NOW * 1000000000u };
	struct pw_record head = { .boot_id = { 1 } };

	record_from_event(ret, &ev, img, &head);
	if (s->sealed)
		record_u64(ret, PW_F_SEALED_BY, 3);
	if (ret->failed)
		return -ENOMEM;
	/* The log gives a record its number; here there is none. */
	memcpy(ret->data + 2 + offsetof(struct pw_record, seq), &s->seq, sizeof(s->seq));
	return 0;
}

static bool say_event(int sock, const struct served *s, const struct back *b)
{
	const struct msg_shown shown = { .erased = s->erased };
	_buf_ struct buf record = BUF_INIT;
	int fds[2] = { -1, -1 };
	bool good = make_record(s, &b->img, &record) == 0 && record_end(&record, 0) == 0 &&
		    fd_sealed("record", record.data, record.len_bytes, &fds[0]) == 0 &&
		    fd_sealed("image", b->bytes.data, s->with_image ? b->bytes.len_bytes : 0, &fds[1]) == 0 &&
		    ipc_send(sock, ROLE_CONTROL, ROLE_CLIENT, IPC_SAY_EVENT, &shown, fds) == 0 && say_outcome(sock, 0, "");

	cleanup_fd(&fds[0]);
	cleanup_fd(&fds[1]);
	return good;
}

/* The log is not for this caller; his own record is. */
static void serve(int listener, const struct served *s, const struct back *b)
{
	for (int n = 0; n < 2; n++) {
		struct pollfd p = { .fd = listener, .events = POLLIN };
		_msg_ struct ipc_msg m = IPC_MSG_INIT;
		_fd_ int sock = poll(&p, 1, 10000) == 1 ? accept(listener, NULL, NULL) : -1;

		if (sock < 0 || ipc_recv(sock, ROLE_CLIENT, ROLE_CONTROL, 10000, &m) != 1)
			_exit(1);
		if (m.type == IPC_DO_LOG)
			(void)say_outcome(sock, -EACCES, "you may not read the log");
		else if (m.type != IPC_DO_EVENT || m.body.as_DO_EVENT.seq != s->asked_seq)
			_exit(2);
		else if (s->refuse)
			(void)say_outcome(sock, -EACCES, "event 5 is not about you");
		else if (!say_event(sock, s, b))
			_exit(3);
	}
	_exit(0);
}

static bool program(char *ret, size_t size)
{
	ssize_t n = readlink("/proc/self/exe", ret, size - 1);
	char *slash = NULL;

	ret[n > 0 ? n : 0] = '\0';
	for (int up = 0; up < 3; up++) {
		slash = strrchr(ret, '/');
		if (!slash)
			return false;
		*slash = '\0';
	}
	return (size_t)snprintf(slash, size - (size_t)(slash - ret), "/polyward") < size && access(ret, X_OK) == 0;
}

/* Exit status of `polyward explain 5 MORE` with us behind its socket; what it printed in out. */
static int explain(const struct served *s, const char *more, char out[static OUT_MAX])
{
	char dir[] = "/tmp/polyward-event-XXXXXX", sock[64], path[1024], line[2048];
	_back_ struct back b = { 0 };
	struct err e;
	int listener, status, code;
	pid_t child;
	FILE *f;
	size_t n;

	if (!mkdtemp(dir) || back_open(&b, POLICY) < 0 || !program(path, sizeof(path)))
		return -1;
	(void)snprintf(sock, sizeof(sock), "%s/control", dir);
	if (ipc_listen(sock, &listener, &e) < 0)
		return -1;
	child = fork();
	if (child == 0)
		serve(listener, s, &b);
	close(listener);
	(void)snprintf(line, sizeof(line), "POLYWARD_SOCKET=%s '%s' explain 5 %s 2>&1", sock, path, more);
	f = popen(line, "r");
	n = f ? fread(out, 1, OUT_MAX - 1, f) : 0;
	out[n] = '\0';
	code = f ? pclose(f) : -1;
	if (waitpid(child, &status, 0) != child || !WIFEXITED(status) || WEXITSTATUS(status) != 0)
		code = -1;
	(void)unlink(sock);
	(void)rmdir(dir);
	return WIFEXITED(code) ? WEXITSTATUS(code) : -1;
}

static void ones_own_refusal_is_explained(void)
{
	const struct served s = { .seq = 5, .asked_seq = 5, .with_image = true };
	static char out[OUT_MAX];

	CHECK_INT(explain(&s, "--root tests/fixtures/root", out), 1);
	CHECK(strstr(out, "no rule allows read on s to user ann"));
	CHECK(strstr(out, "as a member of group radiology"));
	CHECK(strstr(out, "not-shown: the daemon handed out this record alone"));
}

static void names_that_nobody_can_read_any_more_are_said_to_be_erased(void)
{
	struct served s = { .seq = 5, .asked_seq = 5, .sealed = true };
	static char out[OUT_MAX];

	CHECK_INT(explain(&s, "", out), 1);
	CHECK(strstr(out, "a file whose path is sealed"));
	s.erased = true;
	CHECK_INT(explain(&s, "", out), 1);
	CHECK(strstr(out, "a file whose path is erased"));
}

static void without_the_policy_the_record_speaks(void)
{
	const struct served s = { .seq = 5, .asked_seq = 5 };
	static char out[OUT_MAX];

	CHECK_INT(explain(&s, "", out), 1);
	CHECK(strstr(out, "the policy that decided is not at hand"));
	CHECK(strstr(out, "the daemon has not kept the policy"));
}

static void another_record_is_not_taken_for_it(void)
{
	const struct served s = { .seq = 6, .asked_seq = 5, .with_image = true };
	static char out[OUT_MAX];

	CHECK_INT(explain(&s, "", out), 3);
	CHECK(strstr(out, "is not the record of event 5"));
}

static void a_refusal_is_passed_on(void)
{
	const struct served s = { .asked_seq = 5, .refuse = true };
	static char out[OUT_MAX];

	CHECK_INT(explain(&s, "--json", out), 3);
	CHECK(strstr(out, "event 5 is not about you"));
}

TESTS(T(ones_own_refusal_is_explained), T(names_that_nobody_can_read_any_more_are_said_to_be_erased),
      T(without_the_policy_the_record_speaks), T(another_record_is_not_taken_for_it),
      T(a_refusal_is_passed_on))
