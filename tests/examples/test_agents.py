"""The agents of examples/, each behind a gateway with an upstream: what they promise is what clients and upstreams see."""

import base64
import hashlib
import hmac
import json
import subprocess
import time
import unittest

from client import chunked
from processes import wait
from stage import BINARIES, Asked, StageTest
from upstream import response

KEY = "a key of the test's"


def encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def token(claims: dict, key: str = KEY, algorithm: str = "HS256") -> str:
    text = f"{encoded(json.dumps({'alg': algorithm, 'typ': 'JWT'}).encode())}.{encoded(json.dumps(claims).encode())}"
    digest = {"HS256": hashlib.sha256, "HS384": hashlib.sha384}.get(algorithm)
    signature = hmac.new(key.encode(), text.encode(), digest).digest() if digest else b""
    return f"{text}.{encoded(signature)}"


class Agents(StageTest):
    def play(self, name: str, events: str, keys: str = "", respond=None, environment=None):
        """The gateway that asks the example, and its upstream."""
        upstream = self.stage.upstream(respond)
        socket = self.stage.path(name)
        self.agent = self.stage.programs.start(name, name, "--listen", f"unix:{socket}", serves=str(socket),
                                               environment=environment)
        gateway = self.stage.gateway(upstream, [Asked(name, socket, events, keys)])
        wait(f"{name} is connected", lambda: gateway.metric("picket_agent_connections_ready", agent=name) > 0)
        return gateway, upstream

    def test_jwt_check_lets_in_who_has_a_token(self):
        gateway, upstream = self.play("jwt_check", '"request_headers"', environment={"JWT_KEY": KEY})
        later = int(time.time()) + 600
        good = token({"sub": "ann", "exp": later})
        self.assertEqual(gateway.get("/", f"Authorization: Bearer {good}\r\nX-User: root\r\n").status, 200)
        self.assertEqual(upstream.requests[0].values("x-user"), ["ann"])
        wrong = {
            "none shown": "",
            "another scheme": f"Authorization: Basic {good}\r\n",
            "another key": f"Authorization: Bearer {token({'sub': 'ann', 'exp': later}, 'other')}\r\n",
            "expired": f"Authorization: Bearer {token({'sub': 'ann', 'exp': later - 1200})}\r\n",
            "no end": f"Authorization: Bearer {token({'sub': 'ann'})}\r\n",
            "no subject": f"Authorization: Bearer {token({'exp': later})}\r\n",
            "not signed": f"Authorization: Bearer {token({'sub': 'ann', 'exp': later}, algorithm='none')}\r\n",
            "another algorithm": f"Authorization: Bearer {token({'sub': 'ann', 'exp': later}, algorithm='HS384')}\r\n",
            "changed": f"Authorization: Bearer {good[:-3]}abc\r\n",
            "garbage": "Authorization: Bearer a.b.c\r\n",
        }
        for case, headers in wrong.items():
            with self.subTest(case):
                refused = gateway.get("/", headers)
                self.assertEqual(refused.status, 401)
                self.assertIn("bearer", refused.value("www-authenticate").lower())
        self.assertEqual(len(upstream.requests), 1)

    def test_enrich_headers_says_whose_request_it_is(self):
        keys = 'config { keys { k-1 "acme"; k-2 "globex" } }'
        gateway, upstream = self.play("enrich_headers", '"request_headers"', keys)
        self.assertEqual(gateway.get("/", "X-Api-Key: k-2\r\nX-Customer: acme\r\n").status, 200)
        self.assertEqual(upstream.requests[0].values("x-customer"), ["globex"])
        self.assertEqual(upstream.requests[0].values("x-api-key"), [])
        self.assertEqual(gateway.get("/", "X-Api-Key: k-3\r\n").status, 401)
        self.assertEqual(gateway.get("/").status, 401)

    def test_redact_body_takes_card_numbers_out(self):
        gateway, upstream = self.play("redact_body", '"request_body"')
        card, other = "4111111111111111", "4111111111111112"
        sent = f"card={card}&order={other}&short=4111".encode()
        self.assertEqual(gateway.get("/pay", method="POST", body=sent).status, 200)
        self.assertEqual(upstream.requests[0].body, f"card={'*' * 16}&order={other}&short=4111".encode())
        # Chunks of the agent's, and a number that lies across two of them.
        long = b"x" * (64 * 1024 - 8) + card.encode() + b"y" * 70_000
        client = gateway.client()
        client.send(b"POST /pay HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" + chunked(long))
        self.assertEqual(client.response().status, 200)
        self.assertEqual(upstream.requests[1].body, long.replace(card.encode(), b"*" * 16))

    def test_stream_guard_looks_at_bodies_while_they_stream(self):
        keys = 'request-body-mode "stream"; response-body-mode "stream"'
        card, other = b"4111111111111111", b"4111111111111112"

        def stream(request):
            for piece in (b"card " + card[:7], card[7:] + b" other " + other, b"5 end " + card):
                request.peer.sendall(b"%x\r\n%s\r\n" % (len(piece), piece))
                time.sleep(0.05)
            return b"0\r\n\r\n"

        def respond(request):
            request.peer.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
            return stream(request)

        gateway, upstream = self.play("stream_guard", '"request_body" "response_body"', keys, respond)
        stars = b"*" * 16
        self.assertEqual(gateway.get("/").body, b"card " + stars + b" other " + other + b"5 end " + stars)
        with gateway.client() as client:
            client.send(b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
            for piece in (b"first", b"second"):
                client.send(b"%x\r\n%s\r\n" % (len(piece), piece))
                wait(f"{piece} upstream", lambda piece=piece: piece in upstream.raw())
            client.send(b"25\r\n..EICAR-STANDARD-ANTIVIRUS-TEST-FILE.\r\n")
            self.assertEqual(client.response().status, 403)
        self.assertNotIn(b"EICAR", upstream.raw())

    def test_redact_answers_takes_addresses_out_of_a_stream_and_reads_prompts(self):
        keys = 'response-body-mode "stream"'
        text = b"write to ann@example.com or bob@example.org " * 20 + b"and eve@example.net\0"

        def respond(request):
            request.peer.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
            for at in range(0, len(text), 37):
                piece = text[at:at + 37]
                request.peer.sendall(b"%x\r\n%s\r\n" % (len(piece), piece))
            return b"0\r\n\r\n"

        gateway, upstream = self.play("redact_answers", '"request_body" "response_body"', keys, respond)
        prompt = json.dumps({"messages": [{"content": "hi"}]}).encode()
        answer = gateway.get("/", method="POST", body=prompt)
        self.assertEqual(answer.status, 200)
        self.assertEqual(answer.body, (b"write to %s or %s " % (b"x" * 15, b"x" * 15)) * 20 + b"and " + b"x" * 15 + b"\0")
        self.assertEqual(gateway.get("/", method="POST", body=b'{"messages": []}').status, 400)
        self.assertEqual(gateway.get("/", method="POST", body=b" " * 70_000).status, 413)
        self.assertEqual(len(upstream.requests), 1)

    def test_harden_responses_adds_and_takes_away(self):
        said = "Server: old/1\r\nX-Powered-By: php\r\nX-Frame-Options: ALLOWALL\r\n"
        gateway, _ = self.play("harden_responses", '"response_headers"',
                               respond=lambda request: response(headers=said))
        answer = gateway.get("/")
        self.assertEqual(answer.status, 200)
        self.assertEqual(answer.values("x-frame-options"), ["DENY"])
        self.assertEqual(answer.values("content-security-policy"), ["default-src 'self'"])
        for name in ("strict-transport-security", "x-content-type-options", "referrer-policy"):
            self.assertIsNotNone(answer.value(name))
        for name in ("server", "x-powered-by"):
            self.assertEqual(answer.values(name), [])

    def test_harden_responses_leaves_a_policy_of_the_application(self):
        gateway, _ = self.play("harden_responses", '"response_headers"',
                               respond=lambda request: response(headers="Content-Security-Policy: default-src a\r\n"))
        self.assertEqual(gateway.get("/").values("content-security-policy"), ["default-src a"])

    def test_slow_lookup_answers_when_it_knows(self):
        self.play("slow_lookup", '"request_headers"')
        for address, status in (("203.0.113.9", 0), ("203.0.113.7", 3)):
            asked = subprocess.run(
                [BINARIES / "picket", "call", "--agent", f"unix:{self.stage.path('slow_lookup')}", "--client-ip", address,
                 "/"], capture_output=True, text=True, timeout=60, check=False)
            self.assertEqual(asked.returncode, status, asked.stdout + asked.stderr)

    def test_observe_counts_what_is_over_and_the_gateway_shows_it(self):
        respond = lambda request: response(status=404 if request.target == "/no" else 200)
        for transport, scheme in (("unix-socket", "unix"), ("binary-uds", "unix"), ("grpc", "grpc+unix")):
            with self.subTest(transport):
                self.observe(respond, transport, scheme)

    def observe(self, respond, transport: str, scheme: str) -> None:
        socket = self.stage.path(f"{transport}.sock")
        address = f"{scheme}:{socket}"
        self.stage.programs.start(f"observe-{transport}", "observe", "--listen", address, "--threads", "2",
                                  "--metrics-interval-ms", "200", serves=str(socket))
        path = f"unix:{socket}" if transport == "grpc" else str(socket)
        asked = Asked("observe", path, '"request_complete"', transport=transport)
        gateway = self.stage.gateway(self.stage.upstream(respond), [asked], workers=2)
        wait("observe is connected", lambda: gateway.metric("picket_agent_connections_ready", agent="observe") >= 2)
        for target in ("/", "/no", "/", "/"):
            gateway.get(target, method="POST", body=b"12345")

        def counted(kind: str) -> float:
            # Once, however many connections it is reported on.
            if "observed_requests_total" not in gateway.metrics_text():
                return -1
            return gateway.metric("observed_requests_total", agent="observe", agent_id="observe", **{"class": kind})

        wait("four requests are counted", lambda: (counted("2xx"), counted("4xx"), counted("5xx")) == (3, 1, 0))
        labels = {"agent": "observe", "agent_id": "observe"}
        gateway.expect_metric(20, "observed_request_bytes_total", **labels)
        gateway.expect_metric(4, "observed_request_seconds_count", **labels)
        gateway.expect_metric(4, "observed_request_seconds_bucket", le="+Inf", **labels)
        self.assertIn("# TYPE observed_request_seconds histogram\n", gateway.metrics_text())
        self.assertEqual(gateway.metric("picket_agent_metrics_refused_total", agent="observe"), 0)


if __name__ == "__main__":
    unittest.main()
