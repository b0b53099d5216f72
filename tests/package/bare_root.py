"""A bare Debian in a folder, with the package sources and proxies of this machine, and a network of its own for what serves in it."""

import os
import pathlib
import shutil
import subprocess
import tempfile

# Mounts are seen by the command alone and go with it; so nothing is left mounted, whatever happens.
ENTER = """mount --make-rprivate / 2>/dev/null
mount -t proc proc "$0/proc" && mount --rbind /dev "$0/dev" && exec chroot "$0" "$@" """
CLEAN = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root", "LANG": "C.UTF-8", "DEBIAN_FRONTEND": "noninteractive"}
PROXIES = ("http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY")


def run(*command, **options) -> str:
    """What a command printed; a failure shows the end of it."""
    done = subprocess.run([str(part) for part in command], text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          stdin=subprocess.DEVNULL, check=False, **options)
    if done.returncode != 0:
        raise AssertionError(f"{command} ended with {done.returncode}:\n{done.stdout[-6000:]}")
    return done.stdout


def debian_source() -> tuple[str, str]:
    """Address and release of this machine's Debian package source."""
    listed = run("apt-get", "indextargets", "--format", "$(SITE) $(CODENAME)", "Created-By: Packages", "Origin: Debian",
                 "Component: main").splitlines()
    release = run("sh", "-c", '. /etc/os-release && echo "$VERSION_CODENAME"').strip()
    return next((site, name) for site, name in map(str.split, listed) if name == release)


class BareRoot:
    """Lifetime: close() removes the folder; the tar it is made of is kept."""

    def __init__(self, kept: pathlib.Path):
        self.path = pathlib.Path(tempfile.mkdtemp(prefix="picket-bare-"))
        self.network = subprocess.Popen(["unshare", "--net", "sleep", "infinity"])
        if not kept.exists():
            self._make(kept)
        run("tar", "-C", self.path, "-xf", kept)
        shutil.copy("/etc/resolv.conf", self.path / "etc" / "resolv.conf")
        shutil.copy("/etc/hosts", self.path / "etc" / "hosts")

    def _make(self, kept: pathlib.Path):
        site, release = debian_source()
        made = self.path / "made"
        run("debootstrap", "--variant=minbase", release, made, site)
        for folder in ("sources.list.d", "apt.conf.d"):
            for file in pathlib.Path("/etc/apt", folder).iterdir():
                # Sources of others may not be reached, or want keys; hooks of others are not there.
                text = file.read_text(errors="replace")
                if site in text or "proxy" in text.lower() or "Check-Valid" in text:
                    shutil.copy(file, made / "etc" / "apt" / folder)
        kept.parent.mkdir(parents=True, exist_ok=True)
        run("tar", "-C", made, "-cf", f"{kept}.part", ".")
        pathlib.Path(f"{kept}.part").rename(kept)
        shutil.rmtree(made)

    def command(self, *command, serving: bool = False) -> list[str]:
        """A command in the root; with `serving` in the network in which nothing but the root's programs is."""
        alone = ["nsenter", f"--net=/proc/{self.network.pid}/ns/net"] if serving else []
        return [*alone, "unshare", "--mount", "--propagation", "unchanged", "sh", "-c", ENTER, str(self.path), *map(str, command)]

    def environment(self) -> dict[str, str]:
        return CLEAN | {name: os.environ[name] for name in PROXIES if name in os.environ}

    def run(self, *command, serving: bool = False) -> str:
        return run(*self.command(*command, serving=serving), env=self.environment())

    def start(self, *command) -> subprocess.Popen:
        return subprocess.Popen(self.command(*command, serving=True), env=self.environment(), stdin=subprocess.DEVNULL)

    def close(self):
        self.network.kill()
        self.network.wait()
        run("rm", "-rf", "--one-file-system", self.path)
