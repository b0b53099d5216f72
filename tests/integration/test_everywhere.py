"""Bodies that stream, WebSocket frames and models' texts past agents on every transport, alike."""

import json
import unittest

from certificates import Authority
from client import message
from frames import TEXT, Frame
from processes import free_port, wait
from stage import Gateway
from streaming import chunk
from switching import Server, Switching
from test_guardrails import CARD, JSON, completion
from upstream import response

TRANSPORTS = ("unix", "tcp", "tls", "grpc", "grpcs", "grpc+unix", "reverse")
READY = "picket_agent_connections_ready"
ASKED = {"stream_guard": '"request_body" "response_body" "websocket_frame"', "picket-guard": '"guardrail"'}
MODES = 'request-body-mode "stream"; response-body-mode "stream"'
ROUTES = """
route "chat" { matches { path "/chat" }; filters "stream_guard"; upstream "sockets"; websocket #true; websocket-inspection #true }
route "model" { matches { path-prefix "/v1" }; upstream "app"; guardrail { agent "picket-guard"; response "redact" } }
route "all" { matches { path-prefix "/" }; filters "stream_guard"; upstream "app" }
"""


class Place:
    """Where an agent serves, as the configuration and as its command have it."""

    def __init__(self, name: str, transport: str, authority: Authority, socket: str, dialled_at: int):
        port = free_port()
        shown = authority.issue(f"{name}-shown", "IP:127.0.0.1")
        files = ("--tls-cert", str(shown.certificate), "--tls-key", str(shown.key))
        at, ca = f"127.0.0.1:{port}", f'tls {{ ca-cert "{authority.ca.certificate}" }}'
        self.keys, self.options = {
            "unix": (f'unix-socket "{socket}"', ("--listen", f"unix:{socket}")),
            "tcp": (f'tcp "{at}"; insecure #true', ("--insecure", "--listen", f"tcp:{at}")),
            "tls": (f'tcp "{at}"; {ca}', ("--listen", f"tls:{at}", *files)),
            "grpc": (f'grpc "http://{at}"; insecure #true', ("--insecure", "--listen", f"grpc:{at}")),
            "grpcs": (f'grpc "https://{at}"; {ca}', ("--listen", f"grpcs:{at}", *files)),
            "grpc+unix": (f'grpc "unix:{socket}"', ("--listen", f"grpc+unix:{socket}")),
            "reverse": (f'reverse "{name}"', ("--insecure", "--agent-id", name, "--dial", f"tcp:127.0.0.1:{dialled_at}")),
        }[transport]


class Everywhere(Switching):
    def set_up(self, transport: str) -> Gateway:
        self.upstream = self.stage.upstream(lambda request: response(b"paid with 4111111111111111 today\n"))
        self.server = Server(self)
        gateway, dialled_at = self.stage.unstarted(), free_port()
        authority = Authority(self.stage.folder)
        places = {name: Place(name, transport, authority, str(self.stage.path(name)), dialled_at) for name in ASKED}
        agents = "".join(f'agent "{name}" {{ {places[name].keys}; events {events}; {MODES}; timeout-ms 20000 }}\n' for name, events in ASKED.items())
        gateway.write({"app": [self.upstream.address], "sockets": [self.server.upstream.address]}, routes=ROUTES, drain_s=1)
        text = gateway.file.read_text() + f'agents {{ {agents} }}\nfilters {{ filter "stream_guard" {{ type "agent"; agent "stream_guard" }} }}\n'
        if transport == "reverse":
            text += f'reverse-listener {{ tcp-address "127.0.0.1:{dialled_at}"; insecure #true }}\n'
        gateway.file.write_text(text)
        if transport == "reverse":
            gateway.start()
        for name, place in places.items():
            says = "registered with" if transport == "reverse" else "serving on"
            self.stage.programs.start(f"{name}-{transport.replace('+', '-')}", name, *place.options, says=says)
        if transport != "reverse":
            gateway.start()
        for name in ASKED:
            wait(f"{name} is ready", lambda name=name: gateway.metric(READY, agent=name) > 0)
        return gateway

    def assert_streams(self, gateway: Gateway) -> None:
        self.assertEqual(gateway.get("/page").body, b"paid with **************** today\n")
        body = bytes(range(256)) * 4096
        self.assertEqual(gateway.get("/upload", method="POST", body=body).status, 200)
        self.assertTrue(self.upstream.requests[-1].body == body, "a MiB, byte for byte")
        with gateway.client() as client:
            client.send(message("/upload", "Transfer-Encoding: chunked\r\n", "POST") + chunk(b"X5O EICAR-STANDARD-ANTIVIRUS-TEST-FILE .."))
            self.assertEqual(client.response("POST").status, 403)

    def assert_frames_are_judged(self, gateway: Gateway) -> None:
        client = self.switch(gateway)
        upstream = self.server.end()
        for said, passes in ((b"hello", True), (b"4111111111111111", False), (b"", True), (b"x" * 100_000, True)):
            client.send(TEXT, said)
            if passes:
                self.assertEqual(upstream.next(), Frame(TEXT, said))
        upstream.send(TEXT, b"4111111111111111")
        upstream.send(TEXT, b"down")
        self.assertEqual(client.next(), Frame(TEXT, b"down"))

    def assert_texts_are_redacted(self, gateway: Gateway) -> None:
        self.upstream.respond = lambda _: completion(f"My card is {CARD}, or so.")
        prompt = json.dumps({"messages": [{"role": "user", "content": "hello"}]}).encode()
        answer = gateway.get("/v1/chat/completions", JSON, "POST", prompt)
        text = json.loads(answer.body)["choices"][0]["message"]["content"]
        self.assertTrue(text.startswith("My card is [redacted"), text)
        self.assertTrue(text.endswith("], or so."), text)

    def test_what_streams_is_judged_on_each_transport(self):
        for transport in TRANSPORTS:
            with self.subTest(transport):
                gateway = self.set_up(transport)
                self.assert_streams(gateway)
                self.assert_frames_are_judged(gateway)
                self.assert_texts_are_redacted(gateway)
            self.clear_stage()


if __name__ == "__main__":
    unittest.main()
