import numpy as np
import pytest

from mlhelpers.data import load


@pytest.mark.parametrize(
    ("name", "shape"),
    [("iris", (150, 5)), ("wine", (178, 14)), ("breast_cancer", (569, 31)), ("diabetes", (442, 11)),
     ("digits", (1797, 65)), ("mnist", (5000, 785)), ("phishing", (1250, 10))],
)  # fmt: skip
def test_package_sets_load_as_frames_ending_in_the_target(name, shape):
    frame = load(name)
    assert frame.shape == shape
    assert frame.columns[-1] == "target"
    assert not frame.isna().any().any()


def test_package_sets_agree_with_their_source():
    from sklearn.datasets import load_breast_cancer

    X, y = load("breast_cancer", return_X_y=True)
    expected = load_breast_cancer()
    np.testing.assert_array_equal(X.to_numpy(), expected.data)
    np.testing.assert_array_equal(y.to_numpy(), expected.target)
    assert load("mnist")["target"].value_counts().eq(500).all()
    assert load("phishing")["target"].sum() == 548


def test_a_set_that_no_package_carries_is_refused():
    from mlhelpers.data.real import load_package_set

    with pytest.raises(ValueError, match="no package carries 'boston'"):
        load_package_set("boston")
