"""What the tests of several stages share: customers, a small model and its bundle."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import settings
from threadpoolctl import threadpool_limits

# A busy machine is no fault of what is tested: no example has a time limit of its own.
settings.register_profile("course", deadline=None)
settings.load_profile("course")
NUMERIC, CATEGORICAL = ["charge", "late"], ["contract", "region"]


@pytest.fixture(autouse=True, scope="session")
def _one_thread():
    import sklearn.ensemble  # noqa: F401  (the limit holds for libraries that are loaded)

    with threadpool_limits(1):
        yield


@pytest.fixture(scope="session")
def customers() -> pd.DataFrame:
    rng = np.random.default_rng(7)
    n = 400
    frame = pd.DataFrame(
        {
            "charge": rng.normal(60, 15, n).round(2),
            "late": rng.poisson(0.7, n),
            "contract": rng.choice(["monthly", "one_year", "two_year"], n).astype(object),
            "region": rng.choice(["north", "coast"], n).astype(object),
        }
    )
    logit = -1.5 + 0.8 * frame["late"] + 1.2 * (frame["contract"] == "monthly")
    frame["churned"] = (rng.random(n) < 1 / (1 + np.exp(-logit))).astype(int)
    frame.loc[::7, "charge"] = np.nan
    frame.loc[::11, "contract"] = None
    return frame


@pytest.fixture(scope="session")
def model(customers):
    from mlhelpers.training import fit, make_boosting

    return fit(make_boosting(NUMERIC, CATEGORICAL, max_iter=15), customers, customers["churned"])


@pytest.fixture(scope="session")
def parts(customers, model):
    from mlhelpers.packaging import infer_signature

    features = customers[[*NUMERIC, *CATEGORICAL]]
    return {
        "model": model,
        "signature": infer_signature(features, units={"charge": "USD per month"}),
        "example": features.head(3),
        "metrics": {"roc_auc": 0.8123456789, "n": 400},
        "model_card": "# Model card",
        "data_hash": "abc",
        "name": "churn",
        "version": "1.0.0",
    }


@pytest.fixture(scope="session")
def built(parts, tmp_path_factory):
    from mlhelpers.packaging import build_bundle

    return build_bundle(tmp_path_factory.mktemp("built") / "bundle", **parts)
