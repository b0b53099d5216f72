"""What the gateway's own answers look like, and what it says of them."""

from client import message
from stage import Asked, StageTest
from wire import block, redirect


class OwnAnswers(StageTest):
    def play(self, answer, keys: str = ""):
        self.upstream = self.stage.upstream()
        agent = self.stage.agent(request_headers=lambda event: answer)
        return self.stage.gateway(self.upstream, [Asked("a", agent.path, keys=keys)])

    def test_a_malformed_body_says_what_is_wrong_with_it(self):
        gateway = self.stage.gateway(self.stage.upstream())
        with gateway.client() as client:
            client.send(message("/torn", "Transfer-Encoding: chunked\r\n", "POST") + b"zz\r\n")
            answer = client.response()
        line = gateway.access("/torn")[0]
        self.assertEqual((answer.status, line["reason"]), (400, "bad_request"))
        self.assertIn(line["detail"].encode(), answer.body)

    def test_a_block_with_a_request_id_of_its_own_has_one(self):
        gateway = self.play(block(headers={"X-Request-ID": "mine"}))
        self.assertEqual(gateway.get().values("x-request-id"), ["mine"])

    def test_statuses_without_content_have_none_whatever_the_agent_says(self):
        for status, length in ((204, None), (205, "0"), (304, None)):
            with self.subTest(status):
                gateway = self.play(block(status, body="words"))
                with gateway.client() as client:
                    for _ in range(2):  # the second finds nothing of the first
                        client.send(message("/empty"))
                        head = b""
                        while not head.endswith(b"\r\n\r\n"):
                            head += client.socket.recv(1)
                        self.assertTrue(head.startswith(b"HTTP/1.1 %d " % status), head)
                        self.assertEqual(b"\r\nContent-Length: " in head, length is not None)
                self.assertEqual({line["bytes_out"] for line in gateway.access("/empty", 2)}, {0})
                self.clear_stage()

    def test_a_redirect_to_no_url_is_a_failure_of_the_agent(self):
        for url in ("/a b", "/a\tb", " /a", "/a\x7f"):
            with self.subTest(url):
                self.assertEqual(self.play(redirect(url)).get().reason, "agent_protocol_error")
                self.clear_stage()

    def test_ipv6_addresses_stand_in_brackets(self):
        gateway = self.stage.unstarted()
        listeners = f'listener "six" {{ address "[::]:{gateway.port}" }}'
        gateway.write({"app": [self.stage.upstream().address]}, listeners=listeners)
        gateway.start()
        gateway.said(f"listening on http://[::]:{gateway.port}")
