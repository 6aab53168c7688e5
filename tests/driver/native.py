# SPDX-License-Identifier: MIT OR Apache-2.0
"""A run on this machine's kernel: as it is or behind a seccomp filter, on its own C
libraries or on one of Debian's."""

import os
import platform
import subprocess
from collections.abc import Sequence

from . import pool, session, tap
from .build import Builder, CannotCompile
from .report import Report
from .run import Run
from .source import Job, sources
from .tap import Tap
from .toolchain import MODES, Toolchain
from .wanted import Wanted, hint

LIMIT = 120  # seconds a test may take; each test has a shorter alarm of its own


class Native:
    """Builds and runs every test of a toolchain."""

    def __init__(self, project, toolchain, name: str, only: Sequence[str], report: Report, kind: str = ""):
        self.project, self.toolchain, self.kind = project, toolchain, kind
        self.only, self.report = only, report
        self.run = Run(project, name, only, report)
        self.filter: list[str] = []

    def all(self) -> Tap:
        """Runs them and reports the results."""
        chain = self.toolchain
        if chain.arch == platform.machine() and not any(map(chain.compiler, chain.libcs)):
            raise Wanted(chain.no_compiler("glibc"))
        self.toolchain.prepare()
        jobs = list_jobs(self.project, self.toolchain, self.only, bool(self.kind))
        if self.kind and jobs and not self.can_filter():
            return self.run.conclude()
        if not jobs and len(missing_libcs(self.toolchain)) < len(self.toolchain.libcs):
            self.run.fail(f"no such test: {' '.join(self.only)}")
        self.builder = Builder(self.project, self.toolchain, self.run.work)
        self.report.begin(self.run.name, len(jobs))
        pool.each(jobs, self.one, pool.width(), self.started, self.ended, self.report.tick)
        return self.conclude()

    def conclude(self) -> Tap:
        for what, why in missing_libcs(self.toolchain):
            self.run.skip(f"C tests on {what}", hint(why))
        return self.run.conclude()

    def can_filter(self) -> bool:
        """Builds the filter's program and tries it once, before the tests: the kind may be
        unknown, or seccomp unavailable."""
        chain, program = self.toolchain, self.run.work / "filter"
        if chain.emulator:
            self.run.fail(f"{self.run.name}: the emulator would come under the filter, not the test")
            return False
        source = self.project.root / "tests" / "filter.c"
        command = [*chain.compiler("glibc"), *chain.libc_flags("glibc", "control"), "-O2", "-Wall", "-Wextra"]
        command += [f"-I{self.project.root}/c-tests", source, "-o", program]
        if subprocess.run(command).returncode != 0:
            self.run.fail(f"{self.run.name}: the filter's program does not compile")
            return False
        self.filter = [str(program), self.kind]
        if subprocess.run([*self.filter, "true"]).returncode != 0:
            self.run.fail(f"{self.run.name}: the filter cannot be installed")
            return False
        return True

    def target(self, job: Job) -> str:
        return f"{self.toolchain.label_of(job.libc)}-{job.mode}"

    def title(self, job: Job) -> str:
        return f"{job.title} {self.target(job)}"

    def started(self, job: Job) -> None:
        self.report.started(self.title(job))

    def ended(self, job: Job, status: int, seconds: float) -> None:
        path = self.run.tap_of(job)
        if status == 0 and not path.exists():
            self.report.dropped(self.title(job))
            return
        if status != 0:
            killed = "; the process that ran it was killed" if status < 0 else ""
            tap.append(path, f"# exit status {session.as_shell(status)}{killed}")
        self.run.judge(job, self.target(job), session.as_shell(status), seconds)

    def one(self, job: Job) -> int:
        """In a process of its own: writes the test's output to its file, or nothing if it
        cannot be linked in this mode, and returns its status."""
        if job.mode == "unthreaded" and not self.builder.does_without_threads(job):
            return 0
        path = self.run.tap_of(job)
        with path.open("wb+", buffering=0) as out:
            try:
                out.write(self.builder.build(job).encode())
            except CannotCompile as why:
                out.write(f"{why}\nnot ok 1 - compiles\n1..1\n".encode())
                return 0
            status = session.run(self.command(job), out, LIMIT, self.environment(job))
        self.builder.remove(job)
        return status

    def command(self, job: Job) -> list[str]:
        program, emulator = str(self.run.work / job.file), self.toolchain.emulator
        preload = f"LD_PRELOAD={self.toolchain.library}/libclone3.so" if MODES[job.mode].preloaded else ""
        if emulator:
            return [emulator, *(("-E", preload) if preload else ()), program]
        # The filter's program comes first, so that nothing is preloaded into it.
        return [*self.filter, "env", *((preload,) if preload else ()), program]

    def environment(self, job: Job) -> dict[str, str]:
        program = self.run.work / job.file
        said = {
            "LIBRARY": f"{self.toolchain.library}/{'libclone3-api.so' if job.mode == 'api' else 'libclone3.so'}",
            "CONTROL": f"{program}.control",
            "PLUGIN": f"{program}.plugin",
            "FILTERED": self.kind,
            "EMULATED": self.toolchain.emulator,
        }
        return os.environ | {name: value for name, value in said.items() if value}


def list_jobs(project, toolchain, only: Sequence[str], filtered: bool) -> list[Job]:
    """The targets that can run here."""
    if toolchain.lacks():
        return []
    return [job for source in sources(project.root, only) for job in source.jobs(toolchain, filtered)]


def missing_libcs(toolchain) -> list[tuple[str, str]]:
    """The targets without a compiler or emulator, and why."""
    missing = []
    for libc in toolchain.libcs:
        why = toolchain.lacks() or ("" if toolchain.compiler(libc) else toolchain.no_compiler(libc))
        if why:
            missing.append((f"{toolchain.arch}-{libc}", why))
    return missing


def run_c_tests(project, arch: str, only: Sequence[str], report: Report, kind: str = "") -> tuple[str, Tap]:
    """The C tests on this machine's libcs: c-ARCH[-FILTER]."""
    name = f"c-{arch}{f'-{kind}' if kind else ''}"
    return name, Native(project, Toolchain(project, arch), name, only, report, kind).all()
