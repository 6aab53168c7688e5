#!/bin/bash
# SPDX-License-Identifier: MIT OR Apache-2.0
# redis-server saves and rewrites its log in children while redis-benchmark
# writes; what it has then, it has again after a start from those files. It has
# threads of its own, so its forks are the work of the libc's fork.
set -u

server() {
    redis-server --port 0 --unixsocket "$PWD/socket" --dir "$PWD" --save '' --appendonly yes \
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
    exit 1
}
begin() { # command: that a child is at work, or will be
    local reply
    reply=$(ask "$1")
    case $reply in *" started" | *" scheduled") ;; *) echo "$1: $reply"; exit 1 ;; esac
}

server
redis-benchmark -s socket -t set,lpush,hset -n 400000 -r 5000 -P 8 -q > /dev/null &
benchmark=$!
for round in 1 2 3; do
    begin BGSAVE
    [ $round != 1 ] || kill -0 $benchmark || { echo "the benchmark is over already"; exit 1; }
    until_fact rdb_bgsave_in_progress 0
    until_fact rdb_last_bgsave_status ok
    begin BGREWRITEAOF
    until_fact aof_rewrite_in_progress 0
    until_fact aof_rewrite_scheduled 0
    until_fact aof_last_bgrewrite_status ok
    echo "round $round: saved and rewritten"
done
wait $benchmark || { echo "benchmark: $?"; exit 1; }
# What the benchmark wrote is left to chance.
ask FLUSHALL
for number in {1..500}; do echo "SET key$number value$number"; done | ask > /dev/null
digest=$(ask DEBUG DIGEST)
begin BGREWRITEAOF
until_fact aof_rewrite_in_progress 0
ask SHUTDOWN
wait
server
echo "$digest"
[ "$(ask DEBUG DIGEST)" = "$digest" ] && echo "the same after a restart"
ask DBSIZE
[ "$(ask DBSIZE)" = 500 ] || exit 1
ask SHUTDOWN NOSAVE
wait
