# SPDX-License-Identifier: MIT OR Apache-2.0
"""Whether what runs the C tests notices what goes wrong: real programs that end badly after
their last line, runners that are killed, guests that panic, libcs that cannot be had. In a
tree with tests of its own and nothing else of its own but names."""

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

from driver import native, results, tap
from driver.build import Builder
from driver.project import Project
from driver.report import Report
from driver.source import Job, Source
from driver.toolchain import Toolchain

ROOT = Path(os.path.abspath(__file__)).parents[3]
# A test that passes as far as its output goes.
PROGRAM = r"""/* libcs: glibc
 * modes: preload
 */
#define _GNU_SOURCE
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
int main(void)
{
    puts("ok 1 - fine\n1..1");
    fflush(stdout);
    LAST
    return 0;
}
"""
TESTS = {
    "00-fine": "",
    "01-crash": "atexit(abort);",
    "02-status": "exit(3);",
    "03-killer": "kill(getppid(), SIGKILL);",
    "04-cut": r'printf("ok 2 - more than planned\n");',
    "05-hangs": "pause();",
    "06-unfit": "no C;",
}
# One that asserts by c-tests/tap.h, in a loop and in a child of its own.
NAMED = r"""/* libcs: glibc
 * modes: preload
 */
#define _GNU_SOURCE
#include "tap.h"
int main(void)
{
    begin(10);
    for (int i = 0; i < 2; i++)
        is(i, i, NAME);
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        ok(1, OTHER);
        fflush(stdout);
        _exit(0);
    }
    tap_count += status_of(pid) == 0;
    ok(1, "the last one");
    return done();
}
"""
OWN_NAMES = NAMED.replace("NAME", 'named("number %d", i)').replace("OTHER", '"one in a child"')
GUEST_TEST = "00-fine.x86_64-glibc-preload"
GUEST_SAID = ["@@ kernel 7.0 x86_64 after 1 s", f"@@ begin {GUEST_TEST}", "ok 1 - fine", "1..1"]


class Broken(unittest.TestCase):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.scratch = Path(scratch.name)
        self.tree = self.scratch / "tree"
        for name in ("c-tests", "build/check", "bin", "kernels"):
            (self.tree / name).mkdir(parents=True)
        for name in ("tools", "tests", "include", "src", "Makefile"):
            (self.tree / name).symlink_to(ROOT / name)
        for path in (ROOT / "c-tests").glob("*.h"):
            (self.tree / "c-tests" / path.name).symlink_to(path)
        build = Path(os.environ["CLONE3_TEST_BUILD"])
        for path in build.glob("libclone3*.*"):
            (self.tree / "build" / path.name).symlink_to(path)
        for name, last in TESTS.items():
            (self.tree / "c-tests" / f"{name}.c").write_text(PROGRAM.replace("LAST", last))

    def program(self, name: str, *lines: str) -> None:
        """Replaces a command of the machine's."""
        path = self.tree / "bin" / name
        path.write_text("\n".join(["#!/bin/sh", *lines, ""]))
        path.chmod(0o755)

    def run_tool(self, *words: str, **env: str) -> subprocess.CompletedProcess:
        path = f"{self.tree}/bin:{os.environ['PATH']}"
        env = (
            {name: value for name, value in os.environ.items() if name not in ("FILTER", "SHADOW")}
            | {"PATH": path}
            | env
        )
        return subprocess.run(words, cwd=self.tree, env=env, capture_output=True, text=True, timeout=300)

    def notices(self, expected: bool, run: str, *words: str, **env: str) -> str:
        """Noticed is what has an exit status, a line, and a place in the table."""
        done = self.run_tool(*words, **env)
        checked, said = self.tree / "build/check", done.stdout + done.stderr
        self.assertEqual(done.returncode != 0, expected, said)
        self.assertEqual(results.table([checked / run])[1].failed != 0, expected, said)
        self.assertEqual(tap.read(checked / f"{run}.tap").failed != 0, expected, said)
        return said


