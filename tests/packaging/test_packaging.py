import subprocess
import sys

import pytest

import mlhelpers.packaging as packaging


def test_every_name_is_there():
    assert set(packaging.__all__) <= set(dir(packaging))
    for name in packaging.__all__:
        assert getattr(packaging, name) is not None


def test_unknown_name_is_an_error():
    with pytest.raises(AttributeError, match="no attribute 'fitt'"):
        packaging.fitt  # noqa: B018


def test_import_loads_nothing_heavy():
    heavy = {"pandas", "sklearn", "mlflow", "fastapi", "numpy"}
    code = f"import sys, mlhelpers.packaging; print({heavy} & set(sys.modules))"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "set()"
