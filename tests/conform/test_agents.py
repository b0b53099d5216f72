"""`picket conform agent`: a peer that keeps every rule passes, each mutant fails at its rule and nowhere else, ours pass."""

import itertools
import os
import re
import signal
import subprocess
import tempfile
import unittest
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from agent import Agent
from certificates import Authority
from conform import BINARIES, ROOT, ConformTest, Run, conform, listed
from mutations import NEEDED
from processes import connects, free_port, wait

# What a short run leaves out.
SLOW = {"handshake.in-time"}
EVERYWHERE = {"handshake.twice"}
ALL_MUTANTS = os.environ.get("PICKET_MUTANTS") == "all"
SAMPLE = 12  # every so many mutants is tried in a short run
MUTANTS_PATIENCE = ("--timeout-ms", "8000")  # some are silent
PATIENCE = ("--timeout-ms", "30000")  # who keeps the rules answers, however busy the machine is
# What takes a rule engine under sanitizers minutes.
BUT_FLOODS = ("--encoding", "json", "--only", r"^(?!flood|slow|exchanges|interleaving|framing\.split-anywhere)")


def of_sockets() -> list[str]:
    return [rule for rule in listed("agent") if not rule.startswith(("grpc.", "registration."))]


def of_dialling() -> list[str]:
    """Of agents that dial: what begins a connection is another."""
    handshakes = ("handshake.", "refusal.", "encoding.", "extensions.")
    return [rule for rule in listed("agent") if rule in EVERYWHERE or not rule.startswith(("grpc.", *handshakes))]


def parts(rules: list[str], count: int) -> list[str]:
    """The rules as so many expressions for --only: most of what is broken is waiting, which is done beside each other."""
    return [f"^({'|'.join(re.escape(rule) for rule in rules[i::count])})$" for i in range(count)]


class Peer(ConformTest):
    numbers = itertools.count()

    def serve(self, broken: str | None = None) -> str:
        path = self.folder / f"agent-{next(self.numbers)}.sock"
        agent = Agent(path, broken)
        self.addCleanup(agent.close)
        return f"unix:{path}"

    def test_one_that_keeps_every_rule_passes_each_of_them(self):
        run = conform("agent", "--agent", self.serve(), *PATIENCE)
        self.assert_clean(run)
        self.assertEqual(run.rules("skip") - run.rules("pass"), SLOW | {"answers.names-agree"})
        self.assertEqual(run.rules("pass") | run.rules("skip"), set(of_sockets()))

    def test_one_that_breaks_every_rule_fails_at_each_of_them(self):
        with ThreadPoolExecutor(4) as pool:
            runs = list(pool.map(lambda only: conform("agent", "--agent", self.serve("all"), *MUTANTS_PATIENCE, "--only", only), parts(of_sockets(), 4)))
        self.assertEqual([run.code for run in runs], [3] * 4, [run.errors for run in runs])
        self.assertEqual(set(of_sockets()) - set().union(*(run.rules("FAIL") for run in runs)), SLOW, [run.said for run in runs])

    def test_a_mutant_fails_at_the_rule_that_it_breaks_and_nowhere_else(self):
        rules = [rule for rule in of_sockets() if rule not in SLOW]
        with ThreadPoolExecutor(2) as pool:
            runs = pool.map(lambda rule: conform("agent", "--agent", self.serve(rule), *MUTANTS_PATIENCE), chosen := rules if ALL_MUTANTS else rules[::SAMPLE])
            for rule, run in zip(chosen, runs):
                with self.subTest(rule):
                    self.assertEqual(run.rules("FAIL"), {rule}, run.reasons)

    @unittest.skipUnless(ALL_MUTANTS, "it takes a minute: make conform")
    def test_who_waits_without_end_for_a_handshake_fails_where_time_is_given(self):
        only = ("--slow", "--only", "^handshake.in-time$")
        self.assert_clean(conform("agent", "--agent", self.serve(), *only))
        self.assertEqual(conform("agent", "--agent", self.serve("handshake.in-time"), *only).rules("FAIL"), {"handshake.in-time"})


