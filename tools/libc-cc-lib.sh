# SPDX-License-Identifier: MIT OR Apache-2.0
# shellcheck shell=bash
# libc-cc-lib.sh: how this machine's compiler builds a program for a C library that
# fetch-libc unpacked. To be sourced with these set: host (glibc, musl), dir (what
# fetch-libc printed). Defines compiler, libc_flags and takes for c-tests-lib.sh and
# others; they need dir, host, gcc, headers and libpthread.
#
# --sysroot (for musl -nostdinc) has the compiler take the libc's headers and its suite's
# kernel headers; -B the libc's start files and libraries, which it would otherwise take
# from this machine. The program names the libc's own loader as its interpreter and its
# libraries as DT_RPATH, which what dlopen finds goes by too. So a program needs no
# symbol its libc has not, and runs on no other.

gcc=$(echo "$dir"/usr/lib/gcc/x86_64-linux-gnu/*)
headers=$(cc -print-file-name=include)
version=${dir##*/*-"$host-"}
version=${version%%-*}
libpthread=no
[ ! -e "$dir/lib/x86_64-linux-gnu/libpthread-$version.so" ] || libpthread=yes

compiler() { # libc
    case $1-$host in
    glibc-glibc)
        echo cc --sysroot="$dir" -B"$gcc" -B"$dir/usr/lib/x86_64-linux-gnu" -B"$dir/lib/x86_64-linux-gnu"
        ;;
    musl-musl)
        echo cc -nostdinc -isystem "$dir/usr/include/x86_64-linux-musl" -isystem "$headers" \
            -idirafter "$dir/usr/include" -idirafter "$dir/usr/include/x86_64-linux-gnu" \
            -B"$dir/lib/x86_64-linux-musl" -B"$dir/usr/lib/x86_64-linux-musl" -static-libgcc
        ;;
    esac
}
libc_flags() { # libc mode
    local loader=$dir/lib64/ld-linux-x86-64.so.2
    [ "$1" = glibc ] || loader=$dir/lib/ld-musl-x86_64.so.1
    [ "$2" = static ] ||
        echo "-Wl,--dynamic-linker,$loader -Wl,--disable-new-dtags,-rpath,$dir/lib/x86_64-linux-gnu"
    [ "$1" = glibc ] || return 0
    # Parts of the libc since 2.34, and of no use to most tests.
    echo "-Wl,--as-needed -ldl -lrt -lutil"
    [ "$2-$libpthread" != preload-yes ] || echo "-Wl,--no-as-needed -lpthread -Wl,--as-needed"
}
takes() { # libc mode
    case $2 in
    static) [ -f "$dir/usr/lib/x86_64-linux-gnu/libc.a" ] || [ -f "$dir/usr/lib/x86_64-linux-musl/libc.a" ] ;;
    unthreaded) [ $libpthread = yes ] ;;
    esac
}
