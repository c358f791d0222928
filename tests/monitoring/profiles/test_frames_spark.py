"""The profile of a Spark frame is the profile of its rows, whatever the partitions."""

import numpy as np
import pandas as pd
import pytest

from mlhelpers.monitoring.profiles import profile, profile_spark

pytestmark = pytest.mark.platforms

RNG = np.random.default_rng(3)
FRAME = pd.DataFrame(
    {
        "charge": np.where(RNG.random(4000) < 0.1, np.nan, RNG.normal(60, 15, 4000)),
        "tickets": RNG.poisson(2, 4000).astype(float),
        "contract": RNG.choice(np.array(["monthly", "two_year", None], dtype=object), 4000),
    }
)


def test_spark_and_pandas_give_equal_profiles(spark):
    rows = spark.createDataFrame(FRAME.astype(object).where(FRAME.notna(), None)).repartition(4)
    assert profile_spark(rows) == profile(FRAME)
    named = {"numeric": ["charge"], "categorical": ["contract"], "origin": {"charge": 60.0}}
    assert profile_spark(rows, **named) == profile(FRAME, **named)
