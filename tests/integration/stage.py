"""What a test plays on: a folder, real programs, scripted agents and upstreams; all gone when it is closed."""

import json
import os
import re
import shutil
import ssl
import tempfile
import unittest
import urllib.request
from dataclasses import dataclass
from pathlib import Path

from agent import Agent
from client import Client, Response
from names import NameServer
from processes import Programs, free_port, wait
from upstream import OnHead, Respond, Upstream

READY = "picket_agent_connections_ready"
ROOT = Path(__file__).resolve().parent.parent.parent
BINARIES = Path(os.environ.get("PICKET_BINARIES", ROOT / "build/dev/bin"))


@dataclass
class Asked:
    """An agent as the configuration has it: one filter of the route."""

    name: str
    path: Path | str
    events: str = '"request_headers"'
    keys: str = ""  # more lines of the agent's block; where they name no time-out, none strikes
    filter_keys: str = ""
    transport: str = "unix-socket"

    def agent(self) -> str:
        keys = self.keys if "timeout-ms" in self.keys else f"timeout-ms 60000; {self.keys}"
        return f'  agent "{self.name}" {{ {self.transport} "{self.path}"; events {self.events}\n    {keys} }}\n'

    def filter(self) -> str:
        return f'  filter "{self.name}" {{ type "agent"; agent "{self.name}"; {self.filter_keys} }}\n'


