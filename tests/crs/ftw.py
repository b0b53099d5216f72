"""The CRS regression tests: YAML files in the format of FTW (Framework for Testing WAFs), read, sent and judged."""

import base64
import re
import socket
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlencode

import yaml

CRLF = "\r\n"
FORM = "application/x-www-form-urlencoded"


@dataclass
class Test:
    """One test: what to send and what must be seen."""

    title: str  # unique; a title that the suite uses twice gets "#2"
    input: dict
    output: dict


@dataclass
class Seen:
    """What came of a request."""

    status: int | None = None  # None: no HTTP answer
    log: str = ""  # the rule log's lines for it
    error: str = ""  # why there is no answer


@dataclass
class Suite:
    tests: list[Test] = field(default_factory=list)
    disabled: int = 0  # by the suite itself (meta.enabled)


def load(folder: Path) -> Suite:
    """All enabled tests below `folder`, in the order of file names."""
    suite = Suite()
    used: dict[str, int] = {}
    for path in sorted(folder.rglob("*.yaml")):
        document = yaml.load(path.read_text(encoding="utf-8"), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
        if not document["meta"].get("enabled"):
            suite.disabled += len(document["tests"])
            continue
        for test in document["tests"]:
            title = test["test_title"]
            used[title] = used.get(title, 0) + 1
            if used[title] > 1:
                title += f"#{used[title]}"
            (stage,) = test["stages"]  # the suite has no test of several
            suite.tests.append(Test(title, stage["stage"]["input"], stage["stage"]["output"]))
    return suite


def request_bytes(given: dict) -> bytes:
    """The request exactly as the test wants it on the wire, however wrong."""
    if given.get("encoded_request"):
        return base64.b64decode(given["encoded_request"])
    if given.get("raw_request"):
        return given["raw_request"].encode()
    headers = {str(name): str(value) for name, value in (given.get("headers") or {}).items()}
    data = given.get("data", "")
    if isinstance(data, list):
        data = CRLF.join(data)
    if data and not given.get("stop_magic"):
        data = add_body_headers(headers, data)
    line = f"{given.get('method', 'GET')} {given.get('uri', '/')} {given.get('version', 'HTTP/1.1')}"
    head = CRLF.join([line, *(f"{name}: {value}" for name, value in headers.items())])
    return f"{head}{CRLF}{CRLF}{data}".encode()


def add_body_headers(headers: dict[str, str], data: str) -> str:
    """FTW's "magic": a body gets the type and the length that it lacks, and a form that is not encoded yet is encoded."""
    headers.setdefault("Content-Type", FORM)
    if headers["Content-Type"] == FORM and unquote(data) == data:
        fields = parse_qsl(data)
        if fields:
            data = urlencode(fields)
    headers.setdefault("Content-Length", str(len(data.encode())))
    return data


def send(host: str, port: int, request: bytes, timeout: float) -> Seen:
    """Sends on a connection of its own and reads the status line of the answer."""
    try:
        with socket.create_connection((host, port), timeout=timeout) as connection:
            connection.sendall(request)
            answer = b""
            while b"\n" not in answer:
                piece = connection.recv(4096)
                if not piece:
                    break
                answer += piece
    except OSError as error:
        return Seen(error=f"{type(error).__name__}: {error}")
    match = re.match(rb"HTTP/\d\.\d (\d{3})", answer)
    if not match:
        return Seen(error="the connection was closed without an answer" if not answer else f"not HTTP: {answer[:40]!r}")
    return Seen(status=int(match.group(1)))


def judge(expected: dict, seen: Seen) -> str | None:
    """None where everything that the test expects was seen; else what was not."""
    if expected.get("expect_error"):
        return None if seen.status is None else f"an error was expected, the answer was {seen.status}"
    if seen.status is None:
        return f"no answer ({seen.error})"
    if "status" in expected:
        wanted = expected["status"] if isinstance(expected["status"], list) else [expected["status"]]
        if seen.status not in wanted:
            return f"status {seen.status}, expected {' or '.join(map(str, wanted))}"
    if "log_contains" in expected and not re.search(expected["log_contains"], seen.log):
        return f"status {seen.status}, not in the log: {expected['log_contains']}"
    if "no_log_contains" in expected and re.search(expected["no_log_contains"], seen.log):
        return f"status {seen.status}, in the log: {expected['no_log_contains']}"
    return None
