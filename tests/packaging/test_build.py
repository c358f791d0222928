import shutil

import numpy as np
import pytest

from mlhelpers.packaging import BundleError, build_bundle, load_bundle
from mlhelpers.packaging.build import _swap
from mlhelpers.packaging.manifest import FILES, GRAPH, MANIFEST


@pytest.fixture
def bundle(built, tmp_path):
    return shutil.copytree(built, tmp_path / "bundle")


def test_built_twice_it_is_the_same_bytes(built, parts, tmp_path):
    again = build_bundle(tmp_path / "other", **parts)
    for file in [MANIFEST, GRAPH, *FILES]:
        assert (again / file).read_bytes() == (built / file).read_bytes()


def test_rebuilding_replaces_the_whole_bundle(bundle, parts):
    before = load_bundle(bundle).sha256
    build_bundle(bundle, **parts | {"version": "1.1.0", "requirements": ["b==2", "a==1"]})
    loaded = load_bundle(bundle)
    assert loaded.version == "1.1.0"
    assert loaded.sha256 != before
    assert (bundle / "environment.txt").read_text() == "a==1\nb==2\n"
    assert [path.name for path in bundle.parent.iterdir()] == ["bundle"]


def test_failed_build_leaves_the_old_bundle(bundle, parts):
    before = load_bundle(bundle).sha256
    with pytest.raises(TypeError):
        build_bundle(bundle, **parts | {"metrics": {"auc": object()}})
    assert load_bundle(bundle).sha256 == before
    assert [path.name for path in bundle.parent.iterdir()] == ["bundle"]


def test_failed_swap_brings_the_old_bundle_back(bundle):
    with pytest.raises(FileNotFoundError):
        _swap(bundle.parent / "absent", bundle)
    assert load_bundle(bundle)
    assert [path.name for path in bundle.parent.iterdir()] == ["bundle"]


def test_folder_with_other_files_is_not_replaced(tmp_path, parts):
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(BundleError, match="is not a bundle; give a new folder"):
        build_bundle(tmp_path, **parts)
    assert (tmp_path / "thesis.txt").exists()


def test_example_that_the_signature_refuses_is_refused(tmp_path, parts):
    wrong = parts["example"].assign(late=99)
    with pytest.raises(BundleError, match="example: row 0, column late: out of range"):
        build_bundle(tmp_path / "new", **parts | {"example": wrong})
    with pytest.raises(BundleError, match="at least one row"):
        build_bundle(tmp_path / "new", **parts | {"example": wrong.head(0)})


def test_figures_without_a_number_become_null(tmp_path, parts):
    metrics = {"auc": np.float64("nan"), "folds": np.array([0.12345678, 1.0]), "n": np.int64(3)}
    found = load_bundle(build_bundle(tmp_path / "new", **parts | {"metrics": metrics})).metrics
    assert found == {"auc": None, "folds": [0.123457, 1.0], "n": 3}
