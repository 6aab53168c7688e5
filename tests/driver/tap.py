# SPDX-License-Identifier: MIT OR Apache-2.0
"""The only reader of TAP.

A line is "ok …", "ok … # SKIP why" or "not ok …"; "1..N" is the plan. All other output is
a comment. An error of a test as a whole becomes a line of its own, because only lines are
counted.
"""

import re
from dataclasses import dataclass, field
from pathlib import Path

LINE = re.compile(r"(not )?ok(?: (.*))?$")
SKIP = re.compile(r"(.*?) *# SKIP *(.*)$")
NAME = re.compile(r"(?:\d+ *)?(?:- *)?(.*)$")
PLAN = re.compile(r"1\.\.(\d+)$")


@dataclass(frozen=True)
class Skip:
    """A skipped line, with its reason."""

    name: str
    reason: str


@dataclass
class Tap:
    """The results of one text."""

    passed: int = 0
    failed: int = 0
    skips: list[Skip] = field(default_factory=list)
    plans: list[int] = field(default_factory=list)
    # Every line's name and word, in order: "ok", "FAILED" or "skipped".
    words: list[tuple[str, str]] = field(default_factory=list)

    @property
    def skipped(self) -> int:
        return len(self.skips)

    @property
    def seen(self) -> int:
        return self.passed + self.failed + self.skipped

    def add(self, other: "Tap") -> None:
        """Adds another text's counts; each text has its own plan."""
        self.passed += other.passed
        self.failed += other.failed
        self.skips += other.skips
        self.words += other.words

    def __str__(self) -> str:
        return f"{self.passed} passed, {self.failed} failed, {self.skipped} skipped"


def parse(text: str) -> Tap:
    """Reads a text."""
    tap = Tap()
    for line in text.split("\n"):
        if plan := PLAN.match(line):
            tap.plans.append(int(plan[1]))
        elif found := LINE.match(line):
            name = NAME.match(found[2] or "")[1]
            skip = SKIP.match(name)
            if found[1]:
                tap.failed += 1
                tap.words.append((name, "FAILED"))
            elif skip:
                tap.skips.append(Skip(skip[1], skip[2]))
                tap.words.append((skip[1], "skipped"))
            else:
                tap.passed += 1
                tap.words.append((name, "ok"))
    return tap


def text_of(path: Path) -> str:
    """A file's text, whatever bytes a test wrote into it; "" if there is no file."""
    try:
        return path.read_bytes().decode(errors="replace")
    except FileNotFoundError:
        return ""


def read(path: Path) -> Tap:
    """Reads a file."""
    return parse(text_of(path))


def append(path: Path, line: str) -> None:
    """Adds a line to a file whose last line may lack a line end."""
    with path.open("ab+") as file:
        if file.tell() > 0:
            file.seek(-1, 2)
            if file.read(1) != b"\n":
                file.write(b"\n")
        file.write(line.encode() + b"\n")


def judge(path: Path, status: int, planned: bool = True) -> Tap:
    """Reads a test's output, and adds a line to the file for an error that it does not show.

    A test has passed if it has a plan that matches, no line is "not ok", and its exit status
    is 0: some tests crash or hang after their last line. Without `planned` the plan is
    optional.
    """
    tap = read(path)
    wrong = None
    if tap.plans != [tap.seen] and (planned or tap.plans):
        wrong = (
            "ended before its plan" if not tap.plans or tap.seen < tap.plans[0] else "more lines than planned"
        )
    elif status != 0 and tap.failed == 0:
        wrong = f"ended with status {status} after its plan"
    if wrong:
        append(path, f"not ok {tap.seen + 1} - {wrong}")
        tap = read(path)
    return tap
