import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlhelpers.data import load
from mlhelpers.data.hashing import content_sha256, file_sha256, write_atomically


def test_content_hash_does_not_depend_on_the_file_format(tmp_path):
    frame = load("demand")
    for options in ({"compression": "gzip"}, {"compression": None, "use_dictionary": False}):
        frame.to_parquet(tmp_path / "x.parquet", **options)
        assert content_sha256(pd.read_parquet(tmp_path / "x.parquet")) == content_sha256(frame)


@given(st.lists(st.floats(allow_nan=True), min_size=1, max_size=20), st.data())
def test_content_hash_changes_with_any_value(values, data):
    frame = pd.DataFrame({"a": values})
    index = data.draw(st.integers(0, len(values) - 1))
    other = data.draw(st.floats(allow_nan=False).filter(lambda x: x != values[index]))
    changed = frame.copy()
    changed.loc[index, "a"] = other
    assert content_sha256(changed) != content_sha256(frame)


def test_content_hash_tells_apart_names_order_kinds_and_missing_text():
    base = pd.DataFrame({"a": ["x", "y"], "b": [1, 2]})
    others = [
        base.rename(columns={"a": "c"}), base[["b", "a"]], base.astype({"b": float}), base.astype({"b": str}),
        base.iloc[::-1], base.assign(a=["x", None]), base.assign(a=["xy", ""]),
    ]  # fmt: skip
    assert len({content_sha256(f) for f in [base, *others]}) == len(others) + 1


def test_content_hash_knows_one_zero_one_nan_and_one_kind_of_date():
    assert content_sha256(pd.DataFrame({"a": [0.0, np.nan]})) == content_sha256(
        pd.DataFrame({"a": [-0.0, -np.nan]})
    )
    date = pd.DataFrame({"d": pd.to_datetime(["2025-06-30"])})
    assert content_sha256(date) == content_sha256(date.astype("datetime64[s]"))


def test_a_failed_write_keeps_the_old_file_and_leaves_nothing_behind(tmp_path):
    path = write_atomically(tmp_path / "deep" / "x.txt", lambda p: p.write_text("old"))
    before = file_sha256(path)

    def fail(target):
        target.write_text("half")
        raise RuntimeError("power cut")

    with pytest.raises(RuntimeError, match="power cut"):
        write_atomically(path, fail)
    assert file_sha256(path) == before
    assert [p.name for p in path.parent.iterdir()] == ["x.txt"]
