"""A small proxy that calls its agent on gRPC's own library (Debian's python3-grpcio): grpc_proxy.py PATH UPSTREAM [RULE]. Keeps every rule, or breaks that one.

It prints the port where it takes requests.
"""

import base64
import queue
import signal
import struct
import sys
import threading
from pathlib import Path

import grpc

from connection import Agent
from frame_types import CANCEL, CONFIG_REPLY, GUARDRAIL, REQUEST_BODY, REQUEST_COMPLETE, REQUEST_HEADERS, RESPONSE_BODY, RESPONSE_HEADERS, WEBSOCKET_FRAME
from protobuf import field, fields, last
from proxy import Proxy
from registering import EXTENSIONS

PROCESS_STREAM = "/zentinel.agent.v2.AgentServiceV2/ProcessStream"
# Numbers in ProxyToAgent.
NUMBERS = {REQUEST_HEADERS: 2, REQUEST_BODY: 3, RESPONSE_HEADERS: 4, RESPONSE_BODY: 5, WEBSOCKET_FRAME: 6, GUARDRAIL: 7, REQUEST_COMPLETE: 8, CANCEL: 9, CONFIG_REPLY: 20}
HANDSHAKE, CONFIGURE, PING = 1, 10, 11
# Numbers in AgentToProxy.
WELCOME, RESPONSE, HEALTH, METRICS, CONFIG_UPDATE, FLOW, PONG, LOG = range(1, 9)
TAKEN = {"grpc.health": HEALTH, "grpc.metrics": METRICS, "grpc.log": LOG}
OPCODES = ("text", "binary", "ping", "pong", "close", "continuation")
# Mutants that cannot bear an answer, and those that take what is none for one.
FASTIDIOUS = {"grpc.unknown-field", "grpc.large", "grpc.goaway"}
BELIEVING = {"grpc.empty-message", "grpc.cut"}


def text(value: str) -> bytes:
    return value.encode("utf-8", "replace")


def metadata_of(said: dict) -> bytes:
    numbers = {"correlation_id": 1, "request_id": 2, "client_ip": 3, "protocol": 6}
    texts = b"".join(field(number, text(said[name])) for name, number in numbers.items())
    return texts + field(4, said["client_port"]) + field(10, 1)


def event_of(kind: int, event: dict) -> bytes:
    """The message that a dictionary of JSON stands for."""
    if kind == CONFIG_REPLY:
        return field(1, text(event["request_id"])) + field(2, int(event["accepted"]))
    headers = [field(1, text(name)) + field(2, text(value)) for name, values in event.get("headers", {}).items() for value in values]
    if kind == REQUEST_HEADERS:
        head = field(1, metadata_of(event["metadata"])) + field(2, text(event["method"])) + field(3, text(event["uri"])) + field(4, b"1.1")
        return head + b"".join(field(5, header) for header in headers)
    name = field(1, text(event["correlation_id"]))
    if kind == RESPONSE_HEADERS:
        return name + field(2, event["status"]) + b"".join(field(3, header) for header in headers)
    if kind in (REQUEST_BODY, RESPONSE_BODY):
        chunk = field(2, int(event["chunk_index"])) + field(3, base64.b64decode(event["data"])) + field(4, int(event["is_last"]))
        return name + chunk + field(5, event["total_size"]) + field(6, event["bytes_received" if kind == REQUEST_BODY else "bytes_sent"])
    if kind == WEBSOCKET_FRAME:
        shown = field(2, int(event["client_to_server"])) + field(3, OPCODES.index(event["opcode"]) + 1) + field(4, base64.b64decode(event["data"]))
        return name + shown + field(20, event["frame_index"]) + field(23, text(event["client_ip"]))
    if kind == GUARDRAIL:
        index = field(22, field(1, b"index") + field(2, text(event["metadata"]["index"])))
        return name + field(2, text(event["content"])) + field(3, 1) + index
    if kind == REQUEST_COMPLETE:
        return name + field(2, event["status"]) + field(3, event["duration_ms"]) + field(4, event["request_body_size"])
    return name + field(2, event["reason"] + 1)


