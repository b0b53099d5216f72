#!/usr/bin/env python3
"""A gateway, its agents and its upstreams under random clients, while everything around it fails and it is reloaded.

  soak.py [--seconds N] [--seed N] [--clients N] [--transports unix,tls,grpc,reverse]

Agents on each transport crash, stall, drain, come and go; upstreams misbehave; the gateway gets SIGHUP and SIGUSR1. It ends with 1 where a
program crashed, a request passed a fail-closed agent uninspected, an answer belonged to somebody else, a client got none, an agent was not
told the end of an exchange, memory grew, or something was left behind.
"""

import argparse
import os
import random
import re
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from functools import partial
from pathlib import Path

from certificates import Authority
from clients import Visitor
from crowd import crowd
from faulty_upstream import FaultyUpstream
from processes import free_port, wait
from stage import Asked, Gateway, Stage

HERE = Path(__file__).resolve().parent
SPEC = HERE.parents[1] / "spec"
PYTHON_OF_GRPC = "/usr/bin/python3"  # whose modules Debian's packages are
TRANSPORTS = ("unix", "tls", "grpc", "reverse")
BODY = '"request_headers" "request_body"'
OF_DIALLING = "timeout-ms 1500; circuit-breaker { timeout-seconds 1 }"
QUICK = f"{OF_DIALLING}; pool {{ reconnect-interval-ms 50; max-reconnect-interval-ms 300 }}"
# What a run that is long enough may grow by after its first tenth: what sanitizers and the allocator keep.
GROWTH = 0.15
LONG_ENOUGH = 300


