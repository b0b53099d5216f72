"""Bodies and responses under inspection, and the end of every exchange as its agents see it."""

import base64
import threading
import time

import wire
from agent import Event, reply_to
from client import chunked, message
from deciding import BODY, RESPONSE, Decided
from processes import wait
from wire import allow, block


class Bodies(Decided):
    def test_the_body_reaches_the_agent_in_chunks_of_the_configured_size_with_their_counts(self):
        gateway = self.play(BODY, "buffer-size 1024")
        body = bytes(range(256)) * 10
        self.assertEqual(gateway.get("/", "", "POST", body).body, body)
        chunks = self.agent.of("request_body")
        self.assertEqual([len(chunk.data()) for chunk in chunks], [1024, 1024, 512])
        self.assertEqual(
            [
                (
                    chunk.body["chunk_index"],
                    chunk.body["is_last"],
                    chunk.body["bytes_received"],
                    chunk.body["total_size"],
                )
                for chunk in chunks
            ],
            [(0, False, 1024, 2560), (1, False, 2048, 2560), (2, True, 2560, 2560)],
        )
        self.assertEqual(self.agent.body_of(chunks[0].id), body)

    def test_the_agents_preferred_chunk_size_holds_where_it_is_smaller(self):
        gateway = self.play(
            BODY, agent_settings={"limits": {"preferred_chunk_size": 2000}, "features": {"streaming_body": True}}
        )
        gateway.get("/", "", "POST", b"a" * 5000)
        self.assertEqual([len(chunk.data()) for chunk in self.agent.of("request_body")], [2000, 2000, 1000])

    def test_an_agent_that_judges_each_event_alone_gets_the_body_in_one(self):
        ours = {"extensions": ("raw-bytes",)}
        streaming = {"features": {"streaming_body": True}}
        body = bytes(range(256)) * 1200  # 300 KiB: several blocks as it is read
        for name, keys, settings, sizes in (
            ("of the reference", "", {}, [len(body)]),
            ("and its preferred size is its SDK's", "", {"limits": {"preferred_chunk_size": 65536}}, [len(body)]),
            ("that streams", "", streaming, [65536] * 4 + [len(body) - 4 * 65536]),
            ("with extensions", "", ours, [65536] * 4 + [len(body) - 4 * 65536]),
            ("as the operator wrote", "buffer-size 200000", {}, [65536] * 4 + [len(body) - 4 * 65536]),
        ):
            with self.subTest(name):
                gateway = self.play(BODY, keys, agent_settings=settings)
                self.assertTrue(gateway.get("/", "", "POST", body).body == body)
                chunks = self.agent.of("request_body")
                self.assertEqual([len(chunk.data()) for chunk in chunks], sizes)
                self.assertTrue(self.agent.body_of(chunks[0].id) == body)
                self.assertEqual([chunk.body["is_last"] for chunk in chunks][-1], True)
                self.clear_stage()

    def test_a_chunked_body_in_pieces_is_one_event_too_and_what_lies_across_them_is_seen(self):
        gateway = self.play(
            BODY, request_body=lambda event: block(403) if b"<script>" in event.data() else allow()
        )
        with gateway.client() as client:
            client.send(message("/", "Transfer-Encoding: chunked\r\n", "POST"))
            client.send(chunked(b"a" * 65_533 + b"<scr", b"ipt>" + b"b" * 70_000))
            self.assertEqual(client.response().status, 403)
        self.assertEqual(self.upstream.raw(), b"")

    def test_a_body_of_many_megabytes_is_one_event_or_over_the_limit_where_a_frame_does_not_reach(self):
        gateway = self.play(
            BODY,
            "max-request-body-bytes 20000000",
            agent_settings={"limits": {"max_body_size": 20_000_000}},
            limits="max-body-size-bytes 20000000",
        )
        body = bytes(range(250)) * (12_000_000 // 250)
        self.assertTrue(gateway.get("/", "", "POST", body).body == body)
        self.assertTrue([chunk.data() for chunk in self.agent.of("request_body")] == [body])
        with gateway.client() as client:
            client.send(message("/", "Content-Length: 14000000\r\n", "POST"))
            self.assertEqual(client.response().status, 413)
        self.assertEqual(len(self.agent.of("request_body")), 1, "a cut would hide what lies across it")

    def test_with_a_size_of_chunks_a_body_is_as_large_as_the_operator_says(self):
        gateway = self.play(
            BODY,
            "max-request-body-bytes 20000000; buffer-size 4000000",
            agent_settings={"limits": {"max_body_size": 20_000_000}},
            limits="max-body-size-bytes 20000000",
        )
        body = bytes(range(250)) * (14_000_000 // 250)
        self.assertTrue(gateway.get("/", "", "POST", body).body == body)
        self.assertTrue(b"".join(chunk.data() for chunk in self.agent.of("request_body")) == body)

    def test_nothing_goes_upstream_before_the_verdict_on_the_last_chunk(self):
        asked, verdict = threading.Event(), threading.Event()

        def hold(event: Event) -> dict:
            if event.body["is_last"]:
                asked.set()
                verdict.wait(30)
            return allow()

        gateway = self.play(BODY, "buffer-size 1024", request_body=hold)
        with gateway.client() as client:
            client.send(message("/", "", "POST", b"a" * 4000))
            self.assertTrue(asked.wait(30))
            self.assertEqual((self.upstream.raw(), self.upstream.sockets), (b"", []))
            verdict.set()
            self.assertEqual(client.response().body, b"a" * 4000)

    def test_a_block_of_a_chunk_ends_the_inspection_and_no_byte_goes_upstream(self):
        gateway = self.play(
            BODY,
            "buffer-size 1024",
            request_body=lambda event: block(403) if event.body["chunk_index"] == 1 else allow(),
        )
        answer = gateway.get("/attack", "", "POST", b"a" * 5000)
        self.assertEqual(answer.status, 403)
        self.assertEqual(len(self.agent.of("request_body")), 2)
        self.assertEqual(self.upstream.raw(), b"")
        self.assertEqual(gateway.audit(gateway.access("/attack")[0]["id"])[0]["phase"], "request_body")

    def test_needs_more_holds_the_body_and_keeps_it_flowing(self):
        gateway = self.play(
            BODY, "buffer-size 1024", request_body=lambda event: allow(needs_more=not event.body["is_last"])
        )
        self.assertEqual(gateway.get("/", "", "POST", b"a" * 3000).body, b"a" * 3000)
        self.assertEqual(len(self.agent.of("request_body")), 3)

    def test_mutations_replace_drop_and_keep_chunks_and_rewrite_the_length(self):
        mutations = {0: "UFJFRklY", 1: "", 2: None}  # "PREFIX"

        def mutate(event: Event) -> dict:
            index = event.body["chunk_index"]
            return allow(request_body_mutation={"data": mutations[index], "chunk_index": index})

        gateway = self.play(BODY, "buffer-size 1024", request_body=mutate)
        body = b"a" * 1024 + b"b" * 1024 + b"c" * 100
        self.assertEqual(gateway.get("/", "", "POST", body).body, b"PREFIX" + b"c" * 100)
        self.assertEqual(self.upstream.requests[0].values("content-length"), ["106"])

    def test_an_earlier_chunk_that_is_still_held_can_be_changed_later(self):
        changes = {1: {"data": "QQ==", "chunk_index": 0}, 2: {"data": "", "chunk_index": 1}}  # "A"

        def mutate(event: Event) -> dict:
            change = changes.get(event.body["chunk_index"])
            return allow(request_body_mutation=change) if change else allow()

        gateway = self.play(BODY, "buffer-size 1024", request_body=mutate)
        self.assertEqual(gateway.get("/", "", "POST", b"a" * 1024 + b"b" * 1024 + b"c" * 100).body, b"A" + b"c" * 100)

    def test_answers_to_chunks_that_cannot_be_honoured_are_failures_and_the_failure_mode_decides(self):
        def mutation(data: bytes, chunk: int = 0) -> dict:
            return allow(request_body_mutation={"data": base64.b64encode(data).decode(), "chunk_index": chunk})

        bad = {
            "a chunk that does not come": mutation(b"x", 7),
            "one that is dropped and does not come": mutation(b"", 7),
            "the chunk after this": mutation(b"x", 1),
            "a body over max-body-size-bytes": mutation(b"x" * 4097),
            "needs_more at the end": allow(needs_more=True),
            "the response's body": allow(response_body_mutation={"data": "eA==", "chunk_index": 0}),
            "version 3": allow() | {"version": 3},
        }
        for mode in ("closed", "open"):
            current = {}
            gateway = self.play(
                BODY,
                f'failure-mode "{mode}"',
                limits="max-body-size-bytes 4096",
                request_body=lambda _, current=current: current["response"],
            )
            for name, current["response"] in bad.items():
                with self.subTest(f"{mode}: {name}"):
                    answer = gateway.get("/", "", "POST", b"abc")
                    if mode == "closed":
                        self.assertEqual((answer.status, answer.reason), (503, "agent_protocol_error"))
                    else:
                        self.assertEqual((answer.status, answer.body), (200, b"abc"))
            self.assertEqual(gateway.metric("picket_agent_invalid_responses_total"), len(bad))
            current["response"] = mutation(b"x" * 4096)
            self.assertEqual(gateway.get("/", "", "POST", b"abc").body, b"x" * 4096)
            self.clear_stage()

    def test_a_body_that_goes_past_an_open_agent_cannot_be_replaced_by_it(self):
        gateway = self.play(
            BODY,
            'max-request-body-bytes 2048; failure-mode "open"',
            request_body=lambda _: allow(request_body_mutation={"data": "eA==", "chunk_index": 0}),
        )
        self.assertEqual(gateway.get("/", "", "POST", b"a" * 5000).body, b"a" * 5000)
        self.assertEqual(gateway.metric("picket_agent_failures_total", mode="open"), 1)

    def test_with_event_reply_an_answer_that_does_not_name_its_event_ends_the_connection(self):
        def head(event: Event) -> dict:
            return allow(**(reply_to(event) if "good" in event.body["uri"] else {}))

        gateway = self.play(
            request_headers=head,
            keys="pool { connections 1; reconnect-interval-ms 50 }",
            agent_settings={"extensions": ("event-reply",)},
        )
        self.assertEqual(gateway.get("/good").status, 200)
        self.assertEqual(gateway.get("/bad").reason, "agent_protocol_error")
        wait("it is used again", lambda: gateway.get("/good").status == 200)

    def test_a_mutation_of_a_chunked_body_reaches_the_upstream_with_a_length(self):
        gateway = self.play(
            BODY, request_body=lambda _: allow(request_body_mutation={"data": "eHl6", "chunk_index": 0})
        )
        with gateway.client() as client:
            client.send(message("/", "Transfer-Encoding: chunked\r\n", "POST") + chunked(b"one", b"two"))
            self.assertEqual(client.response().body, b"xyz")
        [request] = self.upstream.requests
        self.assertEqual((request.values("content-length"), request.values("transfer-encoding")), (["3"], []))

    def test_the_next_agent_sees_what_the_one_before_made_of_the_body(self):
        gateway = self.play_many(
            {"request_body": lambda _: allow(request_body_mutation={"data": "eHl6", "chunk_index": 0})}, {}, events=BODY
        )
        gateway.get("/", "", "POST", b"original")
        [chunk] = self.agents[1].of("request_body")
        self.assertEqual((chunk.data(), chunk.body["total_size"]), (b"xyz", 3))

    def test_a_request_without_a_body_has_no_body_event(self):
        gateway = self.play(BODY)
        gateway.get()
        gateway.get(method="POST", headers="Content-Length: 0\r\n")
        self.assertEqual(self.agent.of("request_body"), [])

    def test_an_agent_that_cannot_tell_answers_apart_sees_no_body_before_it_has_answered_the_head(self):
        early = []

        def head(_: Event) -> dict:
            time.sleep(0.1)  # what came along would be here
            early.extend(self.agent.of("request_body"))
            return allow()

        gateway = self.play(BODY, request_headers=head)
        self.assertEqual(gateway.get("/", "", "POST", b"a" * 1000).body, b"a" * 1000)
        self.assertEqual((early, len(self.agent.of("request_body"))), ([], 1))

    def test_a_block_of_a_head_whose_body_has_come_keeps_the_connection(self):
        gateway = self.play(BODY, request_headers=lambda event: block(403) if event.body["uri"] == "/no" else allow())
        with gateway.client() as client:
            self.assertEqual(client.get("/no", "", "POST", b"a" * 1000).status, 403)
            self.assertEqual(client.get("/yes", "", "POST", b"b" * 1000).body, b"b" * 1000)

    def test_a_body_that_comes_slowly_delays_no_head(self):
        gateway = self.play(BODY)
        with gateway.client() as client:
            client.send(message("/", "Content-Length: 6\r\n", "POST") + b"abc")
            self.agent.expect("request_headers")
            self.assertEqual(self.agent.of("request_body"), [])
            client.send(b"def")
            self.assertEqual(client.response().body, b"abcdef")

    def test_continue_is_sent_only_after_the_verdict_on_the_headers(self):
        gateway = self.play(BODY, request_headers=lambda event: block(403) if event.body["uri"] == "/no" else allow())
        expect = "Expect: 100-continue\r\nContent-Length: 3\r\n"
        with gateway.client() as client:
            client.send(message("/no", expect, "POST"))
            answer = client.response()
            self.assertEqual((answer.status, answer.interim), (403, []))
        with gateway.client() as client:
            client.send(message("/yes", expect, "POST"))
            self.assertEqual(client.socket.recv(100), b"HTTP/1.1 100 Continue\r\n\r\n")
            client.send(b"abc")
            self.assertEqual(client.response().body, b"abc")

    def test_a_client_can_read_a_block_although_it_is_still_sending(self):
        gateway = self.play(BODY, request_headers=lambda _: block(403, body="stop"))
        with gateway.client() as client:
            client.send(message("/", "Content-Length: 200000\r\n", "POST") + b"a" * 200_000)
            self.assertEqual(client.response().body, b"stop")
            self.assertTrue(client.closed())

    def test_a_body_over_the_limit_of_a_closed_agent_is_413_and_of_an_open_one_passes_counted(self):
        for mode, status in (("closed", 413), ("open", 200)):
            for framing in ("length", "chunked"):
                with self.subTest(f"{mode} {framing}"):
                    gateway = self.play(BODY, f'max-request-body-bytes 2048; failure-mode "{mode}"')
                    body = b"a" * 5000
                    with gateway.client() as client:
                        client.send(
                            message("/", "", "POST", body)
                            if framing == "length"
                            else message("/", "Transfer-Encoding: chunked\r\n", "POST")
                            + chunked(body[:3000], body[3000:])
                        )
                        answer = client.response()
                    self.assertEqual(
                        (answer.status, answer.reason), (status, "body_too_large" if mode == "closed" else None)
                    )
                    if mode == "open":
                        self.assertEqual(answer.body, body)
                        self.assertEqual(gateway.metric("picket_agent_bodies_uninspected_total"), 1)
                        [line] = wait("an audit line", lambda: gateway.lines("audit"))
                        self.assertEqual((line["phase"], line["decision"]), ("request_body", "uninspected"))
                        [chunk] = self.agent.of("request_body")
                        self.assertEqual((chunk.data(), chunk.body["is_last"]), (b"", True))
                        self.assertEqual(chunk.body["bytes_received"], 0)
                        self.assertGreater(chunk.body["total_size"], 2048)  # what of it was read over the limit
                        if framing == "length":
                            self.assertEqual(chunk.body["total_size"], 5000)
                    else:
                        self.assertEqual(self.upstream.raw(), b"")
                        self.assertEqual(self.agent.of("request_body"), [])
                    self.clear_stage()

    def test_an_open_agent_that_a_body_is_too_large_for_still_blocks_what_its_head_deserves(self):
        gateway = self.play(
            BODY,
            'max-request-body-bytes 2048; failure-mode "open"',
            request_body=lambda event: block(403) if event.body["is_last"] else allow(),
        )
        for framing, request in (
            ("length", message("/", "", "POST", b"a" * 5000)),
            ("chunked", message("/", "Transfer-Encoding: chunked\r\n", "POST") + chunked(b"a" * 5000)),
        ):
            with self.subTest(framing), gateway.client() as client:
                client.send(request)
                self.assertEqual(client.response().status, 403)
        self.assertEqual(self.upstream.raw(), b"")

    def test_the_agents_own_body_limit_holds_too(self):
        gateway = self.play(BODY, agent_settings={"limits": {"max_body_size": 1000}})
        self.assertEqual(gateway.get("/", "", "POST", b"a" * 1001).status, 413)
        self.assertEqual(gateway.get("/", "", "POST", b"a" * 1000).status, 200)

    def test_a_large_body_is_inspected_byte_for_byte_and_passed_on(self):
        gateway = self.play(BODY, "max-request-body-bytes 10485760")
        body = bytes(range(256)) * 8192  # 2 MiB
        self.assertTrue(gateway.get("/", "", "POST", body).body == body)
        self.assertTrue(self.agent.body_of(self.agent.of("request_body")[0].id) == body)


class Responses(Decided):
    def test_the_response_head_is_an_event_and_a_block_replaces_the_response(self):
        gateway = self.play(RESPONSE, response_headers=lambda _: block(502, body="leaky"))
        answer = gateway.get("/leak")
        self.assertEqual((answer.status, answer.body, answer.value("x-server")), (502, b"leaky", None))
        [event] = self.agent.of("response_headers")
        self.assertEqual((event.body["status"], event.body["headers"]["x-powered-by"]), (200, ["php"]))
        self.assertEqual(gateway.audit(gateway.access("/leak")[0]["id"])[0]["phase"], "response_headers")

    def test_the_next_agent_sees_the_response_as_the_one_before_made_it(self):
        gateway = self.play_many(
            {"response_headers": lambda _: allow(response_headers=[wire.put("x-a", "1")])}, {}, events=RESPONSE
        )
        gateway.get()
        self.assertEqual(self.agents[1].of("response_headers")[0].body["headers"]["x-a"], ["1"])

    def test_a_failure_at_the_response_follows_the_failure_mode(self):
        for mode, status in (("closed", 504), ("open", 200)):
            with self.subTest(mode):
                gateway = self.play(RESPONSE, f'timeout-ms 100; failure-mode "{mode}"', response_headers=lambda _: None)
                self.assertEqual(gateway.get().status, status)
                self.clear_stage()


class Completion(Decided):
    """request_complete goes to every agent that saw anything, however the exchange ended."""

    def completed(self, count: int = 1) -> dict:
        return self.agent.expect("request_complete", count)[-1].body

    def test_after_a_response(self):
        gateway = self.play(BODY)
        gateway.get("/", "", "POST", b"abcde")
        complete = self.completed()
        self.assertEqual(
            {
                key: complete[key]
                for key in ("status", "request_body_size", "response_body_size", "upstream_attempts", "error")
            },
            {"status": 200, "request_body_size": 5, "response_body_size": 5, "upstream_attempts": 1, "error": None},
        )

    def test_after_a_block(self):
        gateway = self.play(request_headers=lambda _: block(403))
        gateway.get()
        self.assertEqual((self.completed()["status"], self.completed()["upstream_attempts"]), (403, 0))

    def test_after_a_timeout_a_cancel_comes_first(self):
        gateway = self.play(keys="timeout-ms 100", request_headers=lambda _: None)
        self.assertEqual(gateway.get().status, 504)
        self.assertEqual((self.completed()["status"], self.completed()["error"]), (504, "agent_timeout"))
        self.assertEqual([event.kind for event in self.agent.events], ["request_headers", "cancel", "request_complete"])
        self.assertEqual(self.agent.of("cancel")[0].body["reason"], 1)

    def test_after_the_upstream_failed(self):
        gateway = self.play()
        self.upstream.close()
        gateway.get()
        self.assertEqual((self.completed()["status"], self.completed()["error"]), (502, "upstream_error"))

    def test_after_the_client_went_away_a_cancel_comes_first(self):
        gateway = self.play(request_headers=lambda _: None)
        with gateway.client() as client:
            client.send(message("/gone"))
            self.agent.expect("request_headers")
        [cancel] = self.agent.expect("cancel")
        self.assertEqual(cancel.body["reason"], 0)
        self.completed()
        self.assertEqual(self.upstream.raw(), b"")
        self.assertEqual(gateway.access("/gone")[0]["status"], 0)
        self.assertEqual(gateway.metric("picket_requests_total", **{"class": "none"}), 1)
        self.assertEqual(gateway.metric("picket_agent_failures_total"), 0)
        self.assertEqual(gateway.lines("audit"), [])

    def test_after_the_client_went_away_in_its_body(self):
        gateway = self.play(BODY)
        with gateway.client() as client:
            client.send(message("/", "Content-Length: 100\r\nExpect: 100-continue\r\n", "POST"))
            self.assertEqual(client.socket.recv(100), b"HTTP/1.1 100 Continue\r\n\r\n")
            client.send(b"some")
        self.assertEqual(self.completed()["request_body_size"], 4)

    def test_after_a_body_that_was_refused(self):
        gateway = self.play(BODY, "max-request-body-bytes 1024")
        gateway.get("/", "", "POST", b"a" * 2000)
        self.assertEqual((self.completed()["status"], self.completed()["error"]), (413, "body_too_large"))

    def test_no_answer_to_a_cancelled_exchange_is_taken_for_anothers(self):
        first = threading.Event()

        def late_block(event: Event) -> dict | None:
            if event.body["uri"] != "/late":
                return allow()
            first.wait(30)
            return block(418)

        gateway = self.play(keys="timeout-ms 100", request_headers=late_block)
        self.assertEqual(gateway.get("/late").status, 504)
        first.set()
        wait("the late answer is dropped", lambda: gateway.metric("picket_agent_responses_dropped_total") == 1)
        statuses = []
        wait("an answer in time", lambda: statuses.append(gateway.get("/next").status) or statuses[-1] == 200)
        self.assertNotIn(418, statuses)
