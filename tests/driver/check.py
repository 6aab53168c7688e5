# SPDX-License-Identifier: MIT OR Apache-2.0
"""The checks: everything on this machine as it is (here), behind seccomp filters
(filters), on other architectures, C libraries and kernels (arch, libcs, kernels), real
programs and servers (programs), packages in fresh systems (deb), and two builds compared
(reproducible)."""

import platform
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from . import results, suites, targets
from .cross import cross_build
from .fetched import NOT_TO_BE_HAD, run_on_libc
from .guest import run_in_kernel
from .native import run_c_tests
from .report import Report
from .run import Run
from .suites import Shellcheck, Single, Skipped, Suite, UnitTests
from .tap import Tap
from .toolchain import Toolchain
from .wanted import hint


class Check:
    """Some parts, whole or their core."""

    def __init__(self, project, core: bool, report: Report):
        self.project, self.core, self.report = project, core, report
        self.runs: list[Path] = []

    def selected(self, tests: str) -> list[str]:
        return tests.split() if self.core else []

    def c_tests(self, run: Callable[..., tuple[str, Tap]], *arguments: object, **options: object) -> None:
        """A run of C tests, and its place in the table."""
        start = time.monotonic()
        try:
            name, came_to = run(self.project, *arguments, self.report, **options)
        except (OSError, subprocess.CalledProcessError) as why:
            # An exception in one does not stop the others.
            name, came_to = f"{run.__name__} {' '.join(map(str, arguments[:2]))}", Tap(failed=1)
            self.report.say(f"not ok - {name}: {why}")
        self.runs.append(self.project.results / name)
        self.report.summary(name, came_to, time.monotonic() - start)

    def suite(self, kind: type[Suite], name: str, *command: object, **options: object) -> None:
        suites.run([kind(self.project, name, *command, **options)], self.report)

    def here(self) -> None:
        suites.run(suites_here(self.project), self.report)
        # Programs wait most of the time, C tests compute.
        programs = Suite(
            self.project, "programs", "tests/programs/check", self.project.build / "libclone3.so", "quick"
        )
        with suites.Beside(programs) as beside:
            self.c_tests(run_c_tests, platform.machine(), [])
            beside.conclude(self.report)

    def filters(self) -> None:
        if platform.machine() != "x86_64":
            self.suite(Skipped, "filters", "x86_64 only")
            return
        for kind, tests in targets.filters(self.core):
            self.c_tests(run_c_tests, "x86_64", tests.split(), kind=kind)

    def arch(self) -> None:
        for arch in targets.ON_ARCH:
            if self.cross(arch) and arch == "i686":
                # With clone(2) in place of clone3(2), the parent's values are in other
                # registers.
                self.c_tests(run_c_tests, arch, self.selected(targets.ON_I686_FILTERED), kind="enosys")
                chain = Toolchain(self.project, arch)
                compiler = " ".join([*chain.compiler("glibc"), *chain.libc_flags("glibc", "shared")])
                self.suite(
                    Suite, "i686-gdb", "tests/gdb-backtrace", self.project.library(arch), env={"CC": compiler}
                )
        if not self.core:
            self.c_tests(run_in_kernel, "bookworm", "aarch64", [])

    def cross(self, arch: str) -> bool:
        """Builds for the architecture and runs the C tests; one skip if that is impossible here."""
        status, why = cross_build(self.project, arch)
        if status != 0:
            self.c_tests(not_built, arch, why, status)
            return False
        self.suite(
            Suite, f"{arch}-elf", self.project.tool("audit-elf"), self.project.library(arch) / "libclone3.so"
        )
        self.c_tests(run_c_tests, arch, self.selected(targets.ON_ARCH[arch]))
        return True

    def libcs(self) -> None:
        # The directories have the libc's version in their names: those of other
        # versions would stay.
        for path in self.project.results.glob("libc-*"):
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        for suite, libc in targets.libcs(self.core):
            self.c_tests(run_on_libc, suite, libc, self.selected(targets.ON_LIBC))

    def kernels(self) -> None:
        for suite, arch, how in targets.kernels(self.core):
            shadow = how == "shadow"
            tests = targets.ON_SHADOW_STACKS.split() if shadow else self.selected(targets.ON_KERNEL)
            self.c_tests(run_in_kernel, suite, arch, tests, kind="" if shadow else how, shadow=shadow)

    def programs(self) -> None:
        suite = Suite(
            self.project,
            "programs-all",
            "tests/programs/check",
            self.project.build / "libclone3.so",
            "servers",
        )
        suites.run([suite], self.report)
        self.report.say(results.program_table(suite.tap))

    def deb(self) -> None:
        self.suite(Suite, "deb", "tests/deb", self.project.build)

    def reproducible(self) -> None:
        self.suite(Suite, "reproducible", "tests/reproducible", self.project.build)

    def conclude(self) -> bool:
        """Prints "N passed, M failed, K skipped" at the end. Returns whether nothing failed."""
        if self.runs:
            text, _ = results.table(self.runs)
            self.report.say(text)
        self.report.slowest()
        self.report.skips()
        self.report.say(str(self.report.all))
        return self.report.all.failed == 0


