import numpy as np
import pandas as pd

from mlhelpers.data.explore import association


def mixed(n=400, random_state=0):
    rng = np.random.default_rng(random_state)
    base = rng.normal(size=n)
    frame = pd.DataFrame(
        {
            "x": base + rng.normal(size=n),
            "skewed": np.exp(base),
            "count": rng.poisson(np.exp(base / 2)),
            "plan": np.where(base + rng.normal(size=n) > 0, "big", "small"),
            "place": rng.choice(["n", "s", "e", "w"], n).astype(object),
            "flag": rng.random(n) < 0.4,
            "day": pd.Timestamp("2025-01-01") + pd.to_timedelta(np.round(10 * base), unit="D"),
        }
    )
    frame.loc[rng.random(n) < 0.2, "x"] = np.nan
    frame.loc[rng.random(n) < 0.1, "skewed"] = np.nan
    frame.loc[rng.random(n) < 0.15, "place"] = None
    return frame


def test_result_does_not_depend_on_the_size_of_a_piece(monkeypatch):
    from mlhelpers.data.explore import numeric

    frame = mixed()
    whole = {m: association(frame, numeric=m).matrix for m in ("pearson", "spearman")}
    monkeypatch.setattr(numeric, "PIECE", 7)
    for method, expected in whole.items():
        np.testing.assert_allclose(association(frame, numeric=method).matrix, expected, atol=1e-12)
