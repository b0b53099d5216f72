"""A small agent on gRPC's own library (Debian's python3-grpcio): grpc_agent.py ADDRESS [RULE]. Keeps every rule, or breaks that one."""

import signal
import sys
import threading
from concurrent import futures

import grpc

from protobuf import field, fields, last

SERVICE = "zentinel.agent.v2.AgentServiceV2"
EXTENSIONS = (b"event-reply", b"one-way-complete")
HANDSHAKE, HEADERS, REQUEST_BODY, RESPONSE_HEADERS, RESPONSE_BODY, WEBSOCKET, GUARDRAIL, COMPLETE, CANCEL, CONFIGURE, PING = range(1, 12)
# An event's type on a socket, by its number in the envelope.
TYPES = {HEADERS: 0x10, REQUEST_BODY: 0x11, RESPONSE_HEADERS: 0x12, RESPONSE_BODY: 0x13, WEBSOCKET: 0x15, GUARDRAIL: 0x16, COMPLETE: 0x14}
BROKEN = sys.argv[2] if len(sys.argv) > 2 else None
# Mutants that end the call where they hear an event.
ENDING = {"grpc.byte-by-byte", "grpc.joined", "grpc.unknown-field"}
# Mutants that answer what should end it.
TOLERANT = {"grpc.noise", "grpc.cut", "grpc.empty-message"}
# Mutants of ProcessEvent, by what is in the events that their rule asks.
ID_OF_CASE = {"grpc.process-event": b"conform-process-event" + b"\x12", "grpc.process-event-id": b"conform-process-event-id",
              "grpc.process-event-beside": b"conform-process-event-beside", "grpc.process-event-unknown-field": b"conform-unknown-field"}  # fmt: skip
NOISE = b"\xff\xff\xff\xff"
STREAMS: list = []
REQUEST_ID = 1  # of a ConfigUpdateRequest


def allow(name: bytes, *more: bytes) -> bytes:
    return field(2, field(1, name) + field(2, b"") + b"".join(more))


def hello(extensions: list[bytes]) -> bytes:
    capabilities = field(1, 2) + field(2, b"peer") + field(3, b"peer") + field(4, b"1") + b"".join(field(5, kind) for kind in range(1, 9))
    capabilities += field(6, field(6, 100)) + field(7, field(1, 1 << 20) + field(2, 100) + field(3, 65536))
    return field(1, field(1, 2) + field(2, capabilities) + field(3, 1) + b"".join(field(20, name) for name in extensions))


class Stream:
    def __init__(self):
        self.case, self.extensions = "", []

    def breaks(self, rule: str) -> bool:
        return BROKEN == rule and self.case in (rule, "")

    def answers(self, data: bytes) -> list[bytes]:
        """Raises ValueError for what ends the call."""
        try:
            [(kind, [*_, content])] = [(number, values) for number, values in fields(data).items() if number <= PING]
            message = fields(content)
            if not self.case and kind != HANDSHAKE and not self.breaks("grpc.event-first"):
                raise ValueError("no handshake")
            if BROKEN == self.case and self.case in ENDING and kind in TYPES:
                raise ValueError("it cannot bear that")
            return list(self.take(kind, message))
        except ValueError:
            if BROKEN == self.case and self.case in TOLERANT:
                return [allow(b"unknown")]
            raise

    def take(self, kind: int, message: dict[int, list]):
        if kind == HANDSHAKE:
            self.case = last(message, 2, b"").decode().removeprefix("picket-conform/")
            self.extensions = [name for name in message.get(20, []) if name in EXTENSIONS]
            yield hello(self.extensions)
        elif kind == PING:
            yield field(7, field(1, last(message, 1, 0)) + field(2, last(message, 2, 0)))
        elif kind == CONFIGURE and self.breaks("grpc.configure"):
            yield allow(b"configuration")
        elif kind in TYPES and not (kind == COMPLETE and b"one-way-complete" in self.extensions):
            yield self.answer(kind, message)

    def answer(self, kind: int, message: dict[int, list]) -> bytes:
        name = fields(last(message, 1, b""))[1][-1] if kind == HEADERS else message[1][-1]
        if b"event-reply" not in self.extensions:
            return allow(name)
        reply = field(1, TYPES[kind])
        if kind in (REQUEST_BODY, RESPONSE_BODY):
            reply += field(2, last(message, 2, 0))
        if kind == WEBSOCKET:
            reply += field(2, last(message, 20, 0)) + field(3, last(message, 2, 0))
        if kind == GUARDRAIL:
            metadata = {last(pair, 1, b""): last(pair, 2, b"") for pair in map(fields, message.get(22, []))}
            reply += field(2, int(metadata.get(b"index", b"0")))
        return allow(name, field(24, reply))


