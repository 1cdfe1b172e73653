/* SPDX-License-Identifier: Apache-2.0 */
/* From options to a question. Secrets (the key of pseudonyms) are read here and wiped here. */
#include "cli/report_ask.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/fd.h"
#include "base/num.h"
#include "cli/users.h"
#include "cli/when.h"

#define CATALOG_BYTES (64u << 20)
#define KEY_BYTES   4096u
#define KEY_MIN     16u
#define NS_PER_S    1000000000ll
#define SINCE_DEFAULT "30d"

/* Of an escaped text: is a byte in it that must not be printed? */
static bool has_hidden(const char *escaped)
{
	for (; (escaped = strchr(escaped, '\\')); escaped += 2)
		if (escaped[1] == 'x')
			return true;
	return false;
}

/* Line breaks and the like, so that a command stays one printable line: $'...', which bash, zsh, ksh and POSIX.1-2024 know. */
static void add_dollar_word(struct buf *b, const char *escaped)
{
	uint8_t byte;

	buf_add_str(b, "$'");
	while (*escaped) {
		if (escaped[0] == '\\' && escaped[1] == 'x' && num_parse_hex(escaped + 2, 2, &byte, 1) == 0) {
			buf_printf(b, "\\%03o", byte); /* as many hexadecimal digits as follow would be read by some of them */
			escaped += 4;
			continue;
		}
		if (*escaped == '\'' || *escaped == '\\')
			buf_add_char(b, '\\');
		escaped += *escaped == '\\';
		buf_add_char(b, *escaped++);
	}
	buf_add_char(b, '\'');
}

