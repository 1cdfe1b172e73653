#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# In the guest: PostgreSQL with its data outside every store, and inside a store that only its own user's role may enter: initdb, load,
# SIGKILL, recovery, stop; while others, root too, are refused. Prints TAP. Run by: tests/vm/run --mem 1536 -- tests/neighbours/database.sh
set -u
. tests/neighbours/lib.sh
bin=$(find /usr/lib/postgresql -name initdb -printf '%h\n' 2>/dev/null | sort | tail -n 1)
if [ -z "$bin" ]; then
	skip 'PostgreSQL' 'the package postgresql is missing (userspace/dist/deps neighbours)'
	finish
fi
user=keeper-db
export PGUSER=$user PGHOST=/far PGDATABASE=postgres

db() { as $user "$@"; }
sql() { db "$bin/psql" -qAtc "$1" 2>&1; }

up() { # up DATA
	db "$bin/pg_ctl" -s -w -t 60 -D "$1" -l "$1.log" -o "-k /far -c listen_addresses= -c shared_buffers=4MB -c max_connections=8 -c fsync=on" start 2>&1
}

life() { # life DATA: every stage on a line, without times and numbers of processes
	local data=$1 head
	db mkdir -m 700 "$data"
	db "$bin/initdb" -D "$data" -A trust -N --locale=C --encoding=UTF8 >/far/initdb.log 2>&1
	echo "initdb $?"
	up "$data"
	echo "start $?"
	sql 'CREATE TABLE account(id int PRIMARY KEY, balance int); INSERT INTO account SELECT i, 100 FROM generate_series(1, 500) i'
	db "$bin/pgbench" -n -f <(
		echo '\set a random(1, 500)'
		echo '\set b random(1, 500)'
		echo 'BEGIN; UPDATE account SET balance = balance - 1 WHERE id = least(:a, :b);'
		echo 'UPDATE account SET balance = balance + 1 WHERE id = greatest(:a, :b); COMMIT;'
	) -c 2 -t 100 2>&1 | sed -n 's/^number of transactions actually processed: /transactions /p'
	sql 'SELECT sum(balance), count(*) FROM account'
	sql "SELECT lo_import('/etc/passwd') > 0"
	sql 'CREATE INDEX ON account(balance); VACUUM ANALYZE account; CHECKPOINT'
	sql 'CREATE TABLE late(n int); INSERT INTO late SELECT generate_series(1, 1000)'
	head=$(db head -n 1 "$data/postmaster.pid")
	kill -KILL "$head"
	while pgrep -u $user postgres >/dev/null; do sleep 0.2; done
	up "$data"
	echo "start after SIGKILL $?"
	db grep -c 'was not properly shut down' "$data.log"
	sql 'SELECT sum(balance), count(*) FROM account; SELECT count(*) FROM late'
	sql "COPY late TO '$data/late.csv'" 
	db cat "$data/late.csv" | wc -l
	db "$bin/pg_dump" -a -t late 2>&1 | grep -c '^[0-9]'
	db "$bin/pg_ctl" -s -w -D "$data" -m fast stop 2>&1
	echo "stop $?"
	db "$bin/pg_controldata" "$data" | sed -n 's/^Database cluster state: *//p'
}

places
chmod 1777 /far
life /srv/plain/db >$results/db.before 2>&1
grep -q '^50000|500$' $results/db.before && grep -q '^shut down$' $results/db.before && [ "$(grep -c ' 0$' $results/db.before)" -eq 4 ]
said=$?
[ $said -eq 0 ] || sed 's/^/# /' $results/db.before
ok $said 'without polyward PostgreSQL works, crashes and recovers'
rm -rf /srv/plain/db*
mkdir -m 1777 /srv/vault
begin 'store vault { path /srv/vault modality text class phi } role keeper { members user:keeper-db }
	rule keep { allow keeper to read, list, stat, write, create, delete, attr, link, lock, watch on vault }'
life /srv/plain/db >$results/db.outside 2>&1
diff $results/db.before $results/db.outside | sed 's/^/# /'
cmp -s $results/db.before $results/db.outside
ok $? 'outside of stores it does the same'
denied=$(counter denied)
[ "$denied" -eq 0 ]
ok $? "and nothing was refused ($denied)"
rm -rf /srv/plain/db*
life /srv/vault/db >$results/db.inside 2>&1
diff $results/db.before $results/db.inside | sed 's/^/# /'
cmp -s $results/db.before $results/db.inside
ok $? 'in a store that only its own role may enter it does the same'
denied=$(counter denied)
[ "$denied" -eq 0 ]
ok $? "and nothing was refused ($denied)"
said=$(cat /srv/vault/db/PG_VERSION 2>&1)
[[ $said == *denied* ]] && [ "$(counter denied)" -gt 0 ]
ok $? 'while root does not read it, and is counted'
finish
