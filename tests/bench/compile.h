/* SPDX-License-Identifier: Apache-2.0 */
/* Policy text to image, inside a program that measures. Must never be linked into anything that is installed. */
#ifndef BENCH_COMPILE_H
#define BENCH_COMPILE_H

#include "base/buf.h"

/* 0 and the image's bytes in *ret_image; on failure a line on stderr. */
int bench_compile(const char *path, struct buf *ret_image);

#endif
