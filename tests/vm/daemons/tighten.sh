#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# In the guest: mappings that outlive a right, left alone or ended. Prints TAP. Run by: tests/vm/run -- tests/vm/daemons/tighten.sh
set -u
. tests/vm/daemons/lib.sh
people
load=$built/tests/vm/load
what='role second { members user:ann } rule ann-read { allow second to read on scans }'
kill_policy() { # kill_policy NAME VERSION WHEN [MORE]
	policy "$1" "$2" "${4:-}" >/dev/null
	sed -i "s,path /srv/ai/scans,path /srv/ai/scans on-tighten kill $3," "$work/policies/$1.pw"
	echo "$work/policies/$1.pw"
}
maps() { # maps USER: a process that maps a scan and waits; $! is its number
	(exec setpriv --reuid "$1" --regid "$(id -g "$1")" --init-groups -- "$load" map /srv/ai/scans/one.png) &
	mapper=$!
	wait_for 5 grep -q one.png /proc/$mapper/maps
}
gone() { ! kill -0 "$1" 2>/dev/null; }
told() { polyward log --kind mode --json | jq -es "any(.[]; .event == \"$1\" and (.note | test(\"process $2 .*store scans\")))" >/dev/null; }

daemon
open_leave=$(policy open-leave 1 "$what")
shut_leave=$(policy shut-leave 2)
open_kill=$(kill_policy open-kill 3 'after 3s' "$what")
shut_kill=$(kill_policy shut-kill 4 'after 3s')
shut_now=$(kill_policy shut-now 5 'at once')

polyward apply "$open_leave" >/dev/null 2>&1
maps ann
ok $? 'who may read maps'
left=$mapper
polyward apply "$shut_leave" >/dev/null 2>&1
wait_for 5 told mapping-left "$left"
ok $? 'on-tighten leave: the mapping that outlives its right is recorded'
kill -0 "$left"
ok $? '... and left alone'

polyward apply "$open_kill" >/dev/null 2>&1
maps ann
victim=$mapper
maps alice
ok $? 'two more map'
spared=$mapper
sleep 1
kill -0 "$victim" && kill -0 "$spared"
ok $? 'nobody is ended who has the right'
polyward apply "$shut_kill" >/dev/null 2>&1
began=$(date +%s)
wait_for 5 told mapping-found "$victim"
ok $? 'on-tighten kill: found and recorded at once'
kill -0 "$victim"
ok $? '... but not ended before its time'
wait_for 10 gone "$victim"
took=$(($(date +%s) - began))
said="after $took s"
[ "$took" -ge 2 ] && [ "$took" -le 8 ]
ok $? '... and then it is'
wait_for 5 told mapping-ended "$victim"
ok $? '... which is recorded with process and store'
kill -0 "$spared"
ok $? 'who still has the right goes on'
wait "$victim" 2>/dev/null
said=$?
[ "$said" = 137 ]
ok $? 'it was SIGKILL'

polyward apply --confirm 4s "$shut_now" >/dev/null 2>&1
polyward rollback >/dev/null 2>&1
polyward apply "$open_kill" >/dev/null 2>&1
maps ann
victim=$mapper
polyward apply --confirm 10m "$shut_now" >/dev/null 2>&1
wait_for 5 told mapping-found "$victim"
sleep 1.5
kill -0 "$victim"
ok $? 'a policy on trial ends nobody'
polyward confirm >/dev/null 2>&1
wait_for 5 gone "$victim"
ok $? 'confirmed, it does: at once'

# ---- a window that closes, and a kernel process that was away
morning='time morning { zone UTC days mon-sun hours 00:00-12:00 }'
hours=$(kill_policy hours 6 'at once' "$morning role second { members user:ann } rule ann-read { allow second to read on scans when during morning }")
date -u -s "$(date -u +%F) 11:59:52" >/dev/null
polyward apply "$hours" >/dev/null 2>&1
maps ann
ok $? 'a window is open: who may then maps'
victim=$mapper
wait_for 15 gone "$victim"
ok $? '... it closes, and the mapping ends with its process'
polyward apply "$open_kill" >/dev/null 2>&1
maps ann
victim=$mapper
polyward apply "$shut_kill" >/dev/null 2>&1
signal KILL "$(role polyward-kernel)"
wait_for 25 gone "$victim"
ok $? 'the kernel process dies before the time is over: its successor ends the process'
kill "$left" "$spared" 2>/dev/null
stop
finish
