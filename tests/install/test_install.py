"""The library as others get it: installed, found by foreign projects, linked by the compilers that they use.

PICKET_BUILD is a build folder of the preset `package`, PICKET_BINARIES has the program `picket`.
"""

import concurrent.futures
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import time
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("PICKET_BUILD", ROOT / "build" / "package")).resolve()
PICKET = pathlib.Path(os.environ.get("PICKET_BINARIES", BUILD / "bin")).resolve() / "picket"
COMPILERS = ("g++", "clang++-19")
PATIENCE = 60

FOUND = """cmake_minimum_required(VERSION 3.25)
project(foreign CXX)
find_package(picket 0.1 REQUIRED COMPONENTS core)
add_executable(agent agent.cpp)
target_link_libraries(agent PRIVATE picket::core)
"""
FETCHED = """cmake_minimum_required(VERSION 3.25)
project(foreign CXX)
include(FetchContent)
FetchContent_Declare(picket SOURCE_DIR {root})
FetchContent_MakeAvailable(picket)
add_executable(agent agent.cpp)
target_link_libraries(agent PRIVATE picket::core)
"""


def run(*command, **options) -> str:
    """What a command printed; a failure shows all of it."""
    done = subprocess.run([str(part) for part in command], text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          check=False, **options)
    if done.returncode != 0:
        raise AssertionError(f"{command} ended with {done.returncode}:\n{done.stdout[-6000:]}")
    return done.stdout


def readme_agent() -> str:
    """The whole program that README.md shows."""
    readme = (ROOT / "README.md").read_text()
    shown = re.search(r"```cpp\n(#include .*?class Denylist.*?)```", readme, re.S)[1]
    assert shown in (ROOT / "examples" / "denylist.cpp").read_text(), "README.md and examples/denylist.cpp show different agents"
    return shown


