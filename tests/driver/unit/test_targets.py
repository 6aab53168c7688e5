# SPDX-License-Identifier: MIT OR Apache-2.0
"""Lists of targets, and how programs for them are linked."""

import os
import tempfile
import unittest
from pathlib import Path
from unittest import mock

from driver import targets
from driver.fetched import Fetched
from driver.guest import GuestToolchain
from driver.project import Project
from driver.toolchain import MODES, Toolchain

ROOT = Path(os.path.abspath(__file__)).parents[3]


class Lists(unittest.TestCase):
    def test_said(self):
        """KERNELS and LIBCS in the environment are the lists"""
        with mock.patch.dict(os.environ, KERNELS="sid:x86_64 sid:aarch64:shadow", LIBCS="sid:musl"):
            self.assertEqual(targets.kernels(True), [("sid", "x86_64", ""), ("sid", "aarch64", "shadow")])
            self.assertEqual(targets.libcs(False), [("sid", "musl")])

    def test_whole(self):
        """Unless said, a whole check has more targets than its core"""
        with mock.patch.dict(os.environ):
            os.environ.pop("KERNELS", None)
            os.environ.pop("LIBCS", None)
            self.assertGreater(len(targets.kernels(False)), len(targets.kernels(True)))
            self.assertGreater(len(targets.libcs(False)), len(targets.libcs(True)))

    def test_unknown(self):
        """A target that there is not is an error"""
        for name, value in (("KERNELS", "sid:vax"), ("KERNELS", "sid"), ("LIBCS", "sid:glibc:enosys")):
            with mock.patch.dict(os.environ, {name: value}), self.assertRaises(targets.Unknown):
                targets.kernels(True), targets.libcs(True)

    def test_core(self):
        """Each name in a core selection is the beginning of a test's"""
        names = [path.name for path in (ROOT / "c-tests").glob("[0-9]*.c")]
        lists = [targets.ON_KERNEL, targets.ON_LIBC, *targets.ON_ARCH.values(), targets.ON_I686_FILTERED]
        lists += [targets.ON_SHADOW_STACKS, targets.FILTERED, targets.FILTERED_MORE]
        for selection in " ".join(lists).split():
            self.assertTrue(any(name.startswith(selection) for name in names), selection)


class Linking(unittest.TestCase):
    def setUp(self):
        work = tempfile.TemporaryDirectory()
        self.addCleanup(work.cleanup)
        self.project = Project(ROOT, Path(work.name))

    def test_preload(self):
        """Only a preloaded test leaves names open, and no other one is preloaded"""
        for arch in ("x86_64", "riscv64"):
            chain = Toolchain(self.project, arch)
            for mode, how in MODES.items():
                is_open = any("unresolved-symbols" in flag for flag in chain.link_flags(mode))
                self.assertEqual(is_open, how.preloaded, mode)

    def test_guest(self):
        """A guest has one libc to load"""
        chain = GuestToolchain(self.project, "x86_64")
        taken = [(libc, mode) for libc in chain.libcs for mode in MODES if chain.takes(libc, mode)]
        wanted = [("glibc", "preload"), ("glibc", "static"), ("glibc", "control"), ("musl", "static")]
        self.assertEqual(taken, wanted)

    def test_libpthread(self):
        """Where libpthread is a library of its own there is a mode without it"""
        root = self.project.build / "bullseye-glibc-2.31-13+deb11u5"
        (root / "lib/x86_64-linux-gnu").mkdir(parents=True)
        chain = Fetched(self.project, "bullseye", "glibc", root)
        self.assertEqual((chain.label, chain.takes("glibc", "unthreaded")), ("glibc-2.31", False))
        self.assertNotIn("-lpthread", chain.libc_flags("glibc", "preload"))
        (root / "lib/x86_64-linux-gnu/libpthread-2.31.so").touch()
        self.assertTrue(chain.takes("glibc", "unthreaded"))
        self.assertIn("-lpthread", chain.libc_flags("glibc", "preload"))
        self.assertNotIn("-lpthread", chain.libc_flags("glibc", "unthreaded"))
