"""Agents that are killed, frozen, slow, noisy, or cut off by packets that are dropped, over each transport: nobody waits for long, no verdict is
swapped or invented, and once the agent is back it is asked again."""

import shutil
import signal
import time
import unittest
from concurrent.futures import ThreadPoolExecutor

from cable import Cable
from certificates import Authority
from processes import free_port, wait
from relay import Pace, Relay
from stage import BINARIES, Asked, Gateway, StageTest

READY = "picket_agent_connections_ready"
IN_FLIGHT = "picket_agent_events_in_flight"
TIMEOUT_MS = 500
# What a request may take at the most whose agent is gone: its time-out, and what a busy machine adds.
PATIENCE = 15
# So that a connection that was ended is there again before a test loses patience.
RECONNECT = "reconnect-interval-ms 100; max-reconnect-interval-ms 500"
TRANSPORTS = ("unix", "tcp", "tls", "grpc", "grpcs", "reverse")


def of_network(address: str) -> tuple[str, int]:
    host, _, port = address.rpartition(":")
    return host, int(port)


class Transports(StageTest):
    def set_up(self, transport: str, near: str = "127.0.0.1", far: str = "127.0.0.1", within: tuple[str, ...] = (), relayed: bool = False,
               options: tuple[str, ...] = (), decides: bool = True, timeout_ms: int = TIMEOUT_MS) -> Gateway:  # fmt: skip
        """An agent at `far` and a gateway at `near` that is connected to it. `within`: the command that the agent is started by; `relayed`: what is
        said goes through self.relay."""
        self.transport, self.within = transport, within
        self.port = free_port()
        self.address = f"{far}:{self.port}"
        behind = f"{far}:{free_port()}" if relayed else self.address  # where the one is whom the other finds at self.address
        authority = Authority(self.stage.folder)
        shown = authority.issue("shown", f"IP:{near},IP:{far}")
        files = ("--tls-cert", str(shown.certificate), "--tls-key", str(shown.key))
        ca = f'tls {{ ca-cert "{authority.ca.certificate}" }}'
        keys = f"timeout-ms {timeout_ms}; failure-mode closed; circuit-breaker {{ failure-threshold 1000 }}"
        keys, reverse = f"{keys}; pool {{ {'' if transport == 'reverse' else RECONNECT} }}", ""
        socket = self.stage.path("agent")
        hidden = self.stage.path("hidden") if relayed else socket
        place, where, more = {
            "unix": (("unix-socket", str(socket)), ("--listen", f"unix:{hidden}"), ""),
            "tcp": (("tcp", self.address), ("--insecure", "--listen", f"tcp:{behind}"), "insecure #true"),
            "tls": (("tcp", self.address), ("--listen", f"tls:{behind}", *files), ca),
            "grpc": (("grpc", f"http://{self.address}"), ("--insecure", "--listen", f"grpc:{behind}"), "insecure #true"),
            "grpcs": (("grpc", f"https://{self.address}"), ("--listen", f"grpcs:{behind}", *files), ca),
            "reverse": (("reverse", "edge"), ("--insecure", "--agent-id", "edge", "--dial", f"tcp:{near}:{self.port}"), ""),
        }[transport]  # fmt: skip
        self.options = (*where, *options)
        if relayed:
            places = (socket, hidden) if transport == "unix" else (of_network(self.address), of_network(behind))
            self.relay = Relay(*places, agent_dials=transport == "reverse")
            self.stage.adopt(self.relay)
        if transport == "reverse":
            reverse = f'tcp-address "{near}:{of_network(behind)[1]}"; insecure #true'
        else:
            self.start_agent()
        gateway = self.stage.unstarted()
        gateway.write({"app": [self.stage.upstream().address]}, [Asked("waf", place[1], keys=f"{keys}; {more}", transport=place[0])], reverse=reverse)
        gateway.start()
        if transport == "reverse":
            self.start_agent()
        wait("a connection", lambda: gateway.metric(READY, agent="waf") > 0)
        if decides:
            self.assert_decides(gateway)
        return gateway

    def start_agent(self) -> None:
        says = "registered with" if self.transport == "reverse" else "serving on"
        self.agent = self.stage.programs.start(
            f"agent{len(self.stage.programs.all)}", *(self.within or ("picket",)), *((str(BINARIES / "picket"),) if self.within else ()), "agent",
            "--block-if", "x-block=yes", *self.options, says=says)  # fmt: skip

    def assert_decides_or_refuses(self, gateway: Gateway) -> bool:
        """Nobody gets another's verdict. Whether all got their own."""
        answers = [gateway.get(headers="x-block: yes\r\n" if number % 2 else "") for number in range(6)]
        for number, answer in enumerate(answers):
            self.assertIn(answer.status, (403 if number % 2 else 200, 503, 504))
        return all(answer.status < 500 for answer in answers)

    def assert_decides(self, gateway: Gateway) -> None:
        self.assertEqual((gateway.get().status, gateway.get(headers="x-block: yes\r\n").status), (200, 403))

    def assert_refuses(self, gateway: Gateway) -> None:
        """Whoever asks meanwhile is refused in time, whatever the verdict would be."""
        for number in range(4):
            began = time.monotonic()
            self.assert_failed_closed(gateway.get(headers="x-block: yes\r\n" if number % 2 else ""))
            self.assertLess(time.monotonic() - began, PATIENCE)

    def assert_comes_back(self, gateway: Gateway) -> None:
        """Until it is asked again everybody is refused; from then on each gets its own verdict."""

        def is_well() -> bool:
            allowed, blocked = gateway.get(), gateway.get(headers="x-block: yes\r\n")
            self.assertIn(allowed.status, (200, 503, 504))
            self.assertIn(blocked.status, (403, 503, 504))
            return (allowed.status, blocked.status) == (200, 403)

        wait("it is asked again", is_well, 60)
        for _ in range(10):
            self.assert_decides(gateway)


