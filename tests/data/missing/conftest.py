from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

# Imputations


@pytest.fixture(scope="module")
def world():
    """Features, label and complete column: y depends on x, x on the known z, and half of x is gone."""
    rng = np.random.default_rng(0)
    z = rng.normal(size=1500)
    x = 5 + 1.5 * z + rng.normal(size=1500)
    y = (rng.random(1500) < 1 / (1 + np.exp(-(x - 5)))).astype(int)
    frame = pd.DataFrame({"z": z, "word": rng.choice(["a", "b"], 1500), "day": np.arange(1500)})
    mar = x.copy()
    mar[rng.random(1500) < np.where(z > 0, 0.75, 0.1)] = np.nan
    return frame.assign(x=mar), y, x
