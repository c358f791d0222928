"""The scripts behind quoted figures run, and their tables are the ones that lessons show."""

import importlib.util
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mlhelpers.course.files import find_root

FOLDER = find_root(Path(__file__).parent) / "benchmarks" / "claims"
SCRIPTS = sorted(FOLDER.glob("*.py"))
QUICK = {"1_3_thief"}  # a repeat takes under five seconds


def main_of(script):
    specification = importlib.util.spec_from_file_location(f"claims_{script.stem}", script)
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module.main


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.stem)
def test_committed_table_has_at_least_seven_repeats(script):
    table = pd.read_csv(script.with_suffix(".csv"))
    assert table.iloc[:, 0].nunique() >= 7, f"{script.stem}.csv: run the script with its default repeats"


@pytest.mark.parametrize("name", sorted(QUICK))
def test_first_repeat_is_the_committed_one(name, tmp_path):
    script = FOLDER / f"{name}.py"
    fresh = main_of(script)(repeats=1, output=tmp_path / "table.csv")
    committed = pd.read_csv(script.with_suffix(".csv")).head(len(fresh))
    assert list(fresh) == list(committed)
    for column in fresh:
        if fresh[column].dtype.kind in "if":
            assert np.allclose(fresh[column], committed[column], rtol=0.02), column
        else:
            assert list(fresh[column]) == list(committed[column]), column
