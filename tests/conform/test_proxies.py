"""`picket conform proxy`: a peer that keeps every rule passes, each mutant fails at its rule and nowhere else, our gateway passes."""

import os
import re
import subprocess
import tempfile
import unittest
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from certificates import Authority
from conform import BINARIES, ROOT, ConformTest, Run, conform, listed
from frame_types import REQUEST_BODY, REQUEST_HEADERS
from processes import connects, free_port, wait
from proxy import AGENT_ID, Proxy

ALL_MUTANTS = os.environ.get("PICKET_MUTANTS") == "all"
SAMPLE = 15  # every so many mutants is tried in a short run
PATIENCE = 8  # seconds
# A proxy whose handshake is none breaks every other rule about it, too.
SPREADS = {"handshake.comes"}


# They take half a minute.
SLOW = {"registration.in-time", "handshake.in-time", "flow.ends", "ping.idle", "ping.closes"}
# A proxy that hears agents one after the other does so whatever is tested.
SERIAL = {"registration.silent"}
# They are tested where the tool can make a second connection.
OF_DIALLED = {"answers.elsewhere"}
# They are tested in MessagePack alone.
OF_MSGPACK = {"bodies.text", "raw-bytes.values", "raw-bytes.data", "forms.map", "forms.numbers", "forms.list", "forms.short", "forms.long", "forms.unknown",
              "forms.twice", "forms.wide", "forms.float", "forms.negative", "forms.bin", "forms.trailing", "forms.allow-number"}  # fmt: skip


def of_listening() -> list[str]:
    return [rule for rule in listed("proxy") if not rule.startswith(("registration.", "grpc.")) and rule not in OF_DIALLED]


def of_dialled() -> list[str]:
    """Of proxies that are dialled: what begins a connection is another."""
    return [rule for rule in listed("proxy") if not rule.startswith(("handshake.", "answer.", "grpc.")) and rule != "connections.again"]


class Peer(ConformTest):
    def run_peer(self, broken: str | None, *arguments, patience: float = PATIENCE, listens: bool = False, unasked=()) -> Run:
        with tempfile.TemporaryDirectory() as folder:
            upstream = free_port()
            proxy = Proxy(Path(folder) / "agent.sock", broken, patience, listens, upstream, unasked)
            place = ("--dial", f"unix:{proxy.agent}", "--agent-id", AGENT_ID, "--token-file", self.token) if listens else ("--listen", f"unix:{proxy.agent}")
            try:
                return conform("proxy", *place, "--http", f"127.0.0.1:{proxy.port}", "--upstream", f"127.0.0.1:{upstream}", "--timeout-ms", int(patience * 1000), *arguments)
            finally:
                proxy.close()

    def test_one_that_keeps_every_rule_passes_each_of_them(self):
        run = self.run_peer(None)
        self.assert_clean(run)
        self.assertEqual((run.rules("pass"), run.rules("skip")), (set(of_listening()) - SLOW, SLOW & set(of_listening())))

    def test_one_that_breaks_every_rule_fails_at_each_of_them(self):
        # Most of it is waiting for what never comes, and to wait for less fails nothing that must not fail.
        of_json = [rule for rule in of_listening() if rule not in OF_MSGPACK | SLOW]
        self.assertEqual(set(of_json) - self.broken_by_all(of_json), SPREADS)

    def test_one_that_breaks_every_rule_of_messagepack_fails_at_each_of_them(self):
        self.assertEqual(OF_MSGPACK - self.broken_by_all(sorted(OF_MSGPACK), "msgpack"), set())

    def broken_by_all(self, rules: list[str], encoding: str = "json") -> set[str]:
        """Beside each other: most of it is waiting."""
        parts = [f"^({'|'.join(re.escape(rule) for rule in rules[i::6])})$" for i in range(6)]
        with ThreadPoolExecutor(6) as pool:
            runs = pool.map(lambda only: self.run_peer("all", "--encoding", encoding, "--only", only, patience=2), parts)
            return set().union(*(run.rules("FAIL") for run in runs))

    def test_a_mutant_fails_at_the_rule_that_it_breaks_and_nowhere_else(self):
        rules = [rule for rule in of_listening() if rule not in SPREADS | SLOW]
        chosen = rules if ALL_MUTANTS else rules[::SAMPLE]
        with ThreadPoolExecutor(8) as pool:
            for rule, run in zip(chosen, pool.map(self.run_peer, chosen)):
                with self.subTest(rule):
                    self.assertEqual(run.rules("FAIL"), {rule}, run.reasons)

    @unittest.skipUnless(ALL_MUTANTS, "it takes minutes: make conform")
    def test_who_waits_without_end_fails_where_time_is_given(self):
        self.assert_slow_rules(SLOW & set(of_listening()))

    def assert_slow_rules(self, rules: set[str]) -> None:
        only = ("--encoding", "json", "--slow", "--only", f"^({'|'.join(rules)})$")
        with ThreadPoolExecutor(6) as pool:
            runs = list(pool.map(lambda broken: self.run_peer(broken, *only), [None, *rules]))
        self.assertEqual([run.rules("FAIL") for run in runs], [set(), *({rule} for rule in rules)], [run.reasons for run in runs])

    def test_a_rule_about_events_that_never_come_is_skipped_and_not_passed(self):
        for kind, rules in ((REQUEST_BODY, {"health.disabled", "limits.body", "events.declared", "events.empty-list"}), (REQUEST_HEADERS, {"ids.size", "ids.not-counted"})):
            run = self.run_peer(None, "--encoding", "json", "--only", f"^({'|'.join(rules)})$", unasked={kind})
            self.assertEqual((run.rules("pass"), run.rules("skip")), (set(), rules), run.reasons)

    def test_one_that_says_no_handshake_fails(self):
        run = self.run_peer("handshake.comes", "--only", "^handshake")
        self.assertIn("handshake.comes", run.rules("FAIL"), run.reasons)


