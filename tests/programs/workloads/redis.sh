#!/bin/bash
# SPDX-License-Identifier: MIT OR Apache-2.0
# redis-server saves and rewrites its log in children while redis-benchmark
# writes; what it has then, it has again after a start from those files. It has
# threads of its own, so its forks are the work of the libc's fork.
set -u

server() {
    redis-server --port 0 --unixsocket "$PWD/socket" --dir "$PWD" --save '' --appendonly yes --auto-aof-rewrite-percentage 0 \
        --enable-debug-command yes --logfile "$PWD/log" &
    for _ in {1..100}; do
        [ "$(ask PING 2>/dev/null)" = PONG ] && return
        sleep 0.1
    done
    echo "no server"
    tail log
    exit 1
}
ask() { redis-cli -s socket "$@"; }
fact() { ask INFO persistence | tr -d '\r' | sed -n "s/^$1://p"; }
until_fact() { # name value
    for _ in {1..300}; do
        [ "$(fact "$1")" = "$2" ] && return
        sleep 0.1
    done
    echo "$1 is not $2"
    failed=1
}
# Asks for a child; it is started at once, or after the one that is running.
start() { # command, what the reply begins with
    local reply
    reply=$(ask "$1")
    case $reply in
    "$2 started"* | "$2 scheduled"*) ;;
    *) echo "$1: $reply"; failed=1 ;;
    esac
}
save() { start BGSAVE "Background saving"; }
rewrite() { start BGREWRITEAOF "Background append only file rewriting"; }

failed=0
server
redis-benchmark -s socket -t set,lpush,hset -n 400000 -r 5000 -P 8 -q > /dev/null &
benchmark=$!
for round in 1 2 3; do
    save
    until_fact rdb_bgsave_in_progress 0
    [ $round != 1 ] || kill -0 $benchmark 2>/dev/null || { echo "the benchmark was over before the save"; failed=1; }
    echo "round $round, save: $(fact rdb_last_bgsave_status)"
    rewrite
    until_fact aof_rewrite_scheduled 0
    until_fact aof_rewrite_in_progress 0
    echo "round $round, rewrite: $(fact aof_last_bgrewrite_status)"
    [ "$(fact rdb_last_bgsave_status) $(fact aof_last_bgrewrite_status)" = "ok ok" ] || failed=1
done
wait $benchmark
status=$?
echo "benchmark $status"
[ $status = 0 ] || failed=1
# What the benchmark wrote is left to chance.
ask FLUSHALL
for number in {1..500}; do echo "SET key$number value$number"; done | ask > /dev/null
digest=$(ask DEBUG DIGEST)
rewrite
until_fact aof_rewrite_in_progress 0
ask SHUTDOWN
wait
server
echo "$digest"
if [ "$(ask DEBUG DIGEST)" = "$digest" ]; then echo "the same after a restart"; else failed=1; fi
ask DBSIZE
ask SHUTDOWN NOSAVE
wait
exit $failed
