#!/usr/bin/env python3
"""The upstream of body_rows.py: `body_upstream.py PORT`. A thread per connection.

  POST …         reads all of the body and answers when it is there
  GET /stream    FIRST bytes and BEHIND more at once, the end END_S later
  GET /echo      a WebSocket that sends back each message"""

import base64
import hashlib
import re
import socket
import sys
import threading
import time

FIRST, BEHIND = 1024, 4096
END_S = 0.02  # so that a first byte which waits for the end shows
GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455 §1.3
ROOM = 1 << 20
DONE = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


class Peer:
    """One connection, read through one buffer."""

    def __init__(self, connection):
        self.connection, self.held = connection, b""
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def more(self):
        data = self.connection.recv(ROOM)
        if not data:
            raise EOFError
        return data

    def until(self, mark):
        while mark not in self.held:
            self.held += self.more()
        before, self.held = self.held.split(mark, 1)
        return before

    def exactly(self, size):
        while len(self.held) < size:
            self.held += self.more()
        taken, self.held = self.held[:size], self.held[size:]
        return taken

    def drop(self, size):
        """Reads so many bytes without keeping them."""
        size -= len(self.held)
        self.held = self.held[size:] if size < 0 else b""
        while size > 0:
            size -= len(self.connection.recv(min(size, ROOM)) or self.more())

    def drop_body(self, head):
        if length := re.search(rb"(?i)\r\ncontent-length: *(\d+)", head):
            self.drop(int(length[1]))
        elif b"chunked" in head.lower():
            while size := int(self.until(b"\r\n"), 16):
                self.drop(size + 2)
            self.until(b"\r\n")


def chunk(size):
    return b"%x\r\n%s\r\n" % (size, b"a" * size)


def stream(peer):
    peer.connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunk(FIRST) + chunk(BEHIND))
    time.sleep(END_S)
    peer.connection.sendall(b"0\r\n\r\n")


def echo(peer, head):
    key = re.search(rb"(?i)\r\nsec-websocket-key: *(\S+)", head)[1]
    accept = base64.b64encode(hashlib.sha1(key + GUID).digest())
    peer.connection.sendall(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                            b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n")
    while True:
        first, second = peer.exactly(2)
        size = int.from_bytes(peer.exactly(2), "big") if second & 0x7F == 126 else second & 0x7F
        mask, data = peer.exactly(4), peer.exactly(size)
        plain = (int.from_bytes(data, "big") ^ int.from_bytes((mask * (size // 4 + 1))[:size], "big")).to_bytes(size, "big")
        length = bytes([size]) if size < 126 else b"\x7e" + size.to_bytes(2, "big")
        peer.connection.sendall(bytes([first]) + length + plain)


def serve(connection):
    peer = Peer(connection)
    try:
        while True:
            head = peer.until(b"\r\n\r\n")
            if b" /echo " in head[:64]:
                echo(peer, head)
            elif b" /stream " in head[:64]:
                stream(peer)
            else:
                peer.drop_body(head)
                connection.sendall(DONE)
    except (EOFError, OSError):
        connection.close()


def main():
    listener = socket.create_server(("127.0.0.1", int(sys.argv[1])), backlog=64)
    while True:
        threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()


if __name__ == "__main__":
    main()
