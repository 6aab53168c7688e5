# SPDX-License-Identifier: MIT OR Apache-2.0
"""Progress output and summary.

On a terminal one line shows what is running, how much is done and the time so far;
elsewhere each test has a line. In both, failures are shown with their whole output.
"""

import shutil
import sys
import time
from collections import Counter

from .tap import Tap
from .wanted import hint

SLOWEST = 10


class Report:
    """The report of one command, which may have many runs."""

    def __init__(self, out=None):
        self.out = out or sys.stdout
        self.terminal = self.out.isatty()
        self.start = time.monotonic()
        self.label, self.total, self.done, self.failures = "", 0, 0, 0
        self.running: dict[str, float] = {}
        self.times: list[tuple[float, str]] = []
        self.all = Tap()

    def begin(self, label: str, total: int) -> None:
        """Begins a run of that many tests."""
        self.label, self.total, self.done, self.failures = label, total, 0, 0
        self.running = {}

    def say(self, text: str) -> None:
        """Prints a permanent line."""
        if self.terminal:
            self.out.write("\r\033[K")
        print(text, file=self.out, flush=True)

    def started(self, name: str) -> None:
        self.running[name] = time.monotonic()
        self.tick()

    def dropped(self, name: str) -> None:
        """Removes a test that turned out not to exist in this mode."""
        self.running.pop(name, None)
        self.done += 1

    def ended(self, name: str, target: str, seconds: float, output: str | None) -> None:
        """Reports a test; `output` is its whole output, if it failed."""
        self.running.pop(name, None)
        self.done += 1
        self.times.append((seconds, f"{name} ({self.label})"))
        title = name.removesuffix(f" {target}")
        if output is not None:
            self.failures += 1
        if output is not None or not self.terminal:
            self.say(f"{'ok' if output is None else 'FAILED':<7} {title:<40} {target:<24} {seconds:.0f} s")
        if output is not None:
            self.say("".join(f"    {line}\n" for line in output.splitlines()).rstrip("\n"))
        self.tick()

    def tick(self) -> None:
        """Updates the progress line."""
        if not self.terminal or not self.label:
            return
        elapsed = int(time.monotonic() - self.start)
        failed = f", {self.failures} FAILED" if self.failures else ""
        # The test that has run longest is the most interesting one.
        running = ", ".join(sorted(self.running, key=self.running.get))
        line = (
            f"{self.label}: {self.done}/{self.total}{failed}, {elapsed // 60}:{elapsed % 60:02d}: {running}"
        )
        self.out.write("\r\033[K" + line[: shutil.get_terminal_size().columns - 1])
        self.out.flush()

    def summary(self, name: str, tap: Tap, seconds: float) -> None:
        """Prints the result of a suite or a run."""
        self.label = ""
        self.all.add(tap)
        self.say(
            f"{name:<24} {tap.passed:5} passed {tap.failed:3} failed {tap.skipped:3} skipped {seconds:4.0f} s"
        )

    def skips(self) -> None:
        """Prints each skip once, with its count."""
        counted = Counter(f"SKIP: {skip.name} # {hint(skip.reason)}" for skip in self.all.skips)
        for line, count in sorted(counted.items()):
            self.say(f"{count:7} {line}")

    def slowest(self) -> None:
        if len(self.times) > SLOWEST:
            self.say(f"the slowest of {len(self.times)}:")
            for seconds, name in sorted(self.times, reverse=True)[:SLOWEST]:
                self.say(f"{seconds:7.1f} s  {name}")
