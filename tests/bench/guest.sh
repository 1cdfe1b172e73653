#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Runs in the guest: polyward and what it is compared with, in one boot, so that ratios come from one run. Prints "SYSTEM OPERATION
# FIGURE" lines, and "MEMORY ...", "swap ..." and "VERSION ..." lines. Exits with 1 if a part failed; the others are measured all the same.
# Usage: guest.sh BUILD ROUNDS FILES PART...    FILES: how many files the large store gets, 0: none
# PART: nothing, again (nothing, once more), a peer of peers.sh, floor, swap or polyward_all of polyward.sh; nothing_many, polyward_many,
# auditd_many: of these only the 4,096 files in turn
# shellcheck disable=SC2317 # parts are called by name
set -eu
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/bench/lib.sh
. "$here/lib.sh"
# shellcheck source=tests/bench/polyward.sh
. "$here/polyward.sh"
# shellcheck source=tests/bench/peers.sh
. "$here/peers.sh"
# shellcheck disable=SC2034 # for polyward.sh
files=$3
shift 3

nothing() {
	warm_up
	measure nothing "$dir" all
	nothing_many
}

nothing_many() { many nothing true true; }

# Whether what was measured since has left anything behind.
again() { measure nothing-again "$dir" all; }

own sh awk sed grep seq cat sort tail head sleep pidof pgrep cut
status=0
for part in "$@"; do
	set +e
	(set -e; "$part")
	ended=$?
	set -e
	[ "$ended" -eq 0 ] || { echo "bench: $part ended with $ended" >&2; status=1; }
done
exit $status