class Gateway:
    """A running `picket run`. `write()` and a SIGHUP change its configuration."""

    def __init__(self, stage: "Stage", number: int):
        self.folder = stage.folder / f"gateway{number}"
        self.folder.mkdir()
        self.file = self.folder / "gateway.kdl"
        self.port, self.metrics_port = free_port(), free_port()
        self._stage = stage
        self._name = f"gateway{number}"
        self._agents: list[Asked] = []

    def write(
        self,
        upstreams: dict[str, list[str]],
        agents: list[Asked] = (),
        *,
        workers: int = 1,
        drain_s: int = 15,
        system: str = "",
        limits: str = "",
        upstream_keys: str | dict[str, str] = "",
        routes: str = "",
        logging: str = "",
        listeners: str = "",
        reverse: str = "",
    ) -> None:
        """One route for everything, unless `routes` says otherwise; a filter has its agent's name. `upstream_keys`: of all, or by id."""
        self._agents = list(agents)
        system = f"worker-threads {workers}; graceful-shutdown-timeout-secs {drain_s}; {system}"
        blocks = [f"system {{ {system} }}\n"]
        listeners = listeners or f'listener "web" {{ address "127.0.0.1:{self.port}"; protocol "http" }}'
        blocks.append(f"listeners {{ {listeners} }}\n")
        if reverse:
            blocks.append(f"reverse-listener {{ {reverse} }}\n")
        if agents:
            blocks.append(f"agents {{\n{''.join(entry.agent() for entry in agents)}}}\n")
            blocks.append(f"filters {{\n{''.join(entry.filter() for entry in agents)}}}\n")

        def keys_of(name: str) -> str:
            keys = upstream_keys.get(name, "") if isinstance(upstream_keys, dict) else upstream_keys
            return keys or self._stage.upstream_keys

        targets = "".join(
            f'  upstream "{name}" {{ {"; ".join(f"target {json.dumps(address)}" for address in addresses)}\n'
            f"    {keys_of(name)} }}\n"
            for name, addresses in upstreams.items()
        )
        blocks.append(f"upstreams {{\n{targets}}}\n")
        filters = f"filters {' '.join(json.dumps(entry.name) for entry in agents)};" if agents else ""
        first = next(iter(upstreams))
        routes = routes or f'route "all" {{ matches {{ path-prefix "/" }}; {filters} upstream "{first}" }}'
        blocks.append(f"routes {{ {routes} }}\n")
        if limits:
            blocks.append(f"limits {{ {limits} }}\n")
        logging = logging or 'access-log { file "access.jsonl" }; audit { file "audit.jsonl" }'
        metrics = f'metrics {{ address "127.0.0.1:{self.metrics_port}" }}'
        blocks.append(f'observability {{ {metrics}; logging {{ level "debug" }}\n  {logging} }}\n')
        self.file.write_text("".join(blocks))

    def start(self) -> "Gateway":
        self.program = self._stage.programs.start(self._name, "picket", "run", self.file, says="metrics at http")
        self.pid = self.program.pid
        for agent in self._agents:
            if self._stage.is_served(agent.path):
                wait(f"agent {agent.name} is connected", lambda: self.metric(READY, agent=agent.name) > 0)
        return self

    # ---- talking to it

    def client(self, timeout: float = 30) -> Client:
        client = Client(self.port, timeout)
        self._stage.clients.append(client)
        return client

    def get(self, target: str = "/", headers: str = "", method: str = "GET", body: bytes = b""):
        with Client(self.port) as client:
            return client.get(target, headers, method, body)

    # ---- what it tells

    def said(self, text: str) -> str:
        """Waits until its own log has `text`; returns the log."""
        wait(f"the gateway says '{text}'", lambda: text in self.program.text())
        return self.program.text()

    def metrics_text(self, path: str = "/metrics") -> str:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.metrics_port}{path}", timeout=10) as page:
            return page.read().decode()

    def metric(self, name: str, **labels: str) -> float:
        """The sum of a family's samples that have these labels."""
        wanted = {f'{key}="{value}"' for key, value in labels.items()}
        samples = re.findall(rf"^{name}(?:{{(.*)}})? (\S+)$", self.metrics_text(), re.M)
        if not samples:
            raise KeyError(f"no metric {name}")
        return sum(float(value) for found, value in samples if wanted <= set(found.split(",")))

    def expect_metric(self, value: float, name: str, **labels: str) -> None:
        """Waits for a sum: what a request counts at its end may come after its answer."""
        wait(f"{name} is {value:g}", lambda: self.metric(name, **labels) == value)

    def lines(self, log: str) -> list[dict]:
        file = self.folder / f"{log}.jsonl"
        return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []

    def access(self, uri: str, count: int = 1) -> list[dict]:
        """Waits for so many access lines of a URI."""

        def found() -> list[dict]:
            return [line for line in self.lines("access") if line["uri"] == uri]

        wait(f"{count} access lines of {uri}", lambda: len(found()) >= count)
        return found()

    def audit(self, request_id: str, count: int = 1) -> list[dict]:
        """Waits for so many audit lines of a request; in the order of their writing."""

        def found() -> list[dict]:
            return [line for line in self.lines("audit") if line["id"] == request_id]

        wait(f"{count} audit lines of {request_id}", lambda: len(found()) >= count)
        return found()

    def descriptors(self) -> int:
        return len(os.listdir(f"/proc/{self.pid}/fd"))

    def resident_kib(self) -> int:
        return int(re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{self.pid}/status").read_text())[1])


class Stage:
    def __init__(self):
        self.folder = Path(tempfile.mkdtemp(prefix="picket-it-"))
        self.programs = Programs(self.folder, BINARIES)
        self.clients: list[Client] = []
        self._peers: list[Agent | Upstream | NameServer] = []
        self._gateways = 0
        # What upstreams have where a test says nothing of it, for tests that run with the same ones over TLS.
        self.upstream_tls: ssl.SSLContext | None = None
        self.upstream_keys = ""

    def upstream(self, respond: Respond | None = None, on_head: OnHead | None = None, at: tuple[str, int] | Path = ("127.0.0.1", 0),
                 tls: ssl.SSLContext | None = None) -> Upstream:
        """At any free port of the loopback, at that host and port, or at a Unix socket; over TLS where there is a context."""
        self._peers.append(Upstream(respond, on_head, at, tls or self.upstream_tls))
        return self._peers[-1]

    def agent(self, name: str = "a", at: tuple[str, int] | None = None, **settings) -> Agent:
        """At a Unix socket of that name, or at the host and port of a network."""
        self._peers.append(Agent(at or self.path(name), **settings))
        return self._peers[-1]

    def name_server(self, port: int = 0) -> NameServer:
        self._peers.append(NameServer(port))
        return self._peers[-1]

    def adopt(self, peer) -> None:
        """A peer of another kind, closed with the others."""
        self._peers.append(peer)

    def is_served(self, path: Path | str) -> bool:
        """Whether there is an agent of ours that shakes hands."""
        return any(isinstance(peer, Agent) and peer.path == str(path) and peer.shakes_hands for peer in self._peers)

    def path(self, name: str) -> Path:
        return self.folder / f"{name}.sock"

    def unstarted(self) -> Gateway:
        self._gateways += 1
        return Gateway(self, self._gateways)

    def gateway(self, upstream: Upstream, agents: list[Asked] = (), **keys) -> Gateway:
        """A gateway before one upstream, started."""
        gateway = self.unstarted()
        gateway.write({"app": [upstream.address]}, agents, **keys)
        return gateway.start()

    def close(self) -> None:
        """Ends everything. Raises where a program did not end well or a sanitizer has spoken."""
        for client in self.clients:
            client.close()
        wrong = self.programs.stop()
        for peer in self._peers:
            peer.close()
        report = f"{'; '.join(wrong)}\n{self.programs.outputs()}" if wrong else ""
        shutil.rmtree(self.folder)
        if report:
            raise AssertionError(report)


class StageTest(unittest.TestCase):
    """A stage for each test."""

    def setUp(self):
        self.stage = Stage()

    def tearDown(self):
        self.stage.close()

    def clear_stage(self) -> None:
        """Ends what is on the stage: for the next case of one test."""
        self.stage.close()
        self.stage = Stage()

    def assert_failed_closed(self, answer: Response) -> None:
        """The agent gave no word, and the request was refused for it. On a busy machine a pong may be late, too, and then
        the connection is gone before the call has its time."""
        self.assertIn((answer.status, answer.reason), ((504, "agent_timeout"), (503, "agent_unavailable")))
