import numpy as np
import pandas as pd
import pytest

from mlhelpers.validation.splits import (
    leakage_scan,
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
OPTIONS = {"target": "y", "key": "id"}


def test_report_reads_as_text_and_as_html():
    report = leakage_scan(TRAIN, pd.concat([TEST, TRAIN.head(2)]), **OPTIONS)
    assert "2 high" in str(report) and "2 of 202" in repr(report)
    page = report._repr_html_()
    assert "<table" in page and "row on both sides" in page and "tickets" in page
    clean = leakage_scan(TRAIN, TEST.head(12), **OPTIONS)
    assert "nothing found" in str(clean) and "<table" not in clean._repr_html_()
    with pytest.raises(ValueError, match="no check 'magic'"):
        report.count("magic")
