# SPDX-License-Identifier: MIT OR Apache-2.0
"""Builds the library for another architecture; an outdated one is never used."""

import os
import subprocess

from .fetched import NOT_TO_BE_HAD

# An outer make puts its options and its job server in there.
OF_MAKE = ("MAKEFLAGS", "MFLAGS", "MAKELEVEL")


def make_environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name not in OF_MAKE}


def cross_build(project, arch: str) -> tuple[int, str]:
    """Builds it. Returns 0, NOT_TO_BE_HAD if this machine cannot build it, or 1; with the
    reason. An older one is removed, so that it is not tested by mistake."""
    can = subprocess.run([project.tool("can-build"), arch], stdout=subprocess.PIPE, text=True)
    if can.returncode != 0:
        status, why = NOT_TO_BE_HAD, can.stdout.strip()
    else:
        command = ["make", "-C", project.root, "--no-print-directory", f"B={project.build}", arch]
        status = subprocess.run(command, stdout=subprocess.DEVNULL, env=make_environment()).returncode and 1
        why = f"the library for {arch} does not build" if status else ""
    if status != 0:
        for path in project.library(arch).glob("libclone3.*"):
            path.unlink()
    return status, why