class Native(Broken):
    def c_tests(self, expected: bool, *tests: str) -> str:
        return self.notices(expected, "c-x86_64", "tools/run-c-tests", "build", "x86_64", *tests)

    def test_fine(self):
        """A test that passes"""
        self.assertIn("1 passed, 0 failed, 0 skipped", self.c_tests(False, "00"))

    def test_reused(self):
        """What was built is used again, and not where its source is another"""
        self.c_tests(False, "00")
        kept = [path for path in (self.tree / "build/c-tests/x86_64").iterdir()]
        self.c_tests(False, "00")
        self.assertEqual([path for path in (self.tree / "build/c-tests/x86_64").iterdir()], kept)
        (self.tree / "c-tests/00-fine.c").write_text(PROGRAM.replace("LAST", "abort();"))
        self.c_tests(True, "00")

    def test_crash(self):
        """One that crashes after its plan"""
        self.assertIn("ended with status 134 after its plan", self.c_tests(True, "00", "01"))

    def test_status(self):
        """One whose exit status alone says so"""
        self.c_tests(True, "00", "02")

    def test_killed(self):
        """One whose runner is killed; the other tests are run"""
        self.assertIn("ok      00-fine", self.c_tests(True, "00", "03"))

    def test_own_names(self):
        """One whose assertions have a name each"""
        (self.tree / "c-tests/07-named.c").write_text(OWN_NAMES)
        self.assertIn("4 passed, 0 failed, 0 skipped", self.c_tests(False, "07"))

    def test_name_twice(self):
        """One that uses a name twice, in a loop or in a child as well, and says which"""
        for name, other in (('"a number"', '"one in a child"'), ('named("number %d", i)', '"number 1"')):
            (self.tree / "c-tests/07-named.c").write_text(NAMED.replace("NAME", name).replace("OTHER", other))
            said = self.c_tests(True, "07")
            self.assertIn("not ok 5 - each assertion has a name of its own: 1 have that of another", said)
            self.assertIn(": a number" if "a number" in name else ": number 1", said)

    def test_more(self):
        """One that does more than it planned"""
        self.c_tests(True, "00", "04")

    def test_unfit(self):
        """One that does not compile"""
        self.assertIn("not ok 1 - compiles", self.c_tests(True, "00", "06"))

    def test_no_such(self):
        """A name that no test has"""
        self.c_tests(True, "99")

    def test_filter(self):
        """A filter that does not exist"""
        self.notices(True, "c-x86_64-unknown", "tools/run-c-tests", "build", "x86_64", "00", FILTER="unknown")

    def test_kept_under(self):
        """What is kept is another's where flags, source, headers or the linked library are"""
        project = Project(self.tree, self.tree / "build")

        def keys() -> dict[str, str]:
            chain = Toolchain(project, "x86_64")
            builder = Builder(project, chain, self.scratch)
            found = {}
            for mode in ("preload", "static"):
                job = Job(Source(self.tree / "c-tests/00-fine.c"), "x86_64", "glibc", mode, "")
                found[mode] = builder.key(job, builder.commands(job))
            job = Job(job.source, "x86_64", "glibc", "static", "-DVARIANT")
            return found | {"variant": builder.key(job, builder.commands(job))}

        first = keys()
        self.assertEqual(keys(), first)
        self.assertEqual(len(set(first.values())), 3)
        (self.tree / "build/libclone3.a").unlink()
        library = keys()
        self.assertEqual([mode for mode in first if library[mode] != first[mode]], ["static", "variant"])
        (self.tree / "c-tests/new.h").write_text("")
        header = keys()
        (self.tree / "c-tests/new.h").write_text("int there;\n")
        self.assertTrue(all(header[mode] != keys()[mode] for mode in first))
        before = keys()
        (self.tree / "c-tests/00-fine.c").write_text("int other;\n")
        self.assertTrue(all(before[mode] != keys()[mode] for mode in first))

    def test_no_compiler(self):
        """No compiler at all is an error that says what installs one"""
        few = self.scratch / "few"
        few.mkdir()
        for name in ("sh", "env", "dirname", "python3"):
            (few / name).symlink_to(sys.executable if name == "python3" else shutil.which(name))
        done = self.run_tool("tools/run-c-tests", "build", "x86_64", "00", PATH=str(few))
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("no cc (make setup)", done.stderr)
        self.assertNotEqual(tap.read(self.tree / "build/check/c-x86_64.tap").failed, 0)

    def test_other_compiler(self):
        """No compiler for another architecture is a skip for each libc, with what installs it"""
        few = self.scratch / "few"
        few.mkdir()
        for name in ("sh", "env", "dirname", "python3", "cc", "ld.lld"):
            (few / name).symlink_to(sys.executable if name == "python3" else shutil.which(name))
        words = ("tools/run-c-tests", "build", "i686", "00")
        said = self.notices(False, "c-i686", *words, PATH=str(few))
        self.assertIn("C tests on i686-glibc # SKIP no i686-linux-gnu-gcc (make setup-check)", said)
        self.assertIn("0 passed, 0 failed, 2 skipped", said)

    def test_hangs(self):
        """One that hangs after its plan"""
        limit, native.LIMIT = native.LIMIT, 1
        self.addCleanup(setattr, native, "LIMIT", limit)
        project = Project(self.tree, self.tree / "build")
        with open(os.devnull, "w") as out:
            came_to = native.Native(
                project, Toolchain(project, "x86_64"), "c-x86_64", ["05"], Report(out)
            ).all()
        self.assertEqual((came_to.passed, came_to.failed), (1, 1))

    def test_driver_killed(self):
        """A driver that is killed leaves nothing that looks like success, and nothing that runs"""
        words = ["tests/run", "c-tests", "build", "x86_64", "00", "05"]
        process = subprocess.Popen(words, cwd=self.tree, stdout=subprocess.PIPE, start_new_session=True)
        self.addCleanup(process.stdout.close)
        while not process.stdout.readline().startswith(b"ok "):
            self.assertIsNone(process.poll())
        self.addCleanup(end_all_in, self.tree)
        while not programs_in(self.tree):
            time.sleep(0.1)
        process.kill()
        process.wait()
        self.until_all_ended()
        checked = self.tree / "build/check"
        self.assertNotEqual(tap.read(checked / "c-x86_64.tap").failed, 0)
        self.assertNotEqual(results.table([checked / "c-x86_64"])[1].failed, 0)

    def until_all_ended(self):
        start = time.monotonic()
        while programs_in(self.tree):
            self.assertLess(time.monotonic() - start, 30, "a test goes on")
            time.sleep(0.1)

    def test_driver_ended(self):
        """A driver that is asked to end takes its tests with it"""
        words = ["tests/run", "c-tests", "build", "x86_64", "00", "05"]
        process = subprocess.Popen(words, cwd=self.tree, stdout=subprocess.PIPE, start_new_session=True)
        self.addCleanup(process.stdout.close)
        self.addCleanup(end_all_in, self.tree)
        while not programs_in(self.tree):
            time.sleep(0.1)
        process.send_signal(signal.SIGTERM)
        self.assertNotEqual(process.wait(60), 0)
        self.assertEqual(programs_in(self.tree), [])


