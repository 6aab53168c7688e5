# shellcheck shell=bash
# SPDX-License-Identifier: MIT OR Apache-2.0
# Sourced by tests/programs/check: runs a workload without the library, with it preloaded, or
# so, traced and under strace, and counts what it made.

workloads=$(cd "$(dirname "${BASH_SOURCE[0]}")/workloads" && pwd)
cargo=$(command -v cargo) # perhaps in the home directory, as rustup has it
export PATH=/usr/bin:/bin:/usr/sbin:/sbin:/usr/local/bin

# Those whose processes are counted.
counted=(bash dash python3 perl git make)

# Servers and the like, which take longer or bring packages that few have. Of
# CPython's own tests one workload has the quick ones.
servers=(redis nginx gcc-pipe cargo stress-ng postgres cpython
    cpython-os cpython-subprocess cpython-threading cpython-multiprocessing_fork)

# What there is to know of a workload: `command`, its command line; `needs`,
# the programs it cannot do without; `limit`, the seconds a run may take; `least`,
# a bit less than the number of processes that it makes through the names that the
# library takes over.
workload() { # name
    least=0 limit=60
    local python=(python3 -I -S -W ignore)
    case $1 in
    bash) needs=(bash) least=150 command=(bash "$workloads/bash.sh") ;;
    dash) needs=(dash) least=110 command=(dash "$workloads/dash.sh") ;;
    perl) needs=(perl) least=90 command=(perl "$workloads/perl.pl") ;;
    git) needs=(git bash) least=150 command=(bash "$workloads/git.sh") ;;
    git-threads) needs=(git bash) command=(bash "$workloads/git.sh" threads) ;;
    make) needs=(make bash) least=200 command=(bash "$workloads/make.sh") ;;
    python3) needs=(python3) least=95 command=("${python[@]}" "$workloads/python.py") ;;
    python3-*) needs=(python3) command=("${python[@]}" "$workloads/python-${1#*-}.py") ;;
    redis) needs=(redis-server redis-benchmark redis-cli bash) command=(bash "$workloads/redis.sh") ;;
    nginx) needs=(nginx python3 pgrep bash) least=12 command=(bash "$workloads/nginx.sh") ;;
    gcc-pipe) needs=(gcc make bash) least=30 command=(bash "$workloads/gcc-pipe.sh") ;;
    cargo)
        needs=("${cargo:-cargo}" cc bash) # some by the libc, as they are made beside threads
        command=(env RUSTUP_HOME="${RUSTUP_HOME:-$HOME/.rustup}" bash "$workloads/cargo.sh" "$cargo")
        ;;
    stress-ng) needs=(stress-ng bash) limit=180 command=(bash "$workloads/stress-ng.sh") ;;
    postgres)
        # By the path of one of its programs, which are not in PATH.
        needs=("$(find /usr/lib/postgresql/*/bin/initdb 2>/dev/null | tail -n 1)" setpriv bash)
        [ -n "${needs[0]}" ] || needs[0]=initdb
        [ "$(id -u)" = 0 ] || needs+=(root)
        limit=120 command=(bash "$workloads/postgres.sh")
        ;;
    cpython*)
        needs=(python3 "$(find /usr/lib/python3*/test/test_fork1.py 2>/dev/null | tail -n 1)")
        [ -n "${needs[1]}" ] || needs[1]="test/test_fork1.py (libpython3.*-testsuite)"
        limit=900 command=(env "TMPDIR=$scratch/run" /usr/bin/python3 "$workloads/cpython.py")
        case $1 in
        *-*) command+=("test_${1#*-}") ;;
        *) command+=(test_fork1 test_popen test_posix) ;;
        esac
        ;;
    gdb) needs=(gdb cc bash) command=(bash "$workloads/utilities.sh" gdb) ;;
    *) needs=("$1" bash) command=(bash "$workloads/utilities.sh" "$1") ;;
    esac
}

# The first of the programs that a workload needs and that is not here.
missing() { # programs…
    local program
    for program in "$@"; do
        command -v "$program" > /dev/null || [ -f "$program" ] || { echo "$program"; return; }
    done
}

