import subprocess
import sys

import pytest

import mlhelpers.features as features


def test_every_name_is_there():
    assert set(features.__all__) <= set(dir(features))
    for name in features.__all__:
        assert getattr(features, name) is not None


def test_unknown_name_is_an_error():
    with pytest.raises(AttributeError, match="no attribute 'RatioTransform'"):
        features.RatioTransform  # noqa: B018


def test_import_loads_nothing_heavy():
    heavy = {"pandas", "sklearn", "numpy", "rapidfuzz", "featuretools"}
    code = f"import sys, mlhelpers.features; print({heavy} & set(sys.modules))"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "set()"