class Installed(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory(prefix="picket-install-")
        cls.addClassCleanup(cls.folder.cleanup)
        cls.home = pathlib.Path(cls.folder.name)
        cls.prefix = cls.home / "usr"
        for component in ("library", "development"):
            run("cmake", "--install", BUILD, "--prefix", cls.prefix, "--component", component)

    def project(self, name: str, cmake: str) -> pathlib.Path:
        folder = self.home / name
        folder.mkdir()
        (folder / "CMakeLists.txt").write_text(cmake)
        (folder / "agent.cpp").write_text(readme_agent())
        return folder

    def build(self, folder: pathlib.Path, compiler: str, *options: str) -> pathlib.Path:
        run("cmake", "-G", "Ninja", "-S", folder, "-B", folder / "build", f"-DCMAKE_CXX_COMPILER={compiler}", *options)
        run("cmake", "--build", folder / "build", "--target", "agent")
        return folder / "build" / "agent"

    def expect_works(self, agent: pathlib.Path, library_path: pathlib.Path | None = None):
        """It runs, blocks who is on its list and nobody else."""
        socket = self.home / f"{agent.parent.parent.name}.sock"
        environment = dict(os.environ) | ({"LD_LIBRARY_PATH": str(library_path)} if library_path else {})
        process = subprocess.Popen([agent, "--listen", f"unix:{socket}"], env=environment)
        try:
            until = time.monotonic() + PATIENCE
            while not socket.exists():
                self.assertIsNone(process.poll(), "the agent ended")
                self.assertLess(time.monotonic(), until, "the agent does not listen")
                time.sleep(0.02)
            said = subprocess.run([PICKET, "call", "--agent", f"unix:{socket}", "--client-ip", "192.0.2.1", "/"],
                                  text=True, capture_output=True, timeout=PATIENCE, check=False)
            self.assertIn("403", said.stdout, said.stderr)
            said = subprocess.run([PICKET, "call", "--agent", f"unix:{socket}", "/"], text=True, capture_output=True,
                                  timeout=PATIENCE, check=False)
            self.assertIn("allow", said.stdout, said.stderr)
        finally:
            process.terminate()
            process.wait(PATIENCE)

    def libraries(self) -> pathlib.Path:
        return next(self.prefix.glob("lib/**/libpicket.so")).parent

    def test_a_foreign_project_finds_it(self):
        for compiler in COMPILERS:
            for kind, options in (("shared", ()), ("static", ("-Dpicket_USE_STATIC_LIBS=ON",))):
                with self.subTest(compiler=compiler, kind=kind):
                    folder = self.project(f"{kind}-{compiler}", FOUND)
                    agent = self.build(folder, compiler, f"-DCMAKE_PREFIX_PATH={self.prefix}", *options)
                    self.expect_works(agent, self.libraries())

    def test_pkg_config_knows_it(self):
        folder = self.project("pkgconfig", "")
        (folder / "build").mkdir()
        environment = dict(os.environ, PKG_CONFIG_PATH=str(self.libraries() / "pkgconfig"))
        flags = run("pkg-config", f"--define-variable=prefix={self.prefix}", "--cflags", "--libs", "picket",
                    env=environment).split()
        run("g++", folder / "agent.cpp", "-o", folder / "build" / "agent", *flags)
        self.expect_works(folder / "build" / "agent", self.libraries())

    def test_a_project_that_fetches_it_gets_no_programs_and_no_flags(self):
        folder = self.project("fetched", FETCHED.format(root=ROOT))
        run("cmake", "-G", "Ninja", "-S", folder, "-B", folder / "build", "-DCMAKE_CXX_COMPILER=g++",
            "-DCMAKE_EXPORT_COMPILE_COMMANDS=ON", "-DCMAKE_CXX_COMPILER_LAUNCHER=ccache", "-DCMAKE_UNITY_BUILD=ON")
        commands = (folder / "build" / "compile_commands.json").read_text()
        self.assertNotIn("/apps/", commands)
        self.assertNotIn("-Werror", commands)
        self.assertNotIn("-fsanitize", commands)
        run("cmake", "--build", folder / "build", "--target", "agent")
        self.expect_works(folder / "build" / "agent")

    def test_only_names_of_picket_are_shown(self):
        lines = run("nm", "-D", "--defined-only", self.libraries() / "libpicket.so").splitlines()
        names = [line.split()[2].partition("@")[0] for line in lines if " A " not in line]
        self.assertGreater(len(names), 100)
        of_picket = re.compile(r"_Z(?:GV|T[VISTHW]|Z)?N[KRO]*6picket")
        self.assertEqual([name for name in names if not of_picket.match(name)], [])

    def test_of_what_stands_under_internal_only_names_of_installed_headers_are_shown(self):
        shown = run("nm", "-DC", "--defined-only", self.libraries() / "libpicket.so")
        inner = set(re.findall(r"picket::\w+(?:::\w+)*::internal::(\w+)", shown))
        installed = "".join(path.read_text() for path in self.prefix.glob("include/**/*.hpp"))
        self.assertEqual([name for name in sorted(inner) if not re.search(rf"\b{name}\b", installed)], [])

    def test_each_header_stands_alone_and_all_together_with_the_other_compiler(self):
        headers = sorted(path.relative_to(self.prefix / "include") for path in self.prefix.glob("include/**/*.hpp"))
        self.assertGreater(len(headers), 40)
        for internal in ("internal", "testing"):
            self.assertFalse([header for header in headers if internal in header.parts])

        def compile_headers(compiler: str, *included: pathlib.Path) -> None:
            options = [part for header in included for part in ("-include", header)]
            run(compiler, "-std=c++23", "-fsyntax-only", "-Wall", "-Wextra", "-I", self.prefix / "include", "-x", "c++",
                *options, "/dev/null")

        clang, gcc = "clang++-19", "g++"  # what a header lacks does not depend on who compiles it: one of them is enough
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            tried = {header: pool.submit(compile_headers, clang, header) for header in headers}
        for header, outcome in tried.items():
            with self.subTest(header=str(header)):
                outcome.result()
        compile_headers(gcc, *headers)

    def test_machine_code_is_in_the_static_library(self):
        archive = self.libraries() / "libpicket.a"
        kinds = run("readelf", "-h", archive)
        self.assertIn("REL (Relocatable file)", kinds)
        self.assertNotIn("Not an ELF file", kinds)


if __name__ == "__main__":
    sys.exit(unittest.main())
