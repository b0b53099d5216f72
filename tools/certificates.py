"""A CA of one test and what it issues, made by the openssl program; valid for 90 days."""

import subprocess
from dataclasses import dataclass
from pathlib import Path


@dataclass
class Issued:
    certificate: Path
    key: Path


class Authority:
    def __init__(self, folder: Path, name: str = "ca"):
        self.folder = folder
        self.ca = self._make(name, ())

    def issue(self, name: str, alternatives: str, days: int = 90, crl: str = "") -> Issued:
        """`alternatives` as a subjectAltName has them: "DNS:agent.test,IP:127.0.0.1". `crl` is where a list of revoked ones is."""
        signer = ("-CA", str(self.ca.certificate), "-CAkey", str(self.ca.key))
        listed = ("-addext", f"crlDistributionPoints=URI:{crl}") if crl else ()
        return self._make(name, (*signer, "-addext", f"subjectAltName={alternatives}", *listed), days)

    def _make(self, name: str, more: tuple[str, ...], days: int = 90) -> Issued:
        made = Issued(self.folder / f"{name}.pem", self.folder / f"{name}.key")
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-noenc", "-subj", f"/CN={name}",
             "-days", str(days), "-keyout", str(made.key), "-out", str(made.certificate), *more],
            check=True, capture_output=True, timeout=60,
        )
        return made
