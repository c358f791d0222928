"""Small inputs with answers known by hand, one for each kind of fault that was found."""

import matplotlib.pyplot as plt
import numpy as np
import pytest

from mlhelpers.validation import (
    calibration_table,
    expected_calibration_error,
    plot_calibration,
)


def test_three_distinct_scores_are_three_bins():
    p = np.repeat([0.2, 0.5, 0.8], 100)
    y = np.concatenate([np.repeat([1, 0], [n, 100 - n]) for n in (20, 80, 50)])
    table = calibration_table(y, p)
    assert table["predicted"].round(12).tolist() == [0.2, 0.5, 0.8]
    assert table["observed"].tolist() == [0.2, 0.8, 0.5]
    assert expected_calibration_error(y, p) == pytest.approx(0.2)


def test_many_scores_are_ten_bins_of_equally_many_rows():
    p = np.random.default_rng(0).random(1000)
    table = calibration_table(np.random.default_rng(1).integers(0, 2, 1000), p)
    assert table["n"].tolist() == [100] * 10


def test_a_large_tie_at_the_top_is_a_bin_of_its_own():
    p = np.r_[np.linspace(0, 0.9, 700), np.ones(300)]
    table = calibration_table(np.r_[np.zeros(700), np.ones(300)].astype(int), p)
    assert (table["n"].iloc[-1], table["predicted"].iloc[-1]) == (300, 1.0)


RNG = np.random.default_rng(3)
Y = (RNG.random(500) < 0.3).astype(int)
P = np.clip(0.25 * Y + 0.7 * RNG.random(500), 0, 1)


def test_calibration_table_counts_every_row_once():
    table = calibration_table(Y, P, bins=7)
    assert table["n"].sum() == 500
    assert len(table) == 7
    assert table["predicted"].is_monotonic_increasing
    assert np.average(table["observed"], weights=table["n"]) == pytest.approx(Y.mean())
    assert ((table["low"] <= table["observed"]) & (table["observed"] <= table["high"])).all()


def test_equal_probabilities_share_a_bin():
    assert len(calibration_table([0, 1, 0, 1], [0.5] * 4)) == 1
    assert calibration_table([0, 1, 0, 1], [0.1, 0.1, 0.1, 0.9])["n"].sum() == 4


def test_calibration_error_of_exact_shares_is_zero_and_of_opposites_one():
    assert expected_calibration_error([0, 1, 0, 1], [0.5] * 4) == 0
    assert expected_calibration_error([0, 0, 1, 1], [1, 1, 0, 0]) == 1


def test_calibration_plot_is_labelled_and_takes_axes():
    _, ax = plt.subplots()
    table = calibration_table(Y, P)
    assert plot_calibration(table, ax=ax) is ax
    assert ax.get_xlabel() == "predicted probability"
    assert plot_calibration(table) is not ax
    plt.close("all")


def test_calibration_error_of_three_distinct_scores():
    p = np.repeat([0.2, 0.5, 0.8], 100)
    y = np.concatenate([np.repeat([1, 0], [n, 100 - n]) for n in (20, 80, 50)])
    assert expected_calibration_error(y, p) == pytest.approx(0.2, abs=1e-12)
    assert calibration_table(y, p)["n"].tolist() == [100, 100, 100]


def test_many_zeros_leave_no_bin_of_one_row_at_the_top():
    rng = np.random.default_rng(0)
    p = np.r_[np.zeros(500), rng.random(500)]
    assert calibration_table(rng.integers(0, 2, 1000), p)["n"].tolist() == [500, 100, 100, 100, 100, 100]
