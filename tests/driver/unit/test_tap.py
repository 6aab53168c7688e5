# SPDX-License-Identifier: MIT OR Apache-2.0
"""The reader of TAP, and what it makes of tests that end badly."""

import tempfile
import unittest
from pathlib import Path

from driver import tap


class Reading(unittest.TestCase):
    def test_words(self):
        """A line passed, failed or was skipped; all else is a comment"""
        text = "ok 1 - a\n# b\nnot ok 2 - c\nok 3 - d # SKIP no e\nokay\n ok 4\nok\n1..4\n"
        found = tap.parse(text)
        self.assertEqual((found.passed, found.failed, found.skipped), (2, 1, 1))
        self.assertEqual(found.skips, [tap.Skip("d", "no e")])
        self.assertEqual(found.words, [("a", "ok"), ("c", "FAILED"), ("d", "skipped"), ("", "ok")])
        self.assertEqual(found.plans, [4])

    def test_failed_skip(self):
        """A line that is not ok failed, whatever else it says"""
        self.assertEqual(tap.parse("not ok 1 - a # SKIP b").failed, 1)

    def test_no_number(self):
        """A line may do without a number"""
        self.assertEqual(tap.parse("ok - C tests on x # SKIP y").skips, [tap.Skip("C tests on x", "y")])

    def test_odd_bytes(self):
        """Bytes that are no text are no reason to stop"""
        with tempfile.TemporaryDirectory() as work:
            path = Path(work) / "x.tap"
            path.write_bytes(b"\xff\xfe\nok 1\n\0\n1..1\n")
            self.assertEqual(tap.judge(path, 0).failed, 0)


class Judging(unittest.TestCase):
    def judge(self, text: str, status: int, planned: bool = True) -> tuple[int, str]:
        with tempfile.TemporaryDirectory() as work:
            path = Path(work) / "x.tap"
            path.write_text(text)
            failed = tap.judge(path, status, planned).failed
            self.assertEqual(tap.read(path).failed, failed, "what is wrong is in the file")
            return failed, path.read_text()

    def test_passed(self):
        """A plan that matches, all ok, status 0: passed, and the file is as it was"""
        self.assertEqual(self.judge("ok 1\n1..1\n", 0), (0, "ok 1\n1..1\n"))

    def test_crashed(self):
        """A status after the plan is a failure"""
        failed, text = self.judge("ok 1\n1..1\n", 134)
        self.assertEqual(failed, 1)
        self.assertIn("not ok 2 - ended with status 134 after its plan", text)

    def test_status_once(self):
        """A status is no second failure beside one that is told"""
        self.assertEqual(self.judge("not ok 1\n1..1\n", 1)[0], 1)

    def test_no_plan(self):
        """Without a plan it ended too early, whatever its status"""
        for status in (0, 1):
            self.assertIn("ended before its plan", self.judge("ok 1\n", status)[1])

    def test_nothing(self):
        """Without a word too"""
        self.assertEqual(self.judge("", 0)[0], 1)

    def test_short(self):
        """Fewer lines than planned are a failure"""
        self.assertEqual(self.judge("1..2\nok 1\n", 0)[0], 1)

    def test_more(self):
        """More lines than planned are a failure"""
        self.assertIn("more lines than planned", self.judge("ok 1\n1..1\nok 2\n", 0)[1])

    def test_two_plans(self):
        """Two plans are a failure"""
        self.assertEqual(self.judge("ok 1\n1..1\n1..1\n", 0)[0], 1)

    def test_glued(self):
        """What is added has a line of its own where the last one has no end"""
        self.assertEqual(self.judge("ok 1\n1..1\nhalf a li", 139)[0], 1)

    def test_unplanned(self):
        """cargo's lines have no plan, and its status counts"""
        self.assertEqual(self.judge("ok - a\n", 0, planned=False)[0], 0)
        self.assertEqual(self.judge("ok - a\n", 101, planned=False)[0], 1)
