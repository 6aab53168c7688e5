# SPDX-License-Identifier: MIT OR Apache-2.0
"""Jobs side by side, each in a process of its own.

A test may kill the process that runs it. That is this job's process and nobody else's; its end is
seen here, and the other jobs go on.
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
TICK = 0.5  # seconds between two looks at the clock


def processors() -> int:
    """Those that we may use."""
    return len(os.sched_getaffinity(0))


def width() -> int:
    """Tests wait for the kernel as often as they compute."""
    return 2 * processors()


def each(
    jobs: Sequence,
    work: Callable[[object], int | None],
    at_once: int,
    started: Callable[[object], None],
    ended: Callable[[object, int, float], None],
    tick: Callable[[], None],
) -> None:
    """Has `work` do every job and return a status.

    `ended` is told the job, its process's status and seconds."""
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
    """What work returns is the status. No traceback where it is us who end it; and should we
    be killed, it ends too, and ends what it started."""
    signal.signal(signal.SIGTERM, lambda number, _frame: sys.exit(128 + number))
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    try:
        sys.exit(work(job))
    except KeyboardInterrupt:
        sys.exit(130)
