#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# In the guest: root attacks polyward itself while real daemons run, die, are replaced and are sealed in. Prints TAP.
# Run by: tests/vm/run -- tests/vm/daemons/guard.sh
set -u
. tests/vm/daemons/lib.sh
people
one=$(policy one 1)
two=$(policy two 2)
sealed=$(policy sealed 3)
sed -i 's/log all/log all guard sealed/' "$sealed"

# The programs as installed, on a disk of their own: nothing else lies there.
mkdir -p /mnt/inst
mkfs.ext4 -q -F -b 4096 /dev/vdb && mount -t ext4 /dev/vdb /mnt/inst || exit 99
mkdir -p /mnt/inst/sbin /mnt/inst/libexec/polyward /mnt/inst/new
built=$(dirname "$(command -v polywardd)")
cp "$built/polywardd" /mnt/inst/sbin/
cp "$built"/libexec/polyward-* /mnt/inst/libexec/polyward/
cp "$built/polywardd" "$built/libexec/polyward-audit" /mnt/inst/new/
pins=/sys/fs/bpf/polyward state=/var/lib/polyward log=/var/log/polyward
export PATH="/mnt/inst/sbin:$PATH"
ln /mnt/inst/libexec/polyward/polyward-compile /mnt/inst/older-name # a name of a program of polyward's that is older than any policy
installed() { daemon --libexec /mnt/inst/libexec/polyward; }

refused() { # refused NAME COMMAND...: fails, and changes nothing
	local name=$1
	shift
	run "$@"
	[ "$status" -ne 0 ] && ! cat /srv/ai/scans/one.png >/dev/null 2>&1
	ok $? "$name"
}
stands() { ! reads ann /srv/ai/scans/one.png && ! reads root /srv/ai/scans/one.png && reads alice /srv/ai/scans/one.png; }
recorded() { sleep 0.3; polyward log --deny --json | jq -c "select($1)" | grep -q .; } # recorded JQ-CONDITION

# ---- nothing in force: nothing is guarded
installed
ok $? 'the installed daemon starts'
touch $state/somebodys && rm $state/somebodys && touch /mnt/inst/sbin/other && rm /mnt/inst/sbin/other
ok $? 'without a policy polyward'"'"'s directories are as any other'
run polyward apply "$one"
expect 0 'one 1 is enforced' 'a policy is applied'
sleep 1
[ "$(status_of .guard)" = true ] && [ "$(status_of .sealed)" = false ] && [ "$(status_of .well)" = true ]
ok $? 'status says that the guard is on, and that all is well'
run polyward status
expect 0 '^guard  *on$' '... in words too'
run polyward doctor
expect 0 '^guard  *on$' '... and doctor'

# ---- root attacks the files
for dir in $state $log $log/records /mnt/inst/libexec/polyward /run/polyward; do
	refused "no new file in $dir" touch "$dir/new"
	refused "$dir is not moved away" mv "$dir" "$dir.away"
	refused "$dir is not mounted over" mount -t tmpfs none "$dir"
	refused "the mode of $dir stays" chmod 700 "$dir/."
done
segment=$(find $log/records -type f | head -n 1)
for file in $state/current.img "$segment" /mnt/inst/libexec/polyward/polyward-kernel /mnt/inst/sbin/polywardd /run/polyward/lock; do
	cat "$file" >/dev/null 2>&1
	ok $? "root may read $file"
	refused '... but not remove it' rm -f "$file"
	refused '... nor empty it' truncate -s 0 "$file"
	refused '... nor add to it' dd if=/dev/zero of="$file" bs=1 count=1 oflag=append conv=notrunc status=none
	refused '... nor take it away' mv "$file" /root/taken
	refused '... nor replace it' mv -f "$one" "$file"
	refused '... nor change its mode' chmod 600 "$file"
done
refused 'no second name for the log' ln "$segment" "${segment%/*}/../../second"
refused 'the socket is not removed' rm -f /run/polyward/control
recorded '.reason == "guard" and .hook == "inode_unlink"'
ok $? 'the attempts are in the log'
recorded '.reason == "guard" and .store == "polyward/state"'
ok $? '... with the directory that they were about'

# ---- and the kernel's side
refused 'a pin is not removed' rm -f $pins/links/pw_file_open
refused 'all of them neither' rm -rf $pins
refused 'nor moved' mv $pins /sys/fs/bpf/aside
refused 'bpffs is not unmounted' umount /sys/fs/bpf
refused 'nor lazily' umount -l /sys/fs/bpf
if command -v bpftool >/dev/null; then
	refused 'no map by its pin' bpftool map dump pinned $pins/maps/pw_attrs
	id=$(bpftool -j map show 2>/dev/null | jq -r '.[] | select(.name == "pw_attrs") | .id' 2>/dev/null)
	[ -z "${id:-}" ]
	ok $? 'bpftool finds no map of polyward'"'"'s by number'
	refused 'no detaching of a link by its pin' bpftool link detach pinned $pins/links/pw_file_open
fi
recorded '.reason == "guard" and .hook == "bpf_map"'
ok $? 'the attempt on a map is in the log'

# ---- a second daemon
mkdir -p $work/other/state $work/other/log $work/other/run
refused 'polywardd a second time is refused' timeout 20 polywardd --libexec /mnt/inst/libexec/polyward
POLYWARD_SOCKET=$work/other/run/control
polywardd --libexec /mnt/inst/libexec/polyward --state-dir $work/other/state --log-dir $work/other/log --run-dir $work/other/run \
	>$work/second.log 2>&1 &
