"""Agents over gRPC: ours on both sides, and gRPC's own library (Debian's python3-grpcio and libgrpc++) on either."""

import os
import pathlib
import signal
import subprocess

from processes import wait
from stage import BINARIES, Asked, Gateway, StageTest

READY = "picket_agent_connections_ready"
PEERS = pathlib.Path(__file__).parent / "grpc_peers"
SPEC = pathlib.Path(__file__).parents[2] / "spec"
PYTHON = "/usr/bin/python3"  # whose modules Debian's packages are


class Grpc(StageTest):
    def setUp(self):
        super().setUp()
        self.socket = self.stage.folder / "agent.sock"
        self.address = f"grpc+unix:{self.socket}"

    def start_agent(self, name: str = "agent") -> None:
        """`picket agent`, which blocks what has x-block: yes."""
        self.agent = self.stage.programs.start(
            name, "picket", "agent", "--listen", self.address, "--block-if", "x-block=yes", says=f"serving on {self.address}"
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
        self.start_agent("again")
        self.assert_decides(gateway)

    def test_an_agent_that_ends_drains_and_loses_no_request(self):
        self.start_agent()
        gateway = self.gateway_of("pool { reconnect-interval-ms 200 }")
        self.assert_decides(gateway)
        self.agent.signal(signal.SIGTERM)
        self.assertEqual(self.agent.wait(), 0)

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
        wait("the end of both exchanges", lambda: agent.text().count("hears request_complete") == 2)

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
            [str(BINARIES / "picket"), "conform", "agent", "--address", self.address, "--only", rf"^grpc\.({rules})$", "--timeout-ms", "20000"],
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
