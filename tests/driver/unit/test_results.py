# SPDX-License-Identifier: MIT OR Apache-2.0
"""Tables, README.md, and what is shown."""

import io
import tempfile
import unittest
from pathlib import Path

from driver import readme, results
from driver.project import Project
from driver.report import SLOWEST, Report
from driver.tap import parse
from driver.wanted import hint

README = "before\n<!-- made by make matrix-table -->\nold\n<!-- end -->\nafter\n"


class Scratch(unittest.TestCase):
    def setUp(self):
        work = tempfile.TemporaryDirectory()
        self.addCleanup(work.cleanup)
        self.project = Project(Path(work.name), Path(work.name) / "build")
        self.project.results.mkdir(parents=True)

    def run_of(self, name: str, **files: str) -> Path:
        directory = self.project.results / name
        directory.mkdir()
        for file, text in files.items():
            (directory / f"{file}.tap").write_text(text)
        return directory


class Tables(Scratch):
    def test_cells(self):
        """A row a test, a column a run, a cell for what passed, skipped, failed"""
        one = self.run_of(
            "c-one",
            **{"01-a.x-glibc-static": "ok 1\n1..1", "01-a_O2.x-musl-static": "ok 1 # SKIP b\nnot ok 2\n1..2"},
        )
        two = self.run_of("c-two", **{"02-b.x-glibc-static": "ok 1\n1..1"})
        text, total = results.table([one, two])
        self.assertEqual(text.split("\n")[:2], ["(1) c-one", "(2) c-two"])
        self.assertEqual(
            [line.split() for line in text.split("\n")[3:]], [["01-a", "1-1!1", "."], ["02-b", ".", "1"]]
        )
        self.assertEqual(str(total), "2 passed, 1 failed, 1 skipped")

    def test_broke_off(self):
        """Results that break off are a failure"""
        self.assertEqual(results.table([self.run_of("c-one", **{"01-a": "ok 1 - of many"})])[1].failed, 1)

    def test_none(self):
        """A run without results is a failure"""
        self.assertEqual(results.table([self.run_of("c-none")])[1].failed, 1)
        self.assertEqual(results.table([self.project.results / "c-never"])[1].failed, 1)

    def test_everything(self):
        """Lines about a run as a whole need no plan"""
        self.assertEqual(results.table([self.run_of("c-one", everything="ok - a # SKIP b\n")])[1].failed, 0)

    def test_programs(self):
        """A real program has a word for each thing that was asked of it"""
        path = self.project.results / "programs-all.tap"
        path.write_text(
            "ok 1 - git: the same under the preload\nnot ok 2 - git: the same under preload and strace\n"
            "ok 3 - git: clone3 makes every process # SKIP no strace\nok 4 - redis # SKIP no redis-server\n"
            "not ok 5 - tar: a trace has what strace saw\n1..5\n"
        )
        self.assertEqual(
            results.programs(path),
            [
                ("git", ["ok", "FAILED", "skipped", "."]),
                ("redis", ["skipped", ".", ".", "."]),
                ("tar", [".", ".", ".", "FAILED"]),
            ],
        )


