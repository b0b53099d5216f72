"""What a client of HTTP/2 can send that costs more than it brings: each ends its connection, is counted, and harms nobody else. Made from what the CVEs say."""

import struct
import threading
import unittest

from http2 import (
    ACK, CONTINUATION, DATA, END_HEADERS, END_STREAM, ENHANCE_YOUR_CALM, HEADERS, INITIAL_WINDOW_SIZE, PING, PRIORITY, RST_STREAM,
    SETTINGS, WINDOW_UPDATE, Answer, Http2Client, frame, head, integer, literal,
)
from processes import wait
from stage import Asked
from test_http2 import LARGE, Http2Test
from upstream import response
from wire import allow

CANCELLED = struct.pack(">I", 8)
POST = literal(head("/p", method="POST"))
GET = literal(head("/g"))


class Floods(Http2Test):
    def expect_end(self, kinds: str, flood, prepare=lambda client: None) -> None:
        """`flood(i)`: the i-th of the frames that bring nothing."""
        gateway = self.play()
        client = self.connect(gateway)
        client.streams = _Any()
        prepare(client)
        other = self.connect(gateway)
        sent = 0
        try:
            while sent < 20_000:
                client.send(b"".join(flood(sent + i) for i in range(50)))
                sent += 50
        except OSError:
            pass  # it is closed
        client.until_closed()
        self.expect_flood(gateway, kinds)
        self.assertEqual(other.get().status, 200)
        gateway.expect_metric(1, "picket_client_connections_open")
        gateway.expect_metric(0, "picket_held_bytes")

    def expect_flood(self, gateway, kinds: str) -> None:
        """One of these, whichever was the last straw."""
        wait("it is counted", lambda: sum(gateway.metric("picket_http2_floods_total", kind=kind) for kind in kinds.split()) == 1)

    def test_rapid_reset(self):  # CVE-2023-44487
        def flood(i: int) -> bytes:
            stream = 2 * i + 1
            return frame(HEADERS, END_HEADERS | END_STREAM, stream, GET) + frame(RST_STREAM, 0, stream, CANCELLED)

        self.expect_end("streams", flood)
        self.assertLess(len(self.upstream.requests), 400)

    def test_rapid_reset_with_a_few_bytes_of_body_before(self):
        def flood(i: int) -> bytes:
            stream = 2 * i + 1
            bodies = frame(DATA, 0, stream, b"x") * 4
            return frame(HEADERS, END_HEADERS, stream, POST) + bodies + frame(RST_STREAM, 0, stream, CANCELLED)

        self.expect_end("streams", flood)
        self.assertLess(len(self.upstream.requests), 400)

    def test_made_you_reset_by_windows_that_overflow(self):  # CVE-2025-8671
        def flood(i: int) -> bytes:
            stream = 2 * i + 1
            return frame(HEADERS, END_HEADERS, stream, POST) + frame(WINDOW_UPDATE, 0, stream, b"\x7f\xff\xff\xff")

        self.expect_end("streams invalid_frames window_updates", flood)

    def test_made_you_reset_by_data_behind_the_end(self):
        def flood(i: int) -> bytes:
            stream = 2 * i + 1
            return frame(HEADERS, END_HEADERS | END_STREAM, stream, literal(head("/held"))) + frame(DATA, 0, stream, b"x")

        gateway = self.play(lambda request: threading.Event().wait(5) and None)
        client = self.connect(gateway)
        client.streams = _Any()
        try:
            for i in range(5000):
                client.send(flood(i))
        except OSError:
            pass
        client.until_closed()
        self.assertLessEqual(len(self.upstream.requests), 100)

    def test_heads_that_are_refused(self):
        self.expect_end(
            "streams invalid_frames",
            lambda i: frame(HEADERS, END_HEADERS | END_STREAM, 2 * i + 1, literal(head("/", [("connection", "close")]))),
        )

    def test_heads_without_end(self):  # CVE-2024-27316, CVE-2024-28182
        self.expect_end(
            "header_blocks",
            lambda i: frame(CONTINUATION, 0, 1, b""),
            lambda client: client.frame(HEADERS, 0, 1, literal(head())),
        )

    def test_pings(self):  # CVE-2019-9512
        self.expect_end("pings", lambda i: frame(PING, 0, 0, b"12345678"))

    def test_answers_to_pings_that_nobody_sent(self):
        self.expect_end("pings", lambda i: frame(PING, ACK, 0, b"12345678"))

    def test_settings(self):  # CVE-2019-9515
        self.expect_end("settings", lambda i: frame(SETTINGS))

    def test_priorities(self):  # CVE-2019-9513
        self.expect_end("priorities", lambda i: frame(PRIORITY, 0, 2 * i + 3, struct.pack(">IB", 0, i % 256)))

    def test_windows_for_nothing(self):
        self.expect_end("window_updates", lambda i: frame(WINDOW_UPDATE, 0, 0, b"\0\0\0\1"))

    def test_empty_frames_of_a_body(self):  # CVE-2019-9518
        self.expect_end(
            "empty_frames", lambda i: frame(DATA, 0, 1), lambda client: client.frame(HEADERS, END_HEADERS, 1, POST)
        )

    def test_windows_of_a_byte(self):  # CVE-2019-9511, CVE-2019-9517
        gateway = self.play(lambda request: response(LARGE))
        client = self.connect(gateway, settings={INITIAL_WINDOW_SIZE: 0}, reads=False)
        stream = client.open(head())
        client.until("the head", lambda: client.streams[stream].headers)
        try:
            for _ in range(20_000):
                client.window(stream, 1)
        except OSError:
            pass
        client.until_closed()
        gateway.expect_metric(1, "picket_http2_floods_total", kind="window_updates")

    def test_a_bomb_of_references(self):  # a head of 4 KB that stands for 16 MB
        entry = b"\x40" + integer(1, 7) + b"x" + integer(4000, 7) + b"y" * 4000
        block = literal(head())[:0] + entry + bytes([0x80 | 62]) * 4000

        def flood(i: int) -> bytes:
            return frame(HEADERS, END_HEADERS | END_STREAM, 2 * i + 1, literal(head()) + block)

        gateway = self.play()
        client = self.connect(gateway)
        client.streams = _Any()
        before = gateway.resident_kib()
        for i in range(20):
            client.send(flood(i))
        client.until("it is answered", lambda: client.streams[39].is_over)
        self.assertEqual(client.streams[39].status, 431)
        self.assertLess(gateway.resident_kib() - before, 64 * 1024)
        try:
            for i in range(20, 3000):
                client.send(flood(i))
        except OSError:
            pass
        client.until_closed()
        self.expect_flood(gateway, "header_blocks streams")
        self.assertEqual(self.upstream.requests, [])


