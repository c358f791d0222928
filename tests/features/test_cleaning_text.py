"""Numbers, dates and categories that are kept as text."""

from datetime import date

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mlhelpers.data import load
from mlhelpers.features.cleaning import CategoryRepairer, DateParser, NumberParser
from mlhelpers.features.cleaning.dates import FORMATS


def column(values):
    return pd.DataFrame({"x": pd.Series(list(values), dtype=object)})


def numbers(values, **options):
    return NumberParser(**options).fit_transform(column(values))[:, 0]


def dates(values, **options):
    return DateParser(**options).set_output(transform="pandas").fit_transform(column(values))["x"]


# Numbers


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("7", 7), (" 1,234.50 ", 1234.5), ("$1,234.50", 1234.5), ("-$12", -12), ("$-12", -12), ("12 €", 12),
        ("\N{MINUS SIGN}3.5", -3.5), ("+4", 4), (".5", 0.5), ("5.", 5), ("1e-5", 1e-5), ("1234567", 1234567),
        ("12,345,678", 12345678), ("0", 0),
    ],
)  # fmt: skip
def test_text_is_read(text, number):
    assert numbers([text]).tolist() == [number]


@pytest.mark.parametrize(
    "text", ["1,23", "1,2345", "12,34,567", "twelve", "1.2.3", "1 234", "12%", "inf", "$", "--1"]
)
def test_text_that_may_mean_something_else_is_no_number(text):
    with pytest.raises(ValueError, match="column 'x', row 1") as error:
        numbers(["1", text])
    assert repr(text) in str(error.value)
    assert np.isnan(numbers(["1", text], errors="nan")[1])


def test_spellings_of_a_gap_are_gaps_as_text_and_as_numbers():
    assert np.isnan(numbers(["", " N/A ", "-999", "-999.0", -999, -999.0, None, np.nan, pd.NA])).all()
    assert numbers(["-999"], missing=["?"]).tolist() == [-999]


def test_decimal_comma():
    assert numbers(["1.234,5", "7,25"], decimal=",", thousands=".").tolist() == [1234.5, 7.25]
    assert numbers(["1234,5"], decimal=",", thousands="").tolist() == [1234.5]


def test_other_objects_are_unreadable():
    assert np.isnan(numbers([pd.Timestamp("2025-01-01"), np.inf], errors="nan")).all()
    with pytest.raises(TypeError, match="column 'x'"):
        numbers([{"a": 1}])


def test_unit_slip_is_divided_and_listed():
    parser = NumberParser(slips={"x": (80, 1024)}, digits=2)
    assert parser.fit_transform(column(["26,009.6", "25.4", "80"]))[:, 0].tolist() == [25.4, 25.4, 80]
    review = parser.review(column(["26,009.6", "26,009.6", "25.4"]))
    assert review[["value", "count", "number", "decision"]].to_numpy().tolist() == [
        ["26,009.6", 2, 25.4, "unit slip"]
    ]
    assert np.isclose(
        NumberParser(slips={"x": (80, 1024)}).fit_transform(column(["26,009.6"]))[0, 0], 26009.6 / 1024
    )


def test_unreadable_values_are_listed():
    review = NumberParser(errors="nan").fit(column(["1"])).review(column(["x", "x", "y", "2", "N/A"]))
    assert review["value"].tolist() == ["x", "y"] and set(review["decision"]) == {"unreadable"}


@given(st.floats(-1e9, 1e9).map(lambda v: round(v, 2)))
def test_every_way_to_write_a_number_is_read_back(value):
    texts = [str(value), f"{value:,.2f}", f"${value:,.2f}", f"{value:.2f} €", repr(value)]
    assert numbers(texts, missing=[]).tolist() == [value] * 5


# Dates


def test_iso_and_words_need_no_policy():
    read = dates(["2025-03-05", "2025/03/05", "Mar 5, 2025", "5 March 2025", "23/03/2025", "04/04/2025"])
    assert read.dt.strftime("%m-%d").tolist() == ["03-05"] * 4 + ["03-23", "04-04"]


def test_ambiguous_without_a_policy_is_an_error_that_tells_both_readings():
    with pytest.raises(
        ValueError, match=r"row 1: '05/03/2025' may be 2025-03-05 or 2025-05-03; set day_first"
    ):
        dates(["2025-01-01", "05/03/2025"])
    assert dates(["05/03/2025"], errors="nat").isna().all()


