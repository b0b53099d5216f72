"""liar.py over gRPC's own library: liar.py ADDRESS [CERTIFICATE KEY]."""

import signal
import sys
import threading
from concurrent import futures

import agent_v2_pb2 as messages
import grpc
from agent import SERVICE, handshake

PAST = ["nobody"]


def answer(id_: str, blocks: bool) -> messages.AgentToProxy:
    response = messages.AgentResponse(correlation_id=id_)
    if blocks:
        response.block.status = 403
    else:
        response.allow.SetInParent()
    return messages.AgentToProxy(response=response)


def judged(event: messages.RequestHeadersEvent) -> list[messages.AgentToProxy]:
    fields = {header.name: header.value for header in event.headers}
    id_, blocks, lie = event.metadata.correlation_id, fields.get("x-block") == "yes", fields.get("x-lie", "")
    true, false = answer(id_, blocks), answer(id_, not blocks)
    return {
        "of-the-past": [answer(PAST[0], not blocks), true],
        "of-nobody": [answer("nobody", not blocks), true],
        "unnamed": [true, answer("", not blocks)],
        "unasked": [*(answer(f"unasked-{number}", not blocks) for number in range(20)), true],
        "twice": [true, false],
    }.get(lie, [true])


def process(stream, context):
    for message in stream:
        kind = message.WhichOneof("message")
        if kind == "handshake":
            yield handshake()
        elif kind == "request_headers":
            if any(header.name == "x-lie" and header.value == "cut-off" for header in message.request_headers.headers):
                context.abort(grpc.StatusCode.INTERNAL, "a lie")
            yield from judged(message.request_headers)
        elif kind == "request_complete":
            PAST[0] = message.request_complete.correlation_id
            yield answer(PAST[0], False)
        elif kind == "ping":
            yield messages.AgentToProxy(pong=messages.Pong(sequence=message.ping.sequence, ping_timestamp_ms=message.ping.timestamp_ms))


def main() -> None:
    server = grpc.server(futures.ThreadPoolExecutor(64))
    method = grpc.stream_stream_rpc_method_handler(
        process, request_deserializer=messages.ProxyToAgent.FromString, response_serializer=messages.AgentToProxy.SerializeToString
    )
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, {"ProcessStream": method}),))
    if len(sys.argv) > 2:
        certificate, key = (open(path, "rb").read() for path in sys.argv[2:4])
        server.add_secure_port(sys.argv[1], grpc.ssl_server_credentials([(key, certificate)]))
    else:
        server.add_insecure_port(sys.argv[1])
    ended = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: ended.set())
    server.start()
    print("serves", flush=True)
    ended.wait(240)
    server.stop(None)


main()
