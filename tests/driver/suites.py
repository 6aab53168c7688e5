# SPDX-License-Identifier: MIT OR Apache-2.0
"""The tests besides the C tests: commands that print TAP, or whose result can be written as
TAP.

A suite writes BUILD/check/NAME.tap, and its stderr into NAME.err.
"""

import os
import re
import shutil
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

from . import pool, session, tap
from .cross import make_environment
from .report import Report

LIMIT = 4 * 3600  # seconds; suites that may hang have limits of their own
CARGO_LINE = re.compile(r"test (.*) \.\.\. (ok|FAILED|ignored.*)$")


class Suite:
    """A command that prints TAP."""

    planned = True

    def __init__(self, project, name: str, *command: object, env: dict[str, str] | None = None):
        self.root, self.name, self.command = project.root, name, [str(word) for word in command]
        self.tap, self.err = (project.results / f"{name}{end}" for end in (".tap", ".err"))
        self.env = make_environment() | (env or {})

    def clear(self) -> None:
        """Removes an earlier run's results, so that there are none if the driver is killed."""
        self.tap.parent.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(self.tap.with_suffix(""), ignore_errors=True)
        self.tap.write_text(f"not ok - {self.name}: did not come to its end\n")
        self.err.unlink(missing_ok=True)

    def run(self, _job: object = None) -> int:
        """In a process of its own."""
        with self.tap.open("wb") as out, self.err.open("wb") as err:
            status = session.run(self.command, out, LIMIT, self.env, err, self.root)
        self.tell(status)
        return status

    def tell(self, status: int) -> None:
        """Converts the output to TAP."""

    def conclude(self, status: int, seconds: float, report: Report) -> None:
        """Reports the suite, and the whole output of what failed."""
        came_to = tap.judge(self.tap, session.as_shell(status), self.planned)
        report.summary(self.name, came_to, seconds)
        report.times.append((seconds, self.name))
        if came_to.failed:
            report.say(failures(tap.text_of(self.tap)))
            report.say(tap.text_of(self.err).rstrip("\n"))


class Single(Suite):
    """A command that only succeeds or fails is one test."""

    def tell(self, status: int) -> None:
        with self.err.open("ab") as err:
            err.write(self.tap.read_bytes())
        self.tap.write_text(f"{'not ' if status else ''}ok 1 - {self.name}\n1..1\n")


class UnitTests(Suite):
    """cargo test. In the release profile, for which the build script's many dependencies are
    compiled already."""

    planned = False

    def tell(self, status: int) -> None:
        lines = []
        for line in tap.text_of(self.tap).split("\n"):
            if found := CARGO_LINE.match(line):
                word = "not ok" if found[2] == "FAILED" else "ok"
                lines.append(
                    f"{word} - {found[1]}{' # SKIP ignored' if found[2].startswith('ignored') else ''}"
                )
        with self.err.open("ab") as err:
            err.write(self.tap.read_bytes())
        self.tap.write_text("".join(f"{line}\n" for line in lines))


class Skipped(Suite):
    """A suite that cannot be run here."""

    def __init__(self, project, name: str, reason: str):
        super().__init__(project, name)
        self.reason = reason

    def run(self, _job: object = None) -> int:
        self.tap.write_text(f"ok 1 - {self.name} # SKIP {self.reason}\n1..1\n")
        return 0


class Shellcheck(Suite):
    """Checks every shell script by shellcheck."""

    def run(self, _job: object = None) -> int:
        if not shutil.which("shellcheck"):
            self.tap.write_text("ok 1 - the shell scripts # SKIP no shellcheck\n1..1\n")
            return 0
        with self.tap.open("w") as out:
            for number, script in enumerate(scripts := shell_scripts(self.root), 1):
                done = subprocess.run(
                    ["shellcheck", "-S", "warning", script], cwd=self.root, capture_output=True, text=True
                )
                out.write(f"{'not ' if done.returncode else ''}ok {number} - shellcheck {script}\n")
                out.writelines(f"# {line}\n" for line in done.stdout.splitlines())
            out.write(f"1..{len(scripts)}\n")
        return 0


def shell_scripts(root: Path) -> list[str]:
    """All shell scripts of the project, found by their first line."""
    found = []
    for top in ("tools", "tests", "bench", "fuzz", "debian", ".ci"):
        for path in sorted((root / top).rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                with path.open("rb") as file:
                    head = file.read(200)
                if (
                    re.match(rb"#!/bin/(ba)?sh\b", head)
                    or b"\n# shellcheck shell=" in head
                    or head.startswith(b"# shellcheck shell=")
                ):
                    found.append(str(path.relative_to(root)))
    return found


def failures(text: str) -> str:
    """The lines that are not ok, each with the lines up to the next test."""
    shown, inside = [], False
    for line in text.split("\n"):
        if tap.LINE.match(line):
            inside = line.startswith("not ok")
        if inside and line:
            shown.append(line)
    return "\n".join(shown)


def run(suites: Sequence[Suite], report: Report) -> None:
    """Runs suites one after the other."""
    for suite in suites:
        suite.clear()
        report.begin("suites", 1)
        pool.each(
            [suite],
            lambda suite: suite.run(),
            1,
            lambda suite: report.started(suite.name),
            lambda suite, status, seconds: suite.conclude(status, seconds, report),
            report.tick,
        )


class Beside:
    """A suite that runs in the background."""

    def __init__(self, suite: Suite):
        self.suite, self.start = suite, time.monotonic()
        suite.clear()
        self.process = pool.FORK.Process(target=pool.guarded, args=(lambda suite: suite.run(), suite))
        self.process.start()

    def __enter__(self) -> "Beside":
        return self

    def __exit__(self, *_error: object) -> None:
        if self.process.is_alive():
            self.process.terminate()
        self.process.join()

    def conclude(self, report: Report) -> None:
        """Waits for it."""
        report.begin(self.suite.name, 1)
        report.started(self.suite.name)
        while self.process.is_alive():
            self.process.join(pool.TICK)
            report.tick()
        self.suite.conclude(self.process.exitcode, time.monotonic() - self.start, report)


def cargo() -> list[str]:
    return os.environ.get("CARGO", "cargo").split()


def toolchain_has(command: str) -> bool:
    """Whether the Rust toolchain has this component."""
    try:
        return subprocess.run([*cargo(), command, "--version"], capture_output=True).returncode == 0
    except OSError:
        return False
