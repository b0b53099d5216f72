"""Agents over gRPC: ours on both sides, and gRPC's own library (Debian's python3-grpcio and libgrpc++) on either."""

import os
import pathlib
import signal
import subprocess
import threading
from concurrent.futures import ThreadPoolExecutor

from client import message
from processes import wait
from stage import BINARIES, Asked, Gateway, StageTest

READY = "picket_agent_connections_ready"
MIB = 1024 * 1024
PEERS = pathlib.Path(__file__).parent / "grpc_peers"
SPEC = pathlib.Path(__file__).parents[2] / "spec"
PYTHON = "/usr/bin/python3"  # whose modules Debian's packages are


class Grpc(StageTest):
    def setUp(self):
        super().setUp()
        self.socket = self.stage.folder / "agent.sock"
        self.address = f"grpc+unix:{self.socket}"

    def start_agent(self, *options: str, name: str = "agent") -> None:
        """`picket agent`, which blocks what has x-block: yes."""
        self.agent = self.stage.programs.start(
            name, "picket", "agent", "--listen", self.address, "--block-if", "x-block=yes", *options, says=f"serving on {self.address}"
        )

    def gateway_of(self, keys: str = "") -> Gateway:
        asked = Asked("waf", f"unix:{self.socket}", keys=keys, transport="grpc")
        return self.stage.gateway(self.stage.upstream(), [asked])

    def assert_decides(self, gateway: Gateway) -> None:
        wait("a connection", lambda: gateway.metric(READY, agent="waf") > 0)
        self.assertEqual(gateway.get().status, 200)
        self.assertEqual(gateway.get(headers="x-block: yes\r\n").status, 403)


class OurOwn(Grpc):
    def test_decisions_of_an_agent_are_applied(self):
        self.start_agent()
        self.assert_decides(self.gateway_of())

    def test_an_agent_that_dies_fails_closed_at_once_and_is_used_again_when_it_is_back(self):
        self.start_agent()
        gateway = self.gateway_of("pool { reconnect-interval-ms 200 }")
        self.assert_decides(gateway)
        self.agent.kill()
        wait("the loss", lambda: gateway.metric(READY, agent="waf") == 0)
        self.assert_failed_closed(gateway.get())
        self.start_agent(name="again")
        self.assert_decides(gateway)

    def test_an_agent_that_ends_drains_and_loses_no_request(self):
        self.start_agent()
        gateway = self.gateway_of("pool { reconnect-interval-ms 200 }")
        self.assert_decides(gateway)
        ended, answers = threading.Event(), []

        def ask() -> None:
            while not ended.is_set():
                answers.append(gateway.get(headers="x-block: yes\r\n"))

        with ThreadPoolExecutor(4) as clients:
            asking = [clients.submit(ask) for _ in range(4)]
            wait("they are asking", lambda: len(answers) > 8)
            self.agent.signal(signal.SIGTERM)
            code = self.agent.wait()
            ended.set()
            for one in asking:
                one.result()
        self.assertEqual(code, 0)
        # Whoever was heard got its verdict, whoever came after it had gone was refused, and none was cut off.
        self.assertEqual({answer.status for answer in answers} - {503}, {403})
        self.assertLessEqual({answer.reason for answer in answers if answer.status == 503}, {"agent_unavailable"})

    def test_call_asks_over_grpc(self):
        self.start_agent()
        result = subprocess.run(
            [str(BINARIES / "picket"), "call", "--agent", self.address, "--timeout-ms", "20000", "/"],
            capture_output=True, text=True, timeout=60,
        )
        self.assertEqual((result.returncode, result.stderr), (0, ""))


    def test_what_cannot_be_recorded_is_refused(self):
        self.start_agent()
        file = self.stage.folder / "said.jsonl"
        result = subprocess.run(
            [str(BINARIES / "picket"), "call", "--agent", self.address, "--record", str(file), "/"],
            capture_output=True, text=True, timeout=60,
        )
        self.assertNotEqual(result.returncode, 0)
        self.assertIn("gRPC cannot be recorded", result.stderr)


