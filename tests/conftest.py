"""What the tests of several stages share: customers, a small model and its bundle."""

import os
import shutil
import sys

import numpy as np
import pandas as pd
import pytest
from hypothesis import settings
from threadpoolctl import threadpool_limits

# A busy machine is no fault of what is tested: no example has a time limit of its own.
settings.register_profile("course", deadline=None)
settings.load_profile("course")
NUMERIC, CATEGORICAL = ["charge", "late"], ["contract", "region"]


# These files take the longest. Started last, one of them would keep a worker busy while the others wait.
SLOW = (
    "pipelines/test_churn.py",
    "course/exercises/test_exercises_exploits.py",
    "serving/test_reliability.py",
    "training/test_deep.py",
    "course/exercises/test_classroom",
)


def pytest_collection_modifyitems(items):
    places = {f"tests/{name}": place for place, name in enumerate(SLOW)}
    items.sort(
        key=lambda item: next((p for name, p in places.items() if item.nodeid.startswith(name)), len(SLOW))
    )


@pytest.fixture(autouse=True, scope="session")
def _one_thread():
    import sklearn.ensemble  # noqa: F401  (the limit holds for libraries that are loaded)

    with threadpool_limits(1):
        yield


@pytest.fixture(autouse=True)
def _own_style():
    """The style of the figures that a test draws is not that of the next."""
    if "matplotlib" in sys.modules:
        import matplotlib as mpl

        with mpl.rc_context():
            yield
        return
    yield
    if "matplotlib" in sys.modules:
        import matplotlib as mpl

        mpl.rcdefaults()


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


@pytest.fixture(scope="session")
def class_parts():
    """What a bundle is built of whose model tells three classes apart."""
    from sklearn.datasets import load_iris
    from sklearn.linear_model import LogisticRegression

    from mlhelpers.packaging import infer_signature

    data = load_iris(as_frame=True)
    flowers = data.data.set_axis(["sepal_length", "sepal_width", "petal_length", "petal_width"], axis=1)
    return {
        "model": LogisticRegression(max_iter=1000).fit(flowers, data.target),
        "signature": infer_signature(flowers),
        "example": flowers.iloc[[0, 60, 120]],
        "metrics": {"accuracy": 0.97},
        "model_card": "# Model card",
        "data_hash": "abc",
        "name": "iris",
        "version": "1.0.0",
        "classes": ["setosa", "versicolor", "virginica"],
    }


@pytest.fixture(scope="session")
def flowers(class_parts):
    """Its bundle, loaded."""
    import tempfile

    from mlhelpers.packaging import build_bundle, load_bundle

    with tempfile.TemporaryDirectory() as folder:
        yield load_bundle(build_bundle(f"{folder}/bundle", **class_parts))


@pytest.fixture(scope="session")
def spark():
    """A Spark session on two threads of this machine."""
    pytest.importorskip("pyspark", reason="needs the platforms tier: make test-platforms")
    if shutil.which("java") is None and "JAVA_HOME" not in os.environ:
        pytest.skip("Spark needs Java 17: install it (Debian: apt install openjdk-17-jre-headless)")
    from pyspark.sql import SparkSession

    os.environ |= {"SPARK_LOCAL_IP": "127.0.0.1", "PYSPARK_PYTHON": sys.executable}
    session = (
        SparkSession.builder.master("local[2]")
        .config("spark.ui.enabled", "false")
        .config("spark.sql.shuffle.partitions", "2")
        .getOrCreate()
    )
    yield session
    session.stop()
