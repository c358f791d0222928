"""A bundle scores a Spark frame as it scores a pandas frame: one model, more machines."""

import os
import shutil
import sys

import numpy as np
import pandas as pd
import pytest

pytestmark = pytest.mark.platforms
pyspark = pytest.importorskip("pyspark", reason="needs the platforms tier: make test-platforms")


@pytest.fixture(scope="module")
def spark():
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


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    from mlhelpers.data import load
    from mlhelpers.packaging import build_bundle, infer_signature, load_bundle
    from mlhelpers.training import data_hash, fit, make_boosting

    frame = load("churn")
    numeric, categorical = ["tenure_months", "monthly_charge", "satisfaction"], ["contract", "internet"]
    X = frame[numeric + categorical]
    folder = build_bundle(
        tmp_path_factory.mktemp("bundle") / "bundle",
        model=fit(make_boosting(numeric, categorical, max_iter=20), X, frame["churned"]),
        signature=infer_signature(X),
        example=X.head(2),
        metrics={"n": len(X)},
        model_card="# Model card\n",
        data_hash=data_hash(frame),
        name="churn",
    )
    return load_bundle(folder)


def test_spark_and_pandas_give_the_same_probabilities(spark, bundle):
    from mlhelpers.data import load

    frame = load("churn")[["customer_id", *bundle.columns]].head(3000)
    folder = str(bundle.folder)

    def score(batches):
        from mlhelpers.packaging import load_bundle

        loaded = load_bundle(folder)
        for batch in batches:
            yield pd.DataFrame({"customer_id": batch["customer_id"], "probability": loaded.predict(batch)})

    rows = spark.createDataFrame(frame.astype(object).where(frame.notna(), None)).repartition(4)
    scored = rows.mapInPandas(score, "customer_id string, probability double").toPandas()
    merged = frame.merge(scored, on="customer_id", validate="one_to_one")
    assert len(merged) == len(frame)
    np.testing.assert_allclose(merged["probability"], bundle.predict(frame[bundle.columns]), atol=1e-12)
