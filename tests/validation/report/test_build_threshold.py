import numpy as np
import pandas as pd

from mlhelpers.validation.report import validation_report

Y = np.tile([1, 0], 100)
P = np.tile(np.array([0.7, 0.1], dtype=np.float32), 100)
GROUPS = pd.DataFrame({"plan": np.repeat(["a", "b"], 100)})


def test_a_report_decides_in_the_precision_of_the_scores_and_shows_the_threshold_asked_for():
    report = validation_report(
        Y, P, name="m", version="1", purpose="a", not_for="b", limitations=["c"], threshold=0.7,
        groups=GROUPS, n_resamples=50,
    )  # fmt: skip
    assert report.figures["recall"] == 1
    assert report.tables["fairness"]["recall"].tolist() == [1, 1]
    assert report.tables["threshold"]["threshold"] == 0.7
