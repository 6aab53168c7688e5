#!/bin/bash
# SPDX-License-Identifier: MIT OR Apache-2.0
# PostgreSQL: initdb, then pgbench with connections that stay and with one for
# each transaction, each of which is a process; the sums agree afterwards. It
# does not run as root, so it has a directory and a user of its own.
set -u

directory=$(mktemp -d /tmp/postgres.XXXXXX)
trap 'stop > /dev/null 2>&1; rm -rf "$directory"' EXIT
chown postgres: "$directory"
cd "$directory" || exit 1
bin=$(find /usr/lib/postgresql/*/bin -maxdepth 0 | sort -V | tail -n 1)
as_user() {
    setpriv --reuid=postgres --regid=postgres --clear-groups env HOME="$directory" PGHOST="$directory" \
        PGDATABASE=postgres "$@"
}
stop() { as_user "$bin/pg_ctl" -D data -m fast -w stop; }
query() { as_user "$bin/psql" -XAtc "$1"; }

as_user "$bin/initdb" -D data --no-sync -A trust -E UTF8 --locale C > log 2>&1 || { tail log; exit 1; }
as_user "$bin/pg_ctl" -D data -w -l "$directory/server.log" \
    -o "-h '' -k $directory -c fsync=off -c max_connections=20" start > /dev/null 2>&1 ||
    { tail server.log; exit 1; }
as_user "$bin/pgbench" -q -i -s 1 > log 2>&1
echo "tables $?"
as_user "$bin/pgbench" -n -c 4 -j 2 -t 200 > log 2>&1
echo "connections that stay $?"
as_user "$bin/pgbench" -n -C -c 2 -j 2 -t 40 > log 2>&1
echo "a connection each $?"
query "select count(*), (select sum(abalance) from pgbench_accounts) = sum(delta),
    (select sum(tbalance) from pgbench_tellers) = sum(delta) from pgbench_history"
query "set max_parallel_workers_per_gather = 2; set parallel_setup_cost = 0;
    set parallel_tuple_cost = 0; set min_parallel_table_scan_size = 0;
    select count(*) from pgbench_accounts"
stop > /dev/null
echo "stop $?"
# A connection whose end the server has not seen yet is ended by the stop.
grep -E 'PANIC|FATAL|terminated by signal' server.log | grep -v 'due to administrator command'
exit 0
