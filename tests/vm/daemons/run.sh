#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# In the guest: the daemons as an administrator meets them. Prints TAP. Run by: tests/vm/run -- tests/vm/daemons/run.sh
set -u
. tests/vm/daemons/lib.sh
people
one=$(policy one 1)
two=$(policy two 2)
open=$(policy open 3 'role annotator { members group:annotation } rule ann-read { allow annotator to read, list on scans }')

# ---- before and while starting
run polyward status
expect 3 'polyward is not running (there is no socket /run/polyward/control)' 'without a daemon the command says what to start'
daemon
ok $? 'the daemon starts and says that it is ready'
run polywardd
expect 3 "polywardd is running already (process $daemon holds /run/polyward/lock)" 'a second daemon is refused and told who is first'
run polyward status
expect 0 'nothing is enforced' 'status of a fresh daemon'

# ---- bad input changes nothing
broken=$(policy broken 1 'rule bad { allow radiolgist to read on scans }')
run polyward apply "$broken"
expect 1 "did you mean 'radiologist'" 'a broken policy is refused with a caret and a hint'
printf '%s\n' "$said" | grep -q 'nothing is enforced$'
ok $? '... and the refusal says that nothing is enforced'
run polyward apply "$(policy nouser 1 'role x { members user:nobody-of-this-name }')"
expect 1 'nobody-of-this-name' 'an unknown user is refused by name'
run polyward apply "$(policy failing 1 'test "wrong" { as user ann expect allow read on scans }')"
expect 1 'wrong' 'a policy whose test fails is refused with the test'
sed 's,/srv/ai/scans,/srv/ai/none,' "$one" >$work/policies/none.pw
run polyward apply $work/policies/none.pw
expect 3 '/srv/ai/none' 'a store path that does not exist is refused'
[ "$(status_of .generation)" = 0 ] && reads ann /srv/ai/scans/one.png && reads root /srv/ai/scans/one.png
ok $? 'after all these nothing is enforced'

# ---- the main job
run polyward apply "$one"
expect 0 'one 1 is enforced (generation [0-9]*, policy hash [0-9a-f]*)' 'a good policy is enforced'
reads alice /srv/ai/scans/one.png
ok $? 'the radiologist reads'
! reads ann /srv/ai/scans/one.png && ! reads root /srv/ai/scans/one.png
ok $? 'the annotator and root do not'
reads ann /srv/ai/notes/one.txt
ok $? 'a file outside every store is nobody'"'"'s business'
gen=$(status_of .generation)
run polyward apply "$broken"
expect 1 "generation $gen stays" 'a broken policy leaves the good one, and says so'
run polyward apply $work/policies/none.pw
expect 3 "generation $gen stays" 'so does one that cannot be staged'
! reads ann /srv/ai/scans/one.png && reads alice /srv/ai/scans/one.png
ok $? '... and it is still enforced'
said=$(polyward status --json)
printf '%s' "$said" | jq -e '.counters.denied >= 2 and .counters.allowed >= 1 and .counters.internal == 0 and .hooks_attached > 20 and .well' >/dev/null
ok $? 'status counts what was allowed and denied'
sleep 0.3
said=$(polyward log --deny --json)
printf '%s\n' "$said" | grep -q '/srv/ai/scans/one.png'
ok $? 'the refusals stand in the log'
run polyward log --kind logread
expect 0 'log-opened' 'and so does reading the log'

# ---- death
for name in polyward-audit polyward-kernel polyward-control; do
	was=$(role "${name:0:15}")
	signal KILL "$was"
	! reads ann /srv/ai/scans/one.png && reads alice /srv/ai/scans/one.png
	ok $? "$name is killed: enforcement goes on"
	again() { now=$(role "${name:0:15}") && [ "$now" != "$was" ] && [ "$(status_of .well)" = true ]; }
	wait_for 30 again
	ok $? "... and it comes back"
