"""What code imports is found by running it; what that needs is pinned with its closure."""

import re
from importlib import metadata

import pytest

from mlhelpers.packaging.requirements import imported_distributions, pinned_closure


def test_imports_of_the_code_are_found_and_no_others():
    found = imported_distributions("import numpy\nimport json\nprint('noise')")
    assert found["distribution"].tolist() == ["numpy"]
    assert found["version"].tolist() == [metadata.version("numpy")]
    assert found["modules"].tolist() == ["numpy"] and found["needed_by"].tolist() == [""]


def test_who_needs_a_distribution_is_told(built):
    code = f"""
import pandas as pd
from mlhelpers.packaging import load_bundle
bundle = load_bundle({str(built)!r}, runtime="onnx")
bundle.predict(pd.DataFrame(bundle.example["request"]["rows"]))
"""
    found = imported_distributions(code).set_index("distribution")
    assert {"numpy", "pandas", "onnxruntime"} <= set(found.index)
    assert "pandas" in found.loc["numpy", "needed_by"]
    assert "scikit-learn" not in found.index and "tensorflow" not in found.index


def test_import_that_is_not_reached_is_not_found():
    found = imported_distributions("if False:\n    import pandas\nimport numpy")
    assert "pandas" not in found["distribution"].tolist()


def test_code_without_imports_needs_nothing():
    assert imported_distributions("1 + 1").empty


@pytest.mark.parametrize(
    ("code", "error", "told"),
    [
        ("import", ValueError, "does not compile"),
        (len, ValueError, "a function cannot be sent"),
        ("raise KeyError('no model')", RuntimeError, "the code failed: KeyError: 'no model'"),
        ("import no_such_module", RuntimeError, "No module named 'no_such_module'"),
    ],
)
def test_code_that_does_not_run_is_told(code, error, told):
    with pytest.raises(error, match=re.escape(told)):
        imported_distributions(code)


def test_code_that_does_not_end_is_stopped():
    with pytest.raises(RuntimeError, match=r"not done after 0\.5 s"):
        imported_distributions("import time; time.sleep(60)", timeout=0.5)


def test_closure_pins_what_is_needed_here():
    pins = pinned_closure(["pandas"])
    names = [pin.split("==")[0] for pin in pins]
    assert {"pandas", "numpy", "python-dateutil", "six", "pytz", "tzdata"} == set(names)
    assert pins == sorted(pins) and f"pandas=={metadata.version('pandas')}" in pins


@pytest.fixture
def made_up(tmp_path, monkeypatch):
    """Three distributions that nobody else has."""
    needs = {
        "first-one": ['second_one>=1; extra == "more"', 'third-one; sys_platform == "no system"'],
        "second-one": ["Third.One[loud]"],
        "third-one": [],
    }
    for name, wanted in needs.items():
        folder = tmp_path / f"{name.replace('-', '_')}-1.0.dist-info"
        folder.mkdir()
        head = f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\nProvides-Extra: more\n"
        (folder / "METADATA").write_text(head + "".join(f"Requires-Dist: {need}\n" for need in wanted))
    monkeypatch.syspath_prepend(tmp_path)


def test_extras_and_systems_are_followed_only_where_asked_for(made_up):
    assert pinned_closure(["first-one"]) == ["first-one==1.0"]
    assert pinned_closure(["first-one[more]"]) == ["first-one==1.0", "second-one==1.0", "third-one==1.0"]


def test_name_is_written_in_any_way():
    assert pinned_closure(["Scikit_Learn"]) == pinned_closure(["scikit-learn"])


def test_closure_names_what_is_not_installed():
    with pytest.raises(ValueError, match="no-such-thing is not installed, and you ask for it"):
        pinned_closure(["no-such-thing"])
