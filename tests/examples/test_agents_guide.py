"""docs/agents.md: its configurations are good, its commands work. tests/docs compares its code with the programs it is of."""

import re
import subprocess
import unittest
from pathlib import Path

from stage import BINARIES, Stage

ROOT = Path(__file__).resolve().parents[2]
GUIDE = (ROOT / "docs" / "agents.md").read_text()
BLOCK = re.compile(r"```(\w+)\n(.*?)```", re.S)


def blocks(kind: str) -> list[str]:
    return [text for found, text in BLOCK.findall(GUIDE) if found == kind]


class AgentsGuide(unittest.TestCase):
    def test_its_project_is_the_one_that_tests_install_builds(self):
        [text] = blocks("cmake")
        self.assertIn(text.split("\n", 2)[2], (ROOT / "tests/install/test_install.py").read_text())

    def test_its_configurations_are_good(self):
        stage = Stage()
        self.addCleanup(stage.close)
        for number, text in enumerate(blocks("kdl")):
            with self.subTest(number):
                file = stage.folder / f"{number}.kdl"
                file.write_text(text)
                checked = subprocess.run([BINARIES / "picket", "check", file], capture_output=True, text=True, timeout=60,
                                         check=False)
                self.assertEqual(checked.returncode, 0, checked.stderr)

    def test_its_commands_work(self):
        stage = Stage()
        self.addCleanup(stage.close)
        [text] = blocks("sh")
        served, asked = text.replace("/tmp/", f"{stage.folder}/").strip().splitlines()
        command, *arguments = served.removesuffix(" &").split()
        stage.programs.start(command, command, *arguments, serves=arguments[-1].removeprefix("unix:"))
        program, *arguments = asked.split()
        answer = subprocess.run([BINARIES / program, *arguments], capture_output=True, text=True, timeout=60, check=False)
        self.assertEqual(answer.returncode, 3, answer.stderr)
        self.assertIn("block 403", answer.stdout)

    def test_the_kit_test_that_it_shows_passes(self):
        done = subprocess.run([BINARIES / "examples_kit_tests"], capture_output=True, text=True, timeout=60, check=False)
        self.assertEqual(done.returncode, 0, done.stdout)


if __name__ == "__main__":
    unittest.main()
