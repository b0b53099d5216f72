"""A WebSocket through the small proxy: each frame is asked about before it goes on. Short frames only."""

import base64
import socket
import threading

import origin
from asking import Failure
from connection import Agent
from frame_types import WEBSOCKET_FRAME

OPCODES = {0: "continuation", 1: "text", 2: "binary", 8: "close", 9: "ping", 10: "pong"}
MASK = b"\1\2\3\4"


def masked(data: bytes, mask: bytes) -> bytes:
    return bytes(byte ^ mask[index % 4] for index, byte in enumerate(data))


def written(opcode: int, data: bytes, is_masked: bool) -> bytes:
    head = bytes([0x80 | opcode, (0x80 if is_masked else 0) | len(data)])
    return head + MASK + masked(data, MASK) if is_masked else head + data


class Tunnel:
    def __init__(self, exchange, agent: Agent):
        self.exchange, self.agent, self.client = exchange, agent, exchange.client
        self.asking = threading.Lock()  # one event of an exchange waits at a time

    def serve(self) -> None:
        exchange = self.exchange
        self.upstream = socket.create_connection(("127.0.0.1", exchange.proxy.upstream), timeout=30)
        self.upstream.sendall(origin.upgrade_of(exchange.target, exchange.fields))
        answer, rest = self.head(self.upstream)
        self.client.sendall(answer)
        exchange.status = 101
        back = threading.Thread(target=self.relay, args=(self.upstream, self.client, rest), daemon=True)
        back.start()
        self.relay(self.client, self.upstream, b"")
        self.upstream.close()
        back.join()

    def head(self, end: socket.socket) -> tuple[bytes, bytes]:
        data = b""
        while b"\r\n\r\n" not in data:
            got = end.recv(65536)
            if not got:
                raise Failure
            data += got
        head, _, rest = data.partition(b"\r\n\r\n")
        return head + b"\r\n\r\n", rest

    def relay(self, source: socket.socket, target: socket.socket, data: bytes) -> None:
        from_client = source is self.client
        head, index = 6 if from_client else 2, 0
        try:
            while True:
                while len(data) < head or len(data) < head + (data[1] & 0x7F):
                    got = source.recv(65536)
                    if not got:
                        return
                    data += got
                size = data[1] & 0x7F
                said = masked(data[6 : 6 + size], data[2:6]) if from_client else data[2 : 2 + size]
                opcode, data = data[0] & 15, data[head + size :]
                self.pass_on(target, opcode, said, from_client, index)
                index += 1
        except (OSError, Failure):
            pass
        finally:
            for end in (source, target):
                try:
                    end.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass

    def pass_on(self, target: socket.socket, opcode: int, data: bytes, from_client: bool, index: int) -> None:
        if self.agent.breaks("websocket.waits"):
            target.sendall(written(opcode, data, from_client))
        decision = self.ask(opcode, data, from_client, index)
        if isinstance(decision, tuple) and not self.agent.breaks("websocket.close"):
            close = decision[0].to_bytes(2, "big") + decision[1].encode()
            self.client.sendall(written(8, close, False))
            self.upstream.sendall(written(8, close, True))
            raise Failure
        if decision == "drop" and not self.agent.breaks("websocket.drop") or self.agent.breaks("websocket.allow") and index == 1 or self.agent.breaks("websocket.waits"):
            return
        target.sendall(written(opcode, data, from_client))

    def ask(self, opcode: int, data: bytes, from_client: bool, index: int):
        agent, exchange = self.agent, self.exchange
        event = {
            "correlation_id": "another" if agent.breaks("websocket.exchange") else exchange.id, "opcode": OPCODES[opcode], "data": base64.b64encode(data).decode(),
            "client_to_server": from_client != agent.breaks("websocket.shown"), "frame_index": index + agent.breaks("websocket.indices"), "fin": True,
            "route_id": None, "client_ip": "127.0.0.1",
        }  # fmt: skip
        with self.asking:
            return exchange.wait(agent, agent.put(exchange.id, WEBSOCKET_FRAME, event)).get("websocket_decision") or "allow"
