/* SPDX-License-Identifier: Apache-2.0 */
/* Messages from a socket (frames.h) to a Kafka topic. Runs in polyward-export alone, which is why librdkafka may be here. */
#ifndef EXPORT_KAFKA_H
#define EXPORT_KAFKA_H

#include <stdbool.h>

#include "base/err.h"

struct kafka_options {
	const char *brokers, *topic;
	const char *key;          /* of every message: the log's origin, so that one log stays in one partition, in order */
	const char *config;       /* a file of further settings, "name=value" a line; "": none */
	bool patient;             /* wait for the cluster for ever; otherwise a message that is not taken in a minute is the end */
};

/* Until the socket's other end closes and everything has arrived: 0. Otherwise a sentence, which the other end has been told too. */
int kafka_run(int sock, const struct kafka_options *o, struct err *e);

#endif