class GrpcsOwnLibrary(Grpc):
    def setUp(self):
        super().setUp()
        subprocess.run(
            ["protoc", f"-I{SPEC}", f"--python_out={self.stage.folder}", str(SPEC / "agent_v2.proto")], check=True, timeout=60
        )
        self.environment = {"PYTHONPATH": str(self.stage.folder)}

    def test_an_agent_on_it_decides_for_our_gateway(self):
        agent = self.stage.programs.start(
            "python", PYTHON, str(PEERS / "agent.py"), f"unix:{self.socket}", says="serves", environment=self.environment
        )
        self.assert_decides(self.gateway_of("config { level 3 }"))
        self.assertIn('hears configure {"level":3}', agent.text())
        self.assertIn("hears request_headers HTTP/1.1", agent.text())
        wait("the end of both exchanges", lambda: agent.text().count("hears request_complete") == 2)

    def test_what_an_agent_on_it_says_for_the_log_is_in_the_gateways(self):
        self.stage.programs.start("python", PYTHON, str(PEERS / "agent.py"), f"unix:{self.socket}", says="serves", environment=self.environment)
        gateway = self.gateway_of()
        self.assert_decides(gateway)
        self.assertRegex(gateway.said("rules are of yesterday"), r"warning agent 'waf': says .*: rules are of yesterday")

    def test_an_agent_that_drains_is_not_serving_for_who_watches_it_and_ends_what_is_under_way(self):
        self.start_agent("--delay-ms", "3000")
        gateway = self.gateway_of("timeout-ms 60000")
        wait("a connection", lambda: gateway.metric(READY, agent="waf") > 0)
        watch = self.stage.programs.start("watch", PYTHON, str(PEERS / "watch.py"), f"unix:{self.socket}", says="health 1")
        with ThreadPoolExecutor(1) as client:
            asked = client.submit(gateway.get)
            wait("it is under way", lambda: gateway.metric("picket_agent_events_in_flight", agent="waf") == 1)
            self.agent.signal(signal.SIGTERM)
            wait("it serves no more", lambda: "health 2" in watch.text())
            self.assertFalse(asked.done(), "it is to say so while it drains")
            self.assertEqual(asked.result().status, 200)
        self.assertEqual(self.agent.wait(), 0)
        self.assertEqual(watch.wait(), 0)
        self.assertEqual(watch.text().split("\n")[:2], ["health 1", "health 2"])

    def assert_bodies_over_a_message(self, failure_mode: str, status: int) -> None:
        """The operator lets larger bodies through than one message of gRPC's libraries carries: they are answered so, and cost no connection."""
        agent = self.stage.programs.start(
            "python", PYTHON, str(PEERS / "agent.py"), f"unix:{self.socket}", says="serves", environment=self.environment
        )
        asked = Asked("waf", f"unix:{self.socket}", '"request_headers" "request_body"', transport="grpc",
                      keys=f'max-request-body-bytes {10 * MIB}; failure-mode "{failure_mode}"')  # fmt: skip
        gateway = self.stage.gateway(self.stage.upstream(), [asked], limits=f"max-body-size-bytes {20 * MIB}")
        wait("a connection", lambda: gateway.metric(READY, agent="waf") > 0)
        self.assertEqual(gateway.get(method="POST", body=b"x" * 3 * 10**6).status, 200)
        self.assertIn("hears request_body_chunk of 3000000 bytes", agent.text())
        for _ in range(3):
            with gateway.client() as client:
                client.send(message("/", f"Content-Length: {6 * 10**6}\r\n", "POST"))
                if status == 200:  # else the answer comes before the body
                    client.send(b"x" * 6 * 10**6)
                self.assertEqual(client.response().status, status)
        self.assertEqual(gateway.get(method="POST", body=b"x" * 1000).status, 200)
        self.assertEqual(gateway.metric("picket_agent_connections_lost_total", agent="waf"), 0)

    def test_a_body_that_one_message_does_not_carry_is_over_the_limit_of_an_agent_on_it(self):
        self.assert_bodies_over_a_message("closed", 413)

    def test_such_a_body_goes_past_an_agent_that_fails_open(self):
        self.assert_bodies_over_a_message("open", 200)

    def test_a_proxy_on_it_is_served_by_our_agent(self):
        self.start_agent()
        result = subprocess.run(
            [PYTHON, str(PEERS / "proxy.py"), f"unix:{self.socket}"],
            capture_output=True, text=True, timeout=120, env=os.environ | self.environment,
        )
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertEqual(
            result.stdout.splitlines(),
            ["health 0801", "handshake True 2", "decisions allow block", "pong 7", "rest [] OK"],
        )

    def test_an_agent_on_grpc_cpp_decides_for_our_gateway_and_answers_single_events_and_control(self):
        peer = BINARIES / "picket_grpc_cpp_peer"
        agent = self.stage.programs.start("cpp", peer, "agent", f"unix:{self.socket}", says="serves")
        self.assert_decides(self.gateway_of("config { level 3 }"))
        self.assertIn('{"level":3}', agent.text())
        # Without control-noise: the end of a stream and what is no message are one to who reads with this library.
        rules = "process-event(-id|-beside|-unknown-field|-others-live)?|control-(stream|health|unknown-field|config|others-live)"
        result = subprocess.run(
            [str(BINARIES / "picket"), "conform", "agent", "--agent", self.address, "--only", rf"^grpc\.({rules})$", "--timeout-ms", "20000"],
            capture_output=True, text=True, timeout=120,
        )  # fmt: skip
        self.assertEqual((result.returncode, result.stdout.count("pass  ")), (0, 10), result.stdout + result.stderr)

    def test_a_proxy_on_grpc_cpp_is_served_by_our_agent(self):
        self.start_agent()
        result = subprocess.run([str(BINARIES / "picket_grpc_cpp_peer"), "proxy", f"unix:{self.socket}"], capture_output=True, text=True, timeout=120)
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertEqual(
            result.stdout.splitlines(),
            ["handshake 1", "first allow", "second block", "stream 0", "event 0 one allow", "event 0 one block", "control mine 0", "stream 0"],
        )

    def test_a_client_on_it_asks_single_events_and_what_is_served(self):
        self.start_agent()
        result = subprocess.run(
            [PYTHON, str(PEERS / "calls.py"), f"unix:{self.socket}"],
            capture_output=True, text=True, timeout=120, env=os.environ | self.environment,
        )
        self.assertEqual(result.returncode, 0, result.stderr)
        services = "['grpc.health.v1.Health', 'zentinel.agent.v2.AgentServiceV2']"
        methods = "['ProcessStream', 'ControlStream', 'ProcessEvent'] 5"
        self.assertEqual(
            result.stdout.splitlines(),
            ["event first allow", "event second block", "complete first", "handshake True", "cancel INVALID_ARGUMENT",
             "control mine False", f"v1 {services}", f"v1 {methods}", f"v1alpha {services}", f"v1alpha {methods}"],
        )
        self.agent.signal(signal.SIGTERM)  # exchanges that nobody completes do not hold it up
        self.assertEqual(self.agent.wait(), 0)
