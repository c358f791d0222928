"""Numbers, dates and categories that are kept as text."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mlhelpers.data import load
from mlhelpers.features.cleaning import CategoryRepairer, DateParser, NumberParser


def column(values):
    return pd.DataFrame({"x": pd.Series(list(values), dtype=object)})


def dates(values, **options):
    return DateParser(**options).set_output(transform="pandas").fit_transform(column(values))["x"]


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
