"""Few values, or a value that many rows hold, moved by a hair: no drift by distances over bins."""

import numpy as np
import pandas as pd
import pytest

from mlhelpers.monitoring.drift import drift_report, jensen_shannon, population_stability_index

RNG = np.random.default_rng(0)
SAMPLES = {
    "three values": np.repeat([1.0, 2.0, 3.0], 300),
    "negative values": np.repeat([-3.0, -2.0, -1.0], 300),
    "fifteen values": np.repeat(np.arange(15.0), 60),
    "half are zero": np.concatenate([np.zeros(500), 1 + RNG.random(500)]),
}


@pytest.mark.parametrize("name", SAMPLES)
@pytest.mark.parametrize("shift", [0.001, -0.001])
def test_a_hair_is_no_drift(name, shift):
    reference = SAMPLES[name]
    current = reference + shift
    row = drift_report(pd.DataFrame({"n": reference}), pd.DataFrame({"n": current})).table.iloc[0]
    for psi in (row["psi"], population_stability_index(reference, current)):
        assert psi < 0.01
    for distance in (row["js"], jensen_shannon(reference, current)):
        assert distance < 0.1
    assert row["wasserstein"] == pytest.approx(0.001, abs=row["wasserstein_bound"] + 1e-9)


@pytest.mark.parametrize("name", SAMPLES)
def test_a_step_of_three_is_drift(name):
    reference, current = SAMPLES[name], SAMPLES[name] + 3
    row = drift_report(pd.DataFrame({"n": reference}), pd.DataFrame({"n": current})).table.iloc[0]
    assert min(row["psi"], population_stability_index(reference, current)) > 0.25


def test_continuous_data_are_cut_at_their_quantiles():
    reference, current = RNG.normal(size=(2, 1000))
    cuts = np.quantile(reference, np.arange(1, 10) / 10)
    a, b = (np.bincount(np.searchsorted(cuts, x), minlength=10) / 1000 for x in (reference, current))
    assert population_stability_index(reference, current) == pytest.approx(np.sum((b - a) * np.log(b / a)))
