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
)
from mlhelpers.validation.metrics import metrics_by_slice, plot_calibration
from mlhelpers.validation.report import html_report, markdown_table, validation_report
from mlhelpers.validation.splits import TimeFolds, connected_groups, leakage_scan
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
