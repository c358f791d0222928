import numpy as np
import pandas as pd
import pytest

from mlhelpers.data import load


@pytest.fixture(scope="module")
def flat():
    return load("churn")


def test_raw_export_differs_from_the_table_exactly_where_raw_truth_says(flat):
    raw, changes = load("churn", raw=True), load("churn", table="raw_truth")
    copies = changes.loc[changes["column"] == "", "row"].unique()
    assert len(copies) == 300 and changes.loc[changes["column"] == "", "problem"].value_counts().tolist() == [
        180,
        120,
    ]
    repaired = raw.copy()
    cells = changes[changes["column"] != ""]
    for column, found in cells.groupby("column"):
        assert (raw.loc[found["row"], column].to_numpy() == found["exported"].to_numpy()).all()
        repaired.loc[found["row"], column] = found["true"].to_numpy()
    repaired = repaired.drop(index=copies).reset_index(drop=True)
    numbers = flat.select_dtypes("number").columns
    for column in flat:
        if column in numbers:
            got = pd.to_numeric(repaired[column].replace("", np.nan))
            np.testing.assert_allclose(got, flat[column], err_msg=column)
        elif column == "signup_date":
            assert (pd.to_datetime(repaired[column], format="%Y-%m-%d") == flat[column]).all()
        else:
            assert (repaired[column] == flat[column]).all(), column


def test_raw_export_has_every_kind_of_dirt():
    raw, changes = load("churn", raw=True), load("churn", table="raw_truth")
    assert set(changes["problem"]) == {
        "missing_spelling", "date_format", "category_spelling", "whitespace", "currency", "unit_slip",
        "impossible_value", "exact_duplicate", "near_duplicate",
    }  # fmt: skip
    assert 170 <= raw.duplicated().sum() <= 190
    assert raw["customer_id"].str.strip().duplicated().sum() == 300
    assert raw["data_gb"].str.fullmatch(r"\d+,\d{3}\.\d").sum() > 30
    assert raw["signup_date"].str.contains("/").any() and raw["signup_date"].str.contains(", ").any()
