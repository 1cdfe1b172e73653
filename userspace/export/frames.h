/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Between `polyward log export` and a program that holds a library which polyward is not to be linked with: a stream socket, inherited
 * as FRAMES_FD. The program is given finished messages, never the log or its keys. Native byte order: both run on one host.
 */
#ifndef EXPORT_FRAMES_H
#define EXPORT_FRAMES_H

#include <stdint.h>

#include "audit/tree.h"

#define FRAMES_FD 3

/* Down: one message; len_bytes of it follow. The end of the stream: no more, deliver and go. */
struct frame_message { uint32_t len_bytes; uint32_t pad_; uint64_t seq; uint8_t leaf[TREE_HASH_BYTES]; };

/* Up. Text follows; it is for people and came from elsewhere. */
enum frame_kind {
	FRAME_ARRIVED = 1, /* all messages up to seq */
	FRAME_TROUBLE,     /* why nothing arrives at the moment; empty: over */
	FRAME_FAILED,      /* the end: what has not arrived will not */
};
struct frame_answer { uint32_t kind; uint32_t len_bytes; uint64_t seq; };
#define FRAME_TEXT_MAX 400u

#endif
