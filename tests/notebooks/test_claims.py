"""Scripts under benchmarks/claims: each makes the columns and, for few repeats, the figures of its file."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pandas as pd
import pytest

from mlhelpers.course.files import find_root

CLAIMS = find_root() / "benchmarks" / "claims"
# Scripts that need less than 5 seconds for so few repeats, and for how many.
QUICK = {
    "1_1_draws": 1,
    "1_3_thief": 1,
    "2_1_draws": 1,
    "2_2_coercion": 1,
    "3_2_choices": 1,
    "3_4_leak": 1,
    "4_2_sums": 1,
    "4_3_rungs": 1,
    "4_5_choosing": 1,
    "5_2_splits": 1,
    "5_4_mitigation": 1,
    "5_5_splits": 1,
    "6_2_order": 1,
    "6_5_mistakes": 1,
    "7_1_stale": 1,
}
# Numbers that name a row instead of measuring something.
KEYS = (
    "dose",
    "draw",
    "first",
    "first_day",
    "fold",
    "seed",
    "split",
    "test_patients",
)


@pytest.fixture(autouse=True)
def found_as_a_script_finds_it(monkeypatch: pytest.MonkeyPatch):
    """A script's own folder comes first, so `shared` is that of the scripts."""
    monkeypatch.syspath_prepend(CLAIMS)


def imported(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"claims_{name}", CLAIMS / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("script", sorted(CLAIMS.glob("*.py")), ids=lambda path: path.stem)
def test_every_script_has_its_figures_and_says_how_long_it_takes(script: Path):
    module = imported(script.stem)
    assert callable(module.main) and "takes" in module.__doc__
    assert len(pd.read_csv(script.with_suffix(".csv"))) > 0


@pytest.mark.parametrize("name", sorted(QUICK))
def test_few_repeats_give_the_columns_and_the_first_figures_of_the_committed_file(name: str, tmp_path: Path):
    output = tmp_path / "few.csv"
    imported(name).main(repeats=QUICK[name], output=output)
    few, committed = pd.read_csv(output), pd.read_csv(CLAIMS / f"{name}.csv")
    assert list(few) == list(committed)
    keys = [name for name in few if name in KEYS or not pd.api.types.is_numeric_dtype(few[name])]
    both = few.merge(committed, on=keys, suffixes=("", "_committed"))
    assert len(both) == len(few) > 0, "rows of few repeats are among the committed ones"
    for column in few.columns.difference(keys):
        assert both[column].tolist() == pytest.approx(
            both[f"{column}_committed"].tolist(), rel=0.02, abs=0.005
        ), column


def test_script_takes_its_options_from_the_shell_and_writes_where_it_is_told(tmp_path: Path):
    output = tmp_path / "few.csv"
    command = [sys.executable, str(CLAIMS / "4_2_sums.py"), "--repeats", "1", "--output", str(output)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert list(pd.read_csv(output)) == list(pd.read_csv(CLAIMS / "4_2_sums.csv"))
    assert str(next(iter(pd.read_csv(output)))) in done.stdout
