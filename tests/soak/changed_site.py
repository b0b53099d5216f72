#!/usr/bin/env python3
"""A site that is changed under load, whose visitors must not notice.

  site.py [--seconds N] [--seed N]

HTTPS, HTTP/2, a gRPC service and an event stream behind one gateway with a WAF and an authenticator. Meanwhile it is reloaded, its certificate
is rotated, its program is upgraded, and targets of its upstream end and return. It ends with 1 where a request failed, an answer was somebody
else's, an attack passed, or a change was not made.
"""

import argparse
import contextlib
import os
import random
import shutil
import signal
import ssl
import sys
import threading
import time
from collections import Counter
from concurrent import futures
from pathlib import Path

sys.path.append("/usr/lib/python3/dist-packages")  # Debian's python3-grpcio, whichever interpreter this is

import grpc  # noqa: E402
from certificates import Authority  # noqa: E402
from processes import wait  # noqa: E402
from site_visitors import VISITORS  # noqa: E402
from stage import Asked, Stage  # noqa: E402
from upstream import Request, Upstream, response  # noqa: E402

NAME = "site.test"
EVENTS = 10
APP_KEYS = """health-check { type "http" { path "/health" }; interval-secs 1; timeout-secs 5 }
    passive-health { failures 3; for-secs 1 }; retry { attempts 4 }; connection-pool { max-idle 8 }"""


def page(request: Request) -> bytes:
    """Says which page it is, so that a visitor knows his own."""
    return response(request.target.encode())


def events(request: Request) -> None:
    """A stream that takes its time, and its end."""
    request.peer.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")
    for number in range(EVENTS):
        event = f"data: {request.target} {number}\n\n".encode()
        request.peer.sendall(b"%x\r\n%s\r\n" % (len(event), event))
        time.sleep(0.15)
    request.peer.sendall(b"0\r\n\r\n")


class Echo(grpc.GenericRpcHandler):
    def service(self, details: grpc.HandlerCallDetails):
        return grpc.unary_unary_rpc_method_handler(lambda request, context: request)


