import numpy as np
import pandas as pd
import pytest

from mlhelpers.validation import classification_metrics, metrics_by_slice

RNG = np.random.default_rng(0)
N = 2000
SLICES = pd.DataFrame(
    {
        "region": RNG.choice(["north", "south", None], N, p=[0.6, 0.3, 0.1]),
        "age": RNG.integers(18, 80, N).astype(float),
        "pilot": RNG.random(N) < 0.005,
    }
)
Y = (RNG.random(N) < 0.3).astype(int)
SIGNAL = np.where(SLICES["region"] == "south", 0.0, 0.35)  # in the south the model knows nothing
P = np.clip(SIGNAL * Y + 0.6 * RNG.random(N), 0, 1)


@pytest.fixture(scope="module")
def table():
    return metrics_by_slice(Y, P, SLICES)


def test_the_bad_slice_stands_first(table):
    worst = table.iloc[0]
    assert (worst["column"], worst["slice"]) == ("region", "south")
    assert worst["roc_auc_high"] < 0.6
    assert table.iloc[1]["roc_auc_low"] > worst["roc_auc_high"]


def test_figures_are_those_of_the_slice_alone(table):
    inside = (SLICES["region"] == "north").to_numpy()
    row = table.query("slice == 'north'").iloc[0]
    alone = classification_metrics(Y[inside], P[inside])
    assert (row["n"], row["positives"]) == (inside.sum(), Y[inside].sum())
    assert (row["roc_auc"], row["recall"]) == (alone["roc_auc"], alone["recall"])


def test_every_row_is_in_one_slice_of_each_column(table):
    assert table.groupby("column")["n"].sum().to_dict() == {"age": N, "pilot": N, "region": N}
    assert "missing" in set(table.query("column == 'region'")["slice"])
    assert len(table.query("column == 'age'")) == 4


def test_a_small_slice_is_listed_without_figures(table):
    row = table.query("column == 'pilot' and slice == 'True'").iloc[0]
    assert row["note"] == "fewer than 10 of a class"
    assert np.isnan(row["roc_auc"]) and np.isnan(row["recall_low"])
    assert table["note"].iloc[-1] == row["note"]


def test_a_column_of_few_numbers_is_taken_value_by_value():
    found = metrics_by_slice(Y, P, pd.DataFrame({"plan": np.arange(N) % 3}), metrics=["brier"])
    assert sorted(found["slice"]) == ["0", "1", "2"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"slices": SLICES.head(5)}, "slices has 5 rows, y has 2000"),
        ({"metrics": ["auc"]}, "unknown metrics"),
        ({"bins": 0}, "bins and min_positives must be at least 1"),
    ],
)
def test_bad_input_is_named(change, message):
    arguments = {"y": Y, "p": P, "slices": SLICES} | change
    with pytest.raises(ValueError, match=message):
        metrics_by_slice(**arguments)


def test_a_value_of_most_rows_and_the_rest_are_slices():
    rng = np.random.default_rng(0)
    spend = np.where(rng.random(2000) < 0.8, 0.0, rng.random(2000) * 10)
    table = metrics_by_slice(rng.integers(0, 2, 2000), rng.random(2000), pd.DataFrame({"spend": spend}))
    assert sorted(table["slice"]) == ["0", "other than 0"]
    assert table["n"].sum() == 2000


def test_a_value_of_many_rows_is_a_slice_of_its_own_and_the_others_are_cut():
    calls = np.r_[np.zeros(1200), RNG.uniform(1, 9, 800)]
    table = metrics_by_slice(Y, P, pd.DataFrame({"calls": calls}, index=np.zeros(N)), n_resamples=20)
    sizes = table.set_index("slice")["n"]
    assert sizes["0"] == 1200
    assert sorted(sizes) == [400, 400, 1200]


def test_a_slice_says_which_value_inside_it_is_apart():
    near = np.r_[np.full(1000, 5.0), np.linspace(0, 10, 1000)]
    table = metrics_by_slice(Y, P, pd.DataFrame({"near": near}), bins=2, n_resamples=20)
    assert set(table["slice"]) == {"5", "other than 5"}
    table = metrics_by_slice(Y, P, pd.DataFrame({"near": near}), bins=3, n_resamples=20)
    assert table.set_index("slice")["n"].to_dict() == {
        "5": 1000,
        "(-0.01, 5.0] without 5": 500,
        "(5.0, 10.0]": 500,
    }


def test_whole_numbers_with_gaps_are_cut_as_well():
    months = pd.Series(np.tile(np.arange(1, 21), 100)).astype("Int64").mask(np.arange(N) < 100)
    table = metrics_by_slice(Y, P, pd.DataFrame({"months": months}), n_resamples=20)
    assert table.set_index("slice").loc["missing", "n"] == 100
    assert len(table) == 5
