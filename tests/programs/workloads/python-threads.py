#!/usr/bin/python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""Forks while other threads allocate, print and fork too: the work of the
host's own fork. A child that inherits a held lock hangs, and its alarm says so."""

import os
import signal
import subprocess
from concurrent.futures import ThreadPoolExecutor
from multiprocessing import get_context

running = True
sink = open("sink", "w")


def allocate(number):
    rounds = 0
    while running:
        pieces = [bytearray(size) for size in range(100, 200_000, 5000)]
        print(number, len(pieces), file=sink)
        rounds += 1
    return rounds > 0


def child():
    signal.alarm(10)
    try:
        pieces = [bytearray(size) for size in range(100, 200_000, 5000)]
        os._exit(len(pieces))
    finally:
        os._exit(99)


def forks(times):
    statuses = set()
    for _ in range(times):
        pid = os.fork()
        if pid == 0:
            child()
        statuses.add(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
    return statuses


with ThreadPoolExecutor(8) as pool:
    busy = [pool.submit(allocate, number) for number in range(3)]
    print("50 forks from the main thread", forks(50), flush=True)
    forking = [pool.submit(forks, 20) for _ in range(2)]
    print("2 x 20 from other threads", [future.result() for future in forking], flush=True)
    spawning = [pool.submit(subprocess.run, ["true"]) for _ in range(20)]
    print("20 subprocesses", {done.result().returncode for done in spawning}, flush=True)
    running = False
    print("all worked", all(future.result() for future in busy), flush=True)
with get_context("fork").Pool(2) as workers:
    print("a pool of processes", sum(workers.map(abs, range(-50, 50))), flush=True)
print("and after the threads", forks(5), flush=True)
