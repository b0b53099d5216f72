"""What an HTTP user feels: a proxy alone, and one that asks an agent that allows, in front of one upstream. Load and
upstream share the first core, the proxy and its agent the second.

A row is SIDE/WHAT/METHOD[/SETUP]. WHAT is p50, p99 or cpu (of proxy and agent together, per request); METHOD get, or
post with 10 KB. SIDE is http with the SETUPs gateway, agent, or added: what the agent adds; on the other side direct
(no proxy), nginx, or a peer (peers/) with the SETUPs alone, asked, added. `bound` is what may be added at most."""

import tempfile
from dataclasses import dataclass

import wrk
from peers import PEERS, PICKET, Peer, proxies
from places import cores, need, stop
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
    """A proxy without and with its agent."""

    peer: Peer
    alone: Target
    asked: Target


class Stack:
    """Every server of the rows wanted, started."""

    def __init__(self, servers, sides):
        self.servers = servers
        load_core, self.core = cores()
        self.upstream = proxies.nginx(servers, "upstream", load_core)
        self.alone = {}
        if "direct" in sides:
            self.alone["direct"] = Target(self.upstream, ("upstream",))
        if "nginx" in sides:
            self.alone["nginx"] = Target(proxies.nginx(servers, "nginx", self.core, self.upstream), ("nginx",))
        self.pairs = [self.pair(peer) for peer in (PICKET, *PEERS) if peer is PICKET or peer.side in sides]
        self.script = wrk.script_for(servers.folder / "post.lua", "POST", "/",
                                     {"Content-Type": "application/octet-stream"}, BODY)

    def pair(self, peer):
        agent, alone, asked = (f"{peer.side}-{name}" for name in ("agent", "alone", "asked"))
        asking = proxies.Asking(self.servers.folder / f"{agent}.sock")
        self.servers.serve(agent, self.core, peer.agent(asking.socket), asking.socket)
        return Pair(peer, Target(peer.proxy(self.servers, alone, self.core, self.upstream), (alone,)),
                    Target(peer.proxy(self.servers, asked, self.core, self.upstream, asking), (asked, agent)))

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
        for side, target in self.alone.items():
            rows |= {f"{side}/{what}/{method}": value for what, value in self.load(target, method).items()}
        for pair in self.pairs:
            peer, alone, asked = pair.peer, self.load(pair.alone, method), self.load(pair.asked, method)
            for what in alone:
                rows |= {f"{peer.side}/{what}/{method}/{peer.alone}": alone[what],
                         f"{peer.side}/{what}/{method}/{peer.asked}": asked[what],
                         f"{peer.side}/{what}/{method}/added": max(asked[what] - alone[what], RESOLUTION_US)}
        return rows


def measure(wanted, rounds, progress):
    """As micro.measure; all rows of a peer come from the same loads."""
    for program, why in (("wrk", "it makes the HTTP load"), ("nginx", "it is the upstream and a proxy to compare with"),
                         ("haproxy", "it is the proxy to compare with")):
        need(program, f"{why}; tools/bootstrap bench installs it")
    result = {"picket": {}, "reference": {f"bound/{what}": [bound] * rounds for what, bound in BOUNDS_US.items()}}
    sides = {row.split("/")[0] for theirs in wanted.values() for row in theirs}
    with tempfile.TemporaryDirectory(prefix="picket-bench-") as folder, Servers(folder) as servers:
        stack = Stack(servers, sides)
        for number in range(rounds):
            progress(f"HTTP: round {number + 1} of {rounds}")
            for method in METHODS:
                for row, value in stack.round(method).items():
                    side = "picket" if row.startswith("http/") else "reference"
                    result[side].setdefault(row, []).append(value)
    return result
