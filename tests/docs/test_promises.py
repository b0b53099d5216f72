"""spec/promises.md: each promise once, a state that means something, and a place that is there for what is done."""

import re
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ROWS = [line.strip("|").split("|") for line in (ROOT / "spec" / "promises.md").read_text().splitlines()
        if re.match(r"\| \d", line)]


class Promises(unittest.TestCase):
    def test_each_has_one_row(self):
        self.assertEqual([int(row[0]) for row in ROWS], list(range(1, 79)))

    def test_each_has_a_state_and_what_is_done_a_place(self):
        for number, promise, state, places in ROWS:
            with self.subTest(f"{number.strip()}: {promise.strip()}"):
                self.assertRegex(state.strip(), r"^(done|part: |open: with issue \d+$|open$|answered otherwise: )")
                if not state.strip().startswith("open"):
                    self.assertTrue(places.strip())

    def test_what_is_done_is_held_by_a_test_or_a_page_with_figures(self):
        """Not by the code alone: a promise that nothing tests is not kept for long. Constants are what they are."""
        for number, promise, state, places in ROWS:
            if state.strip().startswith("done"):
                with self.subTest(f"{number.strip()}: {promise.strip()}"):
                    held = re.findall(r"`([^`]+)`", places)
                    self.assertTrue(any("test" in place or place.startswith("docs/") or place.endswith("header_names.hpp") for place in held), held)

    def test_each_test_that_is_named_is_one(self):
        for number, _, _, places in ROWS:
            for place in re.findall(r"`([^`]+(?:_test\.cpp|test_\w+\.py))`", places):
                with self.subTest(f"{number.strip()}: {place}"):
                    first_line = r"(?m)^    def test_" if place.endswith(".py") else r"(?m)^(TYPED_)?TEST(_F|_P)?\("
                    self.assertRegex((ROOT / place).read_text(), first_line)

    def test_the_places_are_there(self):
        for number, _, _, places in ROWS:
            for place in re.findall(r"`([^`]+)`", places):
                with self.subTest(f"{number.strip()}: {place}"):
                    self.assertTrue((ROOT / place).is_file())


if __name__ == "__main__":
    unittest.main()
