"""What tools/callgrind.py and tools/areas.py make of call graphs that are written by hand."""

import pathlib
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "tools"))

import areas  # noqa: E402
import callgrind  # noqa: E402

HEAD = "version: 1\npositions: line\nevents: Ir\n\n"
# main spends 10 itself and asks left and right; both call leaf, which costs 40 for left and 20 for right.
SHARED_LEAF = """ob=(1) /bin/picket
fl=(1) picket/wire/codec.cpp
fn=(1) main
1 10
cfn=(2) left
calls=1 5
2 45
cfn=(3) right
calls=1 9
+1 25

fn=(2)
5 5
cfi=(2) /usr/include/boost/asio/io_context.hpp
cfn=(4) leaf
calls=2 20
+1 40

fn=(3)
9 5
cfi=(2)
cfn=(4)
calls=1 20
* 20

fl=(2)
fn=(4)
20 30
fi=(1)
* 30
"""
# again costs 10 at each of three levels; the levels below the first are "again'2".
RECURSION = """fl=(1) a.cpp
fn=(1) main
1 5
cfn=(2) again
calls=1 2
1 30

fn=(2)
2 10
cfn=(3) again'2
calls=1 2
2 20

fn=(3)
2 20
cfn=(3)
calls=1 2
2 10
"""


def counts_of(*texts):
    with tempfile.TemporaryDirectory() as folder:
        paths = [pathlib.Path(folder) / str(number) for number in range(len(texts))]
        for path, text in zip(paths, texts, strict=True):
            path.write_text(HEAD + text, encoding="utf-8")
        return callgrind.read(paths)


def at(frame, *names):
    for name in names:
        frame = frame.children[name]
    return frame


class CallGraph(unittest.TestCase):
    def test_the_cost_of_a_call_is_not_the_callers_own(self):
        own = {function.name: cost for function, cost in counts_of(SHARED_LEAF).own.items()}
        self.assertEqual(own, {"main": 10, "left": 5, "right": 5, "leaf": 60})

    def test_a_function_costs_each_caller_what_its_calls_cost(self):
        root = callgrind.tree(counts_of(SHARED_LEAF), 0)
        self.assertEqual(at(root, "main").cost(), 80)
        self.assertEqual(at(root, "main", "left", "leaf").cost(), 40)
        self.assertEqual(at(root, "main", "right", "leaf").cost(), 20)

    def test_what_is_too_small_to_follow_stays_with_the_caller(self):
        root = callgrind.tree(counts_of(SHARED_LEAF), 30)
        self.assertEqual(at(root, "main").own, 10 + 25)
        self.assertEqual(root.cost(), 80)

    def test_recursion_is_one_frame_with_the_cost_of_all_levels(self):
        main = at(callgrind.tree(counts_of(RECURSION), 0), "main")
        self.assertEqual(list(main.children), ["again"])
        self.assertEqual(at(main, "again").own, 30)

    def test_a_function_that_nobody_is_seen_to_call_is_a_root(self):
        returned_into = "fl=(1) a.cpp\nfn=(1) loop\n1 7\n\nfn=(2) thread\n1 3\n"
        root = callgrind.tree(counts_of(returned_into), 0)
        self.assertEqual({name: frame.cost() for name, frame in root.children.items()}, {"loop": 7, "thread": 3})

    def test_files_of_several_threads_add_up(self):
        self.assertEqual(counts_of(SHARED_LEAF, RECURSION).total(), 80 + 35)

    def test_a_file_that_counted_nothing_is_refused(self):
        with self.assertRaises(ValueError):
            counts_of("")


class Areas(unittest.TestCase):
    def test_inlined_code_counts_where_it_was_written(self):
        self.assertEqual(areas.costs_by_area(counts_of(SHARED_LEAF)), {"codec": 50, "Boost": 30})

    def test_names_lose_what_only_the_compiler_needs(self):
        for full, short in {
            "picket::wire::encode(picket::wire::Frame const&, std::vector<int, std::allocator<int> >&)": "wire::encode",
            "picket::gateway::(anonymous namespace)::serve(int) [clone .resume]": "gateway::serve [resume]",
            "void boost::asio::post<picket::A>(picket::A&&) [clone .llvm.12]": "asio::post",
            "auto picket::visit<int>(int) const::{lambda(int (*)(int))#2}::operator()<int>(int) const":
                "visit::{lambda}::operator()",
            "std::ostream& std::operator<< <char>(std::ostream&, char const*)": "std::operator<<",
            "_ZN6picket4wire6encodeITkNS0_9DescribedENS0_5FrameEEEvRKT_": "wire::encode",
            "operator new(unsigned long)": "operator new",
            "(below main)": "(below main)",
        }.items():
            self.assertEqual(areas.shortened(full), short)


if __name__ == "__main__":
    unittest.main()
