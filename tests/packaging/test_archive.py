import shutil
import zipfile

import pytest

from mlhelpers.packaging import BundleError, load_bundle, pack_bundle, sign_bundle, signing_key
from mlhelpers.packaging.archive import read_files, write_zip
from mlhelpers.packaging.manifest import MANIFEST, manifest_hash


@pytest.fixture
def bundle(built, tmp_path):
    return shutil.copytree(built, tmp_path / "bundle")


@pytest.fixture
def packed(bundle, tmp_path):
    return pack_bundle(bundle, tmp_path / "bundle.zip")


def refused(path, message, **options):
    with pytest.raises(BundleError, match=message):
        load_bundle(path, **options)


def test_zip_is_the_same_bundle(bundle, packed, customers):
    from_folder, from_zip = load_bundle(bundle), load_bundle(packed)
    assert from_zip.sha256 == from_folder.sha256 == manifest_hash(packed) == manifest_hash(bundle)
    assert (from_zip.predict(customers) == from_folder.predict(customers)).all()


def test_packed_twice_it_is_the_same_bytes(bundle, packed, tmp_path):
    assert pack_bundle(bundle, tmp_path / "again.zip").read_bytes() == packed.read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["again.zip", "bundle", "bundle.zip"]


def test_only_a_bundle_is_packed_and_only_into_a_zip(bundle, tmp_path):
    with pytest.raises(ValueError, match=r"must end with \.zip, got bundle\.tar"):
        pack_bundle(bundle, tmp_path / "bundle.tar")
    (bundle / "metrics.json").write_text("{}")
    with pytest.raises(BundleError, match=r"metrics\.json was changed"):
        pack_bundle(bundle, tmp_path / "bundle.zip")


@pytest.mark.parametrize(
    "name", ["../model.skops", "/etc/passwd", "sub/model.skops", "..\\model.skops", "notes.txt"]
)
def test_names_that_are_not_a_bundles_are_refused(packed, name):
    with zipfile.ZipFile(packed, "a") as archive:
        archive.writestr(name, "x")
    refused(packed, "is not in the manifest; names are flat and fixed")


def test_name_that_is_there_twice_is_refused(packed):
    with zipfile.ZipFile(packed, "a") as archive, pytest.warns(UserWarning, match="Duplicate name"):
        archive.writestr("metrics.json", "{}")
    refused(packed, r"metrics\.json is there twice")


def test_link_in_a_zip_is_refused(bundle, tmp_path):
    path = tmp_path / "linked.zip"
    with zipfile.ZipFile(path, "w") as archive:
        entry = zipfile.ZipInfo("metrics.json")
        entry.create_system, entry.external_attr = 3, 0o120777 << 16
        archive.writestr(entry, "/etc/passwd")
    refused(path, "encrypted or a link")


def test_bomb_is_not_read_to_its_end(tmp_path):
    path = tmp_path / "bomb.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("model.skops", b"0" * 50_000_000)
    assert path.stat().st_size < 100_000
    refused(path, "larger than .* bytes together; not read further", limit=10_000_000)


def test_folder_has_the_same_limit(bundle):
    refused(bundle, "larger than .* bytes together; not read further", limit=5_000)


@pytest.mark.parametrize("share", [0.0, 0.3, 0.9, 0.999])
def test_truncated_zip_is_refused(packed, share):
    content = packed.read_bytes()
    packed.write_bytes(content[: int(share * len(content))])
    refused(packed, "is not a zip archive that can be read|is not in the manifest")


def test_damaged_zip_is_refused(packed):
    content = bytearray(packed.read_bytes())
    at = content.index(b'"schema_version"')
    content[at + 1] ^= 1
    packed.write_bytes(content)
    refused(packed, "is not a zip archive that can be read: Bad CRC")


def test_folder_in_a_folder_is_refused(bundle):
    (bundle / "metrics.json").unlink()
    (bundle / "metrics.json").mkdir()
    refused(bundle, r"metrics\.json is missing or is not a plain file")


def test_failed_write_leaves_nothing(tmp_path):
    with pytest.raises(TypeError):
        write_zip({"a": b"1", "b": None}, tmp_path / "new.zip")
    assert list(tmp_path.iterdir()) == []


def test_hash_of_what_is_no_bundle_is_none(tmp_path, packed):
    assert manifest_hash(tmp_path / "absent") is None
    assert manifest_hash(tmp_path) is None
    packed.write_bytes(b"x")
    assert manifest_hash(packed) is None


def test_signature_stays_in_the_zip(bundle, tmp_path):
    sign_bundle(bundle, signing_key(tmp_path / "keys" / "k.pem", create=True))
    packed = pack_bundle(bundle, tmp_path / "signed.zip")
    assert load_bundle(packed, trusted_keys=[tmp_path / "keys" / "k.pub"]).signed
    assert MANIFEST in read_files(packed, [path.name for path in bundle.iterdir()])
