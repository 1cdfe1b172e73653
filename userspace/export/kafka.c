/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A Kafka producer that loses nothing and keeps the order: idempotent, acknowledged by all replicas, one key. A message has arrived when
 * its delivery report says so, and only if all before it have. Never says "arrived" of its own accord.
 */
#include "export/kafka.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <librdkafka/rdkafka.h>
#include <poll.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/fd.h"
#include "export/frames.h"

#define FLIGHT_MAX       65536u  /* messages whose report has not come */
#define CONFIG_MAX_BYTES (64u << 10)
#define POLL_MS          20
#define MESSAGE_MAX      (1u << 20)
#define IN_BYTES         (MESSAGE_MAX + (256u << 10)) /* always room for the rest of a message */

struct flight { uint64_t seq; bool arrived; };

struct kafka {
	int sock;
	const struct kafka_options *options;
	rd_kafka_t *rk;
	rd_kafka_topic_t *topic;
	struct flight *flight;        /* a ring: oldest at first */
	size_t first, count;
	char *in; size_t in_len_bytes, in_at_bytes;
	bool starving;                /* what was read ends inside a message, or before one */
	bool ended;                   /* no more will come */
	bool failed; struct err error;
};

static void answer(const struct kafka *k, enum frame_kind kind, uint64_t seq, const char *text)
{
	size_t n = strlen(text) < FRAME_TEXT_MAX ? strlen(text) : FRAME_TEXT_MAX;
	struct frame_answer a = { .kind = kind, .len_bytes = (uint32_t)n, .seq = seq };
	char bytes[sizeof(a) + FRAME_TEXT_MAX];

	memcpy(bytes, &a, sizeof(a));
	memcpy(bytes + sizeof(a), text, n);
	(void)send(k->sock, bytes, sizeof(a) + n, MSG_NOSIGNAL); /* who has gone does not want to know */
}

static void fail(struct kafka *k, const char *text)
{
	if (k->failed)
		return;
	k->failed = true;
	(void)err_say(&k->error, -EIO, "%s", text);
}

/* ---- what librdkafka says ---- */

static void reported(rd_kafka_t *rk, const rd_kafka_message_t *m, void *opaque)
{
	struct kafka *k = opaque;
	struct flight *f = m->_private;

	(void)rk;
	if (m->err)
		fail(k, rd_kafka_err2str(m->err));
	else
		f->arrived = true;
}

static void troubled(rd_kafka_t *rk, int code, const char *why, void *opaque)
{
	struct kafka *k = opaque;
	char text[FRAME_TEXT_MAX];

	if (code == RD_KAFKA_RESP_ERR__FATAL) {
		if (rd_kafka_fatal_error(rk, text, sizeof(text)))
			fail(k, text);
		return;
	}
	answer(k, FRAME_TROUBLE, 0, why);
}

/* The messages at the head of the ring that have arrived. */
static void tell_arrived(struct kafka *k)
{
	uint64_t seq = 0;
	bool any = false;

	while (k->count && k->flight[k->first].arrived) {
		seq = k->flight[k->first].seq;
		any = true;
		k->first = (k->first + 1) % FLIGHT_MAX;
		k->count--;
	}
	if (any)
		answer(k, FRAME_ARRIVED, seq, "");
}

/* ---- settings ---- */

static int set(rd_kafka_conf_t *conf, const char *name, const char *value, struct err *e)
{
	char why[256] = "";

	if (rd_kafka_conf_set(conf, name, value, why, sizeof(why)) == RD_KAFKA_CONF_OK)
		return 0;
	return err_say(e, -EINVAL, "%s", why);
}

/* Their values are what the export promises. */
static bool is_ours(const char *name)
{
	static const char *const ours[] = { "bootstrap.servers", "metadata.broker.list", "acks", "request.required.acks", "enable.idempotence",
					    "message.timeout.ms", "delivery.timeout.ms", "partitioner" };

	for (size_t i = 0; i < sizeof(ours) / sizeof(ours[0]); i++)
		if (!strcmp(ours[i], name))
			return true;
	return false;
}

