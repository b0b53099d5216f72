"""The rows over a socket: a client on one core, an agent on the other.

A row is WHO/WHAT/CARRIER/IN-FLIGHTxCONNECTIONS, or WHO/chunk/CARRIER for bodies. WHO on our side: `socket` (Picket asks
Picket), `picket-to-rust`, `rust-to-picket`; on the other: `socket` (the reference asks itself), `grpcpp` (gRPC's own C++
library asks itself) or `floor`. CARRIER is what
is spoken: see CARRIERS. WHAT `added` is what TLS adds to the p50 of TCP in clear; `bound/added` what it may add at most."""

import functools
import json
import tempfile
from dataclasses import dataclass

import payloads
from certificates import Authority  # tools/certificates.py, shared with the tests
from places import BIN, ENCODED, PAYLOADS, PICKET_BIN, cores, on_core, output_of
from processes import free_port, wait
from servers import Servers

SECONDS = 0.4
WARM_UP = 0.1  # what every client does before it measures
FRAME_HEADER = 5
CHUNK = 64 * 1024
ALLOW_PROTOBUF = 64  # bytes, about
CHUNK_FIELDS = 64  # bytes of a chunk's message beside its body
RESOLUTION_US = 0.1  # a smaller difference counts as this
BOUND_US = 4.0  # of what TLS adds


@dataclass(frozen=True)
class Carrier:
    """What is spoken, and at what kind of address."""

    scheme: str
    encoding: str = ""  # of frames; protobuf is the only one of gRPC

    @property
    def is_local(self):
        return self.scheme.endswith("unix")


CARRIERS = {"json": Carrier("unix", "json"), "msgpack": Carrier("unix", "msgpack"), "grpc-unix": Carrier("grpc+unix"),
            "grpc": Carrier("grpc"), "tcp": Carrier("tcp", "msgpack"), "tls": Carrier("tls", "msgpack"),
            "reverse": Carrier("unix", "msgpack"),  # the agent dials
            "raw": Carrier("unix", "raw")}  # the floor's: bytes of a body chunk's size


@dataclass(frozen=True)
class Run:
    """One measurement of one client against one agent."""

    client: str  # picket, reference, grpcpp or floor
    agent: str
    carrier: str
    in_flight: int
    connections: int
    body: bool


CLIENT_AND_AGENT = {("picket", "socket"): ("picket", "picket"), ("picket", "picket-to-rust"): ("picket", "reference"),
                    ("picket", "rust-to-picket"): ("reference", "picket"),
                    ("reference", "socket"): ("reference", "reference"), ("reference", "floor"): ("floor", "floor"),
                    ("reference", "grpcpp"): ("grpcpp", "grpcpp")}


def runs_of(side, row):
    """What is measured of a row, and the runs that measure it: of two the difference counts, of none a constant."""
    who, what, *shape = row.split("/")
    if who == "bound":
        return what, ()
    carrier, *shape = shape
    client, agent = CLIENT_AND_AGENT[side, who]
    if what == "chunk":
        return what, (Run(client, agent, carrier, 1, 1, True),)
    in_flight, connections = map(int, shape[0].split("x"))
    carriers = (carrier, "tcp") if what == "added" else (carrier,)
    return what, tuple(Run(client, agent, one, in_flight, connections, False) for one in carriers)


def measured(what, result):
    if what == "time":
        return 1e6 / result["decisions_per_s"]
    return result[{"p50": "p50_us", "added": "p50_us", "chunk": "p50_us", "p99": "p99_us", "cpu": "cpu_both"}[what]]


def value_of(what, runs, outcomes):
    if not runs:
        return BOUND_US
    first, *second = (measured(what, outcomes[run]) for run in runs)
    return max(first - second[0], RESOLUTION_US) if second else first


def frame_sizes(encoding):
    """Of a question and its answer as Picket writes them; `raw`: of a body chunk, `protobuf`: on gRPC."""
    if encoding == "raw":
        return CHUNK + CHUNK_FIELDS, payloads.size_of("picket", "allow.msgpack") + FRAME_HEADER
    if encoding == "protobuf":  # gRPC's prefix is as long as the head of our frames
        return payloads.size_of("picket", "request_wire.protobuf") + FRAME_HEADER, ALLOW_PROTOBUF + FRAME_HEADER
    return tuple(payloads.size_of("picket", f"{name}.{encoding}") + FRAME_HEADER for name in ("request_wire", "allow"))


def floor_of(spoken, end, at):
    """An end of the bare ping-pong, up to the sizes."""
    if spoken.scheme == "grpc":
        return [PICKET_BIN / "picket_http2_floor", end, at, *frame_sizes("protobuf")]
    return [PICKET_BIN / "picket_floor", end, at, *frame_sizes(spoken.encoding)]