# Makes the scratch directory; everything is in it, and gone at exit.
open_scratch() { # library
    [ -f "$1" ] || { echo "${0##*/}: no library at $1" >&2; exit 125; }
    scratch=$(mktemp -d) || exit 125
    # For what runs as another user and loads the library.
    chmod 711 "$scratch"
    umask 022
    session=
    trap close_scratch EXIT
    trap 'exit 129' HUP
    trap 'exit 130' INT
    trap 'exit 143' TERM
    # A copy, since LD_PRELOAD takes no path with a space or colon, and since
    # somebody may be building. In the place of TMPDIR there may be one too.
    library=$scratch/libclone3.so
    cp -L "$1" "$library"
    case $library in
    *[\ :]*) echo "${0##*/}: LD_PRELOAD cannot hold TMPDIR's name" >&2; exit 125 ;;
    esac
}

close_scratch() {
    end_session
    rm -rf "$scratch"
}

# The processes of a run: those of its session, and those in its directory, as
# some make sessions of their own: PostgreSQL does for each connection.
processes() {
    local file state line
    for file in /proc/[0-9]*/stat; do
        { read -r line < "$file"; } 2>/dev/null || continue
        # After the name in parentheses: state, parent, group, session.
        read -r state _ _ line _ <<< "${line##*) }"
        [ "$line" != "$session" ] || [ "$state" = Z ] || echo "${file//[^0-9]/}"
    done
    find /proc/[0-9]*/cwd -lname "$(realpath "$scratch")/run*" 2>/dev/null | cut -d / -f 3
}

# Ends what is left of a run: nothing, unless it hung. A server that may clean up
# leaves no shared memory.
end_session() {
    [ -n "$session" ] || return 0
    local try pids signal=TERM
    for try in {1..50}; do
        mapfile -t pids < <(processes)
        [ "${#pids[@]}" != 0 ] || break
        [ "$try" -lt 30 ] || signal=KILL
        kill -"$signal" "${pids[@]}" 2>/dev/null
        sleep 0.1
    done
    session=
}

can_trace() { strace -f -qq -e trace=none true 2>/dev/null; }

# Runs a workload in an empty directory, without a terminal and with a short
# environment. Leaves .out, .err, .status, strace's .trace and our .records in $scratch/NAME.MODE.
run() { # name mode: plain, preload or trace
    local result=$scratch/$1.$2 how=()
    case $2 in
    preload) how=(env "LD_PRELOAD=$library") ;;
    trace)
        how=(strace -f -q -e "trace=fork,vfork,clone,clone3,execve,execveat" -o "$result.trace"
            -E "LD_PRELOAD=$library" -E "CLONE3_TRACE=$result.records" -E CLONE3_TRACE_SIZE=64)
        ;;
    esac
    workload "$1"
    rm -rf "$scratch/run"
    mkdir -p "$scratch/run"
    (
        cd "$scratch/run" || exit 125
        exec setsid -w env -i PATH="$PATH" HOME="$scratch/run" LC_ALL=C TZ=UTC TERM=dumb \
            timeout -k 5 "$limit" "${how[@]}" "${command[@]}"
    ) < /dev/null > "$result.out" 2> "$result.err" &
    session=$!
    { wait "$session"; } 2>/dev/null
    echo $? > "$result.status"
    end_session
}

# Whether a run ended well, and printed what the plain run printed.
same() { # name mode
    local part
    [ "$(cat "$scratch/$1.plain.status")" = 0 ] || return
    for part in out err status; do
        cmp -s "$scratch/$1.plain.$part" "$scratch/$1.$2.$part" || return
    done
}

# Counts the calls in a trace that succeeded; prints the processes made by
# clone3, clone, vfork and fork, then the threads. A call's end may be on
# another line than its beginning, but then repeats the process's id.
count() { # trace
    awk '
        $2 ~ /^(clone3|clone|vfork|fork)\(/ {
            call[$1] = substr($2, 1, index($2, "(") - 1)
            if (/CLONE_THREAD/) call[$1] = "thread"
        }
        / = [1-9][0-9]*$/ { made[call[$1]]++ }
        END { print made["clone3"] + 0, made["clone"] + 0, made["vfork"] + 0,
                    made["fork"] + 0, made["thread"] + 0 }
    ' "$1"
}
