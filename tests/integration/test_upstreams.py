"""Upstreams that are down, hang up, are slow or answer too early, and what becomes of the requests."""

import os
import socket
import threading
import time

from client import Client, message
from processes import free_port, wait
from stage import Asked, StageTest
from upstream import Request, response

MEBIBYTE = 1024 * 1024


class Upstreams(StageTest):
    def test_an_upstream_that_is_down_is_502(self):
        gateway = self.stage.unstarted()
        gateway.write({"app": [f"127.0.0.1:{free_port()}"]})
        answer = gateway.start().get()
        self.assertEqual((answer.status, answer.reason), (502, "upstream_error"))
        self.assertEqual(gateway.metric("picket_upstream_connect_failures_total"), 1)

    def test_two_targets_take_turns(self):
        upstreams = [self.stage.upstream(), self.stage.upstream()]
        gateway = self.stage.unstarted()
        gateway.write({"app": [upstream.address for upstream in upstreams]})
        gateway.start()
        for _ in range(6):
            gateway.get()
        self.assertEqual([len(upstream.requests) for upstream in upstreams], [3, 3])

    def test_weights_are_kept(self):
        upstreams = [self.stage.upstream(), self.stage.upstream()]
        gateway = self.stage.unstarted()
        gateway.write({"app": [upstreams[0].address]}, upstream_keys=f'target "{upstreams[1].address}" weight=2')
        gateway.start()
        for _ in range(6):
            gateway.get()
        self.assertEqual([len(upstream.requests) for upstream in upstreams], [2, 4])

    def test_a_target_that_refuses_is_passed_over_and_the_request_still_served(self):
        alive = self.stage.upstream()
        gateway = self.stage.unstarted()
        gateway.write({"app": [f"127.0.0.1:{free_port()}", alive.address]})
        gateway.start()
        self.assertEqual([gateway.get().status for _ in range(6)], [200] * 6)
        self.assertEqual(gateway.metric("picket_upstream_connect_failures_total"), 1)

    def stale_pair(self):
        """A gateway whose pooled connection the upstream closes when the next request comes in on it."""
        first = threading.Event()

        def respond(request: Request) -> bytes | None:
            if request.target == "/warm" or first.is_set():
                return response()
            first.set()
            return None

        upstream = self.stage.upstream(respond)
        gateway = self.stage.gateway(upstream)
        self.assertEqual(gateway.get("/warm").status, 200)
        return upstream, gateway

    def test_a_stale_pooled_connection_costs_an_idempotent_request_one_retry(self):
        upstream, gateway = self.stale_pair()
        self.assertEqual(gateway.get("/again").status, 200)
        self.assertEqual([request.target for request in upstream.requests], ["/warm", "/again", "/again"])
        self.assertEqual(gateway.metric("picket_upstream_retries_total"), 1)

    def test_a_post_is_never_sent_twice(self):
        upstream, gateway = self.stale_pair()
        self.assertEqual(gateway.get("/again", method="POST", body=b"pay").status, 502)
        self.assertEqual([request.target for request in upstream.requests], ["/warm", "/again"])

    def test_there_is_one_retry_not_more(self):
        def respond(request: Request) -> bytes | None:
            return response() if request.target == "/warm" else None

        upstream = self.stage.upstream(respond)
        gateway = self.stage.gateway(upstream)
        gateway.get("/warm")
        self.assertEqual(gateway.get("/gone").status, 502)
        self.assertEqual([request.target for request in upstream.requests], ["/warm", "/gone", "/gone"])

    def test_an_idle_connection_that_the_upstream_closed_is_not_used(self):
        upstream = self.stage.upstream()
        gateway = self.stage.gateway(upstream)
        gateway.get("/warm")
        upstream.close_connections()
        self.assertEqual(gateway.get("/next", method="POST", body=b"once").status, 200)
        self.assertEqual([request.target for request in upstream.requests], ["/warm", "/next"])

    def test_an_upstream_that_answers_in_single_bytes_is_understood(self):
        def respond(request: Request) -> bytes:
            for byte in response(b"slowly"):
                request.peer.sendall(bytes([byte]))
            return b""

        gateway = self.stage.gateway(self.stage.upstream(respond))
        self.assertEqual(gateway.get().body, b"slowly")

    def test_an_upstream_that_never_ends_its_head_is_cut_off(self):
        def respond(request: Request) -> bytes:
            return b"HTTP/1.1 200 OK\r\n" + b"X-Filler: " + b"a" * 200_000

        gateway = self.stage.gateway(self.stage.upstream(respond))
        self.assertEqual(gateway.get().status, 502)

    def test_an_answer_that_comes_before_the_body_was_sent_reaches_the_client(self):
        def respond(_: Request) -> bytes:
            return response(b"too much\n", 413, "Connection: close\r\n")

        upstream = self.stage.upstream(respond)
        gateway = self.stage.gateway(upstream)
        with gateway.client() as client:
            client.send(message("/early", "Content-Length: 5\r\n", "POST") + b"abcde")
            self.assertEqual(client.response().body, b"too much\n")

    def test_a_client_that_goes_away_frees_the_upstream(self):
        asked, gone = threading.Event(), threading.Event()

        def respond(request: Request) -> bytes:
            asked.set()
            if not request.peer.recv(1):
                gone.set()
            return b""

        gateway = self.stage.gateway(self.stage.upstream(respond))
        with gateway.client() as client:
            client.send(message("/abandoned"))
            self.assertTrue(asked.wait(30))
        self.assertTrue(gone.wait(30))
        self.assertEqual(gateway.access("/abandoned")[0]["status"], 0)

    def test_a_client_that_goes_away_ends_the_connect_that_is_made_for_it(self):
        with socket.create_server(("127.0.0.1", 0), backlog=0) as full:  # accepts nobody
            fillers = [socket.socket() for _ in range(4)]
            for filler in fillers:
                filler.setblocking(False)
                filler.connect_ex(full.getsockname())
            gateway = self.stage.unstarted()
            gateway.write({"app": [f"127.0.0.1:{full.getsockname()[1]}"]})
            gateway.start()
            with gateway.client() as client:
                client.send(message("/gone"))
                wait("a connect", lambda: gateway.metric("picket_upstream_connects_total") == 1)
            self.assertEqual(gateway.access("/gone")[0]["status"], 0)
            self.assertEqual(gateway.metric("picket_upstream_connect_failures_total"), 0)
            for filler in fillers:
                filler.close()


