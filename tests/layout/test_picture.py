"""ARCHITECTURE.md's picture of the modules is what the targets link, and what tools/check-includes allows."""

import importlib.machinery
import importlib.util
import pathlib
import re
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
LIBRARY = {path.parent.name for path in ROOT.glob("picket/*/CMakeLists.txt")}
APPS = {"apps/gateway", "apps/guard", "apps/waf", "apps/cli"}
Graph = dict[str, set[str]]  # a module, and whom it uses


def room_of(name: str) -> str | None:
    """The module of a target or a folder: a part of the gateway is the gateway. None for what is not ours."""
    parts = name.replace("::", "/").split("/")
    if parts[0] == "picket" and len(parts) > 1 and parts[1] in LIBRARY:
        return parts[1]
    return "/".join(parts[:2]) if "/".join(parts[:2]) in APPS else None


def linked() -> Graph:
    """What each module's target links, by the CMake files."""
    graph: Graph = {module: set() for module in LIBRARY | APPS}
    for file in [*ROOT.glob("picket/*/CMakeLists.txt"), *ROOT.glob("apps/**/CMakeLists.txt")]:
        user = room_of(file.parent.relative_to(ROOT).as_posix())
        text = re.sub(r"\bTEST_LINKS\b[^)]*|#.*", "", file.read_text())
        for target in re.findall(r"\b(?:picket|apps)::[\w:]+", text):
            used = room_of(target)
            if used != user:
                graph[user].add(used)
    return graph


def reached(graph: Graph, start: str) -> set[str]:
    found: set[str] = set()
    to_visit = list(graph[start])
    while to_visit:
        module = to_visit.pop()
        if module not in found:
            found.add(module)
            to_visit.extend(graph[module])
    return found


def arrows(graph: Graph) -> set[tuple[str, str]]:
    """Who uses whom, without what follows from two arrows."""
    return {
        (user, used)
        for user, direct in graph.items() for used in direct
        if not any(used in reached(graph, other) for other in direct - {used})
    }


def drawn(page: str) -> set[tuple[str, str]]:
    """`a ◀─ b, c ◀─ d`: b and c use a, d uses b and c."""
    picture = next(block for block in re.findall(r"```\n(.*?)```", page, re.S) if "◀─" in block)
    found = set()
    for line in picture.splitlines():
        steps = [[name.strip() for name in step.split(",")] for step in line.split("◀─")]
        for used_ones, users in zip(steps, steps[1:]):
            found.update((user, used) for used in used_ones for user in users)
    return found


def checker():
    """tools/check-includes: MAY_USE is what it lets each folder include, TESTS_MAY_USE what its tests, besides."""
    loader = importlib.machinery.SourceFileLoader("check_includes", str(ROOT / "tools" / "check-includes"))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("check_includes", loader))
    loader.exec_module(module)
    return module


def allowed() -> Graph:
    graph: Graph = {}
    for folder, may_use in checker().MAY_USE.items():
        user = room_of(folder)
        if user is not None:
            graph.setdefault(user, set()).update(room_of(used) for used in may_use)
    return {user: used - {user} for user, used in graph.items()}


def said(folder: str) -> set[str]:
    """Whom a folder's README lets it use: names of modules, and of the gateway's folders."""
    line = re.search(r"May use: (.*?)(?:\. |\.$)", (ROOT / folder / "README.md").read_text(), re.S | re.M)[1]
    names = set(re.findall(r"`(\w+)`", line))
    for top in re.findall(r"`(\w+)`\s+and\s+what\s+stands\s+below\s+it", line):
        names |= reached(linked(), top)
    return names


class Picture(unittest.TestCase):
    maxDiff = None

    def test_it_has_the_arrows_of_the_targets_and_no_other(self):
        self.assertGreater(len(arrows(linked())), 12)
        self.assertEqual(drawn((ROOT / "ARCHITECTURE.md").read_text()), arrows(linked()))

    def test_each_file_that_the_page_names_is_there(self):
        files = [f"/{path.relative_to(ROOT)}" for top in ("picket", "apps", "tools", "spec") for path in ROOT.glob(f"{top}/**/*")]
        named = set(re.findall(r"`([\w/.-]+\.(?:cpp|hpp|py|md))`", (ROOT / "ARCHITECTURE.md").read_text()))
        self.assertGreater(len(named), 20)
        self.assertEqual([name for name in sorted(named) if not any(file.endswith(f"/{name}") for file in files)], [])

    def test_links_go_one_way(self):
        graph = linked()
        self.assertEqual([module for module in graph if module in reached(graph, module)], [])

    def test_what_the_includes_may_use_is_linked(self):
        graph = linked()
        for user, used in allowed().items():
            if user in LIBRARY:
                self.assertEqual(used - reached(graph, user), set(), user)

    def test_what_tests_may_use_besides_is_linked_to_them(self):
        for folder, used in checker().TESTS_MAY_USE.items():
            with self.subTest(folder):
                text = (ROOT / folder / "CMakeLists.txt").read_text()
                links = set(re.findall(r"picket::\w+", "".join(re.findall(r"\bTEST_LINKS\b[^)]*", text))))
                named = {name.replace("/", "::") for name in used - {"apps/gateway/testing"}}  # which has headers only
                self.assertEqual(named, links)

    def test_what_a_readme_says_that_its_module_may_use_is_what_the_includes_may(self):
        for folder, used in checker().MAY_USE.items():
            if folder.startswith(("picket/", "apps/")) and folder != "apps/gateway/testing":
                with self.subTest(folder):
                    self.assertEqual(said(folder), {path.rpartition("/")[2] for path in used})


class Reading(unittest.TestCase):
    def test_chains_and_lists_are_arrows(self):
        self.assertEqual(drawn("```\na ◀─ b, c ◀─ d\n```"), {("b", "a"), ("c", "a"), ("d", "b"), ("d", "c")})

    def test_what_follows_from_two_arrows_is_left_out(self):
        self.assertEqual(arrows({"a": set(), "b": {"a"}, "c": {"a", "b"}}), {("b", "a"), ("c", "b")})


if __name__ == "__main__":
    unittest.main()
