"""`picket check`, `call`, `agent` and `version`, and `picket-waf`, as typed."""

import json
import os
import pty
import re
import signal
import stat
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from certificates import Authority
from processes import free_port
from stage import BINARIES, ROOT, StageTest

# The page that has it: "the example loads unchanged inside a whole file", in both its forms.
BENCHMARK_PAGE = (
    'agents { agent "waf" type="waf" { binary-uds "/var/run/sentinel/waf.sock"; '
    'events "request_headers" "request_body"; buffer-size 65536 } }'
)
BENCHMARK_PAGE_IN_LINES = '''agents {
    agent "waf" type="waf" {
        binary-uds "/var/run/sentinel/waf.sock"
        events "request_headers" "request_body"
        buffer-size 65536
    }
}'''
REST = '''
listeners { listener "web" { address "127.0.0.1:8080"; protocol "http" } }
filters { filter "w" { type "agent"; agent "waf" } }
upstreams { upstream "app" { target "127.0.0.1:9000" } }
routes { route "all" { matches { path-prefix "/" }; filters "w"; upstream "app" } }
'''


class Cli(StageTest):
    def picket(
        self, *arguments, stdin: bytes = b"", program: str = "picket", **environment
    ) -> subprocess.CompletedProcess:
        result = subprocess.run(
            [str(BINARIES / program), *map(str, arguments)],
            input=stdin,
            capture_output=True,
            timeout=60,
            cwd=self.stage.folder,
            env=os.environ | environment,
        )
        result.stdout, result.stderr = result.stdout.decode(), result.stderr.decode()
        self.assertNotRegex(result.stderr, "Sanitizer|runtime error")
        self.assertNotIn("\x1b", result.stdout + result.stderr)
        return result

    def stand_in(self, *arguments: str, name: str = "agent") -> Path:
        """A running `picket agent`."""
        path = self.stage.path(name)
        self.agent = self.stage.programs.start(
            name, "picket", "agent", "--listen", f"unix:{path}", *arguments, serves=str(path)
        )
        return path

    def call(self, path: Path, *arguments, **more) -> subprocess.CompletedProcess:
        return self.picket("call", "--agent", f"unix:{path}", *arguments, **more)


