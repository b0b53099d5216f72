"""One connection of the small proxy's to an agent: how it begins, its frames, what is answered on it, and how each rule about these is broken."""

import json
import queue
import socket
import struct
import threading

import answers
import msgpack
from asking import Asking
from frame_types import (AGENT_RESPONSE, AGENTS_TYPES, CANCEL, CONFIG_REPLY, CONFIG_UPDATE, CONFIGURE, FLOW_CONTROL, HANDSHAKE_REQUEST, HANDSHAKE_RESPONSE, HEALTH_STATUS,
                    LARGEST, METRICS, PING, PONG)  # fmt: skip
from registering import CONFIG, EXTENSIONS, Registering
from wishes import Wishes

TAKEN = {  # what an agent says unasked, by the rules that say so
    "pong.unasked": PONG, "health.object": HEALTH_STATUS, "health.number": HEALTH_STATUS, "health.whole": HEALTH_STATUS,
    "metrics.taken": METRICS, "config-update.taken": CONFIG_UPDATE, "flow.taken": FLOW_CONTROL,
}  # fmt: skip
IDLE_SECONDS = 10
UNBEARABLE_PING = {"ping.answered", "handshake.slow", "answers.unasked", "answers.to-complete"}


class Agent(Asking, Registering):
    """A connection to the agent, for as long as it lasts."""

    def __init__(self, proxy: "Proxy", dialled: socket.socket | None = None):
        self.proxy, self.case, self.encoding = proxy, "", "json"
        self.has_dialled = dialled is not None
        self.socket = dialled or socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        if not dialled:
            try:
                self.socket.connect(str(proxy.agent))
            except OSError:
                self.socket.close()
                raise
        self.received = b""
        self.socket.settimeout(IDLE_SECONDS)
        self.writing = threading.Lock()
        self.begin()

    def begin(self) -> None:
        self.answers: dict[tuple, queue.Queue] = {}  # by the event that is answered
        self.is_open = False
        self.extensions: set[str] = set()
        self.configuration = ""  # the id of its Configure
        self.pings = self.pongs = 0
        self.wishes = Wishes(self.breaks)

    @property
    def takes_new(self) -> bool:
        return self.is_open and self.wishes.takes_new

    @property
    def overlooks_its_end(self) -> bool:
        return any(map(self.breaks, ("connections.lost", "answers.cut", "grpc.ended")))

    def breaks(self, rule: str) -> bool:
        return self.proxy.broken == "all" and self.case == rule or self.proxy.broken == rule and self.case in (rule, "")

    # ---- bytes

    def read(self, size: int) -> bytes:
        while len(self.received) < size:
            try:
                got = self.socket.recv(65536)
            except TimeoutError:
                self.be_idle()
                continue
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
        self.send_together((kind, message), is_json=is_json)

    def send_together(self, *frames: tuple, is_json: bool = False) -> None:
        data = b"".join(self.framed(kind, message, is_json) for kind, message in frames)
        with self.writing:
            self.socket.sendall(data)

    def framed(self, kind: int, message, is_json: bool) -> bytes:
        payload = message if isinstance(message, bytes) else json.dumps(message).encode() if is_json or self.encoding == "json" else msgpack.pack(message)
        return struct.pack(">IB", len(payload) + 1, kind) + payload

    # ---- the connection

    def serve(self) -> None:
        try:
            if not self.has_dialled:
                self.shake_hands()
            self.configure()
            while True:
                self.take(*self.read_frame())
        except (OSError, ValueError, KeyError, TypeError):
            pass
        self.is_open = False
        self.proxy.leave(self)
        self.give_up()
        self.socket.close()

    def hello(self) -> dict:
        hello = {"supported_versions": [2], "proxy_id": "peer", "proxy_version": "1", "config": CONFIG, "supported_encodings": ["msgpack", "json"],
                 "extensions": EXTENSIONS, "events": [1, 2, 3, 4, 5, 6, 7]}  # fmt: skip
        wrong = {
            "handshake.versions": {"supported_versions": ["2"]},
            "handshake.proxy-id": {"proxy_id": ""},
            "handshake.proxy-version": {"proxy_version": 1},
            "handshake.encodings": {"supported_encodings": ["msgpack", "json", "cbor"]},
            "handshake.extensions": {"extensions": [1, *EXTENSIONS]},
            "events.announced": {"events": [1]},
            "handshake.events": {"events": [1, 2, 3, 4, 5, 6, 7, "request_headers"]},
        }
        if self.proxy.broken == "all":
            both = {"events": [1, "request_headers"]}  # rules about them
            return hello | {name: value for each in wrong.values() for name, value in each.items()} | both
        return hello | (wrong.get(self.proxy.broken) or {})

    def shake_hands(self) -> None:
        frames = [(HANDSHAKE_REQUEST, [self.hello()] if self.proxy.broken == "handshake.comes" else self.hello())]
        if self.breaks("handshake.waits") or self.proxy.broken == "all":
            frames.append((PING, {"sequence": 1, "timestamp_ms": 1}))
        # Together: a tool that closes with a frame unread resets the connection, and its answer, which says the rule, is lost.
        self.send_together(*frames, is_json=True)
        if self.proxy.broken in ("handshake.in-time", "all"):
            self.socket.settimeout(None)
        kind, payload = self.read_frame()
        self.socket.settimeout(IDLE_SECONDS)
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
            "answer.version": answer["success"] and answer["protocol_version"] != 2,
            "answer.encoding": answer.get("encoding", "json") not in ("json", "msgpack"),
            "answer.capabilities": "capabilities" not in answer,
        }
        for rule, is_wrong in refused.items():
            if is_wrong and self.proxy.broken not in (rule, "all"):
                raise OSError(rule)
        if self.case in ("answer.plain", "answer.no-encoding", "answer.unknown-keys") and self.breaks(self.case):
            raise OSError(self.case)
        self.encoding = answer.get("encoding", "json")
        self.agree(answer.get("capabilities") or {}, answer.get("extensions") or ())

    def agree(self, capabilities: dict, extensions) -> None:
        self.extensions = set(extensions) & set(EXTENSIONS)
        if capabilities:
            self.wishes.declare(capabilities, bool(self.extensions))

    def configure(self) -> None:
        """It is used once it has allowed that."""
        self.configuration = f"configuration-{next(self.proxy.numbers)}"
        config = {"conform": False} if self.breaks("configure.comes") else CONFIG
        for _ in range(2 if self.breaks("configure.once") else 1):
            self.send(CONFIGURE, {"config": config, "config_version": None, "correlation_id": "" if self.breaks("configure.id") else self.configuration})
        self.is_open = self.breaks("configure.id") or self.breaks("configure.silent")

    def stay_if(self, rule: str) -> None:
        """A mutant stays connected as long as the agent does, whatever it is told."""
        if self.proxy.broken in (rule, "all"):
            self.read(2 * LARGEST)

    def take(self, kind: int, payload: bytes) -> None:
        if self.breaks(self.case) and TAKEN.get(self.case) == kind:
            raise OSError("it cannot bear that")
        if kind == PING:
            self.answer_ping(json.loads(payload))
        elif kind == PONG:
            self.pongs = json.loads(payload)["sequence"]
            self.wishes.is_suspect = self.wishes.is_suspect and self.pongs != self.pings
        elif kind == HEALTH_STATUS:
            self.wishes.take_health(answers.decoded(payload, self.encoding))
        elif kind == FLOW_CONTROL:
            self.wishes.take_flow(answers.decoded(payload, self.encoding))
        elif kind == CONFIG_UPDATE:
            self.answer_update(answers.structure(answers.decoded(payload, self.encoding), ("update_type", "request_id", "timestamp_ms")))
        elif kind == AGENT_RESPONSE:
            self.take_answer(payload)

    def answer_update(self, request: dict) -> None:
        if "config-reply" in self.extensions or self.breaks("config-update.silent"):
            id_ = "another" if self.breaks("config-update.answered") else request["request_id"]
            self.send(CONFIG_REPLY, {"request_id": id_, "accepted": False, "error": None, "timestamp_ms": 1})

    def answer_ping(self, ping: dict) -> None:
        if self.case in UNBEARABLE_PING and self.breaks(self.case):
            raise OSError("it cannot bear that")
        if self.breaks("ping.echoed"):
            ping["sequence"] += 1
        self.send(PONG, ping, is_json=True)

    def be_idle(self) -> None:
        """Nothing came for a while."""
        if not self.is_open or self.pongs < self.pings and not self.breaks("ping.closes"):
            raise OSError("nothing comes")
        if not self.breaks("ping.idle"):
            self.ping()

    def ping(self) -> None:
        """Whether it lives."""
        self.pings += 1
        self.wishes.is_suspect = not self.breaks("ping.unanswered")
        self.send(PING, {"sequence": self.pings, "timestamp_ms": 1}, is_json=True)
