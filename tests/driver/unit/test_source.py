# SPDX-License-Identifier: MIT OR Apache-2.0
"""Directives of C tests, and what they come to."""

import tempfile
import unittest
from pathlib import Path

from driver.source import Source, sources


class Chain:
    """A toolchain with both libcs."""

    def __init__(
        self, arch="x86_64", modes=("preload", "shared", "static", "control"), libcs=("glibc", "musl")
    ):
        self.arch, self.modes, self.libcs = arch, modes, libcs

    def compiler(self, libc):
        return ["cc"] if libc in self.libcs else []

    def takes(self, libc, mode):
        return mode in self.modes


class Directives(unittest.TestCase):
    def setUp(self):
        work = tempfile.TemporaryDirectory()
        self.addCleanup(work.cleanup)
        self.root = Path(work.name)
        (self.root / "c-tests").mkdir()

    def source(self, comment: str, name: str = "01-a") -> Source:
        path = self.root / "c-tests" / f"{name}.c"
        path.write_text(comment + "\nint main(void) { return 0; }\n")
        return Source(path)

    def targets(self, comment: str, chain=None, filtered=False) -> list[str]:
        jobs = self.source(comment).jobs(chain or Chain(), filtered)
        return [f"{job.libc}-{job.mode}{job.variant}" for job in jobs]

    def test_default(self):
        """All libcs and three modes, unless said"""
        modes = ("preload", "shared", "static")
        self.assertEqual(
            self.targets("/* a */"), [f"{libc}-{mode}" for libc in ("glibc", "musl") for mode in modes]
        )

    def test_said(self):
        """modes, libcs and archs are what the comment says"""
        said = "/* modes: shared static\n * libcs: musl\n * archs: i686 x86_64\n */"
        self.assertEqual(self.targets(said), ["musl-shared", "musl-static"])
        self.assertEqual(self.targets(said, Chain("aarch64")), [])

    def test_after_the_comment(self):
        """A directive further down is none"""
        self.assertEqual(len(self.targets("\n" * 12 + "/* modes: static */")), 6)

    def test_unthreaded(self):
        """Where a libc has it, unthreaded goes with preload"""
        chain = Chain(modes=("preload", "static", "unthreaded"), libcs=("glibc",))
        self.assertEqual(
            self.targets("/* a */", chain), ["glibc-preload", "glibc-static", "glibc-unthreaded"]
        )
        self.assertEqual(self.targets("/* modes: static\n */", chain), ["glibc-static"])

    def test_filtered(self):
        """Under a filter the modes are those of filtered, or else all"""
        self.assertEqual(
            self.targets("/* filtered: preload\n * libcs: glibc\n */", filtered=True), ["glibc-preload"]
        )
        self.assertEqual(len(self.targets("/* a */", filtered=True)), 6)

    def test_variants(self):
        """Each variant is a job with a file of its own"""
        said = "/* modes: shared\n * libcs: glibc\n * variants: -O0; -O2\n */"
        files = [job.file for job in self.source(said).jobs(Chain(), False)]
        self.assertEqual(files, ["01-a_O0.x86_64-glibc-shared", "01-a__O2.x86_64-glibc-shared"])

    def test_no_compiler(self):
        """A libc without a compiler has no jobs"""
        self.assertEqual(self.targets("/* modes: static\n */", Chain(libcs=("musl",))), ["musl-static"])

    def test_selection(self):
        """Tests are selected by the beginnings of their names"""
        for name in ("01-a", "02-b", "10-c", "lib"):
            self.source("", name)
        self.assertEqual([source.name for source in sources(self.root, [])], ["01-a", "02-b", "10-c"])
        self.assertEqual([source.name for source in sources(self.root, ["0"])], ["01-a", "02-b"])
        self.assertEqual([source.name for source in sources(self.root, ["10-c", "02"])], ["02-b", "10-c"])
        self.assertEqual(sources(self.root, ["99"]), [])
