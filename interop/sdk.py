"""An agent on the published crate zentinel-agent-sdk, asked by `picket call` and behind the gateway: every word of its builder, and bodies as it sees them.
What it cannot say on a transport stands in docs/interop.md."""

import base64
import json
import subprocess
import tempfile
from pathlib import Path

import ways
from crate import holds
from gateway import Gateway
from processes import wait
from ways import PICKET_BIN, Agent, clear_text

BODY = bytes(range(256)) * 300
CONFIG = {"mode": "test", "list": [1, "ü"]}
EVENTS = '"request_headers" "request_body" "response_headers" "response_body" "request_complete"'
# The words of the builder, and what `picket call` must be told.
ANSWERS = {
    "allow": {"decision": "allow"},
    "block": {"decision": {"block": {"status": 451, "body": "no", "headers": {"x-reason": "test"}}}},
    "json": {"decision": {"block": {"status": 422, "body": '{"error":"bad"}'}}},
    "deny": {"decision": {"block": {"status": 403}}},
    "unauthorized": {"decision": {"block": {"status": 401}}},
    "rate_limited": {"decision": {"block": {"status": 429}}},
    "redirect": {"decision": {"redirect": {"url": "https://example.com/login", "status": 302}}},
    "redirect_permanent": {"decision": {"redirect": {"url": "https://example.com/new", "status": 301}}},
    "challenge": {"decision": {"challenge": {"challenge_type": "captcha", "params": {"site": "example"}}}},
    "headers": {"decision": "allow", "request_headers": [{"set": {"name": "x-set", "value": "1"}}, {"remove": {"name": "x-remove"}}],
                "response_headers": [{"set": {"name": "x-answer", "value": "3"}}, {"remove": {"name": "x-upstream"}}]},  # fmt: skip
    "audit": {"decision": "allow", "audit": {"tags": ["one", "two", "three"], "rule_ids": ["942100", "942110"], "confidence": 0.5,
                                             "reason_codes": ["first", "second"], "custom": {"note": {"kept": [1, "ü"]}}}},  # fmt: skip
    "route": {"decision": "allow", "routing_metadata": {"pool": "blue"}},
    "more": {"decision": "allow", "needs_more": True},
}
# The same words at the gateway: the status, and what else the client gets.
PAGES = {
    "block": (451, b"no", {"x-reason": "test"}),
    "json": (422, b'{"error":"bad"}', {}),
    "deny": (403, None, {}),
    "unauthorized": (401, None, {}),
    "rate_limited": (429, None, {}),
    "redirect": (302, None, {"location": "https://example.com/login"}),
    "redirect_permanent": (301, None, {"location": "https://example.com/new"}),
    "challenge": (403, None, {"x-challenge-type": "captcha", "x-challenge-site": "example"}),
    "audit": (200, None, {}),
    "route": (200, None, {}),
}
BODIES = {"replace me": b"\0replaced", "drop me": b"", "pass me": b"pass me"}