def pair(data: bytes) -> tuple[str, str]:
    said = fields(data)
    return last(said, 1, b"").decode(), last(said, 2, b"").decode()


def operation(data: bytes) -> tuple[str, str, str]:
    said = fields(data)
    if 3 in said:
        return "remove", said[3][-1].decode(), ""
    kind, number = ("set", 1) if 1 in said else ("add", 2)
    return kind, *pair(said[number][-1])


def decision_of(said: dict[int, list]):
    """Raises ValueError where there is none."""
    if 2 in said:
        return "allow"
    if 3 in said:
        block = fields(said[3][-1])
        return "block", {"status": last(block, 1, 403), "body": last(block, 2, b"").decode(), "headers": dict(map(pair, block.get(3, [])))}
    if 4 in said:
        redirect = fields(said[4][-1])
        return "redirect", {"url": last(redirect, 1, b"").decode(), "status": last(redirect, 2, 302)}
    if 5 in said:
        challenge = fields(said[5][-1])
        return "challenge", {"challenge_type": last(challenge, 1, b"").decode(), "params": dict(map(pair, challenge.get(2, [])))}
    raise ValueError("no decision")


def mutation(said: dict[int, list], number: int) -> dict:
    if number not in said:
        return {}
    mutation = fields(said[number][-1])
    data = None if 1 not in mutation else base64.b64encode(mutation[1][-1]).decode()
    return {"data": data, "chunk_index": last(mutation, 2, 0)}


def websocket(said: dict[int, list]):
    decision = fields(last(said, 22, b""))
    if 3 not in decision:
        return "drop" if 2 in decision else "allow"
    close = fields(decision[3][-1])
    return last(close, 1, 1000), last(close, 2, b"").decode()


def health(said: dict[int, list]) -> dict:
    multiplier = struct.unpack("<f", said[11][-1])[0] if 11 in said else 1.0
    return {"state": last(said, 2, 1), "valid_until_ms": last(said, 6, None), "timestamp_ms": last(said, 7, 0), "timeout_multiplier": multiplier,
            "disabled_features": [name.decode() for name in said.get(10, [])]}  # fmt: skip


def flow(said: dict[int, list]) -> dict:
    return {"correlation_id": last(said, 1, b"").decode() or None, "action": last(said, 2, 0), "buffer_available": last(said, 3, 0)}


def capabilities(said: dict[int, list]) -> dict:
    limits = fields(last(said, 7, b""))
    kinds = [kind for packed in said.get(5, []) for kind in (packed if isinstance(packed, bytes) else [packed])]
    return {"supported_events": kinds,
            "limits": {"max_body_size": last(limits, 1, 10 << 20), "max_concurrency": last(limits, 2, 100), "preferred_chunk_size": last(limits, 3, 1 << 16)}}  # fmt: skip