done
[ "$(status_of .generation)" = "$gen" ]
ok $? 'the generation is the same'
polyward log --kind mode | grep -q 'polyward-audit was ended by signal 9'
ok $? 'the deaths are recorded, that of the log writer too'
kill_all
! reads ann /srv/ai/scans/one.png && ! reads root /srv/ai/scans/one.png && reads alice /srv/ai/scans/one.png
ok $? 'all daemons are killed at once: enforcement goes on'
run polyward status
expect 3 'is left over and nobody answers' 'the command tells a stale socket from none'
denied_before=$(polyward log --dir /var/log/polyward/records --deny --json | wc -l)
daemon
ok $? 'a restart takes over the stale socket'
[ "$(status_of .generation)" = "$gen" ] && [ "$(status_of .policy)" = one ]
ok $? '... and adopts what is enforced'
caught_up() { [ "$(polyward log --deny --json | wc -l)" -ge $((denied_before + 2)) ]; }
wait_for 10 caught_up
ok $? '... and records what was refused meanwhile'
stop
! reads ann /srv/ai/scans/one.png
ok $? 'stopped in good order: enforcement goes on'
daemon

# ---- confirm, revert, rollback
run polyward apply --confirm 3s "$open"
expect 0 'to keep it, run `polyward confirm`' 'apply --confirm says until when and how to keep it'
reads ann /srv/ai/scans/one.png
ok $? 'the new policy decides'
run polyward apply "$two"
expect 3 'waits for `polyward confirm` or `polyward rollback`' 'no other policy is applied meanwhile'
back() { ! reads ann /srv/ai/scans/one.png && [ "$(status_of .policy)" = one ]; }
wait_for 10 back
ok $? 'not confirmed: the one before comes back by itself'
polyward log --kind policy | grep -q 'reverted.*not confirmed in time'
ok $? '... which is recorded'
polyward apply --confirm 4s "$open" >/dev/null 2>&1
kill_all
reads ann /srv/ai/scans/one.png
ok $? 'a policy awaits confirmation and all daemons die: it decides'
sleep 5
! reads ann /srv/ai/scans/one.png && reads alice /srv/ai/scans/one.png
ok $? '... until its time is over: the kernel goes back without anybody'
daemon
[ "$(status_of .policy)" = one ] && [ "$(status_of .confirm_until)" = null ]
ok $? '... and a restart agrees'
polyward apply --confirm 20s "$open" >/dev/null 2>&1
signal KILL "$(role polyward-kernel)"
pending() { [ "$(status_of .policy)" = open ] && [ "$(status_of .confirm_until)" != null ]; }
wait_for 15 pending
ok $? 'the kernel process dies while confirmation is awaited: it still is'
run polyward confirm
expect 0 'open 3 stays' 'confirmed'
sleep 0.5
reads ann /srv/ai/scans/one.png && [ "$(status_of .confirm_until)" = null ]
ok $? '... it stays'
run polyward confirm
expect 3 'no policy waits for confirmation' 'a second confirmation is refused'
run polyward rollback
expect 0 'one 1 is enforced again' 'rollback'
! reads ann /srv/ai/scans/one.png
ok $? '... decides by the policy before'
polyward apply --confirm 10m "$open" >/dev/null 2>&1
run polyward rollback
expect 0 'one 1 is enforced again' 'rollback while confirmation is awaited'
! reads ann /srv/ai/scans/one.png
ok $? '... is at once'

# ---- who may
run as ann polyward apply "$two"
expect 3 'you (uid 2002) may not apply a policy: root alone may' 'root alone gives orders while no policy says otherwise'
run as ann polyward status
expect 0 'one 1' 'anybody may ask how it is'
run as ann polyward log
expect 3 'may not read the log' 'but not read the log'
admin=$(policy admin 4 'admin { members group:security may apply, rollback, down, read log }')
chmod 644 "$admin" "$one"
polyward apply "$admin" >/dev/null 2>&1
run polyward apply "$one"
expect 3 "the policy's admin block does not name you" 'with an admin block root is nobody special'
run as sam polyward log --last 1
expect 0 . 'a member reads the log'
chmod 600 "$one"
run as sam polyward apply "$one"
expect 1 'one.pw' 'a member cannot make the compiler read what is root'"'"'s'
chmod 644 "$one"
run as sam polyward apply "$one"
expect 0 'one 1 is enforced' 'a member applies a policy'

