"""`profile_spark` asks little of a frame: a stand-in with partitions shows the merge without Spark."""

import numpy as np
import pandas as pd

from mlhelpers.monitoring.profiles import profile, profile_spark


class Partitioned:
    def __init__(self, partitions):
        self.partitions = partitions

    def limit(self, n):
        return Partitioned([part.head(n) for part in self.partitions])

    def toPandas(self):
        return pd.concat(self.partitions, ignore_index=True)

    def mapInPandas(self, function, schema):
        assert schema == "profile string"
        return Partitioned([pd.concat(function(iter([part[:5], part[5:]]))) for part in self.partitions])

    def toLocalIterator(self):
        for part in self.partitions:
            yield from part.to_dict("records")


def test_profiles_of_partitions_add_up():
    frame = pd.DataFrame({"x": np.random.default_rng(0).normal(size=90), "c": ["a", "b", None] * 30})
    rows = Partitioned([frame[:20], frame[20:50], frame[50:]])
    assert profile_spark(rows) == profile(frame)
    assert profile_spark(rows, numeric=["x"]) == profile(frame, numeric=["x"])