class DiallingPeer(ConformTest):
    """The same of agents that dial: the tool is their proxy."""

    def run_peer(self, broken: str | None, *arguments) -> Run:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "proxy.sock"
            agent = Agent(path, broken, dials=True)
            try:
                return conform("agent", "--listen", f"unix:{path}", "--token-file", self.token, *arguments)
            finally:
                agent.close()

    def test_one_that_keeps_every_rule_passes_each_of_them(self):
        run = self.run_peer(None, *PATIENCE)
        self.assert_clean(run)
        self.assertEqual(run.rules("skip") - run.rules("pass"), {"answers.names-agree"})
        self.assertEqual(run.rules("pass") | run.rules("skip"), set(of_dialling()))

    def test_one_that_breaks_every_rule_fails_at_each_of_them(self):
        rules = [rule for rule in of_dialling() if not rule.startswith("capabilities.")]  # said before it is known what is tested
        with ThreadPoolExecutor(4) as pool:
            runs = list(pool.map(lambda only: self.run_peer("all", *MUTANTS_PATIENCE, "--only", only), parts(rules, 4)))
        self.assertEqual(set(rules) - set().union(*(run.rules("FAIL") for run in runs)), NEEDED, [run.said for run in runs])

    def test_a_mutant_fails_at_the_rule_that_it_breaks_and_nowhere_else(self):
        rules = [rule for rule in of_dialling() if rule.startswith("registration.")]
        chosen = rules if ALL_MUTANTS else [*NEEDED, *rules[::SAMPLE]]
        # Who says nothing that can be read first breaks every other rule, too.
        arguments = [(rule, *MUTANTS_PATIENCE, "--encoding", "json", *(("--only", f"^{re.escape(rule)}$") if rule in NEEDED else ())) for rule in chosen]
        with ThreadPoolExecutor(4) as pool:
            for rule, run in zip(chosen, pool.map(lambda each: self.run_peer(*each), arguments)):
                with self.subTest(rule):
                    self.assertEqual(run.rules("FAIL"), {rule}, run.reasons)


VERBS = ("block", "redirect", "challenge", "change")
SAID = r"^(decisions|operations|audit)\."


class Ours(ConformTest):
    def start(self, program: str, *arguments: str) -> None:
        with open(self.folder / "agent.log", "ab") as log:
            process = subprocess.Popen([str(BINARIES / program), *arguments], stderr=log)
        self.addCleanup(process.wait, 60)
        self.addCleanup(process.send_signal, signal.SIGTERM)

    def serve(self, program: str, *arguments: str, address: str | None = None, is_there=None) -> str:
        address = address or f"unix:{self.folder / 'ours.sock'}"
        self.start(program, *arguments, "--listen", address)
        wait("the socket", is_there or (lambda: Path(address.partition(":")[2]).exists()))
        return address

    def assert_none_is_left_out(self, scheme: str, but: set[str]):
        """Together these runs judge every rule, since the agent says all that an agent may say."""
        conditions = [word for verb in VERBS for word in (f"--{verb}-if", f"x-do={verb}")]
        address = self.serve("picket", "agent", *conditions, address=f"{scheme}:{self.folder / 'ours.sock'}")
        runs = [conform("agent", "--agent", address, "-H", "x-do: block", *PATIENCE)]
        runs += [conform("agent", "--agent", address, "-H", f"x-do: {verb}", "--only", SAID, *PATIENCE) for verb in VERBS[1:]]
        # What it says by itself comes while an answer is waited for.
        late = self.serve("picket", "agent", "--delay-ms", "2000", "--health-interval-ms", "50", address=f"{scheme}:{self.folder / 'late.sock'}")
        runs.append(conform("agent", "--agent", late, "--only", r"^control\.decodable$", *PATIENCE))
        for run in runs:
            self.assert_clean(run)
        judged, skipped = (set().union(*(run.verdicts_of(verdict) for run in runs)) for verdict in ("pass", "skip"))
        self.assertEqual(skipped - judged, but)

    def test_picket_agent_breaks_none_and_none_is_left_out(self):
        self.assert_none_is_left_out("unix", {f"json {rule}" for rule in SLOW})

    def test_picket_agent_breaks_none_on_grpc_and_none_is_left_out(self):
        self.assert_none_is_left_out("grpc+unix", set())

    def test_picket_agent_breaks_none_over_tls_on_frames_and_on_grpc(self):
        authority = Authority(self.folder)
        shown, ours = authority.issue("agent", "IP:127.0.0.1"), authority.issue("conform", "DNS:conform.test")
        ca = str(authority.ca.certificate)
        for scheme in ("tls", "grpcs"):
            with self.subTest(scheme):
                port = free_port()
                self.serve("picket", "agent", "--tls-cert", str(shown.certificate), "--tls-key", str(shown.key), "--tls-client-ca", ca,
                           address=f"{scheme}:127.0.0.1:{port}", is_there=lambda port=port: connects(("127.0.0.1", port)))  # fmt: skip
                self.assert_clean(conform("agent", "--agent", f"{scheme}:127.0.0.1:{port}", "--tls-ca", ca, "--tls-cert", ours.certificate,
                                          "--tls-key", ours.key, *PATIENCE, *BUT_FLOODS))  # fmt: skip

    def test_picket_agent_breaks_none_where_it_dials(self):
        proxy = f"unix:{self.folder / 'proxy.sock'}"
        token = ("--token-file", str(self.token))
        self.start("picket", "agent", "--block-if", "x-evil=yes", "--agent-id", "edge", "--dial", proxy, *token)
        self.assert_clean(conform("agent", "--listen", proxy, *token, "-H", "x-evil: yes", "--timeout-ms", "75000"))

    def test_picket_agent_breaks_none_where_it_dials_over_tls(self):
        authority = Authority(self.folder)
        shown, ours = authority.issue("agent", "DNS:agent.test"), authority.issue("conform", "IP:127.0.0.1")
        ca, proxy = str(authority.ca.certificate), f"tls:127.0.0.1:{free_port()}"
        self.start("picket", "agent", "--dial", proxy, "--tls-ca", ca, "--tls-cert", str(shown.certificate), "--tls-key", str(shown.key))
        self.assert_clean(conform("agent", "--listen", proxy, "--tls-ca", ca, "--tls-cert", ours.certificate, "--tls-key", ours.key,
                                  "--timeout-ms", "75000", *BUT_FLOODS))  # fmt: skip

    def test_picket_waf_breaks_none(self):
        self.assert_clean(conform("agent", "--agent", self.serve("picket-waf"), *PATIENCE, *BUT_FLOODS))


