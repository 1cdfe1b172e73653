// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The home of all maps and shared words; what they are is said in maps.bpf.h. Must never hold code. */
#define PW_MAP_LINKAGE
#include "maps.bpf.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";
