/* SPDX-License-Identifier: Apache-2.0 */
/* What the operations that are measured share. Must never hold anything that is measured itself. */
#ifndef BENCH_OPS_H
#define BENCH_OPS_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

struct bench {
	int fd;                 /* the file, open */
	int tcp, local;         /* listening sockets */
	struct sockaddr_in at;  /* where the first one listens */
	char block[4096];
};

/* One operation, the n-th time: false, errno set, if it failed. It is run ROUNDS / part times. */
struct op { const char *name; bool (*run)(struct bench *b, uint64_t n); unsigned part; };

/* ops_more.c. Work in the current directory, like the others. */
int  ops_more_prepare(struct bench *b, const char *program);
bool op_fork(struct bench *b, uint64_t n);
bool op_exec(struct bench *b, uint64_t n);
bool op_connect_tcp(struct bench *b, uint64_t n);
bool op_connect_unix(struct bench *b, uint64_t n);
/*
 * Unpack this archive with this busybox's tar and read every file in it once. Returns the number of files or -errno. A static program in
 * memory, because whoever waits for pages of a program that the host holds makes the guest's clock jump.
 */
int  ops_images(const char *archive, const char *busybox);
int  ops_images_remove(void);

#endif
