import subprocess
import sys

import pytest


def test_importing_the_package_loads_no_pandas():
    heavy = "('pandas', 'numpy', 'requests', 'yaml')"
    code = f"import sys, mlhelpers.data; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_every_public_name_is_listed_and_found():
    import mlhelpers.data as package

    for name in package.__all__:
        assert name in dir(package)
        assert getattr(package, name) is not None


def test_unknown_attribute_is_an_attribute_error():
    import mlhelpers.data as package

    with pytest.raises(AttributeError, match="no_such_name"):
        _ = package.no_such_name
