"""Gateway, WAF, upstream and clients with a faulty relay between each two of them.

What is only sliced, late or put together changes no answer. What is cut or changed is an error that says so, and ends in time; no attack passes
an agent that fails closed; and where the relays behave again, all is as before.
"""

import hashlib
import os
import time
import unittest
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

from client import Client, chunked, message
from processes import wait
from relay import Fault, Relay, byte_by_byte, changed, cut, gathered, in_pieces, whole
from stage import Asked, StageTest
from upstream import Request, response

# What is not known to be good is refused: no bit that changes makes an attack good.
RULES = """
SecRuleEngine On
SecRequestBodyAccess On
SecRule REQUEST_URI "!@rx ^/(closed|open)/good/" "id:1,phase:1,deny,status:403"
SecAction "id:2,phase:1,pass,nolog,ctl:forceRequestBodyVariable=On"
SecRule REQUEST_BODY_LENGTH "@gt 0" "id:3,phase:2,deny,status:403,chain"
  SecRule REQUEST_BODY "!@beginsWith good"
"""
FORM = "Content-Type: application/x-www-form-urlencoded\r\n"
EVENTS = '"request_headers" "request_body"'
SEED = int(os.environ.get("PICKET_CHAOS_SEED", "1"))
CLIENTS = 4
REQUESTS = 40  # of each client at least
MOST = 600  # where what is to be seen has not been


def answer_of(request: Request) -> bytes:
    """Says what it was asked; a long one where the target says so, in chunks."""
    said = f"{request.method} {request.target} {hashlib.sha256(request.body).hexdigest()}\n".encode()
    if request.method == "HEAD":
        return response(b"")
    if "long" not in request.target:
        return response(said)
    return response(b"", headers="Transfer-Encoding: chunked\r\n", length=False) + chunked(said, b"x" * 9000, b"y" * 9000)


def said_of(method: str, target: str, body: bytes = b"") -> bytes:
    return answer_of(Request(f"{method} {target} HTTP/1.1\r\n".encode(), body)).split(b"\r\n\r\n", 1)[1]


class RelayTest(StageTest):
    def setUp(self):
        super().setUp()
        rules = self.stage.folder / "rules.conf"
        rules.write_text(RULES)
        waf = str(self.stage.path("waf"))
        self.stage.programs.start("waf", "picket-waf", "--listen", f"unix:{waf}", "--rules", rules, serves=waf)
        self.upstream = self.stage.upstream(answer_of)
        self.to_agent = self.relay(str(self.stage.path("relay")), waf)
        self.to_upstream = self.relay(("127.0.0.1", 0), ("127.0.0.1", self.upstream.port))
        self.gateway = self.stage.unstarted()

    def start(self, keys: str = "timeout-ms 60000") -> None:
        keys += "; pool { connections 2; reconnect-interval-ms 50 }; circuit-breaker { failure-threshold 1000 }"
        agents = [Asked(mode, self.to_agent.address, EVENTS, f'{keys}; failure-mode "{mode}"') for mode in ("closed", "open")]
        routes = "".join(f'route "{mode}" {{ matches {{ path-prefix "/{mode}/" }}; filters "{mode}"; upstream "app" }}\n'
                         for mode in ("closed", "open"))
        self.gateway.write({"app": [f"127.0.0.1:{self.to_upstream.port}"]}, agents, routes=routes, workers=2)
        self.gateway.start()
        self.to_gateway = self.relay(("127.0.0.1", 0), ("127.0.0.1", self.gateway.port))
        for agent in agents:
            wait("the agent is asked", lambda: self.gateway.metric("picket_agent_connections_ready", agent=agent.name) > 0)

    def relay(self, listen, target) -> Relay:
        relay = Relay(listen, target, SEED)
        self.stage.adopt(relay)
        return relay

    def play(self, relays: list[Relay], fault: Fault, there: bool = True, back: bool = True) -> None:
        """From now on, on new connections: those that are open end."""
        for relay in relays:
            relay.there, relay.back = fault if there else whole, fault if back else whole
            relay.end_all()


