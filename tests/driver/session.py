# SPDX-License-Identifier: MIT OR Apache-2.0
"""Runs one command in a session of its own, with a time limit; none of its processes
survives it."""

import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

TIMED_OUT = 124
PATIENCE = 5  # seconds from SIGTERM to SIGKILL


def run(
    command: Sequence[str],
    out,
    limit: float,
    env: Mapping[str, str] | None = None,
    errors=subprocess.STDOUT,
    cwd=None,
) -> int:
    """Runs a command; its output goes to the file `out`, and its status is the shell's."""
    process = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=out, stderr=errors, env=env, cwd=cwd, start_new_session=True
    )
    try:
        status = wait(process, limit)
    finally:
        # Also if the driver is interrupted: another session gets no SIGINT from the
        # terminal.
        if end_session(process):
            out.seek(0, os.SEEK_END)
            out.write(b"# processes were left behind and killed\n")
            out.flush()
    return status


def wait(process: subprocess.Popen, limit: float) -> int:
    try:
        return as_shell(process.wait(limit))
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGTERM)
    try:
        process.wait(PATIENCE)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    return TIMED_OUT


def as_shell(status: int) -> int:
    """The shell's exit status: 128 plus the signal for a killed process."""
    return status if status >= 0 else 128 - status


def end_session(process: subprocess.Popen) -> bool:
    """Kills the remaining processes of a session. Returns whether there were any."""
    left = members(process.pid)
    for pid in left:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
    process.wait()
    return bool(left)


def members(session: int) -> list[int]:
    """The living processes of a session."""
    found = []
    # Not by glob(), which raises ESRCH if a process ends meanwhile.
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            # After the name in parentheses: state, parent, group, session.
            fields = Path("/proc", pid, "stat").read_bytes().rpartition(b")")[2].split()
        except OSError:
            continue
        if fields[0] != b"Z" and int(fields[3]) == session:
            found.append(int(pid))
    return found
