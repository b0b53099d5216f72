"""Agents that lie, over each transport: ids of others, answers twice or to what was not asked, frames that are none. No verdict is swapped or
invented, what cannot be read fails closed, and all others go on."""

import os
import ssl
import subprocess
import threading
import unittest
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from certificates import Authority
from liar import BROKEN, LIES, Liar
from processes import free_port, wait
from stage import READY, Asked, Gateway, StageTest

PEERS = Path(__file__).parent / "grpc_peers"
SPEC = Path(__file__).parents[2] / "spec"
PYTHON = "/usr/bin/python3"  # whose modules Debian's packages are
TRANSPORTS = ("unix-json", "unix-msgpack", "tcp-json", "tcp-msgpack", "tls-json", "tls-msgpack", "reverse", "grpc", "grpcs")
RECONNECT = "reconnect-interval-ms 100; max-reconnect-interval-ms 300"


class Liars(StageTest):
    def set_up(self, transport: str) -> Gateway:
        """A liar behind each path but /well, where an agent is that says the truth."""
        self.port = free_port()
        address = f"127.0.0.1:{self.port}"
        authority = Authority(self.stage.folder)
        self.shown = authority.issue("shown", "IP:127.0.0.1")
        tls = f'tls {{ ca-cert "{authority.ca.certificate}" }}'
        socket = self.stage.path("liar")
        place, more = {
            "unix-json": (("unix-socket", str(socket)), ""),
            "unix-msgpack": (("unix-socket", str(socket)), ""),
            "tcp-json": (("tcp", address), "insecure #true"),
            "tcp-msgpack": (("tcp", address), "insecure #true"),
            "tls-json": (("tcp", address), tls),
            "tls-msgpack": (("tcp", address), tls),
            "reverse": (("reverse", "edge"), ""),
            "grpc": (("grpc", f"http://{address}"), "insecure #true"),
            "grpcs": (("grpc", f"https://{address}"), tls),
        }[transport]  # fmt: skip
        pool = "" if transport == "reverse" else f"connections 2; {RECONNECT}"
        keys = f"timeout-ms 20000; failure-mode closed; circuit-breaker {{ failure-threshold 10000 }}; pool {{ {pool} }}; {more}"
        self.well = self.stage.agent("well", request_headers=lambda event: {"version": 2, "decision": "allow"})
        if transport != "reverse":
            self.start_liar(transport, socket if transport.startswith("unix") else ("127.0.0.1", self.port))
        gateway = self.stage.unstarted()
        upstream = self.stage.upstream().address
        routes = ('route "well" { matches { path-prefix "/well" }; filters "well"; upstream "app" }; '
                  'route "all" { matches { path-prefix "/" }; filters "liar"; upstream "app" }')  # fmt: skip
        agents = [Asked("liar", place[1], keys=keys, transport=place[0]), Asked("well", self.well.path)]
        reverse = f'tcp-address "{address}"; insecure #true' if transport == "reverse" else ""
        gateway.write({"app": [upstream]}, agents, routes=routes, reverse=reverse)
        gateway.start()
        if transport == "reverse":
            self.start_liar(transport, ("127.0.0.1", self.port))
        wait("a connection", lambda: gateway.metric(READY, agent="liar") > 0)
        return gateway

    def start_liar(self, transport: str, place) -> None:
        if transport.startswith("grpc"):
            return self.start_grpc_liar(transport)
        context = None
        if transport.startswith("tls"):
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(self.shown.certificate, self.shown.key)
        encoding = "msgpack" if transport.endswith("msgpack") else "json"
        self.stage.adopt(Liar(place, encoding, context, dials=transport == "reverse"))

    def start_grpc_liar(self, transport: str) -> None:
        subprocess.run(["protoc", f"-I{SPEC}", f"--python_out={self.stage.folder}", str(SPEC / "agent_v2.proto")], check=True, timeout=60)
        shown = (str(self.shown.certificate), str(self.shown.key)) if transport == "grpcs" else ()
        self.stage.programs.start("liar", PYTHON, str(PEERS / "liar.py"), f"127.0.0.1:{self.port}", *shown, says="serves",
                                  environment={"PYTHONPATH": f"{self.stage.folder}{os.pathsep}{PEERS}"})  # fmt: skip

    def ask(self, gateway: Gateway, lie: str, blocks: bool) -> int:
        return gateway.get(headers=f"x-lie: {lie}\r\n" + ("x-block: yes\r\n" if blocks else "")).status

    def test_a_lie_that_can_be_seen_changes_no_verdict(self):
        for transport in TRANSPORTS:
            with self.subTest(transport):
                gateway = self.set_up(transport)
                # Several at once: what is said of one must not be taken for another's.
                asked = [(lie, blocks) for lie in (*LIES, "") * 4 for blocks in (True, False)]
                with ThreadPoolExecutor(8) as pool:
                    answers = list(pool.map(lambda each: self.ask(gateway, *each), asked))
                for (lie, blocks), status in zip(asked, answers):
                    # An answer that names nobody ends its connection, and with it what waits there.
                    self.assertIn(status, (403 if blocks else 200, 503), lie)
                wait("the truth is heard", lambda: [self.ask(gateway, "", blocks) for blocks in (True, False)] == [403, 200])
                for lie in set(LIES) - {"unnamed"}:
                    self.assertEqual([self.ask(gateway, lie, blocks) for blocks in (True, False)], [403, 200], lie)
                self.assertEqual(gateway.get("/well").status, 200)
            self.clear_stage()

    def test_what_cannot_be_read_fails_closed_and_others_go_on(self):
        for transport in TRANSPORTS:
            with self.subTest(transport):
                gateway = self.set_up(transport)
                done, wrong = threading.Event(), []

                def others(gateway=gateway, done=done, wrong=wrong) -> None:
                    while not done.is_set():
                        if (status := gateway.get("/well").status) != 200:
                            wrong.append(status)

                beside = threading.Thread(target=others)
                beside.start()
                try:
                    for lie in ("cut-off",) if transport.startswith("grpc") else BROKEN:
                        self.assertEqual(self.ask(gateway, lie, False), 503, lie)
                        wait("the truth is heard", lambda: [self.ask(gateway, "", blocks) for blocks in (True, False)] == [403, 200])
                finally:
                    done.set()
                    beside.join(60)
                self.assertEqual(wrong, [])
            self.clear_stage()


if __name__ == "__main__":
    unittest.main()
