"""One connection of the small proxy's to an agent: how it begins, its frames, what is answered on it, and how each rule about these is broken."""

import json
import queue
import socket
import struct
import threading
import time

import msgpack

HANDSHAKE_REQUEST, HANDSHAKE_RESPONSE, REQUEST_HEADERS, REQUEST_BODY, REQUEST_COMPLETE = 0x01, 0x02, 0x10, 0x11, 0x14
AGENT_RESPONSE, HEALTH_STATUS, METRICS, CONFIG_UPDATE, FLOW_CONTROL, CANCEL, PING, PONG = 0x20, 0x30, 0x31, 0x32, 0x33, 0x40, 0x41, 0x42
AGENTS_TYPES = {HANDSHAKE_RESPONSE, AGENT_RESPONSE, HEALTH_STATUS, METRICS, CONFIG_UPDATE, FLOW_CONTROL, PING, PONG}
LARGEST = 16 * 1024 * 1024
CLIENT_DISCONNECT, TIMED_OUT = 0, 1
ANSWER_SECONDS = 1
TAKEN = {  # what an agent says unasked, by the rules that say so
    "pong.unasked": PONG, "health.object": HEALTH_STATUS, "health.number": HEALTH_STATUS, "health.whole": HEALTH_STATUS,
    "metrics.taken": METRICS, "config-update.taken": CONFIG_UPDATE, "flow.taken": FLOW_CONTROL,
}  # fmt: skip
# An answer that must be a failure, and is taken by the mutant.
BELIEVED = ("malformed.json", "malformed.no-decision", "malformed.noise", "malformed.nesting", "invalid.decision", "connections.lost")


AGENT_ID, TOKEN = "conform", "secret-1"
MOST_CONNECTIONS = 4
# What an agent is refused for, by the rules that say so: each mutant takes it.
REFUSALS = {
    "registration.version": lambda said: said.get("protocol_version") != 2,
    "registration.empty-id": lambda said: said.get("agent_id") == "",
    "registration.unknown-id": lambda said: said.get("agent_id") not in ("", AGENT_ID),
    "registration.token": lambda said: said.get("auth_token", TOKEN) != TOKEN,
    "registration.no-token": lambda said: "auth_token" not in said,
    "registration.capabilities": lambda said: "capabilities" not in said,
}
WRONG_ANSWERS = {
    "registration.success": {"success": False},
    "registration.no-error": {"error": "all is well"},
    "registration.proxy-id": {"proxy_id": ""},
    "registration.proxy-version": {"proxy_version": 1},
    "registration.connection-id": {"connection_id": ""},
    "registration.connection-ids": {"connection_id": "one"},
    "registration.encoding": {"encoding": "msgpack"},
    "registration.extensions": {"extensions": ["event-reply", "raw-bytes"]},
    "registration.no-extensions": {"extensions": ["raw-bytes"]},
    "registration.wanted": {"connections_wanted": 0},
}
# Whoever cannot bear a registration closes.
FASTIDIOUS = {"registration.plain", "registration.unknown-keys", "registration.metadata", "registration.slow"}


class Failure(Exception):
    """The agent has failed: the client gets 503."""


def nesting(text: str) -> int:
    depth = deepest = 0
    for character in text:
        depth += (character in "[{") - (character in "]}")
        deepest = max(deepest, depth)
    return deepest


