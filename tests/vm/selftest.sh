#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Tests tests/vm/run itself, with about a dozen boots. TAP on stdout.
#
#   tests/vm/selftest.sh [--kernel X.Y]
#
# Must never need more than the runner needs.
set -eu
set -o pipefail

here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd -P)
repo=$(cd -- "$here/../.." && pwd -P)
kernel=6.1
if [ "${1:-}" = --kernel ] && [ $# = 2 ]; then
	kernel=$2
elif [ $# != 0 ]; then
	echo 'usage: tests/vm/selftest.sh [--kernel X.Y]' >&2
	exit 2
fi

unset BUILD PW_VM_HOOK
mkdir -p "$repo/build/vm"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
count=0 bad=0 status=0

check() { # check NAME COMMAND…: the command's success is the verdict
	local name=$1
	shift
	count=$((count + 1))
	if "$@"; then
		echo "ok $count - $name"
	else
		echo "not ok $count - $name"
		bad=$((bad + 1))
		sed 's/^/# stdout: /' "$work/out" | tail -n 5
		sed 's/^/# stderr: /' "$work/err" | tail -n 15
		echo "# status: $status"
	fi
}

vm() { # vm ARGUMENTS…: output in $work/out and $work/err, status in $status
	status=0
	"$here/run" --kernel "$kernel" "$@" >"$work/out" 2>"$work/err" || status=$?
}

ended() { [ "$status" = "$1" ]; }
out_is() { [ "$(cat "$work/out")" = "$1" ]; }
err_is() { [ "$(cat "$work/err")" = "$1" ]; }
out_has() { grep -q -e "$1" "$work/out"; }
err_has() { grep -q -e "$1" "$work/err"; }

# The kernel is fetched first, so that nothing below prints about it.
"$here/kernels" "$kernel"

vm -- true
check 'a command that succeeds gives 0' ended 0
check 'stdout is empty when the command prints nothing' out_is ''
check 'stderr is empty when the command prints nothing' err_is ''

# shellcheck disable=SC2016 # for the guest's shell
vm -- sh -c 'echo "$0|$1|$2"; echo complaint >&2; echo again >/dev/stderr; exit 42' "it's" 'a  "b" $c' ''
check 'the exit status comes through' ended 42
check 'arguments come through unchanged, stdout as it is' out_is "it's|a  \"b\" \$c|"
check 'stderr apart from it' err_is $'complaint\nagain'

vm -- polyward-no-such-program
check 'a program that is not there gives 127' ended 127

head -c 3000000 /dev/urandom >"$repo/build/vm/selftest.$$"
vm -- cat "$repo/build/vm/selftest.$$"
check 'three megabytes of binary output arrive unchanged' cmp -s "$work/out" "$repo/build/vm/selftest.$$"
rm -f "$repo/build/vm/selftest.$$"

# shellcheck disable=SC2016 # for the guest's shell
vm --append 'polyward.selftest=yes' -- sh -c '
	echo "cwd=$(pwd) path=$PATH home=$HOME term=$TERM lc=$LC_ALL"
	echo "lsm=$(cat /sys/kernel/security/lsm)"
	echo "cmdline=$(cat /proc/cmdline)"
	echo "release=$(uname -r)"
	while read -r dev dir type rest; do echo "mount $type $dir $dev"; done </proc/mounts
	ip -br link show lo | grep -q "LOOPBACK,UP" && echo lo up
	tune2fs -l /dev/vda | grep features
	read -r line && echo "stdin has $line"
	tune2fs -l /dev/vdb >/dev/null && echo second disk
	modprobe loop && echo modules
	touch /polyward-selftest "$PWD/polyward-selftest" /etc/polyward-selftest && echo wrote
	sleep 1000 &
	exit 0'
check 'a command that leaves a process behind ends' ended 0
check 'the working directory is the repository' out_has "^cwd=$repo "
check 'the built programs come first on PATH' out_has " path=$repo/build:$repo/build/libexec:"
check 'HOME, TERM and LC_ALL are fixed' out_has ' home=/root term=dumb lc=C.UTF-8$'
check 'bpf is among the active LSMs' out_has '^lsm=.*\<bpf\>'
check '--append reaches the kernel' out_has '^cmdline=.* polyward.selftest=yes$'
check 'the kernel is the one asked for' out_has "^release=${kernel//./\\.}[.-]"
check 'the root is an overlay' out_has '^mount overlay / '
check '/srv is ext4' out_has '^mount ext4 /srv /dev/vda$'
check '/srv can encrypt and verify' out_has 'encrypt.*verity'
check 'there is a second, unmounted disk' out_has '^second disk$'
for what in 'tmpfs /tmp' 'tmpfs /run' 'tmpfs /dev/shm' 'devpts /dev/pts' 'proc /proc' 'sysfs /sys' \
	'securityfs /sys/kernel/security' 'bpf /sys/fs/bpf' 'cgroup2 /sys/fs/cgroup'; do
	check "mounted: $what" out_has "^mount $what "
done
check 'the loopback interface is up' out_has '^lo up$'
check 'kernel modules can be loaded' out_has '^modules$'
check 'the guest can write anywhere' out_has '^wrote$'
unwritten() { [ ! -e /polyward-selftest ] && [ ! -e "$repo/polyward-selftest" ] && [ ! -e /etc/polyward-selftest ]; }
check 'and the host sees nothing of it' unwritten
check 'stdin is empty' eval '! out_has "^stdin has"'

began=$SECONDS
vm --timeout 2 -- sh -c 'echo before; sleep 1000'
check 'a timeout gives 124' ended 124
check 'and says so' err_has 'timeout: the command did not end within 2 s'
check 'and keeps what was printed before it' out_is before
check 'and does not wait any longer' [ $((SECONDS - began)) -lt 60 ]

vm -- sh -c 'echo c >/proc/sysrq-trigger; sleep 1000'
check 'a panic gives 125' ended 125
check 'and shows the console' err_has 'Kernel panic - not syncing'
check 'and not on stdout' out_is ''

vm -- sh -c 'echo b >/proc/sysrq-trigger; sleep 1000'
check 'a reset gives 125' ended 125
check 'and says so' err_has 'the guest died before the command ended'

vm --append 'rdinit=/nothing init=/nothing' -- true
check 'a guest that never comes up gives 125' ended 125
check 'and says so' err_has 'the guest died before it reached the command'

# shellcheck disable=SC2016 # for the guest's shell
PW_VM_SILENCE=15 vm -- sh -c 'kill -STOP $(pidof busybox); sleep 1000'
check 'a guest that falls silent gives 125' ended 125
check 'and says so' err_has 'the guest fell silent'

# shellcheck disable=SC2016 # for the guest's shell
vm --icount -- sh -c 'cat /proc/cmdline; i=0; while [ $i -lt 1000 ]; do i=$((i + 1)); done; echo $i'
check '--icount runs' out_has '^1000$'
check 'and leaves fresh memory alone' out_has '\<init_on_alloc=0\>'

vm --cpus 2 -- nproc
check '--cpus 2 gives two' out_is 2

vm --frobnicate -- true
check 'an unknown option is a usage error' ended 2
vm --timeout soon -- true
check 'a timeout that is no number is a usage error' ended 2
vm --timeout 5
check 'no command is a usage error' ended 2
# No program but the shell's own: the first one missing must be named.
ln -sf "$(command -v dirname)" "$(command -v sed)" "$work/"
status=0
PATH=$work /bin/bash "$here/run" -- true >"$work/out" 2>"$work/err" || status=$?
check 'a missing program gives 3 and is named with its package' eval 'ended 3 && err_has "install the Debian package"'

echo "1..$count"
[ "$bad" = 0 ]
