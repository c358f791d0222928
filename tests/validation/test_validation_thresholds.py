"""A score that equals a threshold reaches it, in every place in which a threshold is applied."""

import numpy as np
import pandas as pd

from mlhelpers.validation.fairness import fairness_gaps, metrics_by_group
from mlhelpers.validation.metrics import metrics_by_slice

Y = np.tile([1, 0], 100)
P = np.tile(np.array([0.7, 0.1], dtype=np.float32), 100)
GROUPS = pd.DataFrame({"plan": np.repeat(["a", "b"], 100)})


def test_slices_and_groups_reach_the_threshold():
    assert metrics_by_slice(Y, P, GROUPS, metrics=["recall"], threshold=0.7)["recall"].tolist() == [1, 1]
    assert metrics_by_group(Y, P, GROUPS["plan"], threshold=0.7)["true_positive_rate"].tolist() == [1, 1]
    gaps = fairness_gaps(Y, P, np.where(P > 0.5, "a", "b"), threshold=0.7, n_resamples=0)
    assert gaps.loc["demographic_parity_difference", "difference"] == 1
