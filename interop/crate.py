"""interop/cases.json between Picket and the published crate, both ways, on each transport that both have. Each answer is compared, and in the
agent's log each event as its handler was handed it. What the crate cannot say on a transport stands here, and in docs/interop.md."""

import copy
import json
import subprocess
import tempfile
from datetime import datetime
from pathlib import Path

import ways
from ways import BIN, GRPC, PICKET_BIN, REVERSE, ROOT, Agent, Way

CASES = ROOT / "interop" / "cases.json"
CONFIG = {"mode": "test", "limits": {"score": 5}, "list": [1, 2.5, None, "ü"]}
REFUSED = {"refuse": True}
# What the crate's server does not serve, so it does not declare it: Picket does not send it and goes on.
NOT_SERVED = {"guardrail_inspect"}
# What the crate has no function for, or one that refuses.
NOT_SENT = {
    ("client", "grpc"): {"request_complete", "websocket_frame", "guardrail_inspect"},
    ("pool", "unix"): {"request_complete"},
    ("pool", "grpc"): {"request_complete", "websocket_frame", "guardrail_inspect"},
    ("listener", "reverse"): {"request_complete", "guardrail_inspect"},
}
# What its gRPC messages have no field for.
NOT_ANSWERED_ON_GRPC = ("request_body_mutation", "response_body_mutation", "websocket_decision", "routing_metadata")
FRAME_TYPES = {"text": 1, "binary": 2, "ping": 3, "pong": 4, "close": 5, "continuation": 6}


def plain(value):
    """Without nulls: `null` and missing mean the same."""
    if isinstance(value, dict):
        return {key: plain(member) for key, member in value.items() if member is not None}
    return [plain(item) for item in value] if isinstance(value, list) else value


def holds(expected, found) -> bool:
    """Whether `found` says all that `expected` says; None is nothing at all."""
    if isinstance(expected, dict):
        return isinstance(found, dict) and all(holds(value, found.get(key)) for key, value in expected.items())
    return not found if expected is None else expected == found


def identifier_of(message: dict):
    return message.get("correlation_id") or message.get("metadata", {}).get("correlation_id")


def milliseconds(timestamp: str) -> str:
    return str(int(datetime.fromisoformat(timestamp.replace("Z", "+00:00")).timestamp() * 1000))


