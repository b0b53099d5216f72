#!/usr/bin/env python3
"""Many WebSockets whose frames agents look at, while those and the gateway change and fail.

  many_websockets.py [--seconds N] [--seed N] [--clients N]

Clients of HTTP/1.1 and HTTP/2 talk to upstreams of HTTP/1.1 and HTTP/2 (extended CONNECT, RFC 8441). Agents that fail closed (over a Unix socket and
over TCP) and one that fails open are killed, frozen, drained and configured anew; the gateway is reloaded and upgraded. It ends with 1 where a message
passed that no agent had let pass, one was lost, changed or out of its order, somebody waited for ever, a WebSocket of the agent that fails open was
closed for its sake, or something was left behind.
"""

import argparse
import contextlib
import os
import random
import signal
import sys
import threading
import time
from collections import Counter
from pathlib import Path

from crowd import crowd
from http2_upstream import Http2Upstream
from processes import free_port, wait
from stage import READY, Asked, Stage
from switching import ENABLE_CONNECT_PROTOCOL
from talk import AGENT_FAILED, Answering, Talker

HERE = Path(__file__).resolve().parent
FRAMES = '"request_headers" "websocket_frame"'
ROUTES = ("closed", "network", "open")
VERSIONS = ("HTTP/1.1", "HTTP/2")  # of upstreams
MAX_CONCURRENT_STREAMS = 3  # of SETTINGS
INSPECTED = "websocket #true; websocket-inspection #true"
KEYS = "timeout-ms 1500; circuit-breaker { timeout-seconds 1 }; pool { connections 2; reconnect-interval-ms 50; max-reconnect-interval-ms 300 }"
LATE = len(ROUTES) * 2 * 2  # connections of two workers' pools of two to each agent, which may come while clients talk already
DRAIN_S = 2  # how long an old process serves the WebSockets that it has


def is_running(pid: int) -> bool:
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False


class Stand:
    def __init__(self, stage: Stage, seed: int):
        self.stage, self.random = stage, random.Random(seed)
        self.done: Counter = Counter()
        self.version = 0
        self.programs = {}
        self.places = {"closed": str(stage.path("closed")), "network": f"127.0.0.1:{free_port()}", "open": str(stage.path("open"))}
        self.pid_file = stage.folder / "picket.pid"
        self.answering = Answering()
        self.upstream = stage.upstream(self.answering.over_http1)
        self.http2_upstream = Http2Upstream(on_head=self.answering.over_http2, on_call=lambda call: None,
                                            settings={ENABLE_CONNECT_PROTOCOL: 1, MAX_CONCURRENT_STREAMS: 4})  # fmt: skip
        stage.adopt(self.http2_upstream)
        for route in ROUTES:
            self.start_agent(route)
        self.gateway = stage.unstarted()
        self.write()
        self.gateway.start()
        self.await_agents()

    def agent(self, route: str) -> Asked:
        keys = f'{KEYS}; config {{ version {self.version} }}; failure-mode "{"open" if route == "open" else "closed"}"'
        is_local = route != "network"
        return Asked(route, self.places[route], FRAMES, keys if is_local else f"{keys}; insecure #true", transport="unix-socket" if is_local else "tcp")

    def write(self) -> None:
        routes = "".join(f'route "{route}-{upstream}" {{ matches {{ path-prefix "{place}/" }}; filters "{route}"; upstream "{upstream}"; {INSPECTED} }}\n'
                         for route in ROUTES for place, upstream in ((f"/{route}", "app"), (f"/http2/{route}", "http2")))  # fmt: skip
        upstreams = {"app": [self.upstream.address], "http2": [self.http2_upstream.address]}
        self.gateway.write(upstreams, [self.agent(route) for route in ROUTES], workers=2, drain_s=DRAIN_S, routes=routes,
                           upstream_keys={"http2": "http-version { min-version 2 }; connection-pool { idle-timeout 2 }"},
                           listeners=f'listener "web" {{ address "127.0.0.1:{self.gateway.port}"; protocol "h2c" }}',
                           system=f'pid-file "{self.pid_file}"; graceful-upgrade-timeout-secs {DRAIN_S}', limits=f"max-header-count {100 - self.version % 10}")  # fmt: skip

    def start_agent(self, route: str) -> None:
        place = self.places[route]
        if route != "network":
            Path(place).unlink(missing_ok=True)
        environment = {"PYTHONPATH": ":".join(sys.path)}
        self.programs[route] = self.stage.programs.start(
            f"{route}-agent", sys.executable, HERE / "frame_inspector.py", place, says="serves", environment=environment)  # fmt: skip

    def await_agents(self) -> None:
        for route in ROUTES:
            wait(f"agent {route} is connected", lambda route=route: self.gateway.metric(READY, agent=route) > 0, 60)

    def serving(self) -> int:
        return int(self.pid_file.read_text())

    def descriptors(self) -> int:
        return len(os.listdir(f"/proc/{self.serving()}/fd"))

    # ---- what goes wrong, and what is changed

    def kill(self, route: str) -> None:
        self.programs[route].kill()
        time.sleep(self.random.uniform(0, 0.5))
        self.start_agent(route)

    def freeze(self, route: str) -> None:
        self.programs[route].freeze()
        time.sleep(self.random.uniform(0.1, 2.5))
        self.programs[route].signal(signal.SIGCONT)

    def drain(self, route: str) -> None:
        self.programs[route].signal(signal.SIGUSR1)
        self.start_agent(route)

    def reload(self, _: str) -> None:
        """Other limits, and another configuration for each agent."""
        self.version += 1
        self.write()
        before = self.gateway.program.text().count("reloaded")
        os.kill(self.serving(), signal.SIGHUP)
        wait("it is reloaded", lambda: self.gateway.program.text().count("reloaded") > before, 60)

    def upgrade(self, _: str) -> None:
        before = self.serving()
        os.kill(before, signal.SIGUSR2)
        wait("another process serves", lambda: self.serving() != before, 60)
        wait("the old one ends", lambda: not is_running(before), 60)

    def trouble(self, seconds: float) -> None:
        """Each kind at least once, in an order of chance, until the time is over."""
        kinds = (self.kill, self.freeze, self.drain, self.reload, self.upgrade)
        end = time.monotonic() + seconds
        while time.monotonic() < end or len(self.done) < len(kinds):
            for what in self.random.sample(kinds, len(kinds)):
                what(self.random.choice(ROUTES))
                self.done[what.__name__] += 1
                time.sleep(self.random.uniform(0.2, 1))

    def close(self) -> None:
        """What took the place of the process that the stage knows is ended first."""
        with contextlib.suppress(FileNotFoundError, ValueError, ProcessLookupError):
            last = self.serving()
            if last != self.gateway.pid:
                os.kill(last, signal.SIGTERM)
                wait("the last process ends", lambda: not is_running(last), 60)