class Sdk:
    """One agent of it, and the questions."""

    def __init__(self, agent: Agent, folder: Path, check):
        self.agent, self.folder, self._check = agent, folder, check
        self.where = f"SDK, {agent.way.name}"
        # Its messages on gRPC have no field for them.
        self.loses = ("routing_metadata",) if agent.way == ways.GRPC else ()

    def check(self, holds, what: str, detail: str = ""):
        self._check(holds, f"{self.where}, {what}", detail)

    def call(self, *arguments, config=None) -> subprocess.CompletedProcess:
        command = [PICKET_BIN / "picket", "call", "--agent", self.agent.address, *clear_text(self.agent.address), "--json",
                   "--encoding", self.agent.way.build, "--config", json.dumps(config or CONFIG), *arguments]  # fmt: skip
        return subprocess.run(list(map(str, command)), capture_output=True, text=True, timeout=60, check=False)

    def of(self, event: str, path: str) -> list[dict]:
        """What its handler was handed of that event of requests for `path`."""
        return [line["message"] for line in self.agent.events() if line["event"] == event and line["message"]["path"] == path]

    def bodies(self, event: str, path: str) -> bytes:
        return b"".join(base64.b64decode(message["body"]) for message in self.of(event, path))

    def check_calls(self) -> int:
        for word, wanted in ANSWERS.items():
            done = self.call("-H", f"x-decide: {word}", f"/call/{word}?a=%20b")
            phases = json.loads(done.stdout)["phases"] if done.stdout else []
            answer = phases[0].get("response") if phases else done.stderr
            self.check(holds(wanted | dict.fromkeys(self.loses), answer), f"call, {word}", f"it was answered {json.dumps(answer)}")
            seen = self.of("request", f"/call/{word}?a=%20b")
            self.check(len(seen) == 1 and seen[0]["headers"].get("x-decide") == [word], f"call, {word}", f"the handler saw {seen}")
        data = self.folder / "body"
        data.write_bytes(BODY)
        done = self.call("-d", f"@{data}", "/call/body")
        self.check(done.returncode == 0, "call, body", done.stderr)
        self.check(self.bodies("request_body", "/call/body") == BODY, "call, body", "the handler was handed another one")
        done = self.call("/call/refused", config={"refuse": True})
        self.check(done.returncode == 1, "call", "an agent that refused its configuration was asked all the same")
        configured = [line["message"] for line in self.agent.events() if line["event"] == "configure"]
        self.check(configured.count(CONFIG) == len(ANSWERS) + 1, "call", f"configured with {configured}")
        return len(ANSWERS) + 1

    def check_pages(self, gateway: Gateway) -> int:
        for word, (status, content, fields) in PAGES.items():
            answer = gateway.ask("GET", f"/{word}", {"x-decide": word})
            self.check(answer.status == status, word, f"the client got {answer.status}")
            self.check(content in (None, answer.content), word, f"the client got {answer.content}")
            self.check(fields.items() <= answer.fields.items(), word, f"the client got {answer.fields}")
            self.check_end(f"/{word}", status)
        return 2 * len(PAGES)

    def check_end(self, path: str, status: int):
        """The handler hears of the end a little after the client."""
        head = self.of("request", path)
        self.check(len(head) == 1 and head[0]["client_ip"] == "127.0.0.1", path, f"the handler saw {head}")
        identifier = head[0]["correlation_id"] if head else ""

        def ends() -> list[int]:
            return [line["message"]["status"] for line in self.agent.events()
                    if line["event"] == "complete" and line["message"]["correlation_id"] == identifier]  # fmt: skip

        self.check(wait(f"the end of {path}", ends) == [status], path, "the handler was told of another end")

    def check_whole(self, gateway: Gateway) -> int:
        """A body there and one back, and fields set and removed on both."""
        answer = gateway.ask("POST", "/whole", {"x-decide": "headers", "x-remove": "me"}, BODY)
        self.check(answer.status == 200 and answer.upstream_body() == BODY, "whole", "the upstream got another body")
        self.check(self.bodies("request_body", "/whole") == BODY, "whole", "the handler was handed another body")
        fields = answer.upstream()["headers"]
        self.check((fields.get("x-set"), fields.get("x-remove")) == ("1", None), "whole", f"the upstream got {fields}")
        got = tuple(answer.fields.get(name) for name in ("x-answer", "x-status", "x-upstream"))
        self.check(got == ("3", "200", None), "whole", f"the client got {answer.fields}")
        self.check([head["status"] for head in self.of("response", "/whole")] == [200], "whole", "the handler was handed another head")
        self.check(self.bodies("response_body", "/whole") == answer.content, "whole", "the handler was handed another answer")
        self.check_end("/whole", 200)
        return 5

    def check_bodies(self, gateway: Gateway) -> int:
        """Bodies replaced, dropped and let pass, both ways. On gRPC its answer has no field for it: they stay."""
        for body, changed in BODIES.items():
            wanted = body.encode() if self.agent.way == ways.GRPC else changed
            there, back = f"/there/{body.split()[0]}", f"/back/{body.split()[0]}"
            answer = gateway.ask("POST", there, {}, body.encode())
            self.check(answer.status == 200 and answer.upstream_body() == wanted, there, f"the upstream got {answer.upstream_body()!r}")
            answer = gateway.ask("GET", back, {"x-return": body})
            self.check(answer.content == wanted, back, f"the client got {answer.content!r}")
        return 2 * len(BODIES)


def play(check, report) -> None:
    """`report`: told of each way, with how many events were checked."""
    for way in (ways.JSON, ways.MSGPACK, ways.GRPC):
        with tempfile.TemporaryDirectory(prefix="picket-interop-") as name, Agent("reference-sdk", way, Path(name), check) as agent:
            sdk = Sdk(agent, Path(name), check)
            count = sdk.check_calls()
            with Gateway(agent, EVENTS, Path(name), 'config { mode "test" }') as gateway:
                count += sdk.check_pages(gateway) + sdk.check_whole(gateway) + sdk.check_bodies(gateway)
        report("call, gateway", "SDK", way.name, count)
