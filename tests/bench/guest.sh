#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Runs in the guest: polyward and what it is compared with, in one boot, so that ratios come from one run. Prints "SYSTEM OPERATION
# FIGURE" lines, and "MEMORY ..." and "swap ..." lines. The peers are in peers.sh.
# Usage: guest.sh BUILD ROUNDS FILES     FILES: how many files the large store gets, 0: none
set -eu
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/bench/lib.sh
. "$here/lib.sh"
files=$3
store=$work/store
mkdir "$store/data" "$store/beside"

# Newer kernels take seconds to detach programs after their last owner has gone. To be called where none should be there.
detached() {
	while bpftool prog list | grep -q ' name \(pw_\|floor_\)'; do
		sleep 1
	done
}

floor() { # floor SYSTEM WHAT PROGRAMS
	detached
	measure "$1" "$store/data" "$2" "$B/tests/bench/floor" "$B/tests/bench/floor.bpf.o" "$3" --
}

# While somebody waits for a page of a program that the host holds, the guest's clock runs on: 60 s for the compiler may then be over at once.
policy() { # policy RULES LOG: see policy.sh
	"$here/policy.sh" "$1" "$2" "$store" >"$work/policy.pw"
	for _ in 1 2 3 4 5; do
		polyward apply "$work/policy.pw" >"$work/apply" 2>&1 && return
	done
	tail -n 20 "$work/apply" >&2
	exit 1
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
		# Not smaps: nobody looks into polyward's memory while a policy is in force.
		awk -v name="$name" '/^VmRSS:/ { rss = $2 } /^RssAnon:/ { own = $2 } END { print "MEMORY", name, rss, own }' "/proc/$pid/status"
	done
	echo "MEMORY maps $(field map_bytes)"
}

hot=floor_open,floor_perm,floor_create,floor_unlink,floor_free
more=floor_mmap,floor_mprotect,floor_mknod,floor_mkdir,floor_setattr,floor_bprm,floor_from,floor_done,floor_task,floor_cred,floor_kill,floor_ioctl

measure warm-up "$store/data" all >/dev/null
detached
measure nothing "$store/data" all
floor floor-file_open files floor_open
floor floor-file_permission files floor_perm
floor floor-all files "$hot"
floor floor-every all "$hot,$more"
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
	"$B/tests/bench/bench_swap" "$work/policy-10.pw" "$work/policy-10000.pw" "$work/policy-10000.pw" -- "$B/tests/bench/ops" "$1" "$rounds" files
}
swap "$store/data" >"$work/out"
sed '/^swap/!s/^/store-10000-rules /' "$work/out"
swap "$work/else" >"$work/out"
sed '/^swap/d; s/^/elsewhere-10000-rules /' "$work/out"

detached
"$here/../vm/users"
polywardd >"$work/polywardd.log" 2>&1 &
for _ in $(seq 100); do
	polyward status >/dev/null 2>&1 && break
	sleep 0.2
done
measure daemons-without-policy "$store/data" files
policy 10 denied
measure store "$store/data" all
measure beside-the-store "$store/beside" files
measure elsewhere "$work/else" all
policy 10 all
measure logged "$store/data" all
log_all
policy 100 denied
settle
memory
if [ "$files" -gt 0 ]; then
	policy 10 denied
	mkdir "$store/data/large"
	"$B/tests/bench/fill" "$store/data/large" "$files"
	policy 10 denied
	measure "store-$files-files" "$store/data" files
fi
# Nobody may end the daemons now; the guest's end does.
