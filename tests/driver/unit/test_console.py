# SPDX-License-Identifier: MIT OR Apache-2.0
"""What a guest says, taken apart."""

import unittest

from driver.console import Console

SAID = b"""early words
@@ kernel 7.2 x86_64 after 1.5 s\r
@@ begin a
ok 1\r
1..1

@@ end a 0 0.5
between
@@ begin b
not ok 1
@@ end a 0 0.1
@@ end b 139 2.5
@@ power off after 9 s
"""


class Splitting(unittest.TestCase):
    def hear(self, said: bytes, step: int):
        console, ended = Console(), []
        for at in range(0, len(said), step):
            ended += console.hear(said[at : at + step])
        return console, ended + console.finish()

    def test_tests(self):
        """Each test has its lines, status and seconds, however the bytes come"""
        for step in (1, 7, len(SAID)):
            console, ended = self.hear(SAID, step)
            self.assertEqual(
                [(test.name, test.status, test.seconds) for test in ended], [("a", 0, 0.5), ("b", 139, 2.5)]
            )
            self.assertEqual([test.text for test in ended], ["ok 1\n1..1\n\n", "not ok 1\n"])
            self.assertTrue(console.came_up and console.powered_off and not console.panic)
            self.assertEqual(console.about, ["kernel 7.2 x86_64 after 1.5 s", "power off after 9 s"])

    def test_breaks_off(self):
        """A test that the guest ended in has no status, and the lines that came"""
        console, ended = self.hear(b"@@ kernel 7\n@@ begin a\nok 1\nok", 4)
        self.assertEqual(
            [(test.name, test.status, test.lines) for test in ended], [("a", None, ["ok 1", "ok"])]
        )
        self.assertFalse(console.powered_off)

    def test_panic(self):
        """A panic is one wherever it is said"""
        for said in (
            b"[1.0] Kernel panic - not syncing\n",
            SAID + b"Kernel panic",
            b"@@ begin a\nKernel panic\n",
        ):
            self.assertTrue(self.hear(said, 5)[0].panic)

    def test_silence(self):
        """Without a word the guest did not come up"""
        self.assertFalse(self.hear(b"BIOS\n", 2)[0].came_up)
