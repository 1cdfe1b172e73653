/* SPDX-License-Identifier: Apache-2.0 */
/* cli: the program itself: exit codes, what goes to which stream, help from the tables, and the log verb on real log directories. */
#include "test.h"

#include <fcntl.h>
#include <jansson.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "audit/internal.h"
#include "base/cleanup.h"

#define OUT_MAX 65536
#define PATH_MAX_HERE 1024

/* build/tests/unit/test_cli_run → build/polyward */
static bool program(char ret[static PATH_MAX_HERE])
{
	ssize_t n = readlink("/proc/self/exe", ret, PATH_MAX_HERE - 16);

	if (n <= 0)
		return false;
	ret[n] = '\0';
	for (int up = 0; up < 3; up++) {
		char *slash = strrchr(ret, '/');

		if (!slash)
			return false;
		*slash = '\0';
	}
	memcpy(ret + strlen(ret), "/polyward", 10);
	return access(ret, X_OK) == 0;
}

/* Run `polyward ARGS` by the shell; stdout into out. The exit status, -1 if it did not exit. */
static int run(const char *args, char out[static OUT_MAX])
{
	char path[PATH_MAX_HERE], line[2 * PATH_MAX_HERE];
	size_t n;
	FILE *f;
	int status;

	if (!program(path) || snprintf(line, sizeof(line), "'%s' %s", path, args) >= (int)sizeof(line))
		return -1;
	f = popen(line, "r");
	if (!f)
		return -1;
	n = fread(out, 1, OUT_MAX - 1, f);
	out[n] = '\0';
	status = pclose(f);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

#define RUN(args, want) CHECK_INT(run(args, out), want)

static void exit_codes_are_what_the_manual_says(void)
{
	static char out[OUT_MAX];

	RUN("--version", 0);
	CHECK_STR(out, "polyward " PW_VERSION "\n");
	RUN("2>&1", 2);
	CHECK(strstr(out, "polyward: say what to do\n"));
	RUN("aply 2>/dev/null", 2);
	CHECK_STR(out, "");
	RUN("aply 2>&1", 2);
	CHECK(strstr(out, "polyward: there is no verb 'aply'; did you mean 'apply'?\n"));
	RUN("log --lst 2>&1", 2);
	CHECK(strstr(out, "polyward log: there is no option '--lst'; did you mean '--last'?\n`polyward log --help` says all"));
	RUN("help >/dev/full 2>/dev/null", 3);
}

static void json_mode_says_errors_in_json(void)
{
	static char out[OUT_MAX];
	json_t *doc;

	RUN("--json log --kind acess 2>/dev/null", 2);
	doc = json_loads(out, 0, NULL);
	CHECK_STR(json_string_value(json_object_get(doc, "error")), "there is no kind of record 'acess'; did you mean 'access'?");
	json_decref(doc);
}

static void every_verb_has_help_made_from_the_tables(void)
{
	static char out[OUT_MAX];
	char args[128];

	RUN("help", 0);
#define PW_VERB(name, word, args, min, max, help) CHECK(strstr(out, "\n  " word));
#include "cli/verbs.def"
#undef PW_VERB
#define PW_VERB(name, word, usage, min, max, help) \
	(void)snprintf(args, sizeof(args), "%s --help", word); \
	RUN(args, 0); \
	CHECK(strstr(out, "usage: polyward " word)); \
	CHECK(strstr(out, "  --json"));
#include "cli/verbs.def"
#undef PW_VERB
	RUN("help log", 0);
#define PW_OPTION(verb, name, arg, help) CHECK((verb[0] && strcmp(verb, "log")) || strstr(out, "\n  --" name));
#include "cli/options.def"
#undef PW_OPTION
	RUN("help nothing 2>/dev/null", 2);
}

static void help_as_json_is_one_document(void)
{
	static char out[OUT_MAX];
	json_t *doc;
#define PW_VERB(name, word, args, min, max, help) + 1
	const int verbs = 0
#include "cli/verbs.def"
		;
#undef PW_VERB

	RUN("help --json", 0);
	doc = json_loads(out, JSON_REJECT_DUPLICATES, NULL);
	CHECK_INT(json_array_size(json_object_get(doc, "verbs")), verbs);
	json_decref(doc);
}

struct place { char path[64]; };

static void place_free(struct place *p)
{
	char line[128];

	(void)snprintf(line, sizeof(line), "rm -r %s", p->path);
	if (system(line) != 0)
		printf("# %s is left\n", p->path);
}
#define _place_ __attribute__((cleanup(place_free)))

static bool put(struct audit_log *l, uint64_t i, size_t pad_len_bytes)
{
	_buf_ struct buf b = BUF_INIT;
	_free_ char *pad = calloc(1, pad_len_bytes + 1);
	struct pw_record head = { .schema = PW_RECORD_SCHEMA, .kind = PW_REC_ACCESS, .time_utc_ns = (int64_t)(i + 1) * 1000000000 };
	struct err e;

	if (!pad)
		return false;
	record_begin(&b, &head);
	record_u64(&b, PW_F_VERDICT, i % 2 ? PW_DENY : PW_ALLOW);
	record_u64(&b, PW_F_NEED, PW_A_READ);
	record_text(&b, PW_F_STORE, i % 3 ? "notes" : "scans");
	record_text(&b, PW_F_PATH, "/srv/a");
	record_u64(&b, PW_F_UID, 0);
	record_bytes(&b, PW_F_NOTE, pad, pad_len_bytes);
	return record_end(&b, 0) == 0 && audit_append(l, &b, &e) == 0;
}

/* A log directory with that many records; record i: denied if odd, on scans if a multiple of 3, at second i + 1 of 1970. */
static struct place log_with(uint64_t count, size_t pad_len_bytes)
{
	struct place p = { "/tmp/polyward-cli-XXXXXX" };
	struct audit_log *l;
	struct err e;
	uint64_t cut;

	if (!mkdtemp(p.path) || audit_open(open(p.path, O_RDONLY | O_DIRECTORY), &l, &cut, &e) < 0)
		return p;
	for (uint64_t i = 0; i < count; i++)
		if (!put(l, i, pad_len_bytes))
			printf("# record %llu was not written\n", (unsigned long long)i);
	audit_close(l);
	return p;
}

static int lines(const char *out)
{
	int n = 0;

	for (; *out; out++)
		n += *out == '\n';
	return n;
}

#define LOG(options, want) do { char args_[512]; \
	(void)snprintf(args_, sizeof(args_), "log --dir %s %s", p.path, options); RUN(args_, want); } while (0)