class Soak:
    def __init__(self, stage: Stage, seed: int, transports: tuple[str, ...]):
        self.stage, self.random, self.transports = stage, random.Random(seed), transports
        self.upstreams = [FaultyUpstream(), FaultyUpstream()]
        self.addresses = {name: f"127.0.0.1:{free_port()}" for name in ("tls", "grpc", "reverse")}
        authority = Authority(stage.folder)
        self.shown = authority.issue("agent", "IP:127.0.0.1")
        subprocess.run(["protoc", f"-I{SPEC}", f"--python_out={stage.folder}", str(SPEC / "agent_v2.proto")], check=True, timeout=60)
        closed = {
            "unix": Asked("closed", stage.path("closed"), BODY, QUICK),
            "tls": Asked("tls", self.addresses["tls"], BODY, f'{QUICK}; tls {{ ca-cert "{authority.ca.certificate}" }}', transport="tcp"),
            "grpc": Asked("grpc", f"http://{self.addresses['grpc']}", BODY, f"{QUICK}; insecure #true", transport="grpc"),
            "reverse": Asked("reverse", "edge-*", BODY, OF_DIALLING, transport="reverse"),
        }  # fmt: skip
        self.agents = [*(closed[transport] for transport in transports),
                       Asked("open", stage.path("open"), BODY, f'{QUICK}; failure-mode "open"'),
                       Asked("waf", stage.path("waf"), BODY, QUICK.replace("1500", "20000"))]  # fmt: skip
        self.routes = tuple(agent.name for agent in self.agents)
        self.programs = {}
        self.started = 0
        self.done: Counter = Counter()
        for agent in self.agents:
            self.start_agent(agent.name)
        self.gateway = stage.unstarted()
        os.environ["ASAN_OPTIONS"] = "quarantine_size_mb=8"  # what is freed counts as gone
        self.write()
        self.gateway.start()

    def write(self, limits: str = "") -> None:
        routes = "".join(f'  route "{name}" {{ matches {{ path-prefix "/{name}/" }}; filters "{name}"; upstream "app" }}\n' for name in self.routes)
        routes += '  route "plain" { matches { path-prefix "/" }; upstream "app" }\n'
        reverse = f'tcp-address "{self.addresses["reverse"]}"; insecure #true; max-connections-per-agent 8' if "reverse" in self.transports else ""
        self.gateway.write({"app": [upstream.address for upstream in self.upstreams]}, self.agents, workers=2, routes=routes,
                           limits=limits, reverse=reverse)  # fmt: skip

    def start_agent(self, name: str) -> None:
        self.started += 1
        program = f"{name}-{self.started}"
        path = self.stage.path(name)
        start = partial(self.stage.programs.start, program)
        environment = {"PYTHONPATH": ":".join((*sys.path, str(self.stage.folder)))}
        inspector = (sys.executable, HERE / "inspector.py")
        match name:
            case "waf":
                started = start("picket-waf", "--listen", f"unix:{path}", serves=str(path))
            case "tls":
                started = start(*inspector, "tls", self.addresses[name], self.shown.certificate, self.shown.key, says="serves", environment=environment)
            case "grpc":
                started = start(PYTHON_OF_GRPC, HERE / "grpc_inspector.py", self.addresses[name], says="serves",
                                environment={"PYTHONPATH": str(self.stage.folder)})  # fmt: skip
            case "reverse":
                started = start(*inspector, "reverse", self.addresses[name], f"edge-{self.started}", says="serves", environment=environment)
            case _:
                path.unlink(missing_ok=True)
                started = start(*inspector, "unix", path, serves=str(path), environment=environment)
        self.programs[name] = started

    # ---- what goes wrong

    def crash(self, name: str) -> None:
        self.programs[name].kill()
        time.sleep(self.random.uniform(0, 0.3))
        self.start_agent(name)

    def stall(self, name: str) -> None:
        self.programs[name].signal(signal.SIGSTOP)
        time.sleep(self.random.uniform(0.1, 2.5))
        self.programs[name].signal(signal.SIGCONT)

    def drain(self, name: str) -> None:
        if name == "waf":
            self.programs[name].signal(signal.SIGTERM)
        else:
            self.programs[name].signal(signal.SIGUSR1)
            self.start_agent(name)  # its successor, at once
            return
        self.programs[name].wait()
        self.start_agent(name)

    def reload(self, _: str) -> None:
        self.write(limits=f"max-header-count {self.random.randint(90, 100)}")
        self.gateway.program.signal(signal.SIGHUP)

    def rotate(self, _: str) -> None:
        log = self.gateway.folder / "access.jsonl"
        log.rename(log.with_suffix(".old"))
        self.gateway.program.signal(signal.SIGUSR1)

    def trouble(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            what = self.random.choice((self.crash, self.stall, self.drain, self.reload, self.reload, self.rotate))
            what(self.random.choice(self.routes))
            self.done[what.__name__] += 1
            time.sleep(self.random.uniform(0.1, 1.5))

    def inspected(self) -> Counter:
        """Requests that reached an upstream, by route."""
        return sum((upstream.routes for upstream in self.upstreams), Counter())

    def untold(self) -> list[str]:
        """Agents that have seen a request and were not told its end, once nobody asks any more."""
        wrong = []
        for name, program in self.programs.items():
            if name == "waf":
                continue

            def is_told(program=program) -> bool:
                program.signal(signal.SIGUSR2)
                time.sleep(0.1)
                return re.findall(r"^open (\d+)$", program.text(), re.M)[-1:] == ["0"]

            try:
                wait("it has heard all ends", is_told, 30)
            except TimeoutError:
                wrong.append(f"{name} has not heard the end of exchanges: {program.text().split(chr(10))[-2]}")
        return wrong

    def wrong(self) -> list[str]:
        return [line for upstream in self.upstreams for line in upstream.wrong]


def visit(port: int, seed: int, clients: int, routes: tuple[str, ...], during) -> tuple[list[str], Counter]:
    """Lets so many visitors come while `during` runs. Returns what they got and must not have got, and what they got."""
    stop = threading.Event()
    visitors = [Visitor(seed * 1000 + number, port, stop, (*routes, "plain")) for number in range(clients)]
    return crowd(visitors, stop, during, 60)


def left_behind(gateway: Gateway, descriptors: int) -> list[str]:
    """What is still there once nobody asks any more."""
    wrong = []
    for what, there in (("client connections are open", lambda: gateway.metric("picket_client_connections_open") == 0),
                        ("calls are in flight", lambda: gateway.metric("picket_agent_events_in_flight") == 0),
                        (f"descriptors are more than {descriptors}", lambda: gateway.descriptors() <= descriptors)):
        try:
            wait(what, there, 90)
        except TimeoutError:
            wrong.append(f"after the load {what}")
    return wrong


class Memory:
    """What the gateway holds: at the start of the load, after its first tenth, at its end."""

    def __init__(self, gateway: Gateway):
        self._gateway = gateway
        self.samples: list[int] = []

    def sample(self) -> None:
        if self._gateway.program.running():
            self.samples.append(self._gateway.resident_kib())

    def judge(self, seconds: float) -> list[str]:
        start, tenth, end = self.samples
        print(f"resident memory: {start} KiB at the start, {tenth} KiB after a tenth, {end} KiB at the end")
        most = tenth + int(tenth * GROWTH) if seconds >= LONG_ENOUGH else start + 64 * 1024 + start // 2
        return [f"resident memory is {end} KiB at the end, {most} KiB are the most"] if end > most else []


def load(soak: Soak, memory: Memory, seconds: float) -> None:
    memory.sample()
    soak.trouble(seconds / 10)
    memory.sample()
    soak.trouble(seconds * 9 / 10)


def run(seconds: float, seed: int, clients: int, transports: tuple[str, ...]) -> int:
    stage = Stage()
    try:
        soak = Soak(stage, seed, transports)
        gateway = soak.gateway
        wrong, _ = visit(gateway.port, seed, clients, soak.routes, lambda: time.sleep(min(5, seconds / 4)))  # until it is warm
        memory = Memory(gateway)
        got, counts = visit(gateway.port, seed + 1, clients, soak.routes, lambda: load(soak, memory, seconds))
        wrong += got + soak.wrong()
        if gateway.program.running():
            idle = 40 + 2 * 64 + 2 * 4 * len(transports)  # listeners, logs, agents' connections of two workers, idle upstream connections
            wrong += left_behind(gateway, idle) + soak.untold()
            memory.sample()
            wrong += memory.judge(seconds)
        served = sum(upstream.served for upstream in soak.upstreams)
        print(f"seed {seed}: {sum(counts.values())} outcomes {dict(counts.most_common())}; upstreams served {served}, inspected "
              f"{dict(soak.inspected())}; troubles {dict(soak.done)}")  # fmt: skip
        for line in wrong[:40]:
            print(f"WRONG: {line}")
        if served == 0 or counts[200] == 0 or not all(soak.inspected()[name] for name in soak.routes):
            wrong.append("nothing was served, or nothing over one transport: the soak proves nothing")
            print(f"WRONG: {wrong[-1]}")
    finally:
        stage.close()  # raises where a program crashed or a sanitizer has spoken
    return 1 if wrong else 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--clients", type=int, default=12)
    parser.add_argument("--transports", default=",".join(TRANSPORTS), help="of the agents that fail closed")
    arguments = parser.parse_args()
    transports = tuple(arguments.transports.split(","))
    if unknown := set(transports) - set(TRANSPORTS):
        parser.error(f"--transports: {', '.join(sorted(unknown))}; known: {', '.join(TRANSPORTS)}")
    return run(arguments.seconds, arguments.seed, arguments.clients, transports)


if __name__ == "__main__":
    sys.exit(main())
