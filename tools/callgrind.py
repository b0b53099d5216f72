"""What callgrind counted: its files read, and their call graph as a tree.

The format: https://valgrind.org/docs/manual/cl-format.html. Only the first event is read; it is instructions.
"""

import re
from collections import defaultdict
from dataclasses import dataclass, field
from typing import NamedTuple

# Names are given as "(id) name" once and as "(id)" from then on; files, objects and functions have ids of their own.
_NAME = re.compile(r"(c?)(fn|fl|fi|fe|ob)=(?:\((\d+)\))?\s*(.*)")
_KINDS = {"fn": "function", "ob": "object", "fl": "file", "fi": "file", "fe": "file"}
_LEVEL_OF_RECURSION = re.compile(r"'\d+$")


class Function(NamedTuple):
    """A function of the program. Functions of one name have numbers of their own; "f'2" is f called by itself."""

    name: str
    number: str

    def plain(self):
        return _LEVEL_OF_RECURSION.sub("", self.name)


@dataclass
class Counts:
    """Instructions by the function that executed them."""

    own: dict = field(default_factory=lambda: defaultdict(int))  # by function, without those it calls
    lines: dict = field(default_factory=lambda: defaultdict(int))  # own, by (function, file that the code is from)
    calls: dict = field(default_factory=lambda: defaultdict(lambda: defaultdict(int)))  # caller -> callee, inclusive
    home: dict = field(default_factory=dict)  # plain name -> (object, file) that it is defined in

    def total(self):
        return sum(self.own.values())


def read(paths):
    """The sum of callgrind's files: one per thread, or with several parts in one file."""
    counts = Counts()
    for path in paths:
        with open(path, encoding="utf-8", errors="replace") as file:
            _Reader(counts).read(file)
    if not counts.own:
        raise ValueError(f"no cost is counted in {', '.join(map(str, paths))}")
    return counts


class _Reader:
    """One file. The format is a log of changes: what a line does not say is as before."""

    def __init__(self, counts):
        self.counts = counts
        self.names = {}  # (kind, id) -> name
        self.at = {"function": None, "file": "", "object": ""}
        self.callee = {}
        self.positions = 1  # columns before the costs
        self.is_call = False  # the next costs are those of a call

    def read(self, file):
        for line in file:
            first = line[:1]
            if first.isdigit() or first in "+-*":
                self.cost(line.split())
            elif line.startswith("calls="):
                self.is_call = True
            elif line.startswith("positions:"):
                self.positions = len(line.split()) - 1
            elif name := _NAME.match(line):
                self.name(*name.groups())

    def name(self, called, key, number, text):
        kind = _KINDS[key]
        if number is not None:
            text = self.names.setdefault((kind, number), text)
        if kind == "function":
            text = Function(text, number)
        if called:
            self.callee[kind] = text
            return
        self.at[kind] = text
        if kind == "function":
            self.counts.home.setdefault(text.plain(), (self.at["object"], self.at["file"]))

    def cost(self, columns):
        cost = int(columns[self.positions]) if len(columns) > self.positions else 0
        function = self.at["function"]
        if self.is_call:
            self.counts.calls[function][self.callee["function"]] += cost
            self.callee, self.is_call = {}, False
        else:
            self.counts.own[function] += cost
            self.counts.lines[function, self.at["file"]] += cost


@dataclass
class Frame:
    """A function as called on one path from the root."""

    name: str
    own: float = 0
    children: dict = field(default_factory=dict)  # by name

    def cost(self):
        return self.own + sum(child.cost() for child in self.children.values())

    def child(self, function):
        name = function.plain()
        return self.children.setdefault(name, Frame(name))


def tree(counts, smallest):
    """The call graph as a tree, whose costs sum to the total.

    callgrind knows what each call cost, not on which path: a function's cost is spread over its callers in proportion
    to what it cost each, down to parts below `smallest`, which stay with their caller. Recursion is folded: what a
    function costs on a path that is in it already belongs to the frame there.
    """
    root = Frame("all")
    roots = _uncalled(counts)
    scale = counts.total() / sum(roots.values())
    for function, cost in roots.items():
        if cost * scale >= smallest:
            frame = root.child(function)
            _expand(counts, function, cost * scale, frame, {frame.name: frame}, {function}, smallest)
        else:
            root.own += cost * scale
    return root


def _uncalled(counts):
    """`{function: cost}` of what no caller accounts for: where threads begin, and what ran when counting began."""
    surplus = defaultdict(int, counts.own)
    for caller, callees in counts.calls.items():
        for callee, cost in callees.items():
            surplus[caller] += cost
            surplus[callee] -= cost
    return {function: cost for function, cost in surplus.items() if cost > 0}


def _expand(counts, function, cost, frame, path, running, smallest):
    """Spreads `cost` of a function into its frame. `path`: the frames that it is in, by name."""
    callees = {callee: part for callee, part in counts.calls.get(function, {}).items() if callee not in running}
    of = counts.own.get(function, 0) + sum(callees.values())
    if of == 0:
        frame.own += cost
        return
    frame.own += cost * counts.own.get(function, 0) / of
    for callee, part in callees.items():
        share = cost * part / of
        if share < smallest:
            frame.own += share
            continue
        there = path.get(callee.plain()) or frame.child(callee)
        _expand(counts, callee, share, there, path | {there.name: there}, running | {callee}, smallest)
