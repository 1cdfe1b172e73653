# shellcheck shell=bash disable=SC2154
# SPDX-License-Identifier: Apache-2.0
#
# How the demo shows and judges a step: prints who runs which command, what it
# really printed, and whether that is what the story says. Sourced by
# scenario.sh, which sets scratch and lines_shown. Must never hide output that
# would change the picture, and never count a step as held that it did not see.

held=0
broken=()
accesses=() # "VERDICT UID ACTION STORE", one for each access that the log must hold

heading() {
	printf '\n\n== %s\n' "$1"
	shift
	[ $# -eq 0 ] || printf '   %s\n' "$@"
}

note() {
	printf '   %s\n' "$@"
}

# as USER COMMAND…: run it as a login of USER would: login uid first, as
# pam_loginuid does, then user and groups. Users are as in /etc/passwd.
as() {
	local user=$1 uid gid
	shift
	uid=$(uid_of "$user") gid=$(gid_of "$user")
	(
		printf '%s' "$uid" >/proc/self/loginuid
		cd / || exit 1
		export HOME=/ USER=$user LOGNAME=$user
		exec setpriv --reuid "$uid" --regid "$gid" --init-groups -- "$@"
	)
}

# Without a process for each name: the guest is an emulated machine.
passwd_field() { # passwd_field USER NUMBER
	local fields
	while IFS=: read -r -a fields; do
		[ "${fields[0]}" != "$1" ] || { printf '%s' "${fields[$2]}"; return 0; }
	done </etc/passwd
	return 1
}
uid_of() { passwd_field "$1" 2; }
gid_of() { passwd_field "$1" 3; }

prompt() { # prompt USER COMMAND
	printf '\n%s%s %s\n' "$1" "$([ "$1" = root ] && echo '#' || echo '$')" "$2"
}

# show FILE: its lines as far as they help, wrapped. A step that went wrong may
# show a stored file's bytes: none of them is for the terminal.
show() {
	local lines line part
	mapfile -t lines < <(tr -d '\000' <"$1")
	[ ${#lines[@]} -gt 0 ] || printf '    (no output)\n'
	for line in "${lines[@]:0:lines_shown}"; do
		line=${line//[![:print:]]/.}
		while [ ${#line} -gt 150 ]; do
			part=${line:0:150}
			[[ ${part:60} != *\ * ]] || part=${part% *}
			printf '    %s\n' "$part"
			line="    ${line:${#part}}"
		done
		printf '    %s\n' "$line"
	done
	[ ${#lines[@]} -le "$lines_shown" ] || printf '    … and %d more\n' $((${#lines[@]} - lines_shown))
}

verdict() { # verdict yes|no TEXT
	if [ "$1" = yes ]; then
		held=$((held + 1))
		printf '  [ok] %s\n' "$2"
	else
		broken+=("$2")
		printf '  [NOT AS IT SHOULD BE] %s\n' "$2"
	fi
}

judge() { # judge WANT STATUS FILE TEXT
	local good=no
	case $1 in
	works) [ "$2" -eq 0 ] && good=yes ;;
	fails) [ "$2" -ne 0 ] && good=yes ;;
	refused) [ "$2" -ne 0 ] && grep -q 'Permission denied' "$3" && good=yes ;;
	says:*) grep -qF -- "${1#says:}" "$3" && good=yes ;;
	esac
	verdict "$good" "$4"
	[ "$good" = yes ] || printf '  (exit status %d)\n' "$2"
}

# step USER WANT TEXT COMMAND: one step of the story. WANT is works, fails,
# refused (fails, and the kernel's word for it is printed) or says:WORDS.
step() {
	local status=0
	prompt "$1" "$4"
	as "$1" bash -o pipefail -c "$4" >"$scratch/out" 2>&1 || status=$?
	show "$scratch/out"
	judge "$2" "$status" "$scratch/out" "$3"
}

# denied USER[>OTHER] ACTION STORE TEXT COMMAND: a step that must be refused, and
# that the log must hold afterwards, as done by USER (or under OTHER's name).
denied() {
	step "${1%%>*}" refused "$4" "$5"
	accesses+=("deny $(uid_of "${1##*>}") $2 $3")
}

# allowed USER ACTION STORE TEXT COMMAND: the same for what must work.
allowed() {
	step "$1" works "$4" "$5"
	accesses+=("allow $(uid_of "$1") $2 $3")
}

# A login that stays: what it opens stays open from step to step.
session_open() { # session_open USER
	session_user=$1
	mkfifo "$scratch/in"
	as "$1" bash <"$scratch/in" >"$scratch/session" 2>&1 &
	session_pid=$!
	exec 6>"$scratch/in"
}

session_step() { # session_step WANT TEXT COMMAND
	local status from
	from=$(($(wc -c <"$scratch/session") + 1))
	prompt "$session_user" "$3"
	printf '%s\necho "status $?"\n' "$3" >&6
	for _ in $(seq 100); do
		tail -c +"$from" "$scratch/session" | grep -q '^status [0-9]' && break
		sleep 0.1
	done
	tail -c +"$from" "$scratch/session" >"$scratch/out"
	status=$(sed -n 's/^status //p' "$scratch/out")
	sed -i '/^status [0-9]/d' "$scratch/out"
	show "$scratch/out"
	judge "$1" "${status:-255}" "$scratch/out" "$2"
}

session_close() {
	exec 6>&-
	wait "$session_pid" || true
}

# log_holds FILE: every access that was made is looked for in the log, as JSON.
log_holds() {
	local verdict uid action store found made access good
	for access in $(printf '%s\n' "${accesses[@]}" | sort -u | tr ' ' ,); do
		IFS=, read -r verdict uid action store <<<"$access"
		found=$(jq -s --arg verdict "$verdict" --argjson uid "$uid" --arg action "$action" --arg store "$store" \
			'[.[] | select(.verdict == $verdict and .uid == $uid and .store == $store and (.action | index($action))) | .count // 1] | add // 0' "$1")
		made=$(printf '%s\n' "${accesses[@]}" | grep -cxF "${access//,/ }")
		[ "${found:-0}" -ge "$made" ] && good=yes || good=no
		verdict "$good" "$verdict $action on $store, $(id -un "$uid"): ${found:-0} records for $made steps"
	done
}

# Ends the story: exit 0 only if every step went as it should.
curtain() {
	local b
	heading "$held of $((held + ${#broken[@]})) steps went as they should."
	for b in ${broken[@]+"${broken[@]}"}; do
		printf '   NOT: %s\n' "$b"
	done
	[ ${#broken[@]} -eq 0 ] && [ "$held" -gt 0 ]
}
