# SPDX-License-Identifier: MIT OR Apache-2.0
"""A run on a Debian kernel in qemu: glibc preloaded and static, and musl static if there
is a compiler for it.

Tests are built here and put into an initramfs with libraries, busybox and init. Without
the kernel or qemu the run is one skip.
"""

import os
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

from . import pool, tap
from .build import Builder, CannotCompile
from .console import Console, Ended
from .cross import cross_build
from .fetched import NOT_TO_BE_HAD
from .image import Image, Stop
from .native import list_jobs
from .report import Report
from .run import Run
from .source import Job
from .tap import Tap
from .toolchain import Toolchain, here
from .wanted import hint

SCALE = 20  # how much slower the guest may be
TEST_LIMIT = 600  # seconds of the guest's a test may take
BOOT_LIMIT = 60  # seconds the guest's kernel may take to its first process
GUEST_LIMIT = 2700  # seconds all of it may take
# One x86_64 guest of about ten (7.2 under qemu 7.2's tcg) hung before its first
# process, for ten minutes. No test has run by then, so another guest is started.
TRIES = 3
QEMU = {
    "x86_64": (["qemu-system-x86_64", "-cpu", "max"], "ttyS0"),
    # The architected pointer authentication is most of what qemu computes.
    "aarch64": (["qemu-system-aarch64", "-M", "virt", "-cpu", "max,pauth-impdef=on"], "ttyAMA0"),
    "riscv64": (["qemu-system-riscv64", "-M", "virt"], "ttyS0"),
}


class GuestToolchain(Toolchain):
    """The guest has one dynamic libc, and musl's loader for musl's controls."""

    def takes(self, libc: str, mode: str) -> bool:
        return (libc, mode) in {
            ("glibc", "preload"),
            ("glibc", "static"),
            ("glibc", "control"),
            ("musl", "static"),
        }

    def lacks(self) -> str:
        return ""  # it runs in qemu


