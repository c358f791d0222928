"""Rows from all over what a signature allows, to compare two forms of a model on.

Taught in lesson 6.1 (serialization formats).
"""

from __future__ import annotations

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
            codes[:, at] = np.round(drawn) if column["type"] == "integer" else np.round(drawn, 2)
        if column["nullable"]:
            codes[rng.random(n_rows) < 0.1, at] = np.nan
    return codes
