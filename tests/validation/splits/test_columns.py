import numpy as np
import pandas as pd
import pytest

from mlhelpers.validation.splits import (
    connected_groups,
)


def make_rows(n, seed=0, first="C"):
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "id": [f"{first}{seed}-{i}" for i in range(n)],
            "day": pd.Timestamp("2025-01-01") + pd.to_timedelta(rng.integers(0, 100, n), unit="D"),
            "plan": rng.choice(["a", "b", "c", None], n),
            "usage": np.where(rng.random(n) < 0.1, np.nan, rng.gamma(2, 5, n)),
            "charge": rng.gamma(4, 10, n),
            "tickets": rng.poisson(2, n),
            "y": (rng.random(n) < 0.3).astype(int),
        }
    )


def split(frame):
    return frame.iloc[: len(frame) * 3 // 4], frame.iloc[len(frame) * 3 // 4 :]


TRAIN, TEST = split(make_rows(800))


def test_rows_are_connected_through_any_column():
    frame = pd.DataFrame({"card": ["a", "a", "b", "c", None, None], "device": [1, 2, 2, 3, 4, 5]})
    assert connected_groups(frame, ["card", "device"]).tolist() == [0, 0, 0, 1, 2, 3]
    assert connected_groups(frame, "card").tolist() == [0, 0, 1, 2, 3, 4]


def test_unknown_column_to_connect_by_is_named():
    with pytest.raises(ValueError, match="shop"):
        connected_groups(TRAIN, ["shop"])
    with pytest.raises(ValueError, match="none was named"):
        connected_groups(TRAIN, [])
