"""Lesson 2.3 on the Titanic: its cell says the same with and without the file, and looks at what is in it."""

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from mlhelpers.course.files import find_root, read_notebook
from mlhelpers.course.runs.failures import NotebookError
from mlhelpers.course.runs.kernels import execute
from mlhelpers.data import data_dir, list_datasets
from mlhelpers.data.hashing import file_sha256

LESSON = find_root(Path(__file__).parent) / "notebooks" / "02_data" / "03_exploratory_data_analysis.ipynb"


def passengers(*, women_first: bool = True) -> pd.DataFrame:
    """1,309 invented passengers in the columns, types and rough rates of the real list."""
    rng = np.random.default_rng(1912)
    n = 1309
    pclass = rng.choice([1, 2, 3], n, p=[0.247, 0.212, 0.541])
    sex = rng.choice(["female", "male"], n, p=[0.356, 0.644])
    rate = np.where(sex == "female", 0.78, 0.24) - 0.12 * (pclass - 2) if women_first else np.full(n, 0.38)
    survived = (rng.random(n) < rate).astype(int)
    cabin = rng.choice([*(f"C{i}" for i in range(1, 90)), None], n, p=[*[0.0025] * 89, 1 - 89 * 0.0025])
    frame = pd.DataFrame(
        {
            "pclass": pclass,
            "survived": survived,
            "name": [f"Passenger, Mr. {i}" for i in range(n)],
            "sex": sex,
            "age": np.where(rng.random(n) < 0.2, np.nan, rng.normal(30, 14, n).clip(0.2, 80).round(1)),
            "sibsp": rng.poisson(0.5, n),
            "parch": rng.poisson(0.4, n),
            "ticket": [f"PC {17_000 + i // 2}" for i in range(n)],
            "fare": rng.lognormal(4.6 - 0.7 * pclass, 0.6, n).round(4),
            "cabin": cabin,
            "embarked": rng.choice(["S", "C", "Q", None], n, p=[0.698, 0.206, 0.094, 0.002]),
            "boat": np.where(survived == 1, rng.integers(1, 16, n).astype(str), None),
            "body": np.where((survived == 0) & (rng.random(n) < 0.15), rng.integers(1, 328, n), np.nan),
            "home.dest": rng.choice([f"Town {i}" for i in range(300)], n),
        }
    )
    frame.loc[700, "fare"] = np.nan
    return frame


@pytest.fixture
def shipped(tmp_path, monkeypatch):
    """Put passengers into a cache, and their hash into a copy of the catalog."""

    def ship(frame: pd.DataFrame) -> None:
        data = tmp_path / "data"
        data.mkdir()
        for item in data_dir().iterdir():
            if item.name != "catalog.yml":
                (data / item.name).symlink_to(item, target_is_directory=item.is_dir())
        file = tmp_path / "cache" / "titanic" / "titanic.csv"
        file.parent.mkdir(parents=True)
        frame.to_csv(file, index=False, na_rep="?")
        catalog = yaml.safe_load((data_dir() / "catalog.yml").read_text(encoding="utf-8"))
        assert list(frame) == described_columns()
        catalog["titanic"]["sha256"] = file_sha256(file)
        (data / "catalog.yml").write_text(yaml.safe_dump(catalog), encoding="utf-8")
        monkeypatch.setenv("MLE_DATA_DIR", str(data))
        monkeypatch.setenv("MLE_CACHE_DIR", str(tmp_path / "cache"))
        assert list_datasets().set_index("name").loc["titanic", "available"]

    return ship


def described_columns() -> list[str]:
    """Columns of the real list, as its data card names them."""
    card = (data_dir() / "cards" / "titanic.md").read_text(encoding="utf-8")
    return re.findall(r"^\| ([a-z][a-z.]*) \|", card, re.MULTILINE)[1:]


def short_lesson():
    """The lesson without what the Titanic's cell does not need: figures and resampling."""
    notebook = read_notebook(LESSON)
    kept = []
    for cell in notebook.cells:
        if cell.cell_type != "code":
            continue
        imports = [line for line in cell.source.splitlines() if line.startswith(("import ", "from "))]
        needed = "sample(8000" in cell.source or "ten_steps(" in cell.source or "titanic" in cell.source
        cell.source = cell.source if needed else "\n".join(imports)
        kept.append(cell)
    notebook.cells = kept
    return notebook


def cell_of(notebook):
    """The cell that looks at the Titanic; its check cell follows."""
    (found,) = [cell for cell in notebook.cells if "titanic = ten_steps(" in cell.source]
    return found


def printed(cell) -> str:
    return "".join(output.get("text", "") for output in cell.outputs)


def test_cell_says_the_same_when_the_file_is_there(shipped):
    stored = cell_of(read_notebook(LESSON))
    assert "mle data fetch titanic" in printed(stored)
    shipped(passengers())
    notebook = short_lesson()
    notebook.cells[-1].source += "\nassert titanic is not None"
    execute(notebook, name=LESSON.name, folder=LESSON.parent)
    assert printed(cell_of(notebook)) == printed(stored)


def test_cell_looks_at_the_passengers(shipped):
    shipped(passengers(women_first=False))
    notebook = short_lesson()
    with pytest.raises(NotebookError, match=r"strength\[\"sex\"\]"):
        execute(notebook, name=LESSON.name, folder=LESSON.parent)
