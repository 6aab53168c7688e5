# SPDX-License-Identifier: MIT OR Apache-2.0
"""Parses a guest's console output.

Its first process (tests/kernel/init.c) prints lines that begin with @@ around what the
tests print:

    @@ kernel RELEASE MACHINE after SECONDS s
    @@ begin TEST
    @@ end TEST STATUS SECONDS
    @@ power off after SECONDS s
"""

import re
from dataclasses import dataclass, field

END = re.compile(r"@@ end (\S+) (\d+) ([\d.]+)$")


@dataclass
class Ended:
    """A test in the guest: its output, and its status if it has ended."""

    name: str
    lines: list[str] = field(default_factory=list)
    status: int | None = None
    seconds: float = 0

    @property
    def text(self) -> str:
        return "".join(f"{line}\n" for line in self.lines)


class Console:
    """The console output so far."""

    def __init__(self) -> None:
        self.text = ""
        self.partial = ""
        self.current: Ended | None = None
        self.kernel = ""
        self.about: list[str] = []
        self.panic = ""
        self.powered_off = False

    @property
    def came_up(self) -> bool:
        return bool(self.kernel or self.panic)

    def hear(self, said: bytes) -> list[Ended]:
        """Adds output, and returns the tests that ended in it."""
        text = said.decode(errors="replace").replace("\r", "")
        self.text += text
        *lines, self.partial = (self.partial + text).split("\n")
        return [ended for line in lines if (ended := self.line(line))]

    def finish(self) -> list[Ended]:
        """The end of the output: the last line, and the test that was running."""
        ended = self.hear(b"\n") if self.partial else []
        if self.current:
            ended.append(self.current)
            self.current = None
        return ended

    def line(self, line: str) -> Ended | None:
        # Whatever output the tests had before it: an oops is a panic here.
        if "Kernel panic" in line:
            self.panic = self.panic or line
        if not line.startswith("@@"):
            if self.current:
                self.current.lines.append(line)
        elif line.startswith("@@ begin "):
            self.current = Ended(line.removeprefix("@@ begin "))
        elif self.current and (end := END.match(line)) and end[1] == self.current.name:
            ended, self.current = self.current, None
            ended.status, ended.seconds = int(end[2]), float(end[3])
            return ended
        elif line.startswith(("@@ kernel ", "@@ problem", "@@ power off")):
            self.about.append(line.removeprefix("@@ "))
            self.kernel = line if line.startswith("@@ kernel ") else self.kernel
            self.powered_off |= line.startswith("@@ power off")
        return None
