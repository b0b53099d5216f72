"""Routes that answer by themselves: behind their agents, without an upstream."""

from deciding import RESPONSE
from stage import Asked, StageTest
from wire import allow, block, put

FIXED = 'route "all" {{ matches {{ path-prefix "/" }}; {filters} respond {answer} }}'


class FixedAnswers(StageTest):
    def play(self, answer: str, agents=()):
        gateway = self.stage.unstarted()
        filters = f"filters {' '.join(repr(entry.name) for entry in agents)};".replace("'", '"') if agents else ""
        gateway.write({"unused": ["127.0.0.1:9"]}, agents, routes=FIXED.format(filters=filters, answer=answer))
        return gateway.start()

    def test_status_and_text_are_the_answer_and_the_connection_stays(self):
        gateway = self.play('404 "nothing here\\n"')
        with gateway.client() as client:
            for _ in range(2):
                answer = client.get("/x")
                self.assertEqual((answer.status, answer.body), (404, b"nothing here\n"))
                self.assertEqual(answer.value("content-type"), "text/plain; charset=utf-8")
        line = gateway.access("/x")[0]
        self.assertEqual((line["status"], line["upstream"], line["reason"]), (404, None, None))

    def test_an_answer_without_text_has_no_content(self):
        answer = self.play("204").get("/")
        self.assertEqual((answer.status, answer.body, answer.value("content-type")), (204, b"", None))

    def test_head_is_answered_without_the_text(self):
        answer = self.play('200 "text"').get("/", method="HEAD")
        self.assertEqual((answer.status, answer.body, answer.value("content-length")), (200, b"", "4"))

    def test_agents_are_asked_first_and_may_change_the_head(self):
        agent = self.stage.agent(
            "a",
            request_headers=lambda event: block() if event.body["uri"] == "/no" else allow(),
            response_headers=lambda _: allow(response_headers=[put("x-seen", "yes")]),
        )
        gateway = self.play('200 "ok"', [Asked("a", agent.path, RESPONSE)])
        self.assertEqual(gateway.get("/no").status, 403)
        answer = gateway.get("/yes")
        self.assertEqual((answer.status, answer.body, answer.value("x-seen")), (200, b"ok", "yes"))

    def test_a_body_is_taken_before_the_next_request(self):
        with self.play('200 "ok"').client() as client:
            self.assertEqual(client.get("/", method="POST", body=b"x" * 1000).status, 200)
            self.assertEqual(client.get("/").status, 200)
