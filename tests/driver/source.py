# SPDX-License-Identifier: MIT OR Apache-2.0
"""A C test's directives, and the jobs that follow from them."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

ARCHS = "x86_64 aarch64 i686 riscv64"
DIRECTIVE_LINES = 12


@dataclass(frozen=True)
class Job:
    """One program to build and run: a source, a libc, a mode, and additional flags."""

    source: "Source"
    arch: str
    libc: str
    mode: str
    variant: str

    @property
    def title(self) -> str:
        return f"{self.source.name} {self.variant.strip()}".rstrip()

    @property
    def file(self) -> str:
        """The name of its program and, with .tap, of its output."""
        variant = re.sub("[^A-Za-z0-9]", "_", self.variant)
        return f"{self.source.name}{variant}.{self.arch}-{self.libc}-{self.mode}"


@dataclass(frozen=True)
class Source:
    """A file in c-tests/."""

    path: Path

    @property
    def name(self) -> str:
        return self.path.stem

    @cached_property
    def text(self) -> str:
        return self.path.read_text()

    def directive(self, name: str, default: str) -> str:
        """The directive `name` in the first comment."""
        for line in self.text.split("\n")[:DIRECTIVE_LINES]:
            if found := re.match(rf"[ /]*\*[ /]*{name}: *(.*)", line):
                return found[1] or default
        return default

    def has_part(self, name: str) -> bool:
        """Whether CONTROL or PLUGIN is to be built from it, too."""
        return f"ifdef {name}" in self.text

    def modes(self, filtered: bool) -> list[str]:
        modes = self.directive("modes", "preload shared static").split()
        if "preload" in modes:
            modes.append("unthreaded")
        if filtered:  # both flavours behave the same there
            modes = [mode for mode in modes if not mode.startswith("api")]
        # The storms take as long as all other tests: under a filter they run once per
        # libc.
        return self.directive("filtered", " ".join(modes)).split() if filtered else modes

    def jobs(self, toolchain, filtered: bool) -> Iterator[Job]:
        """The jobs of this test with a toolchain."""
        if toolchain.arch not in self.directive("archs", ARCHS).split():
            return
        for libc in self.directive("libcs", "glibc musl").split():
            if not toolchain.compiler(libc):
                continue
            for mode in self.modes(filtered):
                if not toolchain.takes(libc, mode):
                    continue
                for variant in self.directive("variants", "").split(";"):
                    yield Job(self, toolchain.arch, libc, mode, variant)


def sources(root: Path, only: Sequence[str]) -> list[Source]:
    """The C tests whose names begin with one of `only`; all if that is empty."""
    paths = sorted((root / "c-tests").glob("[0-9]*.c"))
    return [Source(path) for path in paths if not only or path.name.startswith(tuple(only))]
