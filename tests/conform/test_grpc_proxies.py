"""`picket conform proxy` over gRPC: a peer on gRPC's own library passes, each mutant that the library allows fails at its rule, our gateway passes."""

import os
import re
import subprocess
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from certificates import Authority
from conform import ConformTest, Run, conform, listed
from processes import free_port
from test_proxies import Ours as OverSockets

PYTHON = "/usr/bin/python3"  # whose modules Debian's packages are
PEER = Path(__file__).parent / "grpc_proxy.py"
ALL_MUTANTS = os.environ.get("PICKET_MUTANTS") == "all"
SAMPLE = 4  # every so many mutants is tried in a short run
# gRPC's library keeps this by itself, and cannot be told to break it.
OF_THE_LIBRARY = {"grpc.head"}
# A proxy that begins otherwise breaks every other rule about its calls, too.
SPREADS = {"grpc.handshake"}


class Peer(ConformTest):
    @contextmanager
    def proxy(self, broken: str | None = None):
        """Where the tool listens for it, where it takes requests, and where its upstream is."""
        path, upstream = self.folder / f"{broken}.sock", free_port()
        peer = subprocess.Popen([PYTHON, str(PEER), str(path), str(upstream), *([broken] if broken else [])], stdout=subprocess.PIPE, env=os.environ | {"GRPC_VERBOSITY": "NONE"})
        try:
            yield "--listen", f"grpc+unix:{path}", "--http", f"127.0.0.1:{int(peer.stdout.readline())}", "--upstream", f"127.0.0.1:{upstream}"
        finally:
            peer.terminate()
            peer.communicate()

    def run_peer(self, broken: str | None, *arguments) -> Run:
        with self.proxy(broken) as places:
            return conform("proxy", *places, *arguments)

    def test_one_that_keeps_every_rule_passes_each_of_them(self):
        run = self.run_peer(None, "--timeout-ms", "30000")
        self.assert_clean(run)
        self.assertLessEqual({rule for rule in listed("proxy") if rule.startswith("grpc.")}, run.rules("pass"))
        self.assertLessEqual({"heads.come", "bodies.whole", "answers.second", "decisions.block", "health.draining", "cancel.late"}, run.rules("pass"))
        self.assertEqual(run.rules("skip"), set(), run.reasons)

    def test_a_mutant_fails_at_the_rule_that_it_breaks_and_nowhere_else(self):
        rules = [rule for rule in listed("proxy") if rule.startswith("grpc.") and rule not in OF_THE_LIBRARY | SPREADS]
        chosen = rules if ALL_MUTANTS else rules[::SAMPLE]
        with ThreadPoolExecutor(4) as pool:
            for rule, run in zip(chosen, pool.map(lambda rule: self.run_peer(rule, "--timeout-ms", "8000"), chosen)):
                with self.subTest(rule):
                    self.assertEqual(run.rules("FAIL"), {rule}, run.reasons)

    def test_one_that_says_no_handshake_fails(self):
        run = self.run_peer("grpc.handshake", "--timeout-ms", "2000", "--only", "^grpc.h")
        self.assertIn("grpc.handshake", run.rules("FAIL"), run.reasons)


class Ours(OverSockets):
    def run_over(self, keys: str, listens: str, *arguments) -> None:
        text, places = self.configuration()
        self.run_gateway(re.sub(r'unix-socket ".*"', keys, text).replace("reconnect-interval-ms 50", "reconnect-interval-ms 50; max-reconnect-interval-ms 100"))
        self.assert_passed(conform("proxy", "--listen", listens, *arguments, *places))

    def test_the_gateway_breaks_none(self):
        path = self.folder / "agent.sock"
        self.run_over(f'grpc "unix:{path}"', f"grpc+unix:{path}")

    def test_the_gateway_breaks_none_over_tls(self):
        authority = Authority(self.folder)
        shown, ours = authority.issue("conform", "IP:127.0.0.1"), authority.issue("gateway", "DNS:gateway.test")
        ca, agent = authority.ca.certificate, f"127.0.0.1:{free_port()}"
        keys = f'grpc "https://{agent}"; tls {{ ca-cert "{ca}"; client-cert "{ours.certificate}"; client-key "{ours.key}" }}'
        self.run_over(keys, f"grpcs:{agent}", "--tls-cert", shown.certificate, "--tls-key", shown.key, "--tls-ca", ca)

    test_the_gateway_breaks_none_where_agents_dial_it = None
    test_the_gateway_breaks_none_where_agents_dial_it_over_tls = None

    def test_agents_that_would_register_on_grpc_are_refused_by_name(self):
        run = conform("agent", "--listen", f"grpc+unix:{self.folder / 'proxy.sock'}")
        self.assertEqual((run.code, run.errors.count("agents do not register over gRPC")), (2, 1), run.errors)


if __name__ == "__main__":
    import unittest

    unittest.main()