class Site:
    def __init__(self, stage: Stage, seed: int):
        self.stage, self.random = stage, random.Random(seed)
        self.done: Counter = Counter()
        self.version = 0
        self.authority = Authority(stage.folder)
        self.shown = self.authority.issue("site", f"DNS:{NAME}")
        self.pid_file = stage.folder / "picket.pid"
        self.targets = [stage.upstream(page) for _ in range(3)]
        self.events = stage.upstream(events)
        self.service = grpc.server(futures.ThreadPoolExecutor(4))
        self.service.add_generic_rpc_handlers((Echo(),))
        service_port = self.service.add_insecure_port("127.0.0.1:0")
        self.service.start()
        stage.programs.start("waf", "picket-waf", "--listen", f"unix:{stage.path('waf')}", serves=str(stage.path("waf")))
        stage.programs.start("auth", "picket", "agent", "--listen", f"unix:{stage.path('auth')}", "--block-if", "x-user=nobody",
                             serves=str(stage.path("auth")))  # fmt: skip
        self.agents = [Asked("auth", stage.path("auth"), keys="timeout-ms 20000"),
                       Asked("waf", stage.path("waf"), '"request_headers" "request_body"', "timeout-ms 30000")]  # fmt: skip
        self.gateway = stage.unstarted()
        self.upstreams = {"app": [target.address for target in self.targets], "events": [self.events.address],
                          "service": [f"127.0.0.1:{service_port}"]}  # fmt: skip
        self.write()
        self.gateway.start()

    def write(self) -> None:
        gateway = self.gateway
        tls = f'tls {{ cert-file "{self.shown.certificate}"; key-file "{self.shown.key}" }}'
        said = f'response-headers {{ set "x-version" "{self.version}" }}'
        gateway.write(
            self.upstreams, self.agents, workers=2, drain_s=120, system=f'pid-file "{self.pid_file}"',
            listeners=f'listener "web" {{ address "127.0.0.1:{gateway.port}"; protocol "https"; {tls} }}',
            upstream_keys={"app": APP_KEYS, "service": "http-version { min-version 2 }"},
            routes=f"""
                route "service" {{ matches {{ path-prefix "/test.Service/" }}; filters "auth"; upstream "service"; {said} }}
                route "events" {{ matches {{ path-prefix "/events" }}; filters "auth"; upstream "events"; {said} }}
                route "pages" {{ matches {{ path-prefix "/" }}; filters "auth" "waf"; upstream "app"; {said} }}""")  # fmt: skip

    # ---- who serves

    def serving(self) -> int:
        return int(self.pid_file.read_text())

    def trust(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=str(self.authority.ca.certificate))

    def channel(self) -> grpc.Channel:
        trusted = grpc.ssl_channel_credentials(self.authority.ca.certificate.read_bytes())
        options = [("grpc.ssl_target_name_override", NAME), ("grpc.default_authority", NAME)]
        return grpc.secure_channel(f"127.0.0.1:{self.gateway.port}", trusted, options)

    # ---- what is changed

    def reload(self) -> None:
        self.version += 1
        said = f"configuration {self.version}"
        self.write()
        before = self.gateway.program.text().count("reloaded")
        os.kill(self.serving(), signal.SIGHUP)
        wait(f"{said} is in use", lambda: self.gateway.program.text().count("reloaded") > before)

    def rotate(self) -> None:
        new = self.authority.issue("next", f"DNS:{NAME}")
        for made, used in ((new.certificate, self.shown.certificate), (new.key, self.shown.key)):
            shutil.copy(made, used)
        self.reload()

    def upgrade(self) -> None:
        before = self.serving()
        os.kill(before, signal.SIGUSR2)
        wait("another process serves", lambda: self.serving() != before, 60)
        self.gateway.said(f"process {self.serving()} serves in place of this one")

    def lose_target(self) -> None:
        number = self.random.randrange(len(self.targets))
        lost = self.targets[number]
        lost.close()
        time.sleep(self.random.uniform(0.2, 2))
        self.targets[number] = self.stage.upstream(page, at=("127.0.0.1", lost.port))

    def change(self, seconds: float) -> None:
        """Every kind of change in turn, in an order of chance, until the time is over; each at least once."""
        changes = (self.reload, self.rotate, self.upgrade, self.lose_target)
        end = time.monotonic() + seconds
        while time.monotonic() < end or len(self.done) < len(changes):
            for what in self.random.sample(changes, len(changes)):
                what()
                self.done[what.__name__] += 1
                time.sleep(self.random.uniform(0.2, 1))

    def close(self) -> None:
        """What took the place of the process that the stage knows is ended first."""
        self.service.stop(None).wait()
        with contextlib.suppress(FileNotFoundError, ValueError, ProcessLookupError):
            last = self.serving()
            if last != self.gateway.pid:
                os.kill(last, signal.SIGTERM)
                wait("the last process ends", lambda: not Path(f"/proc/{last}").exists(), 150)


def log_says(site: Site) -> list[str]:
    """Answers of the gateway's that nobody should have had."""
    return [f"{line['uri']} got {line['status']}: {line.get('reason')} {line.get('upstream_error')}"
            for line in site.gateway.lines("access") if line["status"] >= 500]  # fmt: skip


def run(seconds: float, seed: int) -> int:
    stage = Stage()
    site = None
    try:
        site = Site(stage, seed)
        stop = threading.Event()
        visitors = [visitor(site, number, stop) for number, visitor in enumerate(VISITORS)]
        for visitor in visitors:
            visitor.start()
        site.change(seconds)
        stop.set()
        for visitor in visitors:
            visitor.join(90)
        wrong = [f"{visitor.name} hangs" for visitor in visitors if visitor.is_alive()]
        wrong += [line for visitor in visitors for line in visitor.wrong] + log_says(site)
        wrong += [f"{visitor.name} was never answered" for visitor in visitors if not visitor.counts["whole"]]
        counts = {visitor.name: dict(visitor.counts) for visitor in visitors}
        print(f"seed {seed}: {counts}; changes {dict(site.done)}")
        for line in wrong[:40]:
            print(f"WRONG: {line}")
    finally:
        if site is not None:
            site.close()
        stage.close()  # raises where a program crashed or a sanitizer has spoken
    return 1 if wrong else 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    return run(arguments.seconds, arguments.seed)


if __name__ == "__main__":
    sys.exit(main())