class Guest:
    """One kernel, and the tests in it."""

    def __init__(
        self, project, suite: str, arch: str, only: Sequence[str], report: Report, kind: str, shadow: bool
    ):
        self.project, self.suite, self.arch, self.only = project, suite, arch, only
        self.report, self.kind, self.shadow = report, kind, shadow
        name = f"kernel-{suite}-{arch}{'-shadow' if shadow else ''}{f'-{kind}' if kind else ''}"
        self.run = Run(project, name, only, report)
        self.toolchain = GuestToolchain(project, arch)
        self.jobs: dict[str, Job] = {}

    def all(self) -> Tap:
        """Runs the tests and reports the results."""
        how = (", with shadow stacks" if self.shadow else "") + (f", {self.kind}" if self.kind else "")
        what = f"C tests on Debian's {self.suite} kernel, {self.arch}{how}"
        try:
            self.find_all()
            self.boot_and_report()
        except Stop as why:
            if why.skip:
                self.run.skip(what, hint(str(why)))
            else:
                self.run.fail(f"{what}: {why}")
        return self.run.conclude()

    def find_all(self) -> None:
        qemu, self.device = QEMU[self.arch]
        self.qemu = list(qemu)
        if self.shadow:
            self.qemu[0] = self.fetch("fetch-qemu", self.arch, always_skip=True)
            if self.arch == "riscv64":
                self.qemu += ["-cpu", "max"]
        for program in (self.qemu[0], "cpio"):
            if not here(program):
                raise Stop(f"no {program}", skip=True)
        if not self.toolchain.compiler("glibc"):
            raise Stop(self.toolchain.no_compiler("glibc"), skip=True)
        if self.arch != "x86_64":
            status, why = cross_build(self.project, self.arch)
            if status != 0:
                raise Stop(why, skip=status == NOT_TO_BE_HAD)
        self.kernel = Path(
            self.fetch("fetch-kernel", self.suite, self.arch, str(self.project.build / "kernels"))
        )

    def fetch(self, tool: str, *arguments: str, always_skip: bool = False) -> str:
        done = subprocess.run([self.project.tool(tool), *arguments], capture_output=True, text=True)
        if done.returncode != 0:
            why = (done.stderr.strip().splitlines() or ["no word why"])[-1]
            raise Stop(why, skip=always_skip or done.returncode == NOT_TO_BE_HAD)
        return done.stdout.strip()

    def build_all(self) -> None:
        self.toolchain.prepare()
        self.builder = Builder(self.project, self.toolchain, self.run.work)
        jobs = list_jobs(self.project, self.toolchain, self.only, bool(self.kind))
        self.jobs = {job.file: job for job in jobs}
        self.report.begin(f"{self.run.name}: building", len(jobs))
        pool.each(
            jobs,
            self.build_one,
            pool.processors(),
            lambda job: self.report.started(job.file),
            lambda job, status, seconds: self.report.dropped(job.file),
            self.report.tick,
        )

    def build_one(self, job: Job) -> None:
        try:
            said = self.builder.build(job)
        except CannotCompile as why:
            said = f"{why}\nnot ok 1 - compiles\n1..1\n"
        self.run.tap_of(job).write_text(said)

    def environment(self) -> list[str]:
        """What each test finds in its."""
        words = [f"TIME_SCALE={SCALE}"]
        if self.kind:
            words.append(f"FILTERED={self.kind}")
        if said := os.environ.get("TEST_ENV"):
            words.append(said)
        if self.shadow:
            words.append("SHADOW=1")
        return words

    def boot_and_report(self) -> None:
        self.build_all()
        if not self.jobs:
            self.run.fail(f"no such test: {' '.join(self.only)}")
            return
        image = Image(self.project, self.toolchain, self.run.work, self.kernel.parent / "busybox")
        self.initramfs = image.make(list(self.jobs.values()), self.environment())
        self.report.begin(self.run.name, len(self.jobs))
        self.reported: set[str] = set()
        if self.initramfs:
            self.until_it_comes_up()
            self.initramfs.unlink()
        for file in self.jobs.keys() - self.reported:
            self.end(Ended(file))

    def until_it_comes_up(self) -> None:
        for number in range(1, TRIES + 1):
            console = self.boot()
            if console.came_up:
                break
            self.report.say(f"# the guest did not come up (try {number})")
        for line in console.about:
            self.report.say(f"# {line}")
        (self.run.work / "console").write_text(console.text)
        if console.panic:
            self.report.say(console.panic)
            self.run.fail("the guest panicked")
        elif not console.powered_off:
            self.run.fail("the guest did not come to its end")

    def boot(self) -> Console:
        """Runs the guest until it powers off, or has printed nothing for too long."""
        append = f"console={self.device} loglevel=2 oops=panic panic=-1 TEST_LIMIT={TEST_LIMIT}"
        append += f" FILTER={self.kind}" if self.kind else ""
        command = [*self.qemu, "-accel", "tcg,thread=multi", "-smp", "2", "-m", "1G", "-nodefaults"]
        command += ["-display", "none", "-no-reboot", "-serial", "stdio", "-kernel", self.kernel]
        command += ["-initrd", self.initramfs, "-append", append]
        raw, console = self.run.work / "raw", Console()
        with raw.open("wb") as out, raw.open("rb") as said:
            process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT
            )
            try:
                self.listen(process, said, console)
            finally:
                process.kill()
                process.wait()
            self.hear(console, said.read())
        for ended in console.finish():
            self.end(ended)
        return console

    def listen(self, process: subprocess.Popen, said, console: Console) -> None:
        start = last = time.monotonic()
        while process.poll() is None:
            time.sleep(pool.TICK)
            now = time.monotonic()
            if got := said.read():
                last = now
                self.hear(console, got)
            self.report.tick()
            patience = TEST_LIMIT + 60 if console.kernel else BOOT_LIMIT
            if now - last > patience or now - start > GUEST_LIMIT:
                return

    def hear(self, console: Console, said: bytes) -> None:
        for ended in console.hear(said):
            self.end(ended)
        self.report.running = {console.current.name: time.monotonic()} if console.current else {}

    def end(self, ended: Ended) -> None:
        """Reports a test, which may not have run or not have been built."""
        job = self.jobs.get(ended.name)
        if not job or ended.name in self.reported:
            return
        self.reported.add(ended.name)
        path, status = self.run.tap_of(job), ended.status
        if tap.read(path).failed == 0:
            for line in ended.lines:
                tap.append(path, line)
            if status != 0:
                said = "unknown: the guest did not get that far" if status is None else status
                tap.append(path, f"# exit status {said}")
        self.run.judge(
            job, f"{self.arch}-{job.libc}-{job.mode}", 1 if status is None else status, ended.seconds
        )


def run_in_kernel(
    project, suite: str, arch: str, only: Sequence[str], report: Report, kind: str = "", shadow: bool = False
) -> tuple[str, Tap]:
    """The C tests on Debian's kernel of a suite: kernel-SUITE-ARCH[-shadow][-FILTER].

    With a filter the guest's first process installs that one of c-tests/filter.h; enosys
    imitates a kernel before 5.3. shadow uses the qemu of tools/fetch-qemu, which has
    user shadow stacks on aarch64 and riscv64. (No qemu emulates x86's.)
    """
    guest = Guest(project, suite, arch, only, report, kind, shadow)
    return guest.run.name, guest.all()
