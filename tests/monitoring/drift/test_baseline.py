import numpy as np
import pandas as pd
import pytest

from mlhelpers.monitoring import learn_baseline, reference_variation

NUMERIC, CATEGORICAL = ["charge", "gb"], ["contract"]
WATCH = {"numeric": NUMERIC, "categorical": CATEGORICAL, "batch_size": 200}


def rows(n, seed):
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "charge": rng.normal(60, 15, n),
            "gb": np.where(rng.random(n) < 0.1, np.nan, rng.gamma(3, 10, n)),
            "contract": rng.choice(["monthly", "one_year", "two_year"], n, p=[0.5, 0.3, 0.2]),
        }
    )
    return frame.astype({"contract": object})


REFERENCE = rows(4000, 0)


@pytest.fixture(scope="module")
def baseline():
    return learn_baseline(REFERENCE, **WATCH)


def exceeded(baseline, batch):
    figures = baseline.measure(batch)
    return set(figures.index[figures > baseline.thresholds])


def test_ordinary_batches_rarely_alarm_over_all_monitors_together():
    usual = learn_baseline(REFERENCE, **WATCH, false_alarm_rate=0.05)
    alarms = sum(bool(exceeded(usual, rows(200, seed))) for seed in range(1, 401))
    assert 4 <= alarms <= 40  # 20 expected


def test_distance_is_that_of_cumulative_shares(baseline):
    batch = rows(200, 9)
    from scipy.stats import ks_2samp

    expected = ks_2samp(REFERENCE["charge"], batch["charge"]).statistic
    assert baseline.measure(batch)["shape:charge"] == pytest.approx(expected, abs=0.015)  # 99 quantiles
    shares = [frame["contract"].value_counts(normalize=True) for frame in (REFERENCE, batch)]
    expected = 0.5 * (shares[0] - shares[1]).abs().sum()
    assert baseline.measure(batch)["shape:contract"] == pytest.approx(expected)


@pytest.mark.parametrize(
    ("change", "monitors"),
    [
        ({"charge": lambda frame: frame["charge"] * 1.2}, {"shape:charge"}),
        ({"gb": lambda frame: frame["gb"] * 1024}, {"shape:gb", "range:gb"}),
        ({"gb": np.nan}, {"missing:gb", "shape:gb"}),
        ({"charge": lambda frame: frame["charge"].mask(frame.index % 10 == 0)}, {"missing:charge"}),
        ({"contract": "weekly"}, {"shape:contract"}),
        ({"contract": lambda frame: frame["contract"].mask(frame.index < 100)}, {"missing:contract"}),
    ],
)
def test_each_kind_of_change_exceeds_its_monitor(baseline, change, monitors):
    found = exceeded(baseline, rows(200, 5).assign(**change))
    assert monitors <= found
    assert {monitor.partition(":")[2] for monitor in found} == set(change)


def test_thresholds_are_the_same_every_time():
    pd.testing.assert_frame_equal(
        reference_variation(REFERENCE, **WATCH), learn_baseline(REFERENCE, **WATCH).table
    )


def test_smaller_batches_and_rarer_alarms_need_higher_thresholds(baseline):
    small = learn_baseline(REFERENCE, **WATCH | {"batch_size": 50}).thresholds
    often = learn_baseline(REFERENCE, **WATCH, false_alarm_rate=0.1).thresholds
    assert (small > baseline.thresholds).all()
    assert (often < baseline.thresholds).all()


def test_baseline_shows_itself(baseline):
    assert "shape:charge" in baseline._repr_html_()
    assert "0.50%" in baseline._repr_html_()


def test_batch_must_have_rows_and_columns(baseline):
    with pytest.raises(ValueError, match="lacks columns: gb"):
        baseline.measure(REFERENCE.drop(columns="gb"))
    with pytest.raises(ValueError, match="batch is empty"):
        baseline.measure(REFERENCE.head(0))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"numeric": ["age"]}, "columns missing from the reference: age"),
        ({"numeric": [], "categorical": []}, "none given"),
        ({"batch_size": 2001}, "batch_size must be from 1 to 2000"),
        ({"false_alarm_rate": 0.0}, "false_alarm_rate must be in"),
        ({"n_draws": 100}, "n_draws must be at least 1000"),
    ],
)
def test_unusable_options_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        learn_baseline(REFERENCE, **WATCH | options)


def test_column_without_a_value_is_refused():
    with pytest.raises(ValueError, match="'gb' has no value in the reference"):
        learn_baseline(REFERENCE.assign(gb=np.nan), **WATCH)