class Agent:
    """A connection to the agent, for as long as it lasts."""

    def __init__(self, proxy: "Proxy", dialled: socket.socket | None = None):
        self.proxy, self.case, self.encoding = proxy, "", "json"
        self.has_dialled = dialled is not None
        self.socket = dialled or socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        if not dialled:
            self.socket.connect(str(proxy.agent))
        self.received = b""
        self.answers: dict[str, queue.Queue] = {}
        self.is_open = self.is_paused = self.is_draining = False
        self.writing = threading.Lock()

    def breaks(self, rule: str) -> bool:
        return self.proxy.broken == "all" and self.case == rule or self.proxy.broken == rule and self.case in (rule, "")

    # ---- bytes

    def read(self, size: int) -> bytes:
        while len(self.received) < size:
            got = self.socket.recv(65536)
            if not got:
                raise OSError("closed")
            self.received += got
        data, self.received = self.received[:size], self.received[size:]
        return data

    def read_frame(self) -> tuple[int, bytes]:
        while True:
            length = struct.unpack(">I", self.read(4))[0]
            if length == 0 and self.breaks("framing.length-zero"):
                continue
            if length > LARGEST and self.breaks("framing.too-long"):
                self.read(1)
                continue
            if not 1 <= length <= LARGEST:
                raise OSError("no frame")
            kind = self.read(1)[0]
            payload = self.read(length - 1)
            ignored = self.breaks("framing.unknown-type") and kind == 0x7F or self.breaks("framing.wrong-direction") and kind == CANCEL
            if kind in AGENTS_TYPES and not (kind == HANDSHAKE_RESPONSE and self.has_dialled):
                return kind, payload
            ignored = ignored or (kind == HANDSHAKE_REQUEST and self.breaks("registration.twice"))
            if not ignored:
                raise OSError("no type that agents send")

    def send(self, kind: int, message, is_json: bool = False) -> None:
        payload = message if isinstance(message, bytes) else json.dumps(message).encode() if is_json or self.encoding == "json" else msgpack.pack(message)
        with self.writing:
            self.socket.sendall(struct.pack(">IB", len(payload) + 1, kind) + payload)

    # ---- the connection

    def serve(self) -> None:
        try:
            if not self.is_open:
                self.shake_hands()
            self.is_open = True
            while True:
                self.take(*self.read_frame())
        except (OSError, ValueError, KeyError, TypeError):
            pass
        self.is_open = False
        self.proxy.leave(self)
        for answers in self.answers.values():
            answers.put(None)
        self.socket.close()

    def hello(self) -> dict:
        hello = {"supported_versions": [2], "proxy_id": "peer", "proxy_version": "1", "config": None, "supported_encodings": ["msgpack", "json"],
                 "extensions": [], "events": [1, 2, 5]}  # fmt: skip
        wrong = {
            "handshake.versions": {"supported_versions": ["2"]},
            "handshake.proxy-id": {"proxy_id": ""},
            "handshake.proxy-version": {"proxy_version": 1},
            "handshake.encodings": {"supported_encodings": ["msgpack", "json", "cbor"]},
            "handshake.extensions": {"extensions": [1]},
            "handshake.events": {"events": ["request_headers"]},
        }
        return hello | (wrong.get(self.proxy.broken) or {}) if self.proxy.broken != "all" else hello | {name: value for each in wrong.values() for name, value in each.items()}

    def shake_hands(self) -> None:
        self.send(HANDSHAKE_REQUEST, [self.hello()] if self.proxy.broken == "handshake.comes" else self.hello(), is_json=True)
        if self.breaks("handshake.waits") or self.proxy.broken == "all":
            self.send(PING, {"sequence": 1, "timestamp_ms": 1}, is_json=True)
        kind, payload = self.read_frame()
        while kind == PONG:
            kind, payload = self.read_frame()
        try:
            answer = json.loads(payload)
        except ValueError:
            self.stay_if("answer.no-json")
            raise
        self.case = answer.get("capabilities", {}).get("agent_id", "").removeprefix("picket-conform/")
        if kind != HANDSHAKE_RESPONSE:
            self.stay_if("answer.other-frame")
            raise OSError("no answer to the handshake")
        refused = {
            "answer.refusal": not answer["success"],
            "answer.version": answer["protocol_version"] != 2,
            "answer.encoding": answer.get("encoding", "json") not in ("json", "msgpack"),
            "answer.capabilities": "capabilities" not in answer,
        }
        for rule, is_wrong in refused.items():
            if is_wrong and self.proxy.broken not in (rule, "all"):
                raise OSError(rule)
        if self.case in ("answer.plain", "answer.no-encoding", "answer.unknown-keys") and self.breaks(self.case):
            raise OSError(self.case)
        self.encoding = answer.get("encoding", "json")

    # ---- an agent that dialled

    def meet(self) -> bool:
        """Whether the agent may stay."""
        try:
            self.socket.settimeout(None if self.breaks("registration.in-time") else 10)
            said = self.read_registration()
            if said is None:
                return False
            why = self.refusal(said)
            if self.breaks(self.case) and self.case in FASTIDIOUS:
                raise OSError("it cannot bear that")
            self.answer_registration(said, why)
            self.socket.settimeout(None)
            self.is_open = not why
            return not why
        except (OSError, ValueError):
            self.socket.close()
            return False

    def read_registration(self) -> dict | None:
        length = struct.unpack(">I", self.read(4))[0]
        kind, payload = self.read(1)[0], self.read(length - 1)
        try:
            said = json.loads(payload)
            if kind == HANDSHAKE_REQUEST and isinstance(said, dict):
                self.case = said.get("capabilities", {}).get("agent_id", "").removeprefix("picket-conform/")
                return said
        except ValueError:
            pass
        meant = "registration.other-frame" if kind != HANDSHAKE_REQUEST else "registration.no-object" if payload.startswith(b"[") else "registration.no-json"
        if self.proxy.broken in (meant, "all"):
            self.send(HANDSHAKE_RESPONSE, self.taken())
            self.read(LARGEST)
        raise OSError("no registration")

    def refusal(self, said: dict) -> str:
        for rule, is_wrong in REFUSALS.items():
            if is_wrong(said) and not (self.proxy.broken in (rule, "all") and self.case in (rule, "")):
                return f"refused: {rule}"
        return "too many connections" if len(self.proxy.agents) >= MOST_CONNECTIONS and not self.breaks("registration.too-many") else ""

    def taken(self) -> dict:
        return {"success": True, "error": None, "proxy_id": "peer", "proxy_version": "1", "connection_id": f"connection-{next(self.proxy.numbers)}"}

    def answer_registration(self, said: dict, why: str) -> None:
        answer = self.taken() | ({"success": False, "error": "" if self.breaks("registration.says-why") else why} if why else {})
        if encodings := said.get("supported_encodings"):
            self.encoding = encodings[0]
            answer |= {"encoding": self.encoding, "extensions": [], "connections_wanted": 1}
        if self.breaks(self.case):
            answer |= WRONG_ANSWERS.get(self.case, {})
        self.send(HANDSHAKE_RESPONSE, [answer] if self.case and self.breaks("registration.answered") else answer, is_json=True)
        if self.breaks("registration.too-many") and len(self.proxy.agents) >= MOST_CONNECTIONS:
            raise OSError("too many connections")
        if why and self.breaks("registration.others-live"):
            for other in list(self.proxy.agents):
                other.socket.shutdown(socket.SHUT_RDWR)
        if why and self.breaks("registration.closes"):
            self.read(LARGEST)
        if why:
            raise OSError(why)

    def stay_if(self, rule: str) -> None:
        """A mutant stays connected as long as the agent does, whatever it is told."""
        if self.proxy.broken in (rule, "all"):
            self.read(2 * LARGEST)

    def take(self, kind: int, payload: bytes) -> None:
        if self.breaks(self.case) and TAKEN.get(self.case) == kind:
            raise OSError("it cannot bear that")
        if kind == PING:
            self.answer_ping(json.loads(payload))
        elif kind == HEALTH_STATUS:
            state = self.decoded(payload)["state"]
            status = state["status"] if isinstance(state, dict) else ("healthy", "degraded", "draining", "unhealthy")[state - 1]
            self.is_draining = status in ("draining", "unhealthy") and not self.breaks("health.draining")
        elif kind == FLOW_CONTROL:
            action = self.decoded(payload)["action"]
            pauses = action["type"] == "pause" if isinstance(action, dict) else action == 1
            self.is_paused = pauses and not self.breaks("flow.pause")
        elif kind == AGENT_RESPONSE:
            self.take_answer(payload)

    def answer_ping(self, ping: dict) -> None:
        if self.breaks("ping.answered") or self.breaks("handshake.slow") or self.breaks("answers.unasked") or self.breaks("answers.to-complete"):
            raise OSError("it cannot bear that")
        if self.breaks("ping.echoed"):
            ping["sequence"] += 1
        self.send(PONG, ping, is_json=True)

    def decoded(self, payload: bytes):
        if self.encoding == "msgpack":
            return msgpack.unpack(payload)
        text = payload.decode()
        if nesting(text) > 127:
            raise ValueError("nested too deeply")
        return json.loads(text)

    def take_answer(self, payload: bytes) -> None:
        try:
            answer = self.decoded(payload)
            if isinstance(answer, list):
                names = ("version", "decision", "request_headers", "response_headers", "routing_metadata", "audit", "needs_more")
                answer = dict(zip(names, answer))
            if answer["decision"] == "allow" or set(answer["decision"]) & {"allow", "block", "redirect", "challenge"}:
                pass
            else:
                raise ValueError("no decision")
        except (ValueError, KeyError, TypeError):
            if self.case in BELIEVED and self.breaks(self.case):
                for answers in self.answers.values():
                    answers.put({"version": 2, "decision": "allow"})
                return
            raise
        audit = answer.get("audit") or {}
        custom = (audit[4] if isinstance(audit, list) else audit.get("custom")) or {}
        name = custom.get("correlation_id") or answer.get("correlation_id")
        if (self.breaks("answers.unnamed") and not name) or (self.breaks("answers.unknown-id") and name not in self.answers):
            name = next(iter(self.answers), None)
        if self.breaks("answers.of-others") and len(self.answers) == 2:
            name = next(other for other in self.answers if other != name)
        if self.breaks("answers.split") or self.breaks("answers.joined"):
            raise OSError("it cannot bear that")
        if name in self.answers:
            self.answers[name].put(answer)

    # ---- exchanges

    def ask(self, id_: str, kind: int, event: dict) -> dict:
        """Raises Failure."""
        answers = self.answers[id_]
        try:
            self.send(kind, event)
            if self.breaks("answers.second"):
                time.sleep(0.2)
                while answers.qsize() > 1:
                    answers.get()
            answer = answers.get(timeout=ANSWER_SECONDS)
        except OSError as error:
            raise Failure from error
        except queue.Empty:
            if not self.breaks("cancel.late"):
                self.cancel(id_, TIMED_OUT)
            raise Failure from None
        if answer is None:
            if self.breaks("connections.lost") or self.breaks("grpc.ended"):
                return {"version": 2, "decision": "allow"}
            raise Failure
        return answer

    def cancel(self, id_: str, reason: int) -> None:
        try:
            self.send(CANCEL, {"correlation_id": id_, "reason": reason, "timestamp_ms": 1}, is_json=True)
        except OSError:
            pass
