import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import ttest_ind

from mlhelpers.serving import Router, compare_canary, split

RNG = np.random.default_rng(1)


def results(*, canary_mean=0.3, errors=0, n=400, seconds=0.01):
    canary = np.arange(n) % 2 == 0
    p = np.clip(RNG.normal(np.where(canary, canary_mean, 0.3), 0.1), 0, 1)
    error = np.where(canary & (np.cumsum(canary) <= errors), "Timeout", "")
    times = np.where(canary, seconds, 0.01)
    return pd.DataFrame({"canary": canary, "probability": p, "seconds": times, "error": error})


@given(st.lists(st.text(), max_size=20), st.floats(0, 1), st.text(max_size=3))
def test_same_id_always_goes_the_same_way_and_a_larger_share_keeps_it(ids, share, salt):
    chosen = split(ids, share, salt=salt)
    assert (chosen == split(ids, share, salt=salt)).all()
    assert (split(ids, min(1, share + 0.1), salt=salt) >= chosen).all()


def test_share_is_kept_and_the_ends_are_exact():
    assert split(range(20000), 0.1).mean() == pytest.approx(0.1, abs=0.01)
    assert not split(range(100), 0).any()
    assert split(range(100), 1).all()


def test_another_salt_chooses_others():
    one, two = split(range(5000), 0.2, salt="a"), split(range(5000), 0.2, salt="b")
    assert (one & two).mean() == pytest.approx(0.04, abs=0.015)


def test_share_out_of_range_is_refused():
    with pytest.raises(ValueError, match="share must be from 0 to 1"):
        split([1], 1.1)


def test_equal_canary_is_promoted():
    decision = compare_canary(results())
    assert decision
    assert decision.action == "promote"
    assert decision.figures["low"] < 0 < decision.figures["high"]
    assert "promote" in decision._repr_html_()


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"canary_mean": 0.5}, r"mean probability differs by \+0\.[12]"),
        ({"canary_mean": 0.1}, "mean probability differs by -0"),
        ({"errors": 3}, "3 of 200 requests failed"),
        ({"n": 60}, "only 30 canary and 30 stable answers"),
        ({"seconds": 0.05}, "median time is 5.0 times as long"),
    ],
)
def test_bad_canary_is_rolled_back_with_the_reason(options, reason):
    import re

    decision = compare_canary(results(**options))
    assert not decision
    assert len(decision.reasons) == 1
    assert re.search(reason, decision.reasons[0])


def test_interval_agrees_with_scipy():
    table = results()
    a, b = (table.loc[table["canary"] == side, "probability"] for side in (False, True))
    expected = ttest_ind(b, a, equal_var=False).confidence_interval(0.95)
    figures = compare_canary(table).figures
    assert figures["low"] == pytest.approx(expected.low, abs=1e-12)
    assert figures["high"] == pytest.approx(expected.high, abs=1e-12)


def test_limits_can_be_widened():
    assert compare_canary(results(errors=3, seconds=0.05), max_error_rate=0.05, max_latency_ratio=None)


def test_difference_without_spread_is_judged_as_it_is():
    same = results().assign(probability=0.3)
    assert compare_canary(same)
    assert compare_canary(same).figures["difference"] == 0


def test_router_splits_records_and_falls_back():
    def broken(rows):
        raise ConnectionError("gone")

    router = Router(lambda rows: [0.2], broken, share=0.5)
    answers = [router(number, {}) for number in range(200)]
    assert set(answers) == {0.2}
    table = router.results
    assert table["canary"].tolist() == split(range(200), 0.5).tolist()
    assert (table["error"] == "ConnectionError: gone").equals(table["canary"])
    assert compare_canary(table).action == "rollback"
    router.roll_back()
    router("later", {})
    assert not router.results["canary"].iloc[-1]


def test_promoted_canary_answers_everything():
    router = Router(lambda rows: [0.2], lambda rows: [0.4], share=0.1)
    router.promote()
    assert router("any", {}) == 0.4


def test_failing_stable_model_is_not_hidden():
    def broken(rows):
        raise ConnectionError("gone")

    with pytest.raises(ConnectionError):
        Router(broken, lambda rows: [0.4], share=0)("any", {})
    assert Router(broken, broken).results.empty


def test_choice_of_an_id_never_changes():
    assert split(range(12), 0.5).tolist() == [
        False,
        True,
        False,
        False,
        True,
        True,
        True,
        True,
        True,
        False,
        True,
        True,
    ]
    assert split(["3"], 0.5).tolist() == split([3], 0.5).tolist()
    assert split(["3"], 0.5, salt="").tolist() == split(["3"], 0.5).tolist()


@pytest.mark.parametrize("share", [-0.001, 1.001, float("nan")])
def test_share_just_out_of_range_is_refused(share):
    with pytest.raises(ValueError, match="share must be from 0 to 1"):
        split([1], share)


def test_router_starts_with_a_tenth_and_rolls_back_to_nothing():
    router = Router(lambda rows: [0.2], lambda rows: [0.4])
    assert (router.share, router.salt) == (0.1, "")
    router.promote()
    assert router.share == 1
    router.roll_back()
    assert router.share == 0