class Pair:
    """A client, an agent, and how they meet. `client`: "picket", or the crate's "client", "pool" or "listener"."""

    def __init__(self, client: str, agent: str, way: Way, check):
        self.client, self.agent, self.way = client, agent, way
        self.where = f"{client} to {agent}, {way.name}"
        self._check = check

    def check(self, holds, what: str, detail: str = ""):
        self._check(holds, f"{self.where}{what}", detail)

    @property
    def crate_on_grpc(self) -> bool:
        return self.way == GRPC and not self.client == self.agent == "picket"

    @property
    def configures(self) -> bool:
        """The crate gives no configuration to an agent that dials it."""
        return self.client != "listener"

    def command(self, agent: Agent, config) -> list[str]:
        if self.client == "picket":
            place = "--listen" if self.way == REVERSE else "--agent"
            command = [PICKET_BIN / "picket_interop_client", place, agent.address, "--encoding", self.way.build]
        else:
            command = [BIN / f"reference-interop-{self.way.build}", "--agent", agent.address, "--through", self.client]
        return list(map(str, [*command, "--cases", CASES, "--config", json.dumps(config)]))

    def is_sent(self, kind: str) -> bool:
        if self.agent == "reference-agent" and kind in NOT_SERVED:
            return False
        return kind not in NOT_SENT.get((self.client, self.way.transport), ())

    def handed(self, kind: str, message: dict) -> dict:
        """A message as the agent's handler must be handed it."""
        message = copy.deepcopy(message)
        metadata = message.get("metadata", {})
        if self.way == GRPC and kind == "request_headers":
            metadata["timestamp"] = metadata["timestamp"].replace("Z", ".000Z")  # a number there, of milliseconds
        if not self.crate_on_grpc:
            return plain(message)
        if kind == "request_headers":
            metadata["tls_cipher"] = None
            metadata["timestamp"] = milliseconds(metadata["timestamp"]) if self.client == "picket" else None  # now
        if kind == "request_complete":
            message["upstream_attempts"] = 1
        if kind == "websocket_frame":
            message |= {"opcode": str(FRAME_TYPES[message["opcode"]]), "frame_index": 0, "fin": True, "route_id": None, "client_ip": ""}
        return plain(message)

    def seen(self, line: dict) -> dict:
        """A message of the agent's log, without what is not the sender's."""
        message = plain(line["message"])
        if line["event"] == "request_headers":
            message.pop("correlation_id", None)  # Picket writes the id of a head at the top, too (protocol.md §4)
            if self.crate_on_grpc and self.client != "picket":
                message["metadata"].pop("timestamp")
        return message

    def heard(self, answer: dict) -> dict:
        """An answer as the client must hear it."""
        if not self.crate_on_grpc:
            return answer
        answer = copy.deepcopy(answer) | dict.fromkeys(NOT_ANSWERED_ON_GRPC)
        if self.client != "picket" and "audit" in answer:  # it takes the JSON text for the value
            answer["audit"]["custom"] = {key: json.dumps(value) for key, value in answer["audit"]["custom"].items()}
        return answer

    def check_events(self, name: str, events: list[dict], played: dict, log: list[dict]) -> int:
        seen = [line for line in log if identifier_of(line["message"]) == played["id"]]
        expected = [event for event in events if self.is_sent(event["kind"])]
        # Picket says itself that an exchange is over, to an agent that saw anything of it.
        if self.client == "picket" and expected and all(event["kind"] != "request_complete" for event in expected):
            self.check(seen and seen[-1]["event"] == "request_complete", name, "the end of the exchange was not told")
            seen = seen[:-1]
        kinds = [line["event"] for line in seen]
        self.check(kinds == [event["kind"] for event in expected], name, f"the handler saw {kinds}")
        for event, line in zip(expected, seen):
            message = json.loads(json.dumps(event["message"]).replace("$id", played["id"]))
            sent, got = self.handed(event["kind"], message), self.seen(line)
            self.check(sent == got, name, f"{event['kind']} arrived as {json.dumps(got)} instead of {json.dumps(sent)}")
        return len(expected)

    def check_answers(self, name: str, events: list[dict], answers: list):
        for event, answer in zip(events, answers):
            kind = event["kind"]
            if not self.is_sent(kind) and self.client != "picket":
                self.check(answer is None or "error" in answer, name, f"{kind} was answered {json.dumps(answer)}")
            elif "answer" in event:
                self.check(holds(self.heard(event["answer"]), answer), name, f"{kind} was answered {json.dumps(answer)}")

    def check_binary(self, cases: list[dict], played: dict, log: list[dict]):
        """The client's other way to send bytes: bin in MessagePack."""
        chunk = next(event for case in cases for event in case["events"] if event["kind"] == "request_body_chunk")
        seen = [line["message"] for line in log if identifier_of(line["message"]) == played["id"]]
        self.check(len(seen) == 1 and seen[0]["data"] == chunk["message"]["data"], ", bytes", f"the handler saw {seen}")
        self.check(holds({"decision": "allow"}, played["answers"][0]), ", bytes", json.dumps(played["answers"]))

    def run(self, agent: Agent, config) -> subprocess.CompletedProcess:
        return subprocess.run(self.command(agent, config), capture_output=True, text=True, timeout=180, check=False)

    def check_configuration(self, agent: Agent):
        refused = self.run(agent, REFUSED)
        self.check(refused.returncode == 1, "", "an agent that refused its configuration was used all the same")
        configured = [line["message"]["config"] for line in agent.events() if line["event"] == "configure"]
        configured = [config for config in configured if config != REFUSED]
        self.check(configured and all(config == CONFIG for config in configured), "", f"configured with {configured}")

    def play(self, folder: Path) -> int:
        """All cases. Returns how many events were checked."""
        cases = json.loads(CASES.read_text(encoding="utf-8"))
        with Agent(self.agent, self.way, folder, self._check) as agent:
            done = self.run(agent, CONFIG)
            self.check(done.returncode == 0, "", done.stderr.strip())
            played = {line["exchange"]: line for line in map(json.loads, done.stdout.splitlines())}
            if self.configures:
                self.check_configuration(agent)
            log = agent.events()
        count = 0
        for case in cases:
            name, events = f", {case['exchange']}", case["events"]
            if case["exchange"] not in played:
                self.check(False, name, "was not played")
                continue
            exchange = played[case["exchange"]]
            count += self.check_events(name, events, exchange, log)
            self.check_answers(name, events, exchange["answers"])
        if self.client == "client" and self.way != GRPC:
            self.check_binary(cases, played.get("bytes as they are", {"id": None, "answers": [None]}), log)
        return count


def pairs(check) -> list[Pair]:
    """The crate has no client of one connection that an agent dials, only the listener with its pool."""
    both = [(client, "picket", way) for client in ("client", "pool") for way in (ways.JSON, ways.MSGPACK, GRPC)]
    both.append(("listener", "picket", REVERSE))
    both += [("picket", agent, way) for agent in ("reference-agent", "picket") for way in ways.ALL]
    return [Pair(*ends, check) for ends in both]


def play(check, report) -> None:
    """`report`: told of each pair and way, with how many events were checked."""
    for pair in pairs(check):
        with tempfile.TemporaryDirectory(prefix="picket-interop-") as folder:
            count = pair.play(Path(folder))
        report(pair.client if pair.client == "picket" else f"reference {pair.client}", pair.agent, pair.way.name, count)