class Check(Cli):
    def check(self, text: str, **environment) -> subprocess.CompletedProcess:
        file = self.stage.folder / "gateway.kdl"
        file.write_text(text)
        return self.picket("check", "gateway.kdl", **environment)

    def test_a_good_file_is_0_and_one_line(self):
        result = self.check(BENCHMARK_PAGE.replace("buffer-size", "decompress #true; buffer-size") + REST)
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        self.assertEqual(result.stdout, "gateway.kdl: good: 1 listener, 1 route, 1 agent, 1 upstream\n")

    def test_the_example_of_the_benchmark_page_loads_unchanged_in_both_forms(self):
        for example in (BENCHMARK_PAGE, BENCHMARK_PAGE_IN_LINES):
            self.assertEqual(self.check(example + REST).returncode, 0)

    def test_the_projects_own_examples_are_good(self):
        for file in sorted((ROOT / "examples").glob("*.kdl")):
            with self.subTest(file.name):
                self.assertEqual(self.picket("check", file).returncode, 0)

    def test_of_the_reference_example_only_what_is_not_built_yet_is_refused(self):
        reference = ROOT.parent / "shared" / "config.md"
        if not reference.exists():
            self.assertNotEqual(os.environ.get("PICKET_REQUIRE_SUITES"), "1", f"no {reference}")
            self.skipTest("shared/config.md is not beside the checkout")
        example = "\n".join(re.findall(r"```kdl\n(.*?)```", reference.read_text(), re.S))
        # What the page leaves out: whatever its examples refer to.
        example = example.replace('agents {', 'agents { agent "guard" { unix-socket "guard.sock"; events "request_headers" "websocket_frame" "guardrail" }', 1)
        example = example.replace("tls { … }", "tls { }").replace('fields "…"', 'fields "uri"')
        example = example.replace('upstreams {', 'upstreams { upstream "llm" { target "127.0.0.1:9001" }', 1)
        example += 'filters { filter "guard" { type "agent"; agent "guard" } }\n'
        result = self.check(example, PICKET_EDGE_TOKEN="secret")
        self.assertEqual(result.returncode, 2)
        errors = re.findall(r"error: (.*)", result.stderr)
        self.assertNotEqual(errors, [])
        self.assertEqual([error for error in errors if not re.search("not supported yet", error)], [])

    def test_a_check_warns_where_an_agent_sees_compressed_bodies_as_they_come(self):
        text = (
            'listeners { listener "web" { address "127.0.0.1:8080"; protocol "http" } }\n'
            'agents { agent "a" { unix-socket "a.sock"; events "response_body"; KEY }; agent "b" { unix-socket "b.sock" } }\n'
            'upstreams { upstream "app" { target "127.0.0.1:9000" } }\n'
            'routes { route "all" { matches { path-prefix "/" }; upstream "app" } }\n'
        )
        without, with_it = (self.check(text.replace("KEY", f"decompress {value}")) for value in ("#false", "#true"))
        self.assertEqual((without.returncode, with_it.returncode), (0, 0))
        self.assertIn('warning: agent "a" sees compressed bodies as they come', without.stderr)
        self.assertNotIn('"b"', without.stderr)
        self.assertEqual(with_it.stderr, "")

    def test_all_errors_are_told_at_once_with_place_line_caret_and_nearest_name(self):
        result = self.check('''listeners { listener "web" { address "127.0.0.1:8080"; protocl "http" } }
upstreams { upstream "app" { target "127.0.0.1:9000" wieght=1 } }
routes { route "all" { matches { path-prefix "/" }; upstream "ap" } }
limits { max-header-count 0 }
''')
        self.assertEqual((result.returncode, result.stdout), (2, ""))
        places = re.findall(r"^gateway\.kdl:(\d+):(\d+): error: ", result.stderr, re.M)
        self.assertEqual(places, [("1", "56"), ("2", "54"), ("3", "62"), ("4", "27")])
        for text in (
            'did you mean "protocol"?',
            'did you mean "weight"?',
            'did you mean "app"?',
            "4 errors in gateway.kdl",
            '    1 | listeners { listener "web" { address "127.0.0.1:8080"; protocl "http" } }\n'
            "      |                                                        ^~~~~~~\n",
        ):
            self.assertIn(text, result.stderr)

    def test_a_file_that_does_not_parse_or_is_not_there_is_2(self):
        result = self.check('listeners { listener "web" {')
        self.assertEqual(result.returncode, 2)
        self.assertRegex(result.stderr, r"^gateway\.kdl:\d+:\d+: error: ")
        result = self.picket("check", "absent.kdl")
        self.assertEqual(result.returncode, 2)
        self.assertIn("absent.kdl", result.stderr)

    def test_the_environment_fills_in_and_a_missing_variable_is_an_error(self):
        text = (BENCHMARK_PAGE + REST).replace("/var/run/sentinel", "${PICKET_IT_DIR}")
        self.assertEqual(self.check(text, PICKET_IT_DIR="/tmp").returncode, 0)
        result = self.check(text)
        self.assertEqual(result.returncode, 2)
        self.assertIn("PICKET_IT_DIR", result.stderr)

    def test_included_files_are_checked_too_and_errors_name_them(self):
        (self.stage.folder / "part-a.kdl").write_text("limits { max-header-cuont 5 }\n")
        result = self.check('include "part-*.kdl"\n' + BENCHMARK_PAGE + REST)
        self.assertEqual(result.returncode, 2)
        self.assertRegex(result.stderr, r"part-a\.kdl:1:10: error: ")


