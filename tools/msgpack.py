"""MessagePack, the part of it that the protocol uses: written from its specification, to be independent of what is tested."""

import struct


def pack(value) -> bytes:
    if value is None:
        return b"\xc0"
    if isinstance(value, bool):
        return b"\xc3" if value else b"\xc2"
    if isinstance(value, int):
        if 0 <= value < 128:
            return bytes([value])
        return struct.pack(">Bq", 0xD3, value) if value < 0 else struct.pack(">BQ", 0xCF, value)
    if isinstance(value, float):
        return struct.pack(">Bd", 0xCB, value)
    if isinstance(value, str):
        text = value.encode()
        return struct.pack(">BI", 0xDB, len(text)) + text
    if isinstance(value, bytes):
        return struct.pack(">BI", 0xC6, len(value)) + value
    if isinstance(value, dict):
        members = b"".join(pack(key) + pack(member) for key, member in value.items())
        return (bytes([0x80 | len(value)]) if len(value) < 16 else struct.pack(">BH", 0xDE, len(value))) + members
    items = b"".join(map(pack, value))
    return (bytes([0x90 | len(value)]) if len(value) < 16 else struct.pack(">BH", 0xDC, len(value))) + items


class Reader:
    """Values one after the other. Raises ValueError for what is none."""

    def __init__(self, data: bytes):
        self._data, self._at = data, 0

    def value(self, depth: int = 0):
        if depth > 127:
            raise ValueError("nested too deeply")
        kind = self._number(">B")
        if kind < 0x80:
            return kind
        if kind >= 0xE0:
            return kind - 256
        if kind < 0x90:
            return self._map(kind & 15, depth)
        if kind < 0xA0:
            return self._list(kind & 15, depth)
        if kind < 0xC0:
            return self._take(kind & 31).decode()
        if kind in self._FIXED:
            return self._FIXED[kind]
        if kind in self._NUMBERS:
            return self._number(self._NUMBERS[kind])
        if kind in self._SIZED:
            size, make = self._SIZED[kind]
            return make(self, self._number(size), depth)
        raise ValueError(f"byte 0x{kind:02x}")

    def _take(self, size: int) -> bytes:
        if size > len(self._data) - self._at:
            raise ValueError("cut off")
        self._at += size
        return self._data[self._at - size : self._at]

    def _number(self, form: str):
        return struct.unpack(form, self._take(struct.calcsize(form)))[0]

    def _map(self, count: int, depth: int) -> dict:
        return {self.value(depth + 1): self.value(depth + 1) for _ in range(count)}

    def _list(self, count: int, depth: int) -> list:
        return [self.value(depth + 1) for _ in range(count)]

    _FIXED = {0xC0: None, 0xC2: False, 0xC3: True}
    _NUMBERS = {
        0xCA: ">f", 0xCB: ">d", 0xCC: ">B", 0xCD: ">H", 0xCE: ">I", 0xCF: ">Q", 0xD0: ">b", 0xD1: ">h", 0xD2: ">i", 0xD3: ">q",
    }  # fmt: skip
    _SIZED = {
        **{kind: (form, lambda self, size, _: self._take(size)) for kind, form in ((0xC4, ">B"), (0xC5, ">H"), (0xC6, ">I"))},
        **{kind: (form, lambda self, size, _: self._take(size).decode()) for kind, form in ((0xD9, ">B"), (0xDA, ">H"), (0xDB, ">I"))},
        **{kind: (form, lambda self, size, depth: self._list(size, depth)) for kind, form in ((0xDC, ">H"), (0xDD, ">I"))},
        **{kind: (form, lambda self, size, depth: self._map(size, depth)) for kind, form in ((0xDE, ">H"), (0xDF, ">I"))},
    }


def unpack(data: bytes):
    return Reader(data).value()
