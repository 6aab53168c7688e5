#!/bin/bash
# SPDX-License-Identifier: MIT OR Apache-2.0
# stress-ng's makers of processes and threads, each for a number of rounds.
set -u
failed=0
for stressor in fork vfork clone pthread; do
    stress-ng --"$stressor" 2 --"$stressor"-ops 1000 --timeout 40 --verify --temp-path "$PWD" > log 2>&1
    status=$?
    echo "$stressor $status"
    [ $status = 0 ] || failed=1
    grep -E ' (fail|error):' log
done
exit $failed
