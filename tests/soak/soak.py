#!/usr/bin/env python3
"""A gateway, its agents and its upstreams under random clients, while everything around it fails and it is reloaded.

  soak.py [--seconds N] [--seed N] [--clients N]

Agents crash, stall and drain; upstreams misbehave; the gateway gets SIGHUP and SIGUSR1. It ends with 1 where a program crashed, a request
passed a fail-closed agent uninspected, an answer belonged to somebody else, a client got none, or something was left behind.
"""

import argparse
import os
import random
import signal
import sys
import threading
import time
from collections import Counter
from pathlib import Path

from clients import Visitor
from faulty_upstream import FaultyUpstream
from processes import wait
from stage import Asked, Gateway, Stage

INSPECTOR = Path(__file__).resolve().parent / "inspector.py"
BODY = '"request_headers" "request_body"'
QUICK = "timeout-ms 1500; circuit-breaker { timeout-seconds 1 }; pool { reconnect-interval-ms 50 }"
ROUTES = """
  route "closed" { matches { path-prefix "/closed/" }; filters "closed"; upstream "app" }
  route "open" { matches { path-prefix "/open/" }; filters "open"; upstream "app" }
  route "waf" { matches { path-prefix "/waf/" }; filters "waf"; upstream "app" }
  route "plain" { matches { path-prefix "/" }; upstream "app" }
"""


class Soak:
    def __init__(self, stage: Stage, seed: int):
        self.stage, self.random = stage, random.Random(seed)
        self.upstreams = [FaultyUpstream(), FaultyUpstream()]
        self.agents = [Asked("closed", stage.path("closed"), BODY, QUICK),
                       Asked("open", stage.path("open"), BODY, f'{QUICK}; failure-mode "open"'),
                       Asked("waf", stage.path("waf"), BODY, QUICK.replace("1500", "20000"))]
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
        self.gateway.write({"app": [upstream.address for upstream in self.upstreams]}, self.agents, workers=2, routes=ROUTES,
                           limits=limits)

    def start_agent(self, name: str) -> None:
        self.started += 1
        path = self.stage.path(name)
        programs = self.stage.programs
        if name == "waf":
            self.programs[name] = programs.start(f"waf-{self.started}", "picket-waf", "--listen", f"unix:{path}", serves=str(path))
        else:
            path.unlink(missing_ok=True)
            environment = {"PYTHONPATH": ":".join(sys.path)}
            self.programs[name] = programs.start(f"{name}-{self.started}", sys.executable, INSPECTOR, path, serves=str(path),
                                                 environment=environment)

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
            what(self.random.choice(("closed", "open", "waf")))
            self.done[what.__name__] += 1
            time.sleep(self.random.uniform(0.1, 1.5))

    def wrong(self) -> list[str]:
        return [line for upstream in self.upstreams for line in upstream.wrong]


def visit(port: int, seed: int, clients: int, during) -> tuple[list[str], Counter]:
    """Lets so many visitors come while `during` runs. Returns what they got and must not have got, and what they got."""
    stop = threading.Event()
    visitors = [Visitor(seed * 1000 + number, port, stop) for number in range(clients)]
    for visitor in visitors:
        visitor.start()
    during()
    stop.set()
    for visitor in visitors:
        visitor.join(60)
    hanging = [f"client {visitor.seed} hangs" for visitor in visitors if visitor.is_alive()]
    counts = sum((visitor.counts for visitor in visitors), Counter())
    return hanging + [line for visitor in visitors for line in visitor.wrong], counts


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


def run(seconds: float, seed: int, clients: int) -> int:
    stage = Stage()
    try:
        soak = Soak(stage, seed)
        gateway = soak.gateway
        wrong, _ = visit(gateway.port, seed, clients, lambda: time.sleep(min(5, seconds / 4)))  # until it is warm
        resident = gateway.resident_kib()
        got, counts = visit(gateway.port, seed + 1, clients, lambda: soak.trouble(seconds))
        wrong += got + soak.wrong()
        if gateway.program.running():
            idle = 40 + 2 * 64  # listeners, logs, agents' connections of two workers, idle upstream connections
            wrong += left_behind(gateway, idle)
            grown = gateway.resident_kib() - resident
            if grown > 64 * 1024 + resident // 2:
                wrong.append(f"resident memory grew by {grown} KiB from {resident} KiB")
        served = sum(upstream.served for upstream in soak.upstreams)
        print(f"seed {seed}: {sum(counts.values())} outcomes {dict(counts.most_common())}; upstreams served {served}; "
              f"troubles {dict(soak.done)}")
        for line in wrong[:40]:
            print(f"WRONG: {line}")
        if served == 0 or counts[200] == 0:
            wrong.append("nothing was served: the soak proves nothing")
    finally:
        stage.close()  # raises where a program crashed or a sanitizer has spoken
    return 1 if wrong else 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--clients", type=int, default=12)
    arguments = parser.parse_args()
    return run(arguments.seconds, arguments.seed, arguments.clients)


if __name__ == "__main__":
    sys.exit(main())
