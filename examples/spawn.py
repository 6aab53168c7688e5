#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""spawn.py SECONDS PROGRAM ARGUMENT…: runs a program as root and first process of namespaces
of its own, which needs no privileges, and kills it, with all that it has started, when the time
is up. Its status is the program's; 124 if it was killed for the time, 127 if it could not begin.

With CGROUP in the environment, the directory of a cgroup2, the program is made there.

Python needs nothing but ctypes. The library is libclone3-api, which leaves the interpreter's own
calls of fork() and posix_spawn() alone; CLONE3_LIBRARY is another place of it."""
import ctypes
import errno
import os
import signal
import sys
from ctypes import POINTER, byref, c_char_p, c_int, c_int64, c_size_t, c_uint32, c_uint64, sizeof

CLONE_NEWUSER, CLONE_NEWPID = 0x10000000, 0x20000000


class Plan(ctypes.Structure):
    """clone3_spawn_t. What its setters are given must stay until the spawn."""

    _fields_ = [("opaque", c_uint64 * 96)]


class Range(ctypes.Structure):
    """struct clone3_spawn_id_range"""

    _fields_ = [("inside", c_uint32), ("outside", c_uint32), ("count", c_uint32)]


class Error(ctypes.Structure):
    """struct clone3_spawn_error"""

    _fields_ = [("size", c_uint32), ("stage", c_int), ("index", c_int), ("error", c_int)]
    _fields_ += [("action", c_int), ("number", c_int), ("path", c_char_p), ("type", c_char_p)]


library = ctypes.CDLL(os.environ.get("CLONE3_LIBRARY", "libclone3-api.so.0"), use_errno=True)


def function(name, *arguments, result=c_int):
    """A function with its types: without them a pointer would be cut to an int."""
    it = getattr(library, name)
    it.argtypes, it.restype = arguments, result
    return it


strings = POINTER(c_char_p)
spawn_init = function("clone3_spawn_init", POINTER(Plan), c_size_t)
add_flags = function("clone3_spawn_add_flags", POINTER(Plan), c_uint64)
set_pidfd = function("clone3_spawn_set_pidfd", POINTER(Plan), POINTER(c_int))
set_search = function("clone3_spawn_set_search", POINTER(Plan), c_int)
set_cgroup_path = function("clone3_spawn_set_cgroup_path", POINTER(Plan), c_char_p)
set_setgroups = function("clone3_spawn_set_setgroups", POINTER(Plan), c_int)
set_uid_map = function("clone3_spawn_set_uid_map", POINTER(Plan), POINTER(Range), c_size_t)
set_gid_map = function("clone3_spawn_set_gid_map", POINTER(Plan), POINTER(Range), c_size_t)
spawn = function(
    "clone3_spawn", POINTER(c_int), c_char_p, POINTER(Plan), strings, strings, POINTER(Error)
)  # fmt: skip
strerror = function("clone3_spawn_strerror", POINTER(Error), c_char_p, c_size_t, result=c_char_p)
wait = function("clone3_wait", c_int, c_int64, POINTER(c_int), ctypes.c_void_p)


def start(arguments, cgroup=None):
    """The pidfd of a child in its own user and pid namespace."""
    plan, pid, pidfd, error = Plan(), c_int(), c_int(), Error(size=sizeof(Error))
    uid, gid = Range(0, os.geteuid(), 1), Range(0, os.getegid(), 1)
    # What a setter has against its arguments is an error of the spawn.
    spawn_init(plan, sizeof(plan))
    add_flags(plan, CLONE_NEWUSER | CLONE_NEWPID)
    set_setgroups(plan, 0)
    set_uid_map(plan, uid, 1)
    set_gid_map(plan, gid, 1)
    set_pidfd(plan, pidfd)
    set_search(plan, 1)
    if cgroup:
        cgroup = os.fsencode(cgroup)
        set_cgroup_path(plan, cgroup)
    words = [os.fsencode(word) for word in arguments]
    argv = (c_char_p * (len(words) + 1))(*words, None)
    if spawn(byref(pid), words[0], plan, argv, None, error):
        text = ctypes.create_string_buffer(300)
        raise OSError(error.error, strerror(error, text, len(text)).decode())
    return pidfd.value


def wait_for(pidfd, seconds):
    """The child's wait status, or None if the time is up. seconds < 0 is no limit."""
    status = c_int()
    while wait(pidfd, int(seconds * 1e9), status, None) < 0:
        why = ctypes.get_errno()
        if why == errno.ETIMEDOUT:
            return None
        if why != errno.EINTR:  # after a handler it begins anew
            raise OSError(why, os.strerror(why))
    return status.value


def main():
    try:
        pidfd = start(sys.argv[2:], os.environ.get("CGROUP"))
    except OSError as why:
        print(f"spawn.py: {why.strerror}", file=sys.stderr)
        return 127
    status = wait_for(pidfd, float(sys.argv[1]))
    if status is None:
        signal.pidfd_send_signal(pidfd, signal.SIGKILL)
        wait_for(pidfd, -1)
        return 124
    os.close(pidfd)
    code = os.waitstatus_to_exitcode(status)
    return code if code >= 0 else 128 - code


if len(sys.argv) < 3:
    sys.exit(__doc__)
sys.exit(main())
