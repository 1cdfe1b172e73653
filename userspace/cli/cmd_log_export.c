/* SPDX-License-Identifier: Apache-2.0 */
/*
 * polyward log export: the log, or what of it matches, in the format and at the place of another tool. What left this host, where to and
 * how much, is recorded in the log itself; an export whose record fails has failed.
 */
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fd.h"
#include "base/num.h"
#include "cli/client.h"
#include "cli/cmd_log.h"
#include "cli/export_run.h"
#include "cli/logopen.h"

#define HELPER         "polyward-export"
#define PATH_MAX_HERE  512u
#define ENTERPRISE_MAX 4294967295u
#define ENTERPRISE_OF_EXAMPLES 32473u /* RFC 5612 */

enum target { LINES, TCP, JOURNAL, KAFKA };

struct plan {
	const char *format, *to, *topic, *brokers, *config, *out;
	enum target target;
	uint32_t enterprise;
	struct log_filter filter;
};

/* ---- what is asked ---- */

/* The one format that is given. */
static int plan_format(const struct cli *c, struct plan *p, struct err *e)
{
	static const char *const formats[] = { "ocsf", "syslog", "journald", "kafka" };

	for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
		if (!cli_opt(c, formats[i]))
			continue;
		if (p->format)
			return err_say(e, -EINVAL, "--%s and --%s: one export has one format", p->format, formats[i]);
		p->format = formats[i];
	}
	if (!p->format)
		return err_say(e, -EINVAL, "say in which format: --ocsf, --syslog, --journald or --kafka BROKERS");
	return 0;
}

