#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# In the guest: a thousand stores in one policy, through the daemons, whose limits are not the suite's. Prints TAP.
# Run by: tests/vm/run -- tests/vm/daemons/many.sh [STORES]
set -u
. tests/vm/daemons/lib.sh
stores=${1:-1000}
people
{
	echo 'polyward 1'
	echo 'policy many { version 1 mode enforce }'
	for i in $(seq "$stores"); do
		mkdir -p "/srv/many/$i" && echo "scan $i" >"/srv/many/$i/one"
		echo "store s$i { path /srv/many/$i }"
	done
	echo 'role radiologist { members group:radiology }'
	echo "rule read { allow radiologist to read, list on $(seq -s ', s' -f '%g' "$stores" | sed 's/^/s/') }"
} >$work/policies/many.pw
chmod -R a+rwX /srv/many
daemon
run polyward apply $work/policies/many.pw
expect 0 'is enforced' "a policy of $stores stores"
run as alice sh -c 'cat /srv/many/*/one | wc -l'
expect 0 "^$stores\$" '... each is open to its role'
run sh -c 'cat /srv/many/*/one'
expect 1 'Permission denied' '... and to nobody else'
[ "$(printf '%s\n' "$said" | grep -c 'Permission denied')" -eq "$stores" ]
ok $? "... $stores times"
run sh -c "ln /srv/many/1/one /srv/many/$stores/stolen || mv /srv/many/$stores/one /srv/many/1/stolen"
expect 1 'Permission denied' '... nothing goes from one to another'
stop
finish
