"""The three steps behind the Airflow graph, without Airflow."""

import shutil
import sqlite3
from contextlib import closing

import pandas as pd
import pytest

from mlhelpers.data import load as load_set
from mlhelpers.data import read_sources
from mlhelpers.data.contracts import ContractError
from mlhelpers.data.sources import SourceError
from mlhelpers.features import churn_flow
from mlhelpers.features.churn_flow import TABLE, extract, load, transform

DAY = "2025-06-30"


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("flow")
    extracted = extract(str(folder))
    return folder, extracted, transform(extracted, as_of=DAY)


def stored(path):
    with closing(sqlite3.connect(path)) as database:
        return pd.read_sql(f"SELECT * FROM {TABLE} ORDER BY as_of, customer_id", database)


def test_extract_keeps_every_row_of_the_sources(run):
    folder, extracted, _ = run
    tables, records = read_sources("churn", folder / "sources")
    for name, table in tables.items():
        kept = pd.read_parquet(f"{extracted}/{name}.parquet")
        pd.testing.assert_frame_equal(kept, table, check_dtype=False)
        assert records[name].rows == len(kept)


def test_features_are_those_of_the_modelling_table(run):
    """Tickets come from the event log, with a time of day; only spoilt months of usage are left out."""
    features = pd.read_parquet(run[2]).drop(columns="as_of").set_index("customer_id")
    expected = load_set("churn").set_index("customer_id").loc[features.index, features.columns]
    errors = load_set("churn", table="source_errors").query("source == 'usage'")
    whole = ~features.index.isin(errors["key"].str.split("|").str[0])
    pd.testing.assert_frame_equal(features[whole], expected[whole], check_dtype=False)
    used = ["data_gb", "call_minutes"]
    pd.testing.assert_frame_equal(features.drop(columns=used), expected.drop(columns=used), check_dtype=False)
    assert 11_800 < len(features) < 12_000 and whole.mean() > 0.9


def test_an_earlier_day_sees_fewer_customers(run):
    earlier = pd.read_parquet(transform(run[1], as_of="2025-03-31"))
    assert 0 < len(earlier) < len(pd.read_parquet(run[2]))
    assert (earlier["signup_date"] <= "2025-03-31").all()


def test_a_repeated_load_leaves_the_same_rows(run, tmp_path):
    store = str(tmp_path / "new folder" / "features.sqlite")
    assert load(run[2], store=store) == load(run[2], store=store)
    first = stored(store)
    load(transform(run[1], as_of="2025-05-31"), store=store)
    both = stored(store)
    assert sorted(both["as_of"].unique()) == ["2025-05-31", DAY]
    pd.testing.assert_frame_equal(both[both["as_of"] == DAY].reset_index(drop=True), first)


def test_numbers_text_and_gaps_survive_the_store(run, tmp_path):
    load(run[2], store=str(tmp_path / "features.sqlite"))
    found = stored(tmp_path / "features.sqlite")
    wanted = pd.read_parquet(run[2]).sort_values("customer_id", ignore_index=True)
    dates = {name: wanted[name].dt.strftime("%Y-%m-%d") for name in ("as_of", "signup_date")}
    pd.testing.assert_frame_equal(found, wanted.assign(**dates), check_dtype=False)


def test_a_load_that_fails_leaves_the_old_rows(run, tmp_path):
    store = str(tmp_path / "features.sqlite")
    load(run[2], store=store)
    before = stored(store)
    frame = pd.read_parquet(run[2])
    twice = tmp_path / "twice.parquet"
    pd.concat([frame, frame.head(1)]).to_parquet(twice)
    with pytest.raises(sqlite3.IntegrityError):
        load(str(twice), store=store)
    pd.testing.assert_frame_equal(stored(store), before)


def test_a_store_with_other_columns_is_refused(run, tmp_path):
    store = str(tmp_path / "features.sqlite")
    load(run[2], store=store)
    narrow = tmp_path / "narrow.parquet"
    pd.read_parquet(run[2]).drop(columns="age").to_parquet(narrow)
    with pytest.raises(ValueError, match=r"other columns than .*narrow.parquet \(\['age'\]\)"):
        load(str(narrow), store=store)


@pytest.mark.parametrize("day", ["30.06.2025", "2025-13-01", "", None])
def test_a_day_that_is_none_is_refused(run, day):
    with pytest.raises(ValueError, match="as_of must be a day such as"):
        transform(run[1], as_of=day)


def test_a_day_before_the_first_customer_is_refused(run):
    with pytest.raises(ValueError, match="nobody had signed up by then"):
        transform(run[1], as_of="1990-01-01")


def test_too_many_broken_rows_stop_the_run_and_write_nothing(run, tmp_path):
    shutil.copytree(run[1], tmp_path / "extracted")
    customers = pd.read_parquet(tmp_path / "extracted" / "customers.parquet")
    customers.loc[::10, "monthly_charge"] = -5.0
    customers.to_parquet(tmp_path / "extracted" / "customers.parquet")
    with pytest.raises(ContractError, match=r"customers.parquet: \d+ of 12000 rows break the contract"):
        transform(str(tmp_path / "extracted"), as_of=DAY)
    assert not list(tmp_path.glob("features*"))


def test_an_unreadable_source_is_named(run, tmp_path):
    shutil.copytree(run[0] / "sources", tmp_path / "sources")
    text = (tmp_path / "sources" / "usage.csv").read_text()
    (tmp_path / "sources" / "usage.csv").write_text(text.replace("data_gb", "gigabytes", 1))
    with pytest.raises(SourceError, match=r"usage\.csv.*data_gb"):
        extract(str(tmp_path), sources=str(tmp_path / "sources"))
    with pytest.raises(FileNotFoundError):
        extract(str(tmp_path), sources=str(tmp_path / "nowhere"))


def test_only_sets_with_source_systems_can_be_read(tmp_path):
    with pytest.raises(ValueError, match="churn"):
        read_sources("fraud", tmp_path)


def test_every_step_is_exported():
    assert set(churn_flow.__all__) == {"TABLE", "extract", "transform", "load"}
