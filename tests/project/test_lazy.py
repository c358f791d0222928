from importlib import import_module
from pathlib import Path

import pytest

STAGES = ["training", "validation", "packaging", "serving", "monitoring"]


@pytest.mark.parametrize("stage", STAGES)
def test_every_public_name_of_a_stage_loads(stage):
    package = import_module(f"mlhelpers.{stage}")
    assert package.__all__
    for name in package.__all__:
        assert getattr(package, name) is not None
    assert set(package.__all__) <= set(dir(package))


def test_a_name_that_does_not_exist_is_an_attribute_error():
    package = import_module("mlhelpers.validation")
    with pytest.raises(AttributeError, match=r"module 'mlhelpers.validation' has no attribute 'bootstap'"):
        _ = package.bootstap


@pytest.mark.parametrize("stage", STAGES)
def test_no_name_is_that_of_a_module(stage):
    # importing the module would put it in the place of the name
    package = import_module(f"mlhelpers.{stage}")
    modules = {path.stem for path in Path(package.__file__).parent.glob("*.py")}
    assert not modules & set(package.__all__)