class ListeningPeer(Peer):
    """The same of proxies that agents dial: the tool registers."""

    def run_peer(self, *arguments, **more) -> Run:
        return super().run_peer(*arguments, **more, listens=True)

    def test_one_that_keeps_every_rule_passes_each_of_them(self):
        run = self.run_peer(None)
        self.assert_clean(run)
        self.assertEqual((run.rules("pass"), run.rules("skip")), (set(of_dialled()) - SLOW, SLOW & set(of_dialled())))

    def test_one_that_breaks_every_rule_fails_at_each_of_them(self):
        of_json = [rule for rule in of_dialled() if rule not in OF_MSGPACK | SLOW]
        self.assertEqual(set(of_json) - self.broken_by_all(of_json), SERIAL)

    def test_a_mutant_fails_at_the_rule_that_it_breaks_and_nowhere_else(self):
        rules = [rule for rule in of_dialled() if (rule.startswith("registration.") or rule in OF_DIALLED) and rule not in SLOW]
        chosen = rules if ALL_MUTANTS else [*SERIAL, *rules[::SAMPLE]]
        with ThreadPoolExecutor(8) as pool:
            for rule, run in zip(chosen, pool.map(lambda rule: self.run_peer(rule, "--encoding", "json"), chosen)):
                with self.subTest(rule):
                    self.assertEqual(run.rules("FAIL"), {rule}, run.reasons)

    @unittest.skipUnless(ALL_MUTANTS, "it takes more than a minute: make conform")
    def test_who_waits_without_end_fails_where_time_is_given(self):
        self.assert_slow_rules({"registration.in-time"})

    test_one_that_says_no_handshake_fails = None


class OursTest(ConformTest):
    """Our gateway under every rule."""

    def configuration(self) -> tuple[str, list]:
        """The page's own, at places of this test, and where the tool finds these."""
        page = (ROOT / "docs" / "conformance.md").read_text()
        text = re.search(r"```kdl\n(.*?)```", page, re.S)[1]
        http, upstream = (f"127.0.0.1:{free_port()}" for _ in range(2))
        text = text.replace("127.0.0.1:8080", http).replace("127.0.0.1:8081", upstream).replace("/run/picket/conform.sock", str(self.folder / "agent.sock"))
        return text, ["--http", http, "--upstream", upstream, "--timeout-ms", PATIENCE * 1000]

    def assert_passed(self, run: Run) -> None:
        """Every rule was tested."""
        self.assert_clean(run)
        self.assertEqual(run.rules("skip") - SLOW, set(), run.reasons)

    def run_gateway(self, text: str) -> None:
        file = self.folder / "gateway.kdl"
        file.write_text(text)
        with open(self.folder / "gateway.log", "wb") as log:
            gateway = subprocess.Popen([str(BINARIES / "picket"), "run", str(file)], stderr=log, stdout=log)
        self.addCleanup(gateway.wait, 60)
        self.addCleanup(gateway.terminate)


