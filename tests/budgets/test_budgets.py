"""The verdict of tools/budgets on counts that are made up."""

import importlib.machinery
import importlib.util
import pathlib
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
loader = importlib.machinery.SourceFileLoader("budgets", str(ROOT / "tools" / "budgets"))
budgets = importlib.util.module_from_spec(importlib.util.spec_from_loader("budgets", loader))
loader.exec_module(budgets)


def refused(budget, counted):
    return [line.split(":")[0] for line in budgets.violations(budget, counted)]


class Budgets(unittest.TestCase):
    def test_what_is_within_three_percent_is_accepted(self):
        self.assertEqual(refused({"a": 1000, "b": 1000}, {"a": 1030, "b": 970}), [])

    def test_an_operation_that_grew_is_refused(self):
        self.assertEqual(refused({"a": 1000, "b": 1000}, {"a": 1031, "b": 1000}), ["a"])

    def test_an_operation_that_shrank_is_refused_so_that_the_file_stays_true(self):
        self.assertEqual(refused({"a": 1000, "b": 1000}, {"a": 1000, "b": 969}), ["b"])

    def test_operations_and_budgets_are_the_same_ones(self):
        self.assertEqual(refused({"a": 1000, "gone": 1}, {"a": 1000, "new": 1}), ["gone", "new"])


if __name__ == "__main__":
    unittest.main()
