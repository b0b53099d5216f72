"""Agents that die, freeze or lie in the middle of bodies, while others are served: what a receiver gets is whole, or a cut that
it can tell, and nobody else hears of it."""

import signal
import sys
import threading
import unittest
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from body_agent import KINDS, LIES
from client import Client, message
from load import Load
from processes import wait
from stage import Asked, StageTest
from upstream import response

HERE = Path(__file__).resolve().parent
CLIENTS = 6  # in mid-body at once, in each direction and of each failure mode
PIECE = 10_000
HALF = 8  # pieces of a body before the fault, and as many after it
EVENTS = " ".join(f'"{kind}"' for kind in KINDS)
CHUNK_TIMEOUT_MS = 3000  # long enough for a busy machine; only what is frozen takes so long


def body_of(name: str) -> bytes:
    """Bytes of that name only, so that a mixture shows."""
    return (f"{name}.".encode() * PIECE)[: PIECE * 2 * HALF]


def halves(body: bytes) -> tuple[bytes, bytes]:
    return body[: PIECE * HALF], body[PIECE * HALF :]


def in_chunks(data: bytes) -> bytes:
    return b"".join(b"%x\r\n%s\r\n" % (PIECE, data[at : at + PIECE]) for at in range(0, len(data), PIECE))


class Outcome:
    """What a client was told of one exchange."""

    WHOLE, REFUSED, CUT = "whole", "refused", "cut"


class Scene(StageTest):
    """Routes /open and /closed are asked of the agent that fails, /load of one that does not."""

    def play(self, lie: str = "") -> None:
        self.under_way = threading.Semaphore(0)
        self.broken = threading.Event()
        self.wrong: list[str] = []
        self.upstream = self.stage.upstream(self.respond)
        self.path = self.stage.path("faulty")
        self.lie = lie
        self.start_agent()
        self.calm = self.stage.agent("calm", events=KINDS, features={"streaming_body": True})
        keys = ('request-body-mode "stream"; response-body-mode "stream"; timeout-ms 30000; '
                "pool { connections 2; reconnect-interval-ms 50 }; circuit-breaker { failure-threshold 1000 }")
        agents = [Asked(mode, self.path, EVENTS, f'{keys}; chunk-timeout-ms {CHUNK_TIMEOUT_MS}; failure-mode "{mode}"')
                  for mode in ("open", "closed")]
        agents.append(Asked("calm", self.calm.path, EVENTS, keys))
        routes = "".join(f'route "{name}" {{ matches {{ path-prefix "/{path}" }}; filters "{name}"; upstream "app" }}\n'
                         for name, path in (("open", "open"), ("closed", "closed"), ("calm", "load")))
        self.gateway = self.stage.gateway(self.upstream, agents, routes=routes, workers=2)
        for mode in ("open", "closed"):
            wait("the agent is asked", lambda mode=mode: self.gateway.metric("picket_agent_connections_ready", agent=mode) > 0)

    def start_agent(self) -> None:
        self.path.unlink(missing_ok=True)
        command = (sys.executable, HERE / "body_agent.py", self.path, *([self.lie] if self.lie else []))
        self.agent = self.stage.programs.start("faulty", *command, serves=str(self.path))

    def respond(self, request) -> bytes | None:
        """/…/down/NAME is answered with its body, the half of it after the fault; what was uploaded is judged here."""
        name = request.target.rsplit("/", 1)[1]
        if "/up/" in request.target:
            if request.body != body_of(name):
                self.wrong.append(f"{request.target} came whole to the upstream, and is another body")
            return response(b"got it")
        if "/down/" not in request.target:
            return response(b"fine")
        first, rest = halves(body_of(name))
        request.peer.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + in_chunks(first))
        self.broken.wait(60)
        return in_chunks(rest) + b"0\r\n\r\n"

    def upload(self, mode: str, name: str) -> str:
        first, rest = halves(body_of(name))
        with Client(self.gateway.port, 60) as client:
            client.send(message(f"/{mode}/up/{name}", "Transfer-Encoding: chunked\r\n", "POST") + in_chunks(first))
            self.under_way.release()
            self.broken.wait(60)
            try:
                client.send(in_chunks(rest) + b"0\r\n\r\n")
            except ConnectionError:
                pass  # it was refused meanwhile
            return self.told(client, "POST", b"got it")

    def download(self, mode: str, name: str) -> str:
        with Client(self.gateway.port, 60) as client:
            client.send(message(f"/{mode}/down/{name}"))
            if not self.lie:
                while client.buffer.count(b"\r\n") < 8:  # the head, and some of the body
                    client._more()
            self.under_way.release()
            return self.told(client, "GET", body_of(name))

    def told(self, client: Client, method: str, expected: bytes) -> str:
        try:
            answer = client.response(method)
        except (EOFError, ConnectionError):
            return Outcome.CUT
        if answer.status != 200:
            return Outcome.REFUSED
        if answer.body != expected:
            self.wrong.append(f"an answer of {len(answer.body)} bytes ended well, and is another one")
        return Outcome.WHOLE

    def in_mid_body(self, fault) -> dict[str, list[str]]:
        """What clients were told whose bodies were under way when it happened, by failure mode."""
        with ThreadPoolExecutor(4 * CLIENTS) as clients, Load(self.gateway) as load:
            told = {mode: [clients.submit(act, mode, f"{mode}{act.__name__}{number}") for number in range(CLIENTS)
                           for act in (self.upload, self.download)] for mode in ("open", "closed")}
            for _ in range(4 * CLIENTS):
                self.assertTrue(self.under_way.acquire(timeout=60))
            before = load.done
            fault()
            self.broken.set()
            outcomes = {mode: [each.result() for each in all_of_them] for mode, all_of_them in told.items()}
            wait("others are served", lambda: load.done > before)
        self.assertEqual(load.failed, [], "others were disturbed")
        self.assertEqual(self.wrong, [])
        self.assertEqual(set(outcomes["open"]), {Outcome.WHOLE}, "who fails open lets all go on")
        return outcomes

    def assert_well_again(self) -> None:
        for mode in ("open", "closed"):
            wait(f"{mode} serves again", lambda mode=mode: self.gateway.get(f"/{mode}/after").status == 200)
        self.gateway.expect_metric(0, "picket_agent_events_in_flight")
        self.gateway.expect_metric(0, "picket_held_bytes")


class DiesInMidBody(Scene):
    def test_one_that_is_killed_cuts_what_it_had_not_allowed_and_nothing_else(self):
        self.play()
        outcomes = self.in_mid_body(self.agent.kill)
        self.assertNotIn(Outcome.WHOLE, outcomes["closed"])
        self.assertIn(Outcome.CUT, outcomes["closed"])
        self.start_agent()
        self.assert_well_again()

    def test_one_that_is_frozen_has_its_time_out_and_no_more(self):
        self.play()
        outcomes = self.in_mid_body(self.agent.freeze)
        self.assertNotIn(Outcome.WHOLE, outcomes["closed"])
        self.assertIn(Outcome.CUT, outcomes["closed"])
        self.agent.signal(signal.SIGCONT)
        self.assert_well_again()

    def test_one_that_lies_is_a_failure_of_that_body_alone(self):
        for lie in LIES:
            with self.subTest(lie):
                self.play(lie)
                outcomes = self.in_mid_body(lambda: None)
                self.assertNotIn(Outcome.WHOLE, outcomes["closed"])
                self.assert_well_again()
            self.clear_stage()


if __name__ == "__main__":
    unittest.main()
