# shellcheck shell=sh
# SPDX-License-Identifier: Apache-2.0
# In the guest: where things are, how one row is measured, and how long nobody may be waited for. Sourced by guest.sh with its arguments.
B=$(cd "$1" && pwd) rounds=$2
work=/run/bench
store=$work/store dir=$work/store/data
mkdir -p "$work/store" "$work/else"
mount -t tmpfs -o size=90%,nr_inodes=3m bench-store "$work/store"
mount -t tmpfs bench-else "$work/else"
mkdir "$dir" "$store/beside"
ip link set lo up 2>/dev/null || true
cp "$B/tests/bench/images.tar" "$work/images.tar"
cp /run/vm/busybox "$work/busybox"

# Into the guest's own memory, with its libraries: while somebody waits for a page that the host holds, the guest's clock runs on, and what
# has a minute to answer may be given up at once. Opening a file of the overlay for writing is what copies it.
own() { # own PROGRAM...
	for program in "$@" /etc/passwd /etc/group /etc/nsswitch.conf; do
		[ -e "$program" ] || program=$(command -v "$program") || continue
		readlink -f "$program"
		ldd "$program" 2>/dev/null | grep -o '/[^ ]*' | xargs -r readlink -f
	done | sort -u | while read -r path; do
		(: >>"$path") 2>/dev/null || true # one that runs is in memory already
	done
}

# What was started or torn down before goes on working for a while: let it, or it counts as the next system's.
settle() { sleep 2; }

# How often the archive is unpacked for one figure, and --drained for systems that go on working after an operation has ended.
image_runs=3 drained=

measure() { # measure SYSTEM DIR WHAT [PREFIX...]: the lines of ops; WHAT: files, or all: also programs, sockets and images
	system=$1 in=$2 what=$3
	shift 3
	settle
	# shellcheck disable=SC2086 # one word or none
	if [ "$what" = all ]; then
		"$@" "$B/tests/bench/ops" $drained "$in" "$rounds" >"$work/out"
		settle
		"$@" "$B/tests/bench/ops" $drained "$in" "$rounds" images "$work/images.tar" "$work/busybox" "$image_runs" >>"$work/out"
	else
		"$@" "$B/tests/bench/ops" $drained "$in" "$rounds" "$what" >"$work/out"
	fi
	sed "s/^/$system /" "$work/out"
}

# Pages that the guest has never touched, files that it has never read, code that the emulator has never seen: no system's fault.
warm_up() {
	all=$rounds rounds=$((rounds / 10)) image_runs=1
	measure warm-up "$dir" all >/dev/null
	rounds=$all image_runs=3
}

cpu_ns() { # cpu_ns PID...: what these processes have had of the processor
	for pid in "$@"; do
		cat "/proc/$pid/schedstat"
	done | awk '{ ns += $1 } END { printf "%.0f", ns }'
}

# What the processor has done that was not waiting, interrupts included.
busy_ns() { awk '$1 == "cpu0" { printf "%.0f", $8 }' /proc/schedstat; }

# 4,096 files in turn, so that no opening resembles the one before. Whoever records them is CONSUMER, processes by PID; `records` and `lost`
# are what this one says of itself. Everything is counted, the loop's own start and what is written after its end as well. Many rounds,
# because what a recorder does once a second would weigh as if a second had only these few openings.
many() { # many SYSTEM RECORDS LOST CONSUMER...
	system=$1 records=$2 lost=$3
	shift 3
	"$B/tests/bench/ops" "$dir" 4 many >/dev/null # makes the files
	settle
	had_records=$($records) had_lost=$($lost) had_cpu=$(cpu_ns "$@") had_busy=$(busy_ns)
	"$B/tests/bench/ops" "$dir" $((rounds * 5)) many >"$work/out"
	settle
	busy=$(busy_ns) cpu=$(cpu_ns "$@")
	sed "s/^/$system /" "$work/out"
	echo "$system busy-many $((busy - had_busy))"
	[ $# -gt 0 ] || return 0
	echo "$system consumer-many $((cpu - had_cpu))"
	echo "$system records $(($($records) - had_records))"
	echo "$system lost $(($($lost) - had_lost))"
}
