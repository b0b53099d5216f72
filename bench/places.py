"""Where things are, and how a command is run on one core."""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

SOURCE = Path(__file__).resolve().parent.parent
BUILD = SOURCE / "build" / "bench"
BIN = BUILD / "bin"
PICKET_BIN = Path(os.environ.get("PICKET_BENCH_BIN", BUILD / "cmake" / "bin"))  # of the build that is measured
PAYLOADS = SOURCE / "spec" / "vectors" / "bench"
ENCODED = {"reference": BUILD / "payloads" / "reference", "picket": BUILD / "payloads" / "picket"}
ENCODINGS = ("json", "msgpack")


def stop(message):
    """Ends the run: something that it needs is missing or wrong."""
    print(f"bench: {message}", file=sys.stderr)
    sys.exit(2)


def cores():
    """Two cores for the two ends; the same one twice where there is no second."""
    allowed = sorted(os.sched_getaffinity(0))
    return (allowed[0], allowed[1]) if len(allowed) > 1 else (allowed[0], allowed[0])


def idle_share(seconds=0.4):
    """How much of the machine nobody uses, while this process only waits."""
    def ticks():
        fields = [int(field) for field in Path("/proc/stat").read_text(encoding="ascii").split("\n", 1)[0].split()[1:]]
        return fields[3] + fields[4], sum(fields[:8])
    idle_before, all_before = ticks()
    time.sleep(seconds)
    idle_after, all_after = ticks()
    return (idle_after - idle_before) / max(all_after - all_before, 1)


def on_core(core, command):
    return ["taskset", "-c", ",".join(map(str, core if isinstance(core, tuple) else (core,))), *map(str, command)]


def output_of(command, **options):
    """What a command prints. Its failure is the run's."""
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False, timeout=300, **options)
    if done.returncode != 0:
        stop(f"{' '.join(map(str, command))}: exit code {done.returncode}\n{done.stderr.strip()}")
    return done.stdout


def need(program, why):
    if shutil.which(program) is None:
        stop(f"{program} is missing: {why}")
