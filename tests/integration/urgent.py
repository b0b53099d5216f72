"""Urgent data behind a gap: a segment of TCP whose urgent byte lies one ahead of what was sent, and that byte never comes."""

import socket
import struct

TCP_REPAIR, TCP_REPAIR_QUEUE, TCP_QUEUE_SEQ = 19, 20, 21
RECEIVED, SENT = 1, 2  # queues
PSH_ACK_URG = 0x38


def problem() -> str:
    """Why none can be sent; empty: nothing."""
    try:
        socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_TCP).close()
        with socket.socket() as probe:
            probe.setsockopt(socket.IPPROTO_TCP, TCP_REPAIR, 1)
    except OSError as error:
        return f"raw sockets are not permitted here: {error}"
    return ""


def _positions(connection: socket.socket) -> list[int]:
    """The next byte to receive, and to send."""
    connection.setsockopt(socket.IPPROTO_TCP, TCP_REPAIR, 1)
    found = []
    for queue in (RECEIVED, SENT):
        connection.setsockopt(socket.IPPROTO_TCP, TCP_REPAIR_QUEUE, queue)
        found.append(connection.getsockopt(socket.IPPROTO_TCP, TCP_QUEUE_SEQ) & 0xFFFFFFFF)
    connection.setsockopt(socket.IPPROTO_TCP, TCP_REPAIR, -1)  # off, and nothing is sent
    return found


def _checksum(data: bytes) -> int:
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def send_behind_a_gap(connection: socket.socket) -> None:
    """Of a connection over IPv4, all of whose bytes have arrived."""
    (own, own_port), (peer, peer_port) = connection.getsockname(), connection.getpeername()
    received, sent = _positions(connection)
    def segment(checksum: int) -> bytes:
        return struct.pack("!HHIIBBHHH", own_port, peer_port, (sent + 1) & 0xFFFFFFFF, received, 5 << 4, PSH_ACK_URG, 512, checksum, 1) + b"!"
    pseudo = socket.inet_aton(own) + socket.inet_aton(peer) + struct.pack("!BBH", 0, socket.IPPROTO_TCP, len(segment(0)))
    with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_TCP) as raw:
        raw.sendto(segment(_checksum(pseudo + segment(0) + b"\0")), (peer, 0))