second=$!
answers() { POLYWARD_SOCKET=$work/other/run/control polyward status --json | jq -e '.trouble != null' >/dev/null; }
wait_for 30 answers
run env POLYWARD_SOCKET=$POLYWARD_SOCKET polyward status
expect 1 'belongs to another state directory' 'one with another state directory does not adopt what is in force'
run env POLYWARD_SOCKET=$POLYWARD_SOCKET polyward down --yes-stop-enforcing
[ "$status" -ne 0 ] && stands
ok $? '... and cannot end it'
run env POLYWARD_SOCKET=$POLYWARD_SOCKET polyward apply "$two"
[ "$status" -ne 0 ] && stands
ok $? '... nor change it'
signal TERM $second
wait $second
rm -rf $work/other/run
polywardd --libexec /mnt/inst/libexec/polyward --log-dir $work/other/log --run-dir $work/other/run >$work/third.log 2>&1 &
third=$!
wait_for 30 answers
run env POLYWARD_SOCKET=$POLYWARD_SOCKET polyward status
expect 1 'belongs to another run directory' 'nor does one beside the first, which would take its records to another log'
signal TERM $third
wait $third
unset POLYWARD_SOCKET
mkdir -p $work/mixed/records
mount --bind $log/records $work/mixed/records
run timeout 20 polywardd --libexec /mnt/inst/libexec/polyward --log-dir $work/mixed --run-dir $work/mixed/run
expect 3 'open the directory records' 'one with a part of the log mounted into another log directory does not start'
umount $work/mixed/records

# ---- below and beside
refused 'the disk below the programs is not read' dd if=/dev/vdb of=/dev/null bs=4k count=1 status=none
refused '... nor written' dd if=/dev/zero of=/dev/vdb bs=4k count=0 conv=notrunc status=none
refused 'an older name of a program does not open it' dd if=/dev/zero of=/mnt/inst/older-name bs=1 count=1 conv=notrunc status=none

# ---- death and return: the new ones are polyward's own by what they execute
for name in polyward-audit polyward-kernel polyward-control; do
	was=$(role "${name:0:15}")
	signal KILL "$was"
	again() { now=$(role "${name:0:15}") && [ "$now" != "$was" ] && [ "$(status_of .well)" = true ]; }
	wait_for 30 again
	ok $? "$name dies and comes back, and all is well"
done
kill_all
stands
ok $? 'all die: the gate stands'
refused '... and the guard' touch $state/new
refused '... over the programs' cp -f $work/second.log /mnt/inst/sbin/polywardd
installed && [ "$(status_of .policy)" = one ] && [ "$(status_of .well)" = true ]
ok $? '... and a new daemon adopts'
run polyward apply "$two"
expect 0 'two 2 is enforced' '... and goes on to the next policy'

# ---- replacing the programs
refused 'before an upgrade nothing is replaced' cp -f /mnt/inst/new/polywardd /mnt/inst/sbin/polywardd
run polyward upgrade done
expect 3 'no window is open' 'done without begin is refused'
run as ann polyward upgrade begin
expect 3 'may not begin an upgrade' 'not everybody opens the window'
run polyward upgrade begin
expect 0 'ten minutes' 'begin'
[ "$(status_of .upgrade_left_s)" -gt 500 ]
ok $? '... status says for how long'
install -m 755 /mnt/inst/new/polywardd /mnt/inst/sbin/polywardd.new && mv -f /mnt/inst/sbin/polywardd.new /mnt/inst/sbin/polywardd &&
	install -m 755 /mnt/inst/new/polyward-audit /mnt/inst/libexec/polyward/polyward-audit
ok $? '... the programs are replaced'
refused '... and the state is no part of it' touch $state/new
run polyward upgrade done
expect 0 'polyward'"'"'s own' 'done'
refused '... the new ones are guarded' cp -f $work/second.log /mnt/inst/sbin/polywardd
polyward log --kind policy | grep -q upgrade-done
ok $? '... recorded'
stop
installed && [ "$(status_of .well)" = true ] && [ "$(status_of .policy)" = two ]
ok $? 'a restart runs the new ones, and they adopt'

# ---- sealed
head -c 4096 /dev/zero >$work/no.ko
run insmod $work/no.ko
printf '%s' "$said" | grep -qi 'format\|invalid'
ok $? 'without a seal insmod says that it is no module'
run polyward apply --confirm 10m "$sealed"
[ "$(status_of .sealed)" = false ]
ok $? 'a sealed policy on trial does not seal'
polyward confirm >/dev/null 2>&1
[ "$(status_of .sealed)" = true ]
ok $? '... confirmed it does'
run polyward status
expect 0 '^guard  *on, sealed until a reboot$' '... and status says so'
polyward log --kind mode | grep -q sealed
ok $? '... and the log'
refused 'no module' insmod $work/no.ko
printf '%s' "$said" | grep -qi 'not permitted'
ok $? '... for want of permission'
refused 'no module by name' modprobe dummy
refused 'no way to memory' dd if=/dev/mem of=/dev/null bs=1 count=1 status=none
recorded '.reason == "sealed"'
ok $? '... recorded'
run polyward doctor
expect 0 '^guard  *on, sealed' 'doctor still says that this kernel enforces'
run polyward down --yes-stop-enforcing
expect 3 'only a reboot with polyward.off' 'down is refused, with the way out'
stands
ok $? '... and the gate stands'
[ -e $state/current.img ]
ok $? '... and the policy is still what a restart takes'
run polyward rollback
expect 0 'two 2 is enforced again' 'rollback works'
printf '%s' "$said" | grep -q 'stays sealed'
ok $? '... and says that the kernel stays sealed'
refused 'still no module' insmod $work/no.ko
refused 'the pins stay' rm -rf $pins
kill_all
refused 'all die: still no module' insmod $work/no.ko
installed && [ "$(status_of .sealed)" = true ] && [ "$(status_of .well)" = true ]
ok $? 'a new daemon adopts the sealed kernel'
stop
finish
