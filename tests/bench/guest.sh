#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Runs in the guest: every system in one boot, so that ratios come from one run. Prints "SYSTEM OPERATION FIGURE" lines, and
# "MEMORY ..." and "swap ..." lines.
# Usage: guest.sh BUILD ROUNDS FILES     FILES: how many files the large store gets, 0: none
set -eu
B=$1 rounds=$2 files=$3
here=$(cd "$(dirname "$0")" && pwd)
work=/run/bench
store=$work/store else=$work/else
mkdir -p "$store" "$else"
mount -t tmpfs -o size=90%,nr_inodes=3m bench-store "$store"
mount -t tmpfs bench-else "$else"
mkdir "$store/data" "$store/beside"

# What was started or torn down before goes on working for a while: let it, or it counts as the next system's.
settle() { sleep 2; }

# Newer kernels take seconds to detach programs after their last owner has gone. To be called where none should be there.
detached() {
	while bpftool prog list | grep -q ' name \(pw_\|floor_\)'; do
		sleep 1
	done
}

measure() { # measure SYSTEM DIR [PREFIX...]
	system=$1 dir=$2
	shift 2
	settle
	"$@" "$B/tests/bench/ops" "$dir" "$rounds" >"$work/out"
	sed "s/^/$system /" "$work/out"
}

floor() { # floor SYSTEM PROGRAMS
	detached
	measure "$1" "$store/data" "$B/tests/bench/floor" "$B/tests/bench/floor.bpf.o" "$2" --
}

policy() { # policy RULES LOG: see policy.sh
	"$here/policy.sh" "$1" "$2" "$store" >"$work/policy.pw"
	polyward apply "$work/policy.pw" >"$work/apply" 2>&1 || { tail -n 20 "$work/apply" >&2; exit 1; }
}

field() { # field NAME: a number of `polyward status --json`, the last of that name
	polyward status --json | sed -n "s/^ *\"$1\": \([0-9]*\),*$/\1/p" | tail -n 1
}

cpu_ns() { # cpu_ns PID
	cut -d' ' -f1 "/proc/$1/schedstat"
}

# Every access recorded, the consumer's work included: what the caller spends, and what polyward-audit spends for it.
log_all() {
	audit=$(pidof polyward-audit)
	settle
	lost=$(field lost) before=$(cpu_ns "$audit") records=$(field records)
	"$B/tests/bench/ops" "$store/data" "$rounds" many >"$work/out"
	settle
	lost=$(($(field lost) - lost))
	after=$(cpu_ns "$audit") records=$(($(field records) - records))
	sed 's/^/store-log-all /' "$work/out"
	echo "store-log-all consumer-per-record $(awk -v ns=$((after - before)) -v n="$records" 'BEGIN { printf "%.1f", n ? ns / n : 0 }')"
	echo "store-log-all records $records"
	echo "store-log-all lost $lost"
}

memory() {
	for name in polywardd polyward-kernel polyward-control polyward-audit; do
		pid=$(pidof "$name")
		awk -v name="$name" '/^Rss:/ { rss = $2 } /^Pss:/ { pss = $2 } END { print "MEMORY", name, rss, pss }' "/proc/$pid/smaps_rollup"
	done
	echo "MEMORY maps $(field map_bytes)"
}

measure warm-up "$store/data" >/dev/null
detached
measure nothing "$store/data"
floor floor-file_open floor_open
floor floor-file_permission floor_perm
floor floor-all floor_open,floor_perm,floor_create,floor_unlink,floor_free
detached
settle
"$B/tests/bench/ops" "$store/data" "$rounds" many | sed 's/^/nothing /'

# The loader's own part of a new policy, from nothing, from few rules to many, and from many to many; then the cost under many. Not
# through polywardd: 60 s are its limit for compiling, and here they pass faster than on any real machine.
for n in 10 10000; do
	"$here/policy.sh" "$n" denied "$store" >"$work/policy-$n.pw"
done
swap() { # swap DIR: run the operations in DIR under 10,000 rules
	detached
	settle
	"$B/tests/bench/bench_swap" "$work/policy-10.pw" "$work/policy-10000.pw" "$work/policy-10000.pw" -- "$B/tests/bench/ops" "$1" "$rounds"
}
swap "$store/data" >"$work/out"
sed '/^swap/!s/^/store-10000-rules /' "$work/out"
swap "$else" >"$work/out"
sed '/^swap/d; s/^/elsewhere-10000-rules /' "$work/out"

detached
"$here/../vm/users"
polywardd >"$work/polywardd.log" 2>&1 &
daemon=$!
for _ in $(seq 100); do
	polyward status >/dev/null 2>&1 && break
	sleep 0.2
done
measure daemons-without-policy "$store/data"
policy 10 denied
measure store "$store/data"
measure beside-the-store "$store/beside"
measure elsewhere "$else"
policy 10 all
log_all
policy 100 denied
settle
memory
if [ "$files" -gt 0 ]; then
	policy 10 denied
	mkdir "$store/data/large"
	"$B/tests/bench/fill" "$store/data/large" "$files"
	policy 10 denied
	measure "store-$files-files" "$store/data"
fi
kill "$daemon"
wait "$daemon" || true
