import math

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from mlhelpers.monitoring.profiles import (
    CategoryProfile,
    NumericProfile,
    Profile,
    ProfileBuilder,
    profile,
)
from mlhelpers.monitoring.profiles.categories import CategoryCounter
from mlhelpers.monitoring.profiles.numbers import NumericCounter


def rows(n, seed=0):
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "charge": rng.normal(60, 15, n),
            "change": rng.normal(0, 1, n),
            "tickets": rng.poisson(3, n),
            "gb": np.where(rng.random(n) < 0.1, np.nan, rng.lognormal(3, 1, n)),
            "contract": rng.choice(["monthly", "one_year", "two_year"], n),
            "paperless": rng.random(n) < 0.4,
        }
    )
    frame.loc[rng.random(n) < 0.05, "contract"] = None
    return frame


FRAME = rows(3000)
WHOLE = profile(FRAME)


def test_parts_in_any_order_and_number_give_the_same_profile():
    shuffled = FRAME.sample(frac=1, random_state=1)
    assert profile(shuffled) == WHOLE
    assert profile(shuffled.iloc[start : start + 700] for start in range(0, 3000, 700)) == WHOLE
    assert profile(FRAME[:1000]) + profile(FRAME[1000:1001]) + profile(FRAME[1001:]) == WHOLE


def test_a_part_that_differs_in_one_value_is_not_equal():
    other = FRAME.copy()
    other.loc[7, "charge"] = np.nextafter(other.loc[7, "charge"], 1e9)
    assert profile(other) != WHOLE
    assert WHOLE != "a profile"


def test_arrow_tables_and_batches_give_the_profile_of_the_frame():
    table = pa.Table.from_pandas(FRAME, preserve_index=False)
    assert profile(table) == WHOLE
    assert profile(table.to_batches(max_chunksize=999)) == WHOLE


def test_categories_text_and_plain_objects_are_counted_alike():
    for kind in ("category", "string"):
        assert profile(FRAME.astype({"contract": kind})) == WHOLE


def test_whole_numbers_with_a_gap_name_the_same_categories():
    whole, gap = pd.DataFrame({"plan": [1, 2, 2]}), pd.DataFrame({"plan": [1, 2, 2, None]})
    first, second = (profile(frame, categorical=["plan"])["plan"] for frame in (whole, gap))
    assert first.counts == second.counts == {"1": 1, "2": 2}
    assert second.missing == 1


def test_moments_agree_with_numpy_and_the_mean_with_exact_addition():
    for name in ("charge", "change", "tickets", "gb"):
        values = FRAME[name].dropna().to_numpy(dtype=float)
        assert WHOLE[name].mean == math.fsum(values) / len(values)
        assert WHOLE[name].sd == pytest.approx(values.std(ddof=1), rel=1e-12)
        assert (WHOLE[name].low, WHOLE[name].high) == (values.min(), values.max())


def test_builder_adds_parts_and_a_profile_like_another_can_be_added():
    builder = ProfileBuilder(FRAME, numeric=["charge"], categorical=["contract"], origin={"charge": 60.0})
    builder.add(FRAME[:10])
    builder.add(FRAME[10:])
    reference = builder.result()
    more = profile(rows(50, seed=2), like=reference)
    assert (reference + more).n_rows == 3050
    assert (reference + more)["charge"].n == 3050


def test_summary_and_text_and_html():
    summary = WHOLE.summary()
    assert summary.loc["charge", "median"] == pytest.approx(FRAME["charge"].median(), rel=0.01)
    assert summary.loc["paperless", "categories"] == 2
    assert summary.loc["contract", "missing"] == FRAME["contract"].isna().mean()
    assert repr(WHOLE) == "Profile(3000 rows, 4 numeric, 2 categorical)"
    assert "profile of 3,000 rows" in WHOLE._repr_html_()
    many = profile(pd.DataFrame({"id": ["a", "b"], "x": np.nan}), max_categories=1).summary()
    assert many.loc["id", "top"] == "more than 1 categories"
    assert np.isnan(profile(FRAME[:0]).summary().loc["charge", "missing"])


@pytest.mark.parametrize(
    ("data", "options", "message"),
    [
        (3, {}, "cannot profile a int"),
        ([], {}, "data has no part"),
        (FRAME, {"numeric": ["absent"]}, "columns missing from the data: absent"),
        (FRAME, {"numeric": ["gb"], "categorical": ["gb"]}, "both numeric and categorical"),
        (FRAME, {"origin": {"contract": 1.0}}, "not numeric ones: contract"),
        (FRAME, {"origin": {"gb": np.nan}}, "origin must be a finite number"),
        (FRAME, {"max_categories": 0}, "cap must be at least 1"),
        (FRAME, {"like": WHOLE, "numeric": ["gb"]}, "not both"),
        (FRAME.assign(day=pd.Timestamp("2026-01-01")), {}, "column 'day' is datetime64"),
    ],
)
def test_what_cannot_be_profiled_is_refused(data, options, message):
    with pytest.raises(ValueError, match=message):
        profile(data, **options)


def test_profiles_that_do_not_fit_are_not_added():
    with pytest.raises(ValueError, match="different columns cannot be added: gb"):
        WHOLE + profile(FRAME.drop(columns="gb"))
    with pytest.raises(ValueError, match=r"column 'charge': origins 0.0 and 60.0 differ"):
        WHOLE + profile(FRAME, origin={"charge": 60.0})
    with pytest.raises(ValueError, match="column 'contract': caps 1000 and 5 differ"):
        WHOLE + profile(FRAME, max_categories=5)
    number, category = (
        Profile(0, {"x": counter.result()}) for counter in (NumericCounter(), CategoryCounter())
    )
    for first, second in ((number, category), (category, number)):
        with pytest.raises(ValueError, match=r"column 'x': .* cannot be added to a"):
            first + second


def test_kept_columns_are_equal_only_to_their_own_kind():
    assert NumericCounter().result() != CategoryCounter().result()
    assert CategoryCounter().result() != NumericCounter().result()
    assert isinstance(WHOLE["gb"], NumericProfile) and isinstance(WHOLE["contract"], CategoryProfile)


def test_nullable_numbers_and_numbers_as_objects_are_read():
    frame = pd.DataFrame(
        {"a": pd.array([1, None, 3], dtype="Int64"), "b": pd.Series([1, None, 2.5], dtype=object)}
    )
    kept = profile(frame, numeric=["a", "b"])
    assert kept["a"].missing == kept["b"].missing == 1
    assert kept["a"].mean == 2.0
    assert profile(frame[["a"]])["a"].known == 2


def test_whole_numbers_keep_their_bins():
    kept = profile(pd.DataFrame({"n": np.repeat([0, 1, 5], [60, 30, 10])}))["n"]
    assert kept.bin_counts(kept.cuts(10)).tolist() == [60, 30, 10, 0]
