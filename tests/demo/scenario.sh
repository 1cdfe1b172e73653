#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# The story of `make demo`, played inside the guest: a hospital's files, a
# policy, people, and what does not help against it. Ends with a check that what
# should fail failed. Must never run outside the guest: it adds users and sets
# the clock.
#
#   scenario.sh BUILT     the folder with store/ and opentree, made by the host
set -u
set -o pipefail
here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
repo=$(cd -- "$here/../.." && pwd)
built=$1
[ -d /run/vm ] || { echo 'scenario.sh: only in the guest (make demo)' >&2; exit 3; }
scratch=$(mktemp -d)
lines_shown=20
# shellcheck source=tests/demo/stage.sh
. "$here/stage.sh"

policy=/root/hospital.pw
scan=/srv/ai/scans/4711/slice-1.dcm
# What the changed policy changes: the radiologists lose the scans.
lockdown='/^rule rad-read/s/ scans,//'
lockdown_tests='s/expect allow read on scans by rad-read/expect deny read on scans by default/'

people() {
	local file id _
	for file in group passwd; do
		while IFS= read -r id; do
			grep -q "^${id%%:*}:" "/etc/$file" || printf '%s\n' "$id" >>"/etc/$file"
		done <"$repo/tests/fixtures/root/etc/$file"
	done
	while IFS=: read -r id _; do
		# So that su finds an account: no password opens it.
		grep -q "^$id:" /etc/shadow || printf '%s:*:20000::::::\n' "$id" >>/etc/shadow
	done <"$repo/tests/fixtures/root/etc/passwd"
}

daemon_start() {
	polywardd >>"$scratch/daemon" 2>&1 &
	disown
	local _
	for _ in $(seq 150); do
		polyward status >"$scratch/out" 2>&1 && return 0
		sleep 0.2
	done
	sed 's/^/    /' "$scratch/daemon" "$scratch/out"
	return 1
}

heading 'The machine' "$(uname -sr), a Debian kernel as it comes; /srv is a freshly made ext4."
mkdir -p /srv/ai /opt
cp -r "$built/store/." /srv/ai/
install -m 755 "$built/opentree" /usr/local/bin/opentree
people
chmod -R a+rX /srv/ai
cp "$repo/policies/hospital.pw" "$policy"
date -s '2026-12-02 10:00:00 UTC' >/dev/null
note "Its clock is set to $(date -u +%FT%RZ), a Wednesday morning, so that the hours in the policy can be shown at any time." \
	'alice is a radiologist, ann an annotator. Nobody in the files exists.'
# shellcheck disable=SC2016 # for the step's own shell
step root works 'real files of the kinds that a hospital keeps' 'cd /srv/ai && file -N -F " " $(find * -type f | sort) | cut -c 1-120'
step ann works 'before polyward: mode bits let everybody read' "ls -l $scan; dcmdump $scan | grep PatientName"
ln "$scan" /srv/old-backup.dcm
note '(and somebody has made a hard link to that scan long ago: /srv/old-backup.dcm)'

heading 'A policy' "policies/hospital.pw, a few lines of it:"
grep -E '^(store|role|rule)' "$policy" | cut -c 1-160 | sed 's/^/    /'
step root works 'the policy is sound, and its own tests pass' "polyward check $policy"
prompt root 'polywardd &'
if daemon_start; then
	verdict yes 'the daemon runs; with no policy nothing is attached'
else
	verdict no 'the daemon runs'
	curtain
	exit 1