class Program(ConformTest):
    def test_there_are_150_rules_each_with_an_id_of_its_own_and_a_sentence(self):
        said = conform("agent", "--list").said
        rules = listed("agent")
        self.assertEqual(len(said.splitlines()), len(rules))
        self.assertGreater(len(rules), 150)
        for section, sentence in rules.values():
            self.assertRegex(section, r"^\d+$")
            self.assertTrue(sentence.endswith("."), sentence)

    def test_the_page_has_each_rule(self):
        page = (ROOT / "docs" / "conformance.md").read_text()
        table = re.search(r"^### Agents\n(.*?)(?=^#|\Z)", page, re.S | re.M)[1]
        rows = {rule: (section, sentence) for rule, section, sentence in re.findall(r"^\| `(\S+)` \| (\d+) \| (.*) \|$", table, re.M)}
        self.assertEqual(rows, listed("agent"))

    def test_only_what_is_asked_for_is_tested_and_junit_has_it(self):
        path = self.folder / "agent.sock"
        agent = Agent(path, "ping.echoed")
        self.addCleanup(agent.close)
        junit = self.folder / "junit.xml"
        run = conform("agent", "--agent", f"unix:{path}", "--only", r"^ping\.(echoed|order)$", "--encoding", "json", "--junit", junit)
        self.assertEqual((run.code, run.verdicts), (3, {"json ping.echoed": "FAIL", "json ping.order": "pass"}))
        cases = self.cases(junit)
        self.assertEqual(list(cases), ["agent.json ping.echoed", "agent.json ping.order"])
        self.assertIn("sequence", cases["agent.json ping.echoed"].find("failure").get("message"))

    def test_an_agent_that_is_not_there_is_1(self):
        run = conform("agent", "--agent", f"unix:{self.folder / 'nobody.sock'}")
        self.assertEqual(run.code, 1)
        self.assertIn("nobody.sock", run.errors)

    def test_what_cannot_be_run_is_2(self):
        for arguments in ((), ("neither",), ("agent",), ("agent", "--agent", "tcp:127.0.0.1:1"), ("agent", "--list", "--only", "(")):
            with self.subTest(arguments):
                self.assertEqual(conform(*arguments).code, 2)

    def test_a_test_of_nothing_is_2(self):
        path = self.folder / "agent.sock"
        agent = Agent(path)
        self.addCleanup(agent.close)
        for arguments, says in (
            (("--only", "nothing-such"), "no rule has such an id"),
            (("--only", "^grpc"), "none of its rules is of such a connection"),
            (("--config", "{"), "--config {"),
        ):
            with self.subTest(arguments):
                run = conform("agent", "--agent", f"unix:{path}", *arguments)
                self.assertEqual((run.code, run.said), (2, ""))
                self.assertIn(says, run.errors)


if __name__ == "__main__":
    unittest.main()
