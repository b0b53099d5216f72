"""What testssl.sh says of an agent and of the gateway that serve TLS: every check it has, on loopback."""

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
# testssl.sh says that it knows no protocol above TLS to ask more about, and what its own OpenSSL lacks; and headers are the site's to
# say, not the gateway's.
NO_FINDING = {"service", "engine_problem", "HSTS", "security_headers"}
# It resumes with a client that may leave before its ticket has come, and then says that it could not ask.
NOT_ASKED = "check failed because of connect problem"
RUNS = 4
PATIENCE = 1200


class Servers(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="picket-testssl-")
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.programs = Programs(self.folder, BINARIES)
        self.addCleanup(self.programs.stop)
        self.authority = Authority(self.folder)
        self.leaf = self.authority.issue("localhost", "DNS:localhost,IP:127.0.0.1", 90, crl="http://127.0.0.1:1/ca.crl")
        self.address = f"127.0.0.1:{free_port()}"

    def expect_no_finding(self):
        """A check that testssl.sh could not make is none: it is run again, and each must have been made."""
        for _ in range(RUNS):
            findings = self.findings(self.authority.ca.certificate, self.address)
            if all(finding["finding"] != NOT_ASKED for finding in findings):
                break
        self.assertGreater(len(findings), 80, "testssl.sh did not come to its end")
        self.assertIn("OK", {finding["severity"] for finding in findings if finding["id"] == "TLS1_3"})
        bad = [finding for finding in findings if finding["severity"] not in HARMLESS and finding["id"] not in NO_FINDING]
        self.assertEqual(bad, [])

    def findings(self, ca: Path, address: str) -> list[dict]:
        report = self.folder / f"{address}.json"
        report.unlink(missing_ok=True)  # else it is appended to
        done = subprocess.run(["testssl", "--add-ca", str(ca), "--nodns", "none", "--quiet", "--warnings", "off", "--color", "0",
                               "--jsonfile", str(report), address], capture_output=True, text=True, timeout=PATIENCE, check=False)
        self.assertTrue(report.exists(), done.stdout[-2000:] + done.stderr[-2000:])
        return json.loads(report.read_text())


class Agents(Servers):
    def test_have_no_finding_above_low(self):
        for scheme in ("tls", "grpcs"):
            with self.subTest(scheme):
                self.address = f"127.0.0.1:{free_port()}"
                self.programs.start(scheme, "picket", "agent", "--listen", f"{scheme}:{self.address}", "--tls-cert",
                                    str(self.leaf.certificate), "--tls-key", str(self.leaf.key), says=f"serving on {scheme}:{self.address}")
                self.expect_no_finding()


class Gateways(Servers):
    def test_have_no_finding_above_low(self):
        file = self.folder / "gateway.kdl"
        file.write_text(f'''
listeners {{ listener "safe" {{ address "{self.address}"; protocol "https"
             tls {{ cert-file "{self.leaf.certificate}"; key-file "{self.leaf.key}" }} }} }}
routes {{ route "all" {{ respond 200 "hello\\n" }} }}
''')
        self.programs.start("gateway", "picket", "run", str(file), says="listening on https")
        self.expect_no_finding()

    def test_have_no_finding_above_low_where_agents_dial_them(self):
        file = self.folder / "gateway.kdl"
        file.write_text(f'''
listeners {{ listener "clear" {{ address "127.0.0.1:{free_port()}" }} }}
reverse-listener {{ tcp-address "{self.address}"; tls {{ cert-file "{self.leaf.certificate}"; key-file "{self.leaf.key}" }} }}
agents {{ agent "edge" {{ reverse; failure-mode "open" }} }}
routes {{ route "all" {{ respond 200 "hello\\n" }} }}
''')
        self.programs.start("gateway", "picket", "run", str(file), says="agents may dial tls")
        self.expect_no_finding()


if __name__ == "__main__":
    unittest.main()
