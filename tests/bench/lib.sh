# shellcheck shell=sh
# SPDX-License-Identifier: Apache-2.0
# In the guest: where things are and how one row is measured. Sourced by guest.sh and peers.sh with their arguments.
B=$(cd "$1" && pwd) rounds=$2
work=/run/bench
mkdir -p "$work/store" "$work/else"
mount -t tmpfs -o size=90%,nr_inodes=3m bench-store "$work/store"
mount -t tmpfs bench-else "$work/else"
ip link set lo up 2>/dev/null || true
cp "$B/tests/bench/images.tar" "$work/images.tar"
cp /run/vm/busybox "$work/busybox"

# What was started or torn down before goes on working for a while: let it, or it counts as the next system's.
settle() { sleep 2; }

measure() { # measure SYSTEM DIR WHAT [PREFIX...]: the lines of ops; WHAT: files, or all: also programs, sockets and images
	system=$1 dir=$2 what=$3
	shift 3
	settle
	if [ "$what" = all ]; then
		"$@" "$B/tests/bench/ops" "$dir" "$rounds" >"$work/out"
		settle
		"$@" "$B/tests/bench/ops" "$dir" "$rounds" images "$work/images.tar" "$work/busybox" >>"$work/out"
	else
		"$@" "$B/tests/bench/ops" "$dir" "$rounds" "$what" >"$work/out"
	fi
	sed "s/^/$system /" "$work/out"
}
