# shellcheck shell=sh
# SPDX-License-Identifier: Apache-2.0
# In the guest: what else protects or watches files on Linux, each by itself. Sourced by guest.sh. Prints "SYSTEM OPERATION FIGURE" lines,
# and "VERSION ..." lines. Nothing may be left of a peer when the next one is measured, so auditd and SELinux come last.
# shellcheck disable=SC2034,SC2154 # of lib.sh
# shellcheck disable=SC2317 # called by name

version() { # version PACKAGE
	echo "VERSION $1 $(dpkg-query -W -f '${Version}' "$1")"
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

auditd_records() { cat /var/log/audit/audit.log* | grep -c '^type=SYSCALL .*key="bench"'; }
auditd_lost() { auditctl -s | sed -n 's/^lost //p'; }

# A watch on the folder, every kind of access; the daemon writes to its own log as installed. Everything takes so long that less is asked.
auditd_start() {
	version auditd
	own /usr/sbin/auditd /usr/sbin/auditctl
	command auditd -s enable
	settle
	auditctl -D >/dev/null
	auditctl -w "$dir" -p rwxa -k bench >/dev/null
	rounds=$((rounds / 10)) image_runs=1 drained=--drained
}

# Into a log of its own, or old records would be thrown away while new ones are counted.
auditd_record() {
	kill -USR1 "$(pidof auditd)"
	settle
	rm -f /var/log/audit/audit.log.*
	many auditd auditd_records auditd_lost "$(pidof auditd)" "$(pgrep -x kauditd)"
	echo "VERSION audit-lost $(auditd_lost)"
}

auditd() {
	auditd_start
	measure auditd "$dir" all
	auditd_record
}

auditd_many() {
	auditd_start
	auditd_record
}

# Debian's default policy, enforcing, on a folder with a label of its own.
selinux() {
	version selinux-policy-default
	mount -t selinuxfs selinuxfs /sys/fs/selinux
	load_policy -i
	echo 1 >/sys/fs/selinux/enforce
	chcon -R -t usr_t "$dir"
	warm_up
	measure selinux "$dir" all
	echo "VERSION selinux-domain $(tr -d '\000' </proc/self/attr/current)"
}
