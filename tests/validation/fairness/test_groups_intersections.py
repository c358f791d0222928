import numpy as np
import pandas as pd
import pytest

from mlhelpers.validation.fairness import disparities, metrics_by_group

RNG = np.random.default_rng(7)
N = 1500
GROUPS = RNG.choice(["a", "b", "c"], N)
Y = (RNG.random(N) < 0.5).astype(int)
P = np.clip(0.3 * Y + 0.6 * RNG.random(N) + 0.1 * (GROUPS == "a"), 0, 1)


def test_several_columns_give_their_groups_and_their_intersections():
    groups = pd.DataFrame({"g": GROUPS, "half": np.where(np.arange(N) % 2, "odd", "even")})
    table = metrics_by_group(Y, P, groups, intersections=True)
    assert table.index.unique(0).tolist() == ["g", "half", "g x half"]
    pd.testing.assert_frame_equal(table.loc["g"], metrics_by_group(Y, P, GROUPS))
    both = groups["g"] + ", " + groups["half"]
    pd.testing.assert_frame_equal(table.loc["g x half"], metrics_by_group(Y, P, both))
    found = disparities(table)
    assert found["attribute"].unique().tolist() == ["g", "half", "g x half"]
    first = found[found["attribute"] == "g"].drop(columns="attribute")
    pd.testing.assert_frame_equal(first, disparities(table.loc["g"]))


def test_small_intersection_is_named_with_its_attribute():
    groups = {"g": GROUPS, "rare": np.where(np.arange(N) < 9, "yes", None)}
    with pytest.warns(UserWarning, match="rare=yes, g x rare=a, yes"):
        table = metrics_by_group(Y, P, groups, intersections=True)
    assert table["small"].sum() == 1 + len(set(GROUPS[:9]))


@pytest.mark.parametrize("groups", [GROUPS, {"g": GROUPS}, {}])
def test_intersections_need_two_columns(groups):
    with pytest.raises(ValueError, match="two"):
        metrics_by_group(Y, P, groups, intersections=True)
