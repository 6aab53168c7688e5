#!/bin/bash
# SPDX-License-Identifier: MIT OR Apache-2.0
# PostgreSQL: initdb, then pgbench with connections that stay and with one for
# each transaction, each of which is a process; the sums agree afterwards. It
# does not run as root, so it has a directory and a user of its own. The server is
# started without pg_ctl, which would make it a session that the end of this one
# does not end.
set -u

directory=$PWD/server
mkdir "$directory"
chown postgres: "$directory"
cd "$directory" || exit 1
bin=$(find /usr/lib/postgresql/*/bin -maxdepth 0 | sort -V | tail -n 1)
as_user() {
    setpriv --reuid=postgres --regid=postgres --clear-groups env HOME="$directory" PGHOST="$directory" \
        PGDATABASE=postgres "$@"
}
failed=0
result() { # name status
    echo "$1 $2"
    [ "$2" = 0 ] || failed=1
}
query() { as_user "$bin/psql" -XAtc "$1"; }

as_user "$bin/initdb" -D data --no-sync -A trust -E UTF8 --locale C > log 2>&1 || { tail log; exit 1; }
as_user "$bin/postgres" -D data -h '' -k "$directory" -c fsync=off -c max_connections=20 \
    -c dynamic_shared_memory_type=mmap > server.log 2>&1 &
server=$!
# As pg_ctl waits: a connection that is too early would be an error in the log.
for _ in {1..300}; do
    grep -qs '^ready' data/postmaster.pid && break
    sleep 0.1
done
grep -qs '^ready' data/postmaster.pid || { echo "no server"; tail server.log; exit 1; }
as_user "$bin/pgbench" -q -i -s 1 > log 2>&1
result "tables" $?
as_user "$bin/pgbench" -n -c 4 -j 2 -t 200 > log 2>&1
result "connections that stay" $?
as_user "$bin/pgbench" -n -C -c 2 -j 2 -t 40 > log 2>&1
result "a connection each" $?
sums=$(query "select count(*), (select sum(abalance) from pgbench_accounts) = sum(delta),
    (select sum(tbalance) from pgbench_tellers) = sum(delta) from pgbench_history")
echo "$sums"
[ "$sums" = "880|t|t" ] || failed=1
query "set max_parallel_workers_per_gather = 2; set parallel_setup_cost = 0;
    set parallel_tuple_cost = 0; set min_parallel_table_scan_size = 0;
    select count(*) from pgbench_accounts" || failed=1
as_user "$bin/pg_ctl" -D data -m fast -w stop > /dev/null
result "stop" $?
wait $server
result "server" $?
# A connection whose end the server has not seen yet is ended by the stop.
grep -E 'PANIC|FATAL|terminated by signal' server.log | grep -v 'due to administrator command' && failed=1
exit $failed
