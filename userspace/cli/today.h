/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What this host says today of people, programs and units that a record names by number. Where the file or the control group is not the
 * one of that moment for certain, the answer is that it is not known.
 */
#ifndef CLI_TODAY_H
#define CLI_TODAY_H

#include "cli/event.h"
#include "policy/replay.h"

struct today;
/* users stays the caller's; img: whose programs are asked about. */
int  today_open(struct event_users *users, const struct image *img, struct today **ret, struct err *e);
void today_close(struct today *t);
/* The boot that the next records are from: control groups have numbers of one boot alone. */
void today_boot(struct today *t, const uint8_t boot_id[static 16]);
struct replay_host today_host(struct today *t);
/* Was something not looked at for want of memory? Then "not known" is no answer. */
bool today_failed(const struct today *t);

#endif
