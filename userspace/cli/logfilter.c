/* SPDX-License-Identifier: Apache-2.0 */
/* The filters of `polyward log`: words are checked against the tables before the log is read, so that a typing error is no empty answer. */
#include "cli/logfilter.h"

#include <errno.h>
#include <pwd.h>
#include <string.h>

#include "base/num.h"
#include "cli/when.h"
#include "policy/diag.h"

#define WORDS_MAX 40u

/* Index of the word, or -EINVAL with what was probably meant. */
static int word_index(const char *what, const char *word, const char *const *words, size_t count, struct err *e)
{
	const char *near;

	for (size_t i = 0; i < count; i++)
		if (!strcmp(words[i], word))
			return (int)i;
	near = closest(word, words, count);
	if (near)
		return err_say(e, -EINVAL, "there is no %s '%s'; did you mean '%s'?", what, word, near);
	return err_say(e, -EINVAL, "there is no %s '%s'", what, word);
}

static int parse_action(const char *word, struct log_filter *f, struct err *e)
{
	const char *words[WORDS_MAX];
	uint32_t bits[WORDS_MAX];
	size_t count = 0;
	int i;

	for (uint32_t bit = 0; bit < 32; bit++)
		if (record_action_word(bit)) {
			bits[count] = bit;
			words[count++] = record_action_word(bit);
		}
	i = word_index("action", word, words, count, e);
	if (i < 0)
		return i;
	f->actions = 1u << bits[i];
	return 0;
}

static int parse_kind(const char *word, struct log_filter *f, struct err *e)
{
	const char *words[PW_REC_MAX_];
	int i;

	for (uint8_t kind = 1; kind < PW_REC_MAX_; kind++)
		words[kind - 1] = record_kind_word(kind);
	i = word_index("kind of record", word, words, PW_REC_MAX_ - 1, e);
	if (i < 0)
		return i;
	f->kind = (uint8_t)(i + 1);
	return 0;
}

static int parse_user(const char *word, struct log_filter *f, struct err *e)
{
	struct passwd *user;
	uint64_t uid;

	f->has_user = true;
	if (num_parse(word, strlen(word), UINT32_MAX - 1, &uid) == 0) {
		f->uid = (uint32_t)uid;
		return 0;
	}
	errno = 0;
	user = getpwnam(word);
	if (!user)
		return err_say(e, -EINVAL, "this host knows no user '%s'; a user who is gone can be given by number", word);
	f->uid = user->pw_uid;
	return 0;
}

int log_filter_parse(const struct cli *c, int64_t now_utc_s, struct log_filter *ret, struct err *e)
{
	const char *action = cli_opt(c, "action"), *kind = cli_opt(c, "kind"), *user = cli_opt(c, "user");
	const char *since = cli_opt(c, "since"), *until = cli_opt(c, "until");
	struct log_filter f = {
		.store = cli_opt(c, "store"), .role = cli_opt(c, "role"), .rule = cli_opt(c, "rule"), .deny = cli_flag(c, "deny"),
		.since_ns = INT64_MIN, .until_ns = INT64_MAX,
	};
	int code = 0;

	if (action)
		code = parse_action(action, &f, e);
	if (code == 0 && kind)
		code = parse_kind(kind, &f, e);
	if (code == 0 && user)
		code = parse_user(user, &f, e);
	if (code == 0 && since)
		code = when_parse(since, now_utc_s, &f.since_ns, e);
	if (code == 0 && until)
		code = when_parse(until, now_utc_s, &f.until_ns, e);
	if (code == 0 && f.since_ns > f.until_ns)
		code = err_say(e, -EINVAL, "--since %s is after --until %s", since, until);
	if (code == 0)
		*ret = f;
	return code;
}

static bool is_text(const struct record_view *v, enum pw_field_tag tag, const char *want)
{
	const uint8_t *p;
	size_t n;

	return record_find(v, tag, &p, &n) && n == strlen(want) && !memcmp(p, want, n);
}

/* Is the word in a comma-separated list? */
static bool lists(const struct record_view *v, enum pw_field_tag tag, const char *want)
{
	size_t n, len = strlen(want);
	const uint8_t *p;

	if (!record_find(v, tag, &p, &n))
		return false;
	while (n) {
		const uint8_t *comma = memchr(p, ',', n);
		size_t word_len = comma ? (size_t)(comma - p) : n;

		if (word_len == len && !memcmp(p, want, len))
			return true;
		n -= comma ? word_len + 1 : word_len;
		p += comma ? word_len + 1 : word_len;
	}
	return false;
}

static bool is_user(const struct record_view *v, uint32_t uid)
{
	return record_find_u64(v, PW_F_UID, UINT64_MAX) == uid || record_find_u64(v, PW_F_LOGIN_UID, UINT64_MAX) == uid ||
	       record_find_u64(v, PW_F_ACTOR_UID, UINT64_MAX) == uid;
}

bool log_filter_match(const struct log_filter *f, const struct record_view *v)
{
	if (v->head.time_utc_ns < f->since_ns || v->head.time_utc_ns > f->until_ns)
		return false;
	if (f->kind && v->head.kind != f->kind)
		return false;
	if (f->hide_sealed && v->head.kind == PW_REC_SEALED)
		return false;
	if (v->head.kind == PW_REC_GAP)
		return true;
	if (f->deny && (v->head.kind != PW_REC_ACCESS || record_find_u64(v, PW_F_VERDICT, UINT64_MAX) != PW_DENY))
		return false;
	if (f->store && !is_text(v, PW_F_STORE, f->store) && !is_text(v, PW_F_STORE_TO, f->store))
		return false;
	if (f->rule && !is_text(v, PW_F_RULE, f->rule))
		return false;
	if (f->role && !lists(v, PW_F_ROLES, f->role))
		return false;
	if (f->actions && !(record_find_u64(v, PW_F_NEED, 0) & f->actions))
		return false;
	if (f->has_user && !is_user(v, f->uid))
		return false;
	return !f->also || f->also(f->also_ctx, v);
}
