"""A folder's README lists what is in it: docs/adr/0056."""

import pathlib
import re
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
FOLDERS = [path.parent for top in ("picket", "apps") for path in ROOT.glob(f"{top}/**/README.md")]

SAY_IT_BY_NAME = {"internal", "testing"}  # what nobody may include; what tests of more than one folder use


def is_listed(header: pathlib.Path, text: str) -> bool:
    """By its name, or with its source as `name.*`."""
    return re.search(rf"(?<![\w-]){re.escape(header.stem)}\.(hpp|\*)", text) is not None


class Readmes(unittest.TestCase):
    def test_there_are_some(self):
        self.assertGreater(len(FOLDERS), 25)

    def test_every_header_of_a_folder_is_in_its_list(self):
        for folder in FOLDERS:
            text = (folder / "README.md").read_text()
            for header in folder.glob("*.hpp"):
                with self.subTest(header.relative_to(ROOT).as_posix()):
                    self.assertTrue(is_listed(header, text), "its README does not say what it is")

    def test_every_folder_without_a_list_of_its_own_is_in_its_parents(self):
        folders = {header.parent for header in ROOT.glob("picket/**/*.hpp")} - set(FOLDERS)
        for folder in (folder for folder in folders if folder.name not in SAY_IT_BY_NAME):
            with self.subTest(folder.relative_to(ROOT).as_posix()):
                text = (folder.parent / "README.md").read_text()
                self.assertRegex(text, rf"`({folder.name}/|.*\b{folder.name}/)", "its parent's README does not name it")

    def test_no_list_has_what_is_gone(self):
        for folder in FOLDERS:
            rows = [line.split("|")[1] for line in (folder / "README.md").read_text().splitlines() if line.startswith("| `")]
            for name in re.findall(r"`([\w/]+\.(?:hpp|cpp))`", " ".join(rows)):
                with self.subTest(f"{folder.relative_to(ROOT)}: {name}"):
                    self.assertTrue((folder / name).exists(), "it names a file that is not there")


if __name__ == "__main__":
    unittest.main()
