/* SPDX-License-Identifier: Apache-2.0 */
/* The compiled kernel programs as bytes (generated). Must be included by no more than the two files that open them. */
#ifndef KERNEL_OBJECT_H
#define KERNEL_OBJECT_H

#include <polyward/abi.h>

/* The programs' own memory: only its size is known here (the generated header asserts it). */
struct pw_slots { unsigned char bytes[512 * 1024]; };

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wsign-conversion"
#pragma GCC diagnostic ignored "-Wconversion"
#include "polyward.skel.h"
#pragma GCC diagnostic pop

#endif
