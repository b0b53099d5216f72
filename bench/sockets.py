"""The rows over a Unix socket: a client on one core, an agent on the other.

A row is WHO/WHAT/ENCODING/IN-FLIGHTxCONNECTIONS, or WHO/chunk/ENCODING for bodies. WHO on our side: `socket` (Picket asks
Picket), `picket-to-rust`, `rust-to-picket`; on the other: `socket` (the reference asks itself) or `floor`."""

import json
import tempfile
from dataclasses import dataclass

import payloads
from places import BIN, ENCODINGS, PAYLOADS, PICKET_BIN, cores, on_core, output_of
from servers import Servers

SECONDS = 0.4
WARM_UP = 0.1  # what every client does before it measures
FRAME_HEADER = 5
CHUNK = 64 * 1024
CHUNK_FIELDS = 64  # bytes of a chunk's message beside its body


@dataclass(frozen=True)
class Run:
    """One measurement of one client against one agent."""

    client: str  # picket, reference or floor
    agent: str
    encoding: str
    in_flight: int
    connections: int
    body: bool


CLIENT_AND_AGENT = {("picket", "socket"): ("picket", "picket"), ("picket", "picket-to-rust"): ("picket", "reference"),
                    ("picket", "rust-to-picket"): ("reference", "picket"),
                    ("reference", "socket"): ("reference", "reference"), ("reference", "floor"): ("floor", "floor")}


def run_of(side, row):
    who, what, encoding, *shape = row.split("/")
    client, agent = CLIENT_AND_AGENT[side, who]
    if what == "chunk":
        return what, Run(client, agent, encoding, 1, 1, True)
    in_flight, connections = map(int, shape[0].split("x"))
    return what, Run(client, agent, encoding, in_flight, connections, False)


def value_of(what, result):
    return {"p50": result["p50_us"], "chunk": result["p50_us"], "p99": result["p99_us"],
            "time": 1e6 / result["decisions_per_s"], "cpu": result["cpu_both"]}[what]


def frame_sizes(encoding):
    """Of a question and its answer as Picket writes them; `raw`: of a body chunk."""
    if encoding == "raw":
        return CHUNK + CHUNK_FIELDS, payloads.size_of("picket", "allow.msgpack") + FRAME_HEADER
    return tuple(payloads.size_of("picket", f"{name}.{encoding}") + FRAME_HEADER for name in ("request_wire", "allow"))


class Agents(Servers):
    """Every agent of a run, each behind a socket of its own and pinned to the second core."""

    def path(self, agent, encoding):
        return self.folder / f"{self.process(agent, encoding)}.sock"

    @staticmethod
    def process(agent, encoding):
        """Picket's agent speaks both encodings; of the others there is one for each."""
        return agent if agent == "picket" else f"{agent}-{encoding}"

    def serve_all(self, runs):
        """Our agent, and where something is compared with them the reference's and the bare machine's."""
        path = self.path("picket", "")
        self.agent("picket", "", [PICKET_BIN / "picket", "agent", "--listen", f"unix:{path}"])
        if all(run.agent == run.client == "picket" for run in runs):
            return
        for encoding in ENCODINGS:
            path = self.path("reference", encoding)
            self.agent("reference", encoding, [BIN / f"reference-agent-{encoding}", "--listen", path])
        for encoding in (*ENCODINGS, "raw"):
            path = self.path("floor", encoding)
            self.agent("floor", encoding, [PICKET_BIN / "picket_floor", "serve", path, *frame_sizes(encoding)])

    def agent(self, agent, encoding, command):
        self.serve(self.process(agent, encoding), cores()[1], command, self.path(agent, encoding))


def client_command(run, path):
    shape = ["--mode", "body" if run.body else "throughput", "--inflight", run.in_flight, "--connections",
             run.connections, "--seconds", SECONDS]
    if run.client == "picket":
        return [PICKET_BIN / "picket", "bench", "--agent", f"unix:{path}", "--encoding", run.encoding, *shape]
    if run.client == "reference":
        return [BIN / f"reference-client-{run.encoding}", "--agent", path, "--payloads", PAYLOADS, *shape]
    return [PICKET_BIN / "picket_floor", "ask", path, *frame_sizes(run.encoding), SECONDS, run.in_flight]


def execute(run, agents):
    agent = agents.process(run.agent, run.encoding)
    before = agents.cpu_us(agent)
    result = json.loads(output_of(on_core(cores()[0], client_command(run, agents.path(run.agent, run.encoding)))))
    used = agents.cpu_us(agent) - before
    decisions = result["decisions_per_s"] * (SECONDS + WARM_UP)
    result["cpu_both"] = result["cpu_us_per_decision"] + used / decisions
    return result


def runs_of(wanted):
    """`{run: [(side, row, what)]}`, so that both sides of a row stand next to each other."""
    runs = {}
    for ours, theirs in wanted.items():
        for side, row in [("picket", ours), *(("reference", row) for row in sorted(theirs))]:
            what, run = run_of(side, row)
            users = runs.setdefault(run, [])
            if (side, row, what) not in users:
                users.append((side, row, what))
    return runs


def measure(wanted, rounds, progress):
    """As micro.measure."""
    runs = runs_of(wanted)
    result = {"picket": {}, "reference": {}}
    with tempfile.TemporaryDirectory(prefix="picket-bench-") as folder, Agents(folder) as agents:
        agents.serve_all(runs)
        for number in range(rounds):
            progress(f"over a socket: round {number + 1} of {rounds}")
            for run, users in runs.items():
                outcome = execute(run, agents)
                for side, row, what in users:
                    result[side].setdefault(row, []).append(value_of(what, outcome))
    return result
