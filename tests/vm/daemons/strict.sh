#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# In the guest: no record, no access, with a recorder that is stopped and with a disk that is full. Prints TAP.
# Run by: tests/vm/run -- tests/vm/daemons/strict.sh
set -u
. tests/vm/daemons/lib.sh
people
mkdir -p /srv/ai/vault
chmod 777 /srv/ai/vault
echo secret | tee /srv/ai/vault/one.dat >/srv/ai/vault/two.dat
# Scans are recorded when there is room; the vault is strict.
both=$(policy both 1 'store vault { path /srv/ai/vault modality image class phi strict } rule vault-read { allow radiologist to read, list on vault }')
load=$built/tests/vm/load

# opens USER FILE COUNT: how many of so many openings succeed
opens() { as "$1" "$load" open "$2" "$3"; }
# The log's own account: records of accesses, and how many accesses gap records stand for.
account() { "$load" account "$1"; } # account DIR: "RECORDS LOST ALLOWED"

# ---- the recorder is stopped
daemon
polyward apply "$both" >/dev/null 2>&1
ok $? 'a policy with a strict store is applied'
polyward status >/dev/null
reads alice /srv/ai/vault/one.dat && ! reads ann /srv/ai/vault/one.dat
ok $? 'the vault opens for whom it may'
sleep 0.3
read -r records lost _ < <(account /var/log/polyward/records)
signal STOP "$(role polyward-audit)"
passed=$(opens alice /srv/ai/vault/one.dat 9000)
said="$passed of 9000"
[ "$passed" -gt 1000 ] && [ "$passed" -lt 9000 ]
ok $? 'the recorder is stopped: the vault opens until the ring is full, and then not'
! reads alice /srv/ai/vault/one.dat
ok $? '... and stays closed'
scans=$(opens alice /srv/ai/scans/one.png 500)
[ "$scans" = 500 ]
ok $? '... the other store goes on'
refused=$(opens ann /srv/ai/vault/one.dat 1)
[ "$refused" = 0 ]
ok $? '... and who was refused still is'
signal CONT "$(role polyward-audit)"
again() { reads alice /srv/ai/vault/one.dat; }
wait_for 20 again
ok $? 'the recorder goes on: so does the vault'
exact() { # every opening is a record or is counted in a gap: passed + refused one + cat + scans + ann + what wait_for took
	sleep 3
	read -r after now_lost _ < <(account /var/log/polyward/records)
	said="records $records -> $after, lost $lost -> $now_lost; passed $passed, scans $scans"
	[ $((now_lost - lost)) -gt 0 ] && [ $((after - records + now_lost - lost)) -ge $((passed + scans + 3)) ]
}
exact
ok $? 'what found no room is an exact gap in the log'
said=$(polyward log --deny --json | grep -m1 '"unrecorded"')
printf '%s' "$said" | jq -e '.store == "vault" and .errno == 13 and .verdict == "deny"' >/dev/null
ok $? 'a refusal for want of a record is itself recorded'
strict_lost=$(polyward log --json --store vault 2>/dev/null | jq -s "[.[] | select(.verdict == \"allow\" and .hook == \"file_open\") | .count // 1] | add")
said="$strict_lost openings of the vault in records, $passed made"
[ "$strict_lost" -ge "$passed" ]
ok $? 'every opening of the vault that passed has its record'
stop

# ---- the disk is full
small=$work/small
mkdir -p $small
mount -t tmpfs -o size=16m tmpfs $small
mkdir $small/log # itself it would be polyward's own, where nobody else may put a file
daemon --log-dir $small/log
records_dir=$(dirname "$(find $small/log/records -name 'records-*.pwr' | head -n 1)")
reads alice /srv/ai/vault/one.dat
ok $? 'on a small disk: the vault opens'
sleep 0.3
cat /dev/zero >$small/filler 2>/dev/null
fill() { as alice "$load" turn /srv/ai/vault/one.dat /srv/ai/vault/two.dat 1000 >/dev/null; sleep 0.2; [ "$(status_of "$1")" != null ]; }
wait_for 30 fill .log.trouble
ok $? 'the disk is full: status says so, of the tree first'
run polyward status
expect 1 'log trouble' '... and does not call that well'
wait_for 60 fill .log.trouble_since
ok $? '... and then of the records'
run polyward status
expect 1 'strict stores' '... and what that means for strict stores'
run polyward doctor
printf '%s\n' "$said" | grep -q 'No space left'
ok $? '... doctor too'
read -r records lost _ < <(account "$records_dir")
passed=$(opens alice /srv/ai/vault/one.dat 9000)
said=$passed
[ "$passed" -lt 9000 ] && ! reads alice /srv/ai/vault/one.dat
ok $? 'the vault opens as long as the kernel has room for the record, and then not'
reads alice /srv/ai/scans/one.png
ok $? '... the other store goes on'
"$load" events "$records_dir" | grep -q log-stopped
ok $? 'that the log stopped is recorded, in the room that was kept for it'
kill_all
! reads alice /srv/ai/vault/one.dat
ok $? 'all daemons die on the full disk: the vault stays closed'
rm $small/filler
daemon --log-dir $small/log
wait_for 20 again
ok $? 'with room and daemons again it opens'
kept() { # all that was in the kernel's rings is in the log now
	read -r after now_lost _ < <(account "$records_dir")
	said="records $records -> $after, lost $lost -> $now_lost, passed $passed"
	[ $((after - records)) -ge "$passed" ]
}
wait_for 20 kept
ok $? '... and every opening that had passed meanwhile is in the log, though its recorder was killed'
polyward log --dir "$records_dir" --json >/dev/null 2>&1
ok $? '... which reads from one end to the other'
stop
umount $small
finish
