"""What picket-guard finds in the corpus: own/ is held to its figures, blind/ is told only.

The program's table is docs/guard.md's. PICKET_BINARIES has the programs.
"""

import os
import pathlib
import re
import subprocess
import unittest

FOLDER = pathlib.Path(__file__).resolve().parent / "corpus"
ROOT = pathlib.Path(__file__).resolve().parents[2]
BINARIES = pathlib.Path(os.environ.get("PICKET_BINARIES", ROOT / "build" / "dev" / "bin"))
ROW = re.compile(r"^\| (\w+) \| (\d+) \| (\d+) \| ([\d.-]+) \| (\d+) \|$", re.M)
# Of own/: how many of each category are found at least, and how many findings are none at most.
HELD = {
    "email": (11, 0), "phone": (17, 0), "credit_card": (11, 0), "iban": (8, 0), "national_id": (13, 0), "ip_address": (9, 0),
    "jwt": (7, 0), "cloud_key": (12, 0), "pem_key": (7, 0), "secret": (10, 0), "prompt_injection": (33, 0),
}


def report(folder: str) -> str:
    command = [str(BINARIES / "corpus_report"), str(FOLDER / folder)]
    return subprocess.run(command, text=True, capture_output=True, check=True).stdout


class Corpus(unittest.TestCase):
    def test_own_texts_are_found_as_well_as_they_were(self):
        rows = {row[0]: row[1:] for row in ROW.findall(report("own"))}
        self.assertEqual(sorted(rows), sorted(HELD))
        for category, (fewest, most) in HELD.items():
            with self.subTest(category):
                expected, found, _, false_positives = rows[category]
                self.assertGreater(int(expected), 5)
                self.assertGreaterEqual(int(found), fewest)
                self.assertLessEqual(int(false_positives), most)

    def test_the_documents_have_these_figures(self):
        page = (ROOT / "docs" / "guard.md").read_text()
        self.assertEqual(ROW.findall(page), ROW.findall(report("own")) + ROW.findall(report("blind")))

    def test_blind_texts_are_counted(self):
        """Whoever changes a recogniser does not look at them: a figure that one tunes for says nothing."""
        text = report("blind")
        self.assertEqual(len(ROW.findall(text)), len(HELD))
        print(text)


if __name__ == "__main__":
    unittest.main()