static void the_log_is_filtered_and_cut_to_the_last(void)
{
	_place_ struct place p = log_with(20, 0);
	static char out[OUT_MAX];

	LOG("", 0);
	CHECK_INT(lines(out), 20);
	LOG("--deny", 0);
	CHECK_INT(lines(out), 10);
	LOG("--store scans --deny", 0);
	CHECK_INT(lines(out), 3);
	LOG("--user root --action read --since 1970-01-01T00:00:05Z --until 1970-01-01T00:00:08Z", 0);
	CHECK_INT(lines(out), 4);
	LOG("--last 3 --json --deny", 0);
	CHECK_INT(lines(out), 3);
	CHECK(!strncmp(out, "{\"seq\": 15, \"kind\": \"access\", \"time\": \"1970-01-01T00:00:16.000000000Z\"", 68));
	LOG("--last 50 --deny", 0);
	CHECK_INT(lines(out), 10);
	LOG("--store nothing", 0);
	CHECK_STR(out, "");
	LOG("--last 0 2>/dev/null", 2);
	LOG("--since never 2>/dev/null", 2);
}

static void the_last_records_come_from_several_segments(void)
{
	_place_ struct place p = log_with(2500, 60000); /* 1,118 of these fill a segment */
	static char out[OUT_MAX];
	uint64_t seq = 0;
	char *at;

	LOG("--json --last 400 --store scans | cut -c 1-20", 0);
	CHECK_INT(lines(out), 400);
	for (at = out; *at; at = strchr(at, '\n') + 1, seq++) {
		uint64_t want = 2499 - 3 * (399 - seq);
		char text[32];

		(void)snprintf(text, sizeof(text), "{\"seq\": %llu,", (unsigned long long)want);
		CHECK(!strncmp(at, text, strlen(text)));
	}
}

