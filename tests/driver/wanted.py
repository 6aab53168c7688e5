# SPDX-License-Identifier: MIT OR Apache-2.0
"""Missing programs, and which make target installs them."""

import re

# Programs whose absence makes tests SKIP with "no PROGRAM…", by the Makefile's target
# that installs them (tools/setup).
INSTALLS = {
    "setup": ("cc", "gcc", "ld.lld", "make", "pkg-config"),
    "setup-check": (
        *("musl-gcc", "clang", "clang++", "g++", "gdb", "strace", "perl", "python3", "git", "dash", "script"),
        *("aarch64-linux-gnu-gcc", "i686-linux-gnu-gcc", "riscv64-linux-gnu-gcc"),
        *("qemu-aarch64-static", "qemu-riscv64-static", "Debian rustc-web", "libstd-rust-web-dev"),
        *(
            "redis-server",
            "nginx",
            "stress-ng",
            "initdb",
            "test/test_fork1.py",
            "musl compiler",
            "shellcheck",
            "cmake",
            "meson",
            "abidw",
            "abidiff",
        ),
    ),
    "setup-deb": ("dh", "dpkg-buildpackage", "debootstrap", "lintian"),
    "setup-kernels": ("cpio", "qemu-system-x86_64", "qemu-system-aarch64", "qemu-system-riscv64"),
}


class Wanted(Exception):
    """Something that all tests need is missing."""

    def __str__(self) -> str:
        return hint(super().__str__())


def hint(reason: str) -> str:
    """The reason of a SKIP, with the target that installs what is missing."""
    for target, programs in INSTALLS.items():
        for program in programs:
            if re.match(rf"no {re.escape(program)}(?![\w+.-])", reason):
                return f"{reason} (make {target})"
    return reason