# ---- down
run polyward down
expect 2 'down --yes-stop-enforcing' 'down without the word is a usage error'
! reads ann /srv/ai/scans/one.png
ok $? '... and changes nothing'
run polyward down --yes-stop-enforcing
expect 0 'nothing is enforced any more' 'down with the word'
reads ann /srv/ai/scans/one.png && reads root /srv/ai/scans/one.png && [ "$(status_of .enforced)" = false ]
ok $? '... ends enforcement'
[ ! -e /sys/fs/bpf/polyward ] || [ -z "$(find /sys/fs/bpf/polyward -type f)" ]
ok $? '... and leaves no pin'
polyward log --kind policy | grep -q down-asked
ok $? '... recorded beforehand'
stop
daemon
[ "$(status_of .enforced)" = false ]
ok $? '... also after a restart'
run polyward rollback
expect 0 'one 1 is enforced again' 'rollback brings the last policy back'

# ---- as after a reboot: nothing pinned
reboot_like
wait_for 5 reads ann /srv/ai/scans/one.png
daemon
! reads ann /srv/ai/scans/one.png && reads alice /srv/ai/scans/one.png && [ "$(status_of .policy)" = one ]
ok $? 'after a reboot the confirmed policy is enforced again'
polyward apply --confirm 10m "$open" >/dev/null 2>&1
reboot_like
daemon
[ "$(status_of .policy)" = one ]
ok $? 'an unconfirmed policy does not survive a reboot'
reboot_like
cp -a /var/lib/polyward/current.img $work/kept.img
truncate -s 700 /var/lib/polyward/current.img
daemon
run polyward status
expect 1 'current.img' 'a truncated image is named'
[ "$(status_of .enforced)" = false ]
ok $? '... and not enforced'
cp -a $work/kept.img /var/lib/polyward/current.img
stop

# ---- memory
daemon
polyward apply "$one" >/dev/null 2>&1
sleep 1
rss=0
for pid in $daemon $(roles); do
	one_rss=$(awk '/^VmRSS:/ { print $2 }' "/proc/$pid/status") # smaps are the daemon's own business
	echo "# process $pid $one_rss KiB"
	rss=$((rss + one_rss))
done
said="resident together: $rss KiB"
echo "# $said"
[ "$rss" -gt 1000 ] && [ "$rss" -le 25600 ]
ok $? 'idle daemons together stay below 25 MB'
stop

# ---- full disk
polyward_small=$work/small
mkdir -p $polyward_small
mount -t tmpfs -o size=256k tmpfs $polyward_small
daemon --log-dir $polyward_small/log
dd if=/dev/zero of=$polyward_small/filler bs=1k 2>/dev/null
# The last page of the log has room left: small records until that is full too.
full() { polyward confirm 2>&1 | grep -q 'cannot be recorded'; }
wait_for 20 full
troubled() { polyward status --json | jq -e '.log.trouble != null' >/dev/null; }
run polyward apply "$two"
expect 3 'nothing is changed, because it cannot be recorded' 'with a full disk no policy is applied unrecorded'
troubled
ok $? 'status tells of the trouble with the log'
! reads ann /srv/ai/scans/one.png && reads alice /srv/ai/scans/one.png
ok $? '... and enforcement goes on'
rm $polyward_small/filler
well() { [ "$(status_of .well)" = true ]; }
wait_for 10 well
ok $? 'with room again the log goes on by itself'
polyward log --kind mode | grep -q log-writable
ok $? '... and records that it could not be written'
reboot_like # another state directory is only taken where nothing is in force
umount $polyward_small
mkdir -p $work/state
mount -t tmpfs -o size=64k tmpfs $work/state
cp -a /var/lib/polyward $work/state/dir
daemon --state-dir $work/state/dir
dd if=/dev/zero of=$work/state/filler bs=1k 2>/dev/null
gen=$(status_of .generation)
run polyward apply "$two"
expect 3 "No space left on device; generation $gen stays" 'with a full state directory nothing is applied'
[ "$(status_of .policy)" = one ]
ok $? '... and the old policy stays'
stop
finish
