import json
import os
import subprocess
import sys
import zipfile
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import skops.io
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import FunctionTransformer

from mlhelpers.packaging import (
    TRUSTED_TYPES,
    UntrustedModelError,
    compare_formats,
    load_model,
    save_model,
)
from mlhelpers.training import fit, make_boosting, make_logistic

SAVE = """
import sys
import numpy as np, pandas as pd
from mlhelpers.packaging import save_model
from mlhelpers.training import fit, make_boosting, make_logistic
rng = np.random.default_rng(0)
frame = pd.DataFrame({"a": rng.normal(size=200), "g": rng.choice(["x", "y", "z"], 200)})
y = (rng.random(200) < 0.4).astype(int)
for make in (make_boosting, make_logistic):
    save_model(fit(make(["a"], ["g"]), frame, y), f"{folder}/{make.__name__}.skops")
"""


def test_another_process_saves_the_same_bytes(tmp_path):
    here, there = tmp_path / "here", tmp_path / "there"
    here.mkdir()
    there.mkdir()
    exec(SAVE, {"folder": str(here)})
    settings = os.environ | {"PYTHONHASHSEED": "5", "OMP_NUM_THREADS": "2"}
    script = f"folder = {str(there)!r}{SAVE}"
    subprocess.run([sys.executable, "-c", script], check=True, env=settings)
    for kind in ("boosting", "logistic"):
        name = f"make_{kind}.skops"
        assert (here / name).read_bytes() == (there / name).read_bytes()


def test_plain_skops_does_not(model):
    assert skops.io.dumps(model) != skops.io.dumps(skops.io.loads(skops.io.dumps(model), TRUSTED_TYPES))


@pytest.mark.parametrize("make", [partial(make_boosting, max_iter=15), make_logistic])
def test_loaded_model_predicts_the_same_and_saves_the_same(make, customers, tmp_path):
    model = fit(make(["charge", "late"], ["contract", "region"]), customers, customers["churned"])
    file = save_model(model, tmp_path / "model.skops")
    loaded = load_model(file)
    np.testing.assert_array_equal(loaded.predict_proba(customers), model.predict_proba(customers))
    assert save_model(loaded, tmp_path / "again.skops").read_bytes() == file.read_bytes()


def test_file_holds_no_date_no_address_and_no_compression(model, tmp_path):
    with zipfile.ZipFile(save_model(model, tmp_path / "model.skops")) as archive:
        entries = archive.infolist()
        schema = archive.read("schema.json").decode()
    assert {entry.date_time for entry in entries} == {(1980, 1, 1, 0, 0, 0)}
    assert {entry.compress_type for entry in entries} == {zipfile.ZIP_STORED}
    assert entries[1].filename == "1.npy"
    assert str(id(model)) not in schema


def test_bytes_and_sets_are_saved_in_one_order(tmp_path):
    def model(words):
        return FunctionTransformer(kw_args={"words": set(words), "raw": bytearray(b"abc")})

    words = [f"w{number}" for number in range(20)]
    one = save_model(model(words), tmp_path / "one.skops")
    two = save_model(model(reversed(words)), tmp_path / "two.skops")
    assert one.read_bytes() == two.read_bytes()
    assert load_model(one).kw_args == {"words": set(words), "raw": bytearray(b"abc")}


def test_untrusted_type_is_refused_and_named(tmp_path):
    file = save_model(FunctionTransformer(json.dumps), tmp_path / "model.skops")
    with pytest.raises(
        UntrustedModelError, match=r"model\.skops holds types that are not trusted: json\.dumps"
    ):
        load_model(file)
    assert load_model(file, trusted=["json.dumps"]).func is json.dumps


def test_nothing_but_a_model_file_is_loaded(tmp_path):
    file = tmp_path / "model.skops"
    file.write_bytes(b"not a zip")
    with pytest.raises(ValueError, match="not a skops model file"):
        load_model(file)
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("other.txt", "x")
    with pytest.raises(ValueError, match="not a skops model file"):
        load_model(file)
    with pytest.raises(FileNotFoundError):
        load_model(Path("absent.skops"))


def test_saving_leaves_no_other_file(model, tmp_path):
    save_model(model, tmp_path / "model.skops")
    save_model(model, tmp_path / "model.skops")
    assert [path.name for path in tmp_path.iterdir()] == ["model.skops"]


@pytest.fixture(scope="module")
def numbers():
    rng = np.random.default_rng(0)
    X = pd.DataFrame(rng.normal(size=(200, 3)), columns=list("abc"))
    return X, (X["a"] + rng.normal(size=200) > 0).astype(int)


def test_formats_are_read_in_fresh_processes_and_answer_alike(numbers):
    X, y = numbers
    forest = RandomForestClassifier(10, random_state=0).fit(X, y)
    trusted = [*TRUSTED_TYPES, "sklearn.tree._tree.Tree"]
    found = compare_formats(forest, X, threshold=0.45, trusted=trusted)
    assert found.index.tolist() == ["pickle", "joblib", "skops", "onnx"]
    assert (found[["kilobytes", "start_seconds", "row_ms", "table_ms"]] > 0).all(axis=None)
    assert (found["largest"] < 1e-6).all() and (
        found.loc[["pickle", "joblib", "skops"], "largest"] == 0
    ).all()
    assert found.loc["onnx", "imports"] == "onnxruntime" and "sklearn" in found.loc["skops", "imports"]


def test_formats_are_chosen_by_name(numbers):
    X, y = numbers
    model = LogisticRegression().fit(X, y)
    assert compare_formats(model, X, formats=["onnx"]).index.tolist() == ["onnx"]
    with pytest.raises(ValueError, match="no format 'pmml'; there are pickle, joblib, skops, onnx"):
        compare_formats(model, X, formats=["pmml"])


def test_format_that_cannot_be_read_is_named_with_the_reason(numbers):
    X, y = numbers
    forest = RandomForestClassifier(2, random_state=0).fit(X, y)
    with pytest.raises(RuntimeError, match=r"skops: a fresh process cannot read the model: .*sklearn\.tree"):
        compare_formats(forest, X, formats=["skops"])


def test_rows_must_be_numbers(numbers):
    X, y = numbers
    model = LogisticRegression().fit(X, y)
    with pytest.raises(ValueError, match="column 'c' is not numeric"):
        compare_formats(model, X.assign(c="x"))
    with pytest.raises(ValueError, match="X has no row"):
        compare_formats(model, X.head(0))
