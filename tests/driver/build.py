# SPDX-License-Identifier: MIT OR Apache-2.0
"""Builds C tests, or reuses earlier builds.

Programs are cached in BUILD/c-tests under a hash of everything that they depend on: the
compiler's commands, source, headers, and the library file that is linked.
"""

import hashlib
import os
import shutil
import subprocess
import time
from functools import cache
from pathlib import Path

from .source import Job
from .toolchain import MODES

KEPT_FOR = 7 * 24 * 3600
# The test's own program comes last: if it exists, all parts do.
PARTS = (".control", ".plugin", "")


class CannotCompile(Exception):
    """A failed build, with the compiler's messages."""


class Builder:
    """Builds tests for one toolchain into one directory."""

    def __init__(self, project, toolchain, work: Path):
        self.root, self.toolchain, self.work = project.root, toolchain, work
        self.store = project.build / "c-tests" / toolchain.label
        self.store.mkdir(parents=True, exist_ok=True)
        forget_old(project.build / "c-tests")
        self.headers = digest(
            *sorted((self.root / "c-tests").glob("*.h")), *sorted((self.root / "include").glob("*.h"))
        )
        self.linked = {
            mode.linked: digest(toolchain.library / mode.linked) for mode in MODES.values() if mode.linked
        }

    def command(self, job: Job, mode: str, extra: list[str], linked_as: str = "") -> list[str]:
        """The compiler's command lines, without the output file."""
        chain, source = self.toolchain, job.source
        flags = source.directive("cflags", "").split() + job.variant.split()
        return [
            *chain.compiler(job.libc),
            *("-std=gnu11", "-O2", "-g", "-Wall", "-Wextra", "-Werror=implicit", MODES[mode].threads),
            *(
                f"-I{self.root}/include",
                f"-I{self.root}/c-tests",
                *MODES[mode].defines,
                *flags,
                *extra,
                str(source.path),
            ),
            *chain.link_flags(linked_as or mode),
            *chain.libc_flags(job.libc, linked_as or mode),
        ]

    def commands(self, job: Job) -> dict[str, list[str]]:
        """One command for each part of the test."""
        commands = {"": self.command(job, job.mode, [])}
        if job.source.has_part("CONTROL"):
            like = ["-static"] if MODES[job.mode].static else []
            commands[".control"] = self.command(job, "control", [*like, "-DCONTROL"])
        if job.source.has_part("PLUGIN"):
            commands[".plugin"] = self.command(job, "control", ["-DPLUGIN", "-fPIC", "-shared"])
        return commands

    def does_without_threads(self, job: Job) -> bool:
        """Whether a test links without a libpthread that is separate from the libc; no symbol
        may be left undefined then, as in mode preload."""
        out = self.work / job.file
        done = subprocess.run([*self.command(job, job.mode, [], "shared"), "-o", out], capture_output=True)
        out.unlink(missing_ok=True)
        return done.returncode == 0

    def build(self, job: Job) -> str:
        """Puts the test's program into work, with its .control and .plugin if the source has
        them. Returns the compiler's warnings."""
        commands = self.commands(job)
        kept = self.store / self.key(job, commands)
        out, said = self.work / job.file, ""
        if not self.take(kept, out):
            for part in ("", ".control", ".plugin"):
                if part in commands:
                    said += self.compile(commands[part], Path(f"{out}{part}"), must=part == "")
            self.keep(out, kept)
        return said

    def compile(self, command: list[str], out: Path, must: bool) -> str:
        done = subprocess.run(
            [*command, "-o", out], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, errors="replace"
        )
        # Not every libc can build a control or a plugin; the test checks for that.
        if done.returncode != 0 and must:
            raise CannotCompile(done.stdout)
        return done.stdout

    def key(self, job: Job, commands: dict[str, list[str]]) -> str:
        linked = self.linked.get(MODES[job.mode].linked, "")
        inputs = [self.headers, linked, version(self.toolchain.compiler(job.libc)[0]), job.source.text]
        return hashlib.sha256("\0".join(inputs + [repr(commands)]).encode()).hexdigest()[:40]

    def take(self, kept: Path, out: Path) -> bool:
        if not kept.is_file():
            return False
        for part in PARTS:
            source = Path(f"{kept}{part}")
            if source.is_file():
                shutil.copy(source, f"{out}{part}")
                source.touch()
        return True

    def keep(self, out: Path, kept: Path) -> None:
        for part in PARTS:
            if Path(f"{out}{part}").is_file():
                copy = f"{kept}{part}.{os.getpid()}"
                shutil.copy(f"{out}{part}", copy)
                os.replace(copy, f"{kept}{part}")

    def remove(self, job: Job) -> None:
        """The programs, after the test."""
        for part in PARTS:
            Path(f"{self.work / job.file}{part}").unlink(missing_ok=True)


def digest(*paths: Path) -> str:
    hashed = hashlib.sha256()
    for path in paths:
        hashed.update(path.read_bytes() if path.is_file() else b"")
    return hashed.hexdigest()


@cache
def version(compiler: str) -> str:
    return subprocess.run([compiler, "--version"], capture_output=True, text=True).stdout


def forget_old(directory: Path) -> None:
    """Removes what was not used for a week."""
    for path in directory.rglob("*"):
        if path.is_file() and not path.is_symlink() and path.stat().st_mtime < time.time() - KEPT_FOR:
            path.unlink(missing_ok=True)
