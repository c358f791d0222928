from importlib import import_module
from pathlib import Path

import pytest

import mlhelpers

FACES = sorted(
    ".".join(path.parent.relative_to(Path(mlhelpers.__file__).parents[1]).parts)
    for path in Path(mlhelpers.__file__).parent.glob("*/**/__init__.py")
    if "lazy_names" in path.read_text(encoding="utf-8")
)


def test_every_stage_and_topic_with_public_names_is_looked_at():
    assert len(FACES) > 20
    assert {"mlhelpers.validation", "mlhelpers.validation.metrics"} <= set(FACES)


@pytest.mark.parametrize("face", FACES)
def test_every_public_name_loads(face):
    package = import_module(face)
    assert package.__all__
    for name in package.__all__:
        assert getattr(package, name) is not None
    assert set(package.__all__) <= set(dir(package))


def test_a_name_that_does_not_exist_is_an_attribute_error():
    package = import_module("mlhelpers.validation")
    with pytest.raises(AttributeError, match=r"module 'mlhelpers.validation' has no attribute 'bootstap'"):
        _ = package.bootstap


@pytest.mark.parametrize("face", FACES)
def test_no_name_is_that_of_a_module(face):
    # importing the module would put it in the place of the name
    package = import_module(face)
    inside = Path(package.__file__).parent.iterdir()
    assert not {path.stem for path in inside} & set(package.__all__)
