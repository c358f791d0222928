import hashlib
import json
import shutil
import zipfile
from importlib import metadata

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from mlhelpers.packaging import BundleError, build_bundle, load_bundle
from mlhelpers.packaging.manifest import (
    FILES,
    GRAPH,
    MANIFEST,
    SEAL,
    check_seal,
    fingerprint,
    manifest_hash,
    read_manifest,
    verify_files,
)

CONTENT = {name: name.encode() for name in FILES}
GOOD = {
    "schema_version": 2,
    "name": "churn",
    "version": "1.0.0",
    "data_hash": "abc",
    "files": {name: fingerprint(content) for name, content in CONTENT.items()},
    "libraries": {name: metadata.version(name) for name in ("mlhelpers", "scikit-learn")},
}


def read(manifest):
    return read_manifest({MANIFEST: json.dumps(manifest).encode()}, "here")


def test_fingerprint_is_hash_and_size():
    assert fingerprint(b"abc") == {"sha256": hashlib.sha256(b"abc").hexdigest(), "size": 3}


def test_manifest_of_this_release_is_read():
    assert read(GOOD) == GOOD


@pytest.mark.parametrize("version", [1, 3, "2", None])
def test_another_schema_is_refused_and_named(version):
    with pytest.raises(BundleError, match=f"schema version {version!r}, this release reads 2"):
        read(GOOD | {"schema_version": version})


@pytest.mark.parametrize(
    ("change", "lacks"),
    [
        ({"name": 7}, "lacks name"),
        ({"version": None, "files": []}, "lacks version, files"),
        ({"libraries": "numpy"}, "lacks libraries"),
    ],
)
def test_entries_of_another_type_are_named(change, lacks):
    with pytest.raises(BundleError, match=f"{lacks}$"):
        read(GOOD | change)


def test_unknown_entry_is_refused_and_named():
    with pytest.raises(BundleError, match="unknown key 'extra'"):
        read(GOOD | {"extra": 1})


def test_only_another_major_version_of_a_library_is_refused():
    here = metadata.version("scikit-learn")
    major = int(here.split(".")[0])
    read(GOOD | {"libraries": GOOD["libraries"] | {"scikit-learn": f"{major}.999.0"}})
    for other in (f"{major + 1}.{here.partition('.')[2]}", f"{major}1.0"):
        with pytest.raises(BundleError, match=f"scikit-learn {other}, here is {here}: another major version"):
            read(GOOD | {"libraries": GOOD["libraries"] | {"scikit-learn": other}})


def test_listed_files_are_accepted_with_and_without_a_graph():
    verify_files(CONTENT, GOOD["files"])
    graph = {GRAPH: b"graph"}
    verify_files(CONTENT | graph, GOOD["files"] | {GRAPH: fingerprint(b"graph")})


def test_a_graph_on_one_side_only_is_refused():
    with pytest.raises(BundleError, match=f"does not list {GRAPH}"):
        verify_files(CONTENT | {GRAPH: b"graph"}, GOOD["files"])
    with pytest.raises(BundleError, match=f"{GRAPH} is missing"):
        verify_files(CONTENT, GOOD["files"] | {GRAPH: fingerprint(b"graph")})


def test_size_and_hash_both_count():
    for wrong in ({"size": 0}, {"sha256": "0" * 64}):
        listed = GOOD["files"] | {FILES[0]: fingerprint(CONTENT[FILES[0]]) | wrong}
        with pytest.raises(BundleError, match=f"{FILES[0]} was changed"):
            verify_files(CONTENT, listed)


def test_hash_of_the_manifest_is_read_from_folder_and_zip(tmp_path):
    (tmp_path / MANIFEST).write_bytes(b"{}")
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr(MANIFEST, b"{}")
    expected = hashlib.sha256(b"{}").hexdigest()
    assert manifest_hash(tmp_path) == manifest_hash(str(tmp_path / "a.zip")) == expected


def test_hash_of_what_is_no_bundle_is_none_and_no_error(tmp_path):
    (tmp_path / "text.zip").write_text("x")
    with zipfile.ZipFile(tmp_path / "empty.zip", "w"):
        pass
    for source in (tmp_path, tmp_path / "absent", tmp_path / "text.zip", tmp_path / "empty.zip"):
        assert manifest_hash(source) is None


def test_seal_is_checked_only_where_keys_are_given():
    key, other = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()
    files = {MANIFEST: b"{}", SEAL: key.sign(b"{}")}
    assert check_seal(files, None) is False
    assert check_seal({}, None) is False
    assert check_seal(files, [other.public_key(), key.public_key()]) is True
    with pytest.raises(
        BundleError, match=r"is not the signature of MANIFEST.json by one of the 1 trusted keys"
    ):
        check_seal(files, [other.public_key()])
    with pytest.raises(BundleError, match="the bundle is not signed"):
        check_seal({MANIFEST: b"{}"}, [key.public_key()])


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


def test_folder_in_a_bundle_is_refused_and_named(bundle):
    (bundle / "notes").mkdir()
    with pytest.raises(BundleError, match="notes is not in the manifest"):
        load_bundle(bundle)
    (bundle / "notes").rmdir()
    (bundle / "metrics.json").unlink()
    (bundle / "metrics.json").mkdir()
    with pytest.raises(BundleError, match=r"metrics\.json is missing or is not a plain file"):
        load_bundle(bundle)


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
