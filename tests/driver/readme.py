# SPDX-License-Identifier: MIT OR Apache-2.0
"""The results of the last runs, in README.md between two comments: a row for each target,
a column for each group of C tests, and a row for each real program. It is marked if only
some tests of a target were run, or if it was skipped."""

import os
import re
from pathlib import Path

from . import results, tap

HEAD = """\
| target | children | libc in them | vfork | fork handlers | storms | interface | kernel | spawn | plans | threads | failed | skipped |
|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|"""
PROGRAMS_HEAD = """\
| real program | same when preloaded | same under strace | all processes by clone3 | trace agrees with strace |
|---|---|---|---|---|"""
PLACE = re.compile(r"^<!-- made by make matrix-table -->\n.*?^<!-- end -->$", re.MULTILINE | re.DOTALL)


class NoPlace(Exception):
    """There is nothing to write, or no place for it."""


def write(project) -> None:
    """Writes the tables into README.md."""
    checked = project.results
    runs = [
        path for kind in ("c-*", "libc-*", "kernel-*") for path in sorted(checked.glob(kind)) if path.is_dir()
    ]
    if not runs:
        raise NoPlace(f"no results in {checked}")
    lines = [HEAD, *(row(run) for run in runs)]
    programs = checked / "programs-all.tap"
    if programs.is_file():
        lines += ["", PROGRAMS_HEAD]
        for name, words in results.programs(programs):
            lines.append(f"| {name} | " + " | ".join("" if word == "." else word for word in words) + " |")
    text = "\n".join(["<!-- made by make matrix-table -->", *lines, "<!-- end -->"])
    path = project.root / "README.md"
    new, count = PLACE.subn(lambda _: text, path.read_text())
    if count != 1:
        raise NoPlace("README.md has no place for it")
    path.write_text(new)


def row(run: Path) -> str:
    """The row of one target."""
    groups, failed, skipped = {}, 0, 0
    for test, found in results.facts(run).items():
        groups[test[0]] = groups.get(test[0], 0) + found.passed
        failed, skipped = failed + found.failed, skipped + found.skipped
    cells = "".join(f"| {groups.get(str(group), '')} " for group in range(10))
    return f"| {target(run)}{notes(run)} {cells}| {failed} | {skipped} |"


def target(run: Path) -> str:
    """The target of a results directory in words; the directory is c-ARCH[-FILTER],
    libc-LIBC-VERSION or kernel-SUITE-ARCH[-shadow][-FILTER]."""
    kind, first, *rest = run.name.split("-", 2)
    rest = rest[0] if rest else ""
    if kind == "libc":
        return f"{first} {rest.split('-')[0]}"
    if kind == "kernel":
        arch, _, how = rest.partition("-")
        words = {"": "", "shadow": ", on shadow stacks"}.get(how, f", clone3 hidden ({how})")
        return f"Linux {kernel_version(run) or f'of {first}'}, {arch}{words}"
    machine = re.match(r"\d+\.\d+", os.uname().release)[0]
    text = f"{first} in qemu-user" if first in ("aarch64", "riscv64") else f"{first}, Linux {machine}"
    return f"{text}, behind the filter `{rest}`" if rest else text


def kernel_version(run: Path) -> str:
    found = re.search(r"^@@ kernel (\d+\.\d+)", tap.text_of(run / "console"), re.MULTILINE)
    return found[1] if found else ""


def notes(run: Path) -> str:
    """Notes on a target."""
    skips = tap.read(run / "everything.tap").skips
    said = sorted({f"{skip.name.removeprefix('C tests on ')}: {skip.reason}" for skip in skips})
    selection = ["a selection"] if (run / "selection").is_file() else []
    return f" ({'; '.join([*selection, *said])})" if selection or said else ""
