"""A proxy in Python on gRPC's own library: proxy.py ADDRESS. Asks an agent twice in one stream and prints what it hears, one
line each."""

import queue
import sys

import agent_v2_pb2 as messages
import grpc

STREAM = "/zentinel.agent.v2.AgentServiceV2/ProcessStream"
CHECK = "/grpc.health.v1.Health/Check"


def head(name: str, blocked: bool) -> messages.ProxyToAgent:
    event = messages.RequestHeadersEvent(
        metadata=messages.RequestMetadata(
            correlation_id=name, request_id=name, client_ip="192.0.2.1", protocol="HTTP/1.1", timestamp_ms=1
        ),
        method="GET",
        uri="/",
        http_version="1.1",
    )
    event.headers.add(name="x-block", value="yes" if blocked else "no")
    return messages.ProxyToAgent(request_headers=event)


def main() -> None:
    channel = grpc.insecure_channel(sys.argv[1])
    health = channel.unary_unary(CHECK, request_serializer=bytes, response_deserializer=bytes)
    print("health", health(b"", timeout=30).hex())
    sent: queue.Queue = queue.Queue()
    stream = channel.stream_stream(
        STREAM,
        request_serializer=messages.ProxyToAgent.SerializeToString,
        response_deserializer=messages.AgentToProxy.FromString,
    )(iter(sent.get, None), timeout=60)
    hello = messages.HandshakeRequest(supported_versions=[2, 1], proxy_id="python", proxy_version="1", config_json="{}")
    sent.put(messages.ProxyToAgent(handshake=hello))
    answer = next(stream).handshake
    print("handshake", answer.success, answer.protocol_version)
    sent.put(head("first", False))
    sent.put(head("second", True))
    decisions = {}
    for _ in range(2):
        response = next(stream).response
        decisions[response.correlation_id] = response.WhichOneof("decision")
    print("decisions", decisions["first"], decisions["second"])
    sent.put(messages.ProxyToAgent(ping=messages.Ping(sequence=7, timestamp_ms=1)))
    print("pong", next(stream).pong.sequence)
    sent.put(None)
    print("rest", [message.WhichOneof("message") for message in stream], stream.code().name)


main()
