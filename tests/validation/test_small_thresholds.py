"""A score that equals a threshold reaches it, in every place in which a threshold is applied."""

import numpy as np
import pandas as pd
import pytest

from mlhelpers.validation.fairness import fairness_gaps, metrics_by_group
from mlhelpers.validation.gates import Gate, check_gates
from mlhelpers.validation.metrics import classification_metrics, metrics_by_slice, paired_difference
from mlhelpers.validation.report import validation_report
from mlhelpers.validation.stress import directional_case, run_stress_cases

Y = np.tile([1, 0], 100)
P = np.tile(np.array([0.7, 0.1], dtype=np.float32), 100)
GROUPS = pd.DataFrame({"plan": np.repeat(["a", "b"], 100)})


@pytest.mark.parametrize("scores", [list(P), pd.Series(P, dtype="Float32"), pd.Series(P)])
def test_scores_of_any_container_reach_the_threshold_that_they_equal(scores):
    assert classification_metrics(Y, scores, threshold=0.7)["recall"] == 1


def test_two_models_of_different_precision_are_equal_at_the_threshold():
    wide = np.tile([0.7, 0.1], 100)
    assert paired_difference(Y, P, wide, "recall", threshold=0.7, n_resamples=20)["value"] == 0


def test_slices_and_groups_reach_the_threshold():
    assert metrics_by_slice(Y, P, GROUPS, metrics=["recall"], threshold=0.7)["recall"].tolist() == [1, 1]
    assert metrics_by_group(Y, P, GROUPS["plan"], threshold=0.7)["true_positive_rate"].tolist() == [1, 1]
    gaps = fairness_gaps(Y, P, np.where(P > 0.5, "a", "b"), threshold=0.7, n_resamples=0)
    assert gaps.loc["demographic_parity_difference", "difference"] == 1


def test_a_report_decides_in_the_precision_of_the_scores_and_shows_the_threshold_asked_for():
    report = validation_report(
        Y, P, name="m", version="1", purpose="a", not_for="b", limitations=["c"], threshold=0.7,
        groups=GROUPS, n_resamples=50,
    )  # fmt: skip
    assert report.figures["recall"] == 1
    assert report.tables["fairness"]["recall"].tolist() == [1, 1]
    assert report.tables["threshold"]["threshold"] == 0.7


@pytest.mark.parametrize("rule", ["min", "max"])
def test_a_figure_that_equals_its_limit_keeps_it(rule):
    for limit in (0.7, 0.8):
        assert Gate("auc", rule, limit).passes(np.float32(limit))
        assert check_gates({"auc": np.float32(limit)}, {"auc": {rule: limit}}).passed
    assert not Gate("auc", rule, 0.7).passes(float("nan"))


def test_a_move_as_large_as_the_tolerance_is_no_failure():
    frame = pd.DataFrame({"x": [0.1, 0.1]})
    case = directional_case(frame, "x", 0.1, direction="decreasing", tolerance=0.1)
    table = run_stress_cases(lambda rows: rows["x"].to_numpy(dtype=np.float32), [case])
    assert table["failures"].tolist() == [0]
