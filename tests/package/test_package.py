"""The Debian packages on a bare machine: installed, served, attacked, built against, purged.

PICKET_PACKAGES has the packages.
"""

import configparser
import os
import pathlib
import re
import shlex
import shutil
import subprocess
import sys
import time
import unittest

from bare_root import BareRoot, run

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "install"))
from test_install import FOUND, readme_agent  # noqa: E402

PACKAGES = pathlib.Path(os.environ.get("PICKET_PACKAGES", ROOT / "build" / "package")).resolve()
PATIENCE = 60
# Where files of the package picket are; those of the libraries have other names.
OWN_PLACES = ("etc/picket*", "etc/*/picket*", "etc/systemd/**/picket*", "usr/bin/picket*", "usr/share/**/picket", "usr/share/man/*/picket*",
              "lib/systemd/**/picket*", "var/log/picket*", "var/lib/picket*", "run/picket*", "var/lib/systemd/**/picket*", "var/lib/dpkg/info/picket.*")
ATTACK = "/?q=%3Cscript%3Ealert(1)%3C/script%3E"


def obstacle() -> str | None:
    if os.getuid() != 0:
        return "only root can make a bare root"
    missing = [tool for tool in ("debootstrap", "unshare", "nsenter", "ip", "curl") if not shutil.which(tool)]
    return f"not installed: {', '.join(missing)}; tools/bootstrap package" if missing else None


def unit_of(root: BareRoot, name: str) -> dict[str, str]:
    """[Service] of a unit; of what is said twice the last."""
    parser = configparser.ConfigParser(strict=False, interpolation=None)
    parser.optionxform = str
    parser.read(root.path / "lib" / "systemd" / "system" / f"{name}.service")
    return dict(parser["Service"])


