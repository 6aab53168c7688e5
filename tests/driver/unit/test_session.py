# SPDX-License-Identifier: MIT OR Apache-2.0
"""Commands in sessions of their own, and jobs side by side."""

import errno
import os
import signal
import tempfile
import time
import unittest
import unittest.mock

from driver import pool, session


class Sessions(unittest.TestCase):
    def run_it(self, command: str, limit: float = 60) -> tuple[int, str, float]:
        start = time.monotonic()
        with tempfile.TemporaryFile("wb+", buffering=0) as out:
            status = session.run(["sh", "-c", command], out, limit)
            out.seek(0)
            return status, out.read().decode(), time.monotonic() - start

    def test_status(self):
        """The status is the program's, or 128 and its signal"""
        self.assertEqual(self.run_it("echo a; echo b >&2; exit 3")[:2], (3, "a\nb\n"))
        self.assertEqual(self.run_it("kill -9 $$")[0], 128 + 9)

    def test_limit(self):
        """What takes too long is ended, and its status is 124"""
        status, _, seconds = self.run_it("exec sleep 50", 0.5)
        self.assertEqual(status, 124)
        self.assertLess(seconds, 20)

    def test_members(self):
        """Processes that end while a session is looked for do no harm"""
        # The kernel's answer for one that has just ended, from whichever call asks.
        gone = ProcessLookupError(errno.ESRCH, "No such process")
        with unittest.mock.patch("os.stat", side_effect=gone):
            self.assertIn(os.getpid(), session.members(os.getsid(0)))
        with unittest.mock.patch("pathlib.Path.read_bytes", side_effect=gone):
            self.assertEqual(session.members(os.getsid(0)), [])

    def test_left_behind(self):
        """What it leaves behind is killed, and said"""
        status, said, seconds = self.run_it("sleep 50 & echo $!")
        self.assertEqual(status, 0)
        self.assertIn("# processes were left behind and killed", said)
        self.assertLess(seconds, 20)
        for _ in range(100):  # whoever has it now buries it
            try:
                os.kill(int(said.split()[0]), 0)
            except ProcessLookupError:
                return
            if session_of_zombie(int(said.split()[0])):
                return
            time.sleep(0.1)
        self.fail("it lives")

    def test_nothing_left(self):
        """And nothing is said where it leaves nothing"""
        self.assertEqual(self.run_it("true")[1], "")


def session_of_zombie(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            return file.read().rpartition(b")")[2].split()[0] == b"Z"
    except FileNotFoundError:
        return True


class Pools(unittest.TestCase):
    def each(self, jobs, work, at_once=2):
        ended = {}
        pool.each(
            jobs,
            work,
            at_once,
            lambda job: None,
            lambda job, status, seconds: ended.update({job: status}),
            lambda: None,
        )
        return ended

    def test_all(self):
        """Every job is done, and its status told"""
        self.assertEqual(self.each(range(7), lambda job: job), {job: job for job in range(7)})

    def test_killed(self):
        """One whose process is killed ends none of the others"""
        ended = self.each(range(5), lambda job: os.kill(os.getpid(), signal.SIGKILL) if job == 1 else 0)
        self.assertEqual(ended, {0: 0, 1: -9, 2: 0, 3: 0, 4: 0})
