/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Operational errors: -errno for the program, one growing line for the person. The innermost caller sets the line
 * ("open /x: Permission denied"), each outer one puts what it was doing in front ("cannot apply policy: ...") and may add what
 * was done about it at the end ("; generation 6 stays"). Fixed size: it never fails and can cross a socket.
 */
#ifndef BASE_ERR_H
#define BASE_ERR_H

#define ERR_MAX 512 /* bytes, final NUL included; longer lines are cut at a character border */

struct err {
	int  code;          /* negative errno; 0: no error */
	char text[ERR_MAX];
};

/* Set the line to the formatted text, and ": " and the errno's words when code is not 0. Returns code (negative errno). */
int err_set(struct err *e, int code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* The same without the errno's words: the text says all. Returns code. */
int err_say(struct err *e, int code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* Put the formatted text and ": " in front. Returns e->code. */
int err_wrap(struct err *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Add "; " and the formatted text at the end. Returns e->code. */
int err_add(struct err *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