class Readme(Scratch):
    def test_write(self):
        """The table has a row for each run, between its two comments"""
        (self.project.root / "README.md").write_text(README)
        guest = self.run_of("kernel-sid-x86_64-enosys", **{"10-b": "ok 1\nnot ok 2\n1..2"})
        (guest / "console").write_text("x\n@@ kernel 7.2.1 x86_64 after 1 s\n")
        self.run_of("libc-musl-1.2.6", **{"97-c": "ok 1\nok 2 # SKIP d\n1..2"})
        (
            self.run_of("c-aarch64", everything="ok - C tests on aarch64-musl # SKIP no musl for it\n")
            / "selection"
        ).write_text("0\n")
        readme.write(self.project)
        lines = (self.project.root / "README.md").read_text().split("\n")
        self.assertEqual(
            (lines[0], lines[1], lines[-3], lines[-2]),
            ("before", README.split("\n")[1], "<!-- end -->", "after"),
        )
        self.assertEqual(
            lines[4],
            "| aarch64 in qemu-user (a selection; aarch64-musl: no musl for it) " + "|  " * 10 + "| 0 | 1 |",
        )
        self.assertEqual(lines[5], "| musl 1.2.6 " + "|  " * 9 + "| 1 | 0 | 1 |")
        self.assertEqual(
            lines[6], "| Linux 7.2, x86_64, clone3 hidden (enosys) |  | 1 " + "|  " * 8 + "| 1 | 0 |"
        )

    def test_names(self):
        """Directories have names in words"""
        names = {
            "c-i686-enosys": "i686, Linux N, behind the filter `enosys`",
            "c-riscv64": "riscv64 in qemu-user",
            "c-x86_64-docker-new": "x86_64, Linux N, behind the filter `docker-new`",
            "libc-glibc-2.43": "glibc 2.43",
            "kernel-sid-aarch64-shadow": "Linux of sid, aarch64, on shadow stacks",
            "kernel-trixie-x86_64": "Linux of trixie, x86_64",
        }
        for name, words in names.items():
            said = readme.target(self.project.results / name)
            self.assertRegex(
                said, "^" + words.replace("(", r"\(").replace("Linux N", r"Linux \d+\.\d+") + "$"
            )

    def test_no_place(self):
        """Without the comments nothing is written"""
        (self.project.root / "README.md").write_text("nothing\n")
        self.run_of("c-x86_64", **{"01-a": "ok 1\n1..1\n"})
        with self.assertRaises(readme.NoPlace):
            readme.write(self.project)


class Terminal(io.StringIO):
    def isatty(self):
        return True


class Reports(unittest.TestCase):
    def show(self, out: io.StringIO) -> str:
        report = Report(out)
        report.begin("c-x", 3)
        report.started("01-a x-glibc")
        report.started("02-b x-glibc")
        report.ended("01-a x-glibc", "x-glibc", 1.2, None)
        report.ended("02-b x-glibc", "x-glibc", 2, "".join(f"line {number}\n" for number in range(90)))
        return out.getvalue()

    def test_line_a_test(self):
        """Elsewhere than on a terminal each test is a line, and what failed is shown whole"""
        lines = self.show(io.StringIO()).split("\n")
        self.assertEqual(lines[0].split(), ["ok", "01-a", "x-glibc", "1", "s"])
        self.assertEqual(lines[1].split(), ["FAILED", "02-b", "x-glibc", "2", "s"])
        self.assertEqual(lines[2:92], [f"    line {number}" for number in range(90)])
        self.assertNotIn("\r", "".join(lines))

    def test_terminal(self):
        """On a terminal a line says what is running, how much is done, and how long it took"""
        shown = self.show(Terminal())
        self.assertIn("\r\033[Kc-x: 0/3, 0:00: 01-a x-glibc, 02-b x-glibc", shown)
        self.assertIn("c-x: 2/3, 1 FAILED, 0:00: ", shown)
        self.assertIn("    line 89\n", shown)
        self.assertNotIn("ok      01-a", shown)

    def test_slowest(self):
        """The slowest are shown, where there are more of them than that"""
        report = Report(io.StringIO())
        report.times = [(number, f"test {number}") for number in range(SLOWEST + 1)]
        report.slowest()
        lines = report.out.getvalue().splitlines()
        self.assertEqual(
            (len(lines), lines[1].split()), (SLOWEST + 1, [f"{SLOWEST}.0", "s", "test", f"{SLOWEST}"])
        )

    def test_skips(self):
        """Each skip is shown with its count, and what would install it"""
        report = Report(io.StringIO())
        report.summary("a", parse("ok 1 - x # SKIP no clang\nok 2 - x # SKIP no clang\n1..2"), 1)
        report.skips()
        self.assertIn("2 SKIP: x # no clang (make setup-check)", report.out.getvalue())

    def test_hint(self):
        """Only a program that is known to be missing has a hint"""
        self.assertEqual(hint("no g++"), "no g++ (make setup-check)")
        self.assertEqual(hint("no gcc-17"), "no gcc-17")
        self.assertEqual(hint("no cgroup2 here"), "no cgroup2 here")
