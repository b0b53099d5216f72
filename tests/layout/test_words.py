"""One word, one thing (docs/adr/0028): a name that classes of several folders have stands in that decision's tables."""

import collections
import pathlib
import re
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
DECISION = (ROOT / "docs" / "adr" / "0028-one-word-one-thing.md").read_text()
# A value of the configuration is named after what it configures; `conform` is a program of its own.
APART = ("apps/gateway/config", "apps/cli/conform")
CLASS = re.compile(r"^(?:class|struct|enum class) (\w+)(?: final)?(?: :[^;{]*)? \{", re.M)


def classes() -> dict[str, set[str]]:
    """The folders whose headers have a class of that name."""
    found = collections.defaultdict(set)
    for header in [*ROOT.glob("picket/**/*.hpp"), *ROOT.glob("apps/**/*.hpp")]:
        folder = header.parent.relative_to(ROOT).as_posix()
        if not folder.startswith(APART) and "testing" not in header.relative_to(ROOT).as_posix():
            for name in CLASS.findall(header.read_text()):
                found[name].add(folder)
    return found


def shared_on_purpose() -> set[str]:
    """The words of the tables whose first column has words that several classes have."""
    tables = re.findall(r"^\| word \| classes \|\n\|[-|]+\|\n((?:\|.*\n)+)", DECISION, re.M)
    assert tables
    return {word for row in "".join(tables).splitlines() for word in re.findall(r"`(\w+)`", row.split("|")[1])}


class Words(unittest.TestCase):
    maxDiff = None

    def test_a_name_of_several_classes_is_one_on_purpose(self):
        shared = {name: folders for name, folders in classes().items() if len(folders) > 1}
        self.assertGreater(len(shared), 10)
        self.assertEqual({name: folders for name, folders in shared.items() if name not in shared_on_purpose()}, {})

    def test_no_word_stands_there_that_is_one_classs_alone(self):
        headers = [header.read_text() for top in ("picket", "apps") for header in (ROOT / top).glob("**/*.hpp")]
        for word in sorted(shared_on_purpose()):
            with self.subTest(word):
                of_them = [text for text in headers if re.search(rf"^ *(?:class|struct|enum class) {word}\b[^;]*\{{", text, re.M)]
                self.assertGreater(len(of_them), 1)


if __name__ == "__main__":
    unittest.main()
