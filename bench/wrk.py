"""One load of HTTP requests by wrk: clients that ask again as soon as they are answered."""

import re
from dataclasses import dataclass

from places import on_core, output_of, stop


@dataclass(frozen=True)
class Load:
    """What a load saw. Times in microseconds."""

    requests: int
    seconds: float
    p50: float
    p99: float
    refused: int  # answers with another status than 2xx or 3xx


def _microseconds(text):
    value, unit = re.fullmatch(r"([\d.]+)(us|ms|s|m)", text).groups()
    return float(value) * {"us": 1, "ms": 1e3, "s": 1e6, "m": 60e6}[unit]


def run(core, url, seconds, connections=1, script=None):
    """`script`: a Lua file that says what is asked; without it, GET. A broken connection ends the run."""
    text = output_of(on_core(core, ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "20s", "--latency",
                                    *(["-s", script] if script else []), url]))
    if "Socket errors" in text:
        stop(f"{url} breaks connections:\n{text}")
    requests, took = re.search(r"(\d+) requests in (\S+),", text).groups()
    if requests == "0":
        stop(f"{url} does not answer within {seconds} s")
    shares = dict(re.findall(r"^\s+(50|99)%\s+(\S+)", text, re.MULTILINE))
    refused = re.search(r"Non-2xx or 3xx responses: (\d+)", text)
    return Load(int(requests), _microseconds(took) / 1e6, _microseconds(shares["50"]), _microseconds(shares["99"]),
                int(refused[1]) if refused else 0)


def script_for(path, method, target, headers, body):
    """Writes a Lua script that sends this request (its body from a file beside it), and returns the script's path."""
    held = path.with_suffix(".body")
    held.write_bytes(body)
    lines = [f'wrk.method = "{method}"', f'wrk.path = "{target}"',
             *(f'wrk.headers["{name}"] = "{value}"' for name, value in headers.items()),
             *([f'wrk.body = io.open("{held}", "rb"):read("*a")'] if body else [])]
    path.write_text("\n".join(lines) + "\n", encoding="ascii")
    return path
