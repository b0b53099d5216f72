"""Agents of SDKs that speak dialects (protocol.md §13), behind the gateway and at the other end of `picket call`."""

import base64
import json
import socket
import subprocess
import threading
from pathlib import Path

from client import Client
from dialects import SiteAgent, V1Agent
from processes import wait
from stage import BINARIES, READY, Asked, StageTest
from wire import allow, block, put

BODIES = '"request_headers" "request_body" "response_headers" "request_complete"'


def by_uri(kind: str, payload: dict) -> dict:
    """Blocks what asks for it, so that a verdict that went to another request is seen."""
    if kind == "configure":
        return {"success": True}
    return block() if "evil" in payload.get("uri", "") else allow()


class Dialects(StageTest):
    def play(self, agent, keys: str = 'dialect "v1"', events: str = '"request_headers"', **more):
        self.agent = agent
        self.stage.adopt(agent)
        asked = Asked("a", agent.path, events, keys, more.pop("filter_keys", ""))
        self.upstream = self.stage.upstream(**more)
        self.gateway = self.stage.gateway(self.upstream, [asked])
        wait("the agent is connected", lambda: self.gateway.metric(READY, agent="a") > 0)
        return self.gateway

    def v1(self, decide=by_uri, keys: str = "", **more):
        return self.play(V1Agent(self.stage.path("a"), decide), f'dialect "v1"; {keys}', **more)

    def site(self, decide, keys: str = "", answer: dict | None = None, **more):
        return self.play(SiteAgent(self.stage.path("a"), decide, answer), keys, **more)

    def tearDown(self):
        wrong = self.agent.wrong if hasattr(self, "agent") else []
        super().tearDown()
        self.assertEqual(wrong, [])


