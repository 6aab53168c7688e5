# SPDX-License-Identifier: MIT OR Apache-2.0
"""A run of C tests: its directory, its lines about itself, its end."""

import shutil
from collections.abc import Sequence
from pathlib import Path

from . import tap
from .report import Report
from .tap import Tap


class Run:
    """Leaves a file of TAP for each test in BUILD/check/NAME/, and all in NAME.tap."""

    def __init__(self, project, name: str, only: Sequence[str], report: Report):
        self.name, self.report = name, report
        self.work = project.results / name
        self.whole = project.results / f"{name}.tap"
        self.about = self.work / "everything.tap"
        self.lines: list[str] = []
        shutil.rmtree(self.work, ignore_errors=True)
        self.work.mkdir(parents=True)
        # Should we be killed, nobody takes what is there for all of it.
        for path in (self.about, self.whole):
            path.write_text(f"not ok - {name}: did not come to its end\n")
        if only:
            (self.work / "selection").write_text("".join(f"{name}\n" for name in only))

    def everything(self, line: str) -> None:
        """A line about all tests of the run: why there are none, why some are not, what
        went wrong around them."""
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
        """As if it had not been."""
        shutil.rmtree(self.work)
        self.whole.unlink()

    def conclude(self) -> Tap:
        """What the run came to."""
        self.about.unlink()
        if self.lines:
            self.about.write_text("".join(f"{line}\n" for line in self.lines))
        texts = [tap.text_of(path) for path in sorted(self.work.glob("*.tap"))]
        self.whole.write_text("".join(text if text.endswith("\n") else f"{text}\n" for text in texts))
        return tap.read(self.whole)
