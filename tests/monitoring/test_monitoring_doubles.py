"""A frame in which two columns have one name is refused by that name wherever it comes in."""

import numpy as np
import pandas as pd
import pytest

from mlhelpers.monitoring.drift import classifier_two_sample, drift_report, learn_baseline
from mlhelpers.monitoring.profiles import profile, suggest_origins
from mlhelpers.monitoring.retraining import compare_policies, replay_weeks
from mlhelpers.monitoring.retraining.performance import learn_performance_baseline, segment_performance

ONE = pd.DataFrame({"n": np.arange(60.0), "week": np.arange(60) // 20, "y": np.arange(60) % 2})
TWO = pd.DataFrame(np.column_stack([ONE["n"], ONE["n"], ONE]), columns=["twin", "twin", "n", "week", "y"])
DRAWS = {"batch_size": 5, "n_draws": 1000}
WATCH = {"numeric": ["n"], "categorical": []}
CALLS = {
    "profile": lambda: profile(TWO),
    "profile of named columns": lambda: profile(TWO, numeric=["n"]),
    "profile of parts": lambda: profile([ONE, TWO], numeric=["n"]),
    "origins": lambda: suggest_origins(TWO, numeric=["n"]),
    "report, reference": lambda: drift_report(TWO, ONE, numeric=["n"]),
    "report, batch": lambda: drift_report(ONE, TWO, numeric=["n"]),
    "report against a profile": lambda: drift_report(profile(ONE), TWO),
    "baseline": lambda: learn_baseline(TWO, **WATCH, **DRAWS),
    "batch of a baseline": lambda: learn_baseline(ONE, **WATCH, **DRAWS).measure(TWO),
    "classifier": lambda: classifier_two_sample(ONE, TWO, **WATCH),
    "segments": lambda: segment_performance(ONE["y"], np.full(60, 0.5), TWO),
    "usual segments": lambda: learn_performance_baseline(ONE["y"], np.full(60, 0.5), TWO, **DRAWS),
    "weeks": lambda: replay_weeks(ONE, TWO, **WATCH),
    "policies": lambda: compare_policies(TWO, ONE, lambda: None, **WATCH, label="y"),
}


@pytest.mark.parametrize("where", CALLS)
def test_doubled_columns_are_refused_by_name(where):
    with pytest.raises(ValueError, match="column 'twin' stands there twice"):
        CALLS[where]()


@pytest.mark.parametrize("names", [{"numeric": ["n", "n"]}, {"numeric": [], "categorical": ["n", "n"]}])
def test_a_column_named_twice_is_refused(names):
    for call in (profile, lambda frame, **names: drift_report(frame, frame, **names)):
        with pytest.raises(ValueError, match="column 'n' is named twice"):
            call(ONE, **names)
    with pytest.raises(ValueError, match="column 'n' is named twice"):
        learn_baseline(ONE, **{"categorical": [], **names}, **DRAWS)
