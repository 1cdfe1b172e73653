# shellcheck shell=sh
# SPDX-License-Identifier: Apache-2.0
# In the guest: polyward's own rows, from the price of being attached to every access in the log, and its end. Sourced by guest.sh. Prints
# "SYSTEM OPERATION FIGURE" lines, and "MEMORY ..." and "swap ..." lines. Must leave nothing attached for what is measured next.
# shellcheck disable=SC2034,SC2154 # of lib.sh
# shellcheck disable=SC2317 # called by name

# Newer kernels take seconds to detach programs after their last owner has gone. To be called where none should be there.
detached() {
	for _ in $(seq 300); do
		bpftool prog list | grep -q ' name \(pw_\|floor_\)' || return 0
		sleep 1
	done
	echo "bench: programs stay attached that should be gone" >&2
	exit 1
}

floor_row() { # floor_row SYSTEM WHAT PROGRAMS
	detached
	measure "$1" "$dir" "$2" "$B/tests/bench/floor" "$B/tests/bench/floor.bpf.o" "$3" --
}

floor() {
	hot=floor_open,floor_perm,floor_create,floor_unlink,floor_free
	more=floor_mmap,floor_mprotect,floor_mknod,floor_mkdir,floor_setattr,floor_bprm,floor_from,floor_done,floor_task,floor_cred,floor_kill,floor_ioctl
	floor_row floor-file_open files floor_open
	floor_row floor-file_permission files floor_perm
	floor_row floor-all files "$hot"
	floor_row floor-every all "$hot,$more"
	detached
}

swap_row() { # swap_row DIR SYSTEM: the operations in DIR under 10,000 rules
	detached
	settle
	"$B/tests/bench/bench_swap" "$work/policy-10.pw" "$work/policy-10000.pw" "$work/policy-10000.pw" -- \
		"$B/tests/bench/ops" "$1" "$rounds" files >"$work/out"
	sed "/^swap/!s/^/$2 /" "$work/out"
}

# The loader's own part of a new policy, from nothing, from few rules to many, and from many to many; then the cost under many. Not
# through polywardd, whose limits are by a clock that runs on here while the host is waited for.
swap() {
	for n in 10 10000; do
		"$here/policy.sh" "$n" denied "$store" >"$work/policy-$n.pw"
	done
	swap_row "$dir" store-10000-rules
	swap_row "$work/else" elsewhere-10000-rules | sed '/^swap/d'
	detached
}

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
polyward_records() { field records; }
polyward_lost() { field lost; }

memory() { # memory PREFIX: what the idle daemons hold, and the maps
	for name in polywardd polyward-kernel polyward-control polyward-audit; do
		pid=$(pidof "$name")
		# Not smaps: nobody looks into polyward's memory while a policy is in force.
		awk -v name="$1$name" '/^VmRSS:/ { rss = $2 } /^RssAnon:/ { own = $2 } END { print "MEMORY", name, rss, own }' "/proc/$pid/status"
	done
	echo "MEMORY $1maps $(field map_bytes)"
}

daemons() {
	"$here/../vm/users"
	own polyward polywardd "$B"/libexec/* /usr/lib/*/libnss_*
	polywardd >"$work/polywardd.log" 2>&1 &
	for _ in $(seq 300); do
		polyward status >/dev/null 2>&1 && break
		sleep 0.2
	done
}

record() { # under `log all`
	many store-log-all polyward_records polyward_lost "$(pidof polyward-audit)"
}

# What the daemons cost with and without a policy, elsewhere, and with every access recorded.
rows() {
	measure daemons-without-policy "$dir" files
	policy 10 denied
	measure store "$dir" all
	measure beside-the-store "$store/beside" files
	measure elsewhere "$work/else" all
	settle
	memory ''
	policy 10 all
	lost=$(field lost) records=$(field records)
	drained=--drained
	measure logged "$dir" all
	drained=
	settle
	echo "VERSION polyward-records $(($(field records) - records))"
	echo "VERSION polyward-lost $(($(field lost) - lost))"
	record
	settle
	memory after-
}

# A store as large as a training set.
large() { # large FILES
	policy 10 denied
	mkdir "$dir/large"
	"$B/tests/bench/fill" "$dir/large" "$1"
	policy 10 denied
	measure "store-$1-files" "$dir" files
	rm -r "$dir/large"
}

# Once nothing is enforced the daemons may be ended as any others.
down() {
	polyward down --yes-stop-enforcing >/dev/null
	kill "$(pidof polywardd)"
	while pidof polywardd polyward-kernel polyward-control polyward-audit >/dev/null; do
		sleep 0.2
	done
	detached
}

polyward_all() {
	daemons
	rows
	[ "$files" -eq 0 ] || large "$files"
	down
}

polyward_many() {
	daemons
	policy 10 all
	record
	down
}
