"""How two ends meet in tools/interop, and the agent at one of them."""

import json
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.append(str(ROOT / "bench"))

from places import BIN, PICKET_BIN  # noqa: E402
from processes import Programs, free_port  # noqa: E402


@dataclass(frozen=True)
class Way:
    """A transport and what is spoken on it. `build`: of the crate, whose features fix what it offers on sockets."""

    name: str
    transport: str
    build: str = "json"

    def address(self, folder: Path) -> str:
        return f"grpc:127.0.0.1:{free_port()}" if self.transport == "grpc" else f"unix:{folder / 'peer.sock'}"


JSON, MSGPACK = Way("json", "unix"), Way("msgpack", "unix", "msgpack")
GRPC, REVERSE = Way("gRPC", "grpc"), Way("reverse", "reverse")
ALL = (JSON, MSGPACK, GRPC, REVERSE)


def clear_text(address: str) -> list[str]:
    """What Picket's programs want to hear before they speak in clear over a network."""
    return ["--insecure"] if address.startswith("grpc:") else []


def place(way: Way, address: str) -> str:
    """The keys of a gateway's agent that say where it is. Beside them a reverse one needs `reception`."""
    path = address.partition(":")[2]
    if way == GRPC:
        return f'grpc "http://{path}"; insecure #true'
    return 'reverse "agent"' if way == REVERSE else f'{"unix-socket" if way == JSON else "binary-uds"} "{path}"'


def reception(way: Way, address: str) -> str:
    return f'reverse-listener {{ path "{address.removeprefix("unix:")}" }}' if way == REVERSE else ""


class Agent:
    """One agent with its log, ended on exit. Dials under the id "agent" where the way is reverse, else it is dialled."""

    def __init__(self, name: str, way: Way, folder: Path, check):
        self.name, self.way, self.check = name, way, check
        self.log, self.address = folder / "agent.log", way.address(folder)
        self.programs = Programs(folder)

    def command(self) -> list:
        dials = self.way.transport == "reverse"
        place = ["--dial", self.address, "--agent-id", "agent"] if dials else ["--listen", self.address]
        if self.name == "picket":
            return [PICKET_BIN / "picket_interop_agent", self.log, *place, *clear_text(self.address)]
        return [BIN / f"{self.name}-{self.way.build}", *place, "--log", self.log]

    def __enter__(self):
        serves = None
        if self.way.transport == "unix":
            serves = self.address.removeprefix("unix:")
        elif self.way.transport == "grpc":
            serves = ("127.0.0.1", int(self.address.rpartition(":")[2]))
        # The SDK's runner writes each event to its standard output.
        self.programs.start("agent", *self.command(), serves=serves, environment={"RUST_LOG": "off"})
        return self

    def __exit__(self, *_):
        if self.name == "reference-agent":
            self.programs.all[0].kill()  # the crate's server has no other end
        for wrong in self.programs.stop():
            self.check(False, f"{self.name}, {self.way.name}", wrong)

    def events(self) -> list[dict]:
        return [json.loads(line) for line in self.log.read_text(encoding="utf-8").splitlines()]