class Call(Cli):
    def test_allow_is_0_and_block_is_3(self):
        path = self.stand_in("--block-if", "x-evil=yes")
        result = self.call(path, "/")
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        self.assertRegex(result.stdout, r"(?m)^agent +picket agent .*\ndecision +allow$")
        result = self.call(path, "-H", "X-Evil: yes", "/")
        self.assertEqual(result.returncode, 3)
        self.assertRegex(result.stdout, r'(?m)^decision +block 403 "blocked by picket agent\\n"$')
        self.assertRegex(result.stdout, r"(?m)^rules +block-if$")
        self.assertEqual(self.call(path, "-H", "x-evil: no", "/").returncode, 0)

    def test_json_is_one_object_with_every_phase(self):
        result = self.call(self.stand_in(), "--json", "-d", "body", "/")
        answer = json.loads(result.stdout)
        self.assertEqual(result.stdout.count("\n"), 1)
        self.assertEqual([phase["phase"] for phase in answer["phases"]], ["request_headers", "request_body"])
        self.assertEqual({phase["response"]["decision"] for phase in answer["phases"]}, {"allow"})

    def test_both_encodings_work(self):
        path = self.stand_in("--block-if", "a=b")
        for encoding in ("json", "msgpack"):
            with self.subTest(encoding):
                self.assertEqual(self.call(path, "--encoding", encoding, "-H", "a: b", "/").returncode, 3)

    def test_no_agent_is_1(self):
        result = self.call(self.stage.path("absent"), "--timeout-ms", "300", "/")
        self.assertEqual((result.returncode, result.stdout), (1, ""))
        self.assertIn("absent.sock", result.stderr)

    def test_an_agent_that_answers_too_late_is_1(self):
        result = self.call(self.stand_in("--delay-ms", "5000"), "--timeout-ms", "300", "/")
        self.assertEqual(result.returncode, 1)
        self.assertIn("decision  none: ", result.stdout)

    def test_a_wrong_command_line_is_2_and_says_what_is_wrong(self):
        path = self.stand_in()
        for arguments, says in (
            ((), "URI"),
            (("-H", "nocolon", "/"), "nocolon"),
            (("-d", "@absent", "/"), "absent"),
            (("--encoding", "xml", "/"), "xml"),
            (("--nonsense", "/"), "nonsense"),
            (("--config", "{bad", "/"), "config"),
            (("--listen", f"unix:{self.stage.path('proxy')}", "/"), "excludes"),
        ):
            with self.subTest(arguments):
                result = self.call(path, *arguments)
                self.assertEqual(result.returncode, 2)
                self.assertIn(says, result.stderr)
        for arguments in (("call", "/"), ("call", "--agent", "tcp:1", "/"), (), ("nonsense",)):
            with self.subTest(arguments):
                self.assertEqual(self.picket(*arguments).returncode, 2)


class Dialled(Cli):
    """Commands that an agent dials."""

    def setUp(self):
        super().setUp()
        authority = Authority(self.stage.folder)
        self.proxy = authority.issue("proxy", "IP:127.0.0.1")
        self.ca = str(authority.ca.certificate)

    def asked_by(self, *arguments: str, address: str, agent: tuple[str, ...] = ()) -> subprocess.CompletedProcess:
        """What the command says, which an agent dials meanwhile."""
        with ThreadPoolExecutor(1) as pool:
            running = pool.submit(self.picket, *arguments, "--listen", address)
            self.stage.programs.start(
                "dialling", "picket", "agent", "--dial", address, "--block-if", "x-evil=yes", *agent, says="registered with"
            )
            return running.result()

    def test_call_asks_an_agent_that_dials(self):
        address = f"unix:{self.stage.path('proxy')}"
        answer = self.asked_by("call", "-H", "x-evil: yes", "/", address=address)
        self.assertEqual((answer.returncode, answer.stderr), (3, ""))
        self.assertIn("block 403", answer.stdout)

    def test_call_and_bench_show_a_certificate_to_an_agent_that_dials_over_tls(self):
        files = ("--tls-cert", str(self.proxy.certificate), "--tls-key", str(self.proxy.key))
        for arguments in (("call", "/"), ("bench", "--seconds", "0.2")):
            with self.subTest(arguments):
                address = f"tls:127.0.0.1:{free_port()}"
                answer = self.asked_by(*arguments, *files, address=address, agent=("--tls-ca", self.ca))
                self.assertEqual((answer.returncode, answer.stderr), (0, ""))

    def test_what_was_said_with_one_that_is_dialled_is_played_to_one_that_dials(self):
        address, recording = f"unix:{self.stage.path('proxy')}", str(self.stage.folder / "said.rec")
        self.assertEqual(self.call(self.stand_in(), "--record", recording, "/").returncode, 0)
        answer = self.asked_by("replay", recording, address=address)
        self.assertEqual((answer.returncode, answer.stderr), (0, ""))
        refused = self.picket("call", "--listen", address, "--record", recording, "/")
        self.assertEqual(refused.returncode, 2)
        self.assertIn("excludes", refused.stderr)

    def test_what_cannot_be_listened_on_is_2_and_says_what_is_missing(self):
        for command in (("call", "/"), ("bench",)):
            for arguments, says in (
                ((), "--agent, or --listen"),
                (("--listen", "tls:127.0.0.1:0"), "needs --tls-cert and --tls-key"),
                (("--listen", "tcp:127.0.0.1:0"), "--insecure"),
                (("--listen", f"grpc+unix:{self.stage.path('proxy')}"), "do not register over gRPC"),
            ):
                with self.subTest(command=command, arguments=arguments):
                    refused = self.picket(*command, *arguments)
                    self.assertEqual(refused.returncode, 2)
                    self.assertIn(says, refused.stderr)


