# SPDX-License-Identifier: MIT OR Apache-2.0
"""What was measured, as a table (Markdown), JSON and an SVG chart, and held against goals."""
import collections
import datetime
import json
import os
import platform
import subprocess

# Holds when the measured value is at most (or, with at_least, at least) `limit`. `measured`
# takes the results by scenario and returns (value, lowest, highest); a KeyError from it
# means that a series is missing.
Goal = collections.namedtuple("Goal", "text limit measured unit at_least", defaults=("", False))


def machine(peers, root):
    """Where and of what the numbers are."""
    cpu = {}
    with open("/proc/cpuinfo") as file:
        for line in file:
            key, _, value = line.partition(":")
            cpu.setdefault(key.strip(), value.strip())
    name = cpu.get("model name", platform.machine())
    numbers = [f"{key} {cpu[field]}" for key, field in
               (("family", "cpu family"), ("model", "model"), ("stepping", "stepping")) if field in cpu]
    commit = subprocess.run(["git", "-C", root, "describe", "--always", "--dirty"],
                            capture_output=True, text=True).stdout.strip()
    return {
        "cpu": f"{name} ({', '.join(numbers)})" if numbers else name,
        "cpus": os.cpu_count(),
        "virtual": "hypervisor" in cpu.get("flags", "").split(),
        "kernel": f"{platform.system()} {platform.release()} {platform.machine()}",
        "libcs": {peer: version for peer, (version, _) in peers.items()},
        "commit": commit or "unknown",
        "date": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d"),
        "others": _processor_time(),
    }


def _processor_time():
    """Seconds that the processors were at work so far, that we were, and that there were."""
    with open("/proc/stat") as file:
        user, nice, system, idle, iowait, irq, softirq, steal, *_ = map(int, file.readline().split()[1:])
    busy = user + nice + system + irq + softirq + steal
    own = sum(os.times()[:4])
    tick = os.sysconf("SC_CLK_TCK")
    return busy / tick, own, (busy + idle + iowait) / tick


def finish_machine(about):
    """The share of the processors that others had, who may have been in the way."""
    busy, own, total = (now - then for now, then in zip(_processor_time(), about["others"]))
    about["others"] = round(max(0, busy - own) / total, 2)


def judge(goal, results):
    """One row of the last table, all of it from the measurement."""
    row = {"goal": goal.text, "limit": goal.limit, "unit": goal.unit, "at_least": goal.at_least}
    try:
        value, low, high = goal.measured(results)
    except KeyError as missing:
        return row | {"measured": None, "reached": None, "missing": missing.args[0]}
    reached = value >= goal.limit if goal.at_least else value <= goal.limit
    return row | {"measured": value, "low": low, "high": high, "reached": reached}


def rows(result, fields):
    """One row for each series. `fields` are (heading, divisor, which of the answer)."""
    for series in result.scenario.series:
        row = {"series": series.name}
        if series.name in result.refused:
            row["missing"] = result.refused[series.name]
        else:
            row["rounds"] = sum(len(rounds) for rounds in result.values[series.name])
            for heading, divisor, field in fields:
                row[heading] = result.value(series.name, field) / divisor
            if result.scenario.reference in result.values:
                row["ratio"], row["low"], row["high"] = result.ratio(
                    series.name, result.scenario.reference)
        yield row


def table(headings, lines):
    """Markdown with columns that are also straight on a terminal."""
    widths = [max(len(line[column]) for line in [headings, *lines]) for column in range(len(headings))]
    def written(line):
        first, *rest = (cell.ljust(width) if column == 0 else cell.rjust(width)
                        for column, (cell, width) in enumerate(zip(line, widths)))
        return "| " + " | ".join([first, *rest]) + " |"
    rule = "|" + "|".join("-" * (width + 2) if column == 0 else "-" * (width + 1) + ":"
                          for column, width in enumerate(widths)) + "|"
    return "\n".join([written(headings), rule, *map(written, lines)])


