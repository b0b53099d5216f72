"""The table, in the terminal, as JSON and Markdown, and one plot per table."""

import json
import os
import platform
import re
import statistics
import subprocess
import time
from dataclasses import asdict, dataclass
from typing import Optional

import stats
from places import BUILD, SOURCE


@dataclass
class Line:
    """One row of one table. Times in nanoseconds or microseconds, as the table says; a ratio below 1 is ours ahead."""

    row: str
    ours: float
    theirs: float
    against: str
    ratio: float
    low: float
    high: float
    goal: Optional[float]
    met: Optional[bool]
    note: str
    judged: bool = True  # false where the machine was too busy for a row of wall time


def line_of(target, ours, theirs, against):
    ratio = stats.compare(ours, theirs)
    goal = target["goal"]
    return Line(target["row"], statistics.median(ours), statistics.median(theirs), against, ratio.median, ratio.low,
                ratio.high, goal, None if goal is None else stats.is_met(ratio, goal), target.get("note", ""))


def number(value):
    for limit, digits in ((10, 2), (100, 1)):
        if abs(value) < limit:
            return f"{value:.{digits}f}"
    return f"{value:,.0f}"


def cells(line):
    goal = "" if line.goal is None else f"≤ {line.goal:g}"
    verdict = {True: "met", False: "MISSED", None: ""}[line.met]
    if line.met is not None and not line.judged:
        verdict = "busy"
    return [line.row, number(line.ours), number(line.theirs), f"{line.ratio:.3f}", f"{line.low:.3f}–{line.high:.3f}",
            goal, verdict]


HEADINGS = ["row", "ours", "theirs", "ratio", "95 % interval", "goal", ""]


def print_table(title, lines):
    print_rows(title, [HEADINGS, *map(cells, lines)])


def print_rows(title, rows):
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    print(f"\n{title}")
    for row in rows:
        print("  " + "  ".join(cell.ljust(width) if column == 0 else cell.rjust(width)
                               for column, (cell, width) in enumerate(zip(row, widths))).rstrip())


def machine():
    cpu = re.search(r"model name\s*:\s*(.*)", open("/proc/cpuinfo", encoding="utf-8").read())
    commit = subprocess.run(["git", "-C", str(SOURCE), "describe", "--always", "--dirty"], capture_output=True, text=True,
                            check=False).stdout.strip()
    return {"cpu": cpu.group(1) if cpu else platform.machine(), "cores": os.cpu_count(), "kernel": platform.release(),
            "date": time.strftime("%Y-%m-%d"), "commit": commit}


def to_markdown(tables, about, rounds):
    text = [f"# Picket and the reference, {about['date']}", "",
            f"{about['cpu']}, {about['cores']} cores, Linux {about['kernel']}, commit {about['commit']}; {rounds} rounds, "
            "both sides in turn. Ratio: ours ÷ theirs, median of the rounds; below 1 Picket is ahead. A goal is met when "
            "the interval reaches it."]
    for title, unit, lines in tables:
        text += ["", f"## {title}", "", f"{unit}.", "", "| " + " | ".join(HEADINGS) + " | what is compared |",
                 "|" + "---|" * (len(HEADINGS) + 1)]
        for line in lines:
            other = "" if line.against == line.row else f" (against {line.against})"
            text.append("| " + " | ".join(cells(line)) + f" | {line.note}{other} |")
    return "\n".join(text) + "\n"


PLOT = """set terminal svg size 900,{height} font 'sans,11' background rgb 'white'
set output '{output}'
set title '{title}: ours ÷ theirs, and the goal (bar)'
set logscale x
set xrange [{least}:{most}]
set yrange [{bottom}:0.4]
set grid x
set key off
set lmargin 34
set arrow from 1,graph 0 to 1,graph 1 nohead lc rgb '#999999'
set ytics ({ticks})
plot '{data}' using 1:4:2:3 with xerrorbars pt 7 ps 0.6 lc rgb '#1f5fa8', \\
     '{data}' using 5:4 with points pt 2 ps 0.7 lc rgb '#c0392b'
"""


def plot(name, title, lines):
    """Ratios with their intervals on a logarithmic axis, drawn by gnuplot."""
    data = BUILD / f"{name}.dat"
    data.write_text("".join(f"{line.ratio} {line.low} {line.high} {-index} "
                            f"{line.goal if line.goal is not None else 'NaN'}\n" for index, line in enumerate(lines)),
                    encoding="utf-8")
    values = [value for line in lines for value in (line.low, line.high, line.goal or 1)]
    script = PLOT.format(height=90 + 18 * len(lines), output=BUILD / f"{name}.svg", title=title.replace("'", ""),
                         least=min(values) / 1.5, most=max(values) * 1.5, bottom=-len(lines) + 0.4, data=data,
                         ticks=", ".join(f"'{line.row}' {-index}" for index, line in enumerate(lines)).replace("_", r"\\_"))
    subprocess.run(["gnuplot"], input=script, text=True, check=True)
    data.unlink()


def write(tables, rounds):
    """`tables`: (name, title, unit, lines). Returns how many goals there are, how many are missed, and how many
    are not judged."""
    about = machine()
    for name, title, _, lines in tables:
        print_table(title, lines)
        plot(name, title, lines)
    report = {"machine": about, "rounds": rounds,
              "tables": [{"table": name, "title": title, "unit": unit, "rows": [asdict(line) for line in lines]}
                         for name, title, unit, lines in tables]}
    (BUILD / "report.json").write_text(json.dumps(report, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    (BUILD / "report.md").write_text(to_markdown([table[1:] for table in tables], about, rounds), encoding="utf-8")
    goals = [line for *_, lines in tables for line in lines if line.met is not None]
    return len(goals), sum(line.judged and not line.met for line in goals), sum(not line.judged for line in goals)
