#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Runs in the guest: what else protects or watches files on Linux, in the same boot as nothing. Prints "SYSTEM OPERATION FIGURE" lines,
# and "VERSION ..." lines.
# Usage: peers.sh BUILD ROUNDS PEER...    PEER: nothing, landlock, fanotify, apparmor, auditd, selinux; auditd and selinux last
# shellcheck disable=SC2317 # peers are called by name
set -eu
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/bench/lib.sh
. "$here/lib.sh"
shift 2
dir=$work/store/data
mkdir "$dir"

version() { # version PACKAGE
	echo "VERSION $1 $(dpkg-query -W -f '${Version}' "$1")"
}

nothing() {
	measure warm-up "$dir" all >/dev/null
	measure nothing "$dir" all
}

# Seven folders, of which the last is the measured one.
landlock() {
	measure landlock "$dir" all "$B/tests/bench/peer_landlock" /usr /etc /proc /dev "$B" "$work" "$work/store" --
}

fanotify() {
	measure fanotify "$dir" all "$B/tests/bench/peer_fanotify" "$work/store" -- 2>"$work/said"
	echo "VERSION $(sed -n 's/^peer_fanotify: asked \([0-9]*\) times/questions \1/p' "$work/said" | head -n 1)"
}

# One profile in force that names what the operations use; proven by a file that it does not name.
apparmor() {
	version apparmor
	cat >"$work/profile" <<-END
		profile bench {
		  capability chown, capability dac_override, capability fowner, capability fsetid,
		  network inet stream, network unix stream, unix, signal,
		  $work/store/** rwlkix,
		  $work/*.tar r,
		  $work/busybox rix,
		  $B/** rix,
		  /usr/** mrix,
		  /{bin,lib,lib64}/** mrix,
		  /etc/{ld.so.cache,nsswitch.conf,passwd,group,localtime} r,
		  /proc/** r,
		  /dev/{null,zero,tty} rw,
		}
	END
	apparmor_parser -K -r "$work/profile"
	[ "$("$here/peer_apparmor" bench cat /proc/self/attr/apparmor/current)" = "bench (enforce)" ]
	if "$here/peer_apparmor" bench cat /etc/shells >/dev/null 2>&1; then
		echo "peers: AppArmor does not enforce" >&2
		exit 1
	fi
	measure apparmor "$dir" all "$here/peer_apparmor" bench
	apparmor_parser -R "$work/profile"
}

# What the daemon and its kernel thread spend on one opening of one of 4,096 files, from the event to their log file.
sustained() {
	spent() { cat "/proc/$(pidof auditd)/schedstat" "/proc/$(pgrep -x kauditd)/schedstat" | awk '{ ns += $1 } END { printf "%.0f", ns }'; }
	written() { cat /var/log/audit/audit.log* | grep -c '^type=SYSCALL .*key="bench"'; }
	settle
	before=$(spent) records=$(written)
	"$B/tests/bench/ops" "$dir" "$rounds" many >"$work/out"
	settle
	after=$(spent) records=$(($(written) - records))
	sed 's/^/auditd /' "$work/out"
	echo "auditd records $records"
	echo "auditd consumer-per-record $(awk -v ns=$((after - before)) -v n="$records" 'BEGIN { printf "%.1f", n ? ns / n : 0 }')"
}

# A watch on the folder, every kind of access; the daemon writes to its own log as installed.
auditd() {
	version auditd
	command auditd -s enable
	settle
	auditctl -D >/dev/null
	auditctl -w "$dir" -p rwxa -k bench >/dev/null
	rounds=$((rounds / 10))
	measure auditd "$dir" all
	sustained
	echo "VERSION audit-events $(cat /var/log/audit/audit.log* | grep -c '^type=SYSCALL .*key="bench"')"
	echo "VERSION audit-lost $(auditctl -s | sed -n 's/^lost //p')"
}

# Debian's default policy, enforcing, on a folder with a label of its own.
selinux() {
	version selinux-policy-default
	mount -t selinuxfs selinuxfs /sys/fs/selinux
	load_policy -i
	echo 1 >/sys/fs/selinux/enforce
	chcon -R -t usr_t "$dir"
	measure selinux-warm-up "$dir" all >/dev/null
	measure selinux "$dir" all
	echo "VERSION selinux-domain $(tr -d '\000' </proc/self/attr/current)"
}

status=0
for peer in "$@"; do
	set +e
	(set -e; "$peer")
	ended=$?
	set -e
	[ "$ended" -eq 0 ] || { echo "peers: $peer ended with $ended" >&2; status=1; }
done
exit $status
