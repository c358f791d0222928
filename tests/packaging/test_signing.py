import json
import shutil
import stat

import pytest
from cryptography.hazmat.primitives import serialization as form
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from mlhelpers.packaging import BundleError, build_bundle, load_bundle, public_key, sign_bundle, signing_key
from mlhelpers.packaging.manifest import MANIFEST, SEAL, fingerprint
from mlhelpers.packaging.signing import KeyFileError


@pytest.fixture
def keys(tmp_path):
    signing_key(tmp_path / "ours.pem", create=True)
    signing_key(tmp_path / "theirs.pem", create=True)
    return tmp_path


@pytest.fixture
def bundle(built, keys):
    folder = shutil.copytree(built, keys / "bundle")
    sign_bundle(folder, signing_key(keys / "ours.pem"))
    return folder


def refused(bundle, message, *names):
    with pytest.raises(BundleError, match=message):
        load_bundle(bundle, trusted_keys=[bundle.parent / name for name in names])


def test_signed_bundle_is_accepted_with_its_key(bundle, keys):
    assert load_bundle(bundle, trusted_keys=[keys / "ours.pub"]).signed
    assert load_bundle(bundle, trusted_keys=[keys / "theirs.pub", public_key(keys / "ours.pub")]).signed
    assert len((bundle / SEAL).read_bytes()) == 64


def test_signature_is_not_looked_at_without_keys(bundle):
    assert not load_bundle(bundle).signed


def test_another_key_no_key_and_no_signature_are_refused(bundle):
    refused(bundle, "not the signature of MANIFEST.json by one of the 1 trusted keys", "theirs.pub")
    refused(bundle, "by one of the 0 trusted keys")
    (bundle / SEAL).unlink()
    refused(bundle, "the bundle is not signed, and a signature is asked for", "ours.pub")


def test_forged_manifest_with_right_hashes_is_refused(bundle):
    (bundle / "model_card.md").write_bytes(b"# Fit for everything\n")
    manifest = json.loads((bundle / MANIFEST).read_text())
    manifest["files"]["model_card.md"] = fingerprint((bundle / "model_card.md").read_bytes())
    (bundle / MANIFEST).write_text(json.dumps(manifest))
    assert "everything" in load_bundle(bundle).model_card
    refused(bundle, "not the signature", "ours.pub")


def test_signature_is_checked_before_anything_else_is_read(bundle):
    (bundle / MANIFEST).write_text("{")
    refused(bundle, "not the signature", "ours.pub")


def test_bundle_is_signed_when_it_is_built(parts, keys):
    folder = build_bundle(keys / "new", **parts, key=signing_key(keys / "ours.pem"))
    assert load_bundle(folder, trusted_keys=[keys / "ours.pub"]).signed


def test_key_is_for_its_owner_only_and_is_kept(keys):
    path = keys / "ours.pem"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    before = path.read_bytes()
    signing_key(path, create=True)
    assert path.read_bytes() == before


def test_files_that_hold_no_such_key_are_refused(keys):
    with pytest.raises(FileNotFoundError):
        signing_key(keys / "absent.pem")
    (keys / "text.pem").write_text("secret")
    for read in (signing_key, public_key):
        with pytest.raises(KeyFileError, match=r"text\.pem holds no"):
            read(keys / "text.pem")
    other = X25519PrivateKey.generate()
    pem = other.private_bytes(form.Encoding.PEM, form.PrivateFormat.PKCS8, form.NoEncryption())
    (keys / "other.pem").write_bytes(pem)
    pem = other.public_key().public_bytes(form.Encoding.PEM, form.PublicFormat.SubjectPublicKeyInfo)
    (keys / "other.pub").write_bytes(pem)
    with pytest.raises(KeyFileError, match="not an Ed25519 key"):
        signing_key(keys / "other.pem")
    with pytest.raises(KeyFileError, match="not an Ed25519 key"):
        public_key(keys / "other.pub")
