"""h2spec, somebody else's tests of HTTP/2, at the gateway's listeners for clients: in clear and over TLS."""

import re
import subprocess
import sys
import tempfile
from pathlib import Path

from certificates import Authority
from processes import Programs, free_port

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "integration"))

from upstream import Upstream  # noqa: E402

CONFIG = """system {{ worker-threads 1 }}
listeners {{
  listener "clear" {{ address "127.0.0.1:{clear}"; protocol "h2c" }}
  listener "safe" {{ address "127.0.0.1:{safe}"; protocol "https"; tls {{ cert-file "{certificate}"; key-file "{key}" }} }}
}}
upstreams {{ upstream "app" {{ target "{upstream}" }} }}
routes {{ route "all" {{ upstream "app" }} }}
"""
# What is not as h2spec wants it, by its sections and numbers, and why.
HEADS_ON_CLOSED_STREAMS = "http2/5.1.1/2"  # they are ignored, not served: nghttp2 keeps no list of the streams that were
OTHER_PREFACES = "http2/3.5/2"  # a listener that takes HTTP/1.1, too, answers what is no HTTP/2 in HTTP/1.1: 400, and closes
EXCEPTIONS = {"clear": {HEADS_ON_CLOSED_STREAMS, OTHER_PREFACES}, "safe": {HEADS_ON_CLOSED_STREAMS}}
LEAST = 140  # tests that there are


def failures(said: str) -> tuple[set[str], int]:
    """What failed, each as suite/section/number, and how many tests there were."""
    report = said.partition("Failures:")[2]
    suite, section, failed = "http2", "", set()
    for line in report.splitlines():
        if heading := re.match(r"\s*(\d+(?:\.\d+)*)\.\s+\S", line):
            section = heading[1]
        elif test := re.match(r"\s*\S+ (\d+): ", line):
            failed.add(f"{suite}/{section}/{test[1]}")
        elif title := re.match(r"(Generic|HPACK|Hypertext)", line):
            suite = {"Generic": "generic", "HPACK": "hpack", "Hypertext": "http2"}[title[1]]
    count = re.search(r"(\d+) tests, ", said)
    return failed, int(count[1]) if count else 0


def play(picket: Path, h2spec: Path, folder: Path, check) -> None:
    shown = Authority(folder).issue("site", "IP:127.0.0.1")
    ports = {"clear": free_port(), "safe": free_port()}
    programs, upstream = Programs(folder), Upstream()
    file = folder / "gateway.kdl"
    file.write_text(CONFIG.format(**ports, certificate=shown.certificate, key=shown.key, upstream=upstream.address))
    try:
        programs.start("gateway", picket, "run", file, serves=("127.0.0.1", ports["clear"]))
        for name, port in ports.items():
            tls = ["-t", "-k"] if name == "safe" else []
            done = subprocess.run([h2spec, "-h", "127.0.0.1", "-p", str(port), "-o", "5", *tls], capture_output=True, text=True, timeout=600, check=False)
            failed, count = failures(done.stdout)
            check(count >= LEAST, f"h2spec, {name}", f"{count} tests were run: {(done.stderr or done.stdout)[-200:]}")
            check(failed == EXCEPTIONS[name], f"h2spec, {name}", f"failed: {sorted(failed)}; expected: {sorted(EXCEPTIONS[name])}")
    finally:
        upstream.close()
        for wrong in programs.stop():
            check(False, "h2spec", wrong)


if __name__ == "__main__":
    wrongs = []
    with tempfile.TemporaryDirectory() as place:
        play(Path(sys.argv[1]), Path(sys.argv[2]), Path(place), lambda holds, where, why: holds or wrongs.append(f"{where}: {why}"))
    print("\n".join(wrongs) or "as expected")
