import numpy as np

from mlhelpers.validation.metrics import paired_difference

Y = np.tile([1, 0], 100)
P = np.tile(np.array([0.7, 0.1], dtype=np.float32), 100)


def test_two_models_of_different_precision_are_equal_at_the_threshold():
    wide = np.tile([0.7, 0.1], 100)
    assert paired_difference(Y, P, wide, "recall", threshold=0.7, n_resamples=20)["value"] == 0
