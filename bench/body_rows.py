"""Bodies on their way through a proxy that asks an agent which allows. Load and upstream share the first core, the proxy and its
agent the second. Each round takes what is compared one behind the other.

A row is SIDE/WHAT/HOW[/SETUP]. SIDE is bodies (the gateway), envoy-bodies or nginx-bodies. HOW is
  upload     100 MiB, streamed: WHAT is time (microseconds) or rss (most MiB of the proxy); SETUPs alone, asked, added
  answer     an answer of 10 KB, held whole and looked at, its head as well: p50, cpu; SETUPs alone, asked, added
  first      the first byte of a streamed answer of which 4 KiB are held back and have come: p50; SETUPs alone, asked, added
  websocket  a message of 1 KB and its echo: p50; SETUPs passed, inspected (nginx: passed; p50+40 is that and 40 µs)"""

import re
import sys
import tempfile
from pathlib import Path

import body_clients
import body_upstream
import wrk
from peers import ENVOY, PICKET, proxies
from places import cores, need, on_core, output_of
from processes import free_port
from servers import Servers

MIB = 1 << 20
UPLOAD_MIB = 100
TIMES = {"first": 100, "echo": 2000}
SECONDS = 1
LEAST = {"time": 1.0, "p50": 1.0, "cpu": 1.0, "rss": 0.1}  # a smaller difference counts as this
BOUNDS = {"rss": 4.0, "first": 100.0}
SOCKET_US = 40.0  # that an inspected message may cost
ANSWERS = ("response_headers", "response_body")
LARGE = f"limits {{ max-body-size-bytes {2 * UPLOAD_MIB * MIB} }}"
STREAMED = {"upload": proxies.Asking(Path(), events=("request_headers", "request_body"), keys='request-body-mode "stream"'),
            "first": proxies.Asking(Path(), events=("response_body",), keys='response-body-mode "stream" hold-back=4096; buffer-size 1024'),
            "answer": proxies.Asking(Path(), events=ANSWERS)}
WEBSOCKET = {"passed": ("websocket #true;", ()), "inspected": ("websocket #true; websocket-inspection #true;", ("websocket_frame",))}
NGINX_WEBSOCKET = ('location /echo { proxy_pass http://app; proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; '
                   'proxy_set_header Connection "upgrade"; }')
NGINX_ANSWER = "location = /answer {{ root {folder}; }}"


