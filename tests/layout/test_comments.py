"""Public headers say in words what their code cannot: from three to four and a half lines of ten, in each module."""

import pathlib
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
LEAST, MOST = 0.30, 0.45
INSIDE = {"internal", "testing", "testing.hpp"}


def public_headers(module: pathlib.Path) -> list[pathlib.Path]:
    return [path for path in module.rglob("*.hpp") if not INSIDE & set(path.relative_to(module).parts)]


def share(headers: list[pathlib.Path]) -> float:
    """Of lines with a comment, among those that are not empty."""
    lines = [line.strip() for header in headers for line in header.read_text().splitlines() if line.strip()]
    return sum("//" in line for line in lines) / len(lines)


class Comments(unittest.TestCase):
    def test_each_module_explains_its_public_headers_and_does_not_drown_them(self):
        modules = [path.parent for path in (ROOT / "picket").glob("*/CMakeLists.txt")]
        self.assertGreater(len(modules), 10)
        for module in modules:
            with self.subTest(module.name):
                of_comments = share(public_headers(module))
                self.assertGreaterEqual(of_comments, LEAST)
                self.assertLessEqual(of_comments, MOST)


if __name__ == "__main__":
    unittest.main()