def test_policy_decides_and_turns_nothing_around():
    assert dates(["05/03/2025"], day_first=True)[0] == pd.Timestamp("2025-03-05")
    assert dates(["05/03/2025"], day_first=False)[0] == pd.Timestamp("2025-05-03")
    with pytest.raises(ValueError, match="fits none of the formats"):
        dates(["05/23/2025"], day_first=True)


def test_a_range_rules_out_readings():
    assert dates(["05/12/2024"], latest="2024-06-30")[0] == pd.Timestamp("2024-05-12")
    assert dates(["05/12/2024"], earliest="2024-06-30")[0] == pd.Timestamp("2024-12-05")
    with pytest.raises(ValueError, match="fits none"):
        dates(["2025-01-01"], latest="2024-06-30")


def test_review_lists_what_was_not_decided():
    parser = DateParser(errors="nat").fit(column(["2025-01-01"]))
    review = parser.review(column(["05/03/2025", "05/03/2025", "soon", "2025-01-01", ""]))
    assert review["decision"].tolist() == ["ambiguous", "unreadable"]
    assert review["readings"].tolist() == ["2025-03-05 or 2025-05-03", ""] and review["count"].tolist() == [
        2,
        1,
    ]


def test_dates_and_days_pass():
    stamps = [pd.Timestamp("2025-03-05"), date(2025, 3, 5), np.datetime64("2025-03-05")]
    assert (dates(stamps) == pd.Timestamp("2025-03-05")).all()
    assert dates([20152.0])[0] == pd.Timestamp("2025-03-05")
    assert DateParser(output="days").fit_transform(column(["2025-03-05", None]))[0, 0] == 20152.0
    for nonsense in (1e9, True, pd.Timestamp("2025-01-01", tz="UTC"), 1j):
        with pytest.raises(ValueError, match="fits none"):
            dates([nonsense])


@settings(deadline=None, max_examples=60)
@given(st.dates(date(1980, 1, 1), date(2060, 12, 31)), st.sampled_from([*FORMATS, "%d/%m/%Y", "%d.%m.%Y"]))
def test_a_formatted_date_is_read_back(day, form):
    assert dates([day.strftime(form)], day_first=True)[0] == pd.Timestamp(day)


@settings(deadline=None, max_examples=60)
@given(st.dates(date(1980, 1, 1), date(2060, 12, 31)), st.booleans())
def test_without_a_policy_a_date_is_right_or_left_open(day, first):
    text = day.strftime("%d/%m/%Y" if first else "%m/%d/%Y")
    read = dates([text], errors="nat")[0]
    assert read == pd.Timestamp(day) or (read is pd.NaT and day.day <= 12 and day.day != day.month)


# Categories

CARDS = ["card", "cash", "direct_debit", "bank_transfer"]


def repaired(values, **options):
    options = {"known": CARDS, **options}
    return CategoryRepairer(**options).fit(column(["card"])).transform(column(values))[:, 0].tolist()


def test_case_space_and_hyphen_do_not_count():
    assert repaired(["CARD", " card ", "Direct-Debit", "bank  transfer"]) == ["card", "card", *CARDS[2:]]


def test_typing_errors_are_repaired_and_strangers_are_kept():
    assert repaired(["crad", "direct_debt", "bank_tranfer", "crypto"]) == [*CARDS[:1], *CARDS[2:], "crypto"]


def test_a_tie_is_not_decided():
    repairer = CategoryRepairer(known=["one_year", "two_year"], threshold=50).fit(column(["one_year"]))
    review = repairer.review(column(["2 year"]))
    assert review.loc[0, ["decision", "score", "second"]].tolist() == ["ambiguous", 62.5, 62.5]
    assert repairer.transform(column(["2 year"]))[0, 0] == "2 year"


def test_aliases_know_what_letters_do_not():
    assert repaired(["Plastic", "F"], aliases={"plastic": "card"}) == ["card", "F"]
    assert repaired(["plastic"], aliases={"x": {"plastic": "card"}}) == ["card"]
    with pytest.raises(ValueError, match="alias 'plastic' of 'x' leads to 'cart'"):
        repaired([], aliases={"plastic": "cart"})