void shell_word(struct buf *b, const char *word)
{
	_buf_ struct buf escaped = BUF_INIT;

	if (*word && !word[strspn(word, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./:,+@%=")]) {
		buf_add_str(b, word);
		return;
	}
	buf_add_escaped(&escaped, word, strlen(word));
	b->failed = b->failed || escaped.failed;
	if (escaped.data && has_hidden(escaped.data)) {
		add_dollar_word(b, escaped.data);
		return;
	}
	buf_add_char(b, '\'');
	for (; *word; word++) {
		if (*word == '\'')
			buf_add_str(b, "'\\''");
		else
			buf_add_char(b, *word);
	}
	buf_add_char(b, '\'');
}

static void add_word(struct buf *b, const char *word, char between, bool quoted)
{
	buf_add_char(b, between);
	if (quoted)
		shell_word(b, word);
	else
		buf_add_str(b, word);
}

void command_words(const struct cli *c, char between, bool quoted, struct buf *ret)
{
	buf_add_str(ret, "polyward");
	add_word(ret, c->verb, between, quoted);
	for (size_t i = 0; i < c->args_count; i++)
		add_word(ret, c->args[i], between, quoted);
	for (size_t i = 0; i < c->options_count; i++) {
		_buf_ struct buf name = BUF_INIT;

		buf_printf(&name, "--%s", c->options[i].name);
		add_word(ret, name.data ? name.data : "", between, quoted);
		if (*c->options[i].value)
			add_word(ret, c->options[i].value, between, quoted);
	}
}

static int misuse(struct report_words *w)
{
	w->usage = true;
	return -EINVAL;
}

/* ---- the parts ---- */

static int parse_kind(const struct cli *c, struct report_words *w, struct err *e)
{
	int kind = report_kind_find(c->args[0]);
	bool person = kind == REPORT_SUBJECT;

	if (kind < 0)
		(void)err_say(e, -EINVAL, "there is no report '%s'; there are gdpr, hipaa, ccpa, ai-act, subject NAME, disclosures and breach", c->args[0]);
	else if (person && c->args_count < 2)
		(void)err_say(e, -EINVAL, "whose data? polyward report subject NAME --catalog FILE");
	else if (!person && c->args_count > 1)
		(void)err_say(e, -EINVAL, "there is an argument too many: '%s'", c->args[1]);
	else if (person && !cli_opt(c, "catalog"))
		(void)err_say(e, -EINVAL, "which objects hold their data? --catalog FILE says it: lines SUBJECT TAB PATH");
	else if (kind == REPORT_BREACH && (!cli_opt(c, "since") || (!cli_opt(c, "user") && !cli_opt(c, "store"))))
		(void)err_say(e, -EINVAL, "a breach needs --since TIME, and --user NAME or --store NAME");
	else if (kind != REPORT_BREACH && (cli_opt(c, "user") || cli_opt(c, "store") || cli_opt(c, "aware")))
		(void)err_say(e, -EINVAL, "--user, --store and --aware belong to report breach");
	else if (kind != REPORT_BREACH && !person && cli_opt(c, "catalog"))
		(void)err_say(e, -EINVAL, "--catalog belongs to report subject and report breach");
	else {
		w->ask.kind = (enum report_kind)kind;
		w->ask.subject = person ? c->args[1] : NULL;
		return 0;
	}
	return misuse(w);
}

static int parse_format(const struct cli *c, struct report_words *w, struct err *e)
{
	static const char *const words[] = { [FORMAT_TEXT] = "text", [FORMAT_HTML] = "html", [FORMAT_JSON] = "json", [FORMAT_OSCAL] = "oscal" };
	const char *format = cli_opt(c, "format");

	w->format = c->json ? FORMAT_JSON : FORMAT_TEXT;
	for (int i = 0; format && i <= FORMAT_OSCAL; i++)
		if (!strcmp(words[i], format)) {
			w->format = (enum report_format)i;
			format = NULL;
		}
	if (format)
		(void)err_say(e, -EINVAL, "there is no format '%s'; there are text, html, json and oscal", format);
	else if (c->json && w->format != FORMAT_JSON)
		(void)err_say(e, -EINVAL, "--json and --format say different things");
	else if (w->format == FORMAT_OSCAL && w->ask.kind > REPORT_AI_ACT)
		(void)err_say(e, -EINVAL, "OSCAL has a place for clauses and their findings; this report has none: text, html or json");
	else
		return 0;
	return misuse(w);
}

static int parse_times(const struct cli *c, struct report_words *w, struct err *e)
{
	const char *since = cli_opt(c, "since"), *until = cli_opt(c, "until"), *aware = cli_opt(c, "aware");
	struct timespec now = { 0 };
	int64_t now_s;

	(void)clock_gettime(CLOCK_REALTIME, &now);
	now_s = now.tv_sec;
	w->ask.made_ns = w->ask.until_ns = now_s * NS_PER_S + now.tv_nsec;
	w->ask.has_aware = aware != NULL;
	if (when_parse(since ? since : SINCE_DEFAULT, now_s, &w->ask.since_ns, e) < 0 || (until && when_parse(until, now_s, &w->ask.until_ns, e) < 0) ||
	    (aware && when_parse(aware, now_s, &w->ask.aware_ns, e) < 0))
		return misuse(w);
	if (w->ask.since_ns < w->ask.until_ns)
		return 0;
	(void)err_say(e, -EINVAL, "the range is empty: --since is not before --until");
	return misuse(w);
}

static int parse_breach(const struct cli *c, struct report_words *w, struct err *e)
{
	const char *user = cli_opt(c, "user"), *store = cli_opt(c, "store");
	struct passwd *entry;
	uint64_t uid;

	/* As policies name them: it becomes part of a query. */
	if (store && store[strspn(store, "abcdefghijklmnopqrstuvwxyz0123456789-")]) {
		(void)err_say(e, -EINVAL, "'%s' is no name of a store", store);
		return misuse(w);
	}
	w->ask.store = store;
	if (!user)
		return 0;
	w->ask.has_user = true;
	if (num_parse(user, strlen(user), UINT32_MAX - 1, &uid) == 0) {
		w->ask.uid = (uint32_t)uid;
		return 0;
	}
	entry = getpwnam(user);
	if (!entry) {
		(void)err_say(e, -EINVAL, "this host knows no user '%s'; a user who is gone can be given by number", user);
		return misuse(w);
	}
	w->ask.uid = entry->pw_uid;
	return 0;
}

static int catalog_moment(const char *text, int64_t *ret_utc_ns)
{
	struct err e = { 0 };

	return when_parse(text, time(NULL), ret_utc_ns, &e);
}

static int read_files(const struct cli *c, struct report_words *w, struct err *e)
{
	const char *catalog = cli_opt(c, "catalog"), *key = cli_opt(c, "pseudonyms");
	int code = catalog ? fd_read_file(AT_FDCWD, catalog, CATALOG_BYTES, &w->catalog) : 0;

	if (code < 0)
		return err_set(e, code, "read the catalog %s", catalog);
	w->ask.catalog = catalog ? (w->catalog.data ? w->catalog.data : "") : NULL;
	w->ask.catalog_len_bytes = w->catalog.len_bytes;
	w->ask.moment = catalog_moment;
	if (!key)
		return 0;
	code = fd_read_file(AT_FDCWD, key, KEY_BYTES, &w->key);
	if (code < 0)
		return err_set(e, code, "read the key of pseudonyms %s", key);
	if (w->key.len_bytes < KEY_MIN)
		return err_say(e, -EINVAL, "the key of pseudonyms %s has less than %u bytes; make one: head -c 32 /dev/urandom > %s", key, KEY_MIN, key);
	w->ask.pseudonym_key = (const uint8_t *)w->key.data;
	w->ask.pseudonym_key_len_bytes = w->key.len_bytes;
	return 0;
}

/* What else this program might be, its version does not say. */
static int hash_program(struct report_words *w, struct err *e)
{
	_file_ FILE *f = fopen("/proc/self/exe", "re");
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	uint8_t bytes[8192], hash[EVP_MAX_MD_SIZE];
	unsigned len = 0;
	bool good = f && ctx && EVP_DigestInit_ex(ctx, EVP_sha256(), NULL);
	size_t n;

	while (good && (n = fread(bytes, 1, sizeof(bytes), f)) > 0)
		good = EVP_DigestUpdate(ctx, bytes, n);
	good = good && !ferror(f) && EVP_DigestFinal_ex(ctx, hash, &len);
	EVP_MD_CTX_free(ctx);
	if (!good)
		return err_say(e, -EIO, "this program could not be hashed (/proc/self/exe)");
	for (unsigned i = 0; i < len && i < 32; i++)
		(void)snprintf(w->sha256 + 2 * i, 3, "%02x", hash[i]);
	return 0;
}

static void add_log_command(const struct cli *c, struct report_words *w)
{
	static const char *const passed_on[] = { "dir", "keys" };

	buf_add_str(&w->log_command, "polyward log --json --since ");
	record_time(w->ask.since_ns, true, &w->log_command);
	buf_add_str(&w->log_command, " --until ");
	record_time(w->ask.until_ns, true, &w->log_command);
	buf_add_str(&w->log_command_whole, "polyward log --json");
	for (size_t i = 0; i < 2; i++)
		if (cli_opt(c, passed_on[i])) {
			buf_printf(&w->log_command, " --%s ", passed_on[i]);
			shell_word(&w->log_command, cli_opt(c, passed_on[i]));
			buf_printf(&w->log_command_whole, " --%s ", passed_on[i]);
			shell_word(&w->log_command_whole, cli_opt(c, passed_on[i]));
		}
}

int report_ask_parse(const struct cli *c, struct report_words *w, struct err *e)
{
	int code = parse_kind(c, w, e);

	if (code == 0)
		code = parse_format(c, w, e);
	if (code == 0)
		code = parse_times(c, w, e);
	if (code == 0)
		code = parse_breach(c, w, e);
	if (code == 0)
		code = read_files(c, w, e);
	if (code == 0)
		code = hash_program(w, e);
	if (code < 0)
		return code;
	w->users = calloc(1, sizeof(*w->users));
	add_log_command(c, w);
	command_words(c, '\n', false, &w->words);
	command_words(c, ' ', true, &w->query);
	if (!w->users || w->log_command.failed || w->log_command_whole.failed || w->words.failed || w->query.failed)
		return err_set(e, -ENOMEM, "command line");
	w->ask.user = users_name;
	w->ask.user_ctx = w->users;
	w->ask.query = w->query.data;
	w->ask.log_command = w->log_command.data;
	w->ask.log_command_whole = w->log_command_whole.data;
	w->ask.version = PW_VERSION;
	w->ask.binary_sha256 = w->sha256;
	w->ask.own_pid = (uint32_t)getpid();
	return 0;
}

void report_ask_free(struct report_words *w)
{
	if (w->key.data)
		OPENSSL_cleanse(w->key.data, w->key.cap_bytes);
	buf_free(&w->key);
	buf_free(&w->catalog);
	buf_free(&w->words);
	buf_free(&w->query);
	buf_free(&w->log_command);
	buf_free(&w->log_command_whole);
	free(w->users);
}
