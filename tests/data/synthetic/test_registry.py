import pytest
import yaml

from mlhelpers.data import data_dir
from mlhelpers.data.catalog import catalog
from mlhelpers.data.hashing import content_sha256
from mlhelpers.data.synthetic import __main__ as command
from mlhelpers.data.synthetic.registry import GENERATORS, generate, rebuild


@pytest.mark.parametrize("name", GENERATORS)
def test_generator_draws_the_committed_contents(name):
    drawn = generate(name)
    entries = {f["table"]: f for f in catalog()[name]["files"] if "table" in f}
    assert set(drawn.frames) == set(entries)
    for table, frame in drawn.frames.items():
        assert content_sha256(frame) == entries[table]["content_sha256"], table
    assert drawn.seed == catalog()[name]["seed"]


def test_every_bundled_set_has_a_generator():
    assert set(GENERATORS) == {n for n, e in catalog().items() if e["kind"] == "bundled"}


def test_rebuild_writes_files_and_catalog_that_agree(tmp_path, monkeypatch, capsys):
    (tmp_path / "catalog.yml").write_text((data_dir() / "catalog.yml").read_text())
    monkeypatch.setenv("MLE_DATA_DIR", str(tmp_path))
    assert command.main(["messages"]) == 0
    assert "rewrote messages" in capsys.readouterr().out
    entries = yaml.safe_load((tmp_path / "catalog.yml").read_text())["messages"]["files"]
    committed = yaml.safe_load((data_dir() / "catalog.yml").read_text())["messages"]["files"]
    assert entries == committed
    assert all((tmp_path / e["path"]).is_file() for e in entries)


def test_rebuilding_twice_gives_the_same_bytes(tmp_path):
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "catalog.yml").write_text((data_dir() / "catalog.yml").read_text())
        rebuild(tmp_path / folder, ("demand",))
    for path in (tmp_path / "a").rglob("*.*"):
        assert path.read_bytes() == (tmp_path / "b" / path.relative_to(tmp_path / "a")).read_bytes()


def test_another_seed_gives_other_rows_of_the_same_form_and_the_same_seed_the_same_ones():
    for name in ("fraud", "loans", "demand"):
        stored, first, again, other = (generate(name, seed=seed).frames[name] for seed in (None, 5, 5, 6))
        assert content_sha256(first) == content_sha256(again)
        assert len({content_sha256(frame) for frame in (stored, first, other)}) == 3
        assert list(first) == list(stored) and (first.dtypes == stored.dtypes).all()
        assert generate(name, seed=5).seed == 5


def test_seed_reaches_every_table_of_a_world():
    stored, other = generate("churn").frames, generate("churn", seed=1).frames
    same = [name for name in stored if content_sha256(stored[name]) == content_sha256(other[name])]
    assert same == []
