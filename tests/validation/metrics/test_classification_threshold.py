import numpy as np
import pandas as pd
import pytest

from mlhelpers.validation.metrics import classification_metrics

Y = np.tile([1, 0], 100)
P = np.tile(np.array([0.7, 0.1], dtype=np.float32), 100)


@pytest.mark.parametrize("scores", [list(P), pd.Series(P, dtype="Float32"), pd.Series(P)])
def test_scores_of_any_container_reach_the_threshold_that_they_equal(scores):
    assert classification_metrics(Y, scores, threshold=0.7)["recall"] == 1
