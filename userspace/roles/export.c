/* SPDX-License-Identifier: Apache-2.0 */
/*
 * polyward-export: what `polyward log export --kafka` starts, so that polyward itself is not linked with librdkafka. It is given finished
 * messages on descriptor 3 and never opens the log; it speaks to brokers as nobody.
 */
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "export/frames.h"
#include "export/kafka.h"

#define USAGE "polyward-export is started by `polyward log export --kafka`\n"

int main(int argc, char **argv)
{
	struct kafka_options o;
	struct err e = { 0 };
	int type;
	socklen_t size = sizeof(type);

	if (argc != 7 || strcmp(argv[1], "kafka") != 0 || getsockopt(FRAMES_FD, SOL_SOCKET, SO_TYPE, &type, &size) < 0) {
		fputs(USAGE, stderr);
		return 2;
	}
	o = (struct kafka_options){ .brokers = argv[2], .topic = argv[3], .key = argv[4], .patient = !strcmp(argv[5], "patient"), .config = argv[6] };
	return kafka_run(FRAMES_FD, &o, &e) < 0 ? 3 : 0; /* what it was has been said over the socket */
}