class EarlyAnswers(StageTest):
    """An upstream that answers before it has the whole request, does not read on, and does not close."""

    @staticmethod
    def refuses(request: Request) -> bool:
        if request.target.startswith("/early"):
            request.peer.sendall(response(b"too much\n", 413))
        return not request.target.startswith("/early")

    def play(self, *agents: Asked) -> None:
        self.upstream = self.stage.upstream(on_head=self.refuses)
        self.gateway = self.stage.gateway(self.upstream, agents, limits="max-body-size-bytes 104857600")

    def send_in_background(self, client: Client, data: bytes) -> None:
        def send() -> None:
            try:
                client.send(data)
            except OSError:
                pass  # the gateway closed before it took all of it

        threading.Thread(target=send, daemon=True).start()

    def test_reaches_a_client_that_is_still_to_send(self):
        self.play()
        for name, headers, begin in (
            ("length", "Content-Length: 10\r\n", b"half"),
            ("chunked", "Transfer-Encoding: chunked\r\n", b"4\r\nhalf\r\n"),
        ):
            with self.subTest(name), self.gateway.client() as client:
                client.send(message(f"/early?{name}", headers, "POST") + begin)
                answer = client.response()
                self.assertEqual((answer.status, answer.body), (413, b"too much\n"))
                self.assertEqual(answer.value("connection"), "close")
                self.assertTrue(client.closed())

    def test_reaches_a_client_whose_body_the_upstream_does_not_take(self):
        self.play()
        with self.gateway.client() as client:
            self.send_in_background(client, message("/early", method="POST", body=b"a" * 30 * MEBIBYTE))
            self.assertEqual(client.response().status, 413)

    def test_reaches_a_client_whose_body_was_held_and_the_connection_serves_on(self):
        agent = self.stage.agent()
        self.play(Asked("a", agent.path, '"request_body"', "max-request-body-bytes 104857600"))
        with self.gateway.client() as client:
            self.send_in_background(client, message("/early", method="POST", body=b"a" * 8 * MEBIBYTE))
            self.assertEqual(client.response().status, 413)
            self.assertEqual(client.get("/next").body, b"hello\n")
        self.assertEqual(self.upstream.requests[-1].connection, 2)  # the first waits for the rest of a body

    def test_that_is_interim_lets_the_body_go_on(self):
        def continues(request: Request) -> bool:
            request.peer.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
            time.sleep(0.2)
            request.peer.sendall(b"HTTP/1.1 103 Early Hints\r\n\r\n")
            time.sleep(0.2)
            return True

        upstream = self.stage.upstream(lambda request: response(request.body), on_head=continues)
        gateway = self.stage.gateway(upstream, limits="max-body-size-bytes 104857600")
        body = os.urandom(8 * MEBIBYTE)
        self.assertTrue(gateway.get("/interim", method="POST", body=body).body == body)

    def test_that_is_no_answer_but_a_close_is_502(self):
        def hangs_up(request: Request) -> bool:
            request.peer.shutdown(socket.SHUT_WR)
            return False

        gateway = self.stage.gateway(self.stage.upstream(on_head=hangs_up))
        with gateway.client() as client:
            client.send(message("/hangup", "Content-Length: 10\r\n", "POST") + b"half")
            self.assertEqual((client.response().status, client.closed()), (502, True))
