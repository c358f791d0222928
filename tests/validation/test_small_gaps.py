"""Gaps of many groups: the limits of all pairs, in little time and memory."""

import time
import tracemalloc
from itertools import combinations

import numpy as np
import pytest

from mlhelpers.validation.fairness import fairness_gaps
from mlhelpers.validation.fairness.distances import _PARTS, GAPS

pytestmark = pytest.mark.filterwarnings("ignore:left out:UserWarning")


def limits_of_all_pairs(y, p, groups, n_resamples, seed):
    """The limits as the definition has them: a quantile for each pair of groups, then the outermost."""
    cell = 4 * groups + 2 * y + (p >= 0.5)
    counts = np.bincount(cell, minlength=4 * (groups.max() + 1)).reshape(-1, 4)
    rng, rates, draws = np.random.default_rng(seed), {}, {}
    for rate, (hits, rests_on) in _PARTS.items():
        k, n = counts[:, hits].sum(axis=1), counts[:, rests_on].sum(axis=1)
        rates[rate] = k / n
        draws[rate] = rng.beta(k + 0.5, n - k + 0.5, (n_resamples, len(counts)))
    found = {}
    for name, (parts, kind) in GAPS.items():
        pairs = [
            (r, *sorted(ab, key=rates[r].__getitem__))
            for r in parts
            for ab in combinations(range(len(counts)), 2)
        ]
        tail, ends = 0.025 / len(pairs), []
        for rate, a, b in pairs:
            low, high = draws[rate][:, a], draws[rate][:, b]
            ends.append(np.quantile(low / high if kind == "ratio" else high - low, [tail, 1 - tail]))
        low, high = np.transpose(ends)
        found[name] = (
            (low.min(), high.min()) if kind == "ratio" else (low.max(), max(high.max(), (-low).max()))
        )
    return found


@pytest.mark.parametrize("n_groups, n_resamples", [(2, 500), (5, 300), (25, 300), (40, 700), (12, 2), (6, 1)])
def test_limits_are_those_of_all_pairs(n_groups, n_resamples):
    rng = np.random.default_rng(n_groups)
    n = 300 * n_groups
    y, p, groups = rng.integers(0, 2, n), rng.random(n), np.repeat(np.arange(n_groups), 300)
    table = fairness_gaps(y, p, groups, min_size=1, n_resamples=n_resamples, random_state=3)
    for name, ends in limits_of_all_pairs(y, p, groups, n_resamples, 3).items():
        assert table.loc[name, ["low", "high"]].tolist() == pytest.approx(ends, abs=1e-12), name


def test_gaps_of_300_groups_take_little_memory_and_time():
    rng = np.random.default_rng(0)
    y, p, groups = rng.integers(0, 2, 9000), rng.random(9000), np.repeat(np.arange(300), 30)
    began = time.process_time()
    fairness_gaps(y, p, groups)
    assert time.process_time() - began < 6  # about 1 s; the limit leaves room for a slow machine
    tracemalloc.start()
    fairness_gaps(y, p, groups)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 200e6
