#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# In the guest: ordinary programs (programs.sh) without polyward, and under an enforcing policy outside every store and inside one for
# a role with all rights. What they print must be the same. Prints TAP.
# Run by: BUILD=build tests/vm/run -- tests/neighbours/ordinary.sh [NAME...]
set -u
. tests/neighbours/lib.sh
# NAME:USER:WHAT IT NEEDS
all='tar:root:setfattr cc:first:gcc git:first:git rsync:root:rsync sqlite:first:sqlite3 edit:first:vim logs:first:logrotate
	tmpfiles:root:systemd-tmpfiles walk:first:updatedb python:first:python3 stress:first:stress-ng fio:first:fio'
export PATH=$PATH:/usr/sbin
wanted=" $* "

each() { # each COMMAND: for every program that is asked for
	local row name user needs
	for row in $all; do
		IFS=: read -r name user needs <<<"$row"
		[ "$wanted" = '  ' ] || [[ $wanted == *" $name "* ]] || continue
		"$@" "$name" "$user" "$needs"
	done
}

work() { # work PLACE DIR NAME USER NEEDS: what it says to a file of results
	local place=$1 dir=$2/$3.$4 name=$3 user=$4 began=$SECONDS
	command -v "$5" >/dev/null || return 0
	mkdir -p "$dir"
	chown "$user" "$dir"
	(cd "$dir" && as "$user" "$here/programs.sh" "$name" /srv/beside "$PWD_REPO") >"$results/$place.$name.$user" 2>&1
	rm -rf "$dir"
	[ -z "${TIMES:-}" ] || echo "# $place $name $user: $((SECONDS - began)) s"
}

compare() { # compare PLACE NAME USER NEEDS
	if ! command -v "$4" >/dev/null; then
		skip "$1: $2 as $3" "the program $4 is missing (userspace/dist/deps neighbours)"
		return
	fi
	diff "$results/before.$2.$3" "$results/$1.$2.$3" >"$results/diff"
	said=$?
	head -n 30 "$results/diff" | sed 's/^/# /'
	ok $said "$1: $2 as $3: $(wc -l <"$results/$1.$2.$3") lines as without polyward"
}

sound() { # sound NAME USER NEEDS: without polyward it does what it should
	command -v "$3" >/dev/null || return 0
	[ "$(tail -n 1 "$results/before.$1.$2")" = 'status 0' ] && ! grep -qi 'denied\|not permitted\|error\|fatal' "$results/before.$1.$2"
	said=$?
	[ $said -eq 0 ] || tail -n 20 "$results/before.$1.$2" | sed 's/^/# /'
	ok $said "without polyward: $1 as $2 works"
}

PWD_REPO=$PWD
places
mkdir -p /srv/beside
chmod 1777 /srv/beside
each work before /srv/plain
each sound
begin
each work outside /srv/plain
each compare outside
denied=$(counter denied) internal=$(counter internal)
[ "$denied" -eq 0 ] && [ "$internal" -eq 0 ]
ok $? "nothing was refused outside of stores (denied $denied, internal $internal)"
each work inside /srv/store
each compare inside
denied=$(counter denied) internal=$(counter internal)
[ "$internal" -eq 0 ]
ok $? "nothing inside failed for want of knowledge (denied $denied, internal $internal)"
finish
