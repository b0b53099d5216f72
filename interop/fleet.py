"""Agents of three languages behind one gateway: Python on gRPC, the crate's in Rust on a socket, and C++ that dials in from another network. While
requests go on, one is killed, one drains, and a new one comes; nobody who asks notices."""

import http.client
import re
import shutil
import signal
import subprocess
import sys
import threading
import urllib.request
from pathlib import Path

from processes import Programs, free_port, wait

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests" / "integration"))

from cable import Cable  # noqa: E402
from upstream import Upstream  # noqa: E402

PYTHON_OF_GRPC = "/usr/bin/python3"  # whose modules Debian's packages are
CONFIG = """system {{ worker-threads 1 }}
listeners {{ listener "web" {{ address "127.0.0.1:{port}" }} }}
reverse-listener {{ tcp-address "{dialled}"; insecure #true; allowed-agents "edge-*" }}
agents {{
  agent "python" {{ grpc "http://127.0.0.1:{grpc}"; insecure #true; events "request_headers"; timeout-ms 5000; failure-mode "open"
    pool {{ reconnect-interval-ms 100; max-reconnect-interval-ms 500 }} }}
  agent "rust" {{ unix-socket "{rust}"; events "request_headers"; timeout-ms 5000 }}
  agent "edge" {{ reverse "edge-*"; events "request_headers"; timeout-ms 5000 }}
}}
filters {{ filter "python" {{ type "agent"; agent "python" }}; filter "rust" {{ type "agent"; agent "rust" }}; filter "edge" {{ type "agent"; agent "edge" }} }}
upstreams {{ upstream "app" {{ target "{upstream}" }} }}
routes {{ route "all" {{ filters "python" "rust" "edge"; upstream "app" }} }}
observability {{ metrics {{ address "127.0.0.1:{metrics}" }} }}
"""


class Fleet:
    def __init__(self, picket: Path, rust: Path, folder: Path, programs: Programs, cable: Cable):
        self.picket, self.rust, self.folder, self.programs, self.cable = picket, rust, folder, programs, cable
        self.port, self.grpc, self.dialled, self.metrics = (free_port() for _ in range(4))
        self.wrong: list[str] = []
        self.done = 0

    def start(self, upstream: str) -> None:
        file = self.folder / "gateway.kdl"
        file.write_text(CONFIG.format(port=self.port, grpc=self.grpc, dialled=f"{self.cable.near}:{self.dialled}", metrics=self.metrics,
                                      rust=self.folder / "rust.sock", upstream=upstream))  # fmt: skip
        subprocess.run(["protoc", f"-I{ROOT / 'spec'}", f"--python_out={self.folder}", str(ROOT / "spec" / "agent_v2.proto")], check=True, timeout=60)
        self.programs.start("rust", self.rust, "--listen", self.folder / "rust.sock", "--log", self.folder / "rust.log", serves=str(self.folder / "rust.sock"))
        self.python = self.start_python(1)
        self.programs.start("gateway", self.picket, "run", file, serves=("127.0.0.1", self.port))
        self.edge = self.dial_in(1)

    def start_python(self, number: int):
        agent = ROOT / "tests" / "integration" / "grpc_peers" / "agent.py"
        return self.programs.start(f"python-{number}", PYTHON_OF_GRPC, agent, f"127.0.0.1:{self.grpc}", serves=("127.0.0.1", self.grpc),
                                   environment={"PYTHONPATH": str(self.folder)})  # fmt: skip

    def dial_in(self, number: int):
        within = (shutil.which("ip"), "netns", "exec", self.cable.name)
        return self.programs.start(f"edge-{number}", *within, self.picket, "agent", "--dial", f"tcp:{self.cable.near}:{self.dialled}", "--insecure",
                                   "--agent-id", f"edge-{number}", "--block-if", "x-edge=stop")  # fmt: skip

    def ask(self, fields: dict[str, str], target: str = "/allow") -> int:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request("GET", target, headers={"x-decide": "allow"} | fields)
            return connection.getresponse().status
        finally:
            connection.close()

    def open_edges(self) -> int:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.metrics}/metrics", timeout=10) as page:
            return int(re.search(r"^picket_reverse_connections_open (\d+)", page.read().decode(), re.M)[1])

    def all_decide(self) -> None:
        for who, fields in (("python", {"x-block": "yes"}), ("rust", {"x-decide": "block"}), ("edge", {"x-edge": "stop"})):
            wait(f"{who} decides", lambda fields=fields: self.ask(fields, "/block") == 403, 30)

    def load(self, stop: threading.Event) -> None:
        while not stop.is_set():
            try:
                status = self.ask({})
            except OSError as error:
                status = repr(error)
            self.done += 1
            if status != 200:
                self.wrong.append(f"a request was answered {status}")


def play(picket: Path, rust: Path, folder: Path, check) -> None:
    if problem := Cable.problem():
        print(f"agents of three languages: skipped, {problem}")
        return
    cable, programs, upstream, stop = Cable(), Programs(folder), Upstream(), threading.Event()
    fleet = Fleet(picket, rust, folder, programs, cable)
    clients = [threading.Thread(target=fleet.load, args=(stop,)) for _ in range(4)]
    try:
        fleet.start(upstream.address)
        fleet.all_decide()
        for client in clients:
            client.start()
        alone = fleet.open_edges()
        fleet.dial_in(2)
        wait("the new one is there", lambda: fleet.open_edges() > alone)
        fleet.edge.signal(signal.SIGTERM)
        check(fleet.edge.wait() == 0, "fleet", "the agent that drains did not end well")
        fleet.python.kill()
        before = fleet.done
        wait("requests go on without it", lambda: fleet.done > before + 20)
        fleet.start_python(2)
        fleet.all_decide()
    finally:
        stop.set()
        for client in clients:
            if client.is_alive():
                client.join()
        programs.stop()
        upstream.close()
        cable.close()
    check(fleet.done > 100, "fleet", f"only {fleet.done} requests were made")
    check(not fleet.wrong, "fleet", f"{len(fleet.wrong)} of {fleet.done}: {fleet.wrong[:3]}")
