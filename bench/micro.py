"""The rows that one process measures alone: Google Benchmark here, the crate's own loop there, in turn."""

import json
import os
import re
import statistics

import payloads
from build import BENCHES
from places import BIN, ENCODED, PAYLOADS, PICKET_BIN, cores, on_core, output_of

BATCH_MS = 10
REPETITIONS = 5


def core_for(rows):
    """A contended row needs a second core for its rival."""
    first, second = cores()
    return (first, second) if rows and rows[0].endswith("/contended") else first


def run_reference(rows):
    command = on_core(core_for(rows), [BIN / "reference-bench-msgpack", "rows", "--payloads", PAYLOADS, "--encoded",
                                       ENCODED["reference"], "--rows", ",".join(rows), "--batch-ms", BATCH_MS,
                                       "--repetitions", REPETITIONS])
    lines = [json.loads(line) for line in output_of(command).splitlines()]
    return {line["row"]: statistics.median(line["ns"]) for line in lines}


def run_bench(program, rows):
    wanted = "^(" + "|".join(re.escape(row) for row in rows) + ")$"
    command = on_core(core_for(rows), [PICKET_BIN / program, f"--benchmark_filter={wanted}", "--benchmark_format=json",
                                       f"--benchmark_min_time={BATCH_MS / 1000}",
                                       f"--benchmark_repetitions={REPETITIONS}"])
    # What the crate wrote, where it is there to be compared with.
    encoded = ENCODED["reference"] if any(ENCODED["reference"].glob("*")) else ENCODED["picket"]
    environment = dict(os.environ, PICKET_BENCH_PAYLOADS=str(PAYLOADS), PICKET_BENCH_ENCODED=str(encoded))
    times = {}
    for run in json.loads(output_of(command, env=environment))["benchmarks"]:
        if run["run_type"] == "iteration":
            times.setdefault(run["run_name"], []).append(run["cpu_time"])
    return {row: statistics.median(values) for row, values in times.items()}


def rows_of(program):
    if not (PICKET_BIN / program).exists():
        return set()  # an older build, to compare with, may lack some
    listed = output_of([PICKET_BIN / program, "--benchmark_list_tests=true"])
    return set(listed.split())


def split(rows):
    """Contended rows run with both cores, the others with one."""
    contended = [row for row in rows if row.endswith("/contended")]
    return [part for part in ([row for row in rows if row not in contended], contended) if part]


def measure(wanted, rounds, progress):
    """`wanted`: for each row of ours the reference's rows that it is compared with. The two sides of a
    row are measured within seconds of each other. One value per round: `{"picket": {row: [ns…]}, "reference": …}`."""
    result = {"picket": {}, "reference": {}}

    def add(side, times):
        for row, value in times.items():
            result[side].setdefault(row, []).append(value)

    programs = {program: sorted(rows_of(program) & set(wanted)) for program in BENCHES}
    for number in range(rounds):
        progress(f"one process: round {number + 1} of {rounds}")
        for program, rows in programs.items():
            for part in split(rows):
                add("picket", run_bench(program, part))
                theirs = sorted(set().union(*(wanted[row] for row in part)))
                if theirs:
                    add("reference", run_reference(theirs))
    return result


def sizes(rows):
    """Rows `size/NAME`: bytes of a payload, which need no rounds."""
    return {side: {row: [float(payloads.size_of(side, row.removeprefix("size/")))] for row in rows}
            for side in ("picket", "reference")}
