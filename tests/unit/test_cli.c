/* SPDX-License-Identifier: Apache-2.0 */
/* cli: verbs and options by exact match, moments, and the log's filters. */
#include "test.h"

#include <errno.h>

#include "base/cleanup.h"
#include "cli/args.h"
#include "cli/logfilter.h"
#include "cli/when.h"

#define NS 1000000000ll

/* Words separated by single blanks, "polyward" first. */
static int parse(char *line, struct cli *c, struct err *e)
{
	static char *argv[32];
	int argc = 0;

	for (char *word = strtok(line, " "); word && argc < 31; word = strtok(NULL, " "))
		argv[argc++] = word;
	return args_parse(argc, argv, c, e);
}

#define PARSE(text, c, e) ({ char line_[] = "polyward " text; static char kept_[sizeof(line_)]; memcpy(kept_, line_, sizeof(line_)); parse(kept_, c, e); })

static void options_and_arguments_come_in_any_order(void)
{
	struct err e = { 0 };
	struct cli c;

	CHECK_INT(PARSE("--json who-can a.pw --root=/x read -- --scans", &c, &e), 0);
	CHECK_STR(c.verb, "who-can");
	CHECK(c.json);
	CHECK_INT(c.args_count, 3);
	CHECK_STR(c.args[0], "a.pw");
	CHECK_STR(c.args[2], "--scans");
	CHECK_STR(cli_opt(&c, "root"), "/x");
	CHECK(!cli_flag(&c, "no-color"));
	args_free(&c);
	CHECK_INT(PARSE("log --last 5 --deny", &c, &e), 0);
	CHECK_STR(cli_opt(&c, "last"), "5");
	CHECK_STR(cli_opt(&c, "deny"), "");
	args_free(&c);
}

static void no_words_and_help_are_no_error(void)
{
	struct err e = { 0 };
	struct cli c;

	CHECK_INT(PARSE("--help", &c, &e), 0);
	CHECK(!c.verb && cli_flag(&c, "help"));
	args_free(&c);
	CHECK_INT(PARSE("apply --help", &c, &e), 0); /* its argument may be missing then */
	CHECK_STR(c.verb, "apply");
	args_free(&c);
}

#define REFUSED(line, sentence) do { struct err e_ = { 0 }; struct cli c_; \
	int code_ = PARSE(line, &c_, &e_); args_free(&c_); CHECK_INT(code_, -EINVAL); CHECK_STR(e_.text, sentence); } while (0)

static void a_wrong_word_gets_the_nearest_right_one(void)
{
	REFUSED("aply x.pw", "there is no verb 'aply'; did you mean 'apply'?");
	REFUSED("Check x.pw", "there is no verb 'Check'; did you mean 'check'?"); /* never taken for it */
	REFUSED("frobnicate", "there is no verb 'frobnicate'; polyward help lists them");
	REFUSED("log --stor scans", "there is no option '--stor'; did you mean '--store'?");
	REFUSED("status --store scans", "there is no option '--store' here");
}

static void wrong_counts_and_values_are_sentences(void)
{
	REFUSED("check", "FILE is missing: polyward check FILE");
	REFUSED("who-can a.pw", "an argument is missing: polyward who-can FILE ACTION STORE");
	REFUSED("status now", "there is an argument too many: 'now'");
	REFUSED("log --last", "--last needs a value: --last N");
	REFUSED("log --last=", "--last needs a value that is not empty: --last N");
	REFUSED("log --deny=yes", "--deny takes no value");
	REFUSED("log --last 1 --last 2", "--last is given twice");
	REFUSED("log -f", "'-f': options are written out, as in --json");
}

static int64_t moment(const char *text)
{
	struct err e = { 0 };
	int64_t ns = 0;

	return when_parse(text, 1000000, &ns, &e) < 0 ? -1 : ns;
}

static void moments_are_read_strictly(void)
{
	setenv("TZ", "UTC-2", 1); /* two hours east of Greenwich */
	CHECK_INT(moment("2026-11-23T10:00:30.25Z"), 1795428030 * NS + 250000000);
	CHECK_INT(moment("2026-11-23T10:00:30+01:00"), (1795428030 - 3600) * NS);
	CHECK_INT(moment("2026-11-23T10:00:30-00:30"), (1795428030 + 1800) * NS);
	CHECK_INT(moment("2026-11-23T10:00:30"), (1795428030 - 7200) * NS);
	CHECK_INT(moment("2026-11-23T10:00Z"), 1795428000 * NS);
	CHECK_INT(moment("2026-11-23Z"), (1795428000 - 36000) * NS);
	CHECK_INT(moment("2h"), (1000000 - 7200) * NS);
	CHECK_INT(moment("2028-02-29Z"), 1835395200 * NS);
	CHECK_INT(moment("2026-02-29Z"), -1);
	CHECK_INT(moment("2026-11-31"), -1);
	CHECK_INT(moment("2026-13-01"), -1);
	CHECK_INT(moment("2026-00-01"), -1);
	CHECK_INT(moment("2026-11-00"), -1);
	CHECK_INT(moment("2026-11-23T24:00"), -1);
	CHECK_INT(moment("2026-11-23T10:00:30."), -1);
	CHECK_INT(moment("2026-11-23T10"), -1);
	CHECK_INT(moment("2026-11-23T10:00 Z"), -1);
	CHECK_INT(moment("2026-11-23T10:00+1"), -1);
	CHECK_INT(moment("9999-01-01"), -1);
	CHECK_INT(moment("yesterday"), -1);
	CHECK_INT(moment("2"), -1);
	CHECK_INT(moment(""), -1);
	CHECK_INT(moment("99999999d"), -1); /* before 1970 */
}

