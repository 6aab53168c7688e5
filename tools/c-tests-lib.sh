# SPDX-License-Identifier: MIT OR Apache-2.0
# shellcheck shell=bash
# c-tests-lib.sh: what the runners of c-tests/ share: which tests there are, how
# one is built, what its output says. To be sourced with these set: root, build
# (absolute), arch, work (a directory to build in, and for the results), only (an
# array of name prefixes, empty for all).

lib=$build
[ "$arch" = x86_64 ] || lib=$build/$arch
rm -rf "$work"
mkdir -p "$work/ld"
ln -sf "$(command -v ld.lld)" "$work/ld/ld.lld"

# The compiler of a target, or nothing when it is not installed.
compiler() { # libc
    case $arch-$1 in
    x86_64-glibc) echo cc ;;
    x86_64-musl) command -v musl-gcc >/dev/null && echo musl-gcc -idirafter /usr/include -idirafter /usr/include/x86_64-linux-gnu ;;
    aarch64-glibc | i686-glibc | riscv64-glibc) command -v "$arch-linux-gnu-gcc" >/dev/null && echo "$arch-linux-gnu-gcc" ;;
    i686-musl)
        local specs=/usr/lib/i386-linux-musl/musl-gcc.specs headers=/usr/i686-linux-gnu/include
        [ -f $specs ] && command -v i686-linux-gnu-gcc >/dev/null &&
            echo i686-linux-gnu-gcc -specs=$specs -idirafter $headers ;;
    esac
}

# Programs name the cross libc's loader themselves. With qemu's -L instead, the
# loader may be the cross package's and the libc the one of libc6:arm64, which do
# not agree on their private data: children of the libc's fork spin forever.
sysroot=/usr/$arch-linux-gnu/lib
case $arch in
aarch64) loader=ld-linux-aarch64.so.1 ;;
riscv64) loader=ld-linux-riscv64-lp64d.so.1 ;;
i686) loader=ld-linux.so.2 ;;
*) loader= ;;
esac

# What runs programs of a foreign architecture; none for what runs here as it is.
case $arch in
aarch64 | riscv64) emulator=qemu-$arch-static ;;
*) emulator= ;;
esac

# Whether this kernel runs programs for 32-bit x86.
runs_i686() {
    echo 'int main(void) { return 0; }' | i686-linux-gnu-gcc -static -x c - -o "$work/runs" 2>/dev/null &&
        "$work/runs" 2>/dev/null
}

