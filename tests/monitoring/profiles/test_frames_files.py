import json

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from mlhelpers.monitoring.profiles import load_profile, profile, profile_parquet, save_profile
from mlhelpers.monitoring.profiles.frames import from_json, to_json

RNG = np.random.default_rng(5)
N = 5000
FRAME = pd.DataFrame(
    {
        "charge": RNG.normal(60, 15, N),
        "gb": np.where(RNG.random(N) < 0.1, np.nan, RNG.lognormal(3, 1, N)),
        "empty": np.nan,
        "contract": RNG.choice(np.array(["monthly", "two_year", None], dtype=object), N),
        "customer": [f"c{number}" for number in range(N)],
    }
)
WHOLE = profile(FRAME, origin={"charge": 60.0})


@pytest.mark.parametrize("name", ["profile.json", "profile.parquet"])
def test_saved_profile_is_read_back_equal(tmp_path, name):
    path = WHOLE.save(tmp_path / name)
    assert load_profile(path) == WHOLE
    assert load_profile(path) + WHOLE == WHOLE + WHOLE


@settings(deadline=None)
@given(arrays(float, st.integers(0, 30), elements=st.floats(allow_nan=True, allow_infinity=True)))
def test_any_values_survive_the_way_through_json(values):
    kept = profile(pd.DataFrame({"x": values}))
    assert from_json(to_json(kept)) == kept


def test_json_is_standard_without_nan(tmp_path):
    text = save_profile(WHOLE, tmp_path / "profile.json").read_text()
    json.loads(text, parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))


def test_other_suffixes_and_later_versions_are_refused(tmp_path):
    with pytest.raises(ValueError, match=r"saved as .json or .parquet, not profile.csv"):
        save_profile(WHOLE, tmp_path / "profile.csv")
    with pytest.raises(ValueError, match=r"read from .json or .parquet, not profile.csv"):
        load_profile(tmp_path / "profile.csv")
    path = WHOLE.save(tmp_path / "profile.json")
    path.write_text(path.read_text().replace('"version":1', '"version":2', 1))
    with pytest.raises(ValueError, match="has version 2, this code reads up to 1"):
        load_profile(path)


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("weeks")
    paths = [folder / "first.parquet", folder / "second.parquet"]
    table = pa.Table.from_pandas(FRAME, preserve_index=False)
    for path, part in zip(paths, (table.slice(0, 3000), table.slice(3000)), strict=True):
        pq.write_table(part, path, row_group_size=700)
    return paths


OPTIONS = {
    "numeric": ["charge", "gb", "empty"],
    "categorical": ["contract", "customer"],
    "origin": {"charge": 60.0},
}


def test_parquet_files_give_the_profile_of_their_rows(files):
    assert profile_parquet(files, **OPTIONS) == WHOLE
    assert profile(files, **OPTIONS) == WHOLE
    one = profile_parquet(files[0], like=WHOLE)
    assert one == profile(FRAME[:3000], like=WHOLE) == profile(str(files[0]), like=WHOLE)


def test_two_processes_give_the_profile_of_one(files):
    assert profile_parquet(files, n_jobs=2, **OPTIONS) == WHOLE


def test_only_the_named_columns_are_read(files):
    kept = profile_parquet(files[1], numeric=["gb"])
    assert list(kept.columns) == ["gb"]
    assert kept.n_rows == 2000
    assert profile(files[1], numeric=["gb"]) == kept


def test_file_without_rows_gives_an_empty_profile(tmp_path):
    path = tmp_path / "none.parquet"
    FRAME[:0].astype({"contract": "string", "customer": "string"}).to_parquet(path)
    assert profile_parquet(path, like=WHOLE).n_rows == 0
    assert profile_parquet(path, like=WHOLE) + WHOLE == WHOLE


@pytest.mark.parametrize(("paths", "n_jobs"), [([], 1), (["a.parquet"], 0)])
def test_no_file_and_no_process_are_refused(paths, n_jobs):
    with pytest.raises(ValueError, match="at least one file and one process"):
        profile_parquet(paths, n_jobs=n_jobs)


@pytest.mark.parametrize("name", ["kept.json", "kept.parquet"])
def test_profile_is_written_whole_and_into_new_folders(name, tmp_path, monkeypatch):
    kept = profile(pd.DataFrame({"x": [1.0, 2.0]}))
    path = kept.save(tmp_path / "new" / name)
    assert load_profile(path) == kept
    assert [found.name for found in path.parent.iterdir()] == [name]