def scenario_table(title, scenario_rows, fields, reference):
    headings = [title, *(heading for heading, *_ in fields), f"to {reference}", "range"]
    lines = []
    for row in scenario_rows:
        if "missing" in row:
            lines.append([row["series"], *["–"] * len(fields), "–", row["missing"]])
        else:
            ratio = [f"{row['ratio']:.3f}", f"{row['low']:.3f}–{row['high']:.3f}"] if "ratio" in row else ["–", "–"]
            lines.append([row["series"], *(f"{row[heading]:.1f}" for heading, *_ in fields), *ratio])
    return table(headings, lines)


def goals_table(judged):
    lines = []
    for row in judged:
        sign, unit = "≥" if row["at_least"] else "≤", row["unit"] and " " + row["unit"]
        digits = 1 if row["unit"] else 3
        limit = f"{sign} {row['limit']:g}{unit}"
        if row["measured"] is None:
            lines.append([row["goal"], limit, f"– ({row['missing']})", "–", "not measured"])
        else:
            lines.append([row["goal"], limit, f"{row['measured']:.{digits}f}{unit}",
                          f"{row['low']:.{digits}f}–{row['high']:.{digits}f}",
                          "yes" if row["reached"] else "no"])
    return table(["goal", "limit", "measured", "range", "reached"], lines)


def headline(about):
    libcs = ", ".join(dict.fromkeys(about["libcs"].values()))
    return (f"{about['cpu']}, {about['cpus']} CPUs{' of a virtual machine' if about['virtual'] else ''}; "
            f"{about['kernel']}; {libcs}. Commit {about['commit']}, {about['date']}. "
            f"Others had {about['others']:.0%} of the processors meanwhile.")


def write(build, name, title, about, results, fields, goals, explanation):
    """Leaves NAME.json, NAME.md and NAME.svg in BUILD/bench and prints the tables."""
    directory = os.path.join(build, "bench")
    finish_machine(about)
    tables = {result.scenario.name: list(rows(result, fields[result.scenario.name])) for result in results}
    judged = [judge(goal, {result.scenario.name: result for result in results}) for goal in goals]
    text = [f"# {title}", headline(about), explanation, f"![{title}]({name}.svg)"]
    for result in results:
        scenario = result.scenario
        text.append(scenario_table(scenario.title, tables[scenario.name], fields[scenario.name],
                                   scenario.reference))
    text.append(goals_table(judged))
    with open(os.path.join(directory, name + ".md"), "w") as file:
        file.write("\n\n".join(text) + "\n")
    with open(os.path.join(directory, name + ".json"), "w") as file:
        json.dump({"machine": about, "scenarios": [
            {"name": result.scenario.name, "title": result.scenario.title,
             "reference": result.scenario.reference, "series": tables[result.scenario.name]}
            for result in results], "goals": judged}, file, indent=1, ensure_ascii=False)
        file.write("\n")
    print("\n\n".join(text[1:3] + text[4:]))
    chart(directory, name, title, results, tables, fields)


def chart(directory, name, title, results, tables, fields):
    """Hands the first field of each scenario to chart.gp, a panel each."""
    data = os.path.join(directory, name + ".dat")
    with open(data, "w") as file:
        for result in results:
            heading, *_ = fields[result.scenario.name][0]
            print(f'"{result.scenario.title}, {heading}"', file=file)
            for place, row in enumerate(row for row in tables[result.scenario.name] if heading in row):
                kind = 1 if row["series"].startswith("libclone3") else 0
                print(f'"{row["series"]}" {row[heading]:.3f} {place} {kind}', file=file)
            print("\n", file=file)
    script = os.path.join(os.path.dirname(os.path.abspath(__file__)), "chart.gp")
    try:
        subprocess.run(["gnuplot", "-c", script, data, os.path.join(directory, name + ".svg"), title,
                        str(len(results))], check=True)
    except FileNotFoundError:
        print("bench: no gnuplot, so no chart; 'make setup-bench' installs it")