class Package(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        if reason := obstacle():
            if os.environ.get("PICKET_REQUIRE_SUITES"):
                raise AssertionError(reason)
            raise unittest.SkipTest(reason)
        cls.root = BareRoot(ROOT / "build" / "bare" / "base.tar")
        cls.addClassCleanup(cls.root.close)
        cls.root.run("apt-get", "update", "-q")
        for package in PACKAGES.glob("*.deb"):
            shutil.copy(package, cls.root.path / "tmp")

    def install(self, *packages: str):
        files = [f"/tmp/{path.name}" for name in packages for path in PACKAGES.glob(f"{name}_*.deb")]
        self.assertTrue(files)
        self.root.run("apt-get", "install", "-y", "-q", "--no-install-recommends", *files)

    def serve(self, name: str) -> subprocess.Popen:
        """What systemd would do: folders of the user, and its command as that user, nothing beside."""
        unit = unit_of(self.root, name)
        for key, parent in (("RuntimeDirectory", "/run"), ("LogsDirectory", "/var/log"), ("StateDirectory", "/var/lib")):
            if key in unit:
                self.root.run("install", "-d", "-o", unit["User"], "-g", unit["Group"], "-m", unit[f"{key}Mode"], f"{parent}/{unit[key]}")
        process = self.root.start("setpriv", "--reuid", unit["User"], "--regid", unit["Group"], "--clear-groups", "--no-new-privs",
                                  *shlex.split(unit["ExecStart"]))
        self.addCleanup(process.wait, PATIENCE)
        self.addCleanup(process.terminate)
        return process

    def status_of(self, target: str) -> str:
        asked = ["curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", "--max-time", "20", f"http://127.0.0.1:8080{target}"]
        return subprocess.run(["nsenter", f"--net=/proc/{self.root.network.pid}/ns/net", *asked], text=True, capture_output=True,
                              check=False).stdout

    def eventually(self, target: str, status: str):
        until = time.monotonic() + PATIENCE
        while (got := self.status_of(target)) != status:
            self.assertLess(time.monotonic(), until, f"GET {target} gives {got}")
            time.sleep(0.1)

    def test_the_gateway_works_as_it_comes_and_leaves_nothing(self):
        before = set(self.root.path.glob("etc/**/*"))
        self.install("picket")
        run("nsenter", f"--net=/proc/{self.root.network.pid}/ns/net", "ip", "link", "set", "lo", "up")
        self.root.run("picket", "check", "/etc/picket/gateway.kdl")

        gateway = self.serve("picket")
        self.eventually("/", "503")  # closed: nobody is let through while the WAF is not there
        waf = self.serve("picket-waf")
        self.eventually("/", "200")
        self.eventually(ATTACK, "403")
        self.root.run("setpriv", "--reuid", "picket", "--regid", "picket", "--clear-groups", "picket", "call", "--agent",
                      "unix:/run/picket/waf.sock", "/")
        guard = self.serve("picket-guard")
        until = time.monotonic() + PATIENCE
        while not (self.root.path / "run" / "picket" / "guard.sock").is_socket():
            self.assertLess(time.monotonic(), until, "picket-guard does not serve")
            time.sleep(0.1)
        for process in (gateway, waf, guard):
            process.terminate()
            self.assertEqual(process.wait(PATIENCE), 0)

        self.root.run("apt-get", "purge", "-y", "-q", "picket")
        left = [path for place in OWN_PLACES for path in self.root.path.glob(place)]
        self.assertEqual(left, [])
        self.assertTrue(before <= set(self.root.path.glob("etc/**/*")))
        self.assertIn("/nonexistent", self.root.run("getent", "passwd", "picket"))  # the user stays, as Debian has it

    def test_an_upgrade_asks_the_running_gateway_to_give_way_and_restarts_only_its_agents(self):
        self.install("picket")
        stubs = self.root.path / "root" / "stubs"
        stubs.mkdir(exist_ok=True)
        said = stubs / "said"
        for name in ("systemctl", "deb-systemd-invoke", "deb-systemd-helper"):
            (stubs / name).write_text(f'''#!/bin/sh
echo {name} "$@" >>/root/stubs/said
case "$*" in
  is-active*) test -e /root/stubs/runs ;;
  show*) grep -c "kill --signal USR2" /root/stubs/said || true ;;
esac
''')
            (stubs / name).chmod(0o755)
        systemd = self.root.path / "run" / "systemd" / "system"  # which says that systemd runs
        systemd.mkdir(parents=True)
        self.addCleanup(systemd.rmdir)

        def configured(*before: str) -> list[str]:
            said.unlink(missing_ok=True)
            self.root.run("env", "PATH=/root/stubs:/usr/sbin:/usr/bin:/sbin:/bin", "/var/lib/dpkg/info/picket.postinst", "configure", *before)
            return [line for line in said.read_text().splitlines() if re.search("invoke|kill", line)]

        self.assertEqual(configured(), ["deb-systemd-invoke start picket-waf.service picket.service"])
        self.assertEqual(configured("0.0.9-1"), ["deb-systemd-invoke restart picket-waf.service picket-guard.service picket.service"])
        (stubs / "runs").touch()
        self.assertEqual(configured("0.0.9-1"), ["systemctl kill --signal USR2 --kill-whom main picket.service",
                                                 "deb-systemd-invoke restart picket-waf.service picket-guard.service"])

    def test_a_foreign_project_builds_with_the_library_packages(self):
        self.install("libpicket0", "libpicket-dev")
        self.root.run("apt-get", "install", "-y", "-q", "--no-install-recommends", "cmake", "g++", "clang-19", "make")
        folder = self.root.path / "root" / "foreign"
        folder.mkdir()
        (folder / "CMakeLists.txt").write_text(FOUND)
        (folder / "agent.cpp").write_text(readme_agent())
        for compiler in ("g++", "clang++-19"):
            with self.subTest(compiler):
                built = f"/root/foreign/{compiler}"
                self.root.run("cmake", "-S", "/root/foreign", "-B", built, f"-DCMAKE_CXX_COMPILER={compiler}")
                self.root.run("cmake", "--build", built)
                self.assertIn("libpicket.so.0 => /lib/", self.root.run("ldd", f"{built}/agent"))
                self.assertIn("--listen", self.root.run(f"{built}/agent", "--help"))


if __name__ == "__main__":
    sys.exit(unittest.main())
