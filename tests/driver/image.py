# SPDX-License-Identifier: MIT OR Apache-2.0
"""A guest's initramfs: the tests, the libraries that they need, busybox for /bin, and
init."""

import re
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from .build import PARTS
from .source import Job
from .toolchain import MODES, Toolchain

# The libc itself loads libgcc_s, to end threads; tests dlopen the others.
OPENED = ("libgcc_s.so.1", "libm.so.6", "libpthread.so.0")


class Stop(Exception):
    """Why there is no guest: a reason to skip, or a failure."""

    def __init__(self, reason: str, skip: bool):
        super().__init__(reason)
        self.skip = skip


class Image:
    """Made in the directory of a run."""

    def __init__(self, project, toolchain: Toolchain, work: Path, busybox: Path):
        self.project, self.toolchain, self.work, self.busybox = project, toolchain, work, busybox
        self.root = work / "root"

    def make(self, jobs: Sequence[Job], environment: Sequence[str]) -> Path | None:
        """An image of the jobs that were built; None if there are none."""
        there = [job for job in jobs if (self.work / job.file).is_file()]
        if not there:
            return None
        for directory in ("bin", "lib", "tests"):
            (self.root / directory).mkdir(parents=True)
        for job in there:
            for part in PARTS:
                program = self.work / f"{job.file}{part}"
                if program.is_file():
                    program.rename(self.root / "tests" / program.name)
        (self.root / "tests/list").write_text("".join(self.line_of(job, environment) for job in there))
        programs = sorted((self.root / "tests").glob("[0-9]*"))
        self.add_libraries(programs)
        subprocess.run([f"{self.toolchain.prefix}strip", "--strip-debug", *programs], check=True)
        for library in ("libclone3.so", "libclone3-api.so"):
            shutil.copy(self.toolchain.library / library, self.root / "lib")
        shutil.copy(self.busybox, self.root / "bin")
        self.build_init()
        return self.pack()

    def build_init(self) -> None:
        command = [*self.toolchain.compiler("glibc"), "-std=gnu11", "-O2", "-Wall", "-Wextra", "-static"]
        source = self.project.root / "tests/kernel/init.c"
        command += [f"-I{self.project.root}/c-tests", source, "-o", self.root / "init"]
        if subprocess.run(command).returncode != 0:
            raise Stop("init.c does not compile", skip=False)

    def line_of(self, job: Job, environment: Sequence[str]) -> str:
        """A test's line in init's list."""
        program = f"/tests/{job.file}"
        words = [
            *environment,
            "LIBRARY=/lib/libclone3.so",
            f"CONTROL={program}.control",
            f"PLUGIN={program}.plugin",
        ]
        if MODES[job.mode].preloaded:
            words.append("LD_PRELOAD=/lib/libclone3.so")
        return " ".join([*words, program]) + "\n"

    def add_libraries(self, programs: Sequence[Path]) -> None:
        """The libraries and loaders that the programs need, at the paths that they use."""
        loaders = re.findall(r"program interpreter: (.*)\]$", readelf("-lW", programs), re.MULTILINE)
        for loader in set(loaders):
            self.copy(Path(loader), Path(loader))
        needed = re.findall(r"\(NEEDED\).*\[(.*)\]$", readelf("-dW", programs), re.MULTILINE)
        for name in {*OPENED, *needed}:
            command = [*self.toolchain.compiler("glibc"), f"-print-file-name={name}"]
            found = Path(subprocess.run(command, capture_output=True, text=True).stdout.strip())
            if found.is_file():  # musl's libc.so is its loader
                self.copy(found, found.parent.resolve() / found.name)

    def copy(self, source: Path, to: Path) -> None:
        place = self.root / str(to).lstrip("/")
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(source, place)

    def pack(self) -> Path:
        names = [str(path.relative_to(self.root)) for path in [self.root, *sorted(self.root.rglob("*"))]]
        initramfs = self.work / "initramfs"
        with initramfs.open("wb") as out:
            command, said = ["cpio", "--quiet", "-o", "-H", "newc"], "\n".join(names).encode()
            if subprocess.run(command, cwd=self.root, input=said, stdout=out).returncode != 0:
                raise Stop("no initramfs", skip=False)
        shutil.rmtree(self.root)
        return initramfs


def readelf(option: str, programs: Sequence[Path]) -> str:
    return subprocess.run(
        ["readelf", option, *programs], capture_output=True, text=True, errors="replace"
    ).stdout
