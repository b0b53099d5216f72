"""Runs `picket conform`, and reads what it says."""

import os
import re
import subprocess
import tempfile
import unittest
import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BINARIES = Path(os.environ.get("PICKET_BINARIES", ROOT / "build" / "dev" / "bin")).resolve()


@dataclass
class Run:
    code: int
    errors: str
    said: str
    verdicts: dict[str, str] = field(default_factory=dict)  # "json ping.echoed" -> pass, FAIL, skip
    reasons: dict[str, str] = field(default_factory=dict)

    def verdicts_of(self, verdict: str) -> set[str]:
        """Which rules in which encoding have it."""
        return {key for key, value in self.verdicts.items() if value == verdict}

    def rules(self, verdict: str) -> set[str]:
        return {key.split()[1] for key, value in self.verdicts.items() if value == verdict}


def conform(*arguments, timeout: int = 280) -> Run:
    result = subprocess.run([str(BINARIES / "picket"), "conform", *map(str, arguments)], capture_output=True, timeout=timeout, check=False)
    run = Run(result.returncode, result.stderr.decode(), result.stdout.decode())
    for verdict, encoding, rule, why in re.findall(r"^(pass|FAIL|skip)  (\w+) +(\S+) .*\n(?:      (.*)\n)?", run.said, re.M):
        run.verdicts[f"{encoding} {rule}"] = verdict
        run.reasons[f"{encoding} {rule}"] = why
    return run


def listed(subject: str) -> dict[str, tuple[str, str]]:
    """The rules of a subject, each with its section and sentence."""
    return {rule: (section, sentence) for rule, section, sentence in re.findall(r"^(\S+) +§(\S+) +(.*)$", conform(subject, "--list").said, re.M)}


class ConformTest(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.token = self.folder / "token"
        self.token.write_text("secret-1\n")
        self.token.chmod(0o600)

    def assert_clean(self, run: Run):
        self.assertNotRegex(run.errors, "Sanitizer|runtime error")
        self.assertEqual((run.code, run.rules("FAIL"), run.errors), (0, set(), ""), run.said)

    def cases(self, junit: Path) -> dict[str, ElementTree.Element]:
        return {f"{case.get('classname')} {case.get('name')}": case for case in ElementTree.parse(junit).getroot()}