class Ours(OursTest):
    def test_the_gateway_breaks_none(self):
        text, places = self.configuration()
        self.run_gateway(text)
        self.assert_passed(conform("proxy", "--listen", f"unix:{self.folder / 'agent.sock'}", *places))

    def test_the_gateway_breaks_none_where_agents_dial_it(self):
        text, places = self.configuration()
        listener, token = self.folder / "agents.sock", self.token
        text = re.sub(r'unix-socket ".*"', "reverse", text).replace("pool { connections 1; reconnect-interval-ms 50 }", "")
        self.run_gateway(f'reverse-listener {{ path "{listener}"; auth-token "conform" "{token.read_text().strip()}" }}\n{text}')
        wait("the listener", listener.exists)
        self.assert_passed(conform("proxy", "--dial", f"unix:{listener}", "--agent-id", AGENT_ID, "--token-file", token, *places))


class OursOverTls(OursTest):
    def test_the_gateway_breaks_none(self):
        authority = Authority(self.folder)
        shown, ours = authority.issue("conform", "IP:127.0.0.1"), authority.issue("gateway", "DNS:gateway.test")
        ca, agent = authority.ca.certificate, f"127.0.0.1:{free_port()}"
        text, places = self.configuration()
        keys = f'tcp "{agent}"; tls {{ ca-cert "{ca}"; client-cert "{ours.certificate}"; client-key "{ours.key}" }}'
        text = text.replace("reconnect-interval-ms 50", "reconnect-interval-ms 50; max-reconnect-interval-ms 100")
        self.run_gateway(re.sub(r'unix-socket ".*"', keys, text))
        self.assert_passed(conform("proxy", "--listen", f"tls:{agent}", "--tls-cert", shown.certificate, "--tls-key", shown.key, "--tls-ca", ca, *places))

    def test_the_gateway_breaks_none_where_agents_dial_it(self):
        authority = Authority(self.folder)
        shown, ours = authority.issue("gateway", "DNS:gateway.test"), authority.issue("conform", "DNS:conform.test")
        ca, listener = authority.ca.certificate, f"127.0.0.1:{free_port()}"
        text, places = self.configuration()
        text = re.sub(r'unix-socket ".*"', "reverse", text).replace("pool { connections 1; reconnect-interval-ms 50 }", "")
        tls = f'tls {{ cert-file "{shown.certificate}"; key-file "{shown.key}"; ca-file "{ca}" }}'
        self.run_gateway(f'reverse-listener {{ tcp-address "{listener}"; {tls}; auth-token "conform" "secret-1" }}\n{text}')
        wait("the listener", lambda: connects(("127.0.0.1", int(listener.partition(":")[2]))))
        self.assert_passed(conform("proxy", "--dial", f"tls:{listener}", "--tls-ca", ca, "--tls-cert", ours.certificate, "--tls-key", ours.key, "--tls-name", "gateway.test",
                                   "--agent-id", AGENT_ID, "--token-file", self.token, *places))  # fmt: skip


class Program(ConformTest):
    def test_the_page_has_each_rule(self):
        page = (ROOT / "docs" / "conformance.md").read_text()
        table = re.search(r"^### Proxies\n(.*?)(?=^#|\Z)", page, re.S | re.M)[1]
        rows = {rule: (section, sentence) for rule, section, sentence in re.findall(r"^\| `(\S+)` \| (\d+) \| (.*) \|$", table, re.M)}
        self.assertEqual(rows, listed("proxy"))
        self.assertIn(f"There are {len(listed('agent'))} for agents and {len(rows)} for proxies.", page)

    def test_a_proxy_that_never_comes_fails_and_without_an_address_no_request_is_made(self):
        run = conform("proxy", "--listen", f"unix:{self.folder / 'agent.sock'}", "--timeout-ms", 50, "--only", "^(handshake.comes|heads.come)$", "--encoding", "json")
        self.assertEqual((run.code, run.rules("FAIL"), run.rules("skip")), (3, {"handshake.comes"}, {"heads.come"}), run.said)


if __name__ == "__main__":
    import unittest

    unittest.main()
