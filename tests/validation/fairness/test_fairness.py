import numpy as np
import pandas as pd

from mlhelpers.validation.fairness import (
    group_metrics,
    reweighing_weights,
)

Y, P = np.tile([0, 1], 50), np.tile([0.2, 0.7], 50)


def test_a_gap_in_a_list_of_groups_is_the_group_missing():
    groups = ["a"] * 49 + ["b"] * 50 + [float("nan")]
    assert group_metrics(Y, Y, groups)["n"].to_dict() == {"a": 49, "b": 50, "missing": 1}
    assert group_metrics(Y, Y, {"plan": groups})["n"].to_dict() == {"a": 49, "b": 50, "missing": 1}
    with_none = [None if group != group else group for group in groups]
    assert np.array_equal(reweighing_weights(list(Y), groups), reweighing_weights(Y, pd.Series(with_none)))
