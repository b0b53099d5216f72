"""Code that the guides show is part of sources that are built: each block of C++ names its file and is found there."""

import pathlib
import re
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BLOCK = re.compile(r"(?:<!-- (\S+) -->\n)?```cpp\n(.*?)```", re.S)


def unindented(text: str) -> str:
    return "\n".join(line.strip() for line in text.strip().splitlines())


class Quotes(unittest.TestCase):
    def test_guides_quote_sources_that_are_built(self):
        for guide, fewest in {"agents.md": 8, "library.md": 8}.items():
            quotes = BLOCK.findall((ROOT / "docs" / guide).read_text())
            self.assertGreaterEqual(len(quotes), fewest, guide)
            for file, text in quotes:
                with self.subTest(guide=guide, file=file, begins=text.split("\n", 1)[0]):
                    source = ROOT / file
                    self.assertIn(unindented(text), unindented(source.read_text()))
                    self.assertIn(source.stem, (source.parent / "CMakeLists.txt").read_text())


if __name__ == "__main__":
    unittest.main()
