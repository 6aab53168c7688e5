# SPDX-License-Identifier: MIT OR Apache-2.0
"""A run of C tests: its directory, its results, its end."""

import shutil
from collections.abc import Sequence
from pathlib import Path

from . import tap
from .report import Report
from .tap import Tap


class Run:
    """Writes a TAP file for each test into BUILD/check/NAME/, and all of them into NAME.tap."""

    def __init__(self, project, name: str, only: Sequence[str], report: Report):
        self.name, self.report = name, report
        self.work = project.results / name
        self.whole = project.results / f"{name}.tap"
        self.about = self.work / "everything.tap"
        self.lines: list[str] = []
        shutil.rmtree(self.work, ignore_errors=True)
        self.work.mkdir(parents=True)
        # If the driver is killed, partial results are not taken for complete ones.
        for path in (self.about, self.whole):
            path.write_text(f"not ok - {name}: did not come to its end\n")
        if only:
            (self.work / "selection").write_text("".join(f"{name}\n" for name in only))

    def everything(self, line: str) -> None:
        """Adds a line about the run as a whole: why there are no tests, why some are missing, or
        an error outside of the tests."""
        self.lines.append(line)
        self.report.say(line)

    def skip(self, what: str, reason: str) -> None:
        self.everything(f"ok - {what} # SKIP {reason}")

    def fail(self, what: str) -> None:
        self.everything(f"not ok - {what}")

    def tap_of(self, job) -> Path:
        return self.work / f"{job.file}.tap"

    def judge(self, job, target: str, status: int, seconds: float) -> None:
        """Reports a test whose output is in its file."""
        path = self.tap_of(job)
        failed = tap.judge(path, status).failed != 0
        self.report.ended(f"{job.title} {target}", target, seconds, tap.text_of(path) if failed else None)

    def forget(self) -> None:
        """Removes a test's results."""
        shutil.rmtree(self.work)
        self.whole.unlink()

    def conclude(self) -> Tap:
        """Ends the run and returns its results."""
        self.about.unlink()
        if self.lines:
            self.about.write_text("".join(f"{line}\n" for line in self.lines))
        texts = [tap.text_of(path) for path in sorted(self.work.glob("*.tap"))]
        self.whole.write_text("".join(text if text.endswith("\n") else f"{text}\n" for text in texts))
        return tap.read(self.whole)
