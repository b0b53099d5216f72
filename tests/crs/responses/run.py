#!/usr/bin/env python3
"""Plays a page that must match and one that must not for every rule of CRS's RESPONSE-95x files, through gateway and WAF.

Exit codes: 0 every rule has its cases and they hold; 1 otherwise; 2 it could not run; 77 the rules are not there.
"""

import argparse
import http.client
import os
import re
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from cases import Page, cases  # noqa: E402
from stack import Site, Stack  # noqa: E402

ROOT = HERE.parent.parent.parent
SHARED = ROOT.parent / "shared"
SKIPPED = 77
RELEASES = {
    "3.3.4": (Path("/usr/share/modsecurity-crs/rules"), Path("/etc/modsecurity/crs/crs-setup.conf")),
    "4.28.0": (SHARED / "suites/crs-4.28.0/rules", SHARED / "suites/crs-4.28.0/crs-setup.conf.example"),
}


def rules_of(text: str) -> dict[int, str]:
    """The rules of a file, by id: each in one line."""
    lines = re.sub(r"^\s*#.*\n", "", text, flags=re.M).replace("\\\n", " ").split("\n")
    return {int(found[1]): line for line in lines if (found := re.search(r"\bid:(\d+)", line))}


def prepared(rules: Path, work: Path) -> tuple[list[str], dict[int, str]]:
    """Files to load, in order, and the rules that are looked at. A copy, in which those rules that keep quiet do not:
    what matches without a word could not be seen to match."""
    files, looked_at = [], {}
    for path in sorted(rules.iterdir()):
        if path.suffix == ".data":
            (work / path.name).write_bytes(path.read_bytes())
        if path.suffix != ".conf":
            continue
        text = path.read_text()
        if path.name.startswith("RESPONSE-95"):
            looked_at |= rules_of(text)
            text = re.sub(r"\bnolog\b", "log,msg:'of a rule that keeps quiet'", text)  # without one an action is not told
        (work / path.name).write_text(text)
        files.append(str(work / path.name))
    return files, looked_at


class Pages(Site):
    """Answers with the page that is asked for next."""

    page = Page()

    def answer(self) -> None:
        body = self.page.body.encode()
        self.send_response(self.page.status)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        if self.page.coding:
            self.send_header("Content-Encoding", self.page.coding)
        self.end_headers()
        self.wfile.write(body)


def matched(stack: Stack, log, page: Page) -> set[int]:
    """The rules that matched this page. The log is written before the answer is sent."""
    Pages.page = page
    log.read()
    connection = http.client.HTTPConnection("127.0.0.1", stack.port, timeout=60)
    connection.request("GET", "/", headers={"User-Agent": "Mozilla/5.0", "Accept": "*/*", "X-Level": str(page.level), "X-Sets": page.sets})
    answer = connection.getresponse()
    if (answer.status, answer.read()) != (page.status, page.body.encode()):
        raise RuntimeError(f"the page did not come as it is: {answer.status}")
    connection.close()
    return {int(number) for number in re.findall(r'\[id "(\d+)"\]', log.read())}


def play(name: str, binaries: Path, step: int) -> list[str]:
    """What is wrong with a release's cases."""
    rules, setup = RELEASES[name]
    with tempfile.TemporaryDirectory(prefix="picket-crs-") as folder:
        work = Path(folder)
        (work / "rules").mkdir()
        files, looked_at = prepared(rules, work / "rules")
        known = cases(int(name[0]), looked_at)
        wrong = [f"{name}: rule {number} has no case" for number in looked_at if number not in known]
        begin = time.monotonic()
        with Stack(binaries, work, rules=[str(setup), str(HERE / "setup.conf"), *files], site=Pages) as stack:
            with open(stack.rule_log, encoding="utf-8", errors="replace") as log:
                for number in sorted(known)[::step]:
                    for page, must in zip(known[number], (True, False)):
                        if (number in matched(stack, log, page)) != must:
                            wrong.append(f"{name}: {number} {'does not match' if must else 'matches'} {page}")
        played = len(sorted(known)[::step])
    print(f"CRS {name}, phases 3 and 4: {played} of {len(looked_at)} rules of RESPONSE-95x in {time.monotonic() - begin:.0f} s, "
          f"{len(wrong)} wrong")
    return wrong


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--bin", type=Path, default=ROOT / "build/release/bin", help="where picket and picket-waf are")
    parser.add_argument("--release", choices=RELEASES, nargs="+", default=list(RELEASES))
    parser.add_argument("--sample", type=int, default=1, metavar="N", help="only every Nth rule")
    chosen = parser.parse_args()
    there = [name for name in chosen.release if RELEASES[name][0].is_dir()]
    for name in set(chosen.release) - set(there):
        print(f"CRS {name}: {RELEASES[name][0]} is not there", file=sys.stderr)
    if len(there) != len(chosen.release) and os.environ.get("PICKET_REQUIRE_SUITES") == "1":
        return 2
    if not there:
        return SKIPPED
    try:
        wrong = [line for name in there for line in play(name, chosen.bin, chosen.sample)]
    except (RuntimeError, OSError) as error:
        print(f"CRS: {error}", file=sys.stderr)
        return 2
    for line in wrong:
        print(line)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