def programs_in(tree: Path) -> list[int]:
    """The processes whose programs are in a tree."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            if os.readlink(f"/proc/{pid}/exe").startswith(str(tree)):
                found.append(int(pid))
        except OSError:
            pass
    return found


def end_all_in(tree: Path) -> None:
    for pid in programs_in(tree):
        os.kill(pid, signal.SIGKILL)


@unittest.skipUnless(shutil.which("cpio"), "no cpio")
class Guests(Broken):
    def guest(self, expected: bool, *lines: str) -> None:
        """A fake qemu with given console output."""
        self.program("qemu-system-x86_64", "cat << END", *lines, "END")
        kernel = self.tree / "build/kernels/sid-x86_64"
        kernel.mkdir(parents=True)
        for name in ("vmlinuz", "busybox"):
            (kernel / name).touch()
        self.notices(expected, "kernel-sid-x86_64", "tools/run-in-kernel", "sid", "x86_64", "build", "00")

    def test_fine(self):
        """A guest"""
        self.guest(False, *GUEST_SAID, f"@@ end {GUEST_TEST} 0 0.1", "@@ power off after 2 s")

    def test_crash(self):
        """A test in it that is killed after its plan"""
        self.guest(True, *GUEST_SAID, f"@@ end {GUEST_TEST} 139 0.1", "@@ power off after 2 s")

    def test_ends_in_a_test(self):
        """A guest that ends in a test"""
        self.guest(True, *GUEST_SAID)

    def test_ends_after(self):
        """A guest that ends after the last test"""
        self.guest(True, *GUEST_SAID, f"@@ end {GUEST_TEST} 0 0.1")

    def test_panic_after(self):
        """A panic after the last test"""
        panic = ["Kernel panic - not syncing", "@@ power off after 2 s"]
        self.guest(True, *GUEST_SAID, f"@@ end {GUEST_TEST} 0 0.1", *panic)

    def test_panic_before(self):
        """A panic before the first"""
        self.guest(True, "Kernel panic - not syncing")

    def test_silence(self):
        """A guest that never comes up"""
        self.guest(True, "BIOS")

    def test_not_reached(self):
        """A test that the guest does not come to"""
        self.guest(True, "@@ kernel 7.0 x86_64 after 1 s", "@@ power off after 2 s")


class Fetching(Broken):
    """A libc that cannot be fetched is a skip, one that cannot be kept is a failure."""

    def setUp(self):
        super().setUp()
        self.program("apt-get", "exit 100")

    def libc(self, expected: bool, cache: str) -> str:
        words = ("tools/run-on-libc", "sid", "musl", "build", "00")
        return self.notices(expected, "libc-musl-sid", *words, XDG_CACHE_HOME=cache)

    def test_absent(self):
        """A libc that is not to be had is one skip"""
        said = self.libc(False, f"{self.scratch}/cache")
        self.assertEqual(len(re.findall("# SKIP", said)), 1)
        self.assertIn("0 passed, 0 failed, 1 skipped", said)

    def test_no_place(self):
        """A libc for which there is no place"""
        self.libc(True, "/dev/null/cache")

    def test_half_on_the_mirror(self):
        """An old sid stays where the mirror has the lists of a new one and not its packages"""
        old = self.scratch / "cache/libclone3/libc/sid-musl-1.2.0-1"
        files = [
            "lib/ld-musl-x86_64.so.1",
            "usr/include/linux/sched.h",
            "usr/include/x86_64-linux-musl/stdio.h",
        ]
        for name in [*files, "usr/lib/x86_64-linux-musl/crt1.o"]:
            (old / name).parent.mkdir(parents=True, exist_ok=True)
            (old / name).write_text("whole\n")
        script = "find . -type f -exec sha256sum {} + > ../sums && mv ../sums .checksums && touch -d '10 days ago' .checksums"
        subprocess.run(script, shell=True, cwd=old, check=True)
        self.program("apt-get", 'case "$*" in *download*) exit 100 ;; esac')
        self.program("apt-cache", 'echo "Version: 1.2.9-1"')
        done = self.run_tool("tools/fetch-libc", "sid", "musl", XDG_CACHE_HOME=f"{self.scratch}/cache")
        self.assertEqual(done.stdout.strip(), str(old))
        self.assertTrue((old / "lib/ld-musl-x86_64.so.1").exists())
        self.assertEqual([path.name for path in old.parent.iterdir()], [old.name])
