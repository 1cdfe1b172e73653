#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# In the guest, beside a real systemd: polyward as `make install` stages it, started by its unit. Roles by unit, stopping, killing,
# unmounting and mounting as a service manager does them. Prints TAP. Run by: tests/vm/run --systemd -- tests/vm/systemd/run.sh BUILD
set -u
. tests/vm/daemons/lib.sh
build=$1
# What was built must not be found before what is installed.
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin

unit() { # unit NAME COMMAND...: run it as a service of this name, by process 1
	local name=$1
	shift
	systemd-run --quiet --wait --pipe --collect --unit "$name" -- "$@" 2>&1
}

people
run cp -a "$build/stage/." /
expect 0 '' 'what make install DESTDIR=... staged is put in place'
systemctl daemon-reload
run systemd-analyze verify /usr/local/lib/systemd/system/polyward.service
expect 0 '' 'the unit file is without fault'
run systemctl start polyward
expect 0 '' 'the unit starts'
said=$(systemctl show -P ActiveState polyward)/$(systemctl show -P StatusText polyward)
[ "$said" = active/Ready ]
ok $? '... and says that it is ready'

mkdir -p /srv/bin && cp /usr/bin/md5sum /srv/bin/sum
cat >$work/policies/units.pw <<-'END'
	polyward 1
	policy units { version 1 mode enforce }
	store scans { path /srv/ai/scans modality image class phi }
	program sum { exe /srv/bin/sum }
	role trainer { unit trainer.service }
	role checker { program sum }
	role inspector { program sum  unit inspect.service }
	rule train { allow trainer to read, list on scans }
	rule check { allow checker to read on scans }
	rule inspect { allow inspector to read on scans }
END
run polyward apply $work/policies/units.pw
expect 0 'is enforced' 'a policy with a role by unit'
run unit trainer cat /srv/ai/scans/one.png
expect 0 '^scan$' 'the unit of the role reads'
run unit other cat /srv/ai/scans/one.png
expect 1 'Permission denied' 'another unit does not'
unit trainer sleep 30 >/dev/null &
wait_for 10 test -e /sys/fs/cgroup/system.slice/trainer.service/cgroup.procs
run sh -c 'echo $$ >/sys/fs/cgroup/system.slice/trainer.service/cgroup.procs && exec cat /srv/ai/scans/one.png'
expect 1 'Permission denied' 'root who moves into its control group does not'
run sh -c 'echo $$ >/sys/fs/cgroup/system.slice/trainer.service/cgroup.procs && sh -c "sh -c \"cat /srv/ai/scans/one.png\""'
expect 1 'Permission denied' '... nor do the children'
systemctl stop trainer

# A program counts in process 1's world, or in one that process 1 made for it.
boxed='-p PrivateTmp=yes -p SystemCallFilter=@system-service -p NoNewPrivileges=yes'
run /srv/bin/sum /srv/ai/scans/one.png
expect 0 one.png 'a program with a role reads'
# shellcheck disable=SC2086 # a list of words
run systemd-run --quiet --wait --pipe --collect $boxed -- /srv/bin/sum /srv/ai/scans/one.png
expect 0 one.png '... also as a sandboxed service'
# shellcheck disable=SC2086
run systemd-run --quiet --wait --pipe --collect $boxed -- sh -c '/srv/bin/sum /srv/ai/scans/one.png; exit'
expect 1 'Permission denied' '... which only process 1 makes it'
# shellcheck disable=SC2086
run systemd-run --quiet --wait --pipe --collect --unit inspect $boxed -- sh -c '/srv/bin/sum /srv/ai/scans/one.png; exit'
expect 0 one.png '... but for a role that names the unit too'
run unshare --mount /srv/bin/sum /srv/ai/scans/one.png
expect 1 'Permission denied' '... in mounts of somebody else it has none'

cp /usr/bin/unshare /usr/lib/systemd/pw-unshare
run systemd-run --quiet --wait --pipe --collect -p User=alice -- /usr/lib/systemd/pw-unshare --user --mount /srv/bin/sum /srv/ai/scans/one.png
expect 1 'Permission denied' "... nor in mounts that a user makes by one of process 1's own programs, as by a service manager of their own"
run systemd-run --quiet --wait --pipe --collect -p User=alice -- /srv/bin/sum /srv/ai/scans/one.png
expect 0 one.png '... but a service that runs as a user does'

