"""docs/configuration.md: its examples load, and it has each key of the configuration's tables and no other."""

import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest

from certificates import Authority

ROOT = pathlib.Path(__file__).resolve().parents[2]
BINARIES = pathlib.Path(os.environ.get("PICKET_BINARIES", ROOT / "build" / "dev" / "bin")).resolve()
PAGE = (ROOT / "docs" / "configuration.md").read_text()

# Where the page explains the keys of a table.
HEADING = {
    "system": "system", "listeners": "listeners", "listener": "listeners", "agents": "agents", "agent": "agents",
    "agent_property": "agents", "body_mode_property": "Bodies of an agent",
    "reverse_listener": "reverse-listener", "reverse_tls": "reverse-listener",
    "tls": "tls", "circuit_breaker": "circuit-breaker", "pool": "pool", "hedge_property": "pool", "filters": "filters",
    "filter": "filters", "upstreams": "upstreams", "upstream": "upstreams", "target_property": "upstreams",
    "guardrail": "guardrail of a route", "routes": "routes", "route": "routes", "matches": "routes", "edit": "routes", "route_limit": "routes", "route_timeout": "routes",
    "limits": "limits", "observability": "observability",
    "metrics": "observability", "logging": "observability", "access_log": "observability", "audit": "observability",
    "upstream_tls": "tls of an upstream", "balancing_property": "upstreams", "health_check": "Health of an upstream",
    "check_type": "Health of an upstream", "passive_health": "Health of an upstream", "timeouts": "Limits of an upstream",
    "connection_pool": "Limits of an upstream", "retry": "Limits of an upstream", "http_version": "HTTP/2 to an upstream", "listener_tls": "tls of a listener", "sni": "tls of a listener",
}
# What the page calls the block of a table, where it is not the table's name.
CALLED = {"document": "the file"}

# What an example may leave out: whatever it refers to.
REST = {
    "listeners": 'listeners { listener "web" { address "127.0.0.1:8080" } }',
    "agents": 'agents { agent "waf" { binary-uds "waf.sock" } }',
    "filters": 'filters { filter "inspect" { type "agent"; agent "waf" } }',
    "upstreams": 'upstreams { upstream "app" { target "127.0.0.1:9000" } }',
    "routes": 'routes { route "all" { upstream "app" } }',
}


def tables() -> dict[str, dict[str, bool]]:
    """The keys of each table, and whether they are supported."""
    found: dict[str, dict[str, bool]] = {}
    for file in (ROOT / "apps" / "gateway" / "config").glob("*_tables.cpp"):
        for name, body in re.findall(r"constexpr Key<\w+(?:::\w+)*> (\w+)_keys\[\] = \{(.*?)\};\n", file.read_text(), re.S):
            keys = re.findall(r'\{\{"([a-z-]+)"(?:, (\w+))?', body)
            found[name] = {key: presence != "unsupported" for key, presence in keys}
    return found


def section(heading: str) -> str:
    return re.search(rf"^##+ {re.escape(heading)}\n(.*?)(?=^##|\Z)", PAGE, re.S | re.M)[1]


def not_supported() -> list[tuple[str, str, str]]:
    """Block, keys and words of each line; a line without a block is about the one above."""
    rows = []
    for line in re.findall(r"^\| ?(.*) \|$", section("Not supported yet"), re.M)[1:]:
        block, keys, words = (cell.strip() for cell in line.split("|"))
        rows.append((block or rows[-1][0], keys, words))
    return rows


class Configuration(unittest.TestCase):
    maxDiff = None

    def issue(self, folder: pathlib.Path, example: str) -> None:
        """The certificates and keys that an example names: `picket check` opens them."""
        site = Authority(folder).issue("any", "DNS:any.test")
        for name in re.findall(r'"([\w-]+\.(?:pem|key))"', example):
            is_key = name.endswith(".key")
            shutil.copy(site.key if is_key else site.certificate, folder / name)

    def test_its_examples_load(self):
        examples = re.findall(r"```kdl\n(.*?)```", PAGE, re.S)
        self.assertGreater(len(examples), 10)
        for example in examples:
            rest = [text for block, text in REST.items() if not re.search(rf"^{block}\b", example, re.M)]
            with self.subTest(example), tempfile.TemporaryDirectory() as folder:
                self.issue(pathlib.Path(folder), example)
                file = pathlib.Path(folder, "gateway.kdl")
                file.write_text("\n".join([example, *rest]))
                checked = subprocess.run([BINARIES / "picket", "check", file], capture_output=True, text=True, timeout=60,
                                         check=False)
                self.assertEqual(checked.returncode, 0, checked.stderr)

    def test_each_block_has_an_example(self):
        for heading in sorted(set(HEADING.values())):
            self.assertIn("```kdl", section(heading), heading)

    def test_each_key_that_is_read_has_a_line_and_no_other_has(self):
        expected: dict[str, set[str]] = {}
        for table, keys in tables().items():
            if table == "document":
                continue
            expected.setdefault(HEADING[table], set()).update(key for key, supported in keys.items() if supported)
        self.assertGreater(sum(map(len, expected.values())), 60)
        for heading, keys in expected.items():
            listed = re.findall(r"^\| `([a-z-]+)` \|", section(heading), re.M)
            self.assertEqual(sorted(listed), sorted(keys), heading)

    def test_each_block_of_a_file_has_a_heading(self):
        for key, supported in tables()["document"].items():
            if supported and key != "include":
                self.assertIn(f"\n## {key}\n", PAGE)

    def test_each_key_that_is_not_supported_yet_is_listed_and_no_other_is(self):
        expected = {
            (CALLED.get(table, table), key)
            for table, keys in tables().items() for key, supported in keys.items() if not supported
        }
        listed = {
            (block.replace("`", "").split(",")[0], key)
            for block, keys, _ in not_supported() for key in re.findall(r"`([a-z-]+)`", keys)
        }
        self.assertEqual(listed, expected)

    def test_each_word_that_is_not_supported_yet_is_listed_and_no_other_is(self):
        sources = [file.read_text() for file in (ROOT / "apps" / "gateway" / "config").glob("*_tables.cpp")]
        expected = set(re.findall(r'\{"([\w-]+)", 0, Word::unsupported\}', "".join(sources)))
        listed = {
            word for *_, words in not_supported() if ": " in words
            for word in re.findall(r"`([\w-]+)`", words.partition(": ")[2])
        }
        self.assertEqual(listed, expected)


if __name__ == "__main__":
    unittest.main()
