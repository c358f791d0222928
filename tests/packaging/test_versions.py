"""The version says what changed for a client: refused requests, other data, another file."""

import dataclasses

import pytest

from mlhelpers.packaging import build_bundle, explain_version, load_bundle, next_version


@pytest.fixture(scope="module")
def old(built):
    return load_bundle(built)


def changed(bundle, column=None, /, *, drop=None, add=None, output=None, **values):
    """The bundle with another signature; its files are not looked at."""
    signature = [dict(entry) for entry in bundle.signature if entry["name"] != drop]
    for entry in signature:
        if entry["name"] == column:
            entry.update(values)
    signature += [add] if add else []
    return dataclasses.replace(bundle, signature=signature, output=bundle.output | (output or {}))


NEW = {
    "name": "age",
    "type": "number",
    "nullable": True,
    "min": 0,
    "max": 9,
    "categories": None,
    "unit": None,
}
CASES = {
    "column gone": (lambda b: changed(b, drop="late"), "2.0.0", "column late is gone"),
    "column new": (lambda b: changed(b, add=NEW), "2.0.0", "every row must give it"),
    "renamed": (lambda b: changed(b, "late", name="delay"), "2.0.0", "column late is gone"),
    "retyped": (
        lambda b: changed(b, "late", type="category", categories=["1"]),
        "2.0.0",
        "is a category, was a integer",
    ),
    "no fractions": (lambda b: changed(b, "charge", type="integer"), "2.0.0", "takes no fractions any more"),
    "fractions": (lambda b: changed(b, "late", type="number"), "1.1.0", "takes fractions too"),
    "unit": (
        lambda b: changed(b, "charge", unit="EUR per month"),
        "2.0.0",
        "is in EUR per month, was in USD",
    ),
    "required": (lambda b: changed(b, "charge", nullable=False), "2.0.0", "may not be missing any more"),
    "may be missing": (lambda b: changed(b, "late", nullable=True), "1.1.0", "may be missing"),
    "narrower": (lambda b: changed(b, "late", max=1), "2.0.0", "column late is narrower: 0 to 1"),
    "narrower below": (lambda b: changed(b, "late", min=1), "2.0.0", "is narrower"),
    "wider": (lambda b: changed(b, "late", max=1000), "1.1.0", "column late is wider"),
    "moved": (lambda b: changed(b, "late", min=1, max=1000), "2.0.0", "is narrower"),
    "category lost": (lambda b: changed(b, "region", categories=["coast"]), "2.0.0", "takes north no longer"),
    "category more": (
        lambda b: changed(b, "region", categories=["coast", "north", "south"]),
        "1.1.0",
        "takes south too",
    ),
    "answer": (lambda b: changed(b, output={"max": 100.0}), "2.0.0", "the answer's max is 100.0, was 1.0"),
}


@pytest.mark.parametrize("name", CASES)
def test_signature_decides(old, name):
    make, version, told = CASES[name]
    new = make(old)
    assert next_version(old, new) == version
    assert any(told in reason for _, reason in explain_version(old, new))


def test_same_bundle_keeps_its_version(old):
    assert next_version(old, old) == "1.0.0" and explain_version(old, old) == []


def test_other_data_are_a_minor_version(old, parts, tmp_path):
    new = load_bundle(build_bundle(tmp_path / "bundle", **parts | {"data_hash": "def"}))
    assert next_version(old, new) == "1.1.0"
    assert explain_version(old, new) == [("minor", "trained on other data")]


def test_another_file_alone_is_a_patch(old, parts, tmp_path):
    new = load_bundle(build_bundle(tmp_path / "bundle", **parts | {"metrics": {"n": 1}, "version": "7.0.0"}))
    assert next_version(old, new) == "1.0.1"
    assert explain_version(old, new) == [("patch", "same data and signature, other metrics.json")]


def test_largest_change_counts_and_sets_the_rest_to_zero(old):
    before = dataclasses.replace(old, version="1.4.9")
    both = dataclasses.replace(changed(before, "late", max=1000), manifest=old.manifest | {"data_hash": "x"})
    assert next_version(before, both) == "1.5.0"
    assert next_version(before, changed(both, drop="late")) == "2.0.0"
    assert next(kind for kind, _ in explain_version(before, changed(both, drop="charge"))) == "major"


def test_what_is_no_version_is_refused(old):
    for version in ("1.0", "2027-01-31", "1.0.0-rc1", "01.0.0"):
        with pytest.raises(ValueError, match=r"is not like 1\.2\.3"):
            next_version(dataclasses.replace(old, version=version), old)
    with pytest.raises(ValueError, match="'other' is another model than 'churn'"):
        next_version(old, dataclasses.replace(old, name="other"))
