"""Requests whose bodies stream through agents: what goes on when, what is held, what is stopped."""

import threading
import time
import unittest

from client import message
from deciding import Decided
from processes import wait
from streaming import FLOW_CONTROL, KINDS, REQUESTS, Upload, pausing, replaced
import wire
from wire import allow, block, challenge, put, redirect


class RequestBodies(Decided):
    def upstream_has(self, text: bytes) -> None:
        wait(f"{text} upstream", lambda: text in self.upstream.raw())

    def test_a_chunk_goes_on_with_its_verdict_while_the_rest_is_still_to_come(self):
        gateway = self.play(REQUESTS, 'request-body-mode "stream"')
        upload = Upload(gateway)
        for text in (b"one", b"two", b"three"):
            upload.piece(text)
            self.upstream_has(b"\r\n" + text + b"\r\n")
        self.assertEqual(upload.end().body, b"onetwothree")
        chunks = self.agent.of("request_body")
        self.assertEqual([each.data() for each in chunks], [b"one", b"two", b"three", b""])
        self.assertEqual([each.body["is_last"] for each in chunks], [False, False, False, True])

    def test_an_upload_that_is_stopped_at_its_third_chunk_reaches_the_upstream_no_further(self):
        gateway = self.play(
            REQUESTS,
            'request-body-mode "stream"',
            request_body=lambda event: block(403, body="no") if b"evil" in event.data() else allow(),
        )
        upload = Upload(gateway, "/cut")
        for text in (b"one", b"two"):
            upload.piece(text)
            self.upstream_has(text)
        upload.piece(b"evil")
        answer = upload.client.response("POST")
        self.assertEqual((answer.status, answer.body), (403, b"no"))
        wait("the upstream's connection is over", lambda: self.upstream_ended())
        self.assertNotIn(b"evil", self.upstream.raw())
        self.assertNotIn(b"\r\n0\r\n", self.upstream.raw())
        line = gateway.access("/cut")[0]
        self.assertEqual((line["status"], line["decision"]), (403, "cut"))
        self.assertEqual([each["decision"] for each in gateway.audit(line["id"])], ["cut"])
        gateway.expect_metric(1, "picket_agent_cuts_total")

    def upstream_ended(self) -> bool:
        return all(each.fileno() == -1 for each in self.upstream.sockets)

    def test_before_anything_has_left_a_block_redirect_or_challenge_is_an_answer_and_nobody_is_asked(self):
        for name, decision, status in (
            ("block", block(403), 403),
            ("redirect", redirect("/login"), 302),
            ("challenge", challenge("basic", realm="a"), 401),
        ):
            with self.subTest(name):
                gateway = self.play(REQUESTS, 'request-body-mode "stream"', request_body=lambda event, decision=decision: decision)
                upload = Upload(gateway, f"/{name}")
                upload.piece(b"evil")
                self.assertEqual(upload.client.response("POST").status, status)
                self.assertEqual(self.upstream.raw(), b"")
                self.assertEqual(gateway.access(f"/{name}")[0]["decision"], name)
                self.assertEqual(gateway.metric("picket_agent_cuts_total"), 0)
                self.clear_stage()

    def test_hybrid_holds_so_much_and_then_streams(self):
        gateway = self.play(REQUESTS, 'request-body-mode "hybrid" 8; buffer-size 1024')
        upload = Upload(gateway)
        upload.piece(b"abcd")
        time.sleep(0.2)
        self.assertEqual((self.agent.of("request_body"), self.upstream.raw()), ([], b""))
        upload.piece(b"efgh")
        self.upstream_has(b"abcdefgh")
        upload.piece(b"ijkl")
        self.upstream_has(b"ijkl")
        self.assertEqual(upload.end().body, b"abcdefghijkl")

    def test_needs_more_holds_what_is_there_until_the_agent_has_seen_enough(self):
        gateway = self.play(
            REQUESTS, 'request-body-mode "stream"', request_body=lambda event: allow(needs_more=event.data() == b"one")
        )
        upload = Upload(gateway)
        upload.piece(b"one")
        self.agent.expect("request_body")
        time.sleep(0.2)
        self.assertEqual(self.upstream.raw(), b"")
        upload.piece(b"two")
        self.upstream_has(b"onetwo")
        self.assertEqual(upload.end().body, b"onetwo")

    def test_chunks_are_replaced_dropped_grown_and_shrunk_as_they_stream(self):
        made = {b"one": b"1", b"two": b"", b"three": b"three times three" * 5000, b"four": None, b"": None}

        def change(event):
            new = made[event.data()]
            return allow() if new is None else replaced(event, new, "request")

        gateway = self.play(REQUESTS, 'request-body-mode "stream"', request_body=change)
        body = b"onetwothreefour"
        client = gateway.client()
        client.send(message("/", f"Content-Length: {len(body)}\r\n", "POST"))
        for text in (b"one", b"two", b"three", b"four"):
            count = len(self.agent.of("request_body"))
            client.send(text)
            self.agent.expect("request_body", count + 1)
        self.assertEqual(client.response("POST").body, b"1" + b"three times three" * 5000 + b"four")
        self.assertEqual(self.upstream.requests[0].values("content-length"), [])
        self.assertEqual(self.upstream.requests[0].values("transfer-encoding"), ["chunked"])

    def test_a_body_that_is_whole_when_it_goes_on_has_its_length(self):
        for mode in ('"buffer"', '"stream"', '"hybrid" 4'):
            with self.subTest(mode):
                gateway = self.play(REQUESTS, f"request-body-mode {mode}", request_body=lambda event: replaced(event, b"123", "request"))
                self.assertEqual(gateway.get("/", "", "POST", b"one two").body, b"123")
                self.assertEqual(self.upstream.requests[0].values("content-length"), ["3"])
                self.clear_stage()

    def test_the_most_careful_of_several_modes_counts_and_each_sees_what_the_one_before_made(self):
        gateway = self.play_many(
            {"request_body": lambda event: replaced(event, event.data().upper(), "request")},
            {},
            events=REQUESTS,
            a='request-body-mode "stream"',
            b='request-body-mode "buffer"',
        )
        upload = Upload(gateway)
        upload.piece(b"one")
        self.agents[0].expect("request_body")
        upload.piece(b"two")
        self.agents[0].expect("request_body", 2)
        self.assertEqual((self.agents[1].of("request_body"), self.upstream.raw()), ([], b""))
        self.assertEqual(upload.end().body, b"ONETWO")
        self.assertEqual(b"".join(each.data() for each in self.agents[1].of("request_body")), b"ONETWO")

    def test_the_time_for_chunks_runs_only_while_an_agent_owes_an_answer(self):
        gateway = self.play(REQUESTS, 'request-body-mode "stream"; chunk-timeout-ms 1000')
        upload = Upload(gateway)
        upload.piece(b"one")
        self.upstream_has(b"one")
        time.sleep(1.5)
        upload.piece(b"two")
        self.assertEqual(upload.end().body, b"onetwo")

    def test_an_agent_that_owes_an_answer_too_long_has_failed(self):
        def slow(event):
            return None if event.data() == b"two" else allow()

        for mode in ("open", "closed"):
            with self.subTest(mode):
                gateway = self.play(
                    REQUESTS, f'request-body-mode "stream"; failure-mode "{mode}"; chunk-timeout-ms 500', request_body=slow
                )
                upload = Upload(gateway)
                upload.piece(b"one")
                self.upstream_has(b"one")
                upload.piece(b"two")
                if mode == "open":
                    self.upstream_has(b"two")
                    upload.piece(b"three")
                    self.assertEqual(upload.end().body, b"onetwothree")
                else:
                    self.assertEqual(upload.client.response("POST").status, 504)
                    wait("the upstream's connection is over", self.upstream_ended)
                    self.assertNotIn(b"two", self.upstream.raw())
                self.clear_stage()

    def test_an_agent_that_dies_in_mid_body_lets_go_what_it_holds_or_cuts(self):
        def dies(event):
            if event.data() == b"two":
                event.connection.close()
                return None
            return allow(needs_more=True)

        for mode in ("open", "closed"):
            with self.subTest(mode):
                gateway = self.play(REQUESTS, f'request-body-mode "stream"; failure-mode "{mode}"', request_body=dies)
                upload = Upload(gateway)
                upload.piece(b"one")
                self.agent.expect("request_body")
                upload.piece(b"two")
                if mode == "open":
                    self.upstream_has(b"onetwo")
                    self.assertEqual(upload.end().body, b"onetwo")
                else:
                    self.assertEqual(upload.client.response("POST").reason, "agent_unavailable")
                    self.assertEqual(self.upstream.raw(), b"")
                self.clear_stage()

    def test_operations_on_a_head_that_has_left_cannot_be_honoured(self):
        gateway = self.play(
            REQUESTS, 'request-body-mode "stream"', request_body=lambda event: allow(request_headers=[put("x-a", "b")])
        )
        upload = Upload(gateway)
        upload.piece(b"one")
        self.upstream_has(b"one")
        self.assertIn(b"x-a: b", self.upstream.raw())
        upload.piece(b"two")
        self.assertEqual(upload.client.response("POST").reason, "agent_protocol_error")

    def test_a_route_s_limit_is_of_the_body_and_an_agent_s_of_what_is_held(self):
        gateway = self.play(
            REQUESTS, 'request-body-mode "stream"; max-request-body-bytes 1000', limits="max-body-size-bytes 50000"
        )
        self.assertEqual(gateway.get("/", "", "POST", b"a" * 50_000).body, b"a" * 50_000)
        upload = Upload(gateway)
        upload.piece(b"b" * 1000)
        self.upstream_has(b"b" * 1000)
        upload.piece(b"b" * 49_001)
        answer = upload.client.response("POST")
        self.assertEqual((answer.status, answer.reason), (413, "body_too_large"))

    def test_what_is_too_large_to_hold_is_refused_at_once_where_its_agent_wants_more_and_its_end_is_to_come(self):
        for mode in ("buffer", "stream", "hybrid"):
            for size in (3_000, 20_000, 60_000):
                with self.subTest(f"{mode} {size}"):
                    keys = f'request-body-mode "{mode}"' + (" 500" if mode == "hybrid" else "")
                    gateway = self.play(REQUESTS, f"{keys}; max-request-body-bytes 1000", request_body=lambda _: allow(needs_more=True))
                    upload = Upload(gateway)
                    upload.piece(b"a" * size)
                    answer = upload.client.response("POST")
                    self.assertEqual((answer.status, answer.reason), (413, "body_too_large"))
                self.clear_stage()

    def test_what_an_agent_puts_in_a_chunks_place_is_not_held_where_there_is_no_room_for_it(self):
        for mode in ("buffer", "stream"):
            with self.subTest(mode):
                gateway = self.play(
                    f'{REQUESTS} "response_body"',
                    f'request-body-mode "{mode}"; response-body-mode "{mode}"; max-request-body-bytes 20000000',
                    limits="max-held-bytes 1048576; max-body-size-bytes 20000000",
                    request_body=lambda event: replaced(event, b"a" * 2_000_000, "request") if event.data() == b"grow" else allow(),
                    response_body=lambda event: replaced(event, b"a" * 2_000_000) if event.data() == b"more" else allow(),
                )
                self.assertEqual(gateway.get("/", "", "POST", b"fine").body, b"fine")
                answer = gateway.get("/", "", "POST", b"grow")
                self.assertEqual((answer.status, answer.reason, self.upstream.requests[1:]), (503, "overloaded", []))
                answer = gateway.get("/", "", "POST", b"more")
                self.assertEqual((answer.status, answer.reason), (503, "overloaded"))
                gateway.expect_metric(0, "picket_held_bytes")
                self.assertEqual(gateway.get("/", "", "POST", b"fine").body, b"fine")
                self.clear_stage()

    def test_a_hundred_mebibytes_stream_through_an_agent_at_flat_memory(self):
        pieces = 1600
        seen = []
        gateway = self.play(
            REQUESTS,
            'request-body-mode "stream"; timeout-ms 60000',
            limits="max-body-size-bytes 200000000; max-held-bytes 4194304",
            agent_settings={"features": {"streaming_body": True}},
            request_body=lambda event: replaced(event, event.data()[:10], "request", needs_more=False),
        )
        client = gateway.client(60)
        client.send(message("/", f"Content-Length: {pieces * 65536}\r\n", "POST"))
        piece = b"0123456789abcdef" * 4096
        for number in range(pieces):
            client.send(piece)
            if number in (200, pieces - 1):
                seen.append(gateway.resident_kib())
        self.assertGreater(len(client.response("POST").body), 1000)
        self.assertLess(seen[1] - seen[0], 30_000)  # of 90 MiB that passed; what there is is AddressSanitizer's
        gateway.expect_metric(0, "picket_held_bytes")

    def test_an_agent_that_wants_no_more_holds_the_client_back(self):
        resumed = threading.Event()

        def pause(event):
            if event.body["chunk_index"] == 0:
                event.connection.send(wire.flow("pause", event.id))
            return allow()

        gateway = self.play(
            REQUESTS,
            'request-body-mode "stream"; max-request-body-bytes 65536',
            limits="max-body-size-bytes 200000000",
            agent_settings={"features": {"streaming_body": True, "flow_control": True}},
            request_body=pause,
        )
        client = gateway.client()
        client.socket.settimeout(2)
        client.send(message("/", "Content-Length: 100000000\r\n", "POST"))
        sent = 0
        with self.assertRaises(TimeoutError):
            while sent < 100_000_000:
                sent += client.socket.send(b"a" * 65536)
        self.assertLess(sent, 50_000_000)
        resumed.set()
        first = self.agent.of("request_body")[0]
        before = len(self.agent.of("request_body"))
        first.connection.send(wire.flow("resume", first.id))
        self.agent.expect("request_body", before + 1)

    def test_a_client_that_leaves_while_an_agent_wants_no_more_is_let_go(self):
        gateway = self.play(
            f'{REQUESTS} "request_complete"',
            'request-body-mode "stream"',
            agent_settings={"features": FLOW_CONTROL, "events": (*KINDS, "request_complete")},
            request_body=pausing,
        )
        upload = Upload(gateway)
        upload.piece(b"one")
        self.upstream_has(b"one")
        upload.client.close()
        self.agent.expect("request_complete")


if __name__ == "__main__":
    unittest.main()
