"""The gateway asks the crate's agent about real HTTP requests. What proves it is the agent's log: its handler must have been
handed the head, the body byte for byte, the response's head and the end of every exchange."""

import base64
import http.client
import json
import re
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import NamedTuple

from processes import Programs, free_port, wait
from ways import PICKET_BIN, Agent, place, reception

CONFIG = """system {{ worker-threads 1 }}
listeners {{ listener "web" {{ address "127.0.0.1:{port}" }} }}
{reception}
agents {{ agent "agent" {{ {place}; events {events}; timeout-ms 5000; {keys} }} }}
filters {{ filter "ask" {{ type "agent"; agent "agent" }} }}
upstreams {{ upstream "app" {{ target "127.0.0.1:{upstream}" }} }}
routes {{ route "all" {{ filters "ask"; upstream "app" }} }}
observability {{ metrics {{ address "127.0.0.1:{metrics}" }} }}
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
    """Answers with the request that it got, or with what its x-return says."""

    protocol_version = "HTTP/1.1"

    def do_GET(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        got = {"headers": {name.lower(): value for name, value in self.headers.items()}, "body": base64.b64encode(body).decode()}
        answer = self.headers.get("x-return", json.dumps(got)).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(answer)))
        self.send_header("X-Upstream", "yes")
        self.end_headers()
        self.wfile.write(answer)

    do_POST = do_GET

    def log_message(self, *_):
        pass


class Answer(NamedTuple):
    status: int
    fields: dict
    content: bytes

    def upstream(self) -> dict:
        """What the upstream got."""
        return json.loads(self.content)

    def upstream_body(self) -> bytes:
        return base64.b64decode(self.upstream()["body"])


class Gateway:
    """Picket's gateway before that upstream, once its agent is connected; ended on exit. `keys`: more of the agent's."""

    def __init__(self, agent: Agent, events: str, folder: Path, keys: str = ""):
        self.programs, self.folder, self.check = Programs(folder), folder, agent.check
        self.port, self.metrics = free_port(), free_port()
        self.upstream = ThreadingHTTPServer(("127.0.0.1", 0), Upstream)
        at = (agent.way, agent.address)
        self.config = CONFIG.format(port=self.port, metrics=self.metrics, reception=reception(*at), place=place(*at), events=events,
                                    keys=keys, upstream=self.upstream.server_port)  # fmt: skip

    def __enter__(self):
        Thread(target=self.upstream.serve_forever, daemon=True).start()
        file = self.folder / "gateway.kdl"
        file.write_text(self.config, encoding="utf-8")
        try:
            self.programs.start("gateway", PICKET_BIN / "picket", "run", file, serves=("127.0.0.1", self.metrics))
            wait("the gateway has its agent", self.has_agent)
        except (RuntimeError, TimeoutError):
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        for wrong in self.programs.stop():
            self.check(False, "the gateway", wrong)
        self.upstream.shutdown()
        self.upstream.server_close()

    def has_agent(self) -> bool:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.metrics}/metrics", timeout=10) as page:
            found = re.search(r"^picket_agent_connections_ready\{[^}]*\} (\d+)", page.read().decode(), re.M)
            return found is not None and int(found[1]) > 0

    def ask(self, method: str, target: str, fields: dict, body: bytes | None = None) -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            connection.request(method, target, body, fields)
            response = connection.getresponse()
            return Answer(response.status, {name.lower(): value for name, value in response.getheaders()}, response.read())
        finally:
            connection.close()


def seen_of(agent: Agent, number: int) -> list[dict]:
    """What the agent saw of the exchange that began as number `number`; its end comes a little after the client's."""

    def seen():
        log = agent.events()
        heads = [line["message"]["metadata"]["correlation_id"] for line in log if line["event"] == "request_headers"]
        if len(heads) <= number:
            return []
        of_it = [line for line in log if heads[number] in (
            line["message"].get("correlation_id"), line["message"].get("metadata", {}).get("correlation_id"))]  # fmt: skip
        return of_it if of_it[-1]["event"] == "request_complete" else []

    return wait(f"the end of exchange {number}", seen)


def check_exchange(check, where: str, request: tuple, answer: Answer, seen: list[dict]) -> None:
    method, wish, body, status, kinds = request
    check(answer.status == status, where, f"{method} was answered {answer.status}, not {status}")
    found = [line["event"] for line in seen]
    check(list(dict.fromkeys(found)) == kinds, where, f"the handler saw {found}")
    handed = b"".join(base64.b64decode(line["message"]["data"]) for line in seen if line["event"] == "request_body_chunk")
    check(handed == (body or b""), where, f"the handler was handed {len(handed)} bytes of {len(body or b'')}")
    if answer.status != 200:
        return
    check(answer.upstream_body() == (body or b""), where, "the upstream got another body")
    if wish == "ops":
        fields = answer.upstream()["headers"]
        check((fields.get("x-set"), fields.get("x-add"), fields.get("x-remove")) == ("1", "2", None), where, f"the upstream got {fields}")
        check(answer.fields.get("x-answer") == "3", where, f"the client got {answer.fields}")


def play(agent: Agent, where: str, check, folder: Path) -> int:
    """All requests through a gateway that asks `agent`. Returns how many events were checked."""
    count = 0
    with Gateway(agent, '"request_headers" "request_body" "response_headers" "request_complete"', folder) as gateway:
        for number, request in enumerate(REQUESTS):
            method, wish, body = request[:3]
            answer = gateway.ask(method, f"/{wish}", {"x-decide": wish, "x-remove": "me"}, body)
            seen = seen_of(agent, number)
            check_exchange(check, f"{where}, {method} {wish}", request, answer, seen)
            count += len(seen)
    return count
