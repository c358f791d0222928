import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import log_loss, roc_auc_score

from mlhelpers.monitoring import batch_performance, learn_performance_baseline, segment_performance


def batch(n, seed, *, shift=0.0):
    rng = np.random.default_rng(seed)
    p = rng.beta(2, 5, n)
    group = rng.choice(["fiber", "dsl", None], n, p=[0.45, 0.5, 0.05])
    y = (rng.random(n) < np.clip(p + shift * (group == "fiber"), 0, 1)).astype(int)
    return y, p, pd.DataFrame({"internet": group})


REFERENCE = batch(4000, 0)


def test_figures_agree_with_scikit_learn():
    y, p, _ = REFERENCE
    found = batch_performance(y, p)
    assert found["roc_auc"] == pytest.approx(roc_auc_score(y, p), abs=1e-12)
    assert found["log_loss"] == pytest.approx(log_loss(y, p), abs=1e-12)
    assert found["calibration_gap"] == pytest.approx(y.mean() - p.mean())
    assert found["z"] == pytest.approx((y - p).sum() / np.sqrt((p * (1 - p)).sum()))


def test_z_of_a_calibrated_model_is_standard_normal():
    z = np.array([batch_performance(*batch(300, seed)[:2])["z"] for seed in range(300)])
    assert z.mean() == pytest.approx(0, abs=0.2)
    assert z.std() == pytest.approx(1, abs=0.12)


def test_one_class_and_certain_probabilities_have_no_auc_and_no_z():
    found = batch_performance([1, 1], [1.0, 1.0])
    assert np.isnan(found["roc_auc"])
    assert np.isnan(found["z"])


def test_segments_are_judged_apart_and_the_worst_is_first():
    y, p, segments = batch(2000, 1, shift=0.2)
    table = segment_performance(y, p, segments)
    assert table.loc[0, ["segment", "value"]].tolist() == ["internet", "fiber"]
    assert set(table["value"]) == {"fiber", "dsl", "missing"}
    assert table["n"].sum() == 2000
    with pytest.raises(ValueError, match="segments has 3 rows"):
        segment_performance(y, p, segments.head(3))


def test_ordinary_batches_rarely_exceed_over_all_monitors_together():
    y, p, segments = REFERENCE
    usual = learn_performance_baseline(y, p, segments, batch_size=300, false_alarm_rate=0.05)
    assert usual.table.index.tolist() == ["gap", "log_loss", "gap:internet=dsl", "gap:internet=fiber"]
    alarms = sum((usual.measure(*batch(300, seed)).abs() > usual.threshold).any() for seed in range(1, 301))
    assert 3 <= alarms <= 32  # 15 expected


def test_change_in_a_segment_exceeds_there_first():
    y, p, segments = REFERENCE
    usual = learn_performance_baseline(y, p, segments, batch_size=300)
    z = usual.measure(*batch(300, 1, shift=0.25))
    assert z.abs().idxmax() == "gap:internet=fiber"
    assert z["gap:internet=fiber"] > usual.thresholds["gap:internet=fiber"]


def test_segment_without_rows_is_nan_and_segments_are_optional():
    y, p, segments = REFERENCE
    usual = learn_performance_baseline(y, p, segments, batch_size=300)
    z = usual.measure(y[:50], p[:50], pd.DataFrame({"internet": ["dsl"] * 50}))
    assert np.isnan(z["gap:internet=fiber"])
    plain = learn_performance_baseline(y, p, batch_size=300)
    assert plain.measure(y[:300], p[:300]).index.tolist() == ["gap", "log_loss"]


def test_biased_model_is_usual_if_the_reference_was():
    y, p, segments = REFERENCE
    usual = learn_performance_baseline(y, p * 0.5, segments, batch_size=300)
    other, q, more = batch(300, 3)
    assert (usual.measure(other, q * 0.5, more).abs() < usual.threshold).all()


CODES = pd.Series([1, 2, 3] * 100)
WITH_GAP = CODES.astype(float).where(np.arange(300) != 7)
FORMS = {
    "floats": WITH_GAP,
    "single floats": WITH_GAP.astype("float32"),
    "nullable": WITH_GAP.astype("Int64"),
    "categories": WITH_GAP.astype("category"),
    "objects": WITH_GAP.astype(object),
    "text": CODES.astype(str).where(np.arange(300) != 7),
    "of several kinds": pd.Series([1, 2.0, "3"] * 100, dtype=object).where(np.arange(300) != 7),
}


@pytest.mark.parametrize("form", FORMS)
def test_segments_of_codes_with_a_gap_keep_their_names(form):
    table = segment_performance(CODES % 2, np.full(300, 0.5), pd.DataFrame({"plan": FORMS[form]}))
    assert sorted(table["value"]) == ["1", "2", "3", "missing"]
