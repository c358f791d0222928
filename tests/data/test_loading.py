"""What `load`, `truth`, `list_datasets` and `build` promise."""

import json
import shutil

import pandas as pd
import pytest

from mlhelpers.data import build, data_dir, list_datasets, load, truth

FEATURES = [
    "age", "gender", "region", "contract", "payment_method", "internet", "tenure_months", "monthly_charge",
    "discount_pct", "data_gb", "call_minutes", "late_payments_6m", "days_since_payment", "tickets_90d",
    "last_ticket_days", "satisfaction", "sim_batch", "retention_calls",
]  # fmt: skip


def test_churn_has_12000_customers_and_the_18_features():
    frame = load("churn")
    assert frame.shape == (12_000, 21)
    assert sorted(set(frame.columns) - {"customer_id", "signup_date", "churned"}) == sorted(FEATURES)
    assert frame["customer_id"].is_unique


def test_types_are_object_int64_float64_and_nanoseconds():
    for name in ("churn", "churn_stream", "fraud", "loans", "demand", "reviews", "messages"):
        kinds = {str(dtype) for dtype in load(name).dtypes}
        assert kinds <= {"object", "int64", "float64", "datetime64[ns]"}, name


def test_features_and_target_come_apart_without_identifiers():
    X, y = load("churn", return_X_y=True)
    assert sorted(X.columns) == sorted(FEATURES)
    assert y.name == "churned" and set(y) == {0, 1}


def test_raw_export_is_text_as_the_file_has_it():
    raw = load("churn", raw=True)
    assert len(raw) == 12_300
    assert all(dtype.kind == "O" for dtype in raw.dtypes)
    assert {"", "N/A", "-999"} <= set(raw["satisfaction"])
    assert not raw.isna().any().any()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"name": "chrun"}, "Did you mean 'churn'"),
        ({"name": "churn", "table": "invoice"}, "Did you mean 'invoices'"),
        ({"name": "churn", "table": "truth", "raw": True}, "exclude each other"),
        ({"name": "loans", "raw": True}, "no raw export"),
        ({"name": "iris", "table": "truth"}, "one table only"),
        ({"name": "churn", "table": "usage", "return_X_y": True}, "no target column"),
    ],
)
def test_a_wrong_request_says_what_would_be_right(arguments, says):
    with pytest.raises(ValueError, match=says):
        load(**arguments)


def test_a_name_unlike_any_other_is_answered_with_the_whole_list():
    with pytest.raises(ValueError, match=r"unknown data set 'zzzzzz'\. Known: adult"):
        load("zzzzzz")


def test_truth_holds_plain_numbers_of_the_generator():
    numbers = truth("churn")
    assert numbers["coefficients"]["sim_batch"] == 0.0
    assert json.loads(json.dumps(numbers)) == numbers


def test_real_data_has_no_generator_and_hence_no_truth():
    with pytest.raises(ValueError, match="unknown bundled data set 'iris'"):
        truth("iris")


def test_list_names_every_set_with_kind_size_and_licence():
    table = list_datasets().set_index("name")
    assert table.loc["churn", "kind"] == "bundled" and table.loc["churn", "available"]
    assert table.loc["iris", "kind"] == "package"
    assert table.loc["titanic", "kind"] == "remote"
    assert (table["licence"].str.len() > 0).all()


def test_committed_data_stays_below_15_megabytes():
    assert list_datasets().query("kind == 'bundled'")["size"].sum() < 15e6


def test_build_writes_the_tables_and_returns_their_files(tmp_path):
    files = build("messages", tmp_path)
    assert set(files) == {"messages", "truth"}
    pd.testing.assert_frame_equal(pd.read_parquet(files["messages"]), load("messages"))


def test_raw_export_is_drawn_again_byte_for_byte(tmp_path):
    assert build("churn", tmp_path)["raw"].read_bytes() == (data_dir() / "churn" / "raw.csv").read_bytes()


def test_build_of_a_real_set_is_refused(tmp_path):
    with pytest.raises(ValueError, match="no generator makes 'iris'"):
        build("iris", tmp_path)


@pytest.fixture
def copied(tmp_path, monkeypatch):
    """A data folder with the small set `messages` that a test may spoil."""
    shutil.copytree(data_dir() / "messages", tmp_path / "messages")
    shutil.copy(data_dir() / "catalog.yml", tmp_path)
    monkeypatch.setenv("MLE_DATA_DIR", str(tmp_path))
    return tmp_path


def test_loading_a_damaged_file_fails_and_says_how_to_restore_it(copied):
    path = copied / "messages" / "messages.parquet"
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    with pytest.raises(ValueError, match=r"messages\.parquet.*git checkout"):
        load("messages")


def test_loading_a_missing_file_fails_and_says_how_to_restore_it(copied):
    (copied / "messages" / "messages.parquet").unlink()
    with pytest.raises(FileNotFoundError, match=r"messages\.parquet.*git checkout"):
        load("messages")


def test_a_folder_without_a_catalog_is_named_in_the_error(tmp_path, monkeypatch):
    monkeypatch.setenv("MLE_DATA_DIR", str(tmp_path / "nowhere"))
    with pytest.raises(FileNotFoundError, match="MLE_DATA_DIR names it"):
        load("churn")


def test_without_the_variable_the_folder_beside_the_package_is_used(monkeypatch):
    monkeypatch.delenv("MLE_DATA_DIR", raising=False)
    assert truth("churn")["horizon_days"] == 30


def test_a_changed_catalog_is_read_again(copied):
    assert load("messages", return_X_y=True)[1].name == "spam"
    path = copied / "catalog.yml"
    path.write_text(path.read_text().replace("target: spam", "target: text"))
    assert load("messages", return_X_y=True)[1].name == "text"
