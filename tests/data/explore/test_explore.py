import matplotlib as mpl
import pytest

from mlhelpers.data import explore

mpl.use("Agg")


def test_package_lists_its_names_and_no_others():
    assert set(explore.__all__) <= set(dir(explore))
    for name in explore.__all__:
        assert callable(getattr(explore, name))
    with pytest.raises(AttributeError, match="no attribute 'profile'"):
        _ = explore.profile
