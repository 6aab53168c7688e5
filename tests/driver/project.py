# SPDX-License-Identifier: MIT OR Apache-2.0
"""The project as the driver sees it: where it is, and where it was built."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Project:
    """Both absolute. The tests of the driver have trees of their own."""

    root: Path
    build: Path

    @property
    def results(self) -> Path:
        return self.build / "check"

    def library(self, arch: str) -> Path:
        """The directory of the library for an architecture."""
        return self.build if arch == "x86_64" else self.build / arch

    def tool(self, name: str) -> str:
        return str(self.root / "tools" / name)