static void a_damaged_log_is_shown_up_to_the_damage(void)
{
	_place_ struct place p = log_with(5, 0);
	static char out[OUT_MAX];
	char name[128];
	struct stat st;
	int fd;

	(void)snprintf(name, sizeof(name), "%s/records-0000000000000000.pwr", p.path);
	fd = open(name, O_RDWR | O_CLOEXEC);
	CHECK(fd >= 0 && fstat(fd, &st) == 0);
	CHECK_INT(pwrite(fd, "!", 1, st.st_size / 2), 1);
	close(fd);
	LOG("2>&1", 3);
	CHECK_INT(lines(out), 3);
	CHECK(strstr(out, "polyward log: records-0000000000000000.pwr: byte "));
	LOG("--json 2>/dev/null", 3);
	CHECK(strstr(out, "\"error\": \"records-0000000000000000.pwr: byte "));
}

static void a_torn_end_is_mentioned(void)
{
	_place_ struct place p = log_with(5, 0);
	static char out[OUT_MAX];
	char name[128];
	struct stat st;

	(void)snprintf(name, sizeof(name), "%s/records-0000000000000000.pwr", p.path);
	CHECK(stat(name, &st) == 0 && truncate(name, st.st_size - 3) == 0);
	LOG("2>/dev/null", 0);
	CHECK_INT(lines(out), 4);
	LOG("2>&1 >/dev/null", 0);
	CHECK(strstr(out, "polyward log: behind the last record stand "));
}

static void follow_shows_what_comes(void)
{
	_place_ struct place p = log_with(3, 0);
	char path[PATH_MAX_HERE], line[2 * PATH_MAX_HERE], out[4096];
	struct audit_log *l;
	struct err e;
	uint64_t cut;
	size_t n = 0;
	FILE *f;

	CHECK(program(path));
	(void)snprintf(line, sizeof(line), "exec '%s' log --dir %s --last 1 --follow --json", path, p.path);
	f = popen(line, "r");
	CHECK(f && fgets(out, sizeof(out), f));
	CHECK(!strncmp(out, "{\"seq\": 2,", 10));
	CHECK_INT(audit_open(open(p.path, O_RDONLY | O_DIRECTORY), &l, &cut, &e), 0);
	for (uint64_t i = 3; i < 6; i++) {
		CHECK(put(l, i, 0) && audit_commit(l, &e) == 0);
		CHECK(fgets(out, sizeof(out), f));
		n = (size_t)snprintf(line, sizeof(line), "{\"seq\": %llu,", (unsigned long long)i);
		CHECK(!strncmp(out, line, n));
	}
	audit_close(l);
	/* It ends by itself when nobody reads any more. */
	CHECK_INT(WIFEXITED(pclose(f)), 1);
}

static void a_directory_that_is_not_there_is_named(void)
{
	static char out[OUT_MAX];

	RUN("log --dir /nowhere/at/all 2>&1", 3);
	CHECK_STR(out, "polyward log: open /nowhere/at/all: No such file or directory\n");
}

TESTS(T(exit_codes_are_what_the_manual_says), T(json_mode_says_errors_in_json), T(every_verb_has_help_made_from_the_tables),
      T(help_as_json_is_one_document), T(the_log_is_filtered_and_cut_to_the_last), T(the_last_records_come_from_several_segments),
      T(a_damaged_log_is_shown_up_to_the_damage), T(a_torn_end_is_mentioned), T(follow_shows_what_comes),
      T(a_directory_that_is_not_there_is_named))
