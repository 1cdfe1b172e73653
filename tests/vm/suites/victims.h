/* SPDX-License-Identifier: Apache-2.0 */
/* Processes to be attacked, and what is tried on them: op_*() take a pid, or a struct signal_to, and return an errno. */
#ifndef VICTIMS_H
#define VICTIMS_H

#include "suite.h"

#define BORROWED(hook_) ((struct want){ EPERM, PW_HOOK_##hook_, PW_DENY, PW_R_BORROWED, 0 })
#define GUARDED(hook_) ((struct want){ EPERM, PW_HOOK_##hook_, PW_DENY, PW_R_GUARD, 0 })
#define PROGRAMS "/srv/programs"

struct signal_to { pid_t pid; int sig; };

pid_t victim_start(const struct who *who, bool own);
void victim_bury(pid_t pid);
bool victim_alive(pid_t pid);
void victim_named(struct suite *s, const char *name, uint8_t hook, uint8_t reason, pid_t target);
int victim_copy(const char *from, const char *to);
int op_attach(const void *arg);
int op_seize(const void *arg);
int op_vm_read(const void *arg);
int op_take_fd(const void *arg);
int op_mem(const void *arg);
int op_environ(const void *arg);
int op_signal(const void *arg);
int op_pidfd_signal(const void *arg);
int op_nice(const void *arg);
int op_sched(const void *arg);
int op_ioprio(const void *arg);
int op_limit(const void *arg);
int op_sigio(const void *arg);
int op_secure(const void *arg);

#endif
