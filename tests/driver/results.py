# SPDX-License-Identifier: MIT OR Apache-2.0
"""A table of the results of runs.

It has a row for each test and a column for each run. A cell has the number of lines that
were ok, "-N" for N that were skipped, "!N" for N that were not ok, "." if the test did not
run. All libcs, modes and variants of a test are in one cell. Lines about a run as a whole
are in the row "everything".
"""

import re
from collections.abc import Sequence
from pathlib import Path

from . import tap
from .tap import Tap

EVERYTHING = "everything"


def facts(directory: Path) -> dict[str, Tap]:
    """The result of each test of a run. A test without a plan, and a run without TAP, have
    failed."""
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
    """The table, and its sum."""
    columns = [facts(directory) for directory in directories]
    numbers = range(1, len(columns) + 1)
    # Names are long: they are listed first, with the number of their column.
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
    """The results of each real program in the output of tests/programs/check: whether it did
    the same under the preload, the same under preload and strace, created all its processes
    by clone3, and had a trace that agrees with strace: ok, FAILED, skipped, or "." for what
    was not tested."""
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
