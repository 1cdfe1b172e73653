#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# In the guest: as many openings as both processors can make, with every access recorded, and the log counted number by number: each is a
# record or stands in a gap of exactly that size, and what passed in a strict store is a record. Prints TAP.
# Usage: tests/vm/run --cpus 2 -- tests/vm/daemons/flood.sh [SECONDS]     default 4 for each of the two storms
# A minute's log is about a gigabyte, in memory here: --mem 6144.
set -u
. tests/vm/daemons/lib.sh
people
seconds=${1:-4} files=512
flood=$built/tests/vm/flood
records_dir=/var/log/polyward/records
cpus=$(nproc)
for store in scans vault; do
	mkdir -p /srv/ai/$store
	for n in $(seq 0 $((files - 1))); do : >"/srv/ai/$store/$n"; done
	chmod -R a+rX /srv/ai/$store
done
both=$(policy both 1 'store vault { path /srv/ai/vault modality image class phi strict } rule vault-read { allow radiologist to read, list on vault }')
daemon
polyward apply "$both" >/dev/null 2>&1
ok $? 'a policy that records everything, with a strict store'

# What is lost at the very end is known when the next event of that processor comes: one opening on each.
one_each() {
	local cpu
	for cpu in $(seq 0 $((cpus - 1))); do
		as alice taskset -c "$cpu" cat /srv/ai/scans/0
	done
}

# Numbers that are not there after two seconds are gaps; wait until the log has come to rest.
at_rest() {
	local before now
	before=$("$flood" count $records_dir)
	while :; do
		sleep 3
		now=$("$flood" count $records_dir)
		[ "$now" != "$before" ] || break
		before=$now
	done
	printf '%s\n' "$now"
}

storm() { # storm STORE: each processor's own count in $work/flood.CPU
	local cpu
	for cpu in $(seq 0 $((cpus - 1))); do
		as alice "$flood" run "/srv/ai/$1" $files "$seconds" "$cpu" >"$work/flood.$cpu" &
	done
	# shellcheck disable=SC2046 # a list of jobs; the daemon is another
	wait $(jobs -p | grep -vx "$daemon")
}

compare() { # compare BEFORE AFTER EXTRA: what each processor says it did, and what the log says; sets sums
	local cpu attempts opened refused
	attempts_all=0 opened_all=0 refused_all=0 recorded_all=0 missing_all=0 allowed_all=0 wrong=0
	for cpu in $(seq 0 $((cpus - 1))); do
		read -r attempts opened refused <"$work/flood.$cpu"
		read -r _ n0 r0 m0 _ a0 < <(printf '%s\n' "$1" | grep "^$cpu ")
		read -r _ n1 r1 m1 holes a1 < <(printf '%s\n' "$2" | grep "^$cpu ")
		echo "# processor $cpu: $attempts attempts, $opened opened, $refused refused; the log: $((n1 - n0 - $3)) numbers, $((r1 - r0 - $3)) records," \
			"$((m1 - m0)) in gaps, $holes in neither"
		[ $((n1 - n0 - $3)) = "$attempts" ] && [ "$holes" = 0 ] && [ $((r1 - r0 + m1 - m0 - $3)) = "$attempts" ] || wrong=1
		attempts_all=$((attempts_all + attempts)) opened_all=$((opened_all + opened)) refused_all=$((refused_all + refused))
		recorded_all=$((recorded_all + r1 - r0 - $3)) missing_all=$((missing_all + m1 - m0)) allowed_all=$((allowed_all + a1 - a0 - $3))
	done
	said="$attempts_all attempts, $opened_all opened; $recorded_all records, $missing_all in gaps, $allowed_all records of allowed accesses"
	echo "# $said in $seconds s"
}

one_each
before=$(at_rest)
storm scans
one_each
after=$(at_rest)
compare "$before" "$after" 1
[ $wrong = 0 ] && [ $attempts_all -gt 1000 ]
ok $? 'a storm on a store that is not strict: on each processor, records and gaps are together exactly what was attempted'
[ $opened_all = $attempts_all ]
ok $? '... nobody was kept waiting or refused for the log'

before=$after
storm vault
one_each
after=$(at_rest)
compare "$before" "$after" 1
[ $wrong = 0 ] && [ $attempts_all -gt 1000 ]
ok $? 'a storm on a strict store: the same'
[ $allowed_all = $opened_all ]
ok $? '... every opening that passed is a record: none stands in a gap'
[ $missing_all -le $refused_all ]
ok $? '... and what stands in gaps, if anything, are refusals for want of a record'
stop
finish
