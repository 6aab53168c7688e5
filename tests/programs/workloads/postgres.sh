#!/bin/bash
# SPDX-License-Identifier: MIT OR Apache-2.0
# PostgreSQL: initdb, then pgbench with connections that stay and with one for
# each transaction, each of which is a process; the sums agree afterwards. It
# does not run as root, so it has a directory and a user of its own. The server
# stays in this session, which pg_ctl start would leave, and ends with it.
set -u

directory=$PWD/postgres failed=0
mkdir "$directory"
chown postgres: "$directory"
cd "$directory" || exit 1
bin=$(find /usr/lib/postgresql/*/bin -maxdepth 0 | sort -V | tail -n 1)
as_user() {
    setpriv --reuid=postgres --regid=postgres --clear-groups env HOME="$directory" PGHOST="$directory" \
        PGDATABASE=postgres "$@"
}
query() { as_user "$bin/psql" -XAtc "$1"; }
step() { # name command…
    local status=0
    as_user "${@:2}" > log 2>&1 || status=$? failed=1
    echo "$1 $status"
}

as_user "$bin/initdb" -D data --no-sync -A trust -E UTF8 --locale C > log 2>&1 || { tail log; exit 1; }
as_user "$bin/postgres" -D data -h '' -k "$directory" -c fsync=off -c max_connections=20 > server.log 2>&1 &
server=$!
for _ in {1..300}; do as_user "$bin/pg_isready" -q && break; sleep 0.1; done
as_user "$bin/pg_isready" -q || { tail server.log; exit 1; }
step tables "$bin/pgbench" -q -i -s 1
step "connections that stay" "$bin/pgbench" -n -c 4 -j 2 -t 200
step "a connection each" "$bin/pgbench" -n -C -c 2 -j 2 -t 40
query "select count(*), (select sum(abalance) from pgbench_accounts) = sum(delta),
    (select sum(tbalance) from pgbench_tellers) = sum(delta) from pgbench_history"
query "set max_parallel_workers_per_gather = 2; set parallel_setup_cost = 0;
    set parallel_tuple_cost = 0; set min_parallel_table_scan_size = 0;
    select count(*) from pgbench_accounts"
step stop "$bin/pg_ctl" -D data -m fast -w stop
wait $server || failed=1
# A connection whose end the server has not seen yet is ended by the stop.
grep -E 'PANIC|FATAL|terminated by signal' server.log | grep -v 'due to administrator command'
exit $failed
