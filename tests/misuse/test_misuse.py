"""What must not compile does not, and the compiler says why: the lines of misuse.cpp that are marked as wrong."""

import pathlib
import re
import subprocess
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
SOURCE = pathlib.Path(__file__).with_name("misuse.cpp")
MARKED = re.compile(r"// wrong: (.+)$")
SAID = re.compile(r"^(?P<file>[^:\n]+):(?P<line>\d+):\d+: (?P<kind>error|fatal error|note): (?P<text>.*)$", re.M)


def complaints(source: pathlib.Path) -> dict[int, str]:
    """What is said about each line of the source. An error in a header counts for the line that led to it."""
    outcome = subprocess.run(
        ["clang++-19", "-std=c++23", "-fsyntax-only", "-Wall", "-Wextra", "-Woverloaded-virtual", "-Werror",
         "-Wno-unused-function", "-Wno-unused-member-function", "-ferror-limit=0", "-fno-caret-diagnostics", f"-I{ROOT}",
         str(source)],
        capture_output=True, text=True, timeout=240, check=False,
    )
    said: dict[int, str] = {}
    pending = ""
    for match in SAID.finditer(outcome.stderr):
        here = match["file"] == str(source)
        if match["kind"] != "note":
            pending = match["text"]
        elif not pending:
            continue
        if here:
            line = int(match["line"])
            said[line] = said.get(line, "") + pending + "\n"
            pending = ""
    if pending:
        said[0] = pending
    return said


class Misuse(unittest.TestCase):
    def test_what_is_marked_as_wrong_is_an_error_and_nothing_else(self):
        said = complaints(SOURCE)
        lines = SOURCE.read_text().splitlines()
        for number, line in enumerate(lines, 1):
            marked = MARKED.search(line)
            with self.subTest(f"{number}: {line.strip()}"):
                if marked:
                    self.assertIn(marked[1], said.get(number, "nothing: it compiles"))
                else:
                    self.assertEqual(said.get(number, ""), "")
        self.assertNotIn(0, said)


if __name__ == "__main__":
    unittest.main()