class ClearText(Cli):
    """Over a network nobody speaks to an agent in clear without having said so."""

    def test_who_asks_and_who_serves_over_plain_tcp_says_insecure(self):
        address = f"tcp:127.0.0.1:{free_port()}"
        for program, arguments in (
            ("picket", ("agent", "--listen", address)),
            ("picket", ("call", "--agent", address, "/")),
            ("picket", ("bench", "--agent", address)),
            ("picket-waf", ("--listen", address)),
        ):
            with self.subTest(program=program, arguments=arguments):
                refused = self.picket(*arguments, program=program)
                self.assertEqual(refused.returncode, 2)
                self.assertIn("--insecure", refused.stderr)

    def test_with_the_word_it_works(self):
        port = free_port()
        self.stage.programs.start("agent", "picket", "agent", "--insecure", "--listen", f"tcp:127.0.0.1:{port}",
                                  says=f"serving on tcp:127.0.0.1:{port}")
        answer = self.picket("call", "--agent", f"tcp:127.0.0.1:{port}", "--insecure", "/")
        self.assertEqual(answer.returncode, 0, answer.stderr)

    def test_other_spellings_are_refused_with_what_to_write(self):
        for address, says in (
            ("127.0.0.1:9", "tcp:127.0.0.1:9"),
            ("/tmp/a.sock", "unix:PATH"),
            ("http://127.0.0.1:9", "write grpc:127.0.0.1:9"),
        ):
            for arguments in (("call", "--insecure", "--agent", address, "/"), ("agent", "--insecure", "--listen", address)):
                with self.subTest(arguments):
                    refused = self.picket(*arguments)
                    self.assertEqual(refused.returncode, 2)
                    self.assertIn(says, refused.stderr)


class Dialling(Cli):
    def test_an_agent_listens_or_dials_and_what_does_not_fit_is_said(self):
        for arguments, says in (
            ((), "--listen, or --dial"),
            (("--dial", "tcp:127.0.0.1:9"), "--insecure"),
            (("--dial", "grpc+unix:/tmp/a.sock"), "do not register over gRPC"),
            (("--dial", "/tmp/a.sock"), "unix:PATH"),
            (("--dial", "localhost:9"), "tls:localhost:9, or for clear text tcp:localhost:9"),
            (("--listen", "unix:/tmp/a.sock", "--token-file", "x"), "--agent-id and --token-file go with it"),
            (("--dial", "unix:/tmp/a.sock", "--tls-ca", "x"), "go with tls:HOST:PORT"),
        ):
            with self.subTest(arguments):
                refused = self.picket("agent", *arguments)
                self.assertEqual(refused.returncode, 2)
                self.assertIn(says, refused.stderr)

    def test_where_an_agent_dials_no_grpc_is_offered(self):
        for address in ("localhost:9", "http://127.0.0.1:9", "/tmp/a.sock"):
            for command in (("agent", "--dial"), ("conform", "proxy", "--agent-id", "a", "--dial"), ("call", "/", "--listen")):
                with self.subTest(command=command, address=address):
                    refused = self.picket(*command, address)
                    self.assertEqual(refused.returncode, 2)
                    self.assertNotRegex(refused.stderr, "grpc|gRPC")


