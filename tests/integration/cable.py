"""A namespace of the network, and the cable to it."""

import os
import shutil
import subprocess


class Cable:
    """A namespace with a cable to this one, which can be cut: packets are lost, and no end is told."""

    def __init__(self):
        self.name = f"picket{os.getpid()}"
        self.near, self.far = "198.18.77.1", "198.18.77.2"
        for command in (f"netns add {self.name}", f"link add {self.name}a type veth peer name {self.name}b netns {self.name}",
                        f"addr add {self.near}/30 dev {self.name}a", f"link set {self.name}a up",
                        f"-n {self.name} addr add {self.far}/30 dev {self.name}b", f"-n {self.name} link set {self.name}b up",
                        f"-n {self.name} link set lo up"):  # fmt: skip
            self._ip(command)

    @staticmethod
    def problem() -> str:
        """Why there can be none; empty: nothing."""
        if shutil.which("ip") is None:
            return "ip (iproute2) is not there"
        probe = subprocess.run(["ip", "netns", "add", f"probe{os.getpid()}"], capture_output=True, text=True)
        if probe.returncode != 0:
            return f"network namespaces are not permitted here: {probe.stderr.strip()}"
        subprocess.run(["ip", "netns", "delete", f"probe{os.getpid()}"], check=True)
        return ""

    def cut(self) -> None:
        self._ip(f"-n {self.name} link set {self.name}b down")

    def mend(self) -> None:
        self._ip(f"-n {self.name} link set {self.name}b up")

    def close(self) -> None:
        self._ip(f"netns delete {self.name}")

    @staticmethod
    def _ip(arguments: str) -> None:
        subprocess.run(["ip", *arguments.split()], check=True, capture_output=True, timeout=30)