static int set_line(rd_kafka_conf_t *conf, char *line, const char *file, unsigned number, struct err *e)
{
	char *equals = strchr(line, '=');

	if (line[0] == '\0' || line[0] == '#')
		return 0;
	if (!equals)
		return err_say(e, -EINVAL, "%s:%u: a line is NAME=VALUE", file, number);
	*equals = '\0';
	if (is_ours(line))
		return err_say(e, -EINVAL, "%s:%u: %s is not to be set: the export's promise hangs on it", file, number, line);
	return set(conf, line, equals + 1, e) < 0 ? err_wrap(e, "%s:%u", file, number) : 0;
}

static int set_from_file(rd_kafka_conf_t *conf, const char *file, struct err *e)
{
	_buf_ struct buf b = BUF_INIT;
	int r = fd_read_file(AT_FDCWD, file, CONFIG_MAX_BYTES, &b);
	unsigned number = 1;

	if (r < 0)
		return err_set(e, r, "read %s", file);
	buf_add_char(&b, '\n');
	if (b.failed || strlen(b.data) != b.len_bytes)
		return err_say(e, -EINVAL, "%s is no file of settings", file);
	for (char *line = b.data, *end; r == 0 && (end = strchr(line, '\n')); line = end + 1) {
		*end = '\0';
		r = set_line(conf, line, file, number++, e);
	}
	explicit_bzero(b.data, b.len_bytes); /* there may be a password in it */
	return r;
}

static int settings(struct kafka *k, rd_kafka_conf_t *conf, struct err *e)
{
	const struct { const char *name, *value; } fixed[] = {
		{ "client.id", "polyward" }, { "linger.ms", "5" }, { "log_level", "0" },
		{ "bootstrap.servers", k->options->brokers }, { "acks", "all" }, { "enable.idempotence", "true" },
		{ "message.timeout.ms", k->options->patient ? "0" : "60000" },
	};
	int r = 0;

	for (size_t i = 0; r == 0 && i < sizeof(fixed) / sizeof(fixed[0]); i++)
		r = set(conf, fixed[i].name, fixed[i].value, e);
	if (r == 0 && k->options->config[0])
		r = set_from_file(conf, k->options->config, e);
	rd_kafka_conf_set_opaque(conf, k);
	rd_kafka_conf_set_dr_msg_cb(conf, reported);
	rd_kafka_conf_set_error_cb(conf, troubled);
	return r;
}

static int open_producer(struct kafka *k, struct err *e)
{
	rd_kafka_conf_t *conf = rd_kafka_conf_new();
	char why[256] = "";
	int r = settings(k, conf, e);

	if (r == 0)
		k->rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, why, sizeof(why));
	if (!k->rk) {
		rd_kafka_conf_destroy(conf);
		return r < 0 ? r : err_say(e, -EINVAL, "%s", why);
	}
	k->topic = rd_kafka_topic_new(k->rk, k->options->topic, NULL);
	return k->topic ? 0 : err_say(e, -EINVAL, "topic '%s': %s", k->options->topic, rd_kafka_err2str(rd_kafka_last_error()));
}

/* What talks to brokers needs no rights: key files have been read. All threads change together (glibc). */
static int step_down(struct err *e)
{
	const struct passwd *nobody = geteuid() == 0 ? getpwnam("nobody") : NULL;

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return err_set(e, -errno, "give up rights");
	if (geteuid() != 0)
		return 0;
	if (!nobody)
		return err_say(e, -ENOENT, "this host has no user nobody, as whom the cluster is spoken to");
	if (setgroups(0, NULL) < 0 || setresgid(nobody->pw_gid, nobody->pw_gid, nobody->pw_gid) < 0 ||
	    setresuid(nobody->pw_uid, nobody->pw_uid, nobody->pw_uid) < 0)
		return err_set(e, -errno, "become nobody");
	return 0;
}

/* ---- messages ---- */

