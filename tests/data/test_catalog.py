"""What the catalog, the hashes and `verify` promise."""

import shutil

import pytest

from mlhelpers.data import data_dir, load, verify
from mlhelpers.data.catalog import catalog


@pytest.fixture
def copied(tmp_path, monkeypatch):
    """A data folder with the small set `messages` that a test may spoil."""
    shutil.copytree(data_dir() / "messages", tmp_path / "messages")
    shutil.copy(data_dir() / "catalog.yml", tmp_path)
    monkeypatch.setenv("MLE_DATA_DIR", str(tmp_path))
    return tmp_path


def test_all_committed_files_match_the_catalog():
    report = verify()
    assert report["ok"].all()
    assert set(report["name"]) == {n for n, e in catalog().items() if e["kind"] == "bundled"}


def test_every_file_in_data_is_in_the_catalog():
    listed = {f["path"] for e in catalog().values() for f in e.get("files", [])} | {
        e["card"] for e in catalog().values()
    }
    found = {p.relative_to(data_dir()).as_posix() for p in data_dir().rglob("*") if p.is_file()}
    assert found - {"catalog.yml"} == listed


def test_catalog_counts_agree_with_the_tables():
    for name, about in catalog().items():
        for file in about.get("files", []):
            if "table" in file:
                frame = load(name, table=file["table"]) if file["table"] != "raw" else load(name, raw=True)
                assert frame.shape == (file["rows"], file["columns"]), file["path"]


def test_verify_of_one_set_looks_at_that_set_only(copied):
    assert set(verify("messages")["path"]) == {
        "messages/messages.parquet", "messages/truth.parquet", "messages/truth.json",
    }  # fmt: skip


def test_verify_names_every_damaged_and_every_missing_file(copied):
    (copied / "messages" / "truth.json").write_text("{}")
    (copied / "messages" / "truth.parquet").unlink()
    with pytest.raises(ValueError, match=r"(?s)truth\.parquet.*missing.*truth\.json.*damaged"):
        verify("messages")