class V1(Dialects):
    def test_heads_bodies_responses_and_the_end_are_said_and_answers_count(self):
        def decide(kind: str, payload: dict) -> dict:
            if kind == "request_body_chunk":
                return block(451) if b"evil" in base64.b64decode(payload["data"], validate=True) else allow()
            if kind == "response_headers":
                return allow(response_headers=[put("x-seen", str(payload["status"]))])
            return allow(request_headers=[put("x-agent", "v1")])

        gateway = self.v1(decide, events=BODIES)
        body = bytes(range(256)) * 100
        with Client(gateway.port) as client:
            client.send(b"POST / HTTP/1.1\r\nhost: a\r\nx-raw: caf\xe9\r\ncontent-length: 25600\r\n\r\n" + body)
            answer = client.response("POST")
        self.assertEqual((answer.status, answer.value("x-seen")), (200, "200"))
        self.assertEqual(self.upstream.requests[0].values("x-agent"), ["v1"])
        self.assertTrue(self.upstream.requests[0].body == body)
        self.assertEqual(gateway.get("/", "", "POST", b"an evil body").status, 451)
        head = self.agent.of("request_headers")[0]
        self.assertEqual((head["method"], head["headers"]["x-raw"]), ("POST", ["caf\ufffd"]))
        chunks = self.agent.of("request_body_chunk")
        self.assertTrue(b"".join(base64.b64decode(chunk["data"]) for chunk in chunks[:-1]) == body)
        self.assertEqual(len({event["correlation_id"] for event in chunks}), 2)
        wait("both ends were said", lambda: len(self.agent.of("request_complete")) == 2)

    def test_one_event_is_in_flight_on_a_connection_and_no_verdict_is_swapped(self):
        def slowly(kind: str, payload: dict) -> dict:
            threading.Event().wait(0.002)
            return by_uri(kind, payload)

        gateway = self.v1(slowly, "pool { connections 2 }")
        wrong = []

        def ask(number: int) -> None:
            with Client(gateway.port) as client:
                for turn in range(20):
                    evil = (number + turn) % 2 == 0
                    status = client.get("/evil" if evil else "/good").status
                    if status != (403 if evil else 200):
                        wrong.append((evil, status))

        threads = [threading.Thread(target=ask, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        self.assertEqual(wrong, [])
        self.assertEqual(len(self.agent.connections), 2)

    def test_a_late_answer_is_never_taken_for_the_next_event(self):
        late = threading.Event()

        def decide(kind: str, payload: dict) -> dict:
            if payload.get("uri") == "/slow":
                late.wait(60)
            return by_uri(kind, payload)

        gateway = self.v1(decide, "timeout-ms 500; pool { connections 1 }")
        self.assert_failed_closed(gateway.get("/slow"))
        late.set()
        wait("another connection was made", lambda: len(self.agent.connections) == 2)
        wait("it is in use", lambda: gateway.metric(READY, agent="a") == 1)
        self.assertEqual([gateway.get(uri).status for uri in ("/evil", "/good", "/evil")], [403, 200, 403])
        gateway.said("a late answer would be taken for the next one")

    def test_the_answer_to_a_client_that_is_gone_is_nobody_elses(self):
        here, may_answer = threading.Event(), threading.Event()

        def decide(kind: str, payload: dict) -> dict:
            if payload.get("uri") == "/gone":
                here.set()
                may_answer.wait(60)
            return by_uri(kind, payload)

        gateway = self.v1(decide, "pool { connections 1 }")
        client = socket.create_connection(("127.0.0.1", gateway.port))
        client.sendall(b"GET /gone HTTP/1.1\r\nhost: a\r\n\r\n")
        self.assertTrue(here.wait(60))
        client.close()
        wait("the gateway knows", lambda: gateway.lines("access"))
        answers = []
        asking = threading.Thread(target=lambda: answers.append(gateway.get("/evil").status))
        asking.start()
        may_answer.set()
        asking.join(60)
        self.assertEqual(answers, [403])
        self.assertEqual(len(self.agent.connections), 1, "its connection is not lost for it")

    def test_what_is_no_answer_fails_as_the_filter_says(self):
        for mode, status in (("closed", 503), ("open", 200)):
            with self.subTest(mode):
                self.v1(lambda *_: {"success": True}, filter_keys=f'failure-mode "{mode}"')
                self.assertEqual(self.gateway.get().status, status)
                self.clear_stage()

    def test_a_configuration_is_delivered_first_and_a_refusal_keeps_the_agent_out(self):
        self.v1(keys="config { level 3 }")
        self.assertEqual(self.gateway.get("/evil").status, 403)
        self.assertEqual(self.agent.seen[0][0], "configure")
        self.assertEqual(self.agent.of("configure")[0]["config"], {"level": 3})
        self.clear_stage()
        refusing = V1Agent(self.stage.path("b"), lambda *_: {"success": False, "error": "level 3 is none"})
        self.stage.adopt(refusing)
        asked = Asked("b", refusing.path, keys='dialect "v1"; config { level 3 }')
        gateway = self.stage.gateway(self.stage.upstream(), [asked])
        gateway.said("level 3 is none")
        self.assertEqual(gateway.get().status, 503)


class Site(Dialects):
    def test_it_is_recognised_without_a_key_and_spoken_to_in_its_own_words(self):
        def decide(kind: str, payload: dict):
            if kind == "request_body_chunk":
                last = payload["is_last"]
                return ("allow" if b"evil" not in base64.b64decode(payload["data"]) else {"block": {"status": 451}}) if last \
                    else {"needs_more": True}
            if kind == "response_headers":
                return {"decision": "allow", "response_headers": [
                    {"operation": "set", "name": "x-seen", "value": str(payload["status_code"])}]}
            return {"decision": "allow", "request_headers": [{"operation": "add", "name": "x-agent", "value": "site"}]}

        gateway = self.site(decide, events='"request_headers" "request_body" "response_headers"')
        answer = gateway.get("/", "", "POST", b"\x00\xff" * 50000)
        self.assertEqual((answer.status, answer.value("x-seen")), (200, "200"))
        self.assertEqual(self.upstream.requests[0].values("x-agent"), ["site"])
        self.assertEqual(gateway.get("/", "", "POST", b"evil").status, 451)
        events = [body for name, body in self.agent.seen if name != "cancel"]
        self.assertTrue(all("correlation_id" not in event for event in events))
        hello = self.agent.hellos[-1]
        self.assertEqual((hello["protocol_version"], hello["supported_encodings"]), (2, ["json"]))
        self.assertTrue(hello["client_name"])

    def test_kotlins_spelling_is_read_too(self):
        def decide(_: str, payload: dict):
            if payload["uri"] == "/evil":
                return {"type": "block", "status": 403, "body": "no"}
            return {"decision": {"type": "allow"}, "request_headers": [{"type": "set", "name": "x-agent", "value": "kt"}]}

        gateway = self.site(decide, 'dialect "site"')
        self.assertEqual((gateway.get("/evil").status, gateway.get("/evil").body), (403, b"no"))
        self.assertEqual(gateway.get("/good").status, 200)
        self.assertEqual(self.upstream.requests[0].values("x-agent"), ["kt"])

    def test_an_exchange_that_times_out_is_cancelled_and_its_late_answer_dropped(self):
        late = threading.Event()

        def decide(_: str, payload: dict):
            if payload["uri"] == "/slow":
                late.wait(60)
            return {"block": {"status": 403}} if payload["uri"] == "/evil" else "allow"

        gateway = self.site(decide, "timeout-ms 500; pool { connections 1 }")
        self.assert_failed_closed(gateway.get("/slow"))
        late.set()
        wait("its answer came", lambda: self.agent.of("cancel"))
        wait("the agent is trusted again", lambda: gateway.get("/good").status == 200)
        self.assertEqual([gateway.get(uri).status for uri in ("/evil", "/good")], [403, 200])
        self.assertEqual(self.agent.of("cancel")[0]["reason"], "timeout")
        self.assertEqual(len({event["request_id"] for event in self.agent.of("request_headers")}),
                         len(self.agent.of("request_headers")))

    def test_one_that_shall_be_configured_is_not_used_and_the_log_says_why(self):
        agent = SiteAgent(self.stage.path("a"), lambda *_: "allow")
        self.stage.adopt(agent)
        gateway = self.stage.gateway(self.stage.upstream(), [Asked("a", agent.path, keys="config { level 3 }")])
        gateway.said("no way to give an agent its configuration")
        self.assertEqual(gateway.get().status, 503)
        self.assertEqual(agent.seen, [])

    def test_the_end_of_an_exchange_is_a_cancel(self):
        gateway = self.site(lambda *_: "allow")
        self.assertEqual(gateway.get().status, 200)
        wait("the end", lambda: self.agent.of("cancel") == [{"request_id": 1, "reason": "request_complete"}])

    def test_an_agent_that_cannot_read_an_event_fails_it(self):
        gateway = self.site(lambda *_: {"decision": "allow", "request_id": 0})
        self.assertEqual(gateway.get().status, 503)
        gateway.said("an answer to request 0")

    def test_what_it_does_not_declare_is_not_passed_by_a_filter_that_fails_closed(self):
        capabilities = {"capabilities": {"handles_request_headers": True}}
        gateway = self.site(lambda *_: "allow", answer=capabilities, events='"request_headers" "request_body"')
        self.assertEqual(gateway.get("/", "", "POST", b"x").status, 503)
        gateway.said("does not take [request_body")


class Cli(Dialects):
    def picket(self, *arguments) -> subprocess.CompletedProcess:
        return subprocess.run([str(BINARIES / "picket"), *map(str, arguments)], capture_output=True, text=True, timeout=60,
                              cwd=self.stage.folder)

    def test_call_speaks_both(self):
        agents = {"v1": V1Agent(self.stage.path("v1"), by_uri),
                  "site": SiteAgent(self.stage.path("site"), lambda _, body: "allow" if body["uri"] == "/good"
                                    else {"block": {"status": 403}})}
        for name, keys in (("v1", ["--dialect", "v1"]), ("site", ["--dialect", "site"]), ("site", [])):
            with self.subTest(name=name, keys=keys):
                self.stage.adopt(agents[name])
                call = ["call", "--agent", f"unix:{agents[name].path}", *keys]
                self.assertEqual(self.picket(*call, "/evil").returncode, 3)
                good = self.picket(*call, "--json", "/good")
                self.assertEqual(good.returncode, 0, good.stderr)
                self.assertEqual(json.loads(good.stdout)["phases"][0]["response"]["decision"], "allow")
        self.assertEqual([agent.wrong for agent in agents.values()], [[], []])

    def test_check_knows_where_a_dialect_fits(self):
        rest = ('listeners { listener "w" { address "127.0.0.1:1"; protocol "http" } }\n'
                'upstreams { upstream "u" { target "127.0.0.1:1" } }\n'
                'routes { route "r" { matches { path-prefix "/" }; upstream "u" } }\n')
        for keys, says in (
            ('unix-socket "/a"; dialect "v1"', ""),
            ('tcp "127.0.0.1:1"; insecure #true; dialect "site"', ""),
            ('unix-socket "/a"; dialect "v3"', 'is no value of "dialect"'),
            ('grpc "unix:/a"; dialect "v1"', "has no effect here"),
            ('unix-socket "/a"; dialect "site"; config { a 1 }', "no way to give an agent its configuration"),
        ):
            with self.subTest(keys):
                Path(self.stage.folder, "gateway.kdl").write_text(f'agents {{ agent "a" type="a" {{ {keys} }} }}\n{rest}')
                result = self.picket("check", "gateway.kdl")
                self.assertEqual(result.returncode == 0, says == "", result.stderr)
                self.assertIn(says, result.stdout + result.stderr)


if __name__ == "__main__":
    import unittest

    unittest.main()
