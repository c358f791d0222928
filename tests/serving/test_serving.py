import subprocess
import sys

import pytest

import mlhelpers.serving as serving


def test_every_name_is_there():
    assert set(serving.__all__) <= set(dir(serving))
    for name in serving.__all__:
        assert getattr(serving, name) is not None


def test_unknown_name_is_an_error():
    with pytest.raises(AttributeError, match="no attribute 'fitt'"):
        serving.fitt  # noqa: B018


def test_import_loads_nothing_heavy():
    heavy = {"pandas", "sklearn", "mlflow", "fastapi", "numpy"}
    code = f"import sys, mlhelpers.serving; print({heavy} & set(sys.modules))"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "set()"
