#!/bin/bash
# SPDX-License-Identifier: MIT OR Apache-2.0
# stress-ng's makers of processes and threads, each for a number of rounds. Exit
# status 1 if one of them failed, or none did anything.
set -u
failed=0 worked=0
for stressor in fork vfork clone pthread; do
    stress-ng --"$stressor" 2 --"$stressor"-ops 1000 --timeout 40 --verify --temp-path "$PWD" > log 2>&1
    status=$?
    echo "$stressor $status"
    grep -E ' (fail|error):' log
    case $status in
    0) worked=1 ;;
    4) ;; # not implemented here
    *) failed=1; tail -n 3 log >&2 ;;
    esac
done
[ $worked-$failed = 1-0 ]