main=$(systemctl show -P MainPID polyward)
systemctl stop sys-fs-bpf.mount >/dev/null 2>&1
[ -e /sys/fs/bpf/polyward ] && ! cat /srv/ai/scans/one.png >/dev/null 2>&1
ok $? 'the service manager does not take the pins away'
run kill -KILL "$main"
expect 1 'not permitted' 'root does not kill the daemon'
run systemctl kill -s KILL polyward
expect 0 '' 'the service manager does'
! cat /srv/ai/scans/one.png >/dev/null 2>&1
ok $? '... and the store stays shut'
wait_for 20 sh -c "polyward status | grep -q 'units 1'"
ok $? '... and a new one takes over what is enforced'
[ "$(systemctl show -P MainPID polyward)" != "$main" ]
ok $? '... by the unit'
run systemctl stop polyward
expect 0 '' 'the unit stops'
! cat /srv/ai/scans/one.png >/dev/null 2>&1
ok $? '... and the store stays shut'
run systemctl start polyward
expect 0 '' 'the unit starts again'
run unit trainer cat /srv/ai/scans/one.png
expect 0 '^scan$' '... and the role still reads'

# `make install` beside what is enforced: the installer opens the window for an upgrade and closes it.
again() { (cd "$build/stage" && find . -type f ! -name .made -printf '0%m %p /%P\n' | "$OLDPWD/userspace/dist/install" install '' /usr/local); }
before=$(stat -c %i /usr/local/sbin/polywardd)
run cp -f "$build/stage/usr/local/sbin/polywardd" /usr/local/sbin/polywardd
expect 1 'Permission denied\|not permitted' 'nobody copies another program over the daemon'
run again
expect 0 'installed below' 'the installer replaces the programs'
[ "$(stat -c %i /usr/local/sbin/polywardd)" != "$before" ]
ok $? '... by other files'
run systemctl restart polyward
expect 0 '' '... the unit restarts with them'
run kill -KILL "$(systemctl show -P MainPID polyward)"
expect 1 'not permitted' '... as guarded as those before'
! cat /srv/ai/scans/one.png >/dev/null 2>&1
ok $? '... over a store that stayed shut'
run unit trainer cat /srv/ai/scans/one.png
expect 0 '^scan$' '... and open to its role'

run unit private sh -c 'echo x >/tmp/x && cat /tmp/x'
expect 0 '^x$' 'a plain service works'
run systemd-run --quiet --wait --pipe --collect -p PrivateTmp=yes -p ProtectSystem=strict -p ProtectHome=yes -p PrivateDevices=yes \
	-p InaccessiblePaths=/srv/ai -p TemporaryFileSystem=/srv/work -p DynamicUser=yes sh -c 'id -u >/dev/null && ls /srv/ai'
expect 2 'Permission denied\|cannot open' 'a sandboxed service gets its private mounts over a store and above it'

cd / # or the working directory would hold /srv
run umount /srv
expect 32 'superuser\|ermi' 'root does not unmount the filesystem of a store'
run umount -l /srv
expect 32 'superuser\|ermi' '... nor lazily'
run systemctl stop srv.mount
expect 0 '' 'the service manager does'
run systemd-run --quiet --wait --pipe --collect sh -c 'head -c 4096 /dev/vda | wc -c'
[ "${said##* }" != 4096 ]
ok $? '... and its disk stays shut for others'
run systemd-run --quiet --wait --pipe --collect mount -o noatime /dev/vda /srv
[ "$status" -ne 0 ]
ok $? '... also for mounting it again'

run polyward down --yes-stop-enforcing
expect 0 'not enforced\|nothing is enforced' 'down ends it'
run mount -o noatime /dev/vda /srv
expect 0 '' '... and the disk is mounted again'
run cat /srv/ai/scans/one.png
expect 0 '^scan$' '... and the file is anybody'"'"'s again'
cd "$OLDPWD" || exit 1

run systemctl stop polyward
expect 0 '' 'the unit stops for good'
finish
