"""Agents that listen on several addresses at once, in all that an address may say."""

import signal
import subprocess
from pathlib import Path

from certificates import Authority
from processes import free_port, wait
from stage import BINARIES, READY, Asked, StageTest


class Addresses(StageTest):
    def setUp(self):
        super().setUp()
        self.authority = Authority(self.stage.folder)
        shown = self.authority.issue("shown", "IP:127.0.0.1")
        self.files = ("--tls-cert", str(shown.certificate), "--tls-key", str(shown.key))
        self.ca = ("--tls-ca", str(self.authority.ca.certificate))
        ports = [free_port() for _ in range(4)]
        self.sockets = [self.stage.path("frames"), self.stage.path("grpc")]
        self.addresses = [
            f"unix:{self.sockets[0]}", f"grpc+unix:{self.sockets[1]}", f"tcp:127.0.0.1:{ports[0]}", f"tls:127.0.0.1:{ports[1]}",
            f"grpc:127.0.0.1:{ports[2]}", f"grpcs:127.0.0.1:{ports[3]}",
        ]  # fmt: skip

    def start(self, program: str, *arguments: str):
        listen = [word for address in self.addresses for word in ("--listen", address)]
        return self.stage.programs.start(program, program, *arguments, "--insecure", *self.files, *listen, says=f"serving on {self.addresses[-1]}")

    def call(self, address: str, *arguments: str) -> subprocess.CompletedProcess:
        tls = self.ca if address.startswith(("tls:", "grpcs:")) else ()
        return subprocess.run([str(BINARIES / "picket"), "call", "--agent", address, "--insecure", *tls, "--timeout-ms", "20000", *arguments, "/"],
                              capture_output=True, text=True, timeout=60)  # fmt: skip

    def test_each_is_served_by_each_of_our_agents(self):
        for program, arguments in (("picket", ("agent", "--block-if", "x-block=yes")), ("picket-waf", ()), ("picket-guard", ())):
            with self.subTest(program):
                agent = self.start(program, *arguments)
                for address in self.addresses:
                    self.assertIn(f"serving on {address}\n", agent.text())
                    answer = self.call(address)
                    self.assertEqual((answer.returncode, answer.stderr), (0, ""), address)
                agent.signal(signal.SIGTERM)
                self.assertEqual(agent.wait(), 0)
                self.assertFalse(any(Path(path).exists() for path in self.sockets))

    def test_gateways_ask_one_agent_over_several_of_them_at_once_and_its_end_drains_all(self):
        agent = self.start("picket", "agent", "--block-if", "x-block=yes")
        tls = f'tls {{ ca-cert "{self.authority.ca.certificate}" }}'
        asked = [
            Asked("a", str(self.sockets[0])),
            Asked("b", f"unix:{self.sockets[1]}", transport="grpc"),
            Asked("c", self.addresses[3].partition(":")[2], keys=tls, transport="tcp"),
            Asked("d", "https://" + self.addresses[5].partition(":")[2], keys=tls, transport="grpc"),
        ]
        gateway = self.stage.gateway(self.stage.upstream(), asked)
        for each in asked:
            wait(f"a connection of {each.name}", lambda each=each: gateway.metric(READY, agent=each.name) > 0)
        self.assertEqual(gateway.get().status, 200)
        self.assertEqual(gateway.get(headers="x-block: yes\r\n").status, 403)
        for each in asked:
            self.assertGreaterEqual(gateway.metric("picket_agent_answers_total", agent=each.name), 1 if each.name != "a" else 2)
        agent.signal(signal.SIGTERM)
        self.assertEqual(agent.wait(), 0)
        for each in asked:
            self.assertIn("draining", gateway.said(f"agent '{each.name}': says it is"))

    def test_where_one_cannot_be_had_the_agent_says_which_and_serves_none(self):
        first = self.stage.programs.start("first", "picket", "agent", "--listen", self.addresses[0], serves=str(self.sockets[0]))
        second = subprocess.run([str(BINARIES / "picket"), "agent", "--listen", self.addresses[1], "--listen", self.addresses[0]],
                                capture_output=True, text=True, timeout=60)  # fmt: skip
        self.assertEqual(second.returncode, 1)
        self.assertIn(str(self.sockets[0]), second.stderr)
        self.assertFalse(Path(self.sockets[1]).exists())
        self.assertEqual(self.call(self.addresses[0]).returncode, 0)
        first.signal(signal.SIGTERM)

    def test_what_one_of_them_wants_is_said_of_all(self):
        for listen, says in (
            (("unix:/tmp/a", "tls:127.0.0.1:1"), "need --tls-cert and --tls-key"),
            (("unix:/tmp/a", "tcp:127.0.0.1:1"), "--insecure"),
            (("unix:/tmp/a", "/tmp/b"), "unix:PATH"),
        ):
            with self.subTest(listen):
                arguments = [word for address in listen for word in ("--listen", address)]
                refused = subprocess.run([str(BINARIES / "picket"), "agent", *arguments], capture_output=True, text=True, timeout=60)
                self.assertEqual(refused.returncode, 2)
                self.assertIn(says, refused.stderr)
