# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# In the guest: users, a store with files, policies, a daemon to start and kill, and TAP. Sourced by the suites beside it.

number=0 failed=0
work=/srv/work # on the guest's own disk: files there have one inode each
mkdir -p $work/policies
daemon_log=$work/daemon.log
built=$(dirname -- "$(command -v polyward)") # where the suites' own programs are

ok() { # ok STATUS NAME: one TAP line
	number=$((number + 1))
	if [ "$1" -eq 0 ]; then
		echo "ok $number - $2"
		return
	fi
	failed=1
	echo "# said: ${said:-}" | head -n 20
	[ ! -s $daemon_log ] || tail -n 5 $daemon_log | sed 's/^/# daemon: /'
	echo "not ok $number - $2"
}

run() { # run COMMAND...: output in $said, exit status in $status
	said=$("$@" 2>&1)
	status=$?
}

expect() { # expect STATUS PATTERN NAME: of the last run
	[ "$status" -eq "$1" ] && printf '%s\n' "$said" | grep -q -- "$2"
	ok $? "$3"
}

finish() {
	echo "1..$number"
	exit $failed
}

people() {
	sh tests/vm/users
	cat >>/etc/passwd <<-END
		alice:x:2001:2001::/nonexistent:/bin/sh
		ann:x:2002:2002::/nonexistent:/bin/sh
		sam:x:2003:2003::/nonexistent:/bin/sh
	END
	cat >>/etc/group <<-END
		radiology:x:2001:alice
		annotation:x:2002:ann
		security:x:2003:sam
	END
	mkdir -p /srv/ai/scans /srv/ai/notes
	chmod 777 /srv/ai/scans /srv/ai/notes
	echo scan >/srv/ai/scans/one.png
	echo note >/srv/ai/notes/one.txt
}

as() { # as USER COMMAND...
	local user=$1
	shift
	setpriv --reuid "$user" --regid "$(id -g "$user")" --init-groups -- "$@"
}

reads() { as "$1" cat "$2" >/dev/null 2>&1; } # reads USER FILE

policy() { # policy NAME VERSION [MORE]: radiology reads scans; the file's path is on stdout
	cat >"$work/policies/$1.pw" <<-END
		polyward 1
		policy $1 { version $2 mode enforce log all }
		store scans { path /srv/ai/scans modality image class phi }
		role radiologist { members group:radiology }
		rule rad-read { allow radiologist to read, list on scans }
		${3:-}
	END
	echo "$work/policies/$1.pw"
}

daemon() { # daemon [OPTION...]: start, wait until it answers; $daemon is its process
	polywardd "$@" >>$daemon_log 2>&1 &
	daemon=$!
	for _ in $(seq 300); do
		grep -q "^polywardd: ready" $daemon_log && break
		kill -0 $daemon 2>/dev/null || return 1
		sleep 0.2
	done
	: >$daemon_log
}

roles() { pgrep -P "$daemon"; } # processes of the supervisor's children
role() { pgrep -P "$daemon" -x "$1"; } # the name's first 15 characters

# While a policy is in force nobody sends them a signal but process 1: as systemd would.
signal() { tests/vm/pid1 kill "$@"; } # signal NAME PROCESS...

kill_all() { # kill -9, supervisor first so that it starts nothing again
	# shellcheck disable=SC2046 # a list of processes
	signal KILL "$daemon" $(roles)
	wait "$daemon" 2>/dev/null
}

stop() {
	signal TERM "$daemon"
	for _ in $(seq 450); do
		grep -qs '^State:.[^Z]' "/proc/$daemon/status" || break
		sleep 0.2
	done
	if grep -qs '^State:.[^Z]' "/proc/$daemon/status"; then
		# shellcheck disable=SC2046 # a list of processes
		for process in "$daemon" $(roles); do
			echo "# $process $(cat "/proc/$process/comm") $(cat "/proc/$process/wchan") system call $(cat "/proc/$process/syscall")"
			sed 's/^/#   /' "/proc/$process/stack"
		done
		ok 1 'the daemon stops when it is told to'
		finish
	fi
	wait "$daemon"
}

# What a reboot leaves: the state directory as it is, and nothing in the kernel. Pins cannot be taken away while a policy is in
# force, so enforcement ends by an order, and the directory is put back as it was. Leaves no daemon running.
reboot_like() { # reboot_like [USER]: who may say `down`
	local kept=$work/kept-state
	rm -rf $kept
	cp -a /var/lib/polyward $kept
	as "${1:-root}" polyward down --yes-stop-enforcing >/dev/null 2>&1
	stop
	find /var/lib/polyward -type f -delete
	cp -a $kept/. /var/lib/polyward/
	[ ! -e /sys/fs/bpf/polyward ]
}

status_of() { polyward status --json | jq -r "$1"; } # status_of JQ-PATH

wait_for() { # wait_for SECONDS COMMAND...
	local n=$(($1 * 5))
	shift
	for _ in $(seq "$n"); do
		"$@" >/dev/null 2>&1 && return 0
		sleep 0.2
	done
	return 1
}
