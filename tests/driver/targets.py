# SPDX-License-Identifier: MIT OR Apache-2.0
"""The targets of each check, and the core selection of tests.

Suites are Debian releases: bullseye has Linux 5.10, glibc 2.31 and musl 1.2.2; bookworm 6.1, 2.36
and 1.2.3; trixie 6.12, 2.41 and 1.2.5; sid in 2026 7.2, 2.43 and 1.2.6.
"""

import os
from collections.abc import Collection

from .toolchain import ARCHS, Toolchain

# SUITE:ARCH[:FILTER|:shadow]; KERNELS in the environment replaces them.
KERNELS = """bullseye:x86_64 bookworm:x86_64 trixie:x86_64 sid:x86_64 sid:x86_64:enosys
    sid:aarch64 sid:riscv64 sid:aarch64:shadow sid:riscv64:shadow"""
CORE_KERNELS = "sid:x86_64 sid:x86_64:enosys bookworm:aarch64"
# SUITE:LIBC; LIBCS in the environment replaces them.
LIBCS = """bullseye:glibc bookworm:glibc trixie:glibc sid:glibc
    bullseye:musl bookworm:musl trixie:musl sid:musl"""
CORE_LIBCS = "bullseye:glibc sid:glibc sid:musl"

# The C tests of the core selections; whole checks run all.
ON_KERNEL = "01 02 03 10 12 13 20 60 61 63 65 66 67 68 69 70 72 76 81 84 89 90 92 97-pthread-extras"
ON_LIBC = "0 1 20 21 3 40 43 44 45 46 50 63 67 68 69 7 80 81 83 90 91 92 95 96 97 98 99"
ON_ARCH = {
    "aarch64": "0 1 2 50 63 7 8 9",
    "i686": "0 1 2 3 44 50 63 7 8 9",
    "riscv64": "0 1 20 21 3 50 63 70 72 81 97-pthread-extras",
}
ON_I686_FILTERED = "01 02 04 05 14 15 20 21 60"
ON_SHADOW_STACKS = "52"

# clone3 hidden as by old kernels, and as by old container managers; for the other
# errnos the tests that depend on them.
FILTERED = "01 02 04 05 06 20 63 64 70 80 90"
FILTERED_MORE = "01 02 04 05 06 20"
MORE_FILTERS = "eacces e2big size docker-new docker-old"


def filters(core: bool) -> list[tuple[str, str]]:
    """Each filter, and the tests to run with it; "" for all."""
    return [
        ("enosys", ""),
        ("eperm", FILTERED if core else ""),
        *((kind, FILTERED_MORE) for kind in MORE_FILTERS.split()),
    ]


class Unknown(Exception):
    """An unknown target."""


def kernels(core: bool) -> list[tuple[str, str, str]]:
    """Suite, architecture, and variant."""
    said = os.environ.get("KERNELS", CORE_KERNELS if core else KERNELS)
    return [checked(target, ARCHS, 3) for target in said.split()]


def libcs(core: bool) -> list[tuple[str, str]]:
    """Suite and libc."""
    said = os.environ.get("LIBCS", CORE_LIBCS if core else LIBCS)
    return [checked(target, Toolchain.libcs, 2) for target in said.split()]


def checked(target: str, known: Collection[str], parts: int) -> tuple[str, ...]:
    """The parts of a target; the second is from a list, and the third is optional."""
    words = target.split(":")
    if not 2 <= len(words) <= parts or words[1] not in known:
        raise Unknown(f"no target '{target}'")
    return tuple([*words, ""][:parts])