/* One access record; the view borrows from b. */
static struct record_view access_record(struct buf *b)
{
	const struct pw_record head = { .schema = PW_RECORD_SCHEMA, .kind = PW_REC_ACCESS, .time_utc_ns = 100 * NS };
	struct record_view v = { 0 };
	size_t used;

	record_begin(b, &head);
	record_u64(b, PW_F_VERDICT, PW_DENY);
	record_u64(b, PW_F_NEED, PW_A_READ | PW_A_LOCK);
	record_text(b, PW_F_STORE, "scans");
	record_text(b, PW_F_STORE_TO, "notes");
	record_text(b, PW_F_ROLES, "clinician,radiologist");
	record_text(b, PW_F_RULE, "no-root");
	record_u64(b, PW_F_UID, 1000);
	record_u64(b, PW_F_LOGIN_UID, 1001);
	if (record_end(b, 0) == 0)
		(void)record_parse((const uint8_t *)b->data, b->len_bytes, &v, &used);
	return v;
}

/* 1 if the record passes the options, 0 if not, -1 if they were refused. */
static int passes(const struct record_view *v, const char *option, const char *value)
{
	struct cli_value options[] = { { option, value } };
	const struct cli c = { .verb = "log", .options = options, .options_count = 1 };
	struct log_filter f;
	struct err e = { 0 };

	return log_filter_parse(&c, 1000, &f, &e) < 0 ? -1 : log_filter_match(&f, v);
}

static void each_filter_keeps_and_drops(void)
{
	_buf_ struct buf b = BUF_INIT;
	const struct record_view v = access_record(&b);

	CHECK_INT(passes(&v, "store", "scans"), 1);
	CHECK_INT(passes(&v, "store", "notes"), 1);
	CHECK_INT(passes(&v, "store", "scan"), 0);
	CHECK_INT(passes(&v, "role", "radiologist"), 1);
	CHECK_INT(passes(&v, "role", "clinician"), 1);
	CHECK_INT(passes(&v, "role", "clinician,radiologist"), 0);
	CHECK_INT(passes(&v, "role", "radio"), 0);
	CHECK_INT(passes(&v, "rule", "no-root"), 1);
	CHECK_INT(passes(&v, "rule", "no"), 0);
	CHECK_INT(passes(&v, "action", "lock"), 1);
	CHECK_INT(passes(&v, "action", "write"), 0);
	CHECK_INT(passes(&v, "action", "raed"), -1);
	CHECK_INT(passes(&v, "kind", "access"), 1);
	CHECK_INT(passes(&v, "kind", "policy"), 0);
	CHECK_INT(passes(&v, "kind", "acess"), -1);
	CHECK_INT(passes(&v, "deny", ""), 1);
	CHECK_INT(passes(&v, "user", "1000"), 1);
	CHECK_INT(passes(&v, "user", "1001"), 1);
	CHECK_INT(passes(&v, "user", "root"), 0);
	CHECK_INT(passes(&v, "user", "no-such-user-here"), -1);
	CHECK_INT(passes(&v, "since", "1970-01-01T00:01:40Z"), 1);
	CHECK_INT(passes(&v, "since", "1970-01-01T00:01:41Z"), 0);
	CHECK_INT(passes(&v, "until", "1970-01-01T00:01:40Z"), 1);
	CHECK_INT(passes(&v, "until", "1970-01-01T00:01:39Z"), 0);
}

static void a_gap_is_shown_whoever_is_asked_about(void)
{
	const struct record_view gap = { .head = { .kind = PW_REC_GAP, .time_utc_ns = 100 * NS } };

	CHECK_INT(passes(&gap, "user", "1000"), 1);
	CHECK_INT(passes(&gap, "store", "scans"), 1);
	CHECK_INT(passes(&gap, "deny", ""), 1);
	CHECK_INT(passes(&gap, "kind", "access"), 0);
	CHECK_INT(passes(&gap, "since", "1970-01-01T00:01:41Z"), 0);
}

TESTS(T(options_and_arguments_come_in_any_order), T(no_words_and_help_are_no_error), T(a_wrong_word_gets_the_nearest_right_one),
      T(wrong_counts_and_values_are_sentences), T(moments_are_read_strictly), T(each_filter_keeps_and_drops),
      T(a_gap_is_shown_whoever_is_asked_about))
