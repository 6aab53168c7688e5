# SPDX-License-Identifier: MIT OR Apache-2.0
"""Counts of what runs left behind, as a table.

A row for each test, a column for each run; a cell is how many lines were ok, "-N" for N
that skipped, "!N" for N that were not ok, "." where the test did not run. All libcs,
modes and variants of a test are in one cell. What is about a run as a whole is in the row
"everything".
"""

import re
from collections.abc import Sequence
from pathlib import Path

from . import tap
from .tap import Tap

EVERYTHING = "everything"


def facts(directory: Path) -> dict[str, Tap]:
    """What each test of a run came to. One that left no plan, and a run that left no
    TAP, failed."""
    rows: dict[str, Tap] = {}
    for path in sorted(directory.glob("*.tap")):
        row = re.split(r"[._]", path.name)[0]
        found = tap.read(path)
        if not found.plans and found.failed == 0 and row != EVERYTHING:
            found.failed = 1
        rows.setdefault(row, Tap()).add(found)
    return rows or {EVERYTHING: Tap(failed=1)}


def cell(found: Tap | None) -> str:
    if found is None:
        return "."
    skipped = f"-{found.skipped}" if found.skipped else ""
    return f"{found.passed}{skipped}{f'!{found.failed}' if found.failed else ''}"


def table(directories: Sequence[Path]) -> tuple[str, Tap]:
    """The table, and the sum of it."""
    columns = [facts(directory) for directory in directories]
    numbers = range(1, len(columns) + 1)
    # Names are long: they stand above, a number over each column.
    lines = [f"({number}) {directory.name}" for number, directory in zip(numbers, directories)]
    lines.append(f"{'':22}" + "".join(f"{f'({number})':>12}" for number in numbers))
    for row in sorted({row for column in columns for row in column}):
        lines.append(f"{row:22}" + "".join(f"{cell(column.get(row)):>12}" for column in columns))
    total = Tap()
    for column in columns:
        for found in column.values():
            total.add(found)
    return "\n".join(lines), total


PROGRAM_COLUMNS = ("preloaded", "under-strace", "all-by-clone3", "trace-agrees")


def programs(path: Path) -> list[tuple[str, list[str]]]:
    """Of each real program in what tests/programs/check printed: whether it did the same
    under the preload, the same under preload and strace, had all its processes made by
    clone3, and a trace that agrees with strace: ok, FAILED, skipped, or "." for what was not
    asked of it."""
    rows: dict[str, list[str]] = {}
    for text, word in tap.read(path).words:
        name = re.split("[: ]", text)[0]
        told = ("a trace has", "under preload and strace", "clone3 makes")
        column = next((n for n, part in zip((3, 1, 2), told) if part in text), 0)
        rows.setdefault(name, ["."] * len(PROGRAM_COLUMNS))[column] = word
    return list(rows.items())


def program_table(path: Path) -> str:
    rows = [("program", list(PROGRAM_COLUMNS)), *programs(path)]
    width = max(len(name) for name, _ in rows) + 2
    return "\n".join(
        f"{name:{width}}" + "".join(f"{word:15}" for word in words).rstrip() for name, words in rows
    )