def talk(stand: Stand, clients: int, during) -> tuple[list[str], Counter]:
    """Lets so many clients talk while `during` runs. Returns what went wrong, and what became of their WebSockets."""
    stop = threading.Event()
    talkers = [Talker(number, stand.gateway.port, ROUTES[number % len(ROUTES)], stop) for number in range(clients)]
    return crowd(talkers, stop, during, 90)


def left_behind(stand: Stand, descriptors: int) -> list[str]:
    """What is still there once nobody talks any more."""
    wrong = []
    gauges = ("picket_tunnels_open", "picket_client_connections_open", "picket_held_bytes", "picket_agent_events_in_flight")
    checks = [(f"{name} is 0", lambda name=name: stand.gateway.metric(name) == 0) for name in gauges]
    checks.append((f"descriptors are {descriptors} at most", lambda: stand.descriptors() <= descriptors))
    for what, holds in checks:
        try:
            wait(what, holds, 60)
        except TimeoutError:
            wrong.append(f"after the load not true: {what}; there are {stand.descriptors()} descriptors")
    return wrong


def run(seconds: float, seed: int, clients: int) -> int:
    stage = Stage()
    stand = None
    try:
        stand = Stand(stage, seed)
        open_at_once = []

        def begin() -> None:
            wait("all talk", lambda: stand.gateway.metric("picket_tunnels_open") >= clients, 60)
            open_at_once.append(stand.gateway.metric("picket_tunnels_open"))

        untouched = stand.descriptors()
        wrong, counts = talk(stand, clients, begin)
        wrong += left_behind(stand, untouched + LATE)
        idle = stand.descriptors()
        got, more = talk(stand, clients, lambda: stand.trouble(seconds))
        wrong += got + stand.answering.wrong
        counts += more
        stand.await_agents()
        wrong += left_behind(stand, idle + 8)
        print(f"seed {seed}: {open_at_once[0]:g} at once; {dict(counts.most_common())}; heard {dict(stand.answering.heard)}; "
              f"troubles {dict(stand.done)}; {idle} descriptors before, {stand.descriptors()} behind it")  # fmt: skip
        heard = [stand.answering.heard[route, version] for route in ROUTES for version in VERSIONS]
        if min(heard) <= clients / 2 or not counts[f"closed {AGENT_FAILED}"]:
            wrong.append("too little was said, or nothing failed: it proves nothing")
        for line in wrong[:40]:
            print(f"WRONG: {line}")
    finally:
        if stand is not None:
            stand.close()
        stage.close()  # raises where a program crashed or a sanitizer has spoken
    return 1 if wrong else 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--clients", type=int, default=60)
    arguments = parser.parse_args()
    return run(arguments.seconds, arguments.seed, arguments.clients)


if __name__ == "__main__":
    sys.exit(main())
