"""What an HTTP user feels: a proxy alone, and one that asks an agent that allows, in front of one upstream. Load and
upstream share the first core, the proxy and its agent the second.

A row is SIDE/WHAT/METHOD[/SETUP]. WHAT is p50, p99 or cpu (of proxy and agent together, per request); METHOD get, or post
with 10 KB. SIDE is http with the SETUPs gateway, agent, or added: what the agent adds; on the other side direct (no proxy),
nginx, or a peer with the SETUPs alone, asked, added. `bound` is what targets.md allows in figures."""

import tempfile
from dataclasses import dataclass

import proxies
import wrk
from places import PICKET_BIN, cores, need, stop
from servers import Servers

SECONDS = 1
METHODS = ("get", "post")
BODY = b"0123456789" * 1024
RESOLUTION_US = 1.0  # of wrk's percentiles: a smaller difference counts as this
BOUNDS_US = {"p50": 35.0, "cpu": 10.0}  # what one agent may add to a request


@dataclass(frozen=True)
class Target:
    """What is loaded: a port, and the processes whose CPU time is spent for it."""

    port: int
    spends: tuple


@dataclass(frozen=True)
class Pair:
    """A proxy without and with its agent, and the rows' names of that: (side, alone, asked)."""

    rows: tuple
    alone: Target
    asked: Target


class Stack:
    """Every server of the table, started."""

    def __init__(self, servers):
        self.servers = servers
        load_core, core = cores()
        upstream = proxies.nginx(servers, "upstream", load_core)
        self.direct = Target(upstream, ("upstream",))
        self.nginx = Target(proxies.nginx(servers, "nginx", core, upstream), ("nginx",))
        self.pairs = [self.picket(core, upstream), self.haproxy(core, upstream)]
        self.script = wrk.script_for(servers.folder / "post.lua", "POST", "/",
                                     {"Content-Type": "application/octet-stream"}, BODY)

    def picket(self, core, upstream):
        asking = proxies.Asking(self.servers.folder / "agent.sock")
        self.servers.serve("agent", core, [PICKET_BIN / "picket", "agent", "--listen", f"unix:{asking.socket}"],
                           asking.socket)
        return Pair(("http", "gateway", "agent"),
                    Target(proxies.gateway(self.servers, "gateway", core, upstream), ("gateway",)),
                    Target(proxies.gateway(self.servers, "asking", core, upstream, asking), ("asking", "agent")))

    def haproxy(self, core, upstream):
        asking = proxies.Asking(self.servers.folder / "spoa.sock")
        self.servers.serve("spoa", core, [PICKET_BIN / "picket_spoa", asking.socket], asking.socket)
        return Pair(("haproxy", "alone", "asked"),
                    Target(proxies.haproxy(self.servers, "haproxy", core, upstream), ("haproxy",)),
                    Target(proxies.haproxy(self.servers, "haproxy-asking", core, upstream, asking),
                           ("haproxy-asking", "spoa")))

    def load(self, target, method):
        """`{what: value}` of one client that asks again as soon as it is answered."""
        before = self.servers.cpu_us(*target.spends)
        seen = wrk.run(cores()[0], f"http://127.0.0.1:{target.port}/", SECONDS,
                       script=self.script if method == "post" else None)
        used = self.servers.cpu_us(*target.spends) - before
        if seen.refused:
            stop(f"{target.spends[0]} refuses {seen.refused} of {seen.requests} requests ({method})")
        return {"p50": seen.p50, "p99": seen.p99, "cpu": used / seen.requests}

    def round(self, method):
        """`{row: value}` of one round; the halves of a difference are measured one after the other."""
        rows = {}
        for what, value in self.load(self.direct, method).items():
            rows[f"direct/{what}/{method}"] = value
        for what, value in self.load(self.nginx, method).items():
            rows[f"nginx/{what}/{method}"] = value
        for pair in self.pairs:
            side, alone_row, asked_row = pair.rows
            alone, asked = self.load(pair.alone, method), self.load(pair.asked, method)
            for what in alone:
                rows[f"{side}/{what}/{method}/{alone_row}"] = alone[what]
                rows[f"{side}/{what}/{method}/{asked_row}"] = asked[what]
                rows[f"{side}/{what}/{method}/added"] = max(asked[what] - alone[what], RESOLUTION_US)
        return rows


def measure(_wanted, rounds, progress):
    """As micro.measure; every row of this table comes from the same loads."""
    for program, why in (("wrk", "it makes the HTTP load"), ("nginx", "it is the upstream and a proxy to compare with"),
                         ("haproxy", "it is the proxy to compare with")):
        need(program, f"{why}; tools/bootstrap bench installs it")
    result = {"picket": {}, "reference": {f"bound/{what}": [bound] * rounds for what, bound in BOUNDS_US.items()}}
    with tempfile.TemporaryDirectory(prefix="picket-bench-") as folder, Servers(folder) as servers:
        stack = Stack(servers)
        for number in range(rounds):
            progress(f"HTTP: round {number + 1} of {rounds}")
            for method in METHODS:
                for row, value in stack.round(method).items():
                    side = "picket" if row.startswith("http/") else "reference"
                    result[side].setdefault(row, []).append(value)
    return result
