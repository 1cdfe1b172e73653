/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kafka_cluster TOPIC: librdkafka's own mock cluster of three brokers, and a consumer. Prints the brokers' addresses, then obeys lines on
 * stdin, each answered by lines that end in ".":
 *   errors N      the next N produce requests fail with errors that may be tried again
 *   refuse        ... and from now on every one fails with one that may not (the topic is closed)
 *   down | up     all brokers
 *   consume N     messages from the beginning, at most N: PARTITION KEY SEQ LEAF VALUE, key, leaf and value in hexadecimal digits
 */
#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/num.h"

#define BROKERS     3
#define PARTITIONS  3
#define PRODUCE     0 /* ApiKey */
#define CONSUME_MS  3000

static void die(const char *what, const char *why)
{
	fprintf(stderr, "kafka_cluster: %s: %s\n", what, why);
	exit(1);
}

static rd_kafka_t *client(rd_kafka_type_t type, const char *brokers)
{
	rd_kafka_conf_t *conf = rd_kafka_conf_new();
	char why[256];
	rd_kafka_t *rk;

	if (brokers && (rd_kafka_conf_set(conf, "bootstrap.servers", brokers, why, sizeof(why)) ||
			rd_kafka_conf_set(conf, "group.id", "test", why, sizeof(why))))
		die("settings", why);
	(void)rd_kafka_conf_set(conf, "log_level", "0", why, sizeof(why));
	rk = rd_kafka_new(type, conf, why, sizeof(why));
	if (!rk)
		die("client", why);
	return rk;
}

static void hex(const void *bytes, size_t n)
{
	for (size_t i = 0; i < n; i++)
		printf("%02x", ((const unsigned char *)bytes)[i]);
}

static void show(const rd_kafka_message_t *m)
{
	rd_kafka_headers_t *headers = NULL;
	const void *seq = "", *leaf = "";
	size_t seq_len = 0, leaf_len = 0;

	if (rd_kafka_message_headers(m, &headers) == 0) {
		(void)rd_kafka_header_get_last(headers, "seq", &seq, &seq_len);
		(void)rd_kafka_header_get_last(headers, "leaf", &leaf, &leaf_len);
	}
	printf("%d ", m->partition);
	hex(m->key, m->key_len);
	printf(" %.*s ", (int)seq_len, (const char *)seq);
	hex(leaf, leaf_len);
	printf(" ");
	hex(m->payload, m->len);
	printf("\n");
}

static void consume(const char *brokers, const char *topic, uint64_t most)
{
	rd_kafka_t *rk = client(RD_KAFKA_CONSUMER, brokers);
	rd_kafka_topic_partition_list_t *all = rd_kafka_topic_partition_list_new(PARTITIONS);
	rd_kafka_message_t *m;

	for (int p = 0; p < PARTITIONS; p++)
		rd_kafka_topic_partition_list_add(all, topic, p)->offset = RD_KAFKA_OFFSET_BEGINNING;
	if (rd_kafka_assign(rk, all))
		die("consume", "assign");
	for (uint64_t n = 0; n < most && (m = rd_kafka_consumer_poll(rk, CONSUME_MS));) {
		if (!m->err) {
			show(m);
			n++;
		} else if (m->err != RD_KAFKA_RESP_ERR__PARTITION_EOF && m->err != RD_KAFKA_RESP_ERR__TRANSPORT) {
			die("consume", rd_kafka_message_errstr(m));
		}
		rd_kafka_message_destroy(m);
	}
	rd_kafka_topic_partition_list_destroy(all);
	rd_kafka_consumer_close(rk);
	rd_kafka_destroy(rk);
}

static uint64_t number(const char *text)
{
	uint64_t n = 0;

	if (num_parse(text, strcspn(text, "\n"), UINT32_MAX, &n) < 0)
		die("number", text);
	return n;
}

int main(int argc, char **argv)
{
	rd_kafka_t *rk = client(RD_KAFKA_PRODUCER, NULL);
	rd_kafka_mock_cluster_t *cluster = rd_kafka_mock_cluster_new(rk, BROKERS);
	char line[128];

	if (argc != 2 || !cluster || rd_kafka_mock_topic_create(cluster, argv[1], PARTITIONS, BROKERS))
		die("start", "usage: kafka_cluster TOPIC");
	printf("%s\n", rd_kafka_mock_cluster_bootstraps(cluster));
	fflush(stdout);
	while (fgets(line, sizeof(line), stdin)) {
		if (!strncmp(line, "errors ", 7)) {
			for (uint64_t n = number(line + 7); n; n--)
				rd_kafka_mock_push_request_errors(cluster, PRODUCE, 1, n % 2 ? RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION :
								  RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS);
		} else if (!strcmp(line, "refuse\n")) {
			for (int n = 0; n < 100; n++)
				rd_kafka_mock_push_request_errors(cluster, PRODUCE, 1, RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED);
		} else if (!strcmp(line, "down\n") || !strcmp(line, "up\n")) {
			for (int b = 1; b <= BROKERS; b++)
				(void)(line[0] == 'd' ? rd_kafka_mock_broker_set_down(cluster, b) : rd_kafka_mock_broker_set_up(cluster, b));
		} else if (!strncmp(line, "consume ", 8)) {
			consume(rd_kafka_mock_cluster_bootstraps(cluster), argv[1], number(line + 8));
		} else {
			die("command", line);
		}
		printf(".\n");
		fflush(stdout);
	}
	rd_kafka_mock_cluster_destroy(cluster);
	rd_kafka_destroy(rk);
	return 0;
}