class GrpcAgent(Agent):
    """A call of ProcessStream, for as long as it lasts."""

    def __init__(self, proxy: "GrpcProxy"):
        self.proxy, self.case, self.encoding = proxy, "", "protobuf"
        self.begin()
        self.outgoing: queue.Queue = queue.Queue()
        self.has_begun = threading.Event()

    def send(self, kind: int, message: dict, is_json: bool = False) -> None:
        if self.outgoing is None:
            raise OSError("closed")
        self.outgoing.put(field(NUMBERS[kind], event_of(kind, message)))

    def serve(self) -> None:
        # A pool of its own: another call's failed connection is not waited for.
        with grpc.insecure_channel(f"unix:{self.proxy.agent}", options=[("grpc.use_local_subchannel_pool", 1), ("grpc.max_receive_message_length", -1)]) as channel:
            self.call = channel.stream_stream(PROCESS_STREAM)(self.messages())
            self.has_begun.set()
            try:
                for data in self.call:
                    self.take_message(data)
            except grpc.RpcError:
                if self.breaks(self.case) and self.case in BELIEVING:
                    self.believe()
                if self.breaks("grpc.refusal") or self.breaks("grpc.version"):
                    return
            except (OSError, ValueError, KeyError, TypeError):
                self.call.cancel()
        outgoing, self.outgoing, self.is_open = self.outgoing, None, False
        outgoing.put(None)
        self.proxy.leave(self)
        self.give_up()

    def messages(self):
        self.has_begun.wait()
        if self.breaks("grpc.does-not-wait"):
            self.call.initial_metadata()
        outgoing = self.outgoing
        yield from () if self.proxy.broken == "grpc.handshake" else (self.hello(),)
        if self.breaks("grpc.waits") or self.proxy.broken == "grpc.handshake":
            yield field(PING, field(1, 1))
        yield from iter(outgoing.get, None)

    def hello(self) -> bytes:
        versions = (1,) if self.breaks("grpc.versions") else (2, 1)
        proxy_id = b"" if self.breaks("grpc.proxy-id") else b"peer"
        return field(HANDSHAKE, b"".join(field(1, version) for version in versions) + field(2, proxy_id) + field(3, b"1") + field(4, b"{}") + b"".join(field(20, text(name)) for name in EXTENSIONS[:3]))

    def take_message(self, data: bytes) -> None:
        try:
            [(kind, [*_, content])] = [(number, values) for number, values in fields(data).items() if number <= LOG]
        except ValueError:
            if not (self.breaks(self.case) and self.case in BELIEVING):
                raise
            return self.believe()
        if kind == WELCOME:
            self.welcome(fields(content))
        elif TAKEN.get(self.case) == kind and self.breaks(self.case):
            raise OSError("it cannot bear that")
        elif kind == HEALTH:
            self.wishes.take_health(health(fields(content)))
        elif kind == RESPONSE:
            self.take_response(content)
        elif kind == FLOW:
            self.wishes.take_flow(flow(fields(content)))
        elif kind == CONFIG_UPDATE:
            self.answer_update({"request_id": last(fields(content), 1, b"").decode()})

    def welcome(self, welcome: dict[int, list]) -> None:
        said = fields(last(welcome, 2, b""))
        self.case = last(said, 2, b"").decode().removeprefix("picket-conform/")
        if not last(welcome, 3, 0) and not self.breaks("grpc.refusal") or last(welcome, 1, 0) != 2 and not self.breaks("grpc.version"):
            raise OSError("refused")
        self.agree(capabilities(said), [name.decode() for name in welcome.get(20, [])])
        self.outgoing.put(field(CONFIGURE, field(1, b"{}") + field(3, 1)))
        if not self.breaks("grpc.configure"):
            self.outgoing.put(field(PING, field(1, 1) + field(2, 1)))
        self.is_open = True

    def take_response(self, content: bytes) -> None:
        if self.case in FASTIDIOUS and self.breaks(self.case):
            raise OSError("it cannot bear that")
        try:
            self.take_answer(content)
        except (ValueError, KeyError):
            if not (self.breaks(self.case) and self.case in BELIEVING):
                raise
            self.believe()

    def read_answer(self, payload: bytes) -> dict:
        said = fields(payload)
        reply = fields(said[24][-1]) if 24 in said else {}
        if "event-reply" in self.extensions and not reply:
            raise ValueError("an answer to no event")
        return {
            "version": 2, "decision": decision_of(said), "id_within": None, "id_at_top": last(said, 1, b"").decode(), "needs_more": bool(last(said, 14, 0)),
            "request_headers": list(map(operation, said.get(10, []))), "response_headers": list(map(operation, said.get(11, []))),
            "request_body_mutation": mutation(said, 20), "response_body_mutation": mutation(said, 21), "websocket_decision": websocket(said),
            "reply_to": {"type": last(reply, 1, 0), "index": last(reply, 2, None)},
        }  # fmt: skip


class GrpcProxy(Proxy):
    def dial(self) -> Agent:
        return GrpcAgent(self)


def main() -> None:
    proxy = GrpcProxy(Path(sys.argv[1]), *sys.argv[3:4], patience=8, upstream=int(sys.argv[2]))
    ended = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: ended.set())
    print(proxy.port, flush=True)
    ended.wait(280)


main()
