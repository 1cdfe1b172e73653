#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# In the guest: a thousand kills, one process at a time and all at once, while one user is refused and another allowed without a pause.
# The kills come from process 1, since nobody else's reach. Prints TAP. Usage: tests/vm/run -- tests/vm/daemons/storm.sh [KILLS]
set -u
. tests/vm/daemons/lib.sh
people
goal=${1:-1000}
load=$built/tests/vm/load
records_dir=/var/log/polyward/records
store=$(policy storm 1)
sed -i 's,path /srv/ai/scans,path /srv/ai/scans strict,' "$store"

daemon
polyward apply "$store" >/dev/null 2>&1
ok $? 'a strict store'
sleep 0.5
stop # nobody reads the rings yet, so the count of attempts begins with the count of records
"$load" watch $records_dir $work/seen &
watcher=$!
mkdir -p $work/out
(exec setpriv --reuid ann --regid annotation --init-groups -- "$load" try /srv/ai/scans/one.png 5000 >$work/out/ann) &
ann=$!
(exec setpriv --reuid alice --regid radiology --init-groups -- "$load" try /srv/ai/scans/one.png 5000 >$work/out/alice) &
alice=$!
before=$("$load" account $records_dir)

# Nothing in here starts a program but the daemon itself, or the storm would be a breeze.
mkfifo $work/never
nap() { read -r -t "$1" _ <>$work/never || :; } # nap SECONDS
kin() { children=; read -r children <"/proc/$daemon/task/$daemon/children" || :; } 2>/dev/null
hit() { echo "$work/reply kill KILL $*" >/run/vm/ask; } # process 1 does it; its answer is not waited for
kills=0 lives=0 alone=0
began=$SECONDS
while [ $kills -lt "$goal" ] && [ $((SECONDS - began)) -lt 300 ]; do
	lives=$((lives + 1))
	polywardd >>$daemon_log 2>&1 &
	daemon=$!
	# Most die young, some before they have begun to work, and every tenth life sees everything started.
	if [ $((lives % 10)) = 0 ]; then
		wait_for 10 polyward status
		nap 0.5
	else
		nap "0.$((RANDOM % 25 + 10))"
	fi
	# One at a time; the supervisor starts it again.
	kin
	for pid in $children; do
		[ $((RANDOM % 3)) != 0 ] || continue
		hit "$pid"
		kills=$((kills + 1)) alone=$((alone + 1))
		nap "0.0$((RANDOM % 9 + 1))"
	done
	kin
	# shellcheck disable=SC2086 # a list of processes
	hit $daemon $children
	for _ in $daemon $children; do kills=$((kills + 1)); done
	wait $daemon 2>/dev/null
done
echo "# $kills kills in $((SECONDS - began)) s: $lives times all together, $alone times one alone"
[ $kills -ge "$goal" ]
ok $? "$goal kills"
: >$daemon_log
daemon
ok $? 'then the daemon starts as ever'
well() { [ "$(status_of .well)" = true ]; }
wait_for 20 well
ok $? '... and all is well'
kill -TERM $ann $alice
wait $ann $alice
read -r ann_opened ann_refused ann_else <$work/out/ann
read -r alice_opened alice_refused alice_else <$work/out/alice
said="ann: $ann_opened opened, $ann_refused refused, $ann_else else; alice: $alice_opened, $alice_refused, $alice_else"
echo "# $said"
[ "$ann_opened" = 0 ] && [ "$ann_else" = 0 ] && [ "$ann_refused" -gt 1000 ]
ok $? 'never one unguarded moment: who has no right was refused each time'
[ "$alice_else" = 0 ] && [ "$alice_opened" -gt 500 ]
ok $? '... and who has it was allowed, but for the times without room for a record'
sleep 4
kill -TERM $watcher
wait $watcher
ok $? 'a reader followed the log through it all'
read -r records lost allowed <<<"$before"
attempts=$((ann_refused + alice_opened + alice_refused + records + lost))
said=$("$load" check $records_dir $work/seen $attempts $((alice_opened + allowed)) 2>&1)
status=$?
echo "# $said"
ok $status 'the log: no hole in its numbers, nothing that was read before has changed, each allowed opening is in it once, and records + gaps == attempts'
stop
finish
