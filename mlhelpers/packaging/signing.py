"""Ed25519 keys and signatures: who made a bundle, beside what is in it.

Taught in lesson 6.2 (packaging). A hash says that a file was not changed since the manifest was written; a
signature says who wrote the manifest.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey


class KeyFileError(ValueError):
    """A key file cannot be used."""


def signing_key(path: str | Path, *, create: bool = False) -> Ed25519PrivateKey:
    """Private key of a file.

    Taught in lesson 6.2. A key belongs into a secret store; this file is for one machine. It is written with
    access for its owner only, and its public half beside it as ``.pub``.

    Parameters
    ----------
    path : str or Path
        PEM file (PKCS 8, not encrypted).
    create : bool, default=False
        Make a new key if there is no file.

    Returns
    -------
    Ed25519PrivateKey

    Raises
    ------
    FileNotFoundError
        If there is no file and `create` is false.
    KeyFileError
        If the file holds no Ed25519 private key.
    """
    from cryptography.hazmat.primitives import serialization as form
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    path = Path(path)
    if create and not path.exists():
        key = Ed25519PrivateKey.generate()
        pem = key.private_bytes(form.Encoding.PEM, form.PrivateFormat.PKCS8, form.NoEncryption())
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(pem)
        path.with_suffix(".pub").write_bytes(_public_pem(key.public_key()))
    try:
        key = form.load_pem_private_key(path.read_bytes(), password=None)
    except (ValueError, TypeError) as error:
        raise KeyFileError(f"{path.name} holds no private key that can be read: {error}") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise KeyFileError(f"{path.name} holds a {type(key).__name__}, not an Ed25519 key")
    return key


def public_key(path: str | Path) -> Ed25519PublicKey:
    """Public key of a file, which is what those who verify need.

    Taught in lesson 6.2.

    Parameters
    ----------
    path : str or Path
        PEM file, such as the ``.pub`` beside a private key.

    Returns
    -------
    Ed25519PublicKey

    Raises
    ------
    FileNotFoundError
        If there is no file.
    KeyFileError
        If the file holds no Ed25519 public key.
    """
    from cryptography.hazmat.primitives import serialization as form
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    path = Path(path)
    try:
        key = form.load_pem_public_key(path.read_bytes())
    except (ValueError, TypeError) as error:
        raise KeyFileError(f"{path.name} holds no public key that can be read: {error}") from error
    if not isinstance(key, Ed25519PublicKey):
        raise KeyFileError(f"{path.name} holds a {type(key).__name__}, not an Ed25519 key")
    return key


def is_signed_by(signature: bytes, content: bytes, keys: list[Ed25519PublicKey]) -> bool:
    """Whether one of the keys made the signature of the content."""
    from cryptography.exceptions import InvalidSignature

    for key in keys:
        try:
            key.verify(signature, content)
        except InvalidSignature:
            continue
        return True
    return False


def _public_pem(key: Ed25519PublicKey) -> bytes:
    from cryptography.hazmat.primitives import serialization as form

    return key.public_bytes(form.Encoding.PEM, form.PublicFormat.SubjectPublicKeyInfo)