PARTS = ("here", "filters", "arch", "libcs", "kernels", "programs", "deb", "reproducible")


def not_built(project, arch: str, why: str, status: int, report: Report) -> tuple[str, Tap]:
    """A run without a library."""
    run = Run(project, f"c-{arch}", [], report)
    if status == NOT_TO_BE_HAD:
        run.skip(f"C tests on {arch}", hint(why))
    else:
        run.fail(f"C tests on {arch}: {why}")
    return run.name, run.conclude()


def suites_here(project) -> list[Suite]:
    """In the order in which they run."""
    build, library = project.build, project.build / "libclone3.so"
    with_library = {"CLONE3_LIBRARY": str(library.resolve())}

    def rust(name: str, command: str, *arguments: str) -> Suite:
        if suites.toolchain_has(command):
            return Single(project, name, *suites.cargo(), command, *arguments)
        return Skipped(project, name, "the Rust toolchain has none")

    def demo() -> Suite:
        if all(shutil.which(program) for program in ("git", "cc", "make")):
            return Single(project, "demo", "tools/demo", build)
        return Skipped(project, "demo", "git is missing (make setup-programs)")

    return [
        rust("rustfmt", "fmt", "--all", "--check"),
        rust("clippy", "clippy", "--release", "--locked", "--quiet", "--", "-D", "warnings"),
        rust(
            "clippy-cli",
            "clippy",
            "--locked",
            "--quiet",
            "-p",
            "clone3-cli",
            "-p",
            "clone3-models",
            "-p",
            "clone3-trace",
            "--tests",
            "--",
            "-D",
            "warnings",
        ),
        UnitTests(project, "unit", *suites.cargo(), "test", "--release", "--locked", "--lib"),
        UnitTests(project, "trace", *suites.cargo(), "test", "--release", "--locked", "-p", "clone3-trace"),
        # Lock-free code, in every order of its steps.
        UnitTests(project, "models", *suites.cargo(), "test", "--locked", "-p", "clone3-models"),
        # The command as users run it, with the library under test.
        UnitTests(project, "cli", *suites.cargo(), "test", "--locked", "-p", "clone3-cli", env=with_library),
        Shellcheck(project, "shellcheck"),
        Suite(project, "driver", sys.executable, "tests/run", "self-test", build),
        Suite(project, "elf", "tools/audit-elf", library),
        Suite(project, "elf-api", "tools/audit-elf", build / "libclone3-api.so"),
        Suite(project, "elf-broken", "tests/audit-broken", build),
        Suite(project, "header", "tools/check-header", build),
        Suite(project, "abi", "tests/abi/check", build),
        Suite(project, "docs", "tools/check-docs"),
        Suite(project, "contributing", "tests/contributing", build),
        Suite(project, "packaging", "tests/packaging"),
        Suite(project, "imports", "tools/check-imports"),
        Suite(project, "imports-broken", "tests/imports-broken"),
        Suite(project, "link", "tests/static-link", build),
        Suite(project, "install", "tests/install", build),
        Suite(project, "find-package", "tests/find-package", build),
        Suite(project, "bindings", "tests/bindings", build),
        Suite(project, "no-install", "tests/no-install"),
        Suite(project, "odd-objects", "tests/odd-objects", build),
        Suite(project, "gdb", "tests/gdb-backtrace", build),
        Suite(project, "gdb-threads", "tests/gdb-threads", build),
        Suite(project, "sanitizers", "tests/sanitizers", build),
        Suite(project, "examples", "tests/examples", build),
        Suite(project, "guides", "tests/guides", build),
        demo(),
    ]


def contents(project, part: str, core: bool) -> list[str]:
    """The tests that a part would run, for --list."""

    def select(tests: str) -> str:
        return tests if core and tests else "all"

    match part:
        case "here":
            return [*(suite.name for suite in suites_here(project)), "programs", f"c-{platform.machine()}"]
        case "filters":
            return [f"c-x86_64-{kind} ({tests or 'all'})" for kind, tests in targets.filters(core)]
        case "arch":
            lists = [f"c-{arch} ({select(tests)})" for arch, tests in targets.ON_ARCH.items()]
            return [*lists, f"c-i686-enosys ({select(targets.ON_I686_FILTERED)})", "i686-gdb"]
        case "libcs":
            return [f"{suite}:{libc} ({select(targets.ON_LIBC)})" for suite, libc in targets.libcs(core)]
        case "kernels":
            return [
                f"{':'.join(target).rstrip(':')} ({select(targets.ON_KERNEL)})"
                for target in targets.kernels(core)
            ]
        case "programs":
            return ["programs-all"]
        case "deb" | "reproducible":
            return [part]
    return []


def run(project, parts: Sequence[str], core: bool, report: Report) -> bool:
    """Those parts, in this order."""
    check = Check(project, core, report)
    for part in parts:
        getattr(check, part)()
    return check.conclude()
