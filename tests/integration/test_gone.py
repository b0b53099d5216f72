"""Clients that leave while their request is served: by a reset, by an end of stream, with and without bytes unread."""

import signal
import socket
import struct
import threading
import time
from pathlib import Path

import urgent
from agent import Event
from client import Client, message
from processes import wait
from stage import Asked, StageTest
from upstream import Request, response
from wire import allow, block

LATE = 30  # seconds that nobody waits for


class Gone(StageTest):
    def setUp(self):
        super().setUp()
        self.release = threading.Event()
        self.addCleanup(self.release.set)

    def respond(self, request: Request) -> bytes:
        if request.target.startswith("/held"):
            self.release.wait(LATE)
        return response(b"late")

    def gateway(self, agents=(), limits="half-closed-secs 1", respond=None):
        self.upstream = self.stage.upstream(respond or self.respond)
        return self.stage.gateway(self.upstream, agents, limits=limits)

    @staticmethod
    def reset(client: Client) -> None:
        client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        client.close()

    def ways(self):
        """Name, what follows the request, how the client leaves."""
        pipelined = message("/next")
        for name, rest in (("nothing", b""), ("one byte", b"G"), ("a request", pipelined), ("much", b"x" * 20_000)):
            yield f"reset after {name}", rest, self.reset
            yield f"close after {name}", rest, Client.close
            yield f"half-close after {name}", rest, lambda client: client.socket.shutdown(socket.SHUT_WR)

    def expect_gone(self, gateway, since: float) -> None:
        wait("the exchange ends", lambda: gateway.metric("picket_client_connections_open") == 0, 10)
        self.assertLess(time.monotonic() - since, 8)

    def test_a_client_that_left_while_the_upstream_is_waited_for_is_noticed(self):
        gateway = self.gateway()
        for i, (name, rest, leave) in enumerate(self.ways()):
            with self.subTest(name):
                client = gateway.client()
                client.send(message(f"/held/{i}") + rest)
                wait("the upstream is asked", lambda i=i: any(r.target == f"/held/{i}" for r in self.upstream.requests))
                begin = time.monotonic()
                leave(client)
                self.expect_gone(gateway, begin)
                self.assertEqual(gateway.access(f"/held/{i}")[0]["status"], 0)

    def test_a_client_that_left_while_the_upstream_takes_no_more_of_its_body_is_noticed(self):
        self.upstream = self.stage.upstream(on_head=lambda request: False)
        gateway = self.stage.gateway(self.upstream, limits="half-closed-secs 1; max-body-size-bytes 1000000000")
        client = gateway.client()
        client.send(message("/body", f"Content-Length: {10**8}\r\n", "POST"))
        client.socket.settimeout(0.5)
        with self.assertRaises(TimeoutError):  # every buffer is full
            while True:
                client.send(bytes(1 << 20))
        begin = time.monotonic()
        self.reset(client)
        self.expect_gone(gateway, begin)

    def test_a_client_that_left_while_an_early_answer_is_judged_is_noticed_and_the_agent_told(self):
        def judge(_: Event) -> dict:
            self.release.wait(LATE)
            return allow()

        agent = self.stage.agent(response_headers=judge)
        def refuse(request: Request) -> bool:
            request.peer.sendall(response(b"too much", 413))
            return False

        self.upstream = self.stage.upstream(on_head=refuse)
        gateway = self.stage.gateway(
            self.upstream, [Asked("a", agent.path, '"response_headers"')], limits="half-closed-secs 1"
        )
        for framing in ("Content-Length: 100000", "Transfer-Encoding: chunked"):
            with self.subTest(framing):
                asked = len(agent.of("response_headers"))
                client = gateway.client()
                part = b"abc" if "Length" in framing else b"3\r\nabc\r\n"
                client.send(message("/early", f"{framing}\r\n", "POST") + part)
                wait("the agent is asked", lambda asked=asked: len(agent.of("response_headers")) > asked)
                begin = time.monotonic()
                self.reset(client)
                self.expect_gone(gateway, begin)
        self.release.set()

    def test_a_client_that_reset_before_it_was_accepted_is_not_served(self):
        gateway = self.gateway()
        gateway.program.signal(signal.SIGSTOP)
        threads = Path(f"/proc/{gateway.pid}/task")
        wait("every thread stands", lambda: all(" T " in (t / "stat").read_text() for t in threads.iterdir()))
        for _ in range(5):
            client = Client(gateway.port)
            client.send(message("/gone", "X-Forwarded-For: 192.0.2.1\r\n"))
            self.reset(client)
        gateway.program.signal(signal.SIGCONT)
        self.assertEqual(gateway.get("/here").status, 200)
        self.assertEqual([request.target for request in self.upstream.requests], ["/here"])

    def test_a_client_that_left_while_an_agent_is_waited_for_is_noticed_and_the_agent_told(self):
        agent = self.stage.agent(request_headers=lambda event: self.hold(event))
        gateway = self.gateway([Asked("a", agent.path)])
        for i, (name, rest, leave) in enumerate(self.ways()):
            with self.subTest(name):
                client = gateway.client()
                client.send(message(f"/held/{i}") + rest)
                agent.expect("request_headers", i + 1)
                begin = time.monotonic()
                leave(client)
                self.expect_gone(gateway, begin)
                agent.expect("cancel", i + 1)
        self.assertEqual(self.upstream.requests, [])

    def hold(self, _: Event) -> dict:
        self.release.wait(LATE)
        return allow()

    def test_a_reset_does_not_wait_for_the_time_that_a_half_close_has(self):
        gateway = self.gateway(limits="half-closed-secs 60")
        client = gateway.client()
        client.send(message("/held") + b"G")
        wait("the upstream is asked", lambda: self.upstream.requests)
        begin = time.monotonic()
        self.reset(client)
        self.expect_gone(gateway, begin)

    def test_a_client_that_ended_its_side_gets_an_answer_that_begins_in_time(self):
        def slowly(request: Request) -> bytes:
            time.sleep(0.5)
            return response(request.target.encode())

        gateway = self.gateway(limits="half-closed-secs 10", respond=slowly)
        for i, rest in enumerate((b"", message("/next"))):
            client = gateway.client()
            client.send(message(f"/slow/{i}") + rest)
            client.socket.shutdown(socket.SHUT_WR)
            self.assertEqual(client.response().body, f"/slow/{i}".encode())
            if rest:
                self.assertEqual(client.response().body, b"/next")
            self.assertTrue(client.closed())

    def test_an_answer_that_has_begun_is_sent_to_its_end_however_long_it_takes(self):
        def trickle(request: Request) -> None:
            request.peer.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n")
            for _ in range(4):
                time.sleep(0.7)
                request.peer.sendall(b"x")

        gateway = self.gateway(limits="half-closed-secs 1", respond=trickle)
        client = gateway.client()
        client.send(message("/trickle"))
        client.socket.shutdown(socket.SHUT_WR)
        self.assertEqual(client.response().body, b"xxxx")

    def test_with_no_time_for_half_closed_clients_an_end_of_stream_is_a_client_that_left(self):
        gateway = self.gateway(limits="half-closed-secs 0")
        client = gateway.client()
        client.send(message("/held"))
        wait("the upstream is asked", lambda: self.upstream.requests)
        begin = time.monotonic()
        client.socket.shutdown(socket.SHUT_WR)
        self.expect_gone(gateway, begin)
        self.assertLess(time.monotonic() - begin, 2)

    def ways_to_end(self):
        """What of an answer has come, and how the client leaves without a reset."""
        for name, begun in (
            ("half a body", b"Content-Length: 50\r\n\r\nabc"),
            ("half a chunk", b"Transfer-Encoding: chunked\r\n\r\n5\r\nab"),
            ("a chunk", b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n"),
            ("a head", b"Content-Length: 50\r\n\r\n"),
            ("until close", b"\r\nabc"),
        ):
            yield f"close after {name}", begun, Client.close
            yield f"half-close after {name}", begun, lambda client: client.socket.shutdown(socket.SHUT_WR)

    def test_a_client_that_closed_while_its_answer_stalls_is_gone(self):
        self.begun = b""
        agent = self.stage.agent()
        for seconds in (0, 1):
            gateway = self.gateway(
                [Asked("a", agent.path)],
                limits=f"half-closed-secs {seconds}",
                respond=lambda request: b"HTTP/1.1 200 OK\r\n" + self.begun,
            )
            for i, (name, self.begun, leave) in enumerate(self.ways_to_end()):
                with self.subTest(f"{name}, half-closed-secs {seconds}"):
                    client = gateway.client()
                    client.send(message(f"/stalls/{i}"))
                    self.assertIn(b"200", client.socket.recv(1000))
                    told = len(agent.of("request_complete"))
                    begin = time.monotonic()
                    leave(client)
                    self.expect_gone(gateway, begin)
                    line = gateway.access(f"/stalls/{i}")[0]
                    self.assertEqual((line["status"], line["reason"]), (200, "client_gone"))
                    self.assertNotIn("upstream_error", line)
                    self.assertEqual(agent.expect("request_complete", told + 1)[-1].body["error"], "client_gone")
                    peer = self.upstream.requests[-1].peer
                    wait("the upstream hears of it", lambda peer=peer: peer.fileno() == -1)

    def test_with_no_time_for_half_closed_clients_an_answer_that_flows_ends_as_well(self):
        def flow(request: Request) -> None:
            request.peer.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
            while not self.release.wait(0.003):
                request.peer.sendall(b"x")

        gateway = self.gateway(limits="half-closed-secs 0", respond=flow)
        client = gateway.client()
        client.send(message("/flows"))
        client.socket.recv(1000)
        begin = time.monotonic()
        client.socket.shutdown(socket.SHUT_WR)
        self.expect_gone(gateway, begin)
        self.assertEqual(gateway.access("/flows")[0]["reason"], "client_gone")

    def blocks_at_length(self) -> str:
        body = "x" * 12_000_000
        return self.stage.agent("long", request_headers=lambda event: block(body=body)).path

    def test_with_no_time_for_half_closed_clients_one_that_reads_nothing_is_not_waited_for(self):
        for name, agents in (("relayed", []), ("of an agent", [Asked("long", self.blocks_at_length())])):
            with self.subTest(name):
                gateway = self.gateway(
                    agents, limits="half-closed-secs 0", respond=lambda request: response(bytes(50_000_000))
                )
                client = Client(gateway.port, receive_buffer=4096)
                self.addCleanup(client.close)
                client.send(message("/unread"))
                client.socket.recv(1)
                time.sleep(0.5)  # every buffer is full
                begin = time.monotonic()
                client.socket.shutdown(socket.SHUT_WR)
                self.expect_gone(gateway, begin)

    def test_unread_bytes_change_nothing_and_cost_nothing(self):
        gateway = self.gateway()
        client = gateway.client()
        client.send(message("/held") + b"G")
        wait("the upstream is asked", lambda: self.upstream.requests)
        before = self.cpu_seconds(gateway.pid)
        time.sleep(1)
        self.assertLess(self.cpu_seconds(gateway.pid) - before, 0.4)
        self.release.set()
        self.assertEqual(client.response().body, b"late")
        client.send(message("/next")[1:])
        self.assertEqual(client.response().status, 200)

    def test_urgent_data_behind_a_gap_costs_nothing(self):
        if why := urgent.problem():
            self.skipTest(why)
        gateway = self.gateway()
        for where, bytes_before in (("at rest", b""), ("in a head", b"GET / HTTP/1.1\r\n"),
                                    ("in a body", message("/", "content-length: 9\r\n", "POST") + b"a")):
            with self.subTest(where):
                client = gateway.client()
                client.send(bytes_before)
                time.sleep(0.3)  # it has arrived
                urgent.send_behind_a_gap(client.socket)
                time.sleep(0.2)
                before = self.cpu_seconds(gateway.pid)
                time.sleep(1)
                self.assertLess(self.cpu_seconds(gateway.pid) - before, 0.4)
                self.assertEqual(gateway.get("/").status, 200)
                client.close()

    @staticmethod
    def cpu_seconds(pid: int) -> float:
        fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / 100
