"""A client in Python on gRPC's own library: calls.py ADDRESS. Asks an agent single events, says something on its control
stream, and asks what it serves; prints what it hears, one line each."""

import sys

import agent_v2_pb2 as messages
import grpc
from google.protobuf import descriptor_pb2, message_factory

SERVICE = "/zentinel.agent.v2.AgentServiceV2/"
REFLECTION = "/grpc.reflection.{}.ServerReflection/ServerReflectionInfo"

# The little that is asked of reflection, as its messages have it.
FIELDS = {
    "Request": [("file_containing_symbol", 4, "string"), ("list_services", 7, "string")],
    "Response": [("file", 4, "Files"), ("services", 6, "Services"), ("error", 7, "Error")],
    "Files": [("descriptors", 1, "*bytes")],
    "Services": [("service", 1, "*Service")],
    "Service": [("name", 1, "string")],
    "Error": [("code", 1, "int32"), ("message", 2, "string")],
}
SCALARS = {"string": 9, "bytes": 12, "int32": 5}
MESSAGE = 11


def reflection_messages() -> dict:
    file = descriptor_pb2.FileDescriptorProto(name="asked.proto", package="asked", syntax="proto3")
    for name, fields in FIELDS.items():
        message = file.message_type.add(name=name)
        for field, number, kind in fields:
            plain = kind.removeprefix("*")
            types = {"type": SCALARS[plain]} if plain in SCALARS else {"type": MESSAGE, "type_name": f".asked.{plain}"}
            message.field.add(name=field, number=number, label=3 if kind.startswith("*") else 1, **types)
    return message_factory.GetMessages([file])


def head(name: str, blocked: bool) -> messages.ProxyToAgent:
    event = messages.RequestHeadersEvent(
        metadata=messages.RequestMetadata(correlation_id=name, client_ip="192.0.2.1", timestamp_ms=1), method="GET", uri="/"
    )
    event.headers.add(name="x-block", value="yes" if blocked else "no")
    return messages.ProxyToAgent(request_headers=event)


def ask_events(channel: grpc.Channel) -> None:
    ask = channel.unary_unary(
        f"{SERVICE}ProcessEvent",
        request_serializer=messages.ProxyToAgent.SerializeToString,
        response_deserializer=messages.AgentToProxy.FromString,
    )
    for name, blocked in (("first", False), ("second", True)):
        response = ask(head(name, blocked), timeout=30).response
        print("event", response.correlation_id, response.WhichOneof("decision"))
    done = messages.RequestCompleteEvent(correlation_id="first", status_code=200)
    print("complete", ask(messages.ProxyToAgent(request_complete=done), timeout=30).response.correlation_id)
    hello = messages.HandshakeRequest(supported_versions=[2], proxy_id="python")
    print("handshake", ask(messages.ProxyToAgent(handshake=hello), timeout=30).handshake.success)
    try:
        ask(messages.ProxyToAgent(cancel=messages.CancelRequest(correlation_id="first")), timeout=30)
    except grpc.RpcError as error:
        print("cancel", error.code().name)


def control(channel: grpc.Channel) -> None:
    stream = channel.stream_stream(
        f"{SERVICE}ControlStream",
        request_serializer=messages.AgentControl.SerializeToString,
        response_deserializer=messages.ProxyControl.FromString,
    )
    update = messages.ConfigUpdateRequest(request_id="mine", request_reload=messages.RequestReload())
    for answer in stream(iter([messages.AgentControl(config_update=update)]), timeout=30):
        print("control", answer.config_response.request_id, answer.config_response.accepted)


def reflect(channel: grpc.Channel, version: str) -> None:
    kinds = reflection_messages()
    stream = channel.stream_stream(
        REFLECTION.format(version),
        request_serializer=kinds["asked.Request"].SerializeToString,
        response_deserializer=kinds["asked.Response"].FromString,
    )
    request = kinds["asked.Request"]
    asked = [request(list_services="*"), request(file_containing_symbol="zentinel.agent.v2.AgentServiceV2"),
             request(file_containing_symbol="nobody.Knows")]
    listed, file, unknown = stream(iter(asked), timeout=30)
    print(version, sorted(service.name for service in listed.services.service))
    described = descriptor_pb2.FileDescriptorProto.FromString(file.file.descriptors[0])
    print(version, [method.name for method in described.service[0].method], unknown.error.code)


def main() -> None:
    channel = grpc.insecure_channel(sys.argv[1])
    ask_events(channel)
    control(channel)
    for version in ("v1", "v1alpha"):
        reflect(channel, version)


main()
