import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from mlhelpers.features import RatioTransformer

LOANS = pd.DataFrame({"debt": [100.0, 200.0, 300.0, 400.0], "income": [1000.0, 1000.0, 2000.0, 1000.0]})
PAIR = [("debt", "income")]
nan = np.nan


def ask(step, debt, income):
    rows = pd.DataFrame({"debt": debt, "income": income}, dtype=float)
    return step.transform(rows)


def test_safe_ratio_is_the_plain_ratio():
    np.testing.assert_allclose(RatioTransformer(PAIR).fit_transform(LOANS).ravel(), [0.1, 0.2, 0.15, 0.4])


def test_denominator_without_meaning_gives_nan():
    step = RatioTransformer(PAIR).fit(LOANS)
    assert step.smallest_.tolist() == [1.0]  # a thousandth of the median
    out = ask(step, [100] * 6 + [nan], [0, -0.0, -1000, 0.5, nan, 1, 1000]).ravel()
    np.testing.assert_array_equal(np.isnan(out), [True] * 5 + [False, True])


def test_cap_puts_them_at_the_learned_limits():
    step = RatioTransformer(PAIR, unsafe="cap", quantiles=(0, 1)).fit(LOANS)
    np.testing.assert_allclose(step.limits_, [[0.1, 0.4]])
    out = ask(step, [5, -5, 0, 5, 900, 1, nan, 5], [0, 0.1, 0, -3, 1000, 1000, 9, nan]).ravel()
    np.testing.assert_allclose(out, [0.4, 0.1, nan, nan, 0.4, 0.1, nan, nan])


def test_indicator_marks_what_has_no_ratio():
    step = RatioTransformer(PAIR, indicator=True).fit(LOANS)
    assert ask(step, [5, 5, nan, 5], [0, 5, 5, nan])[:, 1].tolist() == [1, 0, 1, 1]
    assert list(step.get_feature_names_out()) == ["debt_per_income", "debt_per_income_is_unsafe"]


def test_negative_denominator_can_be_kept():
    step = RatioTransformer(PAIR, negative="keep", smallest=2).fit(LOANS)
    np.testing.assert_allclose(ask(step, [10, 10, 10], [-5, -1, 5]).ravel(), [-2, nan, 2])


def test_smallest_can_be_zero_but_zero_stays_unsafe():
    step = RatioTransformer(PAIR, smallest=0).fit(LOANS)
    np.testing.assert_allclose(ask(step, [1, 1, 1e308], [1e-3, 0, 1e-300]).ravel(), [1000, nan, nan])


def test_training_without_one_safe_denominator_gives_nan_everywhere():
    step = RatioTransformer(PAIR, unsafe="cap").fit(LOANS.assign(income=0.0))
    assert np.isnan(step.limits_).all()
    assert np.isnan(ask(step, [1, 1], [0, 5])).all()


def test_names_come_from_the_mapping_and_none_takes_neighbors():
    named = RatioTransformer({"dti": ("debt", "income"), "inverse": (1, 0)}).fit(LOANS)
    assert list(named.get_feature_names_out()) == ["dti", "inverse"]
    assert list(RatioTransformer().fit(LOANS.to_numpy()).get_feature_names_out()) == ["x0_per_x1"]


numbers = arrays(float, (12, 2), elements=st.one_of(st.just(0.0), st.just(nan), st.floats(-1e6, 1e6)))


@given(numbers, numbers, st.sampled_from(["unsafe", "keep"]))
def test_nothing_ever_leaves_the_learned_limits(train, new, negative):
    step = RatioTransformer(unsafe="cap", negative=negative).fit(train)
    out = step.transform(new).ravel()
    out = out[~np.isnan(out)]
    assert ((out >= step.limits_[0, 0]) & (out <= step.limits_[0, 1])).all()


@given(numbers, numbers)
def test_ratio_is_bounded_by_the_least_denominator(train, new):
    step = RatioTransformer().fit(train)
    out, bound = step.transform(new).ravel(), np.abs(new[:, 0])
    known = ~np.isnan(out)
    assert (np.abs(out[known]) * step.smallest_[0] <= bound[known] * (1 + 1e-12)).all()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"negative": "drop"}, "negative='drop' must be one of unsafe, keep"),
        ({"unsafe": "zero"}, "unsafe='zero' must be one of missing, cap"),
        ({"smallest": -1}, "smallest=-1 must be 'auto' or a number"),
        ({"smallest": "tiny"}, "smallest='tiny' must be"),
        ({"quantiles": (0.9, 0.1)}, "quantiles=.* must be two rising shares"),
        ({"pairs": []}, "pairs is empty"),
        ({"pairs": ["debt"]}, "'debt' is no .numerator, denominator."),
        ({"pairs": [("debt", "income"), (0, 1)]}, "debt_per_income would come twice"),
    ],
)
def test_wrong_parameter_is_named(options, message):
    with pytest.raises(ValueError, match=message):
        RatioTransformer(**{"pairs": PAIR, **options}).fit(LOANS)


def test_wrong_value_is_named():
    with pytest.raises(ValueError, match="column 'income' is to be numeric"):
        RatioTransformer(PAIR).fit(LOANS.assign(income="much"))
    with pytest.raises(ValueError, match="column 'debt' holds an infinite value in row 2"):
        RatioTransformer(PAIR).fit(LOANS.assign(debt=[1, 2, np.inf, 4]))
    with pytest.raises(ValueError, match=r"1 feature\(s\), a ratio needs 2"):
        RatioTransformer().fit(LOANS[["debt"]])
