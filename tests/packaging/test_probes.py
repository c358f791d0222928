"""Probe rows reach everything that a signature allows, and nothing else."""

import numpy as np
import pandas as pd
import pytest

from mlhelpers.packaging import infer_signature, probe_rows

SIGNATURE = infer_signature(
    pd.DataFrame(
        {
            "charge": [10.5, 99.25, None, 20.0],
            "late": [0, 3, 1, 2],
            "plan": ["a", "b", "c", None],
        }
    )
)


@pytest.fixture(scope="module")
def codes():
    return probe_rows(SIGNATURE)


def test_two_thousand_rows_unless_told_otherwise(codes):
    assert codes.shape == (2000, 3)
    assert probe_rows(SIGNATURE, 7).shape == (7, 3)


def test_limits_are_reached_and_never_left(codes):
    for at, column in enumerate(SIGNATURE[:2]):
        assert np.nanmin(codes[:, at]) == column["min"]
        assert np.nanmax(codes[:, at]) == column["max"]


def test_a_narrow_range_has_many_values_too():
    narrow = infer_signature(pd.DataFrame({"rate": [0.0011, 0.0042]}), margin=0.0)
    found = probe_rows(narrow)[:, 0]
    assert len(np.unique(found)) > 200
    assert (found.min(), found.max()) == (narrow[0]["min"], narrow[0]["max"])


def test_whole_numbers_are_whole_and_all_of_them_occur(codes):
    low, high = SIGNATURE[1]["min"], SIGNATURE[1]["max"]
    assert set(codes[:, 1]) == set(range(int(low), int(high) + 1))


def test_every_category_occurs(codes):
    assert set(codes[~np.isnan(codes[:, 2]), 2]) == {0, 1, 2}


def test_a_tenth_is_missing_where_gaps_are_allowed_and_none_elsewhere(codes):
    shares = np.isnan(codes).mean(axis=0)
    assert shares[1] == 0
    assert shares[[0, 2]] == pytest.approx(0.1, abs=0.03)


def test_rows_follow_from_the_seed(codes):
    np.testing.assert_array_equal(codes, probe_rows(SIGNATURE))
    assert not np.array_equal(codes, probe_rows(SIGNATURE, random_state=1), equal_nan=True)
