from __future__ import annotations

import numpy as np
import pandas as pd
import pytest


@pytest.fixture
def orders():
    return pd.DataFrame(
        {
            "order": ["A1", "A2", "A2", "A4", "A4"],
            "placed": pd.to_datetime(["2025-01-01", "2025-01-05", "2025-01-05", "2025-02-01", None]),
            "shipped": pd.to_datetime(["2025-01-03", "2025-01-04", "2025-01-04", None, "2025-01-02"]),
            "amount": [10.0, 20.0, 20.0, -5.0, np.nan],
        }
    )