class Agents(Servers):
    """Every agent of a run, each at an address of its own and pinned to the second core."""

    def __init__(self, folder):
        super().__init__(folder)
        self.at = {}  # by process: a path or a port
        self.issued = Authority(self.folder).issue("agent", "IP:127.0.0.1")

    @staticmethod
    def process(agent, carrier):
        """Picket's agent speaks both encodings of frames; of the others there is one for each."""
        return f"{agent}-{CARRIERS[carrier].scheme if agent == 'picket' else carrier}"

    def address(self, agent, carrier):
        at = self.at[self.process(agent, carrier)]
        return f"{CARRIERS[carrier].scheme}:{at if CARRIERS[carrier].is_local else f'127.0.0.1:{at}'}"

    def serve_all(self, runs):
        for run in runs:
            name = self.process(run.agent, run.carrier)
            if name in self.at or run.carrier == "reverse":
                continue
            self.at[name] = self.folder / f"{name}.sock" if CARRIERS[run.carrier].is_local else free_port()
            self.serve(name, cores()[1], self.command(run.agent, run.carrier), self.at[name])

    def command(self, agent, carrier):
        spoken, address = CARRIERS[carrier], self.address(agent, carrier)
        if agent == "picket":
            tls = ("--tls-cert", self.issued.certificate, "--tls-key", self.issued.key) if carrier == "tls" else ()
            return [PICKET_BIN / "picket", "agent", "--listen", address, *insecure(spoken), *tls]
        if agent == "reference":
            return [BIN / f"reference-agent-{spoken.encoding or 'json'}", "--listen", address]
        if agent == "grpcpp":
            return [PICKET_BIN / "picket_grpcpp", "serve", address.removeprefix("grpc:")]
        return floor_of(spoken, "serve", self.at[self.process(agent, carrier)])

    def client(self, run):
        spoken, address = CARRIERS[run.carrier], self.address(run.agent, run.carrier)
        shape = shape_of(run)
        if run.client == "picket":
            tls = ("--tls-ca", self.folder / "ca.pem") if run.carrier == "tls" else ()
            encoding = ("--encoding", spoken.encoding) if spoken.encoding else ()
            return [PICKET_BIN / "picket", "bench", "--agent", address, *insecure(spoken), *tls, *encoding, *shape]
        if run.client == "reference":
            return [BIN / f"reference-client-{spoken.encoding or 'json'}", "--agent", address, "--payloads", PAYLOADS, *shape]
        if run.client == "grpcpp":
            return [PICKET_BIN / "picket_grpcpp", "ask", address.removeprefix("grpc:"), ENCODED["picket"] / "request_wire.protobuf",
                    "--inflight", run.in_flight, "--seconds", SECONDS]
        return [*floor_of(spoken, "ask", self.at[self.process(run.agent, run.carrier)]), SECONDS, run.in_flight]


@functools.cache
def spoken_by_build():
    """The carriers that the measured build knows: an older one, to compare with, may lack some."""
    help_text = output_of([PICKET_BIN / "picket", "agent", "--help"])
    known = {name for name, carrier in CARRIERS.items() if carrier.scheme == "unix" or f"{carrier.scheme}:" in help_text}
    return known if "--listen" in output_of([PICKET_BIN / "picket", "bench", "--help"]) else known - {"reverse"}


def shape_of(run):
    return ["--mode", "body" if run.body else "throughput", "--inflight", run.in_flight, "--connections", run.connections,
            "--seconds", SECONDS]


def insecure(carrier):
    return ("--insecure",) if carrier.scheme in ("tcp", "grpc") else ()


def execute_dialled(run, agents):
    """The agent dials the client: it is started once that listens."""
    path = agents.folder / f"reverse-{len(agents.all)}.sock"
    command = [PICKET_BIN / "picket", "bench", "--listen", f"unix:{path}", *shape_of(run)]
    client = agents.start(f"client-{path.stem}", *on_core(cores()[0], command))
    wait("the client listens", path.exists)
    agents.start(f"agent-{path.stem}", *on_core(cores()[1], [PICKET_BIN / "picket", "agent", "--dial", f"unix:{path}", "--agent-id", "bench"]))
    client.wait()
    agents.all.pop().end()
    return json.loads(client.text())


def execute(run, agents):
    if run.carrier == "reverse":
        return execute_dialled(run, agents)
    agent = agents.process(run.agent, run.carrier)
    before = agents.cpu_us(agent)
    result = json.loads(output_of(on_core(cores()[0], agents.client(run))))
    used = agents.cpu_us(agent) - before
    decisions = result["decisions_per_s"] * (SECONDS + WARM_UP)
    result["cpu_both"] = result["cpu_us_per_decision"] + used / decisions
    return result


def measure(wanted, rounds, progress):
    """As micro.measure. Both sides of a row stand next to each other."""
    rows = dict.fromkeys((side, row) for ours, theirs in wanted.items()
                         for side, row in [("picket", ours), *(("reference", row) for row in sorted(theirs))])
    parts = {key: (what, runs) for key in rows for what, runs in [runs_of(*key)]
             if {run.carrier for run in runs} <= spoken_by_build()}
    runs = list(dict.fromkeys(run for _, needed in parts.values() for run in needed))
    result = {"picket": {}, "reference": {}}
    with tempfile.TemporaryDirectory(prefix="picket-bench-") as folder, Agents(folder) as agents:
        agents.serve_all(runs)
        for number in range(rounds):
            progress(f"over a socket: round {number + 1} of {rounds}")
            outcomes = {run: execute(run, agents) for run in runs}
            for (side, row), (what, needed) in parts.items():
                result[side].setdefault(row, []).append(value_of(what, needed, outcomes))
    return result
