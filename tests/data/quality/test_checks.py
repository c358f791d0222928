from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlhelpers.data.quality import (
    quality_report,
    repeated_rows,
)


def test_quartiles_of_many_numbers_are_those_of_numpy():
    from mlhelpers.data.quality.checks import _quartiles

    rng = np.random.default_rng(0)
    for values in (
        rng.normal(size=150_000),
        np.sort(rng.gamma(2, size=150_001)),
        rng.poisson(3.0, 120_000) + 0.0,
    ):
        assert _quartiles(values) == pytest.approx(np.quantile(values, [0.25, 0.75]), rel=1e-12)
    tricky = np.where(np.arange(200_000) % 10, rng.normal(size=200_000), 50.0)  # every tenth is far off
    assert _quartiles(tricky) == pytest.approx(np.quantile(tricky, [0.25, 0.75]), rel=1e-12)


FLOATS = st.one_of(st.just(np.nan), st.just(np.inf), st.integers(-2, 8).map(float), st.floats(-3, 12))


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 3), st.sampled_from(["a", "b", None]), FLOATS), min_size=1, max_size=30)
)
def test_repeated_rows_are_those_of_pandas(rows):
    frame = pd.DataFrame(rows, columns=["n", "word", "x"])
    assert repeated_rows(frame).tolist() == frame.duplicated().tolist()
    by_key = quality_report(frame, key="n").table.set_index("check").loc["the whole row repeats", "failed"]
    assert by_key == frame.duplicated().sum()


def test_repeated_rows_of_a_large_table_are_those_of_pandas():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"word": rng.choice(["a", "b"], 5000), "x": rng.normal(size=5000).round(3)})
    assert repeated_rows(frame).tolist() == frame.duplicated().tolist()
    assert repeated_rows(frame[["word"]]).sum() == 4998
