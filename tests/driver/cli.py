# SPDX-License-Identifier: MIT OR Apache-2.0
"""The commands."""

import argparse
import os
import signal
import sys
import unittest
from pathlib import Path

from . import check, readme, results, targets
from .fetched import CannotFetch, fetch, run_on_libc
from .guest import GuestToolchain, run_in_kernel
from .native import list_jobs, run_c_tests
from .project import Project
from .report import Report
from .toolchain import ARCHS, Toolchain
from .wanted import Wanted

BROKEN = 125  # the command could not do its work


def arguments(words: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="tests/run", description="Runs libclone3's tests.")
    commands = parser.add_subparsers(dest="command", required=True)

    def command(name: str, description: str, *names: str, tests: bool = False) -> argparse.ArgumentParser:
        added = commands.add_parser(name, help=description, description=description)
        for positional in names:
            added.add_argument(positional, choices=list(ARCHS) if positional == "arch" else None)
        if tests:
            added.add_argument(
                "tests", nargs="*", metavar="TEST", help="the beginnings of the names of C tests"
            )
            added.add_argument("--list", action="store_true", help="only say what would be run")
        return added

    checked = command("check", "whole checks, or their core", "build")
    checked.add_argument("--core", action="store_true")
    checked.add_argument("--list", action="store_true", help="only say what would be run")
    checked.add_argument("parts", nargs="+", choices=check.PARTS, metavar="PART", help=", ".join(check.PARTS))
    command("c-tests", "the C tests on this machine's libcs (FILTER=KIND)", "build", "arch", tests=True)
    command("libc", "the C tests on a libc of Debian's", "suite", "libc", "build", tests=True)
    command(
        "kernel",
        "the C tests on a kernel of Debian's (FILTER, TEST_ENV, SHADOW)",
        "suite",
        "arch",
        "build",
        tests=True,
    )
    command("table", "what runs came to", "build").add_argument(
        "runs", nargs="+", help="their names in BUILD/check"
    )
    command("readme", "what all runs in BUILD/check came to, into README.md", "build")
    command(
        "libc-command", "version, compiler and link flags for a libc of Debian's", "suite", "libc", "mode"
    )
    command("self-test", "the tests of the driver itself, as TAP", "build")
    # At any position: argparse would accept no tests after it.
    listed = [word for word in words if word == "--list"]
    return parser.parse_args([*(word for word in words if word != "--list"), *listed[:1]])


def list_tests(project: Project, said: argparse.Namespace) -> int:
    """Lists the C tests that would be run, one per line."""
    match said.command:
        case "c-tests":
            chain = Toolchain(project, said.arch)
        case "kernel":
            chain = GuestToolchain(project, said.arch)
        case _:
            chain = fetch(project, said.suite, said.libc)
    for job in list_jobs(project, chain, said.tests, bool(os.environ.get("FILTER"))):
        print(f"{job.title:<40} {chain.label_of(job.libc)}-{job.mode}")
    return 0


def run_tests(project: Project, said: argparse.Namespace) -> int:
    """One run of C tests."""
    report, kind = Report(), os.environ.get("FILTER", "")
    match said.command:
        case "c-tests":
            _, came_to = run_c_tests(project, said.arch, said.tests, report, kind)
        case "libc":
            _, came_to = run_on_libc(project, said.suite, said.libc, said.tests, report)
        case _:
            shadow = bool(os.environ.get("SHADOW"))
            _, came_to = run_in_kernel(project, said.suite, said.arch, said.tests, report, kind, shadow)
    report.label = ""
    report.slowest()
    report.say(str(came_to))
    return came_to.failed != 0


def run_check(project: Project, said: argparse.Namespace) -> int:
    if said.list:
        for part in said.parts:
            print(f"{part}:", *check.contents(project, part, said.core), sep="\n    ")
        return 0
    return not check.run(project, said.parts, said.core, Report())


def self_test(project: Project) -> int:
    """unittest's, as TAP."""
    from .unit import runner

    os.environ["CLONE3_TEST_BUILD"] = str(project.build)
    suite = unittest.defaultTestLoader.discover(
        str(Path(__file__).parent / "unit"), top_level_dir=str(Path(__file__).parent.parent)
    )
    return not runner.run(suite)


def run(project: Project, said: argparse.Namespace) -> int:
    match said.command:
        case "check":
            return run_check(project, said)
        case "c-tests" | "libc" | "kernel":
            return list_tests(project, said) if said.list else run_tests(project, said)
        case "table":
            text, total = results.table([project.results / name for name in said.runs])
            print(text, total, sep="\n")
            return total.failed != 0
        case "readme":
            readme.write(project)
        case "libc-command":
            chain = fetch(project, said.suite, said.libc)
            print(
                chain.version,
                " ".join(chain.compiler(said.libc)),
                " ".join(chain.libc_flags(said.libc, said.mode)),
                sep="\n",
            )
        case "self-test":
            return self_test(project)
    return 0


def end(number: int, _frame: object) -> None:
    sys.exit(128 + number)


def main(root: Path) -> int:
    """Runs the command in sys.argv for the project at root. Returns the exit status."""
    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGHUP, end)
    # A shell starts background jobs with these ignored, and the tests would inherit
    # that.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGQUIT, signal.SIG_DFL)
    said = arguments(sys.argv[1:])
    project = Project(root, Path(getattr(said, "build", root / "build")).resolve())
    try:
        return int(run(project, said))
    except (Wanted, readme.NoPlace, targets.Unknown) as why:
        print(f"tests/run: {why}", file=sys.stderr)
        return BROKEN
    except CannotFetch as why:
        print(why, file=sys.stderr)
        return 77 if why.skip else BROKEN
    except KeyboardInterrupt:
        print("tests/run: interrupted", file=sys.stderr)
        return 130
