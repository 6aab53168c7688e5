# SPDX-License-Identifier: MIT OR Apache-2.0
"""Building programs with this machine's compiler for a C library that tools/fetch-libc
unpacked, and running the tests on it.

--sysroot (for musl -nostdinc) selects the libc's headers and its suite's kernel headers;
-B selects the libc's start files and libraries instead of this machine's. The program
has the libc's own loader as its interpreter and its libraries as DT_RPATH, which dlopen
uses, too. So a program uses only symbols of that libc, and runs on no other.
"""

import subprocess
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

from .native import Native
from .report import Report
from .run import Run
from .tap import Tap
from .toolchain import MODES, Toolchain, here

NOT_TO_BE_HAD = 77


class Fetched(Toolchain):
    """A libc in a directory named SUITE-LIBC-VERSION."""

    def __init__(self, project, suite: str, libc: str, directory: Path):
        super().__init__(project, "x86_64")
        self.libc, self.directory, self.libcs = libc, directory, (libc,)
        self.version = directory.name.removeprefix(f"{suite}-{libc}-").partition("-")[0]
        self.label = f"{libc}-{self.version}"
        self.files = directory / "lib/x86_64-linux-gnu"

    @property
    def libpthread(self) -> bool:
        """Whether libpthread is a library of its own, as before glibc 2.34. In mode preload
        every program is linked with it; the additional mode unthreaded is preload without
        it, for tests that do not need it."""
        return (self.files / f"libpthread-{self.version}.so").exists()

    @cached_property
    def compilers_headers(self) -> str:
        said = subprocess.run(["cc", "-print-file-name=include"], capture_output=True, text=True, check=True)
        return said.stdout.strip()

    def compiler(self, libc: str) -> list[str]:
        root = self.directory
        if not here("cc"):
            return []
        match self.libc, libc:
            case "glibc", "glibc":
                gcc = next((root / "usr/lib/gcc/x86_64-linux-gnu").iterdir())
                return [
                    "cc",
                    f"--sysroot={root}",
                    f"-B{gcc}",
                    f"-B{root}/usr/lib/x86_64-linux-gnu",
                    f"-B{self.files}",
                ]
            case "musl", "musl":
                return [
                    *("cc", "-nostdinc", "-isystem", f"{root}/usr/include/x86_64-linux-musl"),
                    *("-isystem", self.compilers_headers, "-idirafter", f"{root}/usr/include"),
                    *(
                        "-idirafter",
                        f"{root}/usr/include/x86_64-linux-gnu",
                        f"-B{root}/lib/x86_64-linux-musl",
                    ),
                    *(f"-B{root}/usr/lib/x86_64-linux-musl", "-static-libgcc"),
                ]
        return []

    def libc_flags(self, libc: str, mode: str) -> list[str]:
        loader = "lib64/ld-linux-x86-64.so.2" if libc == "glibc" else "lib/ld-musl-x86_64.so.1"
        flags = []
        if not MODES[mode].static:
            flags += [
                f"-Wl,--dynamic-linker,{self.directory}/{loader}",
                f"-Wl,--disable-new-dtags,-rpath,{self.files}",
            ]
        if libc == "glibc":
            # Part of the libc since 2.34, and not needed by most tests.
            flags += ["-Wl,--as-needed", "-ldl", "-lrt", "-lutil"]
            if mode == "preload" and self.libpthread:
                flags += ["-Wl,--no-as-needed", "-lpthread", "-Wl,--as-needed"]
        return flags

    def label_of(self, libc: str) -> str:
        return self.label

    def takes(self, libc: str, mode: str) -> bool:
        match mode:
            case "static" | "api-static":
                return (
                    self.directory / f"usr/lib/x86_64-linux-{'gnu' if libc == 'glibc' else 'musl'}/libc.a"
                ).is_file()
            case "unthreaded":
                return self.libpthread
        return True


class CannotFetch(Exception):
    """Why there is no libc, and whether that is a reason to skip."""

    def __init__(self, reason: str, skip: bool):
        super().__init__(reason)
        self.skip = skip


def fetch(project, suite: str, libc: str) -> Fetched:
    """Finds or fetches it by tools/fetch-libc."""
    done = subprocess.run([project.tool("fetch-libc"), suite, libc], capture_output=True, text=True)
    if done.returncode != 0:
        raise CannotFetch(
            (done.stderr.strip().splitlines() or ["no word why"])[-1], done.returncode == NOT_TO_BE_HAD
        )
    return Fetched(project, suite, libc, Path(done.stdout.strip()))


def run_on_libc(project, suite: str, libc: str, only: Sequence[str], report: Report) -> tuple[str, Tap]:
    """The C tests on the C library of a Debian suite, in every mode that it has the files
    for: libc-LIBC-VERSION. If it is unavailable, one skip: libc-LIBC-SUITE."""
    run = Run(project, f"libc-{libc}-{suite}", only, report)
    try:
        chain = fetch(project, suite, libc)
    except CannotFetch as why:
        what = f"C tests on {suite}'s {libc}"
        if why.skip:
            run.skip(what, str(why))
        else:
            run.fail(f"{what}: {why}")
        return run.name, run.conclude()
    run.forget()
    name = f"libc-{chain.label}"
    return name, OnLibc(project, chain, name, only, report).all()


class OnLibc(Native):
    """As on this machine's."""

    def conclude(self) -> Tap:
        # A test that cannot be linked in this mode is omitted silently; but not all of
        # them.
        if self.toolchain.libpthread and not any(self.run.work.glob("*unthreaded.tap")):
            self.run.fail(f"{self.run.name}: nothing ran without libpthread")
        return super().conclude()
