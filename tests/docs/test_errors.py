"""docs/errors.md names what the code says: each reason, kind, upstream error and exit code, and no other."""

import pathlib
import re
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "errors.md").read_text()

# Errors of the exchange that no access line shows as an upstream's.
NOT_THE_UPSTREAMS = {
    "nobody waits for it any more": "the client has left",
    "nobody asks any more": "the same",
    "no target": "said where no address was tried; the failures of those that were are told in its place",
    "the answer's body is not as long as its head says": "the client's side, of our own answer",
    "the body ended before its end": "the client's",
    "no sign of life": "told as the end of the connection",
    "none that is usable": "at start, before there is a request",
}


def source(name: str) -> str:
    [file] = [path for path in (ROOT / "apps").rglob(name) if "testing" not in path.parts]
    return file.read_text()


def upstreams_sources() -> list[str]:
    """Of all that gets an answer from an upstream, but for health checks, which no request waits for."""
    gateway = ROOT / "apps" / "gateway"
    paths = [path for room in ("asking", "exchange", "http1", "upstream", "websocket") for path in (gateway / room).glob("*.cpp")]
    return [path.read_text() for path in paths if not path.stem.endswith(("_test", "_bench", "_check"))]


def section(heading: str) -> str:
    return re.search(rf"^## {heading}\n(.*?)(?=^## |\Z)", PAGE, re.S | re.M)[1]


def first_cells(heading: str) -> list[str]:
    return re.findall(r"^\| `([^`]+)`", section(heading), re.M)


class Errors(unittest.TestCase):
    maxDiff = None

    def test_each_reason_of_the_code_is_explained_and_no_other(self):
        names = re.search(r"std::string_view name\(Reason.*?\(\s*\{(.*?)\}\);", source("refusal.cpp"), re.S)[1]
        reasons = [name for name in re.findall(r'"(\w+)"', names) if name != "none"]
        self.assertGreater(len(reasons), 6)
        self.assertEqual(first_cells("Reasons of answers"), reasons)

    def test_each_kind_of_error_is_explained_and_no_other(self):
        words = re.search(r"kWords = .*?\(\s*\{(.*?)\}\);", (ROOT / "picket/base/error.cpp").read_text(), re.S)[1]
        self.assertEqual(first_cells("Kinds of errors"), re.findall(r'\{"(\w+)",', words))

    def test_each_text_that_upstream_error_may_have_is_explained_and_no_other(self):
        said = set()
        for text in upstreams_sources():
            for call in re.findall(r"\bfail\((.*?);|return \{error\.kind\(\), (\"[^\"]*\")\}", text, re.S):
                said.update(re.findall(r'"([a-z][^"{]*)(?:\{[^"]*)?"', "".join(call)))
        said -= NOT_THE_UPSTREAMS.keys()
        self.assertGreater(len(said), 8)
        cells = first_cells("Upstream errors")
        explained = {text.removesuffix("…") for text in cells}
        beginnings = {text.removesuffix("…") for text in cells if text.endswith("…")}
        said = {next((beginning for beginning in beginnings if text.startswith(beginning) and text not in explained), text) for text in said}
        # Words of the operating system, which stand for all of them, and of picket/transport/stream.cpp; of the look-up of names, picket/transport/dns.
        # And those of picket/transport/tls, and of picket/http2 with its link.
        others = {"connection refused", "connection timed out", "'…' cannot be looked up: ", "TLS: ", "HTTP/2: "}
        self.assertEqual(explained - others, said)

    def test_each_exit_code_is_explained_and_no_other(self):
        rows = re.findall(r"^\| (?:`([^`]+)`|(agents on the SDK)) \| (\d) \|", section("Exit codes"), re.M)
        codes: dict[str, set[int]] = {}
        for program, agents, code in rows:
            codes.setdefault(program or agents, set()).add(int(code))
        self.assertEqual(len(rows), sum(map(len, codes.values())), "a code is explained twice")
        picket = set().union(*(found for program, found in codes.items() if program.startswith("picket ")))
        declared = re.findall(r"inline constexpr int exit_\w+ = (\d);", source("commands.hpp"))
        self.assertEqual(picket, set(map(int, declared)))
        declared = re.findall(r"inline constexpr int exit_\w+ = (\d);", (ROOT / "apps/waf/options.hpp").read_text())
        self.assertEqual(codes["picket-waf"], set(map(int, declared)))
        declared = re.findall(r"inline constexpr int exit_\w+ = (\d);", (ROOT / "apps/guard/options.hpp").read_text())
        self.assertEqual(codes["picket-guard"], set(map(int, declared)))
        commands = re.findall(r"add_(\w+)\(app, exit_code\)", (ROOT / "apps/cli/main.cpp").read_text())
        self.assertEqual([name for name in codes if name.startswith("picket ")], [f"picket {name}" for name in commands])


if __name__ == "__main__":
    unittest.main()
