"""gRPC unary calls through a proxy, HTTP/2 in clear on both sides: the gateway beside Envoy. The upstream is `picket agent`, whose
health service is asked: a message of no fields, an answer of two bytes and trailers. Load and upstream share the first core, the
proxy has the second.

A row is SIDE/WHAT/HOW. SIDE is grpc (the gateway) or envoy-grpc. HOW is
  unary   one call at a time: WHAT is p50 or cpu (of the proxy), microseconds per call
  32      32 calls in flight on one connection: time, cpu"""

import re
import statistics
import tempfile
from pathlib import Path

from peers import envoy, proxies
from places import PICKET_BIN, cores, need, on_core, output_of, stop
from processes import free_port
from servers import Servers

CHECK = "/grpc.health.v1.Health/Check"
HEADERS = ("content-type: application/grpc", "te: trailers")
NO_FIELDS = bytes(5)  # not compressed, and a length of 0
CALLS = {"unary": 4_000, "32": 20_000}
IN_FLIGHT = {"unary": 1, "32": 32}
MICROSECONDS = {"s": 1e6, "ms": 1e3, "us": 1}
PROXIES = {"grpc": proxies.grpc_gateway, "envoy-grpc": envoy.grpc_proxy}


class Calls:
    """The proxies of those sides that are wanted, in front of one upstream."""

    def __init__(self, servers, sides):
        self.servers = servers
        self.load, self.core = cores()
        upstream = free_port()
        servers.serve("upstream", self.load, [PICKET_BIN / "picket", "agent", "--listen", f"grpc:127.0.0.1:{upstream}", "--insecure"],
                      upstream)
        self.message = servers.folder / "message"
        self.message.write_bytes(NO_FIELDS)
        self.ports = {side: PROXIES[side](servers, side, self.core, upstream) for side in sides}
        for side in sides:
            self.check(side)

    def check(self, side):
        """A call through this proxy is answered with its trailers: what is measured is gRPC."""
        headers = [word for header in HEADERS for word in ("-H", header)]
        text = output_of(["nghttp", "--verbose", *headers, "-d", self.message, f"http://127.0.0.1:{self.ports[side]}{CHECK}"])
        if not re.search(r"grpc-status: 0\b", text):
            stop(f"{side} answers a gRPC call without its trailers:\n{text}")

    def made(self, side, how):
        """`{row: value}` of one load."""
        log = self.servers.folder / f"{side}.times"
        log.unlink(missing_ok=True)
        headers = [word for header in HEADERS for word in ("-H", header)]
        before = self.servers.cpu_us(side)
        text = output_of(on_core(self.load, ["h2load", "-t1", "-c1", f"-m{IN_FLIGHT[how]}", "-n", CALLS[how], *headers, "-d", self.message,
                                             f"--log-file={log}", f"http://127.0.0.1:{self.ports[side]}{CHECK}"]))
        cpu = (self.servers.cpu_us(side) - before) / CALLS[how]
        good = int(re.search(r"status codes: (\d+) 2xx", text)[1])
        if good != CALLS[how]:
            stop(f"{side}: {good} of {CALLS[how]} calls were answered:\n{text}")
        if how == "unary":
            took = [int(line.split()[2]) for line in log.read_text(encoding="ascii").splitlines()]
            return {f"{side}/p50/{how}": statistics.median(took), f"{side}/cpu/{how}": cpu}
        number, unit = re.search(r"finished in ([\d.]+)(s|ms|us),", text).groups()
        return {f"{side}/time/{how}": float(number) * MICROSECONDS[unit] / CALLS[how], f"{side}/cpu/{how}": cpu}


def measure(wanted, rounds, progress):
    """As micro.measure."""
    need("h2load", "it makes the HTTP/2 load; tools/bootstrap bench installs it")
    need("nghttp", "it makes the first call; tools/bootstrap bench installs it")
    rows = set(wanted) | set().union(*wanted.values())
    sides = sorted({row.split("/")[0] for row in rows})
    result = {"picket": {}, "reference": {}}
    with tempfile.TemporaryDirectory(prefix="picket-bench-") as folder, Servers(Path(folder)) as servers:
        calls = Calls(servers, sides)
        for number in range(rounds):
            progress(f"gRPC: round {number + 1} of {rounds}")
            for side in sides:
                for how in CALLS:
                    for row, value in calls.made(side, how).items():
                        result["picket" if side == "grpc" else "reference"].setdefault(row, []).append(value)
    return result