class StandIn(Cli):
    def test_delay_ms_delays_every_answer(self):
        path = self.stand_in("--delay-ms", "300")
        begin = time.monotonic()
        self.assertEqual(self.call(path, "/").returncode, 0)
        self.assertGreaterEqual(time.monotonic() - begin, 0.3)

    def test_its_socket_is_0600_unless_told_otherwise_and_gone_when_it_ends(self):
        for arguments, mode in (((), 0o600), (("--socket-mode", "0660"), 0o660)):
            with self.subTest(mode):
                path = self.stand_in(*arguments, name=f"agent{mode}")
                self.assertEqual(stat.S_IMODE(path.stat().st_mode), mode)
                self.agent.signal(signal.SIGTERM)
                self.assertEqual(self.agent.wait(), 0)
                self.assertFalse(path.exists())

    def test_a_second_one_on_the_same_socket_is_an_error_and_the_first_serves_on(self):
        path = self.stand_in()
        result = self.picket("agent", "--listen", f"unix:{path}")
        self.assertEqual(result.returncode, 1)
        self.assertIn("another process is listening there", result.stderr)
        self.assertEqual(self.call(path, "/").returncode, 0)

    def test_an_address_that_is_given_twice_is_said_to_be(self):
        address = f"unix:{self.stage.path('agent')}"
        for other in (address, f"grpc+{address}"):
            with self.subTest(other):
                refused = self.picket("agent", "--listen", address, "--listen", other)
                self.assertEqual(refused.returncode, 1)
                self.assertIn(f"{address} is listed twice", refused.stderr)

    def test_the_socket_of_a_killed_one_is_taken_over(self):
        path = self.stand_in()
        self.agent.kill()
        self.assertTrue(path.exists())
        self.assertEqual(self.call(self.stand_in(), "/").returncode, 0)

    def test_a_file_that_is_no_socket_is_left_alone(self):
        path = self.stage.folder / "precious"
        path.write_text("data")
        self.assertEqual(self.picket("agent", "--listen", f"unix:{path}").returncode, 1)
        self.assertEqual(path.read_text(), "data")

    def test_wrong_options_are_2(self):
        for arguments in (
            (),
            ("--listen", "unix:x", "--block-if", "novalue"),
            ("--listen", "unix:x", "--socket-mode", "9"),
        ):
            with self.subTest(arguments):
                self.assertEqual(self.picket("agent", *arguments).returncode, 2)


class Waf(Cli):
    """One picket-waf for a few calls: CRS takes a moment to load."""

    def waf(self, *arguments: str) -> Path:
        path = self.stage.path("waf")
        self.program = self.stage.programs.start(
            "waf", "picket-waf", "--listen", f"unix:{path}", *arguments, serves=str(path)
        )
        return path

    def test_it_allows_what_is_clean_and_blocks_attacks_wherever_they_are(self):
        path = self.waf("--rule-log", str(self.stage.folder / "rules.log"))
        self.assertEqual(stat.S_IMODE(path.stat().st_mode), 0o600)
        headers = ("-H", "Host: shop.test", "-H", "User-Agent: test", "-H", "Accept: */*")
        form = (*headers, "-H", "Content-Type: application/x-www-form-urlencoded")
        (self.stage.folder / "attack.txt").write_text("user=%27+OR+%271%27%3D%271%27--")
        self.assertEqual(self.call(path, *headers, "/products?page=2").returncode, 0)
        self.assertEqual(self.call(path, *form, "-d", "user=ann", "/login").returncode, 0)
        result = self.call(path, *headers, "--json", "/?id=1%27%20UNION%20SELECT%20password%20FROM%20users--")
        self.assertEqual(result.returncode, 3)
        response = json.loads(result.stdout)["phases"][-1]["response"]
        self.assertEqual(response["decision"]["block"]["status"], 403)
        self.assertTrue(any(rule.startswith("942") for rule in response["audit"]["rule_ids"]))
        self.assertIn('[id "942', (self.stage.folder / "rules.log").read_text())
        result = self.call(path, *form, "-d", "@attack.txt", "/login")
        self.assertEqual(result.returncode, 3)
        self.assertRegex(result.stdout, r"(?m)^phase +request_body$")
        result = self.call(path, *form, "-d", "@-", "/login", stdin=b"q=<script>alert(1)</script>")
        self.assertEqual(result.returncode, 3)
        self.assertRegex(result.stdout, r"(?m)^rules .*941")

    def test_rules_of_ones_own_and_a_configuration_that_it_does_not_know(self):
        rules = self.stage.folder / "own.conf"
        rules.write_text('SecRule REQUEST_URI "@contains evil" "id:1,phase:1,deny,status:418"\n')
        path = self.waf("--rules", str(rules))
        result = self.call(path, "/evil")
        self.assertEqual(result.returncode, 3)
        self.assertIn("block 418", result.stdout)
        self.assertEqual(self.call(path, "/good").returncode, 0)
        result = self.call(path, "--config", '{"paranoia": 2}', "--timeout-ms", "3000", "/")
        self.assertEqual(result.returncode, 1)
        self.assertIn("paranoia", result.stderr)

    def test_rules_that_do_not_load_are_2_with_file_and_line(self):
        (self.stage.folder / "bad.conf").write_text('SecRuleEngine On\nSecRule NOPE "@nothing" "id:1"\n')
        result = self.picket("--listen", "unix:waf.sock", "--rules", "bad.conf", program="picket-waf")
        self.assertEqual(result.returncode, 2)
        self.assertRegex(result.stderr, r"bad\.conf:2")


