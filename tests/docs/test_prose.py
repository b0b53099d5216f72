"""The documents stay readable: no line and no cell that nobody reads to its end."""

import pathlib
import re
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
WIDEST = 200  # characters of a line, a table's included


def without_code_and_links(text: str) -> str:
    text = re.sub(r"```.*?```|`[^`]*`", "", text, flags=re.S)
    return re.sub(r"\]\([^)]*\)", "]", text)


def pages() -> list[pathlib.Path]:
    """All of them but spec/protocol.md, where a message is a row of a table, whatever it has."""
    found = [*ROOT.glob("*.md"), *(page for top in ROOT.iterdir() if top.name != "build" for page in top.rglob("*.md"))]
    assert len(found) > 60, found
    return [page for page in found if page != ROOT / "spec" / "protocol.md"]


class Prose(unittest.TestCase):
    maxDiff = None

    def test_no_line_is_too_long(self):
        wide = []
        for page in pages():
            for number, line in enumerate(page.read_text().splitlines(), 1):
                if len(line) > WIDEST:
                    wide.append(f"{page.relative_to(ROOT)}:{number}: {len(line)} characters")
        self.assertEqual(wide, [])

    def test_no_parentheses_stand_in_parentheses(self):
        for page in [DOCS / "performance.md", *DOCS.glob("measurements/*.md"), ROOT / "README.md"]:
            nested = re.findall(r"\([^()]*\([^()]*\)", without_code_and_links(page.read_text()))
            self.assertEqual(nested, [], page.name)

    def test_the_table_of_the_readme_is_short(self):
        [table] = re.findall(r"^\|[^\n]*ratio \|\n\|[-|:]*\n((?:\|.*\n)+)", (ROOT / "README.md").read_text(), re.M)
        self.assertLessEqual(len(table.splitlines()), 10)
        self.assertNotIn("met", re.findall(r"\w+", table.replace("is missed", "")))

    def test_each_measurement_says_its_question_its_set_up_and_is_listed(self):
        index = (DOCS / "measurements" / "README.md").read_text()
        for page in DOCS.glob("measurements/*.md"):
            if page.name == "README.md":
                continue
            with self.subTest(page.name):
                text = page.read_text()
                self.assertIn("**Question.**", text)
                self.assertIn("**Set-up.**", text)
                self.assertRegex(text, r"\n\|[-:|]+\|\n")
                self.assertIn(f"]({page.name})", index)

    def test_each_decision_is_listed_and_says_what_was_decided(self):
        index = (DOCS / "adr" / "README.md").read_text()
        for page in DOCS.glob("adr/[0-9]*.md"):
            with self.subTest(page.name):
                self.assertIn("**Decision.**", page.read_text())
                self.assertIn(f"]({page.name})", index)

    def test_each_document_is_linked_from_where_people_start(self):
        start = (ROOT / "README.md").read_text()
        for page in DOCS.glob("*.md"):
            self.assertIn(f"docs/{page.name}", start)

    def test_each_relative_link_leads_somewhere(self):
        dead = []
        for page in [*ROOT.glob("*.md"), *DOCS.rglob("*.md")]:
            text = re.sub(r"```.*?```|`[^`\n]*`", "", page.read_text(), flags=re.S)
            for link in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", text):
                if not (page.parent / link).exists():
                    dead.append(f"{page.relative_to(ROOT)}: {link}")
        self.assertEqual(dead, [])


if __name__ == "__main__":
    unittest.main()
