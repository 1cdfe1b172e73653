# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# What tests/vm/run and tests/vm/kernels share: where the cache is, how to
# complain, and which host programs are needed. Sourced, never executed.

vm_here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd -P)
vm_repo=$(cd -- "$vm_here/../.." && pwd -P)
vm_build=${BUILD:-$vm_repo/build}
case $vm_build in /*) ;; *) vm_build=$vm_repo/$vm_build ;; esac
vm_cache=${PW_VM_CACHE:-$vm_repo/build/vm}
case $vm_cache in /*) ;; *) vm_cache=$PWD/$vm_cache ;; esac

vm_say() {
	printf '%s: %s\n' "${vm_name:-vm}" "$*" >&2
}

vm_die() {
	local status=$1
	shift
	vm_say "$*"
	exit "$status"
}

# vm_need PROGRAM PACKAGE: exit 3 unless PROGRAM can be run.
vm_need() {
	local found
	found=$(PATH=$PATH:/usr/sbin:/sbin command -v "$1") && [ -x "$found" ] && return 0
	vm_die 3 "the program '$1' is missing; install the Debian package '$2' (apt-get install $2)"
}

# vm_busybox: print the path of a statically linked busybox, or exit 3.
vm_busybox() {
	local b
	for b in /bin/busybox /usr/bin/busybox; do
		[ -x "$b" ] || continue
		# A dynamic program asks for its interpreter in the first bytes.
		if ! head -c 4096 "$b" | grep -qa 'ld-linux'; then
			printf '%s\n' "$b"
			return 0
		fi
	done
	vm_die 3 "no statically linked busybox; install the Debian package 'busybox-static'"
}
