"""What the heads of prompts and answers say of bytes that a guardrail may change, and token ids that it cannot read."""

import json
import unittest

from test_guardrails import CARD, JSON, Guarded, completion
from upstream import response

DIGESTS = "Content-MD5: eA==\r\nDigest: sha-256=eA==\r\nContent-Digest: sha-256=:eA==:\r\nRepr-Digest: sha-256=:eA==:\r\nAccept-Ranges: bytes\r\n"
NAMES = ("content-md5", "digest", "content-digest", "repr-digest")


class GuardrailHeads(Guarded):
    def test_digests_of_what_came_do_not_go_on_with_what_may_be_redacted(self):
        body = completion(CARD).split(b"\r\n\r\n", 1)[1]
        gateway = self.play(response(body, headers=JSON + 'ETag: "a"\r\n' + DIGESTS), 'prompt "redact"')
        prompt = json.dumps({"messages": [{"role": "user", "content": CARD}]}).encode()
        answer = gateway.get("/v1/chat/completions", JSON + DIGESTS, "POST", prompt)
        self.assertEqual((answer.status, CARD.encode() in answer.body), (200, False))
        self.assertEqual([answer.value(name) for name in (*NAMES, "accept-ranges", "etag")], [None] * 5 + ['W/"a"'])
        asked = self.upstream.requests[0]
        self.assertNotIn(CARD.encode(), asked.body)
        self.assertEqual([asked.values(name) for name in NAMES], [[]] * 4)

    def test_answers_without_a_body_say_what_the_one_with_it_would(self):
        gateway = self.play()
        said = 'ETag: "a"\r\nContent-Length: 5\r\n' + DIGESTS
        for status, method in ((304, "GET"), (200, "HEAD")):
            self.upstream.respond = lambda _, status=status: response(b"", status, said, length=False)
            answer = gateway.get("/v1/models", method=method)
            self.assertEqual(answer.status, status)
            self.assertEqual([answer.value(name) for name in (*NAMES, "accept-ranges", "content-length", "etag")], [None] * 6 + ['W/"a"'])

    def test_token_ids_and_numbers_in_place_of_texts_reach_no_model(self):
        gateway = self.play(completion("x"), 'response "off"')
        for prompt in ({"prompt": [9707, 11]}, {"prompt": [[9707], [11]]}, {"messages": [{"content": [9707, 11]}]},
                       {"messages": [{"content": 4111111111111111}]}):
            answer = self.ask(gateway, prompt)
            self.assertEqual((answer.status, answer.reason), (415, "body_undecodable"), prompt)
        self.ask(gateway, {"messages": [{"content": {CARD: 1}}]})
        self.assertEqual(self.contents(), [CARD])
        self.assertEqual(self.upstream.requests, [])


if __name__ == "__main__":
    unittest.main()
