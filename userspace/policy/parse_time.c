/* SPDX-License-Identifier: Apache-2.0 */
/* The values that speak about time: moments, durations, the mode that may end at one, and how long a mapping may outlive a right. */
#include "policy/parse.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <polyward/image.h>

#include "base/cleanup.h"
#include "base/num.h"
#include "policy/stamp.h"

bool parse_duration(struct parser *p, const char *what, uint64_t min_s, uint64_t *ret_s)
{
	struct ast_word word = { 0 };
	_free_ char *text = NULL;
	int r;

	if (!parse_word(p, what, &word))
		return false;
	text = word.text;
	r = num_parse_duration(text, strlen(text), PARSE_MFA_MAX_S, ret_s);
	if (r == -ERANGE)
		return parse_error(p, "bad-duration", word.span, "'%.64s' is longer than 136 years", text);
	if (r < 0)
		return parse_error(p, "bad-duration", word.span, "'%.64s' is not a duration; write one as in 90s, 15m, 8h, 7d or 2w",
				   text);
	if (*ret_s < min_s)
		return parse_error(p, "bad-duration", word.span, "within '%s' nothing can be; write at least 1s", text);
	return true;
}

bool parse_mfa_within(struct parser *p, uint64_t *ret_s)
{
	if (!parse_accept(p, "within"))
		return parse_expected(p, "'within' and a duration, as in 'mfa within 15m'");
	return parse_duration(p, "a duration", 1, ret_s);
}

bool parse_moment(struct parser *p, const char *what, int64_t *ret_s, bool *ret_local)
{
	struct ast_word word = { 0 };
	_free_ char *text = NULL;

	if (!parse_word(p, what, &word))
		return false;
	text = word.text;
	if (stamp_parse(text, strlen(text), ret_s, ret_local) < 0)
		return parse_error(p, "bad-time", word.span,
				   "'%.64s' is not a moment; write ISO 8601, as in 2026-12-15T08:00Z or 2026-12-15T09:00+01:00", text);
	return true;
}

bool parse_until(struct parser *p, int64_t *ret_utc_s)
{
	const struct token *at = p->tok;
	bool local;

	if (!parse_moment(p, "a moment behind 'until'", ret_utc_s, &local))
		return false;
	if (local)
		return parse_error(p, "bad-time", parse_span(p, at),
				   "this moment has no zone; add 'Z' for UTC or an offset such as '+01:00'");
	return true;
}

bool parse_mode(struct parser *p, enum ast_mode *ret_mode, int64_t *ret_until_utc_s)
{
	const struct token *until;

	if (parse_accept(p, "audit"))
		*ret_mode = AST_MODE_AUDIT;
	else if (parse_accept(p, "enforce"))
		*ret_mode = AST_MODE_ENFORCE;
	else
		return parse_expected(p, "'enforce' or 'audit' behind 'mode'");
	until = p->tok;
	if (!parse_accept(p, "until"))
		return true;
	if (*ret_mode == AST_MODE_ENFORCE)
		return parse_error(p, "bad-mode", parse_span(p, until), "only 'mode audit' can have an end; leave out 'until' and its time");
	return parse_until(p, ret_until_utc_s);
}

bool parse_tighten(struct parser *p, struct ast_tighten *ret)
{
	static const char *const after = "a duration behind 'after', as in 'kill after 30s'";
	struct span span = parse_span(p, p->tok - 1);
	const struct token *at;
	uint64_t after_s = 0;

	if (parse_accept(p, "leave")) {
		*ret = (struct ast_tighten){ .kind = AST_TIGHTEN_LEAVE, .span = span };
		return true;
	}
	if (!parse_accept(p, "kill"))
		return parse_expected(p, "'leave', 'kill at once' or 'kill after' and a duration behind 'on-tighten'");
	if (parse_accept(p, "at")) {
		*ret = (struct ast_tighten){ .kind = AST_TIGHTEN_KILL, .span = span };
		return parse_accept(p, "once") || parse_expected(p, "'once' behind 'kill at'");
	}
	if (!parse_accept(p, "after"))
		return parse_expected(p, "'at once' or 'after' and a duration behind 'kill'");
	at = p->tok;
	if (!parse_duration(p, after, 0, &after_s))
		return false;
	if (!after_s)
		return parse_error(p, "bad-duration", parse_span(p, at), "to wait no time at all is written 'kill at once'");
	if (after_s > PW_IMG_KILL_MAX_S)
		return parse_error(p, "bad-duration", parse_span(p, at),
				   "a right that was withdrawn may outlive that by a day at most; write 24h or less");
	*ret = (struct ast_tighten){ .kind = AST_TIGHTEN_KILL, .kill_after_s = (uint32_t)after_s, .span = span };
	return true;
}