def test_router_hands_one_row_to_the_model_and_takes_its_answer():
    seen = []
    router = Router(lambda rows: seen.append(rows) or [0.2, 0.9], lambda rows: [0.4], share=0)
    assert router("a", {"x": 1}) == 0.2
    assert seen == [[{"x": 1}]]
    row = router.results.iloc[0]
    assert (row["request_id"], row["canary"], row["probability"], row["error"]) == ("a", False, 0.2, "")
    assert 0 <= row["seconds"] < 5


def test_failed_canary_has_no_probability_of_its_own():
    def broken(rows):
        raise ConnectionError("gone")

    router = Router(lambda rows: [0.2, 0.9], broken, share=1)
    assert router("a", {}) == 0.2
    assert np.isnan(router.results["probability"].iloc[0])


def answered(stable, canary, *, seconds=(1.0, 1.0), errors=0):
    """Two sides with the given probabilities; the last of the canary fail."""
    side = np.repeat([False, True], [len(stable), len(canary)])
    error = [""] * (len(side) - errors) + ["Timeout"] * errors
    times = np.repeat(seconds, [len(stable), len(canary)])
    probability = np.concatenate([stable, canary]).astype(float)
    return pd.DataFrame({"canary": side, "probability": probability, "seconds": times, "error": error})


SPREAD = np.tile([0.2, 0.4], 50)


def test_figures_are_those_of_the_two_sides():
    table = answered(SPREAD, SPREAD[:80] + 0.01, seconds=(2.0, 3.0), errors=4)
    figures = compare_canary(table).figures
    assert (figures["n_stable"], figures["n_canary"], figures["errors"]) == (100, 80, 4)
    assert figures["difference"] == pytest.approx(0.01)
    assert figures["latency_ratio"] == pytest.approx(1.5)
    assert figures["difference"] - figures["low"] == pytest.approx(figures["high"] - figures["difference"])


def test_fifty_answers_of_each_side_are_needed_and_enough():
    assert compare_canary(answered(SPREAD, SPREAD[:50]))
    for stable, canary in ((SPREAD, SPREAD[:49]), (SPREAD[:49], SPREAD)):
        few = compare_canary(answered(stable, canary))
        assert few.reasons == (f"only {len(canary)} canary and {len(stable)} stable answers, 50 are needed",)
        assert "difference" not in few.figures
    assert compare_canary(answered(SPREAD[:2], SPREAD[:2]), min_requests=0)
    assert not compare_canary(answered(SPREAD[:1], SPREAD[:1]), min_requests=0)


def test_no_error_is_allowed_unless_told_otherwise():
    one = answered(SPREAD, SPREAD, errors=1)
    assert compare_canary(one).reasons == ("1 of 100 requests failed",)
    assert compare_canary(one, max_error_rate=0.01)
    assert not compare_canary(one, max_error_rate=0.009)


@pytest.mark.parametrize("sign", [1, -1])
def test_a_difference_counts_when_it_is_surely_larger_than_a_twentieth(sign):
    constant = np.full(60, 0.5)
    assert compare_canary(answered(constant, constant + sign * 0.0499))
    assert not compare_canary(answered(constant, constant + sign * 0.0501))
    quarter = answered(constant, constant + sign * 0.25)
    assert compare_canary(quarter, max_difference=0.25)  # the limit itself is allowed
    assert compare_canary(answered(SPREAD, SPREAD + sign * 0.06))  # not surely
    assert not compare_canary(answered(SPREAD, SPREAD + sign * 0.09))
    assert compare_canary(answered(SPREAD, SPREAD + sign * 0.09), max_difference=0.2)


def test_time_may_double_and_no_more():
    assert compare_canary(answered(SPREAD, SPREAD, seconds=(1.0, 2.0)))
    slow = compare_canary(answered(SPREAD, SPREAD, seconds=(1.0, 2.1)))
    assert slow.reasons == ("median time is 2.1 times as long, at most 2 is allowed",)
    assert compare_canary(answered(SPREAD, SPREAD, seconds=(1.0, 2.1)), max_latency_ratio=3)


def test_promotion_says_that_the_limits_are_kept():
    decision = compare_canary(answered(SPREAD, SPREAD))
    assert decision.reasons == ("errors, answers and times are within the limits",)
    shown = decision._repr_html_()
    assert "<b>promote</b>: errors, answers" in shown
    assert "n_stable" in shown


@given(st.integers(0, 2**32), st.integers(3, 40), st.integers(3, 40), st.sampled_from([0.8, 0.95, 0.99]))
def test_interval_of_any_two_samples_is_that_of_scipy(seed, n_stable, n_canary, level):
    rng = np.random.default_rng(seed)
    a, b = rng.random(n_stable), rng.random(n_canary) ** 2
    figures = compare_canary(answered(a, b), min_requests=2, level=level).figures
    expected = ttest_ind(b, a, equal_var=False).confidence_interval(level)
    assert figures["low"] == pytest.approx(expected.low, rel=1e-9, abs=1e-12)
    assert figures["high"] == pytest.approx(expected.high, rel=1e-9, abs=1e-12)