class Killed(Transports):
    def test_over_each_transport(self):
        for transport in TRANSPORTS:
            with self.subTest(transport):
                gateway = self.set_up(transport)
                self.agent.kill()
                self.assert_refuses(gateway)
                self.start_agent()
                self.assert_comes_back(gateway)
            self.clear_stage()


class Draining(Transports):
    DELAY_MS = 3000

    def test_an_agent_that_ends_says_so_answers_what_it_was_asked_and_loses_no_request_over_each_transport(self):
        for transport in TRANSPORTS:
            with self.subTest(transport):
                gateway = self.set_up(transport, options=("--delay-ms", str(self.DELAY_MS)), decides=False, timeout_ms=60_000)
                with ThreadPoolExecutor(4) as clients:
                    asked = [clients.submit(gateway.get, headers="x-block: yes\r\n" if number % 2 else "") for number in range(4)]
                    wait("they are under way", lambda gateway=gateway: gateway.metric(IN_FLIGHT, agent="waf") == 4)
                    self.agent.signal(signal.SIGTERM)
                    gateway.said("says it is draining")
                    self.assertFalse(any(answer.done() for answer in asked), "it is to drain while they are under way")
                    self.assertEqual([answer.result().status for answer in asked], [200, 403] * 2)
                self.assertEqual(self.agent.wait(), 0)
            self.clear_stage()


class Frozen(Transports):
    def test_over_each_transport(self):
        for transport in TRANSPORTS:
            with self.subTest(transport):
                gateway = self.set_up(transport)
                self.agent.freeze()
                self.assert_refuses(gateway)
                self.agent.signal(signal.SIGCONT)
                self.assert_comes_back(gateway)
            self.clear_stage()


class Slow(Transports):
    def test_an_agent_whose_bytes_come_one_by_one_decides_over_each_transport(self):
        for transport in TRANSPORTS:
            with self.subTest(transport):
                gateway = self.set_up(transport, relayed=True)
                self.relay.pace = Pace.BYTE_BY_BYTE
                wait("all get their verdicts", lambda: self.assert_decides_or_refuses(gateway), 60)
            self.clear_stage()

    def test_an_agent_that_answers_after_its_time_decides_nothing_over_each_transport(self):
        for transport in TRANSPORTS:
            with self.subTest(transport):
                gateway = self.set_up(transport, options=("--delay-ms", str(2 * TIMEOUT_MS)), decides=False)
                for number in range(4):  # while late answers to those before come in
                    self.assert_failed_closed(gateway.get(headers="x-block: yes\r\n" if number % 2 else ""))
            self.clear_stage()


class Noisy(Transports):
    def test_bytes_that_are_none_of_the_transports_end_the_connection_and_no_more(self):
        """Wrong lengths of frames, wrong records of TLS, wrong frames of HTTP/2."""
        for transport in TRANSPORTS:
            with self.subTest(transport):
                gateway = self.set_up(transport, relayed=True)
                self.relay.pace = Pace.NOISE
                for _ in range(4):
                    answer = gateway.get(headers="x-block: yes\r\n")
                    self.assertIn((answer.status, answer.reason), ((503, "agent_protocol_error"), (503, "agent_unavailable")))
                self.relay.pace = Pace.WHOLE
                self.assert_comes_back(gateway)
            self.clear_stage()


class CutOff(Transports):
    """Half-open: packets are dropped on the way, as where a cable is pulled or a firewall has forgotten the connection."""

    def test_over_each_transport_of_a_network(self):
        if problem := Cable.problem():
            self.skipTest(problem)
        cable = Cable()
        self.addCleanup(cable.close)
        for transport in TRANSPORTS[1:]:
            with self.subTest(transport):
                gateway = self.set_up(transport, cable.near, cable.far, (shutil.which("ip"), "netns", "exec", cable.name))
                cable.cut()
                try:
                    self.assert_refuses(gateway)
                finally:
                    cable.mend()
                self.assert_comes_back(gateway)
            self.clear_stage()


if __name__ == "__main__":
    unittest.main()
