"""An agent that lies where a request tells it to by x-lie, and else blocks what has x-block: yes. Frames, in JSON or MessagePack."""

import json
import socket
import ssl
import threading
from pathlib import Path

import msgpack
import wire
from agent import Agent, Connection
from relay import Place, connected, listening

# Each is told by what it says before or after its verdict, or in its place.
LIES = ("of-the-past", "of-nobody", "unnamed", "unasked", "twice")
# Lies that no proxy can see past: the request fails.
BROKEN = ("wrong-length", "wrong-type", "cut-off")


def verdict(is_block: bool, id_: str | None) -> dict:
    decision = wire.block()["decision"] if is_block else "allow"
    audit = {"audit": {"custom": {"correlation_id": id_}}} if id_ else {}
    return {"version": 2, "decision": decision, **audit}


def said_of(lie: str, id_: str, blocks: bool, past: str) -> list[dict]:
    """All that is answered to one request."""
    true, false = verdict(blocks, id_), verdict(not blocks, id_)
    return {
        "of-the-past": [false | verdict(not blocks, past), true],
        "of-nobody": [false | verdict(not blocks, "nobody"), true],
        "unnamed": [true, verdict(not blocks, None)],
        "unasked": [*(verdict(not blocks, f"unasked-{number}") for number in range(20)), true],
        "twice": [true, false],
    }.get(lie, [true])


class Liar:
    """Serves at a place, with TLS or without, or dials it and registers as `edge`."""

    def __init__(self, place: Place, encoding: str = "json", tls: ssl.SSLContext | None = None, dials: bool = False):
        self.encoding, self._tls = encoding, tls
        self._past = "nobody"
        self._listener = None
        if dials:
            self._register(place)
        else:
            self._listener = listening(place)
            threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        if self._listener:
            self._listener.shutdown(socket.SHUT_RDWR)
            self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                accepted, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(accepted,), daemon=True).start()

    def _serve(self, accepted: socket.socket) -> None:
        try:
            connection = Connection(self._tls.wrap_socket(accepted, server_side=True) if self._tls else accepted)
            _, _ = wire.read_frame(connection.socket)
            hello = Agent.capabilities(("request_headers",)) | {"encoding": self.encoding}
            connection.send(wire.frame(wire.HANDSHAKE_RESPONSE, hello))
            self._talk(connection)
        except (OSError, EOFError, TypeError):
            pass  # the proxy closed
        accepted.close()

    def _register(self, place: Place) -> None:
        connection = Connection(connected(place))
        connection.send(wire.registration("edge", Agent.capabilities(("request_headers",))["capabilities"]))
        answer = json.loads(wire.read_frame(connection.socket)[1])
        assert answer["success"], answer

        def serve() -> None:
            try:
                self._talk(connection)
            except (OSError, EOFError):
                pass
            connection.socket.close()
            if connection.is_liar:
                self._register(place)

        connection.is_liar = False
        threading.Thread(target=serve, daemon=True).start()

    def _talk(self, connection: Connection) -> None:
        while (got := wire.read_frame(connection.socket)) is not None:
            kind, payload = got
            if kind == wire.PING:
                connection.send(wire.frame(wire.PONG, payload))
            elif kind == wire.REQUEST_HEADERS:
                self._judge(connection, payload)
            elif kind == wire.REQUEST_COMPLETE:
                self._past = self._read(kind, payload)[0]
                self._say(connection, verdict(False, self._past))

    def _judge(self, connection: Connection, payload: bytes) -> None:
        id_, fields = self._read(wire.REQUEST_HEADERS, payload)
        lie, blocks = fields.get("x-lie", [""])[0], fields.get("x-block") == ["yes"]
        if lie in BROKEN:
            connection.is_liar = True
            answer = self._frame(verdict(False, id_))
            connection.send({"wrong-length": b"\xff\xff\xff\xff" + answer[4:], "wrong-type": answer[:4] + b"\x7f" + answer[5:], "cut-off": answer[:-3]}[lie])
            if lie == "cut-off":
                connection.close()
        for answer in said_of(lie, id_, blocks, self._past) if lie not in BROKEN else []:
            self._say(connection, answer)

    def _say(self, connection: Connection, answer: dict) -> None:
        connection.send(self._frame(answer))

    def _frame(self, answer: dict) -> bytes:
        return wire.frame(wire.AGENT_RESPONSE, msgpack.pack(answer) if self.encoding == "msgpack" else answer)

    def _read(self, kind: int, payload: bytes) -> tuple[str, dict]:
        """The exchange, and the fields of a head."""
        if self.encoding == "json":
            event = json.loads(payload)
            return event["correlation_id"], event.get("headers", {})
        event = msgpack.unpack(payload)
        if kind == wire.REQUEST_COMPLETE:
            return (event["correlation_id"] if isinstance(event, dict) else event[0]), {}
        metadata, fields = (event["metadata"], event["headers"]) if isinstance(event, dict) else (event[0], event[3])
        return (metadata["correlation_id"] if isinstance(metadata, dict) else metadata[0]), fields
