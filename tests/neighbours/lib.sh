# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# In the guest: users, places outside and inside stores on two filesystems, a daemon with a policy, and TAP. Sourced by the suites
# beside it. Every suite first runs without polyward and then with it, and compares. Must never run outside the guest.

[ -d /run/vm ] || { echo 'only in the guest (tests/vm/run)' >&2; exit 3; }
# shellcheck disable=SC2034 # for the suites
here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
# shellcheck disable=SC2034
built=$(dirname -- "$(command -v polywardd)")
number=0 failed=0 daemon=''
results=/run/results
mkdir -p $results

ok() { # ok STATUS NAME: one TAP line
	number=$((number + 1))
	if [ "$1" -eq 0 ]; then
		echo "ok $number - $2"
		return
	fi
	failed=1
	echo "not ok $number - $2"
}

skip() { # skip NAME WHY
	number=$((number + 1))
	echo "ok $number - $1 # SKIP $2"
}

# The guest may serve another suite after this one: without polyward, as it was.
finish() {
	if [ -n "$daemon" ]; then
		if polyward down --yes-stop-enforcing >/run/down.log 2>&1; then
			kill "$daemon"
			wait "$daemon"
		else
			sed 's/^/# /' /run/daemon.log /run/down.log
		fi
	fi
	echo "1..$number"
	exit $failed
}

# /srv is ext4: plain/ lies outside every store, store/ and second/ are stores. /far is a tmpfs with none, /near one with a store.
places() {
	if pidof polywardd >/dev/null; then # of a suite that was cut short
		polyward down --yes-stop-enforcing >/dev/null 2>&1
		kill "$(pidof polywardd)"
	fi
	mountpoint -q /near && return
	sh tests/vm/users
	cat >>/etc/passwd <<-END
		first:x:4001:4001::/nonexistent:/bin/sh
		second:x:4002:4002::/nonexistent:/bin/sh
		stranger:x:4009:4009::/nonexistent:/bin/sh
		keeper-db:x:4010:4010::/nonexistent:/bin/sh
		reader:x:4011:4011::/nonexistent:/bin/sh
	END
	printf '%s\n' first:x:4001: second:x:4002: shared:x:4003: stranger:x:4009: keeper-db:x:4010: reader:x:4011: >>/etc/group
	mkdir -p /far /near /srv/plain /srv/store /srv/second
	mount -t tmpfs far /far
	mount -t tmpfs near /near
	mkdir -p /near/store /near/plain
	chmod 1777 /far /near /near/* /srv/plain /srv/store /srv/second
}

# The role has every right there is; stat is named, so that its hook is attached too.
policy() { # policy [MORE]: on stdout
	cat <<-END
		polyward 1
		policy neighbours { version 1 mode enforce log denied }
		store data { path /srv/store modality image class phi }
		store second { path /srv/second modality text class phi }
		store near { path /near/store modality image class phi }
		role worker { members user:root, user:first, user:second, user:keeper-db }
		role reader { members user:reader }
		rule work { allow worker to read, list, stat, write, create, delete, exec, attr, link, lock, watch, mount on data, second, near }
		rule look { allow reader to read, list, stat on data, second, near }
		${1:-}
	END
}

# shellcheck disable=SC2120
begin() { # begin [MORE-POLICY]: from here on polyward enforces
	policy "${1:-}" >/run/neighbours.pw
	polywardd >/run/daemon.log 2>&1 &
	daemon=$!
	for _ in $(seq 300); do
		grep -q '^polywardd: ready' /run/daemon.log && break
		kill -0 $daemon 2>/dev/null || break
		sleep 0.1
	done
	polyward apply /run/neighbours.pw >/run/apply.log 2>&1
	said=$?
	[ $said -eq 0 ] || sed 's/^/# /' /run/daemon.log /run/apply.log
	ok $said 'the policy is in force'
	[ $said -eq 0 ] || finish
}

counter() { polyward status --json | jq ".counters.$1"; } # counter NAME

as() { # as USER COMMAND...
	local user=$1
	shift
	if [ "$user" = root ]; then
		"$@"
	else
		setpriv --reuid "$user" --regid "$(id -g "$user")" --init-groups -- env HOME=/far "$@"
	fi
}
