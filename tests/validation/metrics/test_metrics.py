import numpy as np
import pytest

from mlhelpers.validation.costs import net_benefit
from mlhelpers.validation.metrics import (
    bootstrap_intervals,
    classification_metrics,
)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_a_score_reaches_the_threshold_that_it_equals(dtype):
    y, p = np.array([1, 0]), np.array([0.7, 0.1], dtype=dtype)
    assert classification_metrics(y, p, threshold=0.7)["recall"] == 1
    assert net_benefit(y, p, 0.7, gain_tp=1, cost_fp=1, cost_fn=1) == 1
    y, p = np.tile(y, 50), np.tile(p, 50)
    assert bootstrap_intervals(y, p, metrics=["recall"], threshold=0.7)["value"].tolist() == [1.0]
