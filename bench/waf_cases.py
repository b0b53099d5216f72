"""What is sent through the WAFs: four kinds of request, each harmless and with an attack as its last value."""

import json
from dataclasses import dataclass
from urllib.parse import quote_plus

ATTACK = "x' UNION SELECT password FROM users--"
HEADERS = {"Host": "shop.example", "User-Agent": "Mozilla/5.0 (X11; Linux x86_64)", "Accept": "*/*"}
FORM_FIELDS = 16
JSON_ITEMS = 64
UPLOAD_SIZE = 1024 * 1024
BOUNDARY = "----picket0123456789"


@dataclass(frozen=True)
class Case:
    """A request, and the status that both sides must give it."""

    name: str
    status: int
    path: str = "/products"
    content_type: str = ""
    body: bytes = b""
    seconds: int = 1  # of one load; more where a request takes a tenth of one

    @property
    def method(self):
        return "POST" if self.body else "GET"

    @property
    def headers(self):
        return HEADERS | ({"Content-Type": self.content_type} if self.body else {})


def form(last):
    fields = [(f"field_{number}", f"some words about item {number}") for number in range(FORM_FIELDS)]
    return "&".join(f"{name}={quote_plus(value)}" for name, value in [*fields, ("comment", last)]).encode()


def document(last):
    items = [{"id": number, "name": f"item {number}", "note": "a hundred and some bytes of plain text " * 3}
             for number in range(JSON_ITEMS)]
    return json.dumps({"items": items, "comment": last}).encode()


def upload(last):
    """A file of 1 MiB, and behind it a field."""
    def part(disposition, content):
        return (f"--{BOUNDARY}\r\nContent-Disposition: form-data; {disposition}\r\n"
                "Content-Type: text/plain\r\n\r\n").encode() + content + b"\r\n"
    line = b"one line of a text file that is uploaded, 64 bytes with its end\n"
    file = line * (UPLOAD_SIZE // len(line))
    return part('name="file"; filename="notes.txt"', file) + part('name="comment"', last.encode()) + \
        f"--{BOUNDARY}--\r\n".encode()


def cases():
    for suffix, status, last in (("", 200, "thank you"), ("/attack", 403, ATTACK)):
        yield Case(f"get{suffix}", status, f"/products?page=2&note={quote_plus(last)}")
        yield Case(f"form{suffix}", status, "/login", "application/x-www-form-urlencoded", form(last))
        yield Case(f"json{suffix}", status, "/api/search", "application/json", document(last))
        yield Case(f"upload{suffix}", status, "/files", f"multipart/form-data; boundary={BOUNDARY}", upload(last),
                   seconds=2)
