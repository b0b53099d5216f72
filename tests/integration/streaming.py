"""What tests of streams share: bodies a piece at a time, and agents that replace or pause them."""

import base64

from client import message
from stage import Gateway
import wire
from wire import allow


REQUESTS = '"request_headers" "request_body"'
ANSWERS = '"request_headers" "response_body"'


def replaced(event, data: bytes, direction: str = "response", **more) -> dict:
    mutation = {"data": base64.b64encode(data).decode(), "chunk_index": event.body["chunk_index"]}
    return allow(**{f"{direction}_body_mutation": mutation}, **more)


FLOW_CONTROL = {"streaming_body": True, "flow_control": True}
KINDS = ("request_headers", "request_body", "response_headers", "response_body")


def pausing(event) -> dict:
    """Allows the first chunk, and wants no more for now."""
    if event.body["chunk_index"] == 0:
        event.connection.send(wire.flow("pause", event.id))
    return allow()


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)


class Upload:
    """A request in chunks, a piece at a time."""

    def __init__(self, gateway: Gateway, target: str = "/", headers: str = ""):
        self.client = gateway.client()
        self.client.send(message(target, f"Transfer-Encoding: chunked\r\n{headers}", "POST"))

    def piece(self, data: bytes) -> None:
        self.client.send(chunk(data))

    def end(self):
        self.client.send(b"0\r\n\r\n")
        return self.client.response("POST")
