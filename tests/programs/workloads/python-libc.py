#!/usr/bin/python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""Processes that the C library makes for CPython: system and posix_spawn. What
it prints depends neither on process ids nor on timing."""

import errno
import os
import signal
import subprocess
import sys


def say(*words):
    print(*words, flush=True)


def status_of(pid):
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def python(code):
    return [sys.executable, "-IS", "-c", code]


def system():
    say(os.system("echo by system; exit 3"), os.system("kill -KILL $$"))
    say(os.system("echo $(echo nested | tr a-z A-Z) | cat"))
    say([os.system("exit %d" % status) >> 8 for status in range(20)])


def spawn():
    def attempt(name, program, command, environment=os.environ, by=os.posix_spawn, **more):
        sys.stdout.flush()
        try:
            say(name, status_of(by(program, command, environment, **more)))
        except OSError as error:
            say(name, errno.errorcode[error.errno])

    attempt("plain", "/bin/sh", ["sh", "-c", "exit 7"])
    attempt("by name", "sh", ["sh", "-c", "exit 8"], by=os.posix_spawnp)
    attempt("environment", "/bin/sh", ["sh", "-c", 'echo "$ONLY"'], {"ONLY": "this"})
    attempt("missing", "./missing", ["missing"])
    attempt("missing by name", "missing-program", ["missing"], by=os.posix_spawnp)
    attempt("directory", "/", ["directory"])
    attempt("no file", "/bin/sh", ["sh"], file_actions=[(os.POSIX_SPAWN_CLOSE, 0),
        (os.POSIX_SPAWN_OPEN, 0, "./missing", os.O_RDONLY, 0)])
    shell = ["sh", "-c", "echo written; echo 'to stderr' >&2; cat"]
    with open("in", "w") as file:
        file.write("read\n")
    attempt("file actions", "/bin/sh", shell, file_actions=[
        (os.POSIX_SPAWN_OPEN, 0, "in", os.O_RDONLY, 0),
        (os.POSIX_SPAWN_OPEN, 9, "out", os.O_WRONLY | os.O_CREAT, 0o600),
        (os.POSIX_SPAWN_DUP2, 9, 1),
        (os.POSIX_SPAWN_DUP2, 9, 2),
        (os.POSIX_SPAWN_CLOSE, 9)])
    say(open("out").read().split("\n"))

    program = sys.executable
    attempt("group", program, python("import os; print(os.getpgrp() == os.getpid())"), setpgroup=0)
    attempt("session", program, python("import os; print(os.getsid(0) == os.getpid())"), setsid=True)
    mask = "import signal as s; print(sorted(map(int, s.pthread_sigmask(s.SIG_BLOCK, []))))"
    attempt("mask", program, python(mask), setsigmask=[signal.SIGUSR1, signal.SIGTERM])
    ignored = "import signal as s; print(s.getsignal(s.SIGUSR2))"
    signal.signal(signal.SIGUSR2, signal.SIG_IGN)
    attempt("ignored", program, python(ignored))
    attempt("default", program, python(ignored), setsigdef=[signal.SIGUSR2])
    attempt("ids", program, python("pass"), resetids=True)
    scheduling = "import os; print(os.sched_getscheduler(0) == os.SCHED_OTHER)"
    attempt("scheduler", program, python(scheduling),
        scheduler=(os.SCHED_OTHER, os.sched_param(0)))
    say(sum(status_of(os.posix_spawn("/bin/true", ["true"], {})) for _ in range(50)))


def popen():
    """subprocess uses posix_spawn for just this."""
    say(subprocess.run(["/bin/echo", "spawned"], close_fds=False, stdout=subprocess.PIPE))
    say(subprocess.run(["/bin/cat"], close_fds=False, input=b"x" * 300_000,
        stdout=subprocess.PIPE).stdout.count(b"x"))


for part in system, spawn, popen:
    say("==", part.__name__)
    part()
