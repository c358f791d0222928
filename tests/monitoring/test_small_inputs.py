"""Small inputs with answers known by hand, one for each kind of fault that was found."""

import numpy as np
import pandas as pd
import pytest

from mlhelpers.monitoring.drift import (
    drift_report,
    drift_table,
    jensen_shannon,
    learn_baseline,
    population_stability_index,
)


@pytest.mark.parametrize("distance", [jensen_shannon, population_stability_index])
def test_few_values_moved_by_a_thousandth_are_no_drift(distance):
    reference = np.repeat([1.0, 2.0, 3.0], 300)
    assert distance(reference, reference + 0.001) == 0
    assert distance(reference, reference + 1) > 0.25
    assert distance(reference, np.repeat([1.0, 2.0, 9.0], 300)) > 0.25


def test_codes_with_one_gap_are_the_same_codes():
    rng = np.random.default_rng(0)
    codes = rng.integers(1, 4, 2000)
    with_gap = pd.DataFrame({"plan": pd.Series(codes, dtype=float).where(np.arange(2000) != 7)})
    baseline = learn_baseline(with_gap, numeric=[], categorical=["plan"], batch_size=200, n_draws=1000)
    batch = pd.DataFrame({"plan": rng.integers(1, 4, 200)})
    assert baseline.measure(batch)["shape:plan"] < 0.1
    report = drift_report(with_gap, batch, categorical=["plan"], baseline=baseline)
    assert not report.table["drifted"].any()


def test_doubled_columns_are_refused_by_name():
    frame = pd.DataFrame([[1.0, 2.0]] * 8, columns=["n", "n"])
    with pytest.raises(ValueError, match="column 'n' stands there twice"):
        drift_table(frame, frame, numeric=["n"], categorical=[])
    with pytest.raises(ValueError, match="column 'n' stands there twice"):
        learn_baseline(frame, numeric=["n"], categorical=[], batch_size=2)
