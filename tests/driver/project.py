# SPDX-License-Identifier: MIT OR Apache-2.0
"""The project's root and build directory."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Project:
    """Both are absolute. The driver's own tests use other trees."""

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