# lld before 15 cannot link RISC-V's start files. GNU ld is told instead that the
# loader has our names; it opens a library of one name once, so not the libc.
if [ "$arch" = riscv64 ] && [ -n "$(compiler glibc)" ]; then
    sed -n 's/^ *\(clone3[a-z0-9_]*\);$/.globl \1\n.type \1,%function\n\1:/p' "$root"/src/abi/*.map \
        > "$work/ld/open.s"
    $(compiler glibc) -shared -nostdlib -Wl,-soname,"$loader" "$work/ld/open.s" -o "$work/ld/open.so"
fi

directive() { # file name default
    local value
    value=$(sed -n "1,12s|^[ /]*\*[ /]*$2: *||p" "$1" | head -n 1)
    echo "${value:-$3}"
}

# What the linker is told in each mode.
link_flags() { # mode
    case $1 in
    # Only lld leaves such symbols open for the loader; cross compilers look for
    # it in a directory of their own.
    preload)
        if [ "$arch" = riscv64 ]; then echo "$work/ld/open.so -Wl,--unresolved-symbols=ignore-in-shared-libs"; else
            echo "-fuse-ld=lld -B$work/ld -Wl,--unresolved-symbols=ignore-all"
        fi
        ;;
    unthreaded) link_flags preload ;;
    shared) echo "-L$lib -lclone3 -Wl,-rpath,$lib" ;;
    static) echo "-static -Wl,-u,_Fork -L$lib -l:libclone3.a" ;;
    control) echo "" ;;
    esac
}

# And what of the libc; to be redefined by a runner with libcs of its own.
libc_flags() { # libc mode
    [ -z "$loader" ] || [ "$1" = musl ] || [ "$2" = static ] ||
        echo "-Wl,--dynamic-linker,$sysroot/$loader -Wl,--disable-new-dtags,-rpath,$sysroot"
}

compile() { # source output libc mode flags
    local upper=${4^^}
    [ "$4" != unthreaded ] || upper="PRELOAD -DUNTHREADED"
    # shellcheck disable=SC2046,SC2086 # lists of flags
    $(compiler "$3") -std=gnu11 -O2 -g -Wall -Wextra -Werror=implicit $threads -I"$root/include" \
        -I"$root/c-tests" -DMODE_$upper $5 "$1" -o "$2" $(link_flags "$4") $(libc_flags "$3" "$4")
}

# Whether a test can be linked without a libpthread that is not in the libc.
does_without_threads() { # source libc mode variant
    local out
    out=$(program "$@")
    compile "$1" "$out" "$2" shared "$(directive "$1" cflags "") $4" >/dev/null 2>&1 && rm "$out"
}

# Where build_test puts a test.
program() { # source libc mode variant
    local name
    name=$(basename "$1" .c)
    echo "$work/$name${4//[^A-Za-z0-9]/_}.$arch-$2-$3"
}

# The test, and beside it .control and .plugin where the source has them.
build_test() { # source libc mode variant
    local out flags
    out=$(program "$@")
    flags="$(directive "$1" cflags "") $4"
    compile "$1" "$out" "$2" "$3" "$flags" 2>&1 || return 1
    if grep -q 'ifdef CONTROL' "$1"; then
        local like=
        [ "$3" != static ] || like=-static
        compile "$1" "$out.control" "$2" control "$flags $like -DCONTROL" 2>&1
    fi
    if grep -q 'ifdef PLUGIN' "$1"; then
        compile "$1" "$out.plugin" "$2" control "$flags -DPLUGIN -fPIC -shared" 2>&1
    fi
    return 0
}

# The same, from what an earlier run built of the same source, flags and library,
# if it did: kept under a name made of all that.
build_or_reuse() { # source libc mode variant
    local out kept suffix
    out=$(program "$@")
    kept=$store/$({
        echo "$inputs $(compiler "$2") $* $threads"
        cat "$1"
    } | sha256sum | cut -c 1-40)
    if [ ! -f "$kept" ]; then
        build_test "$@" || return 1
        for suffix in .control .plugin ""; do # last what says that all is there
            [ ! -f "$out$suffix" ] || cp "$out$suffix" "$kept$suffix.$$" && mv "$kept$suffix.$$" "$kept$suffix"
        done 2>/dev/null
        return 0
    fi
    for suffix in "" .control .plugin; do
        [ -f "$kept$suffix" ] || continue
        cp "$kept$suffix" "$out$suffix" && touch "$kept$suffix" || return 1
    done
}

# A test passed if its plan is there and matches, nothing is not ok and its exit
# status is 0. What is wrong is a line in its TAP, as only these are counted.
verdict() { # tap status
    local plan seen
    plan=$(sed -n 's/^1\.\.\([0-9]*\)$/\1/p' "$1")
    seen=$(grep -c '^\(not \)\?ok ' "$1")
    if [ -z "$plan" ] || [ "$plan" != "$seen" ]; then
        echo "not ok $((seen + 1)) - ended before its plan" >> "$1"
    elif [ "$2" != 0 ] && ! grep -q '^not ok' "$1"; then
        echo "not ok $((seen + 1)) - ended with status $2 after its plan" >> "$1"
    fi
    ! grep -q '^not ok' "$1"
}

# A line about all tests of a run, which is kept as one: why there are none, why
# some are not, what went wrong around them.
everything() { # line
    echo "$1" | tee -a "$work/everything.tap"
}

# What a run came to: all of its TAP in one file, and an exit status.
conclude() { # file
    cat "$work"/*.tap > "$1" && ! grep -q '^not ok' "$1"
}

# Has a function do every test of jobs_list, some at a time. xargs stops where one
# is killed, and the tests after it would not be missed.
each_job() { # function jobs-at-a-time
    jobs_list > "$work/all-jobs"
    if [ ! -s "$work/all-jobs" ]; then
        everything "not ok - no such test: ${only[*]}"
    else
        xargs -0 -r -n 4 -P "$2" bash -c "$1 \"\$@\"" "$1" < "$work/all-jobs" ||
            everything "not ok - not all tests were run: xargs ended with status $?"
    fi
    [ ${#only[@]} = 0 ] || printf '%s\n' "${only[@]}" > "$work/selection"
}

# One line for the test, and what is wrong with it.
report() { # name variant target tap passed [seconds]
    local word=ok
    [ "$5" = 0 ] || word=FAILED
    printf '%-7s %-40s %-24s %s\n' "$word" "$1${2:+ $2}" "$3" "${6:+$6 s}"
    [ "$5" = 0 ] || grep -A 6 -e '^not ok' "$4" | head -n 40 | sed 's/^/    /'
}

# Builds and runs one test of jobs_list, and reports it. A runner may say with
# label what the target is called.
limit=120 # seconds a test may take; each has a tighter alarm of its own
run_one() { # source libc mode variant
    local out name target preload="" status=0 threads=-pthread start=$SECONDS
    if [ "$3" = unthreaded ]; then
        threads=-D_REENTRANT
        does_without_threads "$@" || return 0
    fi
    out=$(program "$@")
    name=$(basename "$1" .c) target=${label:-$arch-$2}-$3
    {
        if ! build_or_reuse "$@"; then
            echo "not ok 1 - compiles"; echo 1..1
        else
            case $3 in preload | unthreaded) preload=LD_PRELOAD=$lib/libclone3.so ;; esac
            export LIBRARY=$lib/libclone3.so CONTROL=$out.control PLUGIN=$out.plugin
            # The filter's program comes first, so that nothing is preloaded there.
            local -a filter=()
            [ -z "${FILTER:-}" ] || { export FILTERED=$FILTER; filter=("$work/filter" "$FILTER"); }
            if [ -z "$emulator" ]; then
                in_session "${filter[@]}" env ${preload:+"$preload"} "$out" || status=$?
            else
                EMULATED=$emulator in_session "$emulator" ${preload:+-E "$preload"} "$out" || status=$?
            fi
            [ $status = 0 ] || echo "# exit status $status"
        fi
    } > "$out.tap"
    verdict "$out.tap" $status || status=1
    report "$name" "$4" "$target" "$out.tap" $status $((SECONDS - start))
    rm -f "$out" "$out.control" "$out.plugin"
}

# Runs a command with the time limit and ends whatever it leaves behind.
in_session() {
    local status=0
    setsid timeout -k 5 $limit "$@" </dev/null 2>&1 &
    wait $! || status=$?
    pkill -KILL -s $! && echo "# processes were left behind and killed"
    return $status
}

# Whether a runner takes this mode of this libc; to be redefined by it.
takes() { # libc mode
    [ "$2" != unthreaded ]
}

# Every test there is, as NUL-terminated source, libc, mode, variant.
jobs_list() {
    local source libc mode modes variant variants
    for source in "$root"/c-tests/[0-9]*.c; do
        if [ ${#only[@]} != 0 ]; then
            local wanted=no pattern
            for pattern in "${only[@]}"; do
                case $(basename "$source") in "$pattern"*) wanted=yes ;; esac
            done
            [ $wanted = yes ] || continue
        fi
        [[ " $(directive "$source" archs "x86_64 aarch64 i686 riscv64") " == *" $arch "* ]] || continue
        IFS=';' read -ra variants <<< "$(directive "$source" variants "")"
        [ ${#variants[@]} != 0 ] || variants=("")
        modes=$(directive "$source" modes "preload shared static")
        case " $modes " in *" preload "*) modes+=" unthreaded" ;; esac
        # The storms take as long as all the rest: under a filter, once a libc.
        [ -z "${FILTER:-}" ] || modes=$(directive "$source" filtered "$modes")
        for libc in $(directive "$source" libcs "glibc musl"); do
            [ -n "$(compiler "$libc")" ] || continue
            for mode in $modes; do
                takes "$libc" "$mode" || continue
                for variant in "${variants[@]}"; do
                    printf '%s\0%s\0%s\0%s\0' "$source" "$libc" "$mode" "$variant"
                done
            done
        done
    done
}

# Where programs are kept, and what all of them are made of. Those that nobody
# asked for in a week are gone.
store=$build/c-tests/$(basename "$work")
mkdir -p "$store"
find "$store" -type f -mtime +7 -delete
inputs=$(cat "$root"/c-tests/*.h "$root"/include/*.h "$root/tools/c-tests-lib.sh" "$lib/libclone3.so" "$lib/libclone3.a" \
    <(cc --version) 2>/dev/null | sha256sum | cut -c 1-40)
# Tests wait for the kernel as often as they compute.
jobs=$(($(nproc) * 2))

threads=-pthread
export -f build_or_reuse in_session run_one does_without_threads compile compiler directive libc_flags link_flags program build_test verdict report
export threads limit root build arch lib work sysroot loader emulator store inputs
