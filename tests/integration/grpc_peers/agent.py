"""An agent in Python on gRPC's own library, as it comes: agent.py ADDRESS. Blocks what has x-block: yes, and says what it hears."""

import signal
import sys
import threading
from concurrent import futures

import agent_v2_pb2 as messages
import grpc

SERVICE = "zentinel.agent.v2.AgentServiceV2"


def handshake() -> messages.AgentToProxy:
    capabilities = messages.AgentCapabilities(
        protocol_version=2,
        agent_id="python",
        name="python",
        version="1",
        supported_events=[1],
        features=messages.AgentFeatures(),
        limits=messages.AgentLimits(max_body_size=1 << 26, max_concurrency=100, preferred_chunk_size=65536),
    )
    return messages.AgentToProxy(
        handshake=messages.HandshakeResponse(protocol_version=2, success=True, capabilities=capabilities)
    )


def judge(event: messages.RequestHeadersEvent) -> messages.AgentToProxy:
    response = messages.AgentResponse(correlation_id=event.metadata.correlation_id)
    if any(header.name == "x-block" and header.value == "yes" for header in event.headers):
        response.block.status = 403
    else:
        response.allow.SetInParent()
    return messages.AgentToProxy(response=response)


def allow(correlation_id: str) -> messages.AgentToProxy:
    response = messages.AgentResponse(correlation_id=correlation_id)
    response.allow.SetInParent()
    return messages.AgentToProxy(response=response)


def described(message: messages.ProxyToAgent, kind: str) -> str:
    """What a test looks at of it."""
    if kind == "configure":
        return message.configure.config_json
    if kind == "request_headers":
        return message.request_headers.http_version
    return f"of {len(message.request_body_chunk.data)} bytes" if kind == "request_body_chunk" else ""


def process(stream, _context):
    for message in stream:
        kind = message.WhichOneof("message")
        print(f"hears {kind} {described(message, kind)}", flush=True)
        if kind == "handshake":
            yield handshake()
            yield messages.AgentToProxy(log=messages.LogMessage(level=3, message="rules are of yesterday"))
        elif kind == "request_headers":
            yield judge(message.request_headers)
        elif kind == "request_body_chunk":
            yield allow(message.request_body_chunk.correlation_id)
        elif kind == "ping":
            yield messages.AgentToProxy(
                pong=messages.Pong(sequence=message.ping.sequence, ping_timestamp_ms=message.ping.timestamp_ms)
            )


def main() -> None:
    server = grpc.server(futures.ThreadPoolExecutor(16))
    method = grpc.stream_stream_rpc_method_handler(
        process,
        request_deserializer=messages.ProxyToAgent.FromString,
        response_serializer=messages.AgentToProxy.SerializeToString,
    )
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, {"ProcessStream": method}),))
    server.add_insecure_port(sys.argv[1])
    ended = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: ended.set())
    server.start()
    print("serves", flush=True)
    ended.wait(240)
    server.stop(None)


if __name__ == "__main__":
    main()
