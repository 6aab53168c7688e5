# SPDX-License-Identifier: MIT OR Apache-2.0
"""Runs jobs in parallel, each in a process of its own.

A test may kill the process that runs it. That process runs this job only; its end is
noticed here, and the other jobs continue.
"""

import ctypes
import multiprocessing
import os
import signal
import sys
import time
from collections import deque
from collections.abc import Callable, Sequence
from multiprocessing import connection

FORK = multiprocessing.get_context("fork")
PR_SET_PDEATHSIG = 1
TICK = 0.5  # seconds between two checks of the time


def processors() -> int:
    """The processors that this process may use."""
    return len(os.sched_getaffinity(0))


def width() -> int:
    """How many jobs to run at once: tests wait as often as they compute."""
    return 2 * processors()


def each(
    jobs: Sequence,
    work: Callable[[object], int | None],
    at_once: int,
    started: Callable[[object], None],
    ended: Callable[[object, int, float], None],
    tick: Callable[[], None],
) -> None:
    """Calls `work` for every job; it returns a status.

    `ended` is called with the job, its process's status and the seconds that it took."""
    waiting, running = deque(jobs), {}
    try:
        while waiting or running:
            while waiting and len(running) < at_once:
                job = waiting.popleft()
                process = FORK.Process(target=guarded, args=(work, job))
                process.start()
                running[process.sentinel] = process, job, time.monotonic()
                started(job)
            for sentinel in connection.wait(list(running), timeout=TICK):
                process, job, start = running.pop(sentinel)
                process.join()
                ended(job, process.exitcode, time.monotonic() - start)
                process.close()
            tick()
    finally:
        for process, _, _ in running.values():
            process.terminate()
        for process, _, _ in running.values():
            process.join()


def guarded(work: Callable[[object], int | None], job: object) -> None:
    """Exits with the result of work. No traceback if the driver ends it; and if the driver is
    killed, it ends, too, and ends what it started."""
    signal.signal(signal.SIGTERM, lambda number, _frame: sys.exit(128 + number))
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    try:
        sys.exit(work(job))
    except KeyboardInterrupt:
        sys.exit(130)