fi
step root works 'from here on the kernel decides' "polyward apply $policy"
if [ ${#broken[@]} -ne 0 ]; then
	note '' 'Without that there is no story to tell. What the daemon said:'
	show "$scratch/daemon"
	curtain
	exit 1
fi

heading 'People in their roles'
allowed alice read scans 'a radiologist opens a scan with a real program' "dcmdump $scan | grep -E 'PatientName|PatientID|StudyDesc'"
allowed alice read notes '... and a picture, a film, a finding in the database' \
	"djpeg -outfile /dev/null /srv/ai/scans/4711/overview.jpg && file -b /srv/ai/scans/4711/cine.mp4 && sqlite3 -readonly /srv/ai/notes/ward.sqlite 'SELECT * FROM finding'"
denied ann read scans 'an annotator is refused the same scan' "dcmdump $scan"
allowed ann read scans-deid '... but works on the de-identified ones' 'dcmdump /srv/ai/scans-deid/case-0001.dcm | grep Patient'
denied root read scans 'root is refused' "cp $scan /root/"
denied root read notes '... whatever the program' 'tail -n 1 /srv/ai/notes/admissions.csv'
denied root read voice '... and the kind of data' 'dd if=/srv/ai/voice/dictation-4711.wav of=/root/voice.wav status=none'
denied 'root>alice' read scans 'root becomes alice: a role does not travel with su' "su alice -c 'cat $scan'"

heading 'Detours' 'What is decided on is the file itself (its inode), not a path that leads to it.'
denied root link scans 'a new hard link is refused' "ln $scan /srv/copy.dcm"
denied root read scans 'the old hard link is known and does not help' 'dcmdump /srv/old-backup.dcm'
step root works 'a bind mount can be made' 'mkdir -p /mnt/b && mount --bind /srv/ai/scans /mnt/b'
denied root read scans '... and does not help' 'cat /mnt/b/4711/slice-1.dcm'
denied ann read scans 'a detached open_tree, which no mount hook sees, does not help' 'opentree /srv/ai/scans 4711/slice-1.dcm'
denied root delete scans 'moving the file out of the store is refused' 'mv /srv/ai/scans/4711/slice-2.dcm /srv/moved.dcm'
denied root write scans 'so is destroying it' "truncate -s 0 $scan"

heading 'The daemons die' 'The kernel programs are pinned: what decides needs no process.'
step root fails 'root cannot kill them' 'kill -9 $(pidof polywardd polyward-kernel polyward-control polyward-audit)'
step root works 'process 1 can, as a service manager: every one of them' "$repo/tests/vm/pid1 kill KILL \$(pidof polywardd polyward-kernel polyward-control polyward-audit); sleep 0.3; ! pidof polywardd"
denied root read scans 'root is refused as before' "cat $scan"
allowed alice read scans '... and the radiologist works on' "dcmdump $scan | grep PatientID"
prompt root 'polywardd &'
if daemon_start; then verdict yes 'a new daemon takes over what is in the kernel'; else verdict no 'a new daemon takes over'; fi
step root works 'the same policy goes on' 'polyward status'

heading 'Why?'
step root says:refused 'explain says why, and what would have allowed it' "polyward explain $policy --user ann --action read --at $scan"
step root says:clinic '... for any moment' "polyward explain $policy --user alice --time 2026-12-02T23:00Z --action read --at $scan"
step root says:no-root '... and tells a ban from a missing permission' "polyward explain $policy --user root --action read --at $scan"
step root works 'who may read the scans, exactly' "polyward who-can $policy read scans"

heading 'A changed policy, and a file that is open already'
session_open alice
session_step works 'alice opens a scan and reads from it' "exec 3<$scan; head -c 132 <&3 | tail -c 4; echo"
sed -e "$lockdown" "$policy" >/root/lockdown.pw
step root fails 'root takes the scans from the radiologists' "diff -U0 --label before --label after $policy /root/lockdown.pw"
step root fails "... which the policy's own tests do not let through: nothing changes" 'polyward apply /root/lockdown.pw'
sed -i -e "$lockdown_tests" /root/lockdown.pw
note '' '(the tests are changed to say that this is meant)'
step root works '... at once, for ten minutes unless confirmed' 'polyward apply --confirm 10m /root/lockdown.pw'
session_step refused 'the next read of the open file is refused' 'head -c 4 <&3'
accesses+=("deny $(uid_of alice) read scans")
step root works 'root goes back to the policy before' 'polyward rollback'
session_step works 'the same open file reads on' 'head -c 4 <&3 | od -An -c'
session_close

heading 'The log' 'Each access to a store stands in it; the daemon records that it is read.'
# shellcheck disable=SC2034 # stage.sh reads it
lines_shown=30
step root works 'the last refusals' 'polyward log --deny --last 20'
step root works 'what alice did' 'polyward log --user alice --last 8'
step root works 'who changed what is in force' 'polyward log --kind policy'

heading 'Evidence' 'The log is a tree under a signature; each record can be proven, explained, and accounted for.'
step root works 'every hash, signature and number anew' 'sleep 1.2; polyward log verify'
step root works 'one refusal, proven to somebody who has nothing but the proof and the key' \
	'n=$(polyward log --deny --last 1 --json | jq .seq) && polyward log prove $n --out /tmp/proof && polyward log check-proof /tmp/proof --vkey /var/log/polyward/records/log.vkey'
step root fails '... and explained: the decision made again from what was recorded' 'polyward explain $(polyward log --user ann --deny --last 1 --json | jq .seq)'
step root works 'what the HIPAA report can show, and what it cannot' 'polyward report hipaa --since 2h | grep -E "^(Result|Verified|[0-9.()a-zA-Z]+ +(SATISFIED|NOT))"'
polyward log --json --kind access >"$scratch/log.json" 2>"$scratch/err" || cat "$scratch/err"
note '' "Each of the ${#accesses[@]} accesses above is looked for in the log; a step can make several records:"
log_holds "$scratch/log.json"
curtain