def test_policy_for_the_unknown():
    assert np.isnan(repaired(["crypto"], unknown="nan")[0])
    with pytest.raises(ValueError, match="row 1: 'crypto' is unknown; add it to known or aliases"):
        repaired(["card", "crypto"], unknown="error")


def test_gaps_and_numbers_pass():
    values = repaired([None, np.nan, pd.NA, 3, "card"])
    assert pd.isna(values[:3]).all() and values[3:] == [3, "card"]
    assert CategoryRepairer().fit_transform(pd.DataFrame({"x": [1, 2]})).dtype == np.int64
    whole = pd.DataFrame({"x": pd.Series([1, None], dtype="Int64"), "y": pd.Categorical(["a", "a"])})
    assert CategoryRepairer().fit_transform(whole)[:, 1].tolist() == ["a", "a"]


def test_categories_are_learned_from_training_only():
    train = column(["card"] * 300 + ["Cash"] * 150 + ["crad"] * 2)
    repairer = CategoryRepairer().fit(train)
    assert repairer.known_ == [["Cash", "card"]]
    assert repairer.transform(column(["crad", "csah", "cheque", "cheque"]))[:, 0].tolist() == [
        "card",
        "Cash",
        "cheque",
        "cheque",
    ]
    assert repairer.review_.set_index("value").loc["crad", ["decision", "count"]].tolist() == ["repaired", 2]
    assert CategoryRepairer(min_share=1.0).fit(train).transform(column(["x"]))[0, 0] == "x"


def test_two_known_categories_that_are_one_are_refused():
    with pytest.raises(ValueError, match="'card' and 'CARD' of 'x' are one after normalization"):
        CategoryRepairer(known=["card", "CARD"]).fit(column(["card"]))


@pytest.mark.parametrize("scorer", ["osa", "ratio", "token_sort"])
def test_scorers(scorer):
    assert repaired(["bank_tranfer"], scorer=scorer) == ["bank_transfer"]


def test_texts_that_differ_after_a_nul_stay_apart():
    assert repaired(["", "\0", "a\0b", "a", None], threshold=100)[:4] == ["", "\0", "a\0b", "a"]


@settings(deadline=None)
@example(["", "\0"], 0, 1)
@given(st.lists(st.text(max_size=12), min_size=1, max_size=8), st.integers(0, 100), st.integers(0, 50))
def test_repair_is_idempotent_and_never_invents(values, threshold, margin):
    options = {"threshold": threshold, "margin": margin}
    once = repaired(values, **options)
    assert repaired(once, **options) == once
    assert all(new in CARDS or new == old for old, new in zip(values, once, strict=True))


@given(st.sampled_from(CARDS), st.data())
def test_one_edit_in_a_long_word_is_undone(word, data):
    place = data.draw(st.integers(0, len(word) - 1))
    typo = word[:place] + "#" + word[place + 1 :]
    assert repaired([typo], threshold=70, margin=5) == [word]


# The export of the course


def test_raw_churn_export_is_restored():
    raw, clean = load("churn", raw=True), load("churn").set_index("customer_id")
    true = clean.loc[raw["customer_id"].str.strip()].reset_index(drop=True)
    read = dates(raw["signup_date"], day_first=True)
    assert (read == true["signup_date"]).all()
    names = ["gender", "region", "contract", "payment_method", "internet"]
    aliases = {
        "gender": {"F": "female", "M": "male"},
        "contract": {"month to month": "monthly", "1 year": "one_year", "2 year": "two_year"},
        "payment_method": {"credit card": "card"},
        "internet": {"no": "none"},
    }
    repairer = CategoryRepairer(aliases=aliases).set_output(transform="pandas")
    assert (repairer.fit_transform(raw[names]) == true[names]).all(axis=None)
    slips = {"data_gb": (80, 1024), "monthly_charge": (200, 100)}
    figures = ["data_gb", "monthly_charge", "call_minutes", "satisfaction", "last_ticket_days"]
    parser = NumberParser(slips=slips, digits=2).set_output(transform="pandas")
    assert parser.fit_transform(raw[figures]).equals(true[figures].astype(float))
