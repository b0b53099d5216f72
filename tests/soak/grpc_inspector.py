"""inspector.py on gRPC's own library: grpc_inspector.py ADDRESS. Needs Debian's python3-grpcio and what protoc makes of the protocol."""

import hashlib
import os
import signal
import sys
import threading
from concurrent import futures

import agent_v2_pb2 as messages
import grpc

SERVICE = "zentinel.agent.v2.AgentServiceV2"
DRAIN_SECONDS = 0.5
STREAMS = 256
open_exchanges: set[tuple[int, str]] = set()


def handshake() -> messages.AgentToProxy:
    capabilities = messages.AgentCapabilities(
        protocol_version=2, agent_id="grpc", name="grpc", version="1", supported_events=[1, 2], features=messages.AgentFeatures(),
        limits=messages.AgentLimits(max_body_size=1 << 24, max_concurrency=1000, preferred_chunk_size=65536),
    )  # fmt: skip
    return messages.AgentToProxy(handshake=messages.HandshakeResponse(protocol_version=2, success=True, capabilities=capabilities))


def allow(id_: str, name: str = "", value: str = "") -> messages.AgentToProxy:
    response = messages.AgentResponse(correlation_id=id_)
    response.allow.SetInParent()
    if name:
        response.request_headers.append(messages.HeaderOp(set=messages.Header(name=name, value=value)))
    return messages.AgentToProxy(response=response)


class Stream:
    def __init__(self):
        self.bodies: dict[str, hashlib._Hash] = {}

    def head(self, event: messages.RequestHeadersEvent) -> messages.AgentToProxy:
        fields = {header.name: header.value for header in event.headers}
        id_ = event.metadata.correlation_id
        open_exchanges.add((id(self), id_))
        if fields.get("x-verdict") != "block":
            return allow(id_, "x-inspected", fields.get("x-token", ""))
        response = messages.AgentResponse(correlation_id=id_)
        response.block.status = 403
        return messages.AgentToProxy(response=response)

    def chunk(self, event: messages.BodyChunkEvent) -> messages.AgentToProxy:
        digest = self.bodies.setdefault(event.correlation_id, hashlib.sha256())
        digest.update(event.data)
        if not event.is_last:
            return allow(event.correlation_id)
        self.bodies.pop(event.correlation_id)
        return allow(event.correlation_id, "x-inspected-body", digest.hexdigest())

    def end(self, id_: str) -> None:
        self.bodies.pop(id_, None)
        open_exchanges.discard((id(self), id_))

    def answers(self, message: messages.ProxyToAgent):
        match message.WhichOneof("message"):
            case "handshake":
                yield handshake()
            case "request_headers":
                yield self.head(message.request_headers)
            case "request_body_chunk":
                yield self.chunk(message.request_body_chunk)
            case "request_complete":
                self.end(message.request_complete.correlation_id)
                yield allow(message.request_complete.correlation_id)
            case "cancel":
                self.bodies.pop(message.cancel.correlation_id, None)
            case "ping":
                yield messages.AgentToProxy(pong=messages.Pong(sequence=message.ping.sequence, ping_timestamp_ms=message.ping.timestamp_ms))


def process(messages_of_proxy, _context):
    stream = Stream()
    try:
        for message in messages_of_proxy:
            yield from stream.answers(message)
    finally:
        # Of a connection that was lost nobody tells the end.
        for each in [each for each in list(open_exchanges) if each[0] == id(stream)]:
            open_exchanges.discard(each)


def main() -> None:
    server = grpc.server(futures.ThreadPoolExecutor(STREAMS))
    method = grpc.stream_stream_rpc_method_handler(
        process, request_deserializer=messages.ProxyToAgent.FromString, response_serializer=messages.AgentToProxy.SerializeToString
    )
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, {"ProcessStream": method}),))
    server.add_insecure_port(sys.argv[1])
    drains = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    signal.signal(signal.SIGUSR1, lambda *_: drains.set())
    signal.signal(signal.SIGUSR2, lambda *_: print(f"open {len(open_exchanges)}", flush=True))
    server.start()
    print("serves", flush=True)
    while not drains.wait(1):
        pass
    server.stop(DRAIN_SECONDS).wait()  # GOAWAY
    os._exit(0)


main()
