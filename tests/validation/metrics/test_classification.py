import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlhelpers.validation import (
    classification_metrics,
)


@st.composite
def labelled(draw):
    n = draw(st.integers(2, 40))
    y = draw(st.lists(st.integers(0, 1), min_size=n, max_size=n).filter(lambda y: 0 < sum(y) < len(y)))
    p = draw(st.lists(st.sampled_from([0.0, 0.1, 0.25, 0.5, 0.5001, 0.9, 1.0]), min_size=n, max_size=n))
    weights = draw(st.lists(st.integers(0, 3), min_size=n, max_size=n))
    weights[y.index(0)] = weights[y.index(1)] = 1
    return np.array(y), np.array(p), np.array(weights)


def test_worked_case_of_the_lesson():
    y = np.repeat([1, 0, 0, 1], [90, 102, 5, 3])
    p = np.repeat([0.9, 0.1, 0.9, 0.1], [90, 102, 5, 3])
    found = classification_metrics(y, p)
    assert (found["tp"], found["tn"], found["fp"], found["fn"]) == (90, 102, 5, 3)
    assert found["accuracy"] == pytest.approx(0.96)
    assert found["precision"] == pytest.approx(0.947, abs=5e-4)
    assert found["recall"] == pytest.approx(0.968, abs=5e-4)
    assert found["f1"] == pytest.approx(0.957, abs=5e-4)
    assert found["specificity"] == pytest.approx(102 / 107)


def test_threshold_itself_is_selected():
    assert classification_metrics([0, 1], [0.4, 0.5], threshold=0.5)["tp"] == 1
    assert classification_metrics([0, 1], [0.4, 0.5], threshold=0.51)["tp"] == 0


def test_undefined_metric_is_nan():
    found = classification_metrics([1, 1], [0.2, 0.3])
    assert np.isnan(found["roc_auc"])
    assert np.isnan(found["precision"])


@pytest.mark.parametrize(
    ("y", "p", "message"),
    [
        ([0, 1], [0.5], "equally long"),
        ([], [], "not empty"),
        ([0, 2], [0.5, 0.5], "only 0 and 1"),
        ([0, 1], [0.5, 1.5], "row 1 is 1.5"),
        ([0, 1], [np.nan, 0.5], "row 0 is nan"),
    ],
)
def test_unusable_input_is_refused(y, p, message):
    with pytest.raises(ValueError, match=message):
        classification_metrics(y, p)


@given(labelled())
@settings(deadline=None)
def test_sample_weights_count_as_repeated_rows(data):
    y, p, w = data
    weighted = classification_metrics(y, p, sample_weight=w)
    repeated = classification_metrics(np.repeat(y, w), np.repeat(p, w))
    for name in set(weighted) - {"n"}:
        assert weighted[name] == pytest.approx(repeated[name], abs=1e-12, nan_ok=True), name
