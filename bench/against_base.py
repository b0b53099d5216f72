"""This checkout's build against that of another commit (`make bench BASE=COMMIT`): which rows has a change made worse?

Both builds are measured by this checkout's scripts, a round of the one after a round of the other, the first alternating.
A row is worse when the 95 % interval of its ratio lies wholly above LIMIT. What one process does alone is judged by the
instructions that it takes (tools/budgets counts them); its times are shown."""

import json
import os
import shutil
import statistics
import subprocess

import build
import report
import stats
from places import BUILD, PICKET_BIN, SOURCE, output_of, stop

LIMIT = 1.03
BASE = SOURCE / "build" / "base"
PROGRAMS = [program for program in build.PICKET_TARGETS if program not in ("picket_spoa", "picket_grpcpp")]
HEADINGS = ["row", "now", "base", "ratio", "95 % interval", ""]
OF_ONE_PROCESS = {"state", "page", "real"}  # tables
ALONE = ("growth/in_flight/", "growth/per_", "growth/worker/")  # rows


def check_out(commit):
    """A worktree of the base at BASE. Its build folders stay, so that the next run compiles what changed."""
    if (BASE / ".git").exists():
        output_of(["git", "-C", BASE, "checkout", "--quiet", "--detach", commit])
    else:  # also where only remains lie there: git would take them for a part of this checkout, and change this one
        shutil.rmtree(BASE, ignore_errors=True)
        output_of(["git", "-C", SOURCE, "worktree", "prune"])
        output_of(["git", "-C", SOURCE, "worktree", "add", "--quiet", "--detach", BASE, commit])


def build_both(commit, progress):
    resolved = output_of(["git", "-C", SOURCE, "rev-parse", "--verify", f"{commit}^{{commit}}"]).strip()
    check_out(resolved)
    progress("building the reference, which some rows ask or are asked by")
    build.build_reference()
    for name, source in (("this checkout", SOURCE), (f"the base, {resolved[:12]}", BASE)):
        progress(f"building {name}")
        build.build_picket(PROGRAMS + build.BENCHES, "-DPICKET_BENCH=ON", source=source)
        build.build_instructions(source)
    return {"now": PICKET_BIN, "base": BASE / PICKET_BIN.relative_to(SOURCE)}


def one_round(binaries, pattern):
    """`{row: value}` of one build."""
    command = [SOURCE / "tools" / "bench", pattern, "--values"]
    environment = dict(os.environ, PICKET_BENCH_BIN=str(binaries))
    done = subprocess.run(list(map(str, command)), env=environment, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode != 0:
        stop(f"the rows of {binaries} were not measured")
    return json.loads(done.stdout)


def instructions():
    """`{operation: (now, base)}`: exact counts, which need no rounds."""
    now, base = (json.loads(output_of([SOURCE / "tools/budgets", "--print", source / build.INSTRUCTIONS]))
                 for source in (SOURCE, BASE))
    return {f"instructions/{name}": ([now[name]], [base[name]]) for name in now.keys() & base.keys()}


def line_of(row, now, base, is_judged):
    """One row of the table, and whether it is worse."""
    ratio = stats.compare(now, base)
    is_worse = is_judged and ratio.low > LIMIT
    cells = [row, report.number(statistics.median(now)), report.number(statistics.median(base)), f"{ratio.median:.3f}",
             f"{ratio.low:.3f}–{ratio.high:.3f}", "WORSE" if is_worse else "" if is_judged else "shown"]
    return cells, is_worse


def compare(commit, pattern, tables, rounds, progress):
    """Builds, measures, prints and writes build/bench/base.json. Returns the rows that are worse. `tables`: the table
    of each row."""
    builds = build_both(commit, progress)
    values = {side: {} for side in builds}
    for number in range(rounds):
        for side in list(builds)[:: 1 if number % 2 == 0 else -1]:
            progress(f"{side}: round {number + 1} of {rounds}")
            for row, value in one_round(builds[side], pattern).items():
                values[side].setdefault(row, []).append(value)
    measured = {row: (now, values["base"][row]) for row, now in values["now"].items() if row in values["base"]}
    lines, worse = [], []
    for row, (now, base) in sorted((measured | instructions()).items()):
        is_alone = tables.get(row) in OF_ONE_PROCESS or row.startswith(ALONE)
        cells, is_worse = line_of(row, now, base, not is_alone)
        lines.append(cells)
        worse += [row] if is_worse else []
    report.print_rows(f"This checkout against {commit}", [HEADINGS, *lines])
    (BUILD / "base.json").write_text(json.dumps({"base": commit, "rounds": rounds, "rows": lines, "worse": worse},
                                                indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return worse
