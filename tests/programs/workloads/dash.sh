#!/bin/dash
# SPDX-License-Identifier: MIT OR Apache-2.0
# Every way a POSIX shell has of making a process; dash uses vfork for plain
# commands and fork for the rest. What it prints depends neither on process ids
# nor on timing.
set -u

pipelines() {
    seq 1 2000 | grep 7 | sort -rn | head -n 3
    true | (exit 3)
    echo "status $?"
    ! true | true
    echo "negated $?"
    count=0
    printf '%s\n' a b c | while read -r word; do count=$((count + 1)); done
    echo "count $count"
}

commands() {
    for word in one two three four five six seven eight; do
        /bin/echo "$word"
    done
    variable=set sh -c 'echo "variable $variable"'
    false
    echo "false $?"
    ./missing 2>/dev/null
    echo "missing $?"
    : > plain
    ./plain 2>/dev/null
    echo "not executable $?"
    { sh -c 'kill -KILL $$'; } 2>/dev/null
    echo "killed $?"
}

subshells() {
    variable=outer
    (variable=inner; (exit 5); echo "$variable $?")
    echo "$variable"
    nested() { if [ "$1" = 0 ]; then echo bottom; else (nested $(($1 - 1))); fi; }
    nested 12
    (read -r pid _ < /proc/self/stat; [ "$pid" != $$ ] && echo "pids differ")
    (cd / && pwd)
    (umask 077; umask)
}

substitutions() {
    echo "nested $(echo "a $(echo "b $(echo "c $(echo d)")")")"
    sum=0
    for number in $(seq 1 60); do sum=$((sum + $(echo "$number"))); done
    echo "sum $sum"
    empty=$(exit 17)
    echo "status $? $empty"
    echo "old style `echo \`echo inside\``"
}

here_documents() {
    cat <<END | tr a-z A-Z
here $(echo "inside $((6 * 7))")
END
    cat <<'END'
literal $(echo no)
END
    wc -c <<END
$(head -c 200000 /dev/zero | tr '\0' x)
END
}

background() {
    (exit 3) &
    wait $!
    echo "wait $?"
    sleep 30 &
    kill $!
    wait $! 2>/dev/null # which may or may not say "Terminated"
    echo "killed $?"
    pids=""
    for status in 1 2 3 4 5 6 7 8; do
        (exit $status) &
        pids="$pids $!"
    done
    for pid in $pids; do
        wait "$pid"
        printf '%s ' $?
    done
    echo
    (echo one; sleep 0.05; echo two) &
    wait
    echo "wait for all $?"
}

traps() {
    (trap 'echo "EXIT in a subshell"' EXIT; exit 8)
    echo "status $?"
    sh -c 'trap "echo TERM; exit 7" TERM; (kill -TERM $$) & while :; do sleep 0.01; done'
    echo "status $?"
    trap '' USR1
    sh -c 'kill -USR1 $$; echo "USR1 is ignored in the child"'
    trap - USR1
    sh -c 'trap "echo EXIT of a script" EXIT; (true); exit 4'
    echo "status $?"
}

for part in pipelines commands subshells substitutions here_documents \
    background traps; do
    echo "== $part"
    $part
done
exec sh -c '[ $$ = "$1" ] && echo "exec keeps the pid"; exit 0' sh $$
