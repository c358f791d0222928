"""`mle data ...` shows what the data stage says; its errors become one line."""

import pytest

from mlhelpers.course.commands.cli import main
from mlhelpers.course.commands.data import data_problems


def test_list_shows_the_data_sets(capsys):
    assert main(["data", "list"]) == 0
    assert "churn" in capsys.readouterr().out


def test_describe_shows_a_card(capsys):
    assert main(["data", "describe", "churn"]) == 0
    assert "churn" in capsys.readouterr().out


def test_verify_counts_the_files(capsys):
    assert main(["data", "verify"]) == 0
    assert capsys.readouterr().out.endswith("files are as the catalog says\n")


@pytest.mark.parametrize(
    "arguments", [["describe", "chrn"], ["fetch", "chrn"], ["build", "chrn", "x"], ["sources", "chrn", "x"]]
)
def test_unknown_name_is_one_line_and_exit_code_1(arguments, capsys):
    assert main(["data", *arguments]) == 1
    told = capsys.readouterr().err
    assert told.startswith("mle: ")
    assert "chrn" in told


def test_build_and_sources_name_what_they_wrote(tmp_path, capsys):
    assert main(["data", "build", "churn", str(tmp_path / "a")]) == 0
    assert main(["data", "sources", "churn", str(tmp_path / "b")]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) >= 4
    assert all((tmp_path / line.split(": ", 1)[1]).exists() for line in lines)


def test_fetch_prints_where_the_file_is(monkeypatch, tmp_path, capsys):
    import mlhelpers.data

    monkeypatch.setattr(mlhelpers.data, "fetch", lambda name: tmp_path / name, raising=False)
    assert main(["data", "fetch", "titanic"]) == 0
    assert capsys.readouterr().out.strip() == str(tmp_path / "titanic")


def test_sound_data_have_no_problems_and_a_missing_folder_is_one(monkeypatch, tmp_path):
    assert data_problems() == []
    monkeypatch.setenv("MLE_DATA_DIR", str(tmp_path))
    assert len(data_problems()) == 1
