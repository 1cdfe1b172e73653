#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# In the guest: what the running daemons' log proves, explains, reports, forgets, and how it answers to being changed. Prints TAP.
# Run by: tests/vm/run -- tests/vm/daemons/evidence.sh
set -u
. tests/vm/daemons/lib.sh
people
log=/var/log/polyward
deny='rule no-root { deny any to read, write, exec on class phi when user root absolute }'

last() { polyward log "$@" --json | tail -n 1 | jq -r .seq; }
field() { jq -er "$1" <<<"$said"; }
logged() { polyward log --kind "$1" --json | jq -es "any(.[]; $2)" >/dev/null; } # logged KIND JQ-CONDITION: of some record

daemon
polyward apply "$(policy ward 1 "$deny")" >/dev/null 2>&1
ok $? 'a policy is applied'
reads alice /srv/ai/scans/one.png
ok $? 'a radiologist reads'
! reads ann /srv/ai/scans/one.png && ! cat /srv/ai/scans/one.png >/dev/null 2>&1
ok $? 'others do not'
sleep 1.5
allowed=$(last --user alice --store scans) hers=$(last --user ann --deny) roots=$(last --user 0 --deny --store scans)

# ---- explanations
run polyward explain "$roots"
expect 1 'no-root' 'root asks about his refusal: a rule forbade it'
grep -q 'proof' <<<"$said"
ok $? '... with its proof'
run polyward explain "$allowed" --json
expect 0 . 'an access that was allowed is explained'
[ "$(field .verdict)" = allow ]
ok $? '... as such'
run as ann polyward explain "$hers"
expect 1 'radiolog' 'who was refused asks about his own event, without the right to read the log'
logged logread ".event == \"record-shown\" and .actor_uid == 2002 and .note == \"record $hers\""
ok $? '... which is in the log'
run as ann polyward explain "$roots"
expect 3 'not about you' '... and about nobody else'"'"'s'
logged evidence '.event == "explanation"'
ok $? 'explanations are in the log'

# ---- proofs
run polyward log verify --json
expect 0 . 'the log verifies'
run polyward log prove "$roots" --out $work/proof
expect 0 '' 'a record is proven'
run polyward log check-proof $work/proof --vkey $log/records/log.vkey
expect 0 . '... to who has nothing but the proof and the key'
sed -i '0,/[A-Za-z0-9+]\{60\}/s/A/B/' $work/proof
run polyward log check-proof $work/proof --vkey $log/records/log.vkey
[ "$status" -ne 0 ]
ok $? '... a changed one is refused'

# ---- another host's word
witness=$work/witness
mkdir -p $witness
polyward witness key --state $witness --name other.example/witness >$work/witness.vkey 2>/dev/null
polyward witness serve --state $witness --listen 127.0.0.1:8490 --log $log/records/log.vkey >$work/witness.log 2>&1 &
server=$!
wait_for 10 bash -c 'exec 3<>/dev/tcp/127.0.0.1/8490'
run polyward witness push --url http://127.0.0.1:8490 --vkey $work/witness.vkey
expect 0 . 'another host cosigns the checkpoint'
run polyward log verify --witness $work/witness.vkey
expect 0 'cosigned' '... and the log says so'
kill $server
wait $server 2>/dev/null

# ---- reports
run polyward report hipaa --since 1h --format json --out $work/report.json
expect 0 '' 'a report'
sum=$(sha256sum <$work/report.json | cut -d' ' -f1)
logged evidence ".event == \"report\" and .digest == \"$sum\""
ok $? '... whose digest is in the log'
run as ann polyward report hipaa --since 1h
expect 3 'may not' '... is not for everybody'
run polyward log export --ocsf --out $work/ocsf.jsonl
expect 0 '' 'an export'
jq -es 'map(select(.class_uid == 1001)) | length > 2' $work/ocsf.jsonl >/dev/null
ok $? '... holds the accesses'

# ---- what is forgotten
run as ann polyward erase phi "$(date -u +%Y-%m)" --reason asked --yes-destroy-key
expect 3 'may not' 'not everybody destroys a key'
run polyward erase phi "$(date -u +%Y-%m)" --reason asked --yes-destroy-key
expect 0 'destroyed' 'a key is destroyed'
run polyward log --user alice --json
[ "$(head -n 1 <<<"$said" | jq -r .personal)" = erased ] && ! grep -q one.png <<<"$said"
ok $? '... and with it the names'
run as ann polyward explain "$hers"
! grep -q one.png <<<"$said" && grep -q erased <<<"$said"
ok $? '... nor does the daemon remember them for whom the record is about'
run polyward log verify
expect 0 'valid' '... the proofs hold'
reads alice /srv/ai/scans/one.png
sleep 1.5
polyward log --user alice --json | tail -n 1 | jq -e '.path == "/srv/ai/scans/one.png"' >/dev/null
ok $? '... what comes later has a new key'

# ---- a log that was changed
polyward down --yes-stop-enforcing >/dev/null 2>&1
stop
cp -a $log $work/good
flip() { # flip FILE OFFSET
	printf '\xff' | dd of="$1" bs=1 seek="$2" conv=notrunc 2>/dev/null
}
tail=$(ls $log/records/records-*.pwr | head -n 1)
flip "$tail" 300
polywardd >$work/said 2>&1 &
daemon=$!
said() { said=$(cat $work/said) && grep -q "$1" <<<"$said"; }
wait_for 10 said 'records-.* is damaged\|rewritten'
ok $? 'a changed record is found at the start'
polyward log --dir $log/records >/dev/null 2>&1
[ $? -ne 0 ]
ok $? '... and by who reads the log'
cmp -s $log/records/checkpoint $work/good/records/checkpoint
ok $? '... and nothing is signed over it'
kill -TERM $daemon
wait $daemon 2>/dev/null
rm -rf ${log:?}/records
cp -a $work/good/records $log/records
truncate -s 600 "$tail"
polywardd >$work/said 2>&1 &
daemon=$!
wait_for 10 said 'rolled back'
ok $? 'a log whose end was cut is called rolled back'
kill -TERM $daemon
wait $daemon 2>/dev/null
finish
