import numpy as np
import pandas as pd
import pytest

START = pd.Timestamp("2024-01-01")


@pytest.fixture
def payments():
    days = [0, 10, 10, 20, 30]
    return pd.DataFrame(
        {
            "customer": ["a", "a", "b", "a", "a"],
            "when": START + pd.to_timedelta(days, unit="D"),
            "amount": [1.0, 2.0, 5.0, np.nan, 4.0],
        }
    )
