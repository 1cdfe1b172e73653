#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Runs in the guest: every system in one boot, so that ratios come from one run. Prints "SYSTEM OPERATION FIGURE" lines.
# Usage: guest.sh ROUNDS FILES
set -eu
rounds=$1
files=$2
B=${B:-build}
here=$(cd "$(dirname "$0")" && pwd)
work=/run/bench
mkdir -p "$work/store" "$work/else"
mount -t tmpfs -o size=3g,nr_inodes=3m bench-store "$work/store"
mount -t tmpfs bench-else "$work/else"
mkdir "$work/store/data" "$work/store/beside"

measure() { # measure SYSTEM DIR [PREFIX...]
	system=$1 dir=$2
	shift 2
	"$@" "$B/tests/bench/ops" "$dir" "$rounds" >"$work/out"
	sed "s/^/$system /" "$work/out"
}

policy() { # policy RULES MODE: RULES rules on 101 stores, one of which is measured
	mkdir -p "$work/store/more"
	awk -v rules="$1" -v log="$2" -v root="$work/store" 'BEGIN {
		print "polyward 1"
		print "policy bench { version 1 owner \"bench\" mode enforce log " log " }"
		print "store data { path " root "/data modality image class phi }"
		print "role runner { members user:root }"
		print "rule run { allow runner to read, list, write, create, delete on data }"
		n = rules > 1 ? 40 : 0
		for (s = 0; s < n; s++) {
			system("mkdir -p " root "/more/s" s)
			print "store s" s " { path " root "/more/s" s " modality image class other }"
		}
		for (r = 1; r < rules; r++)
			print "rule r" r " { " (r % 3 ? "allow" : "deny") " runner to " (r % 2 ? "read" : "list") " on s" r % 40 " when " \
				"user root }"
	}' >"$work/policy.pw"
	polyward apply "$work/policy.pw" >"$work/apply" 2>&1 || { cat "$work/apply" >&2; exit 1; }
}

measure nothing "$work/store/data"
measure floor-file_open "$work/store/data" "$B/tests/bench/floor" "$B/tests/bench/floor.bpf.o" floor_open --
measure floor-file_permission "$work/store/data" "$B/tests/bench/floor" "$B/tests/bench/floor.bpf.o" floor_perm --

"$here/../vm/users"
polywardd >"$work/polywardd.log" 2>&1 &
daemon=$!
for _ in $(seq 100); do
	polyward status >/dev/null 2>&1 && break
	sleep 0.1
done
policy 10 denied
measure store "$work/store/data"
measure elsewhere "$work/else"
measure beside-the-store "$work/store/beside"
policy 10000 denied
measure store-10000-rules "$work/store/data"
policy 10 all
measure store-log-all "$work/store/data"
policy 10 denied
if [ "$files" -gt 0 ]; then
	(cd "$work/store/data" && mkdir -p many && cd many && seq "$files" | awk '{ d = int($1 / 1000); if (d != last) { system("mkdir -p d" d); last = d } f = "d" d "/f" $1; printf "" >f; close(f) }')
	measure "store-$files-files" "$work/store/data"
fi
polyward status --json >"$work/status" && sed 's/^/STATUS /' "$work/status"
kill "$daemon"