class Held(Http2Test):
    def test_bodies_that_nobody_reads_are_bounded_by_what_may_be_held(self):
        gate = threading.Event()
        agent = self.stage.agent(request_headers=lambda event: gate.wait(30) and allow())
        gateway = self.play(agents=[Asked("a", agent.path)], limits="max-held-bytes 1048576")
        client = self.connect(gateway)
        streams = [client.open(head("/", method="POST"), end=False) for _ in range(50)]
        for stream in streams:
            for size in (16384, 16384, 16384, 16383):
                client.data(stream, b"x" * size)
        client.drop_input(1)
        self.assertLessEqual(gateway.metric("picket_held_bytes"), 1_048_576)
        reset = [stream for stream in streams if client.streams[stream].reset == ENHANCE_YOUR_CALM]
        self.assertGreater(len(reset), 10)
        gateway.expect_metric(len(reset), "picket_http2_streams_overloaded_total")
        gate.set()
        for stream in set(streams) - set(reset):
            client.data(stream, b"", end=True)
            client.answer(stream)
        wait("nothing is held", lambda: gateway.metric("picket_held_bytes") == 0)
        self.assertEqual(client.get().status, 200)

    def test_answers_that_nobody_reads_are_bounded_by_a_block_for_each(self):
        gateway = self.play(lambda request: response(LARGE * 8))
        client = self.connect(gateway, reads=False)
        before = gateway.resident_kib()
        for _ in range(100):
            client.open(head())
        client.drop_input(2)
        self.assertLess(gateway.resident_kib() - before, 64 * 1024)
        client.close()
        gateway.expect_metric(0, "picket_client_connections_open")


class _Any(dict):
    """Streams of a client that does not number them itself."""

    def __missing__(self, stream: int) -> Answer:
        return self.setdefault(stream, Answer())


if __name__ == "__main__":
    unittest.main()
