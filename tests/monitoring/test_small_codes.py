"""Codes with one gap, which pandas stores as floats, stay the same categories; so do codes read as text."""

import numpy as np
import pandas as pd
import pytest

from mlhelpers.monitoring.drift import (
    chi_square,
    classifier_two_sample,
    drift_report,
    drift_table,
    jensen_shannon,
    learn_baseline,
)
from mlhelpers.monitoring.profiles import profile
from mlhelpers.monitoring.retraining.performance import segment_performance

CODES = pd.Series([1, 2, 3] * 100)
WITH_GAP = CODES.astype(float).where(np.arange(300) != 7)
FORMS = {
    "floats": WITH_GAP,
    "single floats": WITH_GAP.astype("float32"),
    "nullable": WITH_GAP.astype("Int64"),
    "categories": WITH_GAP.astype("category"),
    "objects": WITH_GAP.astype(object),
    "text": CODES.astype(str).where(np.arange(300) != 7),
    "of several kinds": pd.Series([1, 2.0, "3"] * 100, dtype=object).where(np.arange(300) != 7),
}


@pytest.mark.parametrize("form", FORMS)
def test_codes_with_one_gap_stay_the_same_categories(form):
    reference, current = pd.DataFrame({"plan": FORMS[form]}), pd.DataFrame({"plan": CODES})
    assert profile(reference, categorical=["plan"])["plan"].counts == {"1": 100, "2": 99, "3": 100}
    assert drift_report(reference, current, categorical=["plan"]).table["new_categories"].tolist() == [0]
    assert drift_table(reference, current, numeric=[], categorical=["plan"])["distance"][0] < 0.1
    assert chi_square(FORMS[form], CODES).effect < 0.1
    assert jensen_shannon(FORMS[form].astype(object), CODES.astype(object)) < 0.1
    assert classifier_two_sample(reference, current, numeric=[], categorical=["plan"]).effect < 0.2
    baseline = learn_baseline(reference, numeric=[], categorical=["plan"], batch_size=50, n_draws=1000)
    assert baseline.measure(current)["shape:plan"] < 0.01


@pytest.mark.parametrize("form", FORMS)
def test_segments_of_codes_with_a_gap_keep_their_names(form):
    table = segment_performance(CODES % 2, np.full(300, 0.5), pd.DataFrame({"plan": FORMS[form]}))
    assert sorted(table["value"]) == ["1", "2", "3", "missing"]
