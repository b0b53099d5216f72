"""The gateway asks the crate's agent about real HTTP requests. What proves it is the agent's log: its handler must have been
handed the head, the body byte for byte, the response's head and the end of every exchange."""

import base64
import http.client
import json
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

from processes import Programs, free_port

CONFIG = """system {{ worker-threads 1 }}
listeners {{ listener "web" {{ address "127.0.0.1:{port}" }} }}
agents {{ agent "peer" {{ binary-uds "{socket}"
  events "request_headers" "request_body" "response_headers" "request_complete"; timeout-ms 5000 }} }}
filters {{ filter "ask" {{ type "agent"; agent "peer" }} }}
upstreams {{ upstream "app" {{ target "127.0.0.1:{upstream}" }} }}
routes {{ route "all" {{ filters "ask"; upstream "app" }} }}
"""
BODY = bytes(range(256)) * 300  # no UTF-8, and more than one chunk
WHOLE = ["request_headers", "request_body_chunk", "response_headers", "request_complete"]
# What is asked, what the client must be answered, and the kinds of event that the agent must have seen, chunks once.
REQUESTS = [
    ("POST", "allow", BODY, 200, WHOLE),
    ("GET", "allow", None, 200, ["request_headers", "response_headers", "request_complete"]),
    ("GET", "block", None, 403, ["request_headers", "request_complete"]),
    ("GET", "redirect", None, 302, ["request_headers", "request_complete"]),
    ("POST", "ops", BODY[:100], 200, WHOLE),
]


class Upstream(BaseHTTPRequestHandler):
    """Answers with the request that it got."""

    protocol_version = "HTTP/1.1"

    def do_GET(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        answer = json.dumps({"headers": {name.lower(): value for name, value in self.headers.items()},
                             "body": base64.b64encode(body).decode()}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    do_POST = do_GET

    def log_message(self, *_):
        pass


def ask(port, method, wish, body):
    """Status, fields and content of the answer."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    connection.request(method, f"/{wish}", body, {"x-decide": wish, "x-remove": "me"})
    response = connection.getresponse()
    content = response.read()
    connection.close()
    return response.status, {name.lower(): value for name, value in response.getheaders()}, content


def seen_of(agent, number):
    """What the agent saw of the exchange that began as number `number`; its end comes a little after the client's."""
    for _ in range(200):
        log = agent.events()
        heads = [line["message"]["metadata"]["correlation_id"] for line in log if line["event"] == "request_headers"]
        if len(heads) > number:
            seen = [line for line in log if heads[number] in (
                line["message"].get("correlation_id"), line["message"].get("metadata", {}).get("correlation_id"))]
            if seen[-1]["event"] == "request_complete":
                return seen
        time.sleep(0.02)
    return []


def check_exchange(check, where, request, answer, seen):
    method, wish, body, status, kinds = request
    check(answer[0] == status, where, f"{method} was answered {answer[0]}, not {status}")
    found = [line["event"] for line in seen]
    check(list(dict.fromkeys(found)) == kinds, where, f"the handler saw {found}")
    handed = b"".join(base64.b64decode(line["message"]["data"]) for line in seen
                      if line["event"] == "request_body_chunk")
    check(handed == (body or b""), where, f"the handler was handed {len(handed)} bytes of {len(body or b'')}")
    if status == 200:
        upstream = json.loads(answer[2])
        check(base64.b64decode(upstream["body"]) == (body or b""), where, "the upstream got another body")
    if wish == "ops":
        fields = upstream["headers"]
        check((fields.get("x-set"), fields.get("x-add"), fields.get("x-remove")) == ("1", "2", None), where,
              f"the upstream got {fields}")
        check(answer[1].get("x-answer") == "3", where, f"the client got {answer[1]}")


def play(picket, agent, where, check, folder):
    """All requests through a gateway that asks `agent`. Returns how many events were checked."""
    upstream = ThreadingHTTPServer(("127.0.0.1", 0), Upstream)
    Thread(target=upstream.serve_forever, daemon=True).start()
    port, config, programs = free_port(), folder / "gateway.kdl", Programs(folder)
    config.write_text(CONFIG.format(port=port, socket=agent.socket, upstream=upstream.server_port), encoding="ascii")
    count = 0
    try:
        programs.start("gateway", str(picket), "run", str(config), serves=("127.0.0.1", port), seconds=20)
        for number, request in enumerate(REQUESTS):
            answer = ask(port, *request[:3])
            seen = seen_of(agent, number)
            check_exchange(check, f"{where}, {request[0]} {request[1]}", request, answer, seen)
            count += len(seen)
    finally:
        programs.stop()
        upstream.shutdown()
    return count