/* Options that belong to one format only; another's would be silently without effect. */
static int plan_fits(const struct cli *c, const struct plan *p, struct err *e)
{
	static const struct { const char *option, *formats; } rows[] = {
		{ "to", "syslog journald" }, { "enterprise", "syslog" }, { "topic", "kafka" }, { "kafka-config", "kafka" }, { "out", "ocsf syslog" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (cli_opt(c, rows[i].option) && !strstr(rows[i].formats, p->format))
			return err_say(e, -EINVAL, "--%s does not belong to --%s", rows[i].option, p->format);
	if (p->out && p->to)
		return err_say(e, -EINVAL, "--out and --to: one export goes to one place");
	if (cli_opt(c, "last"))
		return err_say(e, -EINVAL, "--last does not belong to an export; say --since");
	return 0;
}

static int plan_parse(const struct cli *c, struct plan *ret, struct err *e)
{
	const char *enterprise = cli_opt(c, "enterprise"), *topic = cli_opt(c, "topic"), *config = cli_opt(c, "kafka-config");
	struct plan p = { .to = cli_opt(c, "to"), .out = cli_opt(c, "out"), .brokers = cli_opt(c, "kafka"),
			  .topic = topic ? topic : "polyward", .config = config ? config : "" };
	uint64_t number = 0;
	int r = plan_format(c, &p, e);

	if (r == 0)
		r = plan_fits(c, &p, e);
	if (r == 0 && enterprise && (num_parse(enterprise, strlen(enterprise), ENTERPRISE_MAX, &number) < 0 || number == 0))
		r = err_say(e, -EINVAL, "--enterprise %s: the number that IANA gave to your organization is needed", enterprise);
	if (r == 0 && number == ENTERPRISE_OF_EXAMPLES)
		r = err_say(e, -EINVAL, "--enterprise %u: RFC 5612 keeps this number for examples in documents; use the one that IANA gave to your "
			    "organization, or leave the option out", ENTERPRISE_OF_EXAMPLES);
	if (r == 0)
		r = log_filter_parse(c, time(NULL), &p.filter, e);
	if (r < 0)
		return r;
	p.enterprise = (uint32_t)number;
	p.target = !strcmp(p.format, "kafka") ? KAFKA : !strcmp(p.format, "journald") ? JOURNAL : p.to ? TCP : LINES;
	*ret = p;
	return 0;
}

/* ---- where it goes ---- */

/* Beside this program in a build tree, else where it is installed. */
static void helper_path(char ret[static PATH_MAX_HERE])
{
	char self[PATH_MAX_HERE / 2];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	char *slash;

	if (n > 0) {
		self[n] = '\0';
		slash = strrchr(self, '/');
		if (slash)
			*slash = '\0';
		(void)snprintf(ret, PATH_MAX_HERE, "%s/libexec/" HELPER, self);
		if (access(ret, X_OK) == 0)
			return;
	}
	(void)snprintf(ret, PATH_MAX_HERE, "%s/" HELPER, PW_LIBEXEC);
}

static int open_helper(const struct plan *p, const char *origin, bool follow, struct sink **ret, struct err *e)
{
	char path[PATH_MAX_HERE], kind[] = "kafka", patient[] = "patient", hasty[] = "hasty";
	/* An empty key would put every message into a partition of its own. */
	_free_ char *brokers = strdup(p->brokers), *topic = strdup(p->topic), *key = strdup(origin[0] ? origin : "polyward"), *config = strdup(p->config);
	char *argv[] = { path, kind, brokers, topic, key, follow ? patient : hasty, config, NULL };

	if (!brokers || !topic || !key || !config)
		return err_set(e, -ENOMEM, "begin the export");
	helper_path(path);
	return sink_helper(argv, ret, e);
}

static int open_sink(const struct plan *p, struct export_run *x, int out_fd, struct err *e)
{
	switch (p->target) {
	case LINES:
		x->out_fd = p->out ? -1 : out_fd;
		return sink_lines(out_fd, x->cursor_path != NULL, &x->sink, e);
	case TCP:
		return sink_tcp(p->to, &x->sink, e);
	case JOURNAL:
		return sink_journal(p->to, &x->sink, e);
	case KAFKA:
		return open_helper(p, x->context.origin, x->follow, &x->sink, e);
	}
	return -EINVAL;
}

/* ---- where it begins ---- */

static int begin(struct export_run *x, struct err *e)
{
	uint64_t first_seq = log_reader_first(x->reader), end_seq = log_reader_end(x->reader);
	struct record_view v;
	struct tree_hash leaf;
	int r = x->cursor_path ? cursor_load(x->cursor_path, &x->cursor, e) : 0;

	if (r > 0)
		r = cursor_check(x->cursor_path, &x->cursor, x->context.origin, first_seq, end_seq, e);
	else if (r == 0)
		x->cursor.next_seq = first_seq;
	if (r == 0 && x->cursor.has_leaf && x->cursor.leaf_seq >= first_seq) {
		r = log_reader_seek(x->reader, x->cursor.leaf_seq, e);
		if (r == 0)
			r = log_reader_next(x->reader, &v, e);
		if (r == 1) {
			tree_leaf(v.bytes, v.len_bytes, &leaf);
			r = cursor_check_leaf(x->cursor_path, &x->cursor, &leaf, e);
		}
	}
	if (r < 0)
		return r;
	(void)snprintf(x->cursor.origin, sizeof(x->cursor.origin), "%s", x->context.origin);
	return end_seq > first_seq ? log_reader_seek(x->reader, x->cursor.next_seq, e) : 0;
}

/* ---- what is told of it ---- */

/* The command line, one word a line. */
static void write_query(const struct cli *c, struct buf *b)
{
	buf_add_str(b, "polyward\n");
	buf_add_str(b, c->verb);
	for (size_t i = 0; i < c->args_count; i++) {
		buf_add_char(b, '\n');
		buf_add_str(b, c->args[i]);
	}
	for (size_t i = 0; i < c->options_count; i++) {
		buf_add_str(b, "\n--");
		buf_add_str(b, c->options[i].name);
		if (c->options[i].value[0]) {
			buf_add_char(b, '\n');
			buf_add_str(b, c->options[i].value);
		}
	}
}

static void write_place(const struct plan *p, struct buf *b)
{
	buf_add_str(b, p->format);
	switch (p->target) {
	case LINES:
		buf_printf(b, " to %s", p->out ? p->out : "standard output");
		break;
	case TCP:
	case JOURNAL:
		buf_printf(b, " to %s", p->to ? p->to : "the journal of this host");
		break;
	case KAFKA:
		buf_printf(b, " to topic %s at %s", p->topic, p->brokers);
		break;
	}
}

/* over: rows and digest are final. */
static int record(const struct cli *c, const struct plan *p, const struct cli_log *log, const struct export_run *x,
		  const uint8_t *digest, struct err *e)
{
	struct msg_evidence m = { .rows = x->rows, .tree_size = log->checkpoint.size };
	_buf_ struct buf query = BUF_INIT, place = BUF_INIT;

	write_query(c, &query);
	write_place(p, &place);
	if (!digest)
		buf_add_str(&place, ", begun");
	m.since_utc_ns = p->filter.since_ns != INT64_MIN ? p->filter.since_ns : x->first_utc_ns;
	m.until_utc_ns = p->filter.until_ns != INT64_MAX ? p->filter.until_ns : x->last_utc_ns;
	memcpy(m.tree_root, log->checkpoint.root.v, sizeof(m.tree_root));
	if (digest)
		memcpy(m.digest, digest, sizeof(m.digest));
	ipc_put(m.what, sizeof(m.what), "export");
	ipc_put(m.query, sizeof(m.query), cli_text(&query));
	ipc_put(m.note, sizeof(m.note), cli_text(&place));
	if (client_evidence(&m, e) < 0)
		return err_wrap(e, "%llu records were exported, and that could not be recorded", (unsigned long long)x->rows);
	return 0;
}

static void summarize(const struct cli *c, const struct export_run *x, const uint8_t digest[static 32])
{
	char hex[65];

	for (size_t i = 0; i < 32; i++)
		(void)snprintf(hex + 2 * i, 3, "%02x", digest[i]);
	if (c->json)
		cli_print_json(json_pack("{s:I, s:I, s:I, s:s}", "records", (json_int_t)x->rows, "first", (json_int_t)x->first_seq, "last",
					 (json_int_t)x->last_seq, "sha256", hex));
	else if (x->rows)
		printf("%llu records exported, number %llu to %llu; SHA-256 of the messages, each with a newline: %s\n",
		       (unsigned long long)x->rows, (unsigned long long)x->first_seq, (unsigned long long)x->last_seq, hex);
	else
		printf("no record to export\n");
}

/* ---- all together ---- */

static void free_digest(EVP_MD_CTX **d)
{
	EVP_MD_CTX_free(*d);
}

static void close_sink(struct sink **s)
{
	sink_close(*s);
}

/* Of the checkpoint; in its first second a log has none, but a key, which is called the same. */
static int find_origin(const struct cli_log *log, char ret[static NOTE_NAME_MAX + 1], struct err *e)
{
	_buf_ struct buf vkey = BUF_INIT;
	int r = log->has_checkpoint ? -ENOENT : fd_read_file(log->dir_fd, "log.vkey", NOTE_TEXT_MAX, &vkey);

	if (r < 0 && r != -ENOENT)
		return err_set(e, r, "read log.vkey of the log");
	if (r == 0 && vkey.len_bytes)
		(void)snprintf(ret, NOTE_NAME_MAX + 1, "%.*s", (int)strcspn(vkey.data, "+\n"), vkey.data);
	else
		(void)snprintf(ret, NOTE_NAME_MAX + 1, "%s", log->checkpoint.origin);
	return 0;
}

static int export_log(const struct cli *c, const struct plan *p, struct cli_log *log, int out_fd, struct err *e)
{
	__attribute__((cleanup(free_digest))) EVP_MD_CTX *digest = EVP_MD_CTX_new();
	__attribute__((cleanup(close_sink))) struct sink *sink = NULL;
	struct export_run x = { .reader = log->reader, .filter = &p->filter, .cursor_path = cli_opt(c, "cursor"), .follow = cli_flag(c, "follow"),
				.sealed = cli_flag(c, "sealed"), .digest = digest, .out_fd = -1 };
	char origin[NOTE_NAME_MAX + 1], host[NOTE_NAME_MAX + 1];
	_fd_ int stop_fd = -1;
	uint8_t hash[32];
	sigset_t stop;
	int r;

	sigemptyset(&stop);
	sigaddset(&stop, SIGINT);
	sigaddset(&stop, SIGTERM);
	if (!digest || EVP_DigestInit_ex(digest, EVP_sha256(), NULL) != 1)
		return err_set(e, -ENOMEM, "begin the export");
	r = find_origin(log, origin, e);
	if (r < 0)
		return r;
	(void)snprintf(host, sizeof(host), "%.*s", (int)strcspn(origin, "/"), origin);
	x.context = (struct export_context){ .origin = origin, .host = host, .enterprise = p->enterprise };
	x.project = p->target == JOURNAL ? export_journal : !strcmp(p->format, "syslog") ? export_syslog : export_ocsf;
	r = begin(&x, e);
	if (r == 0)
		r = open_sink(p, &x, out_fd, e);
	sink = x.sink;
	if (r == 0 && x.follow && log->from_daemon)
		r = record(c, p, log, &x, NULL, e);
	/* Blocked only now, so that a helper was started without it. */
	if (r == 0 && (sigprocmask(SIG_BLOCK, &stop, NULL) < 0 || (stop_fd = signalfd(-1, &stop, SFD_CLOEXEC | SFD_NONBLOCK)) < 0))
		r = err_set(e, -errno, "begin the export");
	x.stop_fd = stop_fd;
	if (r == 0)
		r = export_run(&x, e);
	if (r == 0 && EVP_DigestFinal_ex(digest, hash, NULL) != 1)
		r = err_set(e, -ENOMEM, "hash what is exported");
	if (r == 0 && x.rows && log->from_daemon)
		r = record(c, p, log, &x, hash, e);
	if (r == 0 && !(p->target == LINES && !p->out))
		summarize(c, &x, hash);
	return r;
}

int cmd_log_export(struct cli *c)
{
	struct err e = { 0 };
	_fd_ int file = -1;
	struct cli_log log;
	struct plan p;
	int r;

	if (plan_parse(c, &p, &e) < 0)
		return cli_usage(c, "%s", e.text);
	r = cli_log_open(c, &log, &e);
	if (r < 0)
		return cli_fail(c, &e);
	if (p.out) {
		file = open(p.out, O_WRONLY | O_CREAT | O_CLOEXEC | (cli_opt(c, "cursor") ? O_APPEND : O_TRUNC), 0600);
		if (file < 0)
			r = err_set(&e, -errno, "open %s", p.out);
	}
	if (r == 0)
		r = export_log(c, &p, &log, p.out ? file : STDOUT_FILENO, &e);
	cli_log_close(&log);
	return r < 0 ? cli_fail(c, &e) : CLI_YES;
}
