"""Bodies in a content coding that are shown to agents as what they contain, whole and as they stream."""

import gzip
import unittest
import zlib

from client import message
from deciding import Decided
from streaming import ANSWERS, REQUESTS, chunk, replaced
from upstream import response
from wire import allow


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

    def test_what_does_not_decode_is_refused_and_an_unknown_coding_is_decided_by_the_failure_mode(self):
        for mode in ("closed", "open"):
            gateway = self.play(f'{REQUESTS} "response_body"', f'decompress #true; failure-mode "{mode}"')
            self.upstream.respond = lambda request: response(
                request.body, headers="Content-Encoding: zstd\r\n" if request.target == "/zstd" else "Content-Encoding: gzip\r\n"
            )
            for coding, body, refused in (
                ("gzip", b"plain", True),
                ("gzip", gzip.compress(self.TEXT)[:-1], True),
                ("gzip, br", self.BROTLI, mode == "closed"),
                ("zstd", b"plain", mode == "closed"),
            ):
                with self.subTest(f"{mode} {coding} {body[:5]}"):
                    answer = gateway.get("/zstd", f"Content-Encoding: {coding}\r\n", "POST", body)
                    if refused:
                        self.assertEqual((answer.status, answer.reason), (415, "body_undecodable"))
                    else:
                        self.assertEqual((answer.status, answer.body), (200, body))
            for target, text, refused in (("/gzip", b"plain", True), ("/zstd", b"plain", mode == "closed")):
                with self.subTest(f"{mode} answer {target}"):
                    answer = gateway.get(target, "", "POST", text)
                    if refused:
                        self.assertEqual((answer.status, answer.reason), (502, "body_undecodable"))
                    else:
                        self.assertEqual((answer.status, answer.body), (200, text))
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

    def test_without_the_key_bodies_are_shown_as_they_come(self):
        gateway = self.play(ANSWERS)
        packed = gzip.compress(self.TEXT)
        self.upstream.respond = lambda _: response(packed, headers="Content-Encoding: gzip\r\n")
        answer = gateway.get("/", "Accept-Encoding: zstd\r\n")
        self.assertEqual((answer.body, answer.value("content-encoding")), (packed, "gzip"))
        self.assertEqual(self.upstream.requests[0].values("accept-encoding"), ["zstd"])


if __name__ == "__main__":
    unittest.main()
