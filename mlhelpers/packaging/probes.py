"""Rows from all over what a signature allows, to compare two forms of a model on.

Taught in lesson 6.1 (serialization formats). Apart because `build` and `onnx_export` both draw them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

_PROBES = 2000


def probe_rows(
    signature: Sequence[Mapping[str, Any]], n_rows: int = _PROBES, *, random_state: int = 0
) -> np.ndarray:
    """Coded rows from all over what a signature allows, its limits and missing values among them.

    Taught in lesson 6.1.

    Parameters
    ----------
    signature : sequence of mapping
        From `infer_signature`.
    n_rows : int, default=2000
        Number of rows.
    random_state : int, default=0
        Seed.

    Returns
    -------
    ndarray of shape (n_rows, n_columns)
        As `RowReader.read` codes them.
    """
    rng = np.random.default_rng(random_state)
    codes = np.empty((n_rows, len(signature)))
    for at, column in enumerate(signature):
        if column["type"] == "category":
            codes[:, at] = rng.integers(0, len(column["categories"]), n_rows)
        else:
            drawn = rng.uniform(column["min"], column["max"], n_rows)
            drawn[rng.random(n_rows) < 0.02], drawn[rng.random(n_rows) < 0.02] = column["min"], column["max"]
            decimals = 0 if column["type"] == "integer" else _decimals(column["max"] - column["min"])
            codes[:, at] = np.clip(np.round(drawn, decimals), column["min"], column["max"])
        if column["nullable"]:
            codes[rng.random(n_rows) < 0.1, at] = np.nan
    return codes


def _decimals(width: float) -> int:
    """Two, or as many as leave about a thousand values in a narrow range."""
    return max(2, 3 - math.floor(math.log10(width))) if width > 0 else 2
