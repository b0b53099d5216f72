"""What everybody else waits while slowhttptest holds connections: p99 of one client's GETs through the gateway, microseconds, calm
and beside each of its four modes. Load, attackers and upstream share the first core, the gateway has the second.

A row is slow/p99/MODE; MODE is calm, headers, body, range or read."""

import contextlib
import subprocess
import tempfile
import time

import wrk
from peers import proxies
from places import cores, need, on_core, stop
from servers import Servers

SECONDS = 2
RATE = 400  # new connections a second
CONNECTIONS = {"range": 10_000}  # those have their answers at once, and must not run out
STAY = 400
RAMP_UP_SECONDS = 5  # that many slow readers take 360 MB before their windows are full
LASTS_SECONDS = 30  # ended before
MODES = {"headers": ("/", "-H", "-i", "2"),
         "body": ("/whole", "-B", "-i", "2", "-s", "8192", "-t", "POST"),
         "range": ("/large", "-R", "-a", "1", "-b", "500"),
         "read": ("/large", "-X", "-w", "1", "-y", "8", "-n", "2", "-z", "1", "-k", "3")}
# A large answer, and one that waits for the whole body of its request: nginx takes it before it asks, here itself.
PATHS = "location = /large {{ root {folder}; }} location = /whole {{ proxy_pass http://app/; }}"


@contextlib.contextmanager
def attacked(core, mode, port):
    """Beside slow clients: `STAY` of them, all of which are there when it begins, or ever new ones."""
    path, *options = MODES[mode]
    command = on_core(core, ["slowhttptest", *options, "-c", CONNECTIONS.get(mode, STAY), "-r", RATE, "-l", LASTS_SECONDS, "-p", LASTS_SECONDS,
                             "-v", "0", "-u", f"http://127.0.0.1:{port}{path}"])
    attack = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        time.sleep(RAMP_UP_SECONDS)
        yield
        if attack.poll() is not None:
            stop(f"slowhttptest in mode {mode} ended before the load did")
    finally:
        attack.kill()
        attack.wait()


def measure(wanted, rounds, progress):
    """As micro.measure."""
    need("slowhttptest", "it makes the slow clients; tools/bootstrap bench installs it")
    need("wrk", "it makes the HTTP load; tools/bootstrap bench installs it")
    rows = set(wanted) | {row for theirs in wanted.values() for row in theirs}
    result = {"picket": {}, "reference": {}}
    load, core = cores()
    with tempfile.TemporaryDirectory(prefix="picket-bench-") as folder, Servers(folder) as servers:
        (servers.folder / "large").write_bytes(b"0123456789" * 30_000)
        upstream = proxies.nginx(servers, "upstream", load, settings=PATHS.format(folder=servers.folder))
        port = proxies.gateway(servers, "gateway", core, upstream)
        for number in range(rounds):
            progress(f"slow clients: round {number + 1} of {rounds}")
            for mode in ("calm", *MODES):
                if f"slow/p99/{mode}" not in rows:
                    continue
                with attacked(load, mode, port) if mode in MODES else contextlib.nullcontext():
                    seen = wrk.run(load, f"http://127.0.0.1:{port}/", SECONDS)
                result["picket"].setdefault(f"slow/p99/{mode}", []).append(seen.p99)
    return result