class WhatIsOnlyHandedOnOtherwise(RelayTest):
    def ask_everything(self) -> list[tuple]:
        """What is answered, in order, and what of it reached the upstream."""
        big = b"good=" + b"b" * 12_000
        sent = len(self.upstream.requests)
        answers = []
        with Client(self.to_gateway.port, timeout=60) as client:
            for method, target, lines, body in (
                ("GET", "/closed/good/a", "", b""), ("HEAD", "/open/good/b", "", b""), ("POST", "/closed/good/c", FORM, b"good=1"),
                ("POST", "/closed/good/d", FORM, big), ("GET", "/closed/good/long", "", b""), ("GET", "/open/bad/e", "", b""),
                ("POST", "/closed/good/f", FORM, b"evil=1"), ("POST", "/open/good/g", FORM + "Expect: 100-continue\r\n", b"good=2"),
                ("GET", "/elsewhere", "", b""),
            ):
                got = client.get(target, lines, method, body)
                answers.append((target, got.status, got.reason, got.body, got.interim))
            client.send(f"PUT /closed/good/h HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n{FORM}\r\n".encode() + chunked(b"good", b"=3"))
            client.send(message("/open/good/i") + message("/closed/bad/j"))  # and behind it, before it is answered
            answers += [(got.status, got.reason, got.body) for got in (client.response() for _ in range(3))]
        reached = [(request.method, request.target, request.body) for request in self.upstream.requests[sent:]]
        return [answers, reached]

    def test_bytes_that_are_sliced_late_or_put_together_are_answered_as_they_are_otherwise(self):
        self.start()
        expected = self.ask_everything()
        self.assertEqual([answer[1] for answer in expected[0][:9]], [200, 200, 200, 200, 200, 403, 403, 200, 404])
        self.assertEqual([answer[0] for answer in expected[0][9:]], [200, 200, 403])
        relays = [self.to_agent, self.to_upstream, self.to_gateway]
        for fault in (byte_by_byte, in_pieces, gathered):
            with self.subTest(fault.__name__):
                before = self.to_agent.connections
                self.play(relays, fault)
                wait("the agent is asked through it", lambda: self.to_agent.connections >= before + 8)  # 2 agents, 2 workers, 2 each
                wait("all are ready", lambda: self.gateway.metric("picket_agent_connections_ready") == 8)
                self.assertEqual(self.ask_everything(), expected)