def end_streams() -> None:
    for context in list(STREAMS):
        context.cancel()


def process(messages, context):
    STREAMS.append(context)
    stream = Stream()
    for data in messages:
        try:
            yield from stream.answers(data)
        except (ValueError, KeyError):
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, "that is no message")


def is_taken_for(data: bytes) -> bool:
    """Whether a mutant answers what is no event."""
    kinds = {"grpc.process-event-empty": data == b"", "grpc.process-event-noise": data.startswith(NOISE),
             "grpc.process-event-cut": bool(data) and not data.startswith(NOISE)}  # fmt: skip
    return kinds.get(BROKEN, False)


def process_one(data, context):
    if BROKEN in (case := ID_OF_CASE) and case[BROKEN] in data:
        if BROKEN in ("grpc.process-event-id", "grpc.process-event-beside"):
            return allow(b"nobody")
        context.abort(grpc.StatusCode.INTERNAL, "broken")
    stream = Stream()
    stream.case = "one"
    try:
        return stream.answers(data)[0]
    except (ValueError, KeyError, IndexError):
        if BROKEN == "grpc.process-event-others-live" and data.startswith(NOISE):
            end_streams()
        if is_taken_for(data):
            return allow(b"unknown")
        context.abort(grpc.StatusCode.INVALID_ARGUMENT, "that is no event")


def control(messages, context):
    if BROKEN == "grpc.control-stream":
        first = next(messages, None)
        if first is None:
            context.abort(grpc.StatusCode.INTERNAL, "broken")
        messages = iter([first, *messages])
    for data in messages:
        try:
            said = fields(data)
            if 1 in said and BROKEN == ("grpc.control-unknown-field" if 100 in said else "grpc.control-health"):
                context.abort(grpc.StatusCode.INTERNAL, "broken")
            if 3 in said:
                name = b"another" if BROKEN == "grpc.control-config" else last(fields(said[3][-1]), REQUEST_ID, b"")
                yield field(4, field(1, name) + field(2, 0))
        except ValueError:
            if BROKEN == "grpc.control-others-live":
                end_streams()
            if BROKEN != "grpc.control-noise":
                context.abort(grpc.StatusCode.INVALID_ARGUMENT, "that is no message")


def check(_data, _context) -> bytes:
    return field(1, 2 if BROKEN == "grpc.health" else 1)


def main() -> None:
    server = grpc.server(futures.ThreadPoolExecutor(64))
    methods = {
        "ProcessStream": grpc.stream_stream_rpc_method_handler(process),
        "ProcessEvent": grpc.unary_unary_rpc_method_handler(process_one),
        "ControlStream": grpc.stream_stream_rpc_method_handler(control),
    }
    if BROKEN == "grpc.unknown-method":
        methods["Nothing"] = grpc.stream_stream_rpc_method_handler(control)
    health = {"Check": grpc.unary_unary_rpc_method_handler(check)}
    server.add_generic_rpc_handlers((
        grpc.method_handlers_generic_handler(SERVICE, methods),
        grpc.method_handlers_generic_handler("grpc.health.v1.Health", health),
    ))
    server.add_insecure_port(sys.argv[1])
    ended = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: ended.set())
    server.start()
    print("serves", flush=True)
    ended.wait(280)
    server.stop(None)


main()
