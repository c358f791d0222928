import json
import shutil

import pytest

from mlhelpers.packaging import BundleError, build_bundle, load_bundle
from mlhelpers.packaging.manifest import FILES, GRAPH, MANIFEST


@pytest.fixture
def bundle(built, tmp_path):
    return shutil.copytree(built, tmp_path / "bundle")


def rewrite(bundle, change):
    manifest = json.loads((bundle / MANIFEST).read_text())
    change(manifest)
    (bundle / MANIFEST).write_text(json.dumps(manifest))


def refused(bundle, message):
    with pytest.raises(BundleError, match=message):
        load_bundle(bundle)


def test_bundle_holds_these_files_and_no_others(built):
    assert sorted(path.name for path in built.iterdir()) == sorted([MANIFEST, GRAPH, *FILES])
    assert [path.name for path in built.parent.iterdir()] == ["bundle"]
    assert "scikit-learn==" in (built / "environment.txt").read_text()


@pytest.mark.parametrize("file", [*FILES, GRAPH])
def test_changed_file_is_refused_and_named(bundle, file):
    (bundle / file).write_bytes((bundle / file).read_bytes() + b" ")
    refused(bundle, f"{file} was changed")


@pytest.mark.parametrize("file", [*FILES, GRAPH])
def test_missing_file_is_refused_and_named(bundle, file):
    (bundle / file).unlink()
    refused(bundle, f"{file} is missing")


def test_link_in_place_of_a_file_is_refused(bundle, tmp_path):
    shutil.move(bundle / "metrics.json", tmp_path / "metrics.json")
    (bundle / "metrics.json").symlink_to(tmp_path / "metrics.json")
    refused(bundle, "metrics.json is missing or is not a plain file")


def test_extra_file_is_refused_and_named(bundle):
    (bundle / "notes.txt").write_text("x")
    refused(bundle, "notes.txt is not in the manifest")


def test_missing_manifest_and_missing_folder_are_refused(bundle, tmp_path):
    (bundle / MANIFEST).unlink()
    refused(bundle, "MANIFEST.json is missing")
    refused(tmp_path / "absent", "there is no absent")


@pytest.mark.parametrize("text", ["{", "[]", "{}", '{"schema_version": 1}', "[" * 100_000])
def test_unreadable_manifest_is_refused(bundle, text):
    (bundle / MANIFEST).write_text(text)
    refused(bundle, "MANIFEST.json (is not JSON|has schema version)")


@pytest.mark.parametrize("key", ["name", "version", "data_hash", "files", "libraries"])
def test_incomplete_manifest_is_refused(bundle, key):
    rewrite(bundle, lambda manifest: manifest.pop(key))
    refused(bundle, f"MANIFEST.json lacks {key}")


@pytest.mark.parametrize("name", ["../secret", "/etc/passwd", "sub/model.skops", "extra.json"])
def test_manifest_cannot_lead_out_of_the_bundle(bundle, name):
    rewrite(bundle, lambda manifest: manifest["files"].update({name: {"sha256": "", "size": 0}}))
    refused(bundle, "which is no file of a bundle")


def test_manifest_must_list_every_file(bundle):
    rewrite(bundle, lambda manifest: manifest["files"].pop("metrics.json"))
    refused(bundle, "does not list metrics.json")


def test_graph_is_said_in_the_manifest(built, parts, tmp_path):
    assert load_bundle(built).manifest["onnx"] == {
        "converted": True,
        "rows_compared": 2003,
        "tolerance": 1e-6,
    }
    without = load_bundle(build_bundle(tmp_path / "without", **parts, onnx=False))
    assert without.manifest["onnx"] == {"converted": False, "reason": "not asked for"}
    assert without.session is None
