/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A process that is led by hand: it carries out one order after the other, so that what it remembers is warm when the thing happens
 * that must end it. Must never do anything between two orders.
 */
#ifndef TEST_LED_H
#define TEST_LED_H

#include <sys/types.h>

struct led_order { char what; char path[127]; };

/* Carries out one order; 0, or the errno that is the answer. */
typedef int led_act(struct led_order *o);

/* What the new process does first, as root; it may fork, then its child is the one that is led. Not 0: it ends. */
typedef int led_become(uid_t uid);

struct led { pid_t pid; int to, from; }; /* pid: our child. -1: nobody, or ended already */

struct led led_start(led_become *become, uid_t uid, led_act *act);
int led_ask(const struct led *l, char what, const char *path); /* the answer; -1: none came */
void led_stop(struct led *l);

#endif
