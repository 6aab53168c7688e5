# SPDX-License-Identifier: MIT OR Apache-2.0
"""Measures things of different processes in pairs.

A series is one thing measured by one worker process (see worker.h). All series of a
scenario take turns, a few milliseconds each, on the same CPU: A B C, B C A, C A B … in an
order of each round's own, lest one always come after the one that leaves the caches
worst. Whatever the machine does to one, it does to its neighbours, so it is the ratios
within one round that are kept. A ratio is the median over all rounds.

How a process happens to lie in memory is worth a percent or two and lasts as long as the
process. So a scenario is measured in several generations, each with workers of its own;
the lowest and highest median of a generation is the range that is told beside a ratio.
"""
import collections
import os
import random
import statistics
import subprocess
import time

# One process: a program of bench/build, with or without our preload, with arguments. Two
# that differ in `instance` only are what an A/A series is made of.
Worker = collections.namedtuple("Worker", "peer ours args cpus instance", defaults=((), None, 0))
# A scenario takes `seconds` in all or, if `rounds` says so, that many in each generation.
# What a worker is told; {count} in it is replaced by how often, at least `least`.
Series = collections.namedtuple("Series", "name worker command least", defaults=(1,))
Scenario = collections.namedtuple(
    "Scenario", "name title series reference seconds generations rounds", defaults=(5, None))

BATCH_NS = 3e6


class Refused(Exception):
    """A worker said that it cannot do what it was told."""


class Process:
    """A running worker."""

    def __init__(self, program, preload, args, cpus):
        env = {"PATH": os.environ["PATH"]}
        if preload:
            env["LD_PRELOAD"] = preload
        self.process = subprocess.Popen(
            [program, *args], env=env, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            preexec_fn=lambda: os.sched_setaffinity(0, cpus))
        answer = self.process.stdout.readline().strip()
        if answer != "ready":
            self.close()
            raise Refused(answer.removeprefix("- ") or f"{program} ended")

    def ask(self, command):
        try:
            self.process.stdin.write(command + "\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            pass
        answer = self.process.stdout.readline()
        if not answer:
            raise Refused(f"the worker died, status {self.process.wait()}")
        if answer.startswith("- "):
            raise Refused(answer[2:].strip())
        return [float(word) for word in answer.split()]

    def close(self):
        try:
            self.process.stdin.close()
        except BrokenPipeError:
            pass
        self.process.wait()


class Result:
    """What came of a scenario: for each series a list of generations, each a list of
    rounds, each what the worker answered. `refused` says why a series is missing."""

    def __init__(self, scenario):
        self.scenario = scenario
        self.values = {}
        self.refused = {}

    def refuse(self, series, why):
        self.refused[series.name] = str(why)
        self.values.pop(series.name, None)

    def generations(self, name, field=0):
        return [[answer[field] for answer in rounds] for rounds in self.values[name]]

    def value(self, name, field=0):
        return statistics.median(sum(self.generations(name, field), []))

    def spread(self, name, field=0, divisor=1):
        """Median, and the lowest and highest median of a generation."""
        generations = [[value / divisor for value in rounds] for rounds in self.generations(name, field)]
        return _spread(generations)

    def ratio(self, name, reference):
        """Median ratio, and the lowest and highest median of a generation."""
        generations = [
            [a / b for a, b in zip(one, other)]
            for one, other in zip(self.generations(name), self.generations(reference))]
        return _spread(generations)


def _spread(generations):
    medians = [statistics.median(rounds) for rounds in generations]
    return statistics.median(sum(generations, [])), min(medians), max(medians)


def last_cpu():
    return max(os.sched_getaffinity(0))


def available_memory():
    with open("/proc/meminfo") as file:
        for line in file:
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) << 10
    return 0


def build(root, where, worker):
    """Builds the worker; returns its peers by name: (version, program)."""
    lines = subprocess.run([os.path.join(root, "bench/build"), where, worker], check=True,
                           stdout=subprocess.PIPE, text=True).stdout.splitlines()
    return {name: (version, program) for name, version, program in (line.split("\t") for line in lines)}


def measure(scenario, peers, preload, scale=1):
    """Runs a scenario, `scale` times as long as it says."""
    result = Result(scenario)
    for _ in range(scenario.generations):
        end = time.monotonic() + scale * scenario.seconds / scenario.generations
        processes, commands = {}, {}
        try:
            for series in scenario.series:
                if series.name not in result.refused:
                    try:
                        commands[series] = _prepare(series, processes, peers, preload)
                    except Refused as why:
                        result.refuse(series, why)
            _take_turns(result, processes, commands, end)
        finally:
            for process in processes.values():
                process.close()
    return result


def _prepare(series, processes, peers, preload):
    """Starts the worker if need be; returns the command for one batch of some ms."""
    worker = series.worker
    if worker.peer not in peers:
        raise Refused("not built here")
    if worker not in processes:
        processes[worker] = Process(peers[worker.peer][1], worker.ours and preload, worker.args,
                                    worker.cpus or {last_cpu()})
    if "{count}" not in series.command:
        return series.command
    trial = processes[worker].ask(series.command.format(count=series.least))[0]
    count = max(series.least, min(100, int(BATCH_NS / trial)))
    return series.command.format(count=count)


def _take_turns(result, processes, commands, end):
    for series in commands:
        result.values.setdefault(series.name, []).append([])
    chance = random.Random(0)
    order, rounds, most = list(commands), 0, result.scenario.rounds
    while rounds < (most or 2) or not most and time.monotonic() < end:
        chance.shuffle(order)
        for series in list(order):
            try:
                answer = processes[series.worker].ask(commands[series])
                result.values[series.name][-1].append(answer)
            except Refused as why:
                result.refuse(series, why)
                order.remove(series)
        rounds += 1
