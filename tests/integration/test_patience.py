"""The gateway's patience with clients and upstreams that do nothing: its time-outs, all waited for at once.

They are not in the configuration, so this takes the longest of them: a minute. Bounds are wide: what is tested is that
a limit exists where it is said to be.
"""

import contextlib
import socket
import threading
import time
import unittest

from client import Client, message
from stage import Asked, Stage
from upstream import Request, response

MINUTE = (50, 80)
HALF_A_MINUTE = (25, 48)


def respond(request: Request) -> bytes:
    if request.target == "/silent":
        threading.Event().wait(90)
    if request.target == "/half":
        request.peer.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
        threading.Event().wait(90)
    return response(b"a" * 30_000_000) if request.target == "/unread" else response()


def takes_it(request: Request) -> bool:
    """Whether to read a request's body: of /untaken nothing is."""
    if request.target == "/untaken":
        threading.Event().wait(90)
    return True


class Patience(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.stage = Stage()
        cls.addClassCleanup(cls.stage.close)
        cls.upstream = cls.stage.upstream(respond, takes_it)
        cls.agent = cls.stage.agent()
        cls.gateway = cls.stage.unstarted()
        cls.full = socket.create_server(("127.0.0.1", 0), backlog=0)  # accepts nobody
        cls.addClassCleanup(cls.full.close)
        cls.fillers = [cls.fill() for _ in range(4)]
        cls.gateway.write(
            {"app": [cls.upstream.address], "full": [f"127.0.0.1:{cls.full.getsockname()[1]}"]},
            [Asked("a", cls.agent.path, '"request_headers" "request_body"')],
            limits="max-body-size-bytes 60000000",
            routes='route "full" { matches { path-prefix "/full" }; upstream "full" }\n'
            'route "inspected" { matches { path-prefix "/inspected" }; filters "a"; upstream "app" }\n'
            'route "all" { matches { path-prefix "/" }; upstream "app" }',
        )
        cls.gateway.start()
        cls.results: dict[str, tuple] = {}
        scenes = (
            cls.idle,
            cls.silent,
            cls.late_head,
            cls.slow_head,
            cls.dripped_body,
            cls.dripped_inspected_body,
            cls.stalled_body,
            cls.stalled_inspected_body,
            cls.silent_upstream,
            cls.half_an_answer,
            cls.untaken_request,
            cls.unreachable_upstream,
            cls.unread_response,
            cls.lingering,
        )
        threads = [threading.Thread(target=cls.play, args=(scene,)) for scene in scenes]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    @classmethod
    def fill(cls) -> socket.socket:
        """Takes a place in the queue of the server that accepts nobody."""
        filler = socket.socket()
        filler.setblocking(False)
        filler.connect_ex(("127.0.0.1", cls.full.getsockname()[1]))
        cls.addClassCleanup(filler.close)
        return filler

    @classmethod
    def play(cls, scene) -> None:
        with Client(cls.gateway.port, timeout=90) as client:
            begin = time.monotonic()
            outcome = scene(client)
            cls.results[scene.__name__] = (outcome, time.monotonic() - begin)

    def check(self, scene: str, outcome, between: tuple[float, float]) -> None:
        found, seconds = self.results[scene]
        self.assertEqual(found, outcome)
        self.assertTrue(between[0] <= seconds <= between[1], f"{seconds} s")

    # ---- the scenes

    @staticmethod
    def idle(client: Client) -> tuple:
        return client.get().status, client.closed()

    @staticmethod
    def silent(client: Client) -> bytes:
        """A connection that a browser opens to have one."""
        return client.socket.recv(1)

    @staticmethod
    def late_head(client: Client) -> tuple:
        time.sleep(6)
        client.send("GET / HTTP/1.1\r\n")
        answer = client.response()
        return answer.status, answer.reason, client.closed()

    @staticmethod
    def slow_head(client: Client) -> tuple:
        """A byte a second, as slowloris does."""
        client.socket.settimeout(1)
        client.send("GET / HTTP/1.1\r\nX-Slow: ")
        for _ in range(60):
            try:
                client.send("a")
                answer = client.response()
                return answer.status, answer.reason, client.closed()
            except TimeoutError:
                continue
        return ()

    @staticmethod
    def dripped(client: Client, target: str) -> tuple:
        """Ten bytes a second: never a pause, never an end."""
        client.socket.settimeout(0.1)
        client.send(message(target, "Content-Length: 100000\r\n", "POST"))
        for _ in range(700):
            try:
                client.send("a")
                answer = client.response()
                return answer.status, answer.reason
            except TimeoutError:
                continue
        return ()

    @classmethod
    def dripped_body(cls, client: Client) -> tuple:
        return cls.dripped(client, "/dripped")

    @classmethod
    def dripped_inspected_body(cls, client: Client) -> tuple:
        return cls.dripped(client, "/inspected")

    @staticmethod
    def stalled(client: Client, target: str) -> tuple:
        client.send(message(target, "Content-Length: 10\r\n", "POST") + b"half")
        answer = client.response()
        return answer.status, answer.reason, client.closed()

    @classmethod
    def stalled_body(cls, client: Client) -> tuple:
        return cls.stalled(client, "/stalled")

    @classmethod
    def stalled_inspected_body(cls, client: Client) -> tuple:
        return cls.stalled(client, "/inspected")

    @staticmethod
    def silent_upstream(client: Client) -> tuple:
        answer = client.get("/silent")
        return answer.status, answer.reason

    @staticmethod
    def unreachable_upstream(client: Client) -> tuple:
        answer = client.get("/full")
        return answer.status, answer.reason

    @staticmethod
    def half_an_answer(client: Client) -> int:
        try:
            return client.get("/half").status
        except EOFError:
            return 0

    @staticmethod
    def untaken_request(client: Client) -> tuple:
        def send() -> None:
            with contextlib.suppress(OSError):
                client.send(message("/untaken", method="POST", body=b"a" * 50_000_000))

        threading.Thread(target=send, daemon=True).start()
        return client.response().status

    @classmethod
    def unread_response(cls, client: Client) -> bool:
        client.send(message("/unread"))
        end = time.monotonic() + 85
        while time.monotonic() < end:
            if any(line["uri"] == "/unread" for line in cls.gateway.lines("access")):
                return True
            time.sleep(0.5)
        return False

    @staticmethod
    def lingering(client: Client) -> int:
        """A client that goes on sending after it was refused, and never closes."""
        client.send(message("/lingering", "Content-Length: 99999999\r\n", "POST"))
        status = client.response().status
        while True:
            time.sleep(0.05)
            try:
                client.send(b"a")
            except OSError:
                return status

    # ---- what became of them

    def test_an_idle_client_is_cut_after_a_minute(self):
        self.check("idle", (200, True), MINUTE)

    def test_a_connection_that_never_sends_a_byte_is_closed_after_ten_seconds_and_told_nothing(self):
        self.check("silent", b"", (8, 25))

    def test_a_first_head_has_its_ten_seconds_from_the_accept_on(self):
        self.check("late_head", (408, "bad_request", True), (8, 14))

    def test_a_body_that_drips_is_408_whether_it_is_inspected_or_not(self):
        self.check("dripped_body", (408, "bad_request"), (25, 45))
        self.check("dripped_inspected_body", (408, "bad_request"), (25, 45))

    def test_a_head_that_takes_more_than_ten_seconds_is_408(self):
        self.check("slow_head", (408, "bad_request", True), (8, 25))

    def test_a_body_that_stalls_for_half_a_minute_is_408(self):
        self.check("stalled_body", (408, "bad_request", True), (25, 45))
        self.check("stalled_inspected_body", (408, "bad_request", True), (25, 45))

    def cause(self, target: str, cause: str) -> None:
        self.assertEqual(self.gateway.access(target)[0]["upstream_error"], cause)
        self.gateway.said(f": {cause} (request ")

    def test_a_silent_upstream_is_504_after_a_minute(self):
        self.check("silent_upstream", (504, "upstream_error"), MINUTE)
        self.cause("/silent", "no answer in time")

    def test_an_answer_that_does_not_go_on_is_cut_after_a_minute(self):
        self.check("half_an_answer", 0, MINUTE)
        self.cause("/half", "the rest of the answer did not come in time")

    def test_an_upstream_that_takes_no_request_is_504_after_half_a_minute(self):
        self.check("untaken_request", 504, HALF_A_MINUTE)
        self.cause("/untaken", "request not taken in time")

    def test_an_upstream_that_accepts_nobody_is_502_after_five_seconds(self):
        self.check("unreachable_upstream", (502, "upstream_error"), (4, 15))
        self.cause("/full", "connection timed out")

    def test_a_client_that_does_not_read_its_response_is_given_up_after_a_minute(self):
        self.check("unread_response", True, MINUTE)

    def test_a_connection_lingers_for_a_second_and_no_longer(self):
        self.check("lingering", 413, (0.5, 10))
