"""Ratios of two sides that were measured in turn."""

import random
import statistics
from dataclasses import dataclass


@dataclass
class Ratio:
    """Median of the per-round ratios, and the 95 % interval of that median."""

    median: float
    low: float
    high: float


def compare(ours, theirs, resamples=2000):
    """`ours[i]` and `theirs[i]` are of one round. The interval is a percentile bootstrap (Efron, 1979) over the rounds;
    its random numbers are seeded, so that one report is one report."""
    ratios = [a / b for a, b in zip(ours, theirs) if b > 0]
    if not ratios:
        raise ValueError("nothing to compare")
    random_numbers = random.Random(1)
    medians = sorted(statistics.median(random_numbers.choices(ratios, k=len(ratios))) for _ in range(resamples))
    edge = int(resamples * 0.025)
    return Ratio(statistics.median(ratios), medians[edge], medians[-1 - edge])


def is_met(ratio, goal):
    """A goal is met when the interval of the median ratio reaches it."""
    return ratio.low <= goal
