import numpy as np
import pandas as pd
import pytest


@pytest.fixture(scope="module")
def rows():
    rng = np.random.default_rng(0)
    X = pd.DataFrame(rng.standard_normal((240, 3)), columns=list("abc"))
    y = (X["a"] * X["b"] + 0.3 * rng.standard_normal(240) > 0).astype(int)
    return X, y
