"""Bodies in a content coding that are shown to agents as what they contain, whole and as they stream."""

import gzip
import os
import unittest
import zlib

from client import message
from deciding import Decided
from processes import wait
from streaming import ANSWERS, REQUESTS, chunk, replaced
from upstream import response
from wire import allow, block


class Compressed(Decided):
    """Bodies in a content coding, shown as what they contain."""

    TEXT = b"card 4111111111111111, " * 40
    BROTLI = b"\x0b\x02\x80hello\x03"

    def codings(self):
        bare = zlib.compressobj(wbits=-15)
        yield "gzip", gzip.compress(self.TEXT), self.TEXT
        yield "x-gzip", gzip.compress(self.TEXT[:100]) + gzip.compress(self.TEXT[100:]), self.TEXT
        yield "deflate", zlib.compress(self.TEXT), self.TEXT
        yield "deflate", bare.compress(self.TEXT) + bare.flush(), self.TEXT
        yield "br", self.BROTLI, b"hello"
        yield "identity", self.TEXT, self.TEXT

    @staticmethod
    def fields(codings: tuple[str, ...]) -> str:
        return "".join(f"Content-Encoding: {coding}\r\n" for coding in codings)

    def test_an_answer_is_shown_and_goes_out_as_what_it_contains(self):
        for mode in ("buffer", "stream"):
            gateway = self.play(
                ANSWERS,
                f'decompress #true; response-body-mode "{mode}"',
                response_body=lambda event: replaced(event, event.data().replace(b"4111111111111111", b"[card]")),
            )
            for coding, packed, text in self.codings():
                with self.subTest(f"{mode} {coding}"):
                    headers = f'Content-Encoding: {coding}\r\nETag: "a"\r\n'
                    self.upstream.respond = lambda _, packed=packed, headers=headers: response(packed, headers=headers)
                    answer = gateway.get("/", "Accept-Encoding: zstd, gzip;q=0.5\r\nAccept-Encoding: br, *;q=0.1\r\n")
                    self.assertEqual(answer.body, text.replace(b"4111111111111111", b"[card]"))
                    if coding != "identity":
                        self.assertEqual((answer.value("content-encoding"), answer.value("etag")), (None, 'W/"a"'))
            self.assertEqual(self.upstream.requests[0].values("accept-encoding"), ["gzip;q=0.5, br"])
            self.clear_stage()

    def test_a_request_is_shown_and_goes_on_as_what_it_contains(self):
        for mode in ("buffer", "stream"):
            gateway = self.play(REQUESTS, f'decompress #true; request-body-mode "{mode}"')
            for coding, packed, text in self.codings():
                with self.subTest(f"{mode} {coding}"):
                    before = len(self.agent.of("request_body"))
                    self.assertEqual(gateway.get("/", f"Content-Encoding: {coding}\r\n", "POST", packed).body, text)
                    shown = b"".join(each.data() for each in self.agent.of("request_body")[before:])
                    self.assertEqual(shown, text)
                    if coding != "identity":
                        self.assertEqual(self.upstream.requests[-1].values("content-encoding"), [])
            self.clear_stage()

    def test_what_does_not_decode_and_an_unknown_coding_are_decided_by_the_failure_mode(self):
        for mode in ("closed", "open"):
            gateway = self.play(f'{REQUESTS} "response_body"', f'decompress #true; failure-mode "{mode}"')
            self.upstream.respond = lambda request: response(
                request.body, headers="Content-Encoding: zstd\r\n" if request.target == "/zstd" else "Content-Encoding: gzip\r\n"
            )
            for number, (coding, body, refused) in enumerate((
                ("gzip", b"plain", mode == "closed"),
                ("gzip", gzip.compress(self.TEXT)[:-1], mode == "closed"),
                ("gzip, br", self.BROTLI, mode == "closed"),
                ("zstd", b"plain", mode == "closed"),
            ), 1):
                with self.subTest(f"{mode} {coding} {body[:5]}"):
                    answer = gateway.get("/zstd", f"Content-Encoding: {coding}\r\n", "POST", body)
                    if refused:
                        self.assertEqual((answer.status, answer.reason), (415, "body_undecodable"))
                        self.assertIn("Content-Encoding" if coding == "gzip" else "none of gzip", gateway.access("/zstd", number)[-1]["detail"])
                    else:
                        self.assertEqual((answer.status, answer.body), (200, body))
                        self.assertEqual(self.upstream.requests[-1].values("content-encoding"), [coding])
                        why = "Content-Encoding" if coding == "gzip" else "none of gzip"
                        wait("why", lambda why=why: any(why in line.get("cause", "") for line in gateway.lines("audit")))
            for target, text, refused in (("/gzip", b"plain", mode == "closed"), ("/zstd", b"plain", mode == "closed")):
                with self.subTest(f"{mode} answer {target}"):
                    answer = gateway.get(target, "", "POST", text)
                    if refused:
                        self.assertEqual((answer.status, answer.reason), (502, "body_undecodable"))
                    else:
                        self.assertEqual((answer.status, answer.body, answer.value("content-encoding")), (200, text, target[1:]))
            self.clear_stage()

    def test_what_does_not_decode_behind_what_has_left_is_cut_whatever_the_failure_mode(self):
        packed = gzip.compress(os.urandom(300_000), 0)[:200_000] + b"garbage" * 10_000
        for mode in ("closed", "open"):
            with self.subTest(mode):
                gateway = self.play(ANSWERS, f'decompress #true; response-body-mode "stream"; failure-mode "{mode}"')
                self.upstream.respond = lambda _: response(packed, headers="Content-Encoding: gzip\r\n")
                client = gateway.client()
                client.send(message("/"))
                with self.assertRaises((EOFError, ConnectionError)):
                    client.response()
                line = gateway.access("/")[0]
                self.assertEqual((line["status"], line["reason"]), (200, "body_undecodable"))
                self.assertIn("Content-Encoding", line["detail"])
            self.clear_stage()

    def test_all_fields_that_tell_of_codings_count_as_one_list(self):
        packed = gzip.compress(self.TEXT)
        for mode in ("buffer", "stream"):
            keys = f'decompress #true; request-body-mode "{mode}"; response-body-mode "{mode}"'
            gateway = self.play(f'{REQUESTS} "response_body"', keys)
            for codings, body, is_shown in (
                (("identity", "gzip"), packed, True),
                (("", "gzip"), packed, True),
                (("gzip", "identity"), packed, True),
                (("gzip", "gzip"), gzip.compress(packed), False),
                (("gzip", "br"), packed, False),
                (("gzip, gzip",), gzip.compress(packed), False),
            ):
                with self.subTest(f"{mode} {codings}"):
                    self.upstream.respond = lambda _: response()
                    answer = gateway.get("/", self.fields(codings), "POST", body)
                    if is_shown:
                        forwarded = self.upstream.requests[-1]
                        self.assertEqual((forwarded.body, forwarded.values("content-encoding")), (self.TEXT, []))
                    else:
                        self.assertEqual((answer.status, answer.reason), (415, "body_undecodable"))
                    self.upstream.respond = lambda _, body=body, codings=codings: response(body, headers=self.fields(codings))
                    answer = gateway.get("/")
                    if is_shown:
                        self.assertEqual((answer.body, answer.value("content-encoding")), (self.TEXT, None))
                    else:
                        self.assertEqual((answer.status, answer.reason), (502, "body_undecodable"))
            for kind in ("request_body", "response_body"):
                self.assertNotIn(packed[:2], b"".join(each.data() for each in self.agent.of(kind)))
            self.clear_stage()

    def test_what_is_said_of_the_packed_bytes_does_not_go_out_with_what_they_contain(self):
        gateway = self.play(ANSWERS, "decompress #true")
        said = "Content-Digest: sha-256=:eA==:\r\nRepr-Digest: sha-256=:eA==:\r\nContent-MD5: eA==\r\nAccept-Ranges: bytes\r\n"
        names = ("content-digest", "repr-digest", "content-md5", "accept-ranges")
        for coding, is_packed in (("gzip", True), ("identity", False)):
            body = gzip.compress(self.TEXT) if is_packed else self.TEXT
            headers = f"Content-Encoding: {coding}\r\n{said}"
            self.upstream.respond = lambda _, body=body, headers=headers: response(body, headers=headers)
            answer = gateway.get("/")
            self.assertEqual(answer.body, self.TEXT)
            self.assertEqual([answer.value(name) is None for name in names], [is_packed] * len(names))

    def test_answers_without_a_body_say_what_the_one_with_it_would(self):
        gateway = self.play(ANSWERS, "decompress #true")
        packed = gzip.compress(self.TEXT)
        said = 'Content-Encoding: gzip\r\nETag: "a"\r\nAccept-Ranges: bytes\r\nContent-MD5: eA==\r\n'
        names = ("content-encoding", "etag", "accept-ranges", "content-md5", "content-length")
        length = f"Content-Length: {len(packed)}\r\n"
        self.upstream.respond = lambda request: response(
            b"" if request.method == "HEAD" else packed, headers=length + said, length=False
        )
        with_it, without = gateway.get("/"), gateway.get("/", method="HEAD")
        self.assertEqual([without.value(name) for name in names], [None, 'W/"a"', None, None, None])
        self.assertEqual([with_it.value(name) for name in names[:4]], [without.value(name) for name in names[:4]])
        for fields in (said, 'ETag: "a"\r\n'):
            self.upstream.respond = lambda _, fields=fields: response(b"", 304, fields, length=False)
            unchanged = gateway.get("/", 'If-None-Match: W/"a"\r\n')
            self.assertEqual((unchanged.status, unchanged.value("content-encoding"), unchanged.value("etag")), (304, None, 'W/"a"'))
        self.upstream.respond = lambda _: response(b"", headers='ETag: "a"\r\nContent-Length: 5\r\n', length=False)
        self.assertEqual(gateway.get("/", method="HEAD").value("etag"), '"a"')

    def test_agents_see_the_head_of_what_they_are_shown(self):
        gateway = self.play(f'{ANSWERS} "response_headers"', "decompress #true")
        self.upstream.respond = lambda _: response(gzip.compress(self.TEXT), headers="Content-Encoding: gzip\r\n")
        self.assertEqual(gateway.get("/").body, self.TEXT)
        shown = self.agent.of("response_headers")[0].body["headers"]
        self.assertNotIn("content-encoding", {name.lower() for name in shown})

    def test_no_part_is_asked_for_and_one_of_packed_bytes_is_decided_by_the_failure_mode(self):
        packed = gzip.compress(self.TEXT)
        for mode in ("closed", "open"):
            gateway = self.play(ANSWERS, f'decompress #true; failure-mode "{mode}"')
            self.upstream.respond = lambda _: response(packed, headers="Content-Encoding: gzip\r\n")
            answer = gateway.get("/", 'Range: bytes=10-\r\nIf-Range: "a"\r\n')
            self.assertEqual((answer.status, answer.body), (200, self.TEXT))
            asked = self.upstream.requests[-1]
            self.assertEqual((asked.values("range"), asked.values("if-range")), ([], []))
            part = response(packed[10:], 206, f"Content-Encoding: gzip\r\nContent-Range: bytes 10-{len(packed) - 1}/{len(packed)}\r\n")
            self.upstream.respond = lambda _: part
            answer = gateway.get("/")
            if mode == "closed":
                self.assertEqual((answer.status, answer.reason), (502, "body_undecodable"))
            else:
                self.assertEqual((answer.status, answer.body, answer.value("content-encoding")), (206, packed[10:], "gzip"))
            self.clear_stage()

    def test_no_part_is_asked_for_where_an_agent_looks_at_whatever_comes(self):
        for asked, wanted in ((ANSWERS, []), (REQUESTS, ["bytes=10-"])):
            gateway = self.play(asked)
            for name in "Range", "Request-Range", "REQUEST-range":  # what httpd, Jetty and Squid read as Range
                self.assertEqual(gateway.get("/", f'{name}: bytes=10-\r\nIf-Range: "a"\r\n').status, 200)
                self.assertEqual(self.upstream.requests[-1].values(name), wanted)
            self.clear_stage()

    def test_who_names_no_coding_gets_none(self):
        gateway = self.play(ANSWERS, "decompress #true")
        gateway.get("/")
        self.assertEqual(self.upstream.requests[-1].values("accept-encoding"), ["identity"])

    def test_what_does_not_decode_behind_what_is_held_is_refused_at_once(self):
        packed = gzip.compress(b"x" * 20_000, 0)
        for mode in ("buffer", "stream", "hybrid"):
            with self.subTest(mode):
                keys = f'decompress #true; request-body-mode "{mode}"' + (" 65536" if mode == "hybrid" else "")
                gateway = self.play(REQUESTS, keys, request_body=lambda _: allow(needs_more=True))
                client = gateway.client()
                client.send(message("/", "Content-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n", "POST"))
                client.send(chunk(packed) + chunk(b"garbage" * 5_000))  # and no end
                answer = client.response("POST")
                self.assertEqual((answer.status, answer.reason), (415, "body_undecodable"))
            self.clear_stage()

    def test_what_becomes_too_much_is_refused(self):
        gateway = self.play(REQUESTS, 'decompress #true; request-body-mode "stream"', limits="max-body-size-bytes 100000000")
        bomb = gzip.compress(bytes(20_000_000))
        answer = gateway.get("/", "Content-Encoding: gzip\r\n", "POST", bomb)
        self.assertEqual((answer.status, answer.reason), (413, "body_too_large"))
        self.clear_stage()
        gateway = self.play(REQUESTS, 'decompress #true', limits="max-body-size-bytes 3000")
        for size, status in ((3000, 200), (3001, 413)):
            body = gzip.compress(bytes(size % 251 for size in range(size)))
            self.assertEqual(gateway.get("/", "Content-Encoding: gzip\r\n", "POST", body).status, status)

    # How the agent looks at it, what it says of chunks, and how much it may hold: of the first it is the coding's bound that is met, of the
    # others the agent's.
    LOOKS = (("buffer", allow(), 64_000_000), ("buffer", allow(), 1_000_000), ("stream", allow(needs_more=True), 1_000_000))

    def last_words(self, kind: str) -> list[tuple[bytes, bool]]:
        """What each exchange's last chunk brought, and whether the agent can tell that it has not seen all."""
        shown = "bytes_received" if kind == "request_body" else "bytes_sent"
        return [(event.data(), event.body["total_size"] > event.body[shown])
                for event in self.agent.of(kind) if event.body["is_last"]]

    def test_a_well_packed_answer_goes_past_who_fails_open_as_it_came(self):
        for mode, said, holds in self.LOOKS:
            keys = f'decompress #true; failure-mode "open"; response-body-mode "{mode}"; max-response-body-bytes {holds}'
            gateway = self.play(ANSWERS, keys, response_body=lambda event, said=said: allow() if event.body["is_last"] else said)
            for number, (size, is_chunked) in enumerate(((9_000_000, False), (60_000_000, False), (60_000_000, True)), 1):
                with self.subTest(f"{mode} {holds} {size} {is_chunked}"):
                    packed = gzip.compress(bytes(size))
                    said_of_it = 'Content-Encoding: gzip\r\nETag: "a"\r\n' + ("Transfer-Encoding: chunked\r\n" if is_chunked else "")
                    body = chunk(packed) + b"0\r\n\r\n" if is_chunked else packed
                    self.upstream.respond = lambda _, body=body, said_of_it=said_of_it, is_chunked=is_chunked: response(
                        body, headers=said_of_it, length=not is_chunked)
                    answer = gateway.get("/well-packed")
                    self.assertEqual((answer.status, answer.body == packed), (200, True))
                    self.assertEqual((answer.value("content-encoding"), answer.value("etag")), ("gzip", '"a"'))
                    self.assertEqual(answer.value("content-length"), None if is_chunked else str(len(packed)))
                    line = gateway.access("/well-packed", number)[-1]
                    self.assertFalse(line.get("reason"))
                    told = gateway.audit(line["id"])[0]
                    self.assertEqual((told["phase"], told["decision"]), ("response_body", "uninspected"))
                    if holds == 64_000_000:
                        self.assertIn("100 times", told["cause"])
                    gateway.expect_metric(number, "picket_agent_bodies_uninspected_total")
            self.assertEqual(set(self.last_words("response_body")), {(b"", True)})
            gateway.expect_metric(0, "picket_held_bytes")
            self.clear_stage()

    def test_a_well_packed_request_goes_past_who_fails_open_as_it_came(self):
        packed = gzip.compress(bytes(60_000_000))
        for mode, said, holds in self.LOOKS:
            with self.subTest(f"{mode} {holds}"):
                keys = f'decompress #true; failure-mode "open"; request-body-mode "{mode}"; max-request-body-bytes {holds}'
                gateway = self.play(REQUESTS, keys, request_body=lambda event, said=said: allow() if event.body["is_last"] else said)
                self.assertEqual(gateway.get("/", "Content-Encoding: gzip\r\n", "POST", packed).body, packed)
                forwarded = self.upstream.requests[-1]
                self.assertEqual(forwarded.values("content-encoding"), ["gzip"])
                self.assertEqual(forwarded.values("content-length"), [str(len(packed))])
                self.assertEqual(self.last_words("request_body"), [(b"", True)])
                gateway.expect_metric(1, "picket_agent_bodies_uninspected_total")
                gateway.expect_metric(0, "picket_held_bytes")
            self.clear_stage()

    def test_a_request_over_the_routes_bound_when_it_is_unpacked_goes_past_who_fails_open_as_it_came(self):
        text = os.urandom(2_000).hex().encode()
        packed = gzip.compress(text)
        for mode in ("open", "closed"):
            with self.subTest(mode):
                gateway = self.play(REQUESTS, f'decompress #true; failure-mode "{mode}"', limits="max-body-size-bytes 3500")
                answer = gateway.get("/", "Content-Encoding: gzip\r\n", "POST", packed)
                if mode == "open":
                    self.assertEqual((answer.status, answer.body), (200, packed))
                else:
                    self.assertEqual((answer.status, answer.reason), (413, "body_too_large"))
            self.clear_stage()

    def test_a_well_packed_body_is_refused_and_told_where_an_agent_fails_closed(self):
        gateway = self.play(f'{REQUESTS} "response_body"', "decompress #true; max-response-body-bytes 64000000; max-request-body-bytes 64000000")
        packed = gzip.compress(bytes(9_000_000))
        self.upstream.respond = lambda _: response(packed, headers="Content-Encoding: gzip\r\n")
        for number, (target, coding, method, body, status, phase) in enumerate((
            ("/down", "", "GET", b"", 502, "response_body"),
            ("/up", "Content-Encoding: gzip\r\n", "POST", packed, 413, "request_body"),
        ), 1):
            answer = gateway.get(target, coding, method, body)
            self.assertEqual((answer.status, answer.reason), (status, "body_too_large"))
            line = gateway.access(target)[0]
            self.assertIn("100 times", line["detail"])
            told = gateway.audit(line["id"])[0]
            self.assertEqual((told["phase"], told["decision"], told["agent"]), (phase, "failed_closed", "a"))
            self.assertIn("100 times", told["cause"])
            gateway.expect_metric(number, "picket_agent_failures_total", mode="closed")

    def test_a_body_that_becomes_too_much_behind_what_has_left_is_cut(self):
        packed = gzip.compress(os.urandom(300_000) + bytes(60_000_000))
        for mode in ("open", "closed"):
            with self.subTest(mode):
                gateway = self.play(ANSWERS, f'decompress #true; response-body-mode "stream"; failure-mode "{mode}"')
                self.upstream.respond = lambda _: response(packed, headers="Content-Encoding: gzip\r\n")
                client = gateway.client()
                client.send(message("/"))
                with self.assertRaises((EOFError, ConnectionError)):
                    client.response()
                line = gateway.access("/")[0]
                self.assertEqual((line["status"], line["reason"], line["decision"]), (200, "body_too_large", "cut"))
                self.assertIn("100 times", line["detail"])
                self.assertEqual(gateway.audit(line["id"])[0]["decision"], "cut")
                gateway.expect_metric(1, "picket_agent_cuts_total")
                self.assertEqual(gateway.metric("picket_agent_failures_total", mode="closed"), 1 if mode == "closed" else 0)
            self.clear_stage()

    def test_what_an_agent_has_changed_and_becomes_too_much_is_refused_and_no_failure_of_who_fails_open(self):
        packed = gzip.compress(bytes(60_000_000))

        def changing(direction: str):
            return lambda event: replaced(event, b"changed", direction) if event.body["chunk_index"] == 0 else allow()

        behind = "max-request-body-bytes 64000000; max-response-body-bytes 64000000"
        changes = {"request_body": changing("request"), "response_body": changing("response")}
        for mode, told in ("open", ("refused", "a")), ("closed", ("failed_closed", "b")):
            gateway = self.play_many(
                changes, {}, events=f'{REQUESTS} "response_body"',
                a='decompress #true; failure-mode "open"; request-body-mode "stream"; response-body-mode "stream"',
                b=f'decompress #true; failure-mode "{mode}"; {behind}')
            self.upstream.respond = lambda _: response(packed, headers="Content-Encoding: gzip\r\n")
            for target, coding, method, body, status, phase in (
                ("/down", "", "GET", b"", 502, "response_body"),
                ("/up", "Content-Encoding: gzip\r\n", "POST", packed, 413, "request_body"),
            ):
                with self.subTest(f"{mode} {target}"):
                    answer = gateway.get(target, coding, method, body)
                    self.assertEqual((answer.status, answer.reason), (status, "body_too_large"))
                    line = gateway.access(target)[0]
                    self.assertEqual((line["decision"], line["agent"]), told)
                    self.assertIn("100 times", line["detail"])
                    last = gateway.audit(line["id"], 2)[-1]
                    self.assertEqual((last["decision"], last["agent"], last["phase"], last["status"]), (*told, phase, status))
                    self.assertIn("100 times", last["cause"])
            gateway.expect_metric(2 if mode == "closed" else 0, "picket_agent_failures_total", mode="closed")
            self.assertEqual(gateway.metric("picket_agent_failures_total", mode="open"), 0)
            self.clear_stage()

    def test_an_agent_that_fails_in_the_middle_is_gone_past_by_what_came(self):
        packed = gzip.compress(os.urandom(300_000) + bytes(60_000_000))
        for said in (allow(needs_more=True), None):
            with self.subTest(str(said)):
                gateway = self.play(
                    ANSWERS, 'decompress #true; response-body-mode "stream"; failure-mode "open"; chunk-timeout-ms 500',
                    response_body=lambda event, said=said: said if event.body["chunk_index"] == 0 else None)
                self.upstream.respond = lambda _: response(packed, headers="Content-Encoding: gzip\r\n")
                answer = gateway.get("/")
                self.assertEqual((answer.status, answer.body == packed, answer.value("content-encoding")), (200, True, "gzip"))
                gateway.expect_metric(1, "picket_agent_failures_total", mode="open")
            self.clear_stage()

    def test_what_cannot_be_shown_does_not_avoid_an_agents_last_word(self):
        """Rules about a head may wait for its body's end."""
        def block_at_the_end(event):
            return block(403) if event.body["is_last"] else allow()

        gateway = self.play(f'{REQUESTS} "response_body"', 'decompress #true; failure-mode "open"',
                            request_body=block_at_the_end, response_body=block_at_the_end)
        well_packed = gzip.compress(bytes(9_000_000))
        for coding, body in (("zstd", b"plain"), ("gzip, br", self.BROTLI), ("gzip", b"plain"), ("gzip", well_packed)):
            with self.subTest(f"{coding} {body[:5]}"):
                self.assertEqual(gateway.get("/", f"Content-Encoding: {coding}\r\n", "POST", body).status, 403)
                self.assertEqual(self.upstream.requests, [])
        for coding, body in (("zstd", b"plain"), ("gzip", b"plain"), ("gzip", well_packed)):
            with self.subTest(f"answer {coding} {body[:5]}"):
                self.upstream.respond = lambda _, body=body, coding=coding: response(body, headers=f"Content-Encoding: {coding}\r\n")
                self.assertEqual(gateway.get("/").status, 403)

    def test_without_the_key_bodies_are_shown_as_they_come(self):
        gateway = self.play(ANSWERS)
        packed = gzip.compress(self.TEXT)
        self.upstream.respond = lambda _: response(packed, headers="Content-Encoding: gzip\r\n")
        answer = gateway.get("/", "Accept-Encoding: zstd\r\n")
        self.assertEqual((answer.body, answer.value("content-encoding")), (packed, "gzip"))
        self.assertEqual(self.upstream.requests[0].values("accept-encoding"), ["zstd"])


if __name__ == "__main__":
    unittest.main()
