"""`picket conform proxy`: a peer that keeps every rule passes, each mutant fails at its rule and nowhere else, our gateway passes."""

import os
import re
import socket
import subprocess
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from certificates import Authority
from conform import BINARIES, ROOT, ConformTest, Run, conform, listed
from processes import free_port
from proxy import Proxy

ALL_MUTANTS = os.environ.get("PICKET_MUTANTS") == "all"
SAMPLE = 15  # every so many mutants is tried in a short run
PATIENCE = 8  # seconds
# A proxy whose handshake is none breaks every other rule about it, too.
SPREADS = {"handshake.comes"}


def test_of(path: Path, port: int, *arguments) -> Run:
    return conform("proxy", "--listen", f"unix:{path}", "--http", f"127.0.0.1:{port}", *arguments)


class Peer(ConformTest):
    def run_peer(self, broken: str | None, *arguments, patience: float = PATIENCE) -> Run:
        with tempfile.TemporaryDirectory() as folder:
            proxy = Proxy(Path(folder) / "agent.sock", broken, patience)
            try:
                return test_of(proxy.agent, proxy.port, "--timeout-ms", int(patience * 1000), *arguments)
            finally:
                proxy.close()

    def test_one_that_keeps_every_rule_passes_each_of_them(self):
        run = self.run_peer(None)
        self.assert_clean(run)
        self.assertEqual(run.rules("pass"), set(listed("proxy")))

    def test_one_that_breaks_every_rule_fails_at_each_of_them(self):
        # Most of it is waiting for what never comes, and to wait for less fails nothing that must not fail.
        run = self.run_peer("all", "--encoding", "json", patience=2)
        of_msgpack = {"bodies.text"}
        self.assertEqual(set(listed("proxy")) - run.rules("FAIL"), SPREADS | of_msgpack, run.said)

    def test_a_mutant_fails_at_the_rule_that_it_breaks_and_nowhere_else(self):
        rules = [rule for rule in listed("proxy") if rule not in SPREADS]
        chosen = rules if ALL_MUTANTS else rules[::SAMPLE]
        with ThreadPoolExecutor(8) as pool:
            for rule, run in zip(chosen, pool.map(self.run_peer, chosen)):
                with self.subTest(rule):
                    self.assertEqual(run.rules("FAIL"), {rule}, run.reasons)

    def test_one_that_says_no_handshake_fails(self):
        run = self.run_peer("handshake.comes", "--only", "^handshake")
        self.assertIn("handshake.comes", run.rules("FAIL"), run.reasons)


class Ours(ConformTest):
    def configuration(self) -> tuple[str, int]:
        """The page's own, at places of this test."""
        page = (ROOT / "docs" / "conformance.md").read_text()
        text = re.search(r"```kdl\n(.*?)```", page, re.S)[1]
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        return text.replace("127.0.0.1:8080", f"127.0.0.1:{port}").replace("/run/picket/conform.sock", str(self.folder / "agent.sock")), port

    def test_the_gateway_breaks_none(self):
        text, port = self.configuration()
        self.run_gateway(text)
        self.assert_clean(test_of(self.folder / "agent.sock", port, "--timeout-ms", PATIENCE * 1000))

    def test_the_gateway_shakes_hands_over_tls_as_it_has_to(self):
        """Rules that end connections are left out: over a network the gateway makes its pauses longer each time, up to two minutes.
        For the same reason this one is patient: each handshake that is not answered doubles the pause before the next."""
        patience = 100  # seconds
        authority = Authority(self.folder)
        shown, ours = authority.issue("conform", "IP:127.0.0.1"), authority.issue("gateway", "DNS:gateway.test")
        ca, agent = authority.ca.certificate, f"127.0.0.1:{free_port()}"
        text, port = self.configuration()
        keys = f'tcp "{agent}"; tls {{ ca-cert "{ca}"; client-cert "{ours.certificate}"; client-key "{ours.key}" }}'
        self.run_gateway(re.sub(r'unix-socket ".*"', keys, text))
        self.assert_clean(conform("proxy", "--listen", f"tls:{agent}", "--tls-cert", shown.certificate, "--tls-key", shown.key, "--tls-ca", ca,
                                  "--http", f"127.0.0.1:{port}", "--timeout-ms", patience * 1000, "--encoding", "json", "--only", "^handshake"))  # fmt: skip

    def run_gateway(self, text: str) -> None:
        file = self.folder / "gateway.kdl"
        file.write_text(text)
        with open(self.folder / "gateway.log", "wb") as log:
            gateway = subprocess.Popen([str(BINARIES / "picket"), "run", str(file)], stderr=log, stdout=log)
        self.addCleanup(gateway.wait, 60)
        self.addCleanup(gateway.terminate)


class Program(ConformTest):
    def test_the_page_has_each_rule(self):
        page = (ROOT / "docs" / "conformance.md").read_text()
        table = re.search(r"^### Proxies\n(.*?)(?=^#|\Z)", page, re.S | re.M)[1]
        rows = {rule: (section, sentence) for rule, section, sentence in re.findall(r"^\| `(\S+)` \| (\d+) \| (.*) \|$", table, re.M)}
        self.assertEqual(rows, listed("proxy"))

    def test_a_proxy_that_never_comes_fails_and_without_an_address_no_request_is_made(self):
        run = conform("proxy", "--listen", f"unix:{self.folder / 'agent.sock'}", "--timeout-ms", 50, "--only", "^(handshake.comes|heads.come)$", "--encoding", "json")
        self.assertEqual((run.code, run.rules("FAIL"), run.rules("skip")), (3, {"handshake.comes"}, {"heads.come"}), run.said)


if __name__ == "__main__":
    import unittest

    unittest.main()