static int produce(struct kafka *k, const struct frame_message *m, const char *bytes, struct flight *f)
{
	char seq[24];
	int n = snprintf(seq, sizeof(seq), "%llu", (unsigned long long)m->seq);

	*f = (struct flight){ .seq = m->seq };
	return rd_kafka_producev(k->rk, RD_KAFKA_V_RKT(k->topic), RD_KAFKA_V_PARTITION(RD_KAFKA_PARTITION_UA),
				 RD_KAFKA_V_KEY(k->options->key, strlen(k->options->key)),
				 RD_KAFKA_V_VALUE((void *)(uintptr_t)bytes, m->len_bytes), RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
				 RD_KAFKA_V_HEADER("seq", seq, n), RD_KAFKA_V_HEADER("leaf", m->leaf, sizeof(m->leaf)),
				 RD_KAFKA_V_OPAQUE(f), RD_KAFKA_V_END);
}

/* Whole messages in what was read, as many as may be under way. */
static void hand_on(struct kafka *k)
{
	struct frame_message m;

	for (k->starving = false; !k->failed && k->count < FLIGHT_MAX;) {
		size_t last = (k->first + k->count) % FLIGHT_MAX;
		size_t left = k->in_len_bytes - k->in_at_bytes;
		int r;

		if (left >= sizeof(m))
			memcpy(&m, k->in + k->in_at_bytes, sizeof(m));
		if (left >= sizeof(m) && m.len_bytes > MESSAGE_MAX) {
			fail(k, "a message is too long for any topic");
			return;
		}
		k->starving = left < sizeof(m) || left - sizeof(m) < m.len_bytes;
		if (k->starving)
			break;
		r = produce(k, &m, k->in + k->in_at_bytes + sizeof(m), &k->flight[last]);
		if (r == RD_KAFKA_RESP_ERR__QUEUE_FULL)
			break;
		if (r) {
			fail(k, rd_kafka_err2str(r));
			return;
		}
		k->count++;
		k->in_at_bytes += sizeof(m) + m.len_bytes;
	}
	k->in_len_bytes -= k->in_at_bytes;
	memmove(k->in, k->in + k->in_at_bytes, k->in_len_bytes);
	k->in_at_bytes = 0;
}

static void read_some(struct kafka *k)
{
	ssize_t n = recv(k->sock, k->in + k->in_len_bytes, IN_BYTES - k->in_len_bytes, MSG_DONTWAIT);

	if (n > 0)
		k->in_len_bytes += (size_t)n;
	else if (n == 0 || (errno != EAGAIN && errno != EINTR))
		k->ended = true;
}

static void loop(struct kafka *k)
{
	k->starving = true;
	while (!k->failed && !(k->ended && k->starving && !k->count)) {
		struct pollfd p = { .fd = k->starving && !k->ended ? k->sock : -1, .events = POLLIN };

		if (poll(&p, 1, k->count ? 1 : POLL_MS) > 0)
			read_some(k);
		hand_on(k);
		(void)rd_kafka_poll(k->rk, 0);
		tell_arrived(k);
	}
}

int kafka_run(int sock, const struct kafka_options *o, struct err *e)
{
	_free_ struct flight *flight = calloc(FLIGHT_MAX, sizeof(*flight));
	_free_ char *in = malloc(IN_BYTES);
	struct kafka k = { .sock = sock, .options = o, .flight = flight, .in = in };
	int r;

	if (!flight || !in)
		return err_set(e, -ENOMEM, "begin the export");
	r = open_producer(&k, e);
	if (r == 0)
		r = step_down(e);
	if (r == 0) {
		loop(&k);
		if (k.failed)
			*e = k.error;
		r = k.failed ? k.error.code : 0;
	}
	if (r < 0)
		answer(&k, FRAME_FAILED, 0, e->text);
	if (k.rk && r < 0)
		(void)rd_kafka_purge(k.rk, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
	if (k.topic)
		rd_kafka_topic_destroy(k.topic);
	if (k.rk)
		rd_kafka_destroy(k.rk);
	return r;
}
