#!/bin/bash
# SPDX-License-Identifier: MIT OR Apache-2.0
# utilities.sh NAME: a workload for the utility of that name. What it prints
# depends neither on process ids nor on timing.
set -u

use_timeout() {
    timeout 5 sh -c 'echo in time; exit 3'
    echo "status $?"
    timeout 0.1 sleep 30
    echo "too late $?"
    # ALRM is how its time comes; so these need not wait for it.
    timeout --foreground --preserve-status -s INT 30 \
        sh -c 'trap "echo INT; exit 9" INT; sleep 0.3; kill -ALRM $PPID; while :; do sleep 0.02; done'
    echo "its own status $?"
    { timeout -k 0.1 30 sh -c 'trap "" TERM; sleep 0.3; kill -ALRM $PPID; while :; do sleep 0.02; done'; } 2>/dev/null
    echo "killed $?"
    timeout 5 ./missing 2>/dev/null
    echo "missing $?"
}

use_nohup() {
    nohup sh -c 'kill -HUP $$; echo "HUP is ignored"; exit 4'
    echo "status $?"
    nohup sh -c '(kill -HUP $$; sleep 0.05; echo "in its child too") & wait; exit 5'
    echo "status $?"
    nohup ./missing 2>/dev/null
    echo "missing $?"
}

# Shells with a terminal: what they do only there.
use_script() {
    script -qec 'tty -s && echo "a tty"; exit 3' typescript
    echo "status $?"
    wc -l < typescript
    local jobs='set -m; sleep 0.5 & fg; sleep 30 & kill %1; wait $! 2>/dev/null; echo "bash $?"'
    script -qec "bash --norc -c '$jobs'" /dev/null
    # A group in the foreground while another is in the background.
    jobs='set -m; sleep 0.3 & head -c 2 /dev/zero | wc -c; wait 2>/dev/null'
    script -qec "bash --norc -c '$jobs'" /dev/null
    if command -v dash > /dev/null; then
        jobs='sleep 30 & kill %1; wait %1 2>/dev/null; echo "dash $?"; sleep 0.1 | cat & wait; (exit 5); echo $?'
        script -qec "dash -mc '$jobs'" /dev/null
    fi
}

use_xargs() {
    seq 1 40 | xargs -P 2 -n 3 echo | tr ' ' '\n' | sort -n | paste -s -d ' '
    seq 1 10 | xargs -P 2 -I% sh -c 'echo "% squared is $((% * %))"' | sort -n
    echo 1 | xargs sh -c 'exit 1'
    echo "status $?"
    echo 1 | xargs sh -c 'exit 255' 2>/dev/null
    echo "status $?"
    echo 1 | xargs ./missing 2>/dev/null
    echo "missing $?"
}

use_find() {
    mkdir -p tree/{a,b,c}/{d,e}
    touch tree/{a,b,c}/{d,e}/{1,2,3}.txt
    find tree -name '*.txt' -exec sh -c 'echo "$0" | tr a-z A-Z' {} \; | sort
    find tree -name '1.txt' -exec echo many {} + | tr ' ' '\n' | sort
    find tree -type f -execdir sh -c 'test "$0" != ./2.txt' {} \; -print | sort | wc -l
    find tree -name 3.txt -exec rm {} \;
    find tree -type f | wc -l
}

use_tar() {
    mkdir tree
    seq 1 20000 > tree/numbers
    seq 1 100 > tree/few
    local how
    for how in --gzip --bzip2 --xz '--use-compress-program=gzip -1'; do
        set -- $how
        command -v "${1#--}" > /dev/null || [ "${1%%=*}" = --use-compress-program ] || continue
        tar --mtime=@0 --owner=0 --group=0 --sort=name "$how" -cf out.tar tree
        echo "create $how $?"
        mkdir -p into
        tar "$how" -xf out.tar -C into
        echo "extract $?"
        diff -r tree into/tree && tar "$how" -tf out.tar
        rm -r into
    done
    tar --to-command='wc -l' -xf out.tar
    tar --checkpoint=100 --checkpoint-action=exec='echo checkpoint' -cf /dev/null tree
    tar -czf - tree | tar -xzOf - tree/few | cksum
}

# A debugger on a program that forks; both are under the preload.
use_gdb() {
    cat > program.c <<'END'
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>
static int twice(int n) { return 2 * n; }
static void in_child(int n) { _exit(twice(n)); }
int main(void)
{
    int status;
    for (int i = 1; i < 4; i++) {
        pid_t pid = i == 2 ? vfork() : fork();
        if (pid == 0) {
            if (i == 2)
                execl("/bin/sh", "sh", "-c", "exit 4", (char *)0);
            in_child(i);
        }
        waitpid(pid, &status, 0);
        printf("%d: %d\n", i, WEXITSTATUS(status));
    }
    return 0;
}
END
    cc -g -O0 -o program program.c
    # Stays with the parent and steps over what forks.
    debug -ex 'break main' -ex run -ex 'break twice' -ex 'tbreak waitpid' -ex continue -ex up \
        -ex 'print i' -ex 'delete' -ex continue
    # Follows the child, and looks at its stack.
    debug -ex 'set follow-fork-mode child' -ex 'break twice' -ex 'run > /dev/null' \
        -ex 'backtrace' -ex finish -ex continue
    debug -ex 'set detach-on-fork off' -ex 'set schedule-multiple on' -ex 'break in_child' \
        -ex run -ex 'backtrace' -ex 'kill inferiors 1 2'
    # Each way of forking is seen as what it is.
    debug -ex 'catch fork' -ex 'catch vfork' -ex run -ex continue -ex continue \
        -ex 'delete' -ex continue
}
# Numbers and addresses differ from run to run; what is caught is caught in the
# library that forks.
debug() {
    timeout 20 gdb -nx --batch -ex 'set confirm off' "$@" ./program 2>&1 |
        sed -E 's/0x[0-9a-f]+/ADDRESS/g; s/(process|LWP|Thread) [0-9]+/\1 ID/g; s/^(Catchpoint .*ID\)).*/\1/' |
        grep -E -e '^#[0-9]' -e '^[0-9]+: ' -e '^\$[0-9]' -e 'Breakpoint [0-9]+, ' -e Catchpoint -e exited
}

"use_$1"
