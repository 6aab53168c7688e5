# SPDX-License-Identifier: MIT OR Apache-2.0
"""The library for another architecture, as it is today or not at all."""

import os
import subprocess

from .fetched import NOT_TO_BE_HAD

# A make around us would have its options in there, and its jobs.
OF_MAKE = ("MAKEFLAGS", "MFLAGS", "MAKELEVEL")


def make_environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name not in OF_MAKE}


def cross_build(project, arch: str) -> tuple[int, str]:
    """Builds it: 0, or NOT_TO_BE_HAD where this machine cannot, or 1, with the reason. No
    older one is left, so that nothing tests that by mistake."""
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
