"""Both sides' binaries: Picket's release preset with benchmarks, and the crate in its two builds."""

import os
import re
import shutil
import subprocess

from places import BIN, BUILD, ENCODED, SOURCE, need, output_of, stop

MINIMUM_CARGO = (1, 95)
PICKET_TARGETS = ["picket", "picket-waf", "picket_bench_payloads", "picket_floor", "picket_http2_floor", "picket_memory", "picket_spoa",
                  "picket_grpcpp", "picket_waf_rules"]
BENCHES = ["picket_base_bench", "picket_metrics_bench", "picket_wire_bench", "picket_session_bench",
           "picket_pool_bench", "picket_growth_bench", "apps_gateway_generation_bench"]
INSTRUCTIONS = "build/budgets/bin/picket_instructions"  # in a source folder
REFERENCE_PROGRAMS = ["reference-bench", "reference-agent", "reference-client", "reference-interop", "reference-listener",
                      "reference-sdk"]


def check_cargo():
    need("cargo", f"the reference is built with it; install Rust {MINIMUM_CARGO[0]}.{MINIMUM_CARGO[1]} or later (rustup.rs)")
    need("protoc", "the crate's build script runs it; apt-get install protobuf-compiler")
    version = output_of(["cargo", "--version"])
    found = re.search(r"(\d+)\.(\d+)", version)
    if found is None or tuple(map(int, found.groups())) < MINIMUM_CARGO:
        stop(f"the reference needs cargo {MINIMUM_CARGO[0]}.{MINIMUM_CARGO[1]} or later; this is {version.strip()}")


def run(command, log, source=SOURCE):
    """A build step; its output goes to a file that is shown where it fails."""
    with open(log, "w", encoding="utf-8") as file:
        done = subprocess.run(command, stdout=file, stderr=subprocess.STDOUT, check=False, cwd=source)
    if done.returncode != 0:
        stop(f"{' '.join(command)} failed:\n" + "\n".join(log.read_text(encoding="utf-8").splitlines()[-20:]))


def build_preset(preset, folder, targets, *options, source=SOURCE):
    """Builds targets of a checkout into a folder of it: of another commit those that it has."""
    BUILD.mkdir(parents=True, exist_ok=True)
    run(["cmake", "--preset", preset, "-B", folder, *options], BUILD / "configure.log", source)
    if source != SOURCE:
        known = {line.split(":")[0] for line in output_of(["cmake", "--build", source / folder, "--target", "help"]).splitlines()}
        targets = [target for target in targets if target in known]
    jobs = os.environ.get("JOBS", str(os.cpu_count()))
    run(["cmake", "--build", folder, "-j", jobs, "--target", *targets], BUILD / "build.log", source)


def build_picket(targets, *options, source=SOURCE):
    build_preset("release", "build/bench/cmake", targets, *options, source=source)


def build_instructions(source):
    """What tools/budgets runs."""
    build_preset("budgets", "build/budgets", ["picket_instructions"], source=source)


def build_reference():
    check_cargo()
    BIN.mkdir(parents=True, exist_ok=True)
    for encoding, features in (("json", []), ("msgpack", ["--features", "msgpack"])):
        run(["cargo", "build", "--release", "--ignore-rust-version", "--quiet",
             "--manifest-path", str(SOURCE / "interop/rust/Cargo.toml"),
             "--target-dir", str(SOURCE / "build/cargo"), *features], BUILD / f"cargo-{encoding}.log")
        for program in REFERENCE_PROGRAMS:
            shutil.copy2(SOURCE / "build/cargo/release" / program, BIN / f"{program}-{encoding}")


def build_all():
    build_reference()
    build_picket(PICKET_TARGETS + BENCHES, "-DPICKET_BENCH=ON")
    for folder in ENCODED.values():
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
