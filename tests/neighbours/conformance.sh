#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# In the guest: the filesystem's behaviour without polyward, and with it outside every store on the same filesystem, on another
# filesystem, and inside a store for a role with all rights; as root and as a user. Lines must be the same but for differences.txt.
# Prints TAP. Run by: BUILD=build tests/vm/run -- tests/neighbours/conformance.sh
set -u
. tests/neighbours/lib.sh
rounds=${FSX_ROUNDS:-20000}

# What the table says of a place is put in place of the line without polyward.
expected() { # expected FILE PLACE
	if [ "$2" = store ]; then
		awk -F ' [|] ' 'NR == FNR { if ($0 !~ /^#/ && match($1, /^[^:]*: [^:]*: /)) line[substr($1, 1, RLENGTH)] = $1; next }
			/^#/ { next }
			match($0, /^[^:]*: [^:]*: /) && substr($0, 1, RLENGTH) in line { print line[substr($0, 1, RLENGTH)]; next }
			{ print }' "$here/differences.txt" "$1"
	else
		grep -v '^#' "$1"
	fi
}

run() { # run NAME USER DIR BESIDE OTHER
	local dir=$3/posix.$2
	mkdir -p "$dir" "$4" "$5"
	chown "$2" "$dir"
	chmod 1777 "$4" "$5"
	as "$2" "$built/tests/neighbours/posix" "$dir" "$4" "$5" >"$results/$1.$2" 2>&1
	rm -rf "$dir"
}

judge() { # judge NAME USER BEFORE PLACE: a TAP line for each group
	local group groups
	expected "$results/$3.$2" "$4" >"$results/expected"
	grep -v '^#' "$results/$1.$2" >"$results/got"
	groups=$(sed -n 's/:.*//p' "$results/expected" "$results/got" | awk '!seen[$0]++')
	for group in $groups; do
		if diff <(grep "^$group: " "$results/expected") <(grep "^$group: " "$results/got") >"$results/diff"; then
			ok 0 "$1, $2: $group"
		else
			sed 's/^/# /' "$results/diff"
			ok 1 "$1, $2: $group"
		fi
	done
}

random() { # random NAME USER DIR ROUNDS
	mkdir -p "$3/fsx.$2"
	chown "$2" "$3/fsx.$2"
	as "$2" "$built/tests/neighbours/fsx" "$3/fsx.$2/file" 4711 "$4" >"$results/$1.$2.fsx" 2>&1
}

same_random() { # same_random NAME USER BEFORE
	diff "$results/$3.$2.fsx" "$results/$1.$2.fsx" >"$results/diff"
	said=$?
	sed 's/^/# /' "$results/diff"
	ok $said "$1, $2: random operations on a file ($(cut -c 1-90 "$results/$1.$2.fsx"))"
}

places
# A store lies one level deeper than its filesystem's root; so do all the places, so that depths can be compared.
for user in root first; do
	run before-ext4 $user /srv/plain /srv/beside /far/other
	run before-tmpfs $user /far /far/beside /srv/other
	for fs in ext4 tmpfs; do
		unexpected=$(grep -c '(wanted ' "$results/before-$fs.$user")
		grep '(wanted \|ended by' "$results/before-$fs.$user" | sed 's/^/# /'
		[ "$unexpected" -eq 0 ] && [ "$(grep -vc '^#' "$results/before-$fs.$user")" -gt 400 ]
		ok $? "without polyward, $fs, $user: $(grep -vc '^#' "$results/before-$fs.$user") cases end as the manual pages say"
	done
done
random before-ext4 root /srv/plain "$rounds"
random before-tmpfs root /far 5000
begin
for user in root first; do
	run outside $user /srv/plain /srv/beside /far/other
	judge outside $user before-ext4 plain
	run elsewhere $user /far /far/beside /srv/other
	judge elsewhere $user before-tmpfs plain
done
random outside root /srv/plain "$rounds"
same_random outside root before-ext4
random elsewhere root /far 5000
same_random elsewhere root before-tmpfs
denied=$(counter denied) internal=$(counter internal)
[ "$denied" -eq 0 ] && [ "$internal" -eq 0 ]
ok $? "nothing was refused outside of stores (denied $denied, internal $internal)"
for user in root first; do
	run inside $user /srv/store /srv/beside /far/other
	judge inside $user before-ext4 store
	run inside-tmpfs $user /near/store /near/plain /srv/other
	judge inside-tmpfs $user before-tmpfs store
done
random inside root /srv/store "$rounds"
same_random inside root before-ext4
random inside-tmpfs first /near/store 5000
cp "$results/before-tmpfs.root.fsx" "$results/before-tmpfs.first.fsx"
same_random inside-tmpfs first before-tmpfs
finish
