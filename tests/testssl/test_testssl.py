"""What testssl.sh says of an agent that serves TLS: every check it has, against `picket agent` on loopback."""

import json
import os
import subprocess
import tempfile
import unittest
from pathlib import Path

from certificates import Authority
from processes import Programs, free_port

ROOT = Path(__file__).resolve().parents[2]
BINARIES = Path(os.environ.get("PICKET_BINARIES", ROOT / "build/release/bin")).resolve()
HARMLESS = {"OK", "INFO", "LOW"}
# testssl.sh says that it knows no protocol above TLS to ask more about.
NO_FINDING = {"service"}
PATIENCE = 1200


class Agents(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="picket-testssl-")
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.programs = Programs(self.folder, BINARIES)
        self.addCleanup(self.programs.stop)

    def test_have_no_finding_above_low(self):
        for scheme in ("tls", "grpcs"):
            with self.subTest(scheme):
                authority = Authority(self.folder)
                leaf = authority.issue("localhost", "DNS:localhost,IP:127.0.0.1", 90, crl="http://127.0.0.1:1/ca.crl")
                address = f"127.0.0.1:{free_port()}"
                self.programs.start(scheme, "picket", "agent", "--listen", f"{scheme}:{address}", "--tls-cert", str(leaf.certificate),
                                    "--tls-key", str(leaf.key), says=f"serving on {scheme}:{address}")
                findings = self.findings(authority.ca.certificate, address)
                self.assertGreater(len(findings), 80, "testssl.sh did not come to its end")
                self.assertIn("OK", {finding["severity"] for finding in findings if finding["id"] == "TLS1_3"})
                bad = [finding for finding in findings if finding["severity"] not in HARMLESS and finding["id"] not in NO_FINDING]
                self.assertEqual(bad, [])

    def findings(self, ca: Path, address: str) -> list[dict]:
        report = self.folder / f"{address}.json"
        done = subprocess.run(["testssl", "--add-ca", str(ca), "--nodns", "none", "--quiet", "--warnings", "off", "--color", "0",
                               "--jsonfile", str(report), address], capture_output=True, text=True, timeout=PATIENCE, check=False)
        self.assertTrue(report.exists(), done.stdout[-2000:] + done.stderr[-2000:])
        return json.loads(report.read_text())


if __name__ == "__main__":
    unittest.main()
