/* SPDX-License-Identifier: Apache-2.0 */
/* One growing line for the person; never fails, never allocates. */
#include "base/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* A line that was cut in the middle of a UTF-8 character would garble a terminal. */
static void cut_at_character(char *text)
{
	size_t n = strlen(text);

	if (n + 1 < ERR_MAX)
		return;
	while (n > 0 && ((unsigned char)text[n - 1] & 0xc0) == 0x80)
		n--;
	if (n > 0 && (unsigned char)text[n - 1] >= 0xc0)
		n--;
	text[n] = '\0';
}

static void append(char *text, const char *more)
{
	size_t n = strlen(text);

	(void)snprintf(text + n, ERR_MAX - n, "%s", more);
	cut_at_character(text);
}

int err_set(struct err *e, int code, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(e->text, sizeof(e->text), fmt, ap);
	va_end(ap);
	e->code = code;
	if (code) {
		append(e->text, ": ");
		append(e->text, strerror(-code));
	}
	return code;
}

int err_say(struct err *e, int code, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(e->text, sizeof(e->text), fmt, ap);
	va_end(ap);
	e->code = code;
	cut_at_character(e->text);
	return code;
}

int err_wrap(struct err *e, const char *fmt, ...)
{
	char front[ERR_MAX], whole[ERR_MAX];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(front, sizeof(front), fmt, ap);
	va_end(ap);
	memset(whole, 0, sizeof(whole));
	append(whole, front);
	append(whole, ": ");
	append(whole, e->text);
	memcpy(e->text, whole, sizeof(whole));
	return e->code;
}

int err_add(struct err *e, const char *fmt, ...)
{
	char more[ERR_MAX];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(more, sizeof(more), fmt, ap);
	va_end(ap);
	append(e->text, "; ");
	append(e->text, more);
	return e->code;
}
