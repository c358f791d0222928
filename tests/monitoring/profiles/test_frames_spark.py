"""The profile of a Spark frame is the profile of its rows, whatever the partitions."""

import os
import shutil
import sys

import numpy as np
import pandas as pd
import pytest

from mlhelpers.monitoring.profiles import profile, profile_spark

pytestmark = pytest.mark.platforms
pyspark = pytest.importorskip("pyspark", reason="needs the platforms tier: make test-platforms")

RNG = np.random.default_rng(3)
FRAME = pd.DataFrame(
    {
        "charge": np.where(RNG.random(4000) < 0.1, np.nan, RNG.normal(60, 15, 4000)),
        "tickets": RNG.poisson(2, 4000).astype(float),
        "contract": RNG.choice(np.array(["monthly", "two_year", None], dtype=object), 4000),
    }
)


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


def test_spark_and_pandas_give_equal_profiles(spark):
    rows = spark.createDataFrame(FRAME.astype(object).where(FRAME.notna(), None)).repartition(4)
    assert profile_spark(rows) == profile(FRAME)
    named = {"numeric": ["charge"], "categorical": ["contract"], "origin": {"charge": 60.0}}
    assert profile_spark(rows, **named) == profile(FRAME, **named)
