#!/usr/bin/env python3
"""Clients of body_rows.py, each a process of its own on the load's core: prints microseconds.

  body_clients.py upload PORT BYTES     how long an upload takes, to the end of its answer
  body_clients.py first PORT TIMES      from a request to the first byte of its answer's body, median
  body_clients.py echo PORT TIMES       a message of 1 KB to a WebSocket and back, median"""

import os
import statistics
import sys
import time

from body_upstream import Peer, socket

PIECE = 1 << 20
MESSAGE = 1000


def connected(port):
    return Peer(socket.create_connection(("127.0.0.1", port), timeout=120))


def asked(peer, target, fields=""):
    peer.connection.sendall(f"GET {target} HTTP/1.1\r\nHost: a.test\r\n{fields}\r\n".encode())


def answered(peer, status):
    head = peer.until(b"\r\n\r\n")
    if f" {status} ".encode() not in head.split(b"\r\n", 1)[0]:
        raise SystemExit(f"not {status}: {head!r}")
    return head


def upload(port, size):
    peer = connected(port)
    piece = b"\0" * PIECE
    begin = time.perf_counter()
    peer.connection.sendall(f"POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: {size}\r\n\r\n".encode())
    for _ in range(size // PIECE):
        peer.connection.sendall(piece)
    answered(peer, 200)
    return time.perf_counter() - begin


def first(port, times):
    peer, seen = connected(port), []
    for _ in range(times):
        begin = time.perf_counter()
        asked(peer, "/stream")
        if b"chunked" not in answered(peer, 200):
            raise SystemExit("the answer came when its end had")
        while len(peer.held.partition(b"\r\n")[2]) == 0:  # a chunk's size, and a byte behind it
            peer.held += peer.more()
        seen.append(time.perf_counter() - begin)
        while size := int(peer.until(b"\r\n"), 16):
            peer.drop(size + 2)
        peer.until(b"\r\n")
    return statistics.median(seen)


def echo(port, times):
    peer, seen = connected(port), []
    asked(peer, "/echo", "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                         "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n")
    answered(peer, 101)
    # Masked by zeros, which leave the bytes as they are: nothing to do here for either side.
    frame = b"\x82\xfe" + MESSAGE.to_bytes(2, "big") + bytes(4) + os.urandom(MESSAGE)
    for _ in range(times):
        begin = time.perf_counter()
        peer.connection.sendall(frame)
        answer = peer.exactly(4 + MESSAGE)
        seen.append(time.perf_counter() - begin)
    if answer[4:] != frame[8:]:
        raise SystemExit("the echo is another message")
    return statistics.median(seen)


def main():
    what, port, number = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    print({"upload": upload, "first": first, "echo": echo}[what](port, number) * 1e6)


if __name__ == "__main__":
    main()