class Unknown(Cli):
    def test_a_command_or_an_option_that_there_is_not_is_named_with_what_is_near(self):
        for program, arguments, says in (
            ("picket", ("cal", "/"), 'unknown command "cal": did you mean "call"?'),
            ("picket", ("agnet", "--listen", "unix:/a"), 'unknown command "agnet": did you mean "agent"?'),
            ("picket", ("frobnicate",), 'unknown command "frobnicate": known: "run", "check"'),
            ("picket", ("call", "--agnet", "unix:/a", "/"), 'unknown option "--agnet": did you mean "--agent"?'),
            ("picket", ("agent", "--lisen=unix:/a"), 'unknown option "--lisen": did you mean "--listen"?'),
            ("picket", ("conform", "agent", "--address", "unix:/a"), 'unknown option "--address"'),
            ("picket-waf", ("--lisen", "unix:/a"), 'unknown option "--lisen": did you mean "--listen"?'),
        ):
            with self.subTest(program=program, arguments=arguments):
                refused = self.picket(*arguments, program=program)
                self.assertEqual(refused.returncode, 2)
                self.assertIn(says, refused.stderr)

    def test_a_value_that_is_too_many_is_named(self):
        refused = self.picket("check", "a.kdl", "b.kdl")
        self.assertEqual(refused.returncode, 2)
        self.assertIn("b.kdl", refused.stderr)


class Help(Cli):
    def test_version_names_program_version_and_protocol(self):
        result = self.picket("version")
        self.assertEqual(result.returncode, 0)
        self.assertRegex(result.stdout, r"^picket \d+\.\d+\.\d+ \(Agent Protocol v2\)\n$")
        self.assertEqual(self.picket("--version").stdout, result.stdout)
        self.assertRegex(self.picket("--version", program="picket-waf").stdout, r"^picket-waf \d+\.\d+\.\d+\n$")

    def test_help_of_each_command_says_what_it_takes_and_returns(self):
        for command, says in (
            ((), ("run", "check", "call", "agent", "version", "Exit codes")),
            (("run",), ("FILE", "SIGTERM", "SIGHUP", "SIGUSR1", "Exit codes")),
            (("check",), ("FILE", "Exit codes")),
            (
                ("call",),
                ("--agent", "--request", "--header", "--data", "@FILE", "@-", "--json", "URI", "Exit codes", "Example"),
            ),
            (("agent",), ("--listen", "--block-if", "--delay-ms", "--threads", "--socket-mode", "Example")),
            (("bench",), ("--agent", "--listen", "{latency,throughput,body}", "Example")),
            (("version",), ()),
        ):
            with self.subTest(command):
                result = self.picket(*command, "--help")
                self.assertEqual((result.returncode, result.stderr), (0, ""))
                self.assertEqual([text for text in says if text not in result.stdout], [])
                self.assertNotRegex(result.stdout, r"[\x00-\x09\x0b-\x1f]", "what a terminal does not show")
        result = self.picket("--help", program="picket-waf")
        self.assertEqual(result.returncode, 0)
        for text in (
            "--listen",
            "--rules",
            "--paranoia",
            "--detection-only",
            "--rule-log",
            "--threads",
            "--socket-mode",
            "--socket-group",
            "--allow-uid",
            "Exit codes",
            "Examples",
        ):
            self.assertIn(text, result.stdout)

    def test_colours_are_for_terminals(self):
        path = self.stand_in()
        leader, follower = pty.openpty()
        subprocess.run(
            [str(BINARIES / "picket"), "call", "--agent", f"unix:{path}", "/"], stdout=follower, timeout=60, check=True
        )
        os.close(follower)
        shown = os.read(leader, 65536).decode()
        os.close(leader)
        self.assertIn("\x1b[32mallow\x1b[0m", shown)
        self.assertNotIn("\x1b", self.call(path, "/").stdout)
