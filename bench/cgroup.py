# SPDX-License-Identifier: MIT OR Apache-2.0
"""A cgroup of the v2 hierarchy for as long as it is needed."""
import contextlib
import os
import subprocess
import sys
import time


def _own_directory():
    """Where this process is in the cgroup2 mount, which may be beside v1."""
    with open("/proc/self/mountinfo") as file:
        for line in file:
            before, _, after = line.partition(" - ")
            if after.split()[0] == "cgroup2":
                mount, point = before.split()[3:5]
                break
        else:
            raise OSError("no cgroup2 is mounted")
    with open("/proc/self/cgroup") as file:
        for line in file:
            number, _, path = line.strip().split(":", 2)
            if number == "0":
                return os.path.join(point, os.path.relpath(path, mount))
    raise OSError("this process is in no cgroup2")


@contextlib.contextmanager
def inhabited(directory):
    """Keeps a sleeping process in the cgroup."""
    if not directory:
        yield
        return
    with subprocess.Popen(["sleep", "infinity"]) as sleeper:
        try:
            with open(os.path.join(directory, "cgroup.procs"), "w") as file:
                file.write(str(sleeper.pid))
            yield
        finally:
            sleeper.kill()


@contextlib.contextmanager
def temporary(name):
    """The path of a new cgroup, or None and a word on stderr."""
    try:
        directory = os.path.join(_own_directory(), f"{name}-{os.getpid()}")
        os.mkdir(directory)
    except OSError as why:
        print(f"bench: without cgroups: {why}", file=sys.stderr)
        yield None
        return
    try:
        yield directory
    finally:
        # A child that was waited for may be in it a moment longer.
        for _ in range(100):
            try:
                os.rmdir(directory)
                break
            except OSError:
                time.sleep(.01)
