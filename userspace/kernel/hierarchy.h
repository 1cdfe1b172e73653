/* SPDX-License-Identifier: Apache-2.0 */
/* The programs on device nodes and on sysctl at the root of the control groups. Must never be asked by whom lacks CAP_NET_ADMIN but for the root. */
#ifndef KERNEL_HIERARCHY_H
#define KERNEL_HIERARCHY_H

#include "base/err.h"

enum hierarchy_place { HIERARCHY_DEVICE, HIERARCHY_SYSCTL };

int hierarchy_root(void); /* a descriptor, the caller's, or -ENOENT: no cgroup2 hierarchy is mounted */
int hierarchy_attach(int prog_fd, enum hierarchy_place place, struct err *e); /* as the last one, once. -ENOENT as above */
int hierarchy_detach(int prog_fd, enum hierarchy_place place, struct err *e);

#endif