class WhatIsBroken(RelayTest):
    def setUp(self):
        super().setUp()
        self.start("timeout-ms 400")
        self.statuses: dict[str, Counter] = {"closed": Counter(), "open": Counter()}
        self.wrong: list[str] = []

    def ask(self, client_number: int) -> None:
        """Good ones and attacks, by turns; each on a connection of its own, so that each is dealt a fault."""
        for number in range(MOST):
            if number >= REQUESTS and self.seen <= set(self.statuses["closed"]):
                return
            mode = ("closed", "open")[number % 2]
            word = ("good", "bad")[number // 2 % 2]
            in_body = self.attacks_in_bodies and number % 3 == 0
            method, body = ("POST", f"{word}={client_number}-{number}".encode()) if in_body else ("GET", b"")
            target = f"/{mode}/{'good' if in_body else word}/{word}-{client_number}-{number}"
            try:
                with Client(self.to_gateway.port, self.patience) as client:
                    got = client.get(target, FORM if body else "", method, body)
            except (EOFError, ConnectionError, ValueError, IndexError):
                self.statuses[mode]["cut"] += 1
                continue
            except TimeoutError:
                self.statuses[mode]["none"] += 1
                continue
            self.statuses[mode][got.status] += 1
            if got.status == 503:
                time.sleep(0.05)  # for who is connected to again
            if got.status == 200 and self.is_answer_known and got.body != said_of(method, target, body):
                self.wrong.append(f"{target} was answered {got.body[:80]!r}")
            if got.status == 200 and word == "bad" and mode == "closed":
                self.wrong.append(f"{target} passed")

    def break_and_ask(self, relay: Relay, fault: Fault, there: bool = True, back: bool = True, in_bodies: bool = True,
                      is_answer_known: bool = True, seen: set[int | str] = frozenset((200, 403))) -> None:
        """`seen`: what is to become of requests whose agent fails closed, each of it. `is_answer_known`: the bytes between client and upstream stay what they are. `in_bodies`: attacks are in bodies, too. No checksum keeps what an agent or the gateway is
        told, so that a bit may make a chunk one that is not the last, or a body another request; an attack in a head stays one."""
        self.attacks_in_bodies = in_bodies
        self.is_answer_known, self.seen = is_answer_known, seen
        self.patience = 30 if is_answer_known else 2  # a length that changed has both ends wait for what never comes
        self.play([relay], fault, there, back)
        with ThreadPoolExecutor(CLIENTS) as clients:
            list(clients.map(self.ask, range(CLIENTS)))
        self.assertEqual(self.wrong, [])
        passed = [request.target for request in self.upstream.requests if "bad" in request.target and "/closed" in request.target]
        self.assertEqual(passed, [])
        self.assertLessEqual(seen, set(self.statuses["closed"]), f"{self.statuses}: the play says little")
        self.play([relay], whole)
        self.assert_well_again()

    def assert_well_again(self) -> None:
        self.assertTrue(self.gateway.program.running())
        for mode in ("closed", "open"):
            wait(f"{mode} is asked again", lambda: self.gateway.get(f"/{mode}/bad/after").status == 403)
            wait(f"{mode} serves again", lambda: self.gateway.get(f"/{mode}/good/after").status == 200)
        self.gateway.expect_metric(0, "picket_agent_events_in_flight")
        wait("no connection is left", lambda: self.gateway.metric("picket_client_connections_open") == 0)

    def assert_only(self, mode: str, *statuses: int | str) -> None:
        self.assertLessEqual(set(self.statuses[mode]), set(statuses), self.statuses)

    def test_an_agent_that_is_cut_off_anywhere_fails_as_its_mode_says(self):
        self.break_and_ask(self.to_agent, cut(8000), seen={200, 403, 503})
        self.assert_only("closed", 200, 403, 503, 504)
        self.assert_only("open", 200, 403)

    def test_answers_of_an_agent_in_which_bits_change_are_believed_as_no_other_verdict(self):
        self.break_and_ask(self.to_agent, changed(3000), there=False, seen={200, 403, 503})
        self.assert_only("closed", 200, 403, 503, 504)
        self.assert_only("open", 200, 403)

    def test_events_in_which_bits_change_let_no_attack_pass(self):
        self.break_and_ask(self.to_agent, changed(8000), back=False, in_bodies=False, seen={200, 403, 503})
        self.assert_only("closed", 200, 403, 503, 504)
        self.assert_only("open", 200, 403)

    def test_an_upstream_that_is_cut_off_anywhere_is_a_502_or_an_answer_that_is_seen_to_be_cut(self):
        self.break_and_ask(self.to_upstream, cut(600), seen={200, 403, 502})
        for mode in ("closed", "open"):
            self.assert_only(mode, 200, 403, 502, "cut")

    def test_an_upstream_whose_bits_change_is_relayed_or_a_502_and_harms_nobody_else(self):
        self.break_and_ask(self.to_upstream, changed(300), there=False, is_answer_known=False, seen={200, 403, 502})

    def test_a_client_that_is_cut_off_anywhere_gets_nothing_that_is_whole_and_wrong(self):
        self.break_and_ask(self.to_gateway, cut(600), seen={200, 403, "cut"})
        for mode in ("closed", "open"):
            self.assert_only(mode, 200, 403, "cut")

    def test_a_client_whose_bits_change_gets_no_attack_through(self):
        self.break_and_ask(self.to_gateway, changed(200), back=False, in_bodies=False, is_answer_known=False, seen={200, 400, 403})


if __name__ == "__main__":
    unittest.main()
