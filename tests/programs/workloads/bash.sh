#!/bin/bash
# SPDX-License-Identifier: MIT OR Apache-2.0
# Every way bash has of making a process. What it prints depends neither on
# process ids nor on timing.
set -u

quietly() { "$@" 2>/dev/null; }

# Waits, five seconds at most, until a command succeeds.
until_true() {
    local tries
    for tries in {1..500}; do
        "$@" && return
        sleep 0.01
    done
    echo "never happened: $*"
}

pipelines() {
    seq 1 2000 | grep 7 | sort -rn | head -n 3
    true | (exit 3) | false | true
    echo "PIPESTATUS ${PIPESTATUS[*]}"
    yes | head -n 1
    echo "PIPESTATUS ${PIPESTATUS[*]}"
    (set -o pipefail; (exit 9) | cat; echo "pipefail $?")
    { echo out; echo err >&2; } |& sort
    ! true | false
    echo "negated $?"
    shopt -s lastpipe
    local word count=0
    printf '%s\n' a b c | while read -r word; do count=$((count + 1)); done
    echo "lastpipe $count"
    shopt -u lastpipe
    printf '%s\n' a b c | while read -r word; do count=$((count + 1)); done
    echo "without $count"
}

subshells() {
    local variable=outer
    (variable=inner; (exit 5); echo "$variable $? $BASH_SUBSHELL")
    echo "$variable"
    nested() { if [ "$1" = 0 ]; then echo "level $BASH_SUBSHELL"; else (nested $(($1 - 1))); fi; }
    nested 12
    ([ "$BASHPID" != $$ ] && [ "$PPID" != "$BASHPID" ] && echo "pids differ")
    # What bash thinks of itself and what the kernel does.
    (read -r pid _ < /proc/self/stat && [ "$pid" = "$BASHPID" ] && echo "pid as in /proc")
    quietly eval '(kill -TERM $BASHPID; echo "still here")'
    echo "killed $?"
}

substitutions() {
    echo "nested $(echo "a $(echo "b $(echo "c $(printf 'd%s' "$(echo e)")")")")"
    local sum=0 i
    for i in {1..60}; do sum=$((sum + $(echo "$i"))); done
    echo "sum $sum"
    local status
    status=$(exit 17)
    echo "status $?"
    printf 'file\n' > file
    echo "$(<file) $(cat file) ${#status}"
    diff <(seq 1 4) <(seq 2 5)
    echo "diff $?"
    seq 1 5 | tee >(sort -rn > reversed) > straight
    until_true eval '[ -s reversed ] && [ "$(wc -l < reversed)" = 5 ]'
    paste straight reversed
    local lines
    mapfile -t lines < <(printf '%s\n' x y z)
    echo "mapfile ${lines[*]}"
}

here_documents() {
    cat <<END | tr a-z A-Z
here $(echo "inside $((6 * 7))")
END
    cat <<'END'
literal $(echo no)
END
    wc -c <<< "$(head -c 200000 /dev/zero | tr '\0' x)"
    # A reader in a subshell, of a document written by another.
    (while read -r line; do echo "read $line"; done) <<END
$(seq 1 3)
END
}

job_control() {
    local pid
    set -m
    sleep 0.5 &
    jobs
    fg %1
    echo "fg $?"
    sleep 30 & pid=$!
    [ "$(cut -d ' ' -f 5 /proc/$pid/stat)" = $pid ] && echo "a group of its own"
    kill %1
    quietly wait $pid
    echo "kill %1 $?"
    sleep 30 & pid=$!
    kill -STOP %%
    until_true eval '[ -n "$(jobs -s)" ]'
    jobs -s | cut -d ']' -f 2 | tr -s ' '
    bg %% > resumed
    cut -d ']' -f 2 resumed
    until_true eval '[ -n "$(jobs -r)" ]'
    kill -KILL %%
    quietly wait $pid
    echo "bg, killed $?"
    (exit 3) | (exit 4) &
    wait $!
    echo "pipeline in the background $?"
    set +m
}

# Children here take their time: bash 5.2 itself, when traced, may miss one that
# ends just before wait -n.
waiting() {
    (sleep 0.3; exit 3) & wait -n; echo "wait -n $?"
    local first status
    sleep 30 & local slow=$!
    (sleep 0.3; exit 6) & local quick=$!
    wait -n -p first
    echo "wait -n -p $? $([ "$first" = $quick ] && echo quick)"
    kill $slow
    quietly wait $slow
    echo "wait $?"
    wait -n
    echo "none left $?"
    local -a pids=()
    for status in {1..16}; do (exit "$status") & pids+=($!); done
    for status in "${pids[@]}"; do wait "$status"; printf '%s ' $?; done
    echo
}

coprocess() {
    coproc ECHO { while read -r line; do echo "got $line"; done; echo "end"; }
    local pid=$ECHO_PID in=${ECHO[1]} out reply
    exec {out}<&"${ECHO[0]}"
    echo one >&"$in"; read -r reply <&$out; echo "$reply"
    echo two >&"$in"; read -r reply <&$out; echo "$reply"
    exec {in}>&-
    read -r reply <&$out; echo "$reply"
    wait "$pid" 2>/dev/null
    exec {out}<&-
}

traps() {
    local ended=0
    set -m
    trap 'ended=$((ended + 1))' CHLD
    (exit 1) & (exit 2) & (exit 3) &
    until_true eval 'wait; [ $ended -ge 3 ]'
    trap - CHLD
    set +m
    [ $ended -ge 3 ] && echo "CHLD was trapped"
    (trap 'echo "EXIT in a subshell"' EXIT; exit 8)
    echo "status $?"
    (trap 'echo "TERM after the child"; exit 7' TERM; pid=$BASHPID
        (kill -TERM "$pid"; sleep 0.05; echo "the child"); echo "not reached")
    echo "status $?"
    bash -c 'trap "echo EXIT of a script" EXIT; (true); false | true; exit 4'
    echo "status $?"
    trap '' USR1
    bash -c 'kill -USR1 $$; echo "USR1 is ignored in the child"'
    trap - USR1
}

replacing() {
    (exec echo "exec in a subshell")
    (exec -a renamed bash -c 'echo "$0"')
    (exec ./missing) 2>/dev/null
    echo "exec of nothing $?"
    export -f quietly
    bash -c 'quietly echo "function of the parent"'
}

for part in pipelines subshells substitutions here_documents job_control \
    waiting coprocess traps replacing; do
    echo "== $part"
    $part
done
trap 'echo "EXIT must not run"' EXIT
# shellcheck disable=SC2093 # the end of it
exec bash -c '[ $$ = "$1" ] && echo "exec keeps the pid"; exit 0' bash $$
