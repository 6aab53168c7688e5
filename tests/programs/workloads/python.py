#!/usr/bin/python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""Every way CPython has of making a process by fork, vfork or forkpty, from a
single thread. What it prints depends neither on process ids nor on timing."""

import errno
import gc
import multiprocessing
import os
import pty
import signal
import subprocess
import sys
import threading
import time


def say(*words):
    print(*words, flush=True)


def in_child(function):
    """Runs a function in a child; returns its status as subprocess would."""
    pid = os.fork()
    if pid == 0:
        status = 99
        try:
            status = function() or 0
        finally:
            os._exit(status)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def forks():
    say("statuses", [in_child(lambda: status) for status in range(20)])
    say("signal", in_child(lambda: os.kill(os.getpid(), signal.SIGKILL)))
    parent = os.getpid()
    say("parent", in_child(lambda: os.getppid() == parent != os.getpid()))

    def nested(depth):
        return depth and 1 + in_child(lambda: nested(depth - 1))

    say("nested", nested(12))
    block = bytearray(b"a" * (32 << 20))

    def writes():
        block[::4096] = b"b" * len(block[::4096])
        return block.count(b"b") // 4096

    say("copied memory", in_child(writes), block.count(b"b"))


def sound_libc():
    """What is wrong in a child whose libc was not told that it is one."""
    def clock():
        own = time.pthread_getcpuclockid(threading.get_ident())
        return 3 if time.clock_gettime(own) >= 0 else 4

    def thread():
        seen = []
        other = threading.Thread(target=lambda: seen.append(threading.get_native_id()))
        other.start()
        other.join()
        return 3 if len(seen) == 1 and seen[0] != os.getpid() else 4

    def signalled():
        seen = []
        signal.signal(signal.SIGUSR1, lambda *_: seen.append(1))
        signal.pthread_kill(threading.get_ident(), signal.SIGUSR1)
        return 3 if seen else 4

    say("clock", in_child(clock))
    say("thread", in_child(thread))
    say("signal", in_child(signalled))
    say("tid", in_child(lambda: 3 if threading.get_native_id() == os.getpid() else 4))
    say("mask", in_child(lambda: len(signal.pthread_sigmask(signal.SIG_BLOCK, []))))
    say("garbage", in_child(lambda: gc.collect() * 0 + 3))


def processes():
    run, pipe = subprocess.run, subprocess.PIPE
    say(run(["echo", "by vfork"], stdout=pipe).stdout)
    say(run(["sh", "-c", "exit 7"]).returncode)
    say(run("echo a | tr a b; exit 3", shell=True, stdout=pipe))
    say(run(["pwd"], cwd="/", stdout=pipe).stdout)
    say(run(["sh", "-c", 'echo "$ONLY"'], env={"ONLY": "this"}, stdout=pipe).stdout)
    say(len(run(["cat"], input=b"x" * 1_000_000, stdout=pipe).stdout))
    say(run(["echo", "by fork"], preexec_fn=lambda: os.chdir("/"), stdout=pipe).stdout)
    say(run(["pwd"], preexec_fn=lambda: os.chdir("/usr"), stdout=pipe).stdout)
    own_session = "import os; print(os.getsid(0) == os.getpid())"
    command = [sys.executable, "-IS", "-c", own_session]
    say(run(command, start_new_session=True, stdout=pipe).stdout)
    say(run(command, start_new_session=False, stdout=pipe).stdout)
    say(run(["sh", "-c", "umask"], umask=0o27, stdout=pipe).stdout)
    reader, writer = os.pipe()
    run(["sh", "-c", f"echo passed >&{writer}"], pass_fds=[writer])
    say(os.read(reader, 100))
    say(run(["sh", "-c", f"echo closed >&{writer}"], stderr=subprocess.DEVNULL).returncode)
    first = subprocess.Popen(["seq", "100"], stdout=pipe)
    second = subprocess.Popen(["tail", "-n", "1"], stdin=first.stdout, stdout=pipe)
    first.stdout.close()
    say(second.communicate()[0], first.wait())
    say(sum(int(subprocess.check_output(["echo", str(n)])) for n in range(30)))
    say(os.popen("echo popen; exit 4").read().strip(), os.popen("exit 4").close())


def failures():
    def attempt(name, *args, **more):
        try:
            subprocess.Popen(*args, **more)
        except OSError as error:
            say(name, errno.errorcode[error.errno])
        except subprocess.SubprocessError as error:
            say(name, error)

    attempt("missing", ["./missing"])
    attempt("directory", ["/"])
    attempt("cwd", ["true"], cwd="./missing")
    attempt("missing, by fork", ["./missing"], preexec_fn=lambda: None)
    attempt("preexec_fn", ["true"], preexec_fn=lambda: 1 // 0)
    try:
        subprocess.run(["sleep", "30"], timeout=0.05)
    except subprocess.TimeoutExpired as late:
        say("timeout", late.cmd)
    with subprocess.Popen(["sleep", "30"]) as sleeper:
        sleeper.terminate()
    say("terminated", sleeper.returncode)


def work(connection, number):
    for word in iter(connection.recv, None):
        connection.send((number, word.upper()))
    sys.exit(number)


def multiprocess():
    context = multiprocessing.get_context("fork")
    for number in range(5):
        here, there = context.Pipe()
        worker = context.Process(target=work, args=(there, number))
        worker.start()
        for word in ("one", "two", None):
            here.send(word)
            say(here.recv() if word else "no more")
        worker.join(10)
        say("exit code", worker.exitcode)
    total = context.Value("i", 0)

    def add():
        for _ in range(100):
            with total.get_lock():
                total.value += 1

    adders = [context.Process(target=add) for _ in range(4)]
    for adder in adders:
        adder.start()
    for adder in adders:
        adder.join(10)
    say("shared value", total.value)


def terminal():
    pid, master = pty.fork()
    if pid == 0:
        try:
            say("ttys", [os.isatty(fd) for fd in range(3)])
            say("own session", os.getsid(0) == os.getpid())
            say("foreground", os.tcgetpgrp(0) == os.getpgrp())
            say("name", os.ttyname(0).startswith("/dev/pts/"))
            say("read", input())
        finally:
            os._exit(5)
    os.write(master, b"typed\n")
    text = b""
    try:
        while more := os.read(master, 1000):
            text += more
    except OSError as error:  # how a terminal says that all have left
        say(errno.errorcode[error.errno])
    os.close(master)
    say(sorted(text.decode().split("\r\n")))
    say(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))


def handlers():
    calls = []
    for name in "first", "second":
        os.register_at_fork(
            before=lambda name=name: calls.append("before " + name),
            after_in_parent=lambda name=name: calls.append("parent " + name),
            after_in_child=lambda name=name: calls.append("child " + name),
        )

    def child():
        say(calls)
        calls.clear()
        say(in_child(lambda: say(calls)), "grandchild")

    say(in_child(child), calls)
    seen = []
    signal.signal(signal.SIGALRM, lambda *_: seen.append(in_child(lambda: 6)))
    signal.setitimer(signal.ITIMER_REAL, 0.02)
    while not seen:
        time.sleep(0.01)
    say("fork in a signal handler", seen)


for part in forks, sound_libc, processes, failures, multiprocess, terminal, handlers:
    say("==", part.__name__)
    part()
