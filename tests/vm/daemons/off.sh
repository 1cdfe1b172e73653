#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# In a guest booted with polyward.off: nothing is enforced, whatever was applied before, and the log says so. Prints TAP.
# Run by: tests/vm/run --append polyward.off -- tests/vm/daemons/off.sh
set -u
. tests/vm/daemons/lib.sh
people
one=$(policy one 1)
daemon
ok $? 'the daemon starts'
run polyward status
expect 1 'polyward.off is on the kernel command line' 'status says that enforcement is switched off, and by what'
run polyward apply "$one"
expect 3 'polyward.off is on the kernel command line.*nothing is enforced' 'apply is refused with the reason'
reads ann /srv/ai/scans/one.png && reads root /srv/ai/scans/one.png
ok $? 'everybody reads'
polyward log --kind mode | grep -q 'off .*polyward.off'
ok $? 'the log records it'
[ "$(status_of .hooks_attached)" = 0 ] && [ ! -e /sys/fs/bpf/polyward ]
ok $? 'nothing is attached'
stop
finish