class Stack:
    """The servers of what is wanted, each started when it is asked for first."""

    def __init__(self, servers):
        self.servers, self.ports = servers, {}
        self.load, self.core = cores()

    def once(self, name, start):
        if name not in self.ports:
            self.ports[name] = start(name)
        return self.ports[name]

    def upstream(self, how):
        if how == "answer":
            (self.servers.folder / "answer").write_bytes(b"0123456789" * 1024)
            settings = NGINX_ANSWER.format(folder=self.servers.folder)
            return self.once("pages", lambda name: proxies.nginx(self.servers, name, self.load, settings=settings))

        def start(name):
            port = free_port()
            self.servers.serve(name, self.load, [sys.executable, Path(body_upstream.__file__), port], port)
            return port
        return self.once("bodies", start)

    def asking(self, peer, name, wanted):
        """What `wanted` says, of an agent of this peer's that serves."""
        socket = self.servers.folder / f"{name}.sock"
        self.once(name, lambda name: self.servers.serve(name, self.core, peer.agent(socket), socket))
        return proxies.Asking(socket, events=wanted.events, keys=wanted.keys)

    def proxy(self, peer, how, setup):
        """The port and the programs of a proxy, alone or asking."""
        name, agent = f"{peer.side}-{how}-{setup}", f"{peer.side}-{how}-agent"
        asking = self.asking(peer, agent, STREAMED[how]) if setup == "asked" else None
        more = {"limits": LARGE} if how == "upload" else {}
        port = self.once(name, lambda name: peer.proxy(self.servers, name, self.core, self.upstream(how), asking, **more))
        return port, (name, agent) if asking else (name,)

    def websocket(self, setup):
        route, events = WEBSOCKET[setup]
        wanted = proxies.Asking(Path(), events=("request_headers", *events))
        asking = self.asking(PICKET, "websocket-agent", wanted) if events else None
        return self.once(f"websocket-{setup}", lambda name: proxies.gateway(
            self.servers, name, self.core, self.upstream("websocket"), asking, route_keys=route))

    def nginx(self):
        return self.once("nginx-websocket", lambda name: proxies.nginx(
            self.servers, name, self.core, self.upstream("websocket"), settings=NGINX_WEBSOCKET))

    def client(self, what, port, number):
        command = [sys.executable, Path(body_clients.__file__), what, port, number]
        return float(output_of(on_core(self.load, command)))

    def most_mib(self, name):
        status = Path(f"/proc/{self.servers.named[name].pid}/status").read_text(encoding="ascii")
        return int(re.search(r"VmHWM:\s+(\d+)", status)[1]) / 1024

    def measured(self, peer, how, setup):
        """`{what: value}` of one proxy."""
        port, programs = self.proxy(peer, how, setup)
        if how == "upload":
            return {"time": self.client("upload", port, UPLOAD_MIB * MIB), "rss": self.most_mib(programs[0])}
        if how == "first":
            return {"p50": self.client("first", port, TIMES["first"])}
        before = self.servers.cpu_us(*programs)
        seen = wrk.run(self.load, f"http://127.0.0.1:{port}/answer", SECONDS)
        return {"p50": seen.p50, "cpu": (self.servers.cpu_us(*programs) - before) / seen.requests}

    def difference(self, peer, side, how):
        """`{row: value}` of one round."""
        alone, asked = (self.measured(peer, how, setup) for setup in ("alone", "asked"))
        rows = {}
        for what, value in alone.items():
            rows |= {f"{side}/{what}/{how}/alone": value, f"{side}/{what}/{how}/asked": asked[what],
                     f"{side}/{what}/{how}/added": max(asked[what] - value, LEAST[what])}
        return rows

    def round(self, wanted):
        rows = {}
        for how in STREAMED:
            if any(row.startswith("bodies/") and f"/{how}/" in row for row in wanted):
                rows |= self.difference(PICKET, "bodies", how)
        if any(row.startswith("envoy-bodies/") for row in wanted):
            rows |= self.difference(ENVOY, "envoy-bodies", "answer")
        for setup in WEBSOCKET:
            if f"bodies/p50/websocket/{setup}" in wanted:
                rows[f"bodies/p50/websocket/{setup}"] = self.client("echo", self.websocket(setup), TIMES["echo"])
        if any(row.startswith("nginx-bodies/") for row in wanted):
            passed = self.client("echo", self.nginx(), TIMES["echo"])
            rows |= {"nginx-bodies/p50/websocket": passed, "nginx-bodies/p50+40/websocket": passed + SOCKET_US}
        return rows


def measure(wanted, rounds, progress):
    """As micro.measure."""
    need("nginx", "it is an upstream, and a proxy to compare with; tools/bootstrap bench installs it")
    need("wrk", "it makes the HTTP load; tools/bootstrap bench installs it")
    result = {"picket": {}, "reference": {f"body-bound/{what}": [bound] * rounds for what, bound in BOUNDS.items()}}
    rows = set(wanted) | {row for theirs in wanted.values() for row in theirs}
    with tempfile.TemporaryDirectory(prefix="picket-bench-") as folder, Servers(folder) as servers:
        stack = Stack(servers)
        for number in range(rounds):
            progress(f"bodies: round {number + 1} of {rounds}")
            for row, value in stack.round(rows).items():
                side = "picket" if row.startswith("bodies/") else "reference"
                result[side].setdefault(row, []).append(value)
    return result
