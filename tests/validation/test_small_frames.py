"""Frames with doubled names are refused by name; gaps in lists of groups and long ids stay what they are."""

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression

from mlhelpers.validation.fairness import (
    compare_mitigations,
    disparities,
    fairness_gaps,
    group_metrics,
    metrics_by_group,
    reweighing_weights,
)
from mlhelpers.validation.metrics import metrics_by_slice, plot_calibration
from mlhelpers.validation.report import html_report, markdown_table, validation_report
from mlhelpers.validation.splits import GroupFolds, TimeFolds, connected_groups, leakage_scan
from mlhelpers.validation.stress import StressCase, failure_report, missing_cases, tabular_cases, unit_cases

TWIN = pd.DataFrame(np.tile([[1, 2, 0], [3, 4, 1]], (50, 1)), columns=["twin", "twin", "y"])
Y, P = np.tile([0, 1], 50), np.tile([0.2, 0.7], 50)
TEXTS = {"name": "m", "version": "1", "purpose": "a", "not_for": "b", "limitations": ["c"]}


@pytest.mark.parametrize(
    "call",
    [
        lambda: leakage_scan(TWIN, TWIN, target="y"),
        lambda: connected_groups(TWIN, ["twin"]),
        lambda: next(TimeFolds(1, time="twin", test_days=1).split(TWIN)),
        lambda: metrics_by_slice(Y, P, TWIN),
        lambda: plot_calibration(TWIN),
        lambda: group_metrics(Y, Y, TWIN),
        lambda: fairness_gaps(Y, P, TWIN),
        lambda: metrics_by_group(Y, P, TWIN),
        lambda: disparities(TWIN),
        lambda: compare_mitigations(LogisticRegression(), TWIN, Y, Y, TWIN, Y, Y, methods=["none"]),
        lambda: validation_report(Y, P, groups=TWIN, **TEXTS),
        lambda: validation_report(Y, P, groups=TWIN, task="regression", **TEXTS),
        lambda: validation_report(Y, P, data=TWIN, **TEXTS),
        lambda: validation_report(Y, P, stress=TWIN, **TEXTS),
        lambda: html_report("title", [("table", TWIN)]),
        lambda: markdown_table(TWIN),
        lambda: StressCase("case", "works", TWIN, TWIN),
        lambda: missing_cases(TWIN),
        lambda: unit_cases(TWIN, {"twin": 2}),
        lambda: tabular_cases(TWIN, numeric=["twin"], categorical=[]),
        lambda: failure_report(TWIN),
    ],
)
def test_a_doubled_column_name_is_refused_by_name(call):
    with pytest.raises(ValueError, match="column 'twin' stands there twice"):
        call()


def test_a_gap_in_a_list_of_groups_is_the_group_missing():
    groups = ["a"] * 49 + ["b"] * 50 + [float("nan")]
    assert group_metrics(Y, Y, groups)["n"].to_dict() == {"a": 49, "b": 50, "missing": 1}
    assert group_metrics(Y, Y, {"plan": groups})["n"].to_dict() == {"a": 49, "b": 50, "missing": 1}
    with_none = [None if group != group else group for group in groups]
    assert np.array_equal(reweighing_weights(list(Y), groups), reweighing_weights(Y, pd.Series(with_none)))


def test_a_row_without_a_group_or_a_date_is_named():
    with pytest.raises(ValueError, match="1 rows have no group, the first is row 2"):
        next(GroupFolds(2).split(np.zeros(4), groups=["a", "b", None, "c"]))
    with pytest.raises(ValueError, match="1 rows have no date, the first is row 1"):
        next(TimeFolds(1, time=["2024-01-01", None], test_days=1).split(np.zeros(2)))


def test_owners_of_the_test_rows_are_left_out_of_training():
    days = pd.date_range("2024-01-01", periods=5)
    ((train, test),) = TimeFolds(1, time=days, test_days=1).split(
        np.zeros(5), groups=["a", "b", None, "c", "a"]
    )
    assert (train.tolist(), test.tolist()) == ([1, 2, 3], [4])


def test_ids_beyond_the_precision_of_a_float_are_not_taken_for_each_other():
    train = pd.DataFrame({"id": [2**53 + 1, 1, 2, 3], "y": [0, 1, 0, 1]})
    test = pd.DataFrame({"id": [2**53, 11, 12, 13], "y": [0, 1, 0, 1]})
    for kind in ("int64", "Int64"):
        sides = (side.astype({"id": kind}) for side in (train, test))
        report = leakage_scan(*sides, target="y", groups="id")
        assert report.count("group on both sides") == report.count("row on both sides") == 0
    shared = leakage_scan(train, test.assign(id=train["id"]), target="y", groups="id", key="id")
    assert shared.count("group on both sides") == shared.count("key on both sides") == 4


def test_the_scan_of_texts_takes_memory_in_proportion_to_the_text():
    import tracemalloc

    rng = np.random.default_rng(0)
    words = [f"{i} short" for i in range(5999)] + ["one long note " * 5000]
    frame = pd.DataFrame(
        {"note": rng.permutation(np.array(words, dtype=object)), "y": rng.integers(0, 2, 6000)}
    )
    tracemalloc.start()
    leakage_scan(frame[:3000], frame[3000:], target="y", groups="note")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 20e6
