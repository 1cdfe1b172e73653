/* SPDX-License-Identifier: Apache-2.0 */
/*
 * polyward-compile: one policy text to one image, as nobody, seeing one directory and the name service. It is handed all that it
 * may touch, writes two memory files, and ends; what it says is checked by the loader, what it wrote is sealed by its parent.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>

#include "base/fd.h"
#include "policy/policy.h"
#include "roles/role.h"

#define POLICY_MAX_BYTES (1u << 20)

enum { DONE = 0, BROKEN = 1, FAILED = 3 };

/* Includes may go down from the policy's directory and by links inside it, never up or out. */
static int read_policy(void *ctx, const char *path, char **ret_text, size_t *ret_len_bytes)
{
	struct open_how how = { .flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS };
	_fd_ int fd = (int)syscall(SYS_openat2, FD_POLICY, path, &how, sizeof(how));
	_free_ char *text = NULL;
	struct stat st;
	int r;

	if (fd < 0 && errno == EACCES)
		*(bool *)ctx = true;
	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	if (st.st_size > POLICY_MAX_BYTES)
		return -EFBIG;
	text = calloc(1, (size_t)st.st_size + 1);
	if (!text)
		return -ENOMEM;
	r = fd_read_all(fd, text, (size_t)st.st_size);
	if (r < 0)
		return r;
	*ret_len_bytes = (size_t)st.st_size;
	*ret_text = take_ptr(text);
	return 0;
}

static int say(const struct buf *text)
{
	return text->failed ? -ENOMEM : fd_write_all(FD_MESSAGES, text->data ? text->data : "", text->len_bytes);
}

static int check_tests(const void *bytes, size_t len_bytes, struct buf *messages)
{
	struct image img;
	struct err e = { 0 };
	int r = image_check(bytes, len_bytes, &img, &e);

	if (r == 0)
		r = table_tests(&img, &e);
	if (r < 0)
		buf_printf(messages, "error: %s\n", e.text);
	return r;
}

/* -EINVAL: the messages say what is wrong with the text. */
static int compile(const char *file, bool may_read_all, struct diags *d, struct buf *messages, struct buf *ret_image)
{
	bool no_access = false;
	const struct policy_reader reader = { .ctx = &no_access, .read = read_policy };
	struct names names = { 0 };
	struct ast *ast = NULL;
	struct err e = { 0 };
	int r = policy_parse(&reader, file, d, &ast);

	/* All text is read; the name service needs no such right. */
	if (may_read_all && sandbox_forgo(CAP_DAC_READ_SEARCH, &e) < 0)
		r = -EPERM;
	if (r == 0)
		r = names_host(&names, &e);
	if (r == 0) {
		r = policy_resolve(ast, &names, d);
		if (r == 0)
			r = policy_check(ast, &names, d);
		if (r == 0)
			r = policy_compile(ast, &names, time(NULL), d, ret_image);
		names_free(&names);
	}
	if (r == 0 && ret_image->failed)
		r = -ENOMEM;
	diags_render(d, false, messages);
	if (no_access)
		buf_add_str(messages, may_read_all ? "note: includes may lie below the policy's own directory only\n" :
			    "note: for all but root a policy is read as user nobody: make the file readable for everybody (chmod o+r), and "
			    "its directory searchable (chmod o+x)\n");
	if (r < 0 && e.code)
		buf_printf(messages, "error: %s\n", e.text);
	if (r == 0)
		r = check_tests(ret_image->data, ret_image->len_bytes, messages);
	ast_free(ast);
	return r;
}

int main(int argc, char **argv)
{
	bool may_read_all = argc == 3 && !strcmp(argv[1], "root");
	_buf_ struct buf messages = BUF_INIT;
	_buf_ struct buf image = BUF_INIT;
	struct diags d = { 0 };
	struct err e = { 0 };
	int r;

	if (argc != 3)
		return FAILED;
	r = role_start(may_read_all ? &sandbox_compile_root : &sandbox_compile, FD_MESSAGES, &e);
	if (r < 0) {
		role_say(ROLE_COMPILE, "%s", e.text);
		buf_printf(&messages, "error: %s\n", e.text);
		(void)say(&messages);
		return FAILED;
	}
	r = compile(argv[2], may_read_all, &d, &messages, &image);
	diags_free(&d);
	if (r < 0 && r != -EINVAL && !messages.len_bytes)
		buf_printf(&messages, "error: %s: %s\n", argv[2], strerror(-r));
	if (say(&messages) < 0)
		return FAILED;
	if (r < 0)
		return r == -EINVAL ? BROKEN : FAILED;
	return fd_write_all(FD_IMAGE, image.data, image.len_bytes) < 0 ? FAILED : DONE;
}
