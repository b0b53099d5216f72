#!/usr/bin/env python3
"""Plays OWASP CRS's regression tests through gateway and WAF, and compares the failures with known-failures.yaml.

Exit codes: 0 every failure is a known one and every known one still fails; 1 otherwise; 2 it could not run.
tools/fetch-crs-tests gets the tests.
"""

import argparse
import contextlib
import sys
import tempfile
import time
from pathlib import Path

import yaml

import ftw
from stack import HERE, Stack

ROOT = HERE.parent.parent
REQUIRED = 2355  # of 2396: 35 tests fail with libmodsecurity wherever it stands, 6 at a strict proxy (known-failures.yaml)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--bin", type=Path, default=ROOT / "build/release/bin", help="where picket and picket-waf are")
    parser.add_argument("--suite", type=Path, default=ROOT / "build/suites/crs-3.3.4", help="the tests")
    parser.add_argument("--sample", type=int, metavar="N", help="only about N tests, evenly spread, always the same")
    parser.add_argument("--only", nargs="+", metavar="TITLE", help="only these tests, with their requests and log lines")
    parser.add_argument("--target", metavar="HOST:PORT", help="a proxy that runs already; needs --rule-log")
    parser.add_argument("--rule-log", type=Path, help="the rule log of the WAF behind --target")
    chosen = parser.parse_args()
    if bool(chosen.target) != bool(chosen.rule_log):
        parser.error("--target and --rule-log go together")
    return chosen


def select(suite: ftw.Suite, chosen: argparse.Namespace) -> list[ftw.Test]:
    if chosen.only:
        return [test for test in suite.tests if test.title in chosen.only]
    if chosen.sample:
        step = max(1, round(len(suite.tests) / chosen.sample))
        return suite.tests[::step]
    return suite.tests


def known_failures() -> dict[str, str]:
    groups = yaml.safe_load((HERE / "known-failures.yaml").read_text()) or []
    return {str(title): group["reason"] for group in groups for title in group["tests"]}


def refused() -> dict[str, dict]:
    """What is expected in the place of what these tests expect, by title: see refused.yaml."""
    groups = yaml.safe_load((HERE / "refused.yaml").read_text()) or []
    return {str(title): {"status": group["status"], "no_log_contains": "."} for group in groups for title in group["tests"]}


def play(tests: list[ftw.Test], host: str, port: int, rule_log: Path, verbose: bool) -> dict[str, str]:
    """The tests that failed, by title, with what was wrong. The log is written before an answer is sent: what a test
    added to it is there when its answer is."""
    failures = {}
    before_rules = refused()
    with open(rule_log, encoding="utf-8", errors="replace") as log:
        for test in tests:
            log.read()
            request = ftw.request_bytes(test.input)
            seen = ftw.send(host, port, request, timeout=2 if test.output.get("expect_error") else 20)
            seen.log = log.read()
            if wrong := ftw.judge(before_rules.get(test.title, test.output), seen):
                failures[test.title] = wrong
            if verbose:
                print(f"--- {test.title}\n{request.decode(errors='replace')}\n--- {seen.status or seen.error}\n{seen.log}")
    return failures


def report(tests: list[ftw.Test], failures: dict[str, str], seconds: float, whole: bool) -> int:
    known = known_failures()
    played = {test.title for test in tests}
    new = {title: wrong for title, wrong in failures.items() if title not in known}
    mended = [title for title in known if title in played and title not in failures]
    for title, wrong in new.items():
        print(f"FAILED   {title}: {wrong}")
    for title in mended:
        print(f"PASSES   {title}: known-failures.yaml says it fails ({known[title].strip()})")
    passed = len(tests) - len(failures)
    early = len([title for title in refused() if title in played and title not in failures])
    print(f"CRS: {passed} of {len(tests)} passed in {seconds:.0f} s, {early} of them refused by the gateway before any rule, "
          f"{len(failures) - len(new)} known failures, {len(new)} new, {len(mended)} mended")
    if whole and passed < REQUIRED:
        print(f"CRS: at least {REQUIRED} must pass")
        return 1
    return 1 if new or mended else 0


def main() -> int:
    chosen = arguments()
    if not chosen.suite.is_dir():
        print(f"{chosen.suite} is not there: run tools/fetch-crs-tests", file=sys.stderr)
        return 2
    suite = ftw.load(chosen.suite)
    tests = select(suite, chosen)
    if not tests:
        print("no test has such a title", file=sys.stderr)
        return 2
    start = time.monotonic()
    with contextlib.ExitStack() as stack:
        if chosen.target:
            host, port = chosen.target.rsplit(":", 1)
            rule_log = chosen.rule_log
        else:
            work = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="picket-crs-")))
            try:
                running = stack.enter_context(Stack(chosen.bin, work))
            except (RuntimeError, OSError) as error:
                print(f"CRS: {error}", file=sys.stderr)
                return 2
            host, port, rule_log = "127.0.0.1", running.port, running.rule_log
        failures = play(tests, host, int(port), rule_log, verbose=bool(chosen.only))
        # Before the programs are stopped: one that does not end must not cost the report.
        return report(tests, failures, time.monotonic() - start, whole=not chosen.sample and not chosen.only)


if __name__ == "__main__":
    sys.exit(main())
